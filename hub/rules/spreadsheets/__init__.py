"""Spreadsheets, read strictly and written plainly; the only rooms that know openpyxl."""

from hub.rules.spreadsheets.reading import (
    MOST_FAULTS,
    MOST_ROWS,
    MOST_UNPACKED,
    Column,
    Row,
    Sheet,
    raise_faults,
    read_rows,
    read_sheets,
)
from hub.rules.spreadsheets.writing import XLSX, Cell, Printed, write_printed, write_workbook

__all__ = [
    "MOST_FAULTS",
    "MOST_ROWS",
    "MOST_UNPACKED",
    "XLSX",
    "Cell",
    "Column",
    "Printed",
    "Row",
    "Sheet",
    "raise_faults",
    "read_rows",
    "read_sheets",
    "write_printed",
    "write_workbook",
]
