"""Verbs of campaigns: show, make, plan items (also from a spreadsheet), prepare, tick, raise; and the candidates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from hub.app import Hub
from hub.canonical.base import local
from hub.canonical.national_fields import text_fault
from hub.errors import Fault, InvalidMessage, NotAllowed
from hub.ledger import campaign_verbs
from hub.ledger.campaign_verbs import Key, NewCampaign
from hub.operations.said import require
from hub.registers import campaigns, pilots, service_levels
from hub.registers.campaigns import Campaign, CampaignList, CampaignPage, Looking, Sender, Wanted
from hub.registers.pilots import Candidates
from hub.registers.service_levels import LevelFigures
from hub.rules import campaigns as rules
from hub.rules import pilot
from hub.rules import service_levels as levels
from hub.rules.campaigns import DROPPED, EITHER, MOST_AT_ONCE, NEEDS, PLANNED, PREPARING
from hub.rules.service_levels import HIGHEST, LOWEST

log = structlog.get_logger()

LONGEST_CODE, _LONGEST_TITLE, _LONGEST_EVIDENCE = 100, 300, 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Items to which something was done."""

    campaign: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An item that was not raised, and what it lacks."""

    unit: str
    procedure: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """Items that were raised, and those that were left."""

    campaign: str
    raised: int
    left: tuple[Left, ...]


# --- looking -----------------------------------------------------------------------------------------------------


def listing(hub: Hub, sees: Callable[[str], bool] = lambda agency: True) -> CampaignList:
    """List the campaigns of the agencies that somebody sees, the newest first."""
    with hub.ledger.read() as conn:
        listed = campaigns.listing(conn)
    return CampaignList(campaigns=tuple(each for each in listed.campaigns if sees(each.agency)))


def show(hub: Hub, campaign: str, wanted: Wanted | None = None) -> CampaignPage:
    """Show one campaign with its progress; raise NotAllowed where there is none of this id."""
    with hub.ledger.read() as conn:
        return campaigns.page(conn, campaigns.resolve(conn, campaign), _looking(hub), wanted or Wanted())


def agency_of(hub: Hub, campaign: str) -> str:
    """Give the agency of a campaign; raise NotAllowed where there is none of this id."""
    with hub.ledger.read() as conn:
        return campaigns.one(conn, campaigns.resolve(conn, campaign)).agency


def candidates(hub: Hub, campaign: str, *, limit: int = 50) -> Candidates:
    """Rank what a campaign could raise by the pilot criteria."""
    day = today(hub)
    own = hub.codes().tables.get(pilot.LIST, ())
    with hub.ledger.read() as conn:
        about = campaigns.one(conn, campaigns.resolve(conn, campaign))
        chosen = pilot.criteria(day, own)
        return pilots.ranked(conn, about.agency, about.level, chosen, today=day, now=hub.now(), limit=limit)


def figures(hub: Hub, agency: str, day: date | None = None) -> LevelFigures:
    """Count an agency's services by level, today or on another day."""
    with hub.ledger.read() as conn:
        return service_levels.figures(conn, agency, day or today(hub))


def _looking(hub: Hub) -> Looking:
    day = today(hub)
    coded = [each for each in hub.endpoints.values() if each.agency_code]
    return Looking(
        today=day,
        levels=levels.on(day, hub.codes().tables.get(levels.LIST, ())),
        senders=tuple(Sender(endpoint=each.name, agency=each.agency_code) for each in coded),
        names={each.agency_code: each.title for each in coded},
    )


def today(hub: Hub) -> date:
    """Give the day that it is in Vietnam."""
    return local(hub.clock()).date()


# --- making and planning -----------------------------------------------------------------------------------------


def make(
    hub: Hub,
    agency: str,
    title: str,
    *,
    level: int = HIGHEST,
    goal_percent: float = 0.0,
    first_day: date,
    last_day: date,
    actor: str,
    why: str,
) -> Campaign:
    """Make a campaign of an agency; raise InvalidMessage for what cannot be one."""
    require(actor, why)
    new = NewCampaign(
        id=hub.new_id(),
        agency=agency.strip(),
        title=title.strip(),
        level=level,
        goal_percent=goal_percent,
        first_day=first_day.isoformat(),
        last_day=last_day.isoformat(),
    )
    if faults := list(_faults(new)):
        raise InvalidMessage(faults)
    hub.ledger.change(partial(campaign_verbs.make, new=new, actor=actor, why=why, now=hub.now()))
    log.info("campaign.made", campaign=new.id, agency=new.agency, actor=actor)
    with hub.ledger.read() as conn:
        return campaigns.one(conn, new.id)


def _faults(new: NewCampaign) -> Iterator[Fault]:
    for field, text, longest in (("agency", new.agency, LONGEST_CODE), ("title", new.title, _LONGEST_TITLE)):
        yield from text_faults(field, text, longest)
    if not LOWEST <= new.level <= HIGHEST:
        yield Fault("level", "bad_value", f"mức từ {LOWEST} đến {HIGHEST}", f"a level is {LOWEST} to {HIGHEST}")
    if not 0 <= new.goal_percent <= 100:
        yield Fault("goal_percent", "bad_value", "tỷ lệ từ 0 đến 100", "a share is 0 to 100")
    if new.first_day > new.last_day:
        vi, en = "ngày kết thúc phải từ ngày bắt đầu trở đi", "it ends before it begins"
        yield Fault("last_day", "bad_value", vi, en)


def text_faults(field: str, text: str, longest: int) -> Iterator[Fault]:
    """Find what is wrong with a text that must be there."""
    if not text:
        yield Fault(field, "missing", "thiếu", "is missing")
    elif len(text) > longest:
        yield Fault(field, "too_long", f"dài quá {longest} ký tự", f"longer than {longest} characters")
    elif fault := text_fault(field, text):
        yield fault


# --- preparing and raising ---------------------------------------------------------------------------------------


def move(
    hub: Hub, campaign: str, state: str, *, unit: str = "", procedures: Collection[str] = (), actor: str, why: str
) -> Done:
    """Begin or stop preparing items, or drop them: those of the unit, or of it those that are named; without both, all.

    Raises NotAllowed where an item cannot become that, or where there is none.
    """
    require(actor, why)
    if state not in (PLANNED, PREPARING, DROPPED):
        raise NotAllowed(
            f"an item becomes {PLANNED}, {PREPARING} or {DROPPED}, not {state!r}; it is raised by campaign raise",
            f"chỉ chuyển được sang {PLANNED}, {PREPARING}, {DROPPED}, không sang {state!r}; nâng mức bằng campaign raise",
            where="state",
        )
    about = found(hub, campaign)
    origins = [each for each, targets in rules.MOVES.items() if state in targets]
    keys = _chosen(hub, about, origins, unit, procedures)
    verb = partial(campaign_verbs.move, campaign=about.id, keys=keys, state=state, actor=actor, why=why, now=hub.now())
    items = hub.ledger.change(verb, f"campaign:{about.id}")
    log.info("campaign.moved", campaign=about.id, state=state, items=items, actor=actor)
    return Done(campaign=about.id, items=items)


def tick(
    hub: Hub,
    campaign: str,
    need: str,
    *,
    unit: str = "",
    procedures: Collection[str] = (),
    evidence: str = "",
    done: bool = True,
    actor: str,
    why: str,
) -> Done:
    """State that a need of items is met, with where that can be seen; or take that back.

    Raises NotAllowed where only facts decide, or evidence is missing.
    """
    require(actor, why)
    _check_tick(need, evidence, done)
    about = found(hub, campaign)
    keys = _chosen(hub, about, [PLANNED, PREPARING], unit, procedures)
    said: dict[str, Any] = {"campaign": about.id, "keys": keys, "need": need, "actor": actor, "why": why, "now": hub.now()}
    verb = partial(campaign_verbs.tick, evidence=evidence.strip(), **said) if done else partial(campaign_verbs.untick, **said)
    items = hub.ledger.change(verb, f"campaign:{about.id}")
    log.info("campaign.ticked", campaign=about.id, need=need, done=done, items=items, actor=actor)
    return Done(campaign=about.id, items=items)


def _check_tick(need: str, evidence: str, done: bool) -> None:
    known = NEEDS.get(need)
    if known is None or known.by != EITHER:
        listed = ", ".join(each.name for each in NEEDS.values() if each.by == EITHER)
        raise NotAllowed(
            f"a person cannot tick {need!r}; these can be ticked: {listed}",
            f"không đánh dấu được mục {need!r}; đánh dấu được: {listed}",
            where="need",
        )
    if done and not evidence.strip():
        raise NotAllowed(f"{need} needs evidence", f"mục {need} phải có minh chứng (evidence)", where="evidence")
    if len(evidence) > _LONGEST_EVIDENCE:
        raise NotAllowed("the evidence is too long", "minh chứng quá dài", where="evidence")


def raise_(
    hub: Hub, campaign: str, *, unit: str = "", procedures: Collection[str] = (), actor: str, why: str
) -> Raised:
    """Raise what is being prepared and lacks nothing, from today on; of what lacks something, say what.

    Raises NotAllowed where nothing of it is being prepared.
    """
    require(actor, why)
    about = found(hub, campaign)
    keys = _chosen(hub, about, [PREPARING], unit, procedures)
    looking = _looking(hub)

    def missing(conn: Connection, asked: Sequence[Key]) -> Mapping[Key, Sequence[str]]:
        return campaigns.missing(conn, about.id, asked, looking)

    verb = partial(
        campaign_verbs.raise_,
        campaign=about.id,
        keys=keys,
        missing=missing,
        day=looking.today.isoformat(),
        actor=actor,
        why=why,
        now=hub.now(),
    )
    lacking = hub.ledger.change(verb, f"campaign:{about.id}")
    log.info("campaign.raised", campaign=about.id, raised=len(keys) - len(lacking), left=len(lacking), actor=actor)
    left = tuple(Left(unit=unit, procedure=code, missing=tuple(each)) for (unit, code), each in sorted(lacking.items()))
    return Raised(campaign=about.id, raised=len(keys) - len(left), left=left)


def found(hub: Hub, campaign: str) -> Campaign:
    """Find a campaign by its id or its beginning; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        return campaigns.one(conn, campaigns.resolve(conn, campaign))


def _chosen(
    hub: Hub, about: Campaign, states: Collection[str], unit: str, procedures: Collection[str]
) -> tuple[Key, ...]:
    """Choose items: those that stand so, or the named ones, however they stand: the verb refuses what does not fit."""
    wanted = set(procedures)
    with hub.ledger.read() as conn:
        among = rules.STATES if wanted else states
        keys = campaigns.keys_of(conn, about.id, among, unit)
    chosen = tuple(key for key in keys if not wanted or key[1] in wanted)
    unknown = sorted(wanted - {code for _, code in chosen})
    if unknown or not chosen:
        listed = ", ".join(unknown[:5]) or unit or about.title
        raise NotAllowed(
            f"the campaign has no such items: {listed}", f"chiến dịch không có dịch vụ cần tìm: {listed}", where="procedures"
        )
    if len(chosen) > MOST_AT_ONCE:
        raise NotAllowed(
            f"more than {MOST_AT_ONCE} items at once: choose a unit",
            f"quá {MOST_AT_ONCE} dịch vụ trong một lần: hãy chọn đơn vị",
            where="unit",
        )
    return chosen
