"""Rounds: what many threads bring at the same time, one of them carries for all, and the others wait for it (flat combining).

There is no thread for it: who comes first carries, and what comes meanwhile waits; then the first of those carries all that
wait. Who is alone changes no threads, and nobody waits for others to come.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import structlog

from hub.errors import HubError
from hub.telemetry import lines_about, turn_to

log = structlog.get_logger()

#: Things in one round; more only make the first one wait (measured: from 48 on little is gained).
ROUND = 48
#: What is larger is carried by its own thread, beside the rounds: others do not wait for it.
ALONE_BYTES = 32_000
#: A step takes milliseconds, and what it asks of the ledger has an end (a minute); one that lasts so long ends no more by itself.
STUCK_SECONDS = 300.0

G = TypeVar("G")


@dataclass(eq=False, slots=True)
class Ticket(Generic[G]):
    """What one thread has brought."""

    given: G
    #: Open when its thread may go on: it was carried, or it is its turn to carry a round, its own thing first.
    turn: threading.Lock = field(default_factory=threading.Lock)
    carried: bool = False
    #: A round with others ended early: its own thread carries it again, with nobody beside it.
    alone: bool = False


class Closed(Exception):
    """Nothing is taken any more."""


#: Takes from what waits, the longest waiting first, what goes with the first thing of a round.
Choose = Callable[[Ticket[G], deque[Ticket[G]]], list[Ticket[G]]]


class Rounds(Generic[G]):
    """Carries rounds, one after the other.

    ``carry`` is given the things of one round. Where it raises, each of them is carried again with nobody beside it, and what
    that raises is its own thread's to hear; so it passes over what it has done of a thing already.
    """

    def __init__(self, carry: Callable[[list[G]], None], choose: Choose[G]) -> None:
        self._carry, self._choose = carry, choose
        self.waiting: deque[Ticket[G]] = deque()
        self._alone: deque[Ticket[G]] = deque()
        #: Somebody carries a round, or was told to.
        self._carrying = False
        self._closed = False
        self._state = threading.Condition()

    def bring(self, *given: G) -> None:
        """Have things carried, together with what others bring meanwhile; raise Closed after ``close``."""
        tickets = [Ticket(each) for each in given]
        first = self._enter(tickets)
        errors: list[BaseException] = []
        for ticket in tickets:
            if ticket is not first:
                ticket.turn.acquire()
            if not ticket.carried:
                try:
                    self._carry_round(ticket)
                except BaseException as error:
                    errors.append(error)
        if errors:
            raise errors[0]

    def close(self) -> None:
        """Finish what was brought, and take no more."""
        with self._state:
            self._closed = True
            self._state.wait_for(lambda: not self._carrying)

    def _enter(self, tickets: list[Ticket[G]]) -> Ticket[G] | None:
        """Let tickets wait, but for the first where it may begin a round at once: give that."""
        for ticket in tickets:
            ticket.turn.acquire()
        with self._state:
            if self._closed:
                raise Closed
            begins = bool(tickets) and not self._carrying
            self._carrying |= begins
            self.waiting.extend(tickets[begins:])
        return tickets[0] if begins else None

    def _carry_round(self, first: Ticket[G]) -> None:
        with self._state:
            chosen = [first] if first.alone else [first, *self._choose(first, self.waiting)]
        try:
            self._carry_together(chosen)
        finally:
            self._hand_over(chosen)

    def _carry_together(self, chosen: list[Ticket[G]]) -> None:
        if len(chosen) > 1:
            if not self._ended_early(chosen):
                return
            for ticket in chosen[1:]:
                ticket.alone = True
        self._carry([chosen[0].given])

    def _ended_early(self, chosen: list[Ticket[G]]) -> bool:
        """Carry a round; say whether something of it raised."""
        try:
            self._carry([ticket.given for ticket in chosen])
        except BaseException as error:
            log.error("round.ended_early", error=type(error).__name__, of=len(chosen))
            return True
        return False

    def _hand_over(self, chosen: list[Ticket[G]]) -> None:
        again = [ticket for ticket in chosen[1:] if ticket.alone]
        done = [ticket for ticket in chosen[1:] if not ticket.alone]
        for ticket in (chosen[0], *done):
            ticket.carried = True
        with self._state:
            self._alone.extend(again)
            waiting = self._alone or self.waiting
            following = [waiting.popleft()] if waiting else []
            self._carrying = bool(following)
            self._state.notify_all()
        for ticket in (*done, *following):
            ticket.turn.release()


def up_to(most: int) -> Choose[Any]:
    """Choose what waits longest, so that at most so many are in a round."""

    def choose(_first: Ticket[Any], waiting: deque[Ticket[Any]]) -> list[Ticket[Any]]:
        return [waiting.popleft() for _ in range(min(most - 1, len(waiting)))]

    return choose


class OwnRounds:
    """The rounds of one hub, by what they carry; two hubs in one process do not wait for each other."""

    def __init__(self) -> None:
        self._made: dict[Callable[[list[Any]], None], Rounds[Any]] = {}

    def of(self, carry: Callable[[list[Any]], None]) -> Rounds[Any]:
        """Give the rounds that ``carry`` carries: one at a time, since a process has one interpreter."""
        return self._made.get(carry) or self._made.setdefault(carry, Rounds(carry, up_to(ROUND)))

    def carry(self, carry: Callable[[list[Any]], None], given: Any, *, alone: bool) -> None:
        """Carry one thing with what comes at the same time, or beside the rounds, ``alone``."""
        if alone:
            carry([given])
        else:
            self.of(carry).bring(given)


class Traveller(Protocol):
    """One of those that take the same steps."""

    #: Bound to the log lines of its steps.
    ids: dict[str, str | int]
    #: Why it takes no further step.
    error: Exception | None


T = TypeVar("T", bound=Traveller)

#: The step that each thread takes at this moment: since when, and whose it is.
_under_way: dict[int, tuple[float, Traveller]] = {}


def each_takes(step: Callable[[T], None], travellers: Iterable[T]) -> None:
    """Let each take one step, for itself; who has failed takes none, and keeps its error for its own thread.

    One step after the other and not one traveller after the other: code that is warm costs less (measured: two thirds of the
    time where sixteen take each step together).
    """
    me = threading.get_ident()
    with lines_about():
        for traveller in travellers:
            if traveller.error is None:
                turn_to(traveller.ids)
                _under_way[me] = time.monotonic(), traveller
                try:
                    step(traveller)
                except Exception as error:
                    traveller.error = _of_its_own(error)
                finally:
                    _under_way.pop(me, None)


def move() -> bool:
    """Say whether every round of this process goes on; whose step holds one up is told to the operator."""
    before = time.monotonic() - STUCK_SECONDS
    stuck = [traveller for since, traveller in tuple(_under_way.values()) if since < before]
    for traveller in stuck:
        log.error("round.stuck", **traveller.ids)
    return not stuck


def _of_its_own(error: Exception) -> Exception:
    """Give an error as it is kept: a refusal without frames, since these would keep all others of the round in memory."""
    return error.with_traceback(None) if isinstance(error, HubError) else error


def raise_kept(traveller: Traveller) -> None:
    """Raise what speaks against a traveller, in its own thread; it is kept no longer, so that nothing refers to itself."""
    error, traveller.error = traveller.error, None
    try:
        if error is not None:
            raise error
    finally:
        del error
