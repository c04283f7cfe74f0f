"""Candidates for a campaign: services below its level, ranked by the pilot criteria, each criterion with its figure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from hub.ledger.campaign_tables import campaign_items
from hub.ledger.catalogue_tables import procedure_versions
from hub.registers import service_levels, statistic_services
from hub.rules import pilot
from hub.rules.campaigns import PLANNED, PREPARING
from hub.rules.pilot import Criterion, Figures, Mark
from hub.rules.procedure_facts import RecordFacts

#: Changes and dossiers are looked at so far back.
MONTHS = 12
_MONTH_SECONDS = 365.25 / 12 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One service, and why it stands where it does."""

    procedure: str
    name: str
    level: int | None
    total: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The candidates, the best first, and by what they were ranked."""

    agency: str
    #: Services below the level that no campaign is about to raise.
    found: int
    #: Dossiers in a month of the service in the middle, of those that have any.
    median: float
    criteria: tuple[Criterion, ...]
    candidates: tuple[Candidate, ...]


def ranked(
    conn: Connection, agency: str, level: int, criteria: Sequence[Criterion], *, today: date, now: float, limit: int
) -> Candidates:
    """Rank an agency's services that are below a level and in no campaign that is under way."""
    below = {code: at for code, at in service_levels.levels(conn, agency, today).items() if (at or 0) < level}
    codes = sorted(set(below) - _taken(conn, below))
    facts = service_levels.facts_of(conn, agency, codes)
    changes = _changes(conn, agency, now - MONTHS * _MONTH_SECONDS)
    # What came in this very second is in it: moments are told in whole seconds.
    counted = statistic_services.volumes(conn, codes, now - MONTHS * _MONTH_SECONDS, now + 1)
    months = {code: volume.all / MONTHS for code, volume in counted.items()}
    volumes = sorted(volume for volume in months.values() if volume)
    known = {code: _figures(facts[code], changes.get(code, 0), months[code]) for code in codes}
    made = [
        _candidate(code, below[code], facts[code], pilot.marks(criteria, figures, volumes)) for code, figures in known.items()
    ]
    made.sort(key=lambda each: (-each.total, each.procedure))
    return Candidates(
        agency=agency,
        found=len(made),
        median=volumes[len(volumes) // 2] if volumes else 0.0,
        criteria=tuple(criteria),
        candidates=tuple(made[:limit]),
    )


def _taken(conn: Connection, codes: Collection[str]) -> set[str]:
    """Name the procedures that some campaign is about to raise."""
    open_ones = select(campaign_items.c.procedure).where(campaign_items.c.state.in_((PLANNED, PREPARING))).distinct()
    return set(conn.execute(open_ones).scalars()) & set(codes)


def _changes(conn: Connection, agency: str, since: float) -> dict[str, int]:
    """Count how often an agency changed its procedures; the version by which one became known is no change."""
    versions = procedure_versions.c
    here = (versions.owner == agency) & (versions.told_at > since) & (versions.number > 1)
    rows = conn.execute(select(versions.code, func.count()).where(here).group_by(versions.code))
    return {code: int(count) for code, count in rows}


def _figures(facts: RecordFacts, changes: int, per_month: float) -> Figures:
    return Figures(
        changes=changes,
        components=facts.components or None,
        steps=facts.steps or None,
        agencies=facts.agencies or None,
        days=facts.days,
        per_month=per_month,
    )


def _candidate(code: str, level: int | None, facts: RecordFacts, marks: tuple[Mark, ...]) -> Candidate:
    return Candidate(procedure=code, name=facts.name, level=level, total=pilot.total(marks), marks=marks)
