"""Numbers of messages that a gateway takes from its list by giving them: kept with the cursor until the hub has said its word."""

from __future__ import annotations

import json
import threading

#: A number is forgotten, whatever happens, when it was not fetched for so long: longer than any pause after a failure of ours.
FORGET_SECONDS = 8 * 3600.0
#: Rounds that are farther apart do not follow each other.
REST_SECONDS = 3600.0


class Kept:
    """What this process knows of kept numbers beyond the cursor: which were fetched lately, and which the hub has."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fetched: dict[str, float] = {}
        self._said: set[str] = set()
        self._now = self._since = 0.0

    def open(self, cursor: str, now: float) -> dict[str, float]:
        """Read what is kept and still open: the number, and when it was listed or fetched last."""
        with self._lock:
            if now - self._now > REST_SECONDS:
                # Nobody looked for a while, as after a stop: that time says nothing of what was not fetched in it.
                self._since = now
            self._now = now
            kept = {number: max(at, self._fetched.get(number, self._since)) for number, at in read(cursor).items()}
            found = {number: at for number, at in kept.items() if number not in self._said and now - at < FORGET_SECONDS}
            # What the cursor has no more is nobody's concern any more.
            self._said &= kept.keys()
            self._fetched = {number: at for number, at in self._fetched.items() if number in found}
            return found

    def fetching(self, number: str) -> None:
        """Note that a message is fetched now."""
        with self._lock:
            self._fetched[number] = self._now

    def said(self, number: str) -> None:
        """Note that the hub has a message, or has refused it."""
        with self._lock:
            self._said.add(number)


def write(kept: dict[str, float]) -> str:
    """Write numbers as a cursor."""
    return json.dumps(kept) if kept else ""


def read(cursor: str) -> dict[str, float]:
    """Read a cursor; one that is none keeps nothing."""
    try:
        found = json.loads(cursor) if cursor else {}
    except ValueError:
        return {}
    return {number: float(at) for number, at in found.items() if isinstance(at, int | float)} if isinstance(found, dict) else {}
