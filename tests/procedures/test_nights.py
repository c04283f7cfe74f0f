"""What the night does by itself: holders are pulled once, reports are made once a month, and what changed is compared at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.app import Hub
from hub.canonical.base import VIETNAM, local
from hub.edge.reconciler import MOST_TASKS, Reconciler
from hub.ledger.catalogue_tables import catalogue_changes
from hub.ledger.night_tables import nights as kept
from hub.ledger.tables import journal
from hub.operations import statistics
from hub.reconcile import nights
from hub.reconcile.procedures import following, looking, pulling
from hub.registers import statistics as reports
from hub.rules.statistics.monthly import Monthly
from tests.support import catalogue_world, counted
from tests.support import hub as hubs
from tests.support.catalogue_world import PORTAL, PROVINCE, READ_ONLY, WHO, Catalogues
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on

PATIENCE_SECONDS = 60.0


def record(number: int, **more: Any) -> dict[str, Any]:
    return {"MATTHC": f"1.80000{number}", "TENTTHC": f"Cấp giấy phép {number}", "TRANGTHAI": "1", **more}


def key(name: str, world: Catalogues) -> str:
    return f"{name}-{world.clock().timestamp():.0f}"


def pulls(world: Catalogues, holder: str = PORTAL) -> list[str]:
    """Name who brought pulls of a holder to their end, the first one first."""
    with world.hub.ledger.read() as conn:
        here = (journal.c.subject == f"procedures:{holder}") & (journal.c.event == "procedures.pulled")
        return list(conn.execute(select(journal.c.actor).where(here).order_by(journal.c.seq)).scalars())


def look(hub: Hub, reconciler: Reconciler | None = None) -> None:
    """Let a process look what there is to do until nothing is left, each task brought to its end."""
    reconciler = reconciler or Reconciler(hub)
    for _ in range(10):
        reconciler._looked_at = float("-inf")
        reconciler.look()
        for thread in reconciler._threads.values():
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()


def done(hub: Hub) -> dict[str, str]:
    with hub.ledger.read() as conn:
        return {row.task: row.done for row in conn.execute(select(kept))}


# --- holders, and what changed -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=ENGINES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogues]:
    folder = tmp_path_factory.mktemp("nights") / "config"
    with ledger_on(request.param) as ledger, catalogue_world.opened(folder, ledger=ledger) as opened:
        yield opened


@pytest.fixture
def world(shared: Catalogues) -> Catalogues:
    """The hub on a new day at noon, pulling at 01:30."""
    now = local(shared.clock())
    shared.clock.advance(86400 + 12 * 3600 - (now.hour * 3600 + now.minute * 60 + now.second))
    shared.told([], key("empty", shared))
    policy = replace(shared.hub.catalogue, pull_at="01:30")
    return replace(shared, hub=replace(shared.hub, catalogue=policy))


def night(world: Catalogues, hours: float) -> str:
    """Let the next night come, so many hours after midnight; give its day."""
    world.clock.advance((12 + hours) * 3600)
    return local(world.clock()).date().isoformat()


def test_every_holder_is_pulled_once_a_night_at_its_time(world: Catalogues) -> None:
    world.told([record(1)], key("k", world))
    world.hold(PORTAL, [record(1, TENTTHC="Tên khác")])
    before = pulls(world)
    night(world, 1.0)
    look(world.hub)
    assert pulls(world) == before

    world.clock.advance(3600)
    day = local(world.clock()).date().isoformat()
    look(world.hub)
    look(world.hub)

    assert pulls(world) == [*before, "hub"]
    assert {done(world.hub)[f"procedures:{holder}"] for holder in (PORTAL, READ_ONLY, PROVINCE)} == {day}
    (pull,) = looking.differences(world.hub, holder=PORTAL).pulls
    assert (pull.actor, pull.whole_at is not None) == ("hub", True)
    world.clock.advance(86400)
    look(world.hub)
    assert pulls(world) == [*before, "hub", "hub"]


def test_a_process_that_was_away_until_morning_lets_it_be(world: Catalogues) -> None:
    before = pulls(world)
    night(world, 8.0)
    look(world.hub)

    assert pulls(world) == before


def test_one_that_was_cut_earlier_is_ended_first_and_then_the_night_s_own_is_taken(world: Catalogues) -> None:
    world.hold(PORTAL, [record(number) for number in range(3)])
    pulling.pull(world.hub, PORTAL, most=1, **WHO)
    world.hold(PORTAL, [record(number, TENTTHC="Tên mới") for number in range(3)])
    night(world, 2.0)
    look(world.hub)

    names = {each.code: each.fields[0].theirs for each in looking.differences(world.hub, holder=PORTAL).procedures}
    assert set(names.values()) <= {"", "Tên mới"}
    assert pulls(world)[-2:] == [WHO["actor"], "hub"]


def test_a_holder_that_does_not_answer_is_tried_again_and_hinders_no_other(world: Catalogues) -> None:
    world.simulators[PORTAL].faults.add("status", value=503, times=100)
    night(world, 2.0)
    day = local(world.clock()).date().isoformat()
    look(world.hub)
    assert done(world.hub)[f"procedures:{PROVINCE}"] == day != done(world.hub)[f"procedures:{PORTAL}"]

    world.simulators[PORTAL].faults.clear()
    world.clock.advance(3600)
    look(world.hub)
    assert done(world.hub)[f"procedures:{PORTAL}"] == day


def test_of_two_processes_one_pulls(world: Catalogues) -> None:
    before = pulls(world)
    night(world, 2.0)
    both = [Reconciler(world.hub), Reconciler(world.hub)]
    for each in both:
        each.look()
    assert all(len([name for name in each._threads if name.startswith("procedures:")]) <= MOST_TASKS for each in both)
    for each in both:
        look(world.hub, each)

    assert pulls(world) == [*before, "hub"]


def test_who_is_told_to_stop_leaves_it_to_the_next(world: Catalogues) -> None:
    before = pulls(world)
    night(world, 2.0)
    task = next(each for each in nights.due(world.hub) if each.name == f"procedures:{PORTAL}")
    assert nights.take(world.hub, task, "a")
    nights.carry(nights.Work(hub=world.hub, task=task, holder="a", stops=lambda seconds: True))
    assert pulls(world) == before

    look(world.hub)
    assert done(world.hub)[task.name] == task.due


def test_what_an_agency_tells_anew_is_compared_at_each_holder_without_a_pull(world: Catalogues) -> None:
    listed = [record(number) for number in range(3)]
    world.told(listed, key("a", world))
    for holder in (PORTAL, READ_ONLY):
        world.hold(holder, listed)
        pulling.pull(world.hub, holder, **WHO)
    following.follow(world.hub)
    assert [each for holder in (PORTAL, READ_ONLY) for each in looking.differences(world.hub, holder=holder).counts] == []
    before = pulls(world)

    world.clock.advance(60)
    world.told([record(1, TENTTHC="Tên mới"), record(7)], key("b", world), whole=False)
    look(world.hub)

    found = looking.differences(world.hub, owner="G10").procedures
    told = {(each.holder, each.code): [field.field for field in each.fields] for each in found}
    wanted = {"1.800001": ["name"], "1.800007": ["+"]}
    for holder in (PORTAL, READ_ONLY):
        assert {code: fields for (at, code), fields in told.items() if at == holder} == wanted
    assert pulls(world) == before
    with world.hub.ledger.read() as conn:
        assert conn.execute(select(catalogue_changes)).first() is None


def test_what_is_told_once_more_while_it_is_compared_is_compared_again(
    world: Catalogues, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.told([record(1)], key("a", world))
    world.hold(PORTAL, [record(1)])
    pulling.pull(world.hub, PORTAL, **WHO)
    world.told([record(1, TENTTHC="Một")], key("b", world), whole=False)
    compare, late = following._compare, [record(1)]

    def meanwhile(*given: Any) -> None:
        compare(*given)
        if late:
            world.told([late.pop()], key("c", world), whole=False)

    monkeypatch.setattr(following, "_compare", meanwhile)
    look(world.hub)

    assert [each for each in looking.differences(world.hub, holder=PORTAL).procedures if each.code == "1.800001"] == []


# --- reports -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "at", "month"),
    [
        (datetime(2026, 3, 5, 3, 0), "03:00", "2026-02"),
        (datetime(2026, 3, 5, 2, 59), "03:00", ""),
        (datetime(2026, 3, 4, 23, 0), "03:00", ""),
        (datetime(2026, 3, 31, 0, 0), "03:00", "2026-02"),
        (datetime(2026, 1, 6, 1, 0), "03:00", "2025-12"),
    ],
)
def test_the_month_before_is_due_from_its_day_and_time_on(day: datetime, at: str, month: str) -> None:
    assert Monthly(day=5, at=at).due(day.replace(tzinfo=VIETNAM)) == month
    assert Monthly(day=0, at=at).due(day.replace(tzinfo=VIETNAM)) == ""


@pytest.fixture(params=ENGINES)
def counting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Hub, Clock]]:
    clock = Clock()
    with ledger_on(request.param) as address:
        folder = hubs.configure(tmp_path, sender_adapter="one_stop", ledger=address)
        hub = hubs.open_hub(folder, clock)
        yield replace(hub, monthly=Monthly(day=5)), clock
        hubs.close(hub)


def test_reports_of_the_month_before_are_made_once_each_by_the_hub(counting: tuple[Hub, Clock]) -> None:
    hub, clock = counting
    counted.give(hub, counted.record(1), key="1")
    look(hub)
    assert made(hub) == {}

    clock.advance(35 * 86400)
    look(hub)
    look(hub)
    assert made(hub) == {form: [("2026-03", "hub")] for form in statistics.FORMS}

    clock.advance(31 * 86400)
    look(hub)
    assert [period for period, _ in made(hub)["II.06a"]] == ["2026-04", "2026-03"]


def made(hub: Hub) -> dict[str, list[tuple[str, str]]]:
    with hub.ledger.read() as conn:
        found = {form: [(each.period, each.actor) for each in reports.reports(conn, form)] for form in statistics.FORMS}
    return {form: listed for form, listed in found.items() if listed}


def test_who_lost_the_task_while_it_counted_keeps_no_report(counting: tuple[Hub, Clock]) -> None:
    hub, clock = counting
    clock.advance(35 * 86400)
    task = next(each for each in nights.due(hub) if each.name == "statistics:II.06a")
    assert nights.take(hub, task, "slow")
    clock.advance(3600)
    assert nights.take(hub, task, "quick")
    nights.carry(nights.Work(hub=hub, task=task, holder="slow", stops=lambda seconds: False))
    assert made(hub) == {}

    nights.carry(nights.Work(hub=hub, task=task, holder="quick", stops=lambda seconds: False))
    assert made(hub) == {"II.06a": [("2026-03", "hub")]}
