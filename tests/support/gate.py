"""A gate in the middle of intake: one door has looked and not yet recorded, while another goes by."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hub.canonical.codes import CodeTables

PATIENCE_SECONDS = 60.0


class Gate:
    """Stops the first thread that asks for the code lists, which intake does between looking and recording."""

    def __init__(self, codes: Callable[..., CodeTables]) -> None:
        self._codes = codes
        self._first = threading.Lock()
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, *, fresh: bool = False) -> CodeTables:
        if self._first.acquire(blocking=False):
            self.reached.set()
            assert self.open.wait(PATIENCE_SECONDS)
        return self._codes(fresh=fresh)
