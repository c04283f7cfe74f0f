"""What flows through the hub, hour by hour and partner by partner, and what stands: the figures of the front page.

Hours that are over are counted once and kept (``count``, ``missing``), on indexes; the running one, and the one before it until
it is kept, are counted when they are asked for, up to a bound. No page reads all messages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, func, select

from hub.ledger.flow_verbs import Counted
from hub.ledger.tables import deliveries, endpoint_states, messages
from hub.ledger.values import URGENT, USUAL
from hub.ledger.working_tables import flow_counted, flow_hours
from hub.registers import measures, processes, seals
from hub.registers.measures import CLOSED, HALF_OPEN, Measures
from hub.registers.processes import Process
from hub.registers.scopes import Scope
from hub.registers.seals import SealMeasures
from hub.rules.lifecycle import State

HOUR_SECONDS = 3600.0
#: What was begun in an hour has surely been committed so long after its end.
SETTLED_SECONDS = 120.0
#: Of an hour that is not kept, so many messages and so many deliveries are counted; then it says "at least".
MOST = 100_000
#: What is due and has not been put on the bus after so long waits for a dispatcher, and not for its turn.
LATE_SECONDS = 30.0
#: When a delivery reached these, the partner had it at ``due_at``.
_ARRIVED = (State.DELIVERED, State.ACKNOWLEDGED, State.REFUSED_LATE)
_GIVEN_UP = (State.ABANDONED,)
_PRIORITIES = (URGENT, USUAL)
_ON_THE_WAY = (State.PENDING, State.QUEUED, State.CLAIMED, State.SENDING)
_STANDING = ("parked", "in_doubt", "waiting", "held", "on_the_way")
_BREAKERS = {CLOSED: "closed", HALF_OPEN: "half_open"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Numbers hour by hour; None where an hour is not counted yet."""

    accepted: tuple[int | None, ...]
    refused: tuple[int | None, ...]
    delivered: tuple[int | None, ...]
    #: The running hour has more than was counted.
    at_least: bool = False
    accepted_sum: int = field(init=False)
    refused_sum: int = field(init=False)
    delivered_sum: int = field(init=False)

    def __post_init__(self) -> None:
        for name in ("accepted", "refused", "delivered"):
            object.__setattr__(self, f"{name}_sum", sum(each or 0 for each in getattr(self, name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """One endpoint: what flows, and what stands there."""

    endpoint: str
    title: str
    flow: Flow
    #: State -> deliveries in it that are not done.
    standing: Mapping[str, int]
    parked: int
    in_doubt: int
    waiting: int
    held: int
    on_the_way: int
    #: Since when the oldest is due whose turn has come; None where none is.
    oldest_due_at: float | None
    oldest_due_seconds: float
    #: ``closed``, ``half_open`` or ``open``.
    breaker: str
    paused: bool
    paused_why: str = ""
    paused_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The front page's figures."""

    at: float
    #: Beginnings of the hours, the oldest first; the last one is running.
    hours: tuple[float, ...]
    total: Flow
    partners: tuple[Partner, ...]
    parked: int
    in_doubt: int
    waiting: int
    held: int
    on_the_way: int
    oldest_due_seconds: float
    sealer: SealMeasures
    #: For how long something is due that nobody puts on the bus, though nothing speaks against it; 0: somebody dispatches.
    dispatch_late_seconds: float
    #: Hours that are over and not counted yet.
    uncounted_hours: int
    #: Processes of the hub, the one that was at work last first.
    processes: tuple[Process, ...]
    #: Any of them is at work; else nothing is sent or replayed.
    running: bool


def hour_of(moment: float) -> int:
    """Give the hour since 1970 UTC in which a moment lies."""
    return int(moment // HOUR_SECONDS)


# --- counting ----------------------------------------------------------------------------------------------------


def missing(conn: Connection, now: float, hours: int) -> list[int]:
    """Name the hours of so many before this one that are over and not counted yet, the newest first."""
    last = hour_of(now - SETTLED_SECONDS) - 1
    first = hour_of(now) - hours
    done = select(flow_counted.c.hour).where((flow_counted.c.hour >= first) & (flow_counted.c.hour <= last))
    known = set(conn.execute(done).scalars())
    return [hour for hour in range(last, first - 1, -1) if hour not in known]


def endpoints(conn: Connection, configured: Collection[str]) -> frozenset[str]:
    """Name every endpoint that gives or gets, or ever got something."""
    return frozenset({*configured, *conn.execute(measures.ever()).scalars()} - {None})


def count(conn: Connection, hour: int, names: Collection[str]) -> tuple[Counted, ...]:
    """Count what came and went in one hour, all of it."""
    return _rows(conn, hour, names, most=None)


def _rows(conn: Connection, hour: int, names: Collection[str], most: int | None) -> tuple[Counted, ...]:
    begin, end = hour * HOUR_SECONDS, (hour + 1) * HOUR_SECONDS
    listed = sorted(names)
    received = _by_endpoint(conn, _received(begin, end).where(messages.c.endpoint.in_(listed)), most)
    refused = _by_endpoint(conn, _received(begin, end).where(messages.c.accepted.is_(False)), most)
    delivered = _by_endpoint(conn, _ended(begin, end, _ARRIVED).where(deliveries.c.endpoint.in_(listed)), most)
    abandoned = _by_endpoint(conn, _ended(begin, end, _GIVEN_UP).where(deliveries.c.endpoint.in_(listed)), most)
    return tuple(
        Counted(
            endpoint=name,
            accepted=max(0, received.get(name, 0) - refused.get(name, 0)),
            refused=refused.get(name, 0),
            delivered=delivered.get(name, 0),
            abandoned=abandoned.get(name, 0),
        )
        for name in sorted({*received, *delivered, *abandoned} & set(listed))
    )


def _received(begin: float, end: float) -> Select[tuple[str]]:
    """Ask for the endpoints of an hour's messages; with the endpoints named one by one, an index alone answers."""
    return select(messages.c.endpoint).where((messages.c.received_at >= begin) & (messages.c.received_at < end))


def _ended(begin: float, end: float, states: Iterable[State]) -> Select[tuple[str]]:
    """Ask for the endpoints of the deliveries that ended so, in the ranges of the index (endpoint, state, priority, due_at)."""
    here = (deliveries.c.due_at >= begin) & (deliveries.c.due_at < end) & deliveries.c.priority.in_(_PRIORITIES)
    return select(deliveries.c.endpoint).where(here & deliveries.c.state.in_([state.value for state in states]))


def _by_endpoint(conn: Connection, rows: Select[tuple[str]], most: int | None) -> dict[str, int]:
    """Count rows by endpoint, up to a bound."""
    some = (rows.limit(most) if most else rows).subquery()
    query = select(some.c.endpoint, func.count().label("number")).group_by(some.c.endpoint)
    return {row.endpoint: row.number for row in conn.execute(query)}


# --- the front page ----------------------------------------------------------------------------------------------


def status(
    conn: Connection, titles: Mapping[str, str], *, hours: int, scope: Scope, now: float, open_now: Collection[str]
) -> Status:
    """Give the figures; ``titles``: of the endpoints that are configured; ``open_now``: those that dispatch may send to."""
    everywhere = endpoints(conn, titles)
    names = sorted(everywhere if scope is None else everywhere & scope)
    this = hour_of(now)
    span = range(this - hours + 1, this + 1)
    kept = _kept(conn, span, scope)
    counted = set(conn.execute(select(flow_counted.c.hour).where(flow_counted.c.hour >= span[0])).scalars())
    live = {hour: _rows(conn, hour, names, MOST) for hour in (this - 1, this) if hour == this or hour not in counted}
    for hour, rows in live.items():
        for row in rows:
            kept.setdefault(row.endpoint, {})[hour] = row
    full = any(_is_full(rows) for rows in live.values())
    known = counted | live.keys()
    flows = {name: _flow(span, known, kept.get(name, {}), full) for name in names}
    found = measures.measure(conn, names, now)
    partners = [_partner(conn, name, titles.get(name, name), flows[name], found, now) for name in names]
    partners.sort(key=_weight)
    sums = {name: sum(getattr(each, name) for each in partners) for name in _STANDING}
    known_processes = processes.processes(conn, now)
    return Status(
        at=now,
        hours=tuple(hour * HOUR_SECONDS for hour in span),
        total=_total([each.flow for each in partners], span, known),
        partners=tuple(partners),
        **sums,
        oldest_due_seconds=max((each.oldest_due_seconds for each in partners), default=0.0),
        sealer=seals.measure(conn, now),
        dispatch_late_seconds=_dispatch_late(conn, [each for each in partners if each.endpoint in open_now], now),
        uncounted_hours=len([hour for hour in span if hour not in known]),
        processes=known_processes,
        running=processes.any_at_work(known_processes),
    )


def _kept(conn: Connection, span: Sequence[int], scope: Scope) -> dict[str, dict[int, Any]]:
    query = select(flow_hours).where((flow_hours.c.hour >= span[0]) & (flow_hours.c.hour <= span[-1]))
    if scope is not None:
        query = query.where(flow_hours.c.endpoint.in_(sorted(scope)))
    found: dict[str, dict[int, Any]] = {}
    for row in conn.execute(query):
        found.setdefault(row.endpoint, {})[row.hour] = row
    return found


def _is_full(rows: Collection[Counted]) -> bool:
    """Say whether there may be more in an hour than was counted."""
    received, delivered = (sum(each.accepted + each.refused for each in rows), sum(each.delivered for each in rows))
    return max(received, delivered) >= MOST


def _flow(span: Sequence[int], known: Collection[int], kept: Mapping[int, Any], full: bool) -> Flow:
    numbers = {
        name: tuple(None if hour not in known else int(getattr(kept[hour], name)) if hour in kept else 0 for hour in span)
        for name in ("accepted", "refused", "delivered")
    }
    return Flow(**numbers, at_least=full)


def _total(flows: Sequence[Flow], span: Sequence[int], known: Collection[int]) -> Flow:
    numbers = {
        name: tuple(
            None if hour not in known else sum(getattr(each, name)[place] or 0 for each in flows)
            for place, hour in enumerate(span)
        )
        for name in ("accepted", "refused", "delivered")
    }
    return Flow(**numbers, at_least=any(each.at_least for each in flows))


def _partner(conn: Connection, name: str, title: str, flow: Flow, found: Measures, now: float) -> Partner:
    standing = {state: number for (endpoint, state), number in found.not_done.items() if endpoint == name}
    late = found.oldest_due.get(name, 0.0)
    paused = found.paused.get(name, False)
    said = conn.execute(select(endpoint_states).where(endpoint_states.c.endpoint == name)).first() if paused else None
    return Partner(
        endpoint=name,
        title=title,
        flow=flow,
        standing=standing,
        parked=standing.get(State.PARKED.value, 0),
        in_doubt=standing.get(State.IN_DOUBT.value, 0),
        waiting=standing.get(State.WAITING.value, 0),
        held=standing.get(State.HELD.value, 0),
        on_the_way=sum(standing.get(state.value, 0) for state in _ON_THE_WAY),
        oldest_due_at=now - late if late else None,
        oldest_due_seconds=late,
        breaker=_BREAKERS.get(found.breakers.get(name, CLOSED), "open"),
        paused=paused,
        paused_why=said.why if said else "",
        paused_by=said.actor if said else "",
    )


def _weight(partner: Partner) -> tuple[Any, ...]:
    """Say what stands first: what somebody must look at, then what is busy."""
    troubled = partner.paused or partner.breaker != "closed"
    busy = partner.flow.accepted_sum + partner.flow.refused_sum + partner.flow.delivered_sum
    return (-(partner.parked + partner.in_doubt), not troubled, -partner.oldest_due_seconds, -busy, partner.endpoint)


def _dispatch_late(conn: Connection, partners: Sequence[Partner], now: float) -> float:
    """Look for what is due at a partner that may be sent to, with nothing of it on the bus."""
    late = 0.0
    for each in partners:
        at_work = any(each.standing.get(state.value) for state in (State.QUEUED, State.CLAIMED, State.SENDING))
        if each.paused or each.breaker != "closed" or at_work or not each.standing.get(State.PENDING.value):
            continue
        due = select(func.min(deliveries.c.due_at)).where(
            (deliveries.c.endpoint == each.endpoint) & (deliveries.c.state == State.PENDING.value)
        )
        first = conn.execute(due).scalar()
        late = max(late, now - first) if first is not None else late
    return late if late > LATE_SECONDS else 0.0
