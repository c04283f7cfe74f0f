"""Corrections: a parked delivery's content is mended field by field; the difference is seen, and a second person decides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from starlette.responses import Response

from hub.edge.console import forms, rendering
from hub.edge.console.forms import WrongForm
from hub.edge.console.pages_timeline import glass
from hub.edge.console.rooms import Desk, Room, after
from hub.errors import HubError
from hub.operations import edits
from hub.registers.masking import HIDDEN
from hub.rules.wrong_values import Wrong

room = Room()

#: Corrections on one page.
PAGE = 100
STATES = ("proposed", "applied", "rejected", "overtaken")
#: Fields of the form: ``value:`` and the pointer; ``was:`` carries what was shown, so that only what was changed is proposed.
VALUE, WAS = "value:", "was:"
#: So many fields have a place of their own in the form; further ones are given by their pointer.
FIELDS = 150
#: A field beside those of the dossier as it is.
_MORE = re.compile(r"(/[^=\n]{1,300}?)\s*=(.*)")

after("edit approve", lambda done: rendering.url("edits", done.edit.id))
after("edit reject", lambda done: rendering.url("edits", done.edit.id))
after("edit propose", lambda done: rendering.url("edits", done.edit.id))


@room.page("/edits", verb="edit show")
def listing(desk: Desk) -> Response:
    """List corrections, the newest first."""
    state = desk.query.get("state", "")
    found = desk.look("edit show", state=state if state in STATES else "", limit=PAGE)
    return desk.render("edits/list.html", edits=found, state=state, states=STATES)


@room.page("/edits/{id}", verb="edit show")
def one(desk: Desk, id: str) -> Response:
    """Show one correction with what it changes."""
    told = desk.look("edit show", edit=id)
    seen = glass(desk, told.edit.subject, told.edit.delivery_id)
    if seen.see:
        told = edits.show(desk.hub, id, revealed=True)
    return desk.render("edits/one.html", told=told, edit=told.edit, glass=seen)


@room.page("/deliveries/{id}/edit", verb="edit propose")
def form(desk: Desk, id: str) -> Response:
    """Show the fields of a delivery's content to mend."""
    return _form(desk, id)


@room.form("/deliveries/{id}/edit", verb="edit propose")
def propose(desk: Desk, id: str) -> Response:
    """Propose what was changed in the form."""
    told = desk.look("edit show", delivery=id)
    values = _changed(desk.posted, {each.path: each.value for each in told.fields})
    try:
        if not values:
            nothing = Wrong("", "chưa có trường nào được sửa", "no field was changed")
            raise WrongForm("edit propose", (nothing,), desk.posted)
        given = {"delivery": [told.delivery], "values": [values], "why": desk.posted.get("why", [""])}
        done = forms.carry_out(desk.hub, desk.person, "edit propose", given)
    except WrongForm as wrong:
        return _form(desk, id, wrong)
    return desk.go(rendering.url("edits", done.edit.id), done="edit propose")


def _form(desk: Desk, id: str, wrong: WrongForm | None = None) -> Response:
    told = desk.look("edit show", delivery=id)
    seen = glass(desk, told.subject, told.delivery)
    if seen.see:
        told = edits.editable(desk.hub, told.delivery, revealed=True)
    faults = _faults(wrong) if wrong else ()
    fields = [each for each in told.fields if each.path and not isinstance(each.value, list | dict)]
    pointers = {each.path for each in fields}
    texts = _texts(desk.posted)
    filled = [each for each in fields if each.hidden or each.value not in ("", None) or texts.get(VALUE + each.path)]
    empty = [each for each in fields if each not in filled]
    return desk.render(
        "edits/form.html",
        wrong.status if wrong else 200,
        told=told,
        filled=filled[:FIELDS],
        empty=empty[:FIELDS],
        left_out=max(0, len(filled) - FIELDS) + max(0, len(empty) - FIELDS),
        posted=texts,
        at_field=_at_fields(faults, pointers),
        above=[each for each in faults if _pointer(each.field) not in pointers],
        glass=seen,
        hidden=HIDDEN,
    )


def _faults(wrong: WrongForm) -> tuple[Wrong, ...]:
    """Give the faults with the pointers that the verb named them by."""
    if isinstance(wrong.__cause__, HubError):
        return tuple(Wrong(each.path, each.vi, each.en) for each in wrong.__cause__.faults)
    return wrong.wrong


def _changed(posted: Mapping[str, list[Any]], now: Mapping[str, Any]) -> dict[str, Any]:
    """Give what differs from what the form showed, by pointer; what was emptied becomes none."""
    texts = _texts(posted)
    found: dict[str, Any] = {}
    for name, text in texts.items():
        pointer = name.removeprefix(VALUE)
        # A browser drops the first line end of a text area.
        if name.startswith(VALUE) and text.lstrip("\n") != texts.get(WAS + pointer, "").lstrip("\n"):
            found[pointer] = _as_before(text, now.get(pointer))
    for line in texts.get("more", "").splitlines():
        if given := _MORE.fullmatch(line.strip()):
            found[given[1]] = _written(given[2].strip())
    return found


def _written(text: str) -> Any:
    """Read what stands behind a pointer: an object or a list as JSON, else a text."""
    if text[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return text or None


def _as_before(text: str, before: Any) -> Any:
    """Read what was written as what stood there: yes or no, a number, else a text."""
    if isinstance(before, bool) and text in ("true", "false"):
        return text == "true"
    if isinstance(before, int) and not isinstance(before, bool) and re.fullmatch(r"-?[0-9]{1,15}", text):
        return int(text)
    return text or None


def _texts(posted: Mapping[str, list[Any]]) -> dict[str, str]:
    return {name: values[-1].replace("\r\n", "\n") for name, values in posted.items() if isinstance(values[-1], str)}


def _pointer(field: str) -> str:
    """Give the pointer that a fault names, with or without the model's own field before it."""
    return field.partition("values.")[2] or field


def _at_fields(faults: Iterable[Wrong], pointers: set[str]) -> dict[str, list[Wrong]]:
    found: dict[str, list[Wrong]] = {}
    for each in faults:
        if (pointer := _pointer(each.field)) in pointers:
            found.setdefault(pointer, []).append(each)
    return found
