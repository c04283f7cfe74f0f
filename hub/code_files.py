"""Code lists in files: codes/NAME.csv -> rows; an error names file, line and column, and says how to mend it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NoReturn

from hub.canonical.codes import CodeRow
from hub.errors import BadSettings

#: In a list's column ``note``: the row is not corroborated.
ASSUMED = "assumed"
#: Columns that every list has, and that every row fills.
REQUIRED = ("code", "value")


def code_rows(path: Path) -> tuple[CodeRow, ...]:
    """Read one code list (columns code, value, name, valid_from, valid_to; type, corroborated, note where they are there).

    Raises BadSettings naming the line.
    """
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    rows = []
    try:
        _check_columns(path, reader.fieldnames or ())
        for row in reader:
            # The reader's own count: empty lines and cells of several lines are lines for whoever opens the file.
            rows.append(_row(path, reader.line_num, row))
    except csv.Error as error:
        _refuse(path, reader.line_num, f"không phải dòng CSV ({error})", f"is no line of CSV ({error})")
    return tuple(rows)


def _text(path: Path) -> str:
    given = path.read_bytes()
    try:
        return given.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(
            path,
            given.count(b"\n", 0, error.start) + 1,
            'tệp không dùng bảng mã UTF-8; hãy lưu lại dạng "CSV UTF-8"',
            'the file is not in UTF-8; save it again as "CSV UTF-8"',
        )


def _check_columns(path: Path, found: Sequence[str]) -> None:
    if missing := ", ".join(name for name in REQUIRED if name not in found):
        _refuse(
            path,
            1,
            f"thiếu cột {missing}; dòng đầu phải ghi tên cột, cách nhau bằng dấu phẩy: code,value,name,valid_from,valid_to",
            f"column {missing} is missing; the first line names the columns, with commas: code,value,name,valid_from,valid_to",
        )


def _row(path: Path, number: int, row: Mapping[str, str | None]) -> CodeRow:
    cells = {name: (cell or "").strip() for name, cell in row.items() if isinstance(cell, str)}
    for name in REQUIRED:
        if not cells.get(name):
            vi, en = f"cột {name} để trống; hãy điền, hoặc xóa cả dòng", f"{name} is empty; fill it in, or delete the line"
            _refuse(path, number, vi, en)
    return CodeRow(
        code=cells["code"],
        value=cells["value"],
        name=cells.get("name", ""),
        valid_from=_day(path, number, "valid_from", cells),
        valid_to=_day(path, number, "valid_to", cells),
        corroborated=_corroborated(path, number, cells),
        type=cells.get("type", ""),
        note=cells.get("note", ""),
    )


def _corroborated(path: Path, number: int, cells: Mapping[str, str]) -> bool:
    said = cells.get("corroborated", "").lower()
    if said not in ("", "yes", "no"):
        _refuse(path, number, "cột corroborated chỉ ghi yes hoặc no", "corroborated is yes or no")
    return said != "no" and cells.get("note") != ASSUMED


def _day(path: Path, number: int, name: str, cells: Mapping[str, str]) -> date | None:
    if not (given := cells.get(name)):
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        vi = f"cột {name}: {given!r} không phải ngày; hãy ghi năm-tháng-ngày, ví dụ 2026-09-02"
        en = f"{name}: {given!r} is no day; write year-month-day, like 2026-09-02"
        _refuse(path, number, vi, en)


def _refuse(path: Path, number: int, vi: str, en: str) -> NoReturn:
    raise BadSettings(f"{path}, line {number}: {en}", f"{path}, dòng {number}: {vi}", where=f"{path}:{number}") from None
