"""One core for a process that thinks: its threads take turns at the interpreter anyway.

On several cores they pass it from one to the other at every call that lets it go, and wait for each other's caches: measured
on two cores, a message cost 5.0 ms of processor instead of 2.6 with twenty-four threads. So work is spread by processes.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

log = structlog.get_logger()

#: Name by which processes of one machine see which cores are taken.
NAME = "lienthong-core"


@contextmanager
def kept_to_one(name: str = NAME, *, wanted: bool = True) -> Iterator[int | None]:
    """Keep this thread, and those that it starts inside, to a core that no other such process of this machine keeps to.

    Gives its number; None where there is none free, no choice, or none is ``wanted``. A name of the kernel's own (unix(7):
    abstract sockets) says that it is taken; no file is left behind by one that was killed.
    """
    before = sorted(os.sched_getaffinity(0)) if wanted and hasattr(os, "sched_setaffinity") else []
    taken = _free_one(name, before) if len(before) > 1 else None
    if taken is None:
        yield None
        return
    number, sign = taken
    with sign:
        kept = _keep_to(number)
        try:
            yield number if kept else None
        finally:
            if kept:
                os.sched_setaffinity(0, before)


def _keep_to(number: int) -> bool:
    try:
        os.sched_setaffinity(0, {number})
    except OSError as error:
        # Whoever confines this process lets it choose no core: it serves all the same.
        log.warning("process.not_kept_to_core", why=os.strerror(error.errno or 0))
        return False
    log.info("process.kept_to_core", core=number)
    return True


def _free_one(name: str, numbers: Sequence[int]) -> tuple[int, socket.socket] | None:
    """Take the first core that is free, with the sign that it is taken."""
    for number in numbers:
        if (sign := _take(f"{name}-{number}")) is not None:
            return number, sign
    return None


def _take(name: str) -> socket.socket | None:
    try:
        sign = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError:
        # Whoever confines this process lets it open none.
        return None
    try:
        sign.bind(f"\0{name}")
    except OSError:
        sign.close()
        return None
    return sign
