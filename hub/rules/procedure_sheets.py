"""A catalogue of procedures as a spreadsheet: its columns, and its rows as procedures, faults named by cell (pure).

A column that the file lacks leaves what is known; an empty cell empties it. The sheet of papers, where it is there, says all
papers of each procedure that it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.canonical.party import Agency
from hub.canonical.procedure import Procedure
from hub.errors import Fault
from hub.rules import spreadsheets
from hub.rules.spreadsheets import Column, Row, Sheet

#: What a state may be written as.
STATES: Mapping[str, bool] = {
    "": True, "1": True, "công khai": True, "có": True, "còn hiệu lực": True, "active": True,
    "0": False, "không công khai": False, "không": False, "hết hiệu lực": False, "inactive": False,
}  # fmt: skip
#: What a level may be written as; since 2022, 3 reads "một phần" and 4 "toàn trình".
LEVELS: Mapping[str, int | None] = {
    "": None, "1": 1, "2": 2, "3": 3, "4": 4, "một phần": 3, "toàn trình": 4, "thông tin": 2,
}  # fmt: skip

PROCEDURES = Sheet(
    key="procedures",
    title="TTHC",
    columns=(
        Column(key="MATTHC", title="Mã TTHC", required=True, code=True, longest=200, hint="1.000001"),
        Column(key="TENTTHC", title="Tên TTHC", required=True, longest=4000),
        Column(key="TRANGTHAI", title="Trạng thái", longest=30, hint="1 công khai, 0 không"),
        Column(key="MUCDO", title="Mức độ", longest=30, hint="1, 2, 3 (một phần), 4 (toàn trình)"),
        Column(key="MALINHVUC", title="Mã lĩnh vực", code=True, longest=200),
        Column(key="TENLINHVUC", title="Tên lĩnh vực", longest=1000),
        Column(key="MACOQUANCONGBO", title="Mã cơ quan công bố", code=True, longest=200),
        Column(key="COQUANTHUCHIEN", title="Cơ quan thực hiện", hint="mã: tên; mã: tên"),
        Column(key="QUYETDINH", title="Quyết định công bố", longest=1000),
        Column(key="NGAYHIEULUC", title="Ngày hiệu lực", day=True, hint="02/03/2026"),
        Column(key="NGAYHETHIEULUC", title="Ngày hết hiệu lực", day=True),
        Column(key="YEUCAU", title="Yêu cầu, điều kiện"),
        Column(key="MOTA", title="Hướng dẫn"),
        Column(key="MOTADOITUONGTHUCHIEN", title="Đối tượng thực hiện", longest=4000),
        Column(key="DIACHITIEPNHAN", title="Địa chỉ tiếp nhận", longest=4000),
        Column(key="TUKHOA", title="Từ khóa", longest=4000),
    ),
)
PAPERS = Sheet(
    key="papers",
    title="Thành phần hồ sơ",
    columns=(
        Column(key="MATTHC", title="Mã TTHC", required=True, code=True, longest=200),
        Column(key="TRUONGHOP", title="Trường hợp", longest=2000),
        Column(key="MAGIAYTO", title="Mã giấy tờ", code=True, longest=200),
        Column(key="TENGIAYTO", title="Tên giấy tờ", required=True, longest=4000),
        Column(key="TENMAUDON", title="Tên mẫu đơn", longest=1000),
        Column(key="URL", title="Đường dẫn mẫu đơn", longest=2000),
        Column(key="SOBANCHINH", title="Số bản chính", longest=10),
        Column(key="SOBANSAO", title="Số bản sao", longest=10),
    ),
)
SHEETS = (PROCEDURES, PAPERS)
#: Columns that are details of the record under their own names.
_DETAILS = ("QUYETDINH", "NGAYHIEULUC", "NGAYHETHIEULUC", "YEUCAU", "MOTA", "MOTADOITUONGTHUCHIEN", "DIACHITIEPNHAN", "TUKHOA")
_TEXTS = {"TENTTHC": "name", "MALINHVUC": "field_code", "TENLINHVUC": "field_name", "MACOQUANCONGBO": "announcing_agency"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a row says of a procedure: only what its file has a column for."""

    code: str
    values: Mapping[str, Any]
    details: Mapping[str, Any]

    def over(self, known: Procedure | None) -> Procedure:
        """Lay it over what is known of the procedure."""
        base = known or Procedure(code=self.code, name=str(self.values["name"]))
        details = {**base.details, **self.details}
        if "active" in self.values:
            details.pop("TRANGTHAI", None)
        kept = {name: value for name, value in details.items() if value not in ("", [])}
        return base.model_copy(update={**self.values, "details": kept})


def template() -> bytes:
    """Write the empty template, with a row of hints in a sheet of its own."""
    sheets: list[tuple[str, Sequence[str], Sequence[Sequence[Any]]]] = [(sheet.title, _titles(sheet), ()) for sheet in SHEETS]
    listed = [(sheet, column) for sheet in SHEETS for column in sheet.columns]
    hints = [(sheet.title, column.title, "*" if column.required else "", _hint(column)) for sheet, column in listed]
    sheets.append(("Hướng dẫn điền", ("Trang", "Cột", "Bắt buộc", "Cách ghi"), hints))
    return spreadsheets.write_workbook(sheets)


def _titles(sheet: Sheet) -> list[str]:
    return [f"{column.title} *" if column.required else column.title for column in sheet.columns]


def _hint(column: Column) -> str:
    kind = "ngày 02/03/2026" if column.day else "định dạng Text" if column.code else ""
    return column.hint or kind


def read(content: bytes, name: str) -> tuple[list[Written], list[Fault]]:
    """Read a spreadsheet; give what its rows say, and every fault with its cell."""
    found, faults = spreadsheets.read_sheets(content, name, SHEETS)
    rows = found.get(PROCEDURES.key, [])
    if not rows and not faults:
        faults.append(Fault("", "missing", "tệp không có thủ tục nào", "the file has no procedures"))
    papers = _papers(found.get(PAPERS.key, []), {row.values.get("MATTHC", "") for row in rows}, faults)
    seen: dict[str, str] = {}
    written = [_row(row, papers, seen, faults) for row in rows]
    return written, faults[: spreadsheets.MOST_FAULTS]


def _row(row: Row, papers: Mapping[str, Any], seen: dict[str, str], faults: list[Fault]) -> Written:
    given = row.values
    code = given.get("MATTHC", "")
    if code and code in seen:
        vi, en = f"mã đã có ở ô {seen[code]}", f"the code is in {seen[code]} already"
        faults.append(Fault(row.place("MATTHC"), "repeated", vi, en))
    seen.setdefault(code, row.place("MATTHC"))
    values: dict[str, Any] = {name: given[key] for key, name in _TEXTS.items() if key in given}
    if "TRANGTHAI" in given:
        values["active"] = _one_of(row, "TRANGTHAI", STATES, "trạng thái phải là 1 hoặc 0", "the state must be 1 or 0", faults)
    if "MUCDO" in given:
        vi, en = "mức độ phải là 1, 2, 3 hoặc 4", "the level must be 1, 2, 3 or 4"
        values["level"] = _one_of(row, "MUCDO", LEVELS, vi, en, faults)
    if "COQUANTHUCHIEN" in given:
        values["agencies"] = _agencies(row, faults)
    details: dict[str, Any] = {key: given[key] for key in _DETAILS if key in given}
    if given.get("NGAYHIEULUC") and given.get("NGAYHETHIEULUC") and given["NGAYHIEULUC"] >= given["NGAYHETHIEULUC"]:
        vi, en = "ngày hết hiệu lực phải sau ngày hiệu lực", "it must end after the day on which it begins"
        faults.append(Fault(row.place("NGAYHETHIEULUC"), "bad_value", vi, en))
    if code in papers:
        details["THANHPHANHOSO"] = papers[code]
    return Written(code=code, values=values, details=details)


def _one_of(row: Row, key: str, known: Mapping[str, Any], vi: str, en: str, faults: list[Fault]) -> Any:
    text = row.values[key].casefold()
    if text not in known:
        faults.append(Fault(row.place(key), "bad_value", vi, en))
    return known.get(text)


def _agencies(row: Row, faults: list[Fault]) -> tuple[Agency, ...]:
    found = []
    for part in filter(str.strip, row.values["COQUANTHUCHIEN"].replace("\n", ";").split(";")):
        code, _, name = (text.strip() for text in part.partition(":"))
        if not code or len(code) > 200 or " " in code:
            vi, en = "ghi dạng “mã: tên”, cách nhau bằng dấu chấm phẩy", "write 'code: name', with semicolons between"
            faults.append(Fault(row.place("COQUANTHUCHIEN"), "bad_value", vi, en))
            break
        found.append(Agency(code=code, name=name))
    return tuple(found)


def _papers(rows: Sequence[Row], codes: set[str], faults: list[Fault]) -> dict[str, list[dict[str, Any]]]:
    """Give the papers of each procedure, by case, as the national record has them."""
    found: dict[str, dict[str, list[dict[str, str]]]] = {}
    for row in rows:
        given = row.values
        if given.get("MATTHC") and given["MATTHC"] not in codes:
            vi, en = "mã này không có ở trang TTHC", "this code is not in the sheet TTHC"
            faults.append(Fault(row.place("MATTHC"), "not_in_list", vi, en))
        for key in ("SOBANCHINH", "SOBANSAO"):
            if given.get(key) and not (given[key].isascii() and given[key].isdigit()):
                faults.append(Fault(row.place(key), "bad_value", "phải là số", "must be a number"))
        paper = {column.key: given.get(column.key, "") for column in PAPERS.columns[2:]}
        found.setdefault(given.get("MATTHC", ""), {}).setdefault(given.get("TRUONGHOP", ""), []).append(paper)
    return {
        code: [{"TRUONGHOP": case, "GIAYTO": papers} for case, papers in cases.items()] for code, cases in found.items()
    }
