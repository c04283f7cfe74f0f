"""An outage of what we sign with: while it lasts, everything that needs it waits as long as it has lasted already.

So nothing is asked again and again, however many messages wait, and none waits more than twice the time of the outage.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from hub.errors import CannotSign, HubError

log = structlog.get_logger()

#: What is away is left alone for so long; a message waits at least as long.
REST_SECONDS = 5.0


class Outage:
    """Remembers since when something is away; shared by threads."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._clock = name, clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._tried_at = 0.0
        self._cause = ""

    def check(self) -> None:
        """Raise CannotSign while it is away and was tried a moment ago; the first caller after that goes through."""
        with self._lock:
            if self._since is None:
                return
            if self._clock() - self._tried_at >= REST_SECONDS:
                self._tried_at = self._clock()
                return
        raise self.error()

    def failed(self, cause: str) -> CannotSign:
        """Note that it does not answer; give the error to raise."""
        with self._lock:
            began = self._since is None
            self._tried_at = self._clock()
            self._since = self._tried_at if self._since is None else self._since
            self._cause = cause
        if began:
            log.warning("signing.away", what=self._name, cause=cause)
        return self.error()

    def answered(self) -> None:
        """Note that it answers."""
        with self._lock:
            if self._since is None:
                return
            lasted, self._since = self._clock() - self._since, None
        log.info("signing.back", what=self._name, seconds=round(lasted, 1))

    def error(self) -> CannotSign:
        """Say that it is away, and how long to wait."""
        with self._lock:
            lasted = self._clock() - self._since if self._since is not None else 0.0
            cause = self._cause
        return CannotSign(
            f"{self._name} does not answer ({cause}); nothing can be signed until it does",
            f"{self._name} không phản hồi ({cause}); chưa ký được cho đến khi hoạt động lại",
            where=self._name,
            retry_after=max(REST_SECONDS, lasted),
        )


def patient(stamp: Callable[[bytes], bytes], outage: Outage) -> Callable[[bytes], bytes]:
    """Make a message wait while no timestamp can be had: whatever fails there is no fault of the message.

    Most of all no doubt about it: what left then was a question to the time-stamping authority.
    """

    def stamped(digest: bytes) -> bytes:
        outage.check()
        try:
            token = stamp(digest)
        except HubError as error:
            raise outage.failed(error.code) from error
        outage.answered()
        return token

    return stamped
