"""Lists that partners keep for us: how far each was pulled, what of it was not taken, the way to pull one now."""

from __future__ import annotations

from starlette.responses import Response

from hub.edge.console import rendering
from hub.edge.console.rooms import Desk, Room, after

room = Room()

after("pull now", lambda done: rendering.url("pulls"))


@room.page("/pulls", verb="pull show")
def pulls(desk: Desk) -> Response:
    """Show all lists."""
    return desk.render("pulls/list.html", found=desk.look("pull show"))


@room.page("/pulls/{endpoint}/{name}", verb="pull show")
def one(desk: Desk, endpoint: str, name: str) -> Response:
    """Show one list with the items that were not taken, or what is owed to a partner or followed there."""
    found = desk.look("pull show", endpoint=endpoint, list_name=name)
    if found.shown is not None:
        return desk.render("pulls/words.html", shown=found.shown, endpoint=endpoint)
    return desk.render("pulls/one.html", found=found, one=found.lists[0])
