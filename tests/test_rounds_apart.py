"""What goes wrong for one message of a round, and stays with that one: it is refused, waits or dies as if it were alone."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import update

from hub import delivery, errands, intake, landing, telemetry, visits
from hub.app import Hub
from hub.contract import Answer, Transport
from hub.drafts import Draft
from hub.errors import Unavailable
from hub.ledger.engine import Readers
from hub.ledger.tables import dossiers
from hub.rounds import Rounds, up_to
from hub.rules.lifecycle import State
from tests.support import hub as support
from tests.support.held_rounds import PATIENCE_SECONDS, held_rounds, queued, with_adapter
from tests.support.looking import all_deliveries
from tests.support.world import World


class Panic(BaseException):
    """As cryptography and pydantic raise it where their own code breaks."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.open(tmp_path, concurrency=48)
    yield made
    made.close()


def call(hub: Hub, number: int, dossier: str) -> Callable[[], Answer]:
    return partial(intake.receive, hub, support.request(support.document(number, dossier)))


def states(world: World) -> Counter[State]:
    return Counter(row.state for row in all_deliveries(world.hub.ledger))


# --- intake


def test_a_dossier_that_cannot_be_read_costs_only_its_own_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert support.send(world.hub, 1, "H01-1").status == 200
    world.hub.ledger.change(lambda conn: conn.execute(update(dossiers).values(native="{broken")))
    rounds = held_rounds(monkeypatch, visits.go_on)

    answers = rounds.together([call(world.hub, 2, "H01-1"), call(world.hub, 3, "H01-3"), call(world.hub, 4, "H01-4")])

    assert [each.status for each in answers] == [503, 200, 200]


def test_a_panic_over_one_message_is_no_bug_of_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = world.hub.adapters["template"].read_message

    def read(document: bytes, *given: Any) -> Any:
        if b"H01-9" in document:
            raise Panic
        return usual(document, *given)

    hub = with_adapter(world.hub, read_message=read)
    rounds = held_rounds(monkeypatch, visits.go_on)

    first, second, third = rounds.together([call(hub, 1, "H01-1"), call(hub, 9, "H01-9"), call(hub, 3, "H01-3")])

    assert (first.status, third.status) == (200, 200) and isinstance(second, Panic)


def test_a_refused_message_keeps_nothing_of_its_round_in_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the collector, which looks seldom: an error that knew its frames would know all others of the round."""
    rounds = held_rounds(monkeypatch, visits.go_on)
    refused = partial(intake.receive, world.hub, support.request(b'{"maThongDiep": "X"}'))
    gc.collect()
    gc.disable()
    try:
        rounds.together([*(call(world.hub, number, f"H01-{number}") for number in range(8)), refused])
        rounds.carried.clear()
        left = sum(isinstance(each, visits.Visit) for each in gc.get_objects())
    finally:
        gc.enable()

    assert left == 0


def test_a_ledger_that_is_away_is_waited_for_once_in_a_round(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[bool] = []

    def away(_readers: Readers, *, one_moment: bool) -> None:
        waits.append(one_moment)
        raise Unavailable("too many are reading the ledger", "quá nhiều nơi đang đọc sổ cái", where="ledger")

    rounds = held_rounds(monkeypatch, visits.go_on)
    with monkeypatch.context() as patched:
        patched.setattr(Readers, "reading", away)
        outcomes = rounds.together([call(world.hub, number, f"H01-{number}") for number in range(8)])

    assert [type(each) for each in outcomes] == [Unavailable] * 8
    assert len(waits) == 1


# --- delivery


def test_a_delivery_to_an_endpoint_that_is_called_no_more_is_parked(world: World) -> None:
    (due,) = queued(world, 1)
    endpoint = replace(world.hub.endpoints["bo"], outbound=None)

    delivery.deliver(replace(world.hub, endpoints={**world.hub.endpoints, "bo": endpoint}), due)

    (row,) = all_deliveries(world.hub.ledger)
    assert (row.state, row.error_code) == (State.PARKED, "bad_settings")


def test_a_panic_over_one_call_parks_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dues = queued(world, 4)

    def inlines(message: Any, *_given: Any) -> Sequence[str]:
        if message.dossier.code == "H01-00":
            raise Panic
        return ()

    hub = with_adapter(world.hub, inlines=inlines)
    held_rounds(monkeypatch, errands.set_out).together([partial(delivery.deliver, hub, due) for due in dues])

    assert states(world) == {State.CLAIMED: 1, State.DELIVERED: 3}


def test_a_panic_over_one_answer_loses_no_other_receipt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dues = queued(world, 4)
    usual = world.hub.adapters["template"].read_receipt

    def read(reply: Any, outgoing: Any) -> Any:
        if b"H01-00" in outgoing.body:
            raise Panic
        return usual(reply, outgoing)

    hub = with_adapter(world.hub, read_receipt=read)
    held_rounds(monkeypatch, landing.read_all).together([partial(delivery.deliver, hub, due) for due in dues])

    assert states(world) == {State.SENDING: 1, State.DELIVERED: 3}


def test_lines_about_the_writing_of_a_call_name_its_dossier(world: World) -> None:
    (due,) = queued(world, 1)
    usual = world.hub.adapters["template"].write_message
    bound: list[dict[str, str | int]] = []

    def write(*given: Any) -> Any:
        bound.append(telemetry.bound_ids())
        return usual(*given)

    with telemetry.lines_about(delivery=due.id, endpoint=due.endpoint, epoch=due.epoch):
        delivery.deliver(with_adapter(world.hub, write_message=write), due)

    (row,) = all_deliveries(world.hub.ledger)
    assert bound[0] == {
        "delivery": row.id, "endpoint": "bo", "epoch": due.epoch, "subject": row.subject, "message": row.message_id,
    }  # fmt: skip


def test_what_a_call_was_written_from_is_let_go_before_the_partner_is_spoken_to(world: World) -> None:
    (due,) = queued(world, 1)
    alive: list[Draft] = []
    usual = world.hub.transports(world.hub.endpoints["bo"])

    class Looking:
        def __getattr__(self, name: str) -> Any:
            return getattr(usual, name)

        def send(self, *given: Any) -> Any:
            alive.extend(each for each in gc.get_objects() if isinstance(each, Draft) and each.held.id == due.id)
            return usual.send(*given)

    delivery.deliver(replace(world.hub, transports=lambda _endpoint: cast(Transport, Looking())), due)

    assert alive == [] and states(world) == {State.DELIVERED: 1}


# --- rounds


def test_what_one_thing_of_several_raises_lets_nobody_wait_for_ever() -> None:
    def carry(given: list[str]) -> None:
        if "a" in given:
            raise ValueError

    rounds: Rounds[str] = Rounds(carry, up_to(1))
    with pytest.raises(ValueError):
        rounds.bring("a", "b")

    other = threading.Thread(target=rounds.bring, args=("c",), daemon=True)
    other.start()
    other.join(PATIENCE_SECONDS)
    assert not other.is_alive()
