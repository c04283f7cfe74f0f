"""Dry run: a change of code lists, routes or settings is tried on the last real messages before anybody feels it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.responses import Response

from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.edge.console import forms
from hub.edge.console.forms import WrongForm
from hub.edge.console.rooms import Desk, Room

room = Room()

FIELDS = ("codes", "file", "text", "count", "endpoint", "procedure", "group")
#: What the form for one code posts, as it stands in one line of ``codes``.
_CODE = ("list_name", "code", "value", "name")


@room.page("/dry-run", verb="dry-run")
def form(desk: Desk) -> Response:
    """Show the form, filled in with the code that a link names."""
    query = dict(desk.query)
    one = {"list_name": query.get("list", ""), **{name: query.get(name, "") for name in _CODE[1:]}}
    given = {name: [query[name]] for name in FIELDS if query.get(name)}
    if one["list_name"]:
        given["codes"] = [_line(one)]
    return _page(desk, given)


@room.form("/dry-run", verb="dry-run")
def run(desk: Desk) -> Response:
    """Try the change and show what would be different."""
    # A form of another page names the group in the address, beside its own fields.
    given = {"group": [desk.query.get("group", "")], **_given(desk.posted)}
    try:
        done = forms.carried_out("dry-run", given, lambda asked: perform(desk.hub, desk.person, ACTS["dry-run"], asked))
    except WrongForm as wrong:
        return _page(desk, given, wrong=wrong)
    return _page(desk, given, done=done, one=_one(desk.posted) or _only(given.get("codes", [])))


def _one(posted: Mapping[str, list[str | bytes]]) -> dict[str, str]:
    """Give the code that was tried, where that was one: it can be saved right away."""
    if "list_name" not in posted:
        return {}
    names = (*_CODE, "valid_from", "valid_to")
    return {name: str(posted[name][-1]) for name in names if posted.get(name, [""])[-1] != ""}


def _only(lines: list[Any]) -> dict[str, str]:
    """Give the code of the lines that were tried, where they are one."""
    rows = [line.split(";") for each in lines for line in str(each).splitlines() if line.strip()]
    return {name: part.strip() for name, part in zip(_CODE, rows[0], strict=False) if part.strip()} if len(rows) == 1 else {}


def _given(posted: Mapping[str, list[str | bytes]]) -> dict[str, list[Any]]:
    """Give what is asked, also where the form for one code was posted here instead of saved."""
    given: dict[str, list[Any]] = {name: list(posted[name]) for name in FIELDS if name in posted}
    texts = [each.decode("utf-8-sig", "replace") if isinstance(each, bytes) else each for each in posted.get("text", [])]
    given["text"] = [next((each for each in texts if each.strip()), "")]
    if "list_name" in posted:
        one = {name: str(posted.get(name, [""])[-1]) for name in _CODE}
        given["codes"] = [_line(one)]
    return given


def _line(one: Mapping[str, str]) -> str:
    return ";".join(one[name].replace(";", ",").strip() for name in _CODE)


def _page(
    desk: Desk,
    given: Mapping[str, list[Any]],
    *,
    done: Any = None,
    wrong: WrongForm | None = None,
    one: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    faults = wrong.wrong if wrong else ()
    fields = forms.fields("dry-run", ask=FIELDS, posted=given, wrong=faults)
    return desk.render(
        "dry_runs/dry_run.html",
        wrong.status if wrong else 200,
        fields={each.name: each for each in fields},
        done=done,
        above=[each for each in faults if each.field.partition(".")[0] not in FIELDS],
        total=sum(done.counts.values()) if done else 0,
        group=next(iter(given.get("group", [])), ""),
        one=one,
    )
