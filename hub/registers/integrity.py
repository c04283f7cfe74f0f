"""Is the ledger what was written? Journal chains, payload bytes, and messages against what the journal says of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from hub.ledger import journal as journal_chains
from hub.ledger.tables import journal, messages, payloads
from hub.ledger.values import digest_of

#: Bodies are read so many at a time: each may have megabytes.
_BODIES_AT_ONCE = 50
_ROWS_AT_ONCE = 1000
#: Name in the journal's row -> column of ``messages``.
_TOLD = {"raw": "raw_digest", "signed": "signed_digest", "answer": "answer_digest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One thing that is not as it was written."""

    #: ``journal``, ``payload`` or ``message``.
    kind: str
    name: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much was looked at."""

    journal_rows: int
    payloads: int
    messages: int


def size(conn: Connection) -> Size:
    """Count what ``wrong`` reads."""

    def count(table: object) -> int:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]

    return Size(journal_rows=count(journal), payloads=count(payloads), messages=count(messages))


def wrong(conn: Connection) -> Iterator[Wrong]:
    """Read the whole ledger again; yield everything that was changed, removed, reordered or added outside."""
    for broken in journal_chains.verify(conn):
        yield Wrong(kind="journal", name=f"{broken.subject} #{broken.number}", vi=broken.vi, en=broken.en)
    yield from _altered_payloads(conn)
    yield from _lost_payloads(conn)
    yield from _misnamed_messages(conn)


def _altered_payloads(conn: Connection) -> Iterator[Wrong]:
    query = select(payloads.c.digest, payloads.c.body).where(payloads.c.body.is_not(None))
    for row in conn.execute(query, execution_options={"yield_per": _BODIES_AT_ONCE}):
        if digest_of(row.body) != row.digest:
            yield Wrong(
                kind="payload", name=row.digest, vi="nội dung không khớp với mã băm", en="its bytes are not what its digest says"
            )


def _lost_payloads(conn: Connection) -> Iterator[Wrong]:
    query = select(payloads.c.digest).where(payloads.c.body.is_(None) & payloads.c.deleted_at.is_(None))
    for digest in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}).scalars():
        yield Wrong(
            kind="payload", name=digest, vi="mất nội dung mà không do xóa theo hạn lưu", en="its bytes are gone, not by retention"
        )


def _misnamed_messages(conn: Connection) -> Iterator[Wrong]:
    """Compare each message with the journal's row about it: a digest that was exchanged for another shows here."""
    written = select(journal.c.entry, messages).join(messages, messages.c.subject == journal.c.subject)
    query = written.where(journal.c.event.in_(["message.received", "message.refused"]))
    for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        told = json.loads(row.entry)
        if told.get("message") != row.id:
            continue
        for name, column in _TOLD.items():
            if name in told and told[name] != getattr(row, column) and getattr(row, column):
                yield Wrong(
                    kind="message",
                    name=f"{row.id} {column}",
                    vi="khác với nội dung nhật ký đã ghi khi nhận",
                    en="is not what the journal recorded on reception",
                )
