"""Isolated: one partner that hangs, fails or kills workers costs the others nothing."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.app import Hub
from hub.canonical.codes import CodeTables
from hub.edge.workers import Workers
from hub.ledger import breakers
from hub.ledger.breakers import BREAKER_SECONDS
from hub.ledger.dispatch_verbs import FRUITLESS_LIMIT
from hub.rules.lifecycle import IN_WORK, State
from hub.simulation import Call, Said, SimulatorServer
from tests.promises.conftest import MakeHub
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.commits import Commits
from tests.support.looking import all_deliveries, broken_rows, check_chains, delivery
from tests.support.partner import Partner, served
from tests.support.world import Killed

OTHER = "cong"
PATIENCE_SECONDS = 60.0


class Hanging:
    """A partner that takes calls and says nothing until it is told to go on."""

    def __init__(self) -> None:
        self.partner = Partner()
        self.go_on = threading.Event()
        self.waiting = 0
        self.changed = threading.Condition()

    def answer(self, call: Call, usual: Callable[[], Said]) -> Said:
        with self.changed:
            self.waiting += 1
            self.changed.notify_all()
        assert self.go_on.wait(PATIENCE_SECONDS)
        return usual()

    def wait_for_calls(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.waiting == count, PATIENCE_SECONDS)


@pytest.fixture
def hanging() -> Iterator[tuple[Hanging, SimulatorServer]]:
    partner = Hanging()
    with served(partner.partner, partner.answer) as server:
        yield partner, server
        partner.go_on.set()


def in_work(hub: Hub, endpoint: str) -> int:
    return sum(row.endpoint == endpoint and State(row.state) in IN_WORK for row in all_deliveries(hub.ledger))


def done(hub: Hub, endpoint: str) -> int:
    return sum(row.endpoint == endpoint and row.state == State.DELIVERED for row in all_deliveries(hub.ledger))


class Watched:
    """The ledger, with a look at what is in work after each time dispatch queued."""

    def __init__(self, hub: Hub, endpoint: str) -> None:
        self._hub, self._endpoint = hub, endpoint
        self.most = 0

    def queue(self, *given: Any) -> Any:
        due = self._hub.ledger.queue(*given)
        self.most = max(self.most, in_work(self._hub, self._endpoint))
        return due

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hub.ledger, name)


def test_a_partner_that_hangs_does_not_delay_another(
    make_hub: MakeHub, server: SimulatorServer, hanging: tuple[Hanging, SimulatorServer]
) -> None:
    slow, slow_server = hanging
    partners = {support.PARTNER: support.At(url=slow_server.url, concurrency=2), OTHER: support.At(url=server.url)}
    plain = make_hub(partners)
    watched = Watched(plain, support.PARTNER)
    hub = dataclasses.replace(plain, ledger=watched)
    commits = Commits(plain.ledger)
    workers = Workers(hub)
    workers.start()
    try:
        for number in range(30):
            support.send(hub, number, f"H01-{number}")
        slow.wait_for_calls(2)
        commits.wait_until(lambda: done(plain, OTHER) == 30)

        assert (slow.waiting, done(plain, support.PARTNER)) == (2, 0)
        assert in_work(plain, support.PARTNER) == 8

        slow.go_on.set()
        commits.wait_until(lambda: done(plain, support.PARTNER) == 30)
    finally:
        slow.go_on.set()
        workers.stop()
    assert watched.most == 8
    assert len(slow.partner.arrivals) == 30
    assert broken_rows(plain.ledger) == []


def test_stopping_finishes_what_is_being_sent_and_leaves_the_rest(
    make_hub: MakeHub, hanging: tuple[Hanging, SimulatorServer]
) -> None:
    slow, slow_server = hanging
    hub = make_hub({support.PARTNER: support.At(url=slow_server.url, concurrency=2)})
    for number in range(10):
        support.send(hub, number, f"H01-{number}")
    workers = Workers(hub)
    workers.start()
    slow.wait_for_calls(2)
    stopping = threading.Thread(target=workers.stop)
    stopping.start()
    slow.go_on.set()
    stopping.join(PATIENCE_SECONDS)

    assert not stopping.is_alive()
    assert done(hub, support.PARTNER) == len(slow.partner.arrivals)
    assert not [row for row in all_deliveries(hub.ledger) if row.state in (State.CLAIMED, State.SENDING)]
    again = Workers(hub)
    commits = Commits(hub.ledger)
    again.start()
    commits.wait_until(lambda: done(hub, support.PARTNER) == 10)
    again.stop()
    assert len(slow.partner.arrivals) == 10


def test_a_partner_that_cannot_be_reached_is_left_alone_and_then_probed_once_at_a_time(
    make_hub: MakeHub, clock: Clock, server: SimulatorServer, partner: Partner
) -> None:
    gone = {support.PARTNER: support.At(), OTHER: support.At(url=server.url)}
    hub = make_hub(gone)
    for number in range(30):
        support.send(hub, number, f"H01-{number}")
    support.carry(hub)
    assert done(hub, OTHER) == 16
    assert support.carry(hub) == 14  # the other endpoint's: nothing of ours

    clock.advance(BREAKER_SECONDS + 0.001)
    assert support.carry(hub) == 1
    assert support.carry(hub) == 0
    clock.advance(2 * BREAKER_SECONDS + 0.001)
    assert support.carry(hub) == 1

    hub = make_hub({support.PARTNER: support.At(url=server.url), OTHER: support.At(url=server.url)})
    clock.advance(10_000)
    assert support.carry(hub) == 1
    support.carry_all(hub)
    assert done(hub, support.PARTNER) == 30


def test_a_paused_endpoint_holds_and_the_others_go_on(make_hub: MakeHub, server: SimulatorServer, partner: Partner) -> None:
    hub = make_hub({support.PARTNER: support.At(url=server.url), OTHER: support.At(url=server.url)})
    hub.ledger.pause(support.PARTNER, paused=True, actor="an", why="maintenance", now=hub.now())
    for number in range(5):
        support.send(hub, number, f"H01-{number}")

    support.carry_all(hub)
    assert (done(hub, support.PARTNER), done(hub, OTHER)) == (0, 5)

    hub.ledger.pause(support.PARTNER, paused=False, actor="an", why="over", now=hub.now())
    support.carry_all(hub)
    assert done(hub, support.PARTNER) == 5


def test_a_delivery_that_kills_its_workers_is_parked_and_the_others_go_on(hub: Hub, clock: Clock, partner: Partner) -> None:
    support.send(hub, 1, "H01-1")
    support.carry_all(hub)
    support.send(hub, 2, "H01-2", steps=0)
    (poison,) = [row for row in all_deliveries(hub.ledger) if row.state == State.PENDING]

    def dies() -> CodeTables:
        raise Killed

    deadly = dataclasses.replace(hub, codes=dies)
    for _ in range(FRUITLESS_LIMIT):
        with pytest.raises(Killed):
            support.carry(deadly)
        clock.advance(hub.lease_seconds(support.PARTNER) + 1)
    support.carry_all(hub)

    row = delivery(hub.ledger, poison.id)
    assert (row.state, row.error_code) == (State.PARKED, "poison")
    support.send(hub, 3, "H01-3")
    support.carry_all(hub)
    assert [each.mark for each in partner.arrivals] == ["#1", "#3"]
    check_chains(hub.ledger)


# --- eight threads and a partner that does anything

DOSSIERS, MESSAGES, THREADS = 12, 96, 8
#: By turns, in this order for each call that comes: most of them bad.
FAULTS = ("lose", "drop", "busy", "", "garble", "refuse", "drop", "", "lose", "", "busy", "")
FAST = {"first_seconds": 0.001, "ceiling_seconds": 0.01, "max_attempts": 50}


class Moody:
    """A partner whose calls fail in every way, two in three of them."""

    def __init__(self) -> None:
        self.partner = Partner()
        self._turn = 0
        self._lock = threading.Lock()

    def answer(self, call: Call, usual: Callable[[], Said]) -> Said:
        with self._lock:
            self._turn += 1
            fault = FAULTS[self._turn % len(FAULTS)] if call.path != "/TraCuu" else ""
        if fault == "lose":
            return Said(hang=0.0)
        if fault == "busy":
            return Said(b"{}", status=503)
        if fault == "refuse":
            return Said(b'{"ma": "13"}')
        answer = usual()
        if fault == "drop":
            return Said(hang=0.0)
        return Said(b"<html>", content_type="text/html") if fault == "garble" else answer


@pytest.mark.slow
def test_eight_workers_and_a_partner_that_does_anything(make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals are released by an operator until all has arrived: in order, and nothing twice."""
    monkeypatch.setattr(breakers, "BREAKER_SECONDS", 0.001)
    monkeypatch.setattr(breakers, "BREAKER_CEILING_SECONDS", 0.01)
    moody = Moody()
    with served(moody.partner, moody.answer) as server:
        at = support.At(
            url=server.url, services=support.ASKS, concurrency=THREADS, settle_after_seconds=0.0, redelivery=FAST
        )
        hub = make_hub({support.PARTNER: at})
        hub = dataclasses.replace(hub, clock=lambda: datetime.now(UTC))
        commits = Commits(hub.ledger)
        workers = Workers(hub)
        workers.start()
        try:
            for number in range(1, MESSAGES + 1):
                given = {"dossier": f"H01-{number % DOSSIERS}", "steps": number % 2}
                assert support.send(hub, number, **given) == support.send(hub, number, **given)
            commits.wait_until(lambda: _all_arrived(hub))
        finally:
            workers.stop()

    rows = all_deliveries(hub.ledger)
    assert set(moody.partner.taken().values()) == {1}
    assert len(moody.partner.arrivals) == len(rows) == MESSAGES + MESSAGES // 2
    for dossier in range(DOSSIERS):
        numbers = [number for number in range(1, MESSAGES + 1) if number % DOSSIERS == dossier]
        expected = [mark for number in numbers for mark in ([f"#{number}", f"#{number}/0"] if number % 2 else [f"#{number}"])]
        assert moody.partner.marks(f"H01-{dossier}") == expected
    check_chains(hub.ledger)
    assert broken_rows(hub.ledger) == []


def _all_arrived(hub: Hub) -> bool:
    rows = all_deliveries(hub.ledger)
    for row in rows:
        if row.state == State.PARKED:
            hub.ledger.release(row.id, actor="an", why="try again", now=hub.now())
    return all(row.state == State.DELIVERED for row in rows)
