"""The folder of revocation lists and answers: fetched ones, and what was put there by hand (an offline mirror) all the same."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hub.rules.certificates import UNREADABLE
from hub.trust.revocation import Answer, Revocation, RevocationList, collect, read

#: A folder with more files is no mirror of ours; the first ones by name are read.
MAX_FILES = 5000
#: A file that was overwritten in place changes nothing about its folder: all are looked at after so long.
LOOK_SECONDS = 10.0
#: Two changes in one tick of the file system's clock leave the same time: until it has passed, a look is not the last one.
SETTLED_NANOSECONDS = 100_000_000

_Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the folder held when it was read."""

    revocation: Revocation = field(default_factory=Revocation)
    #: File name -> what was read from it.
    files: Mapping[str, tuple[RevocationList | Answer, ...]] = field(default_factory=dict)
    #: File name -> why it is of no use.
    unusable: Mapping[str, str] = field(default_factory=dict)


class HeldFiles:
    """Gives what the folder holds; a new or changed file is read at the next question, without a restart."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._folder_stamp = -1
        self._looked_at = 0.0
        self._stamps: dict[str, _Stamp] = {}
        self._held = Held()

    def current(self) -> Held:
        """Give the same value as long as nothing changed."""
        stamp, now = _folder_stamp(self.folder), time.monotonic()
        if stamp != self._folder_stamp or now - self._looked_at >= LOOK_SECONDS:
            with self._lock:
                settled = time.time_ns() - stamp > SETTLED_NANOSECONDS
                self._look(now)
                # A file that came while we looked makes us look again.
                self._folder_stamp = stamp if settled else -1
        return self._held

    def _look(self, now: float) -> None:
        stamps = self._scan()
        self._looked_at = now
        if stamps == self._stamps:
            return
        files: dict[str, tuple[RevocationList | Answer, ...]] = {}
        unusable: dict[str, str] = {}
        for name, stamp in stamps.items():
            if stamp == self._stamps.get(name) and name in self._held.files:
                files[name] = self._held.files[name]
                continue
            try:
                files[name] = self._read(name, stamp)
            except (OSError, *UNREADABLE) as error:
                unusable[name] = str(error) or type(error).__name__
        different = {item.digest: each for each in files.values() for item in each}
        revocation = collect(item for each in different.values() for item in each)
        self._held, self._stamps = Held(revocation=revocation, files=files, unusable=unusable), stamps

    def _scan(self) -> dict[str, _Stamp]:
        try:
            with os.scandir(self.folder) as entries:
                found = {entry.name: stamp for entry in entries if (stamp := _file_stamp(entry)) is not None}
        except OSError:
            return {}
        # Answers, of which there may be one for each signer, leave room for the lists.
        in_order = sorted(found, key=lambda name: (name.startswith("answer-"), name))
        return {name: found[name] for name in in_order[:MAX_FILES]}

    def _read(self, name: str, stamp: _Stamp) -> tuple[RevocationList | Answer, ...]:
        if stamp[1] > self._max_bytes:
            raise ValueError(f"larger than {self._max_bytes} bytes (max_bytes)")
        return read((self.folder / name).read_bytes())


def _file_stamp(entry: os.DirEntry[str]) -> _Stamp | None:
    """Say when a file was changed, and how long it is; None for one that is no list, or gone: the others still count."""
    try:
        if entry.name.startswith(".") or not entry.is_file():
            return None
        found = entry.stat()
        return found.st_mtime_ns, found.st_size
    except OSError:
        return None


def _folder_stamp(folder: Path) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0
