"""Pages of lists, look-ups, codes and figures: an operator sees how far each list was pulled, asks a partner, and tells it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub import bootstrap
from hub.edge.console.app import make_console
from hub.edge.http.server import HttpServer
from tests.console import office as offices
from tests.console.office import Office, Seat
from tests.support.portal_world import PORTAL, QUESTIONS_ASKED, SHARED_DOSSIERS, PortalWorld, portal_world


@dataclass
class Desk:
    """The portal's world, and who looks at it."""

    world: PortalWorld
    office: Office

    def seat(self, login: str = "an", language: str = "vi") -> Seat:
        return self.office.seat(login, language)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A hub that pulls two lists: of one an item was refused, the other could not be asked for."""
    with portal_world(tmp_path_factory.mktemp("pulls"), pull=[SHARED_DOSSIERS, QUESTIONS_ASKED]) as world:
        world.portal.verbs["list_dossier"]({})
        world.portal.verbs["list_dossier"]({"spoilt": {"MaTTHC": ""}})
        world.pull()
        world.portal.faults.add("status", times=1, value=503, match=QUESTIONS_ASKED)
        world.pull(name=QUESTIONS_ASKED)
        app = make_console(world.hub, bootstrap.load_settings(world.folder))
        with HttpServer(app, socket.create_server(("127.0.0.1", 0)), None, lambda _url: None) as server:
            yield Desk(world, Office(cast(Any, SimpleNamespace(hub=world.hub)), server.url))


def words(page: str) -> str:
    return " ".join(offices.words(page).split())


def test_each_list_says_how_far_it_was_pulled_and_what_is_wrong(desk: Desk) -> None:
    said = words(desk.seat().page("/pulls"))

    assert "DanhSachHoSo Cổng dvcqg 02/03/2026 09:00 02/03/2026 09:05 1" in said
    assert "LayDanhSachHoiDapGuiTuDVCQG Cổng dvcqg chưa lần nào" in said
    assert "1 × busy" in said
    assert "Lấy ngay" in said
    assert "Lấy ngay" not in words(desk.seat("xem").page("/pulls"))


def test_one_list_shows_what_was_not_taken_in_both_languages(desk: Desk) -> None:
    address = f"/pulls/{PORTAL}/{SHARED_DOSSIERS}"

    assert "bị từ chối" in words(desk.seat().page(address))
    english = words(desk.seat(language="en").page(address))
    assert "turned away" in english and "20260302090000" in english
    assert desk.seat().get(f"/pulls/{PORTAL}/KhongCo").status == 404


def test_a_list_is_hurried_with_a_reason(desk: Desk) -> None:
    seat = desk.seat()
    assert seat.post("/do/pull/now", {"endpoint": PORTAL, "list_name": QUESTIONS_ASKED}).status == 422

    done = seat.post("/do/pull/now", {"endpoint": PORTAL, "list_name": QUESTIONS_ASKED, "why": "Cổng đã trở lại"})

    assert (done.status, done.location) == (303, "/pulls")
    assert desk.world.list_row(QUESTIONS_ASKED).next_at == desk.world.hub.now()


def test_an_answer_is_shown_once_and_what_is_wrong_stands_in_the_form(desk: Desk) -> None:
    seat = desk.seat()
    asked = {"endpoint": PORTAL, "service": "TraCuuTechID", "asked": "mstorcmnd=000000000000", "why": "đối chiếu"}

    assert "tech-0001" in words(offices.text(seat.post("/lookup", asked)))
    wrong = seat.post("/lookup", asked | {"asked": "khac=1"})
    assert wrong.status == 409
    assert "không hỏi theo trường này" in words(offices.text(wrong))
    assert seat.post("/lookup", asked | {"why": ""}).status == 422
    assert "TraCuuTechID" in words(seat.page("/lookup", endpoint=PORTAL))


def test_codes_are_compared_and_taken_over_from_the_page(desk: Desk) -> None:
    seat = desk.seat()
    asked = {"endpoint": PORTAL, "list_name": "LayDanhMucLinhVuc", "why": "kiểm tra"}

    assert "G99-TN01 mới" in words(offices.text(seat.post("/codes/pull", asked)))
    taken = words(offices.text(seat.post("/codes/pull", asked | {"take": "true"})))
    assert "Đã cập nhật từ hôm nay" in taken
    assert "Hai bên giống nhau." in words(offices.text(seat.post("/codes/pull", asked)))


def test_figures_without_a_report_are_refused_in_the_form(desk: Desk) -> None:
    told = desk.seat().post("/statistics/send", {"endpoint": PORTAL, "period": "2026-02", "why": "báo cáo"})

    assert told.status == 409
    assert "chưa có báo cáo" in words(offices.text(told))


@pytest.mark.parametrize("path", ["/lookup", "/codes/pull", "/statistics/send", "/do/pull/now"])
def test_who_only_looks_changes_and_asks_nothing(desk: Desk, path: str) -> None:
    asked = {"endpoint": PORTAL, "service": "TraCuuTechID", "period": "2026-03", "why": "x"}

    assert desk.seat("xem").post(path, asked).status == 403
