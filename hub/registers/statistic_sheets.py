"""Reports as files for those who file them: form II.06a as a workbook with the form's own head, every report as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hub.registers.statistic_views import Other
from hub.registers.statistics import Form, Line
from hub.rules.spreadsheets import Cell, Printed, write_printed, write_workbook
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
#: The row of the first line, below the head.
_FIRST_LINE = 9
#: What a spreadsheet program would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Name = Callable[[Line], str]


def numbers(line: Line) -> list[int]:
    """Give columns 3 to 13 of a line."""
    return [int(getattr(line if name in ("c3", "c7", "c11") else line.numbers, name)) for name in _COLUMNS]


def form_workbook(form: Form, *, agency: str, name: Name) -> bytes:
    """Write form II.06a as XLSX with the head of the printed form; ``name``: what a line is called."""
    about, report = period(form.report.period), form.report
    days = f"từ {about.first:%d/%m/%Y} đến {about.last:%d/%m/%Y}"
    span = f"Kỳ báo cáo: {report.period} ({days}); số liệu đến {as_written(report.as_of_at)}"
    lines: list[list[str | int]] = [[number, name(line), *numbers(line)] for number, line in enumerate(form.lines, start=1)]
    total = _FIRST_LINE + len(lines)
    made = f"Lập lúc {as_written(report.computed_at)}; cách tính: {report.definition}; mã báo cáo {report.id}"
    cells = [
        Cell(1, 1, "Biểu số II.06a/VPCP/KSTT", bold=True),
        Cell(2, 1, f"Đơn vị báo cáo: {agency or 'tất cả cơ quan có hồ sơ qua trục'}"),
        Cell(3, 1, "TÌNH HÌNH, KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH", bold=True, centred=True),
        Cell(4, 1, span, centred=True),
        Cell(5, 12, "Đơn vị tính: Số hồ sơ"),
        *_head(_TITLES[form.by]),
        *(cell for place, line in enumerate(lines) for cell in _row(_FIRST_LINE + place, line)),
        *_row(total, ["", "Tổng số", *numbers(form.total)], bold=True),
        Cell(total + 2, 1, made),
    ]
    merged = [(3, 1, 3, 13), (4, 1, 4, 13), (6, 1, 7, 1), (6, 2, 7, 2), *((6, first, 6, last) for first, last, _ in _PARTS)]
    return write_printed(
        Printed(title="II.06a", cells=cells, merged=merged, widths=(6, 45, *(14,) * 11), head=(6, 8), frozen="C9")
    )


def _head(by: str) -> Iterator[Cell]:
    """Give the head of the form: its parts, the columns of each, and their numbers."""
    for column, text in enumerate(HEAD, start=1):
        told = by if column == 2 else text
        part = next((title for first, _, title in _PARTS if first == column), "")
        yield Cell(6, column, told if column < 3 else part, bold=True, boxed=True, centred=True)
        yield Cell(7, column, "" if column < 3 else told, bold=True, boxed=True, centred=True)
        yield Cell(8, column, _number(column), boxed=True, centred=True)


def _number(column: int) -> str:
    sums = {3: "(3)=(4)+(5)+(6)", 7: "(7)=(8)+(9)+(10)", 11: "(11)=(12)+(13)"}
    return sums.get(column, f"({column})")


def _row(row: int, values: Sequence[str | int], *, bold: bool = False) -> Iterator[Cell]:
    return (Cell(row, column, value, bold=bold, boxed=True) for column, value in enumerate(values, start=1))


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
