"""The watcher as a thread: looks what is wrong and tells, until it is told to stop."""

from __future__ import annotations

import threading

import structlog

from hub import alerting as flow
from hub.alerting import Alerting
from hub.errors import HubError

log = structlog.get_logger()


class Watcher:
    """One thread. Any number of processes may have one: what one has decided the others find in the ledger."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def alive(self) -> bool:
        """Say whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the messages that are under way: at most their deadline."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.round()
            self._stop.wait(self._alerting.hub.alerts.every_seconds)

    def round(self) -> None:
        """Look once; what fails is tried again at the next look."""
        try:
            flow.watch(self._alerting, self._stop.is_set)
        except HubError as error:
            log.error("watcher.failed", error=error.code, where=error.where)
        except Exception:
            log.exception("watcher.bug")
