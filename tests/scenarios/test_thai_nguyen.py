"""Thái Nguyên 2020: 443 services raised by unit and week, each after its test dossier; of 1,895 not 127 but 570, 30 %."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.ledger.campaign_tables import test_dossiers
from hub.ledger.tables import deliveries, dossiers
from hub.operations import campaign_plans, campaigns
from hub.registers.campaigns import CampaignPage, Wanted
from hub.rules.campaigns import Week, monday
from tests.scenarios import thai_nguyen as province
from tests.support import hub as support
from tests.support.campaign_world import WHO, open_province, send_test, tell
from tests.support.clock import Clock
from tests.support.looking import broken_rows


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2020, 5, 25, 8, 0, tzinfo=VIETNAM))


@pytest.fixture
def hub(tmp_path: Path, clock: Clock) -> Iterator[Hub]:
    opened = open_province(tmp_path, clock, agency=province.PROVINCE)
    tell(opened, province.PROVINCE, province.catalogue(province.plan()))
    yield opened
    support.close(opened)


@pytest.fixture
def campaign(hub: Hub) -> str:
    said = {"level": 4, "goal_percent": 30.0, "first_day": province.FIRST, "last_day": province.LAST}
    made = campaigns.make(hub, province.PROVINCE, "Nâng mức độ 4 năm 2020", **said, **WHO)
    campaign_plans.plan_file(hub, made.id, province.PLAN.read_bytes(), province.PLAN.name, **WHO)
    return made.id


def test_the_plan_that_lies_here_is_the_one_that_the_seed_gives() -> None:
    assert province.PLAN.read_text(encoding="utf-8") == province.write()
    by_week = {(row["Mã đơn vị"], monday(datetime.fromisoformat(row["Ngày nâng"]).date())) for row in province.rows()}
    assert sum(row["Mã đơn vị"] == province.DEPARTMENT for row in province.rows()) == 30
    assert (province.DEPARTMENT, province.JUNE) in by_week
    assert sum(row["Mã đơn vị"] in province.DISTRICTS for row in province.rows()) == 158
    assert {week for unit, week in by_week if unit in province.DISTRICTS} == {province.AUGUST}


def test_before_the_first_week_the_page_says_what_is_planned(hub: Hub, campaign: str) -> None:
    page = campaigns.show(hub, campaign)

    so_far = page.progress
    assert (so_far.services, so_far.at_start, so_far.now, so_far.at_end, so_far.goal) == (1_895, 127, 127, 570, 569)
    assert (so_far.start_percent, so_far.end_percent, so_far.short_of_goal) == (6.7, 30.08, 0)
    assert page.campaign.counts == {"planned": 443}
    assert page.level_vi == "mức độ 4"
    weeks = {week.monday: week.planned for week in page.weeks}
    assert (weeks[province.JUNE], weeks[province.AUGUST], sum(weeks.values())) == (30, 158, 443)


def test_week_by_week_the_province_comes_to_thirty_percent(hub: Hub, campaign: str, clock: Clock) -> None:
    planned = {each.procedure: each for each in province.plan()}
    seen: list[tuple[Week, CampaignPage]] = []
    for week in campaigns.show(hub, campaign).weeks:
        at = datetime.combine(week.monday, datetime.min.time(), VIETNAM) + timedelta(hours=8)
        clock.advance((at - clock()).total_seconds())
        todo = [each for each in planned.values() if monday(each.planned_day) == week.monday]
        for unit in sorted({each.unit for each in todo}):
            mine = [each.procedure for each in todo if each.unit == unit]
            campaigns.move(hub, campaign, "preparing", unit=unit, procedures=mine, **WHO)
        page = campaigns.show(hub, campaign)
        lacking = {each.need: each.items for each in page.lacking}
        assert lacking.get("test", 0) == 443 - week.planned_so_far + len(todo)

        clock.advance(86400)
        for each in todo:
            assert send_test(hub, each.unit, each.procedure).status == 202
        first = campaigns.raise_(hub, campaign, **WHO) if todo else None
        if first is not None:
            # What has a fee waits for the word that payment is set up; what is not filled in, for the catalogue.
            wanting = {each.procedure: wanted(each) for each in todo if wanted(each)}
            assert {left.procedure: set(left.missing) for left in first.left} == wanting

        clock.advance(86400)
        tell(hub, province.PROVINCE, [province.record(each, mended=True) for each in todo])
        fees = [each.procedure for each in todo if each.fee]
        open_ones = {each.procedure for each in campaigns.show(hub, campaign, Wanted(only="preparing", limit=1000)).items}
        if waiting := [code for code in fees if code in open_ones]:
            campaigns.tick(hub, campaign, "payment", procedures=waiting, evidence="giao dịch thử 1.000 đồng", **WHO)
        if todo and first is not None and first.left:
            campaigns.raise_(hub, campaign, **WHO)
        seen.append((week, campaigns.show(hub, campaign)))

    shares = [page.progress.now_percent for _, page in seen]
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (8.28, 30.08)
    assert all(page.progress.now == 127 + week.planned_so_far for week, page in seen)
    end = seen[-1][1]
    assert (end.progress.now, end.progress.at_start, end.progress.services) == (570, 127, 1_895)
    assert end.campaign.counts == {"raised": 443} and end.lacking == ()
    assert all(week.planned == week.raised for week in end.weeks)
    assert sum(unit.raised for unit in end.units if unit.unit in province.DISTRICTS) == 158
    check_that_tests_went_nowhere(hub)
    by_day = [campaigns.figures(hub, province.PROVINCE, day).share(4) for day in (province.FIRST, province.LAST)]
    assert by_day == [6.7, 30.08]
    assert broken_rows(hub.ledger) == []


def wanted(planned: province.Planned) -> set[str]:
    """Say what an item lacks when its test dossier has come."""
    of_record = {"": set(), "components": {"components", "forms"}}.get(planned.lacks, {planned.lacks})
    return of_record | ({"payment"} if planned.fee else set())


def check_that_tests_went_nowhere(hub: Hub) -> None:
    with hub.ledger.read() as conn:
        assert conn.execute(select(func.count()).select_from(test_dossiers)).scalar() == 443
        assert conn.execute(select(func.count()).select_from(deliveries)).scalar() == 0
        assert conn.execute(select(func.count()).where(dossiers.c.test.is_(False))).scalar() == 0
