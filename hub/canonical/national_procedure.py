"""The procedure record of the national catalogue (LayThuTuc), read and written without loss.

What two holders compare becomes canonical attributes; everything else stays in ``details`` under its own upper-case
name. The service level is not part of this record: provinces and ministries keep it themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hub.canonical.national_fields import CODE, TEXT, Entry, Table, bad_type, pointer, read_list, read_record, scalar_text
from hub.canonical.party import Agency
from hub.canonical.procedure import Procedure
from hub.errors import Fault, bad_value

#: Code, name and state; without its state one holder's silence would switch a procedure off or on at another.
PROCEDURE_REQUIRED = ("MATTHC", "TENTTHC", "TRANGTHAI")
#: ``1`` public; every other value is not (TRANGTHAI).
PUBLIC = "1"
#: Ours: the deepest list of the record (PHILEPHI in THOIGIAN in CACHTHUCTHUCHIEN) is at 6.
DEEPEST = 12

_AGENCY = Table(
    build=lambda values: Agency(**values), entries=(Entry("MADONVI", "code", CODE), Entry("TENDONVI", "name", TEXT))
)
_FIELD = Table(build=dict, entries=(Entry("MALINHVUC", "field_code", CODE), Entry("TENLINHVUC", "field_name", TEXT)))
_HEAD = Table(
    build=dict,
    entries=(
        Entry("MATTHC", "code", CODE),
        Entry("TENTTHC", "name", TEXT),
        Entry("MACOQUANCONGBO", "announcing_agency", CODE),
        Entry("TRANGTHAI", "active", CODE),
    ),
    lists=(("COQUANTHUCHIEN", "agencies", _AGENCY),),
)

#: Names of the record that have no canonical attribute: kept in ``details``, always written.
DETAIL_SCALARS = (
    "ID",
    "LOAITTHC",
    "MOTADOITUONGTHUCHIEN",
    "DIACHITIEPNHAN",
    "QUYETDINH",
    "IDQUYETDINHCONGBO",
    "YEUCAU",
    "TUKHOA",
    "MOTA",
    "MOTACOQUANTHUCHIEN",
    "MOTACOQUANTHAMQUYEN",
)
DETAIL_LISTS = (
    "TRINHTUTHUCHIEN",
    "CAPTHUCHIEN",
    "CACHTHUCTHUCHIEN",
    "DOITUONGTHUCHIEN",
    "THANHPHANHOSO",
    "KETQUATHUCHIEN",
    "CANCUPHAPLY",
    "COQUANCOTHAMQUYEN",
    "COQUANDUOCUYQUYEN",
    "COQUANPHOIHOP",
    "TTHCLIENQUAN",
    "TTHCLIENTHONG",
)
_HEAD_NAMES = frozenset({"MATTHC", "MaTTHC", "TENTTHC", "MACOQUANCONGBO", "TRANGTHAI", "COQUANTHUCHIEN", "LINHVUCTHUCHIEN"})


def read_procedure(
    record: object, path: str, faults: list[Fault], *, required: Collection[str] = PROCEDURE_REQUIRED
) -> Procedure | None:
    """Read a LayThuTuc record; None where it has any fault, and all of them are appended."""
    before = len(faults)
    if isinstance(record, dict) and "MATTHC" not in record and "MaTTHC" in record:  # both spellings are on the wire
        record = {**record, "MATTHC": record["MaTTHC"]}
    values = read_record(_HEAD, record, path, faults, required={*required, "MATTHC", "TENTTHC"})
    if not isinstance(record, dict):
        return None
    state = values.pop("active", PUBLIC)
    first, others = _read_fields(record.get("LINHVUCTHUCHIEN"), pointer(path, "LINHVUCTHUCHIEN"), faults)
    details = _read_details(record, path, faults)
    if len(faults) > before:
        return None
    details.update({"LINHVUCTHUCHIEN": others} if others else {})
    details.update({"TRANGTHAI": state} if state not in (PUBLIC, "0") else {})
    return Procedure(**values, **first, active=state == PUBLIC, details=details)


#: Service levels as systems store them; since 2022, 3 reads "một phần" and 4 "toàn trình".
LEVELS: Mapping[str, int | None] = {"": None, "1": 1, "2": 2, "3": 3, "4": 4}


def read_with_level(row: object, path: str, faults: list[Fault]) -> Procedure | None:
    """Read a record and the level beside it (``MucDo``, ours), which the national record does not have."""
    if not isinstance(row, dict):
        faults.append(bad_type(path, "đối tượng JSON", "a JSON object"))
        return None
    before = len(faults)
    procedure = read_procedure({name: value for name, value in row.items() if name != "MucDo"}, path, faults)
    level = scalar_text(row.get("MucDo"), f"{path}/MucDo", faults).strip()
    if level not in LEVELS:
        faults.append(bad_value(f"{path}/MucDo", "mức độ phải là 1, 2, 3 hoặc 4", "the level must be 1, 2, 3 or 4"))
    if procedure is None or len(faults) > before:
        return None
    return procedure.model_copy(update={"level": LEVELS[level]})


def write_with_level(procedure: Procedure) -> dict[str, Any]:
    """Write a record with the level beside it."""
    return {**write_procedure(procedure), "MucDo": str(procedure.level or "")}


def _read_fields(value: object, path: str, faults: list[Fault]) -> tuple[dict[str, str], list[Any]]:
    """Read the first field of activity as the procedure's own (as OpenCPS does); keep the others as they are."""
    rows = read_list(_FIELD, value, path, faults)
    if not isinstance(value, list) or not rows or rows[0] is None:
        return {}, []
    return rows[0], [tree(row, pointer(path, index), faults) for index, row in enumerate(value[1:], start=1)]


def _read_details(record: dict[str, Any], path: str, faults: list[Fault]) -> dict[str, Any]:
    details = {}
    for name, value in record.items():
        if name in _HEAD_NAMES:
            continue
        where = pointer(path, name)
        if name in DETAIL_LISTS and not isinstance(value, list) and value not in (None, ""):
            faults.append(bad_type(where, "danh sách", "a list"))
            continue
        if name in DETAIL_SCALARS and isinstance(value, (list, dict)):
            faults.append(bad_type(where, "chuỗi hoặc số", "a string or a number"))
            continue
        kept = tree(value, where, faults)
        if kept not in ("", [], {}):
            details[scalar_text(name, where, faults)] = kept
    return details


def tree(value: object, path: str, faults: list[Fault], *, depth: int = DEEPEST) -> Any:
    """Copy a tree of lists and objects with every scalar as text, so that 5 and "5" compare equal."""
    if isinstance(value, (dict, list)) and depth == 0:
        faults.append(Fault(path, "too_deep", "lồng nhau quá sâu", "is nested too deeply"))
        return ""
    if isinstance(value, dict):
        return {
            scalar_text(name, path, faults): tree(part, pointer(path, name), faults, depth=depth - 1)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [tree(part, pointer(path, index), faults, depth=depth - 1) for index, part in enumerate(value)]
    return scalar_text(value, path, faults)


def write_procedure(procedure: Procedure) -> dict[str, Any]:
    """Write a LayThuTuc record: every known scalar a string, every known list present, details as they came."""
    details = procedure.details
    field = {"MALINHVUC": procedure.field_code, "TENLINHVUC": procedure.field_name}
    other_fields = details.get("LINHVUCTHUCHIEN", [])
    return {
        **{name: "" for name in DETAIL_SCALARS},
        **{name: [] for name in DETAIL_LISTS},
        **{name: value for name, value in details.items() if name not in _HEAD_NAMES},
        "MATTHC": procedure.code,
        "TENTTHC": procedure.name,
        "MACOQUANCONGBO": procedure.announcing_agency,
        "TRANGTHAI": PUBLIC if procedure.active else str(details.get("TRANGTHAI", "0")),
        "LINHVUCTHUCHIEN": [field, *other_fields] if any(field.values()) or other_fields else [],
        "COQUANTHUCHIEN": [{"MADONVI": agency.code, "TENDONVI": agency.name} for agency in procedure.agencies],
    }
