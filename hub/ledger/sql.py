"""Named statements, compiled once: what is on every message's way must not be built anew each time.

Building and looking up a Core statement costs many times its execution (measured: 250 against 20 microseconds). A
``Statement`` is written in Core like any other, compiled once per dialect, and runs on the driver's own cursor of the
connection that SQLAlchemy holds, or on its line (hub.ledger.lines); its errors are SQLAlchemy's.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, Insert, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import Table
from sqlalchemy.sql import ClauseElement

from hub.ledger.postgresql import without_values

#: PostgreSQL's own way to write parameters, for its line.
_NUMBERED: Dialect = psycopg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
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


class _Executed:
    """What the driver's cursor tells of a statement, as ``hub.ledger.lines.Sent`` tells it."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def rowcount(self) -> int:
        return int(self._cursor.rowcount)

    def names(self) -> list[str]:
        return [column[0] for column in self._cursor.description]

    def rows(self, make: Callable[..., Any]) -> list[Any]:
        return [make(row) for row in self._cursor.fetchall()]


class _Each:
    """What a line tells of a statement that was said for each of some rows."""

    def __init__(self, sent: Sequence[Any]) -> None:
        self._sent = sent

    def rowcount(self) -> int:
        return sum(each.rowcount() for each in self._sent)


class Found:
    """What a statement gave: rows with named fields, or how many rows it changed. Where it was only sent, it is heard now."""

    __slots__ = ("_conn", "_said", "_statement")

    def __init__(self, conn: Connection, said: Any, statement: Statement) -> None:
        self._conn = conn
        self._said = said
        self._statement = statement

    @property
    def rowcount(self) -> int:
        """Say how many rows it changed."""
        changed: int = _raising_ours(self._conn, self._said.rowcount)
        return changed

    def fetchall(self) -> list[Any]:
        """Give all rows."""
        rows: list[Any] = _raising_ours(self._conn, self._named_rows)
        return rows

    def _named_rows(self) -> Any:
        return self._said.rows(self._statement.row_of(self._said))

    def _nameless_rows(self) -> Any:
        return self._said.rows(tuple)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())

    def first(self) -> Any:
        """Give the first row, or None."""
        return next(iter(self), None)

    def one(self) -> Any:
        """Give the only row."""
        (row,) = self
        return row

    def scalar(self) -> Any:
        """Give the first field of the first row, or None."""
        return next(self.scalars(), None)

    def scalars(self) -> Iterator[Any]:
        """Give the first field of every row."""
        return (row[0] for row in _raising_ours(self._conn, self._nameless_rows))


class Statement:
    """One SQL statement with named parameters (``bindparam``), compiled at its first use on each dialect."""

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._compiled: dict[str, _Compiled] = {}
        self._row: Callable[..., Any] | None = None

    def run(self, conn: Connection, **values: Any) -> Found:
        """Execute with these values, in the connection's open transaction."""
        line = _line_of(conn)
        text, constants, parameters = self._for(conn, line)
        given = parameters({**constants, **values} if constants else values)
        return Found(conn, _said(conn, line, text, given) if line else _executed(conn, text, given), self)

    def run_each(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> Found:
        """Execute once for each of these rows (some), in one call of the driver; give how many that changed."""
        line = _line_of(conn)
        text, constants, parameters = self._for(conn, line)
        given = [parameters({**constants, **row}) for row in rows]
        return Found(conn, _said_each(conn, line, text, given) if line else _executed(conn, text, given, many=True), self)

    def row_of(self, said: Any) -> Callable[..., Any]:
        """Give what makes a row with named fields of one of the driver's."""
        if self._row is None:
            # Without ``_make`` around it, which counts the fields of each row again.
            self._row = partial(tuple.__new__, namedtuple("Row", said.names()))
        return self._row

    def _for(self, conn: Connection, line: Any) -> _Compiled:
        dialect = _NUMBERED if line else conn.dialect
        known = self._compiled.get(dialect.paramstyle)
        if known is None:
            known = self._compiled[dialect.paramstyle] = self._compile(dialect)
        return known

    def _compile(self, dialect: Dialect) -> _Compiled:
        clause = self._clause
        if isinstance(clause, _InsertNew):
            clause = clause.on(dialect.name)
        compiled = clause.compile(dialect=dialect)
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
    _executed(conn, text, ())


def _line_of(conn: Connection) -> Any:
    """Give the line on which PostgreSQL hears statements of ours; None: they go by the driver's cursor."""
    return getattr(conn.connection.driver_connection, "line", None)


def _said(conn: Connection, line: Any, text: str, given: Sequence[Any]) -> Any:
    try:
        return line.say(text, given)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _known(conn, text, error) from error


def _said_each(conn: Connection, line: Any, text: str, given: Sequence[Sequence[Any]]) -> Any:
    return _Each([_said(conn, line, text, each) for each in given])


def _executed(conn: Connection, text: str, given: Any, *, many: bool = False) -> _Executed:
    """Execute on the driver's cursor; raise what SQLAlchemy would, without the values."""

    def execute() -> _Executed:
        cursor = conn.connection.cursor()
        (cursor.executemany if many else cursor.execute)(text, given)
        return _Executed(cursor)

    executed: _Executed = _raising_ours(conn, execute, text)
    return executed


def _raising_ours(conn: Connection, act: Callable[[], Any], text: str = "") -> Any:
    try:
        return act()
    except conn.dialect.loaded_dbapi.Error as error:
        raise _known(conn, text, error) from error


@contextmanager
def sent_ahead(conn: Connection) -> Iterator[None]:
    """Let PostgreSQL carry out statements one after the other without waiting for us in between.

    Only what is asked of a ``Found`` waits for its answer. An error shows there, or at the end.
    """
    if (line := _line_of(conn)) is None:
        yield
        return
    try:
        with line.ahead():
            yield
    except conn.dialect.loaded_dbapi.Error as error:
        raise _known(conn, "", error) from error


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
