"""How partners are doing: what was delivered and failed of late, backlog, breaker, what was last heard of them.

The message's way pays nothing for it: the newest deliveries of a partner are found by the index that dispatch uses anyway,
state by state, so many of each; what is said of rates and times is said of these, and from when on they are all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select, union_all
from sqlalchemy.engine import Row

from hub.ledger.dispatch_verbs import BREAKER_FAILURES
from hub.ledger.tables import attempts, deliveries, endpoint_states, messages, notices
from hub.ledger.values import URGENT, USUAL
from hub.registers import partners
from hub.rules.lifecycle import State

#: So many of the newest deliveries in each state are looked at for one partner, and for each in the list of all.
SAMPLE, SMALL_SAMPLE = 500, 100
HOUR, DAY = 3600.0, 86_400.0
#: So many of the newest notices are looked at.
NOTICES = 1000
#: So many of the newest messages are looked at for signers.
SIGNERS = 200
#: Outcomes of an attempt (hub.registers.words.OUTCOMES): the partner has it, or not; the others are not known yet.
WENT_WELL = frozenset({"delivered", "found"})
#: States that a delivery can be found in after an attempt.
_TRIED = (
    State.DELIVERED, State.ACKNOWLEDGED, State.REFUSED_LATE, State.WAITING, State.PARKED, State.IN_DOUBT, State.PENDING,
    State.ABANDONED,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Attempts of one partner that ended since a moment."""

    since_at: float
    attempts: int = 0
    delivered: int = 0
    #: Of each hundred attempts; None where there were none.
    success_percent: float | None = None
    #: How long attempts took that were delivered: half of them, and 95 of 100, not longer.
    p50_ms: int | None = None
    p95_ms: int | None = None
    #: False: only some of the attempts, those that are newer than ``since_at``.
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFailure:
    """The last attempt that did not go well."""

    at: float
    delivery: str
    #: wait, park, doubt, rewrite, …
    outcome: str
    error_code: str
    partner_code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The last message that came from a partner."""

    at: float
    message: str
    accepted: bool
    error_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one partner is doing, as the ledger knows it."""

    endpoint: str
    stand: partners.Stand
    last_success_at: float | None = None
    last_failure: LastFailure | None = None
    hour: Figures
    day: Figures
    paused: bool = False
    #: Who paused or resumed it last, and why.
    paused_by: str = ""
    paused_why: str = ""
    #: closed (all is well), half_open (one probe at a time), open (left alone).
    breaker: str = "closed"
    #: Failures in a row to reach it.
    failures: int = 0
    open_until_at: float | None = None
    #: State -> number of deliveries that are not done.
    backlog: Mapping[str, int] = field(default_factory=dict)
    #: Since when the delivery is due that waits longest to be sent.
    oldest_due_at: float | None = None
    heard: Heard | None = None
    #: Notices that it has not taken, of the newest 1000.
    notices_not_taken: int = 0


def health(conn: Connection, endpoint: str, now: float, *, sample: int = SAMPLE) -> Health:
    """Look at one partner."""
    return _health(conn, endpoint, now, sample, partners.standing(conn, endpoint))


def all_health(conn: Connection, endpoints: Iterable[str], now: float) -> tuple[Health, ...]:
    """Look at some partners, with fewer deliveries of each."""
    stands = partners.all_standings(conn)
    return tuple(_health(conn, name, now, SMALL_SAMPLE, stands.get(name, partners.Stand())) for name in endpoints)


def _health(conn: Connection, endpoint: str, now: float, sample: int, stand: partners.Stand) -> Health:
    tried, known_since = _tried(conn, endpoint, sample)
    return Health(
        endpoint=endpoint,
        stand=stand,
        last_success_at=max((each.ended_at for each in tried if each.outcome in WENT_WELL), default=None),
        last_failure=_last_failure(tried),
        hour=_figures(tried, now - HOUR, known_since),
        day=_figures(tried, now - DAY, known_since),
        backlog=partners.left(conn, endpoint),
        oldest_due_at=_oldest_due(conn, endpoint, now),
        heard=_heard(conn, endpoint),
        notices_not_taken=_notices(conn, endpoint),
        **_switched(conn, endpoint, now),
    )


# --- attempts ----------------------------------------------------------------------------------------------------


def _tried(conn: Connection, endpoint: str, sample: int) -> tuple[list[Row[Any]], float]:
    """Give the newest attempts that ended, and from when on these are all."""
    found, known_since = _newest(conn, endpoint, sample)
    rows: list[Row[Any]] = []
    for start in range(0, len(found), 500):
        some = found[start : start + 500]
        query = select(attempts).where(attempts.c.delivery_id.in_(some) & attempts.c.ended_at.is_not(None))
        rows.extend(conn.execute(query))
    return rows, known_since


def _newest(conn: Connection, endpoint: str, sample: int) -> tuple[list[str], float]:
    """Find the deliveries that became due last, by the index of dispatch; what is left out became due earlier."""
    parts = [_newest_in(endpoint, state, priority, sample) for state in _TRIED for priority in (URGENT, USUAL)]
    rows = conn.execute(union_all(*parts)).fetchall()
    known_since = 0.0
    kinds: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        kinds.setdefault((row.state, row.priority), []).append(row.due_at)
    for dues in kinds.values():
        if len(dues) == sample:
            known_since = max(known_since, min(dues))
    return [row.id for row in rows if row.attempts], known_since


def _newest_in(endpoint: str, state: State, priority: int, sample: int) -> Any:
    newest = (
        select(deliveries.c.id, deliveries.c.state, deliveries.c.priority, deliveries.c.due_at, deliveries.c.attempts)
        .where((deliveries.c.endpoint == endpoint) & (deliveries.c.state == state.value))
        .where(deliveries.c.priority == priority)
        .order_by(deliveries.c.due_at.desc())
        .limit(sample)
    )
    return select(newest.subquery())


def _figures(tried: Sequence[Row[Any]], since: float, known_since: float) -> Figures:
    since_at = max(since, known_since)
    ended = [each for each in tried if each.ended_at >= since_at]
    good = [each for each in ended if each.outcome in WENT_WELL]
    times = sorted(each.ended_at - each.started_at for each in ended if each.outcome == "delivered")
    return Figures(
        since_at=since_at,
        attempts=len(ended),
        delivered=len(good),
        success_percent=round(100 * len(good) / len(ended), 1) if ended else None,
        p50_ms=_percentile(times, 50),
        p95_ms=_percentile(times, 95),
        whole=known_since <= since,
    )


def _percentile(ordered: Sequence[float], percent: int) -> int | None:
    """Give the time that so many of a hundred did not exceed, in milliseconds (nearest rank)."""
    if not ordered:
        return None
    rank = -(-len(ordered) * percent // 100)
    return round(1000 * ordered[max(rank, 1) - 1])


def _last_failure(tried: Sequence[Row[Any]]) -> LastFailure | None:
    failed = [each for each in tried if each.outcome not in WENT_WELL]
    if not failed:
        return None
    last = max(failed, key=lambda each: float(each.ended_at))
    return LastFailure(
        at=last.ended_at,
        delivery=last.delivery_id,
        outcome=last.outcome,
        error_code=last.error_code,
        partner_code=last.partner_code,
        text=last.text,
    )


# --- the rest ----------------------------------------------------------------------------------------------------


def _switched(conn: Connection, endpoint: str, now: float) -> dict[str, Any]:
    row = conn.execute(select(endpoint_states).where(endpoint_states.c.endpoint == endpoint)).first()
    if row is None:
        return {}
    is_open = row.open_until > now
    half = not is_open and row.failures >= BREAKER_FAILURES
    return {
        "paused": bool(row.paused),
        "paused_by": row.actor,
        "paused_why": row.why,
        "breaker": "open" if is_open else "half_open" if half else "closed",
        "failures": row.failures,
        "open_until_at": row.open_until if is_open else None,
    }


def _oldest_due(conn: Connection, endpoint: str, now: float) -> float | None:
    """Find what waits longest of what could go now, by the index of dispatch."""
    parts = [
        select(func.min(deliveries.c.due_at).label("due_at"))
        .where((deliveries.c.endpoint == endpoint) & (deliveries.c.state == state.value))
        .where(deliveries.c.priority == priority)
        for state in (State.PENDING, State.WAITING)
        for priority in (URGENT, USUAL)
    ]
    found = [row.due_at for row in conn.execute(union_all(*parts)) if row.due_at is not None and row.due_at <= now]
    return min(found, default=None)


def _heard(conn: Connection, endpoint: str) -> Heard | None:
    query = select(messages.c.received_at, messages.c.id, messages.c.accepted, messages.c.error_code)
    row = conn.execute(query.where(messages.c.endpoint == endpoint).order_by(messages.c.received_at.desc()).limit(1)).first()
    if row is None:
        return None
    return Heard(at=row.received_at, message=row.id, accepted=bool(row.accepted), error_code=row.error_code)


def _notices(conn: Connection, endpoint: str) -> int:
    """Count what is not taken among the newest: a sender takes them in their order."""
    newest = select(notices.c.taken_at).where(notices.c.endpoint == endpoint).order_by(notices.c.seq.desc()).limit(NOTICES)
    row = newest.subquery()
    return int(conn.execute(select(func.count()).select_from(row).where(row.c.taken_at.is_(None))).scalar_one())


def signer_digests(conn: Connection, endpoint: str) -> list[str]:
    """List the certificates with which a partner signed its newest messages, by digest."""
    newest = (
        select(messages.c.certificate_digest)
        .where((messages.c.endpoint == endpoint) & messages.c.accepted)
        .order_by(messages.c.received_at.desc())
        .limit(SIGNERS)
        .subquery()
    )
    query = select(newest.c.certificate_digest).where(newest.c.certificate_digest != "").distinct()
    return sorted(conn.execute(query).scalars())
