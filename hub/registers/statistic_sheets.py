"""Reports as files for those who file them: form II.06a as a workbook with the form's own head, every report as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from hub.registers.statistic_views import Other
from hub.registers.statistics import Form, Line
from hub.rules.spreadsheets import write_workbook
from hub.rules.statistics.periods import as_written, period

#: Titles of the form's columns, and the parts of its head: (first column, last column, title).
HEAD = (
    "TT",
    "Lĩnh vực giải quyết",
    "Tổng số",
    "Trực tuyến",
    "Trực tiếp, dịch vụ bưu chính",
    "Từ kỳ trước",
    "Tổng số",
    "Trước hạn",
    "Đúng hạn",
    "Quá hạn",
    "Tổng số",
    "Trong hạn",
    "Quá hạn",
)
_PARTS = ((3, 6, "Số lượng hồ sơ tiếp nhận"), (7, 10, "Số lượng hồ sơ đã giải quyết"), (11, 13, "Số lượng hồ sơ đang giải quyết"))
_COLUMNS = ("c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "c13")
_TITLES = {
    "owner": "Bộ, tỉnh",
    "agency": "Cơ quan",
    "field": "Lĩnh vực giải quyết",
    "level": "Mức độ",
    "channel": "Kênh tiếp nhận",
    "origin": "Điểm kết nối",
}
_THIN = Side(style="thin")
_BOX = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_MIDDLE = Alignment(horizontal="center", vertical="center", wrap_text=True)
#: What a spreadsheet program would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Name = Callable[[Line], str]


def numbers(line: Line) -> list[int]:
    """Give columns 3 to 13 of a line."""
    return [int(getattr(line if name in ("c3", "c7", "c11") else line.numbers, name)) for name in _COLUMNS]


def form_workbook(form: Form, *, agency: str, name: Name) -> bytes:
    """Write form II.06a as XLSX with the head of the printed form; ``name``: what a line is called."""
    book = Workbook()
    page = book.worksheets[0]
    page.title = "II.06a"
    about, report = period(form.report.period), form.report
    _text(page, 1, 1, "Biểu số II.06a/VPCP/KSTT", bold=True)
    _text(page, 2, 1, f"Đơn vị báo cáo: {agency or 'tất cả cơ quan có hồ sơ qua trục'}")
    title = _text(page, 3, 1, "TÌNH HÌNH, KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH", bold=True)
    days = f"từ {about.first:%d/%m/%Y} đến {about.last:%d/%m/%Y}"
    span = f"Kỳ báo cáo: {report.period} ({days}); số liệu đến {as_written(report.as_of_at)}"
    under = _text(page, 4, 1, span)
    for cell in (title, under):
        cell.alignment = Alignment(horizontal="center")
        page.merge_cells(start_row=cell.row, end_row=cell.row, start_column=1, end_column=13)
    _text(page, 5, 12, "Đơn vị tính: Số hồ sơ")
    _head(page, _TITLES[form.by])
    row = 9
    for number, line in enumerate(form.lines, start=1):
        _row(page, row, [number, name(line), *numbers(line)])
        row += 1
    _row(page, row, ["", "Tổng số", *numbers(form.total)], bold=True)
    _text(page, row + 2, 1, f"Lập lúc {as_written(report.computed_at)}; cách tính: {report.definition}; mã báo cáo {report.id}")
    _widths(page)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def _head(page: Worksheet, by: str) -> None:
    for first, last, text in _PARTS:
        for column in range(first, last + 1):
            _boxed(page, 6, column, text if column == first else "")
        page.merge_cells(start_row=6, end_row=6, start_column=first, end_column=last)
    for column, text in enumerate(HEAD, start=1):
        told = by if column == 2 else text
        if column < 3:
            _boxed(page, 6, column, told)
            _boxed(page, 7, column, "")
            page.merge_cells(start_row=6, end_row=7, start_column=column, end_column=column)
        else:
            _boxed(page, 7, column, told)
        _boxed(page, 8, column, _number(column))
    page.freeze_panes = "C9"
    page.page_setup.orientation = "landscape"
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    page.print_title_rows = "6:8"


def _number(column: int) -> str:
    sums = {3: "(3)=(4)+(5)+(6)", 7: "(7)=(8)+(9)+(10)", 11: "(11)=(12)+(13)"}
    return sums.get(column, f"({column})")


def _boxed(page: Worksheet, row: int, column: int, text: str) -> None:
    cell = _text(page, row, column, text, bold=row < 8)
    cell.alignment, cell.border = _MIDDLE, _BOX


def _row(page: Worksheet, row: int, values: Sequence[Any], *, bold: bool = False) -> None:
    for column, value in enumerate(values, start=1):
        if isinstance(value, int):
            cell = page.cell(row, column, value)
            cell.font = Font(bold=bold)
        else:
            cell = _text(page, row, column, value, bold=bold)
        cell.border = _BOX


def _text(page: Worksheet, row: int, column: int, text: str, *, bold: bool = False) -> Cell:
    """Write a text as a text, whatever sign it begins with."""
    cell = page.cell(row, column)
    assert isinstance(cell, Cell)
    cell.value = "".join(char for char in text if char.isprintable())
    cell.data_type = "s"
    cell.font = Font(bold=bold)
    return cell


def _widths(page: Worksheet) -> None:
    page.column_dimensions["A"].width = 6
    page.column_dimensions["B"].width = 45
    for column in range(3, 14):
        page.column_dimensions[get_column_letter(column)].width = 14


# --- as plain tables ---------------------------------------------------------------------------------------------


def form_table(form: Form, name: Name) -> tuple[list[str], list[list[Any]]]:
    """Give the form as a table: titles with the columns' numbers, lines, and the total last."""
    head = ["Mã", _TITLES[form.by], *(f"({number}) {HEAD[number - 1]}" for number in range(3, 14)), "Không có hạn trả"]
    rows = [[line.code, name(line), *numbers(line), line.numbers.without_due] for line in form.lines]
    return head, [*rows, ["", "Tổng số", *numbers(form.total), form.total.numbers.without_due]]


def other_table(other: Other) -> tuple[list[str], list[list[Any]]]:
    """Give another report as a table; of checks one line for each dossier that is named."""
    body = other.body
    if "checks" in body:
        named = [(each, example) for each in body["checks"] for example in each["examples"] or [["", "", ""]]]
        head = ["Nội dung kiểm tra", "Số hồ sơ", "Hồ sơ", "Cơ quan", "Điểm kết nối"]
        return head, [[each["vi"], each["count"], *example] for each, example in named]
    if "components" in body:
        head = ["Chỉ tiêu", "Tên", "Tính được", "Tử số", "Mẫu số", "Giá trị", "Ghi chú"]
        return head, _picked(body["components"], ("number", "vi", "how", "part", "whole", "value", "why_vi"))
    if other.report.form == "ages":
        head = ["Nơi gửi", "Nơi nhận", "Số lượt", "Không rõ", "Ở tương lai", "p50 (giây)", "p99 (giây)", "Lâu nhất (giây)"]
        return head, _picked(body.get("lines", ()), ("origin", "endpoint", "count", "untold", "ahead", "p50", "p99", "longest"))
    return _of_services(body.get("lines", ()))


def _of_services(lines: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    flat = [{**each, **{f"level_{level}": number for level, number in each["levels"].items()}} for each in lines]
    head = ["Cơ quan", "Số thủ tục", "Mức 1", "Mức 2", "Mức 3", "Mức 4", "Chưa rõ", "Trực tuyến", "Tỷ lệ (%)"]
    levels = ("level_1", "level_2", "level_3", "level_4", "unknown")
    online = ("online", "online_share", "with_dossiers", "with_dossiers_share")
    return [*head, "Phát sinh hồ sơ", "Tỷ lệ phát sinh (%)"], _picked(flat, ("owner", "services", *levels, *online))


def _picked(lines: Iterable[Mapping[str, Any]], names: Sequence[str]) -> list[list[Any]]:
    return [["" if (value := each.get(name)) is None else value for name in names] for each in lines]


def as_csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Write a table as CSV that Excel opens rightly (UTF-8 with its mark); no cell can become a formula there."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig", "replace")


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def as_workbook(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Write a table as XLSX."""
    return write_workbook([(title, head, rows)])
