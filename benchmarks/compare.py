"""Compare pipelines on one machine, in rounds: each contestant in turn over the same documents, against the same sink.

A rate is messages a second between the first quarter of the arrivals and the last twentieth. The limit is what two cores
could do if they did nothing but verify one RSA-2048 signature and make one for each message; it is measured right before
and after each run, since machines that are shared are not equally fast from one minute to the next.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import dossiers, node, processor, sink
from benchmarks.dossiers import Dossier, Keys
from benchmarks.node import Node
from benchmarks.peers import running
from benchmarks.peers.running import PEERS
from benchmarks.sink import Sink
from hub.edge.bench import rsa_rate

CORES = 2
OURS = "lienthong"
OURS_MODULE = "benchmarks.ours"
#: The groups whose share of the processor is told.
GROUPS = ("worker", "broker", "database", "sink")
_LIBRARIES = ("lxml", "signxml", "cryptography", "kombu", "amqp", "psycopg", "sqlalchemy")
_WIDTH = 120
_SHOWN = Console(stderr=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One pipeline in one setting."""

    name: str
    verify: str = ""
    translate: str = ""

    @property
    def label(self) -> str:
        return " ".join(filter(None, (self.name, self.verify, self.translate)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of one contestant gave."""

    rate: float
    #: One core's verify and sign, the mean of before and after.
    rsa: float
    #: Milliseconds of processor for each message, by group; empty where the sink did not see all arrive.
    cpu: dict[str, float]
    #: Dossiers that arrived more than once, and messages that were not acknowledged in the end.
    duplicates: int
    left: int = 0

    @property
    def share(self) -> float:
        """The rate as a share of the limit."""
        return self.rate / (CORES * self.rsa)


@dataclass(slots=True, kw_only=True)
class Result:
    """All runs of one contestant with documents of one size."""

    contestant: Contestant
    size: str
    messages: int
    runs: list[Run] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """Give medians and every run, for ``--json``."""
        rates, shares = [run.rate for run in self.runs], [run.share for run in self.runs]
        return {
            **asdict(self.contestant),
            "size": self.size,
            "messages": self.messages,
            "rate": {"median": statistics.median(rates), "min": min(rates), "max": max(rates)},
            "share_of_limit": {"median": statistics.median(shares), "min": min(shares), "max": max(shares)},
            "cpu_ms_per_message": {group: _median([run.cpu.get(group) for run in self.runs]) for group in GROUPS},
            "duplicates": sum(run.duplicates for run in self.runs),
            "left": sum(run.left for run in self.runs),
            "runs": [asdict(run) for run in self.runs],
        }


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


# --- who takes part -----------------------------------------------------------------------------------------------


def contestants(names: Sequence[str], verify: Sequence[str], translate: Sequence[str]) -> list[Contestant]:
    """Make the list of who runs: each peer in each setting, and ours where it is there. Named ones must be."""
    known = [OURS, *PEERS]
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    missing = [name for name in names or known if not _is_there(name)]
    if missing and names:
        raise SystemExit(f"not installed: {', '.join(missing)}; run: make bench-peers, or pip install 'lienthong[bench]'")
    for name in missing:
        _SHOWN.print(f"[yellow]left out, not installed: {name}[/yellow]")
    found: list[Contestant] = []
    for name in names or known:
        if name in missing:
            continue
        if name == OURS:
            found += [Contestant(name=name, verify=one) for one in verify]
        else:
            found += [Contestant(name=name, verify=one, translate=way) for one in verify for way in translate]
    return found


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(OURS_MODULE) is not None if name == OURS else PEERS[name].installed


# --- running ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything that the contestants share."""

    node: Node
    sink: Sink
    keys: Keys
    keys_folder: Path
    processes: int

    def run(self, contestant: Contestant, documents: Sequence[Dossier], arrived: Callable[[int], None]) -> Run:
        """Run one contestant once."""
        groups = {"broker": self.node.broker_pids, "database": self.node.database_pids, "sink": (self.sink.pid,)}
        self.sink.reset(len(documents))
        before = rsa_rate()
        with processor.watched(groups) as samples:
            rate, left = self._rate(contestant, documents, arrived)
        rsa = statistics.mean((before, rsa_rate()))
        report = self.sink.report()
        cpu: dict[str, float] = {}
        if "from" in report:
            messages = len(documents) * (sink.TO_SHARE - sink.FROM_SHARE)
            cpu = {group: samples.seconds(group, report["from"], report["to"]) / messages * 1000 for group in GROUPS}
        return Run(rate=rate, rsa=rsa, cpu=cpu, duplicates=report["duplicates"], left=left)

    def _rate(
        self, contestant: Contestant, documents: Sequence[Dossier], arrived: Callable[[int], None]
    ) -> tuple[float, int]:
        if contestant.name == OURS:
            ours = importlib.import_module(OURS_MODULE)
            rate = ours.run(documents, self.node, self.sink, self.processes, self.keys_folder, contestant.verify)
            return float(rate), 0
        left = running.run(
            PEERS[contestant.name],
            documents,
            self.node,
            self.sink,
            self.processes,
            keys=self.keys_folder,
            verify=contestant.verify,  # type: ignore[arg-type]
            translate=contestant.translate,  # type: ignore[arg-type]
            arrived=arrived,
        )
        return float(self.sink.report()["rate"]), left


@contextmanager
def opened(processes: int) -> Iterator[Bench]:
    """Start broker, database and sink on the two cores on which everything runs."""
    if len(os.sched_getaffinity(0)) > CORES:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lienthong-compare-")))
        keys = dossiers.make_keys()
        yield Bench(
            node=stack.enter_context(node.started()),
            sink=stack.enter_context(sink.started()),
            keys=keys,
            keys_folder=keys.write(folder / "keys"),
            processes=processes,
        )


def compare(bench: Bench, who: Sequence[Contestant], plan: dict[str, int], rounds: int, seed: int) -> list[Result]:
    """Run all rounds: fresh documents in each, the same for everybody, and another one first each time."""
    results = {(size, one): Result(contestant=one, size=size, messages=count) for size, count in plan.items() for one in who}
    with progress() as bar:
        whole = bar.add_task("all runs", total=rounds * len(results))
        for number in range(rounds):
            for size, count in plan.items():
                documents = _documents(bench, bar, size, count, seed + number * count)
                first = number % len(who)
                for one in (*who[first:], *who[:first]):
                    task = bar.add_task(f"{size}, {one.label}", total=count)
                    ran = bench.run(one, documents, lambda arrived, task=task: bar.update(task, completed=arrived))  # type: ignore[misc]
                    results[size, one].runs.append(ran)
                    bar.remove_task(task)
                    bar.advance(whole)
    return list(results.values())


def _documents(bench: Bench, bar: Progress, size: str, count: int, first_seed: int) -> list[Dossier]:
    task = bar.add_task(f"{size}, making and signing", total=count)
    made = dossiers.make(
        count,
        size=dossiers.SIZES[size],
        first_seed=first_seed,
        signer=bench.keys.trader_signer,
        made=lambda number: bar.update(task, completed=number),
    )
    bar.remove_task(task)
    return made


def progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=_SHOWN, transient=True)


# --- telling ------------------------------------------------------------------------------------------------------


def machine() -> str:
    """Say what this runs on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{CORES} of {os.cpu_count()} cores, {names[0] if names else platform.machine()}, Python {platform.python_version()}"


def versions(bench: Bench, who: Sequence[Contestant]) -> dict[str, str]:
    """Give the versions of servers, libraries and frameworks that ran."""
    frameworks = {PEERS[one.name].distribution for one in who if one.name in PEERS}
    if any(one.name == "faststream" for one in who):
        frameworks |= {"aio-pika", "aiohttp", "uvloop"}
    return bench.node.versions() | {name: version(name) for name in (*_LIBRARIES, *sorted(frameworks))}


def show(result: list[Result], told: dict[str, Any]) -> None:
    """Print the tables for people."""
    # A table in a file or a pipe needs no less room than on a wide screen.
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    console.print(told["machine"])
    console.print(", ".join(f"{name} {number}" for name, number in told["versions"].items()))
    console.print(f"seed {told['seed']}, {told['rounds']} rounds, {told['processes']} worker processes, fsync {told['fsync']}")
    for size in dict.fromkeys(each.size for each in result):
        console.print(_table(size, [each for each in result if each.size == size]))
    rsa = told["rsa_verify_and_sign_per_second"]
    console.print(f"limit: {CORES} x one core's RSA-2048 verify and sign, {rsa:.0f}/s (median); beside each run its own")


def _table(size: str, results: Sequence[Result]) -> Table:
    table = Table(title=f"{size}, {results[0].messages} messages a run")
    table.add_column("pipeline", no_wrap=True)
    ours = {each.contestant.verify: each for each in results if each.contestant.name == OURS}
    for heading in ("msg/s (min-max)", "share of limit", *(["ours / it"] if ours else []), f"CPU ms/msg: {', '.join(GROUPS)}"):
        table.add_column(heading, justify="right")
    for each in results:
        told = each.told()
        rate, share, cpu = told["rate"], told["share_of_limit"], told["cpu_ms_per_message"]
        table.add_row(
            each.contestant.label,
            f"{rate['median']:.0f} ({rate['min']:.0f}-{rate['max']:.0f})",
            f"{share['median']:.3f} ({share['min']:.3f}-{share['max']:.3f})",
            *([f"{_times(ours[each.contestant.verify], each):.2f}"] if ours else []),
            ", ".join("-" if cpu[group] is None else f"{cpu[group]:.2f}" for group in GROUPS),
        )
    return table


def _times(ours: Result, other: Result) -> float:
    """Say how many times as fast ours was: the median of the rounds, each by its own share of the limit."""
    return statistics.median(mine.share / its.share for mine, its in zip(ours.runs, other.runs, strict=True))


def main() -> None:
    """Read the words, run, and tell."""
    words = _words()
    who = contestants(words.peers, words.verify or ["signxml"], words.translate or ["direct"])
    if not who:
        raise SystemExit("there is nobody to measure; run: make bench-peers, or pip install 'lienthong[bench]'")
    plan = {size: count for size, count in (("4 KB", words.messages), ("200 KB", words.big_messages)) if count}
    with opened(words.processes) as bench:
        results = compare(bench, who, plan, words.rounds, words.seed)
        told = {
            "machine": machine(),
            "versions": versions(bench, who),
            "seed": words.seed,
            "rounds": words.rounds,
            "processes": words.processes,
            "fsync": bench.node.setting("fsync"),
            "rsa_verify_and_sign_per_second": statistics.median(run.rsa for each in results for run in each.runs),
            "results": [each.told() for each in results],
        }
    if words.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        show(results, told)


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("peers", nargs="*", help=f"who takes part: {OURS}, {', '.join(PEERS)}; all that are installed if none")
    parser.add_argument("--messages", type=int, default=10_000, help="documents of 4 KB in each run; 0: none")
    parser.add_argument("--big-messages", type=int, default=1_300, help="documents of 200 KB in each run; 0: none")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each pipeline with each size")
    parser.add_argument("--processes", type=int, default=2, help="worker processes of each pipeline")
    parser.add_argument("--seed", type=int, default=1, help="first seed of the documents")
    parser.add_argument("--verify", action="append", choices=["signxml", "strict"], help="the peers' signatures; repeatable")
    parser.add_argument("--translate", action="append", choices=["direct", "rooms"], help="the peers' translation; repeatable")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
