"""The printed commands give a node of the hub what it needs at a real broker, and nothing beside."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kombu import Connection

from hub.bus.address import BusOptions
from hub.bus.permissions import CREDENTIALS, node_commands, node_rights
from hub.bus.rabbit import RabbitBus
from hub.errors import BadSettings
from tests.bus.conftest import KEYS, due
from tests.support import rabbit
from tests.support.rabbit import Node

VHOST = "hub of tests"
DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """The shared node, with a vhost and a user made by the printed commands."""
    shared = rabbit.shared()
    for line in node_commands(node_rights(options(shared)), "env:BUS_PASSWORD", Path("/etc/lienthong")):
        words = shlex.split(line.rpartition("| ")[2])
        assert words.pop(0) == "rabbitmqctl"
        # The printed line pipes the password in.
        shared.control(*words, *(["a password"] if words[0] == "add_user" else []))
    yield shared
    shared.control("delete_user", "node-alone")
    shared.control("delete_vhost", VHOST)


def options(node: Node) -> BusOptions:
    return BusOptions(url=f"amqp://node-alone@127.0.0.1:{node.port}/{VHOST.replace(' ', '%20')}", password="a password")


def test_a_node_can_do_its_whole_work(node: Node) -> None:
    bus = RabbitBus(options(node), KEYS, ("bo", "mot-cua_1"))
    doors = RabbitBus(options(node), KEYS, ("bo", "mot-cua_1"))
    try:
        bus.open()
        assert bus.probe().startswith("RabbitMQ")
        assert bus.publish([due(1), due(2, "mot-cua_1")]) == []
        bus.wait(0)
        doors.wake("bo")
        rabbit.wait_until(lambda: bus.wait(0.5) == {"bo"})
        bus.drain_dead()
    finally:
        doors.close()
        bus.close()


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        ("queue_declare", {"queue": "another"}),
        ("queue_declare", {"queue": "lienthong.another"}),
        ("queue_declare", {"queue": "lienthong2.deliver.bo"}),
        ("exchange_declare", {"exchange": "another", "type": "topic"}),
        ("queue_bind", {"queue": "lienthong.dead", "exchange": "amq.topic", "routing_key": "#"}),
        ("queue_bind", {"queue": "lienthong.dead", "exchange": "lienthong", "routing_key": "#"}),
    ],
)
def test_a_node_can_do_nothing_else(node: Node, verb: str, given: dict[str, str]) -> None:
    RabbitBus(options(node), KEYS, ("bo",)).open()
    connection = Connection("amqp://", port=node.port, userid="node-alone", password="a password", virtual_host=VHOST)
    with connection, pytest.raises(connection.channel_errors) as caught:
        getattr(connection.default_channel, verb)(**given)

    assert caught.value.reply_code == 403


def test_a_user_that_lacks_rights_is_told_so(node: Node) -> None:
    node.control("add_user", "node-other", "a password")
    node.control("set_permissions", "-p", VHOST, "node-other", "", "", "")
    try:
        with pytest.raises(BadSettings) as caught:
            RabbitBus(replace(options(node), url=options(node).url.replace("node-alone", "node-other")), KEYS, ("bo",)).open()
    finally:
        node.control("delete_user", "node-other")

    assert "bus permissions" in caught.value.en and "bus permissions" in caught.value.vi


def test_no_password_stands_in_a_command() -> None:
    given = BusOptions(url="amqps://hub@host/vhost", password="a secret")

    reads = {
        "env:BUS_PASSWORD": "printenv BUS_PASSWORD | ",
        "file:keys/bus password": "cat '/etc/hub/keys/bus password' | ",
        "file:/run/secrets/bus": "cat /run/secrets/bus | ",
        # What the service sees as lienthong_NAME is NAME in the folder that the units name; another one is systemd's to find.
        "credential:lienthong_bus.password": f"cat {CREDENTIALS}/bus.password | ",
        "credential:bus.password": "cat /etc/credstore/bus.password | ",
    }
    for reference, before in reads.items():
        lines = list(node_commands(node_rights(given), reference, Path("/etc/hub")))
        assert not any("a secret" in line for line in lines)
        assert lines[1] == f"{before}rabbitmqctl add_user hub"


def test_the_units_take_their_credentials_from_the_folder_that_is_printed() -> None:
    units = [*DEPLOY.glob("systemd/*@.service"), DEPLOY / "bin" / "lienthong-as-service"]

    parts = ("console", "dispatch", "doors", "poll", "work")
    assert {unit.name for unit in units} >= {f"lienthong-{part}@.service" for part in parts}
    assert all(f"LoadCredential=lienthong:{CREDENTIALS}" in unit.read_text() for unit in units)
