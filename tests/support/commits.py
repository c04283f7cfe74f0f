"""Waiting for the ledger: a test looks again after each commit, and never sleeps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from hub.ledger.ledger import Ledger

PATIENCE_SECONDS = 120.0


class Commits:
    """Tells when a ledger has committed."""

    def __init__(self, ledger: Ledger) -> None:
        self._changed = threading.Condition()
        self._count = 0
        dialect = ledger._engine.dialect
        self._commit = dialect.do_commit
        dialect.do_commit = self._committed  # type: ignore[method-assign]

    def _committed(self, connection: Any) -> None:
        self._commit(connection)
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait_until(self, true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        """Look after each commit until something is true."""
        while True:
            with self._changed:
                seen = self._count
            if true():
                return
            with self._changed:
                came = self._changed.wait_for(lambda seen=seen: self._count > seen, seconds)
            assert came, f"no commit for {seconds} s, and what was waited for is not so"
