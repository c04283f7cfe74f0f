"""Who may name and read a file that a partner gave: whoever gave it, and the recipients of a message that names it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, exists, or_, select

from hub.ledger.for_each import for_each
from hub.ledger.tables import attachment_givers, attachment_uses, attachments, deliveries


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRow:
    """A file as the ledger knows it."""

    digest: str
    size: int
    #: When retention deleted its bytes; None while they are there.
    deleted_at: float | None


def _may_read(given: Any) -> ColumnElement[bool]:
    gave = exists().where((attachment_givers.c.digest == attachments.c.digest) & (attachment_givers.c.endpoint == given.reader))
    receives = exists().where(
        (attachment_uses.c.digest == attachments.c.digest)
        & (deliveries.c.message_id == attachment_uses.c.message_id)
        & (deliveries.c.endpoint == given.reader)
    )
    return or_(gave, receives)


_READABLE = for_each(
    lambda given: select(attachments.c.digest, attachments.c.size, attachments.c.deleted_at).where(
        (attachments.c.digest == given.sought) & _may_read(given)
    ),
    sought=Text,
    reader=Text,
)


def readable(conn: Connection, digests: Iterable[str], endpoints: Collection[str]) -> dict[str, AttachmentRow]:
    """Give those of the files that one of these endpoints may name and read; of all others it must learn nothing."""
    wanted = [{"sought": digest, "reader": endpoint} for digest in digests for endpoint in endpoints]
    return {
        row.digest: AttachmentRow(digest=row.digest, size=row.size, deleted_at=row.deleted_at)
        for row in _READABLE.find(conn, wanted)
    }


def named_by(conn: Connection, messages: Iterable[str]) -> list[AttachmentRow]:
    """Give the files that messages name, each once."""
    rows = conn.execute(
        select(attachments.c.digest, attachments.c.size, attachments.c.deleted_at)
        .where(attachments.c.digest.in_(select(attachment_uses.c.digest).where(attachment_uses.c.message_id.in_(list(messages)))))
        .order_by(attachments.c.digest)
    )
    return [AttachmentRow(digest=row.digest, size=row.size, deleted_at=row.deleted_at) for row in rows]
