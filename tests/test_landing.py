"""Landing: partners' answers that are read and recorded in one round are receipts, refusals and doubts as each would be alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from hub import delivery, landing, telemetry
from hub.app import Hub
from hub.canonical.receipt import Receipt
from hub.errors import Busy, InDoubt, Refused, Unavailable
from hub.ledger import delivery_verbs
from hub.ledger.delivery_verbs import ClaimLost
from hub.rounds import ALONE_BYTES
from hub.rules.lifecycle import State
from hub.rules.queued import Due
from tests.support import hub as support
from tests.support.held_rounds import (
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
from tests.support.world import LONG_SECONDS, World


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., World]]:
    with worlds(tmp_path) as open_one:
        yield open_one


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> HeldRounds:
    """Hold the rounds after sending."""
    return held_rounds(monkeypatch, landing.read_all)


def reading(hub: Hub, answers: dict[str, BaseException | Receipt]) -> Hub:
    """Give a hub whose adapter reads the answers about these dossiers so."""
    usual = hub.adapters["template"].read_receipt

    def read(reply: Any, outgoing: Any) -> Receipt:
        for dossier, answer in answers.items():
            if dossier.encode() in outgoing.body:
                if isinstance(answer, BaseException):
                    raise answer
                return answer
        return usual(reply, outgoing)

    return with_adapter(hub, read_receipt=read)


def states(world: World) -> dict[str, tuple[str, str, str]]:
    return {row.subject.rpartition(":")[2]: (row.state, row.error_code, row.doubt) for row in all_deliveries(world.hub.ledger)}


def answers() -> dict[str, BaseException | Receipt]:
    """Say what some partners answer: no, not now, nothing that can be understood; and where it is we who fail to read it."""
    return {
        "H01-01": ZeroDivisionError(),
        "H01-03": Refused("no", "không"),
        "H01-05": Busy("later", "chờ"),
        "H01-07": InDoubt("what is it?", "không rõ"),
        # It held this before these bytes came, and not what we know of.
        "H01-09": Receipt(code="01", text="", held={"dossier": "another"}, already=True),
        "H01-11": Receipt(code="00", text="", held={"dossier": "H01-11"}, numbers={"bo": "B-11"}),
        # A number that another dossier has by then.
        "H01-13": Receipt(code="00", text="", held={"dossier": "H01-13"}, numbers={"bo": "B-11"}),
    }


def test_sixteen_answers_in_one_round_end_as_each_would_have_ended_alone(opened: Callable[..., World], held: HeldRounds) -> None:
    alone, together = opened("alone"), opened("together")
    singly = [caught(call) for call in delivering(reading(alone.hub, answers()), queued(alone, 16))]

    held.carried.clear()
    outcomes = held.together(delivering(reading(together.hub, answers()), queued(together, 16)))

    assert [len(each) for each in held.carried] == [16]
    assert [type(each) for each in outcomes] == [type(each) for each in singly]
    assert states(together) == states(alone)
    assert Counter(state for state, _, _ in states(together).values())[State.DELIVERED] == 10
    assert sorted(together.partner.taken().values()) == [1] * 16
    check_chains(together.hub.ledger)
    assert broken_rows(together.hub.ledger) == []


def test_a_bug_in_one_answer_is_a_doubt_of_that_one_and_never_a_resend(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened(services=support.ASKS)
    outcomes = held.together(delivering(reading(world.hub, {"H01-02": ZeroDivisionError()}), queued(world, 6)))

    assert outcomes == [None] * 6
    assert Counter(state for state, _, _ in states(world).values()) == {State.DELIVERED: 5, State.IN_DOUBT: 1}
    world.heal()
    assert sorted(world.partner.taken().values()) == [1] * 6


def test_a_ledger_that_is_gone_when_receipts_are_recorded_makes_no_delivery_go_again_as_unsent(
    opened: Callable[..., World], held: HeldRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = opened(services=support.ASKS)
    dues = queued(world, 6)

    def away(*given: Any) -> None:
        raise OperationalError("", {}, Exception("gone"))

    with monkeypatch.context() as patched:
        patched.setattr(delivery_verbs.number_verbs, "join", away)
        outcomes = held.together(delivering(world.hub, dues))
    assert [type(each) for each in outcomes] == [Unavailable] * 6
    assert {state for state, _, _ in states(world).values()} == {State.SENDING}

    world.advance(LONG_SECONDS)
    world.dispatch()
    assert {due.purpose for due in world.bag.dues} <= {"inquire"}
    world.heal()
    assert sorted(world.partner.taken().values()) == [1] * 6
    assert {state for state, _, _ in states(world).values()} == {State.DELIVERED}


def test_one_receipt_that_cannot_be_recorded_costs_no_other(
    opened: Callable[..., World], held: HeldRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = opened(services=support.ASKS)
    dues = queued(world, 6)
    usual = delivery_verbs._attempt_ended

    def fails(given: Any, row: Any) -> Any:
        if given.held.id == dues[2].id:
            raise ZeroDivisionError
        return usual(given, row)

    with monkeypatch.context() as patched:
        patched.setattr(delivery_verbs, "_attempt_ended", fails)
        outcomes = held.together(delivering(world.hub, dues))

    assert [type(each) for each in outcomes] == [ZeroDivisionError if place == 2 else type(None) for place in range(6)]
    assert Counter(state for state, _, _ in states(world).values()) == {State.DELIVERED: 5, State.SENDING: 1}
    world.heal()
    assert sorted(world.partner.taken().values()) == [1] * 6


def test_a_sender_that_cannot_be_told_costs_no_other_its_receipt(opened: Callable[..., World], held: HeldRounds) -> None:
    """What is written to a sender fails for one: nothing is recorded of it, and its lease makes it a doubt."""
    world = opened(services=support.ASKS)
    dues = queued(world, 4)

    class Untellable(Hub):
        def notice(self, delivery: Any, outcome: str, error: Any = None) -> Any:
            if delivery.id == dues[1].id:
                raise ZeroDivisionError
            return super().notice(delivery, outcome, error)

    hub = Untellable(**{name: getattr(world.hub, name) for name in world.hub.__dataclass_fields__})
    outcomes = held.together(delivering(hub, dues))

    assert [type(each) for each in outcomes] == [ZeroDivisionError if place == 1 else type(None) for place in range(4)]
    assert Counter(state for state, _, _ in states(world).values()) == {State.DELIVERED: 3, State.SENDING: 1}
    world.heal()
    assert sorted(world.partner.taken().values()) == [1] * 4


def test_a_receipt_that_comes_after_another_worker_went_on_is_that_ones_loss_alone(
    opened: Callable[..., World], held: HeldRounds
) -> None:
    world = opened(services=support.RESENDS)
    dues = queued(world, 3)
    usual = world.hub.adapters["template"].read_receipt

    def read(reply: Any, outgoing: Any) -> Receipt:
        if b"H01-01" in outgoing.body:
            world.advance(LONG_SECONDS)
            world.dispatch()
            world.advance(LONG_SECONDS)
            world.dispatch()
        return usual(reply, outgoing)

    outcomes = held.together(delivering(with_adapter(world.hub, read_receipt=read), dues))

    # Their leases were taken back while the round stood still, and each was queued again, under a later epoch.
    assert [type(each) for each in outcomes] == [ClaimLost] * 3
    assert {due.epoch for due in world.bag.dues} != {dues[0].epoch}
    world.heal()
    assert {state for state, _, _ in states(world).values()} == {State.DELIVERED}
    check_chains(world.hub.ledger)


def test_lines_of_reading_name_each_deliverys_own_ids(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened()
    dues = queued(world, 4)
    usual = world.hub.adapters["template"].read_receipt
    seen: list[tuple[Any, Any, Any]] = []

    def read(reply: Any, outgoing: Any) -> Receipt:
        ids = telemetry.bound_ids()
        seen.append((ids["delivery"], ids["subject"], ids["message"]))
        return usual(reply, outgoing)

    def deliver(due: Due) -> None:
        with telemetry.lines_about(delivery=due.id, endpoint=due.endpoint, epoch=due.epoch):
            delivery.deliver(with_adapter(world.hub, read_receipt=read), due)

    held.together([partial(deliver, due) for due in dues])

    assert seen == [(row.id, row.subject, row.message_id) for row in sorted(all_deliveries(world.hub.ledger), key=_subject)]


def _subject(row: Any) -> str:
    return str(row.subject)


def test_two_hubs_of_one_process_share_a_round_and_each_keeps_its_own(opened: Callable[..., World], held: HeldRounds) -> None:
    one, other = opened("one"), opened("other")
    mixed = delivering_in_turn(one, other, 3)

    held.together(mixed)

    assert [len(each) for each in held.carried] == [6]
    for world in (one, other):
        assert {state for state, _, _ in states(world).values()} == {State.DELIVERED}
        check_chains(world.hub.ledger)


def test_a_hub_whose_ledger_was_closed_does_not_hold_up_the_other(opened: Callable[..., World], held: HeldRounds) -> None:
    one, other = opened("one"), opened("other")
    mixed = delivering_in_turn(one, other, 2)
    usual = held.carries

    def carry(given: list[Any]) -> None:
        one.hub.ledger._writer.close()
        usual(given)

    held.carries = carry
    outcomes = held.together(mixed)

    assert [type(each) for each in outcomes] == [Unavailable, type(None), Unavailable, type(None)]
    assert {state for state, _, _ in states(one).values()} == {State.SENDING}
    assert {state for state, _, _ in states(other).values()} == {State.DELIVERED}


def test_a_large_answer_is_read_beside_the_rounds(opened: Callable[..., World], held: HeldRounds) -> None:
    world = opened()
    large, small = queued(world, 2)
    usual = world.hub.transports(world.hub.endpoints[support.PARTNER])

    class Wordy:
        def send(self, outgoing: Any, fence: Any) -> Any:
            reply = usual.send(outgoing, fence)
            return replace(reply, body=reply.body + b" " * ALONE_BYTES)

    delivery.deliver(replace(world.hub, transports=lambda endpoint: Wordy()), large)
    assert held.carried == []
    delivery.deliver(world.hub, small)

    assert [[landed.held.id for landed in each] for each in held.carried] == [[small.id]]
    assert {state for state, _, _ in states(world).values()} == {State.DELIVERED}
