"""What a rule on border documents is: one row of a table that an official can read, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Generic, Literal, TypeVar

#: ``refuse``: the document is not taken, or not sent. ``warn``: it is, and whoever looks at it is told.
Level = Literal["refuse", "warn"]
REFUSE: Level = "refuse"
WARN: Level = "warn"

Case = TypeVar("Case")

#: Highest number of an item, our own limit: what is kept of items is kept by their numbers.
LAST_ITEM = 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFinding:
    """One place at which a document does not keep a rule."""

    #: Number of the rule, as docs/border-rules.md lists it.
    rule: str
    level: Level
    #: Where, in the canonical message: ``origin.items.1.fob``.
    path: str
    #: The rule with its clause, as a sentence.
    vi: str
    en: str
    #: True: an officer may let it pass.
    overridable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[Case]):
    """One row: what must be so, where that is written, and how hard it is taken in each direction."""

    number: str
    #: Where it is written, in Vietnamese and English; ``assumed`` where no public text says it.
    clause: tuple[str, str]
    #: What must be so.
    vi: str
    en: str
    #: What follows for a document that goes out, and for one that comes in: most are only told of, since the other country
    #: issued it and minor discrepancies do not make it invalid (OCP Rule 16).
    outgoing: Level
    incoming: Level
    #: Gives the places at which it is not so.
    check: Callable[[Case], Iterable[str]]
    overridable: bool = False


def findings(
    rules: Iterable[Rule[Case]], case: Case, *, outgoing: bool, prefix: str = "", accepted: frozenset[str] = frozenset()
) -> Iterator[RuleFinding]:
    """Hold a case against rules; what an officer let pass (``accepted``) is told, and refused no more."""
    for rule in rules:
        level = rule.outgoing if outgoing else rule.incoming
        if rule.overridable and rule.number in accepted:
            level = WARN
        for path in rule.check(case):
            yield RuleFinding(
                rule=rule.number,
                level=level,
                path=f"{prefix}{path}",
                vi=f"{rule.vi} ({rule.clause[0]})",
                en=f"{rule.en} ({rule.clause[1]})",
                overridable=rule.overridable,
            )


def where(name: str, broken: bool) -> Iterator[str]:
    """Give a place where something is not so there."""
    if broken:
        yield name


def absent(place: str, /, **said: object) -> Iterator[str]:
    """Give the places below one at which nothing is said."""
    for name, value in said.items():
        if value in (None, "", ()) or (isinstance(value, str) and not value.strip()):
            yield f"{place}.{name}"


def repeated(place: str, numbers: Iterable[object]) -> Iterator[str]:
    """Give the places in a list at which a number stands a second time."""
    seen: set[object] = set()
    for index, number in enumerate(numbers):
        if number in seen:
            yield f"{place}.{index}"
        seen.add(number)


def numbered(place: str, numbers: Iterable[int]) -> Iterator[str]:
    """Give the places in a list at which a number is out of its range, or stands a second time."""
    listed = list(numbers)
    for index, number in enumerate(listed):
        yield from where(f"{place}.{index}", not 1 <= number <= LAST_ITEM)
    yield from repeated(place, (number if 1 <= number <= LAST_ITEM else (index,) for index, number in enumerate(listed)))


def later(day: date | None, than: date | None) -> bool:
    """Say whether one day is after another; not where one of them is not known."""
    return day is not None and than is not None and day > than
