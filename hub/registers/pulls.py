"""Lists that partners keep for us: how far each was pulled, what was taken and what was not; bounded by indexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select, true
from sqlalchemy.engine import Row

from hub.endpoint import FOLDER
from hub.ledger.pull_tables import pull_items, pulls
from hub.ledger.pull_verbs import TURNED_AWAY, WAITING
from hub.ledger.tables import messages
from hub.registers.owed import Owing, WordsShown
from hub.rules.alert_conditions import Unpulled

DAY_SECONDS = 86_400.0
#: Messages of the last day that are looked at, and items that are counted: what is more is told as so many.
LOOKED_AT, COUNTED = 10_000, 1_000
#: Items that were not taken, as they are listed.
LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledList:
    """One list of one partner."""

    endpoint: str
    title: str
    name: str
    every_seconds: float
    #: Where the next question begins, in the adapter's own words; empty: from the beginning.
    cursor: str
    #: When it was last taken to an end; None: never.
    pulled_at: float | None
    #: Not before this; None: at once.
    next_at: float | None
    #: A process pulls it now.
    running: bool
    #: Rounds that failed since it last went well, and why the last did.
    failures: int
    error: str
    #: Taken in the last day (``LOOKED_AT`` messages of the partner are looked at).
    taken_day: int
    #: Items that were refused at the door, and whose files cannot be fetched yet; at most ``COUNTED``.
    turned_away: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """One item of a list that was not taken."""

    identity: str
    #: turned_away or waiting.
    state: str
    tries: int
    error: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PullsShown:
    """All lists, or one with what of it was not taken."""

    lists: tuple[PulledList, ...]
    not_taken: tuple[NotTaken, ...] = ()
    #: There are more of these.
    more: bool = False
    #: What stands between partners and us: words that are owed, deliveries that are asked about.
    words: tuple[Owing, ...] = ()
    #: Of one partner, where asked for: these words, or these deliveries.
    shown: WordsShown | None = None


def listing(
    conn: Connection, wanted: Mapping[tuple[str, str], float], titles: Mapping[str, str], now: float
) -> tuple[PulledList, ...]:
    """Tell of lists (endpoint and name, with every how many seconds)."""
    rows = {(row.endpoint, row.list): row for row in conn.execute(select(pulls))}
    return tuple(
        _list(conn, key, every, titles.get(key[0], ""), rows.get(key), now) for key, every in sorted(wanted.items())
    )


def _list(
    conn: Connection, key: tuple[str, str], every: float, title: str, row: Row[tuple[object, ...]] | None, now: float
) -> PulledList:
    endpoint, name = key
    return PulledList(
        endpoint=endpoint,
        title=title,
        name=name,
        every_seconds=every,
        cursor=row.cursor if row else "",
        pulled_at=row.pulled_at if row else None,
        next_at=(row.next_at or None) if row else None,
        running=bool(row and row.holder and row.leased_until > now),
        failures=row.failures if row else 0,
        error=row.error if row else "",
        taken_day=_taken(conn, endpoint, name, now),
        turned_away=_counted(conn, endpoint, name, TURNED_AWAY),
        waiting=_counted(conn, endpoint, name, WAITING),
    )


def _taken(conn: Connection, endpoint: str, name: str, now: float) -> int:
    here = (messages.c.endpoint == endpoint) & (messages.c.received_at >= now - DAY_SECONDS)
    newest = select(messages.c.identity, messages.c.accepted).where(here).order_by(messages.c.received_at.desc())
    some = newest.limit(LOOKED_AT).subquery()
    # Who has a folder sends in no other way.
    of_list = true() if name == FOLDER else (some.c.identity >= f"{name}/") & (some.c.identity < f"{name}0")
    return int(conn.execute(select(func.count()).select_from(some).where(of_list & some.c.accepted)).scalar_one())


def _of(endpoint: str, name: str) -> ColumnElement[bool]:
    """Say which items are of a list: their identities begin with its name and a slash (0 is what comes after a slash)."""
    of_list = (pull_items.c.identity >= f"{name}/") & (pull_items.c.identity < f"{name}0")
    return (pull_items.c.endpoint == endpoint) & of_list


def _counted(conn: Connection, endpoint: str, name: str, state: str) -> int:
    some = select(pull_items.c.identity).where(_of(endpoint, name) & (pull_items.c.state == state)).limit(COUNTED).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())


def unpulled(conn: Connection, wanted: Mapping[tuple[str, str], float], now: float) -> tuple[Unpulled, ...]:
    """Find the lists whose time has passed: by so much as they are usually apart, since they last went well."""
    rows = {(row.endpoint, row.list): row for row in conn.execute(select(pulls))} if wanted else {}
    found = []
    for key, every in sorted(wanted.items()):
        row = rows.get(key)
        if row is None or (row.pulled_at is None and not row.failures):
            continue  # nobody has asked yet: that no process pulls is told by itself
        since = None if row.pulled_at is None else row.pulled_at + every
        if since is None or since < now:
            found.append(Unpulled(endpoint=key[0], name=key[1], since=since, error=row.error))
    return tuple(found)


def not_taken(conn: Connection, endpoint: str, name: str) -> tuple[tuple[NotTaken, ...], bool]:
    """List what of a list was not taken, and say whether there is more."""
    query = select(pull_items).where(_of(endpoint, name)).order_by(pull_items.c.identity, pull_items.c.digest)
    rows = conn.execute(query.limit(LISTED + 1)).all()
    items = (
        NotTaken(identity=row.identity, state=row.state, tries=row.tries, error=row.error, at=row.at) for row in rows[:LISTED]
    )
    return tuple(items), len(rows) > LISTED
