"""Evidence of a message, a delivery or a dossier: every byte that is kept of it, and what can be checked of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from hub.canonical.digests import named
from hub.ledger import payloads
from hub.ledger.message_facts import facts_octets
from hub.ledger.tables import messages
from hub.payloads import PayloadStore
from hub.registers import attachments, edits, history, names, proofs, seals
from hub.registers.edits import Edit
from hub.registers.leaning import Leans, Trust
from hub.registers.proofs import Check
from hub.registers.records import AttemptRow, DeliveryDetail, JournalRow, MessageDetail
from hub.registers.seals import SealProof

#: Why bytes are not there: retention deleted them, they were not wanted, nobody asked for the partners' files.
DELETED, PERSONAL, NOT_ASKED = "deleted", "personal_data", "not_asked_for"
#: Journal events whose rows name bytes that are kept: what a person stated, what an inquiry was answered.
_NAMED_BYTES = ("evidence", "reply")
#: In the wire bytes of an attempt: the detached signature, as transports send it.
_JWS_HEADER = re.compile(rb"(?im)^x-jws-signature:[ \t]*([\w.-]+)[ \t]*\r?$")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")

Pieces = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file of the evidence; its bytes are read when they are written, one piece after the other."""

    path: str
    pieces: Pieces = field(repr=False)
    #: SHA-256 (hex) by which the ledger knows these bytes; empty: they were made for the evidence.
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Bytes of which only the digest is there."""

    path: str
    #: SHA-256, hex.
    digest: str
    #: DELETED, PERSONAL or NOT_ASKED.
    why: str
    #: When retention deleted them (seconds since 1970 UTC); None where nobody wrote it down.
    deleted_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How much goes into the evidence."""

    #: False: of everything that may name a person only the digest.
    personal_data: bool = True
    #: True: the partners' files too, which may be large.
    files: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that goes into a container, except what is about the container itself."""

    #: As it was asked for, and as a file may be called.
    given: str
    name: str
    wanted: Wanted
    items: tuple[Item, ...]
    checks: tuple[Check, ...]
    left_out: tuple[LeftOut, ...]
    messages: tuple[MessageDetail, ...]
    deliveries: tuple[DeliveryDetail, ...]
    #: Subject -> its whole chain.
    journal: Mapping[str, tuple[JournalRow, ...]]
    #: Seals of the ledger that are over rows of these chains.
    seals: tuple[SealProof, ...]
    #: What people corrected in these deliveries.
    corrections: tuple[Edit, ...] = ()


@dataclass(slots=True)
class _Gathered:
    """What is being put together."""

    conn: Connection
    wanted: Wanted
    items: dict[str, Item] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    corrections: list[Edit] = field(default_factory=list)
    seals: list[SealProof] = field(default_factory=list)

    def add(self, path: str, body: bytes) -> None:
        self.items[path] = Item(path=path, pieces=lambda: (body,))

    def keep(self, stem: str, digest: str, *, personal: bool = True) -> tuple[str, bytes]:
        """Add the exact bytes of a digest; give path and bytes, both empty where there are none.

        The bytes are given also where they are left out: what proves something of them is made of them.
        """
        body = payloads.get(self.conn, digest) if digest else b""
        hexed = digest.partition(":")[2]
        if body is None:
            gone = payloads.deleted_at(self.conn, digest)
            self.left_out.append(LeftOut(path=f"{stem}.bin", digest=hexed, why=DELETED, deleted_at=gone))
        if not body:
            return "", b""
        path = f"{stem}.{_ending(body)}"
        if personal and not self.wanted.personal_data:
            self.left_out.append(LeftOut(path=path, digest=hexed, why=PERSONAL))
        else:
            self.items[path] = Item(path=path, digest=hexed, pieces=lambda: (payloads.get(self.conn, digest) or b"",))
        return path, body

    def take(self, proof: proofs.Proof) -> None:
        for file in proof.files:
            self.add(file.path, file.body)
        self.checks.extend(each for each in proof.checks if each.plain)


def _ending(body: bytes) -> str:
    """Choose a file name's ending by the first character: xml, json or bin."""
    first = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return {b"<": "xml", b"{": "json", b"[": "json"}.get(first, "bin")


def collect(
    conn: Connection,
    given: str,
    trust: Trust,
    store: PayloadStore,
    wanted: Wanted = Wanted(),
) -> Evidence:
    """Put together the evidence of what a name means; raise NotAllowed where nothing has this name.

    ``trust`` says on what the trust in a signer's certificate leans. The evidence reads its bytes from the same connection,
    which must stay open until it is written.
    """
    named = names.resolve(conn, given)
    gathered = _Gathered(conn, wanted)
    received = history.message_details(conn, named.messages)
    sent = history.delivery_details(conn, named.deliveries)
    subjects = dict.fromkeys((*named.subjects, *(each.row.subject for each in received), *(each.subject for each in sent)))
    rows = {subject: history.journal_of(conn, subject) for subject in subjects}
    for message in received:
        _message(gathered, message, trust)
        _facts(gathered, message, rows[message.row.subject])
    for delivery in sent:
        _delivery(gathered, delivery, [row for row in rows[delivery.subject] if row.entry.get("delivery") == delivery.id])
    _files(gathered, store, named.messages)
    _journal(gathered, rows)
    for number, subject in enumerate(rows, start=1):
        _seals(gathered, subject, number)
    return Evidence(
        given=given,
        name=file_name(named.name),
        wanted=wanted,
        items=tuple(gathered.items.values()),
        checks=(*gathered.checks, *_told_in_journal(gathered, rows), *map(_of_left_out, gathered.left_out)),
        left_out=tuple(gathered.left_out),
        messages=received,
        deliveries=sent,
        journal=rows,
        seals=tuple(gathered.seals),
        corrections=tuple(gathered.corrections),
    )


def file_name(name: str) -> str:
    """Make a file's name of an identifier: a dossier's number comes from outside and may hold anything."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip(".")[:120] or "evidence"


def _of_left_out(left: LeftOut) -> Check:
    return Check("left_out", (left.path, left.digest, left.why))


# --- what came ---------------------------------------------------------------------------------------------------


def _message(gathered: _Gathered, message: MessageDetail, trust: Trust) -> None:
    folder = f"messages/{message.row.id}"
    received, raw = gathered.keep(f"{folder}/received", message.raw_digest)
    signed = ""
    if message.signed_digest != message.raw_digest:
        signed, _ = gathered.keep(f"{folder}/signed-part", message.signed_digest)
    for number, digest in enumerate(message.canonical_digests, start=1):
        gathered.keep(f"{folder}/canonical-{number}", digest)
    gathered.keep(f"{folder}/answer", message.answer_digest)
    _list_answer(gathered, message, folder)
    _, token = gathered.keep(f"{folder}/detached-signature", message.signature_digest, personal=False)
    certificate = payloads.get(gathered.conn, message.certificate_digest) or b""
    if not certificate:
        return
    at = message.row.received_at
    if token and received:
        name = received.rpartition("/")[2]
        gathered.take(proofs.of_jws(token.decode("latin-1"), folder=folder, name=name, at=at, certificate=certificate))
        _certificate(gathered, message, folder, certificate, trust)
    elif document := proofs.signed_document(raw):
        name = _document(gathered, message, folder, received, document == raw)
        gathered.take(proofs.of_xml(document, folder=folder, name=name, at=at, certificate=certificate, signed=signed))
        _certificate(gathered, message, folder, certificate, trust)


def _list_answer(gathered: _Gathered, message: MessageDetail, folder: str) -> None:
    """Add the answer of a partner's list from which a message was taken; it tells of others, too, so only with the files."""
    digest = str(message.verdict.get("page_digest", ""))
    if gathered.wanted.files or not digest:
        gathered.keep(f"{folder}/list-answer", digest)
    else:
        gathered.left_out.append(LeftOut(path=f"{folder}/list-answer.json", digest=digest.partition(":")[2], why=NOT_ASKED))


def _document(gathered: _Gathered, message: MessageDetail, folder: str, received: str, bare: bool) -> str:
    """Name the file that carries the signature; one that came inside an envelope becomes a file of its own."""
    if bare:
        return received.rpartition("/")[2]
    if gathered.wanted.personal_data:
        path, conn = f"{folder}/document.xml", gathered.conn

        def pieces() -> Iterable[bytes]:
            return (proofs.signed_document(payloads.get(conn, message.raw_digest) or b""),)

        gathered.items[path] = Item(path=path, pieces=pieces)
    return "document.xml"


def _certificate(gathered: _Gathered, message: MessageDetail, folder: str, certificate: bytes, trust: Trust) -> None:
    at = message.row.received_at
    leans = _kept_proofs(gathered.conn, message.verdict) or trust(message.row.endpoint, certificate, at)
    for number, each in enumerate(leans.revocation, start=1):
        gathered.add(f"{folder}/revocation-{number}.der", each)
    proof = proofs.of_certificate(
        certificate,
        folder=folder,
        fingerprint=str(message.verdict.get("fingerprint", "")),
        at=at,
        trusted=leans.certificates,
        weak=bool(message.verdict.get("weak")),
    )
    gathered.take(proof)


def _kept_proofs(conn: Connection, verdict: Mapping[str, Any]) -> Leans | None:
    """Give on what the trust leaned at reception, as it was kept then; None where nothing was, or retention has deleted some."""
    path, lists = ([named(each) for each in verdict.get(name, ())] for name in ("path_digests", "revocation_digests"))
    kept = payloads.get_all(conn, [*path, *lists])
    if not path or len(kept) < len({*path, *lists}):
        return None
    return Leans(certificates=tuple(kept[each] for each in path), revocation=tuple(kept[each] for each in lists))


def _facts(gathered: _Gathered, message: MessageDetail, rows: Iterable[JournalRow]) -> None:
    """Add the message's row as the very bytes that the journal has the digest of: verdict, certificate, identity, answer."""
    told = next((str(row.entry["row"]) for row in rows if row.entry.get("message") == message.row.id and "row" in row.entry), "")
    if told:
        path, hexed = f"messages/{message.row.id}/facts.json", told.partition(":")[2]
        row = gathered.conn.execute(select(messages).where(messages.c.id == message.row.id)).one()
        octets = facts_octets(dict(row._mapping))
        gathered.items[path] = Item(path=path, digest=hexed, pieces=lambda: (octets,))


# --- what was sent -----------------------------------------------------------------------------------------------


def _delivery(gathered: _Gathered, delivery: DeliveryDetail, rows: Iterable[JournalRow]) -> None:
    folder = f"deliveries/{delivery.id}"
    gathered.keep(f"{folder}/canonical", delivery.canonical_digest)
    for number, edit in enumerate(reversed(edits.of_delivery(gathered.conn, delivery.id)), start=1):
        # Who proposed and who approved it stands in the journal, which names both by digest.
        gathered.corrections.append(edit)
        gathered.keep(f"{folder}/correction-{number}-before", edit.before_digest)
        gathered.keep(f"{folder}/correction-{number}-after-{edit.state}", edit.after_digest)
    seen: set[str] = set()
    for attempt in delivery.attempts:
        _attempt(gathered, delivery, attempt, f"{folder}/attempt-{attempt.number}", seen)
    for row in rows:
        for name in _NAMED_BYTES:
            if row.event.startswith(("operator.settle", "inquiry.")):
                gathered.keep(f"{folder}/{row.event}-{row.number}-{name}", str(row.entry.get(name, "")))


def _attempt(gathered: _Gathered, delivery: DeliveryDetail, attempt: AttemptRow, folder: str, seen: set[str]) -> None:
    """Add an attempt; business bytes stand with the first one that sent them, a retry sends the same."""
    _, sent = gathered.keep(f"{folder}/sent", attempt.sent_digest)
    gathered.keep(f"{folder}/reply", attempt.reply_digest)
    if attempt.business_digest in seen:
        return
    seen.add(attempt.business_digest)
    path, business = gathered.keep(f"{folder}/business", attempt.business_digest)
    if not business:
        return
    name, at = path.rpartition("/")[2], attempt.started_at
    gathered.take(proofs.of_xml(business, folder=folder, name=name, at=at))
    same = attempt.business_digest == delivery.business_digest
    if token := (delivery.head.get("jws", "") if same else "") or _token_on_the_wire(sent):
        gathered.take(proofs.of_jws(token, folder=folder, name=name, at=at))


def _token_on_the_wire(sent: bytes) -> str:
    """Find the signature of an attempt whose bytes were replaced since: it went as a header."""
    found = _JWS_HEADER.search(sent)
    return found[1].decode() if found else ""


# --- partners' files ---------------------------------------------------------------------------------------------


def _files(gathered: _Gathered, store: PayloadStore, messages: Sequence[str]) -> None:
    """Add the files that the messages name, each once; their bytes never stand in memory whole."""
    for row in attachments.named_by(gathered.conn, messages):
        hexed = row.digest.partition(":")[2]
        path = f"files/{hexed}.bin"
        if row.deleted_at is not None:
            gathered.left_out.append(LeftOut(path=path, digest=hexed, why=DELETED, deleted_at=row.deleted_at))
        elif not gathered.wanted.personal_data or not gathered.wanted.files:
            why = NOT_ASKED if gathered.wanted.personal_data else PERSONAL
            gathered.left_out.append(LeftOut(path=path, digest=hexed, why=why))
        else:
            gathered.items[path] = Item(path=path, digest=hexed, pieces=_Stored(store, row.digest))


@dataclass(frozen=True, slots=True)
class _Stored:
    """Reads a file of the payload store."""

    store: PayloadStore
    digest: str

    def __call__(self) -> Iterator[bytes]:
        reading = self.store.open(self.digest)
        if reading is None:
            return
        try:
            while piece := reading.read():
                yield piece
        finally:
            reading.close()


# --- the journal -------------------------------------------------------------------------------------------------


def _journal(gathered: _Gathered, rows: Mapping[str, Sequence[JournalRow]]) -> None:
    """Write each row as the very bytes that were hashed; they end with the hash of the row before."""
    for number, chain in enumerate(rows.values(), start=1):
        for row in chain:
            gathered.add(_row_path(number, row), hashed(row))
        if chain:
            gathered.checks.append(Check("chain", (f"journal/{number}", str(len(chain)), chain[-1].hash)))


def _row_path(number: int, row: JournalRow) -> str:
    return f"journal/{number}/{row.number:06}.json"


def hashed(row: JournalRow) -> bytes:
    """Give the bytes that a row's hash was made from (hub.ledger.journal.row_hash)."""
    fields = [row.subject, row.number, f"{row.at:.6f}", row.actor, row.event, row.text, row.previous]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _seals(gathered: _Gathered, subject: str, number: int) -> None:
    """Add what proves that rows were there when the ledger was sealed: leaf, path up to the root, time token over it."""
    for proof in seals.proofs_of(gathered.conn, subject):
        stem = f"seals/{number}/{proof.seal:06}"
        leaf, path, token = f"{stem}-leaf.json", f"{stem}-path.txt", f"{stem}-root.tst"
        steps = (f"{'left' if step.left else 'right'} {step.digest.hex()}\n" for step in proof.path)
        gathered.add(leaf, proof.octets)
        gathered.add(path, "".join(steps).encode())
        row = f"journal/{number}/{proof.number:06}.json"
        gathered.checks.append(Check("merkle", (row, leaf, path, proof.root.hex())))
        if proof.token is not None:
            gathered.add(token, proof.token)
            gathered.checks.append(Check("stamped_root", (token, proof.root.hex())))
        gathered.seals.append(proof)


def _told_in_journal(gathered: _Gathered, rows: Mapping[str, Sequence[JournalRow]]) -> Iterator[Check]:
    """Say where the journal names bytes, be they here or left out: so they are those that were recorded then."""
    told: dict[str, str] = {}
    for number, chain in enumerate(rows.values(), start=1):
        for row in chain:
            for digest in _DIGEST.findall(row.text):
                told.setdefault(digest, _row_path(number, row))
    known = [(each.digest, each.path) for each in gathered.items.values()]
    known += [(each.digest, each.path) for each in gathered.left_out]
    for digest, path in known:
        if digest in told:
            yield Check("told", (path, digest, told[digest]))
