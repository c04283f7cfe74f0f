"""The embedded bus: the memory of one process. Losing it costs time, since the ledger's leases bring everything back.

Nothing is sealed here: what lies in this process's own memory can only be changed by who could as well change the ledger.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable

from hub.bus.port import Acknowledge, Bell
from hub.rules.queued import Due

#: So often a consumer looks whether it is to stop.
TICK_SECONDS = 0.1


class MemoryBus:
    """Hands deliveries from dispatch to the workers of the same process."""

    embedded = True

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._endpoints = frozenset(endpoints)
        self._due: queue.SimpleQueue[Due] = queue.SimpleQueue()
        self._bell = Bell()

    def open(self) -> None:
        """Start empty: what an earlier process had is in the ledger."""

    def probe(self) -> str:
        return "memory"

    def close(self) -> None:
        """Forget what nobody took: its lease brings it back."""

    def ready(self) -> bool:
        """Always: it is this process's own memory."""
        return True

    def wake(self, *endpoints: str) -> None:
        self._bell.ring(*endpoints)

    def wait(self, seconds: float) -> frozenset[str]:
        return self._bell.wait(seconds)

    def takes(self, endpoint: str) -> bool:
        return endpoint in self._endpoints

    def publish(self, due: Iterable[Due]) -> list[Due]:
        refused = []
        for each in due:
            if each.endpoint in self._endpoints:
                self._due.put(each)
            else:
                refused.append(each)
        return refused

    def consume(self, on_due: Callable[[Due, Acknowledge], None], stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                due = self._due.get(timeout=TICK_SECONDS)
            except queue.Empty:
                continue
            on_due(due, _nothing_to_acknowledge)

    def drain_dead(self, stop: threading.Event | None = None) -> None:
        """Nothing is given up here."""


def _nothing_to_acknowledge(*, done: bool = True) -> None:
    """Nobody else could be given it."""
