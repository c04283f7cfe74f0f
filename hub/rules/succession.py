"""Succession of partners: who stands for whom, and what of a chain may be moved; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.errors import NotAllowed
from hub.rules.lifecycle import State

S = State
#: Surely not at the partner, and at no worker.
MOVABLE = frozenset({S.HELD, S.PENDING, S.WAITING, S.PARKED})
#: The partner has it.
HAD = frozenset({S.DELIVERED, S.ACKNOWLEDGED, S.REFUSED_LATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """Who takes a partner's place."""

    new: str
    #: It has the records of the one before.
    keeps_data: bool = False


#: Old partner -> who takes its place.
Successors = Mapping[str, Successor]


def final(successors: Successors, name: str) -> str:
    """Give who stands for a partner in the end; itself where nobody does."""
    while name in successors:
        name = successors[name].new
    return name


def line_of(successors: Successors, name: str) -> tuple[str, ...]:
    """Give a partner and all whose place it has taken, however many steps ago."""
    before = [old for old, each in successors.items() if each.new == name]
    return (name, *(other for old in before for other in line_of(successors, old)))


def records_of(successors: Successors, name: str) -> tuple[str, ...]:
    """Give all whose records a partner has, since it took their places with them, however many steps ago."""
    before = [old for old, each in successors.items() if each.new == name and each.keeps_data]
    return tuple(other for old in sorted(before) for other in (old, *records_of(successors, old)))


def check(successors: Successors, old: str, new: str) -> None:
    """Raise NotAllowed where one partner cannot take the other's place."""
    if old == new:
        raise NotAllowed(f"{old} cannot succeed itself", f"{old} không thể kế thừa chính mình", where=new)
    if old in successors:
        taken = successors[old].new
        raise NotAllowed(
            f"{taken} has taken the place of {old} already", f"{taken} đã kế thừa {old} rồi, không chuyển lần nữa", where=old
        )
    if new in successors:
        last = final(successors, new)
        raise NotAllowed(
            f"{new} has left its own place to {last}: name {last}",
            f"{new} đã được {last} kế thừa: hãy chọn {last}",
            where=new,
        )


class Row(Protocol):
    """What is looked at of a delivery."""

    @property
    def id(self) -> str: ...
    @property
    def message_id(self) -> str: ...
    @property
    def canonical_digest(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def place(self) -> int: ...


def stays_because(rows: Sequence[Row], head: int, doubted: Callable[[str], bool]) -> str:
    """Say why nothing of a chain can be moved now; empty where all that is open can.

    ``rows``: the chain's deliveries from the head's message on, in order; ``doubted``: an attempt of this delivery may have
    arrived. ``begun``: the partner has a part of the head's message; ``busy``: the head is on its way, or in doubt;
    ``unacknowledged``: it waits for the partner's word.
    """
    at_head = next((row for row in rows if row.place == head), None)
    if at_head is None:
        return ""
    if State(at_head.state) in HAD:
        return "unacknowledged"
    if State(at_head.state) not in MOVABLE or doubted(at_head.id):
        return "busy"
    mine = (at_head.message_id, at_head.canonical_digest)
    begun = any(row.place < head and (row.message_id, row.canonical_digest) == mine and State(row.state) in HAD for row in rows)
    return "begun" if begun else ""
