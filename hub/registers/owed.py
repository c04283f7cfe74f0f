"""Words between partners and us: what we still owe them, what we ask them about, and what of it does not get on; bounded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, select

from hub.ledger.pull_tables import pull_items
from hub.ledger.pull_verbs import FAILED_HERE
from hub.ledger.tables import deliveries
from hub.ledger.word_tables import followed, owed
from hub.ledger.word_verbs import GIVEN_UP
from hub.rules.alert_conditions import Unfollowed, Unsaid, Untaken

#: Rows that are counted, and such as are listed: what is more is told as so many.
COUNTED, LISTED = 1_000, 50
#: What was given up so long ago is no news any more.
GIVEN_UP_SECONDS = 90 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """What stands between one partner and us."""

    endpoint: str
    title: str
    #: Words that the partner waits for (at most ``COUNTED``), since when the oldest is owed, and why it could not be given.
    owed: int
    owed_since: float | None
    owed_error: str
    #: Deliveries that the partner is asked about, since when the oldest is, and how many were given up.
    followed: int
    followed_since: float | None
    given_up: int
    #: Items on its lists that our own failure keeps us from taking.
    failed_here: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedWord:
    """One word that is owed."""

    number: str
    #: taken, warned or failed.
    kind: str
    message: str
    since: float
    tries: int
    error: str
    next_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedDelivery:
    """One delivery that the partner is asked about, or was in vain."""

    delivery: str
    subject: str
    number: str
    #: The partner's last word; empty: none yet.
    state: str
    heard_at: float | None
    since: float
    tries: int
    error: str
    #: When it is asked again; None: nobody asks any more.
    next_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsShown:
    """What is owed to one partner, or followed there."""

    #: ``owed`` or ``followed``.
    which: str
    owed: tuple[OwedWord, ...] = ()
    followed: tuple[FollowedDelivery, ...] = ()
    #: There are more of these.
    more: bool = False


_OPEN_WORD, _OPEN_QUESTION = owed.c.done_at.is_(None), followed.c.ended_at.is_(None)


def owing(conn: Connection, titles: Mapping[str, str]) -> tuple[Owing, ...]:
    """Tell of the endpoints between which and us something stands."""
    found = (_owing(conn, name, title) for name, title in sorted(titles.items()))
    return tuple(each for each in found if each.owed or each.followed or each.given_up or each.failed_here)


def _owing(conn: Connection, name: str, title: str) -> Owing:
    word = conn.execute(
        select(owed.c.made_at, owed.c.error).where((owed.c.endpoint == name) & _OPEN_WORD).order_by(owed.c.made_at).limit(1)
    ).first()
    asked = (followed.c.endpoint == name) & _OPEN_QUESTION
    return Owing(
        endpoint=name,
        title=title,
        owed=_counted(conn, owed, (owed.c.endpoint == name) & _OPEN_WORD) if word else 0,
        owed_since=word.made_at if word else None,
        owed_error=word.error if word else "",
        followed=_counted(conn, followed, asked),
        followed_since=conn.execute(select(followed.c.since).where(asked).order_by(followed.c.since).limit(1)).scalar(),
        given_up=_counted(conn, followed, _given_up(name)),
        failed_here=_counted(conn, pull_items, _failed(name)),
    )


def _counted(conn: Connection, table: FromClause, where: ColumnElement[bool]) -> int:
    some = select(*table.primary_key).where(where).limit(COUNTED).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())


def _given_up(name: str) -> ColumnElement[bool]:
    return (followed.c.endpoint == name) & (followed.c.ending == GIVEN_UP)


def _failed(name: str) -> ColumnElement[bool]:
    return (pull_items.c.endpoint == name) & (pull_items.c.state == FAILED_HERE)


def owed_words(conn: Connection, endpoint: str) -> WordsShown:
    """List what is owed to a partner, the oldest first."""
    query = select(owed).where((owed.c.endpoint == endpoint) & _OPEN_WORD).order_by(owed.c.made_at).limit(LISTED + 1)
    rows = conn.execute(query).all()
    words = (
        OwedWord(
            number=row.number,
            kind=row.kind,
            message=row.message_id,
            since=row.made_at,
            tries=row.tries,
            error=row.error,
            next_at=row.next_at,
        )
        for row in rows[:LISTED]
    )
    return WordsShown(which="owed", owed=tuple(words), more=len(rows) > LISTED)


def followed_deliveries(conn: Connection, endpoint: str) -> WordsShown:
    """List what a partner was asked about in vain, and then what it is still asked about, the oldest first."""
    vain = select(followed).where(_given_up(endpoint)).order_by(followed.c.ended_at.desc())
    rows = _with_subjects(conn, vain)
    if len(rows) <= LISTED:
        asked = select(followed).where((followed.c.endpoint == endpoint) & _OPEN_QUESTION).order_by(followed.c.since)
        rows += _with_subjects(conn, asked)
    return WordsShown(which="followed", followed=tuple(rows[:LISTED]), more=len(rows) > LISTED)


def _with_subjects(conn: Connection, query: Select[tuple[object, ...]]) -> list[FollowedDelivery]:
    some = query.limit(LISTED + 1).subquery()
    rows = conn.execute(select(some, deliveries.c.subject).join(deliveries, deliveries.c.id == some.c.delivery_id)).all()
    found = [
        FollowedDelivery(
            delivery=row.delivery_id,
            subject=row.subject,
            number=row.number,
            state=row.state,
            heard_at=row.heard_at,
            since=row.since,
            tries=row.tries,
            error=row.error,
            next_at=row.next_at if row.ended_at is None else None,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (each.since, each.delivery))


# --- for alerts --------------------------------------------------------------------------------------------------


def unsaid(conn: Connection, endpoints: Collection[str]) -> tuple[Unsaid, ...]:
    """Find since when words are owed to partners."""
    found = []
    for name in sorted(endpoints):
        here = (owed.c.endpoint == name) & _OPEN_WORD
        row = conn.execute(select(owed.c.made_at, owed.c.error).where(here).order_by(owed.c.made_at).limit(1)).first()
        if row is not None:
            found.append(Unsaid(endpoint=name, since=row.made_at, error=row.error))
    return tuple(found)


def unfollowed(conn: Connection, endpoints: Collection[str], now: float) -> tuple[Unfollowed, ...]:
    """Count what partners were asked about in vain."""
    counts = {
        name: _counted(conn, followed, _given_up(name) & (followed.c.ended_at > now - GIVEN_UP_SECONDS))
        for name in sorted(endpoints)
    }
    return tuple(Unfollowed(endpoint=name, count=count) for name, count in counts.items() if count)


def untaken(conn: Connection, endpoints: Collection[str]) -> tuple[Untaken, ...]:
    """Count the items that our own failure keeps us from taking, with the last one's error."""
    found = []
    for name in sorted(endpoints):
        last = select(pull_items.c.error).where(_failed(name)).order_by(pull_items.c.at.desc()).limit(1)
        row = conn.execute(last).first()
        if row is not None:
            found.append(Untaken(endpoint=name, count=_counted(conn, pull_items, _failed(name)), error=row.error))
    return tuple(found)
