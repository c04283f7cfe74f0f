"""Chains: the deliveries of one subject to one endpoint, in order (Resequencer by construction).

A delivery's place comes from a row that stays locked until the commit, so place order is commit order. The row points
at the head; followers are HELD, and the commit that ends the head wakes the next one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, insert, select, update

from hub.ledger import journal, payloads
from hub.ledger.tables import chains, deliveries
from hub.ledger.values import Planned
from hub.rules.lifecycle import State, next_state

#: States that stay at the head and keep followers waiting; DELIVERED too, where the service waits for its acknowledgement.
_ENDED_NAMES = tuple(state.value for state in (State.DELIVERED, State.ACKNOWLEDGED, State.REFUSED_LATE, State.ABANDONED))


def add(conn: Connection, planned: Planned, *, message_id: str, origin: str, at: float) -> State:
    """Add a delivery at the tail of its chain; it is PENDING when it is the head, else HELD."""
    place, head = _take_place(conn, planned.endpoint, planned.subject)
    state = State.PENDING if place == head else State.HELD
    code, where, en, vi = planned.park or ("", "", "", "")
    if planned.park and state is State.PENDING:
        state = next_state(state, "park")
    conn.execute(
        insert(deliveries).values(
            id=planned.id,
            message_id=message_id,
            origin=origin,
            canonical_digest=payloads.put(conn, planned.canonical, at),
            endpoint=planned.endpoint,
            subject=planned.subject,
            place=place,
            procedure=planned.procedure,
            kind=planned.kind,
            event=planned.event,
            service=planned.service,
            part=planned.part,
            variant="",
            state=state.value,
            epoch=0,
            lease_until=0.0,
            due_at=at,
            doubt="",
            attempts=0,
            fruitless=0,
            business_digest="",
            head="{}",
            native_id="",
            error_code=code,
            error_where=where,
            error_en=en,
            error_vi=vi,
            partner_code="",
            created_at=at,
            updated_at=at,
        )
    )
    return state


def _take_place(conn: Connection, endpoint: str, subject: str) -> tuple[int, int]:
    here = (chains.c.endpoint == endpoint) & (chains.c.subject == subject)
    row = conn.execute(select(chains.c.next_place, chains.c.head_place).where(here).with_for_update()).first()
    if row is None:
        conn.execute(insert(chains).values(endpoint=endpoint, subject=subject, next_place=2, head_place=1, held="{}"))
        return 1, 1
    conn.execute(update(chains).where(here).values(next_place=row.next_place + 1))
    return row.next_place, row.head_place


def held(conn: Connection, endpoint: str, subject: str) -> dict[str, str]:
    """Give what the partner is known to hold for this subject."""
    text = conn.execute(
        select(chains.c.held).where((chains.c.endpoint == endpoint) & (chains.c.subject == subject))
    ).scalar()
    return dict(json.loads(text)) if text else {}


def learn(conn: Connection, endpoint: str, subject: str, found: Mapping[str, str]) -> None:
    """Merge what a receipt or an inquiry tells about what the partner holds."""
    if not found:
        return
    merged = held(conn, endpoint, subject) | dict(found)
    conn.execute(
        update(chains)
        .where((chains.c.endpoint == endpoint) & (chains.c.subject == subject))
        .values(held=json.dumps(merged, ensure_ascii=False, sort_keys=True))
    )


def wake(conn: Connection, endpoint: str, subject: str, *, at: float, waits_for_acknowledgement: bool = False) -> None:
    """Move the head past every delivery that is done, and give the next one its turn.

    ``waits_for_acknowledgement``: the present head's service moves on only when acknowledged.
    """
    here = (chains.c.endpoint == endpoint) & (chains.c.subject == subject)
    conn.execute(select(chains.c.head_place).where(here).with_for_update()).first()
    ended = [name for name in _ENDED_NAMES if not (waits_for_acknowledgement and name == State.DELIVERED.value)]
    head = conn.execute(
        select(deliveries.c.id, deliveries.c.place, deliveries.c.state, deliveries.c.error_code)
        .where((deliveries.c.endpoint == endpoint) & (deliveries.c.subject == subject))
        .where(deliveries.c.state.not_in(ended))
        .order_by(deliveries.c.place)
        .limit(1)
    ).first()
    if head is None:
        conn.execute(update(chains).where(here).values(head_place=chains.c.next_place))
        return
    conn.execute(update(chains).where(here).values(head_place=head.place))
    if head.state == State.HELD.value:
        _turn(conn, head.id, subject, at=at, park=bool(head.error_code))


def _turn(conn: Connection, delivery_id: str, subject: str, *, at: float, park: bool) -> None:
    state = next_state(State.HELD, "turn")
    if park:
        state = next_state(state, "park")
    conn.execute(
        update(deliveries).where(deliveries.c.id == delivery_id).values(state=state.value, due_at=at, updated_at=at)
    )
    journal.append(
        conn, subject, "delivery.turn", at=at, actor="hub", entry={"delivery": delivery_id, "state": state.value}
    )
