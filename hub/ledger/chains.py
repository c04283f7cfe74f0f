"""Chains: the deliveries of one subject to one endpoint, in order (Resequencer by construction).

A delivery's place comes from a row that stays locked until the commit, so place order is commit order. The row points
at the head; followers are HELD, and the commit that ends the head wakes the next one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.engine import Row

from hub.canonical.compact_json import compact_sorted
from hub.ledger.sql import Statement, fixed, insert_new
from hub.ledger.tables import chains, deliveries
from hub.ledger.values import USUAL, Planned, digest_of
from hub.rules.lifecycle import IN_WORK, State, next_state

_HERE = (chains.c.endpoint == bindparam("at_endpoint")) & (chains.c.subject == bindparam("at_subject"))
_OF_CHAIN = (deliveries.c.endpoint == bindparam("at_endpoint")) & (deliveries.c.subject == bindparam("at_subject"))

_PLACES = Statement(select(chains.c.next_place, chains.c.head_place).where(_HERE))
_LOCK = Statement(select(chains.c.next_place, chains.c.head_place).where(_HERE).with_for_update())
_NEW = insert_new(chains, "endpoint", "subject")
_TAKE_PLACE = Statement(update(chains).where(_HERE).values(next_place=bindparam("following")))
_ADD = Statement(insert(deliveries))
#: What stands before an urgent delivery in its chain has to go first, so it becomes as urgent. A row that somebody holds is
#: at work; waiting for it could be for ever, since it may wait for this chain.
_BEFORE = (
    select(deliveries.c.id)
    .where(_OF_CHAIN & (deliveries.c.place >= bindparam("head")) & (deliveries.c.place < bindparam("behind")))
    .where(deliveries.c.state.not_in(fixed(sorted(state.value for state in IN_WORK))))
    .where(deliveries.c.priority > bindparam("new_priority"))
    .with_for_update(skip_locked=True)
)
_HURRY = Statement(update(deliveries).where(deliveries.c.id.in_(_BEFORE)).values(priority=bindparam("new_priority")))
_HELD = Statement(select(chains.c.held).where(_HERE))
_HELD_TO_CHANGE = Statement(select(chains.c.held).where(_HERE).with_for_update())
_LEARN = Statement(update(chains).where(_HERE).values(held=bindparam("merged")))
#: Behind the head a delivery is held or was given up; nothing else can be there.
_NEXT = Statement(
    select(deliveries.c.id, deliveries.c.place, deliveries.c.error_code)
    .where(_OF_CHAIN & (deliveries.c.place > bindparam("behind")) & deliveries.c.state.in_(fixed((State.HELD.value,))))
    .order_by(deliveries.c.place)
    .limit(1)
)
_MOVE_HEAD = Statement(update(chains).where(_HERE).values(head_place=bindparam("place")))
_TURN = Statement(
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery"))
    .values(state=bindparam("new_state"), due_at=bindparam("now"), updated_at=bindparam("now"))
)


def add(conn: Connection, planned: Planned, *, message_id: str, origin: str, at: float) -> State:
    """Add a delivery at the tail of its chain; it is PENDING when it is the head, else HELD.

    Its canonical bytes must be among the payloads already.
    """
    place, head = _take_place(conn, planned.endpoint, planned.subject)
    state = State.PENDING if place == head else State.HELD
    if planned.priority < USUAL and place > head:
        where_it_waits = {"at_endpoint": planned.endpoint, "at_subject": planned.subject, "head": head, "behind": place}
        _HURRY.run(conn, **where_it_waits, new_priority=planned.priority)
    code, where, en, vi = planned.park or ("", "", "", "")
    if planned.park and state is State.PENDING:
        state = next_state(state, "park")
    _ADD.run(
        conn,
        id=planned.id,
        message_id=message_id,
        origin=origin,
        canonical_digest=digest_of(planned.canonical),
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
        priority=planned.priority,
        doubt="",
        inquiries=0,
        attempts=0,
        fruitless=0,
        business_digest="",
        head="{}",
        native_id="",
        answered="",
        error_code=code,
        error_where=where,
        error_en=en,
        error_vi=vi,
        partner_code="",
        created_at=at,
        updated_at=at,
    )
    return state


def _take_place(conn: Connection, endpoint: str, subject: str) -> tuple[int, int]:
    row = _LOCK.run(conn, at_endpoint=endpoint, at_subject=subject).first()
    if row is None:
        if _NEW.run(conn, endpoint=endpoint, subject=subject, next_place=2, head_place=1, held="{}").rowcount:
            return 1, 1
        # Another process has just begun this chain.
        row = _LOCK.run(conn, at_endpoint=endpoint, at_subject=subject).one()
    _TAKE_PLACE.run(conn, at_endpoint=endpoint, at_subject=subject, following=row.next_place + 1)
    return row.next_place, row.head_place


def held(conn: Connection, endpoint: str, subject: str) -> dict[str, str]:
    """Give what the partner is known to hold for this subject."""
    text = _HELD.run(conn, at_endpoint=endpoint, at_subject=subject).scalar()
    return dict(json.loads(text)) if text else {}


def is_open(conn: Connection, endpoint: str, subject: str) -> bool:
    """Say whether a chain has deliveries that are not done."""
    chain = _PLACES.run(conn, at_endpoint=endpoint, at_subject=subject).first()
    return chain is not None and bool(chain.head_place < chain.next_place)


def learn(conn: Connection, endpoint: str, subject: str, found: Mapping[str, str]) -> None:
    """Merge what a receipt or an inquiry tells about what the partner holds."""
    if not found:
        return
    known = _HELD_TO_CHANGE.run(conn, at_endpoint=endpoint, at_subject=subject).scalar()
    merged = (json.loads(known) if known else {}) | dict(found)
    text = compact_sorted(merged)
    _LEARN.run(conn, at_endpoint=endpoint, at_subject=subject, merged=text)


def wake(conn: Connection, ended: Row[Any], *, at: float) -> dict[str, str]:
    """Move the head past a delivery that is done, and give the next one its turn.

    One that is not the head moves nothing: a follower that was given up, or one that is acknowledged after the chain
    went on. Gives, for the journal, the delivery whose turn it is now and its state; nothing where there is none.
    """
    here = {"at_endpoint": ended.endpoint, "at_subject": ended.subject}
    chain = _LOCK.run(conn, **here).one()
    if ended.place != chain.head_place:
        return {}
    head = _NEXT.run(conn, **here, behind=ended.place).first()
    _MOVE_HEAD.run(conn, **here, place=head.place if head else chain.next_place)
    return _turn(conn, head, at) if head else {}


def _turn(conn: Connection, head: Row[Any], at: float) -> dict[str, str]:
    state = next_state(State.HELD, "turn")
    if head.error_code:
        state = next_state(state, "park")
    _TURN.run(conn, delivery=head.id, new_state=state.value, now=at)
    return {"next": head.id, "next_state": state.value}
