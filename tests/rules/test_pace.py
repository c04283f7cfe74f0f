"""A rate is kept in every minute, however often and by whomever it is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules.pace import MINUTE_SECONDS, after, allowed

NOW = 1_772_000_000.0
RATES = st.integers(1, 2_000)


def most_in_a_minute(moments: list[float]) -> int:
    """Count the calls of the fullest minute, that second of it excluded at which the next one begins."""
    return max(sum(first <= each < first + MINUTE_SECONDS - 0.01 for each in moments) for first in moments)


@given(rate=RATES, pauses=st.lists(st.floats(0, 90), min_size=1, max_size=60), wanted=st.integers(1, 50))
def test_no_minute_has_more_calls_than_the_rate(rate: int, pauses: list[float], wanted: int) -> None:
    now, until, moments = NOW, 0.0, []
    for pause in pauses:
        now += pause
        calls = min(wanted, allowed(until, now, rate))
        until = after(until, now, rate, calls)
        moments += [now] * calls

    assert most_in_a_minute(moments) <= rate


@pytest.mark.parametrize(("rate", "at_least"), [(1, 1), (7, 6), (29, 26), (60, 56), (600, 570), (3000, 2850)])
def test_looking_four_times_a_second_reaches_nearly_the_rate(rate: int, at_least: int) -> None:
    """Less than the rate by what may go at once, and by what a look that comes late loses."""
    until, calls = 0.0, 0
    for look in range(20 * 240):
        now = NOW + look / 4
        found = allowed(until, now, rate)
        until = after(until, now, rate, found)
        calls += found

    assert 20 * at_least <= calls <= 20 * rate + 1


@given(rate=RATES, calls=st.integers(1, 5))
def test_what_is_used_up_comes_back_with_time(rate: int, calls: int) -> None:
    first = allowed(0.0, NOW, rate)
    until = after(0.0, NOW, rate, first)

    assert first >= 1
    assert allowed(until, NOW, rate) == 0
    assert allowed(until, NOW + MINUTE_SECONDS, rate) == first


@given(rate=RATES, hours=st.floats(0.1, 10_000))
def test_a_clock_that_is_set_back_stops_nothing_for_more_than_two_minutes(rate: int, hours: float) -> None:
    until = after(0.0, NOW, rate, 1)

    now = NOW - hours * 3600
    until = after(until, now, rate, 0)

    assert allowed(until, now + 2 * MINUTE_SECONDS, rate) >= 1
