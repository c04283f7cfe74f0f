"""Verbs of code lists: add, change and take back codes in the ledger, laid over the files; every process follows at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import structlog

from hub.app import Hub
from hub.canonical.base import local
from hub.canonical.codes import CodeRow
from hub.canonical.national_fields import text_fault
from hub.errors import Fault, InvalidMessage, NotAllowed
from hub.ledger import code_verbs
from hub.ledger.code_verbs import Laid
from hub.operations.said import require
from hub.registers import codes
from hub.registers.codes import CodeList, Lists, ListSummary, MappedRow, Missing

log = structlog.get_logger()

_LIST_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
LONGEST_CODE, LONGEST_VALUE, LONGEST_NAME = 200, 500, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A row that was laid over a code list."""

    list_name: str
    row: MappedRow
    #: The ledger's row that was changed; None where there was none.
    before: MappedRow | None
    #: What stands still for exactly this code: to be rebuilt now, by its groups.
    cures: tuple[Missing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmapped:
    """A row that was taken back."""

    list_name: str
    row: MappedRow
    #: What the code means today without it; None where it means nothing any more.
    now: MappedRow | None


def set_code(
    hub: Hub,
    list_name: str,
    code: str,
    value: str,
    *,
    name: str = "",
    valid_from: date | None = None,
    valid_to: date | None = None,
    actor: str,
    why: str,
) -> Mapped:
    """Lay a row over a code list, or change the ledger's row that holds from this day on; say which deliveries that cures.

    Raises NotAllowed where there is no such list, or the ledger's rows would contradict each other; InvalidMessage for what
    cannot be a row.
    """
    require(actor, why)
    row = MappedRow(code=code, value=value, name=name, valid_from=valid_from, valid_to=valid_to, origin=codes.LEDGER)
    if faults := list(row_faults(row)):
        raise InvalidMessage(faults)
    _check_list(hub, list_name)
    before = hub.ledger.change(
        partial(code_verbs.set_row, row=_laid(list_name, row), actor=actor, why=why, now=hub.now()), f"codes:{list_name}"
    )
    log.info("codes.set", list=list_name, code=code, actor=actor)
    with hub.ledger.read() as conn:
        cures = codes.missing(conn, list_name=list_name, code=code)
        made = _row_of(conn, list_name, code, valid_from) or row
    return Mapped(list_name=list_name, row=made, before=codes.mapped(before) if before is not None else None, cures=cures)


def remove_code(
    hub: Hub, list_name: str, code: str, *, valid_from: date | None = None, actor: str, why: str
) -> Unmapped:
    """Take back a row that was laid over a code list; what its file says holds again.

    Raises NotAllowed where the ledger has no such row: a file's row is changed in the file.
    """
    require(actor, why)
    begin = _text(valid_from)
    verb = partial(code_verbs.remove_row, list_name=list_name, code=code, valid_from=begin, actor=actor, why=why, now=hub.now())
    before = hub.ledger.change(verb, f"codes:{list_name}")
    log.info("codes.removed", list=list_name, code=code, actor=actor)
    today = local(hub.clock()).date()
    valid = [each for each in _rows(hub, list_name) if each.code == code and each.row.valid_on(today)]
    found = min(valid, key=lambda each: (codes.LEDGER, codes.FILE, codes.SHIPPED).index(each.origin), default=None)
    return Unmapped(list_name=list_name, row=codes.mapped(before), now=found)


def _laid(list_name: str, row: MappedRow) -> Laid:
    days = {"valid_from": _text(row.valid_from), "valid_to": _text(row.valid_to)}
    return Laid(list_name=list_name, code=row.code, value=row.value, name=row.name, **days)


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""


def row_faults(row: MappedRow | CodeRow) -> Iterator[Fault]:
    """Find what is wrong with a row of a code list."""
    for field, longest in (("code", LONGEST_CODE), ("value", LONGEST_VALUE), ("name", LONGEST_NAME)):
        text = getattr(row, field)
        if len(text) > longest:
            yield Fault(field, "too_long", f"dài quá {longest} ký tự", f"longer than {longest} characters")
        elif fault := text_fault(field, text):
            yield fault
        elif text != text.strip() or "\n" in text:
            yield Fault(field, "bad_value", "có khoảng trắng ở đầu, cuối hoặc xuống dòng", "has blanks around it, or lines")
    if not row.code:
        yield Fault("code", "missing", "thiếu mã", "the code is missing")
    if row.valid_from and row.valid_to and row.valid_from >= row.valid_to:
        vi, en = "ngày hết hiệu lực phải sau ngày bắt đầu", "the row must end after the day on which it begins"
        yield Fault("valid_to", "bad_value", vi, en)


def _check_list(hub: Hub, list_name: str) -> None:
    """Refuse a list that nobody knows: a misspelt name would silently have no effect."""
    known = {*hub.codes(fresh=True).tables, *_named(hub)}
    if not _LIST_NAME.fullmatch(list_name):
        raise NotAllowed(f"{list_name!r} is no name of a code list", f"{list_name!r} không phải tên danh mục", where="list_name")
    if list_name in known:
        return
    with hub.ledger.read() as conn:
        if any(each.list_name == list_name for each in codes.missing(conn, list_name=list_name)):
            return
    listed = ", ".join(sorted(known)) or "-"
    raise NotAllowed(
        f"no code list {list_name!r}; there are: {listed}",
        f"không có danh mục {list_name!r}; hiện có: {listed}",
        where="list_name",
    )


# --- who uses a list ---------------------------------------------------------------------------------------------


def used_by(hub: Hub, list_name: str) -> tuple[str, ...]:
    """Name the endpoints that a list has an effect on: their options name it, or a rule leads to them by it."""
    return tuple(sorted(_named(hub).get(list_name, ())))


def _named(hub: Hub) -> dict[str, set[str]]:
    """Give the lists that options and rules name, each with its endpoints."""
    found: dict[str, set[str]] = {}
    for endpoint in hub.endpoints.values():
        for name in _lists_in(endpoint.options.model_dump() if endpoint.options is not None else {}):
            found.setdefault(name, set()).add(endpoint.name)
    for route in hub.routes:
        if route.place is not None:
            found.setdefault(route.place.table, set()).update((*route.place.to.values(), *route.to))
    return found


def _lists_in(options: Mapping[str, Any]) -> Iterator[str]:
    """Give the names of lists in an endpoint's options: the values of keys that end so, however deep."""
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from _lists_in(value)
        elif isinstance(value, str) and str(key).endswith(("_list", "_table")):
            yield value


# --- looking -----------------------------------------------------------------------------------------------------


def lists(hub: Hub, *, scope: Collection[str] | None = None) -> Lists:
    """List all code lists, and the codes for which deliveries stand still."""
    files, shipped = hub.codes.files(), hub.codes.shipped()
    with hub.ledger.read() as conn:
        changed = codes.changes(conn)
        rows = {name: len(codes.laid(conn, name)) for name in changed}
        missing = codes.missing(conn, scope=scope)
    named = _named(hub)
    summaries = (
        ListSummary(
            name=name,
            file_rows=len(files.get(name, ())),
            ledger_rows=rows.get(name, 0),
            shipped_rows=len(shipped.get(name, ())),
            changed_at=changed[name][0] if name in changed else None,
            changed_by=changed[name][1] if name in changed else "",
            used_by=tuple(sorted(named.get(name, ()))),
        )
        for name in sorted({*files, *changed, *shipped})
    )
    return Lists(lists=tuple(summaries), missing=missing)


def show(
    hub: Hub, list_name: str, *, containing: str = "", limit: int = 200, scope: Collection[str] | None = None
) -> CodeList:
    """Show the rows of one code list, those of the file and those of the ledger; ``containing``: in code, value or name."""
    sought = containing.casefold()
    rows = [
        each
        for each in _rows(hub, list_name)
        if not sought or any(sought in text.casefold() for text in (each.code, each.value, each.name))
    ]
    with hub.ledger.read() as conn:
        missing = codes.missing(conn, list_name=list_name, scope=scope)
        known = list_name in codes.changes(conn)
    if not (rows or known or missing or list_name in {**hub.codes.files(), **hub.codes.shipped()}):
        raise NotAllowed(f"no code list {list_name!r}", f"không có danh mục {list_name!r}", where="list_name")
    return CodeList(
        name=list_name,
        rows=tuple(rows[:limit]),
        more=len(rows) > limit,
        used_by=used_by(hub, list_name),
        missing=missing,
    )


def _rows(hub: Hub, list_name: str) -> tuple[MappedRow, ...]:
    files, shipped = hub.codes.files().get(list_name, ()), hub.codes.shipped().get(list_name, ())
    with hub.ledger.read() as conn:
        return codes.shown(files, codes.laid(conn, list_name), shipped)


def _row_of(conn: Any, list_name: str, code: str, valid_from: date | None) -> MappedRow | None:
    return next((each for each in codes.laid(conn, list_name) if (each.code, each.valid_from) == (code, valid_from)), None)
