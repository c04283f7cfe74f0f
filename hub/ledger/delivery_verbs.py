"""Verbs of delivery: claim, record what is sent, record what came of it. Each is a compare-and-set by (id, epoch)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, literal, select, update
from sqlalchemy.engine import Row

from hub.canonical.compact_json import compact_sorted
from hub.canonical.receipt import Receipt
from hub.contract import Outgoing
from hub.errors import HubError, InDoubt, NotSent, Refused, Untrusted
from hub.ledger import attempt_rows, breakers, chains, holdings, journal, late_answers, payloads, telling
from hub.ledger.dispatch_verbs import FRUITLESS_LIMIT
from hub.ledger.sql import Statement
from hub.ledger.tables import deliveries
from hub.ledger.values import Delivery, Evidence, Holding, Notice, Planned, digest_of
from hub.rules.lifecycle import State, next_state
from hub.rules.queued import Due
from hub.rules.redelivery import Decision
from hub.rules.retention import Kept

_THIS = deliveries.c.id == bindparam("delivery")
_SAME_EPOCH = _THIS & (deliveries.c.epoch == bindparam("at_epoch"))
_SEEN = Statement(select(deliveries).where(_SAME_EPOCH))
_ROW = Statement(select(deliveries).where(_SAME_EPOCH).with_for_update())
_CLAIM = Statement(
    update(deliveries)
    .where(_THIS)
    .values(
        state=bindparam("new_state"),
        lease_until=bindparam("lease"),
        fruitless=deliveries.c.fruitless + literal(1),
        updated_at=bindparam("now"),
    )
)
_SEND = Statement(
    update(deliveries)
    .where(_THIS)
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("state", "business_digest", "head", "variant", "native_id", "attempts", "lease_until", "updated_at")
        }
    )
)
_FINISH = Statement(
    update(deliveries)
    .where(_THIS)
    .values(
        state=bindparam("new_state"),
        lease_until=0.0,
        fruitless=0,
        doubt="",
        error_code="",
        error_where="",
        error_en="",
        error_vi="",
        partner_code=bindparam("new_partner_code"),
        updated_at=bindparam("now"),
    )
)
class ClaimLost(HubError):
    """The delivery is no longer this worker's: its lease lapsed or an operator acted."""

    code = "claim_lost"
    who = "nobody"


def claim(conn: Connection, due: Due, now: float, lease_seconds: float) -> Delivery | None:
    """Claim a queued delivery; None where a second copy or a late one finds nothing to claim.

    Raises Untrusted where the bus message says something else than the ledger: the delivery is then left as it is.
    """
    row = _ROW.run(conn, delivery=due.id, at_epoch=due.epoch).first()
    if row is None or row.state != State.QUEUED.value:
        return None
    if row.endpoint != due.endpoint or row.canonical_digest != digest_of(due.canonical):
        raise Untrusted(
            f"the bus message for delivery {due.id} is not what the ledger holds",
            f"thông điệp trên bus cho lượt chuyển {due.id} không khớp với sổ cái",
            where=due.endpoint,
        )
    if row.fruitless >= FRUITLESS_LIMIT:
        _park_poison(conn, row, now)
        return None
    state = next_state(State.QUEUED, "claim")
    lease = now + lease_seconds
    _CLAIM.run(conn, delivery=due.id, new_state=state.value, lease=lease, now=now)
    return _as_delivery(conn, row, state, lease, due.canonical)


def doubtful(conn: Connection, delivery_id: str, epoch: int) -> Delivery | None:
    """Give a delivery that is to be inquired about; None where that was settled meanwhile."""
    row = _SEEN.run(conn, delivery=delivery_id, at_epoch=epoch).first()
    if row is None or row.state != State.IN_DOUBT.value:
        return None
    canonical = payloads.get(conn, row.canonical_digest) or b""
    return _as_delivery(conn, row, State.IN_DOUBT, row.lease_until, canonical)


def _as_delivery(conn: Connection, row: Row[Any], state: State, lease: float, canonical: bytes) -> Delivery:
    return Delivery(
        id=row.id,
        message_id=row.message_id,
        origin=row.origin,
        endpoint=row.endpoint,
        subject=row.subject,
        place=row.place,
        service=row.service,
        part=json.loads(row.part),
        variant=row.variant,
        state=state,
        epoch=row.epoch,
        lease_until=lease,
        attempts=row.attempts,
        canonical=canonical,
        held=chains.held(conn, row.endpoint, row.subject),
        business=payloads.get(conn, row.business_digest),
        head=json.loads(row.head),
        native_id=row.native_id,
        inquiries=row.inquiries,
        doubted=attempt_rows.doubted(conn, row),
        kind=row.kind,
    )


def _park_poison(conn: Connection, row: Row[Any], now: float) -> None:
    values = {
        "error_code": "poison",
        "error_where": row.service,
        "error_en": f"{FRUITLESS_LIMIT} claims ended without a result: a worker dies on this delivery",
        "error_vi": f"{FRUITLESS_LIMIT} lần nhận xử lý không có kết quả: tiến trình xử lý hỏng vì lượt chuyển này",
    }
    state = next_state(next_state(State.QUEUED, "claim"), "park")
    conn.execute(
        update(deliveries)
        .where(deliveries.c.id == row.id)
        .values(state=state.value, lease_until=0.0, updated_at=now, **values)
    )
    _note(conn, row, "delivery.poison", now, {"state": state.value})


def record_sending(
    conn: Connection, held: Delivery, outgoing: Outgoing, native_id: str, now: float, lease_seconds: float
) -> Delivery:
    """Keep the exact bytes before the socket opens; a retry sends these."""
    _mine(conn, held, State.CLAIMED)
    state = next_state(State.CLAIMED, "record")
    digest = payloads.put(conn, outgoing.body, now)
    sending = replace(
        held,
        state=state,
        business=outgoing.body,
        head=dict(outgoing.head),
        variant=outgoing.variant,
        native_id=native_id,
        attempts=held.attempts + 1,
        lease_until=now + lease_seconds,
    )
    _mark_sending(conn, sending, digest, now)
    entry = {"delivery": held.id, "epoch": held.epoch, "attempt": sending.attempts, "business": digest}
    journal.append(conn, held.subject, "delivery.sending", at=now, actor="hub", entry=entry)
    return sending


def _mark_sending(conn: Connection, sending: Delivery, digest: str, now: float) -> None:
    _SEND.run(
        conn,
        delivery=sending.id,
        new_state=sending.state.value,
        new_business_digest=digest,
        new_head=compact_sorted(dict(sending.head)),
        new_variant=sending.variant,
        new_native_id=sending.native_id,
        new_attempts=sending.attempts,
        new_lease_until=sending.lease_until,
        new_updated_at=now,
    )
    attempt_rows.begin(conn, sending, digest, now)


def record_delivered(
    conn: Connection, held: Delivery, receipt: Receipt, evidence: Evidence, notice: Notice, now: float, *, waits: bool
) -> None:
    """Record that the partner has it; the next in the chain gets its turn in the same commit.

    A receipt that comes after the lease lapsed still settles the doubt: nothing received is lost.
    """
    row = _mine(conn, held, State.SENDING, State.IN_DOUBT, *late_answers.CLOSED)
    entry = attempt_rows.end(conn, row, evidence, now, outcome="delivered", partner_code=receipt.code, text=receipt.text)
    if row.state in late_answers.CLOSED:
        # The partner's own message was faster than the reply to our call: only the evidence is added.
        chains.learn(conn, row.endpoint, row.subject, receipt.held)
        _note(conn, row, "delivery.receipt", now, entry)
        return
    state = next_state(State(row.state), "take" if row.state == State.SENDING.value else "found")
    turn = _finish(conn, row, state, now, receipt=receipt, waits=waits)
    telling.tell(conn, row, late_answers.news(notice, late_answers.applied(row, state)), now)
    breakers.close(conn, row.endpoint)
    _note(conn, row, "delivery.delivered", now, entry | turn)


def record_failed(
    conn: Connection,
    held: Delivery,
    error: HubError,
    decision: Decision,
    evidence: Evidence,
    notice: Notice | None,
    now: float,
    *,
    found: Mapping[str, str],
) -> None:
    """Record an attempt that failed: wait, park, in doubt, or ``rewrite`` (``found``: what the partner holds already)."""
    row = _mine(conn, held, State.SENDING)
    if decision.action == "park" and held.doubted and isinstance(error, NotSent):
        # Only this attempt surely did not arrive; an earlier one with the same bytes may have.
        decision = Decision(action="doubt", doubt="park")
    event = {"wait": "not_sent", "park": "refuse", "doubt": "doubt", "rewrite": "not_sent"}[decision.action]
    state = next_state(State.SENDING, event)
    values = _failed_values(state, error, decision, now)
    if decision.action == "rewrite":
        values |= {"business_digest": "", "head": "{}", "variant": ""}
        chains.learn(conn, row.endpoint, row.subject, found)
    conn.execute(update(deliveries).where(deliveries.c.id == held.id).values(**values))
    entry = attempt_rows.end(
        conn, row, evidence, now, outcome=decision.action, partner_code=error.partner_code, text=error.en, code=error.code
    )
    if decision.action == "park":
        attempt_rows.settle(conn, row.id, "refused")
    if notice:
        telling.tell(conn, row, notice, now)
    if isinstance(error, Refused) or decision.action == "rewrite":
        # A partner that answers is there: its breaker must not count that as a failure.
        breakers.close(conn, row.endpoint)
    elif isinstance(error, NotSent | InDoubt):
        breakers.count_failure(conn, row.endpoint, now)
    _note(conn, row, f"delivery.{event}", now, entry | {"state": state.value})


def record_unsent(
    conn: Connection, held: Delivery, error: HubError, decision: Decision, notice: Notice | None, now: float
) -> None:
    """Record that nothing was sent: the message could not be written for this partner, or must wait."""
    row = _mine(conn, held, State.CLAIMED)
    event = "defer" if decision.action == "wait" else "park"
    state = next_state(State.CLAIMED, event)
    conn.execute(
        update(deliveries).where(deliveries.c.id == held.id).values(**_failed_values(state, error, decision, now))
    )
    if notice:
        telling.tell(conn, row, notice, now)
    _note(conn, row, f"delivery.{event}", now, {"state": state.value, "error": error.code})


def record_routed(
    conn: Connection, held: Delivery, planned: Sequence[Planned], now: float, given: Sequence[Holding] = ()
) -> None:
    """Record that a message which no rule matched was routed: its deliveries are made in the same commit.

    ``given``: what the deliveries of a catalogue will give.
    """
    row = _mine(conn, held, State.CLAIMED)
    state = next_state(next_state(State.CLAIMED, "record"), "take")
    turn = _finish(conn, row, state, now, receipt=Receipt(), waits=False)
    payloads.put_all(conn, ((each.canonical, Kept.WORK) for each in planned), now)
    for each in planned:
        chains.add(conn, each, message_id=row.message_id, origin=row.origin, at=now)
    holdings.hold(conn, given, now)
    _note(conn, row, "delivery.routed", now, {"deliveries": [each.id for each in planned]} | turn)


def record_finding(
    conn: Connection,
    held: Delivery,
    outcome: str,
    found: dict[str, str],
    evidence: Evidence,
    notice: Notice | None,
    now: float,
    *,
    waits: bool,
    again_in: float = 0.0,
    answered: bool | None = None,
) -> None:
    """Record what an inquiry found: ``found`` delivers, ``absent`` sends again, ``unknown`` leaves it in doubt.

    Only ``found`` tells the sender; with the others nothing has become of its message yet. ``again_in``: seconds until
    what is unknown is asked about again; ``answered``: False where the partner was not reached, None where nobody tried.
    """
    row = _mine(conn, held, State.IN_DOUBT)
    entry: dict[str, Any] = {"reply": payloads.put(conn, evidence.reply, now)}
    if outcome == "found":
        state = next_state(State.IN_DOUBT, "found")
        entry |= _finish(conn, row, state, now, receipt=Receipt(held=found), waits=waits)
        if notice is not None:
            telling.tell(conn, row, late_answers.news(notice, late_answers.applied(row, state)), now)
    elif outcome == "absent":
        values = {"state": next_state(State.IN_DOUBT, "absent").value, "due_at": now, "updated_at": now}
        conn.execute(update(deliveries).where(deliveries.c.id == held.id).values(lease_until=0.0, **values))
    else:
        # Until it is asked again it takes nobody's room on the bus.
        conn.execute(update(deliveries).where(deliveries.c.id == held.id).values(lease_until=0.0, due_at=now + again_in))
    if outcome != "unknown":
        attempt_rows.settle(conn, row.id, outcome)
    if answered or outcome != "unknown":
        breakers.close(conn, row.endpoint)
    elif answered is False:
        breakers.count_failure(conn, row.endpoint, now)
    _note(conn, row, f"inquiry.{outcome}", now, entry)


def _failed_values(state: State, error: HubError, decision: Decision, now: float) -> dict[str, Any]:
    return {
        "state": state.value,
        "lease_until": 0.0,
        "due_at": now + decision.delay,
        "doubt": decision.doubt,
        "inquiries": 0,
        "fruitless": 0,
        "error_code": error.code,
        "error_where": error.where,
        "error_en": error.en,
        "error_vi": error.vi,
        "partner_code": error.partner_code,
        "updated_at": now,
    }


def _finish(
    conn: Connection, row: Row[Any], state: State, now: float, *, receipt: Receipt, waits: bool
) -> dict[str, str]:
    """End a delivery and give the next in its chain its turn; give that one, for the journal."""
    state = late_answers.applied(row, state)
    _FINISH.run(conn, delivery=row.id, new_state=state.value, new_partner_code=receipt.code, now=now)
    chains.learn(conn, row.endpoint, row.subject, receipt.held)
    return {} if waits and state is State.DELIVERED else chains.wake(conn, row, at=now)


def _mine(conn: Connection, held: Delivery, *states: State) -> Row[Any]:
    row: Row[Any] | None = _ROW.run(conn, delivery=held.id, at_epoch=held.epoch).first()
    if row is None or row.state not in states:
        raise ClaimLost(
            f"delivery {held.id} (epoch {held.epoch}) is no longer this worker's",
            f"lượt chuyển {held.id} (lần {held.epoch}) không còn thuộc tiến trình này",
            where=held.service,
        )
    return row


def _note(conn: Connection, row: Row[Any], event: str, now: float, entry: dict[str, Any]) -> None:
    journal.append(conn, row.subject, event, at=now, actor="hub", entry={"delivery": row.id, "epoch": row.epoch} | entry)
