"""Verbs of the one who seals: look what is not sealed yet, keep a seal with its leaves, keep its timestamp.

Nothing here touches a row that a message's way writes, or waits for one: the sealer reads the journal, and writes to tables of
its own. A seal is over an exact part of the journal, up to a place below which no row can appear any more; places are given
before the commit, so that place is found by waiting for everybody who was writing when it was looked up.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, LargeBinary, bindparam, func, select, text, update

from hub.ledger import locks
from hub.ledger.for_each import insert_each
from hub.ledger.sql import Statement
from hub.ledger.tables import journal, seal_leaves, seals
from hub.rules.ledger_seal import End, Seal

#: One at a time keeps a seal.
LOCK = "lienthong: seals"
#: Whoever writes is waited for: a commit takes milliseconds; one that hangs is left for the next round.
WAIT_SECONDS = 5.0
LOOK_SECONDS = 0.02
#: So many rows of the journal at most are proved by one seal, however few their subjects are.
ROWS = 200_000
_ROWS_AT_ONCE = 2000

_LAST = Statement(select(seals).order_by(seals.c.number.desc()).limit(1))
_NEWEST_ROW = Statement(select(func.max(journal.c.seq)))
#: Who inserts holds this lock from before the row's place is drawn until after the commit can be seen.
_WRITERS = text(
    "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE relation = 'journal'::regclass AND mode = 'RowExclusiveLock' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_ROWS_UPTO = (
    select(journal.c.seq, journal.c.subject, journal.c.number, journal.c.hash)
    .where((journal.c.seq > bindparam("after")) & (journal.c.seq <= bindparam("upto")))
    .order_by(journal.c.seq)
    .limit(bindparam("most"))
)
_KEEP = insert_each(seals, "number", "at", "upto", "leaves", "previous", "root", "asked", "ask_at")
_KEEP_LEAVES = insert_each(seal_leaves, "seal", "position", "subject", "number", "hash")
_WITHOUT_TOKEN = Statement(select(seals).where(seals.c.token.is_(None)).order_by(seals.c.number).limit(1))
_KEEP_TOKEN = Statement(
    update(seals)
    .where((seals.c.number == bindparam("seal")) & seals.c.token.is_(None))
    .values(token=bindparam("new_token", type_=LargeBinary), stamped_at=bindparam("new_moment"))
)
_MARK_ASKED = Statement(
    update(seals)
    .where((seals.c.number == bindparam("seal")) & seals.c.token.is_(None) & (seals.c.asked == bindparam("seen")))
    .values(asked=seals.c.asked + 1, ask_at=bindparam("later"))
)
_ASK_LATER = Statement(
    update(seals).where((seals.c.number == bindparam("seal")) & seals.c.token.is_(None)).values(ask_at=bindparam("later"))
)


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be sealed next: the ends of chains, of all rows up to a place."""

    ends: tuple[End, ...]
    upto: int


@dataclass(frozen=True, slots=True)
class Unstamped:
    """The oldest seal without a timestamp."""

    seal: Seal
    #: How often one was asked for, and not to be asked again before.
    asked: int
    ask_at: float


def last(conn: Connection) -> Seal | None:
    """Give the newest seal."""
    row = _LAST.run(conn).first()
    return _seal(row) if row is not None else None


def newest_row(conn: Connection) -> int:
    """Give the place of the journal's newest row; 0 where it is empty."""
    return int(_NEWEST_ROW.run(conn).scalar() or 0)


def settle(conn: Connection) -> bool:
    """Wait until everybody who is writing to the journal now has ended; False where somebody hangs.

    A reading that begins afterwards sees every row that will ever be at or below ``newest_row`` from before. On SQLite
    places are given in the order of commits.
    """
    if conn.dialect.name != "postgresql":
        return True
    until = time.monotonic() + WAIT_SECONDS
    # What is locked is asked of the server's memory: the reading's moment does not matter.
    writers = set(conn.execute(_WRITERS).scalars())
    while writers and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        writers &= set(conn.execute(_WRITERS).scalars())
    return not writers


def unsealed(conn: Connection, after: int, upto: int, most: int) -> Found:
    """Find the last row of each subject among the rows of a part of the journal, of so many subjects at most."""
    ends: dict[str, End] = {}
    reached = after
    rows = conn.execute(
        _ROWS_UPTO, {"after": after, "upto": upto, "most": ROWS}, execution_options={"yield_per": _ROWS_AT_ONCE}
    )
    for row in rows:
        known = ends.get(row.subject)
        if known is None and len(ends) == most:
            rows.close()
            break
        if known is None or row.number > known.number:
            ends[row.subject] = End(row.subject, row.number, row.hash)
        reached = row.seq
    return Found(tuple(ends.values()), reached)


def keep(conn: Connection, seal: Seal, ends: Sequence[End]) -> bool:
    """Keep a seal; False where another sealer was first."""
    if not locks.take(conn, LOCK):
        return False
    before = last(conn)
    if (before.number if before is not None else 0) != seal.number - 1:
        return False
    fields = ("number", "at", "upto", "leaves", "previous", "root")
    _KEEP.change(conn, [{name: getattr(seal, name) for name in fields} | {"asked": 0, "ask_at": 0.0}])
    leaves = [
        {"seal": seal.number, "position": position, "subject": end.subject, "number": end.number, "hash": end.hash}
        for position, end in enumerate(ends, start=1)
    ]
    _KEEP_LEAVES.change(conn, leaves)
    return True


def oldest_unstamped(conn: Connection) -> Unstamped | None:
    """Give the oldest seal that has no timestamp."""
    row = _WITHOUT_TOKEN.run(conn).first()
    return Unstamped(_seal(row), row.asked, row.ask_at) if row is not None else None


def keep_token(conn: Connection, number: int, token: bytes, at: float) -> bool:
    """Keep a timestamp that was checked; False where another sealer has kept one meanwhile."""
    return _KEEP_TOKEN.run(conn, seal=number, new_token=token, new_moment=at).rowcount == 1


def mark_asked(conn: Connection, waiting: Unstamped, until: float) -> bool:
    """Write down that a timestamp is being asked for, until a moment; False where another sealer was first."""
    return _MARK_ASKED.run(conn, seal=waiting.seal.number, seen=waiting.asked, later=until).rowcount == 1


def ask_later(conn: Connection, number: int, at: float) -> None:
    """Write down when to ask again: none was given."""
    _ASK_LATER.run(conn, seal=number, later=at)


def _seal(row: object) -> Seal:
    return Seal(**{name: getattr(row, name) for name in ("number", "at", "upto", "previous", "leaves", "root")})
