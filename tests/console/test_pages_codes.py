"""Codes on pages: an officer sees what is wrong with codes of real traffic, and what each was and is; no person is named."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.message import to_json
from hub.canonical.party import Agency, Party
from tests.console import office as offices
from tests.console.office import Office, office
from tests.support import acceptances as make
from tests.support.hub import SENDER


def words(page: str) -> str:
    """Give the words of a page, with one blank between them."""
    return " ".join(offices.words(page).split())


def receive(opened: Office, code: str, agency: str, submitted: str, **form: Any) -> None:
    """Record a message as accepted."""
    dossier = Dossier(
        code=code,
        procedure=ProcedureRef(code="1.004616", field_code="G13-TN01"),
        applicant=Party(name="Nguyễn Thử Nghiệm"),
        agency=Agency(code=agency),
        submitted_at=datetime.fromisoformat(submitted).replace(tzinfo=VIETNAM) if submitted else None,
        form=form,
    )
    said = DossierMessage(event=Event.STATUS, dossier=dossier)
    opened.hub.ledger.record_received(make.acceptance(said.subject, to_json(said), endpoint=SENDER, at=opened.hub.now() - 60))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office into which codes of all kinds came."""
    with office(tmp_path_factory.mktemp("codes") / "config") as opened:
        fill(opened)
        yield opened


def fill(opened: Office) -> None:
    receive(opened, "H62.14-250612-0001", "H62.14", "2025-06-12", MaTinh="26", MaHuyen="243")
    receive(opened, "2", "H62", "2026-02-12", MaTinh="26", TenTinh="Vĩnh Phúc", MaHuyen="243")
    receive(opened, "3", "H38", "", MaTinh="15")
    receive(opened, "4", "H99.01", "2026-02-12", MaTinh="001099012345")
    receive(opened, "5", "H55.21", "2026-02-12", MaTinh="19", TenTinh="Thái Nguyên")


def test_an_officer_sees_what_is_wrong_and_who_answers_today(fresh: Office) -> None:
    said = words(fresh.seat("danh_muc").page("/codes"))

    assert "Đã xem 5 thông điệp" in said
    for text in ("chưa có trong danh mục", "đã đóng mà còn dùng", "hai nghĩa, thiếu ngày", "không còn cấp huyện"):
        assert text in said
    assert "H44 Phú Thọ" in said
    assert "001099012345" not in said and "Nguyễn" not in said
    assert "không đúng dạng mã" in said


def test_a_code_leads_to_its_history(fresh: Office) -> None:
    seat = fresh.seat("danh_muc")
    assert 'href="/codes/one?code=H62.14"' in seat.page("/codes")

    said = words(seat.page("/codes/one", code="H62.14"))
    assert "H62.14 → H44" in said
    assert "chưa đối chiếu" in said
    assert "Vĩnh Phúc" in said
    before = words(seat.page("/codes/one", code="H62.14", day="2025-06-30"))
    assert "đang dùng theo cấp 1" in before


def test_no_link_of_the_page_is_dead(fresh: Office) -> None:
    receive(fresh, "6", "H38", "2026-02-12", MaTinh="99")
    receive(fresh, "7", "?? lạ", "2026-02-12", MaTinh="26")
    seat = fresh.seat("danh_muc")
    page = seat.page("/codes")

    links = {html.unescape(link) for link in re.findall(r'href="(/codes/one[^"]*)"', page)}
    assert {link: seat.get(link).status for link in links if seat.get(link).status != 200} == {}
    assert "/codes/one?code=H99.01" in links
    assert ">99 " in page.replace("</span>", " ")


def test_an_area_of_two_meanings_and_an_old_identifier_say_so(fresh: Office) -> None:
    seat = fresh.seat("danh_muc")

    assert "có nghĩa khác nhau theo ngày" in words(seat.page("/codes/one", code="15"))
    page = seat.page("/codes/one", code="000.00.14.H62")
    assert "Đổi máy móc sang dạng mới là H62.14" in words(page)
    assert 'href="/mappings/aliases?code=000.00.14.H62&amp;value=H62.14"' in page
    assert "/mappings/aliases?" not in fresh.seat("xem").page("/codes/one", code="000.00.14.H62")


def test_what_is_nowhere_is_told_at_its_field(fresh: Office) -> None:
    answer = fresh.seat("xem").get("/codes/one", code="nothing")

    assert answer.status == 409
    assert "không có trong danh mục" in words(answer.body.decode())


@pytest.mark.parametrize("query", [{"count": "0"}, {"count": "x"}, {"days": "-1"}, {"count": "999999999"}])
def test_a_wrong_number_is_told_at_its_field(fresh: Office, query: dict[str, str]) -> None:
    assert fresh.seat("xem").get("/codes", **query).status == 422


def test_somebody_of_another_province_sees_no_codes_of_this_one(fresh: Office) -> None:
    said = words(fresh.seat("noi_khac").page("/codes"))

    assert "Các thông điệp này không có mã nào" in said
    assert fresh.seat("noi_khac").get("/codes", endpoint=SENDER).status in (403, 404)


def test_pages_are_there_in_english(fresh: Office) -> None:
    seat = fresh.seat("danh_muc", "en")

    assert "closed, still used" in words(seat.page("/codes"))
    assert "Codes of agencies and areas" in words(seat.page("/codes"))
    assert "Who answers for it" in words(seat.page("/codes/one", code="H62"))


def test_lists_say_what_is_shipped_and_what_is_not_corroborated(fresh: Office) -> None:
    seat = fresh.seat("danh_muc")

    assert "agencies 162" in words(seat.page("/mappings"))
    said = words(seat.page("/mappings/agencies", q="H62"))
    assert "kèm theo phần mềm" in said and "chưa đối chiếu" in said
