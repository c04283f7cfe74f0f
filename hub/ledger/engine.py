"""Engines, and the one group writer of a process: many verbs in one commit, each in a savepoint, each caller waiting."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from hub.errors import Unavailable
from hub.telemetry import COMMIT_SECONDS

T = TypeVar("T")

#: Verbs in one commit at most; more only make the first one wait (measured: the gain is flat from 16 on).
GROUP = 50
BUSY_TIMEOUT_SECONDS = 10


def open_engine(url: str) -> Engine:
    """Open an engine for ``sqlite:///path`` or ``postgresql+psycopg://...`` with the settings that keep promises."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    # The driver must not begin by itself: its deferred BEGIN upgrades a read lock and loses updates silently.
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None, "check_same_thread": False},
        # Parameters are citizens' data: they must not stand in an exception's text, and so in a log.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _sqlite_pragmas)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    # Readers must not take the write lock; they say so by an execution option.
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@dataclass
class _Job:
    verb: Callable[[Connection], Any]
    #: Verbs of one group run in key order, so that two processes take row locks in the same order.
    key: str
    done: Future[Any] = field(default_factory=Future)


class GroupWriter:
    """Carries verbs of many threads in one commit; a caller goes on only after the commit that holds its verb."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        #: Nothing may lie behind the closing mark: its caller would wait for ever.
        self._door = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def run(self, verb: Callable[[Connection], T], key: str = "") -> T:
        """Carry out one verb atomically; return its result after the commit, or raise what it raised.

        Raises Unavailable where the database does not answer or the ledger was closed.
        """
        job = _Job(verb, key)
        with self._door:
            if self._closed:
                raise Unavailable("the ledger is closed", "sổ cái đã đóng", where="ledger")
            self._jobs.put(job)
        result: T = job.done.result()
        return result

    def close(self) -> None:
        """Finish what was given and stop."""
        with self._door:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            self._carry(group)

    def _next_group(self) -> list[_Job] | None:
        first = self._jobs.get()
        if first is None:
            return None
        group = [first]
        while len(group) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return sorted(group, key=lambda job: job.key)

    def _carry(self, group: list[_Job]) -> None:
        results: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            with COMMIT_SECONDS.time(), self._engine.begin() as connection:
                alone = len(group) == 1
                results.extend(_in_savepoint(connection, job, alone=alone) for job in group)
        except BaseException as error:  # the commit itself failed: nobody's verb happened
            self._nobody(group, error)
            return
        for job, value, problem in results:
            if problem is None:
                job.done.set_result(value)
            else:
                job.done.set_exception(problem)

    def _nobody(self, group: list[_Job], error: BaseException) -> None:
        if len(group) > 1 and isinstance(error, DBAPIError) and not error.connection_invalidated:
            # A deadlock or a broken savepoint belongs to one verb; the others must not pay for it.
            for job in group:
                self._carry([job])
            return
        told = unavailable(error) if isinstance(error, OperationalError) else error
        for job in group:
            job.done.set_exception(told)


def _in_savepoint(connection: Connection, job: _Job, *, alone: bool) -> tuple[_Job, Any, BaseException | None]:
    if alone:
        # The whole commit is this verb's: an exception rolls it back and reaches the caller through _nobody.
        return job, job.verb(connection), None
    # Said as driver SQL: a nested transaction object costs ten times the statement.
    connection.exec_driver_sql("SAVEPOINT verb")
    try:
        result = job.verb(connection)
    except DBAPIError:
        raise
    except Exception as error:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT verb")
        return job, None, error
    connection.exec_driver_sql("RELEASE SAVEPOINT verb")
    return job, result, None


def unavailable(error: OperationalError) -> Unavailable:
    """Say that the database does not answer, without the statement and its values."""
    cause = type(error.orig).__name__
    return Unavailable(f"the ledger does not answer ({cause})", f"sổ cái không phản hồi ({cause})", where="ledger")
