"""The hub itself in the comparison: from signed bytes in hand to the recorded receipt, on RabbitMQ and PostgreSQL.

Each process reads its part of the documents and lets intake receive them (verify, validate, translate, record,
answer); it dispatches to the quorum queues with seals, confirms and ``mandatory``, and works on what comes from them
(open the seal, claim, translate, sign, record, POST, read the receipt, record). Everything that the hub promises is on.

A process takes in no more than it has room for: what it has received and not yet finished stays below ``AHEAD``. So the
arrivals at the sink are the rate of the whole way, and not only of its second half.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from adapters.single_window.soap import CONTENT_TYPE
from benchmarks.dossiers import SOAP_VERSION, Dossier
from benchmarks.node import Node
from benchmarks.sink import Sink
from hub import bootstrap, intake
from hub.app import Hub
from hub.contract import Request
from hub.edge import cores
from hub.edge.cli.running import calm_collector
from hub.edge.workers import Workers
from hub.rules import strict_signature
from hub.rules.queued import Due
from hub.telemetry import configure_logging
from hub.trust import keys as trust_keys

#: Messages that a process has received and not yet finished, at most; and at most such a part of its own. What it has taken in
#: when the clock starts, it does not take in while it runs: more than a twentieth would be counted as speed.
AHEAD, AHEAD_SHARE = 192, 20
#: Calls to the receiver at the same time, in each process.
CONCURRENCY = 32
#: Threads that receive, as callers at a door do; what they bring at the same time goes in one round. More only cost memory.
RECEIVERS = 32
QUIET_SECONDS = 120.0
#: How memory is got, as the units under deploy/ set it.
ALLOCATOR = {"GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.tcache_max=256"}
PASSWORD = "BENCH_BROKERPASSWORD"  # noqa: S105


def run(
    documents: Sequence[Dossier],
    node: Node,
    sink: Sink,
    processes: int,
    keys: Path,
    verify: str = "strict",
    prepare: Callable[[Path], None] = lambda folder: None,
) -> float:
    """Let the hub carry all documents to the sink; give the rate that the sink saw.

    ``prepare`` is called with the configuration folder once the ledger's tables are there.
    """
    with tempfile.TemporaryDirectory(prefix="lienthong-ours-") as name:
        folder = Path(name)
        configure(folder, node, sink, keys)
        bootstrap.open_ledger(bootstrap.load_settings(folder)).close()
        prepare(folder)
        parts = [folder / f"part-{number}.jsonl" for number in range(processes)]
        for number, part in enumerate(parts):
            part.write_text("".join(map(line, documents[number::processes])), encoding="utf-8")
        sink.reset(len(documents))
        ahead = max(1, min(AHEAD, len(documents) // processes // AHEAD_SHARE))
        with started(folder, parts, verify, broker_password(node), ahead) as workers:
            sink.wait(len(documents), QUIET_SECONDS, ended=lambda: any(each.poll() is not None for each in workers))
        with node.channel() as channel:
            for queue in ("deliver.bo", "deliver.vnsw", "deliver.unrouted", "dead", "quarantine"):
                channel.queue_delete(f"bench.{queue}")
    return float(sink.report()["rate"])


def line(document: Dossier) -> str:
    """Write a request as a line of a part."""
    return json.dumps(document.request().decode()) + "\n"


def broker_password(node: Node) -> str:
    """Give the password of the broker's user, which a configuration names as ``env:BENCH_BROKERPASSWORD``."""
    return str(urlsplit(node.amqp_url).password)


@contextmanager
def started(
    folder: Path, parts: Sequence[Path], verify: str, password: str, ahead: int = AHEAD
) -> Iterator[list[subprocess.Popen[str]]]:
    """Start a process for each part (a file of requests, or a pipe); all begin when the last is ready, and end when told to."""
    words = [sys.executable, "-m", "benchmarks.ours", "--config", str(folder), "--verify", verify, "--ahead", str(ahead)]
    environment = os.environ | ALLOCATOR | {PASSWORD: password}
    workers = [
        subprocess.Popen(  # noqa: S603 - our own command
            [*words, str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        for part in parts
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        yield workers
    finally:
        for worker in workers:
            if worker.stdin is not None:
                worker.stdin.close()
        for worker in workers:
            worker.wait()


def configure(folder: Path, node: Node, sink: Sink, keys: Path) -> None:
    """Write a configuration: the Single Window's door, and a ministry's system behind the sink."""
    for name in ("endpoints", "codes", "keys", "trust"):
        (folder / name).mkdir()
    (folder / "trust" / "trader.crt").write_bytes((keys / "trader.crt").read_bytes())
    for name in ("ours.pem", "ours.crt"):
        (folder / "keys" / name).write_bytes((keys / name).read_bytes())
    (folder / "keys" / "seal.pem").write_bytes(trust_keys.make_seal_key())
    broker, database = urlsplit(node.amqp_url), urlsplit(node.new_database("bench"))
    (folder / "keys" / "database.password").write_text(unquote(database.password or ""), encoding="utf-8")
    address = f"{database.scheme}://{database.username}@{database.hostname}:{database.port}{database.path}"
    (folder / "hub.toml").write_text(
        f'[ledger]\nurl = "{address}"\npassword = "file:keys/database.password"\n'
        f'[bus]\nurl = "amqp://{broker.username}@{broker.hostname}:{broker.port}/%2F"\npassword = "env:{PASSWORD}"\n'
        f'prefix = "bench"\nprefetch = {4 * CONCURRENCY}\n[logging]\nlevel = "WARNING"\n'
        '[signers.ours]\nkey = "file:keys/ours.pem"\ncertificate = "file:keys/ours.crt"\n',
        encoding="utf-8",
    )
    (folder / "endpoints" / "vnsw.toml").write_text(
        'adapter = "single_window"\ntitle = "VNSW"\n[inbound]\nsignature = "required"\npinned = ["trader.crt"]\n'
        'addresses = ["127.0.0.1"]\n[options]\nrole = "gateway"\n[options.inbound]\nsoap = ["1.2"]\n',
        encoding="utf-8",
    )
    (folder / "endpoints" / "bo.toml").write_text(
        'adapter = "single_window"\ntitle = "Bộ"\n[outbound]\nsign = "xml"\nsigner = "ours"\n'
        f'concurrency = {CONCURRENCY}\n[options]\nrole = "ministry"\n[options.outbound]\nurl = "{sink.url}"\nsoap = "1.1"\n',
        encoding="utf-8",
    )
    (folder / "routes.toml").write_text('[[route]]\nname = "all"\nfrom = ["vnsw"]\nto = ["bo"]\n', encoding="utf-8")


# --- one process --------------------------------------------------------------------------------------------------


class _Room:
    """Counts what is under way in this process; receivers wait while there is no room."""

    def __init__(self, most: int) -> None:
        self._most, self._under_way = most, 0
        self._state = threading.Condition()

    def taken(self) -> None:
        with self._state:
            self._state.wait_for(lambda: self._under_way < self._most)
            self._under_way += 1

    def finished(self) -> None:
        with self._state:
            self._under_way -= 1
            self._state.notify()


class _CountingBus:
    """The hub's bus, which tells when a delivery is over."""

    def __init__(self, bus: Any, room: _Room) -> None:
        self._bus, self._room = bus, room

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def consume(self, on_due: Callable[[Due, Callable[[], None]], None], stop: threading.Event) -> None:
        def counted(due: Due, acknowledge: Callable[[], None]) -> None:
            def over() -> None:
                acknowledge()
                self._room.finished()

            on_due(due, over)

        self._bus.consume(counted, stop)


def _work(hub: Hub, requests: Iterable[str], ahead: int) -> None:
    """Receive all requests and deliver what comes of them, until standard input is closed."""
    room = _Room(ahead)
    hub = replace(hub, bus=_CountingBus(hub.bus, room))  # type: ignore[arg-type]
    workers = Workers(hub)
    workers.start()

    def one(text: str) -> None:
        room.taken()
        answer = intake.receive(hub, Request(endpoint="vnsw", body=text.encode(), content_type=CONTENT_TYPE[SOAP_VERSION]))
        if answer.status != 200 or b"99" not in answer.body:
            raise RuntimeError(f"refused: {answer.body[:500]!r}")

    left = iter(requests)
    taking = threading.Lock()

    def some() -> None:
        while True:
            with taking:
                text = next(left, None)
            if text is None:
                return
            one(text)

    receivers = [threading.Thread(target=some) for _ in range(RECEIVERS)]
    for each in receivers:
        each.start()
    for each in receivers:
        each.join()
    sys.stdin.readline()
    workers.stop()


def _requests(part: Path) -> Iterator[str]:
    with part.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def main() -> None:
    """Be one process: get ready, wait for the word, work until standard input is closed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", type=Path)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--verify", choices=["signxml", "strict"], default="strict")
    parser.add_argument("--ahead", type=int, default=AHEAD)
    words = parser.parse_args()
    configure_logging(json=True, level="WARNING")
    if words.verify == "signxml":
        # The strict room gives every signature to signxml.
        strict_signature.signed_octets = lambda *_: None
    # As ``serve`` does.
    with cores.kept_to_one("lienthong-bench-core"):
        hub = bootstrap.open_hub(bootstrap.load_settings(words.config))
        hub.bus.open()
        # Bytes in hand: a file is read before the clock starts, a pipe while it runs.
        in_hand = list(_requests(words.part)) if words.part.is_file() else None
        calm_collector()
        print("ready", flush=True)
        sys.stdin.readline()
        _work(hub, _requests(words.part) if in_hand is None else in_hand, words.ahead)
        hub.bus.close()
        hub.ledger.close()


if __name__ == "__main__":
    main()
