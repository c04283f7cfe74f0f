"""What each group of processes took of the processor, read from /proc while a run goes on."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

#: How often is looked. The kernel counts in ticks, a hundredth of a second each.
LOOK_SECONDS = 0.2
_TICKS = os.sysconf("SC_CLK_TCK")
#: Everything that this process started and that is in no other group.
REST = "worker"


@dataclass
class Samples:
    """Seconds of processor that each group had used, by moment of ``time.perf_counter``."""

    taken: list[tuple[float, Mapping[str, float]]] = field(default_factory=list)

    def seconds(self, group: str, begin: float, end: float) -> float:
        """Say what a group used between two moments; looked up between the nearest samples."""
        return self._at(group, end) - self._at(group, begin)

    def _at(self, group: str, moment: float) -> float:
        before = (0.0, 0.0)
        for at, used in self.taken:
            here = (at, used.get(group, 0.0))
            if at >= moment:
                span = at - before[0]
                return before[1] + (here[1] - before[1]) * ((moment - before[0]) / span if span else 0.0)
            before = here
        return before[1]


@contextmanager
def watched(groups: Mapping[str, tuple[int, ...]]) -> Iterator[Samples]:
    """Watch groups of processes, each named by the roots of its trees, and all else that we started as ``worker``."""
    samples, done = Samples(), threading.Event()

    def look() -> None:
        while True:
            samples.taken.append((time.perf_counter(), _used(groups)))
            if done.wait(LOOK_SECONDS):
                break
        samples.taken.append((time.perf_counter(), _used(groups)))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()


def _used(groups: Mapping[str, tuple[int, ...]]) -> dict[str, float]:
    ticks, children = _processes()
    owner = {pid: group for group, roots in groups.items() for pid in roots}
    used: dict[str, float] = defaultdict(float)
    waiting = [(pid, REST) for pid in children[os.getpid()]]
    while waiting:
        pid, group = waiting.pop()
        group = owner.get(pid, group)
        used[group] += ticks[pid] / _TICKS
        waiting += [(child, group) for child in children[pid]]
    return used


def _processes() -> tuple[dict[int, int], dict[int, list[int]]]:
    """Read every process: its ticks, with those of children that have ended, and whose child it is."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in brackets may hold blanks; the fields behind it are proc_pid_stat(5), from the third on.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        pid = int(entry.name)
        ticks[pid] = sum(int(value) for value in fields[11:15])
        children[int(fields[1])].append(pid)
    return ticks, children
