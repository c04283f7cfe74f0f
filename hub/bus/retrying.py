"""Trying whether silent queues answer again, while everything else is consumed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import structlog

from hub.bus.connecting import BROKEN, Link, Signal
from hub.bus.keeping import Silent
from hub.bus.publishing import BROKEN_OR_REFUSED
from hub.bus.topology import Topology

log = structlog.get_logger()


class Retrying:
    """Asks silent queues again, in a thread and over connections of its own: who consumes never waits for one.

    Nobody waits for that thread either. All but ``_ask_each`` belongs to the consumer's thread, as ``silent`` does.
    """

    def __init__(self, make: Callable[[], Link], topology: Topology, silent: Silent, signal: Signal) -> None:
        self._make, self._topology, self._silent, self._signal = make, topology, silent, signal
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        #: Filled by the thread: endpoint, and whether its queue answered.
        self._told: deque[tuple[str, bool]] = deque()

    def answering(self) -> list[str]:
        """Give those whose queues answer again; begin to ask those whose time has come."""
        answering = []
        while self._told:
            endpoint, answers = self._told.popleft()
            if answers:
                answering.append(endpoint)
            else:
                self._silent.add(endpoint)
        if (self._thread is None or not self._thread.is_alive()) and not self._told and not answering:
            self._begin(self._silent.due())
        return answering

    def end(self) -> None:
        """Ask no more."""
        self._over.set()

    def _begin(self, endpoints: list[str]) -> None:
        if endpoints:
            self._thread = threading.Thread(target=self._ask_each, args=(endpoints,), name="retry", daemon=True)
            self._thread.start()

    def _ask_each(self, endpoints: list[str]) -> None:
        for endpoint in endpoints:
            if self._over.is_set():
                return
            self._told.append((endpoint, self._answers(endpoint)))
            self._signal.set()

    def _answers(self, endpoint: str) -> bool:
        try:
            link = self._make()
        except BROKEN_OR_REFUSED as error:
            log.error("bus.unreachable", purpose="retry", error=type(error).__name__)
            return False
        try:
            self._ask(link, endpoint)
        except BROKEN:
            link.drop()
            return False
        link.close()
        return True

    def _ask(self, link: Link, endpoint: str) -> None:
        channel = link.channel()
        # What comes meanwhile is the broker's again when the connection ends, and counted as a try: one at most.
        channel.basic_qos(0, 1, False)
        channel.basic_consume(self._topology.queue(endpoint), callback=_left)


def _left(_message: object) -> None:
    """Leave what comes to the broker."""
