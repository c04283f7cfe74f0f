"""Isolated: one partner that hangs, fails or kills workers costs the others nothing."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.app import Hub
from hub.canonical.codes import CodeTables
from hub.canonical.receipt import Receipt
from hub.contract import Outgoing, Reply
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
from tests.support.hub import At
from tests.support.looking import all_deliveries, broken_rows, check_chains, delivery
from tests.support.partner import Partner, served
from tests.support.world import Killed

OTHER = "cong"
HOUR = 3600
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


def test_a_partner_that_hangs_when_it_is_asked_does_not_delay_another(
    make_hub: MakeHub, clock: Clock, server: SimulatorServer, hanging: tuple[Hanging, SimulatorServer]
) -> None:
    """Questions take the same few threads as deliveries, and the same room on the bus."""
    slow, slow_server = hanging
    at = At(services=support.ASKS, concurrency=2)

    def loses(call: Call, usual: Callable[[], Said]) -> Said:
        return Said(hang=0.0)

    with served(Partner(), loses) as losing:
        hub = make_hub({support.PARTNER: dataclasses.replace(at, url=losing.url), OTHER: At(url=server.url)})
        for number in range(8):
            support.send(hub, number, f"H01-{number}")
        support.carry_all(hub)
    hub = make_hub({support.PARTNER: dataclasses.replace(at, url=slow_server.url), OTHER: At(url=server.url)})
    hub.ledger.pause(support.PARTNER, paused=False, actor="an", why="close the breaker", now=hub.now())
    clock.advance(121)
    commits = Commits(hub.ledger)
    workers = Workers(hub)
    workers.start()
    try:
        slow.wait_for_calls(2)
        for number in range(8, 20):
            support.send(hub, number, f"H01-{number}")
        commits.wait_until(lambda: done(hub, OTHER) == 20)

        leased = [row for row in all_deliveries(hub.ledger) if row.endpoint == support.PARTNER and row.lease_until > hub.now()]
        assert (slow.waiting, len(leased), done(hub, support.PARTNER)) == (2, 8, 0)

        slow.go_on.set()
        commits.wait_until(lambda: done(hub, support.PARTNER) == 20)
    finally:
        slow.go_on.set()
        workers.stop()
    check_chains(hub.ledger)


# --- hours, rate, urgency

OFFICE = 'open_hours = ["mon-fri 07:30-17:30"]\nclosed_days = ["2026-03-04"]\n'


def test_outside_its_hours_a_partner_gets_nothing_and_the_others_go_on(
    make_hub: MakeHub, clock: Clock, server: SimulatorServer
) -> None:
    """It is Monday, nine o'clock; Wednesday is a holiday."""
    hub = make_hub({support.PARTNER: At(url=server.url, more=OFFICE), OTHER: At(url=server.url)})
    support.send(hub, 1, "H01-1")
    support.carry_all(hub)
    assert (done(hub, support.PARTNER), done(hub, OTHER)) == (1, 1)

    clock.advance(9 * HOUR)
    support.send(hub, 2, "H01-2")
    support.carry_all(hub)
    assert (done(hub, support.PARTNER), done(hub, OTHER)) == (1, 2)

    clock.advance(13.5 * HOUR)
    support.carry_all(hub)
    assert done(hub, support.PARTNER) == 2, "Tuesday, half past seven"

    clock.advance(24 * HOUR)
    support.send(hub, 3, "H01-3")
    support.carry_all(hub)
    assert (done(hub, support.PARTNER), done(hub, OTHER)) == (2, 3)

    clock.advance(24 * HOUR)
    support.carry_all(hub)
    assert done(hub, support.PARTNER) == 3


def test_outside_its_hours_a_partner_is_not_asked_either(make_hub: MakeHub, clock: Clock, partner: Partner) -> None:
    def drops(call: Call, usual: Callable[[], Said]) -> Said:
        usual()
        return Said(hang=0.0)

    at = At(services=support.ASKS, more=OFFICE)
    with served(partner, drops) as dropping:
        hub = make_hub({support.PARTNER: dataclasses.replace(at, url=dropping.url)})
        support.send(hub, 1, "H01-1")
        support.carry_all(hub)
    with served(partner) as server:
        hub = make_hub({support.PARTNER: dataclasses.replace(at, url=server.url)})
        clock.advance(9 * HOUR)
        assert support.carry(hub) == 0

        clock.advance(13.5 * HOUR)
        assert support.carry(hub) == 1
    assert (partner.calls["TraCuu"], done(hub, support.PARTNER)) == (1, 1)


def test_a_rate_holds_one_partner_back_and_no_other(make_hub: MakeHub, clock: Clock, server: SimulatorServer) -> None:
    hub = make_hub({support.PARTNER: At(url=server.url, more="rate_per_minute = 6\n"), OTHER: At(url=server.url)})
    for number in range(20):
        support.send(hub, number, f"H01-{number}")

    support.carry_all(hub)
    assert (done(hub, support.PARTNER), done(hub, OTHER)) == (1, 20)
    for _ in range(60):
        clock.advance(1)
        support.carry_all(hub)
    assert done(hub, support.PARTNER) == 7


def test_the_urgent_goes_before_the_backlog_and_with_it_what_stands_before_it(
    make_hub: MakeHub, server: SimulatorServer, partner: Partner
) -> None:
    hub = make_hub({support.PARTNER: At(url=server.url, concurrency=1, more='urgent = ["withdraw*"]\n')})
    for number in range(10):
        support.send(hub, number, f"H01-{number}")
    support.send(hub, 99, "H01-9", suKien="RUT")

    support.carry_all(hub)

    marks = [each.mark for each in partner.arrivals]
    assert (marks[0], marks[4], len(marks)) == ("#9", "#99", 11), "four are on the bus at once"
    check_chains(hub.ledger)


# --- what fails for ever


def test_a_delivery_that_never_arrives_is_parked_after_so_many_attempts_ever_further_apart(
    make_hub: MakeHub, clock: Clock
) -> None:
    policy = {"first_seconds": 8, "factor": 2, "ceiling_seconds": 400, "jitter": 0.5, "max_attempts": 9}
    hub = make_hub({support.PARTNER: At(redelivery=policy)})
    support.send(hub, 1, "H01-1")
    support.send(hub, 2, "H01-1")

    moments = every_call(hub, clock, hours=2)

    (only, follower) = all_deliveries(hub.ledger)
    assert (only.state, only.error_code, only.attempts, follower.state) == (State.PARKED, "not_sent", 9, State.HELD)
    waits = [after - before for before, after in itertools.pairwise(moments)]
    # The breaker adds to it, five minutes at most.
    assert len(waits) == 8 and max(waits) <= max(400 * 1.5, 300) + LOOK_SECONDS
    assert all(wait >= min(8 * 2**number, 400) for number, wait in enumerate(waits))


@pytest.mark.parametrize("services", [support.RESENDS, support.ASKS])
def test_what_is_lost_for_ever_is_not_sent_for_ever(make_hub: MakeHub, clock: Clock, partner: Partner, services: str) -> None:
    """Every answer is lost: sent again because that is safe, or because the partner proves that it has nothing."""

    def loses(call: Call, usual: Callable[[], Said]) -> Said:
        return usual() if call.path == "/TraCuu" else Said(hang=0.0)

    with served(partner, loses) as server:
        hub = make_hub({support.PARTNER: At(url=server.url, services=services, redelivery={"max_attempts": 4})})
        support.send(hub, 1, "H01-1")

        every_call(hub, clock, hours=4)

    (only,) = all_deliveries(hub.ledger)
    assert (only.state, only.doubt, only.attempts) == (State.IN_DOUBT, "park", 4)


def test_a_doubt_that_no_answer_settles_is_not_asked_about_for_ever(make_hub: MakeHub, clock: Clock, partner: Partner) -> None:
    def tells_nothing(call: Call, usual: Callable[[], Said]) -> Said:
        return Said(b'{"ma": "99"}') if call.path == "/TraCuu" else Said(hang=0.0)

    with served(partner, tells_nothing) as server:
        hub = make_hub({support.PARTNER: At(url=server.url, services=support.ASKS, redelivery={"max_attempts": 4})})
        support.send(hub, 1, "H01-1")

        moments = every_call(hub, clock, hours=4)

    (only,) = all_deliveries(hub.ledger)
    assert (only.state, only.doubt, only.attempts, only.inquiries) == (State.IN_DOUBT, "park", 1, 4)
    assert len(moments) == 5


def test_what_the_partner_always_has_already_is_not_written_for_ever(
    make_hub: MakeHub, clock: Clock, server: SimulatorServer
) -> None:
    """It says each time that it holds something else."""
    holds = itertools.count()

    def read_receipt(reply: Reply, outgoing: Outgoing) -> Receipt:
        return Receipt(already=True, held={"number": f"B-{next(holds)}"})

    hub = make_hub({support.PARTNER: At(url=server.url, redelivery={"max_attempts": 6})})
    template = dataclasses.replace(hub.adapters["template"], read_receipt=read_receipt)
    hub = dataclasses.replace(hub, adapters={**hub.adapters, "template": template})
    support.send(hub, 1, "H01-1")

    moments = every_call(hub, clock, hours=1)

    (only,) = all_deliveries(hub.ledger)
    assert (only.state, only.attempts, len(moments)) == (State.PARKED, 6, 6)


LOOK_SECONDS = 20.0


def every_call(hub: Hub, clock: Clock, *, hours: int) -> list[float]:
    """Let hours pass, looking often at first and ever more seldom; give the moments at which something went."""
    moments: list[float] = []
    start = hub.now()
    while hub.now() < start + hours * HOUR:
        while support.carry(hub):
            moments.append(hub.now())
        clock.advance(LOOK_SECONDS)
    return moments


# --- what kills workers


def test_a_delivery_that_kills_its_workers_is_parked_and_the_others_go_on(hub: Hub, clock: Clock, partner: Partner) -> None:
    support.send(hub, 1, "H01-1")
    support.carry_all(hub)
    support.send(hub, 2, "H01-2", steps=0)
    (poison,) = [row for row in all_deliveries(hub.ledger) if row.state == State.PENDING]

    def dies(**_fresh: bool) -> CodeTables:
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
