"""Words between partners and us, in threads: what is owed is said, what is followed is asked about, endpoint by endpoint.

One look at the ledger finds the endpoints where something is due; each of these gets a thread for as long as it takes, so that
a partner which does not answer keeps no other waiting, and endpoints without such work cost nothing.
"""

from __future__ import annotations

import threading
from functools import partial

import structlog

from hub.app import Hub
from hub.edge.acknowledger import Acknowledger
from hub.edge.due_work import DueWork
from hub.edge.follower import Follower
from hub.edge.leased import holder_name
from hub.edge.puller import LOOK_SECONDS
from hub.endpoint import Endpoint
from hub.errors import HubError
from hub.ledger import pull_verbs, word_verbs

log = structlog.get_logger()


class Words:
    """The thread that looks, and those that speak with partners."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._holder = holder_name(hub)
        self._stop = threading.Event()
        self._endpoints = {name: each for name, each in hub.endpoints.items() if each.outbound is not None}
        self._speaking: dict[str, threading.Thread] = {}
        self._looking = threading.Thread(target=self._run, name="words", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._looking.start()

    def alive(self) -> bool:
        """Say whether the thread that looks still runs."""
        return self._looking.is_alive()

    def stop(self) -> None:
        """Finish what is being said or asked, and give the leases back."""
        self._stop.set()
        self._looking.join()
        for thread in self._speaking.values():
            thread.join()
        try:
            self._hub.ledger.change(partial(pull_verbs.leave, holder=self._holder))
        except HubError as error:
            # They end by themselves.
            log.warning("words.not_left", error=error.code)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._hub.ledger.glance() as conn:
                    owed, followed = word_verbs.due(conn, self._endpoints, self._hub.now())
            except HubError as error:
                log.warning("words.not_looked", error=error.code)
            else:
                for name in sorted(owed | followed):
                    self._speak(self._endpoints[name])
            self._stop.wait(LOOK_SECONDS)

    def _speak(self, endpoint: Endpoint) -> None:
        """Let a thread speak with a partner, unless one does."""
        before = self._speaking.get(endpoint.name)
        if before is not None and before.is_alive():
            return
        thread = threading.Thread(target=self._speak_with, args=(endpoint,), name=f"words-{endpoint.name}", daemon=True)
        self._speaking[endpoint.name] = thread
        thread.start()

    def _speak_with(self, endpoint: Endpoint) -> None:
        work: tuple[DueWork, ...] = (
            Acknowledger(self._hub, endpoint, self._holder, self._stop),
            Follower(self._hub, endpoint, self._holder, self._stop),
        )
        for each in work:
            while not self._stop.is_set() and each.round():
                pass
