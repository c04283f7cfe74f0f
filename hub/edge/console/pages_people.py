"""People and tokens: who works with the hub, in which roles and where; and the journal of what everybody did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from starlette.responses import Response

from hub.canonical.base import VIETNAM
from hub.edge.console import forms, rendering
from hub.edge.console.rooms import Desk, Room
from hub.errors import NotAllowed
from hub.rules.people import Role
from hub.rules.verbs import VERBS

room = Room()

#: Entries of the journal on one page.
PAGE = 50
ROLES = tuple(role.value for role in Role)

forms.posted_to("person add", "/people")
forms.posted_to("person password", "/people/password")
forms.posted_to("token make", "/tokens")


# --- people ------------------------------------------------------------------------------------------------------


@room.page("/people", verb="person show")
def listing(desk: Desk) -> Response:
    """List the people."""
    asked = ("login", "name", "scope", "sign_in", "password", "why")
    fields = _fields("person add", asked, {"scope": ["*"]}) if desk.may("person add") else {}
    return desk.render("people/list.html", people=desk.look("person show"), fields=fields, roles=ROLES)


@room.page("/people/{login}", verb="person show")
def one(desk: Desk, login: str) -> Response:
    """Show one person."""
    found = desk.look("person show", login=login)
    if not found:
        raise NotAllowed(f"no person {login!r}", f"không có tài khoản {login!r}", where="login")
    person = found[0]
    given = {"name": [person.name], "scope": ["\n".join(person.scope) if person.scope is not None else "*"]}
    return desk.render(
        "people/one.html",
        one=person,
        fields=_fields("person change", ("name", "scope", "account", "why"), given),
        tokens=desk.look("token show", login=login) if desk.may("token show") else (),
        roles=ROLES,
    )


@room.form("/people", verb="person add")
def add(desk: Desk) -> Response:
    """Add a person; a password that the hub made is shown once."""
    made = desk.carry_out("person add")
    return _made(desk, made) if made.password else desk.go(rendering.url("people", made.person.login), done="person add")


@room.form("/people/password", verb="person password")
def password(desk: Desk) -> Response:
    """Set a temporary password, shown once where the hub made it."""
    made = desk.carry_out("person password")
    return _made(desk, made) if made.password else desk.go(rendering.url("people", made.person.login), done="person password")


def _made(desk: Desk, made: Any) -> Response:
    return desk.render("people/secret.html", login=made.person.login, secret=made.password, kind="password", back="/people")


# --- tokens ------------------------------------------------------------------------------------------------------


@room.page("/tokens", verb="token show")
def tokens(desk: Desk) -> Response:
    """List the tokens."""
    asked = ("login", "title", "scope", "days", "why")
    given = {"login": [desk.query.get("login", "")]}
    fields = _fields("token make", asked, given) if desk.may("token make") else {}
    found = desk.look("token show", login=desk.query.get("login", ""))
    return desk.render("people/tokens.html", tokens=found, fields=fields, verbs=VERBS.values())


@room.form("/tokens", verb="token make")
def make_token(desk: Desk) -> Response:
    """Make a token, whose secret is shown once."""
    made = desk.carry_out("token make")
    return desk.render("people/secret.html", login=made.token.login, secret=made.secret, kind="token", back="/tokens")


# --- the journal of verbs ----------------------------------------------------------------------------------------


@room.page("/journal", verb="journal")
def journal(desk: Desk) -> Response:
    """Show who did what, and why; the newest first."""
    query = desk.query
    asked = {name: query.get(name, "")[:300] for name in ("person", "verb", "subject")}
    since, until = _moment(query.get("since", "")), _moment(query.get("until", ""))
    before = int(query["before"]) if query.get("before", "").isdecimal() and len(query["before"]) < 19 else None
    found = desk.look("journal", **asked, since=since, until=until, before=before, limit=PAGE)
    earlier = rendering.url("journal", **asked, since=query.get("since"), until=query.get("until"), before=found.before or None)
    return desk.render(
        "people/journal.html",
        found=found,
        asked=asked,
        since=query.get("since", ""),
        until=query.get("until", ""),
        earlier=earlier if found.before else "",
        verbs=[each for each in VERBS.values() if each.changes],
        subject_page=subject_page,
    )


#: What a journal chain is about, by its beginning -> its page.
_SUBJECTS = {"endpoint": "partners", "person": "people", "plan": "replays", "edit": "edits", "codes": "mappings"}


def subject_page(subject: str) -> str:
    """Give the page of what a journal chain is about."""
    kind, _, name = subject.partition(":")
    if kind == "token":
        return "/tokens"
    return rendering.url(_SUBJECTS[kind], name) if kind in _SUBJECTS and name else rendering.url("timeline", subject)


def _moment(text: str) -> float | None:
    """Read what a field for a moment gives, Vietnamese time; None where it is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=VIETNAM).timestamp() if text else None
    except (ValueError, OverflowError):
        return None


def _fields(verb: str, ask: Iterable[str], given: dict[str, list[Any]]) -> dict[str, forms.Field]:
    return {each.name: each for each in forms.fields(verb, ask=ask, posted=given)}
