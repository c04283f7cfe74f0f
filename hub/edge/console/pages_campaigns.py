"""Campaigns: how far each has come by week and by unit, what every service still lacks, and which to raise first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from hub.edge.console import forms, plots, rendering
from hub.edge.console.rooms import Desk, Room, after
from hub.errors import NotAllowed
from hub.operations import campaign_plans
from hub.rules.spreadsheets import XLSX

room = Room()

#: Items on one page.
PAGE = 30
#: Below a plot stand so many labels at most: more would lie upon each other.
LABELS = 9

forms.posted_to("campaign raise", "/campaigns/raise")
after("campaign make", lambda made: rendering.url("campaigns", made.id))


@room.page("/campaigns", verb="campaign show")
def listing(desk: Desk) -> Response:
    """List the campaigns."""
    return desk.render("campaigns/list.html", found=desk.look("campaign show"))


@room.page("/campaigns/template.xlsx", verb="campaign show")
def template(desk: Desk) -> Response:
    """Give the spreadsheet in which a plan is filled in."""
    return rendering.file(campaign_plans.template(), XLSX, "ke-hoach-nang-muc.xlsx")


@room.form("/campaigns/raise", verb="campaign raise")
def raise_(desk: Desk) -> Response:
    """Raise what is ready, and show what was left and why."""
    return desk.render("campaigns/raised.html", done=desk.carry_out("campaign raise"))


@room.page("/campaigns/{id}", verb="campaign show")
def one(desk: Desk, id: str) -> Response:
    """Show one campaign with its progress, and a page of its items."""
    unit, only = desk.query.get("unit", ""), desk.query.get("only", "")
    found = desk.look("campaign show", campaign=id, unit=unit, only=only, after=desk.query.get("after", ""), limit=PAGE)
    return desk.render(
        "campaigns/one.html",
        found=found,
        unit=unit,
        only=only,
        weeks=[week for week in found.weeks if week.planned or week.raised],
        by_week=_by_week(desk, found.weeks),
        by_unit=_by_unit(desk, found.units, found.campaign.agency),
    )


@room.page("/campaigns/{id}/candidates", verb="campaign candidates")
def candidates(desk: Desk, id: str) -> Response:
    """Rank what the campaign could raise."""
    about = desk.look("campaign show", campaign=id, limit=1).campaign
    found = desk.look("campaign candidates", campaign=id)
    place = desk.language != "vi"
    headings = [f"#{(each.vi, each.en)[place]} ({each.weight})" for each in found.criteria]
    return desk.render("campaigns/candidates.html", found=found, about=about, headings=headings)


@room.page("/campaigns/{id}/plan", verb="campaign item")
def plan(desk: Desk, id: str) -> Response:
    """Show the form that plans a candidate."""
    about = desk.look("campaign show", campaign=id, limit=1).campaign
    named = [code for code in desk.request.query_params.getlist("procedure") if code]
    if not named:
        raise NotAllowed("which procedure is meant?", "chưa nêu thủ tục", where="procedure")
    return desk.render("campaigns/plan.html", about=about, procedures=named)


@room.page("/campaigns/{id}/items/{unit}/{procedure}", verb="campaign show")
def item(desk: Desk, id: str, unit: str, procedure: str) -> Response:
    """Show one item: what it needs, and what of that is there."""
    found = desk.look("campaign show", campaign=id, unit=unit, procedure=procedure)
    if not found.items:
        raise NotAllowed("the campaign has no such item", "chiến dịch không có dịch vụ này", where=procedure)
    return desk.render("campaigns/item.html", about=found.campaign, item=found.items[0])


def _by_week(desk: Desk, weeks: Sequence[Any]) -> Markup:
    """Draw what was to be raised and what was, up to each week."""
    series = ([week.planned_so_far for week in weeks], [week.raised_so_far for week in weeks])
    title = desk.say("Số dịch vụ cộng dồn theo tuần: kế hoạch và đã nâng")
    return plots.columns(series, _labels([f"{week.monday:%d/%m}" for week in weeks]), title)


def _by_unit(desk: Desk, units: Sequence[Any], agency: str) -> Markup:
    """Draw each unit's items and those of them that are raised."""
    series = ([unit.items - unit.dropped for unit in units], [unit.raised for unit in units])
    title = desk.say("Số dịch vụ theo đơn vị: kế hoạch và đã nâng")
    return plots.columns(series, _labels([unit.unit.removeprefix(f"{agency}.") for unit in units]), title)


def _labels(names: Sequence[str]) -> list[str]:
    """Leave out labels that would not have the room."""
    every = -(-len(names) // LABELS)
    return [name if place % every == 0 else "" for place, name in enumerate(names)]
