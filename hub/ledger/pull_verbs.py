"""Verbs of pulling: who pulls a list now, how far it came, and what of it could not be taken.

They keep no journal, as those of processes: what a list had is a message, and its own chain tells of it. Only that somebody
wants a list at once stands there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, select, true, update

from hub.ledger import journal
from hub.ledger.leases import Lease
from hub.ledger.pull_tables import pull_items, pulls
from hub.ledger.sql import insert_new
from hub.ledger.tables import identities

#: ``failed_here``: it was our own failure, and the item is tried again.
TURNED_AWAY, WAITING, FAILED_HERE = "turned_away", "waiting", "failed_here"
#: What could not be taken is forgotten after so long; a list that still has it then is told so again.
FORGET_SECONDS = 90 * 86_400.0
#: Keys in one look-up.
_AT_ONCE = 400

_NEW = insert_new(pulls, "endpoint", "list")
_NEW_ITEM = insert_new(pull_items, "endpoint", "identity", "digest")
_LEASE = Lease(pulls, pulls.c.leased_until, pulls.c.holder)
_BLANK = {"cursor": "", "next_at": 0.0, "pulled_at": None, "failures": 0, "error": ""}


def take(conn: Connection, endpoint: str, name: str, *, holder: str, now: float, seconds: float) -> str | None:
    """Take a list's lease and give its cursor; None where another process has it, or its time has not come."""
    _NEW.run(conn, endpoint=endpoint, list=name, **_LEASE.given_back, **_BLANK)
    if not _LEASE.take(conn, _row(endpoint, name) & (pulls.c.next_at <= now), holder, now=now, seconds=seconds):
        return None
    return str(conn.execute(select(pulls.c.cursor).where(_row(endpoint, name))).scalar_one())


def keep(conn: Connection, endpoint: str, name: str, *, holder: str, now: float, seconds: float) -> bool:
    """Keep a lease for longer; False where another process has taken it meanwhile."""
    return _LEASE.keep(conn, _row(endpoint, name), holder, now=now, seconds=seconds)


def advance(conn: Connection, endpoint: str, name: str, *, holder: str, cursor: str, next_at: float, now: float) -> bool:
    """Write that everything before the cursor was taken, and give the lease back; False where it was lost."""
    values = {"cursor": cursor, "next_at": next_at, "pulled_at": now, "failures": 0, "error": ""}
    conn.execute(delete(pull_items).where((pull_items.c.endpoint == endpoint) & (pull_items.c.at < now - FORGET_SECONDS)))
    return _LEASE.give_back(conn, _row(endpoint, name), holder, values)


def failed(conn: Connection, endpoint: str, name: str, *, holder: str, error: str, next_at: float) -> None:
    """Write that a round failed, and give the lease back; the cursor stays."""
    values = {"failures": pulls.c.failures + 1, "error": error, "next_at": next_at}
    _LEASE.give_back(conn, _row(endpoint, name), holder, values)


def failures(conn: Connection, endpoint: str, name: str) -> int:
    """Say how many rounds have failed since the last one that went well."""
    return int(conn.execute(select(pulls.c.failures).where(_row(endpoint, name))).scalar() or 0)


def hurry(conn: Connection, endpoint: str, name: str, *, actor: str, why: str, now: float) -> None:
    """Let a list be asked for at once; who pulls it now begins again right after."""
    _NEW.run(conn, endpoint=endpoint, list=name, **_LEASE.given_back, **_BLANK)
    conn.execute(update(pulls).where(_row(endpoint, name)).values(next_at=now))
    entry = {"endpoint": endpoint, "list": name, "why": why}
    journal.append(conn, f"endpoint:{endpoint}", "operator.pull_now", at=now, actor=actor, entry=entry)


def leave(conn: Connection, holder: str) -> None:
    """Give all leases of a process back: it stops."""
    _LEASE.give_back(conn, true(), holder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a list's items, each an identity and a digest."""

    #: Identities that were taken, and items that were turned away with these very words.
    taken: frozenset[str]
    away: frozenset[tuple[str, str]]
    #: Items that our own failure kept us from taking: how often, and when last.
    failed: Mapping[tuple[str, str], tuple[int, float]]


def standing(conn: Connection, endpoint: str, listed: Collection[tuple[str, str]]) -> Standing:
    """Say what is known of a list's items."""
    names = sorted({identity for identity, _ in listed})
    taken: set[str] = set()
    away: set[tuple[str, str]] = set()
    failures: dict[tuple[str, str], tuple[int, float]] = {}
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        held = select(identities.c.identity).where((identities.c.endpoint == endpoint) & identities.c.identity.in_(some))
        taken.update(conn.execute(held).scalars())
        here = (pull_items.c.endpoint == endpoint) & pull_items.c.identity.in_(some) & (pull_items.c.state != WAITING)
        for row in conn.execute(select(pull_items).where(here)):
            if row.state == TURNED_AWAY:
                away.add((row.identity, row.digest))
            else:
                failures[row.identity, row.digest] = row.tries, row.at
    return Standing(taken=frozenset(taken), away=frozenset(away), failed=failures)


def tries(conn: Connection, endpoint: str, item: tuple[str, str]) -> int:
    """Say how often an item's files could not be fetched."""
    here = _item(endpoint, item) & (pull_items.c.state == WAITING)
    return int(conn.execute(select(pull_items.c.tries).where(here)).scalar() or 0)


def waits(conn: Connection, endpoint: str, item: tuple[str, str], *, error: str, now: float) -> None:
    """Count that an item's files could not be fetched."""
    _put(conn, endpoint, item, state=WAITING, tries=tries(conn, endpoint, item) + 1, error=error, at=now)


def failed_here(conn: Connection, endpoint: str, item: tuple[str, str], *, tries: int, error: str, now: float) -> None:
    """Write that our own failure kept us from taking an item, for the so manieth time."""
    _put(conn, endpoint, item, state=FAILED_HERE, tries=tries, error=error, at=now)


def taken(conn: Connection, endpoint: str, item: tuple[str, str]) -> None:
    """Write that intake accepted an item: whatever else the list said of it is settled with that."""
    conn.execute(delete(pull_items).where((pull_items.c.endpoint == endpoint) & (pull_items.c.identity == item[0])))


def turned_away(conn: Connection, endpoint: str, item: tuple[str, str], *, error: str, now: float) -> None:
    """Write that an item was refused at the door: the same is not tried again."""
    _put(conn, endpoint, item, state=TURNED_AWAY, tries=1, error=error, at=now)


def _put(conn: Connection, endpoint: str, item: tuple[str, str], **values: str | float) -> None:
    if not _NEW_ITEM.run(conn, endpoint=endpoint, identity=item[0], digest=item[1], **values).rowcount:
        conn.execute(update(pull_items).where(_item(endpoint, item)).values(**values))


def _row(endpoint: str, name: str) -> ColumnElement[bool]:
    return (pulls.c.endpoint == endpoint) & (pulls.c.list == name)


def _item(endpoint: str, item: tuple[str, str]) -> ColumnElement[bool]:
    identity, digest = item
    return (pull_items.c.endpoint == endpoint) & (pull_items.c.identity == identity) & (pull_items.c.digest == digest)
