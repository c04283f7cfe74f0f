"""A signal stops a process whenever it comes: also in the moment in which the main thread begins to wait for it."""

from __future__ import annotations

import subprocess
import sys

#: The kernel's own timer, some microseconds after the main thread went to wait. Where a handler sets an event, one signal in
#: a few hangs for ever; where it puts something into a queue, one in some thousands.
SCRIPT = """
import signal
from hub.edge.cli import running

running.STOPPING = (signal.SIGALRM,)
for turn in range(400):
    stop = running.told_to_stop()
    signal.setitimer(signal.ITIMER_REAL, 1e-5 * (1 + turn % 40))
    stop.wait()
print("stopped each time")
"""
#: Whoever is impatient says it twice, and again while the process finishes what it holds.
AGAIN = """
import os
import signal
from hub.edge.cli.running import told_to_stop

stop = told_to_stop()
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
    os.kill(os.getpid(), number)
    stop.wait()
print("stopped")
"""
PATIENCE_SECONDS = 120


def test_a_signal_that_comes_as_the_wait_begins_is_not_lost() -> None:
    done = said(SCRIPT)

    assert (done.stdout, done.returncode) == ("stopped each time\n", 0), done.stderr


def test_who_says_it_again_disturbs_nothing() -> None:
    done = said(AGAIN)

    assert (done.stdout, done.stderr, done.returncode) == ("stopped\n", "", 0)


def said(script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
