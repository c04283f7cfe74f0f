"""A private PostgreSQL for tests: a cluster in a temporary folder, on a free port of this machine, ended with the tests.

Each process of pytest starts one when its first test needs it, and each test gets a database of its own. Where PostgreSQL is
not installed, such tests are skipped, and pytest's last lines say so; where the environment has ``CI=true``, they fail.
"""

from __future__ import annotations

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from psycopg import sql

from hub.ledger.ledger import Ledger
from tests.support.needed import lacking

ABSENT = "PostgreSQL is not installed (Debian: apt-get install postgresql): tests on it are skipped"
USER = "lienthong"
PASSWORD = "only for tests"
#: It refuses to run as root; then it runs as this account, which its Debian package makes.
ACCOUNT = "postgres"
PATIENCE_SECONDS = 60.0
ATTEMPTS = 3
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "lc_messages": "C",
    # Some tests make one; the usual second would only be waited for.
    "deadlock_timeout": "100ms",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
#: What a power cut would lose; a killed process loses nothing of it.
FAST = {"fsync": "off", "full_page_writes": "off"}


def programs() -> Path | None:
    """Find the folder of the newest installed PostgreSQL."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: float(path.parent.name), default=None)


class Cluster:
    """One server with its data; ``durable``: its commits survive also a power cut, as in production; and settings of its own."""

    def __init__(self, *, durable: bool = False, **settings: str) -> None:
        if (found := programs()) is None:
            raise FileNotFoundError(ABSENT)
        self._bin = found
        self._settings = {**SETTINGS, **({} if durable else FAST), **settings}
        self._numbers = count(1)
        self._server: subprocess.Popen[str] | None = None
        self.log: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="lienthong-postgres-"))
        self.data = self.folder / "data"
        self.give(self.folder)
        try:
            self._make()
            self.start()
        except BaseException:
            self.end()
            raise

    def give(self, path: Path) -> None:
        """Let a file belong to who runs the server."""
        if os.getuid() == 0:
            shutil.chown(path, ACCOUNT, ACCOUNT)

    def _as_user(self, *more: str) -> list[str]:
        """Make the beginning of a command that runs as who may run a server."""
        if os.getuid() != 0:
            return ["setpriv", *more] if more else []
        account = pwd.getpwnam(ACCOUNT)
        return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", *more]

    def _make(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        who = [f"--username={USER}", f"--pwfile={password}", "--auth-local=trust", "--auth-host=scram-sha-256"]
        how = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", f"--pgdata={self.data}"]
        done = subprocess.run(
            [*self._as_user(), str(self._bin / "initdb"), *who, *how],
            capture_output=True, text=True, check=False, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the server, also again after ``kill``; it answers when this returns."""
        for _ in range(ATTEMPTS):
            if not hasattr(self, "port"):
                self.port = _free_port()
            if self._started():
                return
            del self.port  # somebody else took it meanwhile
        raise AssertionError("".join(self.log))

    def _started(self) -> bool:
        settings = {**self._settings, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        # The kernel ends it when this process is gone, however that ended.
        command = [*self._as_user("--pdeathsig", "QUIT"), str(self._bin / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        assert server.stderr is not None
        for line in server.stderr:
            self.log.append(line)
            if "database system is ready to accept connections" in line:
                self._server = server
                threading.Thread(target=self.log.extend, args=(server.stderr,), daemon=True).start()
                return True
        server.wait()
        return False

    def set(self, **settings: str) -> None:
        """Change settings; the server's processes read them when they come to it."""
        for name, value in settings.items():
            self.say(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        self.say("SELECT pg_reload_conf()")

    def restart(self, **settings: str) -> None:
        """Change settings and start the server anew, so that all of it has read them."""
        self.set(**settings)
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """The server's first process."""
        assert self._server is not None
        return self._server.pid

    def kill(self) -> None:
        """Kill the server's first process (SIGKILL), and wait until all its others have seen that and ended."""
        assert self._server is not None
        others = _children(self.pid)
        self._server.kill()
        self._server.wait()
        self._server = None
        for descriptor in others:
            _wait_for_end(descriptor)

    def stop(self) -> None:
        """Stop the server at once, its clients' connections with it."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(PATIENCE_SECONDS)
            self._server = None

    def end(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- databases

    def url(self, name: str) -> str:
        """Give the address of a database, over the socket in the folder."""
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}&port={self.port}"

    def address(self, name: str, **query: str) -> str:
        """Give the address of a database over TCP, without the password."""
        words = f"?{urlencode(query)}" if query else ""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{name}{words}"

    def create(self, template: str = "template0") -> str:
        """Create a database like another one; give its name."""
        name = f"test_{next(self._numbers)}"
        # Copying the template's files writes nothing into the log, which is slower.
        how = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        self.say(sql.SQL(how).format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        """Remove a database, though somebody is connected to it."""
        self.say(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Lend a database like another one, usually an empty one; give its address."""
        name = self.create(template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def say(self, statement: Any, *given: Any) -> list[Any]:
        """Say one statement outside of every test's database; give its rows."""
        with psycopg.connect(
            host=str(self.folder), port=self.port, user=USER, dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(statement, given or None)
            return cursor.fetchall() if cursor.description else []


def _free_port() -> int:
    with socket.socket() as sought:
        sought.bind(("127.0.0.1", 0))
        return int(sought.getsockname()[1])


def _children(pid: int) -> list[int]:
    """Open a descriptor of each process that another one has started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            try:
                found.append(os.pidfd_open(int(child)))
            except ProcessLookupError:
                continue
    return found


def _wait_for_end(descriptor: int) -> None:
    try:
        ended, _, _ = select.select([descriptor], [], [], PATIENCE_SECONDS)
        assert ended, "a process of a killed server does not end"
    finally:
        os.close(descriptor)


_shared: list[Cluster] = []


def shared() -> Cluster:
    """Give this process's cluster, started at the first call; skip the test where there is no PostgreSQL."""
    require()
    if not _shared:
        _shared.append(Cluster())
    return _shared[0]


_made: dict[str, str] = {}


@contextmanager
def ledger_url() -> Iterator[str]:
    """Lend a ledger without a row: its tables are copied, since making them takes longer than most tests."""
    cluster = shared()
    key = str(cluster.folder)
    if key not in _made:
        name = cluster.create()
        ledger = Ledger(cluster.url(name))
        ledger.create()
        ledger.close()
        _made[key] = name
    with cluster.database(_made[key]) as address:
        yield address


def require() -> None:
    """Skip a test where there is no PostgreSQL; in CI let it fail."""
    if programs() is None:
        lacking(ABSENT)


def end_shared() -> None:
    """End this process's cluster, where it has one."""
    while _shared:
        _shared.pop().end()
