"""A hub whose partners are members of its bus, on a real broker on which the printed commands have granted their rights."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pika
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from joserfc.jwk import ECKey
from kombu import Connection

from hub.app import Hub
from hub.bus.address import BusOptions
from hub.bus.permissions import member_commands, member_rights, node_commands, node_rights
from hub.edge.member_poller import member_pollers
from hub.edge.poller import Pollers
from tests.support import hub as support
from tests.support import rabbit
from tests.support.bus_member import BusMember
from tests.support.clock import Clock
from tests.support.rabbit import PASSWORD, PASSWORD_VARIABLE, Node

VHOST, PREFIX, HUB_USER, HUB_NAME = "members of tests", "lienthong", "node-1", "lienthong"
#: Endpoints that are members, and their accounts.
MEMBERS = {support.SENDER: "mot-cua-user", support.PARTNER: "bo-user"}
KEYS = {name: ECKey.generate_key("P-256") for name in MEMBERS}


def options(port: int) -> BusOptions:
    return BusOptions(url=f"amqp://{HUB_USER}@127.0.0.1:{port}/{quote(VHOST)}", password=PASSWORD, prefix=PREFIX)


def grant(node: Node) -> None:
    """Carry out what ``lienthong bus permissions`` prints."""
    given = options(node.port)
    lines = list(node_commands(node_rights(given), f"env:{PASSWORD_VARIABLE}", Path("/etc/lienthong")))
    for endpoint, user in MEMBERS.items():
        lines += member_commands(member_rights(given, endpoint, user))
    for line in lines:
        words = shlex.split(line.rpartition("| ")[2])[1:]
        node.control(*words, *([PASSWORD] if words[0] == "add_user" else []))


def withdraw(node: Node) -> None:
    """Take away what ``grant`` made."""
    for user in (HUB_USER, *MEMBERS.values()):
        node.control("delete_user", user)
    node.control("delete_vhost", VHOST)


class BusWorld:
    """One hub, its members, and looks at the broker."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node, self.folder = node, folder
        self._opened: list[Hub] = []
        self._polling: list[Pollers] = []

    def configure(self, *, services: str = "", member: str = "", port: int = 0, to: dict[str, support.At] | None = None) -> Path:
        """Write the folder; ``member``: more lines of the recipient's ``[member]`` table."""
        (self.folder / "trust").mkdir(exist_ok=True)
        for name, key in KEYS.items():
            (self.folder / "trust" / f"{name}.pem").write_bytes(key.as_pem(private=False))
        at = support.At(services=services + table(support.PARTNER) + member, concurrency=1)
        bus = f'[bus]\nurl = "{options(port or self.node.port).url}"\npassword = "env:{PASSWORD_VARIABLE}"\n'
        return support.configure(self.folder, to or {support.PARTNER: at}, bus=bus, sender=table(support.SENDER))

    def hub(self, clock: Clock | None = None, **given: Any) -> Hub:
        """Open the hub of this folder, as a process does."""
        self._opened.append(support.open_hub(self.configure(**given), clock))
        return self._opened[-1]

    def poll(self, hub: Hub) -> Pollers:
        """Start to take what members send."""
        self._polling.append(Pollers(hub, member_pollers(hub)))
        self._polling[-1].start()
        return self._polling[-1]

    def member(self, name: str, **changes: Any) -> BusMember:
        """Start the software of a member."""
        hub_pem = load_pem_private_key((self.folder / "keys" / "seal.pem").read_bytes(), None).public_key()
        given = {"name": name, "hub": HUB_NAME, "prefix": PREFIX, "key": KEYS[name], "hub_key": ECKey.import_key(_pem(hub_pem))}
        return BusMember(self._parameters(MEMBERS[name]), **{**given, **changes})

    def as_hub(self) -> Any:
        """Give what connects as the hub's own user."""
        return self._parameters(HUB_USER)

    def _parameters(self, user: str) -> Any:
        credentials = pika.PlainCredentials(user, PASSWORD)
        return pika.ConnectionParameters("127.0.0.1", self.node.port, VHOST, credentials, socket_timeout=60)

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """Open a conversation as the hub's own user."""
        with Connection(
            hostname="127.0.0.1", port=self.node.port, userid=HUB_USER, password=PASSWORD, virtual_host=VHOST, transport="pyamqp"
        ) as connection:
            yield connection.default_channel

    def take(self, queue: str) -> list[Any]:
        """Take everything out of a queue."""
        with self.channel() as channel:
            found = []
            while (message := channel.basic_get(f"{PREFIX}.{queue}", no_ack=True)) is not None:
                found.append(message)
            return found

    def count(self, queue: str) -> int:
        """Count the messages that wait in a queue."""
        with self.channel() as channel:
            return int(channel.queue_declare(f"{PREFIX}.{queue}", passive=True).message_count)

    def delete(self, queue: str) -> None:
        with self.channel() as channel:
            channel.queue_delete(f"{PREFIX}.{queue}")

    def until(self, true: Callable[[], bool]) -> None:
        """Look again and again until something is so."""
        rabbit.wait_until(true)

    def until_taken(self, name: str) -> None:
        """Wait until everything that a member has sent is taken and acknowledged."""
        resource = f'rabbit_misc:r(<<"{VHOST}">>, queue, <<"{PREFIX}.intake.{name}">>)'
        leader = f"amqqueue:get_pid(element(2, rabbit_amqqueue:lookup({resource})))"
        query = f"element(2, element(2, ra:leader_query({leader}, fun rabbit_fifo:query_messages_total/1)))."
        self.until(lambda: self.node.erlang(query).strip() == "0")

    def close(self) -> None:
        """Close everything, and take the queues away."""
        for each in self._polling:
            each.stop()
        for hub in self._opened:
            hub.close_transports()
            support.close(hub)
        queues = [f"{kind}.{name}" for kind in ("deliver", "member", "intake") for name in (*MEMBERS, "unrouted")]
        with suppress(OSError):
            for name in (*queues, "dead", "quarantine"):
                self.delete(name)


def _pem(public: Any) -> bytes:
    return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def table(name: str, **keys: Any) -> str:
    """Write a ``[member]`` table."""
    given = {"user": MEMBERS[name], "seal_keys": [f"{name}.pem"], **keys}
    return "\n".join(["", "[member]", *(f"{key} = {json.dumps(value)}" for key, value in given.items()), ""])
