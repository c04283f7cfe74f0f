"""Verbs of dispatch: which deliveries may go on the bus now, and what lapsed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection, func, select, update
from sqlalchemy.engine import Row

from hub.ledger import journal, payloads
from hub.ledger.tables import deliveries, endpoint_states
from hub.ledger.values import Budget, Due
from hub.rules.lifecycle import IN_WORK, State, next_state

#: After so many failures in a row to reach a partner, its breaker opens and one probe at a time is let through.
BREAKER_FAILURES = 5

#: (endpoint, service, variant) -> (ask | resend | park, seconds to wait before).
DoubtPolicy = Callable[[str, str, str], tuple[str, float]]


def lapse(conn: Connection, now: float, doubt: DoubtPolicy) -> int:
    """Take back what a worker held past its lease: before SENDING to PENDING, from SENDING into doubt."""
    rows = conn.execute(
        select(deliveries)
        .where(deliveries.c.state.in_([state.value for state in IN_WORK]) & (deliveries.c.lease_until < now))
        .with_for_update(skip_locked=True)
    ).fetchall()
    for row in rows:
        _lapse_one(conn, row, now, doubt)
    return len(rows)


def _lapse_one(conn: Connection, row: Row[tuple[object, ...]], now: float, doubt: DoubtPolicy) -> None:
    state = next_state(State(row.state), "lapse")
    values: dict[str, object] = {"state": state.value, "lease_until": 0.0, "due_at": now, "updated_at": now}
    if state is State.IN_DOUBT:
        policy, wait = doubt(row.endpoint, row.service, row.variant)
        values |= {"doubt": policy, "due_at": now + wait, "error_code": "in_doubt", "error_where": row.service}
        values |= {
            "error_en": "the worker stopped while sending; the partner may have the message",
            "error_vi": "tiến trình gửi bị dừng giữa chừng; đối tác có thể đã nhận thông điệp",
        }
    conn.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
    journal.append(
        conn,
        row.subject,
        "delivery.lapsed",
        at=now,
        actor="hub",
        entry={"delivery": row.id, "epoch": row.epoch, "state": state.value},
    )


def queue(conn: Connection, now: float, budgets: Iterable[Budget]) -> list[Due]:
    """Mark deliveries whose turn has come as QUEUED, each with a new epoch and a lease; give them for the bus.

    At most four times an endpoint's concurrency is in work at once: the backlog stays in the ledger.
    """
    working = _in_work(conn)
    blocked, probing = _restrained(conn, now)
    due: list[Due] = []
    for budget in budgets:
        if budget.endpoint in blocked:
            continue
        most = 1 if budget.endpoint in probing else 4 * budget.concurrency
        room = most - working.get(budget.endpoint, 0)
        if room > 0:
            due.extend(_queue_one(conn, row, now, budget) for row in _next_due(conn, budget.endpoint, now, room))
    return due


def _in_work(conn: Connection) -> dict[str, int]:
    rows = conn.execute(
        select(deliveries.c.endpoint, func.count())
        .where(deliveries.c.state.in_([state.value for state in IN_WORK]))
        .group_by(deliveries.c.endpoint)
    )
    return {endpoint: count for endpoint, count in rows}


def _restrained(conn: Connection, now: float) -> tuple[set[str], set[str]]:
    """Give the endpoints that are paused or left alone by their breaker, and those that get one probe at a time."""
    blocked, probing = set(), set()
    for row in conn.execute(select(endpoint_states)):
        if row.paused or row.open_until > now:
            blocked.add(row.endpoint)
        elif row.failures >= BREAKER_FAILURES:
            probing.add(row.endpoint)
    return blocked, probing


#: Sought one state at a time, so that the index (endpoint, state, due_at) gives the rows in order.
_SOUGHT = (State.PENDING, State.WAITING, State.IN_DOUBT)


def _next_due(conn: Connection, endpoint: str, now: float, room: int) -> list[Row[tuple[object, ...]]]:
    found: list[Row[tuple[object, ...]]] = []
    for state in _SOUGHT:
        query = (
            select(deliveries)
            .where((deliveries.c.endpoint == endpoint) & (deliveries.c.state == state.value))
            .where(deliveries.c.due_at <= now)
            .order_by(deliveries.c.due_at, deliveries.c.place)
            .limit(room - len(found))
            .with_for_update(skip_locked=True)
        )
        if state is State.IN_DOUBT:
            query = query.where(deliveries.c.doubt.in_(["ask", "resend"]))
        found.extend(conn.execute(query))
        if len(found) >= room:
            break
    return found


def _queue_one(conn: Connection, row: Row[tuple[object, ...]], now: float, budget: Budget) -> Due:
    epoch = row.epoch + 1
    lease = now + budget.lease_seconds
    values: dict[str, object] = {"epoch": epoch, "lease_until": lease, "updated_at": now}
    purpose = "deliver"
    if row.state == State.IN_DOUBT.value and row.doubt == "ask":
        # Asking changes nothing at the partner: the delivery stays in doubt, and is asked again when this lapses.
        purpose, values["due_at"] = "inquire", lease
    else:
        values["state"] = _towards_queue(State(row.state)).value
    conn.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
    body = payloads.get(conn, row.canonical_digest) or b""
    return Due(id=row.id, endpoint=row.endpoint, epoch=epoch, purpose=purpose, canonical=body)


def _towards_queue(state: State) -> State:
    if state is State.WAITING:
        state = next_state(state, "due")
    elif state is State.IN_DOUBT:
        state = next_state(state, "resend_safe")
    return next_state(state, "queue")


def unqueue(conn: Connection, refused: Iterable[Due], now: float) -> None:
    """Take back what the bus did not take (nack, or returned because a queue is gone)."""
    for due in refused:
        here = (deliveries.c.id == due.id) & (deliveries.c.epoch == due.epoch)
        conn.execute(
            update(deliveries)
            .where(here & (deliveries.c.state == State.QUEUED.value))
            .values(state=next_state(State.QUEUED, "lapse").value, lease_until=0.0, due_at=now, updated_at=now)
        )
        conn.execute(update(deliveries).where(here & (deliveries.c.state == State.IN_DOUBT.value)).values(due_at=now))


def recall_all(conn: Connection, now: float, doubt: DoubtPolicy) -> int:
    """Take back everything in work: an embedded bus lives in one process, and that process has just started."""
    conn.execute(
        update(deliveries)
        .where(deliveries.c.state.in_([state.value for state in IN_WORK]))
        .values(lease_until=now - 1)
    )
    return lapse(conn, now, doubt)
