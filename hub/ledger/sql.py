"""Named statements, compiled once: what is on every message's way must not be built anew each time.

Building and looking up a Core statement costs three to five times its execution (measured: 250 against 50 microseconds).
A ``Statement`` is written in Core like any other, compiled once per dialect, and then runs as driver SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.schema import Table
from sqlalchemy.sql import ClauseElement

#: Statement text, its constants, and the order of its parameters (None: the driver takes names).
_Compiled = tuple[str, Mapping[str, Any], Sequence[str] | None]


def fixed(names: Iterable[str]) -> list[ColumnElement[Any]]:
    """Write our own fixed words (states, never what came from outside) into a statement, for ``IN``.

    Bound, the list would be expanded at each execution, and the statement could not be compiled once.
    """
    words = tuple(names)
    for name in words:
        if not name.replace("_", "").isalpha():
            raise ValueError(name)
    return [literal_column(f"'{name}'") for name in words]


class Statement:
    """One SQL statement with named parameters (``bindparam``), compiled at its first use on each dialect."""

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._compiled: dict[str, _Compiled] = {}

    def run(self, conn: Connection, **values: Any) -> CursorResult[Any]:
        """Execute with these values."""
        text, constants, order = self._for(conn)
        given = {**constants, **values}
        return conn.exec_driver_sql(text, given if order is None else tuple(given[name] for name in order))

    def run_each(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once for each row, in one call of the driver."""
        text, constants, order = self._for(conn)
        if not rows:
            return
        given = [{**constants, **row} for row in rows]
        if order is None:
            conn.exec_driver_sql(text, given)
        else:
            conn.exec_driver_sql(text, [tuple(row[name] for name in order) for row in given])

    def _for(self, conn: Connection) -> _Compiled:
        known = self._compiled.get(conn.dialect.name)
        if known is None:
            known = self._compiled[conn.dialect.name] = self._compile(conn)
        return known

    def _compile(self, conn: Connection) -> _Compiled:
        clause = self._clause
        if isinstance(clause, _InsertNew):
            clause = clause.on(conn.dialect.name)
        compiled = clause.compile(dialect=conn.dialect)
        return str(compiled), dict(compiled.params), compiled.positiontup  # type: ignore[attr-defined]


class _InsertNew(ClauseElement):
    """INSERT ... ON CONFLICT DO NOTHING, which each dialect spells in a module of its own."""

    def __init__(self, table: Table, key: Sequence[str]) -> None:
        self._table, self._key = table, key

    def on(self, dialect: str) -> Insert:
        module = postgresql if dialect == "postgresql" else sqlite
        statement: Insert = module.insert(self._table).on_conflict_do_nothing(index_elements=list(self._key))
        return statement


def insert_new(table: Table, *key: str) -> Statement:
    """Make an INSERT that does nothing where a row with this key is there already; ``rowcount`` tells which."""
    return Statement(_InsertNew(table, key))
