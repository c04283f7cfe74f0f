"""The National Portal, looked up by TraCuuHoSo: lost and older records, changed dates, sessions that end, what it cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.national_portal.holding import shown
from adapters.national_portal.simulator import simulator
from hub import intake, operations
from hub.app import Hub
from hub.contract import DossierHolder, Request
from hub.errors import InvalidMessage
from hub.reconcile import dossiers, mending, report
from hub.registers import reconciliations
from hub.registers.reconciliations import Finding, Run
from hub.rules.json_door import write_json
from hub.simulation import SimulatorServer
from tests.support import hub as hubs
from tests.support.clock import Clock

PORTAL = """
adapter = "national_portal"
title = "Cổng Dịch vụ công quốc gia"
[options]
base_url = "{url}"
username = "H99"
password = "invented"
madonvi = "H99"
map_procedures = false
map_fields = false
[outbound.reconcile]
rate_per_minute = 0
[outbound.services.DongBoHoSoMC]
on_doubt = "ask"
"""
NUMBERS = [f"H55.23-260302-{number:04}" for number in range(1, 6)]


@dataclass
class Place:
    """A province's hub and the portal."""

    hub: Hub
    clock: Clock
    portal: SimulatorServer
    sent: int = 0

    def send(self, code: str, status: str, due: str = "20260320170000") -> None:
        self.sent += 1
        record = {
            "MaHoSo": code,
            "MaTTHC": "1.900009",
            "TenTTHC": "Cấp giấy phép thử",
            "MaLinhVuc": "G99-TN10",
            "TenLinhVuc": "Thử nghiệm",
            "LoaiDoiTuong": "1",
            "HinhThuc": "1",
            "DonViXuLy": "UBND xã Thử Nghiệm",
            "ChuHoSo": "Nguyễn Thử Nghiệm",
            "TrangThaiHoSo": status,
            "NgayTiepNhan": "20260302081500",
            "NgayHenTra": due,
        }
        step = {"MaHoSo": code, "NguoiXuLy": "Cán bộ Thử", "ThoiDiemXuLy": "20260302090000", "TrangThai": status}
        body = write_json({"HoSo": record, "TienDo": [step]})
        request = Request(endpoint="mot_cua", body=body, content_type="application/json", idempotency_key=f"k{self.sent}")
        assert intake.receive(self.hub, request).status in (200, 202)
        hubs.carry_all(self.hub)

    def compare(self) -> tuple[Run, tuple[Finding, ...]]:
        run = dossiers.begin(self.hub, "dvcqg", actor="lan", why="đối chiếu")
        while (step := dossiers.advance(self.hub, run.id, "here")).action != "leave":
            self.clock.advance(step.seconds)
        with self.hub.ledger.read() as conn:
            return reconciliations.find(conn, run.id), reconciliations.findings(conn, run.id)

    def rows(self) -> dict[str, int]:
        return {number: len(kept["rows"]) for number, kept in self.portal.account()["dossiers"].items()}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Place]:
    clock = Clock()
    with simulator() as portal:
        routes = '[[route]]\nname = "a"\nfrom = ["mot_cua"]\nto = ["dvcqg"]\n'
        hubs.configure(tmp_path, {}, sender_adapter="one_stop", routes=routes)
        (tmp_path / "endpoints" / "dvcqg.toml").write_text(PORTAL.format(url=portal.url), encoding="utf-8")
        hub = hubs.open_hub(tmp_path, clock)
        made = Place(hub, clock, portal)
        for number in NUMBERS:
            made.send(number, "2")
            made.send(number, "4")
        yield made
        hubs.close(hub)


def differ(at: Place) -> None:
    at.portal.verbs["lose"]({"number": NUMBERS[0]})
    at.portal.verbs["change"]({"number": NUMBERS[1], "fields": {"TrangThaiHoSo": "2"}})
    at.portal.verbs["change"]({"number": NUMBERS[2], "fields": {"NgayHenTra": "20260401170000"}})


def test_each_difference_is_found_with_its_cause(at: Place) -> None:
    differ(at)

    run, found = at.compare()

    assert [(each.code, each.kind, each.cause, each.mending) for each in found] == [
        (NUMBERS[0], "missing", "lost", "send_again"),
        (NUMBERS[1], "stale", "not_applied", "send_again"),
        (NUMBERS[2], "different", "partner_changed", "tell_partner"),
    ]
    (due,) = found[2].fields
    assert (due.name, due.ours, due.theirs) == ("due_at", "2026-03-20T17:00:00+07:00", "2026-04-01T17:00:00+07:00")
    assert run.counted["same"] == 2
    assert "cơ quan" in report.untold_in_words(run)[0]


def test_mending_sends_records_only_and_ends_what_can_be_mended(at: Place) -> None:
    differ(at)
    run, _ = at.compare()
    before = at.rows()

    done = mending.mend(at.hub, run.id, actor="lan", why="đối chiếu")
    operations.run_plan(at.hub, done.release, actor="lan", why="đối chiếu")
    hubs.carry_all(at.hub)

    again, found = at.compare()
    assert [(each.code, each.kind) for each in found] == [(NUMBERS[2], "different")]
    assert at.rows() == before | {NUMBERS[0]: 0}
    assert again.counted["same"] == 4


def test_sessions_that_end_and_a_busy_portal_lose_nothing(at: Place) -> None:
    differ(at)
    at.portal.verbs["expire_sessions"]({})
    at.portal.faults.add("status", value=429, match="TraCuuHoSo", times=2)

    run, found = at.compare()

    assert (run.state, len(found), run.counted["same"]) == ("done", 3, 2)


def test_the_transport_can_be_asked(at: Place) -> None:
    asked = at.hub.transports(at.hub.endpoint("dvcqg"))

    assert isinstance(asked, DossierHolder)
    assert asked.dossier("H55.23-260302-9999").absent
    held = asked.dossier(NUMBERS[0])
    assert (held.status, held.procedure) == ("4", "1.900009")


@pytest.mark.parametrize(
    "rows",
    [
        (None,),
        ("x",),
        ({"MaHoSo": "khác"},),
        ({"MaTrangThai": ["4"]},),
        ({"NgayHenTra": "2026-13-45"},),
        ({"MaTrangThai": 10**5000},),
        ({"MaTrangThai": {"a": {"b": []}}},),
    ],
)
def test_rows_that_cannot_be_read_are_no_answer(rows: tuple[object, ...]) -> None:
    with pytest.raises(InvalidMessage):
        shown(rows, "H55", b"")


def test_a_row_that_tells_the_status_alone_is_read() -> None:
    held = shown(({"MaTrangThai": 4, "HoTenNguoiNop": "x"},), "H55", b"reply")

    assert (held.status, held.due_at, held.absent, held.shown) == ("4", None, False, b"reply")


def test_that_it_lists_no_dossiers_is_said_and_not_that_none_is_extra(at: Place) -> None:
    at.send(NUMBERS[0], "2")
    run, _ = at.compare()

    vi, en = report.extras_in_words(run)

    assert vi.startswith("không liệt kê được ở đây") and en.startswith("extras cannot be listed here")
    assert vi in report.make(at.hub, run.id, "html", actor="lan", why="in").body.decode()
