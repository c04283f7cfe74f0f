"""Alerts: what is wrong now, what was, whom the hub told, and how to be quiet about one for a while."""

from __future__ import annotations

from starlette.responses import Response

from hub.edge.console.rooms import Desk, Room, local
from hub.registers import alerts

room = Room()

#: Alerts on one page.
PAGE = 100


@room.page("/alerts", verb="alert show")
def listing(desk: Desk) -> Response:
    """List what is wrong; with what is over, where that is asked for."""
    over = desk.query.get("over") == "1"
    found = desk.look("alert show", over=over, limit=PAGE)
    shown = [each for each in found.alerts if over or each.state != "over"]
    return desk.render("alerts/list.html", found=found, shown=shown, over=over, words=alerts, local=local)


@room.page("/alerts/{id}", verb="alert show")
def one(desk: Desk, id: str) -> Response:
    """Show one alert with whom the hub told."""
    found = desk.look("alert show", alert=id)
    return desk.render("alerts/list.html", found=found, shown=found.alerts, over=True, words=alerts, local=local)
