"""docs/operating.md: its commands come out as shown, and its tables name every state, metric and log event rightly."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from hub.edge.cli.texts import STATES
from hub.rules.lifecycle import DELIVERY, ENDED, State
from tests.docs import consoles, pages, world

PAGE = "docs/operating.md"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[consoles.Reader]:
    with world.opened(world.World, tmp_path_factory.mktemp("night")) as made:
        yield made.reader


@pytest.mark.parametrize("step", consoles.steps(PAGE), ids=lambda step: step.command[:50])
def test_a_command_of_the_night_comes_out_as_it_is_shown(step: consoles.Step, reader: consoles.Reader) -> None:
    """One after the other, on one hub."""
    reader.follow(step)


def rows(title: str) -> list[list[str]]:
    """Give the rows of the table in a section, without its head."""
    (section,) = (each for each in pages.sections(PAGE) if each.title == title)
    lines = [line for line in section.text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_state_is_told_with_its_name_on_screen() -> None:
    """In the words of the command line."""
    told = {row[0].strip("`"): row[1] for row in rows("What each state means")}

    assert told == {state: words[0] for state, words in STATES.items()}


@pytest.mark.parametrize("row", rows("What each state means"), ids=lambda row: row[0])
def test_who_moves_a_state_is_who_the_table_of_states_says(row: list[str]) -> None:
    """An operator has verbs for exactly the states that say so; nobody moves an ended one but a partner."""
    state = State(row[0].strip("`"))
    events = set(DELIVERY[state])
    verbs = {"settle_arrived", "release"} if state is State.PARKED else {"settle_arrived", "settle_not_arrived"}

    assert ("**you**" in row[3]) == (verbs <= events)
    assert (row[3] in ("–", "the sender, by a new message")) == (state in ENDED)


def test_every_metric_is_told() -> None:
    """With the name under which it is exposed."""
    exposed = {f"{each.name}_total" if each.type == "counter" else each.name for each in REGISTRY.collect()}
    ours = {name for name in exposed if name.startswith("lienthong_")}
    told = set(re.findall(r"`(lienthong_\w+)`", pages.page(PAGE)))

    assert told == ours


def events() -> set[str]:
    """Give the names of all events that the hub logs."""
    return {
        str(node.args[0].value)
        for path in (pages.ROOT / "hub").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        if node.func.value.id in ("log", "bugs") and node.args and isinstance(node.args[0], ast.Constant)
    }


def test_the_log_events_to_be_seen_at_once_exist() -> None:
    """And every event that names a bug is among them."""
    (section,) = (each for each in pages.sections(PAGE) if each.title == "What to alarm on")
    told = set(re.findall(r"`(\w+\.\w+)`", section.text.partition("Log events")[2]))

    assert told <= events()
    assert {name for name in events() if name.endswith(".bug")} <= told
