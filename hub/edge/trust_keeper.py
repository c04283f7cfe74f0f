"""The keeper of the trust store as a thread: fetches revocation lists and answers, and says in time where one ends soon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from hub.telemetry import TRUST_FETCHED, TRUST_LIST_ENDS
from hub.trust.book import TrustBook
from hub.trust.fetching import Caller, Fetched, Refresher

log = structlog.get_logger()

#: An address that failed is tried again after so long, or earlier where rounds are closer.
RETRY_SECONDS = 300.0


class TrustKeeper:
    """One thread. Any number of processes may have one: files are put in their place whole, and an older one never."""

    def __init__(self, book: TrustBook, folder: Path, call: Caller, clock: Callable[[], datetime]) -> None:
        self._book, self._clock = book, clock
        self._refresher = Refresher(book.store, folder, call, clock)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trust-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def alive(self) -> bool:
        """Say whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the calls that are under way: at most their deadline."""
        self._stopped.set()
        self._book.news.set()
        self._thread.join()

    def _run(self) -> None:
        due = 0.0
        while not self._stopped.is_set():
            everything = time.monotonic() >= due
            self._book.news.clear()
            wait = self.round(everything=everything)
            due = time.monotonic() + wait if everything else due
            self._book.news.wait(max(0.0, due - time.monotonic()))

    def round(self, *, everything: bool = True) -> float:
        """Fetch, all or only for signers seen since the last round; give after how many seconds all is due again."""
        regular = self._book.store.revocation.refresh_minutes * 60
        try:
            fetched = self._refresher.refresh(self._book.take_seen(), everything=everything)
            tell(fetched)
            self._alarm()
        except OSError as error:
            log.error("trust.folder", error=type(error).__name__, where=error.filename or "")
            return min(regular, RETRY_SECONDS)
        except Exception:
            log.exception("trust.bug")
            return min(regular, RETRY_SECONDS)
        return regular if all(each.fine for each in fetched) else min(regular, RETRY_SECONDS)

    def _alarm(self) -> None:
        limit = self._clock() + timedelta(hours=self._book.store.revocation.alarm_hours)
        for standing in self._book.standings():
            # An authority without any list may have a responder; `check` names it.
            if not standing.needed or standing.ends is None:
                continue
            TRUST_LIST_ENDS.labels(standing.name).set(standing.ends.timestamp())
            if standing.ends < limit:
                log.error("trust.list_ends", authority=standing.name, ends=standing.ends.isoformat())


def tell(fetched: tuple[Fetched, ...]) -> None:
    """Count and log what became of each address."""
    for each in fetched:
        TRUST_FETCHED.labels(each.outcome).inc()
        if not each.fine:
            log.warning("trust.not_fetched", url=each.url.partition("?")[0], outcome=each.outcome)
