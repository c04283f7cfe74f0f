"""Delivery windows: at which hours of which days, in Vietnamese time, an endpoint may be given something."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from hub.canonical.base import VIETNAM, local

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_WINDOW = re.compile(r"(?P<days>[a-z,-]+) (?P<opens>[0-9]{2}:[0-9]{2})-(?P<closes>[0-9]{2}:[0-9]{2})")


class BadWindow(ValueError):
    """A text that is no window; says why in Vietnamese and English."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some hours of some days of the week."""

    #: 0 is Monday; the days on which the window opens.
    days: frozenset[int]
    #: Minutes since midnight; what closes on the next day closes after more than 24 hours of them.
    opens: int
    closes: int


ALWAYS = Window(days=frozenset(range(7)), opens=0, closes=_DAY_MINUTES)


def parse(text: str) -> Window:
    """Read ``mon-fri 07:30-17:30``; hours that end before they begin end on the next day. Raises BadWindow."""
    found = _WINDOW.fullmatch(text.strip().lower())
    if not found:
        raise BadWindow(
            f"{text!r} không phải khung giờ; viết dạng \"mon-fri 07:30-17:30\"",
            f'{text!r} is no window; write it like "mon-fri 07:30-17:30"',
        )
    opens, closes = _minutes(text, found["opens"]), _minutes(text, found["closes"])
    if opens in (closes, _DAY_MINUTES) or closes == 0:
        raise BadWindow(
            f"{text!r}: giờ mở từ 00:00 đến 23:59, giờ đóng từ 00:01 đến 24:00, và hai giờ phải khác nhau",
            f"{text!r}: it opens from 00:00 to 23:59 and closes from 00:01 to 24:00, and not at the same time",
        )
    return Window(days=_days(text, found["days"]), opens=opens, closes=closes if closes > opens else closes + _DAY_MINUTES)


def _minutes(text: str, given: str) -> int:
    hour, minute = map(int, given.split(":"))
    if hour * 60 + minute > _DAY_MINUTES or minute > 59:
        raise BadWindow(f"{text!r}: không có giờ {given!r}", f"{text!r}: there is no time {given!r}")
    return hour * 60 + minute


def _days(text: str, given: str) -> frozenset[int]:
    found: set[int] = set()
    for part in given.split(","):
        names = part.split("-")
        if len(names) > 2 or not set(names) <= set(DAYS):
            raise BadWindow(
                f"{text!r}: {part!r} không phải ngày trong tuần ({', '.join(DAYS)}) hay khoảng ngày như mon-fri",
                f"{text!r}: {part!r} is no day of the week ({', '.join(DAYS)}) and no range of them like mon-fri",
            )
        first, last = DAYS.index(names[0]), DAYS.index(names[-1])
        found |= {(first + number) % 7 for number in range((last - first) % 7 + 1)}
    return frozenset(found)


def is_open(windows: Sequence[Window], closed_days: Collection[date], moment: datetime) -> bool:
    """Say whether a moment lies in a window; no windows: any hour. On a closed day nothing is open, and nothing opens."""
    now = local(moment)
    today, minute = now.date(), now.hour * 60 + now.minute
    if today in closed_days:
        return False
    yesterday = today - timedelta(days=1)
    return any(
        (today.weekday() in each.days and each.opens <= minute < each.closes)
        or (yesterday.weekday() in each.days and yesterday not in closed_days and minute + _DAY_MINUTES < each.closes)
        for each in windows or (ALWAYS,)
    )


def next_opening(windows: Sequence[Window], closed_days: Collection[date], moment: datetime) -> datetime:
    """Give the moment itself where it is open, else the next one at which a window opens."""
    if is_open(windows, closed_days, moment):
        return moment
    openings = _openings(windows or (ALWAYS,), closed_days, local(moment).date())
    return min(opening for opening in openings if opening > moment)


def _openings(windows: Sequence[Window], closed_days: Collection[date], first: date) -> Iterator[datetime]:
    """List the openings of as many weeks as there must be one in: each closed day takes one away at most."""
    for number in range(7 * (len(closed_days) + 2)):
        day = first + timedelta(days=number)
        if day not in closed_days:
            for each in windows:
                if day.weekday() in each.days:
                    yield datetime.combine(day, time(each.opens // 60, each.opens % 60), VIETNAM)
