"""A partner's later word on a delivery: it acknowledges or refuses it, and may come before our own record of the receipt."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.engine import Row

from hub.ledger import chains, holdings, journal, telling
from hub.ledger.succession_verbs import all_successors
from hub.ledger.tables import deliveries
from hub.ledger.values import Acceptance, Notice
from hub.rules.lifecycle import State, next_state
from hub.rules.succession import line_of

#: What such a word makes of a delivery.
CLOSED = (State.ACKNOWLEDGED, State.REFUSED_LATE)
#: A partner that speaks of a delivery has it: by these steps it becomes DELIVERED first.
_ARRIVED = {State.SENDING: ("take",), State.IN_DOUBT: ("found",)}
#: What went out before, and was believed not to have arrived, has: the same bytes are not sent again.
_ARRIVED_BEFORE = {
    State.PENDING: ("settle_arrived",),
    State.WAITING: ("settle_arrived",),
    # The copy on the bus finds nothing to claim.
    State.QUEUED: ("lapse", "settle_arrived"),
}


def hear(conn: Connection, pages: journal.Pages, given: Acceptance) -> None:
    """Close the delivery that an accepted message acknowledges or refuses, named by the identifier we gave it.

    One that a worker is just about to send, or that is parked, keeps the word until its next outcome is recorded.
    """
    # Also of what was given to one whose place the sender has taken.
    speaks_for = line_of(all_successors(conn), given.endpoint)
    row = conn.execute(
        select(deliveries)
        .where((deliveries.c.native_id == given.correlation) & deliveries.c.endpoint.in_(speaks_for))
        .with_for_update()
    ).first()
    if row is None:
        return
    event = "refuse" if given.correlation_refused else "acknowledge"
    state = _arrived(row)
    entry = {"delivery": row.id, "message": given.message_id}
    if given.correlation_refused:
        holdings.take_back(conn, row)
    if state is State.DELIVERED:
        entry |= _close(conn, row, next_state(state, event), given)
    else:
        conn.execute(update(deliveries).where(deliveries.c.id == row.id).values(answered=event))
    pages.append(row.subject, f"delivery.{event}", at=given.at, actor=given.endpoint, entry=entry)


def _arrived(row: Row[Any]) -> State:
    """Give the state of a delivery of which its partner speaks: it has what was sent, and cannot have what never was."""
    state = State(row.state)
    went_out = row.attempts > 0 and row.business_digest != ""
    steps = _ARRIVED.get(state) or (_ARRIVED_BEFORE.get(state, ()) if went_out else ())
    for step in steps:
        state = next_state(state, step)
    return state


def _close(conn: Connection, row: Row[Any], state: State, given: Acceptance) -> dict[str, str]:
    values = {"state": state.value, "lease_until": 0.0, "doubt": "", "updated_at": given.at}
    values |= {"error_code": "", "error_where": "", "error_en": "", "error_vi": ""}
    conn.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
    # No call goes out for it.
    telling.tell(conn, row, Notice(outcome=state.value, code="", vi="", en=""), given.at)
    return chains.wake(conn, row, at=given.at)


def applied(row: Row[Any], state: State) -> State:
    """Give the state that a delivery reaches when it is recorded as delivered: a word that was kept counts now."""
    return next_state(state, row.answered) if state is State.DELIVERED and row.answered else state


def news(notice: Notice, state: State) -> Notice:
    """Give what the sender is told of a delivery that reached a state: a word that was kept is the news, not the receipt."""
    return notice if state is State.DELIVERED else Notice(outcome=state.value, code="", vi="", en="")
