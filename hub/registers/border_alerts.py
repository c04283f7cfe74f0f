"""What alerts about border documents are judged by: clocks that end, marks that are open; each a bounded range of an index."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, func, select

from hub.ledger.border_tables import border_documents, border_marks
from hub.rules.alert_conditions import BorderEnding, BorderMarked

#: Documents that are looked at, of each clock and of the marks, at most.
_MOST = 10_000
#: What has been late for longer is shown in lists, and no alert any more: many an importing country never answers.
LATE_SECONDS = 30 * 86_400.0
#: States in which a document was not used yet.
_UNUSED = ("issued", "not_received", "available")
_DOCUMENTS = border_documents.c


def endings(conn: Connection, now: float, warn_seconds: float) -> tuple[BorderEnding, ...]:
    """Count the documents whose clock ends soon or ended of late; a hop counts once it is late, validity before it ends."""
    soon, late = now + warn_seconds, now - LATE_SECONDS
    unused = _DOCUMENTS.state.in_(_UNUSED) & _DOCUMENTS.late_accepted_at.is_(None)
    return (
        *_ending(conn, "answer", _DOCUMENTS.answer_due, late, soon),
        *_ending(conn, "expiry", _DOCUMENTS.expires_at, now, soon, unused),
        *_ending(conn, "hop", _DOCUMENTS.hop_due, late, now),
    )


def _ending(
    conn: Connection, clock: str, ends: ColumnElement[float], begin: float, until: float, *more: ColumnElement[bool]
) -> Iterator[BorderEnding]:
    first = (
        select(_DOCUMENTS.origin, _DOCUMENTS.partner, ends.label("ends"))
        .where(ends.is_not(None), ends > begin, ends < until, *more)
        .order_by(ends)
        .limit(_MOST)
        .subquery()
    )
    counted = select(first.c.origin, first.c.partner, func.count().label("number"), func.min(first.c.ends).label("first"))
    for row in conn.execute(counted.group_by(first.c.origin, first.c.partner)):
        yield BorderEnding(clock=clock, endpoint=row.origin, country=row.partner, count=row.number, ends=row.first)


def marked(conn: Connection) -> tuple[BorderMarked, ...]:
    """Count the documents that an officer must look at, by cause and origin."""
    first = (
        select(border_marks.c.key, border_marks.c.mark, border_marks.c.since)
        .where(border_marks.c.closed_at.is_(None))
        .order_by(border_marks.c.mark, border_marks.c.since, border_marks.c.key)
        .limit(_MOST)
        .subquery()
    )
    counted = (
        select(first.c.mark, _DOCUMENTS.origin, func.count().label("number"), func.min(first.c.since).label("first"))
        .join(border_documents, _DOCUMENTS.key == first.c.key)
        .group_by(first.c.mark, _DOCUMENTS.origin)
    )
    return tuple(
        BorderMarked(mark=row.mark, endpoint=row.origin, count=row.number, since=row.first) for row in conn.execute(counted)
    )
