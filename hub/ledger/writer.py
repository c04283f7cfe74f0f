"""The one group writer of a process: the verbs of many threads in one commit, each caller waiting for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from hub.errors import Unavailable
from hub.ledger import postgresql
from hub.ledger.engine import unavailable, writing
from hub.ledger.payloads import Remembered
from hub.ledger.sql import command, sent_ahead
from hub.ledger.values import Meanwhile
from hub.ledger.works import Commit, Together, Work
from hub.telemetry import COMMIT_SECONDS, COMMIT_VERBS

T = TypeVar("T")

#: Verbs in one commit at most; more only make the first one wait (measured: the gain is flat from 16 on).
GROUP = 50
#: A verb that the database ended for a deadlock, or that another process was faster than, is tried so often.
TRIES = 5


@dataclass(eq=False)
class _Job:
    """One caller's verb: a single one, or its share of one that is carried for many."""

    given: Any
    single: Callable[[Connection], Any] | None = None
    together: Together | None = None
    #: The subjects whose journal pages it needs open.
    subjects: frozenset[str] = frozenset()
    #: No two jobs of one commit have a key in common. Single verbs of one commit run in the order of theirs, so that two
    #: processes take row locks in the same order.
    keys: frozenset[str] = frozenset()
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


_Result = tuple[_Job, Any, BaseException | None]


class GroupWriter:
    """Carries verbs of many threads in one commit; a caller goes on only after the commit that holds its verb.

    There is no thread for it: the caller who comes first carries his verb, and who comes meanwhile waits; then the
    first of those carries all that wait. A verb that is alone costs no change of threads (measured: that was a third
    of a message's time).

    ``order``: the verbs that are carried for many, in the order in which a commit carries them.
    """

    def __init__(self, engine: Engine, order: Sequence[Together] = ()) -> None:
        self._engine = engine
        self._order = order
        self._connection: Connection | None = None
        self._waiting: deque[_Job] = deque()
        #: Somebody carries a group, or was told to.
        self._carrying = False
        self._closed = False
        self._remembered = Remembered()
        self._state = threading.Condition()

    def run(self, verb: Callable[[Connection], T], key: str = "") -> T:
        """Carry out one verb atomically; return its result after the commit, or raise what it raised.

        Raises Unavailable where the database does not answer or the ledger was closed.
        """
        result: T = self._run(_Job(None, single=verb, keys=frozenset((key,) if key else ())))
        return result

    def share(
        self,
        verb: Together,
        given: Any,
        subjects: Iterable[str] = (),
        keys: Iterable[str] = (),
        beside: frozenset[str] = frozenset(),
    ) -> Any:
        """Carry out one's share of a verb that is carried for many; return or raise what it gives this share.

        ``subjects``: those whose journal it writes. ``keys``: what else no two shares of one commit may have in common.
        ``beside``: subjects whose journal it only adds to, as other shares of the same commit may.
        """
        named = frozenset(subjects)
        return self._run(_Job(given, together=verb, subjects=named | beside, keys=named.union(keys)))

    def _run(self, job: _Job) -> Any:
        job.turn.acquire()
        if not self._is_first(job):
            job.turn.acquire()
        if not job.carried:
            self._carry_group()
        return job.outcome()

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
            group = self._next_group()
        try:
            singles = [job for job in group if job.single]
            shares = [job for job in group if job.together]
            if singles:
                self._carry(sorted(singles, key=lambda job: sorted(job.keys)))
            if shares:
                self._carry(shares)
        finally:
            self._hand_over(group)

    def _next_group(self) -> list[_Job]:
        """Take those that wait, except whoever has a key in common with one before him: he is in the next group."""
        group: list[_Job] = []
        left: list[_Job] = []
        keys: set[str] = set()
        while self._waiting and len(group) < GROUP:
            job = self._waiting.popleft()
            (group if keys.isdisjoint(job.keys) else left).append(job)
            keys |= job.keys
        self._waiting.extendleft(reversed(left))
        return group

    def _hand_over(self, group: list[_Job]) -> None:
        with self._state:
            following = self._waiting[0] if self._waiting else None
            self._carrying = following is not None
            self._state.notify_all()
        for job in (*group, following):
            if job is not None:
                job.turn.release()

    def _carry(self, group: list[_Job], tries: int = TRIES) -> None:
        results: list[_Result] = []
        shared: dict[str, float] = {}
        try:
            connection = self._connected()
            with COMMIT_SECONDS.time(), writing(connection):
                if group[0].single:
                    results.extend(_in_savepoint(connection, job, alone=len(group) == 1) for job in group)
                else:
                    results.extend(self._together(connection, group, shared))
        except BaseException as error:  # the commit itself failed: nobody's verb happened
            self._nobody(group, error, tries)
            return
        self._remembered.add(shared)
        COMMIT_VERBS.observe(len(group))
        for job, value, problem in results:
            job.end(value, problem)

    def _together(self, connection: Connection, group: Sequence[_Job], shared: dict[str, float]) -> list[_Result]:
        """Carry shares; tell which bodies may be remembered once they are committed."""
        works: list[tuple[_Job, Work[Any, Any]]] = [(job, Work(job.given)) for job in group]
        with sent_ahead(connection):
            commit = Commit(connection, (subject for job in group for subject in job.subjects), self._remembered)
            for verb in self._order:
                if shares := [work for job, work in works if job.together is verb]:
                    verb(commit, shares)
            commit.write()
        shared |= commit.shelf.shared
        return [(job, work.value, work.problem) for job, work in works]

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
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        if len(group) > 1 and isinstance(error, Exception) and not lost:
            # A deadlock, a broken savepoint or a bug belongs to one verb; the others must not pay for it.
            for job in group:
                self._carry([job])
            return
        if tries > 1 and (_was_faster(group, error) or postgresql.is_deadlock(error)):
            self._carry(group, tries - 1)
            return
        if postgresql.is_demoted(error) and self._connection is not None:
            self._connection.invalidate()
        told = unavailable(error) if _is_away(error) else error
        for job in group:
            job.end(None, told)


def _in_savepoint(connection: Connection, job: _Job, *, alone: bool) -> _Result:
    assert job.single is not None
    if alone:
        # The whole commit is this verb's: an exception rolls it back and reaches the caller through _nobody.
        return job, job.single(connection), None
    command(connection, "SAVEPOINT verb")
    try:
        result = job.single(connection)
    except (DBAPIError, Meanwhile):
        raise
    except Exception as error:
        command(connection, "ROLLBACK TO SAVEPOINT verb")
        return job, None, error
    command(connection, "RELEASE SAVEPOINT verb")
    return job, result, None


def _was_faster(group: Sequence[_Job], error: BaseException) -> bool:
    """Say whether another process wrote meanwhile what these were about to write.

    Where all is sent ahead, its row may show before what was counted.
    """
    return isinstance(error, Meanwhile) or (isinstance(error, IntegrityError) and group[0].together is not None)


def _is_away(error: BaseException) -> bool:
    return isinstance(error, OperationalError | Meanwhile) or postgresql.is_demoted(error)
