"""One core for a process that thinks: its threads take turns at the interpreter anyway.

On several cores they pass it from one to the other at every call that lets it go, and wait for each other's caches: measured
on two cores, a message cost 5.0 ms of processor instead of 2.6 with twenty-four threads. So work is spread by processes.
"""

from __future__ import annotations

import os
import socket

import structlog

log = structlog.get_logger()

#: Name by which processes of one machine see which cores are taken.
NAME = "lienthong-core"


class Core:
    """A core that no other such process of this machine keeps to, until this is closed or the process ends.

    A name of the kernel's own (unix(7): abstract sockets) says that it is taken; no file is left behind by one that was killed.
    """

    def __init__(self, number: int, taken: socket.socket) -> None:
        self.number = number
        self._taken = taken

    def close(self) -> None:
        """Let another process have it; this one stays there."""
        self._taken.close()


def keep_to_one(name: str = NAME) -> Core | None:
    """Keep this thread, and those that it starts from now on, to a free core; None where there is none, or no choice."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) == 1:
        return None
    for number in allowed:
        if (taken := _take(f"{name}-{number}")) is not None:
            return _kept(number, taken)
    return None


def _kept(number: int, taken: socket.socket) -> Core | None:
    try:
        os.sched_setaffinity(0, {number})
    except OSError as error:
        # Whoever confines this process lets it choose no core: it serves all the same.
        log.warning("process.not_kept_to_core", why=os.strerror(error.errno or 0))
        taken.close()
        return None
    log.info("process.kept_to_core", core=number)
    return Core(number, taken)


def _take(name: str) -> socket.socket | None:
    try:
        taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError:
        # Whoever confines this process lets it open none.
        return None
    try:
        taken.bind(f"\0{name}")
    except OSError:
        taken.close()
        return None
    return taken
