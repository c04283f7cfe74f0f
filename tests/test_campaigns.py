"""Campaigns: items planned, prepared, ticked and raised; what is missing is said, and nothing is raised that lacks something."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.app import Hub
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.errors import Forbidden, HubError, InvalidMessage, NotAllowed
from hub.ledger.campaign_tables import service_levels as levels_table
from hub.ledger.campaign_verbs import NewItem
from hub.operations import campaign_plans, campaigns
from hub.registers import history, service_levels
from hub.registers.campaigns import CampaignPage, Item, Wanted
from hub.rules import spreadsheets
from hub.rules.people import Person, Role
from tests.support import hub as support
from tests.support.campaign_world import PROVINCE, WHO, open_province, procedure, send, send_test, tell
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.looking import broken_rows

UNIT, OTHER = "H55.12", "H55.13"
FIRST, LAST = date(2026, 3, 2), date(2026, 6, 30)
DAY = "2026-03-16"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=ENGINES)
def hub(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Hub]:
    with ledger_on(request.param) as ledger:
        opened = open_province(tmp_path, clock, ledger)
        tell(opened, PROVINCE, [procedure(f"1.00{number}") for number in range(8)] + [procedure("1.009", level=4)])
        yield opened
        support.close(opened)


@pytest.fixture
def campaign(hub: Hub) -> str:
    return campaigns.make(hub, PROVINCE, "Nâng mức", goal_percent=50, first_day=FIRST, last_day=LAST, **WHO).id


def plan(hub: Hub, campaign: str, *codes: str, unit: str = UNIT, day: str = DAY) -> None:
    items = [NewItem(unit=unit, procedure=code, from_level=None, to_level=4, planned_day=day) for code in codes]
    campaign_plans.plan(hub, campaign, items, **WHO)


def prepare(hub: Hub, campaign: str, *codes: str, unit: str = UNIT) -> None:
    plan(hub, campaign, *codes, unit=unit)
    campaigns.move(hub, campaign, "preparing", unit=unit, procedures=codes, **WHO)


def item(hub: Hub, campaign: str, code: str = "1.001", unit: str = UNIT) -> Item:
    (found,) = campaigns.show(hub, campaign, Wanted(unit=unit, procedure=code)).items
    return found


def level(hub: Hub, code: str) -> int | None:
    with hub.ledger.read() as conn:
        return service_levels.levels(conn, PROVINCE, hub.clock().date())[code]


# --- from plan to raised -----------------------------------------------------------------------------------------


def test_an_item_is_raised_when_nothing_is_missing_and_not_before(hub: Hub, campaign: str, clock: Clock) -> None:
    prepare(hub, campaign, "1.001")
    assert (item(hub, campaign).state, item(hub, campaign).missing) == ("preparing", ("test",))

    left = campaigns.raise_(hub, campaign, **WHO)
    assert (left.raised, [each.missing for each in left.left]) == (0, [("test",)])
    assert level(hub, "1.001") == 3

    clock.advance(60)
    send_test(hub, UNIT, "1.001")
    ready = item(hub, campaign)
    assert (ready.state, ready.missing) == ("ready", ())
    assert ready.needs[-1].dossier == f"national:{UNIT}-THU-1.001-1"

    done = campaigns.raise_(hub, campaign, **WHO)
    assert (done.raised, done.left) == (1, ())
    assert (item(hub, campaign).state, level(hub, "1.001")) == ("raised", 4)
    so_far = campaigns.show(hub, campaign).progress
    assert (so_far.services, so_far.at_start, so_far.now, so_far.at_end, so_far.goal) == (9, 1, 2, 2, 5)
    assert (so_far.start_percent, so_far.now_percent, so_far.short_of_goal) == (11.11, 22.22, 3)
    assert broken_rows(hub.ledger) == []


def test_every_step_stands_in_the_journal_and_evidence_does_not(hub: Hub, campaign: str, clock: Clock) -> None:
    tell(hub, PROVINCE, [procedure("1.001", fee="50000")])
    prepare(hub, campaign, "1.001")
    campaigns.tick(hub, campaign, "payment", evidence="bà Thử Nghiệm, biên bản 5", **WHO)
    campaigns.tick(hub, campaign, "payment", done=False, **WHO)
    campaigns.tick(hub, campaign, "payment", evidence="biên bản 6", **WHO)
    send_test(hub, UNIT, "1.001")
    campaigns.raise_(hub, campaign, **WHO)

    with hub.ledger.read() as conn:
        rows = list(history.journal_of(conn, f"campaign:{campaign}"))
    assert [row.event.removeprefix("campaign.") for row in rows] == [
        "made", "planned", "preparing", "ticked", "unticked", "ticked", "raised",
    ]  # fmt: skip
    assert {row.actor for row in rows} == {"lan"}
    assert not any("biên bản" in row.text for row in rows)


@pytest.mark.parametrize(
    ("wrong", "missing"),
    [
        ({"papers": 0}, ("components", "forms")),
        ({"days": ""}, ("days",)),
        ({"form_file": ""}, ("forms",)),
        ({"online": False}, ("online",)),
        ({"fee": "20.000"}, ("payment",)),
        ({"fee": "0"}, ()),
        ({"active": False}, ("record",)),
    ],
)
def test_what_is_missing_is_named(hub: Hub, campaign: str, wrong: dict[str, object], missing: tuple[str, ...]) -> None:
    prepare(hub, campaign, "1.001")
    send_test(hub, UNIT, "1.001")
    tell(hub, PROVINCE, [procedure("1.001", **wrong)])

    assert item(hub, campaign).missing == missing
    assert campaigns.raise_(hub, campaign, **WHO).raised == (0 if missing else 1)


def test_a_procedure_that_is_in_no_catalogue_lacks_what_a_record_says(hub: Hub, campaign: str) -> None:
    prepare(hub, campaign, "9.999")

    assert item(hub, campaign, "9.999").missing == ("record", "components", "days", "forms", "online", "payment", "test")


def test_a_word_with_evidence_is_taken_for_what_nobody_sees_and_not_for_what_is_seen_to_be_wrong(hub: Hub, campaign: str) -> None:
    tell(hub, PROVINCE, [procedure("1.001", online=False), procedure("1.002", form_file="")])
    prepare(hub, campaign, "1.001", "1.002")
    for need in ("online", "forms"):
        campaigns.tick(hub, campaign, need, evidence="ảnh màn hình 12", **WHO)

    assert item(hub, campaign, "1.001").missing == ("test",)
    assert item(hub, campaign, "1.002").missing == ("forms", "test")
    for need, evidence in (("test", "x"), ("record", "x"), ("payment", " "), ("rubbish", "x")):
        with pytest.raises(NotAllowed):
            campaigns.tick(hub, campaign, need, evidence=evidence, **WHO)


# --- test dossiers -----------------------------------------------------------------------------------------------


def test_a_test_dossier_counts_only_from_the_unit_and_after_preparing_began(hub: Hub, campaign: str, clock: Clock) -> None:
    send_test(hub, UNIT, "1.001", 1)
    clock.advance(60)
    prepare(hub, campaign, "1.001")
    clock.advance(60)
    send_test(hub, OTHER, "1.001", 2)
    send_test(hub, UNIT, "1.002", 3)
    send(hub, f"{UNIT}-260302-0001", "1.001")
    assert item(hub, campaign).missing == ("test",)

    campaigns.move(hub, campaign, "planned", **WHO)
    send_test(hub, UNIT, "1.001", 4)
    campaigns.move(hub, campaign, "preparing", **WHO)
    clock.advance(1)
    # It came before preparing began anew, one second ago.
    campaigns.move(hub, campaign, "planned", **WHO)
    campaigns.move(hub, campaign, "preparing", **WHO)
    assert item(hub, campaign).missing == ("test",)

    send_test(hub, UNIT, "1.001", 5)
    assert item(hub, campaign).state == "ready"


def test_a_later_message_of_an_old_test_dossier_is_no_new_test(hub: Hub, campaign: str, clock: Clock) -> None:
    send_test(hub, UNIT, "1.001")
    clock.advance(60)
    prepare(hub, campaign, "1.001")
    clock.advance(60)
    send(hub, f"{UNIT}-THU-1.001-1", "1.001", status="4")

    assert item(hub, campaign).missing == ("test",)


def test_payment_is_seen_where_a_test_dossier_was_paid_online(hub: Hub, campaign: str, clock: Clock) -> None:
    """Paid at a desk says nothing; what another unit paid is not this one's; the fee may be told later than the dossier."""
    tell(hub, PROVINCE, [procedure("1.001", fee="20.000")])
    prepare(hub, campaign, "1.001")
    clock.advance(60)
    send(hub, f"{OTHER}-THU-1", "1.001", DuocThanhToanTrucTuyen="1")
    send(hub, f"{UNIT}-THU-2", "1.001", DuocThanhToanTrucTuyen="0")
    assert item(hub, campaign).missing == ("payment",)

    clock.advance(60)
    send(hub, f"{UNIT}-THU-2", "1.001", status="4", DuocThanhToanTrucTuyen="2")
    send(hub, f"{UNIT}-THU-3", "1.001")
    found = {each.name: each for each in item(hub, campaign).needs}
    assert (item(hub, campaign).state, found["payment"].dossier) == ("ready", f"national:{UNIT}-THU-2")
    assert found["test"].dossier in (f"national:{UNIT}-THU-2", f"national:{UNIT}-THU-3")


# --- what cannot be ----------------------------------------------------------------------------------------------


def test_an_item_is_in_one_campaign_at_a_time(hub: Hub, campaign: str) -> None:
    plan(hub, campaign, "1.001")
    second = campaigns.make(hub, PROVINCE, "Khác", first_day=FIRST, last_day=LAST, **WHO).id

    with pytest.raises(NotAllowed, match="another campaign"):
        plan(hub, second, "1.002", "1.001")
    assert campaigns.figures(hub, PROVINCE).at == {3: 8, 4: 1}
    assert campaigns.show(hub, second).items == ()

    campaigns.move(hub, campaign, "dropped", procedures=["1.001"], **WHO)
    plan(hub, second, "1.001")
    with pytest.raises(NotAllowed, match="another campaign"):
        campaigns.move(hub, campaign, "planned", procedures=["1.001"], **WHO)


def test_what_is_raised_stays_raised(hub: Hub, campaign: str) -> None:
    prepare(hub, campaign, "1.001")
    send_test(hub, UNIT, "1.001")
    campaigns.raise_(hub, campaign, **WHO)

    for verb in (
        lambda: plan(hub, campaign, "1.001"),
        lambda: campaigns.move(hub, campaign, "dropped", procedures=["1.001"], **WHO),
        lambda: campaigns.raise_(hub, campaign, procedures=["1.001"], **WHO),
        lambda: campaigns.tick(hub, campaign, "payment", procedures=["1.001"], evidence="x", **WHO),
    ):
        with pytest.raises((NotAllowed, InvalidMessage)):
            verb()
    assert level(hub, "1.001") == 4


def test_two_who_raise_at_once_raise_once(hub: Hub, campaign: str) -> None:
    prepare(hub, campaign, "1.001")
    send_test(hub, UNIT, "1.001")

    def do(_: int) -> object:
        try:
            return campaigns.raise_(hub, campaign, procedures=["1.001"], **WHO).raised
        except NotAllowed:
            return "refused"

    with ThreadPoolExecutor(4) as people:
        assert sorted(map(str, people.map(do, range(4)))) == ["1", "refused", "refused", "refused"]
    with hub.ledger.read() as conn:
        assert len(conn.execute(select(levels_table)).all()) == 1
    assert broken_rows(hub.ledger) == []


@pytest.mark.parametrize("who", [{"actor": "", "why": "x"}, {"actor": "lan", "why": " "}])
def test_who_and_why_are_needed(hub: Hub, campaign: str, who: dict[str, str]) -> None:
    with pytest.raises(NotAllowed):
        campaigns.raise_(hub, campaign, **who)


def test_what_cannot_be_a_campaign_is_said_at_once(hub: Hub) -> None:
    with pytest.raises(InvalidMessage) as refused:
        campaigns.make(hub, " ", "x" * 301, level=7, goal_percent=101, first_day=LAST, last_day=FIRST, **WHO)

    assert [fault.path for fault in refused.value.faults] == ["agency", "title", "level", "goal_percent", "last_day"]


# --- levels ------------------------------------------------------------------------------------------------------


def test_a_procedure_of_several_units_is_raised_when_the_last_of_them_is(hub: Hub, campaign: str) -> None:
    for unit in (UNIT, OTHER):
        prepare(hub, campaign, "1.001", unit=unit)
    send_test(hub, UNIT, "1.001")
    campaigns.raise_(hub, campaign, unit=UNIT, **WHO)
    page = campaigns.show(hub, campaign)
    assert (level(hub, "1.001"), page.progress.now, sum(week.raised for week in page.weeks)) == (3, 1, 0)

    send_test(hub, OTHER, "1.001")
    campaigns.raise_(hub, campaign, **WHO)
    page = campaigns.show(hub, campaign)
    assert (level(hub, "1.001"), page.progress.now, sum(week.raised for week in page.weeks)) == (4, 2, 1)
    assert [(unit.unit, unit.raised) for unit in page.units] == [(UNIT, 1), (OTHER, 1)]


def test_what_a_unit_has_reached_is_not_planned_again_and_another_unit_of_it_is(hub: Hub, campaign: str) -> None:
    prepare(hub, campaign, "1.001")
    send_test(hub, UNIT, "1.001")
    campaigns.raise_(hub, campaign, **WHO)
    second = campaigns.make(hub, PROVINCE, "Khác", first_day=FIRST, last_day=LAST, **WHO).id

    for code in ("1.001", "1.009"):
        with pytest.raises(InvalidMessage) as refused:
            plan(hub, second, code)
        assert [fault.path for fault in refused.value.faults] == ["items/0/to_level"]
    plan(hub, second, "1.001", unit=OTHER)
    assert (item(hub, second, unit=OTHER).from_level, level(hub, "1.001")) == (3, 3)


def test_levels_of_earlier_days_stay_what_they_were(hub: Hub, campaign: str, clock: Clock) -> None:
    prepare(hub, campaign, "1.001")
    clock.advance(7 * 86400)
    send_test(hub, UNIT, "1.001")
    campaigns.raise_(hub, campaign, **WHO)

    shares = [campaigns.figures(hub, PROVINCE, day).share(4) for day in (date(2026, 3, 8), date(2026, 3, 9))]
    assert shares == [11.11, 22.22]


def test_a_raised_item_says_where_the_catalogue_still_says_otherwise(hub: Hub, campaign: str) -> None:
    prepare(hub, campaign, "1.001")
    send_test(hub, UNIT, "1.001")
    campaigns.raise_(hub, campaign, **WHO)
    assert item(hub, campaign).catalogue_level == 3

    tell(hub, PROVINCE, [procedure("1.001", level=4)])
    assert item(hub, campaign).catalogue_level is None
    assert campaigns.show(hub, campaign).progress.at_start == 1


def test_what_a_level_needs_is_data_with_days(hub: Hub, campaign: str, clock: Clock, tmp_path: Path) -> None:
    rows = "4,record test,Toàn trình (mới),2026-03-04,2026-03-06\n4,record,Sau đó,2026-03-06,\n"
    list_of = f"code,value,name,valid_from,valid_to\n{rows}"
    (tmp_path / "codes" / "service_levels.csv").write_text(list_of, encoding="utf-8")
    tell(hub, PROVINCE, [procedure("1.001", papers=0)])
    prepare(hub, campaign, "1.001")

    seen = []
    for _ in range(3):
        page = campaigns.show(hub, campaign)
        seen.append((page.level_vi, page.items[0].missing))
        clock.advance(2 * 86400)
    assert seen == [("toàn trình", ("components", "forms", "test")), ("Toàn trình (mới)", ("test",)), ("Sau đó", ())]


# --- spreadsheets ------------------------------------------------------------------------------------------------


def test_a_plan_comes_from_a_spreadsheet_and_faults_are_named_by_cell(hub: Hub, campaign: str) -> None:
    head = [column.title for column in campaign_plans.COLUMNS]
    good = [["1.001", UNIT, "16/03/2026", "3", "4"], ["1.002", UNIT, "2026-03-23", "", ""]]
    book = spreadsheets.write_workbook([("Kế hoạch", head, good)])
    assert campaign_plans.plan_file(hub, campaign, book, "ke-hoach.xlsx", **WHO).added == 2
    assert (item(hub, campaign, "1.002").from_level, item(hub, campaign, "1.002").to_level) == (3, 4)

    bad = [["", UNIT, DAY, "3", "4"], ["1.003", "H44.1", "hôm nay", "9", "4"], ["1.004", UNIT, DAY, "4", "4"], good[0], good[0]]
    lines = "\n".join(",".join(row) for row in [head, *bad])
    with pytest.raises(InvalidMessage) as refused:
        campaign_plans.plan_file(hub, campaign, lines.encode(), "ke-hoach.csv", **WHO)
    assert {fault.path for fault in refused.value.faults} == {"A2", "B3", "C3", "D3", "E4", "A6"}
    assert len(campaigns.show(hub, campaign).items) == 2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PK\x03\x04rubbish", b"a,b\n1,2\n", b"\x00" * 50])
def test_a_file_that_is_no_plan_is_refused_with_its_faults(hub: Hub, campaign: str, content: bytes) -> None:
    with pytest.raises(InvalidMessage):
        campaign_plans.plan_file(hub, campaign, content, "x", **WHO)


def test_the_template_is_a_plan(hub: Hub, campaign: str) -> None:
    assert campaign_plans.plan_file(hub, campaign, campaign_plans.template(), "mau.xlsx", **WHO).added == 1


# --- looking -----------------------------------------------------------------------------------------------------


def test_items_come_by_pages_and_by_what_they_lack(hub: Hub, campaign: str) -> None:
    prepare(hub, campaign, *(f"1.00{number}" for number in range(5)))
    send_test(hub, UNIT, "1.003")

    pages: list[CampaignPage] = [campaigns.show(hub, campaign, Wanted(limit=2))]
    while pages[-1].next:
        pages.append(campaigns.show(hub, campaign, Wanted(limit=2, after=pages[-1].next)))
    assert [[each.procedure for each in page.items] for page in pages] == [["1.000", "1.001"], ["1.002", "1.003"], ["1.004"]]
    assert [each.procedure for each in campaigns.show(hub, campaign, Wanted(only="ready")).items] == ["1.003"]
    assert len(campaigns.show(hub, campaign, Wanted(only="test")).items) == 4
    assert [(each.need, each.items) for each in pages[0].lacking] == [("test", 4)]


def test_an_item_whose_day_is_over_is_overdue(hub: Hub, campaign: str, clock: Clock) -> None:
    plan(hub, campaign, "1.001")
    assert not item(hub, campaign).overdue

    clock.advance(15 * 86400)
    assert item(hub, campaign).overdue
    assert campaigns.show(hub, campaign).units[0].overdue == 1


def test_candidates_say_why_each_stands_where_it_does(hub: Hub, campaign: str) -> None:
    hard, empty = procedure("1.001", papers=11, steps=11, days="59"), procedure("1.003", papers=0)
    tell(hub, PROVINCE, [hard, procedure("1.002", steps=4), empty])
    tell(hub, PROVINCE, [procedure("1.002", steps=5)])
    plan(hub, campaign, "1.004")
    for number in range(3):
        send(hub, f"{UNIT}-260302-{number:04}", "1.005")
    send(hub, f"{UNIT}-260302-1000", "1.006")
    for number in range(30):
        send(hub, f"{UNIT}-260302-2{number:03}", "1.007")
    for number in range(9):
        send_test(hub, UNIT, "1.000", number)

    found = campaigns.candidates(hub, campaign)
    by_code = {each.procedure: each for each in found.candidates}
    assert found.found == 7 and {"1.004", "1.009"}.isdisjoint(by_code)
    assert found.candidates[0].procedure == "1.005"
    figures = {code: {mark.name: mark.figure for mark in each.marks} for code, each in by_code.items()}
    assert figures["1.005"]["volume"] == 0.25 and figures["1.000"]["volume"] == 0
    assert (figures["1.002"]["stable"], figures["1.002"]["steps"]) == (2, 5)
    assert figures["1.003"]["components"] is None
    for each in found.candidates:
        assert each.total == round(sum(mark.points for mark in each.marks), 1)
        assert all(0 <= mark.points <= mark.weight for mark in each.marks)
    assert by_code["1.001"].total < by_code["1.000"].total


# --- who may -----------------------------------------------------------------------------------------------------


def person(*roles: Role, scope: frozenset[str] | None = None) -> Person:
    return Person(login="lan", roles=frozenset(roles), scope=scope)


def act(hub: Hub, who: Person, verb: str, **asked: object) -> object:
    return perform(hub, who, ACTS[verb], ACTS[verb].asked.model_validate(asked))


def test_only_officers_change_campaigns_and_only_of_their_own_agencies(hub: Hub, campaign: str) -> None:
    making = {"agency": PROVINCE, "title": "x", "first_day": "2026-03-02", "last_day": "2026-03-09", "why": "x"}
    for who in (person(Role.OPERATOR), person(Role.VIEWER), person(Role.OFFICER, scope=frozenset({"bo"}))):
        with pytest.raises(Forbidden):
            act(hub, who, "campaign make", **making)
        with pytest.raises(Forbidden):
            act(hub, who, "campaign raise", campaign=campaign, why="x")
    assert act(hub, person(Role.OFFICER, scope=frozenset({support.SENDER})), "campaign make", **making)
    with pytest.raises(Forbidden):
        act(hub, person(Role.OFFICER, scope=frozenset({support.SENDER})), "campaign make", **making | {"agency": "H44"})


def test_who_works_on_other_agencies_sees_no_campaign(hub: Hub, campaign: str) -> None:
    stranger = person(Role.VIEWER, scope=frozenset({"bo"}))

    assert act(hub, stranger, "campaign show").campaigns == ()  # type: ignore[attr-defined]
    for verb in ("campaign show", "campaign candidates"):
        with pytest.raises(NotAllowed):
            act(hub, stranger, verb, campaign=campaign)
    assert len(act(hub, person(Role.VIEWER), "campaign show").campaigns) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"planned_day": "2026-03-16"},
        {"planned_day": "2026-03-16", "unit": UNIT, "procedures": ["1.001"], "state": "dropped"},
        {"state": "raised"},
        {"file": "!!"},
    ],
)
def test_what_is_asked_of_items_is_one_thing(hub: Hub, campaign: str, asked: dict[str, object]) -> None:
    with pytest.raises((ValueError, HubError)):
        act(hub, person(Role.OFFICER), "campaign item", campaign=campaign, why="x", **asked)


def test_a_campaign_is_named_by_the_beginning_of_its_id(hub: Hub, campaign: str) -> None:
    assert campaigns.show(hub, campaign[:8]).campaign.id == campaign
    for name in ("", "abc", "%%%%", campaign + "x"):
        with pytest.raises(NotAllowed):
            campaigns.show(hub, name)
