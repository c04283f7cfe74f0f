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
PATIENCE_SECONDS = 120


def test_a_signal_that_comes_as_the_wait_begins_is_not_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )

    assert (done.stdout, done.returncode) == ("stopped each time\n", 0), done.stderr
