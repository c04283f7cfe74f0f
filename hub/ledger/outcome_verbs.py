"""Verbs of other outcomes: failed, not sent, routed late, asked about. Each is a compare-and-set by (id, epoch)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.engine import Row

from hub.canonical.receipt import Receipt
from hub.errors import HubError, InDoubt, NotSent, Refused, Untold
from hub.ledger import attempt_rows, breakers, chains, holdings, journal, late_answers, payloads, telling, word_verbs
from hub.ledger.delivery_verbs import Finish, claim_lost, finish, followed
from hub.ledger.sql import Statement
from hub.ledger.tables import deliveries
from hub.ledger.values import Delivery, Evidence, Holding, Notice, Planned
from hub.rules.lifecycle import State, next_state
from hub.rules.redelivery import Decision
from hub.rules.retention import Kept, kept_for

_ROW = Statement(
    select(deliveries)
    .where((deliveries.c.id == bindparam("delivery")) & (deliveries.c.epoch == bindparam("at_epoch")))
    .with_for_update()
)


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
    # Of what lies ready for it a partner may say no when its time is over; a worker whose lease has lapsed says nothing more.
    late = held.state is State.IN_DOUBT and isinstance(error, Refused) and decision.action == "park"
    row = _mine(conn, held, State.IN_DOUBT if late else State.SENDING)
    if decision.action == "park" and held.doubted and isinstance(error, NotSent):
        # Only this attempt surely did not arrive; an earlier one with the same bytes may have.
        decision = Decision(action="doubt", doubt="park")
    event = {"wait": "not_sent", "park": "refuse", "doubt": "doubt", "rewrite": "not_sent"}[decision.action]
    state = next_state(State(row.state), event)
    values = _failed_values(state, error, decision, now)
    if decision.action == "rewrite":
        values |= {"business_digest": "", "head": "{}", "variant": ""}
        chains.learn(conn, row.endpoint, row.subject, found)
    conn.execute(update(deliveries).where(deliveries.c.id == held.id).values(**values))
    said = {"partner_code": error.partner_code, "text": error.en, "code": error.code}
    ended = attempt_rows.Ended(row=row, evidence=evidence, now=now, outcome=decision.action, **said)
    shelf = payloads.Shelf()
    (entry,) = attempt_rows.end(conn, shelf, [ended])
    shelf.write(conn)
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


def record_unneeded(conn: Connection, held: Delivery, notice: Notice, now: float) -> None:
    """Record that nothing had to be sent, since the partner is known to hold what this delivery would tell it."""
    row = _mine(conn, held, State.CLAIMED)
    state = next_state(next_state(State.CLAIMED, "record"), "take")
    turn = _finish(conn, row, state, now, receipt=Receipt(), waits=False)
    telling.tell(conn, row, notice, now)
    _note(conn, row, "delivery.unneeded", now, {"state": state.value} | turn)


def record_untold(conn: Connection, held: Delivery, error: Untold, now: float) -> None:
    """Record that a partner was not told something, since it has no service for it; the sender is not told that it was."""
    row = _mine(conn, held, State.CLAIMED)
    state = next_state(next_state(State.CLAIMED, "record"), "take")
    turn = _finish(conn, row, state, now, receipt=Receipt(held=error.held), waits=False)
    _note(conn, row, "delivery.untold", now, {"state": state.value, "why": f"{error.vi} / {error.en}"} | turn)


def record_routed(
    conn: Connection, held: Delivery, planned: Sequence[Planned], now: float, given: Sequence[Holding] = ()
) -> None:
    """Record that a message which no rule matched was routed: its deliveries are made in the same commit.

    ``given``: what the deliveries of a catalogue will give.
    """
    row = _mine(conn, held, State.CLAIMED)
    state = next_state(next_state(State.CLAIMED, "record"), "take")
    turn = _finish(conn, row, state, now, receipt=Receipt(), waits=False)
    payloads.put_all(conn, ((each.canonical, kept_for(Kept.WORK, each.subject)) for each in planned), now)
    chains.add(
        conn, [chains.Adding(planned=each, message_id=row.message_id, origin=row.origin, at=now) for each in planned]
    )
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
    follow: str = "",
) -> None:
    """Record what an inquiry found: ``found`` delivers, ``absent`` sends again, ``unknown`` leaves it in doubt.

    Only ``found`` tells the sender; with the others nothing has become of its message yet. ``again_in``: seconds until
    what is unknown is asked about again; ``answered``: False where the partner was not reached, None where nobody tried;
    ``follow``: number by which the partner is asked from now on what becomes of what was found.
    """
    row = _mine(conn, held, State.IN_DOUBT)
    entry: dict[str, Any] = {"reply": payloads.put(conn, evidence.reply, now, kept_for(Kept.PROOF, row.subject))}
    if outcome == "found":
        state = next_state(State.IN_DOUBT, "found")
        entry |= _finish(conn, row, state, now, receipt=Receipt(held=found, follow=follow), waits=waits)
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
    finished = [Finish(row=row, state=state, receipt=receipt, waits=waits, now=now)]
    word_verbs.follow(conn, followed(finished))
    return finish(conn, finished)[0]


def _mine(conn: Connection, held: Delivery, *states: State) -> Row[Any]:
    row: Row[Any] | None = _ROW.run(conn, delivery=held.id, at_epoch=held.epoch).first()
    if row is None or row.state not in states:
        raise claim_lost(held)
    return row


def _note(conn: Connection, row: Row[Any], event: str, now: float, entry: dict[str, Any]) -> None:
    journal.append(conn, row.subject, event, at=now, actor="hub", entry={"delivery": row.id, "epoch": row.epoch} | entry)
