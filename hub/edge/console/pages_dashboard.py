"""The front page: what flows, what stands still and whose it is; everything is one click from its page."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from hub.edge.console import plots
from hub.edge.console.rooms import Desk, Room
from hub.edge.plain import local
from hub.registers import processes

room = Room()

#: Groups that stand on the front page.
SHOWN = 8
#: Below each so many columns stands an hour, or a day.
_EVERY = {1: 6, 7: 24}


@room.page("/", verb="status")
def dashboard(desk: Desk) -> Response:
    """Show the front page."""
    days = 7 if desk.query.get("days") == "7" else 1
    figures = desk.look("status", days=days)
    found = desk.look("failures")
    groups = sorted((*found.parked, *found.in_doubt, *found.unacknowledged), key=urgency)
    return desk.render(
        "dashboard.html",
        figures=figures,
        days=days,
        groups=groups[:SHOWN],
        more=len(groups) - len(groups[:SHOWN]),
        refused=sum(each.count for each in found.refused),
        flow_plot=flow_plot(desk, figures, days),
        undone=processes.nobody_does(figures.processes),
    )


def urgency(group: Any) -> tuple[Any, ...]:
    """Order groups for the front page: growing and new ones first, then those with the most behind them."""
    return (group.trend != "growing", -group.new_15m, -group.new_1h, -(group.count + group.followers), group.name)


def flow_plot(desk: Desk, figures: Any, days: int) -> Markup:
    """Draw what came in and what was delivered, hour by hour."""
    labels = [_label(at, days) if place % _EVERY[days] == 0 else "" for place, at in enumerate(figures.hours)]
    total = figures.total
    title = desk.say("Lưu lượng theo giờ: thông điệp nhận và lượt chuyển đến nơi")
    return plots.columns((total.accepted, total.delivered), labels, title)


def _label(at: float, days: int) -> str:
    moment = local(at)
    return f"{moment:%H:%M}" if days == 1 else f"{moment:%d/%m}"
