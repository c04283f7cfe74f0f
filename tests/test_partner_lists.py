"""Lists of partners, look-ups, codes and figures: verbs of people, each with who and why, on both engines."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub import alerting
from hub.canonical.digests import digest_of
from hub.canonical.figures import Figures
from hub.canonical.party import Agency
from hub.contract import Request
from hub.errors import BadSettings, InvalidMessage, NotAllowed, NotSent, Refused
from hub.ledger import payloads
from hub.ledger.tables import attachment_givers, journal, messages
from hub.ledger.working_tables import code_rows
from hub.operations import mappings, pulls, statistics
from hub.reconcile import figures, looking_up, partner_codes
from hub.registers import evidence, history, showing
from hub.registers.evidence import Wanted
from hub.rules import alert_conditions
from hub.rules.lifecycle import State
from tests.support.engines import ENGINES, ledger_on
from tests.support.looking import all_deliveries, all_messages, broken_rows
from tests.support.portal_world import ONE_STOP, PORTAL, QUESTIONS_ASKED, SHARED_DOSSIERS, PortalWorld, portal_world

LAN = {"actor": "lan", "why": "kiểm thử"}
FIELDS = "LayDanhMucLinhVuc"
#: Evidence as it is asked for usually, and with the partners' files.
WANTED = (Wanted(), Wanted(files=True))


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PortalWorld]:
    with ledger_on(request.param) as address, portal_world(tmp_path, address) as made:
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[PortalWorld]:
    """The same on SQLite, for what is not about what a ledger does."""
    with portal_world(tmp_path) as made:
        yield made


def unsigned(*_: Any) -> Any:
    """Stand for who judges certificates: nothing here is signed."""
    raise AssertionError("nothing is signed")


def entries(world: PortalWorld, event: str) -> list[dict[str, Any]]:
    """Give the journal's entries of one event, in order."""
    with world.hub.ledger.read() as conn:
        rows = conn.execute(select(journal.c.entry).where(journal.c.event == event).order_by(journal.c.seq)).scalars()
        return [json.loads(each) for each in rows]


# --- lists -------------------------------------------------------------------------------------------------------


def test_what_was_pulled_and_what_was_not_is_shown(world: PortalWorld) -> None:
    (before,) = pulls.show(world.hub).lists
    assert (before.pulled_at, before.next_at, before.taken_day) == (None, None, 0)
    world.portal.verbs["list_dossier"]({})
    world.portal.verbs["list_dossier"]({"spoilt": {"MaTTHC": ""}})

    world.pull()

    shown = pulls.show(world.hub, PORTAL, SHARED_DOSSIERS)
    (one,) = shown.lists
    assert (one.taken_day, one.turned_away, one.waiting, one.failures) == (1, 1, 0, 0)
    assert one.pulled_at == world.hub.now()
    assert one.next_at == one.pulled_at + one.every_seconds
    assert [each.state for each in shown.not_taken] == ["turned_away"]
    assert shown.not_taken[0].identity.startswith(f"{SHARED_DOSSIERS}/")


def test_a_list_is_pulled_at_once_where_somebody_says_so(world: PortalWorld) -> None:
    world.pull()
    world.portal.verbs["list_dossier"]({})
    world.pull()
    assert len(all_messages(world.hub.ledger)) == 0

    pulls.now(world.hub, PORTAL, **LAN)
    world.pull()

    assert len(all_messages(world.hub.ledger)) == 1
    assert entries(world, "operator.pull_now") == [{"endpoint": PORTAL, "list": SHARED_DOSSIERS, "why": "kiểm thử"}]


def test_a_list_that_was_never_pulled_can_be_hurried_too(small: PortalWorld) -> None:
    pulls.now(small.hub, PORTAL, SHARED_DOSSIERS, **LAN)

    assert small.list_row().next_at == small.hub.now()
    assert small.list_row().failures == 0


@pytest.mark.parametrize(("endpoint", "name"), [(PORTAL, "KhongCo"), (ONE_STOP, ""), ("khong_co", "")])
def test_what_is_not_pulled_cannot_be_hurried(small: PortalWorld, endpoint: str, name: str) -> None:
    with pytest.raises((NotAllowed, BadSettings)):
        pulls.now(small.hub, endpoint, name, **LAN)
    assert entries(small, "operator.pull_now") == []


@pytest.mark.parametrize("given", [{"actor": "lan", "why": " "}, {"actor": "", "why": "x"}])
def test_every_verb_needs_who_and_why(small: PortalWorld, given: dict[str, str]) -> None:
    verbs = (
        lambda: pulls.now(small.hub, PORTAL, **given),
        lambda: looking_up.ask(small.hub, PORTAL, "TraCuuTechID", {"mstorcmnd": "000000000000"}, **given),
        lambda: partner_codes.pull(small.hub, PORTAL, take=True, **given),
        lambda: figures.send(small.hub, PORTAL, "2026-03", **given),
    )
    for verb in verbs:
        with pytest.raises(NotAllowed):
            verb()
    assert small.portal.account()["calls"] == {}


# --- what an item was taken from ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [SHARED_DOSSIERS, QUESTIONS_ASKED])
def test_an_item_names_the_answer_in_which_it_stood(tmp_path: Path, name: str) -> None:
    with portal_world(tmp_path, pull=[name]) as world:
        for _ in range(3):
            world.portal.verbs["list_dossier" if name == SHARED_DOSSIERS else "ask"]({})
        transport = world.hub.transports(world.hub.endpoint(PORTAL))
        page = transport.pull(name, "20260302080000", world.hub.clock())  # type: ignore[attr-defined]
        (body,) = {each.page for each in page.items}

        world.pull(name=name)

        digest = digest_of(body)
        rows = all_messages(world.hub.ledger)
        assert [json.loads(row.verdict)["page_digest"] for row in rows] == [digest] * 3
        with world.hub.ledger.read() as conn:
            assert payloads.get(conn, digest) == body
            shown = showing.show(conn, rows[0].id, scope=None, on_doubt=lambda *_: "park")
            kept, whole = (evidence.collect(conn, rows[0].id, unsigned, world.hub.payloads, each) for each in WANTED)
            assert history.body(conn, digest) == body
        assert [each["page"] for each in entries(world, "message.received")] == [digest] * 3
        assert [each.digest for each in shown.bytes if each.role == "page"] == [digest]
        # It names others, too: their part of it is not given along with one dossier's evidence unless somebody wants it.
        assert [each.why for each in kept.left_out if each.path.endswith("list-answer.json")] == ["not_asked_for"]
        assert any(each.path.endswith("list-answer.json") for each in whole.items)
        assert broken_rows(world.hub.ledger) == []


def test_an_item_that_is_refused_names_its_answer_too(small: PortalWorld) -> None:
    small.portal.verbs["list_dossier"]({"spoilt": {"MaTTHC": ""}})

    small.pull()

    with small.hub.ledger.read() as conn:
        (row,) = conn.execute(select(messages).where(messages.c.accepted.is_(False))).all()
        digest = json.loads(row.verdict)["page_digest"]
        assert (payloads.get(conn, digest) or b"").startswith(b"{")
    assert [each["page"] for each in entries(small, "message.refused")] == [digest]
    assert broken_rows(small.hub.ledger) == []


def test_what_comes_at_the_door_has_no_such_answer(small: PortalWorld) -> None:
    small.agency("DongBoDanhGia", {"data": [{"Diem": 5}]})

    assert ["page_digest" in json.loads(row.verdict) for row in all_messages(small.hub.ledger)] == [False]
    assert Request(endpoint="x", body=b"").page == b""


# --- looking something up ----------------------------------------------------------------------------------------


def test_an_account_is_looked_up_and_the_number_stands_nowhere(world: PortalWorld) -> None:
    found = looking_up.ask(world.hub, PORTAL, "TraCuuTechID", {"mstorcmnd": "000000000000"}, **LAN)

    assert [each["TECHNICALID"] for each in found.records] == ["tech-0001"]
    assert entries(world, "operator.look_up") == [
        {"endpoint": PORTAL, "service": "TraCuuTechID", "fields": ["mstorcmnd"], "why": "kiểm thử"}
    ]
    assert broken_rows(world.hub.ledger) == []


@pytest.mark.parametrize(
    ("service", "asked", "faults"),
    [
        ("TraCuuTechID", {}, {"/mstorcmnd"}),
        ("LayQDCB", {"idQDCB": "x\0", "khac": "1"}, {"/idQDCB", "/khac"}),
        ("getfile", {"DuongDan": "x" * 501}, {"/DuongDan"}),
    ],
)
def test_what_is_asked_wrongly_is_told_all_at_once(
    small: PortalWorld, service: str, asked: dict[str, str], faults: set[str]
) -> None:
    with pytest.raises(InvalidMessage) as told:
        looking_up.ask(small.hub, PORTAL, service, asked, **LAN)

    assert {each.path for each in told.value.faults} == faults
    assert small.portal.account()["calls"] == {}
    assert entries(small, "operator.look_up") == []


def test_a_file_lands_in_the_store_for_whom_it_was_fetched(small: PortalWorld) -> None:
    path = small.portal.verbs["list_dossier"]({})["files"][0]

    done = looking_up.ask(small.hub, PORTAL, "LayTaiLieuHoSo", {"duongdanteptin": path}, give_to=ONE_STOP, **LAN)

    assert done.file is not None
    reading = small.hub.payloads.open(done.file.digest)
    assert reading is not None and reading.size == done.file.size
    assert b"".join(iter(reading.read, b"")).startswith(b"%PDF")
    reading.close()
    with small.hub.ledger.read() as conn:
        assert set(conn.execute(select(attachment_givers.c.endpoint)).scalars()) == {PORTAL, ONE_STOP}


def test_a_file_that_the_portal_does_not_have_leaves_nothing(small: PortalWorld) -> None:
    with pytest.raises(Refused):
        looking_up.ask(small.hub, PORTAL, "getfile", {"DuongDan": "/khong/co"}, **LAN)

    assert list(small.hub.payloads.kept()) == []


@pytest.mark.parametrize(("endpoint", "service"), [(PORTAL, "DongBoHoSoMC"), (ONE_STOP, "TraCuuHoSo"), (PORTAL, "results")])
def test_only_what_the_partner_answers_can_be_asked(small: PortalWorld, endpoint: str, service: str) -> None:
    with pytest.raises(NotAllowed):
        looking_up.ask(small.hub, endpoint, service, {}, **LAN)


def test_the_results_store_is_asked_and_its_file_fetched(tmp_path: Path) -> None:
    with portal_world(tmp_path, results_path="kho/tim", result_file_path="kho/tep") as world:
        asked = {"KenhThucHien": "2", "SoDinhDanhChuSoHuu": "000000000000", "MaKetQua": "KQ.G99.000001"}
        (found,) = looking_up.ask(world.hub, PORTAL, "results", asked, **LAN).records
        file = found["DanhSachTepDinhKem"][0]

        wanted = {"CoQuanChuQuan": found["CoQuanChuQuan"], "DuongDan": file["DuongDan"]}
        done = looking_up.ask(world.hub, PORTAL, "result_file", wanted, **LAN)

        assert done.file is not None and done.file.size > 0


# --- lists of codes ----------------------------------------------------------------------------------------------


def laid(world: PortalWorld) -> list[tuple[str, str, str, str]]:
    with world.hub.ledger.read() as conn:
        rows = conn.execute(select(code_rows).where(code_rows.c.list_name == "national_portal_fields")).all()
    return sorted((row.code, row.name, row.valid_from, row.valid_to) for row in rows)


class Holding:
    """A portal's transport whose list of codes says something else."""

    def __init__(self, real: Any, told: dict[str, str]) -> None:
        self._real, self.told = real, told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @property
    def code_lists(self) -> dict[str, str]:
        return {FIELDS: "national_portal_fields"}

    def codes_of(self, name: str) -> tuple[tuple[str, str], ...]:
        return tuple(self.told.items())


def held(world: PortalWorld, **told: str) -> PortalWorld:
    holding = Holding(world.hub.transports(world.hub.endpoint(PORTAL)), {name: text for name, text in told.items()})
    return replace(world, hub=replace(world.hub, transports=lambda _: holding))


def test_codes_are_shown_first_and_taken_over_with_their_days(world: PortalWorld) -> None:
    (seen,) = partner_codes.pull(world.hub, PORTAL, FIELDS, **LAN)
    assert seen.fetched > 0 and seen.taken is None
    assert {each.what for each in seen.differences} == {"new"}
    assert laid(world) == []

    (done,) = partner_codes.pull(world.hub, PORTAL, FIELDS, take=True, **LAN)
    (again,) = partner_codes.pull(world.hub, PORTAL, FIELDS, take=True, **LAN)

    assert done.taken == seen.fetched == len(laid(world))
    # What a list says of which nothing was known holds for older dossiers, too.
    assert {begin for _, _, begin, _ in laid(world)} == {""}
    assert (again.taken, again.differences, again.same) == (0, (), seen.fetched)
    assert [each["set"] for each in entries(world, "codes.pulled")] == [seen.fetched]
    assert broken_rows(world.hub.ledger) == []


def test_nothing_is_replaced_what_was_before_keeps_its_days(world: PortalWorld) -> None:
    partner_codes.pull(held(world, a="Một", b="Hai", c="Ba").hub, PORTAL, FIELDS, take=True, **LAN)
    world.later(86_400)

    changed = held(world, a="Một", b="Hai mới", d="Bốn")
    (done,) = partner_codes.pull(changed.hub, PORTAL, FIELDS, take=True, **LAN)

    assert sorted((each.code, each.what) for each in done.differences) == [("b", "renamed"), ("c", "gone"), ("d", "new")]
    assert laid(world) == [
        ("a", "Một", "", ""),
        ("b", "Hai", "", "2026-03-03"),
        ("b", "Hai mới", "2026-03-03", ""),
        ("c", "Ba", "", "2026-03-03"),
        ("d", "Bốn", "2026-03-03", ""),
    ]
    # The same day once more, with another name: that row held on no day.
    partner_codes.pull(held(world, a="Một", b="Hai mới hơn", d="Bốn").hub, PORTAL, FIELDS, take=True, **LAN)
    assert [row[1:] for row in laid(world) if row[0] == "b"] == [("Hai", "", "2026-03-03"), ("Hai mới hơn", "2026-03-03", "")]


def test_a_row_that_somebody_laid_for_later_stays(world: PortalWorld) -> None:
    partner_codes.pull(held(world, a="Một").hub, PORTAL, FIELDS, take=True, **LAN)
    mappings.set_code(world.hub, "national_portal_fields", "b", "b", name="Sau", valid_from=date(2026, 7, 1), **LAN)

    partner_codes.pull(held(world, a="Một", b="Nay").hub, PORTAL, FIELDS, take=True, **LAN)

    assert [row[1:] for row in laid(world) if row[0] == "b"] == [("Nay", "2026-03-02", "2026-07-01"), ("Sau", "2026-07-01", "")]


def test_codes_that_cannot_be_rows_are_named_and_left_alone(small: PortalWorld) -> None:
    odd = held(small, a="Một", **{"": "Không mã", "x\0": "NUL", "y" * 300: "dài"})

    (done,) = partner_codes.pull(odd.hub, PORTAL, FIELDS, take=True, **LAN)

    assert [row[0] for row in laid(small)] == ["a"]
    assert done.taken == 1 and done.faulty == ("?",)


def test_two_at_once_take_over_once(world: PortalWorld) -> None:
    hub = held(world, **{f"c{number}": f"Mã {number}" for number in range(300)}).hub
    threads = [
        threading.Thread(target=lambda: partner_codes.pull(hub, PORTAL, FIELDS, take=True, **LAN)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(laid(world)) == 300
    assert broken_rows(world.hub.ledger) == []


@pytest.mark.parametrize(("endpoint", "name"), [(ONE_STOP, ""), (PORTAL, "LayDanhMucTonGiao")])
def test_lists_whose_fields_nobody_knows_are_not_taken_over(small: PortalWorld, endpoint: str, name: str) -> None:
    with pytest.raises(NotAllowed):
        partner_codes.pull(small.hub, endpoint, name, take=True, **LAN)


# --- figures -----------------------------------------------------------------------------------------------------


def said(number: int, status: str = "4", **more: Any) -> dict[str, Any]:
    """Write a dossier of the one-stop software."""
    record = {
        "MaHoSo": f"H99.{10 + number % 2}-260302-{number:04}",
        "MaTTHC": "1.990001",
        "TenTTHC": "Thủ tục",
        "MaLinhVuc": "G99-TN01",
        "TenLinhVuc": "Lĩnh vực",
        "LoaiDoiTuong": "1",
        "NgayTiepNhan": "20260302081500",
        "NgayHenTra": "20260309170000",
        "TrangThaiHoSo": status,
        "HinhThuc": "0",
        "DonViXuLy": f"Đơn vị {number % 2}",
        **more,
    }
    return {"HoSo": record, "TienDo": []}


def month_over(world: PortalWorld, number: int = 3) -> None:
    for each in range(number):
        answer = world.say(said(each), f"said-{each}")
        assert answer.status == 202, answer.body
    world.later(40 * 86_400)
    statistics.make(world.hub, "II.06a", "2026-03", **LAN)


def of_figures(world: PortalWorld) -> list[Any]:
    return [each for each in all_deliveries(world.hub.ledger) if each.kind == "statistics"]


def test_a_month_s_figures_are_sent_once_however_often_it_is_asked(world: PortalWorld) -> None:
    month_over(world)

    first = figures.send(world.hub, PORTAL, "2026-03", kind="1", **LAN)
    second = figures.send(world.hub, PORTAL, "2026-03", kind="1", **LAN)
    world.carry_all()
    third = figures.send(world.hub, PORTAL, "2026-03", kind="1", **LAN)

    assert [(each.agency, each.outcome) for each in first.agencies] == [("H99.10", "sent"), ("H99.11", "sent")]
    assert {each.outcome for each in (*second.agencies, *third.agencies)} == {"already"}
    assert {each.state for each in third.agencies} == {State.DELIVERED.value}
    shown = world.portal.account()["figures"]
    assert [(row["Madonvi"], row["Thang"], row["SoNhanTrongKy"], row["LoaiThongKe"]) for row in shown] == [
        ("H99.10", "3", "2", "1"), ("H99.11", "3", "1", "1"),
    ]  # fmt: skip
    assert len(entries(world, "statistics.sent")) == 3
    assert {row.endpoint for row in all_messages(world.hub.ledger) if row.kind == "statistics"} == {"hub"}
    assert broken_rows(world.hub.ledger) == []


def test_figures_that_changed_are_sent_again(small: PortalWorld) -> None:
    month_over(small, 1)
    figures.send(small.hub, PORTAL, "2026-03", **LAN)
    small.say(said(0, "9", NgayKetThucXuLy="20260306150000"), "done")
    small.later(60)
    statistics.make(small.hub, "II.06a", "2026-03", **LAN)

    changed = figures.send(small.hub, PORTAL, "2026-03", **LAN)
    small.carry_all()

    assert {each.outcome for each in changed.agencies} == {"sent"}
    told = [(row["TongDaXuLy"], row["TongChuaXuLy"]) for row in small.portal.account()["figures"]]
    assert told == [("0", "1"), ("1", "0")]


def test_figures_that_came_back_are_sent_again_so_that_the_last_word_is_right(small: PortalWorld) -> None:
    about = {"month": 3, "year": 2026, "agency": Agency(code="H99.10")}
    one, other = Figures(**about, received=1, open_on_time=1), Figures(**about, received=2, open_on_time=2)

    for given in (one, other, one, one):
        figures._send(small.hub, PORTAL, given, "lan", "kiểm thử")
    small.carry_all()

    assert [row["SoNhanTrongKy"] for row in small.portal.account()["figures"]] == ["1", "2", "1"]


def test_two_at_once_send_once(world: PortalWorld) -> None:
    month_over(world)
    done: list[Any] = []
    threads = [
        threading.Thread(target=lambda: done.append(figures.send(world.hub, PORTAL, "2026-03", **LAN))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(done) == 4
    assert len(of_figures(world)) == 2


def test_of_an_agency_alone(small: PortalWorld) -> None:
    month_over(small)

    done = figures.send(small.hub, PORTAL, "2026-03", agency="H99.11", **LAN)

    assert [each.agency for each in done.agencies] == ["H99.11"]
    assert done.left_out == 0


@pytest.mark.parametrize(
    ("endpoint", "period", "why"),
    [(PORTAL, "2026-02", "period"), (PORTAL, "2026-Q1", "period"), (ONE_STOP, "2026-03", "endpoint"), (PORTAL, "x", "period")],
)
def test_without_a_report_or_who_takes_it_nothing_is_sent(small: PortalWorld, endpoint: str, period: str, why: str) -> None:
    month_over(small)

    with pytest.raises(NotAllowed) as told:
        figures.send(small.hub, endpoint, period, **LAN)

    assert told.value.where == why
    assert of_figures(small) == []
    assert entries(small, "statistics.sent") == []


def test_a_report_that_was_made_before_the_month_was_over_is_not_sent(small: PortalWorld) -> None:
    small.say(said(0), "said")
    statistics.make(small.hub, "II.06a", "2026-03", **LAN)
    small.later(40 * 86_400)

    with pytest.raises(NotAllowed):
        figures.send(small.hub, PORTAL, "2026-03", **LAN)


def test_a_portal_that_is_away_is_told_by_name(small: PortalWorld) -> None:
    small.portal.stop()

    with pytest.raises(NotSent):
        looking_up.ask(small.hub, PORTAL, "TraCuuTechID", {"mstorcmnd": "000000000000"}, **LAN)
    # That somebody tried stands there all the same.
    assert len(entries(small, "operator.look_up")) == 1




# --- alerts ------------------------------------------------------------------------------------------------------


def late(world: PortalWorld) -> list[tuple[str, str]]:
    """Give the alerts about lists that are seen now."""
    facts = alerting.look(world.hub, world.hub.now())
    seen = alert_conditions.judge(world.hub.alerts, facts, world.hub.now())
    return [(each.about, each.page) for each in seen.conditions if each.kind == "pull_late"]


def test_a_list_that_cannot_be_pulled_becomes_an_alert_and_ends(world: PortalWorld) -> None:
    assert late(world) == []
    world.pull()
    world.later(3_500)
    assert late(world) == []

    world.later(500)

    assert late(world) == [(f"{PORTAL}/{SHARED_DOSSIERS}", f"/pulls/{PORTAL}/{SHARED_DOSSIERS}")]
    world.pull()
    assert late(world) == []


def test_one_failure_after_somebody_hurried_is_no_alert(small: PortalWorld) -> None:
    small.pull()
    pulls.now(small.hub, PORTAL, **LAN)
    small.portal.faults.add("status", times=1, value=503, match="DanhSachHoSo")
    small.pull()

    assert small.list_row().failures == 1
    assert late(small) == []


def test_a_list_that_never_could_be_pulled_is_one_too(small: PortalWorld) -> None:
    small.portal.stop()
    small.pull()

    assert [about for about, _ in late(small)] == [f"{PORTAL}/{SHARED_DOSSIERS}"]
