"""Pull: ask partners for what is new on the lists they keep for us, and give each item to intake (Polling Consumer).

An item is known by its identity, and the cursor moves on only when everything before it was settled: so what is pulled twice
is taken once, and a process that dies anywhere loses nothing.
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace
from functools import partial

import structlog

from hub import intake
from hub.app import Hub
from hub.canonical.compact_json import compact_sorted
from hub.canonical.digests import digest_of
from hub.contract import Listed, Page, Pulling
from hub.edge.folders import FolderWatch
from hub.edge.leased import Leased
from hub.endpoint import FOLDER, Endpoint, outbound_of
from hub.errors import HubError, InDoubt, InvalidMessage, NotSent, Refused
from hub.ledger import pull_verbs
from hub.operations.pulls import pulled_by
from hub.rules.attachments import address
from hub.telemetry import PULLED

log = structlog.get_logger()

#: So often a thread looks whether it is time.
LOOK_SECONDS = 1.0
#: So often a file is asked for; then its dossier goes on without it, since an applicant's time runs.
FILE_TRIES = 10
#: A holder of the lease keeps it this much longer than one call may take.
LEASE_CALLS = 2


#: Identity of an item, and digest of what the list says of it.
Item = tuple[str, str]


class Pullers:
    """One thread for each endpoint that keeps lists for us, or files in a folder; without such endpoints nothing happens."""

    def __init__(self, hub: Hub) -> None:
        holder = f"{socket.gethostname()}:{os.getpid()}:{hub.new_id()[:8]}"
        self._hub, self._holder = hub, holder
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(tuple(lists),), name=f"pull-{endpoint.name}", daemon=True)
            for endpoint, lists in self._found()
        ]

    def _found(self) -> list[tuple[Endpoint, list[Leased]]]:
        found: list[tuple[Endpoint, list[Leased]]] = []
        for endpoint in self._hub.endpoints.values():
            lists = pulled_by(self._hub, endpoint)
            found += [(endpoint, [self._looking(endpoint, *each) for each in lists.items()])] if lists else []
        return found

    def _looking(self, endpoint: Endpoint, name: str, every: float) -> Leased:
        if name == FOLDER:
            return FolderWatch(self._hub, endpoint, self._holder, self._stop)
        return Puller(self._hub, endpoint, name, every, self._holder, self._stop)

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Say whether every thread that was started still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Finish the items that are being taken, and give the leases back."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        try:
            self._hub.ledger.change(partial(pull_verbs.leave, holder=self._holder))
        except HubError as error:
            # They end by themselves.
            log.warning("pull.not_left", error=error.code)

    def _run(self, lists: tuple[Leased, ...]) -> None:
        while not self._stop.is_set():
            if not any([each.round() for each in lists]):
                self._stop.wait(LOOK_SECONDS)


class Puller(Leased):
    """Pulls one list; of several processes one at a time does."""

    def __init__(
        self, hub: Hub, endpoint: Endpoint, name: str, every: float, holder: str, stop: threading.Event | None = None
    ) -> None:
        seconds = LEASE_CALLS * outbound_of(endpoint).deadline_seconds + hub.lease_margin
        super().__init__(hub, endpoint, name, every, holder, seconds, stop)

    def _look(self, cursor: str) -> bool:
        """Take one page; say whether there may be more at once."""
        transport = self._hub.transports(self.endpoint)
        assert isinstance(transport, Pulling)
        page = transport.pull(self.name, cursor, self._hub.clock())
        if not self._all_taken(transport, page):
            return False
        # At the end of a list it rests; else the rest of it is asked for at once.
        return self._done(page.cursor, more=page.more)

    def _all_taken(self, transport: Pulling, page: Page) -> bool:
        """Take the items of a page that are new; False where one has to wait, or it is time to stop."""
        items = [(_item(each), each) for each in page.items]
        with self._hub.ledger.read() as conn:
            settled = pull_verbs.settled(conn, self.endpoint.name, {item for item, _ in items})
        taken: set[str] = set()
        waiting = 0
        for item, listed in items:
            if item in settled or item[0] in taken:
                PULLED.labels(self.endpoint.name, self.name, "passed_over").inc()
                continue
            if self._stop.is_set():
                return False
            outcome = self._outcome(transport, listed, item)
            PULLED.labels(self.endpoint.name, self.name, outcome).inc()
            # The same may stand on a page twice.
            settled.add(item)
            taken |= {item[0]} if outcome == "taken" else set()
            waiting += outcome == "waits"
        if waiting:
            self._failed("files_wait", self.name)
        return not waiting

    def _outcome(self, transport: Pulling, listed: Listed, item: Item) -> str:
        """Take one item; say what became of it: ``waits`` where its files cannot be fetched yet."""
        addresses = self._fetched(transport, listed, item)
        if addresses is None:
            return "waits"
        self._keep_lease()
        intake.receive(self._hub, replace(transport.joined(listed, addresses), page=listed.page))
        looked_at = partial(pull_verbs.looked_at, endpoint=self.endpoint.name, item=item, now=self._hub.now())
        return "taken" if self._hub.ledger.change(looked_at) else "turned_away"

    # --- files -------------------------------------------------------------------------------------------------------

    def _fetched(self, transport: Pulling, listed: Listed, item: Item) -> dict[str, str] | None:
        """Fetch an item's files; None where one of them cannot be fetched yet."""
        found: dict[str, str] = {}
        for file in listed.files:
            self._keep_lease()
            try:
                found[file] = self._kept(transport, file)
            except (Refused, InvalidMessage) as error:
                self._without(item, error)
                found[file] = ""
            except NotSent:
                return None  # the partner is away, or busy: that says nothing of the file
            except InDoubt as error:
                if not self._given_up(item, error):
                    return None
                self._without(item, error)
                found[file] = ""
        return found

    def _kept(self, transport: Pulling, file: str) -> str:
        """Stream a file into the store, and give its address there."""
        receiving = self._hub.payloads.receive()
        try:
            transport.fetch(file, receiving.write)
            kept = receiving.keep()
        finally:
            receiving.discard()
        self._hub.ledger.record_given(kept.digest, size=kept.size, givers=(self.endpoint.name,), now=self._hub.now())
        return address(self._hub.public_url, kept.digest)

    def _given_up(self, item: Item, error: HubError) -> bool:
        """Count one more try of an item's files; say whether those were enough."""
        name = self.endpoint.name
        with self._hub.ledger.read() as conn:
            tries = pull_verbs.tries(conn, name, item)
        if tries + 1 >= FILE_TRIES:
            return True
        waits = partial(pull_verbs.waits, endpoint=name, item=item, error=error.code, now=self._hub.now())
        self._hub.ledger.change(waits)
        log.warning("pull.file_waits", list=self.name, item=item[0], error=error.code, tries=tries + 1)
        return False

    def _without(self, item: Item, error: HubError) -> None:
        PULLED.labels(self.endpoint.name, self.name, "without_file").inc()
        log.error("pull.without_file", list=self.name, item=item[0], error=error.code, partner_code=error.partner_code)


def _item(listed: Listed) -> Item:
    """Name an item, and digest what the list says of it."""
    files = compact_sorted(list(listed.files)).encode("utf-8", "surrogatepass")
    return listed.request.idempotency_key, digest_of(files + b"\n" + listed.request.body)
