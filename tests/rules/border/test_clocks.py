"""Clocks of border documents: months that end on days that are not there, the last day still in time, day 60."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.rules.border import clocks

DAYS = st.dates(date(1990, 1, 1), date(2199, 12, 31))


@pytest.mark.parametrize(
    ("day", "months", "end"),
    [
        (date(2026, 3, 5), 12, date(2027, 3, 5)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2027, 2, 28), 12, date(2028, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(9999, 6, 1), 12, date.max),
        (date(2026, 3, 5), 0, date(2026, 3, 5)),
    ],
)
def test_a_period_ends_on_the_day_of_the_same_number_or_the_months_last(day: date, months: int, end: date) -> None:
    assert clocks.add_months(day, months) == end


@settings(max_examples=200, deadline=None)
@given(DAYS, st.integers(0, 240))
def test_months_add_up_to_the_right_month_and_never_pass_the_day(day: date, months: int) -> None:
    end = clocks.add_months(day, months)

    assert (end.year - day.year) * 12 + end.month - day.month == months
    assert end.day <= day.day
    assert end.day == day.day or (end + timedelta(days=1)).month != end.month


@settings(max_examples=200, deadline=None)
@given(DAYS, DAYS)
def test_who_is_issued_later_does_not_expire_earlier(one: date, other: date) -> None:
    first, second = sorted((one, other))

    assert clocks.expires_on(first) <= clocks.expires_on(second)


def test_day_sixty_is_in_time_and_day_sixty_one_is_not() -> None:
    due = clocks.answer_due(date(2026, 3, 6))

    assert due == date(2026, 5, 5)
    assert not clocks.is_past(due, date(2026, 5, 5))
    assert clocks.is_past(due, date(2026, 5, 6))


@settings(max_examples=200, deadline=None)
@given(DAYS, st.integers(0, 366), st.integers(0, 60), DAYS)
def test_a_clock_is_near_or_past_or_neither_never_both(begun: date, days: int, warn: int, today: date) -> None:
    due = clocks.answer_due(begun, days)

    assert not (clocks.is_near(due, today, warn) and clocks.is_past(due, today))
    assert clocks.is_near(due, due, warn)
    assert clocks.is_near(due, due - timedelta(days=warn), warn)
    assert not clocks.is_near(due, due - timedelta(days=warn + 1), warn)


def test_a_clock_never_runs_beyond_what_a_date_holds() -> None:
    assert clocks.answer_due(date(9999, 12, 30), 366) == date.max


def test_the_next_hop_is_due_so_many_hours_after_sending() -> None:
    sent = datetime(2026, 3, 6, 22, 30, tzinfo=UTC)

    assert clocks.hop_due(sent, 24.0) == datetime(2026, 3, 7, 22, 30, tzinfo=UTC)
