"""Verbs of dispatch: which deliveries may go on the bus now, and what lapsed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, select, union_all, update
from sqlalchemy.engine import Row

from hub.ledger import finishing, journal, locks, parking, trials
from hub.ledger.for_each import for_each
from hub.ledger.sql import Statement, fixed, insert_new
from hub.ledger.tables import deliveries, endpoint_states
from hub.ledger.trials import TRIAL
from hub.ledger.values import Budget, Lapsed, Queueing
from hub.ledger.working_tables import standings
from hub.ledger.works import Commit, Work
from hub.rules import pace
from hub.rules.lifecycle import IN_WORK, State, next_state
from hub.rules.queued import Due

_AT_WORK = fixed(sorted(state.value for state in IN_WORK))
_LAPSED = Statement(
    select(deliveries)
    .where(deliveries.c.state.in_(_AT_WORK) & (deliveries.c.lease_until < bindparam("now")))
    .with_for_update(skip_locked=True)
)
#: A delivery in doubt has a lease while the partner is being asked about it.
_ASKING = deliveries.c.state.in_(fixed((State.IN_DOUBT.value,))) & (deliveries.c.lease_until >= bindparam("now"))
#: Two readings of one index: of an OR, PostgreSQL reads all there is where it may build no bitmap (hub.ledger.postgresql).
_WORK = union_all(*(select(deliveries.c.endpoint).where(here) for here in (deliveries.c.state.in_(_AT_WORK), _ASKING))).subquery()
_COUNT_WORK = Statement(select(_WORK.c.endpoint, func.count()).group_by(_WORK.c.endpoint))
#: A partner of whose standing the ledger says something has a row here, too.
_STATES = Statement(
    select(endpoint_states, standings.c.standing).outerjoin(standings, standings.c.endpoint == endpoint_states.c.endpoint)
)
_NEW_STATE = insert_new(endpoint_states, "endpoint")
_PACE = Statement(
    update(endpoint_states)
    .where(endpoint_states.c.endpoint == bindparam("at_endpoint"))
    .values(paced_until=bindparam("until"))
)
_DUE = (
    select(deliveries)
    .where((deliveries.c.endpoint == bindparam("at_endpoint")) & (deliveries.c.state == bindparam("in_state")))
    .where(deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.priority, deliveries.c.due_at, deliveries.c.place)
    .limit(bindparam("room"))
    .with_for_update(skip_locked=True)
)
#: Sought one state at a time, so that the index (endpoint, state, priority, due_at) gives the rows in order.
_SOUGHT = {
    State.PENDING: Statement(_DUE),
    State.WAITING: Statement(_DUE),
    State.IN_DOUBT: Statement(_DUE.where(deliveries.c.doubt.in_(fixed(("ask", "resend"))))),
}
#: At a partner whose place another one takes: only what it may have, or has a part of; the rest is moved.
_LEFT = Statement(_DUE.where(finishing.STAYS))
_SOUGHT_LEAVING = _SOUGHT | {State.PENDING: _LEFT, State.WAITING: _LEFT}
_MARKED = ("state", "epoch", "lease_until", "due_at", "inquiries", "updated_at")
_MARK_EACH = for_each(
    lambda given: update(deliveries)
    .where(deliveries.c.id == given.delivery)
    .values({name: getattr(given, f"new_{name}") for name in _MARKED}),
    delivery=Text,
    **{f"new_{name}": deliveries.c[name].type for name in _MARKED},
)

_STOP_ASKING = Statement(
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery"))
    .values(doubt="park", error_en=bindparam("en"), error_vi=bindparam("vi"), updated_at=bindparam("now"))
)

#: A claim that ends without a result so many times in a row is poison: it kills workers.
FRUITLESS_LIMIT = 5
#: Stands in ``doubt`` while a delivery lies where its partner fetches it: no worker is at it, and none has stopped.
AWAITED = "awaited"
#: After so many failures in a row to reach a partner, its breaker opens and one probe at a time is let through.
BREAKER_FAILURES = 5

#: (endpoint, service, variant) -> (ask | resend | park, seconds to wait before).
DoubtPolicy = Callable[[str, str, str], tuple[str, float]]

_STOPPED = {
    "error_en": "the worker stopped while sending; the partner may have the message",
    "error_vi": "tiến trình gửi bị dừng giữa chừng; đối tác có thể đã nhận thông điệp",
}
_NOT_SETTLED = {
    "error_en": "the partner did not say in time whether it took the message that lies ready for it",
    "error_vi": "quá thời hạn mà đối tác chưa xác nhận thông điệp đã đặt sẵn để lấy",
}


def lapse(conn: Connection, now: float, doubt: DoubtPolicy) -> list[Lapsed]:
    """Take back what a worker held past its lease: before SENDING to PENDING, from SENDING into doubt."""
    return [_lapse_one(conn, row, now, doubt) for row in _LAPSED.run(conn, now=now)]


def _lapse_one(conn: Connection, row: Row[tuple[object, ...]], now: float, doubt: DoubtPolicy) -> Lapsed:
    state = next_state(State(row.state), "lapse")
    values: dict[str, object] = {"state": state.value, "lease_until": 0.0, "updated_at": now}
    if row.state != State.QUEUED.value:
        # What a worker has held goes behind the others. What none has taken is due since it was, and so rings the alarm.
        values["due_at"] = now
    if state is State.IN_DOUBT:
        policy, wait = doubt(row.endpoint, row.service, row.variant)
        values |= {"doubt": policy, "inquiries": 0, "due_at": now + wait, "error_code": "in_doubt", "error_where": row.service}
        values |= _NOT_SETTLED if row.doubt == AWAITED else _STOPPED
        if row.fruitless >= FRUITLESS_LIMIT and policy == "resend":
            # It may have arrived each time, so it is not parked; but the next worker would die of it too.
            values |= {"doubt": "park", "error_code": "poison"}
    conn.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
    journal.append(
        conn,
        row.subject,
        "delivery.lapsed",
        at=now,
        actor="hub",
        entry={"delivery": row.id, "epoch": row.epoch, "state": state.value},
    )
    return Lapsed(delivery=row.id, endpoint=row.endpoint, subject=row.subject, message=row.message_id, state=state)


def queue(commit: Commit, works: Sequence[Work[Queueing, list[Due]]]) -> None:
    """Mark deliveries whose turn has come as QUEUED, each with a new epoch and a lease; give them for the bus.

    At most four times an endpoint's concurrency is in work at once: the backlog stays in the ledger. So one process
    counts at a time; another that comes meanwhile gets nothing, and looks again when its next bell rings.
    """
    for work in works:
        work.value = _queue(commit, work.given) if locks.take(commit.conn, "dispatch") else []


def _queue(commit: Commit, given: Queueing) -> list[Due]:
    conn, now = commit.conn, given.now
    working = _in_work(conn, now)
    states = {row.endpoint: row for row in _STATES.run(conn)}
    marked: list[_Marked] = []
    for budget in given.budgets:
        state = states.get(budget.endpoint)
        room = _room(budget, state, working.get(budget.endpoint, 0), now)
        standing = state.standing if state is not None else None
        found = _next_due(conn, budget.endpoint, now, room, standing) if room > 0 else []
        if standing == TRIAL:
            found = trials.only_tests(commit, found, budget.tests, now)
        if found:
            _use_up(conn, budget, state, len(found), now)
            marked += [_marked(row, now, budget) for row in found if not _stop_asking(commit, row, now, budget)]
    # What this very commit accepts is due as well.
    bodies = commit.shelf.find(conn, [row.canonical_digest for row, _, _ in marked])
    parking.only_whole(commit, [row for row, _, _ in marked], bodies, now)
    marked = [each for each in marked if each[0].canonical_digest in bodies]
    _MARK_EACH.change(conn, [mark for _, _, mark in marked])
    return [_due(row, purpose, mark, bodies[row.canonical_digest]) for row, purpose, mark in marked]


def _in_work(conn: Connection, now: float) -> dict[str, int]:
    rows: list[Any] = list(_COUNT_WORK.run(conn, now=now))
    return {endpoint: count for endpoint, count in rows}


def _room(budget: Budget, state: Any, working: int, now: float) -> int:
    """Say how many more may be queued: none while paused or left alone by the breaker, one probe while that is half open."""
    most = 4 * budget.concurrency
    if state is not None and (state.paused or state.open_until > now):
        return 0
    if state is not None and state.failures >= BREAKER_FAILURES:
        most = 1
    if not budget.rate_per_minute:
        return most - working
    return min(most - working, pace.allowed(state.paced_until if state else 0.0, now, budget.rate_per_minute))


def _use_up(conn: Connection, budget: Budget, state: Any, calls: int, now: float) -> None:
    """Record that so many calls of an endpoint's rate are used up, for whoever dispatches next."""
    if not budget.rate_per_minute:
        return
    until = pace.after(state.paced_until if state else 0.0, now, budget.rate_per_minute, calls)
    new = {"paused": False, "why": "", "actor": "", "failures": 0, "open_until": 0.0, "paced_until": until}
    if state is not None or not _NEW_STATE.run(conn, endpoint=budget.endpoint, **new).rowcount:
        _PACE.run(conn, at_endpoint=budget.endpoint, until=until)


def _next_due(conn: Connection, endpoint: str, now: float, room: int, standing: str | None) -> list[Row[tuple[object, ...]]]:
    """Give what goes next: the most urgent, of these what waits longest, be it new, to be sent again or asked about."""
    found: list[Row[tuple[object, ...]]] = []
    sought = _SOUGHT_LEAVING if standing in finishing.LEAVING else _SOUGHT
    for state, statement in sought.items():
        found.extend(statement.run(conn, at_endpoint=endpoint, in_state=state.value, now=now, room=room))
    return sorted(found, key=lambda row: (row.priority, row.due_at, row.place))[:room]


def _to_be_asked(row: Row[Any]) -> bool:
    return bool(row.state == State.IN_DOUBT.value and row.doubt == "ask")


def _stop_asking(commit: Commit, row: Row[Any], now: float, budget: Budget) -> bool:
    """Leave a doubt to an operator where asking has told nothing so often; say whether that is so."""
    if not _to_be_asked(row) or row.inquiries < budget.max_inquiries:
        return False
    _STOP_ASKING.run(
        commit.conn,
        delivery=row.id,
        en=f"asked {row.inquiries} times, it is still not known whether the partner has it",
        vi=f"đã hỏi {row.inquiries} lần, vẫn chưa rõ đối tác đã nhận thông điệp hay chưa",
        now=now,
    )
    entry = {"delivery": row.id, "epoch": row.epoch, "inquiries": row.inquiries}
    commit.pages.append(row.subject, "inquiry.stopped", at=now, actor="hub", entry=entry)
    return True


#: A row, what it goes on the bus for, and what is written to it.
_Marked = tuple[Any, str, dict[str, Any]]


def _marked(row: Row[Any], now: float, budget: Budget) -> _Marked:
    lease = now + budget.lease_seconds
    asking = _to_be_asked(row)
    if asking:
        # Asking changes nothing at the partner: the delivery stays in doubt, and is asked again when this lapses.
        purpose, state, due = "inquire", State.IN_DOUBT, lease
    else:
        purpose, state, due = "deliver", _towards_queue(State(row.state)), row.due_at
    mark = {
        "delivery": row.id,
        "new_state": state.value,
        "new_epoch": row.epoch + 1,
        "new_lease_until": lease,
        "new_due_at": due,
        "new_inquiries": row.inquiries + asking,
        "new_updated_at": now,
    }
    return row, purpose, mark


def _due(row: Row[Any], purpose: str, mark: dict[str, Any], body: bytes) -> Due:
    return Due(
        id=row.id, endpoint=row.endpoint, epoch=mark["new_epoch"], purpose=purpose, canonical=body, subject=row.subject
    )


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
            .values(state=next_state(State.QUEUED, "lapse").value, lease_until=0.0, updated_at=now)
        )
        asked = here & (deliveries.c.state == State.IN_DOUBT.value)
        conn.execute(update(deliveries).where(asked).values(due_at=now, lease_until=0.0))


def recall_all(conn: Connection, now: float, doubt: DoubtPolicy) -> list[Lapsed]:
    """Take back everything in work: an embedded bus lives in one process, and that process has just started.

    What lies ready for partners that fetch it stays there.
    """
    conn.execute(
        update(deliveries)
        .where(deliveries.c.state.in_(_AT_WORK) & (deliveries.c.doubt != AWAITED))
        .values(lease_until=now - 1)
    )
    return lapse(conn, now, doubt)
