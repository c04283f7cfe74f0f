"""Verbs of alerts: what a look came to and the messages that it makes are one commit; so is what became of a message.

One at a time decides, by a lock; who comes meanwhile leaves it for the next look. A message is a row before it is sent, with the
number of the try; whoever finds it later without a result sends the same again, a few times at most.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row

from hub.canonical.compact_json import compact_sorted
from hub.errors import HubError, NotAllowed
from hub.ledger import journal, locks
from hub.ledger.working_tables import alert_letters, alert_mutes, alert_posts, alert_tellings, alerts
from hub.rules.alert_steps import FLAP_SECONDS, after_telling, decide, failed, taken
from hub.rules.alerts import (
    MOST_TRIES,
    Alert,
    Book,
    Decided,
    Event,
    Letter,
    Post,
    Seen,
    Severity,
    State,
    Told,
    What,
    retry_seconds,
    waits,
)

#: One at a time decides.
LOCK = "lienthong: alerts"
#: Rows that one round forgets at most.
_FORGET = 200
#: Identifiers in one statement.
_AT_ONCE = 500
_ALERT = tuple(Alert.__slots__)
_POST = tuple(Post.__slots__)


@dataclass(frozen=True, slots=True)
class Posting:
    """A message to be sent now, and which try that is."""

    letter: Letter
    tries: int


# --- what is kept ------------------------------------------------------------------------------------------------


def kept(conn: Connection, book: Book, now: float) -> State:
    """Read what is not over, and what of the rest is still to be told or counts against its coming back."""
    names = [each.name for each in book.recipients]
    rows = list(conn.execute(select(alerts).where(alerts.c.closed_at.is_(None)).order_by(alerts.c.since_at, alerts.c.id)))
    untold = select(alert_tellings).where(~alert_tellings.c.ended & alert_tellings.c.recipient.in_(names))
    told = [_told(row) for row in conn.execute(untold)]
    there = {row.id for row in rows}
    rows += _alerts(conn, {each.alert_id for each in told} - there)
    recent = conn.execute(select(alerts).where(alerts.c.closed_at > now - FLAP_SECONDS).order_by(alerts.c.closed_at))
    muted = conn.execute(select(alert_mutes).where(alert_mutes.c.until_at > now))
    return State(
        alerts=tuple(alert_of(row) for row in rows),
        told={(each.alert_id, each.recipient): each for each in told},
        mutes={(row.kind, row.about): row.until_at for row in muted},
        posts={row.recipient: post_of(row) for row in conn.execute(select(alert_posts))},
        outstanding=frozenset(
            conn.execute(select(alert_letters.c.recipient).where(alert_letters.c.taken_at.is_(None))).scalars()
        ),
        recent={(row.kind, row.about): (row.closed_at, row.reopened) for row in recent},
    )


def _alerts(conn: Connection, ids: Iterable[str]) -> list[Row[Any]]:
    wanted = sorted(ids)
    return [
        row
        for start in range(0, len(wanted), _AT_ONCE)
        for row in conn.execute(select(alerts).where(alerts.c.id.in_(wanted[start : start + _AT_ONCE])).order_by(alerts.c.id))
    ]


def alert_of(row: Row[Any]) -> Alert:
    """Read an alert."""
    given = {name: getattr(row, name) for name in _ALERT}
    return Alert(**{**given, "severity": Severity(row.severity), "endpoints": tuple(json.loads(row.endpoints))})


def _told(row: Row[Any]) -> Told:
    return Told(
        alert_id=row.alert_id,
        recipient=row.recipient,
        level=row.level,
        told_at=row.told_at,
        thread=row.thread,
        over=bool(row.ended),
    )


def post_of(row: Row[Any]) -> Post:
    """Read how it goes with a recipient."""
    return Post(**{name: getattr(row, name) for name in _POST})


def _letter(row: Row[Any]) -> Letter:
    events = tuple(
        Event(
            **{
                **each,
                "what": What(each["what"]),
                "severity": Severity(each["severity"]),
                "endpoints": tuple(each["endpoints"]),
            }
        )
        for each in json.loads(row.events)
    )
    return Letter(id=row.id, recipient=row.recipient, made_at=row.made_at, events=events, still_open=row.still_open)


# --- a look ------------------------------------------------------------------------------------------------------


def is_work(conn: Connection, book: Book, seen: Seen, now: float, lease_seconds: float) -> bool:
    """Say whether a look has anything to write: most have not."""
    state = kept(conn, book, now)
    if decide(book, state, seen, now, lambda: "new"):
        return True
    due = (_is_due(row, state.posts, book, now, lease_seconds) for row in _open_letters(conn))
    return any(due) or bool(_over_long(conn, book, now, 1))


def record(
    conn: Connection, book: Book, seen: Seen, now: float, new_id: Callable[[], str], lease_seconds: float
) -> tuple[Posting, ...]:
    """Write what a look came to; give the messages that are to be sent now, new ones and those without a result.

    Nothing where another process is at it.
    """
    if not locks.take(conn, LOCK):
        return ()
    again = tuple(_take_again(conn, book, now, lease_seconds))
    decided = decide(book, kept(conn, book, now), seen, now, new_id)
    _write(conn, decided, now)
    _forget(conn, book, now)
    return (*again, *(Posting(letter, 1) for letter in decided.letters))


def _write(conn: Connection, decided: Decided, now: float) -> None:
    # What is gone goes first: the same thing may be there anew.
    for alert_id in decided.dropped:
        conn.execute(delete(alerts).where(alerts.c.id == alert_id))
    for alert in sorted(decided.alerts, key=lambda each: each.closed_at is None):
        before = conn.execute(select(alerts).where(alerts.c.id == alert.id)).first()
        values = {name: getattr(alert, name) for name in _ALERT}
        values |= {"severity": alert.severity.value, "endpoints": compact_sorted(list(alert.endpoints))}
        if before is None:
            conn.execute(insert(alerts).values(**values))
        else:
            conn.execute(update(alerts).where(alerts.c.id == alert.id).values(**values))
        _note(conn, alert, alert_of(before) if before is not None else None, now)
    _keep_told(conn, decided.told)
    for letter in decided.letters:
        conn.execute(insert(alert_letters).values(**_row(letter, now)))


def _row(letter: Letter, now: float) -> Mapping[str, Any]:
    return {
        "id": letter.id,
        "recipient": letter.recipient,
        "made_at": letter.made_at,
        "events": compact_sorted([asdict(event) for event in letter.events]),
        "still_open": letter.still_open,
        "tries": 1,
        "tried_at": now,
        "taken_at": None,
        "outcome": "",
    }


def _note(conn: Connection, alert: Alert, before: Alert | None, now: float) -> None:
    """Write into the journal what people may ask about later: that it opened, got worse, or is over."""
    was = before.state if before is not None else "pending"
    if alert.state == "open" and was == "pending":
        event = "alert.opened"
    elif alert.state == "over" and was != "over":
        event = "alert.over"
    elif before is not None and alert.level > before.level and was != "pending":
        event = "alert.worse"
    else:
        return
    entry = {"kind": alert.kind, "about": alert.about, "severity": alert.severity.value, "level": alert.level, "rule": alert.rule}
    journal.append(conn, f"alert:{alert.id}", event, at=now, actor="hub", entry=entry)


def _keep_told(conn: Connection, told: Iterable[Told]) -> None:
    for each in told:
        values = {
            "alert_id": each.alert_id,
            "recipient": each.recipient,
            "level": each.level,
            "told_at": each.told_at,
            "thread": each.thread,
            "ended": each.over,
        }
        _put(conn, alert_tellings, values, "alert_id", "recipient")


def _put(conn: Connection, table: Table, values: Mapping[str, Any], *key: str) -> None:
    """Insert a row, or change the one that has its key."""
    module = postgresql if conn.dialect.name == "postgresql" else sqlite
    rest = {name: value for name, value in values.items() if name not in key}
    conn.execute(module.insert(table).values(**values).on_conflict_do_update(index_elements=list(key), set_=rest))


# --- messages ----------------------------------------------------------------------------------------------------


def _open_letters(conn: Connection) -> list[Row[Any]]:
    return list(conn.execute(select(alert_letters).where(alert_letters.c.taken_at.is_(None)).order_by(alert_letters.c.made_at)))


def _is_due(row: Row[Any], posts: Mapping[str, Post], book: Book, now: float, lease_seconds: float) -> bool:
    """Say whether a message without result is to be taken up: who had it is given up, and its recipient is not waited for."""
    if all(each.name != row.recipient for each in book.recipients):
        return True
    failures = posts[row.recipient].failures if row.recipient in posts else 0
    return not waits(row.tried_at, max(lease_seconds, retry_seconds(max(row.tries, failures))), now)


def _take_again(conn: Connection, book: Book, now: float, lease_seconds: float) -> Iterable[Posting]:
    posts = {row.recipient: post_of(row) for row in conn.execute(select(alert_posts))}
    for row in _open_letters(conn):
        if not _is_due(row, posts, book, now, lease_seconds):
            continue
        if all(each.name != row.recipient for each in book.recipients):
            conn.execute(delete(alert_letters).where(alert_letters.c.id == row.id))
        elif row.tries >= MOST_TRIES:
            # It may have arrived as often: what is still open is reminded of.
            record_taken(conn, Posting(_letter(row), row.tries), now, outcome="unknown")
        else:
            conn.execute(update(alert_letters).where(alert_letters.c.id == row.id).values(tries=row.tries + 1, tried_at=now))
            yield Posting(_letter(row), row.tries + 1)


def record_taken(conn: Connection, posting: Posting, now: float, *, outcome: str = "taken") -> bool:
    """Write down that a recipient has a message; False where that is written already."""
    locks.wait(conn, LOCK)
    letter = posting.letter
    here = (alert_letters.c.id == letter.id) & alert_letters.c.taken_at.is_(None)
    if not conn.execute(update(alert_letters).where(here).values(taken_at=now, outcome=outcome)).rowcount:
        return False
    mine = alert_tellings.c.recipient == letter.recipient
    ids = [event.alert_id for event in letter.events]
    rows = conn.execute(select(alert_tellings).where(mine & alert_tellings.c.alert_id.in_(ids)))
    _keep_told(conn, after_telling(letter, {row.alert_id: _told(row) for row in rows}, now))
    before = _post(conn, letter.recipient)
    after = taken(before, letter, now)
    if outcome != "taken":
        after = replace(before, told_at=now, reminders=after.reminders)
    _put(conn, alert_posts, asdict(after), "recipient")
    entry = {"letter": letter.id, "outcome": outcome, "alerts": [[event.what.value, event.alert_id] for event in letter.events]}
    journal.append(conn, f"alerts:{letter.recipient}", "alert.told", at=now, actor="hub", entry=entry)
    return True


def record_untaken(conn: Connection, posting: Posting, error: HubError, now: float, *, may_have: bool) -> None:
    """Write down that a recipient could not be told; where it surely has no copy, the message is given up and made anew later."""
    locks.wait(conn, LOCK)
    after = failed(_post(conn, posting.letter.recipient), now, error.code, error.vi, error.en)
    _put(conn, alert_posts, asdict(after), "recipient")
    if may_have:
        return
    # Another process may have taken it up meanwhile: then this try says nothing about its copies.
    mine = (
        (alert_letters.c.id == posting.letter.id)
        & alert_letters.c.taken_at.is_(None)
        & (alert_letters.c.tries == posting.tries)
    )
    if posting.tries == 1:
        conn.execute(delete(alert_letters).where(mine))
    else:
        conn.execute(update(alert_letters).where(mine).values(tries=posting.tries - 1, tried_at=now))


def _post(conn: Connection, recipient: str) -> Post:
    row = conn.execute(select(alert_posts).where(alert_posts.c.recipient == recipient)).first()
    return post_of(row) if row is not None else Post(recipient=recipient)


# --- forgetting --------------------------------------------------------------------------------------------------


def _over_long(conn: Connection, book: Book, now: float, most: int) -> list[str]:
    """Find alerts that have been over for longer than they are kept."""
    old = select(alerts.c.id).where(alerts.c.closed_at < now - book.keep_seconds).order_by(alerts.c.closed_at).limit(most)
    return list(conn.execute(old).scalars())


def _forget(conn: Connection, book: Book, now: float) -> None:
    """Delete what has been over for longer than it is kept, some rows at a time; the journal keeps what happened."""
    ids = _over_long(conn, book, now, _FORGET)
    if not ids:
        return
    before = now - book.keep_seconds
    conn.execute(delete(alert_tellings).where(alert_tellings.c.alert_id.in_(ids)))
    conn.execute(delete(alerts).where(alerts.c.id.in_(ids)))
    taken_long_ago = (alert_letters.c.made_at < before) & alert_letters.c.taken_at.is_not(None)
    letters = select(alert_letters.c.id).where(taken_long_ago).limit(_FORGET)
    conn.execute(delete(alert_letters).where(alert_letters.c.id.in_(letters)))
    conn.execute(delete(alert_mutes).where(alert_mutes.c.until_at < before))


# --- operators ---------------------------------------------------------------------------------------------------


def mute(conn: Connection, alert_id: str, *, until: float, actor: str, why: str, now: float) -> None:
    """Tell nobody about an alert until a moment, also where it ends and comes back; a moment that is past ends that.

    Raises NotAllowed where there is no such alert, or where it is over.
    """
    row = conn.execute(select(alerts).where(alerts.c.id == alert_id)).first()
    if row is None or row.closed_at is not None:
        raise NotAllowed(
            f"alert {alert_id} is over, or there is none",
            f"cảnh báo {alert_id} đã hết hoặc không tồn tại",
            where=alert_id,
        )
    values = {"kind": row.kind, "about": row.about, "until_at": until, "at": now, "actor": actor, "why": why}
    _put(conn, alert_mutes, values, "kind", "about")
    entry = {"kind": row.kind, "about": row.about, "until": until, "why": why}
    event = "operator.alert_mute" if until > now else "operator.alert_unmute"
    journal.append(conn, f"alert:{alert_id}", event, at=now, actor=actor, entry=entry)


def note_test(conn: Connection, recipients: Iterable[str], *, actor: str, why: str, now: float) -> None:
    """Write down that messages are tried now."""
    for recipient in recipients:
        journal.append(conn, f"alerts:{recipient}", "operator.alert_test", at=now, actor=actor, entry={"why": why})


def forget_failures(conn: Connection, recipient: str) -> None:
    """Write down that a recipient can be told: what waits for it goes at the next look."""
    here = (alert_posts.c.recipient == recipient) & or_(alert_posts.c.failures > 0, alert_posts.c.tried_at.is_not(None))
    fine = {"failures": 0, "failing_since": None, "tried_at": None, "error_code": "", "error_vi": "", "error_en": ""}
    conn.execute(update(alert_posts).where(here).values(**fine))
