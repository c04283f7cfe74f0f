"""Whether the connections that a process uses stand, as its health tells it."""

from __future__ import annotations

from typing import Any

from hub.bus.keeping import Kept
from hub.bus.memory import MemoryBus
from hub.errors import Unavailable
from tests.bus.conftest import Consuming, MakeBus, due
from tests.support import rabbit
from tests.support.rabbit import Corner


def unreachable() -> Any:
    raise Unavailable("no", "không", where="bus")


def test_a_process_that_only_receives_needs_no_connection(make_bus: MakeBus) -> None:
    """It rings bells, and nothing depends on those."""
    bus = make_bus()
    bus.wake("bo")

    assert bus.ready()


def test_a_link_is_missed_only_where_somebody_wants_it() -> None:
    kept = Kept(unreachable, "dispatch")
    before = kept.fine()
    kept.get()

    assert (before, kept.fine()) == (True, False)


def test_a_broker_that_takes_nothing_is_not_ready_until_it_does(make_bus: MakeBus, corner: Corner) -> None:
    bus = make_bus()
    said = []
    with corner.node.out_of_memory():
        rabbit.wait_until(lambda: bus.publish([due(1)]) != [])
        said.append(bus.ready())
    rabbit.wait_until(lambda: bus.wait(0.01) == frozenset() and bus.ready())
    said.append(bus.ready())

    assert said == [False, True]


def test_a_consumer_is_ready_and_is_forgotten_when_it_ends(make_bus: MakeBus) -> None:
    bus = make_bus()
    consuming = Consuming(bus)
    bus.publish([due(1)])
    consuming.wait_for(1)
    while_it_runs = bus.ready()
    consuming.got[0][1]()
    consuming.end()

    assert (while_it_runs, bus.ready()) == (True, True)


def test_the_bus_in_memory_is_always_ready() -> None:
    assert MemoryBus(()).ready()
