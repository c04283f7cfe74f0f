"""Code lists: what each code is at a partner, where a row comes from, and which codes messages wait for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import Response

from hub.edge.console import forms, rendering
from hub.edge.console.rooms import Desk, Room, local

room = Room()

#: Rows of a list on one page; more are found by a part of the code, value or name.
ROWS = 200
#: What is asked for a code, the reason apart.
FIELDS = ("code", "value", "name", "valid_from", "valid_to")

forms.posted_to("mapping set", "/mappings")


@room.page("/mappings", verb="mapping show")
def lists(desk: Desk) -> Response:
    """Show all code lists, and what is missing in them."""
    return desk.render("mappings/lists.html", found=desk.look("mapping show"))


@room.page("/mappings/{name}", verb="mapping show")
def rows(desk: Desk, name: str) -> Response:
    """Show one code list, with the form for a further code filled in as the link says."""
    code, part = desk.query.get("code", ""), desk.query.get("q", "")
    found = desk.look("mapping show", list_name=name, code=part or code, limit=ROWS)
    given = {each: [desk.query[each]] for each in FIELDS if desk.query.get(each)}
    return desk.render(
        "mappings/list.html",
        found=found,
        part=part or code,
        fields=_fields(given) if desk.may("mapping set") else (),
        back=local(desk.query.get("back", "")) if desk.query.get("back") else rendering.url("mappings", name),
        waiting=[each for each in found.missing if not code or each.code == code],
        code=code,
    )


def _fields(given: Mapping[str, list[str]]) -> tuple[forms.Field, ...]:
    """Give the fields of one code, each on one line."""
    fields = forms.fields("mapping set", ask=FIELDS, posted=given)
    return tuple(replace(each, kind="text") if each.kind == "area" else each for each in fields)


@room.form("/mappings", verb="mapping set")
def set_code(desk: Desk) -> Response:
    """Add or change a code, and go on to the deliveries that wait for it."""
    done = desk.carry_out("mapping set")
    name = str(desk.posted["list_name"][-1])
    back = local(str(desk.posted.get("back", [""])[-1]))
    return desk.go(back if back != "/" else rendering.url("mappings", name, code=done.row.code), done="mapping set")
