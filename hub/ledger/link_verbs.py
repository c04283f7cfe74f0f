"""Verbs of the addresses at which partners fetch files: made, sent again, fetched, ended, forgotten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, or_, select, update

from hub.errors import NotAllowed
from hub.ledger import journal, locks
from hub.ledger.attachment_verbs import LOCK, note_kept, note_use
from hub.ledger.link_tables import deliveries, fetched_files, file_links, file_tries
from hub.ledger.sql import Statement, fixed, insert_new
from hub.ledger.values import file_subject
from hub.rules.lifecycle import ENDED

_NEW = insert_new(file_links, "id")
_NEW_TRIES = insert_new(file_tries, "delivery_id")
_NEW_FETCHED = insert_new(fetched_files, "subject", "source")
_NOT_DONE = exists().where(
    (deliveries.c.id == file_links.c.delivery_id) & deliveries.c.state.not_in(fixed(sorted(state.value for state in ENDED)))
)
_FETCHED = Statement(
    update(file_links)
    .where((file_links.c.id == bindparam("sought")) & (file_links.c.expires_at > bindparam("now")))
    .where((file_links.c.most_fetches == 0) | (file_links.c.fetches < file_links.c.most_fetches))
    .values(fetches=file_links.c.fetches + 1, last_fetched_at=bindparam("now"))
)
_WHOLE = Statement(update(file_links).where(file_links.c.id == bindparam("sought")).values(whole=file_links.c.whole + 1))
_ROW = Statement(select(file_links).where(file_links.c.id == bindparam("sought")))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """One address that is made."""

    id: str
    item: str
    source: str
    digest: str
    kind: str


def live(now: float) -> ColumnElement[bool]:
    """Say of an address that it is good: not ended, not expired, not used up."""
    return and_(
        file_links.c.expires_at > now,
        or_(file_links.c.most_fetches == 0, file_links.c.fetches < file_links.c.most_fetches),
    )


def make(
    conn: Connection,
    made: Sequence[NewLink],
    *,
    delivery: str,
    endpoint: str,
    subject: str,
    expires_at: float,
    most_fetches: int,
    now: float,
) -> None:
    """Record addresses before the bytes that say them; those that are there already are good for as long from now.

    Raises NotAllowed where retention has deleted a file in between.
    """
    items = {each.digest: each.item for each in made}
    for digest in sorted(items):
        if not note_use(conn, digest, now=now):
            raise gone(items[digest])
    for each in sorted(made, key=lambda link: link.id):
        _NEW.run(
            conn,
            id=each.id,
            delivery_id=delivery,
            endpoint=endpoint,
            subject=subject,
            item=each.item,
            source=each.source,
            digest=each.digest,
            kind=each.kind,
            made_at=now,
            expires_at=expires_at,
            most_fetches=most_fetches,
            fetches=0,
            whole=0,
            last_fetched_at=None,
            ended_at=None,
            ended_by="",
            why="",
        )
    renew(conn, [each.id for each in made], expires_at=expires_at, most_fetches=most_fetches)


def renew(conn: Connection, names: Collection[str], *, expires_at: float, most_fetches: int) -> None:
    """Let addresses that are sent again be good for as long, and as often, from now; what was ended stays ended."""
    most = file_links.c.fetches + most_fetches if most_fetches else 0
    for each in sorted(names):
        here = (file_links.c.id == each) & file_links.c.ended_at.is_(None)
        conn.execute(update(file_links).where(here).values(expires_at=expires_at, most_fetches=most))


def gone(item: str) -> NotAllowed:
    """Say that the file of an item is not kept any more, or was never this message's."""
    return NotAllowed(
        f"the file at {item} is not kept any more: its sender must give it again, then release this delivery",
        f"trục không còn giữ tệp tại {item}: bên gửi phải gửi lại tệp, sau đó cho gửi tiếp lượt này (release)",
        where=item,
    )


def record_fetched(conn: Connection, subject: str, source: str, digest: str, *, size: int, delivery: str, now: float) -> None:
    """Record a file that the hub fetched for a dossier, which is in the store already; nobody may name it as their own."""
    pages = journal.Pages(conn, [file_subject(digest)])
    locks.wait(conn, LOCK)
    note_kept(conn, {digest: (size, now)})
    if not _NEW_FETCHED.run(conn, subject=subject, source=source, digest=digest, size=size, fetched_at=now).rowcount:
        here = (fetched_files.c.subject == subject) & (fetched_files.c.source == source)
        conn.execute(update(fetched_files).where(here).values(digest=digest, size=size, fetched_at=now))
    entry = {"digest": digest, "size": size, "delivery": delivery}
    pages.append(file_subject(digest), "attachment.fetched", at=now, actor="hub", entry=entry)
    pages.write()


def count_try(conn: Connection, delivery: str, *, now: float) -> int:
    """Count a try to come by a delivery's files that was in vain; give how many there were."""
    if _NEW_TRIES.run(conn, delivery_id=delivery, tries=1, at=now).rowcount:
        return 1
    here = file_tries.c.delivery_id == delivery
    conn.execute(update(file_tries).where(here).values(tries=file_tries.c.tries + 1, at=now))
    return int(conn.execute(select(file_tries.c.tries).where(here)).scalar_one())


def forget_tries(conn: Connection, delivery: str) -> None:
    """Forget the tries of a delivery: whoever looked at it lets them begin anew."""
    conn.execute(delete(file_tries).where(file_tries.c.delivery_id == delivery))


# --- fetching ----------------------------------------------------------------------------------------------------


def begin_fetch(conn: Connection, sought: str, *, now: float) -> bool:
    """Count a fetch that begins; False where the address is not good any more: of two at once one may be too many."""
    return _FETCHED.run(conn, sought=sought, now=now).rowcount == 1


def end_fetch(conn: Connection, sought: str, *, now: float) -> None:
    """Count a fetch in which the whole file was sent; the first of an address is evidence in the dossier's journal."""
    if not _WHOLE.run(conn, sought=sought).rowcount:
        return
    row = _ROW.run(conn, sought=sought).one()
    if row.whole == 1:
        entry = {"delivery": row.delivery_id, "item": row.item, "digest": row.digest, "link": row.id, "to": row.endpoint}
        journal.append(conn, row.subject, "delivery.fetched", at=now, actor="hub", entry=entry)


# --- people, and time --------------------------------------------------------------------------------------------


def end(conn: Connection, sought: str, *, actor: str, why: str, now: float) -> None:
    """End an address now; raise NotAllowed where it is not good any more."""
    row = _ROW.run(conn, sought=sought).first()
    if row is None or row.ended_at is not None or row.expires_at <= now:
        raise NotAllowed("the address has ended already", "địa chỉ này đã hết hiệu lực", where=sought[:8])
    conn.execute(
        update(file_links).where(file_links.c.id == sought).values(ended_at=now, expires_at=now, ended_by=actor, why=why)
    )
    entry = {"delivery": row.delivery_id, "item": row.item, "digest": row.digest, "link": row.id, "to": row.endpoint, "why": why}
    journal.append(conn, row.subject, "operator.link_end", at=now, actor=actor, entry=entry)


def forget(conn: Connection, *, before: float, after: tuple[float, str], limit: int) -> tuple[float, str] | None:
    """Delete some addresses that ended before a moment, and whose delivery is done; give the place, None at the end."""
    at, name = after
    place = or_(file_links.c.expires_at > at, and_(file_links.c.expires_at == at, file_links.c.id > name))
    rows = conn.execute(
        select(file_links.c.id, file_links.c.expires_at, _NOT_DONE.label("needed"))
        .where((file_links.c.expires_at < before) & place)
        .order_by(file_links.c.expires_at, file_links.c.id)
        .limit(limit)
    ).all()
    over = [row.id for row in rows if not row.needed]
    if over:
        conn.execute(delete(file_links).where(file_links.c.id.in_(over)))
    return (rows[-1].expires_at, rows[-1].id) if len(rows) == limit else None


def forget_old_tries(conn: Connection, *, before: float, limit: int) -> bool:
    """Forget some of the tries of before a moment, which came to an end; say whether there may be more."""
    old = select(file_tries.c.delivery_id).where(file_tries.c.at < before).limit(limit)
    rows = conn.execute(old).scalars().all()
    conn.execute(delete(file_tries).where(file_tries.c.delivery_id.in_(rows)))
    return len(rows) == limit


def forget_fetched(conn: Connection, *, before: float, limit: int) -> bool:
    """Forget some of what was fetched before a moment; say whether there may be more."""
    old = select(fetched_files.c.subject, fetched_files.c.source).where(fetched_files.c.fetched_at < before).limit(limit)
    rows = conn.execute(old).all()
    for row in rows:
        here = (fetched_files.c.subject == row.subject) & (fetched_files.c.source == row.source)
        conn.execute(delete(fetched_files).where(here))
    return len(rows) == limit
