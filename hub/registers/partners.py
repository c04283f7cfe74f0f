"""Partners as the ledger knows them: how each stands (trial, live, leaving, closed), successions, test messages, ticks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger.tables import deliveries
from hub.ledger.working_tables import onboarding_ticks, partner_tests, standings, successions
from hub.rules.lifecycle import ENDED, State
from hub.rules.onboarding import Tick

#: States in which a delivery is still to come.
OPEN = tuple(sorted(state.value for state in State if state not in ENDED))
#: So many test messages of a partner are shown.
SHOWN_TESTS = 10


class Standing(StrEnum):
    """How a partner stands."""

    #: Only test dossiers go to it.
    TRIAL = "trial"
    #: The usual one, also of a partner of which the ledger says nothing.
    LIVE = "live"
    #: Another takes its place; what it may have, or has half, is finished with it.
    LEAVING = "leaving"
    #: Another has taken its place, and nothing is left to be given to it.
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How a partner stands, since when, by whom and why."""

    standing: str = Standing.LIVE.value
    #: None: nobody ever said anything else than live.
    since_at: float | None = None
    actor: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """One partner that takes another's place."""

    old: str
    new: str
    #: The new one has the records of the old one.
    keeps_data: bool
    actor: str
    why: str
    begun_at: float
    #: When nothing was left at the old one; None: it goes on.
    ended_at: float | None
    #: So far.
    moved_chains: int
    moved_deliveries: int
    #: State -> number of deliveries that are still at the old one.
    left: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestStep:
    """One step of a test message."""

    #: named, connected, secured, authenticated, answered.
    name: str
    ok: bool
    #: How long it took.
    ms: int
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerTest:
    """One test message to a partner: never a dossier."""

    id: str
    endpoint: str
    actor: str
    why: str
    #: asked, running, done.
    state: str
    asked_at: float
    ended_at: float | None
    #: None while it is not done.
    ok: bool | None
    steps: tuple[TestStep, ...] = ()
    #: Days until the partner's TLS certificate ends; None: none was seen.
    certificate_days: int | None = None


def standing(conn: Connection, endpoint: str) -> Stand:
    """Give how a partner stands."""
    row = conn.execute(select(standings).where(standings.c.endpoint == endpoint)).first()
    return _stand(row) if row else Stand()


def all_standings(conn: Connection) -> dict[str, Stand]:
    """Give how those partners stand of which the ledger says something."""
    return {row.endpoint: _stand(row) for row in conn.execute(select(standings))}


def _stand(row: Row[Any]) -> Stand:
    return Stand(standing=row.standing, since_at=row.at, actor=row.actor, why=row.why)


def all_successions(conn: Connection) -> tuple[Succession, ...]:
    """List successions, the newest first, each with what is left at the old one."""
    rows = conn.execute(select(successions).order_by(successions.c.begun_at.desc(), successions.c.old)).fetchall()
    return tuple(_succession(row, left(conn, row.old)) for row in rows)


def succession_of(conn: Connection, old: str) -> Succession | None:
    """Give who takes a partner's place; None where nobody does."""
    row = conn.execute(select(successions).where(successions.c.old == old)).first()
    return _succession(row, left(conn, old)) if row else None


def left(conn: Connection, endpoint: str) -> dict[str, int]:
    """Count what is not done at a partner, by state."""
    here = (deliveries.c.endpoint == endpoint) & deliveries.c.state.in_(OPEN)
    rows: list[Any] = list(conn.execute(select(deliveries.c.state, func.count()).where(here).group_by(deliveries.c.state)))
    return {state: count for state, count in rows}


def _succession(row: Row[Any], left_there: Mapping[str, int]) -> Succession:
    return Succession(
        old=row.old,
        new=row.new,
        keeps_data=bool(row.keeps_data),
        actor=row.actor,
        why=row.why,
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        moved_chains=row.moved_chains,
        moved_deliveries=row.moved_deliveries,
        left=left_there,
    )


def test(conn: Connection, test_id: str) -> PartnerTest:
    """Give one test message; raise NotAllowed where there is none of this id."""
    row = conn.execute(select(partner_tests).where(partner_tests.c.id == test_id)).first()
    if row is None:
        raise NotAllowed(f"no test message {test_id}", f"không có lần gửi thử {test_id}", where=test_id)
    return _test(row)


def tests(conn: Connection, endpoint: str, limit: int = SHOWN_TESTS) -> tuple[PartnerTest, ...]:
    """List the test messages to a partner, the newest first."""
    query = select(partner_tests).where(partner_tests.c.endpoint == endpoint).order_by(partner_tests.c.asked_at.desc())
    return tuple(_test(row) for row in conn.execute(query.limit(limit)))


def _test(row: Row[Any]) -> PartnerTest:
    return PartnerTest(
        id=row.id,
        endpoint=row.endpoint,
        actor=row.actor,
        why=row.why,
        state=row.state,
        asked_at=row.asked_at,
        ended_at=row.ended_at,
        ok=None if row.ok is None else bool(row.ok),
        steps=tuple(TestStep(**step) for step in json.loads(row.steps)),
        certificate_days=row.certificate_days,
    )


def ticks(conn: Connection, endpoint: str) -> dict[str, Tick]:
    """Give the steps of onboarding that a person has ticked, by their names."""
    rows = conn.execute(select(onboarding_ticks).where(onboarding_ticks.c.endpoint == endpoint))
    return {
        row.step: Tick(actor=row.actor, why=row.why, evidence=row.evidence, at=row.at) for row in rows
    }
