"""Engines of the ledger, how a commit begins and ends on them, and connections for reading."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, ProgrammingError

from hub.errors import BadSettings, HubError, Unavailable
from hub.ledger import postgresql
from hub.ledger.sql import command, commit
from hub.telemetry import READ_SECONDS

T = TypeVar("T")

BUSY_TIMEOUT_SECONDS = 10
#: Processes that open a new ledger at once come again after so long.
WAL_AGAIN_SECONDS = 0.01
#: Threads of a process that read at the same time; who comes then waits so long, and is told that the ledger does not answer.
READERS = 16
READER_SECONDS = 10.0


def open_engine(url: str) -> Engine:
    """Open an engine for ``sqlite:///path`` or ``postgresql+psycopg://...`` with the settings that keep promises.

    Raises BadSettings for another address.
    """
    parsed = parse_url(url)
    # The writer's, and one more for the moment at which tables are made.
    connections = READERS + 2
    if parsed.get_backend_name() == "postgresql":
        return postgresql.open_engine(parsed, connections=connections)
    return _open_sqlite(parsed, connections)


def parse_url(url: str) -> URL:
    """Read the address of a ledger; raise BadSettings, without showing it, where it is none that is served."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _unknown_url() from None
    # In memory it would be another ledger for each thread, and lost.
    file = parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:")
    if not file and parsed.drivername not in ("postgresql", "postgresql+psycopg"):
        raise _unknown_url()
    return parsed


def _unknown_url() -> BadSettings:
    return BadSettings(
        "ledger url: sqlite:///path and postgresql+psycopg://user@host/database are served",
        "địa chỉ sổ cái: chỉ hỗ trợ sqlite:///đường-dẫn và postgresql+psycopg://người-dùng@máy/cơ-sở-dữ-liệu",
        where="hub.toml [ledger] url",
    )


def _open_sqlite(url: URL, connections: int) -> Engine:
    file = Path(str(url.database))
    file.parent.mkdir(parents=True, exist_ok=True)
    # Citizens' data: only the account that runs the hub reads it. SQLite gives its log the same mode.
    file.touch(mode=0o600)
    # The driver must not begin by itself: its deferred BEGIN upgrades a read lock and loses updates silently.
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None, "check_same_thread": False},
        # Parameters are citizens' data: they must not stand in an exception's text, and so in a log.
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
    )
    event.listen(engine, "connect", _sqlite_pragmas)
    return engine


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    _begin_wal(cursor)
    for pragma in (
        "synchronous=FULL",
        f"busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}",
        "foreign_keys=ON",
        # 40 MB of log instead of 4: each message writes 60 pages, and a checkpoint stops all writers.
        "wal_autocheckpoint=10000",
        # 64 MB instead of 2: indexes by random ids touch pages everywhere.
        "cache_size=-65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_wal(cursor: Any) -> None:
    """Turn on the write-ahead log, which stays on; SQLite lets nobody wait here, so who comes second comes again."""
    until = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(WAL_AGAIN_SECONDS)


def begin(connection: Connection, *, reading: bool = False) -> None:
    """Begin; a reader does not take SQLite's write lock. PostgreSQL's driver begins by itself.

    Said on the driver's cursor, like ``Statement``: SQLAlchemy's own objects for a transaction cost more than a verb.
    """
    if connection.dialect.name == "sqlite":
        command(connection, "BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """Commit what is done inside, or nothing of it."""
    begin(connection)
    try:
        yield
        commit(connection)
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: Connection) -> None:
    """Undo; a connection on which even that fails is thrown away."""
    if connection.invalidated:
        # Asked for its driver's connection it would open another one, which nobody has prepared.
        return
    try:
        connection.rollback()
        connection.dialect.do_rollback(connection.connection)
    except Exception:
        connection.invalidate()


@contextmanager
def _at_one_moment(connection: Connection) -> Iterator[None]:
    try:
        begin(connection, reading=True)
        yield
    finally:
        _roll_back(connection)


@contextmanager
def _each_alone(connection: Connection) -> Iterator[None]:
    """Let the driver begin nothing: that would be two more rounds to the server for one look-up."""
    if connection.dialect.name != "postgresql":
        yield
        return
    with postgresql.each_alone(connection):
        yield


class Readers:
    """Connections for reading, kept open: the engine's own pool costs more than a look-up, and threads wait on its lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._room = threading.BoundedSemaphore(READERS)
        self._free: deque[Connection] = deque()

    @contextmanager
    def reading(self, *, one_moment: bool) -> Iterator[Connection]:
        """Lend a connection on which everything is seen ``as of one moment``, or each statement as of its own.

        Raises Unavailable where none becomes free.
        """
        if not self._room.acquire(timeout=READER_SECONDS):
            raise Unavailable("too many are reading the ledger", "quá nhiều nơi đang đọc sổ cái", where="ledger")
        try:
            connection = self._taken() or self._opened()
            try:
                with READ_SECONDS.time(), _at_one_moment(connection) if one_moment else _each_alone(connection):
                    yield connection
            finally:
                self._give_back(connection)
        finally:
            self._room.release()

    def _opened(self) -> Connection:
        connection = self._engine.connect()
        if connection.dialect.name == "postgresql":
            # One moment for all that is read: PostgreSQL's usual level gives each statement a moment of its own.
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return connection

    def _taken(self) -> Connection | None:
        try:
            return self._free.pop()
        except IndexError:
            return None

    def _give_back(self, connection: Connection) -> None:
        if not connection.invalidated and getattr(connection.connection.driver_connection, "closed", False):
            connection.invalidate()
        if connection.invalidated:
            # The database was away: the others cannot be used either.
            connection.close()
            self.close()
        else:
            self._free.append(connection)

    def close(self) -> None:
        """Close the connections that nobody reads on."""
        while (connection := self._taken()) is not None:
            connection.close()


def unreachable(error: DBAPIError) -> HubError:
    """Say why the database cannot be opened, in its driver's first line: no value of a row was named to it yet."""
    cause = str(error.orig).strip().partition("\n")[0]
    en, vi = f"the ledger cannot be opened: {cause}", f"không mở được sổ cái: {cause}"
    where = "hub.toml [ledger] url"
    # Without a statement it was the driver itself that did not understand the address.
    if isinstance(error, ProgrammingError) and error.statement is None:
        return BadSettings(f"{where}: {en}", f"{where}: {vi}", where=where)
    return Unavailable(en, vi, where=where)


def no_ledger(error: DatabaseError, url: URL) -> Exception:
    """Say that the file is none of SQLite's, or is damaged; any other error stays what it is."""
    if url.get_backend_name() != "sqlite" or type(error) is not DatabaseError:
        return error
    where, cause = "hub.toml [ledger] url", str(error.orig)
    return BadSettings(
        f"{where}: {url.database} is not a ledger (SQLite: {cause}); name another file in url, or restore a backup",
        f"{where}: tệp {url.database} không phải sổ cái hoặc đã hỏng (SQLite: {cause}); hãy ghi đường dẫn khác trong url, "
        "hoặc khôi phục sổ cái từ bản sao lưu",
        where=where,
    )


def unavailable(error: BaseException) -> Unavailable:
    """Say that the database does not answer, without the statement and its values."""
    cause = type(error.orig if isinstance(error, DBAPIError) else error).__name__
    return Unavailable(f"the ledger does not answer ({cause})", f"sổ cái không phản hồi ({cause})", where="ledger")
