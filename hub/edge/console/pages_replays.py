"""Replay: frozen plans with what will be sent, and the run of one with its progress."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from hub.edge.console.rooms import Desk, Room, after
from hub.errors import NotAllowed

room = Room()

#: Items on one page of a plan.
ITEMS = 100
#: A plan that runs, or may go on running, moves while one looks at it.
MOVING = frozenset({"running", "paused", "stopped"})

after("replay plan", lambda plan: f"/replays/{plan.id}")


@room.page("/replays", verb="replay show")
def replays(desk: Desk) -> Response:
    """List plans, the newest first; and offer to make one."""
    return desk.render("replays.html", plans=desk.look("replay show"))


@room.page("/replays/{plan}", verb="replay show")
def replay(desk: Desk, plan: str) -> Response:
    """Show a frozen plan, and its run."""
    begun = desk.query.get("after", "0")
    if not begun.isdecimal() or len(begun) > 9:
        raise NotAllowed("there is no such page", "không có trang này", where="after")
    found = desk.look("replay show", plan=plan, after=int(begun), limit=ITEMS)
    last = found.items[-1].number if found.items else 0
    return desk.render(
        "replay.html",
        plan=found,
        chosen=chosen(found),
        begun=int(begun),
        more_items=last if len(found.items) == ITEMS else 0,
        moving=found.run is not None and found.run.state in MOVING,
    )


def chosen(plan: Any) -> list[tuple[str, str]]:
    """Give what a plan was made of, field by field."""
    given: dict[str, Any] = json.loads(plan.chosen_by)
    return [(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)) for name, value in given.items()]
