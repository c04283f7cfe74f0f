"""Verbs of campaigns: campaign show, candidates, make, item, tick, raise, template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, table, who
from hub.edge.cli.texts import choose, text
from hub.edge.plain import short
from hub.errors import NotAllowed
from hub.ledger.campaign_verbs import NewItem
from hub.operations import campaign_plans, campaigns
from hub.operations.campaign_plans import Planned
from hub.operations.campaigns import Done, Left, Raised
from hub.registers.campaigns import Campaign, CampaignList, CampaignPage, Item, Lacking, UnitProgress, Wanted
from hub.registers.pilots import Candidate, Candidates
from hub.rules import campaigns as rules
from hub.rules.campaigns import NEEDS, Week
from hub.rules.pilot import Mark

campaign = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Chiến dịch nâng mức dịch vụ công: kế hoạch theo đơn vị và tuần, điều kiện còn thiếu, tiến độ.",
        "Campaigns that raise public services to a level: plan by unit and week, what is missing, progress.",
        "campaign show",
    ),
)

Id = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Mã chiến dịch hoặc phần đầu (id, or its beginning).")]
Unit = Annotated[str, typer.Option("--unit", help="Mã đơn vị; bỏ trống: mọi đơn vị (unit; empty: all).")]
Codes = Annotated[
    list[str] | None, typer.Option("--procedure", help="Mã thủ tục, nêu nhiều lần được (code of a procedure, repeatable).")
]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(campaign, name="campaign")
    for name, (verb, vi, en, *examples) in _VERBS.items():
        campaign.command(name, help=described(vi, en, *examples))(verb)


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[CAMPAIGN]", help="Bỏ trống: mọi chiến dịch (empty: all).")] = "",
    unit: Unit = "",
    procedure: Annotated[str, typer.Option("--procedure", help="Chỉ thủ tục này (only this one).")] = "",
    only: Annotated[str, typer.Option(help="Chỉ trạng thái này, hoặc còn thiếu điều kiện này (a state, or a need).")] = "",
    after: Annotated[str, typer.Option(help="Trang sau của danh sách (place at which the last page ended).")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Số dòng nhiều nhất (at most so many).")] = 100,
    as_json: Json = False,
) -> None:
    """Show the campaigns, or one."""
    with frame.opened_hub(ctx) as hub:
        if not name:
            listed = campaigns.listing(hub)
            frame.show(listed, as_json=as_json, people=lambda: _print_list(listed))
            return
        _check_only(only)
        wanted = Wanted(unit=unit, procedure=procedure, only=only, after=after, limit=limit)
        page = campaigns.show(hub, name, wanted)
    frame.show(page, as_json=as_json, people=lambda: _print_page(page))


def _check_only(only: str) -> None:
    known = ("", *rules.STATES, "overdue", "differs", *NEEDS)
    if only not in known:
        listed = ", ".join(known[1:])
        raise NotAllowed(f"--only is one of {listed}", f"--only là một trong: {listed}", where="only")


def candidates(
    ctx: typer.Context,
    name: Id,
    limit: Annotated[int, typer.Option(min=1, max=2000, help="Số dòng nhiều nhất (at most so many).")] = 50,
    as_json: Json = False,
) -> None:
    """Rank what a campaign could raise."""
    with frame.opened_hub(ctx) as hub:
        found = campaigns.candidates(hub, name, limit=limit)
    frame.show(found, as_json=as_json, people=lambda: _print_candidates(found))


def make(
    ctx: typer.Context,
    agency: Annotated[str, typer.Argument(metavar="AGENCY", help="Mã cơ quan có danh mục (agency with the catalogue).")],
    title: Annotated[str, typer.Argument(metavar="TITLE", help="Tên chiến dịch (title).")],
    first_day: Annotated[str, typer.Option("--from", help="Từ ngày, dạng 2026-09-01 (first day).")],
    last_day: Annotated[str, typer.Option("--to", help="Đến ngày (last day).")],
    level: Annotated[int, typer.Option(min=1, max=4, help="Mức cần đạt (level to reach).")] = 4,
    goal: Annotated[float, typer.Option(min=0, max=100, help="Mục tiêu, % số dịch vụ (goal, percent).")] = 0.0,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Make a campaign."""
    days = {"first_day": _day(first_day), "last_day": _day(last_day)}
    with frame.opened_hub(ctx) as hub:
        made = campaigns.make(hub, agency, title, level=level, goal_percent=goal, **days, actor=actor or who(), why=why)
    frame.show(made, as_json=as_json, people=lambda: frame.line(text("campaign_made", id=made.id)))


def item(
    ctx: typer.Context,
    name: Id,
    unit: Unit = "",
    procedures: Codes = None,
    day: Annotated[str, typer.Option("--day", help="Lập kế hoạch nâng vào ngày này (plan them for this day).")] = "",
    from_level: Annotated[int | None, typer.Option("--from-level", min=1, max=4, help="Mức hiện tại (level now).")] = None,
    to_level: Annotated[int | None, typer.Option("--to-level", min=1, max=4, help="Mức sẽ nâng (level to reach).")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Kế hoạch dạng XLSX hoặc CSV (plan as a spreadsheet).")] = None,
    state: Annotated[str, typer.Option("--state", help="Chuyển sang planned, preparing hoặc dropped (becomes).")] = "",
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Plan items, or change how they stand."""
    if bool(day) + bool(file) + bool(state) != 1 or (day and not (unit and procedures)):
        raise NotAllowed(
            "give one of --file, --state, or --day with --unit and --procedure",
            "nêu một trong: --file, --state, hoặc --day cùng --unit và --procedure",
            where="item",
        )
    said = {"actor": actor or who(), "why": why}
    with frame.opened_hub(ctx) as hub:
        done: Planned | Done
        if file is not None:
            done = campaign_plans.plan_file(hub, name, file.read_bytes(), file.name, **said)
        elif state:
            done = campaigns.move(hub, name, state, unit=unit, procedures=procedures or (), **said)
        else:
            done = campaign_plans.plan(hub, name, _items(hub, name, unit, procedures or [], day, from_level, to_level), **said)
    frame.show(done, as_json=as_json, people=lambda: frame.line(_said(done)))


def _items(
    hub: Hub, name: str, unit: str, procedures: Iterable[str], day: str, from_level: int | None, to_level: int | None
) -> list[NewItem]:
    reached, planned = to_level or campaigns.found(hub, name).level, _day(day).isoformat()
    return [
        NewItem(unit=unit, procedure=code, from_level=from_level, to_level=reached, planned_day=planned)
        for code in dict.fromkeys(procedures)
    ]


def _said(done: Planned | Done) -> str:
    if isinstance(done, Planned):
        return text("campaign_planned", added=done.added, changed=done.changed)
    return text("campaign_done", items=done.items)


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise NotAllowed(f"{given!r} is no day: 2026-03-02", f"{given!r} không phải ngày dạng 2026-03-02", where="day") from None


def tick(
    ctx: typer.Context,
    name: Id,
    need: Annotated[str, typer.Argument(metavar="NEED", help="forms, online hoặc payment.")],
    unit: Unit = "",
    procedures: Codes = None,
    evidence: Annotated[str, typer.Option(help="Minh chứng: nơi xem được, số công văn (evidence).")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Rút lại (take it back).")] = False,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Tick what items need."""
    with frame.opened_hub(ctx) as hub:
        done = campaigns.tick(
            hub,
            name,
            need,
            unit=unit,
            procedures=procedures or (),
            evidence=evidence,
            done=not undo,
            actor=actor or who(),
            why=why,
        )
    frame.show(done, as_json=as_json, people=lambda: frame.line(_said(done)))


def raise_(
    ctx: typer.Context,
    name: Id,
    unit: Unit = "",
    procedures: Codes = None,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Raise what is ready."""
    with frame.opened_hub(ctx) as hub:
        done = campaigns.raise_(hub, name, unit=unit, procedures=procedures or (), actor=actor or who(), why=why)
    frame.show(done, as_json=as_json, people=lambda: _print_raised(done))


def template(
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="Tệp sẽ ghi (file to write).")],
    as_json: Json = False,
) -> None:
    """Write the spreadsheet in which a plan is filled in."""
    file.write_bytes(campaign_plans.template())
    frame.show({"file": str(file)}, as_json=as_json, people=lambda: frame.line(text("file_written", file=file)))


_VERBS: Mapping[str, tuple[Callable[..., None], str, str, str]] = {
    "show": (
        show,
        "Xem các chiến dịch; nêu mã thì xem tiến độ theo tuần, theo đơn vị và điều kiện còn thiếu.",
        "Show the campaigns; of one its progress by week and unit, and what is missing.",
        "campaign show 7d0f5b1e --only payment",
    ),
    "candidates": (
        candidates,
        "Xếp hạng dịch vụ nên nâng trước: ổn định, đơn giản, lượng hồ sơ vừa phải; nêu rõ từng con số.",
        "Rank what to raise first: stable, simple, of middling volume; each with its figure.",
        "campaign candidates 7d0f5b1e",
    ),
    "make": (
        make,
        "Lập chiến dịch của một tỉnh hoặc bộ.",
        "Make a campaign of a province or a ministry.",
        'campaign make H55 "Nâng mức 2026" --from 2026-06-01 --to 2026-12-31 --goal 30 --why "QĐ 123"',
    ),
    "item": (
        item,
        "Lập kế hoạch (từng dịch vụ hoặc từ tệp XLSX, CSV), bắt đầu chuẩn bị, hoặc thôi nâng.",
        "Plan items (one by one or from a spreadsheet), begin to prepare them, or drop them.",
        'campaign item 7d0f5b1e --file ke-hoach.xlsx --why "kế hoạch đã duyệt"',
    ),
    "tick": (
        tick,
        "Xác nhận điều kiện mà hệ thống không tự thấy, kèm minh chứng.",
        "Tick what the hub cannot see by itself, with evidence.",
        'campaign tick 7d0f5b1e payment --unit H55.12 --evidence "biên bản 5" --why "đã cấu hình"',
    ),
    "raise": (
        raise_,
        "Ghi nhận nâng mức cho dịch vụ đủ điều kiện; dịch vụ còn thiếu thì giữ lại và nêu lý do.",
        "Record that what is ready is raised; what lacks something is left, and said.",
        'campaign raise 7d0f5b1e --unit H55.12 --why "QĐ công bố 45"',
    ),
    "template": (
        template,
        "Ghi tệp mẫu để lập kế hoạch.",
        "Write the spreadsheet in which a plan is filled in.",
        "campaign template ke-hoach.xlsx",
    ),
}

# --- output ------------------------------------------------------------------------------------------------------


def _print_list(listed: CampaignList) -> None:
    columns: Mapping[str, Callable[[Campaign], object]] = {
        "id": lambda each: short(each.id),
        "agency": lambda each: each.agency,
        "title": lambda each: each.title,
        "to_level": lambda each: each.level,
        "first_day": lambda each: each.first_day,
        "last_day": lambda each: each.last_day,
        "items": lambda each: sum(each.counts.values()),
        "raised": lambda each: each.counts.get("raised", 0),
    }
    table(text("t_campaigns"), columns, listed.campaigns)


def _print_page(page: CampaignPage) -> None:
    so_far = page.progress
    frame.line(f"{page.campaign.title} ({page.campaign.agency}, {page.campaign.id})")
    frame.line(
        text(
            "campaign_share",
            now=so_far.now,
            services=so_far.services,
            level=choose(page.level_vi, page.level_en),
            percent=so_far.now_percent,
            start=so_far.at_start,
            start_percent=so_far.start_percent,
            end=so_far.at_end,
            end_percent=so_far.end_percent,
            goal=so_far.goal or "-",
        )
    )
    if so_far.short_of_goal:
        frame.line(text("campaign_short", short=so_far.short_of_goal))
    _print_weeks(page.weeks)
    _print_units(page.units)
    lacking: Mapping[str, Callable[[Lacking], object]] = {
        "need": lambda each: f"{each.need}: {choose(each.vi, each.en)}",
        "items": lambda each: each.items,
    }
    table(text("t_lacking"), lacking, page.lacking)
    _print_items(page.items)
    if page.next:
        frame.line(f"--after {page.next}")


def _print_weeks(weeks: Iterable[Week]) -> None:
    columns: Mapping[str, Callable[[Week], object]] = {
        "week": lambda each: each.monday,
        "planned": lambda each: each.planned or "",
        "raised": lambda each: each.raised or "",
        "so_far": lambda each: f"{each.raised_so_far} / {each.planned_so_far}",
    }
    table(text("t_weeks"), columns, [each for each in weeks if each.planned or each.raised])


def _print_units(units: Iterable[UnitProgress]) -> None:
    columns: Mapping[str, Callable[[UnitProgress], object]] = {
        "unit": lambda each: each.unit,
        "items": lambda each: each.items,
        **{name: _counted(name) for name in ("planned", "preparing", "ready", "raised", "dropped", "overdue")},
    }
    table(text("t_units"), columns, units)


def _counted(name: str) -> Callable[[UnitProgress], object]:
    return lambda each: getattr(each, name) or ""


def _print_items(items: Iterable[Item]) -> None:
    columns: Mapping[str, Callable[[Item], object]] = {
        "unit": lambda each: each.unit,
        "procedure": lambda each: each.procedure,
        "said": lambda each: each.name,
        "to_level": lambda each: f"{each.from_level or '?'} → {each.to_level}",
        "planned_day": lambda each: each.planned_day,
        "state": lambda each: choose(*rules.STATES[each.state]),
        "missing": lambda each: _names(each.missing),
    }
    table(text("t_items"), columns, items)


def _names(missing: Iterable[str]) -> str:
    return "; ".join(choose(NEEDS[name].vi, NEEDS[name].en) for name in missing)


def _print_raised(done: Raised) -> None:
    frame.line(text("campaign_raised", raised=done.raised))
    if done.left:
        columns: Mapping[str, Callable[[Left], object]] = {
            "unit": lambda each: each.unit,
            "procedure": lambda each: each.procedure,
            "missing": lambda each: _names(each.missing),
        }
        table(text("t_left"), columns, done.left)


def _print_candidates(found: Candidates) -> None:
    columns: Mapping[str, Callable[[Candidate], object]] = {
        "procedure": lambda each: each.procedure,
        "said": lambda each: each.name,
        "level": lambda each: each.level or "",
        "points": lambda each: each.total,
        "criteria": lambda each: "; ".join(map(_mark, each.marks)),
    }
    table(text("t_candidates", found=found.found), columns, found.candidates)


def _mark(mark: Mark) -> str:
    figure = "?" if mark.figure is None else f"{mark.figure:g}"
    return f"{choose(mark.vi, mark.en)} {figure}: {mark.points:g}/{mark.weight}"
