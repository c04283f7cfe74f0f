"""What waits for a round, telling when there is more of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import Any


class Waiting(deque[Any]):
    """Takes the place of ``Rounds.waiting``."""

    def __init__(self) -> None:
        super().__init__()
        self._state = threading.Condition()
        #: So many have come in all.
        self.came = 0

    def extend(self, tickets: Iterable[Any]) -> None:
        given = list(tickets)
        super().extend(given)
        with self._state:
            self.came += len(given)
            self._state.notify_all()

    def wait_for(self, came: int, seconds: float) -> None:
        """Wait until so many have come in all."""
        with self._state:
            assert self._state.wait_for(lambda: self.came >= came, seconds), self.came
