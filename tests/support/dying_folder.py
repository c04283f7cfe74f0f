"""Processes at work in partners' folders that are killed: ``python -m tests.support.dying_folder``.

Reads lines ``FOLDER<TAB>take|put<TAB>TOUCH<TAB>SECONDS``; for each it forks a process, which ends by SIGKILL at that touch of the
ledger or of a folder, and says by which signal it ended, 0 where it came to its end. So what has to be loaded is loaded once.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from hub.edge.folders import FolderWatch
from hub.folder.reaching import Places
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.folder_world import Touched, touched
from tests.support.hub import SENDER


def work(folder: str, what: str, last: str, seconds: str) -> None:
    """Do one round, unless the end comes before."""
    count = 0

    def touch(step: str, given: Any) -> None:
        nonlocal count
        count += 1
        if count == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    clock = Clock()
    clock.advance(float(seconds))
    opened = Places._opened
    Places._opened = lambda self: Touched(opened(self), touch)  # type: ignore[assignment,return-value,method-assign]
    hub = touched(support.open_hub(Path(folder), clock), touch)
    if what == "take":
        FolderWatch(hub, hub.endpoint(SENDER), f"dying-{os.getpid()}").round()
    else:
        support.carry_all(hub)


def main() -> None:
    """Fork a process for each line, and say how it ended."""
    for line in sys.stdin:
        if not (child := os.fork()):
            # What it logs is not what its mother says.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            try:
                work(*line.rstrip("\n").split("\t"))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{ended}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
