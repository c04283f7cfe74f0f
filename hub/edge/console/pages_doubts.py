"""Deliveries in doubt: ask the partner, or state what became of one, with evidence; nothing here is simply sent again."""

from __future__ import annotations

from starlette.responses import Response

from hub.edge.console.rooms import Desk, Room

room = Room()


@room.page("/doubts", verb="doubts")
def doubts(desk: Desk) -> Response:
    """List what is in doubt, the oldest first."""
    endpoint = desk.query.get("endpoint", "")
    found = desk.look("doubts", endpoint=endpoint, after=desk.query.get("after", ""))
    return desk.render("doubts.html", found=found, endpoint=endpoint, first=not desk.query.get("after"))
