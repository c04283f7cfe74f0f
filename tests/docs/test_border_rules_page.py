"""docs/border-rules.md shows every rule on border documents as the code has it: number, clause, both sentences, both levels."""

from __future__ import annotations

from collections import Counter

import pytest

from hub.rules.border.finding import Rule
from hub.rules.border.judging import TABLES
from tests.docs import pages

PAGE = "docs/border-rules.md"


def _level(rule: Rule[object], level: str) -> str:
    return level + ("\\*" if rule.overridable and level == "refuse" else "")


def _row(rule: Rule[object]) -> str:
    cells = (rule.number, rule.clause[1], rule.en, rule.vi, _level(rule, rule.outgoing), _level(rule, rule.incoming))
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize(("vi", "en", "rules"), TABLES, ids=[table[1] for table in TABLES])
def test_each_table_stands_under_its_heading_row_by_row(vi: str, en: str, rules: tuple[Rule[object], ...]) -> None:
    (section,) = (each for each in pages.sections(PAGE) if each.title == en)
    shown = [line for line in section.text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]

    assert f"*{vi}*" in section.text
    assert shown[1:] == [_row(rule) for rule in rules]


def test_every_number_stands_once() -> None:
    numbers = Counter(rule.number for _, _, rules in TABLES for rule in rules)

    assert [number for number, count in numbers.items() if count > 1] == []


def test_an_incoming_document_is_refused_by_a_rule_only_where_an_outgoing_one_is() -> None:
    harder = [rule.number for _, _, rules in TABLES for rule in rules if (rule.incoming, rule.outgoing) == ("refuse", "warn")]

    assert harder == []
