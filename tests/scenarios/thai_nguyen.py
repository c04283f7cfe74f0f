"""The plan of Thái Nguyên province of 2020, as far as it was published; the rest is invented, by a seed, and said to be.

Published: some 1,895 procedures, of which 127 at level 4 (6.7 %); 443 to be raised to 570 (30 %), by unit and week: 30 at one
department on 1-5 June, 158 at district level on 24-28 August. Invented: which department, which other units and weeks, all
codes and names, fees, and what was missing at first. ``python -m tests.scenarios.thai_nguyen`` writes the plan anew.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from hub.canonical.procedure import Procedure
from tests.support.campaign_world import procedure

PLAN = Path(__file__).parent / "thai_nguyen_plan.csv"
PROVINCE = "H55"
SERVICES, AT_START, TO_RAISE = 1_895, 127, 443
FIRST, LAST = date(2020, 6, 1), date(2020, 9, 25)
#: The published parts: so many of them, in this week.
DEPARTMENT, OF_DEPARTMENT, JUNE = "H55.05", 30, date(2020, 6, 1)
OF_DISTRICTS, AUGUST = 158, date(2020, 8, 24)
DISTRICTS = tuple(f"H55.{number}" for number in range(31, 40))
_OTHERS = tuple(f"H55.{number:02}" for number in range(6, 23)) + tuple(f"H55.40.{number:02}" for number in range(1, 9))
_SEED = 570


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One row of the plan."""

    procedure: str
    unit: str
    planned_day: date
    from_level: int
    #: What is still to be done when preparing begins.
    fee: bool
    lacks: str


def codes() -> list[str]:
    """Give the codes of all procedures of the province."""
    return [f"1.9{number:05}" for number in range(SERVICES)]


def plan() -> list[Planned]:
    """Make the plan: the published parts as published, the others drawn."""
    draw = random.Random(_SEED)  # an invented plan
    places = [(DEPARTMENT, JUNE)] * OF_DEPARTMENT
    places += [(DISTRICTS[number % len(DISTRICTS)], AUGUST) for number in range(OF_DISTRICTS)]
    mondays = [JUNE + timedelta(weeks=week) for week in range(1, 17) if JUNE + timedelta(weeks=week) != AUGUST]
    weeks = {unit: draw.choice(mondays) for unit in _OTHERS}
    rest = TO_RAISE - len(places)
    places += [(unit, weeks[unit]) for unit in (_OTHERS[number % len(_OTHERS)] for number in range(rest))]
    listed = codes()[AT_START : AT_START + TO_RAISE]
    return [_planned(draw, code, unit, monday) for code, (unit, monday) in zip(listed, places, strict=True)]


def _planned(draw: random.Random, code: str, unit: str, monday: date) -> Planned:
    return Planned(
        procedure=code,
        unit=unit,
        planned_day=monday + timedelta(days=draw.randrange(5)),
        from_level=draw.choice((2, 3, 3, 3)),
        fee=draw.random() < 0.4,
        lacks=draw.choices(("", "components", "days", "forms"), (85, 5, 5, 5))[0],
    )


def catalogue(planned: Sequence[Planned]) -> list[Procedure]:
    """Make the province's catalogue, as it is before the campaign."""
    by_code = {each.procedure: each for each in planned}
    listed = codes()
    made = [procedure(code, level=4) for code in listed[:AT_START]]
    made += [record(by_code[code]) for code in listed[AT_START : AT_START + TO_RAISE]]
    return made + [procedure(code, level=2 + number % 2) for number, code in enumerate(listed[AT_START + TO_RAISE :])]


def record(planned: Planned, *, mended: bool = False) -> Procedure:
    """Make the record of a procedure of the plan; ``mended``: what it lacked was filled in."""
    lacks = "" if mended else planned.lacks
    return procedure(
        planned.procedure,
        level=planned.from_level,
        papers=0 if lacks == "components" else 3,
        days="" if lacks == "days" else "7",
        form_file="" if lacks == "forms" else "https://dichvucong.example.org/mau.docx",
        fee="50000" if planned.fee else "",
        agency=planned.unit,
    )


def write() -> str:
    """Write the plan as the spreadsheet that the campaign takes."""
    head = ["Mã thủ tục", "Mã đơn vị", "Ngày nâng", "Mức hiện tại", "Mức sẽ nâng"]
    rows = [[each.procedure, each.unit, each.planned_day.isoformat(), each.from_level, 4] for each in plan()]
    return "".join(",".join(map(str, row)) + "\n" for row in [head, *rows])


def rows() -> list[dict[str, str]]:
    """Read the plan as it lies here."""
    with PLAN.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    PLAN.write_text(write(), encoding="utf-8")
