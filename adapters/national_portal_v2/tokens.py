"""One token of the portal for all workers of an endpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.errors import NotSent


@dataclass(kw_only=True)
class Tokens:
    """Keeps the token; one worker renews it while the others wait, each no longer than its own deadline."""

    #: Asks for a token before the given moment of the clock; gives it with the seconds for which it is good.
    draw: Callable[[float], tuple[str, float]]
    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _token: str = field(default="", repr=False)
    _good_until: float = 0.0

    def get(self, deadline: float, *, refused: str = "") -> str:
        """Give the token, made anew where there is none, where it ends, or where it is the one just ``refused``."""
        if not self._lock.acquire(timeout=max(0.0, deadline - self.clock())):
            raise NotSent("no token before the deadline", "chưa có token trước hạn", where="token")
        try:
            now = self.clock()
            if not self._token or self._token == refused or now >= self._good_until:
                self._token = ""
                token, seconds = self.draw(deadline)
                # From the moment before it was asked for: never later than the portal's own.
                self._token, self._good_until = token, now + seconds
            return self._token
        finally:
            self._lock.release()
