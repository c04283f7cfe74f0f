"""The heartbeat as a thread: writes now and then that this process is at work, and how much room there is for files."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Collection
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import structlog

from hub.app import Hub
from hub.errors import HubError
from hub.ledger import process_verbs
from hub.operations import counting

log = structlog.get_logger()

#: So often it is written; hub.registers.processes.SILENT_SECONDS is three times as long.
BEAT_SECONDS = 60.0


class Heartbeat:
    """One thread of every process that serves."""

    def __init__(self, hub: Hub, roles: Collection[str], folder: Path, *, name: str = "") -> None:
        """``folder``: where partners' files are kept; ``name``: of this process."""
        self._hub, self._roles, self._folder = hub, frozenset(roles), folder
        self._host = socket.gethostname()
        self._id = name or f"{self._host}:{os.getpid()}"
        self._started_at = hub.now()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def alive(self) -> bool:
        """Say whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End, and write that this process was told to."""
        self._stop.set()
        self._thread.join()
        self._write("heartbeat.not_ended", partial(process_verbs.ended, process_id=self._id, now=self._hub.now()))

    def _run(self) -> None:
        while not self._stop.is_set():
            self.beat()
            self._stop.wait(BEAT_SECONDS)

    def beat(self) -> None:
        """Write once."""
        verb = partial(
            process_verbs.seen,
            process_id=self._id,
            host=self._host,
            roles=self._roles,
            version=_version(),
            started_at=self._started_at,
            free_bytes=self._free(),
            now=self._hub.now(),
        )
        self._write("heartbeat.not_written", verb)
        self._count()

    def _count(self) -> None:
        """Count an hour that is over, where nobody has counted it: for the figures of the front page."""
        try:
            counting.count_hours(self._hub)
        except HubError as error:
            log.warning("heartbeat.not_counted", error=error.code)
        except Exception:
            log.exception("heartbeat.bug")

    def _write(self, event: str, verb: partial[None]) -> None:
        try:
            with self._hub.ledger.apart() as conn:
                verb(conn)
        except HubError as error:
            log.warning(event, error=error.code)
        except Exception:
            log.exception("heartbeat.bug")

    def _free(self) -> int | None:
        there = self._folder
        while not there.exists() and there != there.parent:
            there = there.parent
        try:
            return shutil.disk_usage(there).free
        except OSError as error:
            log.warning("heartbeat.disk_unread", error=type(error).__name__)
            return None


def _version() -> str:
    try:
        return version("lienthong")
    except PackageNotFoundError:
        return ""
