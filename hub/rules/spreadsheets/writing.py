"""Workbooks written: tables as they are, and pages as an office prints them; a text is a text, whatever sign it begins with."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from hub.rules.spreadsheets.reading import CONTROL, LONGEST_CELL

#: What a workbook is called where files are given.
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_THIN = Side(style="thin")
_BOX = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)


def write_workbook(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]) -> bytes:
    """Write sheets (title, titles of columns, rows) as XLSX; a text is a text, whatever sign it begins with."""
    book = Workbook(write_only=True)
    for title, head, rows in sheets:
        page = book.create_sheet(title[:31])
        page.freeze_panes = "A2"
        for place, text in enumerate(head, start=1):
            page.column_dimensions[get_column_letter(place)].width = min(60, max(12, len(text) + 4))
        page.append([_written(page, text, bold=True) for text in head])
        for row in rows:
            page.append([_written(page, value) for value in row])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a printed page: where it stands, what is in it, and how it looks."""

    row: int
    column: int
    value: str | int
    bold: bool = False
    boxed: bool = False
    centred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A page as an office prints it, on its side, as wide as the paper."""

    title: str
    cells: Sequence[Cell]
    #: First row, first column, last row, last column of cells that are one.
    merged: Sequence[tuple[int, int, int, int]]
    widths: Sequence[float]
    #: Rows that stand at the top of each sheet of paper, and the cell up to which nothing moves.
    head: tuple[int, int]
    frozen: str


def write_printed(page: Printed) -> bytes:
    """Write a page as XLSX; a text is a text, whatever sign it begins with."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = page.title[:31]
    for each in page.cells:
        _draw(sheet.cell(each.row, each.column), each)
    for first_row, first, last_row, last in page.merged:
        sheet.merge_cells(start_row=first_row, start_column=first, end_row=last_row, end_column=last)
    for place, width in enumerate(page.widths, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = page.frozen
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = f"{page.head[0]}:{page.head[1]}"
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def _draw(there: Any, given: Cell) -> None:
    if isinstance(given.value, str):
        there.value = CONTROL.sub("", " ".join(given.value.split()))[:LONGEST_CELL]
        there.data_type = "s"
    else:
        there.value = given.value
    there.font = Font(bold=given.bold)
    if given.boxed:
        there.border = _BOX
    if given.centred:
        there.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)


def _written(page: Any, value: Any, *, bold: bool = False) -> Any:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    cell = WriteOnlyCell(page, value=CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))[:LONGEST_CELL])
    # A citizen's or a partner's text that begins with = would be carried out when the file is opened.
    cell.data_type = "s"
    cell.number_format = "@"
    if bold:
        cell.font = Font(bold=True)
    return cell
