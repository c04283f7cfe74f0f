"""How one value of the national vocabulary is read and written (kinds), and how a table of them makes a record.

Lenient in what is read, since two clients of the portal disagree: a scalar may come as string, number or boolean, and
``null`` or an empty string means "no value". Strict in what is written: every scalar is a JSON string.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from hub.canonical.base import VIETNAM, local
from hub.errors import Fault, bad_value, missing

DATE_FORMAT = "%Y%m%d%H%M%S"
#: Ours: numbers and codes are keys of registers and chains, and an index holds no longer ones.
LONGEST_CODE = 100
#: Ours: before 1976 the zone was not always +07:00; nothing of a dossier is so old or so far ahead.
YEARS = range(1976, 2200)

#: What XML 1.0 (production 2, Char) cannot carry: another partner of the same dossier may speak XML.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DATE = re.compile(r"[0-9]{14}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")
_BOOLEANS: Mapping[str, bool] = {"1": True, "0": False, "true": True, "false": False}


def pointer(path: str, name: str | int) -> str:
    """Give the JSON pointer of a member (RFC 6901); a name that nobody chose in earnest is cut."""
    part = showable(str(name))
    return f"{path}/{part.replace('~', '~0').replace('/', '~1')}"


def showable(text: str, longest: int = LONGEST_CODE) -> str:
    """Make a stranger's text fit to be shown: short, and without characters that cannot be written."""
    return _UNWRITABLE.sub("\ufffd", text[:longest])


def bad_type(path: str, vi: str, en: str) -> Fault:
    """Say that a value has another JSON type than the field."""
    return Fault(path, "bad_type", f"phải là {vi}", f"must be {en}")


def text_fault(path: str, text: str) -> Fault | None:
    """Find characters that no system here can carry: NUL, other controls, half a surrogate pair."""
    if _UNWRITABLE.search(text) is None:
        return None
    return Fault(path, "bad_text", "có ký tự điều khiển hoặc ký tự không hợp lệ", "has control or invalid characters")


def scalar_text(value: object, path: str, faults: list[Fault]) -> str:
    """Read a scalar as text; a missing one is empty, and so is one with a fault."""
    if value is None:
        return ""
    if isinstance(value, str):
        fault = text_fault(path, value)
        if fault is not None:
            faults.append(fault)
        return value if fault is None else ""
    if isinstance(value, (bool, int)) and abs(value) < 10**LONGEST_CODE:
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    faults.append(bad_type(path, "chuỗi, số hoặc True/False", "a string, a number or True/False"))
    return ""


# --- kinds of values ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value that is not empty is read from text (a fault, or the value), and written."""

    read: Callable[[str, str], Any]
    write: Callable[[Any], str] = str


def _read_code(text: str, path: str) -> str | Fault:
    stripped = text.strip()
    if len(stripped) > LONGEST_CODE:
        return too_long(path, LONGEST_CODE)
    return stripped


def _read_date(text: str, path: str) -> datetime | Fault:
    fault = bad_value(path, "ngày giờ phải có dạng yyyyMMddHHmmss (giờ Việt Nam)", "a date must be yyyyMMddHHmmss, local time")
    stripped = text.strip()
    if not _DATE.fullmatch(stripped):
        return fault
    try:
        moment = datetime.strptime(stripped, DATE_FORMAT).replace(tzinfo=VIETNAM)
    except ValueError:
        return fault
    return moment if moment.year in YEARS else fault


def _read_boolean(text: str, path: str) -> bool | Fault:
    found = _BOOLEANS.get(text.strip().lower())
    return bad_value(path, "phải là 0/1 hoặc True/False", "must be 0/1 or True/False") if found is None else found


def _read_whole(text: str, path: str) -> int | Fault:
    stripped = text.strip()
    if not _WHOLE.fullmatch(stripped):
        return bad_value(path, "phải là số nguyên không âm", "must be a whole number, not negative")
    return int(stripped)


def _read_amount(text: str, path: str) -> str | Fault:
    stripped = text.strip()
    if not _AMOUNT.fullmatch(stripped):
        return bad_value(path, "số tiền phải chỉ gồm chữ số (đồng)", "an amount must be digits only (VND)")
    return stripped


def too_long(path: str, limit: int) -> Fault:
    """Say that a text is longer than the field takes."""
    return Fault(path, "too_long", f"dài quá {limit} ký tự", f"is longer than {limit} characters")


def write_date(moment: datetime | None) -> str:
    """Write a moment as yyyyMMddHHmmss in Vietnamese local time; none is an empty string."""
    return "" if moment is None else local(moment).strftime(DATE_FORMAT)


TEXT = Kind(lambda text, path: text)
CODE = Kind(_read_code)
DATE = Kind(_read_date, write_date)
#: ``1``/``0`` on the wire.
FLAG = Kind(_read_boolean, lambda value: "1" if value else "0")
#: ``True``/``False`` on the wire.
BOOLEAN = Kind(_read_boolean, lambda value: "True" if value else "False")
WHOLE = Kind(_read_whole)
AMOUNT = Kind(_read_amount)


def choice(*codes: str) -> Kind:
    """Make a kind whose values are a closed list of codes."""
    listed = ", ".join(codes)

    def read(text: str, path: str) -> str | Fault:
        stripped = text.strip()
        return stripped if stripped in codes else bad_value(path, f"phải là một trong: {listed}", f"must be one of: {listed}")

    return Kind(read)


# --- tables ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a table: name on the wire, canonical attribute (dotted; empty: the value itself), kind, length."""

    name: str
    attribute: str
    kind: Kind
    #: Greatest length seen in one client's database or truncation: inferred, so enforced only on demand.
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A record: its scalars, its lists, and how a canonical value is made of what was read."""

    build: Callable[[dict[str, Any]], Any]
    entries: tuple[Entry, ...]
    #: Name on the wire, canonical attribute, table of the items.
    lists: tuple[tuple[str, str, Table], ...] = ()
    #: Values for canonical attributes that have no default of their own.
    blank: Mapping[str, Any] = field(default_factory=dict)


def read_record(
    table: Table, record: object, path: str, faults: list[Fault], *, required: Collection[str] = (), lengths: bool = False
) -> dict[str, Any]:
    """Read a record into canonical attributes; what is empty is left out, so that canonical defaults hold."""
    if not isinstance(record, dict):
        faults.append(bad_type(path, "đối tượng JSON", "a JSON object"))
        return {}
    values = dict(table.blank)
    for entry in table.entries:
        where = pointer(path, entry.name)
        found = _read_entry(entry, record.get(entry.name), where, faults, required=entry.name in required, lengths=lengths)
        if found is not None:
            values[entry.attribute] = found
    for name, attribute, rows in table.lists:
        values[attribute] = read_list(rows, record.get(name), pointer(path, name), faults, lengths=lengths)
    return values


def _read_entry(entry: Entry, value: object, path: str, faults: list[Fault], *, required: bool, lengths: bool) -> Any:
    before = len(faults)
    text = scalar_text(value, path, faults)
    if len(faults) > before:
        return None
    if not text or (required and not text.strip()):
        faults.extend([missing(path)] if required else [])
        return None
    if lengths and entry.limit is not None and len(text) > entry.limit:
        faults.append(too_long(path, entry.limit))
        return None
    found = entry.kind.read(text, path) if text.strip() or entry.kind is TEXT else None
    if isinstance(found, Fault):
        faults.append(found)
        return None
    return found


def read_list(rows: Table, value: object, path: str, faults: list[Fault], *, lengths: bool = False) -> tuple[Any, ...]:
    """Read a list of records; absent, ``null`` and an empty string are an empty list."""
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        faults.append(bad_type(path, "danh sách", "a list"))
        return ()
    return tuple(_read_row(rows, row, pointer(path, index), faults, lengths) for index, row in enumerate(value))


def _read_row(rows: Table, row: object, path: str, faults: list[Fault], lengths: bool) -> Any:
    before = len(faults)
    values = read_record(rows, row, path, faults, lengths=lengths)
    return rows.build(values) if len(faults) == before else None


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted attributes into a tree: ``applicant.name`` becomes ``{"applicant": {"name": …}}``."""
    tree: dict[str, Any] = {}
    for attribute, value in values.items():
        owner, _, name = attribute.rpartition(".")
        (tree.setdefault(owner, {}) if owner else tree)[name] = value
    return tree


def write_record(table: Table, value: Any) -> dict[str, Any]:
    """Write a canonical value as a record: every scalar a string, every list present."""
    record: dict[str, Any] = {entry.name: entry.kind.write(_part(value, entry.attribute)) for entry in table.entries}
    for name, attribute, rows in table.lists:
        record[name] = [write_record(rows, row) for row in _part(value, attribute)]
    return record


def _part(value: Any, attribute: str) -> Any:
    return attrgetter(attribute)(value) if attribute else value
