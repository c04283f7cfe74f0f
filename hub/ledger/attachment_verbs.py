"""Verbs of files that partners give: who gave it, which message names it, and what is no longer there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, bindparam, exists, null, select, update

from hub.ledger import journal, locks
from hub.ledger.link_tables import file_links
from hub.ledger.sql import Statement, insert_new
from hub.ledger.tables import attachment_givers, attachment_uses, attachments
from hub.ledger.values import Acceptance

#: Who keeps or deletes files has this lock until its commit: a file that is deleted and given at the same time is whole or gone.
LOCK = "attachments"
_NEW = insert_new(attachments, "digest")
_NEW_GIVER = insert_new(attachment_givers, "digest", "endpoint")
_NEW_USE = insert_new(attachment_uses, "digest", "message_id")
_AGAIN = Statement(
    update(attachments)
    .where(attachments.c.digest == bindparam("sought"))
    .values(used_at=bindparam("now"), deleted_at=null())
)
#: Who deletes it at this moment has the row; then it is too late, and the row stays as it is.
_USE = Statement(
    update(attachments)
    .where((attachments.c.digest == bindparam("sought")) & attachments.c.deleted_at.is_(None))
    .values(used_at=bindparam("now"))
)


def record_given(conn: Connection, digest: str, *, size: int, givers: Sequence[str], now: float) -> None:
    """Record that a partner gave a file, which is in the store already."""
    locks.wait(conn, LOCK)
    if not _NEW.run(conn, digest=digest, size=size, stored_at=now, used_at=now, deleted_at=None).rowcount:
        _AGAIN.run(conn, sought=digest, now=now)
    for endpoint in sorted(givers):
        _NEW_GIVER.run(conn, digest=digest, endpoint=endpoint, given_at=now)
    entry = {"digest": digest, "size": size}
    journal.append(conn, f"attachment:{digest}", "attachment.given", at=now, actor=givers[0], entry=entry)


def link(conn: Connection, given: Acceptance) -> None:
    """Record, in the message's own commit, which files it names."""
    for digest in sorted(set(given.attachments)):
        _USE.run(conn, sought=digest, now=given.at)
        _NEW_USE.run(conn, digest=digest, message_id=given.message_id)


def note_use(conn: Connection, digest: str, *, now: float) -> bool:
    """Note that a file is used now; False where its bytes are not kept any more."""
    return _USE.run(conn, sought=digest, now=now).rowcount == 1


def delete(
    conn: Connection, digests: Iterable[str], *, before: float, now: float, remove: Callable[[str], None]
) -> list[tuple[str, int]]:
    """Delete files that nothing has used since a moment: bytes before the commit, so that no row says more than there is.

    Not those that a partner may still fetch at an address of ours.

    Gives the digests and sizes of those that were deleted.
    """
    locks.wait(conn, LOCK)
    fetchable = exists().where((file_links.c.digest == attachments.c.digest) & (file_links.c.expires_at > now))
    idle = attachments.c.deleted_at.is_(None) & (attachments.c.used_at < before) & ~fetchable
    found = conn.execute(
        select(attachments.c.digest, attachments.c.size)
        .where(attachments.c.digest.in_(list(digests)) & idle)
        .order_by(attachments.c.digest)
        .with_for_update()
    ).all()
    gone = [(row.digest, row.size) for row in found]
    if gone:
        names = [digest for digest, _ in gone]
        conn.execute(update(attachments).where(attachments.c.digest.in_(names)).values(deleted_at=now))
    for digest, _ in gone:
        remove(digest)
    return gone


def forget_unknown(conn: Connection, digests: Sequence[str], *, remove: Callable[[str], None]) -> int:
    """Delete files that no row knows: their process died between keeping and recording them. Gives how many."""
    locks.wait(conn, LOCK)
    known = set(conn.execute(select(attachments.c.digest).where(attachments.c.digest.in_(list(digests)))).scalars())
    unknown = [digest for digest in digests if digest not in known]
    for digest in unknown:
        remove(digest)
    return len(unknown)
