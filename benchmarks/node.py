"""A private RabbitMQ node and a private PostgreSQL cluster: own folders and ports, loopback only, ended with the measurement.

Durability is on, as in production: quorum queues write to disk by themselves, PostgreSQL runs with fsync and synchronous
commits. Nothing of the machine's own broker or database is touched; any user may start them. They are those of the tests,
with the settings that a server has by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import amqp
from psycopg import sql

from tests.support import postgres, rabbit

#: What tests set to their own liking.
_AS_INSTALLED = {"wal_level": "replica", "max_wal_senders": "10", "deadlock_timeout": "1s"}


class NodeFailed(RuntimeError):
    """What is needed for a node is not there."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A running broker and database, with the process ids by which their share of the processor is measured."""

    broker: rabbit.Node
    database: postgres.Cluster

    @property
    def broker_pids(self) -> tuple[int, ...]:
        return self.broker.pids

    @property
    def database_pids(self) -> tuple[int, ...]:
        return (self.database.pid,)

    @property
    def amqp_url(self) -> str:
        return f"amqp://{rabbit.USER}:{rabbit.PASSWORD}@127.0.0.1:{self.broker.port}/%2F"

    def new_database(self, name: str) -> str:
        """Make an empty database, in place of one with the same name; give its address for SQLAlchemy."""
        self.database.drop(name)
        self.database.say(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.database.address(name).replace("@", f":{quote(postgres.PASSWORD)}@")

    def setting(self, name: str) -> str:
        """Ask the database for one of its settings, as it runs."""
        ((value,),) = self.database.say("SELECT current_setting(%s)", name)
        return str(value)

    @contextmanager
    def channel(self) -> Iterator[amqp.Channel]:
        """Open a connection to the broker with one AMQP channel."""
        with self.broker.connection() as connection:
            yield connection.default_channel

    def delete_queues(self, *names: str) -> None:
        """Delete queues; one that is not there is no fault."""
        with self.channel() as channel:
            for name in names:
                channel.queue_delete(name)

    def versions(self) -> dict[str, str]:
        """Ask both servers for their versions."""
        with self.channel() as channel:
            broker = channel.connection.server_properties["version"]
        return {"rabbitmq": str(broker), "postgresql": self.setting("server_version")}


def missing() -> tuple[str, ...]:
    """Name the programs that a node needs and this machine lacks."""
    wanted = {"rabbitmq-server": rabbit.is_installed(), "postgresql": postgres.programs()}
    return tuple(name for name, found in wanted.items() if not found)


@contextmanager
def started() -> Iterator[Node]:
    """Start both in temporary folders; end them and remove the folders afterwards."""
    if lacking := missing():
        raise NodeFailed(f"not installed: {', '.join(lacking)}; apt-get install rabbitmq-server postgresql")
    with ExitStack() as stack:
        broker = stack.enter_context(closing(rabbit.Node(machine="")))
        broker.start()
        database = postgres.Cluster(durable=True, **_AS_INSTALLED)
        stack.callback(database.end)
        yield Node(broker=broker, database=database)
