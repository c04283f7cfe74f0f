"""Backpressure: how many calls may be recorded at the same time, so that a slow ledger is felt by senders and not by memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from hub.edge.http.turned_away import TooBusy

T = TypeVar("T")

#: Threads that record, of their own: when all of them wait for the ledger, the sender's view and health still have some.
THREADS = 40


class Pressure:
    """Counts the calls whose messages are being recorded, for each door.

    Beyond the bound a door is turned away that has its share of them, so that one sender's flood does not shut the others
    out: those that are below their share go on. Lives in the event loop's thread, so it needs no lock.
    """

    def __init__(self, most: int, doors: int) -> None:
        self._most = most
        self._share = max(1, most // max(1, doors))
        self._recording: Counter[str] = Counter()
        self._threads = CapacityLimiter(THREADS)

    def check(self, door: str) -> None:
        """Turn a call away where there is no room for it; called before its body is read."""
        if self._recording.total() >= self._most and self._recording[door] >= self._share:
            raise TooBusy

    async def record(self, door: str, receive: Callable[..., T], *given: object) -> T:
        """Carry out what records a message, in a thread; bodies that were read meanwhile may have taken the room."""
        self.check(door)
        self._recording[door] += 1
        try:
            return await to_thread.run_sync(receive, *given, limiter=self._threads)
        finally:
            self._recording[door] -= 1
            if not self._recording[door]:
                del self._recording[door]
