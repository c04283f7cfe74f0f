"""Published figures of provinces and ministries come out of the registers: levels, one-stop, dossiers, national shares."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.canonical.procedure import Procedure
from hub.ledger.campaign_verbs import NewItem
from hub.operations import campaign_plans, campaigns
from hub.registers import service_levels, statistic_services
from hub.rules.service_levels import ONLINE
from tests.support import hub as support
from tests.support.campaign_world import WHO, open_province, procedure, send, send_test, tell
from tests.support.clock import Clock

#: A level that needs nothing but its record: what a campaign records is looked at here, not what it waits for.
NOTHING_NEEDED = "code,value,name,valid_from,valid_to\n4,record,Mức độ 4,,\n"


def listed(count: int, *, first: int = 0, **given: object) -> list[Procedure]:
    return [procedure(f"1.8{number:05}", **given) for number in range(first, first + count)]


def open_at(folder: Path, agency: str, day: date) -> tuple[Hub, Clock]:
    clock = Clock(datetime.combine(day, datetime.min.time(), VIETNAM) + timedelta(hours=8))
    return open_province(folder, clock, agency=agency), clock


@pytest.fixture
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Hub, Clock]]:
    agency, day = request.param
    hub, clock = open_at(tmp_path, agency, day)
    yield hub, clock
    support.close(hub)


def online_since(hub: Hub, agency: str, since: datetime) -> tuple[int, int]:
    """Count an agency's online services, and those of them of which a dossier came online."""
    with hub.ledger.read() as conn:
        levels = service_levels.levels(conn, agency, hub.clock().date())
        online = [code for code, level in levels.items() if (level or 0) >= ONLINE]
        return len(online), len(statistic_services.with_dossiers(conn, online, since.timestamp(), hub.now() + 1))


@pytest.mark.parametrize("opened", [("G11", date(2018, 6, 1))], indirect=True)
def test_a_ministry_of_2018_had_82_procedures_online_of_which_67_at_level_3_and_15_at_level_4(opened: tuple[Hub, Clock]) -> None:
    hub, _ = opened
    levels = {1: 100, 2: 150, 3: 67, 4: 15}
    first = 0
    for level, count in levels.items():
        tell(hub, "G11", listed(count, first=first, level=level))
        first += count
    # What is no longer in use counts nowhere, at whatever level it was.
    tell(hub, "G11", listed(8, first=first, level=4, active=False))

    found = campaigns.figures(hub, "G11")
    assert (found.services, found.at[3], found.at[4], found.at_least(ONLINE)) == (332, 67, 15, 82)


@pytest.mark.parametrize("opened", [("H12", date(2016, 11, 1))], indirect=True)
def test_ca_mau_of_2016_one_stop_inter_agency_level_3_and_its_first_five_online_dossiers(opened: tuple[Hub, Clock]) -> None:
    hub, clock = opened
    linked = listed(212, level=2, MOTCUA="1", TTHCLIENTHONG=["Thuế", "Kho bạc"])
    online = listed(15, first=212, level=3, MOTCUA="1")
    tell(hub, "H12", [*linked, *online, *listed(1_520 - 227, first=227, level=2, MOTCUA="1")])
    tell(hub, "H12", listed(1_625 - 1_520, first=1_520, level=1))
    since = clock() - timedelta(days=300)
    for number in range(5):
        assert send(hub, f"H12.05-161101-{number:04}", online[number // 2].code).status == 202
    for number in range(9):
        send(hub, f"H12.05-161101-1{number:03}", online[10].code, KenhThucHien="1")
        send_test(hub, "H12.05", online[11].code, number)

    found = campaigns.figures(hub, "H12")
    assert (found.services, found.one_stop, found.inter_agency, found.at[3]) == (1_625, 1_520, 212, 15)
    assert found.one_stop_share == 93.54
    with hub.ledger.read() as conn:
        codes = [each.code for each in online]
        counted = statistic_services.volumes(conn, codes, since.timestamp(), hub.now() + 1)
    # Neither what came to a desk nor a test is an online dossier.
    assert sum(volume.online for volume in counted.values()) == 5
    assert sum(volume.all for volume in counted.values()) == 14
    assert online_since(hub, "H12", since) == (15, 3)


@pytest.mark.parametrize("opened", [("H36", date(2020, 7, 1))], indirect=True)
def test_lam_dong_of_2020_half_of_467_online_services_with_a_dossier(opened: tuple[Hub, Clock]) -> None:
    hub, clock = opened
    online = [*listed(300, level=3), *listed(167, first=300, level=4)]
    tell(hub, "H36", [*online, *listed(1_000, first=467, level=2)])
    since = clock() - timedelta(days=1)
    assert online_since(hub, "H36", since) == (467, 0)

    for number in range(233):
        send(hub, f"H36.02-200701-{number:04}", online[2 * number].code)
    for number in range(20):
        send_test(hub, "H36.02", online[2 * number + 1].code)
        send(hub, f"H36.02-200701-5{number:03}", online[2 * number + 1].code, KenhThucHien="1")
    assert online_since(hub, "H36", since) == (467, 233)

    # The target was half of them: 233 of 467 are not, 234 are.
    send(hub, "H36.02-200701-9999", online[1].code)
    with_dossiers = online_since(hub, "H36", since)[1]
    assert 2 * 233 < 467 <= 2 * with_dossiers


def test_national_shares_of_three_years_and_what_was_missing_to_thirty_percent(tmp_path: Path) -> None:
    """4.55 % in 2018, 10.76 % in 2019, 13.3 % in April 2020: here 52, 123 and 152 of 1,143, the fewest that come to these."""
    hub, clock = open_at(tmp_path, "G00", date(2018, 12, 3))
    (tmp_path / "codes" / "service_levels.csv").write_text(NOTHING_NEEDED, encoding="utf-8")
    try:
        catalogue = [*listed(52, level=4), *listed(1_143 - 52, first=52, level=3)]
        tell(hub, "G00", catalogue)
        made = campaigns.make(
            hub, "G00", "Mức độ 4", goal_percent=30, first_day=date(2018, 12, 3), last_day=date(2020, 12, 31), **WHO
        )
        waiting = [each.code for each in catalogue[52:]]
        for day, count in ((date(2019, 12, 30), 123 - 52), (date(2020, 4, 27), 152 - 123)):
            clock.advance((datetime.combine(day, datetime.min.time(), VIETNAM) + timedelta(hours=8) - clock()).total_seconds())
            codes, waiting = waiting[:count], waiting[count:]
            items = [
                NewItem(unit="G00.01", procedure=code, from_level=3, to_level=4, planned_day=day.isoformat()) for code in codes
            ]
            campaign_plans.plan(hub, made.id, items, **WHO)
            campaigns.move(hub, made.id, "preparing", procedures=codes, **WHO)
            assert campaigns.raise_(hub, made.id, **WHO).raised == count

        days = (date(2018, 12, 31), date(2019, 12, 31), date(2020, 4, 30))
        assert [campaigns.figures(hub, "G00", day).share(4) for day in days] == [4.55, 10.76, 13.3]
        so_far = campaigns.show(hub, made.id).progress
        assert (so_far.goal, so_far.now, so_far.now_percent, so_far.short_of_goal) == (343, 152, 13.3, 191)
    finally:
        support.close(hub)
