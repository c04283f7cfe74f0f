"""Engines, and the one group writer of a process: many verbs in one commit, each in a savepoint, each caller waiting."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError

from hub.errors import BadSettings, HubError, Unavailable
from hub.ledger import postgresql
from hub.ledger.sql import command, commit
from hub.telemetry import COMMIT_SECONDS, COMMIT_VERBS, READ_SECONDS

T = TypeVar("T")

#: Verbs in one commit at most; more only make the first one wait (measured: the gain is flat from 16 on).
GROUP = 50
BUSY_TIMEOUT_SECONDS = 10
#: Processes that open a new ledger at once come again after so long.
WAL_AGAIN_SECONDS = 0.01
#: Threads of a process that read at the same time; who comes then waits so long, and is told that the ledger does not answer.
READERS = 16
READER_SECONDS = 10.0
#: A verb that the database ended for a deadlock is tried so often.
DEADLOCKS = 5


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
    try:
        connection.rollback()
        connection.dialect.do_rollback(connection.connection)
    except Exception:
        connection.invalidate()


class Readers:
    """Connections for reading, kept open: the engine's own pool costs more than a look-up, and threads wait on its lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._room = threading.BoundedSemaphore(READERS)
        self._free: deque[Connection] = deque()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection on which everything is seen as of one moment; raise Unavailable where none becomes free."""
        if not self._room.acquire(timeout=READER_SECONDS):
            raise Unavailable("too many are reading the ledger", "quá nhiều nơi đang đọc sổ cái", where="ledger")
        try:
            connection = self._taken() or self._opened()
            try:
                with READ_SECONDS.time():
                    begin(connection, reading=True)
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
        if connection.invalidated:
            # The database was away: the others cannot be used either.
            connection.close()
            self.close()
        else:
            _roll_back(connection)
            self._free.append(connection)

    def close(self) -> None:
        """Close the connections that nobody reads on."""
        while (connection := self._taken()) is not None:
            connection.close()


@dataclass(eq=False)
class _Job:
    verb: Callable[[Connection], Any]
    #: Verbs of one group run in key order, so that two processes take row locks in the same order.
    key: str
    #: Open when the caller may go on: its verb is carried out, or it is its turn to carry the next group.
    turn: threading.Lock = field(default_factory=threading.Lock)
    carried: bool = False
    value: Any = None
    problem: BaseException | None = None

    def end(self, value: Any, problem: BaseException | None) -> None:
        self.value, self.problem, self.carried = value, problem, True

    def outcome(self) -> Any:
        if self.problem is not None:
            raise self.problem
        return self.value


class GroupWriter:
    """Carries verbs of many threads in one commit; a caller goes on only after the commit that holds its verb.

    There is no thread for it: the caller who comes first carries his verb, and who comes meanwhile waits; then the
    first of those carries all that wait. A verb that is alone costs no change of threads (measured: that was a third
    of a message's time).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._waiting: deque[_Job] = deque()
        #: Somebody carries a group, or was told to.
        self._carrying = False
        self._closed = False
        self._state = threading.Condition()

    def run(self, verb: Callable[[Connection], T], key: str = "") -> T:
        """Carry out one verb atomically; return its result after the commit, or raise what it raised.

        Raises Unavailable where the database does not answer or the ledger was closed.
        """
        job = _Job(verb, key)
        job.turn.acquire()
        if not self._is_first(job):
            job.turn.acquire()
        if not job.carried:
            self._carry_group()
        result: T = job.outcome()
        return result

    def close(self) -> None:
        """Finish what was given, take no more, and give the connection back."""
        with self._state:
            self._closed = True
            self._state.wait_for(lambda: not self._carrying)
        self._forget_connection()

    def _is_first(self, job: _Job) -> bool:
        with self._state:
            if self._closed:
                raise Unavailable("the ledger is closed", "sổ cái đã đóng", where="ledger")
            self._waiting.append(job)
            first, self._carrying = not self._carrying, True
            return first

    def _carry_group(self) -> None:
        """Carry the verbs that wait, the caller's own among them; then let the others go on."""
        with self._state:
            group = [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
        try:
            self._carry(sorted(group, key=lambda job: job.key))
        finally:
            self._hand_over(group)

    def _hand_over(self, group: list[_Job]) -> None:
        with self._state:
            following = self._waiting[0] if self._waiting else None
            self._carrying = following is not None
            self._state.notify_all()
        for job in (*group, following):
            if job is not None:
                job.turn.release()

    def _carry(self, group: list[_Job], tries: int = DEADLOCKS) -> None:
        results: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            connection = self._connected()
            with COMMIT_SECONDS.time(), writing(connection):
                alone = len(group) == 1
                results.extend(_in_savepoint(connection, job, alone=alone) for job in group)
        except BaseException as error:  # the commit itself failed: nobody's verb happened
            self._nobody(group, error, tries)
            return
        COMMIT_VERBS.observe(len(group))
        for job, value, problem in results:
            job.end(value, problem)

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.invalidated:
            self._forget_connection()
            self._connection = self._engine.connect()
            if self._connection.dialect.name == "postgresql":
                postgresql.prepare_writer(self._connection)
        return self._connection

    def _forget_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _nobody(self, group: list[_Job], error: BaseException, tries: int) -> None:
        if len(group) > 1 and isinstance(error, DBAPIError) and not error.connection_invalidated:
            # A deadlock or a broken savepoint belongs to one verb; the others must not pay for it.
            for job in group:
                self._carry([job])
            return
        if postgresql.is_deadlock(error) and tries > 1:
            self._carry(group, tries - 1)
            return
        if postgresql.is_demoted(error) and self._connection is not None:
            self._connection.invalidate()
        told = unavailable(error) if _is_away(error) else error
        for job in group:
            job.end(None, told)


def _in_savepoint(connection: Connection, job: _Job, *, alone: bool) -> tuple[_Job, Any, BaseException | None]:
    if alone:
        # The whole commit is this verb's: an exception rolls it back and reaches the caller through _nobody.
        return job, job.verb(connection), None
    command(connection, "SAVEPOINT verb")
    try:
        result = job.verb(connection)
    except DBAPIError:
        raise
    except Exception as error:
        command(connection, "ROLLBACK TO SAVEPOINT verb")
        return job, None, error
    command(connection, "RELEASE SAVEPOINT verb")
    return job, result, None


def _is_away(error: BaseException) -> bool:
    return isinstance(error, OperationalError) or postgresql.is_demoted(error)


def unreachable(error: DBAPIError) -> HubError:
    """Say why the database cannot be opened, in its driver's first line: no value of a row was named to it yet."""
    cause = str(error.orig).strip().partition("\n")[0]
    en, vi = f"the ledger cannot be opened: {cause}", f"không mở được sổ cái: {cause}"
    where = "hub.toml [ledger] url"
    # Without a statement it was the driver itself that did not understand the address.
    if isinstance(error, ProgrammingError) and error.statement is None:
        return BadSettings(f"{where}: {en}", f"{where}: {vi}", where=where)
    return Unavailable(en, vi, where=where)


def unavailable(error: BaseException) -> Unavailable:
    """Say that the database does not answer, without the statement and its values."""
    cause = type(error.orig if isinstance(error, DBAPIError) else error).__name__
    return Unavailable(f"the ledger does not answer ({cause})", f"sổ cái không phản hồi ({cause})", where="ledger")
