"""Time of the processor is counted for the group that used it."""

from __future__ import annotations

import subprocess
import sys
from subprocess import PIPE

import pytest

from benchmarks import processor
from benchmarks.processor import Samples

#: Uses a quarter of a second of processor, then waits for its end.
BUSY = "import sys, time\nwhile time.process_time() < 0.25: pass\nprint(flush=True)\nsys.stdin.read()"


def test_what_was_used_between_two_moments_is_interpolated() -> None:
    """Samples are taken now and then, arrivals fall between them."""
    samples = Samples(taken=[(10.0, {"worker": 1.0}), (11.0, {"worker": 2.0}), (12.0, {"worker": 4.0, "broker": 1.0})])

    assert samples.seconds("worker", 10.5, 11.5) == pytest.approx(1.5)
    assert samples.seconds("broker", 11.0, 12.0) == pytest.approx(1.0)
    assert samples.seconds("nobody", 10.0, 12.0) == 0.0


def test_a_process_counts_for_its_own_group() -> None:
    """A named one for its name, any other that we started for the workers."""
    words = [sys.executable, "-c", BUSY]
    with subprocess.Popen(words, stdin=PIPE, stdout=PIPE) as named, subprocess.Popen(words, stdin=PIPE, stdout=PIPE) as other:
        for process in (named, other):
            process.stdout.readline()
        with processor.watched({"sink": (named.pid,)}) as samples:
            pass
        for process in (named, other):
            process.stdin.close()
    _, used = samples.taken[-1]

    # The kernel counts in whole ticks.
    assert used["sink"] >= 0.2
    assert used[processor.REST] >= 0.2
