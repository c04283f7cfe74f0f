"""Pages of statistics: made on the page, shown as the form that officials know, compared, and taken home as files."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import update

from hub.ledger.tables import dossiers
from hub.rules.dossier_facts import Facts, Flag, columns
from hub.rules.statistics.periods import midnight, period
from tests.console.office import Office, office, text, words

MARCH = period("2026-03")
DAY = 86400.0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    """An office of its own: figures are of all dossiers."""
    with office(tmp_path / "config") as opened:
        yield opened


def dossier(house: Office, number: int, **given: object) -> None:
    """Let a dossier pass, with these facts."""
    code = f"H01-{number}"
    house.night.send(number, code)
    told = Facts(**{"received_at": MARCH.begin + DAY, "agency_code": "H55.14", "agency_name": "=Sở <Thử> & nghiệm", **given})  # type: ignore[arg-type]
    here = dossiers.c.key == f"national:{code}"
    house.hub.ledger.change(lambda conn: conn.execute(update(dossiers).where(here).values(**columns(told))) and None)


def traffic(house: Office) -> None:
    due = MARCH.begin + 10 * DAY
    dossier(
        house, 1, channel="2", due_at=due, done_at=due - 2 * DAY, ended_at=due - 2 * DAY, flags=int(Flag.PLACEHOLDER_IDENTITY)
    )
    dossier(house, 2, channel="1", due_at=due, field_name="Đất đai", field_code="LV1")
    dossier(house, 3, channel="3", received_at=midnight(period("2026-02").first), due_at=MARCH.end + DAY)
    house.night.clock.advance(40 * DAY)


def made(house: Office, form: str = "II.06a", login: str = "an") -> str:
    """Make a report as the page's form does; give the address of what was made."""
    answer = house.seat(login).post(
        "/do/statistics/make", {"form": form, "period": "2026-03", "agency": "", "why": "báo cáo", "back": "/statistics"}
    )
    assert answer.status == 303, words(text(answer))
    return answer.location


def test_a_report_is_made_on_the_page_and_shown_as_the_form(house: Office) -> None:
    traffic(house)
    assert "Chưa có báo cáo tháng nào" in words(house.seat("an").page("/statistics"))
    shown = words(house.seat("an").page(made(house)))

    assert "Biểu II.06a/VPCP/KSTT" in shown and "TT 01/2020/TT-VPCP" in shown
    assert re.search(r"Tổng số\s+3\s+1\s+1\s+1\s+1\s+1\s+0\s+0\s+2\s+1\s+1\s", shown)
    overview = words(house.seat("an").page("/statistics"))
    assert "hồ sơ trong kỳ 2026-03" in overview and "2026-03" in overview


def test_lines_lead_down_to_agencies_and_fields_and_names_are_harmless(house: Office) -> None:
    traffic(house)
    made(house)
    seat = house.seat("xem")
    top = seat.page("/statistics/II.06a", period="2026-03")
    below = seat.page("/statistics/II.06a", period="2026-03", agency="H55", by="agency")

    assert "agency=H55" in top and "Sở &lt;Thử&gt; &amp; nghiệm" in below and "<Thử>" not in below
    fields = words(seat.page("/statistics/II.06a", period="2026-03", agency="H55.14", by="field"))
    assert "Đất đai" in fields
    assert seat.get("/statistics/II.06a", by="colour").status == 404


def test_two_versions_are_compared(house: Office) -> None:
    traffic(house)
    first = made(house).partition("report=")[2]
    house.night.clock.advance(60)
    dossier(house, 4, channel="2")
    second = made(house).partition("report=")[2]
    page = house.seat("an").page("/statistics/II.06a", report=second, since=first)

    assert '<span class="badge warn">+1</span>' in page and "So với lần lập" in words(page)


@pytest.mark.parametrize("form", ["766", "services", "ages", "honesty"])
def test_each_report_has_its_page_and_files(house: Office, form: str) -> None:
    traffic(house)
    seat = house.seat("an")
    assert "Chưa có báo cáo này" in words(seat.page(f"/statistics/{form}"))
    made(house, form)
    page = seat.page(f"/statistics/{form}")
    csv = seat.get(f"/statistics/{form}/file", **{"as": "csv"})
    book = load_workbook(io.BytesIO(seat.get(f"/statistics/{form}/file", **{"as": "xlsx"}).body))

    assert csv.status == 200 and csv.body.startswith("\ufeff".encode())
    assert book.worksheets[0].max_row >= 1
    if form == "honesty":
        assert "/timeline/national%3AH01-1" in page
    if form == "766":
        assert "không tính được" in words(page) and "tính một phần" in words(page)


def test_the_workbook_is_the_printed_form_and_no_cell_is_a_formula(house: Office) -> None:
    traffic(house)
    made(house)
    answer = house.seat("an").get("/statistics/II.06a/file", period="2026-03", by="agency", agency="H55")
    page = load_workbook(io.BytesIO(answer.body)).worksheets[0]
    rows = [[cell.value for cell in row] for row in page.iter_rows(min_row=1, max_col=13)]

    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''II.06a-2026-03.xlsx"
    assert (
        rows[0][0] == "Biểu số II.06a/VPCP/KSTT" and rows[5][2] == "Số lượng hồ sơ tiếp nhận" and rows[7][2] == "(3)=(4)+(5)+(6)"
    )
    assert rows[8] == [1, "=Sở <Thử> & nghiệm", 3, 1, 1, 1, 1, 1, 0, 0, 2, 1, 1]
    assert rows[9][1:] == ["Tổng số", 3, 1, 1, 1, 1, 1, 0, 0, 2, 1, 1]
    assert "f" not in {cell.data_type for row in page.iter_rows() for cell in row}
    csv = house.seat("an").get("/statistics/II.06a/file", period="2026-03", by="agency", **{"as": "csv"}).body.decode("utf-8-sig")
    assert "'=Sở <Thử> & nghiệm" in csv


def test_who_works_elsewhere_sees_no_line_and_a_viewer_cannot_make_one(house: Office) -> None:
    traffic(house)
    made(house)
    elsewhere = house.seat("noi_khac")

    assert "Không có hồ sơ nào trong phạm vi này" in words(elsewhere.page("/statistics/II.06a", period="2026-03"))
    assert house.seat("xem").post("/do/statistics/make", {"form": "II.06a", "period": "2026-03"}).status == 403
    assert "Lập báo cáo thống kê" not in words(house.seat("xem").page("/statistics"))


def test_an_administrator_fills_in_old_dossiers_from_the_page(house: Office) -> None:
    dossier(house, 1)
    answer = house.seat("quan_tri").post("/do/statistics/fill", {"why": "nâng cấp", "back": "/statistics"})

    assert (answer.status, answer.location) == (303, "/statistics")


def test_a_wrong_period_is_named_at_its_field(house: Office) -> None:
    answer = house.seat("an").post("/do/statistics/make", {"form": "II.06a", "period": "tháng 3", "why": "x"})

    assert answer.status in (409, 422) and "2026-Q1" in words(text(answer))


def test_it_is_there_in_english(house: Office) -> None:
    traffic(house)
    made(house)
    shown = words(house.seat("an", "en").page("/statistics/II.06a", period="2026-03", by="channel"))

    assert "How dossiers were handled" in shown and "Online" in shown and "Carried over" in shown
