"""PostgreSQL: an engine whose sessions keep the ledger's promises, and its errors without the values of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DBAPIError

#: Of the address these stand above ours: whoever writes them there knows his network.
CONNECTING: dict[str, Any] = {
    "application_name": "lienthong",
    "connect_timeout": 10,
    # A server that vanished without a word is noticed after this, and not after the kernel's two hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
#: A verb that waits longer for a row stands behind something that hangs: its caller is told that the ledger does not answer.
LOCK_SECONDS = 10
#: The same for a statement of the writer; a reader may read the whole ledger.
STATEMENT_SECONDS = 60
#: A process that stands still in the middle must not keep its locks for ever.
IDLE_SECONDS = 300
#: The writer's are what all others wait for, dispatch of the whole hub among them; it never rests inside a transaction.
WRITER_IDLE_SECONDS = 30
_DEADLOCK = "40P01"
_READ_ONLY = "25006"
_LOCKED = "55P03"


def open_engine(url: URL, *, connections: int) -> Engine:
    """Open an engine for ``postgresql://...``; TLS and the like are parameters of the address (libpq's)."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={name: value for name, value in CONNECTING.items() if name not in url.query},
        # Parameters are citizens' data: they must not stand in an exception's text, and so in a log.
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
    )
    event.listen(engine, "do_connect", _sessions())
    event.listen(engine, "connect", _prepare_session)
    event.listen(engine, "handle_error", _hide_values)
    return engine


def _sessions() -> Callable[[Any, Any, Any, Any], Any]:
    """Make what opens the sessions of one engine."""
    # The driver takes a moment to load, which a hub on SQLite should not pay.
    from hub.ledger.sessions import Session, Unanswered  # noqa: PLC0415

    unanswered = Unanswered()

    def connect(_dialect: Any, _record: Any, args: Any, words: Any) -> Session:
        session = Session.connect(*args, **words)
        session.unanswered = unanswered
        session.add_notice_handler(session.note)
        return session

    return connect


def _prepare_session(connection: Any, _record: Any) -> None:
    _say(
        connection,
        f"SET lock_timeout = '{LOCK_SECONDS}s'",
        f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'",
        # What is stronger than ``on`` (a standby has applied it) is left as the server has it.
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    )


def prepare_writer(connection: Connection) -> None:
    """Bound the time of each statement of the writer, and have it find rows by their keys.

    It writes few rows at a time into large tables. A plan that was made while a table was small reads all of it, and is
    kept: so plans without indexes are the last choice, and none is made anew for other values. It waits for an earlier
    commit that is not answered.
    """
    session: Any = connection.connection.driver_connection
    _say(
        session,
        f"SET statement_timeout = '{STATEMENT_SECONDS}s'",
        f"SET idle_in_transaction_session_timeout = '{WRITER_IDLE_SECONDS}s'",
        *(f"SET {plan} = off" for plan in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan")),
        "SET plan_cache_mode = force_generic_plan",
        # Compiling a plan costs more than any of these statements.
        "SET jit = off",
    )
    session.writes = True
    session.open_line()


@contextmanager
def each_alone(connection: Connection) -> Iterator[None]:
    """Let each statement be a transaction of its own."""
    session: Any = connection.connection.driver_connection
    session.autocommit = True
    session.open_line()
    try:
        yield
    finally:
        session.close_line()
        if not session.closed:
            session.autocommit = False


def _say(connection: Any, *statements: str) -> None:
    """Say something of the whole session: outside of a transaction, which could be rolled back."""
    connection.autocommit = True
    for statement in statements:
        connection.execute(statement)
    connection.autocommit = False


def without_values(error: Any) -> None:
    """Cut a driver's error to its first line: the server's DETAIL names the values of the row."""
    if getattr(error, "diag", None) is not None and error.diag.message_primary:
        error.args = (error.diag.message_primary,)


def _hide_values(happened: ExceptionContext) -> None:
    known, error = happened.sqlalchemy_exception, happened.original_exception
    if known is not None and known.args:
        whole = str(error)
        without_values(error)
        known.args = (str(known.args[0]).replace(whole, str(error)), *known.args[1:])


def is_deadlock(error: BaseException) -> bool:
    """Say whether the server ended this verb so that another one could go on; tried again it will be carried out."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == _DEADLOCK


def is_locked_out(error: BaseException) -> bool:
    """Say whether a statement waited for a lock in vain."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == _LOCKED


def is_demoted(error: BaseException) -> bool:
    """Say whether the server became a standby: what is to be written needs a connection to another one."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == _READ_ONLY
