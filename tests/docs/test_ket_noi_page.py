"""docs/ket-noi.md: what a province's programmer does to connect comes out as shown, one step after the other."""

from __future__ import annotations

import re

import pytest

from hub.edge.http.turned_away import TurnedAway
from tests.docs import consoles, pages

PAGE = "docs/ket-noi.md"


@pytest.mark.parametrize("step", consoles.steps(PAGE), ids=lambda step: step.command[:50])
def test_a_step_comes_out_as_it_is_shown(step: consoles.Step, desk: consoles.Reader) -> None:
    """On one hub whose doors are open."""
    desk.follow(step)


def statuses(kind: type[TurnedAway]) -> set[int]:
    own = {kind.status} if isinstance(getattr(kind, "status", None), int) else set()
    return own.union(*(statuses(each) for each in kind.__subclasses__()))


def test_every_status_by_which_a_door_turns_away_is_told() -> None:
    """So nobody meets one that the table lacks."""
    told = {int(each) for row in re.findall(r"^\| ([\d, ]+) \|", pages.page(PAGE), re.MULTILINE) for each in row.split(", ")}

    assert statuses(TurnedAway) - told == set()
