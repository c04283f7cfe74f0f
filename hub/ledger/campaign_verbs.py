"""Verbs of campaigns: make one, plan its items, prepare them, tick what a person has seen, raise the level of services."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from hub.errors import NotAllowed
from hub.ledger import journal, locks
from hub.ledger.campaign_tables import campaign_items, campaign_ticks, campaigns, service_levels
from hub.ledger.sql import insert_new
from hub.rules.campaigns import DROPPED, MOST_ITEMS, MOVES, PLANNED, PREPARING, RAISED

_NEW_TICK = insert_new(campaign_ticks, "campaign_id", "unit", "procedure", "need")
_NEW_LEVEL = insert_new(service_levels, "unit", "procedure", "from_day")

#: Unit and procedure.
Key = tuple[str, str]
#: Gives, in the verb's own commit, what these items lack: for each that lacks something.
Missing = Callable[[Connection, Sequence[Key]], Mapping[Key, Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCampaign:
    """A campaign as it is made; days as 2026-03-02."""

    id: str
    agency: str
    title: str
    level: int
    goal_percent: float
    first_day: str
    last_day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """What a unit is to raise."""

    unit: str
    procedure: str
    from_level: int | None
    to_level: int
    planned_day: str


def make(conn: Connection, new: NewCampaign, *, actor: str, why: str, now: float) -> None:
    """Make a campaign."""
    conn.execute(insert(campaigns).values(**asdict(new), made_at=now, made_by=actor, why=why))
    _note(conn, new.id, "campaign.made", actor, now, {**asdict(new), "why": why})


def put(conn: Connection, campaign: str, items: Sequence[NewItem], *, actor: str, why: str, now: float) -> tuple[int, int]:
    """Plan items, or change those that are not raised; give how many are new and how many were changed.

    Raises NotAllowed, and plans nothing, where one is raised already or another campaign is about to raise it.
    """
    _lock(conn, campaign)
    known = _items(conn, campaign, [(each.unit, each.procedure) for each in items])
    _refuse(campaign, [key for key, row in known.items() if row.state == RAISED], "is raised already", "đã nâng rồi")
    fresh = [each for each in items if (each.unit, each.procedure) not in known]
    _refuse_taken(conn, campaign, [(each.unit, each.procedure) for each in fresh])
    count = conn.execute(select(func.count()).where(campaign_items.c.campaign_id == campaign)).scalar_one()
    if count + len(fresh) > MOST_ITEMS:
        vi, en = f"chiến dịch có quá {MOST_ITEMS} dịch vụ", f"a campaign has at most {MOST_ITEMS} items"
        raise NotAllowed(en, vi, where=campaign)
    said = {"changed_at": now, "changed_by": actor, "why": why}
    if fresh:
        made = {"campaign_id": campaign, "state": PLANNED, "prepared_at": None, "raised_at": None, **said}
        conn.execute(insert(campaign_items), [{**asdict(each), **made} for each in fresh])
    changed = [each for each in items if (each.unit, each.procedure) in known]
    for each in changed:
        here = _here(campaign, (each.unit, each.procedure))
        conn.execute(update(campaign_items).where(here).values(**asdict(each), **said))
    told = [[each.unit, each.procedure, each.from_level, each.to_level, each.planned_day] for each in items]
    _note(conn, campaign, "campaign.planned", actor, now, {"items": told, "why": why})
    return len(fresh), len(changed)


def move(conn: Connection, campaign: str, keys: Sequence[Key], state: str, *, actor: str, why: str, now: float) -> int:
    """Begin or stop preparing items, or drop them; give how many. What is so already stays as it is.

    A test dossier counts from the moment at which preparing began. Raises NotAllowed where an item cannot become that.
    """
    _lock(conn, campaign)
    known = _items(conn, campaign, keys)
    _refuse(campaign, [key for key in keys if key not in known], "is not in the campaign", "không có trong chiến dịch")
    moving = [key for key in keys if known[key].state != state]
    wrong = [key for key in moving if state not in MOVES[known[key].state]]
    _refuse(campaign, wrong, f"cannot become {state}", f"không chuyển sang {state} được")
    _refuse_taken(conn, campaign, [key for key in moving if known[key].state == DROPPED])
    began = {PREPARING: now}.get(state)
    for key in moving:
        values = {"state": state, "prepared_at": began, "changed_at": now, "changed_by": actor, "why": why}
        conn.execute(update(campaign_items).where(_here(campaign, key)).values(**values))
    if moving:
        _note(conn, campaign, f"campaign.{state}", actor, now, {"items": [list(key) for key in moving], "why": why})
    return len(moving)


def tick(
    conn: Connection, campaign: str, keys: Sequence[Key], need: str, *, evidence: str, actor: str, why: str, now: float
) -> int:
    """Write down a person's word that a need of items is met; a later word takes the place of an earlier one."""
    _lock(conn, campaign)
    known = _items(conn, campaign, keys)
    _refuse(campaign, [key for key in keys if key not in known], "is not in the campaign", "không có trong chiến dịch")
    _refuse(campaign, [key for key in keys if known[key].state == RAISED], "is raised already", "đã nâng rồi")
    values = {"evidence": evidence, "actor": actor, "why": why, "at": now}
    for unit, procedure in keys:
        if not _NEW_TICK.run(conn, campaign_id=campaign, unit=unit, procedure=procedure, need=need, **values).rowcount:
            conn.execute(update(campaign_ticks).where(_tick(campaign, (unit, procedure), need)).values(**values))
    # What is written as evidence may name somebody, and stays out of the journal.
    _note(conn, campaign, "campaign.ticked", actor, now, {"items": [list(key) for key in keys], "need": need, "why": why})
    return len(keys)


def untick(conn: Connection, campaign: str, keys: Sequence[Key], need: str, *, actor: str, why: str, now: float) -> int:
    """Take a person's word back, of the items that have it; raise NotAllowed where one is raised, or none has it."""
    _lock(conn, campaign)
    known = _items(conn, campaign, keys)
    _refuse(campaign, [key for key in keys if key in known and known[key].state == RAISED], "is raised already", "đã nâng rồi")
    gone = [key for key in keys if conn.execute(delete(campaign_ticks).where(_tick(campaign, key, need))).rowcount]
    if not gone:
        raise NotAllowed(f"{need} is not ticked", f"mục {need} chưa được đánh dấu", where=need)
    _note(conn, campaign, "campaign.unticked", actor, now, {"items": [list(key) for key in gone], "need": need, "why": why})
    return len(gone)


def raise_(
    conn: Connection, campaign: str, keys: Sequence[Key], missing: Missing, day: str, *, actor: str, why: str, now: float
) -> Mapping[Key, Sequence[str]]:
    """Record that items are raised from a day on: each unit's level of the procedure. What lacks something stays; give that.

    What is missing is looked at in this commit. Raises NotAllowed where an item is not being prepared.
    """
    _lock(conn, campaign)
    known = _items(conn, campaign, keys)
    unready = [key for key in keys if key not in known or known[key].state != PREPARING]
    _refuse(campaign, unready, "is not being prepared", "không ở bước đang chuẩn bị")
    lacking = missing(conn, keys)
    raised = [key for key in keys if not lacking.get(key)]
    said = {"changed_at": now, "changed_by": actor, "why": why}
    for unit, procedure in raised:
        row = known[unit, procedure]
        conn.execute(update(campaign_items).where(_here(campaign, (unit, procedure))).values(state=RAISED, raised_at=now, **said))
        level = {"level": row.to_level, "campaign_id": campaign, "at": now, "actor": actor, "why": why}
        if not _NEW_LEVEL.run(conn, unit=unit, procedure=procedure, from_day=day, **level).rowcount:
            conn.execute(update(service_levels).where(_level(unit, procedure, day)).values(**level))
    if raised:
        told = [[*key, known[key].to_level] for key in raised]
        _note(conn, campaign, "campaign.raised", actor, now, {"items": told, "from_day": day, "why": why})
    return {key: tuple(lacking[key]) for key in keys if lacking.get(key)}


# --- what they share ---------------------------------------------------------------------------------------------


def _lock(conn: Connection, campaign: str) -> None:
    """Let one at a time change items, of whichever campaign: two may be about to plan the same service."""
    locks.wait(conn, "campaign items")
    if conn.execute(select(campaigns.c.id).where(campaigns.c.id == campaign)).first() is None:
        raise unknown(campaign)


def unknown(campaign: str) -> NotAllowed:
    """Say that there is no such campaign."""
    return NotAllowed(f"there is no campaign {campaign!r}", f"không có chiến dịch {campaign!r}", where=campaign)


def _items(conn: Connection, campaign: str, keys: Iterable[Key]) -> dict[Key, Any]:
    wanted = set(keys)
    rows = conn.execute(select(campaign_items).where(campaign_items.c.campaign_id == campaign))
    return {(row.unit, row.procedure): row for row in rows if (row.unit, row.procedure) in wanted}


def _refuse(campaign: str, keys: Sequence[Key], en: str, vi: str) -> None:
    if keys:
        named = ", ".join(" ".join(key) for key in keys[:5]) + (" …" if len(keys) > 5 else "")
        raise NotAllowed(f"{named}: {en}", f"{named}: {vi}", where=campaign)


def _refuse_taken(conn: Connection, campaign: str, keys: Iterable[Key]) -> None:
    """Refuse what another campaign is about to raise."""
    for unit, procedure in keys:
        here = (campaign_items.c.unit == unit) & (campaign_items.c.procedure == procedure)
        open_ = campaign_items.c.state.in_((PLANNED, PREPARING)) & (campaign_items.c.campaign_id != campaign)
        other = conn.execute(select(campaign_items.c.campaign_id).where(here & open_)).scalar()
        if other is not None:
            en, vi = f"is in another campaign ({other})", f"đang nằm trong chiến dịch khác ({other})"
            _refuse(campaign, [(unit, procedure)], en, vi)


def _here(campaign: str, key: Key) -> Any:
    unit, procedure = key
    same = (campaign_items.c.unit == unit) & (campaign_items.c.procedure == procedure)
    return (campaign_items.c.campaign_id == campaign) & same


def _tick(campaign: str, key: Key, need: str) -> Any:
    unit, procedure = key
    same = (campaign_ticks.c.unit == unit) & (campaign_ticks.c.procedure == procedure) & (campaign_ticks.c.need == need)
    return (campaign_ticks.c.campaign_id == campaign) & same


def _level(unit: str, procedure: str, day: str) -> Any:
    same = (service_levels.c.unit == unit) & (service_levels.c.procedure == procedure)
    return same & (service_levels.c.from_day == day)


def _note(conn: Connection, campaign: str, event: str, actor: str, now: float, entry: dict[str, Any]) -> None:
    journal.append(conn, f"campaign:{campaign}", event, at=now, actor=actor, entry={"campaign": campaign, **entry})
