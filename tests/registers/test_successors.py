"""The book of successions: looked up now and then, and nobody waits for who is at it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

from hub.ledger.ledger import Ledger
from hub.registers.successors import SuccessorBook

PATIENCE_SECONDS = 20.0


class SlowReaders:
    """A ledger that lends no reader until it is told to go on, as one whose readers are all taken."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.go_on = threading.Event()
        self.asked = threading.Event()

    @contextmanager
    def glance(self) -> Iterator[Any]:
        self.asked.set()
        assert self.go_on.wait(PATIENCE_SECONDS)
        with self._ledger.glance() as conn:
            yield conn


def test_while_one_thread_looks_the_others_go_by_what_is_known(tmp_path: Path) -> None:
    """They may hold the readers for which that one waits."""
    with closing(Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")) as ledger, ThreadPoolExecutor(2) as threads:
        ledger.create()
        slow = SlowReaders(ledger)
        slow.go_on.set()
        book = SuccessorBook(cast(Ledger, slow))
        known = book.current()
        slow.go_on.clear()
        slow.asked.clear()
        book.forget()
        looking = threads.submit(book.current)
        assert slow.asked.wait(PATIENCE_SECONDS)
        try:
            assert threads.submit(book.current).result(PATIENCE_SECONDS / 4) is known
        finally:
            slow.go_on.set()
        assert looking.result(PATIENCE_SECONDS) == known
