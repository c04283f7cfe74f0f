"""Catalogues on pages: imported, pulled, compared side by side, planned, mended, and what people must do."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import openpyxl
import pytest

from hub import bootstrap
from hub.edge.console.app import make_console
from hub.edge.http.server import HttpServer
from hub.reconcile.procedures import pulling
from hub.rules import procedure_sheets, spreadsheets
from tests.console.office import Office, found, text, words
from tests.support import catalogue_world
from tests.support.catalogue_world import PORTAL, PROVINCE, READ_ONLY, WHO, Catalogues

FIRST, SECOND = "1.800001", "1.800002"


def record(code: str, **more: Any) -> dict[str, Any]:
    """Write a procedure's record."""
    return {"MATTHC": code, "TENTTHC": f"Cấp giấy phép {code[-1]}", "TRANGTHAI": "1", **more}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogues]:
    with catalogue_world.opened(tmp_path_factory.mktemp("catalogues") / "config") as opened:
        papers = [{"TRUONGHOP": "", "GIAYTO": [{"MAGIAYTO": "GT1", "TENGIAYTO": "Tờ khai", "SOBANCHINH": "1"}]}]
        opened.told([record(FIRST, YEUCAU="Không", THANHPHANHOSO=papers, MucDo="4"), record(SECOND)], "k1")
        other = [{"TRUONGHOP": "", "GIAYTO": [{"MAGIAYTO": "GT1", "TENGIAYTO": "Đơn đề nghị", "SOBANCHINH": "2"}]}]
        for holder in (PORTAL, READ_ONLY):
            opened.hold(holder, [record(FIRST, YEUCAU="Có", THANHPHANHOSO=other)])
        opened.hold(PROVINCE, [record("TN-7", MucDo="3")])
        for holder in (PORTAL, READ_ONLY, PROVINCE):
            pulling.pull(opened.hub, holder, **WHO)
        yield opened


@pytest.fixture(scope="module")
def office(world: Catalogues) -> Iterator[Office]:
    app = make_console(world.hub, bootstrap.load_settings(world.folder))
    with HttpServer(app, socket.create_server(("127.0.0.1", 0)), None, lambda _url: None) as server:
        yield Office(cast("Any", SimpleNamespace(hub=world.hub)), server.url)


def test_the_overview_names_owners_and_holders(office: Office) -> None:
    page = words(office.seat("xem").page("/procedures"))

    assert "G10" in page
    assert "Cổng Dịch vụ công Quốc gia" in page
    assert "Nhập danh mục từ bảng tính" not in page


def test_what_differs_stands_side_by_side_with_since_when_and_who_must_act(office: Office) -> None:
    page = words(office.seat("xem").page("/procedures/compare", owner="G10", holder=PORTAL))

    assert "Yêu cầu, điều kiện" in page
    assert "/0/GIAYTO/0/TENGIAYTO" in page
    assert "Đơn đề nghị" in page
    assert "nơi giữ danh mục" in page


def test_codes_of_a_province_that_fit_nowhere_are_named(office: Office) -> None:
    assert "TN-7" in words(office.seat("xem").page("/procedures/compare", holder=PROVINCE))
    assert "TN-7" not in words(office.seat("xem").page("/procedures/compare", holder=PROVINCE, owner="G10"))
    assert "TN-7" not in words(office.seat("xem").page("/procedures/compare", holder=PROVINCE, code=FIRST))


def test_a_procedure_shows_its_versions_and_who_holds_it(office: Office) -> None:
    page = words(office.seat("xem").page(f"/procedures/of/G10/{FIRST}"))

    assert "đang hiệu lực" in page
    assert READ_ONLY in page


def test_from_the_difference_to_a_plan_and_its_carrying_out(office: Office, world: Catalogues) -> None:
    seat = office.seat("danh_muc")
    planned = seat.post("/do/procedures/plan", {"holder": PORTAL, "why": "đồng bộ", "back": "/procedures"})
    page = seat.page(planned.location)
    mended = seat.post("/do/procedures/mend", {"plan": planned.location.rpartition("/")[2], "why": "đã duyệt", "back": "/"})

    assert "trục gửi" in words(page)
    assert "đã đưa vào hàng gửi" in words(seat.page(mended.location))
    assert "chờ lần lấy danh mục sau" in words(seat.page("/procedures/compare", holder=PORTAL))


def test_the_work_list_can_be_taken_away_and_work_claimed(office: Office) -> None:
    seat = office.seat("danh_muc")
    planned = seat.post("/do/procedures/plan", {"holder": READ_ONLY, "why": "đồng bộ", "back": "/"})
    seat.post("/do/procedures/mend", {"plan": planned.location.rpartition("/")[2], "why": "duyệt", "back": "/"})

    link = found(seat.page("/procedures/worklist"), r'href="(/do/procedures/claim[^"]+)"').replace("&amp;", "&")
    said = {"holder": READ_ONLY, "owner": "G10", "codes": SECOND, "why": "xong", "back": "/"}
    claimed = seat.post("/do/procedures/claim", said)
    book = openpyxl.load_workbook(io.BytesIO(seat.get("/procedures/worklist.xlsx").body))

    assert "codes=" in link
    assert claimed.status == 303
    assert "báo đã làm" in words(seat.page("/procedures/worklist"))
    assert book.sheetnames == ["G10"]
    assert [row[1].value for row in book["G10"].iter_rows(min_row=2)] == [FIRST, SECOND]


def test_a_faulty_spreadsheet_is_refused_with_its_cells_and_a_sound_one_is_shown_first(office: Office, world: Catalogues) -> None:
    seat = office.seat("danh_muc")
    wrong = spreadsheets.write_workbook([("TTHC", ("Mã TTHC", "Tên TTHC", "Mức độ"), [("1.9", "", "9")])])
    right = spreadsheets.write_workbook([("TTHC", ("Mã TTHC", "Tên TTHC"), [("1.900009", "Thủ tục mới")])])

    refused = posted(seat, wrong)
    shown = posted(seat, right, dry_run="true")
    taken = posted(seat, right)

    assert refused.status in (409, 422)
    assert "TTHC!B2" in text(refused)
    assert "chưa ghi gì" in words(text(shown))
    assert "đã nhập" in words(text(taken))


def posted(seat: Any, file: bytes, **more: str) -> Any:
    """Post the form of an import, as a browser does."""
    line, fields = "ranh-gioi", {"owner": "G11", "why": "quyết định", "csrf": seat.token(), **more}
    begins = f"--{line}\r\nContent-Disposition: form-data; name="
    parts = [f'{begins}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    head = f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\nContent-Type: application/zip\r\n\r\n'
    body = b"".join([*parts, head.encode(), file, f"\r\n--{line}--\r\n".encode()])
    named = {"Content-Type": f"multipart/form-data; boundary={line}", "Origin": seat.browser.origin}
    return seat.browser.call("POST", "/procedures/import", body, named)


def test_the_template_is_read_by_what_wrote_it(office: Office) -> None:
    content = office.seat("xem").get("/procedures/template.xlsx").body
    _, faults = procedure_sheets.read(content, "mau.xlsx")

    assert [fault.en for fault in faults] == ["the file has no procedures"]
