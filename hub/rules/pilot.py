"""Which services to raise first: ranked by the pilot criteria stable, simple, of middling volume, each with its figure."""

from __future__ import annotations

import csv
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hub.canonical.codes import CodeRow

#: The code list that takes the place of the shipped weights: code = criterion, value = weight, or weight/limit.
LIST = "pilot_criteria"
_FILE = Path(__file__).parent / "levels" / "criteria.csv"
_WEIGHT = re.compile(r"(\d{1,6})(?:/(\d{1,6}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One criterion."""

    name: str
    weight: int
    #: A figure of so much or more is worth nothing; 0 for volume, which is compared with the others' instead.
    limit: int
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known of one service; None: it is not known, and worth nothing."""

    #: Changes of its record within the time looked at.
    changes: int | None
    components: int | None
    steps: int | None
    agencies: int | None
    days: float | None
    #: Dossiers in a month.
    per_month: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a service gets for one criterion."""

    name: str
    vi: str
    en: str
    #: None: not known.
    figure: float | None
    points: float
    #: So many it could have got.
    weight: int


def _read() -> tuple[Criterion, ...]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Criterion(name=row["criterion"], weight=int(row["weight"]), limit=int(row["limit"]), vi=row["vi"], en=row["en"])
            for row in csv.DictReader(file)
        )


SHIPPED = _read()


def criteria(day: date, own: Iterable[CodeRow] = ()) -> tuple[Criterion, ...]:
    """Give the criteria that hold on a day; a row of the code list changes the weight, and the limit, of the one it names."""
    said = {row.code: _WEIGHT.fullmatch(row.value.strip()) for row in own if row.valid_on(day)}
    return tuple(_weighed(each, said.get(each.name)) for each in SHIPPED)


def _weighed(one: Criterion, said: re.Match[str] | None) -> Criterion:
    if said is None:
        return one
    limit = int(said[2]) if said[2] else one.limit
    return Criterion(name=one.name, weight=int(said[1]), limit=limit, vi=one.vi, en=one.en)


def marks(chosen: Sequence[Criterion], figures: Figures, volumes: Sequence[float]) -> tuple[Mark, ...]:
    """Give a service its points; ``volumes``: the dossiers in a month of all services that have any, the smallest first."""
    given: Mapping[str, float | None] = {
        "stable": figures.changes,
        "components": figures.components,
        "steps": figures.steps,
        "agencies": figures.agencies,
        "days": figures.days,
        "volume": figures.per_month,
    }
    return tuple(_mark(each, given[each.name], volumes) for each in chosen)


def total(given: Iterable[Mark]) -> float:
    """Give all points together."""
    return round(sum(mark.points for mark in given), 1)


def _mark(criterion: Criterion, figure: float | None, volumes: Sequence[float]) -> Mark:
    if figure is None:
        worth = 0.0
    elif criterion.name == "volume":
        worth = middling(figure, volumes)
    else:
        worth = max(0.0, 1 - figure / criterion.limit) if criterion.limit else 0.0
    return Mark(
        name=criterion.name,
        vi=criterion.vi,
        en=criterion.en,
        figure=figure,
        points=round(criterion.weight * worth, 1),
        weight=criterion.weight,
    )


def middling(volume: float, volumes: Sequence[float]) -> float:
    """Say how near a volume is to the middle of all (sorted): 1 in the middle, 0 at either end and where there is none."""
    if volume <= 0 or not volumes:
        return 0.0
    place = (bisect_left(volumes, volume) + bisect_right(volumes, volume)) / (2 * len(volumes))
    return max(0.0, 1 - abs(2 * place - 1))
