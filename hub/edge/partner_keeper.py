"""What is done about partners beside their deliveries, as threads: chains of successions are moved, test messages sent."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from hub import partner_tests
from hub.app import Hub
from hub.errors import HubError
from hub.operations import successions

log = structlog.get_logger()

#: So often each looks where there was nothing to do.
LOOK_SECONDS = 0.5


class PartnerKeeper:
    """One thread for successions where the process dispatches, one for test messages where it works.

    Neither has a state of its own: where a process dies, another goes on from what the ledger says.
    """

    def __init__(self, hub: Hub, *, moves: bool = True, tests: bool = True) -> None:
        self._stop = threading.Event()
        chosen: dict[str, tuple[bool, Callable[[], object]]] = {
            "successions": (moves, lambda: successions.carry_on(hub)),
            "partner-tests": (tests, lambda: partner_tests.carry_out(hub)),
        }
        self._threads = [
            threading.Thread(target=self._forever, args=(work,), name=name, daemon=True)
            for name, (wanted, work) in chosen.items()
            if wanted
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Say whether every thread that was started still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Finish the chain that is being moved, and the test message that is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _forever(self, work: Callable[[], object]) -> None:
        while not self._stop.is_set():
            if not self._try(work):
                self._stop.wait(LOOK_SECONDS)

    def _try(self, work: Callable[[], object]) -> bool:
        """Do a part of the work; say whether there may be more at once."""
        try:
            return bool(work())
        except HubError as error:
            log.error("partner_keeper.failed", thread=threading.current_thread().name, error=error.code, where=error.where)
        except Exception:
            log.exception("thread.failed", thread=threading.current_thread().name)
        return False
