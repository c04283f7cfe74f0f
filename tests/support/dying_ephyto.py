"""A process that takes certificates and says our word on them, killed at one of its touches: ``… dying_ephyto FOLDER TOUCH``.

It ends by SIGKILL at that touch of ledger or ePhyto Hub; else it says how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from adapters.ephyto.operations import HEADERS
from hub.app import Hub
from hub.edge.acknowledger import Acknowledger
from hub.edge.puller import Puller
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.dying_puller import Touched
from tests.support.ephyto_world import EPHYTO, EVERY_SECONDS


def touched(hub: Hub, touch: Callable[[], None]) -> Hub:
    """Make a hub whose touches of ledger and ePhyto Hub are told to ``touch``."""
    ledger = Touched(hub.ledger, touch, ("change", "record_all_received", "record_refused"))
    partner = Touched(hub.transports(hub.endpoint(EPHYTO)), touch, ("pull", "joined", "acknowledge"))
    return replace(hub, ledger=ledger, transports=lambda endpoint: partner)  # type: ignore[arg-type]


def work(hub: Hub, holder: str) -> None:
    """Take what waits, and say what is owed, once."""
    at = hub.endpoint(EPHYTO)
    Puller(hub, at, HEADERS, EVERY_SECONDS, holder).round()
    Acknowledger(hub, at, holder).round()


def main(folder: str, last: str) -> None:
    """Work once, unless the end comes before."""
    count = 0

    def touch() -> None:
        nonlocal count
        count += 1
        if count == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    hub = support.open_hub(Path(folder), Clock())
    work(touched(hub, touch), f"dying-{os.getpid()}")
    sys.stdout.write(str(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
