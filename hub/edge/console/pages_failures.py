"""Failure groups: what stands still, by cause; and one group with what can be done about it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from hub.edge.console import forms
from hub.edge.console.rooms import Desk, Room
from hub.registers import processes

room = Room()

#: Where a code is missing: ``codes/<list>/<code>``.
_MISSING = re.compile(r"codes/([^/]+)/(.+)")


@room.page("/failures", verb="failures")
def failures(desk: Desk) -> Response:
    """List what stands still."""
    by = desk.query.get("by", "event")
    endpoint = desk.query.get("endpoint", "")
    found = desk.look("failures", by=by, endpoint=endpoint)
    with desk.hub.ledger.read() as conn:
        undone = processes.nobody_does(processes.processes(conn, desk.hub.now()))
    return desk.render("failures.html", found=found, by=by, endpoint=endpoint, undone=undone)


@room.page("/failures/{name}", verb="group show")
def group(desk: Desk, name: str) -> Response:
    """Show one group."""
    found = desk.look("group show", group=name, after=desk.query.get("after", ""))
    missing = missing_code(found.group.cause)
    return desk.render(
        "group.html",
        found=found,
        group=found.group,
        missing=missing,
        mapped=mapped(desk, *missing) if missing else (),
        plan_verb=plan_verb(found),
        first=not desk.query.get("after"),
        code_fields=code_fields() if desk.may("mapping set") else (),
    )


def missing_code(cause: Any) -> tuple[str, str] | None:
    """Give the code list, and the code that it lacks, where that is the cause."""
    found = _MISSING.fullmatch(cause.error_where) if cause.error_code == "no_mapping" else None
    return (found[1], found[2]) if found else None


def mapped(desk: Desk, name: str, code: str) -> tuple[Any, ...]:
    """Give the rows that the list has for this code by now: somebody may have added it."""
    found = desk.look("mapping show", list_name=name, code=code)
    return tuple(row for row in found.rows if row.code == code and not row.covered)


def code_fields() -> tuple[forms.Field, ...]:
    """Give the fields of a code that is to be added, each in one line."""
    return tuple(replace(each, kind="text") for each in forms.fields("mapping set", ask=("value", "name")))


def plan_verb(found: Any) -> str:
    """Give the verb that a plan of this group would carry out: what depends on our own data is translated anew."""
    if found.group.cause.state != "parked" or not found.group.count:
        return ""
    ours = found.group.cause.error_code in OURS
    possible = [verb for verb in (("rebuild", "release") if ours else ("release", "rebuild")) if verb in found.verbs]
    return possible[0] if possible else ""


#: Causes that are mended on our side, by data that a message is translated with: the same bytes would fail again.
OURS = frozenset({"no_mapping", "no_route", "bad_settings", "invalid_message"})
