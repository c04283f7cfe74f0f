"""Figures from traffic: their sums agree, reports are kept and compared, old dossiers filled in; nobody sees more than theirs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from hub.app import Hub
from hub.canonical.dossier import DossierMessage
from hub.canonical.figures import Figures
from hub.canonical.message import from_json
from hub.canonical.procedure import Procedure
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.errors import NotAllowed
from hub.ledger import journal, payloads, statistic_verbs
from hub.ledger.statistics_tables import statistic_marks, statistic_reports, statistic_rows
from hub.ledger.tables import deliveries, dossiers, procedures
from hub.operations import statistics, statistics_fill
from hub.reconcile.originating import originate
from hub.registers import statistic_ages, statistic_feed, statistic_services, statistic_views
from hub.registers import statistics as kept
from hub.registers.statistic_views import Wanted
from hub.registers.statistics import Sight
from hub.rules.dossier_facts import COLUMNS, Facts, Flag, columns
from hub.rules.people import Person, Role
from hub.rules.statistics.form import COUNTED, Span
from hub.rules.statistics.periods import midnight, period
from tests.support import counted
from tests.support import hub as hubs
from tests.support.clock import Clock
from tests.support.counted import give, record
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER
from tests.support.night_shift import Shift, shift

DAY = 86400
LAN = Person(login="lan", roles=frozenset({Role.OPERATOR}))


@pytest.fixture(params=ENGINES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Hub, Clock]]:
    with ledger_on(request.param) as address:
        yield from opened(tmp_path, address)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[tuple[Hub, Clock]]:
    yield from opened(tmp_path, hubs.SQLITE)


def opened(folder: Path, address: str) -> Iterator[tuple[Hub, Clock]]:
    clock = Clock()
    folder = hubs.configure(folder, sender_adapter="one_stop", sender='test_dossiers = ["*-TEST-*"]\n', ledger=address)
    path = folder / "endpoints" / f"{SENDER}.toml"
    path.write_text(f'agency_code = "H55"\n{path.read_text(encoding="utf-8")}', encoding="utf-8")
    hub = hubs.open_hub(folder, clock)
    yield hub, clock
    hubs.close(hub)


def traffic(hub: Hub, clock: Clock, seed: int, count: int) -> None:
    """Let the sender give random dossiers, their steps in any order among each other."""
    chance = random.Random(seed)
    waiting = [counted.life(chance, number) for number in range(count)]
    place = 0
    while waiting:
        lives = chance.choice(waiting)
        give(hub, lives.pop(0), key=f"{seed}.{place}")
        place += 1
        clock.advance(chance.randrange(0, 4 * 3600))
        waiting = [each for each in waiting if each]


def make(hub: Hub, form: str = "II.06a", about: str = "2026-03", agency: str = "") -> kept.Report:
    return statistics.make(hub, form, about, agency=agency, actor="lan", why="báo cáo tháng")


def lines(hub: Hub, report: kept.Report, by: str = "agency", **given: Any) -> dict[str, kept.Line]:
    with hub.ledger.read() as conn:
        return {each.code: each for each in kept.form(conn, report, by=by, **given).lines}


def body(hub: Hub, report: kept.Report) -> dict[str, Any]:
    with hub.ledger.read() as conn:
        return kept.body(conn, report)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_sums_agree_over_random_traffic_however_it_is_parted(house: tuple[Hub, Clock], seed: int) -> None:
    hub, clock = house
    traffic(hub, clock, seed, 40)
    clock.advance(90 * DAY)
    for about in ("2026-02", "2026-03", "2026-Q1", "2026"):
        report = make(hub, about=about)
        totals = []
        for by in kept.BY:
            found = lines(hub, report, by)
            assert all(each.numbers.agrees for each in found.values())
            totals.append(kept.added(each.numbers for each in found.values()))
        assert len(set(totals)) == 1 and totals[0].agrees
        assert kept.added(kept.Numbers(*each) for _, _, each in body(hub, report)["parts"]) == totals[0]


def test_what_a_month_leaves_open_the_next_one_carries(one: tuple[Hub, Clock]) -> None:
    hub, clock = one
    traffic(hub, clock, 3, 30)
    clock.advance(120 * DAY)
    march, april = (next(iter(lines(hub, make(hub, about=name), "owner").values())) for name in ("2026-03", "2026-04"))

    assert march.c11 == april.numbers.c6 > 0


def test_each_dossier_stands_in_its_column_agency_field_and_channel(house: tuple[Hub, Clock]) -> None:
    hub, clock = house
    due = {"NgayTiepNhan": "20260302081500", "NgayHenTra": "20260309170000"}
    give(hub, record(0, "9", NgayKetThucXuLy="20260306150000", **due), key="1")
    give(hub, record(1, "9", NgayKetThucXuLy="20260309150000", **due, KenhThucHien="1"), key="2")
    give(hub, record(2, "9", NgayKetThucXuLy="20260310150000", **due, KenhThucHien="3"), key="3")
    give(hub, record(3, "4", **due), record(4, "4", **{**due, "NgayHenTra": "20260430170000"}), key="4")
    give(hub, record(5, "4", **{**due, "NgayTiepNhan": "20260220081500"}), key="5")
    clock.advance(60 * DAY)
    report = make(hub)

    by_channel = {code: each.numbers for code, each in lines(hub, report, "channel").items()}
    assert {code: {name for name in COUNTED if getattr(each, name)} for code, each in by_channel.items()} == {
        "1": {"c5", "c9"},
        "2": {"c4", "c6", "c8", "c12", "c13"},
        "3": {"c5", "c10"},
    }
    assert {code: each.c3 for code, each in lines(hub, report, "agency").items()} == {"H55.10": 2, "H55.11": 2, "H55.12": 2}
    assert {each.name for each in lines(hub, report, "field").values()} == {"Lĩnh vực 0", "Lĩnh vực 1"}
    assert lines(hub, report, "field", agency="H55.11")["LV1"].c3 == 1


def test_test_dossiers_are_never_counted(one: tuple[Hub, Clock]) -> None:
    hub, clock = one
    give(hub, record(1), record(2, MaHoSo="H55.10-TEST-1"), key="1")
    clock.advance(60 * DAY)

    assert lines(hub, make(hub), "owner")["H55"].c3 == 1
    with hub.ledger.read() as conn:
        volume = statistic_services.volumes(conn, ["1.000001", "2.0"], period("2026-03").begin, period("2026-03").end)
        assert volume == {"1.000001": statistic_services.Volume(1, 1), "2.0": statistic_services.Volume()}
        assert statistic_services.with_dossiers(conn, ["1.000001", "2.0"], 0, 2e9) == {"1.000001"}
        assert statistic_services.with_dossiers(conn, ["1.000001"], period("2026-04").begin, 2e9) == set()


def test_a_report_is_kept_and_the_next_one_shows_what_late_messages_changed(house: tuple[Hub, Clock]) -> None:
    hub, clock = house
    give(hub, record(0), record(1), key="1")
    clock.advance(40 * DAY)
    first = make(hub)
    clock.advance(DAY)
    give(hub, record(0, "9", NgayKetThucXuLy="20260306150000"), record(2), key="2")
    second = make(hub)

    found = lines(hub, second, "owner", since=first)["H55"]
    assert (lines(hub, first, "owner")["H55"].c3, found.c3) == (2, 3)
    assert found.since is not None
    assert {name: getattr(found.since, name) for name in COUNTED if getattr(found.since, name)} == {"c4": 1, "c8": 1}
    with hub.ledger.read() as conn:
        assert [each.id for each in kept.reports(conn, "II.06a", "2026-03")] == [second.id, first.id]
        assert list(journal.verify(conn)) == []


def test_a_period_that_is_not_over_is_counted_up_to_now_and_one_to_come_is_refused(one: tuple[Hub, Clock]) -> None:
    hub, _ = one
    give(hub, record(0), key="1")

    assert make(hub).as_of_at == hub.now() < period("2026-03").end
    with pytest.raises(NotAllowed):
        make(hub, about="2026-04")
    with pytest.raises(NotAllowed):
        make(hub, form="II.07")
    with pytest.raises(NotAllowed):
        statistics.make(hub, "II.06a", "2026-03", actor="lan", why=" ")


def test_what_a_maker_that_was_killed_left_is_seen_by_nobody_and_cleared_away(one: tuple[Hub, Clock]) -> None:
    hub, clock = one
    give(hub, record(0), key="1")
    made = make(hub)
    begun = statistic_verbs.Begun(
        id="left", form="II.06a", period="2026-03", agency="", definition="", as_of=0.0, actor="lan", now=hub.now()
    )
    hub.ledger.change(lambda conn: statistic_verbs.begin(conn, begun))
    with hub.ledger.read() as conn:
        row = dict(conn.execute(select(statistic_rows).where(statistic_rows.c.report_id == made.id)).first()._mapping)
    hub.ledger.change(lambda conn: statistic_verbs.add_rows(conn, "left", [{**row, "report_id": "left"}]))

    with hub.ledger.read() as conn:
        assert kept.find(conn, "left") is None and [each.id for each in kept.reports(conn, "II.06a")] == [made.id]
    clock.advance(statistic_verbs.STOPPED_SECONDS + 1)
    make(hub)
    with hub.ledger.read() as conn:
        assert conn.execute(select(statistic_reports.c.id).where(statistic_reports.c.id == "left")).first() is None
        assert conn.execute(select(statistic_rows.c.number).where(statistic_rows.c.report_id == "left")).first() is None


# --- old dossiers ------------------------------------------------------------------------------------------------


def facts(hub: Hub) -> dict[str, tuple[Any, ...]]:
    with hub.ledger.read() as conn:
        found = {row.key: tuple(getattr(row, name) for name in COLUMNS) for row in conn.execute(select(dossiers))}
        sent = {row.id: (row.happened_at,) for row in conn.execute(select(deliveries))}
    return found | sent


def forget(hub: Hub) -> None:
    """Make the ledger as a version before these columns left it."""

    def emptied(conn: Any) -> None:
        conn.execute(update(dossiers).values(**columns(Facts())))
        conn.execute(update(deliveries).values(happened_at=None))

    hub.ledger.change(emptied)


def test_old_dossiers_are_filled_in_as_intake_would_have(house: tuple[Hub, Clock], monkeypatch: pytest.MonkeyPatch) -> None:
    hub, clock = house
    monkeypatch.setattr(statistics_fill, "BATCH", 7)
    traffic(hub, clock, 4, 25)
    give(hub, record(90), record(91, "5"), record(90, "9", NgayKetThucXuLy="20260306150000"), key="whole")
    before = facts(hub)
    forget(hub)

    first = statistics_fill.fill(hub, actor="lan", why="nâng cấp", most=10)
    with hub.ledger.read() as conn:
        assert conn.execute(select(statistic_marks.c.upto)).scalar_one()
    second = statistics_fill.fill(hub, actor="lan", why="nâng cấp")

    assert (first.looked, first.done, second.looked, second.done) == (14, False, 13, True)
    assert facts(hub) == before
    with hub.ledger.read() as conn:
        assert conn.execute(select(statistic_marks)).fetchall() == []


def test_a_dossier_that_changes_while_it_is_filled_in_is_read_anew(
    one: tuple[Hub, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message that comes in between folds into an empty row, so that what came before would be lost for good."""
    hub, clock = one
    give(hub, record(1, "5"), key="1")
    give(hub, record(2), key="2")
    clock.advance(3600)
    forget(hub)
    read, late = statistics_fill._filling, [record(1, "9", NgayKetThucXuLy="20260306150000")]

    def meanwhile(conn: Any, key: str, version: int) -> Any:
        found = read(conn, key, version)
        if late and key.endswith("0001"):
            give(hub, late.pop(), key="3")
        return found

    monkeypatch.setattr(statistics_fill, "_filling", meanwhile)
    done = statistics_fill.fill(hub, actor="lan", why="nâng cấp")

    assert (done.looked, done.filled, done.empty, late) == (2, 2, 0, [])
    with hub.ledger.read() as conn:
        row = conn.execute(select(dossiers).where(dossiers.c.key.endswith("0001"))).one()
    assert (row.supplements, row.status) == (1, "9") and row.flags & Flag.DONE_FROM_WAITING


def test_a_dossier_of_which_nobody_was_told_is_filled_in_from_its_document(one: tuple[Hub, Clock]) -> None:
    """The second dossier of a document has no delivery: it is found by the message that it names itself."""
    hub, _ = one
    give(hub, record(1), record(2), key="1")
    before = facts(hub)
    with hub.ledger.read() as conn:
        second = conn.execute(select(dossiers.c.key).where(dossiers.c.key.endswith("0002"))).scalar_one()
    hub.ledger.change(lambda conn: conn.execute(delete(deliveries).where(deliveries.c.subject == second)))
    forget(hub)

    done = statistics_fill.fill(hub, actor="lan", why="nâng cấp")

    assert (done.looked, done.filled, done.empty) == (2, 2, 0)
    assert facts(hub)[second] == before[second]


def test_what_the_hub_made_to_mend_is_in_no_figure(one: tuple[Hub, Clock]) -> None:
    """A status that is told again is no late status, and its moment no moment of the dossier."""
    hub, clock = one
    give(hub, record(1), key="1")
    before = facts(hub)
    clock.advance(30 * DAY)
    with hub.ledger.read() as conn:
        first = conn.execute(select(deliveries)).first()
        message = from_json(payloads.get(conn, first.canonical_digest) or b"")
    assert isinstance(message, DossierMessage)
    originate(hub, message.model_copy(update={"sent_at": None}), PARTNER, actor="lan", why="gửi lại")
    with hub.ledger.read() as conn:
        own = conn.execute(select(deliveries.c.id).where(deliveries.c.origin == "hub")).scalars().all()
    arrived = update(deliveries).values(state="delivered", due_at=hub.now())
    hub.ledger.change(lambda conn: conn.execute(arrived.where(deliveries.c.origin == "hub")))
    forget(hub)
    statistics_fill.fill(hub, actor="lan", why="nâng cấp")

    after = facts(hub)
    assert own and {key: after[key] for key in before} == before
    assert body(hub, make(hub, "ages", about="2026"))["lines"] == []


# --- the other reports -------------------------------------------------------------------------------------------


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shift]:
    with ledger_on(request.param) as address, shift(tmp_path, ledger=address) as opened_:
        yield opened_


def test_ages_are_from_the_status_to_the_partners_taking_it(night: Shift) -> None:
    """The sender says 9:00; the first one arrives at once, the second an hour late, and one has its moment ahead."""
    night.send(1, "H01-1")
    night.clock.advance(3600)
    night.send(2, "H01-2")
    night.send(3, "H01-3", guiLuc="2026-03-02T23:00:00+07:00")
    night.clock.advance(60)
    report = make(night.hub, "ages")

    (line,) = body(night.hub, report)["lines"]
    assert (line["origin"], line["endpoint"], line["count"], line["untold"], line["ahead"]) == (SENDER, PARTNER, 3, 0, 1)
    assert (line["p50"], line["p99"], line["longest"]) == (0.0, 3600.0, 3600.0)


def test_percentiles_are_those_of_the_list() -> None:
    listed = [float(each) for each in range(1, 201)]
    assert (statistic_ages.percentile(listed, 50), statistic_ages.percentile(listed, 99)) == (100.0, 198.0)
    assert statistic_ages.percentile([7.0], 99) == 7.0 and statistic_ages.percentile([], 50) is None


def test_checks_name_the_dossiers_that_they_found(house: tuple[Hub, Clock]) -> None:
    hub, clock = house
    result = {"DanhSachGiayToKetQua": [{"TenGiayTo": "Giấy phép", "DuongDanTepTinKetQua": "https://files.example.org/one"}]}
    give(hub, record(1), record(2), record(3), key="1")
    clock.advance(20 * DAY)
    give(hub, record(1, NgayHenTra="20260410170000"), record(2, "5"), key="2")
    give(hub, record(2, "9", NgayKetThucXuLy="20260322150000", **result), key="3")
    give(hub, record(3, "9", NgayKetThucXuLy="20260322150000", **result, SoGiayToChuHoSo="000000001"), key="4")
    clock.advance(20 * DAY)
    report = make(hub, "honesty")

    found = {each["name"]: sorted(key.rpartition("-")[2] for key, *_ in each["examples"]) for each in body(hub, report)["checks"]}
    assert {name: keys for name, keys in found.items() if keys} == {
        "due_moved": ["0001"],
        "due_moved_late": ["0001"],
        "done_from_waiting": ["0002"],
        "result_shared": ["0002", "0003"],
        "placeholder_identity": ["0003"],
    }


def test_the_index_says_of_each_component_what_it_can_be(house: tuple[Hub, Clock]) -> None:
    hub, clock = house
    give(hub, record(1, "9", NgayKetThucXuLy="20260306150000", DuocThanhToanTrucTuyen="1"), record(2), key="1")
    clock.advance(40 * DAY)
    parts = {each["number"]: each for each in body(hub, make(hub, "766"))["components"]}

    assert Counter(each["how"] for each in parts.values()) == {"computed": 6, "partly": 7, "not_computable": 8}
    assert all(each["why_vi"] and each["why_en"] for each in parts.values() if each["how"] != "computed")
    assert (parts["2.1"]["part"], parts["2.1"]["whole"], parts["2.1"]["value"]) == (1, 2, 50.0)
    assert (parts["2.2"]["value"], parts["3.3"]["value"], parts["3.1"]["full"]) == (4.0, 100.0, 80.0)
    assert parts["1.4"]["how"] == "not_computable" and parts["1.4"]["why_en"] == "no portal is configured"


def catalogue(hub: Hub, owner: str, *listed: tuple[str, int, str]) -> None:
    """Let a catalogue stand there: code, level, working days."""
    rows = []
    for code, level, days in listed:
        way = {
            "KENH": "2",
            "THOIGIAN": [{"THOIGIANGIAIQUYET": days, "DONVITINH": "Ngày làm việc", "PHILEPHI": [{"SOTIEN": "1000"}]}],
        }
        told = Procedure(
            code=code, name=code, level=level, details={"CACHTHUCTHUCHIEN": [way], "KETQUATHUCHIEN": [{"TENKETQUA": "Giấy phép"}]}
        )
        rows.append(
            {
                "owner": owner,
                "code": code,
                "fingerprint": "",
                "record": told.model_dump_json(),
                "message_id": "",
                "updated_at": 0.0,
            }
        )
    hub.ledger.change(lambda conn: conn.execute(insert(procedures), rows) and None)


def test_services_are_told_by_level_and_with_dossiers_and_give_days_where_no_due_date_is(house: tuple[Hub, Clock]) -> None:
    """The province's own line of a procedure counts before the ministry's."""
    hub, clock = house
    catalogue(hub, "G10", ("1.000001", 3, "90"), ("1.000002", 4, "5"), ("1.000003", 2, "5"))
    catalogue(hub, "H55", ("1.000001", 4, "5"))
    told = {"NgayHenTra": "", "NgayKetThucXuLy": "20260310150000"}
    give(hub, record(0, "9", **told), record(1, "9", **told, MaHoSo="G10.01-260302-0001"), key="1")
    clock.advance(60 * DAY)

    listed = {each["owner"]: each for each in body(hub, make(hub, "services"))["lines"]}
    assert [(each["services"], each["online"], each["with_dossiers"]) for each in listed.values()] == [(3, 2, 1), (1, 1, 1)]
    assert (listed["G10"]["levels"]["2"], listed["G10"]["online_share"], listed["G10"]["with_dossiers_share"]) == (1, 66.67, 50.0)
    assert (listed["H55"]["levels"]["4"], listed["H55"]["with_dossiers_share"]) == (1, 100.0)
    form = make(hub)
    assert {code: (each.numbers.c8, each.numbers.c10) for code, each in lines(hub, form, "owner").items()} == {
        "G10": (1, 0),
        "H55": (0, 1),
    }
    assert {code for code in lines(hub, form, "level")} == {"3", "4"}
    parts = {each["number"]: each for each in body(hub, make(hub, "766", agency="G10"))["components"]}
    assert (parts["3.1"]["value"], parts["3.2"]["value"], parts["3.6"]["whole"], parts["3.3"]["part"]) == (66.67, 50.0, 1, 0)


# --- who sees what -----------------------------------------------------------------------------------------------


def look(hub: Hub, person: Person, **asked: Any) -> statistic_views.View:
    act = ACTS["statistics show"]
    found: statistic_views.View = perform(hub, person, act, act.asked(**asked))
    return found


def test_a_person_sees_the_lines_of_their_endpoints_and_agencies_alone(house: tuple[Hub, Clock]) -> None:
    hub, clock = house
    give(hub, record(0), record(1), record(2, MaHoSo="H99.01-260302-0002"), key="1")
    clock.advance(40 * DAY)
    for form in statistics.FORMS:
        make(hub, form)
    stranger = replace(LAN, scope=frozenset({PARTNER}))
    with hub.ledger.read() as conn:
        wanted = Wanted(by="agency")
        mine = statistic_views.shown(conn, wanted, Sight(endpoints=frozenset({"other"}), agencies=frozenset({"H99"})))

    assert mine.form is not None and [each.code for each in mine.form.lines] == ["H99.01"]
    shown_all, nothing = look(hub, LAN, form="II.06a").form, look(hub, stranger, form="II.06a").form
    assert shown_all is not None and nothing is not None
    assert (shown_all.total.c3, nothing.total.c3, nothing.lines) == (3, 0, ())
    assert (shown_all.report.looked, nothing.report.looked, nothing.versions[0].looked) == (3, None, None)
    assert [each.numbers.c3 for each in look(hub, stranger).months if each.report] == [0]
    assert [each.numbers.c3 for each in look(hub, replace(LAN, scope=frozenset({SENDER}))).months if each.report] == [3]
    index, checks = look(hub, stranger, form="766").other, look(hub, stranger, form="honesty").other
    assert index is not None and index.beyond and "components" not in index.body
    assert checks is not None and all(each["count"] == 0 and not each["examples"] for each in checks.body["checks"])


def test_what_an_agency_is_asked_by_is_found_in_the_report_of_everything(one: tuple[Hub, Clock]) -> None:
    hub, clock = one
    give(hub, record(0), record(1), key="1")
    clock.advance(40 * DAY)
    assert look(hub, LAN, form="II.06a") == statistic_views.View()
    make(hub)

    found = look(hub, LAN, form="II.06a", agency="H55.10").form
    assert found is not None and (found.by, found.total.c3) == ("field", 1)
    own = make(hub, agency="H55.11")
    again = look(hub, LAN, form="II.06a", agency="H55.11").form
    assert again is not None and again.report == own and again.total.c3 == 1
    with pytest.raises(NotAllowed):
        look(hub, LAN, form="ages", report=own.id)


def test_rows_of_the_portals_feed_follow_from_a_months_report(one: tuple[Hub, Clock]) -> None:
    hub, clock = one
    give(hub, record(0, "9", NgayKetThucXuLy="20260306150000"), record(3), record(1), key="1")
    clock.advance(40 * DAY)
    report = make(hub)
    with hub.ledger.read() as conn:
        rows = statistic_feed.rows(conn, report, kind="1")

    assert [each.agency.code for each in rows] == ["H55.10", "H55.11"]
    assert rows[0] == Figures(
        month=3, year=2026, agency=rows[0].agency, kind="1", received=2, done_on_time=1, open_late=1, note=rows[0].note
    )
    assert rows[0].total == 2
    with pytest.raises(NotAllowed), hub.ledger.read() as conn:
        statistic_feed.rows(conn, make(hub, about="2026-Q1"))


def test_a_page_never_reads_dossiers_anew(one: tuple[Hub, Clock]) -> None:
    """What is shown is what was kept: a dossier that comes later changes nothing before the report is made anew."""
    hub, clock = one
    give(hub, record(0), key="1")
    clock.advance(40 * DAY)
    make(hub)
    give(hub, record(1), key="2")

    found = look(hub, LAN, form="II.06a").form
    assert found is not None and found.total.c3 == 1
    assert Span(begin=midnight(period("2026-03").first), until=0).begin == period("2026-03").begin
