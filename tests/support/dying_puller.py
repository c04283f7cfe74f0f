"""A process that pulls and is killed at one of its touches: ``python -m tests.support.dying_puller FOLDER LIST TOUCH``.

It ends by SIGKILL at that touch of ledger, portal or store; else it says how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hub.app import Hub
from hub.edge.puller import Puller
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.portal_world import EVERY_SECONDS, PORTAL


class Touched:
    """A part of the hub, of which some calls are counted: before and after each."""

    def __init__(self, part: Any, touch: Callable[[], None], names: tuple[str, ...]) -> None:
        self._part, self._touch, self._names = part, touch, names

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._part, name)
        if name not in self._names:
            return value

        def call(*given: Any, **named: Any) -> Any:
            self._touch()
            result = value(*given, **named)
            self._touch()
            return result

        return call


def touched(hub: Hub, touch: Callable[[], None]) -> Hub:
    """Make a hub whose touches of ledger, portal and store are told to ``touch``."""
    parts = {
        "ledger": Touched(hub.ledger, touch, ("change", "record_all_received", "record_given")),
        "payloads": Touched(hub.payloads, touch, ("receive",)),
        "transports": lambda endpoint: Touched(hub.transports(endpoint), touch, ("pull", "fetch")),
    }
    return replace(hub, **parts)  # type: ignore[arg-type]


def main(folder: str, name: str, last: str) -> None:
    """Pull one page of a list, unless the end comes before."""
    count = 0

    def touch() -> None:
        nonlocal count
        count += 1
        if count == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    hub = touched(support.open_hub(Path(folder), Clock()), touch)
    Puller(hub, hub.endpoint(PORTAL), name, EVERY_SECONDS, f"dying-{os.getpid()}").round()
    sys.stdout.write(str(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
