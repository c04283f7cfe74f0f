"""The sealer as a thread: seals, asks for timestamps and publishes roots, until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from hub import sealing as flow
from hub.errors import HubError
from hub.sealing import Sealing

log = structlog.get_logger()

#: So often the sealer looks whether it is time.
LOOK_SECONDS = 5.0


class Sealer:
    """One thread. Any number of processes may have one: each seal is made by the first to keep it."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def alive(self) -> bool:
        """Say whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the step that is under way: at most an authority's deadline."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        wait = min(LOOK_SECONDS, self._sealing.every_seconds)
        while not self._stop.is_set():
            self.round()
            self._stop.wait(wait)

    def round(self) -> None:
        """Do what there is to do now; what fails in one step keeps the others from nothing."""
        self._try("seal", lambda: flow.seal(self._sealing, self._stop.is_set))
        self._try("stamp", lambda: flow.stamp(self._sealing, self._stop.is_set))
        self._try("publish", lambda: flow.publish(self._sealing))

    def _try(self, step: str, work: Callable[[], int]) -> None:
        try:
            work()
        except HubError as error:
            log.error("sealer.failed", step=step, error=error.code, where=error.where)
        except OSError as error:
            log.error("sealer.failed", step=step, error=type(error).__name__, where=error.filename or "")
        except Exception:
            log.exception("sealer.bug", step=step)
