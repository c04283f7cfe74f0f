"""Bells between processes: each bus object stands for one."""

from __future__ import annotations

import threading

import pytest

from hub.bus.rabbit import RabbitBus
from tests.bus.conftest import MakeBus
from tests.support.rabbit import PATIENCE_SECONDS, Corner, wait_until


def heard(bus: RabbitBus) -> frozenset[str]:
    """Wait as dispatch does, until a bell rings."""
    for _ in range(1000):
        if rung := bus.wait(PATIENCE_SECONDS / 10):
            return rung
    raise AssertionError("no bell rang")


def listening(bus: RabbitBus, corner: Corner) -> RabbitBus:
    """Let a bus be one that dispatches, and hears the others."""
    before = len(wake_queues(corner))
    bus.wait(0)
    assert len(wake_queues(corner)) == before + 1
    return bus


def wake_queues(corner: Corner) -> list[str]:
    return [name for name in corner.queues() if name.startswith("wake.")]


def test_a_bell_rings_in_the_dispatcher_of_another_process(make_bus: MakeBus, corner: Corner) -> None:
    doors, dispatcher = make_bus(), listening(make_bus(), corner)

    doors.wake("bo")
    assert heard(dispatcher) == {"bo"}

    doors.wake("cong", "bo")
    assert heard(dispatcher) == {"bo", "cong"}


def test_every_dispatcher_hears_it(make_bus: MakeBus, corner: Corner) -> None:
    doors, first, second = make_bus(), listening(make_bus(), corner), listening(make_bus(), corner)

    doors.wake("bo")

    assert heard(first) == heard(second) == {"bo"}


def test_the_own_bell_is_heard_without_the_broker(make_bus: MakeBus, corner: Corner) -> None:
    dispatcher, other = listening(make_bus(), corner), listening(make_bus(), corner)

    dispatcher.wake("bo")

    assert heard(dispatcher) == {"bo"}
    assert other.wait(0.3) == frozenset()
    assert dispatcher._teller._thread is None


def test_a_bell_rings_while_dispatch_waits(make_bus: MakeBus, corner: Corner) -> None:
    doors, dispatcher = make_bus(), listening(make_bus(), corner)
    found: list[frozenset[str]] = []
    waiting = threading.Thread(target=lambda: found.append(heard(dispatcher)))
    waiting.start()

    doors.wake("bo")

    waiting.join(PATIENCE_SECONDS)
    assert found == [{"bo"}]


def test_many_bells_are_told_with_few_messages(bus: RabbitBus, corner: Corner) -> None:
    with corner.channel() as channel:
        queue = channel.queue_declare("", exclusive=True).queue
        channel.queue_bind(queue, corner.prefix, "wake.#")
        for _ in range(10_000):
            bus.wake("bo", "cong")
        wait_until(lambda: channel.queue_declare(queue, passive=True).message_count > 0)
        bus.close()

        assert channel.queue_declare(queue, passive=True).message_count < 1000


@pytest.mark.parametrize("body", [b"", b"\xff", b"{}", b'"bo"', b"[" * 100_000, b'[7, null, ["bo"], "nobody"]'])
def test_a_false_bell_rings_for_nobody(bus: RabbitBus, corner: Corner, body: bytes) -> None:
    listening(bus, corner)
    with corner.channel() as channel:
        channel.basic_publish(channel.prepare_message(body), exchange=corner.prefix, routing_key="wake")
        channel.basic_publish(channel.prepare_message(b'["cong"]'), exchange=corner.prefix, routing_key="wake")

    assert heard(bus) == {"cong"}


def test_ringing_never_fails_and_is_heard_again_when_the_broker_is_back(make_bus: MakeBus, corner: Corner) -> None:
    doors, dispatcher = make_bus(), listening(make_bus(), corner)
    doors.wake("bo")
    assert heard(dispatcher) == {"bo"}

    corner.node.cut()

    def rings_through() -> bool:
        doors.wake("cong")
        return dispatcher.wait(0.2) == {"cong"}

    wait_until(rings_through)


def test_the_queue_of_a_dispatcher_goes_with_it(bus: RabbitBus, corner: Corner) -> None:
    listening(bus, corner)

    bus.close()

    wait_until(lambda: wake_queues(corner) == [])
