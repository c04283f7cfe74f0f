"""A spreadsheet from outside is read strictly: what would be guessed is a fault with its cell; nothing makes the reader crash."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.rules import procedure_sheets, spreadsheets
from hub.rules.spreadsheets import Column, read_rows, reading

COLUMNS = (
    Column(key="code", title="Mã", required=True, code=True),
    Column(key="name", title="Tên", longest=20),
    Column(key="day", title="Ngày", day=True),
)


def workbook(*rows: tuple[Any, ...], change: Any = None) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "Trang"
    for row in (("Mã *", "Tên", "Ngày"), *rows):
        page.append(row)
    if change:
        change(book, page)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def faults(content: bytes, name: str = "a.xlsx") -> list[tuple[str, str]]:
    return [(each.path, each.code) for each in read_rows(content, name, COLUMNS)[1]]


def test_rows_are_read_with_their_places() -> None:
    content = workbook(("1.10", "Tên  ", datetime(2026, 3, 2)), (None, None, None), ("2", "B", "02/03/2026"))
    rows, found = read_rows(content, "a", COLUMNS)

    assert found == []
    assert [dict(row.values) for row in rows] == [
        {"code": "1.10", "name": "Tên", "day": "2026-03-02"}, {"code": "2", "name": "B", "day": "2026-03-02"},
    ]  # fmt: skip
    assert [row.place("name") for row in rows] == ["Trang!B2", "Trang!B4"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("=1+1", "A", None), [("Trang!A2", "formula")]),
        ((1.10, "A", None), [("Trang!A2", "bad_type")]),
        ((None, "A", None), [("Trang!A2", "missing")]),
        (("1", "A" * 21, "hôm qua"), [("Trang!B2", "too_long"), ("Trang!C2", "bad_value")]),
    ],
)
def test_what_would_be_guessed_is_a_fault(row: tuple[Any, ...], expected: list[tuple[str, str]]) -> None:
    found = faults(workbook(row))

    assert [each for each in found if each[1] != "missing" or each in expected] == expected


def test_merged_cells_unknown_and_missing_columns_are_named() -> None:
    def change(book: Any, page: Any) -> None:
        page.merge_cells("A2:B2")
        page["B1"] = "Lạ"
        page["C1"] = "Lạ nữa"

    assert {("Trang!A2:B2", "merged"), ("Trang!B1", "unknown_field")} <= set(faults(workbook(("1", "A", None), change=change)))
    assert ("A1", "missing") in faults(b"T\xc3\xaan\nA\n", "a.csv")


def test_macros_passwords_and_bombs_are_refused_before_anything_is_unpacked() -> None:
    sound = workbook(("1", "A", None))
    with_macro, bomb = io.BytesIO(sound), io.BytesIO()
    with zipfile.ZipFile(with_macro, "a") as parts:
        parts.writestr("xl/vbaProject.bin", b"macro")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", b"\0" * (spreadsheets.MOST_UNPACKED + 1))

    assert faults(with_macro.getvalue()) == [("", "macro")]
    assert len(bomb.getvalue()) < 1_000_000
    assert faults(bomb.getvalue()) == [("", "too_large")]
    assert faults(b"\xd0\xcf\x11\xe0rest") == [("", "bad_file")]
    assert faults(b"PK\x03\x04 no zip") == [("", "bad_file")]


def test_entities_are_refused() -> None:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(("1", "A", None)))) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            body = old.read(name)
            if name.startswith("xl/worksheets/"):
                body = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + body
            new.writestr(name, body)

    assert faults(changed.getvalue()) == [("", "bad_file")]


def test_csv_with_semicolons_and_a_mark_of_order_is_read_and_a_wrong_encoding_is_named_by_its_line() -> None:
    rows, found = read_rows("\ufeffMã;Tên\n1.10;Cấp; \n".encode(), "a.csv", COLUMNS)

    assert (found, dict(rows[0].values)) == ([], {"code": "1.10", "name": "Cấp"})
    assert faults("Mã,Tên\n1,Cấp\n".encode("utf-16"), "a.csv") == [("A1", "bad_encoding")]
    assert faults(b"M\xc3\xa3,T\xc3\xaan\n1,\xff\n", "a.csv") == [("A2", "bad_encoding")]
    assert faults(b"M\xc3\xa3,T\xc3\xaan\n1,=HYPERLINK(1)\n", "a.csv") == [("B2", "formula")]


def test_what_is_written_is_text_whatever_it_begins_with() -> None:
    content = spreadsheets.write_workbook([("A", ("x",), [("=1+1",), ("\x00a",)])])
    page = openpyxl.load_workbook(io.BytesIO(content))["A"]

    assert [page["A2"].value, page["A2"].data_type] == ["=1+1", "s"]
    assert page["A3"].value == "\N{REPLACEMENT CHARACTER}a"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.xlsx", ""]))
def test_any_bytes_give_rows_or_faults(content: bytes, name: str) -> None:
    read_rows(content, name, COLUMNS)
    procedure_sheets.read(content, name)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5000), st.binary(min_size=1, max_size=8))
def test_a_damaged_workbook_gives_rows_or_faults(place: int, piece: bytes) -> None:
    sound = workbook(("1", "A", None))
    damaged = sound[: place % len(sound)] + piece + sound[place % len(sound) + len(piece) :]

    read_rows(damaged, "a.xlsx", COLUMNS)


def test_where_a_sheet_stands_in_the_file_is_known_whatever_it_is_called() -> None:
    """openpyxl has no public name for it: where that goes, this says so, and merged cells would be read over."""

    def change(book: Any, page: Any) -> None:
        second = book.create_sheet("Hai")
        for row in (("Mã *", "Tên"), ("1", "A")):
            second.append(row)
        second.merge_cells("A2:B2")

    content = workbook(("1", "A", None), change=change)
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert [reading.part_of(page) in parts.namelist() for page in book.worksheets] == [True, True]
        assert [b"mergeCell" in parts.read(reading.part_of(page)) for page in book.worksheets] == [False, True]
    sheets = [spreadsheets.Sheet(key=title, title=title, columns=COLUMNS) for title in ("Trang", "Hai")]
    assert ("Hai!A2:B2", "merged") in [(each.path, each.code) for each in spreadsheets.read_sheets(content, "a", sheets)[1]]
