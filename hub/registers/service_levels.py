"""Levels of an agency's services: what its catalogue says, and what campaigns recorded of its units; and shares of them.

The national record has no level. Provinces keep it, each unit its own: so it stands beside the catalogue here, not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from hub.ledger.campaign_tables import campaign_items, campaigns, service_levels
from hub.ledger.catalogue_tables import procedure_versions
from hub.ledger.tables import procedures
from hub.rules import procedure_facts
from hub.rules.campaigns import DROPPED, RAISED
from hub.rules.procedure_facts import RecordFacts
from hub.rules.service_levels import effective, share

#: Records that are read at once.
_PORTION = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFigures:
    """How many of an agency's services are at which level."""

    agency: str
    services: int
    #: Level -> services; what has none is in ``unknown``.
    at: Mapping[int, int]
    unknown: int
    #: Received at the one-stop desk (as the agency's own list says), and passed between agencies.
    one_stop: int
    inter_agency: int

    def at_least(self, level: int) -> int:
        """Count the services at a level or above."""
        return sum(number for each, number in self.at.items() if each >= level)

    def share(self, level: int) -> float:
        """Give the share of the services at a level or above, in percent."""
        return share(self.at_least(level), self.services)

    @property
    def one_stop_share(self) -> float:
        return share(self.one_stop, self.services)


def levels(conn: Connection, agency: str, day: date) -> dict[str, int | None]:
    """Give the level of each service in an agency's catalogue on a day; None: nobody has said.

    A procedure that several units offer is at the lowest of their levels; one that a unit is still to raise is not raised.
    """
    own = own_levels(conn, agency)
    return overlaid(conn, agency, own, day)


def overlaid(conn: Connection, agency: str, own: Mapping[str, int | None], day: date) -> dict[str, int | None]:
    """Lay what campaigns recorded over the levels of a catalogue."""
    units = _units(conn, agency, day)
    return {
        code: effective(level, [each if each is not None else level or 0 for each in units.get(code, {}).values()])
        for code, level in own.items()
    }


def own_levels(conn: Connection, agency: str) -> dict[str, int | None]:
    """Give the levels that an agency's own catalogue says, of the services in use."""
    said = procedure_versions.c
    versions = select(said.code, said.digest, said.level, said.active).where(said.owner == agency)
    known = {(row.code, row.digest): (row.level, row.active) for row in conn.execute(versions)}
    now = select(procedures.c.code, procedures.c.fingerprint).where(procedures.c.owner == agency)
    stands = {row.code: known.get((row.code, row.fingerprint)) for row in conn.execute(now)}
    # A catalogue that was told before versions were kept has none yet.
    stands |= _from_records(conn, agency, [code for code, each in stands.items() if each is None])
    return {code: each[0] for code, each in stands.items() if each is not None and each[1]}


@dataclass(frozen=True, slots=True)
class UnitLevels:
    """At which level each unit of an agency offers a procedure."""

    own: Mapping[str, int | None]
    recorded: Mapping[tuple[str, str], int]

    def at(self, unit: str, procedure: str) -> int | None:
        """Give a unit's level: what was recorded of it, else what the agency's catalogue says."""
        return self.recorded.get((unit, procedure), self.own.get(procedure))


def unit_levels(conn: Connection, agency: str) -> UnitLevels:
    """Give the levels of an agency's units as they stand."""
    mine = select(campaigns.c.id).where(campaigns.c.agency == agency)
    rows = conn.execute(select(service_levels).where(service_levels.c.campaign_id.in_(mine)).order_by(service_levels.c.from_day))
    return UnitLevels(own_levels(conn, agency), {(row.unit, row.procedure): row.level for row in rows})


def _from_records(conn: Connection, agency: str, codes: Sequence[str]) -> dict[str, tuple[int | None, bool]]:
    trees = ((code, json.loads(record)) for code, record in _records(conn, agency, codes))
    return {code: (tree.get("level"), bool(tree.get("active", True))) for code, tree in trees}


def _records(conn: Connection, agency: str, codes: Sequence[str]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(codes), _PORTION):
        some = procedures.c.code.in_(codes[start : start + _PORTION])
        rows = conn.execute(select(procedures.c.code, procedures.c.record).where((procedures.c.owner == agency) & some))
        yield from ((row.code, row.record) for row in rows)


def _units(conn: Connection, agency: str, day: date) -> dict[str, dict[str, int | None]]:
    """Give the levels of units, by procedure: what was recorded last; None where one is still to raise it, from where it is.

    The level from which an item started counts only for days before it was raised: what is open is at its catalogue's level.
    """
    mine = select(campaigns.c.id).where(campaigns.c.agency == agency)
    items = select(
        campaign_items.c.unit, campaign_items.c.procedure, campaign_items.c.from_level, campaign_items.c.state
    ).where(campaign_items.c.campaign_id.in_(mine) & (campaign_items.c.state != DROPPED))
    found: dict[str, dict[str, int | None]] = {}
    for row in conn.execute(items):
        found.setdefault(row.procedure, {}).setdefault(row.unit, row.from_level if row.state == RAISED else None)
    recorded = select(service_levels).where(
        service_levels.c.campaign_id.in_(mine) & (service_levels.c.from_day <= day.isoformat())
    )
    for row in conn.execute(recorded.order_by(service_levels.c.from_day)):
        found.setdefault(row.procedure, {})[row.unit] = row.level
    return found


def figures(conn: Connection, agency: str, day: date) -> LevelFigures:
    """Count an agency's services by level, and how many go through the one-stop desk."""
    rows = conn.execute(select(procedures.c.code, procedures.c.record).where(procedures.c.owner == agency))
    own: dict[str, int | None] = {}
    one_stop = inter_agency = 0
    for row in rows:
        tree = json.loads(row.record)
        facts = procedure_facts.read(tree)
        if facts.active:
            own[row.code] = tree.get("level")
            one_stop += facts.one_stop
            inter_agency += facts.inter_agency
    found = overlaid(conn, agency, own, day)
    at = {level: sum(1 for each in found.values() if each == level) for level in sorted({*found.values()} - {None}, key=str)}
    return LevelFigures(
        agency=agency,
        services=len(found),
        at={level: number for level, number in at.items() if level is not None},
        unknown=sum(1 for each in found.values() if each is None),
        one_stop=one_stop,
        inter_agency=inter_agency,
    )


def facts_of(conn: Connection, agency: str, codes: Iterable[str]) -> dict[str, RecordFacts]:
    """Read what an agency's catalogue says of some procedures."""
    found = _records(conn, agency, sorted(set(codes)))
    return {code: procedure_facts.read(json.loads(record)) for code, record in found}
