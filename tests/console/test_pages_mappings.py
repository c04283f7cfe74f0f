"""Code lists and dry runs on pages: a missing code leads to its mending, is tried first, and the deliveries then go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.rules.lifecycle import State
from tests.console.office import Office, found, office, text, words

LIST = "template_procedures"
CODE = {"list_name": LIST, "code": "9.999999", "value": "TT-99", "name": "Thủ tục mới"}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Office]:
    """An office of which nobody has mended the list yet."""
    with office(tmp_path / "config") as opened:
        opened.night.unmapped(1, "H1")
        opened.night.send(2, "H1")
        yield opened


def test_from_the_group_to_the_mended_list_and_back(fresh: Office) -> None:
    seat = fresh.seat("an")
    group = found(seat.page("/failures"), r'href="(/failures/[0-9a-f]{10})"')
    link = found(seat.page(group), r'href="(/mappings/[^"]+)"').replace("&amp;", "&")
    form = seat.page(f"{link}&back={group}")
    answer = seat.post("/mappings", {**CODE, "why": "bộ cấp mã mới", "back": group})
    plan = {"group": group.rpartition("/")[2], "verb": "rebuild", "back": group}
    planned = seat.post("/do/replay/plan", {**plan, "why": "đã bổ sung mã"})

    assert 'value="9.999999"' in form
    assert f'name="back" value="{group}"' in form
    assert (answer.status, answer.location) == (303, group)
    assert planned.location.startswith("/replays/")
    rows = words(seat.page(f"/mappings/{LIST}"))
    assert "bổ sung trên trục" in rows
    assert "bộ cấp mã mới" in rows


def test_a_mended_code_cures_what_waits_for_it(fresh: Office) -> None:
    head, _ = fresh.night.deliveries("H1")
    assert "9.999999" in words(fresh.seat("danh_muc").page("/mappings"))
    answer = fresh.seat("danh_muc").post("/mappings", {**CODE, "why": "bộ cấp mã mới"})
    fresh.seat("an").post("/do/rebuild", {"delivery": head.id, "why": "đã có mã"})
    fresh.night.carry()

    assert answer.location == f"/mappings/{LIST}?code=9.999999"
    assert fresh.night.states("H1") == [State.DELIVERED, State.DELIVERED]


def test_a_code_can_be_taken_back_but_not_one_of_a_file(fresh: Office) -> None:
    seat = fresh.seat("danh_muc")
    seat.post("/mappings", {**CODE, "why": "nhầm"})
    page = seat.page(f"/mappings/{LIST}")
    remove = found(page, r'href="(/do/mapping/remove[^"]+)"').replace("&amp;", "&")

    assert page.count("/do/mapping/remove") == 1
    assert 'value="9.999999"' in seat.page(remove)
    answer = seat.post("/do/mapping/remove", {"list_name": LIST, "code": "9.999999", "why": "nhầm danh mục"})
    of_file = seat.post("/do/mapping/remove", {"list_name": LIST, "code": "1.000001", "why": "thử"})

    assert answer.status == 303
    assert "TT-99" not in seat.page(f"/mappings/{LIST}")
    assert of_file.status == 409


def test_faults_of_a_code_stand_at_its_fields(fresh: Office) -> None:
    answer = fresh.seat("danh_muc").post("/mappings", {**CODE, "code": "", "valid_from": "hôm qua", "why": ""})
    page = text(answer)

    assert answer.status == 422
    for name in ("code", "valid_from", "why"):
        assert found(page, rf'id="(f-{name})-wrong"')
    assert ">TT-99</textarea>" in page


def test_a_dry_run_shows_what_would_be_cured_and_changes_nothing(fresh: Office) -> None:
    seat = fresh.seat("danh_muc")
    prefilled = seat.page("/dry-run", list=LIST, code="9.999999", value="TT-99")
    answer = seat.post("/dry-run", {"codes": f"{LIST};9.999999;TT-99;Thủ tục mới", "count": "50"})
    told = words(text(answer))

    assert f"{LIST};9.999999;TT-99;" in prefilled
    assert answer.status == 200
    assert "hết lỗi" in told
    assert "Thay đổi này chữa được lỗi" in told
    assert 'action="/mappings"' in text(answer)
    assert fresh.night.states("H1") == [State.PARKED, State.HELD]
    assert "TT-99" not in fresh.seat("an").page(f"/mappings/{LIST}")


def test_the_form_for_a_code_can_be_tried_before_it_is_saved(fresh: Office) -> None:
    answer = fresh.seat("danh_muc").post("/dry-run", {**CODE, "valid_from": "", "valid_to": "", "why": "", "back": "/"})

    assert answer.status == 200
    assert "hết lỗi" in words(text(answer))


def test_a_dry_run_from_a_group_leads_back_to_it(fresh: Office) -> None:
    group = found(fresh.seat("an").page("/failures"), r'href="/failures/([0-9a-f]{10})"')
    page = text(fresh.seat("an").post(f"/dry-run?group={group}", {**CODE, "why": "", "back": f"/failures/{group}"}))

    assert f'name="group" value="{group}"' in page or f'value="{group}"' in page
    assert f'href="/failures/{group}"' in page
    assert "hết lỗi" in words(page)


def test_a_changed_file_is_tried_and_what_it_breaks_is_said_first(fresh: Office) -> None:
    seat = fresh.seat("quan_tri")
    fresh.night.send(3, "H3")
    lists = "code,value,name,valid_from,valid_to\n2.2,TT-22,Khác,2020-01-01,\n"
    answer = seat.post("/dry-run", {"file": f"codes/{LIST}.csv", "text": lists})

    assert answer.status == 200, words(text(answer))
    assert "làm hỏng" in words(text(answer))
    assert fresh.night.states("H3") == [State.DELIVERED]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"codes": "chi mot o"}, "codes"),
        ({"count": "100000", "codes": f"{LIST};1;2;3"}, "count"),
        ({"file": "/etc/passwd", "text": "x"}, ""),
        ({}, ""),
    ],
)
def test_what_cannot_be_tried_is_told_at_its_field(fresh: Office, fields: dict[str, str], field: str) -> None:
    answer = fresh.seat("danh_muc").post("/dry-run", fields)

    assert answer.status in (409, 422), words(text(answer))
    assert f'id="d-{field}-wrong"' in text(answer) if field else 'class="fault"' in text(answer)
    assert "root:" not in text(answer)
