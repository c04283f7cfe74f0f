"""Levels of public services: what each is called on a day, and what a service must have to be raised to it; data with days."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hub.canonical.codes import CodeRow

#: The code list that takes the place of the shipped levels: code = level, value = needs, name = name.
LIST = "service_levels"
#: A service at this level or above is submitted online ("có dịch vụ công trực tuyến").
ONLINE = 3
#: Levels that systems store.
LOWEST, HIGHEST = 1, 4
_FILE = Path(__file__).parent / "levels" / "levels.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level, as it is laid down from one day until before another."""

    level: int
    vi: str
    en: str
    #: Names of hub.rules.campaigns.NEEDS.
    needs: tuple[str, ...]
    valid_from: date | None = None
    valid_to: date | None = None
    #: ``no``; ``needs``: the name is sure; ``yes``: neither is.
    assumed: str = "no"

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _read() -> tuple[Level, ...]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Level(
                level=int(row["level"]),
                vi=row["vi"],
                en=row["en"],
                needs=tuple(row["needs"].split()),
                valid_from=_day(row["valid_from"]),
                valid_to=_day(row["valid_to"]),
                assumed=row["assumed"],
            )
            for row in csv.DictReader(file)
        )


#: As shipped; see levels/SOURCE.md.
SHIPPED = _read()


def on(day: date, own: Iterable[CodeRow] = ()) -> Mapping[int, Level]:
    """Give the levels that hold on a day; ``own``: rows of the code list, each of which takes the place of a shipped level."""
    found = {each.level: each for each in SHIPPED if each.valid_on(day)}
    found |= {each.level: each for each in map(_own, own) if each is not None and each.valid_on(day)}
    return dict(sorted(found.items()))


def _own(row: CodeRow) -> Level | None:
    """Read a row of the code list; what is no level is left out."""
    if row.code not in map(str, range(LOWEST, HIGHEST + 1)):
        return None
    name = row.name or f"mức độ {row.code}"
    return Level(
        level=int(row.code),
        vi=name,
        en=row.name or f"level {row.code}",
        needs=tuple(row.value.split()),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def effective(owner: int | None, units: Sequence[int]) -> int | None:
    """Give the level of a procedure that several units offer: the lowest of theirs, where any is recorded; else its owner's."""
    return min(units) if units else owner


def share(part: int, whole: int) -> float:
    """Give a share in percent with two decimals, halves up as officials round; 0.0 where there is nothing."""
    # In whole numbers: 2.675 as a float lies below itself.
    return ((part * 20_000 + whole) // (2 * whole)) / 100 if whole else 0.0
