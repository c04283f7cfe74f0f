"""Is the ledger what was written? Journal chains, seals over them, payload bytes, and messages against what the journal says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Column, Connection, Row, func, select

from hub.canonical.digests import digest_of
from hub.ledger import journal as journal_chains
from hub.ledger import payloads as bodies
from hub.ledger.message_facts import facts_of
from hub.ledger.tables import attempts, deliveries, journal, messages, payloads, seal_leaves, seals
from hub.ledger.working_tables import edits
from hub.registers import sealed
from hub.registers.sealed import CheckToken, Pinned
from hub.registers.wrong import Tick, Wrong, no_tick

__all__ = ["Size", "Wrong", "size", "wrong"]

#: Bodies are read so many at a time: each may have megabytes.
_BODIES_AT_ONCE = 50
_ROWS_AT_ONCE = 1000
#: Name in the journal's row -> column of ``messages``.
_TOLD = {"raw": "raw_digest", "signed": "signed_digest", "answer": "answer_digest", "signature": "signature_digest"}
_RECEIVED = ("message.received", "message.refused")
#: Columns that name bytes, by the table and the columns that say whose.
_NAMING: tuple[tuple[str, tuple[Column[Any], ...], Column[Any]], ...] = (
    *(
        ("message", (messages.c.id,), messages.c[name])
        for name in ("raw_digest", "signed_digest", "certificate_digest", "signature_digest", "answer_digest")
    ),
    *(("delivery", (deliveries.c.id,), deliveries.c[name]) for name in ("canonical_digest", "business_digest")),
    *(
        ("attempt", (attempts.c.delivery_id, attempts.c.number), attempts.c[name])
        for name in ("business_digest", "sent_digest", "reply_digest")
    ),
    *(("correction", (edits.c.id,), edits.c[name]) for name in ("before_digest", "after_digest")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much was looked at."""

    journal_rows: int
    payloads: int
    messages: int
    seals: int
    #: What the seals are over: ends of chains.
    sealed: int

    @property
    def rows(self) -> int:
        """Give how often ``wrong`` ticks."""
        return self.journal_rows + self.payloads + self.messages + self.sealed


def size(conn: Connection) -> Size:
    """Count what ``wrong`` reads."""

    def count(table: object) -> int:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]

    return Size(
        journal_rows=count(journal),
        payloads=count(payloads),
        messages=count(messages),
        seals=count(seals),
        sealed=count(seal_leaves),
    )


def wrong(
    conn: Connection, *, check_token: CheckToken | None = None, pinned: Iterable[Pinned] = (), tick: Tick = no_tick
) -> Iterator[Wrong]:
    """Read the whole ledger again; yield everything that was changed, removed, reordered or added outside.

    ``check_token`` checks a timestamp over a digest and gives its moment, raising Untrusted; without it, timestamps are left
    out. ``pinned``: roots that were kept elsewhere. ``tick`` is told how many rows were read.
    """
    for broken in journal_chains.verify(conn, tick):
        yield Wrong(kind="journal", name=f"{broken.subject} #{broken.number}", vi=broken.vi, en=broken.en)
    yield from sealed.wrong(conn, check_token, tick)
    yield from sealed.not_as_pinned(conn, pinned)
    yield from _altered_payloads(conn, tick)
    yield from _lost_payloads(conn)
    yield from _removed_payloads(conn)
    yield from _misnamed_messages(conn)
    yield from _unknown_messages(conn, tick)


# --- bytes --------------------------------------------------------------------------------------------------------


def _altered_payloads(conn: Connection, tick: Tick) -> Iterator[Wrong]:
    query = select(payloads.c.digest, payloads.c.body, payloads.c.layout)
    for row in conn.execute(query, execution_options={"yield_per": _BODIES_AT_ONCE}):
        tick(1)
        # Nothing is given where a long text of it is lost, or its layout was changed.
        body = bodies.get(conn, row.digest) or b"" if row.body is not None and row.layout is not None else row.body
        if body is not None and digest_of(body) != row.digest:
            yield Wrong(
                kind="payload", name=row.digest, vi="nội dung không khớp với mã băm", en="its bytes are not what its digest says"
            )


def _lost_payloads(conn: Connection) -> Iterator[Wrong]:
    query = select(payloads.c.digest).where(payloads.c.body.is_(None) & payloads.c.deleted_at.is_(None))
    for digest in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}).scalars():
        yield Wrong(
            kind="payload", name=digest, vi="mất nội dung mà không do xóa theo hạn lưu", en="its bytes are gone, not by retention"
        )


def _removed_payloads(conn: Connection) -> Iterator[Wrong]:
    """Look for digests that rows name and of which not even the digest is left: retention leaves that."""
    for kind, owner, named in _NAMING:
        query = select(*owner, named.label("digest")).outerjoin(payloads, payloads.c.digest == named)
        query = query.where((named != "") & payloads.c.digest.is_(None))
        for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
            whose = " ".join(str(part) for part in row[:-1])
            yield Wrong(
                kind="payload",
                name=row.digest,
                vi=f"bị xóa, mà {kind} {whose} ({named.name}) còn nhắc tới",
                en=f"was removed, though {kind} {whose} names it ({named.name})",
            )


# --- messages -----------------------------------------------------------------------------------------------------


def _misnamed_messages(conn: Connection) -> Iterator[Wrong]:
    """Compare the journal's rows about messages with these: one that was removed or exchanged for another shows here."""
    query = select(journal.c.subject, journal.c.at, journal.c.entry).where(journal.c.event.in_(_RECEIVED))
    rows = iter(conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}))
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        told = [(row, entry) for row in batch if (entry := _read(row.entry)) is not None]
        names = {str(entry["message"]) for _, entry in told}
        known = {row.id: row for row in conn.execute(select(messages).where(messages.c.id.in_(names)))}
        for row, entry in told:
            yield from _compare(row, entry, known.get(str(entry["message"])))


def _read(text: str) -> Mapping[str, Any] | None:
    """Read what the journal says of a message; None where that was changed into something else, which its chain shows."""
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and "message" in entry else None


def _compare(row: Any, entry: Mapping[str, Any], message: Row[Any] | None) -> Iterator[Wrong]:
    if message is None:
        yield Wrong(
            kind="message",
            name=str(entry["message"]),
            vi=f"bị xóa; nhật ký của {row.subject} có ghi",
            en=f"was removed; the journal of {row.subject} knows it",
        )
        return
    differing = [column for name, column in _TOLD.items() if name in entry and getattr(message, column) not in ("", entry[name])]
    differing += ["received_at"] if message.received_at != row.at else []
    differing += ["error_code"] if message.error_code != entry.get("error", "") else []
    if not differing and "row" in entry and facts_of(message._asdict()) != entry["row"]:
        # Which of the others it was, the digest does not tell.
        differing.append("row")
    for column in differing:
        yield Wrong(
            kind="message",
            name=f"{message.id} {column}",
            vi="khác với nội dung nhật ký đã ghi khi nhận",
            en="is not what the journal recorded on reception",
        )


def _unknown_messages(conn: Connection, tick: Tick) -> Iterator[Wrong]:
    """Look for messages that the journal of their subject does not know: they were added outside."""
    known = (
        select(journal.c.seq)
        .where((journal.c.subject == messages.c.subject) & (journal.c.at == messages.c.received_at))
        .where(journal.c.event.in_(_RECEIVED))
        .exists()
    )
    query = select(messages.c.id, known.label("known"))
    for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        tick(1)
        if not row.known:
            yield Wrong(
                kind="message",
                name=row.id,
                vi="nhật ký của hồ sơ không ghi nhận thông điệp này lúc đó",
                en="the journal of its subject knows of no message at that moment",
            )
