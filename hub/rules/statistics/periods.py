"""Periods that reports are about: a month, a quarter or a year, in Vietnamese time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hub.errors import NotAllowed

_FORM = re.compile(r"(20\d\d)(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?")
#: Vietnamese time has been UTC+7 without change since 1975.
ZONE_SECONDS = 7 * 3600
DAY_SECONDS = 86400
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A month, a quarter or a year."""

    name: str
    first: date
    #: The last day that belongs to it.
    last: date
    #: The same as moments: from ``begin`` until right before ``end``.
    begin: float
    end: float


def period(name: str) -> Period:
    """Read 2026, 2026-Q1 or 2026-03; raise NotAllowed where it is none of them."""
    found = _FORM.fullmatch(name.strip().upper())
    if found is None:
        raise NotAllowed(
            "a period is 2026, 2026-Q1 or 2026-03, from 2000 on",
            "kỳ báo cáo có dạng 2026, 2026-Q1 hoặc 2026-03, từ năm 2000",
            where="period",
        )
    year, month, quarter = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    first_month, months = (month, 1) if month else (quarter * 3 - 2, 3) if quarter else (1, 12)
    first = date(year, first_month, 1)
    behind = date(year + (first_month + months > 12), (first_month + months - 1) % 12 + 1, 1)
    return Period(name=found.group(), first=first, last=behind - timedelta(days=1), begin=midnight(first), end=midnight(behind))


def month_of(moment: float) -> str:
    """Name the month in which a moment lies."""
    return f"{day_of(moment):%Y-%m}"


def months_before(name: str, count: int) -> list[str]:
    """Name a month and those before it, the oldest first."""
    first = period(name).first
    place = first.year * 12 + first.month - 1
    return [f"{each // 12:04d}-{each % 12 + 1:02d}" for each in range(place - count + 1, place + 1) if each // 12 >= 2000]


def midnight(day: date) -> float:
    """Give the moment at which a day begins in Vietnam."""
    return float((day.toordinal() - _EPOCH) * DAY_SECONDS - ZONE_SECONDS)


def ordinal_of(moment: float) -> int:
    """Give the ordinal of the Vietnamese day of a moment; of one beyond the calendar, its first or last day."""
    return min(max(int((moment + ZONE_SECONDS) // DAY_SECONDS) + _EPOCH, 1), date.max.toordinal())


def day_of(moment: float) -> date:
    """Give the Vietnamese day of a moment."""
    return date.fromordinal(ordinal_of(moment))


def as_written(moment: float) -> str:
    """Write a moment as officials do."""
    return (datetime.fromtimestamp(moment, UTC) + timedelta(seconds=ZONE_SECONDS)).strftime("%d/%m/%Y %H:%M")
