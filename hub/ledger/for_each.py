"""Statements for many rows of values at once: what a group of verbs asks and writes costs one round to the server.

Each is written once, over ``given``: the columns of the rows. PostgreSQL gets all rows as one JSON text and joins them as a
table (measured: a third of the time of one statement for each, sixteen rows at a time; arrays of values cost more than
JSON). SQLite, to which nobody has to travel, gets the same statement once for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Connection, Insert, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import Table
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from hub.canonical.compact_json import compact
from hub.ledger.sql import Found, Statement
from hub.ledger.values import Meanwhile

Row = Mapping[str, Any]
#: What SQLite is given, and what PostgreSQL is.
_Written = tuple[ClauseElement, ClauseElement]


class ForEach:
    """One statement over rows of named values."""

    def __init__(self, single: ClauseElement, together: ClauseElement) -> None:
        self._single, self._together = Statement(single), Statement(together)

    def find(self, conn: Connection, rows: Sequence[Row]) -> Iterable[Any]:
        """Give the rows that are found for these; each must say by its columns for which.

        Where statements are sent ahead, nobody waits for them before they are looked at.
        """
        if not rows:
            return []
        if conn.dialect.name == "postgresql":
            return self._together.run(conn, given=compact(rows))
        return [found for row in rows for found in self._single.run(conn, **row)]

    def change(self, conn: Connection, rows: Sequence[Row]) -> Found | None:
        """Carry out for these; give what says how many rows that changed, nothing where there are none to carry out for."""
        if not rows:
            return None
        if conn.dialect.name == "postgresql":
            return self._together.run(conn, given=compact(rows))
        return self._single.run_each(conn, rows)

    def change_all(self, conn: Connection, rows: Sequence[Row], unheard: Unheard | None = None) -> None:
        """Carry out for these; raise Meanwhile where another process was faster, so that one of them changed nothing.

        ``unheard``: what is asked at the end of a commit whether that is so.
        """
        written = self.change(conn, rows)
        if written is None:
            return
        later = unheard or Unheard()
        later.add(written, len(rows))
        if unheard is None:
            later.hear()


class Unheard:
    """Statements of which it is heard at the end of a commit whether they changed all that they should."""

    def __init__(self) -> None:
        self._written: list[tuple[Found, int]] = []

    def add(self, written: Found, count: int) -> None:
        self._written.append((written, count))

    def hear(self) -> None:
        """Raise Meanwhile where one changed less."""
        if any(written.rowcount < count for written, count in self._written):
            raise Meanwhile


def for_each(write: Callable[[Any], ClauseElement], **types: type[TypeEngine[Any]] | TypeEngine[Any]) -> ForEach:
    """Make a statement from what writes it over ``given``, whose columns have these names and types."""
    parameters = _Named({name: bindparam(name, type_=kind) for name, kind in types.items()})
    return ForEach(write(parameters), write(table_of(types).c))


class _Named:
    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)


def table_of(types: Mapping[str, Any]) -> Any:
    """Write the rows that are given as a table with these columns."""
    rows = func.json_to_recordset(cast(bindparam("given", type_=Text), JSON))
    return rows.table_valued(*(column(name, kind) for name, kind in types.items())).render_derived(name="given", with_types=True)


def insert_each(table: Table, *names: str, new: Collection[str] = ()) -> ForEach:
    """Make an INSERT of these columns; ``new``: do nothing where a row with this key is there (``change`` counts the others)."""
    given = table_of({name: table.c[name].type for name in names}).c
    single: Insert = sqlite.insert(table).values({name: bindparam(name, type_=table.c[name].type) for name in names})
    together: Insert = postgresql.insert(table).from_select(list(names), select(*(given[name] for name in names)))
    if new:
        single = single.on_conflict_do_nothing(index_elements=list(new))  # type: ignore[attr-defined]
        together = together.on_conflict_do_nothing(index_elements=list(new))  # type: ignore[attr-defined]
    return ForEach(single, together)
