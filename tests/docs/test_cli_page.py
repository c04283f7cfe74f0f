"""docs/cli.md has a heading for every verb, and its examples come out as it shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from hub.edge.cli import app
from tests.docs import consoles, pages, world

PAGE = "docs/cli.md"
#: They take a while and make a world of their own; the README shows them, tests/edge plays them.
SHOWN_ELSEWHERE = {"demo", "bench"}


def verbs(command: Any, before: str = "") -> Iterator[str]:
    for name, child in command.commands.items():
        if hasattr(child, "commands"):
            yield from verbs(child, f"{name} ")
        else:
            yield f"{before}{name}"


EVERY_VERB = sorted(verbs(typer.main.get_command(app)))


def test_every_verb_has_its_heading_and_no_other_is_there() -> None:
    assert sorted(pages.named(pages.sections(PAGE))) == EVERY_VERB


@pytest.mark.parametrize("verb", [verb for verb in EVERY_VERB if verb not in SHOWN_ELSEWHERE])
def test_every_verb_has_an_example(verb: str) -> None:
    """In a block that the next test runs."""
    (section,) = (each for each in pages.sections(PAGE) if each.names == (verb,))

    assert f"\n$ lienthong {verb}" in section.text
    assert "```console\n" in section.text


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[consoles.Reader]:
    with world.opened(world.World, tmp_path_factory.mktemp("reader")) as made:
        yield made.reader


@pytest.mark.parametrize("step", consoles.steps(PAGE), ids=lambda step: step.command[:50])
def test_an_example_comes_out_as_it_is_shown(step: consoles.Step, reader: consoles.Reader) -> None:
    """One after the other, on one hub."""
    reader.follow(step)
