"""Members of the bus on a real broker, on which the printed commands have granted their rights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import delivery
from hub.app import Hub
from hub.telemetry import QUARANTINED
from tests.support import hub as support
from tests.support import rabbit
from tests.support.amqp_partner import Cuttable
from tests.support.bus_member import BusMember
from tests.support.bus_world import BusWorld, grant, withdraw
from tests.support.rabbit import Node

SENDER, PARTNER = support.SENDER, support.PARTNER


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    shared = rabbit.shared()
    grant(shared)
    yield shared
    withdraw(shared)


@pytest.fixture
def world(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BusWorld]:
    monkeypatch.setenv(rabbit.PASSWORD_VARIABLE, rabbit.PASSWORD)
    made = BusWorld(node, tmp_path)
    yield made
    made.close()


@pytest.fixture
def wire(node: Node) -> Iterator[Cuttable]:
    made = Cuttable(node.port)
    yield made
    made.close()


def document(number: int = 1, **more: Any) -> bytes:
    return support.document(number, **more)


def put_aside(name: str, reason: str = "untrusted") -> float:
    return float(QUARANTINED.labels(name, reason)._value.get())


def answers(member: BusMember, about: str, world: BusWorld) -> list[tuple[str, bytes]]:
    """Wait for the answer to a message of a member's, and give all of them."""

    def came() -> bool:
        member.take_all()
        return about in member.answers

    world.until(came)
    return member.answers[about]


def hand_over(hub: Hub) -> None:
    """Deliver what is due without the way over the bus, so that nothing but the hand-over speaks to the broker."""
    hub.ledger.lapse(hub.now(), hub.doubt_policy)
    for due in hub.ledger.queue(hub.now(), hub.budgets()):
        delivery.deliver(hub, due)
