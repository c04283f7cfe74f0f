"""The bus (kombu): one topic exchange, one queue per endpoint, every message sealed.

``memory://`` is the embedded default: one process, no confirms; losing it costs time, since the ledger's leases bring
everything back. The bus never decides anything: what it carries is claimed in the ledger before it is acted on.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from kombu import Connection, Consumer, Exchange, Message, Producer, Queue

from hub.errors import BadSettings, Untrusted
from hub.rules import seal
from hub.rules.queued import Due
from hub.telemetry import QUARANTINED

log = structlog.get_logger()

EXCHANGE = "lienthong"
QUARANTINE = "quarantine"
#: A consumer that nobody rings looks at its queues so often: another connection may have published.
TICK_SECONDS = 0.05
#: So long the dispatcher gathers rings before it looks (measured: a look costs 0.5 ms, and each message rings twice).
GATHER_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class SealKeys:
    """The hub's own seal key, and every key whose seals it accepts (by key id)."""

    issuer: str
    key_id: str
    private: ec.EllipticCurvePrivateKey
    accepted: Mapping[str, ec.EllipticCurvePublicKey]


#: Given to a worker with each delivery; called when the ledger holds the result.
Acknowledge = Callable[[], None]


class Bus:
    """Publishes due deliveries, consumes them, and wakes dispatch when there may be something to do."""

    def __init__(self, url: str, keys: SealKeys, endpoints: Iterable[str]) -> None:
        if not url.startswith("memory://"):
            raise BadSettings(
                f"bus url {url!r}: only memory:// (embedded) is served by this version",
                f"địa chỉ bus {url!r}: phiên bản này chỉ hỗ trợ memory:// (nhúng)",
                where="hub.toml/bus/url",
            )
        self._url = url
        self._keys = keys
        self._exchange = Exchange(EXCHANGE, type="topic", durable=True)
        self._queues = {name: Queue(f"deliver.{name}", self._exchange, routing_key=f"deliver.{name}") for name in endpoints}
        self._quarantine = Queue(QUARANTINE, self._exchange, routing_key=QUARANTINE)
        self._publisher: Connection | None = None
        self._producer: Producer | None = None
        self._bell = threading.Condition()
        self._rung: set[str] = set()
        #: Something was published or finished: the in-memory transport itself can only be polled.
        self._news = threading.Event()

    def open(self) -> None:
        """Connect, declare the topology, and start empty: what was there is in the ledger."""
        self._publisher = self._connect()
        for each in (*self._queues.values(), self._quarantine):
            bound = each(self._publisher.default_channel)
            bound.declare()
            bound.purge()
        self._producer = Producer(self._publisher.default_channel, self._exchange)

    def close(self) -> None:
        """Close the publishing connection."""
        if self._publisher is not None:
            self._publisher.release()

    def _connect(self) -> Connection:
        return Connection(self._url)

    # --- the bell of dispatch: a hint, never needed for correctness

    def wake(self, *endpoints: str) -> None:
        """Say that something may be due for these endpoints."""
        with self._bell:
            self._rung.update(endpoints)
            self._bell.notify_all()

    def wait(self, seconds: float) -> frozenset[str]:
        """Wait until a bell rings, or so long; give the endpoints it rang for.

        Rings that come right after the first are given with it: under load one look serves many messages.
        """
        with self._bell:
            rang = bool(self._rung) or self._bell.wait(seconds)
        if rang:
            time.sleep(GATHER_SECONDS)
        with self._bell:
            rung, self._rung = frozenset(self._rung), set()
            return rung

    # --- publishing (one thread: dispatch)

    def publish(self, due: Iterable[Due]) -> list[Due]:
        """Publish sealed messages; give those that the bus did not take."""
        refused = [each for each in due if not self._publish_one(each)]
        self._news.set()
        return refused

    def _publish_one(self, due: Due) -> bool:
        if due.endpoint not in self._queues or self._producer is None:
            return False
        token = seal.seal(
            due.canonical,
            issuer=self._keys.issuer,
            key=self._keys.private,
            key_id=self._keys.key_id,
            endpoint=due.endpoint,
            delivery=due.id,
            epoch=due.epoch,
            purpose=due.purpose,
        )
        self._producer.publish(
            due.canonical,
            routing_key=f"deliver.{due.endpoint}",
            headers={"seal": token},
            content_type="application/json",
            content_encoding="binary",
            delivery_mode=2,
        )
        return True

    # --- consuming (one thread a process; the work itself runs elsewhere)

    def consume(self, on_due: Callable[[Due, Acknowledge], None], stop: threading.Event) -> None:
        """Hand every sealed message to ``on_due`` until told to stop; it is acked after its ``Acknowledge`` was called."""
        finished: queue.SimpleQueue[Message] = queue.SimpleQueue()
        with self._connect() as connection:
            channel = connection.default_channel

            def on_message(name: str, message: Message) -> None:
                due = self._opened(name, message, channel)
                if due is None:
                    message.ack()
                else:
                    on_due(due, lambda: self._finish(message, finished))

            with self._consumers(channel, on_message):
                while not stop.is_set():
                    self._news.clear()
                    _drain(connection)
                    _ack_all(finished)
                    self._news.wait(TICK_SECONDS)

    def _finish(self, message: Message, finished: queue.SimpleQueue[Message]) -> None:
        finished.put(message)
        self._news.set()

    def _consumers(self, channel: Any, on_message: Callable[[str, Message], None]) -> Consumer:
        names = {each.name: endpoint for endpoint, each in self._queues.items()}

        def received(message: Message) -> None:
            on_message(names[message.delivery_info["routing_key"]], message)

        return Consumer(channel, list(self._queues.values()), on_message=received, auto_declare=True)

    def _opened(self, endpoint: str, message: Message, channel: Any) -> Due | None:
        """Open the seal; a message that is not ours, not whole or in a wrong queue goes to quarantine."""
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        try:
            head = seal.open_seal(body, str(message.headers.get("seal", "")), self._keys.accepted)
        except Untrusted as error:
            self._isolate(endpoint, body, error.code, channel)
            return None
        if head.endpoint != endpoint:
            self._isolate(endpoint, body, "misdirected", channel)
            return None
        return Due(id=head.delivery, endpoint=endpoint, epoch=head.epoch, purpose=head.purpose, canonical=body)

    def _isolate(self, endpoint: str, body: bytes, reason: str, channel: Any) -> None:
        QUARANTINED.labels(endpoint, reason).inc()
        log.error("bus.quarantined", endpoint=endpoint, reason=reason)
        Producer(channel, self._exchange).publish(
            body, routing_key=QUARANTINE, headers={"queue": endpoint, "reason": reason}, content_encoding="binary"
        )


def _drain(connection: Connection) -> None:
    """Take everything that is in the queues, and wait for nothing."""
    try:
        while True:
            connection.drain_events(timeout=0)
    except TimeoutError:
        return


def _ack_all(finished: queue.SimpleQueue[Message]) -> None:
    while True:
        try:
            finished.get_nowait().ack()
        except queue.Empty:
            return
