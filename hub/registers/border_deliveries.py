"""Deliveries of a border document: where each of its messages went, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from hub.ledger.tables import deliveries
from hub.registers import scopes
from hub.registers.scopes import Scope

#: So many of one document are shown at most, the newest.
MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderDelivery:
    """One delivery of one of its messages."""

    id: str
    endpoint: str
    service: str
    state: str
    error_code: str
    error_vi: str
    error_en: str
    created_at: float
    updated_at: float


def of_document(conn: Connection, key: str, *, scope: Scope = None) -> tuple[BorderDelivery, ...]:
    """List the deliveries of a document, the newest first."""
    here = (deliveries.c.subject == key) & scopes.of_deliveries(scope)
    order = (deliveries.c.created_at.desc(), deliveries.c.id.desc())
    rows = conn.execute(select(deliveries).where(here).order_by(*order).limit(MOST))
    names = BorderDelivery.__dataclass_fields__
    return tuple(BorderDelivery(**{name: getattr(row, name) for name in names}) for row in rows)
