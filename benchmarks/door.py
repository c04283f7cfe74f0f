"""The door alone: signed applications over HTTP into ``serve --only doors`` processes, with RabbitMQ and PostgreSQL (fsync on).

First as fast as they go, over connections that each send the next when the last was answered: the rate. Then at half that
rate, at moments drawn beforehand (Poisson), each call timed from the moment at which it should have begun, so that a door
that falls behind cannot hide it: the latencies. Of both the processor time of a message, which says more than either where
the machine is shared; at half the rate it is more, since fewer messages share a commit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapters.single_window.soap import CONTENT_TYPE
from benchmarks import compare, dossiers, ours, processor
from benchmarks.dossiers import SOAP_VERSION
from benchmarks.node import Node
from hub import bootstrap
from hub.edge.bench import rsa_rate

#: Calls at the same time while the rate is measured.
CONNECTIONS = 64
#: A rate is taken between these shares of all answers.
FROM_SHARE, TO_SHARE = 0.1, 0.95
#: The groups whose processor time is told; the doors themselves are what is in no other group.
GROUPS = (processor.REST, "database", "broker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What one run of the doors gave."""

    processes: int
    messages: int
    #: Messages a second, as fast as they go, and one core's RSA-2048 verify and sign then.
    rate: float
    rsa: float
    #: The load at which latencies were taken, and those in milliseconds.
    load: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    worst_ms: float
    #: Milliseconds of processor for each message, by group: as fast as they go, and at that load.
    cpu_ms: dict[str, float]
    cpu_ms_at_load: dict[str, float]


def measure(count: int, processes: int, seed: int, load: float | None = None) -> Doors:
    """Measure rate and latencies with so many documents of 4 KB for each; ``load``: at so many a second, not at half the rate."""
    keys = dossiers.make_keys()
    documents = dossiers.make(2 * count, size=dossiers.SMALL_BYTES, first_seed=seed, signer=keys.trader_signer)
    calls = [each.request() for each in documents]
    with tempfile.TemporaryDirectory(prefix="lienthong-door-") as name, compare.opened(processes) as bench:
        folder = Path(name) / "config"
        folder.mkdir()
        ours.configure(folder, bench.node, bench.sink, keys.write(Path(name) / "keys"))
        os.environ[ours.PASSWORD] = ours.broker_password(bench.node)
        bootstrap.open_ledger(bootstrap.load_settings(folder)).close()
        with _serving(folder, processes) as addresses:
            before = rsa_rate()
            with _counted(bench.node, count) as cpu_ms:
                rate = asyncio.run(_as_fast_as_they_go(addresses, calls[:count]))
            rsa = statistics.mean((before, rsa_rate()))
            with _counted(bench.node, count) as cpu_ms_at_load:
                waits = asyncio.run(_at_a_rate(addresses, calls[count:], load or rate / 2, seed))
    percent = statistics.quantiles(waits, n=100)
    return Doors(
        processes=processes,
        messages=count,
        rate=rate,
        rsa=rsa,
        load=load or rate / 2,
        p50_ms=percent[49] * 1000,
        p95_ms=percent[94] * 1000,
        p99_ms=percent[98] * 1000,
        worst_ms=max(waits) * 1000,
        cpu_ms=cpu_ms,
        cpu_ms_at_load=cpu_ms_at_load,
    )


@contextmanager
def _counted(node: Node, count: int) -> Iterator[dict[str, float]]:
    """Give what is filled at the end: the processor time of each of so many messages, by group."""
    found: dict[str, float] = {}
    with processor.watched({"database": node.database_pids, "broker": node.broker_pids}) as samples:
        began = time.perf_counter()
        yield found
        ended = time.perf_counter()
    found |= {group: samples.seconds(group, began, ended) / count * 1000 for group in GROUPS}


@contextmanager
def _serving(folder: Path, processes: int) -> Iterator[list[tuple[str, int]]]:
    """Run the doors, each in a process of its own; give where they listen."""
    words = [sys.executable, "-m", "hub.edge.cli", "--config", str(folder), "serve", "--only", "doors", "--port", "0", "--json"]
    environment = os.environ | ours.ALLOCATOR
    doors = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(processes)]  # noqa: S603
    try:
        yield [_address(door) for door in doors]
    finally:
        for door in doors:
            door.terminate()
        for door in doors:
            door.wait()


def _address(door: subprocess.Popen[str]) -> tuple[str, int]:
    assert door.stdout is not None
    url = urlsplit(json.loads(door.stdout.readline())["url"])
    return str(url.hostname), int(url.port or 0)


# --- calling ------------------------------------------------------------------------------------------------------


class _Line:
    """One connection that is kept."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._head = (
            f"POST /doors/vnsw HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
            f"Content-Type: {CONTENT_TYPE[SOAP_VERSION]}\r\nContent-Length: "
        ).encode()

    async def open(self) -> _Line:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        return self

    async def call(self, body: bytes) -> None:
        """Send one message; raise where it was not accepted."""
        self._writer.write(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        answer = await self._reader.readexactly(size)
        if not head.startswith(b"HTTP/1.1 200") or b"99" not in answer:
            raise RuntimeError(f"not accepted: {head[:100]!r} {answer[:300]!r}")

    def close(self) -> None:
        self._writer.close()


async def _as_fast_as_they_go(addresses: Sequence[tuple[str, int]], calls: Sequence[bytes]) -> float:
    lines = [await _Line(addresses[number % len(addresses)]).open() for number in range(CONNECTIONS)]
    left, answered = iter(calls), list[float]()

    async def go_on(line: _Line) -> None:
        for body in left:
            await line.call(body)
            answered.append(time.perf_counter())

    await asyncio.gather(*map(go_on, lines))
    for line in lines:
        line.close()
    first, last = int(len(answered) * FROM_SHARE), int(len(answered) * TO_SHARE) - 1
    return (last - first) / (answered[last] - answered[first])


async def _at_a_rate(addresses: Sequence[tuple[str, int]], calls: Sequence[bytes], rate: float, seed: int) -> list[float]:
    free: asyncio.Queue[_Line] = asyncio.Queue()
    for number in range(CONNECTIONS):
        free.put_nowait(await _Line(addresses[number % len(addresses)]).open())
    draw, began, waits = random.Random(seed), time.perf_counter(), list[float]()  # noqa: S311 - moments, not secrets

    async def call(body: bytes, at: float) -> None:
        await asyncio.sleep(at - time.perf_counter())
        line = await free.get()
        await line.call(body)
        waits.append(time.perf_counter() - at)
        free.put_nowait(line)

    moments, at = [], began + 0.5
    for _ in calls:
        at += draw.expovariate(rate)
        moments.append(at)
    await asyncio.gather(*(call(body, moment) for body, moment in zip(calls, moments, strict=True)))
    while not free.empty():
        free.get_nowait().close()
    return waits


# --- telling ------------------------------------------------------------------------------------------------------


def told(result: Doors) -> dict[str, Any]:
    """Give the result with its ratio to what the cores could verify and sign, for ``--json``."""
    return asdict(result) | {"share_of_limit": result.rate / (compare.CORES * result.rsa), "machine": compare.machine()}


def main() -> None:
    """Read the words, measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.door", description=__doc__)
    parser.add_argument("--messages", type=int, default=2000, help="documents of 4 KB, for the rate and again for the latencies")
    parser.add_argument("--processes", type=int, default=2, help="processes with doors")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--load", type=float, help="messages a second at which latencies are taken; else half of the rate")
    parser.add_argument("--json", action="store_true", help="print JSON")
    words = parser.parse_args()
    result = measure(words.messages, words.processes, words.seed, words.load)
    if words.json:
        print(json.dumps(told(result), ensure_ascii=False, indent=2))
        return
    print(compare.machine())
    print(f"{result.processes} processes, {result.messages} messages, seed {words.seed}: {result.rate:.0f}/s")
    print(f"at {result.load:.0f}/s: p50 {result.p50_ms:.1f}, p95 {result.p95_ms:.1f}, p99 {result.p99_ms:.1f} ms")
    for label, used in (("as fast as they go", result.cpu_ms), ("at that load", result.cpu_ms_at_load)):
        print(f"processor {label}: " + ", ".join(f"{group} {spent:.2f}" for group, spent in used.items()) + " ms a message")


if __name__ == "__main__":
    main()
