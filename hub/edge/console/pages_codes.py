"""Codes of agencies and areas: those of real traffic with what is wrong, and what one code was and is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.edge.console import forms
from hub.edge.console.forms import WrongForm
from hub.edge.console.rooms import Desk, Room

room = Room()

#: Messages that are looked at when the page is opened: it is there within a second; more are asked for.
AT_FIRST = "500"
CHECK_FIELDS, SHOW_FIELDS = ("count", "days", "endpoint"), ("code", "day")


@room.page("/codes", verb="codes check")
def check(desk: Desk) -> Response:
    """Check the codes of the newest messages."""
    given = {"count": [AT_FIRST], "days": ["30"], **_given(desk, CHECK_FIELDS)}
    done, wrong = _looked(desk, "codes check", given)
    return desk.render(
        "codes/check.html",
        wrong.status if wrong else 200,
        done=done,
        fields=forms.fields("codes check", ask=CHECK_FIELDS, posted=given, wrong=wrong.wrong if wrong else ()),
        worth=[each for each in done.codes if each.findings] if done else [],
        fine=[each for each in done.codes if not each.findings] if done else [],
    )


@room.page("/codes/one", verb="codes show")
def show(desk: Desk) -> Response:
    """Show what a code was and is."""
    given = _given(desk, SHOW_FIELDS)
    shown, wrong = _looked(desk, "codes show", given) if given.get("code") else (None, None)
    return desk.render(
        "codes/one.html",
        wrong.status if wrong else 200,
        shown=shown,
        fields=forms.fields("codes show", ask=SHOW_FIELDS, posted=given, wrong=wrong.wrong if wrong else ()),
    )


def _given(desk: Desk, names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: [desk.query[name]] for name in names if desk.query.get(name)}


def _looked(desk: Desk, verb: str, given: Mapping[str, list[Any]]) -> tuple[Any, WrongForm | None]:
    """Carry a verb out that only reads, with what stands in the address; give its result, or what is wrong."""
    try:
        return forms.carried_out(verb, given, lambda asked: perform(desk.hub, desk.person, ACTS[verb], asked)), None
    except WrongForm as wrong:
        return None, wrong
