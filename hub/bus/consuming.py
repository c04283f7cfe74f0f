"""Consuming: what comes is opened, handed to workers, and acked by this thread when they say so."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import structlog

from hub.bus.connecting import BROKEN, Link, Signal, body_of, headers_of
from hub.bus.keeping import Kept, Silent
from hub.bus.port import Acknowledge
from hub.bus.quarantine import Quarantine
from hub.bus.retrying import Retrying
from hub.bus.sealing import SealKeys, opened
from hub.bus.topology import Topology
from hub.errors import Untrusted
from hub.rules.queued import Due

log = structlog.get_logger()

OnDue = Callable[[Due, Acknowledge], None]
#: A consumer that is told to stop and hears no bell sees it after so long.
STOP_SECONDS = 0.25
MISDIRECTED = "misdirected"


class Tags:
    """Delivery tags that are not acked yet, in the order they came: many are acked with one word where nothing is between."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._waiting: set[int] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def came(self, tag: int) -> None:
        self._order.append(tag)
        self._waiting.add(tag)

    def over(self, tags: Iterable[int]) -> list[int]:
        """Take those that are over, each once; give them."""
        taken = [tag for tag in dict.fromkeys(tags) if tag in self._waiting]
        self._waiting.difference_update(taken)
        return taken

    def to_ack(self, done: list[int]) -> tuple[int, list[int]]:
        """Say how to ack what is done and over: all up to a tag (0: nothing so), and single ones that overtook another.

        That tag is one of ``done``: the broker does not know any more what was acked or given back before.
        """
        edge = 0
        while self._order and self._order[0] not in self._waiting:
            edge = self._order.popleft()
        return max((tag for tag in done if tag <= edge), default=0), [tag for tag in done if tag > edge]


class Session:
    """One connection's time of consuming. What was not acked when it ends is the broker's again."""

    def __init__(
        self,
        link: Link,
        topology: Topology,
        keys: SealKeys,
        prefetch: int,
        signal: Signal,
        silent: Silent,
        retrying: Retrying,
    ) -> None:
        self._silent, self._retrying = silent, retrying
        self._link, self._topology, self._keys, self._signal = link, topology, keys, signal
        self._channel = link.channel()
        # Never for the whole conversation: quorum queues refuse that, and one endpoint could use up all.
        self._channel.basic_qos(0, prefetch, False)
        self._aside: Quarantine | None = None
        self._arrived: deque[tuple[str, Any]] = deque()
        self._tags = Tags()
        #: Filled by workers' threads: tag, and whether it is done.
        self._answers: deque[tuple[int, bool]] = deque()
        self._consumers = [self._begin(endpoint) for endpoint in topology.endpoints if not silent.known(endpoint)]

    def _begin(self, endpoint: str) -> str:
        try:
            consumer: str = self._channel.basic_consume(self._topology.queue(endpoint), callback=partial(self._came, endpoint))
        except TimeoutError:
            self._silent.add(endpoint)
            raise
        self._silent.heard(endpoint)
        return consumer

    def _came(self, endpoint: str, message: Any) -> None:
        self._arrived.append((endpoint, message))

    def run(self, on_due: OnDue, stop: threading.Event) -> None:
        """Hand on what comes until told to stop; then give back, and wait for what runs."""
        while not stop.is_set():
            self._consumers += [self._begin(endpoint) for endpoint in self._retrying.answering()]
            self._link.wait(0 if self._arrived else STOP_SECONDS, self._signal)
            self._signal.clear()
            self._acknowledge()
            while self._arrived and not stop.is_set():
                self._hand_over(*self._arrived.popleft(), on_due)
        for consumer in self._consumers:
            self._channel.basic_cancel(consumer)
        self._give_back()
        while self._acknowledge():
            self._link.wait(STOP_SECONDS, self._signal)
            self._signal.clear()
            self._give_back()

    def _hand_over(self, endpoint: str, message: Any, on_due: OnDue) -> None:
        tag = message.delivery_tag
        try:
            due = opened(body_of(message), headers_of(message), self._keys)
        except Untrusted as error:
            self._put_aside(endpoint, message, error.code)
            return
        if due.endpoint != endpoint:
            self._put_aside(endpoint, message, MISDIRECTED)
            return
        self._tags.came(tag)
        on_due(due, partial(self._answer, tag))

    def _put_aside(self, endpoint: str, message: Any, reason: str) -> None:
        self._aside = self._aside or Quarantine(self._link, self._topology)
        if self._aside.keep(message, endpoint, reason):
            self._channel.basic_ack(message.delivery_tag)
        else:
            # After some such rounds the broker gives it up, and it is tried again from among the dead.
            self._channel.basic_reject(message.delivery_tag, requeue=True)

    def _answer(self, tag: int, *, done: bool = True) -> None:
        """Called by workers, also when this session is long over."""
        self._answers.append((tag, done))
        self._signal.set()

    def _acknowledge(self) -> int:
        """Tell the broker what workers have answered; give how many have not yet."""
        answers: list[tuple[int, bool]] = []
        while self._answers:
            answers.append(self._answers.popleft())
        if answers:
            for tag in self._tags.over(tag for tag, done in answers if not done):
                self._channel.basic_reject(tag, requeue=True)
            upto, single = self._tags.to_ack(self._tags.over(tag for tag, done in answers if done))
            if upto:
                self._channel.basic_ack(upto, multiple=True)
            for tag in single:
                self._channel.basic_ack(tag)
        return len(self._tags)

    def _give_back(self) -> None:
        while self._arrived:
            _, message = self._arrived.popleft()
            self._channel.basic_reject(message.delivery_tag, requeue=True)


def consume(kept: Kept, begin: Callable[[Link], Session], on_due: OnDue, stop: threading.Event) -> None:
    """Consume until told to stop, over one connection after the other."""
    try:
        while not stop.is_set():
            link = kept.get()
            if link is None:
                stop.wait(min(kept.seconds_left(), STOP_SECONDS))
                continue
            try:
                begin(link).run(on_due, stop)
                kept.close()
            except BROKEN as error:
                kept.lose(error)
    finally:
        kept.close()
