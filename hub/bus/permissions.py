"""The rights that a node of the hub needs at the broker, and not more: as commands for who administers it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from hub.bus.address import BusOptions, read_address

#: What is shown where no broker is configured yet.
EXAMPLE = "amqps://lienthong@rabbitmq.example/lienthong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What one user may do in one vhost; regular expressions as the broker reads them."""

    vhost: str
    user: str
    #: Names of queues and of the exchange that it may declare, publish to or bind, and read from or bind to.
    names: str
    exchange: str
    #: Routing keys that it may publish with, and bind queues to.
    written: str
    bound: str

    def commands(self, password: str) -> Iterator[str]:
        """Write the commands; ``password``: the reference to the user's password, which stands in no command."""
        on = ["-p", self.vhost]
        yield _line("rabbitmqctl", "add_vhost", self.vhost)
        yield f"{_read(password)} | {_line('rabbitmqctl', 'add_user', self.user)}"
        yield _line("rabbitmqctl", "set_permissions", *on, self.user, self.names, self.names, self.names)
        yield _line("rabbitmqctl", "set_topic_permissions", *on, self.user, self.exchange, self.written, self.bound)


def node_rights(options: BusOptions, user: str = "") -> Rights:
    """Give the rights of a node of the hub; each node may have a user of its own."""
    address = read_address(options)
    # Settings let no letter into a prefix that a regular expression reads otherwise.
    queues = r"deliver\.[^.]+|dead|quarantine|wake\.[0-9a-f]+"
    return Rights(
        vhost=address.vhost,
        user=user or address.user,
        names=rf"^{options.prefix}(\.({queues}))?$",
        exchange=options.prefix,
        written=r"^(deliver\.[^.]+|dead|quarantine|wake|check)$",
        bound=r"^(deliver\.[^.]+|dead|quarantine|wake\.#)$",
    )


def _line(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _read(password: str) -> str:
    """The broker's command reads a password from its input; there it stands in no history and no list of processes."""
    kind, _, name = password.partition(":")
    return _line("printenv", name) if kind == "env" else _line("cat", name)
