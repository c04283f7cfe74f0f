"""The bell across processes: who records something due tells the dispatchers elsewhere. A hint: it may be late, or lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection
from typing import Any

from hub.bus.connecting import BROKEN, Link, Signal, body_of
from hub.bus.keeping import Kept
from hub.bus.names import WAKE
from hub.bus.port import GATHER_SECONDS
from hub.bus.topology import Topology

#: Bells that ring within this time are told with one message.
TELL_SECONDS = 0.02
#: AMQP: the message may be lost with the broker.
TRANSIENT = 1
#: A teller that has nothing to tell keeps its connection alive so often.
IDLE_SECONDS = 60.0


class Rung:
    """For which endpoints a bell rang since somebody last listened; the listener waits for a socket at the same time."""

    def __init__(self) -> None:
        self.signal = Signal()
        self._lock = threading.Lock()
        self._endpoints: set[str] = set()

    def ring(self, *endpoints: str) -> None:
        """Ring for these endpoints; for none: only wake who waits."""
        with self._lock:
            self._endpoints.update(endpoints)
        self.signal.set()

    def take(self) -> frozenset[str]:
        """Give the endpoints it rang for, and begin anew."""
        self.signal.clear()
        with self._lock:
            rung, self._endpoints = frozenset(self._endpoints), set()
            return rung


class Listener:
    """Waits for the bells of this process and of the others; used by dispatch's thread, over its link."""

    def __init__(self, kept: Kept, topology: Topology, rung: Rung, unique: str) -> None:
        self._kept, self._topology, self._rung, self._unique = kept, topology, rung, unique
        self._known = frozenset(topology.endpoints)
        self._heard_on: Link | None = None

    def wait(self, seconds: float) -> frozenset[str]:
        """Wait until a bell rings, or so long; give the endpoints it rang for."""
        link = self._kept.get()
        try:
            if link is None:
                self._rung.signal.wait(min(seconds, self._kept.seconds_left()))
            else:
                self._listen(link)
                link.wait(seconds, self._rung.signal)
        except BROKEN as error:
            self._kept.lose(error)
        rung = self._rung.take()
        if rung:
            # What rings right after is given with it: under load one look serves many messages.
            time.sleep(GATHER_SECONDS)
            rung |= self._rung.take()
        return rung

    def _listen(self, link: Link) -> None:
        """Hear the other processes on this link, if not yet so."""
        if self._heard_on is not link:
            channel = link.channel()
            name = self._topology.wake_queue(self._unique)
            channel.queue_declare(name, durable=False, exclusive=True, auto_delete=True)
            channel.queue_bind(name, self._topology.exchange, f"{WAKE}.#")
            channel.basic_consume(name, no_ack=True, callback=self._came)
            self._heard_on = link

    def _came(self, message: Any) -> None:
        """Ring for what a message names; it is not sealed, and can do no more than make the dispatcher look."""
        try:
            named = json.loads(body_of(message))
        except (ValueError, RecursionError):
            return
        if isinstance(named, list):
            self._rung.ring(*(self._known & {each for each in named if isinstance(each, str)}))


class Teller:
    """Tells the dispatchers of other processes, from a thread of its own: who rings never waits and never fails."""

    def __init__(self, kept: Kept, topology: Topology) -> None:
        self._kept, self._exchange = kept, topology.exchange
        self._rung = Rung()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._channel: tuple[Link, Any] | None = None

    def tell(self, endpoints: Collection[str]) -> None:
        """Tell soon."""
        if self._thread is None:
            self._start()
        self._rung.ring(*endpoints)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._rung.ring()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._tell_once()
                except BROKEN as error:
                    self._kept.lose(error)
        finally:
            self._kept.close()

    def _tell_once(self) -> None:
        link = self._kept.get()
        if link is None:
            # What rings now is found by the dispatchers' own look at the ledger.
            self._stop.wait(self._kept.seconds_left())
            self._rung.take()
            return
        link.wait(IDLE_SECONDS, self._rung.signal)
        rung = self._rung.take()
        if rung and not link.blocked:
            self._publish(link, rung)
            self._stop.wait(TELL_SECONDS)

    def _publish(self, link: Link, rung: frozenset[str]) -> None:
        if self._channel is None or self._channel[0] is not link:
            self._channel = link, link.channel()
        channel = self._channel[1]
        message = channel.prepare_message(json.dumps(sorted(rung)).encode(), properties={"delivery_mode": TRANSIENT})
        channel.basic_publish(message, exchange=self._exchange, routing_key=WAKE)
