"""A private RabbitMQ node and a private PostgreSQL cluster: own folders and ports, loopback only, ended by process id.

Durability is on, as in production: quorum queues write to disk by themselves, PostgreSQL runs with fsync and synchronous
commits. Nothing of the machine's own broker or database is touched; any user may start them.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import amqp
import psycopg
from psycopg import sql

#: Not the wrapper in /usr/sbin, which changes to the user ``rabbitmq`` and refuses everybody but root.
RABBITMQ_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
#: Debian keeps the server's programs outside the path, one folder for each version.
POSTGRES_BINARIES = Path("/usr/lib/postgresql")
START_SECONDS = 60.0
STOP_SECONDS = 30.0
#: How often a server that starts is asked whether it answers.
_ASK_AGAIN_SECONDS = 0.05
_DATABASE_USER = "bench"

_RABBITMQ_CONF = """\
listeners.tcp.local = 127.0.0.1:{port}
disk_free_limit.absolute = 200MB
vm_memory_high_watermark.absolute = 1GB
log.file.level = warning
"""
_POSTGRES_CONF = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = on
synchronous_commit = on
full_page_writes = on
"""


class NodeFailed(RuntimeError):
    """A server did not start or does not answer; its log's end is in the text."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A running broker and database, with the process ids by which their share of the processor is measured."""

    amqp_port: int
    postgres_port: int
    password: str
    broker_pids: tuple[int, ...]
    database_pids: tuple[int, ...]

    @property
    def amqp_url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.amqp_port}/%2F"

    def new_database(self, name: str) -> str:
        """Make an empty database, in place of one with the same name; give its address for SQLAlchemy."""
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql+psycopg://{_DATABASE_USER}:{self.password}@127.0.0.1:{self.postgres_port}/{name}"

    def setting(self, name: str) -> str:
        """Ask the database for one of its settings, as it runs."""
        with psycopg.connect(self._conninfo("postgres")) as connection:
            row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
        return str(row[0]) if row else ""

    @contextmanager
    def channel(self) -> Iterator[amqp.Channel]:
        """Open a connection to the broker with one AMQP channel."""
        with connected(self.amqp_port) as connection:
            yield connection.channel()

    def delete_queues(self, *names: str) -> None:
        """Delete queues; one that is not there is no fault."""
        with self.channel() as channel:
            for name in names:
                channel.queue_delete(name)

    def versions(self) -> dict[str, str]:
        """Ask both servers for their versions."""
        with connected(self.amqp_port) as connection:
            broker = connection.server_properties["version"]
        return {"rabbitmq": str(broker), "postgresql": self.setting("server_version")}

    def _conninfo(self, database: str) -> str:
        return (
            f"host=127.0.0.1 port={self.postgres_port} user={_DATABASE_USER} password={self.password} "
            f"dbname={database} connect_timeout=5"
        )


def missing() -> tuple[str, ...]:
    """Name the programs that a node needs and this machine lacks."""
    wanted = {"rabbitmq-server": RABBITMQ_SERVER.exists(), "epmd": shutil.which("epmd"), "postgresql": _postgres_binaries()}
    return tuple(name for name, found in wanted.items() if not found)


@contextmanager
def started() -> Iterator[Node]:
    """Start both in a temporary folder; end them and remove the folder afterwards."""
    if lacking := missing():
        raise NodeFailed(f"not installed: {', '.join(lacking)}; apt-get install rabbitmq-server postgresql")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lienthong-bench-")))
        folder.chmod(0o711)  # the database may run as another user, who must pass through
        broker_port, broker_pids = stack.enter_context(_rabbitmq(folder / "rabbitmq"))
        database_port, password, database_pid = stack.enter_context(_postgres(folder / "postgresql"))
        yield Node(
            amqp_port=broker_port,
            postgres_port=database_port,
            password=password,
            broker_pids=broker_pids,
            database_pids=(database_pid,),
        )


# --- RabbitMQ -----------------------------------------------------------------------------------------------------


@contextmanager
def _rabbitmq(folder: Path) -> Iterator[tuple[int, tuple[int, ...]]]:
    port, distribution, epmd_port = free_ports(3)
    environment = _rabbitmq_environment(folder, port, distribution, epmd_port)
    # Our own and in the foreground; Erlang would start one that outlives the node.
    epmd = subprocess.Popen(  # noqa: S603
        ["epmd", "-port", str(epmd_port), "-address", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL  # noqa: S607
    )
    try:
        _until(lambda: _listens(epmd_port), epmd, "epmd", folder / "log")
        with _log(folder / "start.log") as log:
            server = subprocess.Popen([RABBITMQ_SERVER], env=environment, stdout=log, stderr=log)  # noqa: S603
        try:
            _until(lambda: _speaks_amqp(port), server, "rabbitmq-server", folder / "start.log")
            yield port, (server.pid, epmd.pid)
        finally:
            _end_rabbitmq(server, folder / "pid")
    finally:
        _end(epmd)


def _rabbitmq_environment(folder: Path, port: int, distribution: int, epmd_port: int) -> dict[str, str]:
    (folder / "home").mkdir(parents=True)
    (folder / "rabbitmq.conf").write_text(_RABBITMQ_CONF.format(port=port))
    (folder / "enabled_plugins").write_text("[].")
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder / "home"),
        "RABBITMQ_NODENAME": f"bench{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
    }


@contextmanager
def connected(port: int) -> Iterator[amqp.Connection]:
    """Open a connection to the broker on this port and close it afterwards."""
    connection = amqp.Connection(f"127.0.0.1:{port}", userid="guest", password="guest", connect_timeout=5)  # noqa: S106
    connection.connect()
    try:
        yield connection
    finally:
        connection.close()


def _speaks_amqp(port: int) -> bool:
    try:
        with connected(port):
            return True
    except (OSError, amqp.AMQPError):
        return False


def _end_rabbitmq(server: subprocess.Popen[bytes], pid_file: Path) -> None:
    """End the node in good order: the script that we started waits for the virtual machine, whose id is in the file."""
    machine = int(pid_file.read_text()) if pid_file.exists() else server.pid
    with suppress(ProcessLookupError):
        os.kill(machine, signal.SIGTERM)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.kill(machine, signal.SIGKILL)
        server.wait()


# --- PostgreSQL ---------------------------------------------------------------------------------------------------


@contextmanager
def _postgres(folder: Path) -> Iterator[tuple[int, str, int]]:
    binaries = _postgres_binaries()
    assert binaries is not None
    (port,) = free_ports(1)
    folder.mkdir()
    password = secrets.token_hex(16)
    _initialise(binaries, folder, password, port)
    with _log(folder / "start.log") as log:
        server = subprocess.Popen(  # noqa: S603
            [binaries / "postgres", "-D", folder / "data"], stdout=log, stderr=log, cwd=folder, **_as_plain_user()
        )
    try:
        _until(lambda: _answers_sql(port, password), server, "postgres", folder / "start.log")
        yield port, password, server.pid
    finally:
        _end(server, with_signal=signal.SIGINT)  # "fast": ends sessions, writes everything


def _initialise(binaries: Path, folder: Path, password: str, port: int) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if os.getuid() == 0:
        for path in (folder, secret):
            shutil.chown(path, "postgres", "postgres")
    words = ["--no-sync", "--auth=scram-sha-256", f"--username={_DATABASE_USER}", f"--pwfile={secret}", "--locale=C.UTF-8"]
    done = subprocess.run(  # noqa: S603
        [binaries / "initdb", *words, folder / "data"], capture_output=True, cwd=folder, check=False, **_as_plain_user()
    )
    if done.returncode:
        raise NodeFailed(f"initdb: {done.stderr.decode()[-2000:]}")
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(_POSTGRES_CONF.format(port=port))


def _as_plain_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}


def _postgres_binaries() -> Path | None:
    versions = [folder / "bin" for folder in POSTGRES_BINARIES.glob("*") if (folder / "bin" / "initdb").exists()]
    if versions:
        return max(versions, key=lambda folder: float(folder.parent.name))
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def _answers_sql(port: int, password: str) -> bool:
    words = f"host=127.0.0.1 port={port} user={_DATABASE_USER} password={password} dbname=postgres connect_timeout=5"
    try:
        with psycopg.connect(words):
            return True
    except psycopg.Error:
        return False


# --- processes ----------------------------------------------------------------------------------------------------


def free_ports(count: int) -> list[int]:
    """Find so many loopback ports that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Ask until a server answers; give up where it has ended or takes too long."""
    give_up_at = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > give_up_at:
            said = log.read_text(errors="replace")[-2000:] if log.is_file() else ""
            raise NodeFailed(f"{name} did not start: {said}")
        time.sleep(_ASK_AGAIN_SECONDS)


@contextmanager
def _log(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _end(process: subprocess.Popen[bytes], *, with_signal: int = signal.SIGTERM) -> None:
    process.send_signal(with_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
