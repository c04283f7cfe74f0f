"""How partners are doing: what is said of a few of the newest deliveries is right, and found by indexes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, text, update

from hub import operations
from hub.ledger.tables import endpoint_states
from hub.operations import partners
from hub.registers import partner_health
from hub.registers.partner_health import Health
from tests.support import hub as support
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER
from tests.support.night_shift import Shift, shift

WHO = {"actor": "lan", "why": "bảo trì"}


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shift]:
    with ledger_on(request.param) as ledger, shift(tmp_path, ledger=ledger) as opened:
        yield opened


def health(night: Shift, **given: int) -> Health:
    with night.hub.ledger.read() as conn:
        return partner_health.health(conn, PARTNER, night.hub.now(), **given)


def test_a_partner_of_which_nothing_is_known_is_live_and_idle(night: Shift) -> None:
    found = health(night)

    assert (found.stand.standing, found.last_success_at, found.last_failure, found.heard) == ("live", None, None, None)
    assert (found.hour.attempts, found.hour.success_percent, found.backlog, found.breaker) == (0, None, {}, "closed")


def test_what_went_well_and_what_did_not_is_counted_by_its_time(night: Shift) -> None:
    night.send(1, "H01-1")
    night.clock.advance(2 * 3600)
    night.send(2, "H01-2")
    night.faults["H01-3"] = "refuse"
    night.send(3, "H01-3")
    found = health(night)

    assert (found.hour.attempts, found.hour.delivered, found.hour.success_percent) == (2, 1, 50.0)
    assert (found.day.attempts, found.day.delivered, found.day.whole) == (3, 2, True)
    assert found.last_success_at == night.hub.now()
    assert found.last_failure is not None
    assert (found.last_failure.error_code, found.last_failure.partner_code) == ("refused", "13")
    assert found.backlog == {"parked": 1}


def test_times_are_the_nearest_ranks_of_what_was_delivered() -> None:
    rows = [SimpleNamespace(started_at=100.0, ended_at=100.0 + ms / 1000, outcome="delivered") for ms in range(10, 210, 10)]
    rows.append(SimpleNamespace(started_at=0.0, ended_at=101.0, outcome="wait"))

    found = partner_health._figures(rows, 50.0, 0.0)  # type: ignore[arg-type]

    assert (found.attempts, found.delivered, found.p50_ms, found.p95_ms) == (21, 20, 100, 190)


def test_a_sample_says_from_when_on_it_is_whole(night: Shift) -> None:
    for number in range(1, 7):
        night.send(number, f"H01-{number}")
        night.clock.advance(60)
    found = health(night, sample=3)

    assert (found.hour.attempts, found.hour.whole) == (3, False)
    assert found.hour.since_at > night.hub.now() - 3600


def test_pause_breaker_and_backlog_are_as_dispatch_sees_them(night: Shift) -> None:
    operations.pause(night.hub, PARTNER, **WHO)
    due = night.hub.now()
    night.send(1)
    night.send(2)
    night.clock.advance(30)
    paused = health(night)
    with night.hub.ledger._engine.begin() as conn:
        conn.execute(update(endpoint_states).values(paused=False, failures=6, open_until=night.hub.now() + 60))
    opened = health(night)
    night.clock.advance(61)

    assert (paused.paused, paused.paused_by, paused.paused_why) == (True, "lan", "bảo trì")
    assert (paused.backlog, paused.oldest_due_at) == ({"pending": 1, "held": 1}, due)
    assert (opened.breaker, opened.failures, opened.open_until_at) == ("open", 6, night.hub.now() - 1)
    assert health(night).breaker == "half_open"


def test_what_was_heard_of_a_sender_and_what_it_has_not_taken(night: Shift) -> None:
    night.send(1)
    with night.hub.ledger.read() as conn:
        found = partner_health.health(conn, SENDER, night.hub.now())

    assert found.heard is not None
    assert (found.heard.at, found.heard.accepted, found.notices_not_taken) == (night.hub.now(), True, 1)


def test_hours_and_certificates_stand_in_the_list(tmp_path: Path) -> None:
    with shift(tmp_path, more='open_hours = ["mon-fri 20:00-23:00"]\nrate_per_minute = 30\n') as night:
        (found,) = partners.listing(night.hub, lambda name: name == PARTNER).partners
        shown = partners.show(night.hub, PARTNER)

    assert (found.is_open, found.rate_per_minute, found.sends, found.receives) == (False, 30, True, False)
    assert found.opens_at == night.clock().replace(hour=20).timestamp()
    assert shown.open_hours == ("mon,tue,wed,thu,fri 20:00-23:00",)


def test_every_look_goes_by_an_index(tmp_path: Path) -> None:
    """A million messages cost what a thousand do."""
    hub = support.open_hub(support.configure(tmp_path))
    said: list[tuple[str, Any]] = []
    engine = hub.ledger._engine
    event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, given, *_: said.append((statement, given)))
    try:
        partners.listing(hub)
        partners.show(hub, PARTNER)
        partners.show(hub, SENDER)
        plans = []
        with engine.connect() as conn:
            conn.execute(text("SELECT 1"))
            for statement, given in list(said):
                if statement.startswith(("SELECT", "WITH")):
                    plans += [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
    finally:
        support.close(hub)

    whole = [plan for plan in plans if re.match(r"SCAN (deliveries|messages|attempts|notices|journal|chains)\b", plan)]
    assert whole == []
    assert any("deliveries_by_due" in plan for plan in plans)
