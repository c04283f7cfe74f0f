"""Alerts as people see them: what is wrong, since when, who was told, and how telling goes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger.working_tables import alert_letters, alert_mutes, alert_posts, alert_tellings, alerts
from hub.registers import names
from hub.registers.processes import any_at_work, processes
from hub.rules import alert_kinds
from hub.rules.alerts import Recipient, Severity, retry_seconds

#: Kind -> Vietnamese, English; and of severities and states.
KINDS: Mapping[str, tuple[str, str]] = {name: (kind.vi, kind.en) for name, kind in alert_kinds.KINDS.items()}
SEVERITIES, STATES, WHATS = alert_kinds.SEVERITIES, alert_kinds.STATES, alert_kinds.WHATS
#: Identifiers in one statement.
_AT_ONCE = 500
#: Alerts that are not over and can be looked at.
_MOST_OPEN = 2000
#: Role of the processes that look.
_DISPATCH = "dispatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted:
    """Nobody is told for a while."""

    until_at: float
    at: float
    actor: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRow:
    """What one recipient was told."""

    recipient: str
    #: None: it waits: quiet hours, another message right before, or the recipient cannot be reached.
    told_at: float | None
    #: The level that was told.
    level: int
    #: The end was told.
    over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert."""

    id: str
    kind: str
    #: Name of the rule that judged it.
    rule: str
    #: What it is about: an endpoint, a failure group, a place of the configuration, a plan, a host.
    about: str
    #: None: it is about the hub itself.
    endpoints: tuple[str, ...]
    #: notice, warning or critical.
    severity: str
    #: pending, open, clearing or over.
    state: str
    #: Grows when it gets worse.
    level: int
    vi: str
    en: str
    #: Page of the console; empty = none.
    page: str
    since_at: float
    opened_at: float | None
    #: Since when nothing is seen of it.
    clear_at: float | None
    closed_at: float | None
    muted: Muted | None
    told: tuple[ToldRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRow:
    """One recipient, and how telling it goes."""

    name: str
    #: email or webhook.
    how: str
    #: Nothing less bad is told.
    severity: str
    #: Hours in which only what is critical is told.
    quiet: tuple[str, ...]
    #: The last message that was taken.
    told_at: float | None
    #: Failures in a row, since when, the last one, and when it is tried again.
    failures: int
    failing_since_at: float | None
    error_code: str
    error_vi: str
    error_en: str
    again_at: float | None
    #: A message may have arrived or not: the same goes again.
    waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Everything about alerts."""

    alerts: tuple[Alert, ...]
    recipients: tuple[RecipientRow, ...]
    #: When a process that looks was seen last; None: never.
    looked_at: float | None
    #: True: nobody looks now.
    silent: bool


# --- alerts ------------------------------------------------------------------------------------------------------


def listing(
    conn: Connection, scope: frozenset[str] | None, now: float, *, over: bool = False, limit: int = 100
) -> tuple[Alert, ...]:
    """List alerts within a scope, the worst first; ``over``: those that are over instead, the last one first."""
    query = select(alerts)
    if over:
        query = query.where(alerts.c.closed_at.is_not(None)).order_by(alerts.c.closed_at.desc(), alerts.c.id)
    else:
        query = query.where(alerts.c.closed_at.is_(None)).order_by(alerts.c.since_at, alerts.c.id)
    seen = [row for row in conn.execute(query.limit(_MOST_OPEN)) if is_seen(_endpoints(row), scope)]
    if not over:
        seen.sort(key=lambda row: (row.opened_at is None, -Severity(row.severity).rank))
    return _alerts(conn, seen[:limit], now)


def find(conn: Connection, given: str, now: float) -> Alert:
    """Find an alert by its identifier, or the first characters of it; raise NotAllowed where there is none."""
    found = names.by_id(conn, alerts.c.id, given)
    if not found:
        raise NotAllowed(f"no alert {given!r}", f"không có cảnh báo {given!r}", where=given)
    return _alerts(conn, [conn.execute(select(alerts).where(alerts.c.id == found)).one()], now)[0]


def is_seen(endpoints: Sequence[str], scope: frozenset[str] | None) -> bool:
    """Say whether somebody with this scope sees an alert; what is about the hub itself only who sees everything."""
    return scope is None or any(name in scope for name in endpoints)


def _endpoints(row: Row[Any]) -> tuple[str, ...]:
    return tuple(json.loads(row.endpoints))


def _alerts(conn: Connection, rows: Sequence[Row[Any]], now: float) -> tuple[Alert, ...]:
    told = _told(conn, [row.id for row in rows])
    muted = conn.execute(select(alert_mutes).where(alert_mutes.c.until_at > now))
    mutes = {(row.kind, row.about): row for row in muted}
    return tuple(_alert(row, told.get(row.id, ()), mutes.get((row.kind, row.about))) for row in rows)


def _told(conn: Connection, ids: Sequence[str]) -> dict[str, tuple[ToldRow, ...]]:
    found: dict[str, tuple[ToldRow, ...]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        here = alert_tellings.c.alert_id.in_(ids[start : start + _AT_ONCE])
        for row in conn.execute(select(alert_tellings).where(here).order_by(alert_tellings.c.recipient)):
            told = ToldRow(recipient=row.recipient, told_at=row.told_at, level=row.level, over=bool(row.ended))
            found[row.alert_id] = (*found.get(row.alert_id, ()), told)
    return found


def _alert(row: Row[Any], told: tuple[ToldRow, ...], mute: Row[Any] | None) -> Alert:
    return Alert(
        id=row.id,
        kind=row.kind,
        rule=row.rule,
        about=row.about,
        endpoints=_endpoints(row),
        severity=row.severity,
        state=_state(row),
        level=row.level,
        vi=row.vi,
        en=row.en,
        page=row.page,
        since_at=row.since_at,
        opened_at=row.opened_at,
        clear_at=row.clear_at,
        closed_at=row.closed_at,
        muted=Muted(until_at=mute.until_at, at=mute.at, actor=mute.actor, why=mute.why) if mute is not None else None,
        told=told,
    )


def _state(row: Row[Any]) -> str:
    if row.closed_at is not None:
        return "over"
    if row.opened_at is None:
        return "pending"
    return "open" if row.clear_at is None else "clearing"


def open_count(conn: Connection, scope: frozenset[str] | None, now: float) -> dict[str, int]:
    """Count by severity what is open and not muted within a scope."""
    muted = {(row.kind, row.about) for row in conn.execute(select(alert_mutes).where(alert_mutes.c.until_at > now))}
    counts = {severity.value: 0 for severity in Severity}
    there = alerts.c.closed_at.is_(None) & alerts.c.opened_at.is_not(None)
    for row in conn.execute(select(alerts).where(there)):
        if (row.kind, row.about) not in muted and is_seen(_endpoints(row), scope):
            counts[row.severity] += 1
    return counts


def by_severity(conn: Connection) -> dict[str, int]:
    """Count by severity what is open, for the metrics."""
    there = alerts.c.closed_at.is_(None) & alerts.c.opened_at.is_not(None)
    counted = select(alerts.c.severity, func.count().label("number")).where(there).group_by(alerts.c.severity)
    return {severity.value: 0 for severity in Severity} | {row.severity: row.number for row in conn.execute(counted)}


# --- telling -----------------------------------------------------------------------------------------------------


def recipients(conn: Connection, configured: Iterable[Recipient]) -> tuple[RecipientRow, ...]:
    """Say of each recipient how telling goes."""
    posts = {row.recipient: row for row in conn.execute(select(alert_posts))}
    waiting = set(conn.execute(select(alert_letters.c.recipient).where(alert_letters.c.taken_at.is_(None))).scalars())
    return tuple(_recipient(each, posts.get(each.name), each.name in waiting) for each in configured)


def _recipient(each: Recipient, post: Row[Any] | None, waiting: bool) -> RecipientRow:
    failing = post is not None and post.failures > 0
    return RecipientRow(
        name=each.name,
        how=each.how,
        severity=each.least.value,
        quiet=each.hours,
        told_at=post.told_at if post is not None else None,
        failures=post.failures if post is not None else 0,
        failing_since_at=post.failing_since if post is not None else None,
        error_code=post.error_code if post is not None else "",
        error_vi=post.error_vi if post is not None else "",
        error_en=post.error_en if post is not None else "",
        again_at=post.tried_at + retry_seconds(post.failures) if failing and post is not None else None,
        waiting=waiting,
    )


def watched(conn: Connection, now: float) -> tuple[float | None, bool]:
    """Say when a process that looks was seen last, and whether none is there now."""
    found = [each for each in processes(conn, now) if _DISPATCH in each.roles]
    return max((each.seen_at for each in found), default=None), not any_at_work(found)
