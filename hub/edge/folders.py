"""Watch partners' folders: take the files that they put there, and see what became of those that were put for them.

A file is moved away last, when its message and its answer are recorded and the answer lies there: whatever dies before, the
file is still there, is known by its name and its bytes, and gets the recorded answer again.
"""

from __future__ import annotations

import threading

import structlog

from hub import delivery, intake
from hub.app import Hub
from hub.canonical.digests import digest_of
from hub.contract import JWS_HEADER, Answer, Outcome, Reply, Request
from hub.edge.leased import Leased
from hub.endpoint import FOLDER, Endpoint, InboundPolicy, folder_of
from hub.errors import Fault, InvalidMessage
from hub.folder.places import Away, Changing, NotAFile, Place, TooLarge, Unsure
from hub.folder.reaching import Places, unusable
from hub.ledger import delivery_verbs, outbox_verbs
from hub.ledger.delivery_verbs import ClaimLost
from hub.rules import folder_names
from hub.rules.folder_names import ANSWER, SIGNATURE
from hub.telemetry import FILES

log = structlog.get_logger()

#: So many files are listed at once, and so many that cannot be read are passed over, however many there are.
BATCH, MOST_STUCK = 200, 10_000
#: So many files that were put are looked for in one round.
LOOKED_FOR = 500
#: Nothing in a folder takes longer; then another process may look.
LEASE_SECONDS = 300.0
#: A detached signature is never larger.
LARGEST_SIGNATURE = 65_536
#: So many names are tried for a file whose own is used.
NAMES = 20


class FolderWatch(Leased):
    """Looks into one endpoint's folders, one file after the other, in the order of their names."""

    def __init__(self, hub: Hub, endpoint: Endpoint, holder: str, stop: threading.Event | None = None) -> None:
        self._policy = folder_of(endpoint)
        super().__init__(hub, endpoint, FOLDER, self._policy.every_seconds, holder, LEASE_SECONDS + hub.lease_margin, stop)
        self._places = Places(endpoint)
        #: Files that could not be taken; the others go on meanwhile.
        self._stuck: dict[str, None] = {}
        self._at = ""

    def _look(self, cursor: str) -> bool:
        """Take what is there, and settle what the partner has taken."""
        try:
            with self._places.lend() as place:
                more = self._take_all(place) if self._policy.take else False
                if self._policy.put and self._policy.delivered != "put":
                    self._settle_all(place)
        except OSError as error:
            raise unusable(self._places.address, self._at, error) from error
        return self._done(cursor, more=more and not self._stop.is_set())

    # --- files for us ------------------------------------------------------------------------------------------------

    def _take_all(self, place: Place) -> bool:
        """Take the files that are there; say whether there may be more."""
        self._at = self._policy.take
        names = place.names(self._policy.take, self._is_new, BATCH)
        for listed in names:
            if self._stop.is_set():
                return True
            self._keep_lease()
            name = self._meant(listed)
            try:
                self._take(place, name)
            except (Away, Unsure):
                raise
            except OSError as error:
                self._pass_over(name, error)
        if len(names) < BATCH:
            # All others were tried: from now on those that could not be taken are tried again.
            self._stuck.clear()
        return len(names) == BATCH

    def _meant(self, listed: str) -> str:
        """Give the file's name: what was listed, or what the marker stands for."""
        return listed.removesuffix(self._policy.marker) if self._marked else listed

    @property
    def _marked(self) -> bool:
        return self._policy.complete == "marker"

    def _is_new(self, name: str) -> bool:
        """Say by its name whether something in the folder is to be taken: a file, or the marker that says that one is whole."""
        policy = self._policy
        if self._marked and not name.endswith(policy.marker):
            return False
        if (name := self._meant(name)) in self._stuck:
            return False
        return folder_names.is_message(name, policy.pattern, policy.unfinished, policy.marker)

    def _pass_over(self, name: str, error: OSError) -> None:
        """Leave a file that cannot be taken now where it is, and say so."""
        outcome = "changing" if isinstance(error, Changing) else "unreadable"
        FILES.labels(self.endpoint.name, outcome).inc()
        told = unusable(self._places.address, self._at, error)
        log.error("folder.passed_over", file=folder_names.shown(name), outcome=outcome, why=told.en)
        if len(self._stuck) < MOST_STUCK:
            self._stuck[name] = None

    def _take(self, place: Place, name: str) -> None:
        look = place.look(self._policy.take, name)
        if look is None:
            self._unmark(place, name)
            return
        if look.folder:
            self._stuck[name] = None
            return
        if not look.plain or not folder_names.is_readable(name):
            # Never opened: it may be a way to another file, or a pipe that nobody writes to.
            self._aside(place, name, "not_a_file" if not look.plain else "bad_name")
            return
        try:
            body = place.read(self._policy.take, name, (self.endpoint.inbound or InboundPolicy()).max_bytes)
        except NotAFile:
            self._aside(place, name, "not_a_file")
        except TooLarge:
            self._refuse_unread(place, name)
        else:
            self._receive(place, name, body)

    def _receive(self, place: Place, name: str, body: bytes) -> None:
        """Let intake record a file, lay the answer down, and then move the file away."""
        judged = intake.judge(self._hub, self._request(name, body, self._signature(place, name)))
        digest = digest_of(body)
        self._answer(place, name, digest, judged.answer)
        self._away(place, name, self._policy.taken if judged.accepted else self._policy.refused, digest)
        FILES.labels(self.endpoint.name, "taken" if judged.accepted else "refused").inc()

    def _signature(self, place: Place, name: str) -> str:
        """Read the detached signature that lies beside a file; what is none is given on, so that it is refused."""
        if place.look(self._policy.take, name + SIGNATURE) is None:
            return ""
        try:
            return place.read(self._policy.take, name + SIGNATURE, LARGEST_SIGNATURE).decode("latin-1").strip()
        except (NotAFile, TooLarge):
            return "unreadable"

    def _request(self, name: str, body: bytes, jws: str) -> Request:
        """Make of a file what a call at the endpoint's door would be."""
        policy = self._policy
        return Request(
            endpoint=self.endpoint.name,
            body=body,
            content_type=policy.content_type or folder_names.content_type_of(body),
            path=f"/{policy.service.lstrip('/')}" if policy.service else "",
            headers={JWS_HEADER.lower(): jws} if jws else {},
            idempotency_key=f"{FOLDER}/{folder_names.key_of(name, digest_of(body))}",
        )

    def _refuse_unread(self, place: Place, name: str) -> None:
        """Refuse a file that is larger than may be read, in the partner's own words."""
        most = (self.endpoint.inbound or InboundPolicy()).max_bytes
        fault = Fault("", "too_large", f"thông điệp lớn hơn {most} byte", f"the message is larger than {most} bytes")
        outcome = Outcome(message_id="", received_at=self._hub.clock(), error=InvalidMessage([fault]))
        adapter, request = self._hub.adapter(self.endpoint), self._request(name, b"", "")
        self._answer(place, name, "", adapter.answer(outcome, None, request, self.endpoint.options))
        self._aside(place, name, "too_large")

    def _answer(self, place: Place, name: str, digest: str, answer: Answer) -> None:
        """Lay the answer down, whole or not at all; one that is there already with these bytes is this one."""
        folder = self._policy.answers
        if not folder:
            return
        self._at = folder
        own = folder_names.answer_of(name, answer.body)
        place.write(folder, folder_names.temporary(own), answer.body)
        for each in (own, *(folder_names.another(own, digest, number) for number in range(NAMES))):
            try:
                place.move(folder, folder_names.temporary(own), folder, each)
            except FileExistsError:
                if self._is_same(place, folder, each, answer.body):
                    place.remove(folder, folder_names.temporary(own))
                    break
            else:
                break
        self._at = self._policy.take

    def _is_same(self, place: Place, folder: str, name: str, body: bytes) -> bool:
        try:
            return place.read(folder, name, len(body)) == body
        except (NotAFile, TooLarge, Changing, FileNotFoundError):
            return False

    def _aside(self, place: Place, name: str, outcome: str) -> None:
        """Move away what is not read."""
        FILES.labels(self.endpoint.name, outcome).inc()
        log.warning("folder.refused", file=folder_names.shown(name), outcome=outcome)
        self._away(place, name, self._policy.refused, "")

    def _away(self, place: Place, name: str, to: str, digest: str) -> None:
        """Move a file out of the folder, what lies beside it after it, and its marker last."""
        self._at = to
        shown = folder_names.shown(name)
        given = self._moved(place, name, to, shown, digest)
        if place.look(self._policy.take, name + SIGNATURE) is not None:
            self._moved(place, name + SIGNATURE, to, given + SIGNATURE, digest)
        self._at = self._policy.take
        self._unmark(place, name)

    def _moved(self, place: Place, name: str, to: str, new: str, digest: str) -> str:
        """Move a file where its name may be used already; give the name that it has there."""
        for each in (new, *(folder_names.another(new, digest, number) for number in range(NAMES))):
            try:
                place.move(self._policy.take, name, to, each)
            except FileExistsError:
                continue
            return each
        # As often as this nobody needs the same bytes under the same name.
        last = folder_names.another(new, self._hub.new_id().replace("-", ""), 0)
        place.move(self._policy.take, name, to, last)
        return last

    def _unmark(self, place: Place, name: str) -> None:
        if self._marked:
            place.remove(self._policy.take, name + self._policy.marker)

    # --- files for the partner ---------------------------------------------------------------------------------------

    def _settle_all(self, place: Place) -> None:
        """Settle the files that the partner has taken away, or answered."""
        self._at = self._policy.put
        # Where the folder itself is away (a disk that is not mounted), no file has been taken from it.
        if place.look(self._policy.put, ".") is None:
            raise FileNotFoundError
        with self._hub.ledger.read() as conn:
            rows = outbox_verbs.named(conn, self.endpoint.name, limit=LOOKED_FOR)
        for row in rows:
            if self._stop.is_set():
                return
            self._keep_lease()
            if self._policy.delivered == "gone":
                self._settle_gone(place, row.id, row.epoch, row.name)
            else:
                self._settle_answered(place, row.id, row.epoch, row.name)

    def _settle_gone(self, place: Place, delivery_id: str, epoch: int, name: str) -> None:
        if place.look(self._policy.put, name) is None:
            said = f"{name}: taken away"
            self._settle(delivery_id, epoch, Reply(status=200, body=said.encode(), handed_over=True))

    def _settle_answered(self, place: Place, delivery_id: str, epoch: int, name: str) -> None:
        self._at = self._policy.replies
        for ending in ("xml", "json", "txt"):
            answer = f"{name}{ANSWER}.{ending}"
            if place.look(self._policy.replies, answer) is None:
                continue
            try:
                body = place.read(self._policy.replies, answer, (self.endpoint.inbound or InboundPolicy()).max_bytes)
            except OSError as error:
                if isinstance(error, Away | Unsure):
                    raise
                self._pass_over(answer, error)
                return
            self._settle(delivery_id, epoch, Reply(status=200, body=body))
            self._kept(place, answer, digest_of(body))
            return

    def _settle(self, delivery_id: str, epoch: int, reply: Reply) -> None:
        with self._hub.ledger.read() as conn:
            held = delivery_verbs.awaited(conn, delivery_id, epoch)
        if held is None:
            return
        try:
            delivery.answered(self._hub, held, reply)
        except ClaimLost:
            log.info("delivery.settled_meanwhile")
        FILES.labels(self.endpoint.name, "settled").inc()

    def _kept(self, place: Place, answer: str, digest: str) -> None:
        """Move an answer away that was recorded."""
        for each in (answer, *(folder_names.another(answer, digest, number) for number in range(NAMES))):
            try:
                place.move(self._policy.replies, answer, self._policy.taken, each)
            except FileExistsError:
                continue
            return

