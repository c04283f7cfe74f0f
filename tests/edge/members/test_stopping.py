"""A broker that dies, and a process that is told to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.rules.lifecycle import State
from tests.edge.members.conftest import PARTNER, SENDER, answers, document, hand_over
from tests.support import hub as support
from tests.support import rabbit
from tests.support.amqp_partner import Cuttable
from tests.support.bus_world import BusWorld, grant
from tests.support.clock import Clock
from tests.support.looking import all_deliveries
from tests.support.rabbit import Node


def test_a_broker_that_dies_between_publish_and_confirm_leaves_a_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rabbit.PASSWORD_VARIABLE, rabbit.PASSWORD)
    rabbit.require()
    node, clock = Node(), Clock()
    node.start()
    grant(node)
    wire, world = Cuttable(node.port), BusWorld(node, tmp_path)
    try:
        hub = world.hub(clock, port=wire.port)
        support.send(hub, 1)
        wire.at(b"maThongDiep", node.kill)
        hand_over(hub)
        assert [row.state for row in all_deliveries(hub.ledger)] == [State.IN_DOUBT]

        node.start()
        clock.advance(100_000)
        support.send(hub, 2, "H01-2")
        hand_over(hub)

        doubtful, later = all_deliveries(hub.ledger)
        arrived = [message.properties["message_id"] for message in world.take(f"member.{PARTNER}")]
        assert (doubtful.state, later.state) == (State.IN_DOUBT, State.DELIVERED)
        assert arrived.count(later.native_id) == 1
        assert arrived.count(doubtful.native_id) <= 1
    finally:
        world.close()
        wire.close()
        node.close()


def test_a_process_that_is_told_to_stop_takes_leave_of_the_broker(world: BusWorld) -> None:
    """Served by the command line: a dossier goes from member to member, and no connection ends without a word."""
    folder = world.configure()
    mot_cua, bo = world.member(SENDER), world.member(PARTNER)
    command = [sys.executable, "-m", "hub.edge.cli", "--config", str(folder), "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=None)
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        mot_cua.say("message", "m-1", document())
        assert [status for status, _ in answers(mot_cua, "m-1", world)] == ["200"]
        world.until(lambda: bo.take_all() or bool(bo.deliveries))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()

    world.until(lambda: not any(f":{process.pid}" in name for name in world.node.connections()))
    assert [line for line in world.node.warnings() if f":{process.pid}" in line] == []
