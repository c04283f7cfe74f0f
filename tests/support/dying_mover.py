"""A process that carries a succession on and kills itself right before or after its n-th commit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import structlog

from hub.operations import successions
from tests.support import hub as support
from tests.support.clock import Clock

PATIENCE_SECONDS = 120


def run(folder: Path, last: int) -> int | None:
    """Let a process move what can be moved; give how many touches it counted, None where it killed itself."""
    command = [sys.executable, "-m", "tests.support.dying_mover", str(folder), str(last)]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_SECONDS, text=True)
    if ended.returncode == -signal.SIGKILL:
        return None
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout.splitlines()[-1])


def _main(folder: str, last: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    # At the hour of the test's own clock: what is moved is due at once.
    hub = support.open_hub(Path(folder), Clock())
    dialect = hub.ledger._engine.dialect
    commit, count = dialect.do_commit, 0

    def touch() -> None:
        nonlocal count
        count += 1
        if count == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    def touched(connection: Any) -> None:
        touch()
        commit(connection)
        touch()

    dialect.do_commit = touched  # type: ignore[method-assign]
    while successions.carry_on(hub):
        pass
    print(count)


if __name__ == "__main__":
    _main(*sys.argv[1:])
