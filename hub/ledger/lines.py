"""Statements on PostgreSQL as libpq says them: prepared once for each session, sent ahead, heard when somebody asks.

A cursor of the driver costs three times what the server needs for most of our statements (measured: 70 against 20
microseconds), and a rollback makes it forget all that was prepared.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.adapt import Transformer

#: Type of a parameter that is bytes; all others are what the statement makes of them.
_BYTEA, _UNSAID = 17, 0
_TEXT, _BINARY = pq.Format.TEXT, pq.Format.BINARY
#: The server knows a prepared statement no more, or a table's columns were changed under it: all are prepared anew.
_FORGOTTEN = (b"26000", b"0A000")
_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED)

#: Longer than a statement of the writer may take (``STATEMENT_SECONDS`` of hub.ledger.postgresql, which the server keeps to).
SILENT_SECONDS = 75

Value = str | bytes | float | bool | None
#: A statement's text, and the format of each parameter: what is prepared for a text is not for bytes.
_Form = tuple[str, tuple[pq.Format, ...]]


def error_of(result: pq.abc.PGresult) -> psycopg.Error:
    """Make the driver's error of what the server said; of its words only the first line, which names no value of a row."""
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    said = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(errors="replace")
    try:
        return errors.lookup(state)(said)
    except KeyError:
        return psycopg.DatabaseError(said)


def wire_form(value: Value) -> bytes | None:
    """Write a parameter as the server reads it: bytes as they are, anything else as text."""
    if isinstance(value, str):
        if "\0" in value:
            # libpq would send what stands before it.
            raise psycopg.DataError("a text of PostgreSQL cannot hold a NUL")
        return value.encode()
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float):
        return repr(value).encode()
    raise TypeError(f"a parameter of PostgreSQL cannot be a {type(value).__name__}")


class Sent:
    """One statement on its way, and what the server said to it."""

    __slots__ = ("_line", "prepares", "result")

    def __init__(self, line: Line, prepares: _Form | None = None) -> None:
        self._line = line
        #: What is only to be prepared.
        self.prepares = prepares
        self.result: pq.abc.PGresult | None = None

    def rowcount(self) -> int:
        """Say how many rows it changed."""
        return self._line.hear(self).command_tuples or 0

    def names(self) -> list[str]:
        """Name the fields of its rows."""
        result = self._line.hear(self)
        return [(result.fname(place) or b"").decode() for place in range(result.nfields)]

    def rows(self, make: Callable[..., Any]) -> list[Any]:
        """Give its rows, each made of a tuple."""
        return self._line.load(self._line.hear(self), make)


class Line:
    """What is said on one session, and not heard yet."""

    def __init__(self, session: psycopg.Connection[Any], check: Callable[[], None]) -> None:
        self._session, self._pgconn = session, session.pgconn
        #: A reader's answer may take as long as the ledger is large; the writer's has an end.
        self.waits_for_ever = True
        #: Raises where nothing may be begun.
        self._check = check
        self._loader = Transformer(session)
        #: Statement -> its name at the server.
        self._prepared: dict[_Form, bytes] = {}
        self._names = count(1)
        self._ahead = False
        self._awaited: deque[Sent] = deque()
        self._failure: psycopg.Error | None = None

    def say(self, text: str, values: Sequence[Value]) -> Sent:
        """Send a statement; outside of ``ahead`` it is heard as well."""
        if self._ahead:
            return self._send(text, values)
        with self.ahead():
            return self._send(text, values)

    @property
    def is_ahead(self) -> bool:
        """Say whether statements are sent that nobody has heard."""
        return self._ahead

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Send statements without waiting for the answer to each; raise at the end what nobody has heard."""
        if self._ahead:
            yield
            return
        self._enter()
        try:
            yield
            self._leave()
        except BaseException:
            self._leave_anyway()
            raise

    def _enter(self) -> None:
        self._check()
        begins = not self._session.autocommit and self._pgconn.transaction_status == pq.TransactionStatus.IDLE
        self._pgconn.enter_pipeline_mode()
        self._ahead, self._failure = True, None
        if begins:
            self._pgconn.send_query_params(b"BEGIN", None)
            self._awaited.append(Sent(self))

    def _leave(self) -> None:
        self._hear_all()
        self._pgconn.exit_pipeline_mode()
        self._ahead = False
        if self._failure is not None:
            raise self._failure

    def _leave_anyway(self) -> None:
        """Leave where something is raised already; a session that cannot is of no use any more."""
        self._ahead = False
        try:
            self._hear_all()
            self._pgconn.exit_pipeline_mode()
        except psycopg.Error:
            self._awaited.clear()
            self._session.close()

    def _send(self, text: str, values: Sequence[Value]) -> Sent:
        formats = [_BINARY if isinstance(value, bytes) else _TEXT for value in values]
        form = text, tuple(formats)
        name = self._prepared.get(form) or self._prepare(form)
        self._pgconn.send_query_prepared(name, [wire_form(value) for value in values], formats, _BINARY)
        sent = Sent(self)
        self._awaited.append(sent)
        return sent

    def _prepare(self, form: _Form) -> bytes:
        text, formats = form
        name = self._prepared[form] = b"s%d" % next(self._names)
        self._pgconn.send_prepare(name, text.encode(), [_BYTEA if each is _BINARY else _UNSAID for each in formats])
        self._awaited.append(Sent(self, prepares=form))
        return name

    def hear(self, sent: Sent) -> pq.abc.PGresult:
        """Wait for the answer to a statement; raise the first thing that went wrong up to it."""
        if sent.result is None:
            self._hear_all()
        assert sent.result is not None
        if sent.result.status in _FAILED:
            raise self._failure or error_of(sent.result)
        return sent.result

    def load(self, result: pq.abc.PGresult, make: Callable[..., Any]) -> list[Any]:
        """Give the rows of an answer."""
        self._loader.set_pgresult(result)
        return self._loader.load_rows(0, result.ntuples, make)

    def _hear_all(self) -> None:
        """Hear everything that was said; libpq's sync lets the server go on after what failed."""
        if not self._awaited:
            return
        self._pgconn.pipeline_sync()
        while self._awaited:
            self._hear_next(self._awaited.popleft())
        self._result()

    def _hear_next(self, sent: Sent) -> None:
        result = sent.result = self._result()
        if result is None or self._result() is not None:
            raise psycopg.OperationalError("the server answered out of turn")
        if result.status in _FAILED:
            self._failure = self._failure or error_of(result)
            if sent.prepares:
                self._prepared.pop(sent.prepares, None)
            elif result.error_field(pq.DiagnosticField.SQLSTATE) in _FORGOTTEN:
                self._prepared.clear()

    def _result(self) -> pq.abc.PGresult | None:
        """Give the next thing that the server says, as soon as it is whole."""
        while self._pgconn.is_busy():
            self._wait()
        return self._pgconn.get_result()

    def _wait(self) -> None:
        """Send what is to be sent, and take what comes."""
        awaited = select.POLLOUT if self._pgconn.flush() else 0
        poll = select.poll()
        poll.register(self._pgconn.socket, select.POLLIN | awaited)
        if not poll.poll(None if self.waits_for_ever else SILENT_SECONDS * 1000):
            # It lives and stands still (its disk hangs): without its session it undoes what it has done.
            self._pgconn.finish()
            raise psycopg.OperationalError(f"the server has said nothing for {SILENT_SECONDS} seconds")
        self._pgconn.consume_input()
