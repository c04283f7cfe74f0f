"""Sessions on PostgreSQL whose commit is not waited for without end, and which begin nothing while an earlier one still waits.

Where all synchronous standbys are away the server waits for one in the middle of a commit, for ever: its timeouts are over
by then. Cancelled, that wait would end as if the commit were kept where it is not. So the session is left waiting: what
it wrote is seen by nobody until a standby has it, its locks hold, and whoever writes next is told so at once.
"""

from __future__ import annotations

import select
import threading
import time
from typing import Any

import psycopg
import structlog
from psycopg import pq

from hub.ledger.lines import Line, error_of

log = structlog.get_logger()

#: A commit that is not answered after this may be done or not: its callers are told that the ledger does not answer.
COMMIT_SECONDS = 30.0


class CommitUnanswered(psycopg.OperationalError):
    """The server did not say in time whether a commit is done."""


class EarlierUnanswered(psycopg.OperationalError):
    """Nothing was begun, since an earlier commit still waits."""


class CommitUnsafe(psycopg.OperationalError):
    """The server did less than it was asked for: the commit is on no standby, or it was a rollback."""


class Session(psycopg.Connection[Any]):
    """A connection to the server as the ledger needs it."""

    #: Commits of the same engine that were left waiting.
    unanswered: Unanswered
    #: The writer's: refused while one of those still waits.
    writes = False
    #: How statements of ours are said (hub.ledger.sql); None: by cursors.
    line: Line | None = None
    _line: Line | None = None
    _left = False
    _warning = ""

    def note(self, said: psycopg.errors.Diagnostic) -> None:
        """Keep a warning of the server; to be added as a handler of notices."""
        if said.severity_nonlocalized == "WARNING":
            self._warning = said.message_primary or "WARNING"

    def cursor(self, *args: Any, **words: Any) -> Any:
        """Give a cursor; raise EarlierUnanswered where an earlier commit of the writer still waits."""
        if self._line is not None and self._line.is_ahead:
            # It would wait for ever for what nobody has asked the server to say.
            raise psycopg.ProgrammingError("no cursor where statements are sent ahead: make it a Statement")
        self.check_answered()
        return super().cursor(*args, **words)

    def check_answered(self) -> None:
        """Raise EarlierUnanswered where an earlier commit of the writer still waits."""
        if self.writes and self.unanswered.any():
            raise EarlierUnanswered("an earlier commit is not answered yet")

    def open_line(self) -> None:
        """Say statements by a line from now on; what that has prepared stays prepared, since nobody else prepares any."""
        self.prepare_threshold = None
        self._line = self.line = self._line or Line(self, self.check_answered)
        self.line.waits_for_ever = not self.writes

    def close_line(self) -> None:
        """Say statements by cursors again."""
        self.line = None

    def commit(self) -> None:
        """Commit; raise CommitUnanswered, CommitUnsafe or the server's own error where that is not sure to be done."""
        with self.lock:
            if self.pgconn.transaction_status == pq.TransactionStatus.IDLE:
                return
            self._warning = ""
            self.pgconn.send_query(b"COMMIT")
            if not self._is_answered(time.monotonic() + COMMIT_SECONDS):
                self._left = True
                self.unanswered.add(self)
                raise CommitUnanswered(f"no answer to a commit after {COMMIT_SECONDS} seconds")
            self._judge()

    def _is_answered(self, until: float) -> bool:
        """Wait until the server has answered in full."""
        poll = select.poll()
        while self.pgconn.is_busy():
            awaited = select.POLLOUT if self.pgconn.flush() else 0
            poll.register(self.pgconn.socket, select.POLLIN | awaited)
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                return False
            self.pgconn.consume_input()
        return True

    def _judge(self) -> None:
        """Read what the server said of a commit."""
        result = self.pgconn.get_result()
        while self.pgconn.get_result() is not None:
            pass
        assert result is not None
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise error_of(result)
        if self._warning or result.command_status != b"COMMIT":
            # Not to be tried again: it may be done here.
            super().close()
            raise CommitUnsafe(self._warning or "the server rolled back instead")

    def has_ended(self) -> bool:
        """Say whether the commit that was left waiting waits no more."""
        try:
            if not self._is_answered(time.monotonic()):
                return False
            self._judge()
            log.info("ledger.commit_answered")
        except psycopg.Error as error:
            log.warning("ledger.commit_lost", error=type(error).__name__)
        super().close()
        return True

    @property
    def closed(self) -> bool:
        """True also for one that was left: nobody may use it any more."""
        return self._left or super().closed

    def close(self) -> None:
        """Close; one that was left waiting stays, since its server waits all the same."""
        if not self._left:
            super().close()


class Unanswered:
    """The sessions of one engine that were left waiting in a commit."""

    def __init__(self) -> None:
        self._sessions: list[Session] = []
        self._lock = threading.Lock()

    def add(self, session: Session) -> None:
        """Leave a session waiting."""
        log.warning("ledger.commit_unanswered", seconds=COMMIT_SECONDS)
        with self._lock:
            self._sessions.append(session)

    def any(self) -> bool:
        """Say whether one of them still waits."""
        if not self._sessions:
            return False
        with self._lock:
            self._sessions = [session for session in self._sessions if not session.has_ended()]
            return bool(self._sessions)
