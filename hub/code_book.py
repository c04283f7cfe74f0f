"""The code lists as they stand now: those of the package, the configuration's files over them, the ledger's rows over these."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from hub import settings
from hub.canonical.codes import CodeRow, CodeTables
from hub.code_files import code_rows
from hub.errors import Unavailable
from hub.ledger.ledger import Ledger
from hub.registers import codes

log = structlog.get_logger()

#: A process looks at most so often whether the ledger's rows were changed; so long it may use rows that were.
LOOK_SECONDS = 0.5


class CodeBook:
    """Gives the code lists; a mended file is used at the next reading, a changed row of the ledger within ``LOOK_SECONDS``."""

    def __init__(self, folder: Path, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._ledger, self._clock = folder, ledger, clock
        #: Who reads files; who looks at the ledger. The second waits for a reader's connection, the first for nobody.
        self._reading, self._looking = threading.Lock(), threading.Lock()
        self._stamps: dict[str, int] = {}
        self._files: Mapping[str, tuple[CodeRow, ...]] = {}
        self._seen: dict[str, int] = {}
        self._laid: Mapping[str, tuple[CodeRow, ...]] = {}
        self._looked_at: float | None = None
        #: The tables, and the two that they were made of; all three are replaced together, never changed.
        self._made: tuple[object, object, CodeTables] = (None, None, CodeTables())

    def __call__(self, *, fresh: bool = False) -> CodeTables:
        """Give the tables; ``fresh``: with whatever was committed to the ledger before this call.

        A file that cannot be read raises BadSettings and leaves the ones before in use. A ledger that does not answer raises
        Unavailable only where its rows are not known yet, or are wanted fresh.
        """
        self._look(fresh=fresh)
        files, laid, made = self.files(), self._laid, self._made
        if made[0] is not files or made[1] is not laid:
            made = self._made = (files, laid, codes.merged(files, laid, settings.shipped_lists()))
        return made[2]

    def files(self) -> Mapping[str, tuple[CodeRow, ...]]:
        """Give the lists of the files alone."""
        with self._reading:
            stamps = settings.code_files(self._folder)
            if stamps != self._stamps:
                self._files = {path.stem: code_rows(path) for path in map(Path, stamps)}
                self._stamps = stamps
            return self._files

    def shipped(self) -> Mapping[str, tuple[CodeRow, ...]]:
        """Give the lists of the package alone."""
        return settings.shipped_lists()

    def laid(self) -> Mapping[str, tuple[CodeRow, ...]]:
        """Give the ledger's rows alone, as they were read last."""
        return self._laid

    def _look(self, *, fresh: bool) -> None:
        """Read the ledger's rows where they were changed; where another thread is at it, what is known is used meanwhile."""
        looked_at = self._looked_at
        known = looked_at is not None
        if looked_at is not None and not fresh and self._clock() < looked_at + LOOK_SECONDS:
            return
        if not self._looking.acquire(blocking=fresh or not known):
            return
        try:
            self._read_changed()
        except Unavailable:
            if fresh or not known:
                raise
            log.warning("codes.not_looked_at")
        finally:
            self._looking.release()

    def _read_changed(self) -> None:
        began = self._clock()
        if self._looked_at is not None:
            # Also where it fails: a ledger that hangs is not asked for each message.
            self._looked_at = began
        with self._ledger.glance() as conn:
            # Counts first: rows that are changed right after are read again the next time.
            now = codes.generations(conn)
            changed = [name for name, generation in now.items() if self._seen.get(name) != generation]
            rows = {name: tuple(each.row for each in codes.laid(conn, name)) for name in changed}
        if now != self._seen:
            self._laid = {name: rows.get(name, self._laid.get(name, ())) for name in now}
        self._seen, self._looked_at = now, began
