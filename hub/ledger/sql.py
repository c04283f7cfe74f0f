"""Named statements, compiled once: what is on every message's way must not be built anew each time.

Building and looking up a Core statement costs many times its execution (measured: 250 against 20 microseconds). A
``Statement`` is written in Core like any other, compiled once per dialect, and runs on the driver's own cursor of the
connection that SQLAlchemy holds; its errors are SQLAlchemy's.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import Table
from sqlalchemy.sql import ClauseElement

from hub.ledger.postgresql import without_values

#: Statement text, its constants, and what gives the driver its parameters from the named ones.
_Compiled = tuple[str, Mapping[str, Any], Callable[[Mapping[str, Any]], Any]]


def fixed(names: Iterable[str]) -> list[ColumnElement[Any]]:
    """Write our own fixed words (states, never what came from outside) into a statement, for ``IN``.

    Bound, the list would be expanded at each execution, and the statement could not be compiled once.
    """
    words = tuple(names)
    for name in words:
        if not name.replace("_", "").isalpha():
            raise ValueError(name)
    return [literal_column(f"'{name}'") for name in words]


class Found:
    """What a statement gave: rows with named fields, or how many rows it changed."""

    __slots__ = ("_cursor", "_row", "rowcount")

    def __init__(self, cursor: Any, row: Callable[..., Any] | None) -> None:
        self._cursor = cursor
        self._row = row
        self.rowcount: int = cursor.rowcount

    def __iter__(self) -> Iterator[Any]:
        assert self._row is not None, "the statement gives no rows"
        return map(self._row, self._cursor.fetchall())

    def fetchall(self) -> list[Any]:
        """Give all rows."""
        return list(self)

    def first(self) -> Any:
        """Give the first row, or None."""
        assert self._row is not None, "the statement gives no rows"
        rows = self._cursor.fetchall()
        return self._row(rows[0]) if rows else None

    def one(self) -> Any:
        """Give the only row."""
        (row,) = self
        return row

    def scalar(self) -> Any:
        """Give the first field of the first row, or None."""
        rows = self._cursor.fetchall()
        return rows[0][0] if rows else None

    def scalars(self) -> Iterator[Any]:
        """Give the first field of every row."""
        return (row[0] for row in self)


class Statement:
    """One SQL statement with named parameters (``bindparam``), compiled at its first use on each dialect."""

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._compiled: dict[str, _Compiled] = {}
        self._row: Callable[..., Any] | None = None

    def run(self, conn: Connection, **values: Any) -> Found:
        """Execute with these values, in the connection's open transaction."""
        text, constants, parameters = self._for(conn)
        cursor = _execute(conn, text, parameters({**constants, **values} if constants else values))
        if self._row is None and cursor.description:
            names = [column[0] for column in cursor.description]
            self._row = namedtuple("Row", names)._make  # type: ignore[attr-defined]
        return Found(cursor, self._row)

    def run_each(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute once for each row, in one call of the driver; say how many rows that changed."""
        text, constants, parameters = self._for(conn)
        if not rows:
            return 0
        return int(_execute(conn, text, [parameters({**constants, **row}) for row in rows], many=True).rowcount)

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
        return str(compiled), dict(compiled.params), _in_order(compiled.positiontup)  # type: ignore[attr-defined]


def _in_order(names: Sequence[str] | None) -> Callable[[Mapping[str, Any]], Any]:
    """Make what gives parameters by place; None: the driver takes names."""
    if names is None:
        return dict
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


def command(conn: Connection, text: str) -> None:
    """Say one statement of our own without parameters (BEGIN, SAVEPOINT) on the driver's cursor."""
    _execute(conn, text, ())


def _execute(conn: Connection, text: str, given: Any, *, many: bool = False) -> Any:
    """Execute on the driver's cursor; raise what SQLAlchemy would, without the values."""
    cursor = conn.connection.cursor()
    try:
        (cursor.executemany if many else cursor.execute)(text, given)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _known(conn, text, error) from error
    return cursor


def commit(conn: Connection) -> None:
    """Commit, whether statements of this module or SQLAlchemy's own were executed."""
    if conn.in_transaction():
        conn.commit()
        return
    try:
        conn.dialect.do_commit(conn.connection)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _known(conn, "COMMIT", error) from error


def _known(conn: Connection, text: str, error: Exception) -> Exception:
    """Give SQLAlchemy's error for the driver's; a connection that is gone is marked so."""
    dialect = conn.dialect
    without_values(error)
    gone = dialect.is_disconnect(error, conn.connection, None)  # type: ignore[arg-type]
    known = DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect, connection_invalidated=gone
    )
    if gone:
        conn.invalidate(error)
    return known


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
