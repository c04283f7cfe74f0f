"""The front page's figures: hours are counted once, rightly, by whoever comes to it; the running one is counted when asked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from hub import intake, operations
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.ledger import flow_verbs
from hub.ledger.flow_verbs import Counted
from hub.ledger.tables import deliveries
from hub.ledger.working_tables import flow_counted, flow_hours
from hub.operations import counting
from hub.registers import flow
from hub.registers.flow import Status
from hub.rules.people import Person, Role
from tests.support import hub as hubs
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER, request
from tests.support.night_shift import Shift, shift

LAN = Person(login="lan", roles=frozenset({Role.OPERATOR}))
HOUR = 3600


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shift]:
    with ledger_on(request.param) as address, shift(tmp_path, ledger=address) as opened:
        yield opened


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Shift]:
    with shift(tmp_path) as opened:
        yield opened


def status(night: Shift, person: Person = LAN, days: int = 1) -> Status:
    found: Status = perform(night.hub, person, ACTS["status"], ACTS["status"].asked(days=days))
    return found


def test_hours_tell_what_came_and_went_where_it_came_and_went(night: Shift) -> None:
    night.send(1, "H01-1")
    night.unmapped(2, "H01-2")
    intake.receive(night.hub, request(b"{}"))
    night.clock.advance(HOUR)
    night.send(3, "H01-3")
    counting.count_hours(night.hub, most=200)

    found = status(night)
    partners = {each.endpoint: each for each in found.partners}

    assert found.hours[-1] <= night.hub.now() < found.hours[-1] + HOUR
    assert (found.total.accepted[-2:], found.total.refused[-2:], found.total.delivered[-2:]) == ((2, 1), (1, 0), (1, 1))
    assert partners[SENDER].flow.accepted[-2:] == (2, 1) and partners[PARTNER].flow.delivered[-2:] == (1, 1)
    assert (found.total.accepted_sum, found.uncounted_hours, found.total.at_least) == (3, 0, False)
    assert (found.parked, partners[PARTNER].parked) == (1, 1)


def test_what_is_released_and_delivered_later_counts_in_the_hour_in_which_it_arrived(night: Shift) -> None:
    night.unmapped(1)
    night.clock.advance(3 * HOUR)
    night.mend()
    operations.rebuild(night.hub, night.ids()[0], actor="lan", why="xong")
    night.carry()
    counting.count_hours(night.hub, most=200)

    assert status(night).total.delivered[-4:] == (0, 0, 0, 1)


def test_an_hour_is_counted_once_by_whoever_is_first(night: Shift) -> None:
    night.send(1)
    night.clock.advance(2 * HOUR)
    with ThreadPoolExecutor(4) as threads:
        counted = list(threads.map(lambda _: counting.count_hours(night.hub, most=200), range(4)))

    with night.hub.ledger.read() as conn:
        hours = conn.execute(select(flow_counted.c.hour)).scalars().all()
        rows = conn.execute(select(flow_hours)).fetchall()
    assert sum(counted) == len(hours) == len(set(hours)) == counting.SHOWN_HOURS - 1
    assert sorted((row.endpoint, row.accepted, row.delivered) for row in rows) == [(PARTNER, 0, 1), (SENDER, 1, 0)]


def test_a_second_count_of_an_hour_changes_nothing(one: Shift) -> None:
    given = [Counted(endpoint="bo", accepted=1)]
    first = one.hub.ledger.change(lambda conn: flow_verbs.record_hour(conn, 5, given, 1.0))
    second = one.hub.ledger.change(lambda conn: flow_verbs.record_hour(conn, 5, [Counted(endpoint="bo", accepted=9)], 2.0))

    with one.hub.ledger.read() as conn:
        assert (first, second) == (True, False)
        assert conn.execute(select(flow_hours.c.accepted)).scalars().all() == [1]


def test_counts_of_long_ago_are_deleted(one: Shift) -> None:
    for hour in (5, 5 + flow_verbs.KEPT_HOURS, 6 + flow_verbs.KEPT_HOURS):
        one.hub.ledger.change(lambda conn, hour=hour: flow_verbs.record_hour(conn, hour, [Counted(endpoint="bo")], 1.0))

    with one.hub.ledger.read() as conn:
        assert conn.execute(select(flow_hours.c.hour)).scalars().all() == [5 + flow_verbs.KEPT_HOURS, 6 + flow_verbs.KEPT_HOURS]


def test_an_hour_is_not_counted_before_it_is_settled(one: Shift) -> None:
    """A verb that began in it may be committed a moment after it."""
    begun = flow.hour_of(one.hub.now())
    one.clock.advance((begun + 1) * HOUR - one.hub.now() + flow.SETTLED_SECONDS - 1)
    with one.hub.ledger.read() as conn:
        before = flow.missing(conn, one.hub.now(), 24)
    one.clock.advance(2)
    with one.hub.ledger.read() as conn:
        after = flow.missing(conn, one.hub.now(), 24)

    assert begun not in before
    assert after[0] == begun


def test_hours_that_nobody_has_counted_are_told_apart_from_quiet_ones(one: Shift) -> None:
    with one.hub.ledger.read() as conn:
        found = flow.status(conn, {PARTNER: "Bộ"}, hours=24, scope=None, now=one.hub.now(), open_now=())

    assert found.uncounted_hours == 22
    assert found.total.accepted == (*[None] * 22, 0, 0)


def test_more_than_can_be_counted_live_is_said_to_be_at_least_that(one: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "MOST", 2)
    for number in range(1, 4):
        one.send(number, f"H01-{number}")

    found = status(one)

    assert (found.total.at_least, found.total.accepted[-1]) == (True, 2)


def test_a_partner_tells_how_it_stands(one: Shift) -> None:
    one.faults["H01-1"] = "garble"
    one.send(1, "H01-1")
    one.send(2, "H01-1")
    operations.pause(one.hub, PARTNER, actor="lan", why="bảo trì")
    one.send(3, "H01-9")
    one.clock.advance(100)

    found = status(one)
    (partner,) = [each for each in found.partners if each.endpoint == PARTNER]

    assert (partner.in_doubt, partner.held, partner.on_the_way) == (1, 1, 1)
    assert (partner.paused, partner.paused_why, partner.paused_by, partner.breaker) == (True, "bảo trì", "lan", "closed")
    assert partner.oldest_due_seconds == found.oldest_due_seconds == 100
    assert found.partners[0] is partner
    assert found.dispatch_late_seconds == 0


def test_that_nobody_dispatches_is_seen(one: Shift) -> None:
    hubs.send(one.hub, 1)
    one.clock.advance(60)
    late = status(one).dispatch_late_seconds
    one.carry()

    assert (late, status(one).dispatch_late_seconds) == (60, 0)


def test_a_person_sees_the_partners_they_work_on(one: Shift) -> None:
    one.send(1)
    found = status(one, replace(LAN, scope=frozenset({SENDER})))

    assert [each.endpoint for each in found.partners] == [SENDER]
    assert (found.total.accepted_sum, found.total.delivered_sum) == (1, 0)


def test_an_answer_to_what_arrived_does_not_move_it_to_another_hour(tmp_path: Path) -> None:
    with shift(tmp_path, services='[outbound.services.GuiHoSo]\nadvance_on = "acknowledged"\n') as night:
        night.send(1)
        arrived = night.hub.now()
        night.clock.advance(2 * HOUR)
        operations.settle_answer(night.hub, night.ids()[0], acknowledged=True, actor="lan", why="gọi điện")

        with night.hub.ledger.read() as conn:
            row = conn.execute(select(deliveries.c.due_at, deliveries.c.lease_until)).one()
        assert (row.due_at, row.lease_until) == (arrived, 0.0)
