"""Spreadsheets (XLSX, CSV) read strictly: bytes in, rows out, every fault named by its cell.

A workbook from outside is hostile input: it is measured before it is unpacked, and what would be guessed (formulas, merged
cells, numbers in place of codes) is a fault.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from hub.errors import Fault, InvalidMessage

#: The largest file, what it may come to when it is unpacked, and how many parts it may have.
MOST_BYTES, MOST_UNPACKED, MOST_PARTS = 20_000_000, 100_000_000, 1_000
#: Rows and columns of a sheet that are read.
MOST_ROWS, MOST_COLUMNS = 100_000, 60
#: Characters of a cell: as many as Excel holds.
LONGEST_CELL = 32_767
#: Faults that are told; a file with more is wrong as a whole.
MOST_FAULTS = 500

_OLD_FORMAT = b"\xd0\xcf\x11\xe0"
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref\s*=\s*"([A-Z0-9:]{1,30})"')
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column that a sheet may have."""

    #: Name in the program; ``title`` is what stands over the column.
    key: str
    title: str
    required: bool = False
    #: A code: written as a number it may have lost zeros, so it must be text.
    code: bool = False
    #: A day: an Excel date, 2026-03-02 or 02/03/2026; given as 2026-03-02.
    day: bool = False
    longest: int = LONGEST_CELL
    #: Shown in the template.
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet that a workbook may have; a CSV file is its first."""

    key: str
    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: values by the keys of their columns (only of those that the file has), and where each stands."""

    number: int
    values: Mapping[str, str]
    _places: Mapping[str, int] = field(repr=False, default_factory=dict)
    _sheet: str = ""

    def place(self, key: str) -> str:
        """Name the cell of a value: ``TTHC!B7``, in a CSV file ``B7``."""
        return _cell(self._sheet, self._places.get(key, 1), self.number)


def read_rows(content: bytes, name: str, columns: Sequence[Column]) -> tuple[list[Row], list[Fault]]:
    """Read the first sheet of a workbook, or a CSV file; give the rows, and every fault with its cell."""
    found, faults = read_sheets(content, name, [Sheet(key="", title="", columns=tuple(columns))])
    return found.get("", []), faults


def read_sheets(content: bytes, name: str, sheets: Sequence[Sheet]) -> tuple[dict[str, list[Row]], list[Fault]]:
    """Read the sheets of a workbook by their titles (the first one under any), or a CSV file as the first of them."""
    faults: list[Fault] = []
    found: dict[str, list[Row]] = {}
    if len(content) > MOST_BYTES:
        return found, [_fault("", "too_large", f"tệp lớn hơn {MOST_BYTES} byte", f"the file is larger than {MOST_BYTES} bytes")]
    if content[:4] == _OLD_FORMAT:
        vi = "tệp có mật khẩu hoặc là .xls cũ; hãy lưu dạng .xlsx không mật khẩu"
        en = "has a password, or is an old .xls: save it as .xlsx without one"
        return found, [_fault("", "bad_file", vi, en)]
    if content[:2] == b"PK":
        _read_workbook(content, sheets, found, faults)
    elif name.lower().endswith((".xlsx", ".xlsm")):
        faults.append(_fault("", "bad_file", "không phải tệp XLSX", "is no XLSX file"))
    else:
        _read_csv(content, sheets[0], found, faults)
    return found, faults[:MOST_FAULTS]


def raise_faults(faults: Sequence[Fault]) -> None:
    """Raise InvalidMessage where there are faults."""
    if faults:
        raise InvalidMessage(list(faults))


# --- workbooks ---------------------------------------------------------------------------------------------------


def _read_workbook(content: bytes, sheets: Sequence[Sheet], found: dict[str, list[Row]], faults: list[Fault]) -> None:
    try:
        if unsound := _unsound(content):
            faults.append(unsound)
            return
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            for sheet, page in _pages(book, sheets):
                merged = _MERGED.findall(parts.read(part_of(page)))
                found[sheet.key] = _read_page(sheet, page.title, _cells(page), merged, faults)
    except InvalidMessage:
        raise
    except Exception as error:  # a workbook is a hundred parts that name each other: whatever is wrong in it is its sender's
        found.clear()
        cause = type(error).__name__
        faults.append(_fault("", "bad_file", f"không đọc được tệp XLSX ({cause})", f"the XLSX file cannot be read ({cause})"))


def part_of(page: Any) -> str:
    """Name the part of the file in which a sheet stands; openpyxl knows it and has no public name for it (3.1)."""
    return str(page._worksheet_path)


def _unsound(content: bytes) -> Fault | None:
    """Measure a workbook by its list of parts, before anything is unpacked; look for what must not be in one."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        listed = parts.infolist()
        if len(listed) > MOST_PARTS or sum(part.file_size for part in listed) > MOST_UNPACKED:
            return _fault("", "too_large", "tệp giải nén ra quá lớn", "comes to too much when it is unpacked")
        if len({part.filename for part in listed}) < len(listed):
            return _fault("", "bad_file", "tệp có hai phần cùng tên", "has two parts of one name")
        if any(part.filename.lower().endswith("vbaproject.bin") for part in listed):
            vi, en = "tệp có macro; hãy lưu dạng .xlsx không có macro", "has macros: save it as .xlsx without them"
            return _fault("", "macro", vi, en)
        for part in listed:
            if part.filename.endswith((".xml", ".rels")) and _declares(parts.read(part)):
                return _fault("", "bad_file", "tệp có khai báo DTD", "has a document type declaration")
    return None


def _declares(xml: bytes) -> bool:
    """Say whether XML declares a type or entities, in whatever encoding."""
    plain = xml.replace(b"\0", b"") if b"\0" in xml[:100] else xml
    return bool(_DECLARED.search(plain))


def _pages(book: Any, sheets: Sequence[Sheet]) -> Iterator[tuple[Sheet, Any]]:
    titled = {_folded(page.title): page for page in book.worksheets}
    for number, sheet in enumerate(sheets):
        page = titled.get(_folded(sheet.title))
        if page is None and number == 0 and book.worksheets:
            page = book.worksheets[0]
        if page is not None:
            yield sheet, page


def _cells(page: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """Give the rows of cells that are not empty, with their numbers; one more row than may be, so that it is seen."""
    for number, row in enumerate(page.iter_rows(max_row=MOST_ROWS + 2, max_col=MOST_COLUMNS), start=1):
        if any(cell.value is not None for cell in row):
            yield number, row


def _read_page(
    sheet: Sheet, title: str, rows: Iterator[tuple[int, Sequence[Any]]], merged: Sequence[bytes], faults: list[Fault]
) -> list[Row]:
    for each in merged[:MOST_FAULTS]:
        place = f"{title}!{each.decode()}"
        faults.append(_fault(place, "merged", "ô gộp: hãy bỏ gộp ô", "merged cells: split them"))
    head = next(rows, None)
    places = _headed(sheet, title, head[0] if head else 1, [_plain(cell.value) for cell in head[1]] if head else [], faults)
    found: list[Row] = []
    for number, row in rows:
        if _too_many(title, number, len(found), faults):
            break
        there = {key: place for key, place in places.items() if place <= len(row)}
        given = {key: _value(_cell(title, place, number), row[place - 1], faults) for key, place in there.items()}
        found.append(_checked(sheet, title, number, given, places, faults))
    return [row for row in found if any(row.values.values())]


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _value(place: str, cell: Any, faults: list[Fault]) -> Any:
    """Give a cell's value; a formula or an error of Excel's is a fault."""
    if cell.data_type == "f":
        faults.append(_fault(place, "formula", "ô chứa công thức; hãy dán giá trị", "a formula: paste its value"))
        return None
    if cell.data_type == "e":
        faults.append(_fault(place, "bad_value", f"ô báo lỗi của Excel ({cell.value})", f"an error of Excel's ({cell.value})"))
        return None
    return cell.value


# --- CSV ---------------------------------------------------------------------------------------------------------


def _read_csv(content: bytes, sheet: Sheet, found: dict[str, list[Row]], faults: list[Fault]) -> None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        vi, en = f"dòng {line}: không phải UTF-8; hãy lưu dạng CSV UTF-8", f"line {line} is not UTF-8: save it as CSV UTF-8"
        faults.append(_fault(f"A{line}", "bad_encoding", vi, en))
        return
    if "\0" in text:
        faults.append(_fault(f"A{text[: text.index(chr(0))].count(chr(10)) + 1}", "bad_encoding", "có ký tự NUL", "has a NUL"))
        return
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        found[sheet.key] = _read_lines(sheet, lines, faults)
    except csv.Error as error:
        vi, en = f"không đọc được CSV ({error})", f"the CSV cannot be read ({error})"
        faults.append(_fault(f"A{lines.line_num}", "bad_file", vi, en))


def _delimiter(text: str) -> str:
    """Choose what parts the titles: Excel writes a semicolon where the comma is the decimal point, as in Vietnam."""
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _read_lines(sheet: Sheet, lines: Iterator[list[str]], faults: list[Fault]) -> list[Row]:
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if any(cell.strip() for cell in line))
    number, head = next(numbered, (1, []))
    places = _headed(sheet, "", number, head, faults)
    found: list[Row] = []
    for number, line in numbered:
        if _too_many("", number, len(found), faults):
            break
        if len(line) > len(head) and any(cell.strip() for cell in line[len(head) :]):
            place = _cell("", len(head) + 1, number)
            faults.append(_fault(place, "bad_value", "ô nằm ngoài các cột có tiêu đề", "stands beyond the titled columns"))
        given = {key: line[place - 1] if place <= len(line) else "" for key, place in places.items()}
        for key, value in given.items():
            if value.lstrip().startswith("="):
                vi, en = "ô chứa công thức; hãy ghi giá trị", "a formula: write its value"
                faults.append(_fault(_cell("", places[key], number), "formula", vi, en))
        found.append(_checked(sheet, "", number, given, places, faults))
    return found


# --- both --------------------------------------------------------------------------------------------------------


def _headed(sheet: Sheet, title: str, number: int, head: Sequence[str], faults: list[Fault]) -> dict[str, int]:
    """Find the columns by their titles; say which are unknown, twice, or missing."""
    known = {_folded(name): column.key for column in sheet.columns for name in (column.title, column.key)}
    places: dict[str, int] = {}
    for place, text in enumerate(head, start=1):
        key = known.get(_folded(text.removesuffix("*").strip()))
        where = _cell(title, place, number)
        if key is None and text.strip():
            faults.append(_fault(where, "unknown_field", "không có cột này trong mẫu", "there is no such column in the template"))
        elif key in places:
            faults.append(_fault(where, "repeated", "cột này có hai lần", "this column is there twice"))
        elif key is not None:
            places[key] = place
    for column in sheet.columns:
        if column.required and column.key not in places:
            where = _cell(title, 1, number)
            faults.append(_fault(where, "missing", f"thiếu cột “{column.title}”", f"the column {column.title!r} is missing"))
    return places


def _too_many(title: str, number: int, count: int, faults: list[Fault]) -> bool:
    if count < MOST_ROWS:
        return False
    faults.append(_fault(_cell(title, 1, number), "too_large", f"quá {MOST_ROWS} dòng", f"more than {MOST_ROWS} rows"))
    return True


def _checked(
    sheet: Sheet, title: str, number: int, given: Mapping[str, Any], places: Mapping[str, int], faults: list[Fault]
) -> Row:
    values: dict[str, str] = {}
    if len(faults) < MOST_FAULTS:
        for column in sheet.columns:
            if column.key in given:
                values[column.key] = _text(column, _cell(title, places[column.key], number), given[column.key], faults)
    return Row(number, values, places, title)


def _text(column: Column, place: str, value: Any, faults: list[Fault]) -> str:
    """Write a cell's value as text, as its column wants it."""
    if column.day:
        return _day(column, place, value, faults)
    if isinstance(value, bool):
        value = "1" if value else "0"
    elif isinstance(value, int | float) and math.isfinite(value):
        if column.code and value != int(value):
            vi, en = "mã phải định dạng kiểu chữ (Text)", "a code must be formatted as text"
            faults.append(_fault(place, "bad_type", f"“{column.title}”: {vi}", f"{column.title!r}: {en}"))
        value = int(value) if value == int(value) else value
    text = unicodedata.normalize("NFC", _plain(value)).strip()
    if CONTROL.search(text):
        faults.append(_fault(place, "bad_value", "có ký tự điều khiển", "has control characters"))
    elif len(text) > column.longest:
        vi, en = f"dài quá {column.longest} ký tự", f"longer than {column.longest} characters"
        faults.append(_fault(place, "too_long", f"“{column.title}”: {vi}", f"{column.title!r}: {en}"))
    elif column.required and not text:
        faults.append(_fault(place, "missing", f"thiếu “{column.title}”", f"{column.title!r} is missing"))
    return text


def _day(column: Column, place: str, value: Any, faults: list[Fault]) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    text = _plain(value).strip()
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).date().isoformat() if text else ""
        except ValueError:
            continue
    vi, en = "ngày phải có dạng 2026-03-02 hoặc 02/03/2026", "a day is written 2026-03-02 or 02/03/2026"
    faults.append(_fault(place, "bad_value", f"“{column.title}”: {vi}", f"{column.title!r}: {en}"))
    return ""


def _folded(title: str) -> str:
    return " ".join(unicodedata.normalize("NFC", title).casefold().split())


def _cell(sheet: str, column: int, row: int) -> str:
    return f"{sheet}!{get_column_letter(column)}{row}" if sheet else f"{get_column_letter(column)}{row}"


def _fault(path: str, code: str, vi: str, en: str) -> Fault:
    return Fault(path, code, vi, en)
