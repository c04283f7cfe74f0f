"""Verbs that are carried for many callers at once: what each of them gives and gets, and the commit that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from hub.ledger.for_each import Unheard
from hub.ledger.journal import Pages
from hub.ledger.payloads import Remembered, Shelf

G = TypeVar("G")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class Work(Generic[G, R]):
    """One caller's share of a group: its words, and then its result, or why nothing of it was done."""

    given: G
    value: R | None = None
    problem: Exception | None = None

    def refuse(self, problem: Exception) -> None:
        self.problem = problem


class Commit:
    """What the verbs of one commit share: open journal pages, bodies to be kept, and what is heard at its end."""

    def __init__(self, conn: Connection, subjects: Iterable[str], remembered: Remembered | None = None) -> None:
        self.conn = conn
        self.pages = Pages(conn, subjects)
        self.shelf = Shelf(remembered)
        self.unheard = Unheard()

    def write(self) -> None:
        """Write pages and bodies; raise Meanwhile where another process was faster with anything of this commit."""
        self.pages.write(self.unheard)
        self.shelf.write(self.conn)
        self.unheard.hear()


#: Carries the shares of a group: first it looks and judges, each for itself; then it writes for all that may go on.
#: No two shares of a group name the same subject, and the journal pages of all are open, so nobody else changes these.
Together = Callable[[Commit, Sequence[Work[Any, Any]]], None]


def going_on(works: Sequence[Work[G, R]]) -> list[Work[G, R]]:
    """Give the shares that nothing speaks against."""
    return [work for work in works if work.problem is None]
