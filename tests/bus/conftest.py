"""A corner of a real broker for each test, and buses on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hub.bus.address import BusOptions
from hub.bus.port import Acknowledge
from hub.bus.rabbit import RabbitBus
from hub.bus.sealing import SealKeys
from hub.rules.queued import Due
from tests.support import rabbit
from tests.support.rabbit import Corner

ENDPOINTS = ("bo", "cong")
_PRIVATE = ec.generate_private_key(ec.SECP256R1())
KEYS = SealKeys("hub", "k1", _PRIVATE, {"k1": _PRIVATE.public_key()})

MakeBus = Callable[..., RabbitBus]


def due(number: int, endpoint: str = "bo", **changes: Any) -> Due:
    """Make a delivery for the bus."""
    made = Due(id=f"d-{number}", endpoint=endpoint, epoch=1, purpose="deliver", canonical=b'{"number": %d}' % number)
    return replace(made, **changes)


class Consuming:
    """A consumer in a thread of its own: keeps what it is given, and acknowledges when it is told to."""

    def __init__(self, bus: RabbitBus) -> None:
        self.stop = threading.Event()
        self.got: list[tuple[Due, Acknowledge]] = []
        #: True: each is acknowledged as it comes.
        self.answers_at_once = False
        self._came = threading.Condition()
        self._bus = bus
        self.thread = threading.Thread(target=bus.consume, args=(self._on_due, self.stop), daemon=True)
        self.thread.start()

    def _on_due(self, due: Due, acknowledge: Acknowledge) -> None:
        if self.answers_at_once:
            acknowledge()
        with self._came:
            self.got.append((due, acknowledge))
            self._came.notify_all()

    def wait_for(self, count: int) -> list[str]:
        """Wait until so many have come; give their ids."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.got) >= count, rabbit.PATIENCE_SECONDS), f"{len(self.got)} of {count}"
            return [due.id for due, _ in self.got]

    def end(self) -> None:
        self.stop.set()
        self._bus.wake()
        self.thread.join(rabbit.PATIENCE_SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def corner() -> Iterator[Corner]:
    with rabbit.corner(rabbit.shared()) as own:
        yield own


@pytest.fixture
def make_bus(corner: Corner) -> Iterator[MakeBus]:
    """Open buses of the same hub, as its processes do."""
    opened: list[RabbitBus] = []

    def make(endpoints: tuple[str, ...] = ENDPOINTS, keys: SealKeys = KEYS, **changes: Any) -> RabbitBus:
        options = BusOptions(url=corner.node.url, password=rabbit.PASSWORD, prefix=corner.prefix)
        bus = RabbitBus(replace(options, **changes), keys, endpoints)
        bus.open()
        opened.append(bus)
        return bus

    yield make
    for bus in opened:
        bus.close()


@pytest.fixture
def bus(make_bus: MakeBus) -> RabbitBus:
    return make_bus()


@pytest.fixture
def consume() -> Iterator[Callable[[RabbitBus], Consuming]]:
    """Start consumers, and end them after the test."""
    started: list[Consuming] = []

    def start(bus: RabbitBus) -> Consuming:
        started.append(Consuming(bus))
        return started[-1]

    yield start
    for each in started:
        for _, acknowledge in each.got:
            acknowledge()
        each.end()
