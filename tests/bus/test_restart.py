"""The broker dies as when the power fails, and comes back with its data: nothing is lost, thanks to leases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import dispatch
from hub.app import Hub
from hub.edge.workers import Workers
from hub.rules.lifecycle import State
from tests.support import hub as support
from tests.support import rabbit
from tests.support.clock import Clock
from tests.support.commits import Commits
from tests.support.looking import all_deliveries, broken_rows
from tests.support.partner import Partner, served
from tests.support.rabbit import Corner, Node

DOSSIERS = 20


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node that these tests may kill."""
    rabbit.shared()
    own = Node()
    own.start()
    yield own
    own.close()


@pytest.fixture
def corner(node: Node) -> Iterator[Corner]:
    with rabbit.corner(node) as own:
        yield own


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def partner() -> Partner:
    return Partner()


@pytest.fixture
def hub(corner: Corner, tmp_path: Path, clock: Clock, partner: Partner) -> Iterator[Hub]:
    with served(partner) as server:
        partners = {support.PARTNER: support.At(url=server.url)}
        opened = support.open_hub(support.configure(tmp_path, partners, bus=corner.settings), clock)
        yield opened
        support.close(opened)


def states(hub: Hub) -> set[str]:
    return {row.state for row in all_deliveries(hub.ledger)}


def everything_arrived(hub: Hub, partner: Partner, count: int) -> None:
    assert states(hub) == {State.DELIVERED}
    assert sorted(each.mark for each in partner.arrivals) == sorted(f"#{number}" for number in range(count))
    assert broken_rows(hub.ledger) == []


def send_all(hub: Hub, first: int, last: int) -> None:
    for number in range(first, last):
        support.send(hub, number, f"H01-{number}")


def test_what_was_confirmed_is_there_after_the_restart(hub: Hub, node: Node, partner: Partner) -> None:
    send_all(hub, 0, 8)
    assert dispatch.queue(hub) == 8

    node.kill()
    node.start()

    workers = Workers(hub, dispatch=False)
    commits = Commits(hub.ledger)
    workers.start()
    commits.wait_until(lambda: states(hub) == {State.DELIVERED})
    workers.stop()
    everything_arrived(hub, partner, 8)


def test_workers_go_on_after_the_broker_died(hub: Hub, node: Node, clock: Clock, partner: Partner) -> None:
    """While publishing and consuming: what was under way comes by itself, or by its lease."""
    workers, commits = Workers(hub), Commits(hub.ledger)
    workers.start()
    try:
        send_all(hub, 0, DOSSIERS // 2)
        commits.wait_until(lambda: len(partner.arrivals) >= 3)
        node.kill()
        send_all(hub, DOSSIERS // 2, DOSSIERS)
        node.start()
        rabbit.wait_until(lambda: _all_delivered_in_time(hub, clock))
    finally:
        workers.stop()

    everything_arrived(hub, partner, DOSSIERS)


def _all_delivered_in_time(hub: Hub, clock: Clock) -> bool:
    """Time goes by faster than workers are: a lease of minutes is over in an instant."""
    clock.advance(1)
    return states(hub) == {State.DELIVERED}


def test_without_the_broker_messages_are_received_and_wait(hub: Hub, node: Node, partner: Partner) -> None:
    node.kill()
    try:
        send_all(hub, 0, 3)
        assert dispatch.queue(hub) == 0
        assert states(hub) == {State.PENDING}
    finally:
        node.start()

    rabbit.wait_until(lambda: support.carry_all(hub) == 3)
    everything_arrived(hub, partner, 3)
