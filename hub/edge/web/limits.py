"""Limits: how often something may be tried, and how much of a body is read and for how long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from hub.errors import TooMany

#: Keys that are remembered; the one that was quiet for longest is forgotten first.
MOST_KEYS = 10_000
#: A body must be here after so long.
BODY_SECONDS = 60.0
#: One customer of an IPv6 network has all addresses of such a prefix.
IPV6_PREFIX = 64


class Limiter:
    """So many in a minute for each key, evenly, after as many at once (token bucket); counts in this process alone."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._lock = threading.Lock()
        #: Key -> what it has left, and when that was so.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one more; raise TooMany where the key has none left."""
        with self._lock:
            now = self._clock()
            left, then = self._left.pop(key, (self._most, now))
            left = min(self._most, left + (now - then) * self._per_second)
            self._left[key] = (left - 1 if left >= 1 else left), now
            if len(self._left) > MOST_KEYS:
                self._left.popitem(last=False)
        if left < 1:
            wait = (1 - left) / self._per_second
            raise TooMany(
                f"too many calls; again in {wait:.0f} s", f"quá nhiều lần gọi; hãy thử lại sau {wait:.0f} giây", seconds=wait
            )

    def is_spent(self, key: str) -> bool:
        """Say whether the key has none left now; counts nothing."""
        with self._lock:
            left, then = self._left.get(key, (self._most, 0.0))
            return key in self._left and left + (self._clock() - then) * self._per_second < 1


def network(address: str) -> str:
    """Give what counts as one caller: an IPv4 address, or the prefix of an IPv6 one."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(IPv6Address(int(found) >> (128 - IPV6_PREFIX) << (128 - IPV6_PREFIX)))
    return address


def bounded(receive: Receive, max_bytes: int, seconds: float = BODY_SECONDS) -> Receive:
    """Read a body within limits; raise HTTPException 413 or 408 where it is larger or slower."""
    taken, whole = 0, False
    ends_at = asyncio.get_running_loop().time() + seconds

    async def limited() -> Message:
        nonlocal taken, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(ends_at):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        taken += len(message.get("body", b""))
        whole = message["type"] != "http.request" or not message.get("more_body", False)
        if taken > max_bytes:
            raise HTTPException(413)
        return message

    return limited
