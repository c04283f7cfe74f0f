"""Processes that each let a watcher look once, and kill themselves at their n-th touch of ledger or recipient.

``python -m tests.support.dying_watcher FOLDER`` has everything imported, and forks one for each line that it reads.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import Connection

from hub import alerting
from hub.alerting import Alerting
from hub.rules.alerts import Book, Letter, Recipient, Severity
from tests.support import hub as hubs
from tests.support.alert_world import BOOK, LAN, World
from tests.support.clock import Clock

PATIENCE_SECONDS = 120
#: One recipient, whose messages end up in a file.
ONE: Book = replace(BOOK, recipients=(LAN,))


class Touches:
    """Counts touches; dies at one of them."""

    def __init__(self, last: int) -> None:
        self.last, self.count = last, 0

    def __call__(self) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


class Nursery:
    """Makes those processes; ended by ``with``."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.support.dying_watcher", str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_SECONDS)
        self._process.stdout.close()

    def run(self, now: datetime, wrong: str, last: int) -> int | None:
        """Let a process look once; give how many touches it counted, None where it killed itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"now": now.isoformat(), "wrong": wrong, "last": last}) + "\n")
        self._process.stdin.flush()
        ended = json.loads(self._process.stdout.readline())
        if ended == -signal.SIGKILL:
            return None
        assert ended >= 0, ended
        return int(ended)


def inbox(folder: Path) -> list[tuple[str, str]]:
    """Read what the recipient got: identifier of the message, what it says."""
    path = folder / "inbox"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def teller(folder: Path, touch: Touches | None = None):  # type: ignore[no-untyped-def]
    """Make the recipient."""

    def tell(_recipient: Recipient, letter: Letter) -> None:
        if touch:
            touch()
        with (folder / "inbox").open("a", encoding="utf-8") as file:
            file.write(f"{letter.id} {' '.join(f'{each.what}:{each.about}' for each in letter.events)}\n")
        if touch:
            touch()

    return tell


def _child(folder: Path, now: str, wrong: str, last: int) -> int:
    """Look once; give how many touches that took."""
    touch = Touches(last)
    opened = hubs.open_hub(folder, Clock(datetime.fromisoformat(now)))
    world = World(replace(opened, alerts=ONE), Clock())
    world.begins(wrong, severity=Severity.CRITICAL)
    apart = opened.ledger.apart

    @contextmanager
    def touched() -> Iterator[Connection]:
        touch()
        with apart() as conn:
            yield conn
            # What was said is not committed yet.
            touch()
        touch()

    opened.ledger.apart = touched  # type: ignore[method-assign]
    alerting.carry_out(Alerting(hub=world.hub, tell=teller(folder, touch)), world.seen())
    return touch.count


def _nursery(folder: Path) -> None:
    """Fork a child for each line; its exit code is the number of touches."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            try:
                os._exit(_child(folder, **json.loads(line)))
            except BaseException:
                traceback.print_exc()
                os._exit(99)
        _, status = os.waitpid(process, 0)
        sys.stdout.write(json.dumps(os.waitstatus_to_exitcode(status)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _nursery(Path(sys.argv[1]))
