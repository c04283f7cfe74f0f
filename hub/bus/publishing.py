"""Publishing with the broker's confirms, many at a time: what was surely not taken is known, and so is what is unknown."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Generic, TypeVar

import structlog

from hub.bus.connecting import BROKEN, Link
from hub.bus.keeping import Kept, Silent
from hub.bus.names import deliver_key
from hub.bus.sealing import HEADER, SealKeys, sealed
from hub.bus.topology import Topology
from hub.errors import HubError
from hub.rules.queued import Due
from hub.telemetry import BUS_CONFIRM_SECONDS, BUS_REFUSED, BUS_UNCONFIRMED

T = TypeVar("T")
log = structlog.get_logger()

#: What was sent before the broker said that it is blocked may still be confirmed within this time.
BLOCKED_SECONDS = 0.5
#: AMQP: the message outlives the broker's restart.
PERSISTENT = 2
#: Also where a queue that was gone cannot be made again.
BROKEN_OR_REFUSED: tuple[type[Exception], ...] = (*BROKEN, HubError)
#: Why something was refused.
NACK, RETURNED, BLOCKED, UNREACHABLE = "nack", "returned", "blocked", "unreachable"
UNKNOWN, SILENT = "unknown_endpoint", "silent"


class Confirms(Generic[T]):
    """One conversation in confirm mode: of each thing that was sent, what the broker said of it."""

    def __init__(self, link: Link, exchange: str) -> None:
        self._link, self._exchange = link, exchange
        self._channel = link.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._last = 0
        #: Tag -> what waits for its confirm, and its message's identity.
        self._open: dict[int, tuple[T, str]] = {}
        self._returned: set[str] = set()
        #: What the broker did not take, and why.
        self.refused: list[tuple[T, str]] = []

    def send(self, what: T, key: str, body: bytes, headers: Mapping[str, Any], identity: str) -> None:
        """Send one message, and wait for nothing."""
        message = self._channel.prepare_message(
            body,
            content_type="application/json",
            headers=dict(headers),
            properties={"delivery_mode": PERSISTENT, "message_id": identity},
        )
        # Noted before: what left in part before the connection broke is not surely refused.
        self._last += 1
        self._open[self._last] = what, identity
        self._channel.basic_publish(message, exchange=self._exchange, routing_key=key, mandatory=True)

    def wait(self, seconds: float) -> None:
        """Wait until the broker has said of each what became of it, or so long."""
        until = time.monotonic() + seconds
        while self._open and (left := until - time.monotonic()) > 0:
            self._link.wait(min(left, BLOCKED_SECONDS))
            if self._link.blocked:
                until = min(until, time.monotonic() + BLOCKED_SECONDS)

    def unknown(self) -> list[T]:
        """Give that of which the broker has said nothing."""
        return [what for what, _ in self._open.values()]

    def close(self) -> None:
        self._channel.close()

    def forget(self) -> None:
        """Begin anew: nothing is asked any more about what is still unknown."""
        self._open.clear()
        self._returned.clear()
        self.refused = []

    def _on_ack(self, tag: int, multiple: bool) -> None:
        for what, identity in self._closed(tag, multiple):
            # A message that no queue takes is returned, and then confirmed.
            if identity in self._returned:
                self.refused.append((what, RETURNED))

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self.refused += [(what, NACK) for what, _ in self._closed(tag, multiple)]

    def _closed(self, tag: int, multiple: bool) -> list[tuple[T, str]]:
        tags = [each for each in self._open if each <= tag] if multiple else [tag] if tag in self._open else []
        return [self._open.pop(each) for each in tags]

    def _on_return(self, _error: Any, _exchange: str, _key: str, message: Any) -> None:
        self._returned.add(str(message.properties.get("message_id", "")))


class Publisher:
    """Publishes deliveries to their endpoints' queues; used by dispatch's thread."""

    def __init__(self, kept: Kept, topology: Topology, keys: SealKeys, confirm_seconds: float) -> None:
        self._kept, self._topology, self._keys = kept, topology, keys
        self._confirm_seconds = confirm_seconds
        self._known = frozenset(topology.endpoints)
        self._at: tuple[Link, Confirms[Due]] | None = None
        self._silent = Silent("confirm")

    def takes(self, endpoint: str) -> bool:
        """Say whether publishing for an endpoint makes sense now."""
        link = self._kept.get()
        return link is not None and self._is_alive(link) and not link.blocked and not self._why_not(endpoint)

    def publish(self, due: Iterable[Due]) -> list[Due]:
        """Publish all; give those that the broker surely did not take.

        Those of which nothing is known, since the connection broke or no confirm came, are left to their leases.
        """
        given = list(due)
        refused = [(each, why) for each in given if (why := self._why_not(each.endpoint))]
        left = deque(each for each in given if not self._why_not(each.endpoint))
        link = self._kept.get() if left else None
        if link is not None and not self._is_alive(link):
            # It was lost while nothing was published.
            link = self._kept.get()
        if link is not None:
            refused += self._publish(link, left)
        refused += [(each, BLOCKED if link is not None and link.blocked else UNREACHABLE) for each in left]
        for (endpoint, reason), count in Counter((each.endpoint, reason) for each, reason in refused).items():
            BUS_REFUSED.labels(endpoint, reason).inc(count)
            log.error("bus.not_taken", endpoint=endpoint, reason=reason, count=count)
        return [each for each, _ in refused]

    def _why_not(self, endpoint: str) -> str:
        return UNKNOWN if endpoint not in self._known else SILENT if endpoint in self._silent else ""

    def _is_alive(self, link: Link) -> bool:
        try:
            link.drain()
        except BROKEN as error:
            self._kept.lose(error)
            return False
        return True

    def _publish(self, link: Link, left: deque[Due]) -> list[tuple[Due, str]]:
        """Send what is left as far as it goes; give what the broker refused."""
        confirms: Confirms[Due] | None = None
        try:
            confirms = self._confirms(link)
            with BUS_CONFIRM_SECONDS.time():
                while left and not link.blocked:
                    self._send(confirms, left.popleft())
                confirms.wait(self._confirm_seconds)
            self._mend(link, {reason for _, reason in confirms.refused})
        except BROKEN_OR_REFUSED as error:
            self._kept.lose(error)
        return self._told(link, confirms) if confirms else []

    def _told(self, link: Link, confirms: Confirms[Due]) -> list[tuple[Due, str]]:
        for endpoint, count in Counter(each.endpoint for each in confirms.unknown()).items():
            BUS_UNCONFIRMED.labels(endpoint).inc(count)
            log.warning("bus.unconfirmed", endpoint=endpoint, count=count)
            if link.is_open and not link.blocked:
                self._silent.add(endpoint)
        return confirms.refused

    def _mend(self, link: Link, reasons: Collection[str]) -> None:
        if RETURNED in reasons:
            # A queue was deleted behind our back.
            with link.channel() as channel:
                self._topology.declare(channel)
        if NACK in reasons and self._at is not None:
            # Who was told once that a queue is full is not always told when it no longer is (seen with 3.10): asked anew.
            self._at[1].close()
            self._at = None

    def _send(self, confirms: Confirms[Due], due: Due) -> None:
        headers = {HEADER: sealed(due, self._keys)}
        confirms.send(due, deliver_key(due.endpoint), due.canonical, headers, f"{due.id}/{due.epoch}")

    def _confirms(self, link: Link) -> Confirms[Due]:
        if self._at is None or self._at[0] is not link:
            self._at = link, Confirms(link, self._topology.exchange)
        confirms = self._at[1]
        confirms.forget()
        return confirms
