"""One session with the portal for all workers of an endpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.errors import NotSent


@dataclass(kw_only=True)
class Sessions:
    """Keeps the session; one worker renews it while the others wait, each no longer than its own deadline."""

    #: Logs in before the given moment of the clock; returns the session.
    log_in: Callable[[float], str]
    lifetime_seconds: float
    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _session: str = field(default="", repr=False)
    _made_at: float = 0.0

    def get(self, deadline: float, *, refused: str = "") -> str:
        """Give the session, made anew where there is none, where it is old, or where it is the one just ``refused``."""
        if not self._lock.acquire(timeout=max(0.0, deadline - self.clock())):
            raise NotSent("no session before the deadline", "chưa có phiên làm việc trước hạn", where="mapi/login")
        try:
            now = self.clock()
            if not self._session or self._session == refused or now - self._made_at >= self.lifetime_seconds:
                self._session = ""
                self._session = self.log_in(deadline)
                self._made_at = now  # the moment before the log-in: never later than the portal's own
            return self._session
        finally:
            self._lock.release()
