"""Statistics over the API: who may make what, what is told, and that moments and numbers are JSON."""

from __future__ import annotations

import pytest

from hub.rules.people import Role
from hub.rules.verbs import VERBS
from tests.edge.api.world import HERE, Desk

ASKED = {
    "statistics make": {"form": "II.06a", "period": "2026-03", "why": "báo cáo tháng"},
    "statistics show": {"form": "II.06a"},
    "statistics fill": {"why": "nâng cấp"},
}


@pytest.mark.parametrize("role", Role)
def test_each_verb_belongs_to_its_roles(desk: Desk, role: Role) -> None:
    token = desk.token(f"so_lieu.{role}", [role])

    said = {name: desk.call(token, name, asked).status for name, asked in ASKED.items()}

    assert said == {name: 200 if role in VERBS[name].roles else 403 for name in ASKED}


def test_a_report_is_told_with_its_lines_and_sums(desk: Desk) -> None:
    token = desk.token("so_lieu", [Role.OPERATOR])
    made = desk.call(token, "statistics make", ASKED["statistics make"]).tree
    shown = desk.call(token, "statistics show", {"form": "II.06a", "by": "channel"}).tree

    assert (made["form"], made["period"], made["actor"]) == ("II.06a", "2026-03", "so_lieu")
    assert made["computed_at"].endswith("+07:00") and made["as_of_at"] <= made["computed_at"]
    assert shown["form"]["by"] == "channel" and shown["form"]["report"] == made
    assert shown["form"]["total"]["numbers"]["c4"] == sum(each["numbers"]["c4"] for each in shown["form"]["lines"])


def test_a_wrong_form_or_period_is_said_at_its_field(desk: Desk) -> None:
    token = desk.token("so_lieu", [Role.OPERATOR], scope=[HERE])

    assert desk.call(token, "statistics make", {"form": "II.07", "period": "2026-03", "why": "x"}).status == 422
    assert desk.call(token, "statistics make", {"form": "II.06a", "period": "tháng 3", "why": "x"}).status == 409
    assert desk.call(token, "statistics show", {"form": "II.06a", "by": "colour"}).status == 422
