"""Find: one field for every kind of number and word. What is looked for is posted: it may be a citizen's number, which stands in
no address and no log."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from hub.edge.console import forms, rendering
from hub.edge.console.rooms import Desk, Room
from hub.edge.console.shown import visible

room = Room()

#: Hits of each kind on the first page, and of one kind when more are asked for.
FIRST, MORE = 10, 50
#: What of a hit's kinds has a page of its own.
_PAGES = {"dossier": "timeline", "message": "messages", "delivery": "deliveries", "group": "failures", "endpoint": "partners"}
_SEPARATORS = re.compile(r"[\s.\-]")


@room.page("/find", verb="find")
def find(desk: Desk) -> Response:
    """Show the field, and what a link asks for; a number that may be a citizen's is looked for only where it was posted."""
    asked = desk.query.get("q", "").strip()
    if _may_be_a_person(asked):
        # Away from the address that has it.
        return desk.go("/find")
    if not asked:
        return _page(desk, "", None)
    return _page(desk, asked, desk.look("find", q=asked, limit=FIRST))


@room.form("/find", verb="find")
def found(desk: Desk) -> Response:
    """Look for what was posted."""
    asked = _posted(desk, "q")
    if not asked:
        return _page(desk, "", None)
    section = _posted(desk, "section")
    told = forms.carried_out(
        "find",
        {"q": [asked], "section": [section], "after": [_posted(desk, "after")], "limit": [str(MORE if section else FIRST)]},
        lambda read: desk.look("find", **read.model_dump()),
    )
    return _page(desk, asked, told)


def _page(desk: Desk, asked: str, told: Any) -> Response:
    hidden = told is not None and told.looks_like_number
    sections = [each for each in told.sections if each.hits] if told is not None else []
    again = "" if hidden else visible(asked)
    return desk.render("find/find.html", asked=asked, shown_again=again, told=told, sections=sections, place=place)


def place(hit: Any) -> str:
    """Give the page of a hit; empty where it has none."""
    if hit.kind == "bytes":
        return rendering.url("bytes", hit.id, of=hit.see) if hit.see else ""
    if hit.kind in _PAGES:
        return rendering.url(_PAGES[hit.kind], hit.id)
    return rendering.url("timeline", hit.see) if hit.see else ""


def _may_be_a_person(text: str) -> bool:
    bare = _SEPARATORS.sub("", text)
    return bare.isdigit() and len(bare) >= 8


def _posted(desk: Desk, name: str) -> str:
    value = desk.posted.get(name, [""])[-1]
    return value.strip() if isinstance(value, str) else ""
