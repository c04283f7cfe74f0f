"""Who takes care of a failure group, and what people wrote about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select

from hub.ledger.working_tables import failure_groups, group_notes
from hub.registers.causes import Group

#: Notes shown of one group, the newest.
MOST = 200
#: Names in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Who takes care of a group; ``by`` is empty and ``at`` None where nobody does."""

    group: str
    by: str = ""
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody wrote about a group: plain text."""

    number: int
    at: float
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class Care:
    """What people did about one group."""

    taken: Taken
    notes: int


def care_of(conn: Connection, names: Collection[str]) -> dict[str, Care]:
    """Give what people did about groups; of one that nobody touched there is none."""
    listed = list(names)
    found: dict[str, Care] = {}
    for start in range(0, len(listed), _AT_ONCE):
        found |= _care_of(conn, listed[start : start + _AT_ONCE])
    return found


def _care_of(conn: Connection, names: Collection[str]) -> dict[str, Care]:
    counted = select(func.count()).where(group_notes.c.group_name == failure_groups.c.name).scalar_subquery()
    query = select(failure_groups.c.name, failure_groups.c.taken_by, failure_groups.c.taken_at, counted.label("notes"))
    return {
        row.name: Care(Taken(group=row.name, by=row.taken_by, at=row.taken_at), row.notes)
        for row in conn.execute(query.where(failure_groups.c.name.in_(list(names))))
    }


def with_care(group: Group, care: Mapping[str, Care]) -> Group:
    """Add to a group what people did about it."""
    mine = care.get(group.name)
    if mine is None:
        return group
    return replace(group, taken_by=mine.taken.by, taken_at=mine.taken.at, notes=mine.notes)


def of_group(conn: Connection, name: str) -> tuple[Note, ...]:
    """Give the newest notes on a group, the oldest of these first."""
    query = select(group_notes).where(group_notes.c.group_name == name).order_by(group_notes.c.seq.desc()).limit(MOST)
    return tuple(Note(number=row.seq, at=row.at, actor=row.actor, text=row.text) for row in reversed(conn.execute(query).all()))
