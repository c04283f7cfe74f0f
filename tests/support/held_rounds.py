"""Rounds that stand still until those who are to be in one of them have come, so that a test knows who is carried together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from hub.rounds import OwnRounds, Rounds, up_to

PATIENCE_SECONDS = 60.0
#: More than any test brings.
MOST = 100


class _Watched(deque[Any]):
    """What waits, and tells when somebody comes."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Condition()
        #: How often somebody has brought something.
        self.visits = 0

    def extend(self, those: Iterable[Any]) -> None:
        super().extend(those)
        with self.came:
            self.visits += 1
            self.came.notify_all()

    def wait_for(self, visits: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: self.visits >= visits, PATIENCE_SECONDS), "somebody never came"


class HeldRounds(Rounds[Any]):
    """Rounds of which the first is held, and carries nothing."""

    def __init__(self, carry: Callable[[list[Any]], None], most: int = MOST) -> None:
        super().__init__(self._carry_or_hold, up_to(most))
        self.waiting: _Watched = _Watched()
        self.carries = carry
        #: What each round carried, in order.
        self.carried: list[list[Any]] = []
        self._hold = object()
        self._held, self._open = threading.Event(), threading.Event()

    def _carry_or_hold(self, given: list[Any]) -> None:
        if given == [self._hold]:
            self._held.set()
            assert self._open.wait(PATIENCE_SECONDS)
            return
        self.carried.append(given)
        self.carries(given)

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make calls in threads of their own so that all come into one round; give what each returned, or raised."""
        self._held.clear()
        self._open.clear()
        holder = threading.Thread(target=self.bring, args=(self._hold,), daemon=True)
        holder.start()
        assert self._held.wait(PATIENCE_SECONDS)
        before = self.waiting.visits
        outcomes: list[Any] = [None] * len(calls)
        threads = [threading.Thread(target=_keep, args=(call, outcomes, place), daemon=True) for place, call in enumerate(calls)]
        try:
            for place, thread in enumerate(threads):
                thread.start()
                # One after the other, so that they wait in the order of the calls.
                self.waiting.wait_for(before + place + 1)
        finally:
            self._open.set()
        for thread in (holder, *threads):
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "a thread was never told to go on"
        return outcomes


def held_rounds(monkeypatch: pytest.MonkeyPatch, carry: Callable[[Any], None]) -> HeldRounds:
    """Hold what is carried by this in any hub: all come into the same rounds."""
    rounds, usual = HeldRounds(carry), OwnRounds.of
    monkeypatch.setattr(OwnRounds, "of", lambda own, sought: rounds if sought is carry else usual(own, sought))
    return rounds


def _keep(call: Callable[[], Any], outcomes: list[Any], place: int) -> None:
    try:
        outcomes[place] = call()
    except BaseException as error:
        outcomes[place] = error
