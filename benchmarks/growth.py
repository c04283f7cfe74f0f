"""What a message costs as the ledger grows: the hub's whole way, on ledgers of a thousand to a million messages.

Each ledger is filled in bulk (``full_ledger.py``), and then the same documents go through (``ours.py``), on RabbitMQ and
PostgreSQL with fsync on. Processor time for a message is compared, and the share of what the cores could verify and sign;
rates alone would compare the minutes in which they were taken.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import compare, dossiers, full_ledger, ours, processor, sink
from benchmarks.compare import Bench
from hub import bootstrap
from hub.edge.bench import rsa_rate

SIZES = (1_000, 10_000, 100_000, 1_000_000)
#: Groups of processes whose time belongs to a message.
COUNTED = ("worker", "broker", "database")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One size of the ledger."""

    #: Messages that were in it before.
    before: int
    messages: int
    rate: float
    share: float
    #: Milliseconds of processor for each message, by group.
    cpu: dict[str, float]

    @property
    def cost(self) -> float:
        return sum(self.cpu.values())


def measure(bench: Bench, sizes: Sequence[int], count: int, seed: int) -> list[Step]:
    """Let so many documents through on a ledger of each size, a new one each time."""
    signer = bench.keys.trader_signer
    documents = dossiers.make(count, size=dossiers.SMALL_BYTES, first_seed=seed, signer=signer)
    return [_step(bench, documents, size) for size in sizes]


def _step(bench: Bench, documents: Sequence[dossiers.Dossier], size: int) -> Step:
    def fill(folder: Path) -> None:
        url = bootstrap.ledger_url(bootstrap.load_settings(folder))
        full_ledger.fill(url.render_as_string(hide_password=False), size)

    groups = {"broker": bench.node.broker_pids, "database": bench.node.database_pids, "sink": (bench.sink.pid,)}
    before = rsa_rate()
    with processor.watched(groups) as samples:
        rate = ours.run(documents, bench.node, bench.sink, bench.processes, bench.keys_folder, prepare=fill)
    rsa = (before + rsa_rate()) / 2
    report = bench.sink.report()
    counted = len(documents) * (sink.TO_SHARE - sink.FROM_SHARE)
    cpu = {group: samples.seconds(group, report["from"], report["to"]) / counted * 1000 for group in COUNTED}
    return Step(before=size, messages=len(documents), rate=rate, share=rate / (compare.CORES * rsa), cpu=cpu)


def main() -> None:
    """Read the words, measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--messages", type=int, default=1000, help="documents of 4 KB for each size of the ledger")
    parser.add_argument("--size", type=int, action="append", help="messages in the ledger before; repeatable")
    parser.add_argument("--processes", type=int, default=2, help="worker processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON")
    words = parser.parse_args()
    # The ledger's password is given to this process as well, which fills it.
    with compare.opened(words.processes) as bench:
        os.environ[ours.PASSWORD] = ours.broker_password(bench.node)
        steps = measure(bench, words.size or SIZES, words.messages, words.seed)
    if words.json:
        told = [asdict(step) | {"cost_ms": step.cost} for step in steps]
        print(json.dumps({"machine": compare.machine(), "seed": words.seed, "steps": told}, indent=2))
        return
    print(compare.machine())
    for step in steps:
        parts = ", ".join(f"{group} {each:.1f}" for group, each in step.cpu.items())
        print(f"{step.before:>9,} before: {step.cost:.1f} ms a message ({parts}), {step.rate:.0f}/s, share {step.share:.3f}")


if __name__ == "__main__":
    main()
