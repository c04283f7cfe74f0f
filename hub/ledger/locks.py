"""Locks by name, held until the commit, for what has no row to lock: on SQLite whoever writes is alone anyway."""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, Text, bindparam, cast, func, select

from hub.ledger.sql import Statement

_KEY = func.hashtextextended(cast(bindparam("name"), Text), cast(0, BigInteger))
_WAIT = Statement(select(func.pg_advisory_xact_lock(_KEY)))
_SHARE = Statement(select(func.pg_advisory_xact_lock_shared(_KEY)))
_TRY = Statement(select(func.pg_try_advisory_xact_lock(_KEY)))


def wait(conn: Connection, name: str) -> None:
    """Take a lock; where somebody has it, wait for the end of that commit."""
    if conn.dialect.name == "postgresql":
        _WAIT.run(conn, name=name)


def share(conn: Connection, name: str) -> None:
    """Take a lock together with others who share it, and have it when this returns."""
    if conn.dialect.name == "postgresql":
        # Heard, also where statements are sent ahead: what is looked at next must be looked at with the lock.
        _SHARE.run(conn, name=name).scalar()


def take(conn: Connection, name: str) -> bool:
    """Take a lock and say True; where somebody has it, say False at once."""
    return conn.dialect.name != "postgresql" or bool(_TRY.run(conn, name=name).scalar())
