"""Addresses at which partners fetch files: what each leads to, until when it is good, whether it was fetched."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger.link_tables import attachments, deliveries, fetched_files, file_links
from hub.ledger.sql import Statement
from hub.ledger.tables import attachment_uses
from hub.registers import cursors, names
from hub.registers.scopes import Scope, of_deliveries

#: Files looked up in one query.
_AT_ONCE = 500
_COLUMNS = (*file_links.c, attachments.c.size, attachments.c.deleted_at)
_QUERY = select(*_COLUMNS).join(attachments, attachments.c.digest == file_links.c.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One address of one file for one delivery; the address itself is known to the partner alone."""

    id: str
    delivery_id: str
    endpoint: str
    subject: str
    #: Which file of the message.
    item: str
    digest: str
    size: int
    #: Ending of its name, where its kind is known.
    kind: str
    #: ``good``, ``expired``, ``ended``, ``used_up``, or ``deleted``: retention has deleted the file.
    state: str
    made_at: float
    expires_at: float
    #: 0: as often as the partner wants.
    most_fetches: int
    fetches: int
    #: In so many of them the whole file was sent.
    whole: int
    last_fetched_at: float | None
    ended_at: float | None
    ended_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    """Addresses, the newest first."""

    links: tuple[Link, ...]
    #: Where the next page begins; empty: there is none.
    next: str


def find(conn: Connection, id_: str, now: float) -> Link | None:
    """Give the address of this hash; None where there is none."""
    row = conn.execute(_QUERY.where(file_links.c.id == id_)).first()
    return _link(row, now) if row is not None else None


def named(conn: Connection, given: str, now: float) -> Link:
    """Give the address that an operator names by its identifier, or the beginning of it; raise NotAllowed where there is none."""
    found = find(conn, names.by_id(conn, file_links.c.id, given), now)
    if found is None:
        raise NotAllowed(f"no file address is called {given!r}", f"không có địa chỉ tệp nào mang mã {given!r}", where=given)
    return found


def page(
    conn: Connection,
    *,
    subject: str = "",
    endpoint: str = "",
    not_fetched: bool = False,
    after: str = "",
    limit: int = 50,
    scope: Scope = None,
    now: float,
) -> LinkPage:
    """List the addresses of a dossier or for a partner, the newest first; ``not_fetched``: those that no whole file went by."""
    place = cursors.read(after, float, str)
    query = _QUERY.order_by(file_links.c.made_at.desc(), file_links.c.id.desc()).limit(limit + 1)
    if subject:
        query = query.where(file_links.c.subject == subject)
    if endpoint:
        query = query.where(file_links.c.endpoint == endpoint)
    if not_fetched:
        query = query.where(file_links.c.whole == 0)
    if scope is not None:
        query = query.join(deliveries, deliveries.c.id == file_links.c.delivery_id).where(of_deliveries(scope))
    if (behind := cursors.before(place, file_links.c.made_at, file_links.c.id)) is not None:
        query = query.where(behind)
    rows = conn.execute(query).all()
    shown = rows[:limit]
    following = cursors.written(shown[-1].made_at, shown[-1].id) if len(rows) > limit else ""
    return LinkPage(links=tuple(_link(row, now) for row in shown), next=following)


def _link(row: Row[Any], now: float) -> Link:
    return Link(
        id=row.id,
        delivery_id=row.delivery_id,
        endpoint=row.endpoint,
        subject=row.subject,
        item=row.item,
        digest=row.digest,
        size=row.size,
        kind=row.kind,
        state=_state(row, now),
        made_at=row.made_at,
        expires_at=row.expires_at,
        most_fetches=row.most_fetches,
        fetches=row.fetches,
        whole=row.whole,
        last_fetched_at=row.last_fetched_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        why=row.why,
    )


def _state(row: Row[Any], now: float) -> str:
    if row.ended_at is not None:
        return "ended"
    if row.expires_at <= now:
        return "expired"
    if row.most_fetches and row.fetches >= row.most_fetches:
        return "used_up"
    return "deleted" if row.deleted_at is not None else "good"


# --- for whoever writes a delivery -----------------------------------------------------------------------------------


def of_ids(conn: Connection, ids: Collection[str], now: float) -> dict[str, Link]:
    """Give the addresses of these hashes, by hash."""
    wanted = sorted(ids)
    parts = (wanted[place : place + _AT_ONCE] for place in range(0, len(wanted), _AT_ONCE))
    return {row.id: _link(row, now) for part in parts for row in conn.execute(_QUERY.where(file_links.c.id.in_(part)))}


def ended(conn: Connection, delivery: str) -> dict[str, int]:
    """Count, for each file of a delivery, the addresses that were ended: by its source."""
    here = (file_links.c.delivery_id == delivery) & file_links.c.ended_at.is_not(None)
    query = select(file_links.c.source, func.count()).where(here).group_by(file_links.c.source)
    return {source: count for source, count in conn.execute(query)}


_USED = Statement(
    select(attachments.c.digest)
    .join(attachment_uses, attachment_uses.c.digest == attachments.c.digest)
    .where((attachment_uses.c.message_id == bindparam("message")) & attachments.c.deleted_at.is_(None))
)


def used(conn: Connection, message: str, digests: Collection[str]) -> frozenset[str]:
    """Give those of the files that a message names as given to the hub, and whose bytes are kept."""
    return frozenset(_USED.run(conn, message=message).scalars()) & frozenset(digests)


def fetched(conn: Connection, subject: str, since: float) -> dict[str, str]:
    """Give what the hub fetched for a dossier since a moment, and still keeps: source -> digest."""
    query = (
        select(fetched_files.c.source, fetched_files.c.digest)
        .join(attachments, attachments.c.digest == fetched_files.c.digest)
        .where((fetched_files.c.subject == subject) & (fetched_files.c.fetched_at > since) & attachments.c.deleted_at.is_(None))
    )
    return {source: digest for source, digest in conn.execute(query)}
