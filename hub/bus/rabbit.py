"""The bus on RabbitMQ: sealed messages in quorum queues, published with confirms, acked after their result is recorded."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable

from hub.bus import consuming
from hub.bus.address import WHERE, BusOptions, read_address
from hub.bus.connecting import BROKEN, Link, Signal, unreachable
from hub.bus.consuming import OnDue, Session
from hub.bus.keeping import Kept, Silent
from hub.bus.publishing import Confirms, Publisher
from hub.bus.quarantine import Dead
from hub.bus.retrying import Retrying
from hub.bus.sealing import SealKeys
from hub.bus.topology import Topology
from hub.bus.waking import Listener, Rung, Teller
from hub.errors import Unavailable
from hub.rules.broker import Address
from hub.rules.queued import Due


class RabbitBus:
    """Publishes due deliveries, consumes them, and wakes dispatch, in this process and in others.

    Each thread has a connection of its own: dispatch (``publish``, ``wait``), who looks through the dead (``drain_dead``), each
    consumer, and the teller of bells, which runs only where nobody dispatches.
    """

    embedded = False

    def __init__(self, options: BusOptions, keys: SealKeys, endpoints: Iterable[str], members: Iterable[str] = ()) -> None:
        self.topology = Topology(options.prefix, tuple(endpoints), options.delivery_limit, tuple(members))
        self._options, self._keys = options, keys
        self._address: Address = read_address(options)
        self._rung = Rung()
        self._listens = False
        self._stops: list[Signal] = []
        self._consuming: list[Kept] = []
        dispatching = self._kept("dispatch")
        self._dispatching = dispatching
        self._publisher = Publisher(dispatching, self.topology, keys, options.confirm_seconds)
        self._dead = Dead(self._kept("dead"), self.topology, keys)
        self._listener = Listener(dispatching, self.topology, self._rung, uuid.uuid4().hex)
        # A hint needs no queue to be there.
        self._teller = Teller(Kept(lambda: Link(options, self._address, "bell"), "bell"), self.topology)

    def open(self) -> None:
        """Make sure that the broker answers, and that everything is there as it must be."""
        try:
            self._ready("start").close()
        except BROKEN as error:
            raise unreachable(self._address, error) from error

    def ready(self) -> bool:
        # Not the teller's: who is not told sees by itself, a moment later. Nor that to the dead: nothing waits for those.
        return all(kept.fine() for kept in (self._dispatching, *tuple(self._consuming)))

    def probe(self) -> str:
        """Try what every process of the hub does, and leave nothing behind; say what answered."""
        try:
            return self._tried()
        except BROKEN as error:
            raise unreachable(self._address, error) from error

    def _tried(self) -> str:
        link = self._ready("check")
        try:
            confirms: Confirms[str] = Confirms(link, self.topology.exchange)
            confirms.send("check", "check", b"", {}, "check")
            confirms.wait(self._options.confirm_seconds)
            if confirms.unknown():
                raise Unavailable(
                    f"the broker {self._address} confirms nothing: it may be out of memory or disk",
                    f"RabbitMQ {self._address} không xác nhận: có thể đã hết bộ nhớ hoặc đĩa",
                    where=WHERE,
                )
            with link.channel() as channel:
                name = self.topology.wake_queue(uuid.uuid4().hex)
                channel.queue_declare(name, durable=False, exclusive=True, auto_delete=True)
                channel.basic_consume(name)
            return f"{link.product}, {self._address}"
        finally:
            link.close()

    def close(self) -> None:
        self._teller.close()
        self._dead.close()
        self._dispatching.close()

    def _kept(self, purpose: str) -> Kept:
        return Kept(lambda: self._ready(purpose), purpose)

    def _ready(self, purpose: str) -> Link:
        """Connect, and declare everything: a broker that has lost its disk gets it again."""
        link = Link(self._options, self._address, purpose)
        try:
            with link.channel() as channel:
                self.topology.declare(channel)
        except BaseException:
            link.close()
            raise
        return link

    # --- bells

    def wake(self, *endpoints: str) -> None:
        """Ring for these endpoints; for none: let who waits look whether to stop."""
        self._rung.ring(*endpoints)
        if not endpoints:
            for signal in tuple(self._stops):
                signal.set()
            self._dead.hurry()
        elif not self._listens:
            self._teller.tell(endpoints)

    def wait(self, seconds: float) -> frozenset[str]:
        self._listens = True
        return self._listener.wait(seconds)

    # --- dispatch

    def takes(self, endpoint: str) -> bool:
        return self._publisher.takes(endpoint)

    def publish(self, due: Iterable[Due]) -> list[Due]:
        return self._publisher.publish(due)

    def drain_dead(self, stop: threading.Event | None = None) -> None:
        self._dead.drain(stop)

    # --- workers

    def consume(self, on_due: OnDue, stop: threading.Event) -> None:
        signal, kept, silent = Signal(), self._kept("consumer"), Silent("consume")
        retrying = Retrying(lambda: self._ready("retry"), self.topology, silent, signal)
        self._stops.append(signal)
        self._consuming.append(kept)
        try:
            consuming.consume(
                kept,
                lambda link: Session(link, self.topology, self._keys, self._options.prefetch, signal, silent, retrying),
                on_due,
                stop,
            )
        finally:
            retrying.end()
            self._stops.remove(signal)
            self._consuming.remove(kept)
