"""Partners: how each is doing, its hours and certificates, test messages, the way to go-live, and who takes its place."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from hub.edge.console import plots, rendering
from hub.edge.console.rooms import Desk, Room, after
from hub.edge.plain import local
from hub.errors import NotAllowed

room = Room()

#: Hours between two labels below a plot.
_LABEL_EVERY = 6
#: Percentages that colour a partner's figures.
GOOD_PERCENT = 95.0

after("partner test", lambda done: rendering.url("partners", done.endpoint, test=done.id) + "#tests")


@room.page("/partners", verb="partner show")
def listing(desk: Desk) -> Response:
    """List the partners and how they are doing."""
    return desk.render("partners/list.html", found=desk.look("partner show"), good=GOOD_PERCENT)


@room.page("/partners/{name}", verb="partner show")
def one(desk: Desk, name: str) -> Response:
    """Show one partner."""
    found = desk.look("partner show", endpoint=name)
    asked = desk.query.get("test", "")
    tests = [each for each in found.tests if each.id == asked] or list(found.tests[:1])
    return desk.render(
        "partners/one.html",
        found=found,
        overview=found.overview,
        health=found.overview.health,
        test=tests[0] if tests else None,
        earlier=[each for each in found.tests if each is not (tests[0] if tests else None)],
        flow=_flow(desk, name),
        successors=_successors(desk, name),
        good=GOOD_PERCENT,
    )


@room.page("/partners/{name}/succeed", verb="partner succeed")
def succeed(desk: Desk, name: str) -> Response:
    """Show what would move to a successor, and ask once more."""
    new = desk.query.get("successor", "")
    if new not in _successors(desk, name):
        raise NotAllowed("choose a successor that can be called", "hãy chọn hệ thống kế thừa nhận được hồ sơ", where="successor")
    found, other = desk.look("partner show", endpoint=name), desk.look("partner show", endpoint=new)
    return desk.render("partners/succeed.html", found=found, other=other, name=name, new=new)


def _flow(desk: Desk, name: str) -> Markup | None:
    """Draw what came from a partner and what it was given, hour by hour, over the last day."""
    if not desk.may("status"):
        return None
    told = desk.look("status")
    mine: Any = next((each for each in told.partners if each.endpoint == name), None)
    if mine is None:
        return None
    labels = [
        f"{local(hour).hour}h" if place % _LABEL_EVERY == 0 else "" for place, hour in enumerate(told.hours)
    ]
    title = desk.say("Thông điệp nhận từ đối tác và lượt đã chuyển tới đối tác, theo giờ")
    return plots.columns([mine.flow.accepted, mine.flow.delivered], labels, title)


def _successors(desk: Desk, name: str) -> list[str]:
    """Name the endpoints that could take a partner's place."""
    return sorted(each for each, at in desk.hub.endpoints.items() if each != name and at.outbound and desk.person.sees(each))
