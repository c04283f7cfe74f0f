"""What is in doubt: the partner may have it, or not; a list of its own, since nothing of it is ever simply sent again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select
from sqlalchemy.engine import Row

from hub.ledger.tables import attempts, deliveries
from hub.registers import cursors, possible, scopes
from hub.registers.history import waiting_behind
from hub.registers.scopes import Scope
from hub.rules.lifecycle import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One delivery of which nobody knows whether it arrived."""

    id: str
    message_id: str
    subject: str
    origin: str
    endpoint: str
    service: str
    variant: str
    event: str
    procedure: str
    #: Since when nobody knows.
    since_at: float
    #: What is done about it by itself: ask, resend, or park (nothing: a person finds out).
    policy: str
    #: How often the partner was asked, and when it is asked next; None: not by itself.
    inquiries: int
    asks_at: float | None
    attempts: int
    followers: int
    partner_code: str
    error_vi: str
    error_en: str
    #: What a person can do, as it is typed.
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How much is in doubt at one partner."""

    endpoint: str
    count: int
    oldest_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """A page of doubts, the oldest first, and how many there are by partner."""

    rows: tuple[Doubt, ...]
    next: str
    partners: tuple[Count, ...]


def doubts(
    conn: Connection, *, endpoint: str, after: str, limit: int, scope: Scope, on_doubt: Callable[[str, str, str], str]
) -> Doubts:
    """List what is in doubt; ``on_doubt``: gives what an endpoint's service and variant declare."""
    here = and_(deliveries.c.state == State.IN_DOUBT.value, scopes.of_deliveries(scope))
    counted = select(
        deliveries.c.endpoint, func.count().label("number"), func.min(deliveries.c.updated_at).label("oldest_at")
    )
    partners = conn.execute(counted.where(here).group_by(deliveries.c.endpoint)).fetchall()
    if endpoint:
        here = and_(here, deliveries.c.endpoint == endpoint)
    if (place := cursors.after(cursors.read(after, float, str), deliveries.c.updated_at, deliveries.c.id)) is not None:
        here = and_(here, place)
    query = select(deliveries, waiting_behind().label("behind"), _since().label("since")).where(here)
    rows = conn.execute(query.order_by(deliveries.c.updated_at, deliveries.c.id).limit(limit + 1)).fetchall()
    page = rows[:limit]
    return Doubts(
        rows=tuple(_doubt(row, on_doubt(row.endpoint, row.service, row.variant)) for row in page),
        next=cursors.written(page[-1].updated_at, page[-1].id) if len(rows) > limit else "",
        partners=tuple(
            Count(endpoint=row.endpoint, count=row.number, oldest_at=row.oldest_at)
            for row in sorted(partners, key=lambda row: (-row.number, row.endpoint))
        ),
    )


def _since() -> ColumnElement[float]:
    """Give when the first attempt began of which nobody knows what became."""
    unknown = attempts.c.outcome.in_(possible.MAY_HAVE_ARRIVED)
    return select(func.min(attempts.c.started_at)).where((attempts.c.delivery_id == deliveries.c.id) & unknown).scalar_subquery()


def _doubt(row: Row[Any], declared: str) -> Doubt:
    same = ("id", "message_id", "subject", "origin", "endpoint", "service", "variant", "procedure", "attempts", "inquiries")
    asks = row.doubt in ("ask", "resend")
    return Doubt(
        **{name: getattr(row, name) for name in (*same, "partner_code", "error_vi", "error_en")},
        event=row.event or row.kind,
        since_at=row.since or row.updated_at,
        policy=row.doubt,
        asks_at=row.due_at if asks else None,
        followers=row.behind,
        verbs=possible.for_all(State.IN_DOUBT, may_have_arrived=True, on_doubt={declared}),
    )
