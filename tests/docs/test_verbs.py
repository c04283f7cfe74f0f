"""Every verb exists everywhere: acts, command line, console, API and documents have the same names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from hub.edge import console
from hub.edge.acts.everything import ACTS
from hub.edge.api.app import PREFIX, address
from hub.edge.cli import app
from hub.edge.console.every_room import ROOMS
from hub.rules.people import Role
from hub.rules.verbs import VERBS, Verb
from tests.docs.pages import ROOT

CONSOLE = Path(console.__file__).parent


def commands() -> set[str]:
    """Name every command of the command line, those of a group with its name before."""
    found = set()
    for name, command in typer.main.get_command(app).commands.items():
        inside = getattr(command, "commands", {})
        found |= {f"{name} {one}" for one in inside} or {name}
        if inside and getattr(command, "invoke_without_command", False):
            found.add(name)
    return found


def console_text() -> str:
    """Give everything from which the console makes its pages."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (*CONSOLE.rglob("*.html"), *CONSOLE.rglob("*.py")))


def row(verb: Verb) -> str:
    """Write a verb's line of the table in docs/api.md."""
    roles = ", ".join(role.value for role in Role if role in verb.roles)
    return f"| `{ACTS[verb.name].method} {PREFIX}{address(verb.name)}` | {verb.vi} / {verb.en} | {roles} |"


def test_every_verb_has_its_act_and_no_act_is_without_a_verb() -> None:
    assert set(ACTS) == set(VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_the_command_line_has_it(name: str) -> None:
    assert name in commands()


@pytest.mark.parametrize("name", VERBS)
def test_the_console_has_it(name: str) -> None:
    shown = {page.verb for room in ROOMS for page in room.pages}
    as_address, as_parts = f"do/{name.replace(' ', '/')}", ", ".join(f"'{word}'" for word in ("do", *name.split()))
    written = re.search(rf"""["'/]{re.escape(name)}["'?]""", text := console_text()) or as_address in text or as_parts in text
    assert name in shown or written


def test_the_page_about_the_api_lists_them() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    table = text.split("<!-- verbs:begin -->\n")[1].split("<!-- verbs:end -->")[0]
    head = "| verb | what it does | roles |\n| --- | --- | --- |\n"
    assert table == head + "".join(f"{row(verb)}\n" for verb in VERBS.values())


@pytest.mark.parametrize("name", VERBS)
def test_each_title_is_said_in_both_languages(name: str) -> None:
    assert VERBS[name].vi and VERBS[name].en and VERBS[name].roles <= set(Role)
