"""Rows of the register of border documents: one in a list, those of a dossier, how many have a mark or an ending clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, func, select

from hub.ledger.border_tables import border_documents, border_marks

#: Out of time, where nothing was decided.
EXPIRED = "expired"
MAY_EXPIRE = ("issued", "not_received", "available")
Clock = Literal["", "answer", "hop", "expiry"]
CLOCKS = {
    "answer": border_documents.c.answer_due,
    "hop": border_documents.c.hop_due,
    "expiry": border_documents.c.expires_at,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderRow:
    """One document in a list."""

    key: str
    document: str
    issuing_country: str
    importing_country: str
    number: str
    outgoing: bool
    #: ``awaited``, ``issued``, ``not_received``, ``available``, an answer's result, ``cancelled``, ``superseded``; ``expired``
    #: where it is out of time and nothing else was said.
    state: str
    technical: str
    hop: str
    result: str
    standing: str
    origin: str
    dossier: str
    issued_on: str
    answer_due: float | None
    hop_due: float | None
    expires_at: float | None
    updated_at: float
    #: Open marks.
    marks: tuple[str, ...] = ()


def row_of(row: Any, now: float, marks: tuple[str, ...] = ()) -> BorderRow:
    """Show a row of the register."""
    return BorderRow(
        key=row.key,
        document=row.document,
        issuing_country=row.issuing_country,
        importing_country=row.importing_country,
        number=row.number,
        outgoing=bool(row.outgoing),
        state=state_of(row, now),
        technical=row.technical,
        hop=row.hop,
        result=row.result,
        standing=row.standing,
        origin=row.origin,
        dossier=row.dossier,
        issued_on=row.issued_on,
        answer_due=row.answer_due,
        hop_due=row.hop_due,
        expires_at=row.expires_at,
        updated_at=row.updated_at,
        marks=marks,
    )


def state_of(row: Any, now: float) -> str:
    """Say the business axis in one word: out of time only where nobody has decided anything."""
    late = row.expires_at is not None and row.expires_at < now and row.late_accepted_at is None
    return EXPIRED if late and row.state in MAY_EXPIRE else str(row.state)


def late(now: float) -> ColumnElement[bool]:
    """Say that the time is over, and that no officer took it all the same."""
    table = border_documents.c
    return and_(table.expires_at.is_not(None), table.expires_at < now, table.late_accepted_at.is_(None))


def marks_of(conn: Connection, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
    if not keys:
        return {}
    table = border_marks.c
    found: dict[str, tuple[str, ...]] = {}
    statement = select(table.key, table.mark).where(table.key.in_(keys), table.closed_at.is_(None)).order_by(table.mark)
    for key, mark in conn.execute(statement):
        found[key] = (*found.get(key, ()), mark)
    return found


def of_dossier(conn: Connection, dossier: str, now: float, most: int = 50) -> tuple[BorderRow, ...]:
    """List the border documents of a dossier, by its key, the oldest first."""
    if not dossier:
        return ()
    statement = (
        select(border_documents)
        .where(border_documents.c.dossier == dossier, border_documents.c.dossier != "")
        .order_by(border_documents.c.key)
        .limit(most)
    )
    found = conn.execute(statement).all()
    marks = marks_of(conn, [row.key for row in found])
    return tuple(row_of(row, now, marks.get(row.key, ())) for row in found)


def open_marks(conn: Connection) -> dict[str, tuple[int, float]]:
    """Count the open marks of each kind, and say since when the oldest of it is."""
    table = border_marks.c
    statement = select(table.mark, func.count(), func.min(table.since)).where(table.closed_at.is_(None)).group_by(table.mark)
    return {mark: (int(number), float(since)) for mark, number, since in conn.execute(statement)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockCount:
    """Documents whose clock ends before a moment."""

    number: int
    first_at: float | None
    #: Keys of the most urgent ones.
    keys: tuple[str, ...]


def ending(conn: Connection, clock: Clock, before: float, most: int = 20) -> ClockCount:
    """Say which documents' clock ends before a moment, what is past among them; the most urgent by name."""
    column = CLOCKS[clock]
    here = (column.is_not(None), column < before)
    number, first = conn.execute(select(func.count(), func.min(column)).where(*here)).one()
    keys = conn.execute(select(border_documents.c.key).where(*here).order_by(column).limit(most)).scalars()
    return ClockCount(number=int(number), first_at=first, keys=tuple(keys))
