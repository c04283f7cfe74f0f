"""Hermes' list marks all that it names: whatever is marked before the hub has it must come to the hub all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.errors import NotAllowed
from hub.gateway.hermes import LOOK_SECONDS, PUT_BACK, Hermes
from hub.gateway.http_port import HttpPort
from tests.support.gateway_world import Gateways, gateways


class Clock:
    """Says what it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Gateways]:
    with gateways("hermes", tmp_path) as made:
        yield made


def driver(world: Gateways, clock: Any = None) -> Hermes:
    return Hermes(world.policy, HttpPort(world.policy, 5.0, world.wire), clock or Clock())


def states(world: Gateways) -> dict[str, str]:
    return {each["number"]: each["state"] for each in world.account()["inbox"]}


def test_listing_and_fetching_mark_nothing(world: Gateways) -> None:
    number = world.receive()
    hermes = driver(world)
    hermes.fetch(hermes.list_inbound()[0].number)

    assert states(world) == {number: "PS"}
    assert "GET message/receive/ebms" not in world.account()["calls"]


def test_what_is_marked_with_another_is_put_back(world: Gateways) -> None:
    stored, fresh = world.receive("a@id"), world.receive("b@id")
    hermes = driver(world)
    hermes.mark_processed(stored, taken=True)

    assert states(world) == {stored: "DL", fresh: "PS"}


def test_what_could_not_be_put_back_is_looked_at_again(world: Gateways) -> None:
    """The process dies, or the call fails, between the marking list and putting back: the message looks downloaded."""
    world.receive("a@id")
    fresh = world.receive("b@id")
    world.server.faults.add("keeps", match=fresh)
    hermes = driver(world)
    hermes.list_inbound()
    hermes.mark_processed("a@id", taken=True)

    assert states(world)[fresh] == "DL"
    assert fresh in [each.number for each in hermes.list_inbound()]
    assert fresh in [each.number for each in driver(world).list_inbound()]


def test_the_last_marked_ones_are_looked_at_now_and_then(world: Gateways) -> None:
    clock = Clock()
    hermes = driver(world, clock)
    hermes.list_inbound()
    world.receive("a@id")
    # Somebody else lists, as an administrator may.
    hermes._port.ask("GET", "/message/receive/ebms?partnership_id=vn-id")

    assert hermes.list_inbound() == []
    clock.now += LOOK_SECONDS
    assert [each.number for each in hermes.list_inbound()] == ["a@id"]


def test_nothing_is_marked_while_too_much_is_left_that_the_hub_does_not_have(world: Gateways) -> None:
    numbers = [world.receive(f"{place}@id") for place in range(PUT_BACK + 2)]
    hermes = driver(world)

    with pytest.raises(NotAllowed):
        hermes.mark_processed(numbers[0], taken=True)
    assert set(states(world).values()) == {"PS"}
    assert numbers[0] not in [each.number for each in hermes.list_inbound()]

    # What is said of each once more and more is the hub's: one marking list is enough for all.
    hermes.mark_processed(numbers[1], taken=True)
    for number in numbers[2:]:
        hermes.mark_processed(number, taken=True)
    hermes.mark_processed(numbers[0], taken=True)
    assert set(states(world).values()) == {"DL"}


def test_messages_of_the_gateways_themselves_are_no_business(world: Gateways) -> None:
    world.receive("ack@id", service="urn:oasis:names:tc:ebxml-msg:service", action="Acknowledgment")

    assert driver(world).list_inbound() == []
