"""Pages of border documents: where each stands, what was used of it, what is to be decided; content only for a reason."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub import bootstrap
from hub.canonical.border.message import AnswerResult, BorderEvent, TechnicalState
from hub.edge.console.app import make_console
from hub.edge.http.server import HttpServer
from hub.rules.people import Role
from tests.console import office as offices
from tests.console.markup import faults
from tests.console.office import Office, Seat
from tests.support.border_world import (
    ASW,
    EPHYTO,
    MOIT,
    WINDOW,
    Border,
    about,
    answered,
    form_d,
    issued,
    opened,
    plants,
    tracked,
    used,
)

USED, OVER, CANCELLED, PLANT = "VN-ID 26/02/00017", "VN-ID 26/02/00018", "VN-ID 26/02/00019", "ID-2026-0001"
#: Works on the Single Window alone, where no border document goes.
APART = "chi_mot_cua"
PEOPLE = {**offices.PEOPLE, APART: ([Role.OPERATOR, Role.APPROVER], [WINDOW])}
#: Stands in the certificates; on no page but a print.
NAMES = ("CONG TY MAU", "PT CONTOH", "THU NGHIEM", "Duong Thu Nghiem")


@dataclass
class Desk:
    """What the hub heard of border documents, and who looks at it."""

    world: Border
    office: Office

    def seat(self, login: str = "an", language: str = "vi") -> Seat:
        return self.office.seat(login, language)


def heard(world: Border) -> None:
    """Say something of four documents: used, used too much, cancelled after use, and one that came in."""
    for number in (USED, OVER, CANCELLED):
        given = issued(form_d(number))
        assert world.say(MOIT, given).status == 200
        world.say(ASW, tracked(given, TechnicalState.SENT, "AS1"))
        world.say(ASW, tracked(given, TechnicalState.DELIVERED, "AS4"))
        world.say(ASW, answered(given, AnswerResult.AVAILABLE))
        amount = "30000" if number == OVER else "5000"
        assert world.say(ASW, answered(given, AnswerResult.GIVEN, declaration="100200300", items=[used(1, amount)])).status == 200
    cancelled = world.say(MOIT, about(issued(form_d(CANCELLED)), BorderEvent.CANCELLED, reason="sai trọng lượng"))
    assert cancelled.status == 200, cancelled.body
    assert world.say(EPHYTO, issued(plants(PLANT))).status == 200


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("border") / "config"
    with opened(folder, "sqlite:///ledger.db") as world:
        heard(world)
        app = make_console(world.hub, bootstrap.load_settings(folder))
        with HttpServer(app, socket.create_server(("127.0.0.1", 0)), None, lambda _url: None) as server:
            yield Desk(world, Office(cast(Any, SimpleNamespace(hub=world.hub)), server.url, people=PEOPLE))


def words(page: str) -> str:
    return " ".join(offices.words(page).split())


def address(number: str, document: str = "origin", country: str = "VN") -> str:
    return f"/border/{document}/{country}/{number.replace(' ', '%20').replace('/', '%2F')}"


def test_a_list_says_where_each_document_stands_and_names_nobody(desk: Desk) -> None:
    page = desk.seat("xem").page("/border")
    said = words(page)

    assert faults(page) == []
    assert f"{USED} C/O mẫu D Việt Nam (VN) → Indonesia (ID) cho hưởng ưu đãi Đã tới nơi AS4" in said
    assert "Đã sử dụng vượt lượng được chứng nhận" in said
    assert f"{PLANT} Kiểm dịch thực vật Indonesia (ID) → Việt Nam (VN)" in said
    assert [name for name in NAMES if name in page] == []


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ({"document": "phyto"}, [PLANT]),
        ({"mark": "over_used"}, [OVER]),
        ({"state": "cancelled"}, [CANCELLED]),
        ({"number": "vn-id 26/02/00017"}, [USED]),
        ({"country": "th"}, []),
        ({"clock": "hop"}, []),
    ],
)
def test_a_list_can_be_narrowed(desk: Desk, query: dict[str, str], listed: list[str]) -> None:
    said = words(desk.seat().page("/border", **query))

    assert [number for number in (USED, OVER, CANCELLED, PLANT) if number in said] == listed


def test_one_document_shows_its_way_on_three_axes_its_items_and_its_clocks(desk: Desk) -> None:
    page = desk.seat().page(address(USED))
    said = words(page)

    assert faults(page) == []
    assert "Truyền nhận Đã gửi Đã tới nơi" in said
    assert "AS1: Cổng ASW nước gửi đã nhận" in said and "AS4: Cơ quan nước nhận đã nhận" in said
    assert "Nghiệp vụ đã cấp" in said and 'class="now" aria-current="step">cho hưởng ưu đãi' in page
    assert "1 08109092 20.010,5 kg" in said and "5.000 kg trong hạn mức" in said
    assert "Hết hiệu lực" in said and "100200300" in said
    assert [name for name in NAMES if name in page] == []


def test_english_pages_are_english(desk: Desk) -> None:
    for path in ("/border", address(OVER)):
        said = words(desk.seat(language="en").page(path))

        assert not [letter for letter in "ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ" if letter in said], said


def test_content_is_seen_by_who_gives_a_reason_and_the_document_remembers_it(desk: Desk) -> None:
    seat, viewer = desk.seat("thanh_tra"), desk.seat("xem")
    assert viewer.get(f"{address(USED)}/print").status == 403
    assert seat.get(f"{address(USED)}/print").location == address(USED)
    key = f"border:origin:VN:{USED}"
    assert seat.post("/do/border/print", {"name": key, "language": "vi"}).status == 422

    done = seat.post("/do/border/print", {"name": key, "language": "vi", "why": "hải quan đề nghị đối chiếu"})
    print_page = seat.get(done.location)

    assert done.status == 303 and print_page.status == 200
    html = offices.text(print_page)
    assert [each for each in faults(html) if "<style>" not in each] == []
    for name in (*NAMES, "MẪU D", "FRESH DRAGON FRUIT", "20010.5 kg"):
        assert name in html
    policy = print_page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    journal = words(desk.seat("quan_tri").page("/journal", verb="border print"))
    assert "thanh_tra" in journal and "hải quan đề nghị đối chiếu" in journal


def test_what_was_cancelled_says_so_on_its_print(desk: Desk) -> None:
    seat = desk.seat("duyet")
    done = seat.post("/do/border/print", {"name": f"border:origin:VN:{CANCELLED}", "language": "en", "why": "kiểm tra"})

    assert "CANCELLED, NO LONGER VALID" in offices.text(seat.get(done.location))


def test_a_phytosanitary_certificate_is_printed_in_its_own_form(desk: Desk) -> None:
    seat = desk.seat("duyet")
    done = seat.post("/do/border/print", {"name": f"border:phyto:ID:{PLANT}", "language": "vi", "why": "kiểm tra"})
    html = offices.text(seat.get(done.location))

    assert [each for each in faults(html) if "<style>" not in each] == []
    assert "Selenicereus undatus" in html and PLANT in html


def test_an_officer_decides_with_a_reason_and_the_mark_is_closed(desk: Desk) -> None:
    seat, key = desk.seat("duyet"), f"border:origin:VN:{CANCELLED}"
    assert "Hủy sau khi đã được sử dụng" in words(seat.page(address(CANCELLED)))
    form = {"name": key, "decision": "cancelled_after_use"}
    assert desk.seat("thanh_tra").post("/do/border/decide", {**form, "why": "x"}).status == 403

    done = seat.post("/do/border/decide", {**form, "why": "đã thống nhất với hải quan"})

    assert (done.status, done.location) == (303, address(CANCELLED))
    said = words(seat.page(address(CANCELLED)))
    assert "Đã quyết định" in said and "đã thống nhất với hải quan" in said
    assert seat.post("/do/border/decide", {**form, "why": "lần nữa"}).status == 409


def test_a_document_of_ours_goes_once_more_and_one_that_came_does_not(desk: Desk) -> None:
    seat = desk.seat()
    done = seat.post("/do/border/copy", {"name": f"border:origin:VN:{USED}", "why": "hải quan Indonesia đề nghị"})

    assert (done.status, done.location) == (303, address(USED))
    assert "Truyền lại chứng từ" in words(seat.page(address(USED)))
    assert desk.world.sent(f"border:origin:VN:{USED}")[-1][:2] == (ASW, "copied")
    assert seat.post("/do/border/copy", {"name": f"border:phyto:ID:{PLANT}", "why": "x"}).status == 409
    assert seat.post("/do/border/copy", {"name": f"border:origin:VN:{CANCELLED}", "why": "x"}).status == 409


def test_a_document_that_nobody_spoke_of_is_not_there_and_who_works_elsewhere_sees_none(desk: Desk) -> None:
    assert desk.seat().get("/border/origin/VN/KHONG-CO").status == 404
    elsewhere = desk.seat(APART)

    assert "Không có chứng từ nào như vậy." in words(elsewhere.page("/border"))
    assert elsewhere.get(address(USED)).status == 404
    assert elsewhere.post("/do/border/print", {"name": f"border:origin:VN:{USED}", "why": "x"}).status == 409
