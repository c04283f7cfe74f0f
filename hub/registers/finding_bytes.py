"""Finds what bytes belong to, by their digest, without an index over digests: by when they were stored.

Bytes are stored in the commit that first names them, and the journal's row of that commit names their digest; places in the
journal rise with time, so that the row is found by halving.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, or_, select

from hub.ledger.tables import attachment_uses, attachments, deliveries, journal, messages, payloads
from hub.registers import finding_names, scopes
from hub.registers.finding_names import delivery, messages_named
from hub.registers.found import Hit, Sought

#: Hex digits of a digest at least; without ``sha256:`` all of it.
_DIGEST = re.compile(r"sha256:[0-9a-f]{6,64}|[0-9a-f]{64}")
#: Clocks of the hub's processes differ by less.
_APART_SECONDS = 5.0
#: Rows of the journal that are looked through, at most; and bytes whose digest begins so.
_ROWS, _BODIES = 20_000, 5
_OF_MESSAGES = ("raw_digest", "signed_digest", "certificate_digest", "signature_digest", "answer_digest")


def by_digest(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find bytes and files by a digest or its beginning, with the messages and deliveries that first named them."""
    text = sought.text.lower()
    if after or not _DIGEST.fullmatch(text):
        return (), ""
    beginning = text if text.startswith("sha256:") else f"sha256:{text}"
    hits = [*_of_bodies(conn, sought, beginning), *_of_files(conn, sought, beginning)]
    return tuple(hits[:limit]), ""


def _of_bodies(conn: Connection, sought: Sought, beginning: str) -> Iterator[Hit]:
    here = (payloads.c.digest >= beginning) & (payloads.c.digest < beginning + "g")
    columns = select(payloads.c.digest, payloads.c.size, payloads.c.stored_at, payloads.c.deleted_at)
    for row in conn.execute(columns.where(here).order_by(payloads.c.digest).limit(_BODIES)).all():
        uses = tuple(_uses(conn, sought, row.digest, row.stored_at))
        if uses:
            yield _bytes(row, uses[0].id)
            yield from uses


def _bytes(row: Any, see: str) -> Hit:
    gone = row.deleted_at is not None
    return Hit(
        kind="bytes",
        id=row.digest,
        title=f"{row.digest} ({row.size} byte)",
        at=row.stored_at,
        state="deleted" if gone else "",
        why_vi="đã hết hạn lưu, chỉ còn mã băm" if gone else "mã băm",
        why_en="deleted by retention, the digest remains" if gone else "digest",
        see=see,
    )


def _uses(conn: Connection, sought: Sought, digest: str, stored_at: float) -> Iterator[Hit]:
    """Give messages and deliveries that named these bytes when they were stored."""
    same = [messages.c[name] == digest for name in _OF_MESSAGES]
    named = or_(*same, messages.c.canonical.contains(digest, autoescape=True))
    ids = list(conn.execute(select(messages.c.id).where((messages.c.received_at == stored_at) & named)).scalars())
    why = "nội dung của thông điệp này", "bytes of this message"
    yield from messages_named(conn, sought, ids, why)
    sent = {str(json.loads(entry).get("delivery", "")) for entry in _entries(conn, digest, stored_at)} - {""}
    query = select(deliveries).where(deliveries.c.id.in_(sorted(sent)) & scopes.of_deliveries(sought.scope))
    for row in conn.execute(query) if sent else ():
        yield delivery(row, ("nội dung của lượt chuyển này", "bytes of this delivery"))


def _entries(conn: Connection, digest: str, stored_at: float) -> list[str]:
    """Read the journal around a moment."""
    begin, end = (_place(conn, stored_at + apart) for apart in (-_APART_SECONDS, _APART_SECONDS))
    here = (journal.c.seq >= begin) & (journal.c.seq <= min(end, begin + _ROWS))
    return list(conn.execute(select(journal.c.entry).where(here & journal.c.entry.contains(digest, autoescape=True))).scalars())


def _place(conn: Connection, moment: float) -> int:
    """Find the first place in the journal at which it had become as late as this, by halving."""
    low, high = 0, int(conn.execute(select(journal.c.seq).order_by(journal.c.seq.desc()).limit(1)).scalar() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = conn.execute(select(journal.c.at).where(journal.c.seq >= middle).order_by(journal.c.seq).limit(1)).first()
        if row is None or row.at >= moment:
            high = middle
        else:
            low = middle + 1
    return low


def _of_files(conn: Connection, sought: Sought, beginning: str) -> Iterator[Hit]:
    """Give files that partners gave, and the messages that name them."""
    here = (attachments.c.digest >= beginning) & (attachments.c.digest < beginning + "g")
    for row in conn.execute(select(attachments).where(here).order_by(attachments.c.digest).limit(_BODIES)).all():
        uses = select(attachment_uses.c.message_id).where(attachment_uses.c.digest == row.digest)
        ids = list(conn.execute(uses.limit(finding_names.LOOKED)).scalars())
        named = messages_named(conn, sought, ids, ("nêu tệp này", "names this file"))
        if named:
            yield _bytes(row, named[0].id)
            yield from named
