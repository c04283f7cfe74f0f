"""Errands: deliveries that are claimed, written, signed and recorded in one round are sent as each would have been alone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from hub import delivery, errands
from hub.app import Hub
from hub.errors import CannotSign, InvalidMessage, NoMapping, Unavailable, Untold
from hub.ledger import delivery_verbs
from hub.ledger.delivery_verbs import ClaimLost
from hub.rounds import ALONE_BYTES
from hub.rules.lifecycle import State
from hub.rules.queued import Due
from hub.rules.signing import Ring
from tests.support import hub as support
from tests.support.held_rounds import (
    PATIENCE_SECONDS,
    HeldRounds,
    caught,
    delivering,
    delivering_in_turn,
    held_rounds,
    queued,
    with_adapter,
    worlds,
)
from tests.support.looking import all_deliveries, broken_rows, check_chains
from tests.support.signers import SIGNER
from tests.support.world import LONG_SECONDS, World


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., World]]:
    with worlds(tmp_path) as open_one:
        yield open_one


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> HeldRounds:
    """Hold the rounds before sending."""
    return held_rounds(monkeypatch, errands.set_out)


def writing(hub: Hub, errors: dict[str, BaseException]) -> Hub:
    """Give a hub whose adapter fails where it writes of these dossiers."""
    usual = hub.adapters["template"].write_message

    def write(message: Any, call: Any, given: Any) -> Any:
        if message.dossier.code in errors:
            raise errors[message.dossier.code]
        return usual(message, call, given)

    return with_adapter(hub, write_message=write)


def states(world: World) -> dict[str, tuple[str, str]]:
    rows = sorted(all_deliveries(world.hub.ledger), key=lambda row: row.subject)
    return {row.subject.rpartition(":")[2]: (row.state, row.error_code) for row in rows}


def faults() -> dict[str, BaseException]:
    return {
        "H01-01": ZeroDivisionError(),
        "H01-03": InvalidMessage([]),
        "H01-05": Untold("no service", "không có dịch vụ"),
        "H01-07": CannotSign("no key", "không có khóa"),
        "H01-09": NoMapping("no code", "không có mã"),
        "H01-11": Unavailable("away", "không phản hồi"),
    }


def test_sixteen_in_one_round_end_as_each_would_have_ended_alone(opened: Callable[..., World], held: HeldRounds) -> None:
    alone, together = opened("alone"), opened("together")
    singly = [caught(call) for call in delivering(writing(alone.hub, faults()), queued(alone, 16))]

    held.carried.clear()
    outcomes = held.together(delivering(writing(together.hub, faults()), queued(together, 16)))

    assert [len(each) for each in held.carried] == [16]
    assert [type(each) for each in outcomes] == [type(each) for each in singly]
    assert states(together) == states(alone)
    assert Counter(state for state, _ in states(together).values()) == {
        # Of one there is nothing to tell the partner.
        State.DELIVERED: 11,
        State.PARKED: 3,
        State.WAITING: 1,
        # Of our own ledger, not of the delivery: its lease brings it back.
        State.CLAIMED: 1,
    }
    assert sorted(together.partner.taken().values()) == [1] * 10
    assert sorted(each.mark for each in together.partner.arrivals) == sorted(each.mark for each in alone.partner.arrivals)
    check_chains(together.hub.ledger)
    assert broken_rows(together.hub.ledger) == []


def test_one_bus_message_many_times_in_one_round_is_sent_once(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened()
    (due,) = queued(world, 1)

    outcomes = held.together(delivering(world.hub, [due] * 8))

    assert outcomes == [None] * 8
    assert list(world.partner.taken().values()) == [1]
    (row,) = all_deliveries(world.hub.ledger)
    assert (row.state, row.attempts) == (State.DELIVERED, 1)


def test_a_bus_message_of_an_older_epoch_in_a_round_finds_nothing(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened()
    old, other = queued(world, 2)
    world.advance(LONG_SECONDS)
    world.dispatch()
    new = next(due for due in world.bag.dues if due.id == old.id)
    assert new.epoch > old.epoch

    # What comes again goes by itself, beside the rounds.
    delivery.deliver(world.hub, new)
    held.together(delivering(world.hub, [old, other]))

    assert [len(each) for each in held.carried] == [2]
    assert [row.state for row in all_deliveries(world.hub.ledger)].count(State.DELIVERED) == 1
    assert list(world.partner.taken().values()) == [1]


def test_a_ledger_that_is_gone_when_the_bytes_are_recorded_sends_nothing_of_the_round(
    opened: Callable[..., World], held: HeldRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = opened()
    dues = queued(world, 6)

    def away(*given: Any) -> None:
        raise OperationalError("", {}, Exception("gone"))

    with monkeypatch.context() as patched:
        patched.setattr(delivery_verbs, "_sending", away)
        outcomes = held.together(delivering(world.hub, dues))
    assert [type(each) for each in outcomes] == [Unavailable] * 6
    assert world.partner.arrivals == []
    assert {state for state, _ in states(world).values()} == {State.CLAIMED}

    world.heal()
    assert sorted(world.partner.taken().values()) == [1] * 6
    assert {state for state, _ in states(world).values()} == {State.DELIVERED}


def test_one_delivery_whose_bytes_are_not_recorded_is_the_only_one_that_is_not_sent(
    opened: Callable[..., World], held: HeldRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = opened()
    dues = queued(world, 6)
    usual = delivery_verbs._sending

    def fails(given: Any) -> Any:
        if given.held.id == dues[2].id:
            raise ZeroDivisionError
        return usual(given)

    with monkeypatch.context() as patched:
        patched.setattr(delivery_verbs, "_sending", fails)
        outcomes = held.together(delivering(world.hub, dues))

    assert [type(each) for each in outcomes] == [ZeroDivisionError if place == 2 else type(None) for place in range(6)]
    assert sorted(world.partner.taken().values()) == [1] * 5
    assert Counter(state for state, _ in states(world).values()) == {State.DELIVERED: 5, State.CLAIMED: 1}
    world.heal()
    assert sorted(world.partner.taken().values()) == [1] * 6


def test_a_delivery_that_was_taken_back_while_it_was_written_is_not_sent(opened: Callable[..., World], held: HeldRounds) -> None:
    """Its round stood still for longer than its lease; another worker sends it."""
    world = opened()
    dues = queued(world, 3)
    usual = world.hub.adapters["template"].write_message

    def write(message: Any, call: Any, given: Any) -> Any:
        if message.dossier.code == "H01-01":
            world.advance(LONG_SECONDS)
            world.dispatch()
        return usual(message, call, given)

    outcomes = held.together(delivering(with_adapter(world.hub, write_message=write), dues))

    assert [type(each) for each in outcomes] == [ClaimLost] * 3
    assert world.partner.arrivals == []
    world.heal()
    assert sorted(world.partner.taken().values()) == [1] * 3


def test_a_large_message_is_written_beside_the_rounds(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened()
    assert support.send(world.hub, 0, "H01-00", steps=600).status == 200
    (small,) = queued(world, 1, begin=1)[-1:]
    dues = {due.id: due for due in world.bag.ever}
    large = next(due for due in dues.values() if due.id != small.id)
    assert len(large.canonical) > ALONE_BYTES > len(small.canonical)
    reached, go_on = threading.Event(), threading.Event()

    def carry(given: list[Any]) -> None:
        reached.set()
        assert go_on.wait(PATIENCE_SECONDS)
        errands.set_out(given)

    held.carries = carry
    waiting = threading.Thread(target=delivery.deliver, args=(world.hub, small), daemon=True)
    waiting.start()
    assert reached.wait(PATIENCE_SECONDS)
    delivery.deliver(world.hub, large)
    done = [row.id for row in all_deliveries(world.hub.ledger) if row.state == State.DELIVERED]
    go_on.set()
    waiting.join(PATIENCE_SECONDS)

    assert done == [large.id]
    assert states(world)["H01-01"] == (State.DELIVERED, "")
    assert [[errand.due.id for errand in each] for each in held.carried] == [[small.id]]


# --- who signs, and who sees to files ----------------------------------------------------------------------------------


class Token:
    """A key that is not in memory: it notes which thread waits for it."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self.threads: list[int] = []

    def sign(self, octets: bytes, algorithm: Any) -> bytes:
        self.threads.append(threading.get_ident())
        signed: bytes = self._key.sign(octets, algorithm)
        return signed


def own_thread(hub: Hub, due: Due, mine: dict[str, int]) -> None:
    mine[due.id] = threading.get_ident()
    delivery.deliver(hub, due)


def test_a_key_in_a_token_is_asked_by_each_deliverys_own_thread(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened(more='sign = "jws"\n')
    token = Token(SIGNER.signer.key)
    ring = Ring("default", (replace(SIGNER.signer, key=token),))
    hub = replace(world.hub, signers={"default": ring})
    dues = queued(world, 4)
    mine: dict[str, int] = {}

    held.together([partial(own_thread, hub, due, mine) for due in dues])

    assert sorted(token.threads) == sorted(mine.values())
    assert {state for state, _ in states(world).values()} == {State.DELIVERED}


def test_a_key_in_memory_signs_in_the_round(
    opened: Callable[..., World], held: HeldRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = opened(more='sign = "jws"\n')
    hub = replace(world.hub, signers={"default": Ring("default", (SIGNER.signer,))})
    dues = queued(world, 4)
    mine: dict[str, int] = {}
    threads: list[int] = []
    usual = type(SIGNER.signer.key).sign

    def sign(key: Any, octets: bytes, algorithm: Any) -> bytes:
        threads.append(threading.get_ident())
        return usual(key, octets, algorithm)

    monkeypatch.setattr(type(SIGNER.signer.key), "sign", sign)
    held.together([partial(own_thread, hub, due, mine) for due in dues])

    assert threads == [mine[dues[0].id]] * 4
    assert {state for state, _ in states(world).values()} == {State.DELIVERED}


def test_a_time_stamping_authority_is_asked_by_each_deliverys_own_thread(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened(more='sign = "xades-t"\n')
    dues = queued(world, 4)
    usual = world.hub.adapters["template"].write_message
    mine: dict[str, int] = {}
    threads: list[int] = []

    def write(message: Any, call: Any, given: Any) -> Any:
        return replace(usual(message, call, given), body=b"<Envelope><Body/></Envelope>")

    def stamp(*given: Any) -> bytes:
        threads.append(threading.get_ident())
        raise CannotSign("the authority does not answer", "cơ quan cấp dấu thời gian không phản hồi")

    ring = Ring("default", (SIGNER.signer,))
    hub = replace(with_adapter(world.hub, write_message=write), signers={"default": ring}, stamp=stamp)
    held.together([partial(own_thread, hub, due, mine) for due in dues])

    assert sorted(threads) == sorted(mine.values())
    assert states(world) == {f"H01-{number:02}": (State.WAITING, "cannot_sign") for number in range(4)}
    assert world.partner.arrivals == []


def test_what_needs_files_is_not_written_before_they_are_there(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened()
    dues = queued(world, 4)
    usual = world.hub.adapters["template"].write_message
    written: list[str] = []

    def write(message: Any, call: Any, given: Any) -> Any:
        written.append(message.dossier.code)
        return usual(message, call, given)

    def inlines(message: Any, call: Any, options: Any) -> tuple[str, ...]:
        return ("https://bo.example/1",) if message.dossier.code != "H01-02" else ()

    held.together(delivering(with_adapter(world.hub, write_message=write, inlines=inlines), dues))

    # The hub may not fetch what lies elsewhere: a person sees to that.
    assert written == ["H01-02"]
    assert states(world) == {
        f"H01-{number:02}": (State.PARKED, "not_allowed") if number != 2 else (State.DELIVERED, "") for number in range(4)
    }


def test_who_waits_for_words_is_no_hindrance_to_the_others(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened()
    dues = queued(world, 4)
    asked: list[str] = []

    def after_words(message: Any, call: Any, options: Any) -> bool:
        asked.append(message.dossier.code)
        return bool(message.dossier.code == "H01-02")

    held.together(delivering(with_adapter(world.hub, after_words=after_words), dues))

    # No notice of its dossier is open: it goes, too, by its own thread.
    assert {state for state, _ in states(world).values()} == {State.DELIVERED}
    assert asked.count("H01-02") == 2


def test_two_hubs_of_one_process_share_a_round_and_each_keeps_its_own(opened: Callable[..., World], held: HeldRounds) -> None:
    one, other = opened("one"), opened("other")
    mixed = delivering_in_turn(one, other, 3)

    held.together(mixed)

    assert [len(each) for each in held.carried] == [6]
    for world in (one, other):
        assert sorted(world.partner.taken().values()) == [1] * 3
        assert {state for state, _ in states(world).values()} == {State.DELIVERED}


def test_a_hub_whose_ledger_was_closed_does_not_hold_up_the_other(opened: Callable[..., World], held: HeldRounds) -> None:
    one, other = opened("one"), opened("other")
    mixed = delivering_in_turn(one, other, 2)
    one.hub.ledger._writer.close()

    outcomes = held.together(mixed)

    assert [type(each) for each in outcomes] == [Unavailable, type(None), Unavailable, type(None)]
    assert one.partner.arrivals == []
    assert sorted(other.partner.taken().values()) == [1, 1]
