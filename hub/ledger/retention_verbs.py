"""Verbs of retention: find the bytes that are old enough, and delete bodies, in batches, never a row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, exists, func, or_, select, tuple_, update
from sqlalchemy.engine import Row

from hub.ledger import journal
from hub.ledger.link_tables import file_links
from hub.ledger.sql import fixed
from hub.ledger.tables import attachment_uses, attachments, attempts, chains, deliveries, long_texts, messages, payloads
from hub.ledger.working_tables import edits
from hub.rules.lifecycle import ENDED
from hub.rules.retention import BORDER_SUBJECT, REFRESH_SECONDS, Cuts, Kept, Stored

#: Columns of ``messages`` and ``attempts`` that name bytes.
_OF_MESSAGES = ("raw_digest", "signed_digest", "certificate_digest", "signature_digest", "answer_digest")
_OF_ATTEMPTS = ("business_digest", "sent_digest", "reply_digest")
_ROWS_AT_ONCE = 1000
_ENDED = fixed(sorted(state.value for state in ENDED))
#: Not done; or done, but its chain still waits for the partner's word on it.
_LIVE = deliveries.c.state.not_in(_ENDED) | (deliveries.c.place == chains.c.head_place)
_CHAIN = (chains.c.endpoint == deliveries.c.endpoint) & (chains.c.subject == deliveries.c.subject)

#: Bytes that are held: of a body with a layout, those between its long texts.
_SIZE = func.length(payloads.c.body).label("size")
_OWNER = payloads.alias("owner")
#: One body that a long text belongs to, and one that is still there. Not EXISTS, of which PostgreSQL may make one join over all
#: rows for each batch.
_BODY = select(long_texts.c.used_by).where(long_texts.c.digest == payloads.c.digest).limit(1)
_BODY_THERE = (
    select(long_texts.c.used_by)
    .join(_OWNER, (_OWNER.c.digest == long_texts.c.used_by) & _OWNER.c.body.is_not(None))
    .where(long_texts.c.digest == payloads.c.digest)
    .limit(1)
)
IS_TEXT = _BODY.correlate(payloads).scalar_subquery().is_not(None)
IS_FREE = _BODY_THERE.correlate(payloads).scalar_subquery().is_(None)


def needed(conn: Connection, at: Cuts, *, now: float) -> frozenset[str]:
    """Give every digest that a delivery which is not done names, itself, in its attempts or in its message.

    And that of each old file which a partner may still fetch at an address of ours.

    Not those whose message came after the cut: what they name was named since then. (The second day is for clocks that differ.)
    """
    before = at.work + 2 * REFRESH_SECONDS
    live = (
        select(deliveries.c.id, deliveries.c.message_id, deliveries.c.canonical_digest, deliveries.c.business_digest)
        .join(chains, _CHAIN)
        .join(messages, messages.c.id == deliveries.c.message_id)
        .where(_LIVE & (messages.c.received_at < before))
        .subquery()
    )
    sources: tuple[Select[Any], ...] = (
        select(live.c.canonical_digest, live.c.business_digest),
        select(*(attempts.c[name] for name in _OF_ATTEMPTS)).join(live, live.c.id == attempts.c.delivery_id),
        select(*(messages.c[name] for name in _OF_MESSAGES)).join(live, live.c.message_id == messages.c.id).distinct(),
        select(attachment_uses.c.digest).join(live, live.c.message_id == attachment_uses.c.message_id),
        select(edits.c.before_digest, edits.c.after_digest).join(live, live.c.id == edits.c.delivery_id),
        select(attachments.c.digest)
        .where(attachments.c.deleted_at.is_(None) & (attachments.c.used_at < at.work))
        .where(exists().where((file_links.c.digest == attachments.c.digest) & (file_links.c.expires_at > now))),
    )
    found = {digest for query in sources for row in _rows(conn, query) for digest in row}
    for (canonical,) in _rows(conn, select(messages.c.canonical).join(live, live.c.message_id == messages.c.id).distinct()):
        found.update(json.loads(canonical))
    return frozenset(found - {""})


def _rows(conn: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    return iter(conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}))


def old_bodies(
    conn: Connection, at: Cuts, after: tuple[float, str], limit: int, kind: Kept, *, texts: bool = False
) -> list[Stored]:
    """List the bodies of one kind that are old enough, the oldest first, from a place on.

    ``texts``: not these, but the long texts of which no body is there any more.
    """
    cut = at.of(kind)
    if cut is None:
        return []
    place = tuple_(payloads.c.named_at, payloads.c.digest)
    query = (
        select(payloads.c.digest, _SIZE, payloads.c.named_at, payloads.c.kept_for)
        .where(payloads.c.body.is_not(None) & (payloads.c.kept_for == int(kind)) & (payloads.c.named_at < cut))
        .where(place > after)
        .where(IS_TEXT & IS_FREE if texts else ~IS_TEXT)
        .order_by(payloads.c.named_at, payloads.c.digest)
        .limit(limit)
    )
    return [Stored(digest=row.digest, size=row.size, named_at=row.named_at, kept_for=row.kept_for) for row in conn.execute(query)]


def old_attachments(conn: Connection, at: Cuts, after: tuple[float, str], limit: int) -> list[Stored]:
    """List the files that are old enough, the oldest first, from a place on; they are kept for the work that names them.

    Those of border documents as long as these.
    """
    of_border = (
        exists()
        .where((attachment_uses.c.digest == attachments.c.digest) & (messages.c.id == attachment_uses.c.message_id))
        .where(messages.c.subject.startswith(BORDER_SUBJECT) & (messages.c.received_at >= at.border))
    )
    place = tuple_(attachments.c.used_at, attachments.c.digest)
    query = (
        select(attachments.c.digest, attachments.c.size, attachments.c.used_at)
        .where(attachments.c.deleted_at.is_(None) & (attachments.c.used_at < at.work) & ~of_border)
        .where(place > after)
        .order_by(attachments.c.used_at, attachments.c.digest)
        .limit(limit)
    )
    return [Stored(digest=row.digest, size=row.size, named_at=row.used_at, kept_for=Kept.WORK) for row in conn.execute(query)]


def delete_bodies(conn: Connection, chosen: Sequence[Stored], at: Cuts, *, now: float) -> list[tuple[str, int]]:
    """Delete bodies, except those that were named anew since they were chosen; give digests and sizes."""
    old = or_(
        *((payloads.c.kept_for == int(kind)) & (payloads.c.named_at < cut) for kind in Kept if (cut := at.of(kind)) is not None)
    )
    # In one order, as who names bytes anew writes to them.
    found = conn.execute(
        select(payloads.c.digest, _SIZE)
        .where(payloads.c.digest.in_([each.digest for each in chosen]) & payloads.c.body.is_not(None) & old & IS_FREE)
        .order_by(payloads.c.digest)
        .with_for_update()
    ).all()
    names = [row.digest for row in found]
    if names:
        conn.execute(update(payloads).where(payloads.c.digest.in_(names)).values(body=None, layout=None, deleted_at=now))
    return [(row.digest, row.size) for row in found]


def note(conn: Connection, run_id: str, event: str, *, now: float, actor: str, entry: dict[str, Any]) -> None:
    """Write what a run does into its journal."""
    journal.append(conn, f"retention:{run_id}", event, at=now, actor=actor, entry={"run": run_id, **entry})


def note_gone(
    conn: Connection, run_id: str, what: str, gone: Sequence[tuple[str, int]], *, now: float, actor: str
) -> None:
    """Write into a run's journal what one batch deleted, by digest."""
    if gone:
        entry = {"kind": what, "count": len(gone), "bytes": sum(size for _, size in gone), "digests": [name for name, _ in gone]}
        note(conn, run_id, "retention.deleted", now=now, actor=actor, entry=entry)
