"""Pull: ask partners for what is new on the lists they keep for us, and give each item to intake (Polling Consumer).

An item is known by its identity, and the cursor moves on only when everything before it was settled: so what is pulled twice
is taken once, and a process that dies anywhere loses nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import structlog
from sqlalchemy import Connection

from hub import intake
from hub.app import Hub
from hub.canonical.compact_json import compact_sorted
from hub.canonical.digests import digest_of
from hub.contract import Listed, Page, Pulling
from hub.edge.folders import FolderWatch
from hub.edge.leased import Leased, holder_name, seconds_for_calls
from hub.endpoint import FOLDER, Endpoint
from hub.errors import Busy, HubError, InDoubt, InvalidMessage, NotSent, Refused
from hub.intake import Judged
from hub.ledger import pull_verbs, word_verbs
from hub.ledger.pull_verbs import Standing
from hub.ledger.word_verbs import Known
from hub.operations.pulls import pulled_by
from hub.rules.attachments import address
from hub.telemetry import PULLED

log = structlog.get_logger()

#: So often a thread looks whether it is time.
LOOK_SECONDS = 1.0
#: So often a file is asked for; then its dossier goes on without it, since an applicant's time runs.
FILE_TRIES = 10


#: What a round says of itself where items have to wait: for their files, or until we can take them.
_WAITS_FOR = {"waits": "files_wait", "own_failure": "own_failure"}
#: So many items one after the other that cannot be had end a round: it is the partner, not the items.
IN_VAIN = 3
#: Our own failure: the pause before an item for which its holder waits is tried again, doubled from the first to the longest.
FIRST_OWN_SECONDS, LONGEST_OWN_SECONDS = 60.0, 21_600.0
#: Identity of an item, and digest of what the list says of it.
Item = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Seen:
    """The items of a page, and what is known of them."""

    items: list[tuple[Item, Listed]]
    standing: Standing
    known: Mapping[str, Known]

    def is_settled(self, item: Item, listed: Listed) -> bool:
        """Say whether nothing is to be done about an item; other words under a number that was settled are judged anew."""
        if not listed.request.owed:
            return item[0] in self.standing.taken or item in self.standing.away
        known = self.known.get(listed.request.owed)
        return item in self.standing.away if known is None else known.digest == item[1]


def _was_said(known: Known | None, asked_at: float) -> bool:
    return known is not None and known.done_at is not None and known.done_at < asked_at


def _pause(tries: int) -> float:
    return float(min(LONGEST_OWN_SECONDS, FIRST_OWN_SECONDS * 2.0 ** min(tries - 1, 20)))


class Pullers:
    """One thread for each endpoint that keeps lists for us, or files in a folder; without such endpoints nothing happens."""

    def __init__(self, hub: Hub) -> None:
        holder = holder_name(hub)
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
        super().__init__(hub, endpoint, name, every, holder, seconds_for_calls(hub, endpoint), stop)
        #: Items that could not be had, one after the other.
        self._in_vain = 0

    def _look(self, cursor: str) -> bool:
        """Take one page; say whether there may be more at once."""
        transport = self._hub.transports(self.endpoint)
        assert isinstance(transport, Pulling)
        asked_at = self._hub.now()
        page = transport.pull(self.name, cursor, self._hub.clock())
        if not self._all_taken(transport, page, asked_at):
            return False
        # At the end of a list it rests; else the rest of it is asked for at once.
        return self._done(page.cursor, more=page.more)

    def _all_taken(self, transport: Pulling, page: Page, asked_at: float) -> bool:
        """Take the items of a page that are new; False where one has to wait, or it is time to stop."""
        seen = self._seen([(_item(each), each) for each in page.items], asked_at)
        done: set[Item] = set()
        taken: set[str] = set()
        waiting = ""
        self._in_vain = 0
        for item, listed in seen.items:
            if seen.is_settled(item, listed) or item in done or item[0] in taken:
                PULLED.labels(self.endpoint.name, self.name, "passed_over").inc()
                continue
            if self._stop.is_set():
                return False
            outcome = self._outcome(transport, listed, item, seen.standing)
            PULLED.labels(self.endpoint.name, self.name, outcome).inc()
            # The same may stand on a page twice.
            done.add(item)
            taken |= {item[0]} if outcome == "taken" else set()
            waiting = _WAITS_FOR.get(outcome, waiting)
        if waiting:
            self._failed(waiting, self.name)
        return not waiting

    def _seen(self, items: list[tuple[Item, Listed]], asked_at: float) -> _Seen:
        """Look what is known of a page's items, and owe again what the partner has not heard, since it lists it again."""
        name, numbers = self.endpoint.name, {listed.request.owed for _, listed in items} - {""}
        with self._hub.ledger.read() as conn:
            standing = pull_verbs.standing(conn, name, {item for item, _ in items})
            known = word_verbs.known(conn, name, numbers)
        seen = _Seen(items, standing, known)
        again = sorted(
            listed.request.owed
            for item, listed in items
            if seen.is_settled(item, listed) and _was_said(known.get(listed.request.owed), asked_at)
        )
        if again:
            now = self._hub.now()
            self._hub.ledger.change(partial(word_verbs.owe_again, endpoint=name, numbers=again, asked_at=asked_at, now=now))
            log.warning("pull.not_heard", list=self.name, items=len(again))
        return seen

    def _outcome(self, transport: Pulling, listed: Listed, item: Item, standing: Standing) -> str:
        """Take one item; say what became of it: ``waits`` where its files cannot be fetched yet."""
        tries, last = standing.failed.get(item, (0, 0.0))
        owed = listed.request.owed
        if owed and tries and self._hub.now() < last + _pause(tries):
            return "rests"
        addresses = self._fetched(transport, listed, item)
        if addresses is None:
            return "waits"
        self._keep_lease()
        try:
            request = transport.joined(listed, addresses)
        except HubError as error:
            return self._not_joined(item, listed, tries, error)
        self._in_vain = 0
        judged = intake.judge(self._hub, replace(request, page=request.page or listed.page))
        if not judged.settled and (owed or tries + 1 < FILE_TRIES):
            return self._failed_here(item, tries + 1, judged.error.code if judged.error else "", waits=not owed)
        self._hub.ledger.change(partial(self._settle, item=item, owed=owed, judged=judged))
        return "taken" if judged.accepted else "turned_away"

    def _settle(self, conn: Connection, item: Item, owed: str, judged: Judged) -> None:
        """Write what became of an item that intake has recorded."""
        name = self.endpoint.name
        if judged.accepted:
            pull_verbs.taken(conn, name, item)
        else:
            pull_verbs.turned_away(conn, name, item, error=judged.error.code if judged.error else "", now=self._hub.now())
        if owed:
            word_verbs.digested(conn, name, owed, item[1])

    def _not_joined(self, item: Item, listed: Listed, tries: int, error: HubError) -> str:
        """Go on with the others where one item cannot be had; raise where its partner is busy, or none of them can be had."""
        self._in_vain += 1
        if not listed.request.owed or isinstance(error, Busy) or self._in_vain == IN_VAIN:
            raise error
        if isinstance(error, NotSent):
            return "not_had"  # that says nothing of the item: it is tried again in the next round
        return self._failed_here(item, tries + 1, error.code, waits=False)

    def _failed_here(self, item: Item, tries: int, code: str, *, waits: bool) -> str:
        """Count our own failure; who waits for our word keeps the item meanwhile, the cursor of another list must not pass it."""
        name = self.endpoint.name
        failed = partial(pull_verbs.failed_here, endpoint=name, item=item, tries=tries, error=code, now=self._hub.now())
        self._hub.ledger.change(failed)
        log.error("pull.failed_here", list=self.name, item=item[0], error=code, tries=tries)
        return "own_failure" if waits else "failed_here"

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
