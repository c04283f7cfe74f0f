"""The rights that a node of the hub and a member of the bus need at the broker, and not more, as commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.bus.address import BusOptions, read_address
from hub.bus.names import intake_key, member_key, queue_name

#: What is shown where no broker is configured yet.
EXAMPLE = "amqps://lienthong@rabbitmq.example/lienthong"
#: A regular expression that fits nothing (an empty one fits every routing key).
NOTHING = "^$"
#: The units give each file of this folder to the hub as a credential: NAME as ``lienthong_NAME`` (LoadCredential).
CREDENTIALS, CREDENTIAL_PREFIX = "/etc/lienthong/credentials", "lienthong_"
#: Where systemd itself looks for a credential that a unit names without a path.
CREDENTIAL_STORE = "/etc/credstore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What one user may do in one vhost; regular expressions as the broker reads them."""

    vhost: str
    user: str
    #: Names of queues and of the exchange that it may declare, publish to or bind, and read from or bind to.
    declared: str
    written: str
    read: str
    exchange: str
    #: Routing keys that it may publish with, and bind queues to.
    keys_written: str
    keys_bound: str

    def commands(self) -> Iterator[str]:
        """Write the commands that grant this to a user who is there."""
        on = ["-p", self.vhost]
        yield _line("rabbitmqctl", "set_permissions", *on, self.user, self.declared, self.written, self.read)
        yield _line("rabbitmqctl", "set_topic_permissions", *on, self.user, self.exchange, self.keys_written, self.keys_bound)


def node_commands(rights: Rights, password: str, folder: Path) -> Iterator[str]:
    """Write the commands for a node of the hub; ``password``: the reference to its password, which stands in no command."""
    yield _line("rabbitmqctl", "add_vhost", rights.vhost)
    yield f"{_read(password, folder)} | {_line('rabbitmqctl', 'add_user', rights.user)}"
    yield from rights.commands()


def member_commands(rights: Rights) -> Iterator[str]:
    """Write the commands for a member; ``add_user`` asks for the password, which the hub never knows."""
    yield _line("rabbitmqctl", "add_user", rights.user)
    yield from rights.commands()


def node_rights(options: BusOptions, user: str = "") -> Rights:
    """Give the rights of a node of the hub; each node may have a user of its own."""
    address = read_address(options)
    # Settings let no letter into a prefix that a regular expression reads otherwise.
    queues = r"(deliver|member|intake)\.[^.]+|dead|quarantine|wake\.[0-9a-f]+"
    names = rf"^{options.prefix}(\.({queues}))?$"
    return Rights(
        vhost=address.vhost,
        user=user or address.user,
        declared=names,
        written=names,
        read=names,
        exchange=options.prefix,
        keys_written=r"^((deliver|member)\.[^.]+|dead|quarantine|wake|check)$",
        keys_bound=r"^((deliver|member|intake)\.[^.]+|dead|quarantine|wake\.#)$",
    )


def member_rights(options: BusOptions, endpoint: str, user: str) -> Rights:
    """Give the rights of a member: it declares nothing, reads its own queue, and publishes with its own key."""
    return Rights(
        vhost=read_address(options).vhost,
        user=user,
        declared=NOTHING,
        written=f"^{options.prefix}$",
        read=_exactly(queue_name(options.prefix, member_key(endpoint))),
        exchange=options.prefix,
        keys_written=_exactly(intake_key(endpoint)),
        keys_bound=NOTHING,
    )


def _exactly(name: str) -> str:
    return f"^{re.escape(name)}$"


def _line(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _read(password: str, folder: Path) -> str:
    """The broker's command reads a password from its input; there it stands in no history and no list of processes."""
    kind, _, name = password.partition(":")
    if kind == "env":
        return _line("printenv", name)
    if kind == "credential":
        # What a service sees is gone when it ends: the file is named from which systemd takes it.
        ours = name.startswith(CREDENTIAL_PREFIX)
        folder, name = (Path(CREDENTIALS), name.removeprefix(CREDENTIAL_PREFIX)) if ours else (Path(CREDENTIAL_STORE), name)
    return _line("cat", str(folder / name))
