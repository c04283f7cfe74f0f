"""What is set on fire: the hub's processes on a broker and a database of their own, senders, and partners who keep count."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub import bootstrap
from hub.app import Hub
from hub.edge.demo.world import free_port
from hub.simulation import Call, Said, SimulatorServer
from hub.telemetry import configure_logging
from tests.support import hub as support
from tests.support.partner import Partner, said, served
from tests.support.postgres import Cluster
from tests.support.rabbit import PASSWORD, PASSWORD_VARIABLE, Node, wait_until

PARTNERS = 20
SENDERS = 5
DEADLINE_SECONDS = 2.0
#: Short, so that what a killed worker held is taken back while the fire still burns.
LEASE_MARGIN_SECONDS = 3.0
START_SECONDS = 60.0
#: Debian's libfaketime: the process's clock is so far off from the start.
CLOCKS = (("faketime", "-f", "+90s"), ("faketime", "-f", "-90s"))
#: No file can grow beyond this, as on a disk that is full.
FULL_DISK = ("prlimit", "--fsize=1000000", "--")
_POLICIES = (support.SERVICES, support.ASKS, support.RESENDS)


class Moody(Partner):
    """A partner of whom every call may go wrong: by its seed, and only while the fire burns."""

    def __init__(self, seed: str, drops_repeats: frozenset[str]) -> None:
        super().__init__(drops_repeats=drops_repeats)
        self.calm = False
        self._random = random.Random(seed)
        self._drawing = threading.Lock()

    def answer(self, _call: Call, usual: object) -> Said:
        """Answer as usual, or not: 503, closed before or after storing, hung past the deadline, rubbish."""
        assert callable(usual)
        mood = self._mood()
        if mood < 0.05:
            return said("90", status=503)
        if mood < 0.08:
            return Said(hang=0.0)
        told: Said = usual()
        if mood < 0.11:
            return Said(hang=0.0)
        if mood < 0.125:
            return Said(hang=DEADLINE_SECONDS + 0.5)
        return Said(b"<html>Proxy Error</html>", content_type="text/html") if mood < 0.14 else told

    def _mood(self) -> float:
        with self._drawing:
            return 1.0 if self.calm else self._random.random()


@dataclass
class Process:
    """One process of the hub, which can be killed and started again."""

    name: str
    folder: Path
    words: Sequence[str]
    log: Path
    #: It is not as it should be: its clock is wrong, or its disk is full.
    ill: bool = False
    _process: subprocess.Popen[bytes] | None = None

    def start(self, ill: Sequence[str] = ()) -> None:
        """Start it; ``ill``: words before its command, see ``CLOCKS`` and ``FULL_DISK``."""
        command = [*ill, sys.executable, "-m", "hub.edge.cli", "--config", str(self.folder), "serve", *self.words]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, env=os.environ | {PASSWORD_VARIABLE: PASSWORD}, start_new_session=True
            )
        self.ill = bool(ill)

    def end(self, number: int = signal.SIGKILL) -> None:
        """Kill it, or tell it to stop, and wait until it is gone."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)
            self._process.wait(START_SECONDS)

    @property
    def ended_by_itself(self) -> bool:
        return self._process is not None and self._process.poll() is not None


@dataclass
class Town:
    """Everything that stands while the fire burns."""

    folder: Path
    seed: int
    cluster: Cluster
    node: Node
    partners: Mapping[str, Moody]
    processes: Sequence[Process]
    doors: Sequence[str]
    servers: Sequence[SimulatorServer] = ()

    def hub(self) -> Hub:
        """Open the operator's own view; raises where the engines are down."""
        return bootstrap.open_hub(bootstrap.load_settings(self.folder / "config"))

    def stored(self) -> int:
        """Count what the partners have stored."""
        return sum(len(partner.arrivals) for partner in self.partners.values())

    def open_doors(self) -> None:
        """Wait until every door can be reached: one that was killed last is still starting."""
        for door in self.doors:
            host, _, port = door.removeprefix("http://").partition(":")
            wait_until(lambda at=(host, int(port)): _reached(at), START_SECONDS)

    def close(self) -> None:
        """End all that was started."""
        for process in self.processes:
            process.end()
        for server in self.servers:
            server.stop()
        self.node.close()
        self.cluster.end()


def _reached(at: tuple[str, int]) -> bool:
    try:
        socket.create_connection(at, timeout=1.0).close()
    except OSError:
        return False
    return True


def build(folder: Path, seed: int) -> Town:
    """Start engines, partners and the hub's processes: two doors, two dispatchers, four with workers."""
    configure_logging(json=True, level="ERROR")
    os.environ[PASSWORD_VARIABLE] = PASSWORD
    cluster, node = Cluster(durable=True), Node()
    node.start()
    partners = {f"bo_{number:02}": _partner(number, seed) for number in range(1, PARTNERS + 1)}
    servers = {name: served(partner, partner.answer).start() for name, partner in partners.items()}
    ports = [free_port(), free_port()]
    _configure(folder / "config", cluster.url(cluster.create()), node.url, {name: each.url for name, each in servers.items()})
    processes = [_process(folder, f"doors-{port}", "--only", "doors", "--port", str(port)) for port in ports]
    processes += [_process(folder, f"dispatch-{number}", "--only", "dispatch") for number in (1, 2)]
    processes += [_process(folder, f"work-{number}", "--only", "work") for number in (1, 2, 3, 4)]
    doors = [f"http://127.0.0.1:{port}" for port in ports]
    town = Town(folder, seed, cluster, node, partners, processes, doors, tuple(servers.values()))
    for process in processes:
        process.start()
    return town


def sender(number: int) -> str:
    """Name one of the senders."""
    return f"mot_cua_{number}"


def token(number: int) -> str:
    """Give a sender's token."""
    return f"token-of-{sender(number)}"


def recipients(number: int) -> list[str]:
    """List the partners that a sender's dossiers go to."""
    return [f"bo_{each:02}" for each in range(1, PARTNERS + 1) if each % SENDERS == number % SENDERS]


def _partner(number: int, seed: int) -> Moody:
    # Whoever declares that a repeat is safe must drop it.
    drops = {0: {"GuiHoSo"}, 1: set(), 2: {"GuiHoSo", "GuiTienTrinh"}}[number % 3]
    return Moody(f"{seed}/{number}", frozenset(drops))


def _configure(config: Path, ledger: str, broker: str, urls: Mapping[str, str]) -> None:
    at = {
        name: support.At(
            url=url,
            services=_POLICIES[number % 3],
            concurrency=2,
            deadline_seconds=DEADLINE_SECONDS,
            redelivery={"first_seconds": 0.2, "ceiling_seconds": 2.0, "max_attempts": 1000},
        )
        for number, (name, url) in enumerate(urls.items(), start=1)
    }
    routes = "".join(
        f'[[route]]\nname = "{number}"\nfrom = ["{sender(number)}"]\nto = {recipients(number)!r}\n'.replace("'", '"')
        for number in range(1, SENDERS + 1)
    )
    support.configure(config, at, routes=routes)
    (config / "endpoints" / f"{support.SENDER}.toml").unlink()
    for number in range(1, SENDERS + 1):
        digest = hashlib.sha256(token(number).encode()).hexdigest()
        text = f'adapter = "template"\ntitle = "Một cửa {number}"\n[inbound]\ntoken_sha256 = ["{digest}"]\n'
        (config / "endpoints" / f"{sender(number)}.toml").write_text(text, encoding="utf-8")
    (config / "hub.toml").write_text(
        f'[ledger]\nurl = "{ledger}"\nlease_margin_seconds = {LEASE_MARGIN_SECONDS}\n'
        f'[bus]\nurl = "{broker}"\npassword = "env:{PASSWORD_VARIABLE}"\nconfirm_seconds = 3.0\n'
        '[logging]\nlevel = "WARNING"\n',
        encoding="utf-8",
    )


def _process(folder: Path, name: str, *words: str) -> Process:
    return Process(name, folder / "config", [*words, "--json"], folder / f"{name}.log")
