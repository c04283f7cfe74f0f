"""PostgreSQL: an engine whose sessions keep the ledger's promises, and its errors without the values of a row."""

from __future__ import annotations

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
    event.listen(engine, "connect", _prepare_session)
    event.listen(engine, "handle_error", _hide_values)
    return engine


def _prepare_session(connection: Any, _record: Any) -> None:
    _say(
        connection,
        f"SET lock_timeout = '{LOCK_SECONDS}s'",
        f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'",
        # What is stronger than ``on`` (a standby has applied it) is left as the server has it.
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    )


def prepare_writer(connection: Connection) -> None:
    """Bound the time of each statement of the writer."""
    _say(connection.connection.driver_connection, f"SET statement_timeout = '{STATEMENT_SECONDS}s'")


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
