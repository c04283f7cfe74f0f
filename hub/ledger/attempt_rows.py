"""Attempts: one row for each try of a delivery, with the digests of what was sent and what came back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.engine import Row

from hub.ledger import payloads
from hub.ledger.sql import Statement, fixed
from hub.ledger.tables import attempts
from hub.ledger.values import Delivery, Evidence
from hub.rules.retention import Kept

_OPEN_ATTEMPT = Statement(insert(attempts))
_THIS_ATTEMPT = (attempts.c.delivery_id == bindparam("delivery")) & (attempts.c.number == bindparam("attempt"))
_ENDED = ("ended_at", "sent_digest", "reply_digest", "reply_status", "outcome", "error_code", "partner_code", "text")
_CLOSE_ATTEMPT = Statement(
    update(attempts).where(_THIS_ATTEMPT).values({name: bindparam(f"new_{name}") for name in _ENDED})
)
#: Outcomes of an attempt that may have arrived.
_UNSETTLED = ("doubt", "sending")
_DOUBTED = Statement(
    select(attempts.c.number)
    .where((attempts.c.delivery_id == bindparam("delivery")) & (attempts.c.number < bindparam("attempt")))
    .where(attempts.c.business_digest == bindparam("business"))
    .where(attempts.c.outcome.in_(fixed(_UNSETTLED)))
    .limit(1)
)


def begin(conn: Connection, sending: Delivery, business_digest: str, now: float) -> None:
    """Record that an attempt begins; what becomes of it is not known until it ends."""
    _OPEN_ATTEMPT.run(
        conn,
        delivery_id=sending.id,
        number=sending.attempts,
        epoch=sending.epoch,
        started_at=now,
        ended_at=None,
        business_digest=business_digest,
        sent_digest="",
        reply_digest="",
        reply_status=0,
        outcome="sending",
        error_code="",
        partner_code="",
        text="",
    )


def end(
    conn: Connection,
    row: Row[Any],
    evidence: Evidence,
    now: float,
    *,
    outcome: str,
    partner_code: str,
    text: str,
    code: str = "",
) -> dict[str, Any]:
    """Record how an attempt ended; give its digests, for the journal."""
    sent, reply = payloads.put_all(conn, ((evidence.sent, Kept.PROOF), (evidence.reply, Kept.PROOF)), now)
    _CLOSE_ATTEMPT.run(
        conn,
        delivery=row.id,
        attempt=row.attempts,
        new_ended_at=now,
        new_sent_digest=sent,
        new_reply_digest=reply,
        new_reply_status=evidence.reply_status,
        new_outcome=outcome,
        new_error_code=code,
        new_partner_code=partner_code,
        new_text=text,
    )
    return {"attempt": row.attempts, "business": row.business_digest, "sent": sent, "reply": reply, "code": code or partner_code}


def doubted(conn: Connection, row: Row[Any]) -> bool:
    """Say whether an earlier attempt with these very bytes may have arrived (a next attempt is about to be made)."""
    if not row.attempts:
        return False
    given = {"delivery": row.id, "attempt": row.attempts + 1, "business": row.business_digest}
    return _DOUBTED.run(conn, **given).first() is not None


def settle(conn: Connection, delivery_id: str, outcome: str) -> None:
    """Record of attempts that were in doubt what became of them."""
    conn.execute(
        update(attempts)
        .where((attempts.c.delivery_id == delivery_id) & attempts.c.outcome.in_(_UNSETTLED))
        .values(outcome=outcome)
    )


def in_doubt_still(conn: Connection, delivery_id: str) -> bool:
    """Say whether an attempt of this delivery may have arrived."""
    query = select(attempts.c.number).where((attempts.c.delivery_id == delivery_id) & attempts.c.outcome.in_(_UNSETTLED))
    return conn.execute(query.limit(1)).first() is not None
