"""A process that carries a reconciliation on and kills itself right after its n-th commit of it.

What the ledger holds right before a commit is what it held after the one before, and nothing else outlives the process.

``python -m tests.support.dying_reconciler`` is a nursery: it has everything imported, and forks a child for each line that it
reads.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from hub.app import Hub
from hub.reconcile import asking, comparing, dossiers
from tests.support import hub as hubs
from tests.support.clock import Clock

#: Chains in one step, so that a run of a few dossiers has several.
PAGE = 2
STEPS = 1000


def small_pages() -> None:
    """Make every step small."""
    asking.PAGE = comparing.PAGE = PAGE


def dying(hub: Hub, last: int | None) -> list[int]:
    """Count commits from now on, and end the process after the last one of them."""
    counted = [0]
    dialect: Any = hub.ledger._engine.dialect
    commit = dialect.do_commit

    def touched(connection: Any) -> None:
        commit(connection)
        counted[0] += 1
        if counted[0] == last:
            os.kill(os.getpid(), signal.SIGKILL)

    dialect.do_commit = touched
    return counted


def child(given: dict[str, Any]) -> None:
    """Be one process of the hub."""
    small_pages()
    clock = Clock(datetime.fromisoformat(given["at"]))
    hub = hubs.open_hub(Path(given["folder"]), clock)
    counted = dying(hub, given["last"])
    for _ in range(STEPS):
        step = dossiers.advance(hub, given["run"], f"child {os.getpid()}")
        if step.action == "leave":
            break
        clock.advance(step.seconds)
    (Path(given["folder"]) / "touches").write_text(str(counted[0]), encoding="utf-8")


def nursery() -> None:
    """Fork a child for each line; tell how it ended."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            try:
                child(json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    nursery()
