"""A process that carries a plan out and kills itself right after its n-th commit of it.

What the ledger holds right before a commit is what it held after the one before, and nothing else outlives the process.

``python -m tests.support.dying_replayer`` is a nursery: it has everything imported, and forks a child for each line that it
reads.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from hub.app import Hub
from hub.edge.replayer import Replayer
from hub.operations import replays
from tests.support import hub as support
from tests.support.clock import Clock

#: Rounds after which a plan that does not end is given up.
ROUNDS = 50


class Touches:
    """Counts what the replayer commits, and ends the process at one of these moments."""

    def __init__(self, hub: Hub, last: int | None) -> None:
        self.count, self._last, self._counting = 0, last, False
        dialect: Any = hub.ledger._engine.dialect
        commit = dialect.do_commit

        def touched(connection: Any) -> None:
            commit(connection)
            self._touch()

        dialect.do_commit = touched

    def _touch(self) -> None:
        if not self._counting:
            return
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def counting(self) -> Iterator[None]:
        self._counting = True
        yield
        self._counting = False


def finish(hub: Hub, plan: str, touches: Touches | None = None) -> None:
    """Carry a plan out, and its deliveries as workers would, until it has ended."""
    replayer = Replayer(hub)
    for _ in range(ROUNDS):
        if touches is None:
            replayer.round()
        else:
            with touches.counting():
                replayer.round()
        if replays.state_of(hub, plan).state != "running":
            return
        support.carry_all(hub)
    raise AssertionError(f"never ended: {replays.state_of(hub, plan)}")


def child(given: dict[str, Any]) -> None:
    """Be one process of the hub."""
    hub = support.open_hub(Path(given["folder"]), Clock(datetime.fromisoformat(given["at"])))
    touches = Touches(hub, given["last"])
    finish(hub, given["plan"], touches)
    (Path(given["folder"]) / "touches").write_text(str(touches.count), encoding="utf-8")


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
