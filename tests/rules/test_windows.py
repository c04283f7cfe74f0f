"""Delivery windows: hours of days in Vietnamese time, over midnight too, and days on which nothing is open."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.canonical.base import VIETNAM
from hub.rules.windows import DAYS, BadWindow, Window, is_open, next_opening, parse

OFFICE = (parse("mon-fri 07:30-17:30"), parse("sat 07:30-11:30"))
HOLIDAY = date(2026, 9, 2)  # a Wednesday
MONDAY = date(2026, 3, 2)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-02 07:29:59", False),
        ("2026-03-02 07:30:00", True),
        ("2026-03-02 17:29:59", True),
        ("2026-03-02 17:30:00", False),
        ("2026-03-07 11:29:59", True),  # Saturday
        ("2026-03-07 11:30:00", False),
        ("2026-03-08 09:00:00", False),  # Sunday
        ("2026-09-01 09:00:00", True),
        ("2026-09-02 09:00:00", False),  # the holiday
        ("2026-09-03 09:00:00", True),
    ],
)
def test_office_hours(moment: str, expected: bool) -> None:
    assert is_open(OFFICE, (HOLIDAY,), at(moment)) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-06 21:59:59", False),  # Friday
        ("2026-03-06 22:00:00", True),
        ("2026-03-06 23:59:59", True),
        ("2026-03-07 00:00:00", True),
        ("2026-03-07 03:59:59", True),
        ("2026-03-07 04:00:00", False),
        ("2026-03-02 01:00:00", False),  # Monday: Sunday's night is none
        ("2026-09-01 23:00:00", True),
        ("2026-09-02 01:00:00", False),  # closed from midnight to midnight
        ("2026-09-02 23:00:00", False),
        ("2026-09-03 01:00:00", False),  # the night of the closed day never began
        ("2026-09-03 23:00:00", True),
    ],
)
def test_a_window_over_midnight_is_the_first_days(moment: str, expected: bool) -> None:
    assert is_open((parse("mon-fri 22:00-04:00"),), (HOLIDAY,), at(moment)) is expected


def test_no_windows_are_open_at_any_hour_but_on_closed_days() -> None:
    assert is_open((), (), at("2026-09-02 00:00:00"))
    assert is_open((), (HOLIDAY,), at("2026-09-01 23:59:59"))
    assert not is_open((), (HOLIDAY,), at("2026-09-02 00:00:00"))


def test_the_hours_are_vietnamese_wherever_the_hub_stands() -> None:
    assert is_open(OFFICE, (), datetime(2026, 3, 2, 0, 30, tzinfo=UTC))
    assert not is_open(OFFICE, (), datetime(2026, 3, 2, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon 00:00-24:00", {0}),
        ("MON-FRI 07:30-17:30", {0, 1, 2, 3, 4}),
        ("sat-mon 07:30-17:30", {5, 6, 0}),
        ("mon,wed,fri-sat 07:30-17:30", {0, 2, 4, 5}),
        ("mon-sun 07:30-17:30", set(range(7))),
    ],
)
def test_days_are_named_alone_in_ranges_and_in_lists(text: str, days: set[int]) -> None:
    assert parse(text).days == days


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no window"),
        ("mon-fri", "no window"),
        ("07:30-17:30", "no window"),
        ("mon-fri 7:30-17:30", "no window"),
        ("mon-fri 07:30 - 17:30", "no window"),
        ("mon-fri 07:30-17:30 sat", "no window"),
        ("t2-t6 07:30-17:30", "no window"),
        ("monday 07:30-17:30", "'monday' is no day"),
        ("mon-wed-fri 07:30-17:30", "'mon-wed-fri' is no day"),
        ("mon, 07:30-17:30", "'' is no day"),
        ("mon 07:60-17:30", "no time '07:60'"),
        ("mon 07:30-24:01", "no time '24:01'"),
        ("mon 99:99-17:30", "no time '99:99'"),
        ("mon 08:00-08:00", "not at the same time"),
        ("mon 24:00-08:00", "opens from 00:00"),
        ("mon 08:00-00:00", "closes from 00:01"),
    ],
)
def test_what_is_no_window_is_told_in_both_languages(text: str, why: str) -> None:
    with pytest.raises(BadWindow) as told:
        parse(text)

    assert why in told.value.en
    assert repr(text) in told.value.vi and told.value.vi != told.value.en


# --- properties

MINUTES = st.integers(0, 24 * 60 - 1)
WINDOWS = st.builds(
    lambda days, opens, lasts: Window(days=frozenset(days), opens=opens, closes=opens + lasts),
    st.sets(st.integers(0, 6), min_size=1),
    MINUTES,
    st.integers(1, 24 * 60),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=VIETNAM))
CLOSED = st.sets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=20)


def shown(window: Window) -> str:
    """Write a window as it stands in a file."""
    ends = window.closes if window.closes <= 24 * 60 else window.closes - 24 * 60
    days = ",".join(DAYS[day] for day in sorted(window.days))
    return f"{days} {window.opens // 60:02}:{window.opens % 60:02}-{ends // 60:02}:{ends % 60:02}"


@given(WINDOWS.filter(lambda each: each.closes - each.opens < 24 * 60 and each.closes != 24 * 60))
def test_a_window_that_is_written_is_read_as_it_was(window: Window) -> None:
    assert parse(shown(window)) == window


@given(st.lists(WINDOWS, max_size=3), CLOSED, MOMENTS)
def test_a_moment_is_open_exactly_where_an_opening_before_it_has_not_closed(
    windows: list[Window], closed: set[date], moment: datetime
) -> None:
    """Told in another way than the rule: by looking for the opening."""
    midnights = [moment.date() - timedelta(days=number) for number in (0, 1)]
    expected = moment.date() not in closed and any(
        day not in closed
        and day.weekday() in each.days
        and each.opens <= (moment.date() - day).days * 24 * 60 + moment.hour * 60 + moment.minute < each.closes
        for day in midnights
        for each in windows or [Window(days=frozenset(range(7)), opens=0, closes=24 * 60)]
    )

    assert is_open(windows, closed, moment) is expected


@given(st.lists(WINDOWS, max_size=3), CLOSED, MOMENTS)
def test_the_next_opening_is_open_and_nothing_before_it_is(windows: list[Window], closed: set[date], moment: datetime) -> None:
    opens = next_opening(windows, closed, moment)

    assert opens >= moment
    assert is_open(windows, closed, opens)
    if opens > moment:
        minutes = int((opens - moment).total_seconds() // 60)
        for minute in {0, 1, minutes // 2, minutes - 1, minutes} & set(range(minutes + 1)):
            assert not is_open(windows, closed, moment + timedelta(minutes=minute)) or moment + timedelta(minutes=minute) == opens


def test_the_next_opening_passes_over_holidays() -> None:
    new_year = [date(2026, 2, 14) + timedelta(days=number) for number in range(9)]

    assert next_opening(OFFICE, new_year, at("2026-02-13 18:00:00")) == at("2026-02-23 07:30:00")


def test_the_next_opening_is_found_though_it_be_a_year_away() -> None:
    mondays = [MONDAY + timedelta(weeks=number) for number in range(60)]

    assert next_opening((parse("mon 08:00-09:00"),), mondays, at("2026-03-01 09:00:00")) == at("2027-04-26 08:00:00")
