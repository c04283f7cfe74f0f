"""What was set aside for a trade dossier's stage is applied when an operator lets it go on, in the same commit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.engine import Row

from hub.canonical.codes import Status
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import from_json
from hub.ledger import payloads
from hub.ledger.sql import Statement
from hub.ledger.tables import dossier_codes, dossiers
from hub.rules import dossier_facts, trade_lifecycle
from hub.rules.trade_lifecycle import Course

#: What an operator does with a delivery by which its message goes on, or is said to have arrived.
GOES_ON = frozenset({"release", "rebuild", "settle_arrived"})
_KEY = Statement(select(dossier_codes.c.key).where(dossier_codes.c.code == bindparam("number")))
_DOSSIER = Statement(select(dossiers).where(dossiers.c.key == bindparam("dossier")).with_for_update())


def apply(conn: Connection, delivery: Row[Any], digest: str, now: float) -> dict[str, str]:
    """Apply the message of a delivery that was parked for its stage; once, whichever of its deliveries goes on first.

    ``digest``: the message as it goes on, which may be a correction. Gives the stage after it, for the journal; nothing where
    nothing is applied: nobody has submitted the dossier yet, or its message is not kept any more.
    """
    if delivery.error_code != trade_lifecycle.OUT_OF_STAGE:
        return {}
    body = payloads.get(conn, digest)
    row = _DOSSIER.run(conn, dossier=_KEY.run(conn, number=delivery.subject).scalar() or delivery.subject).first()
    message = from_json(body) if body else None
    if row is None or not isinstance(message, DossierMessage):
        return {}
    before = _course(row)
    after = trade_lifecycle.released(before, _said(delivery, message, digest, now), delivery.canonical_digest)
    if after is before:
        return {}
    known = Status(row.status)
    status, facts = trade_lifecycle.told(known, dossier_facts.of_row(row), after, message, now)
    stage, rest = trade_lifecycle.write(after)
    values = {"status": status.value, "version": row.version + 1, "updated_at": now, **dossier_facts.columns(facts)}
    values |= {"trade_stage": stage, "trade_course": rest, "answer_due": after.answer_due}
    conn.execute(update(dossiers).where(dossiers.c.key == row.key).values(**values))
    return {"stage": stage}


def _course(row: Row[Any]) -> Course:
    found = trade_lifecycle.read(row.trade_stage, row.trade_course, row.answer_due)
    return found or trade_lifecycle.of_status(Status(row.status))


def _said(delivery: Row[Any], message: DossierMessage, digest: str, now: float) -> trade_lifecycle.Said:
    return trade_lifecycle.Said(
        event=message.event,
        message=delivery.message_id,
        digest=digest,
        at=now,
        from_stages=message.from_stages,
        answer_within_hours=message.answer_within_hours,
    )
