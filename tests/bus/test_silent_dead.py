"""The queue of what the broker gave up does not answer: nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.app import Hub
from hub.bus import connecting, keeping
from hub.bus.rabbit import RabbitBus
from hub.edge.workers import Workers
from hub.rules.lifecycle import State
from hub.telemetry import BUS_LOST
from tests.bus.conftest import due
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.commits import Commits
from tests.support.looking import all_deliveries
from tests.support.partner import Partner, served
from tests.support.rabbit import PATIENCE_SECONDS, Corner, wait_until


@pytest.fixture
def hub(corner: Corner, tmp_path: Path) -> Iterator[Hub]:
    with served(Partner()) as server:
        partners = {support.PARTNER: support.At(url=server.url)}
        opened = support.open_hub(support.configure(tmp_path, partners, bus=corner.settings), Clock())
        yield opened
        support.close(opened)


@pytest.fixture
def asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Tell that somebody begins to look through the dead."""
    event, drain = threading.Event(), hub.bus.drain_dead

    def told(*args: Any) -> None:
        event.set()
        drain(*args)

    monkeypatch.setattr(hub.bus, "drain_dead", told)
    return event


def put_false(corner: Corner) -> None:
    with corner.channel() as channel:
        channel.confirm_select()
        channel.basic_publish_confirm(channel.prepare_message(b"false"), exchange=corner.prefix, routing_key="dead")


def test_dispatch_and_a_stop_do_not_wait_for_it(
    hub: Hub, corner: Corner, asked: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who waits for an answer here has not got it before this test has lost its patience.
    monkeypatch.setattr(connecting, "ANSWER_SECONDS", 2 * PATIENCE_SECONDS)
    workers, commits = Workers(hub), Commits(hub.ledger)
    stopping = threading.Thread(target=workers.stop, daemon=True)
    with corner.silent("dead"):
        workers.start()
        assert asked.wait(PATIENCE_SECONDS)
        support.send(hub, 1)
        commits.wait_until(lambda: [row.state for row in all_deliveries(hub.ledger)] == [State.DELIVERED])

        assert workers.alive()
        stopping.start()
        stopping.join(PATIENCE_SECONDS)
        assert not stopping.is_alive()


def test_it_is_asked_once_and_then_left_alone(bus: RabbitBus, corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "ANSWER_SECONDS", 2.0)
    told = BUS_LOST.labels("dead")._value.get()
    with corner.silent("dead"):
        bus.drain_dead()
        bus.drain_dead()

        assert BUS_LOST.labels("dead")._value.get() == told + 1
        assert bus.publish([due(1)]) == []


def test_it_is_looked_through_when_it_answers_again(
    bus: RabbitBus, corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "ANSWER_SECONDS", 2.0)
    monkeypatch.setattr(keeping, "SILENT_SECONDS", 0.1)
    put_false(corner)
    with corner.silent("dead"):
        bus.drain_dead()

    def drained() -> bool:
        bus.drain_dead()
        return corner.total("dead") == 0

    wait_until(drained)
    assert [bytes(each.body) for each in corner.empty("quarantine")] == [b"false"]


def test_who_is_told_to_stop_does_not_ask(bus: RabbitBus, corner: Corner) -> None:
    put_false(corner)
    stop = threading.Event()
    stop.set()

    bus.drain_dead(stop)

    assert corner.total("dead") == 1
