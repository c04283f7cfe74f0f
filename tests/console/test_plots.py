"""Plots: columns that are as high as their values say, and nothing where nothing is known."""

from __future__ import annotations

import re

import pytest

from hub.edge.console import plots


def heights(svg: str) -> list[float]:
    return [float(each) for each in re.findall(r'<rect [^>]*height="([\d.]+)"', svg)]


def test_columns_are_as_high_as_their_values() -> None:
    drawn = plots.columns([[10, 5, None, 0]], ["a", "", "", ""], "Lưu lượng")

    full, half = heights(drawn)
    assert full == pytest.approx(2 * half)


def test_the_axis_ends_at_a_round_number() -> None:
    assert [plots.nice(each) for each in (0, 1, 3, 7, 10, 11, 499, 1200)] == [1, 1, 5, 10, 10, 20, 500, 2000]


def test_words_are_escaped() -> None:
    drawn = plots.columns([[1]], ["<b>"], "<script>")

    assert "<script>" not in drawn
    assert "&lt;b&gt;" in drawn


def test_two_series_stand_beside_each_other() -> None:
    drawn = plots.columns([[4], [4]], [""], "x")

    first, second = (float(each) for each in re.findall(r'<rect [^>]*x="([\d.]+)"', drawn))
    width = float(re.findall(r'<rect [^>]*width="([\d.]+)"', drawn)[0])
    assert second == pytest.approx(first + width, abs=0.2)
