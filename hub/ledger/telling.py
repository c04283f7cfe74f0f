"""Telling senders: their notice list, and the callbacks that some of them want.

A sender reads its list from a cursor on, so nothing may come in later below what it has read. On PostgreSQL numbers are
given in another order than commits: a verb says first, by a lock that hinders nobody, which numbers it cannot get any
more, and ``settled`` looks for the lowest of these. (A lock that writers wait for would make all deliveries of a sender
wait for each other's commits, and groups of verbs for each other's rows.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.engine import Row

from hub.ledger import chains, payloads
from hub.ledger.for_each import Unheard, insert_each
from hub.ledger.sql import Statement
from hub.ledger.tables import notices
from hub.ledger.values import Notice, Planned
from hub.rules.retention import Kept, kept_for

_NOTICE_EACH = insert_each(
    notices, "endpoint", "message_id", "delivery_id", "subject", "recipient", "outcome", "code", "vi", "en", "at"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What the sender of a delivery (its row) is told of it."""

    row: Any
    notice: Notice
    now: float


def tell(conn: Connection, row: Row[Any], notice: Notice, now: float) -> None:
    """Tell one sender; see ``tell_all``."""
    shelf = payloads.Shelf()
    tell_all(conn, shelf, [News(row=row, notice=notice, now=now)])
    shelf.write(conn)


def tell_all(conn: Connection, shelf: payloads.Shelf, news: Iterable[News], unheard: Unheard | None = None) -> None:
    """Tell senders: rows in their notice lists, and the callbacks they asked for, in the same commit."""
    told = [each for each in news if each.row.kind != "notice"]
    if told and conn.dialect.name == "postgresql":
        _COMING.run(conn, mark=_MARK)
    _NOTICE_EACH.change(conn, [_notice(each) for each in told])
    calls = [(each, each.notice.callback) for each in told if each.notice.callback is not None]
    for each, planned in calls:
        shelf.put(planned.canonical, each.now, kept_for(Kept.WORK, planned.subject))
    chains.add(conn, [_adding(each, planned) for each, planned in calls], unheard)


def _notice(news: News) -> dict[str, Any]:
    row, notice = news.row, news.notice
    whose = {"endpoint": row.origin, "message_id": row.message_id, "delivery_id": row.id, "subject": row.subject}
    what = {"outcome": notice.outcome, "code": notice.code, "vi": notice.vi, "en": notice.en}
    return whose | what | {"recipient": row.endpoint, "at": news.now}


def _adding(news: News, planned: Planned) -> chains.Adding:
    return chains.Adding(planned=planned, message_id=news.row.message_id, origin=news.row.origin, at=news.now)
