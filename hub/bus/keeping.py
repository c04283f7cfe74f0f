"""Keeping a link through a broker's absences, and leaving alone a queue that does not answer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import structlog

from hub.bus.connecting import BROKEN, Link
from hub.errors import HubError
from hub.telemetry import BUS_LOST

log = structlog.get_logger()

#: A queue that did not answer is tried again after so long; the try may cost ``connecting.ANSWER_SECONDS``.
SILENT_SECONDS = 300.0
#: Between two tries to connect: doubled from the first to the last, and shortened by chance.
FIRST_SECONDS, LAST_SECONDS = 0.1, 10.0


class Kept:
    """A link that is made anew after it was lost, not more often than a broker that is just coming up can bear."""

    def __init__(self, make: Callable[[], Link], purpose: str) -> None:
        self._make, self._purpose = make, purpose
        self._link: Link | None = None
        self._asked = False
        self._pause = FIRST_SECONDS
        self._next = 0.0

    def get(self) -> Link | None:
        """Give the link, made now if need be; None while there is none to be had."""
        self._asked = True
        if self._link is None and time.monotonic() >= self._next:
            try:
                self._link = self._make()
                self._pause = FIRST_SECONDS
            except HubError as error:
                self._failed()
                log.error("bus.unreachable", purpose=self._purpose, error=error.code, why=error.en, where=error.where)
            except BROKEN as error:
                self._failed()
                log.error("bus.unreachable", purpose=self._purpose, error=type(error).__name__)
        return self._link

    def fine(self) -> bool:
        """Say whether the link stands and is not blocked, or nobody has wanted it yet; any thread may ask."""
        link = self._link
        return not self._asked if link is None else not link.blocked

    def _failed(self) -> None:
        self._next = time.monotonic() + self._pause * random.uniform(0.5, 1.0)  # noqa: S311
        self._pause = min(2 * self._pause, LAST_SECONDS)

    def seconds_left(self) -> float:
        """Say after how long the next try makes sense."""
        return max(0.0, self._next - time.monotonic())

    def lose(self, error: BaseException) -> None:
        """Give the link up: what it said last was an error."""
        BUS_LOST.labels(self._purpose).inc()
        log.warning(
            "bus.lost", purpose=self._purpose, error=type(error).__name__, exc_info=isinstance(error, AttributeError)
        )
        link, self._link = self._link, None
        if link is not None:
            link.drop()

    def cut(self) -> None:
        """End what is waited for over the link, if there is one; any thread may call this."""
        link = self._link
        if link is not None:
            link.cut()

    def close(self) -> None:
        """Close the link, if there is one."""
        link, self._link = self._link, None
        if link is not None:
            link.close()


class Silent:
    """Endpoints whose queues did not answer: each is left alone for a while, so that the others are served meanwhile.

    A queue is silent while most of the nodes that hold it are away, or when its node died right after it was made.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._until: dict[str, float] = {}

    def __contains__(self, endpoint: str) -> bool:
        return self._until.get(endpoint, 0.0) > time.monotonic()

    def add(self, endpoint: str) -> None:
        if endpoint not in self:
            log.error("bus.silent", endpoint=endpoint, what=self._what)
        self._until[endpoint] = time.monotonic() + SILENT_SECONDS

    def heard(self, endpoint: str) -> None:
        """It answers again."""
        if self._until.pop(endpoint, None) is not None:
            log.info("bus.heard_again", endpoint=endpoint, what=self._what)

    def known(self, endpoint: str) -> bool:
        """Say whether it did not answer last, be it to be tried again by now or not."""
        return endpoint in self._until

    def due(self) -> list[str]:
        """Give those that may be tried again."""
        return [endpoint for endpoint in self._until if endpoint not in self]
