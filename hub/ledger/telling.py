"""Telling senders: their notice list, and the callbacks that some of them want.

A sender reads its list from a cursor on, so nothing may come in later below what it has read. On PostgreSQL numbers are
given in another order than commits: a verb says first, by a lock that hinders nobody, which numbers it cannot get any
more, and ``settled`` looks for the lowest of these. (A lock that writers wait for would make all deliveries of a sender
wait for each other's commits, and groups of verbs for each other's rows.)
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, insert, text
from sqlalchemy.engine import Row

from hub.ledger import chains, payloads
from hub.ledger.sql import Statement
from hub.ledger.tables import notices
from hub.ledger.values import Notice
from hub.rules.retention import Kept

_NOTICE = Statement(
    insert(notices).values(
        {
            name: bindparam(name)
            for name in ("endpoint", "message_id", "delivery_id", "subject", "recipient", "outcome", "code", "vi", "en", "at")
        }
    )
)
#: Marks the locks of this room among all: the upper 16 of 64 bits, the number stands in the others.
_MARK = 0x4C54 << 48
_COMING = Statement(text("SELECT pg_advisory_xact_lock_shared(:mark + last_value) FROM notices_seq_seq"))
_GIVEN = Statement(text("SELECT last_value FROM notices_seq_seq"))
_LOWEST_COMING = Statement(
    text("""
    SELECT min(key) - :mark AS coming FROM (
        SELECT (classid::bigint << 32) + objid::bigint AS key FROM pg_locks
        WHERE locktype = 'advisory' AND mode = 'ShareLock' AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS held WHERE key >= :mark AND key < :beyond
    """)
)
EVERYTHING = 2**63 - 1


def settled(conn: Connection) -> int:
    """Give the number below which no notice can come in any more; the notices themselves are read after this was."""
    if conn.dialect.name != "postgresql":
        return EVERYTHING
    # In this order: who takes a number after the first look gets a higher one, who took it before is seen by the second.
    given: int = _GIVEN.run(conn).scalar()
    coming = _LOWEST_COMING.run(conn, mark=_MARK, beyond=_MARK + (1 << 48)).scalar()
    return given if coming is None else min(given, int(coming))


def write(conn: Connection, **notice: Any) -> None:
    """Put a row into a sender's notice list."""
    if conn.dialect.name == "postgresql":
        _COMING.run(conn, mark=_MARK)
    _NOTICE.run(conn, **notice)


def tell(conn: Connection, row: Row[Any], notice: Notice, now: float) -> None:
    """Tell the sender: a row in its notice list, and the callback it asked for, in the same commit."""
    if row.kind == "notice":
        return
    write(
        conn,
        endpoint=row.origin,
        message_id=row.message_id,
        delivery_id=row.id,
        subject=row.subject,
        recipient=row.endpoint,
        outcome=notice.outcome,
        code=notice.code,
        vi=notice.vi,
        en=notice.en,
        at=now,
    )
    if notice.callback is not None:
        payloads.put(conn, notice.callback.canonical, now, Kept.WORK)
        chains.add(conn, notice.callback, message_id=row.message_id, origin=row.origin, at=now)
