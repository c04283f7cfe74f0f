"""Verbs of code lists: a row is laid over a list's file, changed, or taken back; each change is journalled and counted.

The count is what other processes look at (hub.code_book): they read a list again when it has grown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select, update
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger import journal
from hub.ledger.sql import insert_new
from hub.ledger.working_tables import code_lists, code_rows

_NEW_LIST = insert_new(code_lists, "name")
_NEW_ROW = insert_new(code_rows, "list_name", "code", "valid_from")


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """One row, as it is laid over a list; days as 2026-03-02, empty = from ever, for ever."""

    list_name: str
    code: str
    value: str
    name: str
    valid_from: str
    valid_to: str


def set_row(conn: Connection, row: Laid, *, actor: str, why: str, now: float) -> Row[Any] | None:
    """Lay a row over a list, or change the one that holds from this day on; give what that was.

    Raises NotAllowed where another row of the ledger has the code on one of these days.
    """
    count_change(conn, row.list_name, actor, now)
    before = conn.execute(select(code_rows).where(_here(row.list_name, row.code, row.valid_from))).first()
    _refuse_overlap(conn, row)
    new = {"valid_to": row.valid_to, "value": row.value, "name": row.name, "changed_at": now, "changed_by": actor, "why": why}
    if not _NEW_ROW.run(conn, list_name=row.list_name, code=row.code, valid_from=row.valid_from, **new).rowcount:
        conn.execute(update(code_rows).where(_here(row.list_name, row.code, row.valid_from)).values(**new))
    entry = {"code": row.code, "value": row.value, "name": row.name, "valid_from": row.valid_from, "valid_to": row.valid_to}
    was = {"before": {name: getattr(before, name) for name in ("value", "name", "valid_to")}} if before is not None else {}
    _note(conn, row.list_name, "codes.set", actor, now, {**entry, **was, "why": why})
    return before


def remove_row(conn: Connection, list_name: str, code: str, valid_from: str, *, actor: str, why: str, now: float) -> Row[Any]:
    """Take a row back that was laid over a list; raise NotAllowed where the ledger has none. Give what it was."""
    count_change(conn, list_name, actor, now)
    before = conn.execute(select(code_rows).where(_here(list_name, code, valid_from))).first()
    if before is None:
        raise NotAllowed(
            f"the ledger has no row for {code!r} in {list_name!r} from that day on; rows of files are changed in the file",
            f"sổ cái không có dòng nào cho mã {code!r} trong danh mục {list_name!r} từ ngày đó; dòng trong tệp thì sửa ở tệp",
            where=f"codes/{list_name}/{code}",
        )
    conn.execute(delete(code_rows).where(_here(list_name, code, valid_from)))
    entry = {"code": code, "valid_from": valid_from, "valid_to": before.valid_to, "value": before.value, "name": before.name}
    _note(conn, list_name, "codes.removed", actor, now, {**entry, "why": why})
    return before


def _here(list_name: str, code: str, valid_from: str) -> Any:
    return and_(code_rows.c.list_name == list_name, code_rows.c.code == code, code_rows.c.valid_from == valid_from)


def count_change(conn: Connection, list_name: str, actor: str, now: float) -> None:
    """Count a change of a list; its row stays locked, so that two who change one list come one after the other."""
    changed = {"changed_at": now, "changed_by": actor}
    if not _NEW_LIST.run(conn, name=list_name, generation=1, **changed).rowcount:
        more = {"generation": code_lists.c.generation + 1, **changed}
        conn.execute(update(code_lists).where(code_lists.c.name == list_name).values(**more))


def _refuse_overlap(conn: Connection, row: Laid) -> None:
    """Refuse a row on whose days another one holds: which of them is meant nobody could tell."""
    same = and_(code_rows.c.list_name == row.list_name, code_rows.c.code == row.code)
    ends_after = or_(code_rows.c.valid_to == "", code_rows.c.valid_to > row.valid_from)
    query = select(code_rows).where(same & (code_rows.c.valid_from != row.valid_from) & ends_after)
    if row.valid_to:
        query = query.where(code_rows.c.valid_from < row.valid_to)
    found = conn.execute(query).first()
    if found is not None:
        days = f"{found.valid_from or '…'} – {found.valid_to or '…'}"
        raise NotAllowed(
            f"{row.code!r} has another row in the ledger on some of these days ({days}): change or remove that one",
            f"mã {row.code!r} đã có dòng khác trong sổ cái cùng hiệu lực ({days}): hãy sửa hoặc bỏ dòng đó",
            where=f"codes/{row.list_name}/{row.code}",
        )


def _note(conn: Connection, list_name: str, event: str, actor: str, now: float, entry: dict[str, Any]) -> None:
    journal.append(conn, f"codes:{list_name}", event, at=now, actor=actor, entry={"list": list_name, **entry})
