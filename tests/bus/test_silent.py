"""A queue that does not answer (in a cluster: most of its nodes are away) costs the other endpoints nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from hub.bus import connecting, keeping
from hub.bus.rabbit import RabbitBus
from hub.bus.retrying import Retrying
from hub.telemetry import BUS_UNCONFIRMED
from tests.bus.conftest import Consuming, MakeBus, due
from tests.support.rabbit import PATIENCE_SECONDS, Corner, wait_until


@pytest.fixture(autouse=True)
def short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "ANSWER_SECONDS", 2.0)


def test_dispatch_waits_for_its_confirms_once(make_bus: MakeBus, corner: Corner) -> None:
    bus = make_bus(confirm_seconds=1.0)
    told = BUS_UNCONFIRMED.labels("bo")._value.get()
    assert bus.publish([due(1)]) == []
    with corner.silent("deliver.bo"):
        assert bus.publish([due(2), due(3, "cong")]) == []
        assert BUS_UNCONFIRMED.labels("bo")._value.get() == told + 1

        assert not bus.takes("bo")
        assert bus.takes("cong")
        assert bus.publish([due(4), due(5, "cong")]) == [due(4)]

    assert corner.count("deliver.cong") == 2


def test_dispatch_tries_it_again_later(make_bus: MakeBus, corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "SILENT_SECONDS", 0.1)
    bus = make_bus(confirm_seconds=1.0)
    assert bus.publish([due(1)]) == []
    with corner.silent("deliver.bo"):
        bus.publish([due(2)])
        assert not bus.takes("bo")

    wait_until(lambda: bus.takes("bo"))
    assert bus.publish([due(3)]) == []
    wait_until(lambda: corner.count("deliver.bo") >= 2)


def test_workers_consume_from_the_others(
    make_bus: MakeBus, corner: Corner, consume: Callable[[RabbitBus], Consuming], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SILENT_SECONDS", 3.0)
    bus = make_bus()
    assert bus.publish([due(1), due(2, "cong")]) == []
    with corner.silent("deliver.bo"):
        consuming = consume(bus)
        assert consuming.wait_for(1) == ["d-2"]

    consuming.got[0][1]()
    assert consuming.wait_for(2)[1:] == ["d-1"]


class Tries:
    """Counts how often a consumer found a queue silent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._count, self._more = 0, threading.Condition()
        add = keeping.Silent.add

        def counted(silent: keeping.Silent, endpoint: str) -> None:
            add(silent, endpoint)
            with self._more:
                self._count += 1
                self._more.notify_all()

        monkeypatch.setattr(keeping.Silent, "add", counted)

    def wait_for(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: self._count >= count, PATIENCE_SECONDS), f"{self._count} of {count}"


def test_it_is_tried_again_while_a_partner_hangs(
    make_bus: MakeBus, corner: Corner, consume: Callable[[RabbitBus], Consuming], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SILENT_SECONDS", 0.5)
    bus, tries = make_bus(("bo", "cong", "so")), Tries(monkeypatch)
    assert bus.publish([due(1), due(2, "cong")]) == []
    with corner.silent("deliver.bo"):
        consuming = consume(bus)
        consuming.wait_for(1)
        tries.wait_for(3)
        assert bus.publish([due(3, "so")]) == []
        consuming.wait_for(2)

    assert consuming.wait_for(3) == ["d-2", "d-3", "d-1"]
    consuming.got[0][1]()
    wait_until(lambda: corner.total("deliver.cong") == 0)


def test_a_stop_does_not_wait_for_a_try(
    make_bus: MakeBus, corner: Corner, consume: Callable[[RabbitBus], Consuming], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SILENT_SECONDS", 0.5)
    bus, asking, ask = make_bus(), threading.Event(), Retrying._ask

    def told(*args: Any) -> None:
        asking.set()
        ask(*args)

    monkeypatch.setattr(Retrying, "_ask", told)
    assert bus.publish([due(1), due(2, "cong")]) == []
    with corner.silent("deliver.bo"):
        consuming = consume(bus)
        consuming.wait_for(1)
        # Who waits for an answer from now on has not got it before this test has lost its patience.
        monkeypatch.setattr(connecting, "ANSWER_SECONDS", 2 * PATIENCE_SECONDS)
        assert asking.wait(PATIENCE_SECONDS)
        consuming.got[0][1]()
        consuming.end()
