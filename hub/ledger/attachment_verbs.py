"""Verbs of files that partners give: who gave it, which message names it, and what is no longer there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter

from sqlalchemy import Connection, Double, Text, exists, null, select, update

from hub.contract import Answer
from hub.errors import Unavailable
from hub.ledger import journal, locks
from hub.ledger.for_each import for_each, insert_each
from hub.ledger.link_tables import file_links
from hub.ledger.tables import attachment_givers, attachment_uses, attachments
from hub.ledger.values import Acceptance, file_subject
from hub.ledger.works import Commit, Work, going_on

#: Who keeps or deletes files has this lock until its commit: a file that is deleted and given at the same time is whole or gone.
#: Taken after the journal's pages, as a group of messages takes both.
LOCK = "attachments"
_NEW = insert_each(attachments, *attachments.c.keys(), new=["digest"])
_NEW_GIVER = insert_each(attachment_givers, *attachment_givers.c.keys(), new=["digest", "endpoint"])
_NEW_USE = insert_each(attachment_uses, *attachment_uses.c.keys(), new=["digest", "message_id"])
#: Not the rows that this commit has just made.
_AGAIN = for_each(
    lambda given: (
        update(attachments)
        .where(
            (attachments.c.digest == given.sought) & ((attachments.c.used_at < given.now) | attachments.c.deleted_at.is_not(None))
        )
        .values(used_at=given.now, deleted_at=null())
    ),
    sought=Text,
    now=Double,
)
#: Who deletes it at this moment has the row; then it is too late, and the row stays as it is.
_USE = for_each(
    lambda given: (
        update(attachments)
        .where((attachments.c.digest == given.sought) & attachments.c.deleted_at.is_(None))
        .values(used_at=given.now)
    ),
    sought=Text,
    now=Double,
)
def record_given(conn: Connection, digest: str, *, size: int, givers: Sequence[str], now: float) -> None:
    """Record that a partner gave a file, which is in the store already."""
    pages = journal.Pages(conn, [file_subject(digest)])
    locks.wait(conn, LOCK)
    note_kept(conn, {digest: (size, now)})
    _note_givers(conn, {(digest, endpoint): now for endpoint in sorted(givers)})
    entry = {"digest": digest, "size": size}
    pages.append(file_subject(digest), "attachment.given", at=now, actor=givers[0], entry=entry)
    pages.write()


def note_kept(conn: Connection, files: Mapping[str, tuple[int, float]]) -> None:
    """Note files that are in the store (digest -> size, moment), also those that were deleted before; with ``LOCK`` held."""
    times = {digest: {"stored_at": at, "used_at": at, "deleted_at": None} for digest, (_, at) in files.items()}
    _NEW.change(conn, [{"digest": digest, "size": size, **times[digest]} for digest, (size, _) in files.items()])
    _AGAIN.change(conn, [{"sought": digest, "now": at} for digest, (_, at) in files.items()])


def _note_givers(conn: Connection, givers: Mapping[tuple[str, str], float]) -> None:
    """Note who gave a file, and when: digest and endpoint -> moment."""
    _NEW_GIVER.change(conn, [{"digest": digest, "endpoint": name, "given_at": at} for (digest, name), at in givers.items()])


def check_brought(conn: Connection, works: Sequence[Work[Acceptance, Answer]]) -> None:
    """Refuse the messages whose own file was deleted after the store took it; until this commit nobody deletes another one."""
    bringing = [work for work in going_on(works) if work.given.brought]
    if not bringing:
        return
    locks.share(conn, LOCK)
    for work in bringing:
        if not all(file.is_there() for file in work.given.brought):
            work.refuse(Unavailable("a file was deleted meanwhile; send again", "một tệp vừa bị xoá; hãy gửi lại"))


def link(commit: Commit, accepted: Sequence[Acceptance]) -> None:
    """Record, in the messages' own commit, which files they name."""
    named = sorted((digest, given.at, given.message_id) for given in accepted for digest in set(given.attachments))
    brought = {file.digest for given in accepted for file in given.brought}
    used = {digest: at for digest, at, _ in named if digest not in brought}
    _USE.change(commit.conn, [{"sought": digest, "now": at} for digest, at in used.items()])
    _NEW_USE.change(commit.conn, [{"digest": digest, "message_id": message} for digest, _, message in named])


def keep_brought(commit: Commit, given: Sequence[Acceptance]) -> None:
    """Record the files that messages bring, also repeated ones: so a file that was deleted is there again."""
    brought = sorted(
        ((file.digest, file.size, each.endpoint, each.at) for each in given for file in each.brought), key=itemgetter(0, 3)
    )
    note_kept(commit.conn, {digest: (size, at) for digest, size, _, at in brought})
    _note_givers(commit.conn, {(digest, endpoint): at for digest, _, endpoint, at in brought})
    for digest, size, endpoint, at in brought:
        entry = {"digest": digest, "size": size}
        commit.pages.append(file_subject(digest), "attachment.given", at=at, actor=endpoint, entry=entry)


def note_use(conn: Connection, digest: str, *, now: float) -> bool:
    """Note that a file is used now; False where its bytes are not kept any more."""
    noted = _USE.change(conn, [{"sought": digest, "now": now}])
    return noted is not None and noted.rowcount == 1


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


def known_files(conn: Connection, digests: Sequence[str]) -> set[str]:
    """Give those of these files that the ledger says are there; one that was deleted and came again with nothing is not."""
    here = attachments.c.digest.in_(list(digests)) & attachments.c.deleted_at.is_(None)
    return set(conn.execute(select(attachments.c.digest).where(here)).scalars())


def forget_unknown(conn: Connection, digests: Sequence[str], *, remove: Callable[[str], None]) -> int:
    """Delete files that no row knows: their process died between keeping and recording them, or nothing came of their message.

    Gives how many.
    """
    locks.wait(conn, LOCK)
    known = known_files(conn, digests)
    unknown = [digest for digest in digests if digest not in known]
    for digest in unknown:
        remove(digest)
    return len(unknown)
