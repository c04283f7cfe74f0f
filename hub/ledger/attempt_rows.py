"""Attempts: one row for each try of a delivery, with the digests of what was sent and what came back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, Text, bindparam, select, update
from sqlalchemy.engine import Row

from hub.ledger import payloads
from hub.ledger.for_each import for_each, insert_each
from hub.ledger.sql import Statement, fixed
from hub.ledger.tables import attempts
from hub.ledger.values import Delivery, Evidence
from hub.rules.retention import Kept, kept_for

_ENDED = ("ended_at", "sent_digest", "reply_digest", "reply_status", "outcome", "error_code", "partner_code", "text")
_OPEN_EACH = insert_each(attempts, *attempts.c.keys())
_CLOSE_EACH = for_each(
    lambda given: update(attempts)
    .where((attempts.c.delivery_id == given.delivery) & (attempts.c.number == given.attempt))
    .values({name: getattr(given, f"new_{name}") for name in _ENDED}),
    delivery=Text,
    attempt=Integer,
    **{f"new_{name}": attempts.c[name].type for name in _ENDED},
)
#: Outcomes of an attempt that may have arrived.
UNSETTLED = ("doubt", "sending")
_DOUBTED = Statement(
    select(attempts.c.number)
    .where((attempts.c.delivery_id == bindparam("delivery")) & (attempts.c.number < bindparam("attempt")))
    .where(attempts.c.business_digest == bindparam("business"))
    .where(attempts.c.outcome.in_(fixed(UNSETTLED)))
    .limit(1)
)

_DELIVERED_EACH = for_each(
    lambda given: select(attempts.c.delivery_id).where(
        (attempts.c.delivery_id == given.delivery)
        & (attempts.c.number == given.attempt)
        & attempts.c.outcome.in_(fixed(("delivered",)))
    ),
    delivery=Text,
    attempt=Integer,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt of a delivery (its row) ended."""

    row: Any
    evidence: Evidence
    now: float
    outcome: str
    partner_code: str
    text: str
    code: str = ""


def begin(conn: Connection, begun: Sequence[tuple[Delivery, str, float]]) -> None:
    """Record that attempts begin: each with its delivery, its bytes' digest, and when."""
    _OPEN_EACH.change(conn, [_open(sending, digest, now) for sending, digest, now in begun])


def _open(sending: Delivery, business_digest: str, now: float) -> dict[str, Any]:
    """Write a row of which nobody knows yet what becomes of it."""
    return {
        "delivery_id": sending.id,
        "number": sending.attempts,
        "epoch": sending.epoch,
        "started_at": now,
        "ended_at": None,
        "business_digest": business_digest,
        "sent_digest": "",
        "reply_digest": "",
        "reply_status": 0,
        "outcome": "sending",
        "error_code": "",
        "partner_code": "",
        "text": "",
    }


def end(conn: Connection, shelf: payloads.Shelf, ended: Sequence[Ended]) -> list[dict[str, Any]]:
    """Record how attempts ended, put their evidence on the shelf, and give the digests of each, for the journal."""
    kept = [_put(shelf, each) for each in ended]
    _CLOSE_EACH.change(conn, [_close(each, *digests) for each, digests in zip(ended, kept, strict=True)])
    return [_noted(each, *digests) for each, digests in zip(ended, kept, strict=True)]


def _put(shelf: payloads.Shelf, ended: Ended) -> tuple[str, str]:
    kind = kept_for(Kept.PROOF, ended.row.subject)
    return shelf.put(ended.evidence.sent, ended.now, kind), shelf.put(ended.evidence.reply, ended.now, kind)


def _close(ended: Ended, sent: str, reply: str) -> dict[str, Any]:
    return {
        "delivery": ended.row.id,
        "attempt": ended.row.attempts,
        "new_ended_at": ended.now,
        "new_sent_digest": sent,
        "new_reply_digest": reply,
        "new_reply_status": ended.evidence.reply_status,
        "new_outcome": ended.outcome,
        "new_error_code": ended.code,
        "new_partner_code": ended.partner_code,
        "new_text": ended.text,
    }


def _noted(ended: Ended, sent: str, reply: str) -> dict[str, Any]:
    row = ended.row
    digests = {"attempt": row.attempts, "business": row.business_digest, "sent": sent, "reply": reply}
    return digests | {"code": ended.code or ended.partner_code}


def doubted(conn: Connection, row: Row[Any]) -> bool:
    """Say whether an earlier attempt with these very bytes may have arrived (a next attempt is about to be made)."""
    if not row.attempts:
        return False
    given = {"delivery": row.id, "attempt": row.attempts + 1, "business": row.business_digest}
    return _DOUBTED.run(conn, **given).first() is not None


def delivered(conn: Connection, tried: Iterable[Delivery]) -> frozenset[str]:
    """Give those of these deliveries whose present attempt is recorded as delivered."""
    sought = [{"delivery": held.id, "attempt": held.attempts} for held in tried]
    return frozenset(row.delivery_id for row in _DELIVERED_EACH.find(conn, sought)) if sought else frozenset()


def settle(conn: Connection, delivery_id: str, outcome: str) -> None:
    """Record of attempts that were in doubt what became of them."""
    conn.execute(
        update(attempts)
        .where((attempts.c.delivery_id == delivery_id) & attempts.c.outcome.in_(UNSETTLED))
        .values(outcome=outcome)
    )


def in_doubt_still(conn: Connection, delivery_id: str) -> bool:
    """Say whether an attempt of this delivery may have arrived."""
    query = select(attempts.c.number).where((attempts.c.delivery_id == delivery_id) & attempts.c.outcome.in_(UNSETTLED))
    return conn.execute(query.limit(1)).first() is not None
