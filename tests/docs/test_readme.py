"""README.md: its tour comes out as shown, and what it says of packages and targets is so.

What it shows of the demo is compared in ``tests/edge/test_demo.py``, where the demo is played.
"""

from __future__ import annotations

import re

import pytest

from tests.docs import consoles, pages

PAGE = "README.md"


@pytest.mark.parametrize("step", consoles.steps(PAGE), ids=lambda step: step.command[:50])
def test_a_step_of_the_tour_comes_out_as_it_is_shown(step: consoles.Step, desk: consoles.Reader) -> None:
    """One after the other, on one hub whose doors are open."""
    desk.follow(step)


def test_the_first_line_names_what_a_bare_machine_lacks() -> None:
    """Nobody should have to look for it."""
    first = pages.page(PAGE).splitlines()[0]

    assert all(f" {package}" in first for package in ("make", "python3", "python3-venv", "git"))


def test_the_commands_that_are_named_are_targets() -> None:
    """``make demo``, ``make test``, ``make check`` and what the other pages name."""
    targets = set(re.findall(r"^([a-z-]+):", pages.page("Makefile"), re.MULTILINE))
    named = {
        target
        for name in (PAGE, "CONTRIBUTING.md", "docs/dependencies.md")
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", pages.page(name), re.MULTILINE)
    }

    assert {"demo", "test", "check"} <= named <= targets
