"""What a bus is to the flows, and the bell of dispatch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from hub.rules.queued import Due

#: So long the dispatcher gathers rings before it looks (measured: a look costs 0.5 ms, and each message rings twice).
GATHER_SECONDS = 0.002


class Acknowledge(Protocol):
    """Given to a worker with each delivery; called once."""

    def __call__(self, *, done: bool = True) -> None:
        """Say that the ledger holds the result; ``done=False``: that it was not begun, and another may have it."""


class Bus(Protocol):
    """Publishes due deliveries, consumes them, and wakes dispatch when there may be something to do."""

    #: True: it lives in this process's memory and dies with it; there can be one such process.
    embedded: bool

    def open(self) -> None:
        """Connect and make ready; raise Unavailable where the broker does not answer."""

    def probe(self) -> str:
        """Try everything that a process needs of it; say what answered, or raise what must be mended."""
        ...

    def close(self) -> None:
        """Give back what ``open`` took."""

    def ready(self) -> bool:
        """Say whether every connection that this process uses stands, as far as is known; asks nothing, waits for nothing."""
        ...

    def wake(self, *endpoints: str) -> None:
        """Say that something may be due for these endpoints: a hint, never needed for correctness."""

    def wait(self, seconds: float) -> frozenset[str]:
        """Wait until a bell rings, or so long; give the endpoints it rang for."""
        ...

    def takes(self, endpoint: str) -> bool:
        """Say whether publishing for an endpoint makes sense now; where not, its deliveries stay PENDING. Dispatch's thread."""
        ...

    def publish(self, due: Iterable[Due]) -> list[Due]:
        """Publish; give those that the bus did not take for sure. One thread at a time: dispatch."""
        ...

    def consume(self, on_due: Callable[[Due, Acknowledge], None], stop: threading.Event) -> None:
        """Hand every delivery that comes to ``on_due`` until told to stop; return when all that was handed is acknowledged."""

    def drain_dead(self, stop: threading.Event | None = None) -> None:
        """Look through what was given up: sealed messages are noted, since their leases bring them back.

        A thread of its own, since the broker may not answer: told to stop and woken (``wake``), it returns at once.
        """


class Bell:
    """Remembers for which endpoints it was rung, until somebody waits."""

    def __init__(self) -> None:
        self._rung: set[str] = set()
        self._state = threading.Condition()

    def ring(self, *endpoints: str) -> None:
        """Ring for these endpoints."""
        with self._state:
            self._rung.update(endpoints)
            self._state.notify_all()

    def wait(self, seconds: float) -> frozenset[str]:
        """Wait until it rings, or so long; give the endpoints it rang for.

        Rings that come right after the first are given with it: under load one look serves many messages.
        """
        with self._state:
            rang = bool(self._rung) or self._state.wait(seconds)
        if rang:
            time.sleep(GATHER_SECONDS)
        with self._state:
            rung, self._rung = frozenset(self._rung), set()
            return rung
