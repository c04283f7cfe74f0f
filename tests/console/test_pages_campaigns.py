"""Campaigns on pages: made, planned from a file, prepared, ticked, raised; what is left is said and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.edge.plain import plain
from hub.operations import campaign_plans, campaigns
from tests.console.office import Office, found, office, text, words
from tests.support.campaign_world import PROVINCE, WHO, procedure, tell

UNIT = "H55.12"
#: A level that needs no test dossier: here pages are looked at.
LEVELS = "code,value,name,valid_from,valid_to\n4,record components forms payment,Toàn trình,,\n"
PLAN = f"Mã thủ tục,Mã đơn vị,Ngày nâng\n1.001,{UNIT},2026-03-16\n1.002,{UNIT},2026-03-17\n1.003,H55.13,2026-03-23\n"
MAKING = {"agency": PROVINCE, "title": "Nâng mức <2026>", "level": "4", "goal_percent": "60", "why": "QĐ 123"}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Office]:
    """An office with a province's catalogue."""
    with office(tmp_path / "config") as opened:
        (tmp_path / "config" / "codes" / "service_levels.csv").write_text(LEVELS, encoding="utf-8")
        listed = [procedure("1.001"), procedure("1.002", fee="10000"), procedure("1.003", papers=0), procedure("1.004", level=4)]
        tell(opened.hub, PROVINCE, listed)
        yield opened


def made(fresh: Office) -> str:
    """Make a campaign on its page; give the address of the campaign's own."""
    answer = fresh.seat("danh_muc").post("/do/campaign/make", {**MAKING, "first_day": "2026-03-02", "last_day": "2026-06-30"})
    assert answer.status == 303, words(text(answer))
    return answer.location


def planned(fresh: Office) -> str:
    page = made(fresh)
    campaign_plans.plan_file(fresh.hub, page.rpartition("/")[2], PLAN.encode(), "p.csv", **WHO)
    return page


def test_from_an_empty_page_to_a_campaign_and_its_plan(fresh: Office) -> None:
    seat = fresh.seat("danh_muc")
    assert "Chưa có chiến dịch nào" in words(seat.page("/campaigns"))
    page = planned(fresh)

    assert found(seat.page("/campaigns"), r'<a href="(/campaigns/[0-9a-f-]{36})">Nâng mức &lt;2026&gt;') == page
    shown = words(seat.page(page))
    assert "25 %" in shown and "mục tiêu 3 dịch vụ; kế hoạch đã đủ" in shown
    assert seat.page(page).count('<svg class="plot"') == 2
    template = seat.get("/campaigns/template.xlsx")
    assert (template.status, template.body[:2]) == (200, b"PK")


def test_what_is_raised_and_what_is_left_is_said(fresh: Office) -> None:
    seat, page = fresh.seat("danh_muc"), planned(fresh)
    campaign = page.rpartition("/")[2]
    seat.post("/do/campaign/item", {"campaign": campaign, "state": "preparing", "why": "bắt đầu"})
    assert "Đã cấu hình thanh toán trực tuyến" in words(seat.page(page, only="preparing"))

    answer = seat.post("/campaigns/raise", {"campaign": campaign, "why": "QĐ công bố"})
    said = words(text(answer))
    assert answer.status == 200
    assert "Đã nâng 1 dịch vụ." in said and "Còn 2 dịch vụ chưa nâng" in said

    item = f"{page}/items/{UNIT}/1.002"
    link = found(seat.page(item), r'href="(/do/campaign/tick\?[^"]+)"').replace("&amp;", "&")
    assert 'value="payment" selected' in seat.page(link)
    asked = {"campaign": campaign, "unit": UNIT, "procedures": "1.002", "need": "payment", "done": "true", "why": "xong"}
    refused = seat.post("/do/campaign/tick", asked)
    assert refused.status == 409 and "phải có minh chứng" in words(text(refused))
    assert seat.post("/do/campaign/tick", {**asked, "evidence": "biên bản 5"}).status == 303
    assert "biên bản 5" in words(seat.page(item))
    seat.post("/campaigns/raise", {"campaign": campaign, "unit": UNIT, "procedures": "1.002", "why": "QĐ công bố"})
    shown = words(seat.page(page))
    assert "75 %" in shown and "2 dịch vụ đã nâng mà danh mục" in shown


def test_faults_of_a_plan_stand_on_the_form_with_their_cells(fresh: Office) -> None:
    campaign = made(fresh).rpartition("/")[2]
    bad = f"Mã thủ tục,Mã đơn vị,Ngày nâng\n,{UNIT},2026-03-16\n1.002,H44.1,16-03\n"
    seat = fresh.seat("danh_muc")
    parts = {'campaign"': campaign, 'why"': "x", 'csrf"': seat.token(), 'file"; filename="p.csv"': bad}
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}\r\n\r\n{value}\r\n' for name, value in parts.items())
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Origin": seat.browser.origin}
    answer = seat.browser.call("POST", "/do/campaign/item", f"{body}--x--\r\n".encode(), headers)

    assert answer.status == 409
    said = words(text(answer))
    assert "A2: thiếu “Mã thủ tục”" in said and "C3: “Ngày nâng”" in said and "B3: không phải đơn vị thuộc H55" in said
    assert campaigns.show(fresh.hub, campaign).items == ()


def test_who_only_looks_has_no_forms_and_a_stranger_sees_nothing(fresh: Office) -> None:
    page = planned(fresh)

    shown = fresh.seat("xem").page(page)
    assert "<form class=\"verb\"" not in shown
    assert fresh.seat("xem").post("/campaigns/raise", {"campaign": page.rpartition("/")[2], "why": "x"}).status == 403
    stranger = fresh.seat("noi_khac")
    assert "Chưa có chiến dịch nào" in words(stranger.page("/campaigns"))
    for address in (page, f"{page}/candidates", f"{page}/items/{UNIT}/1.001"):
        assert stranger.get(address).status in (403, 404, 409)


@pytest.mark.parametrize("address", [f"/campaigns/{name}" for name in ("rubbish", "rubbish/candidates", "%00", "%25%25%25%25")])
def test_addresses_that_lead_nowhere_say_so(fresh: Office, address: str) -> None:
    assert fresh.seat("danh_muc").get(address).status in (404, 409, 422)


def test_candidates_stand_with_figures_and_points_in_both_languages(fresh: Office) -> None:
    page = made(fresh)

    assert "ổn định (30)" in words(fresh.seat("danh_muc").page(f"{page}/candidates"))
    english = words(fresh.seat("danh_muc", "en").page(f"{page}/candidates"))
    link = found(fresh.seat("danh_muc").page(f"{page}/candidates"), rf'href="({page}/plan\?[^"]+)"')
    shown = fresh.seat("danh_muc").page(link)
    assert 'name="procedures" value="1.00' in shown and 'name="planned_day"' in shown
    assert fresh.seat("danh_muc").get(f"{page}/plan").status == 404
    assert "stable (30)" in english and "1.001" in english and "not known" in english


def test_what_the_api_gives_is_json(fresh: Office) -> None:
    campaign = planned(fresh).rpartition("/")[2]
    for found_ in (fresh.act("campaign show"), fresh.act("campaign candidates", campaign=campaign)):
        assert json.loads(json.dumps(plain(found_)))
    assert plain(fresh.act("campaign show", campaign=campaign))["progress"]["start_percent"] == 25.0
    assert plain(fresh.act("campaign show", campaign=campaign))["items"][0]["planned_day"] == "2026-03-16"
