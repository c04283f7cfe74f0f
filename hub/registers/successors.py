"""Who takes whose place, as the ledger says, looked up at most once a second; and behind whose chain a message has to stand.

A view that is a second old does no harm: what is planned for a partner that has just left stands in its chain, and is moved
from there; who knows of the succession already plans behind it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from hub.errors import Unavailable
from hub.ledger import chains
from hub.ledger.ledger import Ledger
from hub.ledger.succession_verbs import all_successors
from hub.rules import succession
from hub.rules.succession import Successors

#: So long a look is believed.
BELIEVED_SECONDS = 1.0


class SuccessorBook:
    """Gives the successions as they stood a moment ago; without a ledger there are none."""

    def __init__(self, ledger: Ledger | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._clock = clock
        self._looking = threading.Lock()
        self._known: Successors = {}
        self._ever_looked = False
        self._until = float("-inf")

    def current(self) -> Successors:
        """Give who takes whose place."""
        if self._ledger is None or self._clock() < self._until:
            return self._known
        # Who finds another at it goes by what is known: he may hold the very reader for which that one waits.
        if not self._looking.acquire(blocking=not self._ever_looked):
            return self._known
        try:
            if self._clock() >= self._until:
                self._look(self._ledger)
        finally:
            self._looking.release()
        return self._known

    def forget(self) -> None:
        """Look again at the next question."""
        self._until = float("-inf")

    def _look(self, ledger: Ledger) -> None:
        try:
            with ledger.glance() as conn:
                self._known = all_successors(conn)
        except Unavailable:
            # An old view is as good as a slightly older one; whoever needs the ledger will hear of it.
            return
        self._until, self._ever_looked = self._clock() + BELIEVED_SECONDS, True


def finals(successors: Successors, names: Iterable[str], source: str = "") -> tuple[str, ...]:
    """Give who stands for these partners in the end, each once, without who stands for ``source``."""
    found = dict.fromkeys(succession.final(successors, name) for name in names)
    if source:
        found.pop(succession.final(successors, source), None)
    return tuple(found)


def place_of(conn: Connection, successors: Successors, name: str, subject: str) -> str:
    """Say in whose chain the next message of a subject has to stand so as not to overtake: a predecessor's that is not done.

    Also one that was never moved, where the successor has the old records: what is known of these is moved with it.
    """
    for old in reversed(succession.line_of(successors, name)[1:]):
        if chains.is_open(conn, old, subject) or (successors[old].keeps_data and _is_unmoved(conn, successors, old, subject)):
            return old
    return name


def _is_unmoved(conn: Connection, successors: Successors, old: str, subject: str) -> bool:
    return chains.is_begun(conn, old, subject) and not chains.is_begun(conn, successors[old].new, subject)
