"""Campaigns as they stand: how far each has come by week and by unit, and what each of its services still lacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from hub.canonical.base import VIETNAM
from hub.errors import NotAllowed
from hub.ledger.campaign_tables import campaign_items, campaign_ticks, campaigns, test_dossiers
from hub.ledger.campaign_verbs import Key, unknown
from hub.ledger.tables import dossiers
from hub.registers import cursors, service_levels
from hub.rules import campaigns as rules
from hub.rules.campaigns import DROPPED, NEEDS, PLANNED, PREPARING, RAISED, READY, NeedState, Tested, Tick, Week
from hub.rules.dossier_facts import Flag
from hub.rules.procedure_facts import RecordFacts
from hub.rules.service_levels import Level, share
from hub.rules.test_dossiers import is_of_unit

#: Campaigns in the list; procedures that are asked for at once.
MOST, _PORTION = 200, 500
_OPEN = (PLANNED, PREPARING)
#: Paid on the national platform, or by the agency's own gateway, as the sender tells it (DuocThanhToanTrucTuyen).
_PAID = int(Flag.PAID_NATIONAL | Flag.PAID_OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign, as it was made, and how many of its items stand where."""

    id: str
    agency: str
    title: str
    level: int
    #: Of a hundred services so many are to be at the level; 0: none was named.
    goal_percent: float
    first_day: date
    last_day: date
    made_at: float
    made_by: str
    why: str
    #: planned, preparing, raised, dropped -> items.
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignList:
    """The campaigns, the newest first."""

    campaigns: tuple[Campaign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many of the agency's services are at the campaign's level: before it, now, when its plan is carried out."""

    services: int
    at_start: int
    now: int
    #: With everything that is planned and not dropped.
    at_end: int
    #: What the goal comes to; 0: none was named.
    goal: int
    #: The same in percent, two decimals.
    start_percent: float
    now_percent: float
    end_percent: float
    #: How many services the plan itself lacks.
    short_of_goal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitProgress:
    """One unit's items."""

    unit: str
    name: str
    items: int
    planned: int
    preparing: int
    ready: int
    raised: int
    dropped: int
    #: Not raised, though its day is over.
    overdue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """How many items that are not raised lack one thing."""

    need: str
    vi: str
    en: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One service that a unit is to raise."""

    unit: str
    unit_name: str
    procedure: str
    name: str
    from_level: int | None
    to_level: int
    planned_day: date
    #: planned, preparing, ready, raised, dropped.
    state: str
    overdue: bool
    needs: tuple[NeedState, ...]
    missing: tuple[str, ...]
    prepared_at: float | None
    raised_at: float | None
    #: The catalogue says another level than was raised to; None: it says none, or the item is not raised.
    catalogue_level: int | None
    changed_at: float
    changed_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPage:
    """One campaign with its progress, and a page of its items."""

    campaign: Campaign
    level_vi: str
    level_en: str
    progress: Progress
    weeks: tuple[Week, ...]
    units: tuple[UnitProgress, ...]
    lacking: tuple[Lacking, ...]
    #: Raised items of which the catalogue still says another level.
    differing: int
    items: tuple[Item, ...]
    #: Where the next page of items begins; empty: there is none.
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """An endpoint from which test dossiers come, and the agency it speaks for."""

    endpoint: str
    agency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """By what a campaign is looked at."""

    today: date
    levels: Mapping[int, Level]
    senders: tuple[Sender, ...]
    #: Agency code -> name, where it is known.
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which items; an empty text does not narrow."""

    unit: str = ""
    procedure: str = ""
    #: A state as it is shown, ``overdue``, ``differs`` (from the catalogue), or the name of a need that is missing.
    only: str = ""
    after: str = ""
    limit: int = 100


# --- campaigns ---------------------------------------------------------------------------------------------------


def listing(conn: Connection) -> CampaignList:
    """List the campaigns, the newest first."""
    rows = conn.execute(select(campaigns).order_by(campaigns.c.made_at.desc(), campaigns.c.id).limit(MOST)).fetchall()
    counted = (
        select(campaign_items.c.campaign_id, campaign_items.c.state, func.count().label("number"))
        .where(campaign_items.c.campaign_id.in_([row.id for row in rows]))
        .group_by(campaign_items.c.campaign_id, campaign_items.c.state)
    )
    counts: dict[str, dict[str, int]] = {}
    for row in conn.execute(counted):
        counts.setdefault(row.campaign_id, {})[row.state] = row.number
    return CampaignList(campaigns=tuple(_campaign(row, counts.get(row.id, {})) for row in rows))


def one(conn: Connection, campaign: str) -> Campaign:
    """Give one campaign; raise NotAllowed where there is none of this id, or of this beginning."""
    row = conn.execute(select(campaigns).where(campaigns.c.id == campaign)).first()
    if row is None:
        raise unknown(campaign)
    counted = select(campaign_items.c.state, func.count()).where(campaign_items.c.campaign_id == campaign)
    return _campaign(row, {state: number for state, number in conn.execute(counted.group_by(campaign_items.c.state))})


def resolve(conn: Connection, given: str) -> str:
    """Find a campaign by its id, or by the beginning of it that no other has."""
    inside = campaigns.c.id.startswith(given, autoescape=True)
    found = list(conn.execute(select(campaigns.c.id).where(inside).limit(2)).scalars()) if len(given) >= 4 else [given]
    if len(found) > 1:
        raise NotAllowed(f"{given!r} begins several campaigns", f"{given!r} ứng với nhiều chiến dịch", where=given)
    return found[0] if found else given


def _campaign(row: Row[Any], counts: Mapping[str, int]) -> Campaign:
    return Campaign(
        id=row.id,
        agency=row.agency,
        title=row.title,
        level=row.level,
        goal_percent=row.goal_percent,
        first_day=date.fromisoformat(row.first_day),
        last_day=date.fromisoformat(row.last_day),
        made_at=row.made_at,
        made_by=row.made_by,
        why=row.why,
        counts=counts,
    )


# --- one campaign ------------------------------------------------------------------------------------------------


def page(conn: Connection, campaign: str, looking: Looking, wanted: Wanted) -> CampaignPage:
    """Show one campaign: its progress over all items, and those that are wanted."""
    about = one(conn, campaign)
    rows = _rows(conn, campaign)
    own = service_levels.own_levels(conn, about.agency)
    stands = _standing(conn, about, rows, looking)
    items = [_item(about, row, stands, own, looking) for row in rows]
    level = looking.levels.get(about.level)
    shown, following = _paged([each for each in items if _is_wanted(each, wanted)], wanted)
    return CampaignPage(
        campaign=about,
        level_vi=level.vi if level else f"mức độ {about.level}",
        level_en=level.en if level else f"level {about.level}",
        progress=_progress(conn, about, rows, own, looking),
        weeks=_weeks(about, rows),
        units=_units(items),
        lacking=_lacking(items),
        differing=sum(1 for each in items if each.catalogue_level is not None),
        items=shown,
        next=following,
    )


def missing(conn: Connection, campaign: str, keys: Sequence[Key], looking: Looking) -> dict[Key, tuple[str, ...]]:
    """Say what items lack, each that lacks something; for the verb that raises them, in its own commit."""
    about = one(conn, campaign)
    chosen = set(keys)
    rows = [row for row in _rows(conn, campaign) if (row.unit, row.procedure) in chosen]
    stands = _standing(conn, about, rows, looking)
    found = {(row.unit, row.procedure): rules.missing(stands.needs(row, looking)) for row in rows}
    return {key: lacking for key, lacking in found.items() if lacking}


def keys_of(conn: Connection, campaign: str, states: Iterable[str], unit: str = "") -> tuple[Key, ...]:
    """Give the items of a campaign, or of one of its units, that stand so."""
    here = (campaign_items.c.campaign_id == campaign) & campaign_items.c.state.in_(sorted(states))
    if unit:
        here &= campaign_items.c.unit == unit
    order = (campaign_items.c.unit, campaign_items.c.procedure)
    return tuple((row.unit, row.procedure) for row in conn.execute(select(*order).where(here).order_by(*order)))


def _rows(conn: Connection, campaign: str) -> Sequence[Row[Any]]:
    here = select(campaign_items).where(campaign_items.c.campaign_id == campaign)
    return conn.execute(here.order_by(campaign_items.c.unit, campaign_items.c.procedure)).fetchall()


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is known of the items of a campaign that are not raised."""

    facts: Mapping[str, RecordFacts]
    ticks: Mapping[Key, Mapping[str, Tick]]
    tests: Mapping[str, Sequence[Row[Any]]]

    def needs(self, row: Row[Any], looking: Looking) -> tuple[NeedState, ...]:
        """Say how each need of an item stands."""
        level = looking.levels.get(row.to_level)
        key = (row.unit, row.procedure)
        return rules.needs(
            level.needs if level else tuple(NEEDS),
            self.facts.get(row.procedure),
            self._tested(row, looking),
            self.ticks.get(key, {}),
        )

    def _tested(self, row: Row[Any], looking: Looking) -> Tested | None:
        """Find the newest test dossier of an item since its preparing began."""
        if row.prepared_at is None:
            return None
        agencies = {each.endpoint: each.agency for each in looking.senders}
        mine = [
            test
            for test in self.tests.get(row.procedure, ())
            if test.at >= row.prepared_at and is_of_unit(row.unit, agencies.get(test.endpoint, ""), test.agency)
        ]
        if not mine:
            return None
        newest = max(mine, key=lambda test: test.at)
        paid = max((test for test in mine if test.paid), key=lambda test: test.at, default=None)
        return Tested(dossier=newest.key, endpoint=newest.endpoint, at=newest.at, paid=paid.key if paid else "")


def _standing(conn: Connection, about: Campaign, rows: Sequence[Row[Any]], looking: Looking) -> _Standing:
    codes = sorted({row.procedure for row in rows})
    ticks: dict[Key, dict[str, Tick]] = {}
    for row in conn.execute(select(campaign_ticks).where(campaign_ticks.c.campaign_id == about.id)):
        ticks.setdefault((row.unit, row.procedure), {})[row.need] = Tick(evidence=row.evidence, actor=row.actor, at=row.at)
    since = min((row.prepared_at for row in rows if row.prepared_at is not None and row.state == PREPARING), default=None)
    preparing = sorted({row.procedure for row in rows if row.state == PREPARING})
    return _Standing(
        facts=service_levels.facts_of(conn, about.agency, codes),
        ticks=ticks,
        tests=_tests(conn, preparing, since) if since is not None else {},
    )


def _tests(conn: Connection, codes: Sequence[str], since: float) -> dict[str, list[Row[Any]]]:
    """Find who sent test dossiers for procedures: of each sender and agency the newest, and the newest that was paid online."""
    found: dict[str, list[Row[Any]]] = {}
    told = test_dossiers.c
    paid = dossiers.c.flags.bitwise_and(_PAID) != 0
    newest = func.row_number().over(
        partition_by=(told.procedure, told.endpoint, told.agency, paid), order_by=(told.received_at.desc(), told.key)
    )
    columns = (told.procedure, told.endpoint, told.agency, told.key, told.received_at.label("at"), paid.label("paid"))
    both = test_dossiers.join(dossiers, dossiers.c.key == told.key)
    for start in range(0, len(codes), _PORTION):
        here = told.procedure.in_(codes[start : start + _PORTION]) & (told.received_at >= since)
        placed = select(*columns, newest.label("place")).select_from(both).where(here).subquery()
        for row in conn.execute(select(placed).where(placed.c.place == 1)):
            found.setdefault(row.procedure, []).append(row)
    return found


def _item(
    about: Campaign, row: Row[Any], stands: _Standing, own: Mapping[str, int | None], looking: Looking
) -> Item:
    needs = () if row.state in (RAISED, DROPPED) else stands.needs(row, looking)
    lacking = rules.missing(needs)
    planned_day = date.fromisoformat(row.planned_day)
    facts = stands.facts.get(row.procedure)
    says = own.get(row.procedure)
    return Item(
        unit=row.unit,
        unit_name=looking.names.get(row.unit, ""),
        procedure=row.procedure,
        name=facts.name if facts else "",
        from_level=row.from_level,
        to_level=row.to_level,
        planned_day=planned_day,
        state=READY if row.state == PREPARING and not lacking else row.state,
        overdue=row.state in _OPEN and planned_day < looking.today,
        needs=needs,
        missing=lacking,
        prepared_at=row.prepared_at,
        raised_at=row.raised_at,
        catalogue_level=says if row.state == RAISED and says != row.to_level else None,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        why=row.why,
    )


#: What may be looked for beside states and needs.
_OTHERWISE: Mapping[str, Callable[[Item], bool]] = {
    "overdue": lambda item: item.overdue,
    "differs": lambda item: item.catalogue_level is not None,
}


def _is_wanted(item: Item, wanted: Wanted) -> bool:
    if wanted.unit not in ("", item.unit) or wanted.procedure not in ("", item.procedure):
        return False
    if wanted.only in _OTHERWISE:
        return _OTHERWISE[wanted.only](item)
    return wanted.only in ("", item.state) or wanted.only in item.missing


def _paged(items: Sequence[Item], wanted: Wanted) -> tuple[tuple[Item, ...], str]:
    place = cursors.read(wanted.after, str, str)
    rest = [each for each in items if place is None or (each.unit, each.procedure) > place]
    shown = tuple(rest[: wanted.limit])
    return shown, cursors.written(shown[-1].unit, shown[-1].procedure) if len(rest) > wanted.limit else ""


def _units(items: Iterable[Item]) -> tuple[UnitProgress, ...]:
    by_unit: dict[str, list[Item]] = {}
    for item in items:
        by_unit.setdefault(item.unit, []).append(item)
    return tuple(_unit(unit, mine) for unit, mine in sorted(by_unit.items()))


def _unit(unit: str, items: Sequence[Item]) -> UnitProgress:
    states = {state: sum(1 for each in items if each.state == state) for state in rules.STATES}
    overdue = sum(1 for each in items if each.overdue)
    return UnitProgress(unit=unit, name=items[0].unit_name, items=len(items), overdue=overdue, **states)


def _lacking(items: Sequence[Item]) -> tuple[Lacking, ...]:
    counts = {need.name: sum(1 for each in items if need.name in each.missing) for need in NEEDS.values()}
    return tuple(
        Lacking(need=need.name, vi=need.vi, en=need.en, items=counts[need.name]) for need in NEEDS.values() if counts[need.name]
    )


# --- progress ----------------------------------------------------------------------------------------------------


def _progress(
    conn: Connection, about: Campaign, rows: Sequence[Row[Any]], own: Mapping[str, int | None], looking: Looking
) -> Progress:
    found = service_levels.overlaid(conn, about.agency, own, looking.today)
    now = {code for code, level in found.items() if level is not None and level >= about.level}
    counted = [row for row in rows if row.state != DROPPED and row.to_level >= about.level and row.procedure in found]
    raised = {row.procedure for row in counted if row.state == RAISED and (row.from_level or 0) < about.level}
    start = now - raised
    end, services = start | {row.procedure for row in counted}, len(found)
    goal = math.ceil(services * about.goal_percent / 100)
    return Progress(
        services=services,
        at_start=len(start),
        now=len(now),
        at_end=len(end),
        goal=goal,
        start_percent=share(len(start), services),
        now_percent=share(len(now), services),
        end_percent=share(len(end), services),
        short_of_goal=max(0, goal - len(end)),
    )


def _weeks(about: Campaign, rows: Iterable[Row[Any]]) -> tuple[Week, ...]:
    """Count services by week: one that several units raise counts with the last of them."""
    by_code: dict[str, list[Row[Any]]] = {}
    for row in rows:
        if row.state != DROPPED and row.to_level >= about.level:
            by_code.setdefault(row.procedure, []).append(row)
    planned = [max(date.fromisoformat(row.planned_day) for row in mine) for mine in by_code.values()]
    raised = [
        datetime.fromtimestamp(max(row.raised_at for row in mine), VIETNAM).date()
        for mine in by_code.values()
        if all(row.state == RAISED for row in mine)
    ]
    return rules.weeks(about.first_day, about.last_day, planned, raised)
