"""A RabbitMQ node of the tests' own: private ports, name keeper and folder; started when the first test needs it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqp.exceptions import MessageNacked
from kombu import Connection

from tests.support.needed import lacking

#: Debian's own script: the one in PATH insists on the system's user.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONTROL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")
ABSENT = "RabbitMQ is not installed (Debian: apt-get install rabbitmq-server): tests on it are skipped"
USER, PASSWORD, VHOST = "lienthong", "a-password", "/"
#: The name under which hub.toml finds it.
PASSWORD_VARIABLE = "TESTS_BUS_PASSWORD"
PATIENCE_SECONDS = 60.0
ON_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
#: Two busy machines' worth of threads would starve the tests.
FEW_THREADS = "+S 2:2"

#: This process's node, once a test has needed it.
_shared: list[Node] = []


def is_installed() -> bool:
    """Say whether this machine has a broker."""
    return SERVER.exists() and shutil.which("epmd") is not None


def require() -> None:
    """Skip the test where RabbitMQ is not installed; in CI let it fail."""
    if not is_installed():
        lacking(ABSENT)


def shared() -> Node:
    """Give this process's node, started now if need be; skip the test where RabbitMQ is not installed (CI: fail)."""
    require()
    if not _shared:
        _shared.append(Node())
        _shared[0].start()
    return _shared[0]


def end_shared() -> None:
    """End this process's node, if there is one."""
    while _shared:
        _shared.pop().close()


class Node:
    """One broker, and the keeper of its name."""

    def __init__(self, extra: str = "", *, machine: str = FEW_THREADS) -> None:
        """Make a node that is not started yet.

        ``extra``: lines of its configuration, ``{tls_port}`` filled in. ``machine``: words for Erlang's virtual machine.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="lienthong-rabbit-"))
        self.port, self.tls_port, distribution, names = _free_ports(4)
        self.name = f"tests{self.port}@localhost"
        self._extra, self._machine = extra, machine
        self._environment = self._make_environment(distribution, names)
        self._epmd = self._spawn(["epmd", "-port", str(names), "-address", "127.0.0.1"], "epmd.log")
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address for hub.toml; the password stands beside it."""
        return f"amqp://{USER}@127.0.0.1:{self.port}"

    def _make_environment(self, distribution: int, names: int) -> dict[str, str]:
        folder = self._folder
        (folder / "home").mkdir()
        (folder / "enabled_plugins").write_text("[].")
        cookie = folder / "home" / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        (folder / "rabbitmq.conf").write_text(self._configuration())
        return {
            **{name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ},
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{ON_LOOPBACK} -start_epmd false {self._machine}",
            "RABBITMQ_CTL_ERL_ARGS": "-start_epmd false",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "gen"),
            "HOME": str(folder / "home"),
            # The script then becomes the server, instead of watching over it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _configuration(self) -> str:
        return (
            f"listeners.tcp.local = 127.0.0.1:{self.port}\n"
            f"default_user = {USER}\ndefault_pass = {PASSWORD}\n"
            "disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.absolute = 2GB\n"
            f"log.file.level = warning\n{self._extra.format(tls_port=self.tls_port)}"
        )

    def _spawn(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self._folder / log).open("ab") as out:
            return subprocess.Popen(
                # It dies with this process, however that ends.
                ["setpriv", "--pdeathsig", "KILL", *command],
                env=getattr(self, "_environment", None),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the broker and of the keeper of its name."""
        assert self._server is not None
        return self._server.pid, self._epmd.pid

    def start(self) -> None:
        """Start the broker on the data that it has, and wait until it answers."""
        self._server = self._spawn([str(SERVER)], "server.log")
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self._server.poll() is None, (self._folder / "server.log").read_text()
            assert time.monotonic() < until, "the broker does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.connection().connect()
        except OSError:
            return False
        return True

    def connection(self) -> Connection:
        """Make a connection of the test's own."""
        return Connection(
            hostname="127.0.0.1", port=self.port, userid=USER, password=PASSWORD, virtual_host=VHOST, transport="pyamqp"
        )

    def kill(self) -> None:
        """Let the broker die as when the power fails.

        It writes down late which quorum queues it has just been given (seen with 3.10); that is its own affair.
        """
        assert self._server is not None
        self.erlang("mnesia:dump_log(), mnesia:sync_log(), [dets:sync(Table) || Table <- dets:all()].")
        self._server.kill()
        self._server.wait()

    def control(self, *arguments: str) -> str:
        """Say something to the broker's own command; it takes about a second."""
        done = subprocess.run(
            [str(CONTROL), "--node", self.name, *arguments], env=self._environment, capture_output=True, check=False, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def erlang(self, expression: str) -> str:
        """Let the broker evaluate an expression; it takes some milliseconds."""
        cookie = (self._folder / "home" / ".erlang.cookie").read_text()
        done = subprocess.run(
            ["erl_call", "-sname", self.name, "-c", cookie, "-e"],
            input=f"{expression}\n", env=self._environment, capture_output=True, check=False, text=True,
        )  # fmt: skip
        assert done.returncode == 0 and done.stdout.startswith("{ok, "), done.stdout + done.stderr
        return done.stdout[len("{ok, ") : -1]

    def connections(self) -> list[str]:
        """Give the names that connections gave themselves."""
        asked = "[proplists:get_value(client_properties, rabbit_networking:connection_info(P, [client_properties]))"
        told = self.erlang(f"io_lib:format(\"~p\", [{asked} || P <- rabbit_networking:connections()]]).")
        return told.split("connection_name")[1:]

    def warnings(self) -> list[str]:
        """Give the lines that the broker has written down until now."""
        mark = secrets.token_hex(6)
        # Lines are written in the order they are said, by a process of their own.
        self.erlang(f'rabbit_log:warning("{mark}").')
        log = self._folder / "log" / f"{self.name}.log"
        wait_until(lambda: mark in log.read_text())
        return log.read_text().splitlines()

    def cut(self) -> None:
        """Let the broker end all connections."""
        self.erlang("[rabbit_networking:close_connection(P, \"cut\") || P <- rabbit_networking:connections()].")

    @contextmanager
    def out_of_memory(self) -> Iterator[None]:
        """Let the broker believe that it has no memory left: it then takes nothing that is published."""
        self.erlang("vm_memory_monitor:set_vm_memory_high_watermark(0.0000001).")
        try:
            yield
        finally:
            self.erlang("vm_memory_monitor:set_vm_memory_high_watermark({absolute, 2147483648}).")

    def close(self) -> None:
        """End the broker and the keeper of its name, and take their folder away."""
        for process in (self._server, self._epmd):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass(frozen=True)
class Corner:
    """What belongs to one test on the shared node: everything whose name begins with its prefix."""

    node: Node
    prefix: str

    @property
    def settings(self) -> str:
        """Lines of hub.toml for this corner; the password is in the environment."""
        return f'[bus]\nurl = "{self.node.url}"\npassword = "env:{PASSWORD_VARIABLE}"\nprefix = "{self.prefix}"\n'

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """Open a conversation of the test's own."""
        with self.node.connection() as connection:
            yield connection.default_channel

    def put(self, body: bytes, headers: Mapping[str, Any], endpoint: str, **properties: Any) -> None:
        """Put a message into an endpoint's queue by hand."""
        with self.channel() as channel:
            channel.confirm_select()
            message = channel.prepare_message(body, headers=dict(headers), properties=properties)
            channel.basic_publish_confirm(message, exchange=self.prefix, routing_key=f"deliver.{endpoint}", mandatory=True)

    def empty(self, queue: str) -> list[Any]:
        """Take everything out of a queue."""
        with self.channel() as channel:
            found = []
            while (message := channel.basic_get(f"{self.prefix}.{queue}", no_ack=True)) is not None:
                found.append(message)
            return found

    def count(self, queue: str) -> int:
        """Count the messages that wait in a queue."""
        with self.channel() as channel:
            return int(channel.queue_declare(f"{self.prefix}.{queue}", passive=True).message_count)

    def total(self, queue: str) -> int:
        """Count all messages of a queue, with those that are at consumers and not acked."""
        name = f'rabbit_misc:r(<<"{VHOST}">>, queue, <<"{self.prefix}.{queue}">>)'
        leader = f"amqqueue:get_pid(element(2, rabbit_amqqueue:lookup({name})))"
        query = f"ra:leader_query({leader}, fun rabbit_fifo:query_messages_total/1)"
        return int(self.node.erlang(f"element(2, element(2, {query}))."))

    def delete(self, queue: str) -> None:
        with self.channel() as channel:
            channel.queue_delete(f"{self.prefix}.{queue}")

    @contextmanager
    def full(self, queue: str) -> Iterator[None]:
        """Let a queue be full, by an operator's policy; afterwards it is empty."""
        pattern = f"^{re.escape(self.prefix)}\\.{re.escape(queue)}$"
        self.node.control("set_policy", self.prefix, pattern, '{"max-length": 1}', "--apply-to", "queues")
        with self.channel() as channel:
            channel.confirm_select()
            try:
                while True:
                    channel.basic_publish_confirm(channel.prepare_message(b""), routing_key=f"{self.prefix}.{queue}")
            except MessageNacked:
                pass
        yield
        self.node.control("clear_policy", self.prefix)
        self.empty(queue)

    @contextmanager
    def silent(self, queue: str) -> Iterator[None]:
        """Let a queue not answer, as when most of the nodes that hold it are away."""
        name = f'rabbit_misc:r(<<"{VHOST}">>, queue, <<"{self.prefix}.{queue}">>)'
        server = f"amqqueue:get_pid(element(2, rabbit_amqqueue:lookup({name})))"
        self.node.erlang(f"sys:suspend({server}).")
        yield
        self.node.erlang(f"sys:resume({server}).")

    def queues(self) -> list[str]:
        """Give the names of this corner's queues, without the prefix."""
        names = "[element(4, amqqueue:get_name(Q)) || Q <- rabbit_amqqueue:list()]"
        told = self.node.erlang(f"binary_to_list(iolist_to_binary(lists:join(<<\" \">>, {names}))).")
        before = f"{self.prefix}."
        return [name.removeprefix(before) for name in told.strip('"').split() if name.startswith(before)]


@contextmanager
def corner(node: Node) -> Iterator[Corner]:
    """Give a test its corner, and clean it up."""
    own = Corner(node, f"t{secrets.token_hex(6)}")
    os.environ[PASSWORD_VARIABLE] = PASSWORD
    yield own
    with own.channel() as channel:
        for name in own.queues():
            channel.queue_delete(f"{own.prefix}.{name}")
        channel.exchange_delete(own.prefix)


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Look again and again until something is true of a server, which tells nobody."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "what was waited for did not come"
        time.sleep(0.01)
