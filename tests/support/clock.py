"""A clock that is turned by hand."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from hub.canonical.base import VIETNAM

START = datetime(2026, 3, 2, 9, 0, tzinfo=VIETNAM)


class Clock:
    """Gives the moment it was set to."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        """Turn the clock forward."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
