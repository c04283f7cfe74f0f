"""Catalogues of procedures: who owns and holds what, one with its history, what differs today, plans, and what people must do."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from hub.edge.console import forms, rendering
from hub.edge.console.forms import WrongForm
from hub.edge.console.rooms import Desk, Room, after
from hub.errors import Fault, InvalidMessage, place
from hub.reconcile.procedures import looking
from hub.rules import difference, procedure_sheets
from hub.rules.spreadsheets import XLSX
from hub.rules.wrong_values import Wrong

room = Room()

#: Procedures on one page, and those that differ: each of these is a table.
PAGE, COMPARED = 50, 20
#: Changes of one field that are shown part by part.
PARTS = 12
#: Letters of a value on the page.
LONGEST = 600
STATES = ("open", "claimed", "confirmed")

forms.posted_to("procedures import", "/procedures/import")
after("procedures pull", lambda done: rendering.url("procedures", "compare", holder=done.holder))
after("procedures files", lambda done: rendering.url("procedures", "of", done.owner))
after("procedures mend", lambda done: rendering.url("procedures", "plans", done.id))
after("procedures plan", lambda done: rendering.url("procedures", "plans", done.plan.id) if done.plan else "/procedures/worklist")


@room.page("/procedures", verb="procedures show")
def overview(desk: Desk) -> Response:
    """Show who owns and who holds catalogues."""
    return desk.render("procedures/overview.html", found=desk.look("procedures show"))


@room.page("/procedures/template.xlsx", verb="procedures show")
def template(desk: Desk) -> Response:
    """Give the spreadsheet in which a catalogue is filled in."""
    return rendering.file(procedure_sheets.template(), XLSX, "danh-muc-thu-tuc.xlsx")


@room.form("/procedures/import", verb="procedures import")
def imported(desk: Desk) -> Response:
    """Take a catalogue, or show what would change; every fault of the file stands at it, with its cell."""
    try:
        done = desk.carry_out("procedures import")
    except WrongForm as wrong:
        if not isinstance(wrong.__cause__, InvalidMessage):
            raise
        faults = [_wrong_file(each) for each in wrong.__cause__.faults]
        raise WrongForm(wrong.verb, faults, wrong.posted) from wrong
    return desk.render("procedures/imported.html", done=done)


def _wrong_file(fault: Fault) -> Wrong:
    vi, en = place(fault.path)
    return Wrong("file", f"{vi}: {fault.vi}", f"{en}: {fault.en}")


@room.page("/procedures/of/{owner}", verb="procedures show")
def listing(desk: Desk, owner: str) -> Response:
    """List an agency's procedures."""
    part, begun = desk.query.get("q", ""), desk.query.get("after", "")
    found = desk.look("procedures show", owner=owner, containing=part, after=begun, limit=PAGE)
    about = next((each for each in found.owners if each.owner == owner), None)
    return desk.render("procedures/list.html", found=found, owner=owner, about=about, part=part)


@room.page("/procedures/of/{owner}/{code}", verb="procedures show")
def one(desk: Desk, owner: str, code: str) -> Response:
    """Show one procedure: what it says, its versions, who holds it, its local codes and files."""
    return desk.render("procedures/one.html", found=desk.look("procedures show", owner=owner, code=code))


@room.page("/procedures/compare", verb="procedures compare")
def compare(desk: Desk) -> Response:
    """Show what differs today: of an agency, at a holder, field by field."""
    asked = {name: desk.query.get(name, "") for name in ("owner", "holder", "code", "after")}
    found = desk.look("procedures compare", **asked, limit=COMPARED)
    pull = next((each for each in found.pulls if each.holder == asked["holder"]), None)
    return desk.render("procedures/compare.html", found=found, asked=asked, pull=pull, parts=_parts)


@room.page("/procedures/plans/{id}", verb="procedures compare")
def plan(desk: Desk, id: str) -> Response:
    """Show a plan of mending."""
    return desk.render("procedures/plan.html", plan=desk.look("procedures compare", plan=id))


@room.page("/procedures/worklist", verb="procedures worklist")
def worklist(desk: Desk) -> Response:
    """Show what people must mend."""
    asked = _asked(desk)
    found = desk.look("procedures worklist", **asked, after=desk.query.get("after", ""), limit=PAGE)
    return desk.render("procedures/worklist.html", found=found, asked=asked, states=STATES)


@room.page("/procedures/worklist.xlsx", verb="procedures worklist")
def worklist_file(desk: Desk) -> Response:
    """Give the work-list as a file, a sheet for each agency."""
    listed = looking.worklist_file(desk.hub, **_asked(desk), scope=desk.person.scope)
    return rendering.file(listed, XLSX, "viec-can-lam.xlsx")


def _asked(desk: Desk) -> dict[str, str]:
    state = desk.query.get("state", "")
    return {
        "owner": desk.query.get("owner", ""),
        "holder": desk.query.get("holder", ""),
        "state": state if state in STATES else "",
    }


def _parts(ours: Any, theirs: Any) -> list[tuple[str, str, str]]:
    """Take a field apart where it is a list: where, what it should be, what it is; a text is one part without a place."""
    if not isinstance(ours, list | tuple) and not isinstance(theirs, list | tuple):
        return [("", _written(ours), _written(theirs))]
    changes = difference.fields(theirs or [], ours or [], limit=PARTS + 1)
    found = [(each.path, _written(each.after), _written(each.before)) for each in changes[:PARTS]]
    return [*found, ("…", "", "")] if len(changes) > PARTS else found


def _written(value: Any) -> str:
    if value is None or isinstance(value, str):
        text = value or ""
    elif isinstance(value, bool):
        text = "1" if value else "0"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
