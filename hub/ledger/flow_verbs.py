"""Counts of hours that are over: each is counted once, by whoever is first, in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert

from hub.ledger.sql import insert_new
from hub.ledger.working_tables import flow_counted, flow_hours

#: Counts of so many hours are kept: four hundred days.
KEPT_HOURS = 24 * 400
_NEW_HOUR = insert_new(flow_counted, "hour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What came from one endpoint, and what went to it, in one hour."""

    endpoint: str
    accepted: int = 0
    refused: int = 0
    delivered: int = 0
    abandoned: int = 0


def record_hour(conn: Connection, hour: int, counted: Sequence[Counted], now: float) -> bool:
    """Keep what an hour's counts are; False where another process has kept them before."""
    if not _NEW_HOUR.run(conn, hour=hour, counted_at=now).rowcount:
        return False
    rows = [{"hour": hour, **asdict(each)} for each in counted]
    if rows:
        conn.execute(insert(flow_hours), rows)
    for table in (flow_hours, flow_counted):
        conn.execute(delete(table).where(table.c.hour < hour - KEPT_HOURS))
    return True
