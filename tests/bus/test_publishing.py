"""Publishing on a real broker: what it surely did not take comes back, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from hub.bus.rabbit import RabbitBus
from hub.bus.sealing import opened
from hub.telemetry import BUS_REFUSED
from tests.bus.conftest import KEYS, MakeBus, due
from tests.support.rabbit import Corner, wait_until


def refused(reason: str, endpoint: str = "bo") -> float:
    return float(BUS_REFUSED.labels(endpoint, reason)._value.get())


def ids(found: list[Any]) -> list[str]:
    return [each.id for each in found]


def test_what_is_published_lies_sealed_in_its_endpoints_queue(bus: RabbitBus, corner: Corner) -> None:
    given = [due(1), due(2, "cong", purpose="inquire", epoch=7)]

    assert bus.publish(given) == []

    (first,), (second,) = corner.empty("deliver.bo"), corner.empty("deliver.cong")
    assert [opened(bytes(each.body), each.headers, KEYS) for each in (first, second)] == given
    assert first.properties["delivery_mode"] == 2
    assert first.properties["message_id"] == "d-1/1"


def test_many_are_published_with_one_wait(bus: RabbitBus, corner: Corner) -> None:
    given = [due(number, ("bo", "cong")[number % 2]) for number in range(500)]

    assert bus.publish(given) == []

    assert corner.count("deliver.bo") == corner.count("deliver.cong") == 250


def test_an_endpoint_without_a_queue_is_refused_and_the_others_are_taken(bus: RabbitBus, corner: Corner) -> None:
    told = refused("unknown_endpoint", "khac")

    assert ids(bus.publish([due(1), due(2, "khac"), due(3)])) == ["d-2"]

    assert corner.count("deliver.bo") == 2
    assert refused("unknown_endpoint", "khac") == told + 1


def test_a_queue_deleted_behind_our_back_is_noticed_and_made_again(bus: RabbitBus, corner: Corner) -> None:
    assert bus.publish([due(1)]) == []
    corner.delete("deliver.bo")
    told = refused("returned")

    assert sorted(ids(bus.publish([due(2), due(3, "cong"), due(4)]))) == ["d-2", "d-4"]

    assert refused("returned") == told + 2
    assert bus.publish([due(5)]) == []
    assert corner.count("deliver.bo") == 1


def test_a_full_queue_refuses_and_the_others_are_taken(bus: RabbitBus, corner: Corner) -> None:
    told = refused("nack")
    with corner.full("deliver.bo"):
        assert sorted(ids(bus.publish([due(1), due(2, "cong"), due(3)]))) == ["d-1", "d-3"]
        assert bus.publish([due(9, "cong")]) == []

    assert refused("nack") == told + 2
    wait_until(lambda: bus.publish([due(1)]) == [])


def test_a_blocked_broker_is_not_waited_for(make_bus: MakeBus, corner: Corner) -> None:
    bus = make_bus(confirm_seconds=600.0)
    assert bus.publish([due(1)]) == []
    told = refused("blocked")
    with corner.node.out_of_memory():
        # The broker says so when the first message has come, which may then be there or not.
        wait_until(lambda: bus.publish([due(2)]) == [due(2)])
        assert bus.publish([due(3), due(4)]) == [due(3), due(4)]
        assert refused("blocked") >= told + 2
    wait_until(lambda: bus.publish([due(5)]) == [])


def test_a_broken_connection_refuses_nothing_that_may_be_there(bus: RabbitBus, corner: Corner) -> None:
    assert bus.publish([due(1)]) == []
    corner.node.cut()

    came_back = bus.publish([due(2), due(3)])

    there = {each.properties["message_id"] for each in corner.empty("deliver.bo")}
    assert not there & {f"{each.id}/1" for each in came_back}
    wait_until(lambda: bus.publish([due(4)]) == [])


@pytest.mark.parametrize("times", [1, 3])
def test_an_idle_connection_is_kept_alive_or_made_again(make_bus: MakeBus, corner: Corner, times: int) -> None:
    bus = make_bus(heartbeat_seconds=1)
    assert bus.publish([due(0)]) == []
    for number in range(times):
        for _ in range(5):
            bus.wait(0.5)
        assert bus.publish([due(number + 1)]) == []

    assert corner.count("deliver.bo") == times + 1
