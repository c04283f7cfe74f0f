"""Deliveries by the identifier that their recipient was given."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from hub.ledger.sql import Statement
from hub.ledger.tables import deliveries

_SUBJECT = Statement(
    select(deliveries.c.subject).where(
        (deliveries.c.native_id == bindparam("native")) & (deliveries.c.endpoint == bindparam("recipient"))
    )
)


def subject_of(conn: Connection, endpoint: str, native_id: str) -> str:
    """Give the subject of the delivery that an endpoint was given under this identifier; empty where there is none."""
    return str(_SUBJECT.run(conn, native=native_id, recipient=endpoint).scalar() or "")
