"""Verbs of words between partners and us: what we owe them on what they hold for us, and what we ask them about deliveries.

What is owed is written in the commit of its message, what is followed in that of its receipt. Who gives and who asks keeps no
journal: the messages that come of it have chains of their own. Only that nobody asks any more stands in the delivery's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, delete, select, update
from sqlalchemy.engine import Row

from hub.contract import Owed
from hub.ledger import journal, pull_verbs
from hub.ledger.for_each import for_each, insert_each
from hub.ledger.sql import insert_new
from hub.ledger.tables import deliveries
from hub.ledger.word_tables import followed, owed

#: Names of both kinds of work, beside the lists of an endpoint: of their leases, on pages and in verbs.
OWED, FOLLOWED = "owed", "followed"
FINAL, GIVEN_UP = "final", "given_up"
#: What was said is forgotten after so long; a list that still has the thing then has it judged, and answered, again.
FORGET_SECONDS = 90 * 86_400.0
#: Numbers in one look-up, and rows that are forgotten at once.
_AT_ONCE = 400

_NEW_OWED = insert_new(owed, "endpoint", "number")
_NEW_FOLLOWED = insert_each(followed, *followed.c.keys(), new=["delivery_id"])
_OWED_DUE = for_each(
    lambda given: select(owed.c.endpoint)
    .where((owed.c.endpoint == given.at) & owed.c.done_at.is_(None) & (owed.c.next_at <= given.now))
    .limit(1),
    at=Text,
    now=owed.c.next_at.type,
)
_FOLLOWED_DUE = for_each(
    lambda given: select(followed.c.endpoint)
    .where((followed.c.endpoint == given.at) & followed.c.ended_at.is_(None) & (followed.c.next_at <= given.now))
    .limit(1),
    at=Text,
    now=followed.c.next_at.type,
)


# --- owed --------------------------------------------------------------------------------------------------------


def owe(conn: Connection, endpoint: str, word: Owed, *, message_id: str, now: float) -> None:
    """Write what is owed; what was said before under this number is said anew. ``message_id``: empty, that is known."""
    values: dict[str, Any] = {"kind": word.kind, "text": word.text, "digest": "", "made_at": now}
    values |= {"done_at": None, "tries": 0, "error": "", "next_at": now}
    if not _NEW_OWED.run(conn, endpoint=endpoint, number=word.number, message_id=message_id, **values).rowcount:
        values |= {"message_id": message_id} if message_id else {}
        conn.execute(update(owed).where(_number(endpoint, word.number)).values(**values))


@dataclass(frozen=True, slots=True)
class Known:
    """What was owed for a number: for which content of the list, and when it was said; None: it still is owed."""

    digest: str
    done_at: float | None


def known(conn: Connection, endpoint: str, numbers: Collection[str]) -> dict[str, Known]:
    """Give what is known of these numbers."""
    found: dict[str, Known] = {}
    names = sorted(set(numbers))
    for start in range(0, len(names), _AT_ONCE):
        here = (owed.c.endpoint == endpoint) & owed.c.number.in_(names[start : start + _AT_ONCE])
        for row in conn.execute(select(owed.c.number, owed.c.digest, owed.c.done_at).where(here)):
            found[row.number] = Known(row.digest, row.done_at)
    return found


def digested(conn: Connection, endpoint: str, number: str, digest: str) -> None:
    """Write for what content of the list a word is."""
    conn.execute(update(owed).where(_number(endpoint, number)).values(digest=digest))


def owe_again(conn: Connection, endpoint: str, numbers: Iterable[str], *, asked_at: float, now: float) -> None:
    """Owe what was said before the partner was asked and stands on its list all the same: our word did not arrive."""
    for number in sorted(set(numbers)):
        stale = _number(endpoint, number) & owed.c.done_at.is_not(None) & (owed.c.done_at < asked_at)
        conn.execute(update(owed).where(stale).values(made_at=now, done_at=None, tries=0, error="", next_at=now))


def owed_now(conn: Connection, endpoint: str, *, now: float, limit: int) -> Sequence[Row[Any]]:
    """Give what is to be said now, what waits longest first."""
    here = (owed.c.endpoint == endpoint) & owed.c.done_at.is_(None) & (owed.c.next_at <= now)
    return conn.execute(select(owed).where(here).order_by(owed.c.next_at).limit(limit)).all()


def said(conn: Connection, word: Row[Any], *, error: str, now: float) -> None:
    """Write that the partner has our word; ``error``: it said that it waits for none. Not where another is owed meanwhile."""
    conn.execute(update(owed).where(_same(word)).values(done_at=now, error=error))


def unsaid(conn: Connection, word: Row[Any], *, error: str, next_at: float) -> None:
    """Count that our word could not be given."""
    conn.execute(update(owed).where(_same(word)).values(tries=owed.c.tries + 1, error=error, next_at=next_at))


def forget_said(conn: Connection, endpoint: str, *, before: float) -> None:
    """Forget some of what was said long ago."""
    old = select(owed.c.number).where((owed.c.endpoint == endpoint) & (owed.c.done_at < before)).limit(_AT_ONCE)
    numbers = list(conn.execute(old).scalars())
    conn.execute(delete(owed).where((owed.c.endpoint == endpoint) & owed.c.number.in_(numbers) & (owed.c.done_at < before)))


def _number(endpoint: str, number: str) -> Any:
    return (owed.c.endpoint == endpoint) & (owed.c.number == number)


def _same(word: Row[Any]) -> Any:
    """Say which row a word is that was read before: the number may be owed another one meanwhile."""
    same = (owed.c.kind == word.kind) & (owed.c.text == word.text) & (owed.c.made_at == word.made_at)
    return _number(word.endpoint, word.number) & same & owed.c.done_at.is_(None)


# --- followed ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """A delivery that is to be asked about, and by which of the partner's numbers."""

    delivery_id: str
    endpoint: str
    number: str
    now: float


def follow(conn: Connection, given: Iterable[Following]) -> None:
    """Begin to ask about deliveries; the first question is at once. Those that are asked about already stay as they are."""
    blank: dict[str, Any] = {"state": "", "heard_at": None, "tries": 0, "error": "", "ending": "", "ended_at": None}
    rows = [
        {"delivery_id": each.delivery_id, "endpoint": each.endpoint, "number": each.number}
        | {"since": each.now, "next_at": each.now}
        | blank
        for each in given
    ]
    _NEW_FOLLOWED.change(conn, rows)


def followed_now(conn: Connection, endpoint: str, *, now: float, limit: int) -> Sequence[Row[Any]]:
    """Give what is to be asked about now, with what the delivery is of; what waits longest first."""
    here = (followed.c.endpoint == endpoint) & followed.c.ended_at.is_(None) & (followed.c.next_at <= now)
    first = select(followed).where(here).order_by(followed.c.next_at).limit(limit).subquery()
    query = select(first, deliveries.c.subject, deliveries.c.native_id).join(deliveries, deliveries.c.id == first.c.delivery_id)
    return conn.execute(query.order_by(first.c.next_at)).all()


def heard(conn: Connection, row: Row[Any], *, state: str, final: bool, next_at: float, now: float) -> None:
    """Write a partner's new word; ``final``: nobody asks any more."""
    values: dict[str, Any] = {"state": state, "heard_at": now, "tries": 0, "error": "", "next_at": next_at}
    values |= {"ending": FINAL, "ended_at": now} if final else {}
    conn.execute(update(followed).where(_asked(row)).values(**values))


def unheard(conn: Connection, row: Row[Any], *, error: str, next_at: float) -> None:
    """Count a question that brought nothing new; ``error``: why, where there was no answer."""
    values = {"tries": followed.c.tries + 1, "error": error, "next_at": next_at}
    conn.execute(update(followed).where(_asked(row)).values(**values))


def give_up(conn: Connection, row: Row[Any], *, error: str, now: float) -> None:
    """Write that nobody asks any more, since the partner's last word does not come."""
    values = {"tries": followed.c.tries + 1, "error": error, "ending": GIVEN_UP, "ended_at": now}
    if conn.execute(update(followed).where(_asked(row)).values(**values)).rowcount:
        entry = {"delivery": row.delivery_id, "number": row.number, "state": row.state, "error": error}
        journal.append(conn, row.subject, "follow.given_up", at=now, actor="hub", entry=entry)


def _asked(row: Row[Any]) -> Any:
    return (followed.c.delivery_id == row.delivery_id) & (followed.c.state == row.state) & followed.c.ended_at.is_(None)


# --- both --------------------------------------------------------------------------------------------------------


def due(conn: Connection, endpoints: Iterable[str], now: float) -> tuple[set[str], set[str]]:
    """Give the endpoints that are owed a word now, and those with something to ask about now."""
    rows = [{"at": each, "now": now} for each in endpoints]
    return {row.endpoint for row in _OWED_DUE.find(conn, rows)}, {row.endpoint for row in _FOLLOWED_DUE.find(conn, rows)}


def hurry(conn: Connection, endpoint: str, which: str, *, actor: str, why: str, now: float) -> None:
    """Let everything that is owed be said, or be asked about, at once; what was given up is asked about again."""
    pull_verbs.hurry(conn, endpoint, which, actor=actor, why=why, now=now)
    if which == OWED:
        conn.execute(update(owed).where((owed.c.endpoint == endpoint) & owed.c.done_at.is_(None)).values(next_at=now))
        return
    here = followed.c.endpoint == endpoint
    conn.execute(update(followed).where(here & followed.c.ended_at.is_(None)).values(next_at=now))
    again = {"ending": "", "ended_at": None, "since": now, "tries": 0, "next_at": now}
    conn.execute(update(followed).where(here & (followed.c.ending == GIVEN_UP)).values(**again))
