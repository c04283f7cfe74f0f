"""The calendar of working days: Monday to Friday, Vietnamese holidays, and days that a decree moves; due dates by it."""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

import holidays

from hub.canonical.codes import CodeRow

#: The code list whose rows are laid over the shipped days: code = 2026-01-02, value = off or work.
LIST = "working_days"
OFF, WORK = "off", "work"
#: Beyond these years nothing is known of holidays; only weekends are off.
_FIRST_YEAR, _LAST_YEAR = 2000, 2060
#: No procedure takes longer; a number beyond it is a mistake of its sender.
MOST_DAYS = 5000
#: In so many years there are surely as many working days.
_REACH_YEARS = 40
_FILE = Path(__file__).parent / "statistics" / "moved_days.csv"
_SATURDAY = 5


def _shipped() -> dict[date, str]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {date.fromisoformat(row["code"]): row["value"] for row in csv.DictReader(file)}


#: As shipped; see statistics/SOURCE.md.
SHIPPED: Mapping[date, str] = _shipped()


@lru_cache(maxsize=128)
def _year(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Give a year's holidays, and the weekend days on which is worked instead."""
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return frozenset(), frozenset()
    found = holidays.country_holidays("VN", years=year)
    worked = {day for day in getattr(found, "weekend_workdays", ()) if day.year == year}
    return frozenset(found), frozenset(worked)


@dataclass(frozen=True)
class Calendar:
    """Which days are worked on; a value, the same for the same rows."""

    #: Days that differ from the rule, ``off`` or ``work``.
    moved: Mapping[date, str] = field(default_factory=lambda: SHIPPED)
    #: Ordinals of the working days of years that were asked for.
    _listed: dict[int, tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)

    def is_working(self, day: date) -> bool:
        """Say whether it is a working day."""
        if (moved := self.moved.get(day)) is not None:
            return moved == WORK
        off, worked = _year(day.year)
        return day in worked or (day.weekday() < _SATURDAY and day not in off)

    def after(self, day: date, number: int) -> date:
        """Give the day on which so many working days are over; the day itself does not count (Civil Code 2015, Art. 147)."""
        left = min(max(number, 0), MOST_DAYS)
        for year in range(day.year, min(day.year + _REACH_YEARS, date.max.year) + 1) if left else ():
            days = self._of(year)
            begin = bisect_right(days, day.toordinal())
            if left <= len(days) - begin:
                return date.fromordinal(days[begin + left - 1])
            left -= len(days) - begin
        return date.max if left else day

    def between(self, first: date, last: date) -> int:
        """Count the working days after ``first`` up to ``last``; 0 where it is not later."""
        if last <= first:
            return 0
        # A moment of long ago or far ahead is a slip of its sender: it counts no further than this.
        years = range(max(first.year, 1900), min(last.year, 2200) + 1)
        begin, end = first.toordinal(), last.toordinal()
        return sum(bisect_right(days, end) - bisect_left(days, begin + 1) for days in map(self._of, years))

    def _of(self, year: int) -> tuple[int, ...]:
        if (known := self._listed.get(year)) is not None:
            return known
        first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
        days = tuple(day for day in range(first, last + 1) if self.is_working(date.fromordinal(day)))
        if _FIRST_YEAR <= year <= _LAST_YEAR:
            # Slips of senders (year 9020) are not worth remembering.
            self._listed[year] = days
        return days


def calendar(rows: Iterable[CodeRow] = ()) -> Calendar:
    """Make the calendar with the rows of the code list laid over the shipped days; what is no day is left out."""
    own = {day: row.value for row in rows if (day := _day(row.code)) is not None and row.value in (OFF, WORK)}
    return Calendar({**SHIPPED, **own})


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
