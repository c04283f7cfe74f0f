"""The one group writer of a process: the verbs of many threads in one commit, each caller waiting for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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
from hub.rounds import Closed, Rounds, Ticket
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
    value: Any = None
    problem: BaseException | None = None
    ended: bool = False

    def end(self, value: Any, problem: BaseException | None) -> None:
        self.value, self.problem, self.ended = value, problem, True

    def outcome(self) -> Any:
        if self.problem is not None:
            raise self.problem
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One share of a verb that is carried for many."""

    given: Any
    #: Those whose journal it writes.
    subjects: frozenset[str] = frozenset()
    #: What else no two shares of one commit may have in common.
    keys: frozenset[str] = frozenset()
    #: Subjects whose journal it only adds to, as other shares of the same commit may.
    beside: frozenset[str] = frozenset()


_Result = tuple[_Job, Any, BaseException | None]


class GroupWriter:
    """Carries verbs of many threads in one commit; a caller goes on only after the commit that holds its verb.

    A verb that is alone costs no change of threads (measured: that was a third of a message's time).

    ``order``: the verbs that are carried for many, in the order in which a commit carries them.
    """

    def __init__(self, engine: Engine, order: Sequence[Together] = ()) -> None:
        self._engine = engine
        self._order = order
        self._connection: Connection | None = None
        self._remembered = Remembered()
        self.rounds = Rounds(self._carry_group, _next_group)

    def run(self, verb: Callable[[Connection], T], key: str = "") -> T:
        """Carry out one verb atomically; return its result after the commit, or raise what it raised.

        Raises Unavailable where the database does not answer or the ledger was closed.
        """
        job = _Job(None, single=verb, keys=frozenset((key,) if key else ()))
        self._run([job])
        result: T = job.outcome()
        return result

    def share(self, verb: Together, shares: Iterable[Share]) -> list[Callable[[], Any]]:
        """Carry out shares of a verb that is carried for many; give for each what returns or raises what became of it."""
        jobs = [
            _Job(each.given, together=verb, subjects=each.subjects | each.beside, keys=each.subjects | each.keys)
            for each in shares
        ]
        self._run(jobs)
        return [job.outcome for job in jobs]

    def _run(self, jobs: Sequence[_Job]) -> None:
        try:
            self.rounds.bring(*jobs)
        except Closed:
            for job in jobs:
                job.end(None, Unavailable("the ledger is closed", "sổ cái đã đóng", where="ledger"))

    def close(self) -> None:
        """Finish what was given, take no more, and give the connection back."""
        self.rounds.close()
        self._forget_connection()

    def _carry_group(self, group: list[_Job]) -> None:
        """Carry the verbs of one round: single ones in a commit, and shares in another."""
        singles = [job for job in group if job.single and not job.ended]
        shares = [job for job in group if job.together and not job.ended]
        if singles:
            self._carry(sorted(singles, key=lambda job: sorted(job.keys)))
        if shares:
            self._carry(shares)

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
            # It may be another server now, which has not all that the first one had.
            self._remembered = Remembered()
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


def _next_group(first: Ticket[_Job], waiting: deque[Ticket[_Job]]) -> list[Ticket[_Job]]:
    """Take those that wait, except whoever has a key in common with one before him: he is in a later group."""
    group: list[Ticket[_Job]] = []
    left: list[Ticket[_Job]] = []
    keys = set(first.given.keys)
    while waiting and len(group) + 1 < GROUP:
        ticket = waiting.popleft()
        (group if keys.isdisjoint(ticket.given.keys) else left).append(ticket)
        keys |= ticket.given.keys
    waiting.extendleft(reversed(left))
    return group


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
