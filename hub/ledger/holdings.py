"""What each holder of procedures was last given: written in the commit that plans to give it, taken back where it never will."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.engine import Row

from hub.canonical.message import from_json
from hub.canonical.procedure import CatalogueMessage, ProcedureMessage
from hub.ledger import payloads
from hub.ledger.sql import Statement, insert_new
from hub.ledger.tables import deliveries, holdings
from hub.ledger.values import Holding
from hub.rules.lifecycle import State

#: Kinds of deliveries that give procedures.
KINDS = ("catalogue", "procedure")
_HERE = (holdings.c.holder == bindparam("at_holder")) & (holdings.c.code == bindparam("of_code"))
_NEW = insert_new(holdings, "holder", "code")
_CHANGE = Statement(
    update(holdings).where(_HERE).values(fingerprint=bindparam("new_fingerprint"), updated_at=bindparam("now"))
)
#: A delivery that ended so gave nothing.
_GAVE_NOTHING = (State.ABANDONED.value, State.REFUSED_LATE.value)


def hold(conn: Connection, given: Iterable[Holding], at: float) -> None:
    """Write down what planned deliveries will give."""
    for holder, code, fingerprint in sorted(given):
        if not _NEW.run(conn, holder=holder, code=code, fingerprint=fingerprint, updated_at=at).rowcount:
            _CHANGE.run(conn, at_holder=holder, of_code=code, new_fingerprint=fingerprint, now=at)


def inherit(conn: Connection, old: str, new: str, at: float) -> None:
    """Write down that a successor holds what the one before was given, where nothing is known of it."""
    rows = conn.execute(select(holdings.c.code, holdings.c.fingerprint).where(holdings.c.holder == old).order_by(holdings.c.code))
    for row in rows.fetchall():
        _NEW.run(conn, holder=new, code=row.code, fingerprint=row.fingerprint, updated_at=at)


def hand_over(conn: Connection, row: Row[Any], new: str, at: float) -> None:
    """Write down that a successor is given what a delivery carries that was planned for the one before."""
    if row.kind not in KINDS:
        return
    codes = sorted(_carried(conn, row.canonical_digest))
    mine = (holdings.c.holder == row.endpoint) & holdings.c.code.in_(codes)
    found = conn.execute(select(holdings.c.code, holdings.c.fingerprint).where(mine)).fetchall()
    hold(conn, [(new, each.code, each.fingerprint) for each in found], at)
    conn.execute(delete(holdings).where(mine))


def take_back(conn: Connection, row: Row[Any]) -> None:
    """Forget that the holder was given what this delivery carried, so that the next catalogue gives it again.

    What a later message of the chain gives stays. A message that takes several calls is taken back whole: which
    procedures stood in which call only the adapter knows, and giving one again does no harm.
    """
    if row.kind not in KINDS:
        return
    codes = _carried(conn, row.canonical_digest) - _given_later(conn, row)
    if codes:
        conn.execute(delete(holdings).where(_HERE), [{"at_holder": row.endpoint, "of_code": code} for code in sorted(codes)])


def _carried(conn: Connection, digest: str) -> set[str]:
    """Give the codes of the procedures in a canonical message; none where retention has deleted it."""
    body = payloads.get(conn, digest)
    message = from_json(body) if body else None
    if isinstance(message, CatalogueMessage):
        return {each.code for each in message.procedures}
    return {message.procedure.code} if isinstance(message, ProcedureMessage) else set()


def _given_later(conn: Connection, row: Row[Any]) -> set[str]:
    chain = (deliveries.c.endpoint == row.endpoint) & (deliveries.c.subject == row.subject)
    later = (deliveries.c.place > row.place) & (deliveries.c.message_id != row.message_id)
    gives = deliveries.c.state.not_in(_GAVE_NOTHING) & (deliveries.c.answered != "refuse")
    found = conn.execute(select(deliveries.c.canonical_digest).where(chain & later & gives).distinct()).scalars()
    return set().union(*(_carried(conn, digest) for digest in found))
