"""Plans of campaigns: items one by one or from a spreadsheet, every fault with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from hub.app import Hub
from hub.errors import Fault
from hub.ledger import campaign_verbs
from hub.ledger.campaign_verbs import Key, NewItem
from hub.operations.campaigns import LONGEST_CODE, found, text_faults
from hub.operations.said import require
from hub.registers import service_levels
from hub.registers.campaigns import Campaign
from hub.rules import spreadsheets
from hub.rules.campaigns import MOST_AT_ONCE
from hub.rules.service_levels import HIGHEST, LOWEST
from hub.rules.spreadsheets import Column, Row
from hub.rules.test_dossiers import belongs

log = structlog.get_logger()

#: The columns of a plan; the titles are those of the template.
COLUMNS = (
    Column(key="procedure", title="Mã thủ tục", required=True, code=True, longest=200, hint="1.000001"),
    Column(key="unit", title="Mã đơn vị", required=True, code=True, longest=100, hint="H55.12"),
    Column(key="planned_day", title="Ngày nâng", required=True, day=True, hint="2026-09-28"),
    Column(key="from_level", title="Mức hiện tại", longest=1, hint="3"),
    Column(key="to_level", title="Mức sẽ nâng", longest=1, hint="4"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Items that were planned, or changed."""

    campaign: str
    added: int
    changed: int


def plan(hub: Hub, campaign: str, items: Sequence[NewItem], *, actor: str, why: str) -> Planned:
    """Plan items of a campaign, or change those that are not raised.

    Raises InvalidMessage for what cannot be an item, with its place; NotAllowed where one is raised, or in another campaign.
    """
    require(actor, why)
    about = found(hub, campaign)
    filled = _filled(hub, about, items)
    faults = [fault for number, item in enumerate(filled) for fault in _item_faults(about, item, f"items/{number}/")]
    return _plan(hub, about, filled, faults, actor, why)


def plan_file(hub: Hub, campaign: str, content: bytes, name: str, *, actor: str, why: str) -> Planned:
    """Plan the items of a spreadsheet (XLSX, CSV); raise InvalidMessage with every fault, named by its cell."""
    require(actor, why)
    about = found(hub, campaign)
    rows, faults = spreadsheets.read_rows(content, name, COLUMNS)
    items = _filled(hub, about, [_from_row(row, about, faults) for row in rows])
    seen: dict[Key, Row] = {}
    for row, item in zip(rows, items, strict=True):
        faults += _item_faults(about, item, "", row)
        key = (item.unit, item.procedure)
        if key in seen:
            vi, en = f"trùng với dòng {seen[key].number}", f"the same as row {seen[key].number}"
            faults.append(Fault(row.place("procedure"), "repeated", vi, en))
        seen[key] = row
    if not rows and not faults:
        faults.append(Fault("A1", "missing", "tệp không có dòng nào", "the file has no rows"))
    return _plan(hub, about, items, faults, actor, why)


def template() -> bytes:
    """Write the spreadsheet in which a plan is filled in."""
    return spreadsheets.write_workbook([("Kế hoạch", [column.title for column in COLUMNS], [[c.hint for c in COLUMNS]])])


def _from_row(row: Row, about: Campaign, faults: list[Fault]) -> NewItem:
    given = row.values
    return NewItem(
        unit=given.get("unit", ""),
        procedure=given.get("procedure", ""),
        from_level=_level(row, "from_level", None, faults),
        to_level=_level(row, "to_level", about.level, faults) or about.level,
        planned_day=given.get("planned_day", ""),
    )


def _level(row: Row, key: str, default: int | None, faults: list[Fault]) -> int | None:
    text = row.values.get(key, "")
    if not text:
        return default
    if text in map(str, range(LOWEST, HIGHEST + 1)):
        return int(text)
    faults.append(Fault(row.place(key), "bad_value", f"mức từ {LOWEST} đến {HIGHEST}", f"a level is {LOWEST} to {HIGHEST}"))
    return default


def _item_faults(about: Campaign, item: NewItem, path: str, row: Row | None = None) -> Iterator[Fault]:
    """Find what is wrong with an item; what a spreadsheet's reader has found is not said again."""
    place: Callable[[str], str] = row.place if row is not None else lambda field: f"{path}{field}"
    if row is None:
        yield from text_faults(place("unit"), item.unit, LONGEST_CODE)
        yield from text_faults(place("procedure"), item.procedure, 2 * LONGEST_CODE)
    if item.unit and not belongs(item.unit, about.agency):
        vi, en = f"không phải đơn vị thuộc {about.agency}", f"is no unit of {about.agency}"
        yield Fault(place("unit"), "bad_value", vi, en)
    if item.from_level is not None and item.from_level >= item.to_level:
        vi, en = "mức sẽ nâng phải cao hơn mức hiện tại", "must be higher than the level it is at"
        yield Fault(place("to_level"), "bad_value", vi, en)


def _plan(
    hub: Hub, about: Campaign, items: Sequence[NewItem], faults: Sequence[Fault], actor: str, why: str
) -> Planned:
    if len(items) > MOST_AT_ONCE:
        vi, en = f"quá {MOST_AT_ONCE} dịch vụ trong một lần", f"more than {MOST_AT_ONCE} items at once"
        faults = [Fault("", "too_large", vi, en), *faults]
    spreadsheets.raise_faults(faults)
    verb = partial(campaign_verbs.put, campaign=about.id, items=items, actor=actor, why=why, now=hub.now())
    added, changed = hub.ledger.change(verb, f"campaign:{about.id}")
    log.info("campaign.planned", campaign=about.id, added=added, changed=changed, actor=actor)
    return Planned(campaign=about.id, added=added, changed=changed)


def _filled(hub: Hub, about: Campaign, items: Sequence[NewItem]) -> list[NewItem]:
    """Say from which level items start, where the plan does not."""
    with hub.ledger.read() as conn:
        known = service_levels.unit_levels(conn, about.agency)
    return [
        each if each.from_level is not None else replace(each, from_level=known.at(each.unit, each.procedure)) for each in items
    ]
