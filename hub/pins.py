"""Roots of seals in a file of their own, one a line (NUMBER ROOT MOMENT): kept elsewhere, it shows what was done to the ledger.

Lines are only ever appended, each is on the disk before the next seal is thought of, and a line that a power cut tore is
written again whole.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hub.canonical.base import local
from hub.errors import NotAllowed
from hub.rules.ledger_seal import Seal

_LINE = re.compile(rb"([1-9][0-9]{0,17}) ([0-9a-f]{64}) (\S{1,40})")
#: A line is far shorter.
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Pin:
    """One root that was kept outside of the ledger."""

    number: int
    root: str


def line(seal: Seal) -> str:
    """Write a seal's line."""
    return f"{seal.number} {seal.root} {local(datetime.fromtimestamp(seal.at, UTC)).isoformat(timespec='seconds')}\n"


def read(path: Path) -> Iterator[Pin]:
    """Read a file of roots, line by line.

    Raises NotAllowed where a line is none; the beginning of a line, with the whole one after it, is what a power cut left.
    """
    with path.open("rb") as file:
        torn, at = b"", 0
        for at, raw in enumerate(file, start=1):
            found = _LINE.fullmatch(raw.rstrip(b"\r\n"))
            if torn and not raw.startswith(torn):
                raise _unreadable(path, at - 1)
            torn = b"" if found else raw.rstrip(b"\r\n")
            if found:
                yield Pin(int(found[1]), found[2].decode())
        if torn:
            raise _unreadable(path, at)


def _unreadable(path: Path, number: int) -> NotAllowed:
    return NotAllowed(
        f"{path}, line {number}: not a line of roots (NUMBER ROOT MOMENT)",
        f"{path}, dòng {number}: không đúng dạng SỐ MÃ_GỐC THỜI_ĐIỂM",
        where=f"{path}:{number}",
    )


@contextmanager
def appending(path: Path) -> Iterator[PinFile]:
    """Open a file of roots for appending; another process of this machine waits for the end of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        _keep_name(path.parent)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield PinFile(descriptor)
    finally:
        os.close(descriptor)


def _keep_name(folder: Path) -> None:
    """Let a power cut leave the name of a new file in its folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class PinFile:
    """A file of roots that is open for appending."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def last(self) -> int:
        """Give the number of the last whole line; 0 where there is none."""
        size = os.fstat(self._descriptor).st_size
        tail = os.pread(self._descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
        # What follows the last line's end is nothing, or was torn.
        found = [_LINE.fullmatch(each) for each in tail.split(b"\n")[:-1]]
        return max((int(each[1]) for each in found if each), default=0)

    def append(self, seals: Iterable[Seal]) -> int:
        """Append lines; say how many, once they are on the disk."""
        lines = [line(seal) for seal in seals]
        if lines:
            size = os.fstat(self._descriptor).st_size
            torn = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"
            self._write((("\n" if torn else "") + "".join(lines)).encode())
            os.fsync(self._descriptor)
        return len(lines)

    def _write(self, octets: bytes) -> None:
        view = memoryview(octets)
        while view:
            view = view[os.write(self._descriptor, view) :]
