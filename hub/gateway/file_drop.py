"""Holodeck B2B by its file backend: ours as payload and ``.mmd`` in its folder, what came as a header beside its payload.

A message's file has its name from our identifier, so it is put once; which ending Holodeck gave it says what became of it.
What came stays where it is until it was marked, which moves it away. Receipts and errors that Holodeck notifies as files
(``NotifyAndDeliverOperation`` with format ``ebms``) are put aside under the name of the message they are about.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from hub.canonical.border.message import TechnicalState
from hub.canonical.digests import digest_of
from hub.canonical.gateway_word import GatewayWord
from hub.endpoint import Endpoint, FolderPolicy, gateway_of, outbound_of
from hub.errors import Fault, InDoubt, InvalidMessage, NotSent, Refused
from hub.folder.places import Away, Changing, NotAFile, Place, TooLarge, Unsure
from hub.folder.reaching import Places, unusable
from hub.gateway.messaging import Header
from hub.gateway.mmd import (
    ACCEPTED,
    ERROR,
    MAX_BYTES,
    PAYLOAD_PREFIX,
    PROCESSING,
    REJECTED,
    SUBMITTED,
    Signal,
    location_of,
    read_file,
    safe,
    write_mmd,
)
from hub.gateway.port import Fetched, Found, Submission, Submitted, Waiting
from hub.rules.folder_names import another, is_safe, temporary

PAYLOAD = ".payload"
#: A file that cannot be read is taken for one that is being written, so long.
UNFINISHED_SECONDS = 120.0
#: Beside what was taken: signals, by what they are about.
_RECEIPT, _FAILURE = ".receipt.xml", ".error.xml"
_GONE = FileNotFoundError
#: Written, moved and removed again, to see whether that is allowed.
_TRIAL = ".lienthong-check.part"


class FileDrop:
    """One endpoint's folders at its Holodeck B2B."""

    fetching_marks = False
    address = ""

    def __init__(self, endpoint: Endpoint, *, now: Callable[[], float] = time.time) -> None:
        self._policy = gateway_of(endpoint)
        self._deadline = outbound_of(endpoint).deadline_seconds
        self._most_bytes = endpoint.inbound.max_bytes if endpoint.inbound else 30_000_000
        self._places = Places(replace(endpoint, folder=_folders(endpoint)))
        self._now = now

    # --- ours ---------------------------------------------------------------------------------------------------------

    def submit(self, given: Submission, fence: Callable[[], None]) -> Submitted:
        """Put payload and metadata; the metadata's name is the hand-over, and is there once."""
        stem, ends_at = safe(given.message_id), time.monotonic() + self._deadline
        document = write_mmd(self._policy, given, self._number(given.message_id), stem + PAYLOAD)
        sent = f"PUT {self._places.address}/{self._policy.put}/{stem}{SUBMITTED}\r\n\r\n".encode() + document
        try:
            with self._places.lend() as place:
                if not self._stage(place, stem):
                    fence()
                    self._put(place, stem, given.body, document, ends_at)
        except Unsure as error:
            self._look_again(stem, sent, error)
        except OSError as error:
            raise unusable(self._places.address, self._policy.put, error) from error
        return Submitted(number=self._number(given.message_id), reply=stem.encode(), sent=sent)

    def _put(self, place: Place, stem: str, body: bytes, document: bytes, ends_at: float) -> None:
        put = self._policy.put
        for name, content in ((stem + PAYLOAD, body), (stem + SUBMITTED, document)):
            place.write(put, temporary(name), content)
            if time.monotonic() > ends_at:
                vi, en = "quá thời hạn trước khi đặt tên tệp", "the deadline has passed before the file had its name"
                raise NotSent(en, vi, where=name)
            if name.endswith(PAYLOAD):
                # Of a try that died before the metadata had its name: nobody knows of it.
                place.remove(put, name)
            place.move(put, temporary(name), put, name)

    def _stage(self, place: Place, stem: str) -> str:
        """Give the ending under which a message's metadata stands; empty where it does not."""
        endings = (SUBMITTED, PROCESSING, ACCEPTED, REJECTED)
        return next((each for each in endings if place.look(self._policy.put, stem + each) is not None), "")

    def _look_again(self, stem: str, sent: bytes, error: OSError) -> None:
        where, begun = f"{self._places.address}/{self._policy.put}/{stem}{SUBMITTED}", False
        with suppress(Away, Unsure), self._places.lend() as place:
            if self._stage(place, stem):
                return
            begun = place.look(self._policy.put, temporary(stem + SUBMITTED)) is not None
        if begun:
            raise unusable(self._places.address, self._policy.put, error) from error
        cause = str(error.args[-1])
        doubt = InDoubt(f"{where}: {cause}; Holodeck may have it", f"{where}: chưa rõ ({cause})", where=where)
        doubt.sent = sent
        raise doubt from error

    def find(self, given: Submission) -> Found:
        """Look for the metadata; what is neither there nor was being written may have been cleared away, which proves nothing."""
        stem = safe(given.message_id)
        with self._asked() as place:
            stage = self._stage(place, stem)
            begun = not stage and place.look(self._policy.put, temporary(stem + SUBMITTED)) is not None
        outcome = "found" if stage else "absent" if begun else "unknown"
        return Found(outcome=outcome, number=self._number(given.message_id), reply=(stage or "-").encode(), status=0)

    def status(self, number: str) -> GatewayWord:
        """Say what Holodeck did with the metadata, or what the other side's gateway said of the message."""
        stem = safe(number.partition("@")[0])
        with self._asked() as place:
            list(self._messages(place))
            signal = self._signal_about(place, number)
            stage = self._stage(place, stem)
            text = self._error(place, stem) if stage == REJECTED else ""
        if signal is not None:
            return self._word(number, signal.code, signal.technical, text=signal.text, final=True)
        if stage == REJECTED:
            return self._word(number, "rejected", TechnicalState.FAILED, text=text, final=True)
        technical = {ACCEPTED: TechnicalState.SENT, "": TechnicalState.UNKNOWN}.get(stage, TechnicalState.PENDING)
        return self._word(number, stage.removeprefix(".") or "gone", technical)

    @staticmethod
    def _word(number: str, code: str, technical: TechnicalState, *, text: str = "", final: bool = False) -> GatewayWord:
        ours = number.partition("@")[0]
        return GatewayWord(number=number, message_id=ours, code=code, technical=technical, final=final, text=text)

    def _signal_about(self, place: Place, number: str) -> Signal | None:
        """Give what stands aside about a message: a receipt counts for more than an error before it."""
        found = {}
        for ending in (_RECEIPT, _FAILURE):
            try:
                read = read_file(place.read(self._policy.taken, f"signal-{safe(number)}{ending}", MAX_BYTES))
            except _GONE:
                continue
            if isinstance(read, Signal):
                found[ending] = read
        receipt, failure = found.get(_RECEIPT), found.get(_FAILURE)
        if receipt and failure:
            return replace(failure, technical=TechnicalState.DELIVERED_WITH_WARNINGS)
        return receipt or failure

    def _error(self, place: Place, stem: str) -> str:
        """Give the first words of why a submission was rejected."""
        try:
            told = place.read(self._policy.put, stem + ERROR, MAX_BYTES)
        except OSError:
            return ""
        return " ".join(told[:2000].decode("utf-8", "replace").split())[:300]

    def _number(self, message_id: str) -> str:
        return f"{message_id}@{self._policy.id_domain}"

    # --- what came ----------------------------------------------------------------------------------------------------

    def list_inbound(self) -> list[Waiting]:
        """List the messages that lie there, each number once, and put signals aside."""
        found: dict[str, Waiting] = {}
        with self._asked() as place:
            for _, header, document in self._messages(place):
                if header.message_id not in found:
                    found[header.message_id] = Waiting(number=header.message_id, row=self._row(place, header, document))
        return list(found.values())

    def _row(self, place: Place, header: Header, document: bytes) -> bytes:
        """Say what lies there under a number, without reading its payload: another payload is another file, of another time."""
        name = location_of(header.parts[0][1]) if header.parts else ""
        look = place.look(self._policy.take, name) if is_safe(name) else None
        payload = f"{look.size} {look.modified}" if look is not None else "-"
        return f"{header.message_id}\n{digest_of(document)}\n{payload}".encode("utf-8", "replace")

    def fetch(self, number: str) -> Fetched:
        """Read a message and its payload; both stay."""
        with self._asked() as place:
            _, header, document = self._named(place, number)
            names = [location_of(properties) for _, properties in header.parts]
            if not names or not all(map(is_safe, names)):
                raise _no_payload("/PayloadInfo")
            body = self._payload(place, names[0])
        return Fetched(
            number=number,
            body=body,
            parts=len(names),
            content_type=header.parts[0][1].get("MimeType") or header.parts[0][1].get("mimeType", ""),
            from_party=header.from_party,
            from_type=header.from_type,
            to_party=header.to_party,
            to_type=header.to_type,
            service=header.service,
            action=header.action,
            conversation=header.conversation,
            about=header.about,
            raw=document,
        )

    def _payload(self, place: Place, name: str) -> bytes:
        try:
            return place.read(self._policy.take, name, self._most_bytes)
        except (_GONE, Changing) as error:
            where = f"{self._places.address}/{self._policy.take}"
            en, vi = f"{where}: the payload is not there, or not whole", f"{where}: tệp nội dung chưa có hoặc chưa đủ"
            raise InDoubt(en, vi, where=where) from error
        except (NotAFile, TooLarge) as error:
            raise _no_payload("/PayloadInfo/PartInfo") from error

    def mark_processed(self, number: str, *, taken: bool) -> None:
        """Move a message away, its payloads first: what is moved by half is listed again, and moved to its end."""
        with self._asked() as place:
            name, header, document = self._named(place, number)
            prefix = "" if taken else "refused-"
            for each in (*(location_of(properties) for _, properties in header.parts), name):
                if is_safe(each):
                    self._away(place, each, prefix + each, digest_of(document))

    def _away(self, place: Place, name: str, new: str, digest: str) -> None:
        take, taken = self._policy.take, self._policy.taken
        if place.look(take, name) is None:
            return
        try:
            place.move(take, name, taken, new)
        except FileExistsError:
            # The same number came before, or the same signal: both stay.
            place.move(take, name, taken, another(new, digest, int(self._now())))

    def _named(self, place: Place, number: str) -> tuple[str, Header, bytes]:
        found = next((each for each in self._messages(place) if each[1].message_id == number), None)
        if found is None:
            raise Refused("no such message lies there", "không có thông điệp này trong thư mục", where=self._policy.take)
        return found

    def _messages(self, place: Place) -> Iterator[tuple[str, Header, bytes]]:
        """Read what lies there, in the order of the names; put signals aside on the way."""
        unreadable = ""
        read = 0
        for name in place.names(self._policy.take, _is_header, self._policy.most):
            try:
                document = place.read(self._policy.take, name, MAX_BYTES)
                found = read_file(document)
            except _GONE:
                continue
            except (Changing, NotAFile, TooLarge, InvalidMessage):
                look = place.look(self._policy.take, name)
                unreadable = name if look is not None and self._now() - look.modified > UNFINISHED_SECONDS else unreadable
                continue
            if isinstance(found, Signal):
                self._aside(place, name, found, digest_of(document))
            elif found is not None:
                read += 1
                yield name, found, document
        if unreadable and not read:
            where = f"{self._places.address}/{self._policy.take}/{unreadable}"
            raise NotSent(f"{where} cannot be read: look at it", f"{where} không đọc được: hãy kiểm tra", where=where)

    def _aside(self, place: Place, name: str, signal: Signal, digest: str) -> None:
        ending = _FAILURE if signal.technical is TechnicalState.FAILED else _RECEIPT
        new = f"signal-{safe(signal.about)}{ending}"
        if signal.technical is TechnicalState.UNKNOWN:
            new = f"warning-{safe(signal.about)}.xml"
        self._away(place, name, new, digest)

    # --- the folders --------------------------------------------------------------------------------------------------

    def probe(self) -> str:
        """Say that every folder is there, and may be worked in."""
        put, take, taken = self._policy.put, self._policy.take, self._policy.taken
        with self._asked() as place:
            place.write(put, _TRIAL, b"")
            place.remove(put, _TRIAL)
            place.write(take, _TRIAL, b"")
            place.remove(taken, _TRIAL)
            place.move(take, _TRIAL, taken, _TRIAL)
            place.remove(taken, _TRIAL)
        return f"{self._places.address}: {put}, {take}, {taken}"

    def close(self) -> None:
        """Hang up."""
        self._places.close()

    @contextmanager
    def _asked(self) -> Iterator[Place]:
        """Lend the folders for something that can be done again."""
        try:
            with self._places.lend() as place:
                yield place
        except OSError as error:
            raise unusable(self._places.address, self._policy.take, error) from error


def _is_header(name: str) -> bool:
    """Say whether a file may be a header: payloads, and what is being written, are none."""
    return is_safe(name) and name.endswith(".xml") and not name.startswith((PAYLOAD_PREFIX, "."))


def _folders(endpoint: Endpoint) -> FolderPolicy:
    policy = gateway_of(endpoint)
    return FolderPolicy(
        url=policy.url,
        password=policy.password,
        key=policy.key,
        known_hosts=policy.known_hosts,
        put=policy.put,
        take=policy.take,
        taken=policy.taken,
    )


def _no_payload(path: str) -> InvalidMessage:
    return InvalidMessage([Fault(path, "missing", "không đọc được tệp nội dung", "the payload cannot be read")])
