"""Whether memory stays flat: 100,000 messages of 4 KB go the hub's whole way, on RabbitMQ and PostgreSQL, in two processes.

The way is that of ``ours.py``. Documents are made and signed while they are needed, by a process that is not measured, and
reach the workers through pipes, so that nobody holds them all. At every thousand arrivals the resident memory of each
worker is read from /proc.

The verdict: through the last nine tenths of each worker's samples a line is laid, by least squares; it may rise by
``MOST_BYTES`` a message. What a process takes up before that, it needs: code, threads, connections, caches that have an end.
Ends with 1 where memory grows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import compare, dossiers, ours
from benchmarks.compare import Bench
from benchmarks.dossiers import Keys
from hub import bootstrap

#: Arrivals between two samples; a short run has at least so many samples.
EVERY, FEWEST = 1_000, 20
#: One identifier that is kept for each message takes 85 bytes as text alone.
MOST_BYTES = 64.0
#: What is over before the line begins.
WARM_SHARE = 0.1
#: A tenth of fewer messages does not fill the caches that have an end: pydantic alone keeps 16,384 strings of what it read.
JUDGED_FROM = 100_000
#: Documents that are made before they are handed on.
_PIECE = 50
_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What each worker held when so many messages had arrived, and at most until then, in KB."""

    messages: int
    rss: tuple[int, ...]
    peak: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How one worker's memory went, in KB."""

    after_first_tenth: int
    at_end: int
    peak: int
    #: How the line through the last nine tenths rises, for each thousand of its own messages.
    slope_per_thousand: float

    @property
    def flat(self) -> bool:
        return self.slope_per_thousand * 1024 / 1000 < MOST_BYTES


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Say how the memory of each worker went."""
    later = [each for each in samples if each.messages >= WARM_SHARE * samples[-1].messages]
    return [_trend(later, worker) for worker in range(len(samples[-1].rss))]


def _trend(later: Sequence[Sample], worker: int) -> Trend:
    held = [each.rss[worker] for each in later]
    # Workers share the messages evenly.
    own_thousands = [each.messages / len(each.rss) / 1000 for each in later]
    slope = statistics.linear_regression(own_thousands, held).slope
    return Trend(after_first_tenth=held[0], at_end=held[-1], peak=later[-1].peak[worker], slope_per_thousand=slope)


def verdict(found: Sequence[Trend], messages: int) -> str:
    """Say ``flat`` or ``grows``, or that there were too few messages to know."""
    if messages < JUDGED_FROM:
        return f"not judged: fewer than {JUDGED_FROM:,} messages"
    return "flat" if all(each.flat for each in found) else "grows"


# --- measuring ----------------------------------------------------------------------------------------------------


def measure(bench: Bench, count: int, seed: int) -> list[Sample]:
    """Let so many messages through, and sample meanwhile."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lienthong-memory-")))
        ours.configure(folder, bench.node, bench.sink, bench.keys_folder)
        bootstrap.open_ledger(bootstrap.load_settings(folder)).close()
        pipes = [folder / f"pipe-{number}" for number in range(bench.processes)]
        for pipe in pipes:
            os.mkfifo(pipe)
        bench.sink.reset(count)
        workers = stack.enter_context(ours.started(folder, pipes, "strict", ours.broker_password(bench.node)))
        stack.enter_context(_fed(pipes, count, seed, bench.keys))
        bar = stack.enter_context(compare.progress())
        return _samples(bench, count, workers, bar)


def _samples(bench: Bench, count: int, workers: Sequence[subprocess.Popen[str]], bar: Progress) -> list[Sample]:
    """Look at the workers until everything has arrived."""
    task, pids = bar.add_task("arrived", total=count), [each.pid for each in workers]
    samples = [_sample(0, pids)]

    def arrived(number: int) -> None:
        bar.update(task, completed=number)
        if number == count or number >= samples[-1].messages + min(EVERY, count // FEWEST):
            samples.append(_sample(number, pids))

    def ended() -> bool:
        return any(each.poll() is not None for each in workers)

    try:
        bench.sink.wait(count, ours.QUIET_SECONDS, ended=ended, arrived=arrived)
    except BaseException:
        # Interrupted, or nothing came any more: what they hold is of no use, and they would wait for the rest.
        for each in workers:
            each.kill()
        raise
    return samples


def _sample(messages: int, pids: Sequence[int]) -> Sample:
    told = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    rss, peak = (tuple(_kilobytes(text, name) for text in told) for name in ("VmRSS", "VmHWM"))
    return Sample(messages=messages, rss=rss, peak=peak)


def _kilobytes(status: str, name: str) -> int:
    """Read a line of proc_pid_status(5), such as ``VmRSS:      1234 kB``."""
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:"))


@contextmanager
def _fed(pipes: Sequence[Path], count: int, seed: int, keys: Keys) -> Iterator[None]:
    """Let another process write requests into the pipes, as fast as they are read."""
    # A pipe that somebody holds open both ways waits for nobody, and ends when it is let go.
    held = [os.open(pipe, os.O_RDWR) for pipe in pipes]
    maker = multiprocessing.get_context("spawn").Process(target=feed, args=(pipes, count, seed, keys), daemon=True)
    maker.start()
    try:
        yield
    finally:
        maker.terminate()
        maker.join()
        for each in held:
            os.close(each)


def feed(pipes: Sequence[Path], count: int, seed: int, keys: Keys) -> None:
    """Make documents in pieces, and write a request of each into the next pipe."""
    signer, size = keys.trader_signer, dossiers.SMALL_BYTES
    with ExitStack() as stack:
        ends = [stack.enter_context(pipe.open("w", encoding="utf-8")) for pipe in pipes]
        for done in range(0, count, _PIECE):
            made = dossiers.make(min(_PIECE, count - done), size=size, first_seed=seed + done, signer=signer)
            for number, document in enumerate(made, start=done):
                ends[number % len(ends)].write(ours.line(document))


# --- telling ------------------------------------------------------------------------------------------------------


def show(told: dict[str, Any]) -> None:
    """Print the table and the verdict for people."""
    console = Console()
    console.print(told["machine"])
    console.print(", ".join(f"{name} {number}" for name, number in told["versions"].items()))
    console.print(_table(told["samples"]))
    for number, each in enumerate(told["workers"], start=1):
        console.print(
            f"worker {number}: {each['after_first_tenth']:,} KB after the first tenth, {each['at_end']:,} KB at the end, "
            f"{each['slope_per_thousand']:+.1f} KB for each thousand of its messages; at most {each['peak']:,} KB"
        )
    console.print(f"seed {told['seed']}, {told['messages']:,} messages: {told['verdict']}")


def _table(samples: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="resident memory, KB")
    for heading in ("messages", *(f"worker {number}" for number in range(1, len(samples[0]["rss"]) + 1))):
        table.add_column(heading, justify="right")
    step = -(-len(samples) // _ROWS)
    # From the end, which is always shown.
    for each in reversed(samples[::-step]):
        table.add_row(f"{each['messages']:,}", *(f"{held:,}" for held in each["rss"]))
    return table


def main() -> int:
    """Read the words, measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000, help="documents of 4 KB; at least 100")
    parser.add_argument("--processes", type=int, default=2, help="worker processes")
    parser.add_argument("--seed", type=int, default=1, help="first seed of the documents")
    parser.add_argument("--json", action="store_true", help="print JSON")
    words = parser.parse_args()
    with compare.opened(words.processes) as bench:
        samples = measure(bench, words.messages, words.seed)
        found = trends(samples)
        told = {
            "machine": compare.machine(),
            "versions": compare.versions(bench, []),
            "seed": words.seed,
            "messages": words.messages,
            "samples": [asdict(each) for each in samples],
            "workers": [asdict(each) for each in found],
            "verdict": verdict(found, words.messages),
        }
    if words.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        show(told)
    return 1 if told["verdict"] == "grows" else 0


if __name__ == "__main__":
    sys.exit(main())
