"""The calendar of working days: weekends, holidays, moved days, due dates; counted one way and the other it is the same."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.codes import CodeRow
from hub.rules.working_days import MOST_DAYS, Calendar, calendar

PLAIN = calendar()
DAYS = st.dates(date(2001, 1, 1), date(2058, 12, 31))


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 3, 2), True),
        (date(2026, 3, 7), False),
        (date(2026, 3, 8), False),
        # Tết Bính Ngọ.
        (date(2026, 2, 17), False),
        (date(2026, 4, 30), False),
        (date(2026, 9, 2), False),
        # The Hùng kings' day falls on a Sunday in 2026, so the Monday after it is free.
        (date(2026, 4, 27), False),
        # Moved by decree: known to the package ...
        (date(2024, 4, 29), False),
        (date(2024, 5, 4), True),
        # ... and to our own table.
        (date(2026, 1, 2), False),
        (date(2026, 1, 10), True),
    ],
)
def test_days_are_worked_on_as_the_law_and_decrees_say(day: date, working: bool) -> None:
    assert PLAIN.is_working(day) is working


def test_rows_of_the_code_list_are_laid_over_what_is_shipped() -> None:
    rows = [CodeRow("2026-03-02", "off"), CodeRow("2026-03-08", "work"), CodeRow("2026-01-02", "work"), CodeRow("tết", "off")]
    made = calendar([*rows, CodeRow("2026-03-03", "maybe")])

    assert [made.is_working(date(2026, 3, day)) for day in (2, 3, 8)] == [False, True, True]
    assert made.is_working(date(2026, 1, 2))


def test_a_due_date_leaps_over_a_weekend_and_a_holiday() -> None:
    assert PLAIN.after(date(2026, 3, 2), 5) == date(2026, 3, 9)
    assert PLAIN.after(date(2026, 2, 13), 1) == date(2026, 2, 23)
    assert PLAIN.after(date(2026, 3, 7), 0) == date(2026, 3, 7)


@settings(deadline=None)
@given(DAYS, st.integers(1, 400))
def test_so_many_working_days_lie_between_a_day_and_its_due_date(day: date, number: int) -> None:
    due = PLAIN.after(day, number)

    assert PLAIN.is_working(due)
    assert PLAIN.between(day, due) == number


@settings(deadline=None)
@given(DAYS, st.integers(0, 120), st.integers(0, 120))
def test_counted_in_two_parts_it_is_the_same(day: date, first: int, second: int) -> None:
    middle, last = day + timedelta(days=first), day + timedelta(days=first + second)

    assert PLAIN.between(day, middle) + PLAIN.between(middle, last) == PLAIN.between(day, last)
    assert PLAIN.between(day, last) == sum(PLAIN.is_working(day + timedelta(days=each + 1)) for each in range(first + second))


@pytest.mark.parametrize("day", [date.min, date(1899, 12, 31), date(2300, 1, 1), date(9999, 12, 1), date.max])
def test_days_beyond_the_calendar_end_somewhere(day: date) -> None:
    assert PLAIN.after(day, 10**9) >= day
    assert 0 <= PLAIN.between(date.min, day) <= 301 * 262
    assert PLAIN.between(day, date.min) == 0


def test_a_negative_duration_is_none() -> None:
    assert Calendar().after(date(2026, 3, 2), -5) == date(2026, 3, 2)
    assert Calendar().after(date(2026, 3, 2), MOST_DAYS) == Calendar().after(date(2026, 3, 2), MOST_DAYS + 1)
