"""A process that pulls, says what is owed and asks, and is killed at one of its touches: ``... FOLDER TOUCH``.

It ends by SIGKILL at that touch of ledger or partner; else it says how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hub.app import Hub
from hub.edge.acknowledger import Acknowledger
from hub.edge.follower import Follower
from hub.edge.puller import Puller
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.dying_puller import Touched
from tests.support.waiting_partner import HELD, WaitingPartner, with_partner


def touched(hub: Hub, touch: Callable[[], None]) -> Hub:
    """Make a hub whose touches of ledger and partner are told to ``touch``."""
    ledger = Touched(hub.ledger, touch, ("change", "record_all_received", "record_refused"))
    partner = Touched(hub.transports(hub.endpoint(support.PARTNER)), touch, ("pull", "acknowledge", "follow"))
    return replace(hub, ledger=ledger, transports=lambda endpoint: partner)  # type: ignore[arg-type]


def work(hub: Hub, holder: str) -> None:
    """Take what the partner holds, give our word on it, and ask what became of deliveries, once each."""
    at = hub.endpoint(support.PARTNER)
    Puller(hub, at, HELD, 300.0, holder).round()
    Acknowledger(hub, at, holder).round()
    Follower(hub, at, holder).round()


def main(folder: str, last: str) -> None:
    """Work once, unless the end comes before."""
    count = 0

    def touch() -> None:
        nonlocal count
        count += 1
        if count == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    opened = support.open_hub(Path(folder), Clock())
    hub = touched(with_partner(opened, WaitingPartner(Path(folder) / "partner")), touch)
    work(hub, f"dying-{os.getpid()}")
    sys.stdout.write(str(count))
    support.close(opened)


if __name__ == "__main__":
    main(*sys.argv[1:])
