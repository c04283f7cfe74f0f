"""Verbs of the work of the night: taken by one process, kept, done for a day or month, or tried again later.

They keep no journal: what a task does has its own.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from hub.ledger.leases import Lease
from hub.ledger.night_tables import nights
from hub.ledger.sql import insert_new

#: Who is at it and says nothing for so long is taken for dead.
LEASE_SECONDS = 900.0
#: After a failure: doubled from the first to the last.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 60.0, 1800.0

_NEW = insert_new(nights, "task")
_LEASE = Lease(nights, nights.c.leased_until, nights.c.holder)
_FRESH = {"again_at": 0.0, "tries": 0, "error": ""}


def is_done(conn: Connection, task: str, due: str) -> bool:
    """Say whether a task was done for a day or month; without one (``due`` empty) it never is."""
    return bool(due) and conn.execute(select(nights.c.done).where(nights.c.task == task)).scalar() == due


def take(conn: Connection, task: str, due: str, *, holder: str, now: float) -> bool:
    """Take a task; False where it is done for this day or month, another process is at it, or it failed just now."""
    _NEW.run(conn, task=task, done="", **_LEASE.given_back, **_FRESH)
    here = (nights.c.task == task) & (nights.c.again_at <= now)
    here = here & (nights.c.done != due) if due else here
    return _LEASE.take(conn, here, holder, now=now, seconds=LEASE_SECONDS)


def keep(conn: Connection, task: str, *, holder: str, now: float) -> bool:
    """Keep a task for longer; False where another process has taken it meanwhile."""
    return _LEASE.keep(conn, nights.c.task == task, holder, now=now, seconds=LEASE_SECONDS)


def done(conn: Connection, task: str, due: str, *, holder: str) -> bool:
    """Write that a task is done for a day or month, and give it back; False where another process has taken it meanwhile."""
    return _LEASE.give_back(conn, nights.c.task == task, holder, {**_FRESH, "done": due})


def failed(conn: Connection, task: str, *, holder: str, error: str, now: float) -> None:
    """Give a task back that failed; nobody takes it before a pause is over, which grows with every failure."""
    mine = (nights.c.task == task) & (nights.c.holder == holder)
    tries = conn.execute(select(nights.c.tries).where(mine)).scalar()
    if tries is not None:
        pause = min(LAST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(tries, 10))
        _LEASE.give_back(conn, nights.c.task == task, holder, {"again_at": now + pause, "tries": tries + 1, "error": error})


def leave(conn: Connection, task: str, *, holder: str) -> None:
    """Give a task back that is not done, for whoever comes next."""
    _LEASE.give_back(conn, nights.c.task == task, holder)
