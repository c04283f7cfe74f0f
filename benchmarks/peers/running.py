"""Run one peer over one set of documents: fill its queue, start its workers, wait for the last arrival, end them."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.dossiers import Dossier
from benchmarks.node import Node
from benchmarks.peers.filling import write_documents
from benchmarks.sink import NothingArrives, Sink
from benchmarks.work import Settings, Translate, Verify

ROOT = Path(__file__).resolve().parents[2]
#: Threads of each Dramatiq process: one works while the other waits for its answer. With its default, 8, they are in each
#: other's way, since most of the work is Python's.
DRAMATIQ_THREADS = 2
PREFETCH = "50"
FILL_SECONDS = 600.0
#: So long may pass without an arrival before a run is given up.
QUIET_SECONDS = 60.0
STOP_SECONDS = 60.0
_LOG_BYTES = 4_000


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One framework: how its workers are started, and what it leaves in the broker."""

    name: str
    #: The distribution whose version is told, and the packages that must be importable.
    distribution: str
    packages: tuple[str, ...]
    #: Words behind ``python -m`` for so many worker processes.
    command: Callable[[int], Sequence[str]]
    #: Endings of the queues beside the one that is filled.
    other_queues: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return f"benchmarks.peers.{self.name}_peer"

    @property
    def installed(self) -> bool:
        """Say whether this interpreter has what the peer needs."""
        return all(importlib.util.find_spec(package) for package in self.packages)


def _celery(processes: int) -> list[str]:
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    worker = ["worker", "--pool", "prefork", "--concurrency", str(processes), *quiet]
    return ["celery", "--app", "benchmarks.peers.celery_peer", *worker]


def _dramatiq(processes: int) -> list[str]:
    return ["dramatiq", "--processes", str(processes), "--threads", str(DRAMATIQ_THREADS), "benchmarks.peers.dramatiq_peer"]


def _faststream(processes: int) -> list[str]:
    return ["faststream", "run", "benchmarks.peers.faststream_peer:app", "--workers", str(processes)]


PEERS = {
    peer.name: peer
    for peer in (
        Peer(name="celery", distribution="celery", packages=("celery",), command=_celery),
        Peer(
            name="dramatiq", distribution="dramatiq", packages=("dramatiq",), command=_dramatiq, other_queues=(".DQ", ".XQ")
        ),
        Peer(name="faststream", distribution="faststream", packages=("faststream", "aio_pika", "aiohttp"), command=_faststream),
    )
}


class PeerFailed(RuntimeError):
    """A peer did not finish; the end of its log is in the text."""


def run(
    peer: Peer,
    documents: Sequence[Dossier],
    node: Node,
    sink: Sink,
    processes: int,
    *,
    keys: Path,
    verify: Verify = "signxml",
    translate: Translate = "direct",
    arrived: Callable[[int], None] = lambda count: None,
) -> int:
    """Have a peer forward all documents; what arrived is the sink's to tell. Give how many messages it left in its queue."""
    queue = f"bench.{peer.name}"
    settings = Settings(
        amqp_url=node.amqp_url, sink_url=sink.url, keys=keys, queue=queue, verify=verify, translate=translate
    )
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT), "dramatiq_queue_prefetch": PREFETCH}
    with tempfile.TemporaryDirectory(prefix="lienthong-peer-") as name:
        folder = Path(name)
        try:
            sink.reset(len(documents))
            _fill(peer, documents, folder, environment)
            with _workers(peer, processes, folder / "log", environment) as worker:
                _wait(worker, sink, len(documents), folder / "log", arrived)
            return _left(node, queue)
        finally:
            node.delete_queues(queue, *(f"{queue}{ending}" for ending in peer.other_queues))


def _fill(peer: Peer, documents: Sequence[Dossier], folder: Path, environment: dict[str, str]) -> None:
    """Fill the queue with the peer's own publisher, each message confirmed."""
    path = folder / "documents.jsonl"
    write_documents(path, (dossier.document for dossier in documents))
    words = [sys.executable, "-m", peer.module, str(path)]
    done = subprocess.run(  # noqa: S603
        words, env=environment, cwd=ROOT, capture_output=True, timeout=FILL_SECONDS, check=False
    )
    path.unlink()
    if done.returncode:
        raise PeerFailed(f"{peer.name} cannot fill its queue: {done.stderr.decode(errors='replace')[-_LOG_BYTES:]}")


@contextmanager
def _workers(peer: Peer, processes: int, log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start the workers in a process group of their own; end them in good order, so that the last is acknowledged."""
    with log.open("wb") as output:
        worker = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *peer.command(processes)],
            env=environment,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield worker
    finally:
        if worker.poll() is None:
            worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


def _wait(
    worker: subprocess.Popen[bytes], sink: Sink, expected: int, log: Path, arrived: Callable[[int], None]
) -> None:
    try:
        sink.wait(expected, QUIET_SECONDS, ended=lambda: worker.poll() is not None, arrived=arrived)
    except NothingArrives as error:
        raise PeerFailed(f"{error}: {log.read_bytes()[-_LOG_BYTES:].decode(errors='replace')}") from error


def _left(node: Node, queue: str) -> int:
    with node.channel() as channel:
        return int(channel.queue_declare(queue, passive=True).message_count)
