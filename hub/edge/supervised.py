"""What a supervisor is told (systemd's sd_notify protocol): ready, still alive, stopping; without one, nothing."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()

READY, ALIVE, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"


def tell(word: str) -> None:
    """Send one word to the socket that the supervisor named; a supervisor that is gone is no reason to stop."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            # A leading @ stands for Linux's abstract names.
            sock.sendto(word.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            log.warning("supervisor.unreachable", cause=type(error).__name__)


def wait(stop: threading.Event, alive: Callable[[], bool]) -> None:
    """Wait until told to stop; meanwhile tell the supervisor, twice in its patience, that every thread runs and no round hangs.

    Where a thread ended, or something hangs, nothing is told, and the supervisor starts the process anew. A
    ledger or broker that does not answer is no reason: a kill would turn what is being sent into doubts.
    """
    tell(READY)
    patience = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6 or None
    while not stop.wait(patience):
        if alive():
            tell(ALIVE)
        else:
            log.error("process.not_alive")
    tell(STOPPING)
