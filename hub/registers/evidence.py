"""Evidence of a message, a delivery or a dossier: every byte that is kept of it, and the commands that verify them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from hub.canonical.base import local
from hub.ledger import payloads
from hub.ledger.journal import GENESIS
from hub.registers import history, names, proofs
from hub.registers.history import AttemptRow, DeliveryDetail, JournalRow, MessageDetail
from hub.registers.proofs import Check, File

#: Journal events whose rows name bytes that are kept: what a person stated, what an inquiry was answered.
_NAMED_BYTES = ("evidence", "reply")
#: In the wire bytes of an attempt: the detached signature, as transports send it.
_JWS_HEADER = re.compile(rb"(?im)^x-jws-signature:[ \t]*([\w.-]+)[ \t]*\r?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Bytes of which only the digest is left: retention has deleted them."""

    path: str
    digest: str
    #: When (seconds since 1970 UTC); None where nobody wrote it down.
    deleted_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The evidence: files for one folder, commands that verify them, and what is no longer there."""

    name: str
    files: tuple[File, ...]
    checks: tuple[Check, ...]
    absent: tuple[Absent, ...] = ()


@dataclass(slots=True)
class _Gathered:
    """What is being put together; a digest that the ledger knows goes into SHA256SUMS."""

    conn: Connection
    files: dict[str, File] = field(default_factory=dict)
    sums: list[tuple[str, str]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)

    def add(self, path: str, body: bytes) -> None:
        self.files[path] = File(path=path, body=body)

    def keep(self, stem: str, digest: str) -> tuple[str, bytes]:
        """Add the exact bytes of a digest; give file name and bytes, both empty where there are none."""
        if not digest:
            return "", b""
        body = payloads.get(self.conn, digest)
        if body is None:
            self.absent.append(Absent(path=stem, digest=digest, deleted_at=payloads.deleted_at(self.conn, digest)))
            return "", b""
        path = f"{stem}.{_ending(body)}"
        self.add(path, body)
        self.sums.append((digest.partition(":")[2], path))
        return path.rpartition("/")[2], body

    def take(self, proof: proofs.Proof) -> None:
        for file in proof.files:
            self.files[file.path] = file
        self.checks.extend(proof.checks)


def _ending(body: bytes) -> str:
    """Choose a file name's ending by the first character: xml, json or bin."""
    first = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return {b"<": "xml", b"{": "json", b"[": "json"}.get(first, "bin")


def collect(conn: Connection, given: str, trusted: Mapping[str, Sequence[bytes]]) -> Bundle:
    """Put together the evidence of what a name means; raise NotAllowed where nothing has this name.

    ``trusted``: endpoint -> DER of the certificates it trusts now, for the check of a signer's certificate.
    """
    named = names.resolve(conn, given)
    gathered = _Gathered(conn)
    received = history.message_details(conn, named.messages)
    sent = history.delivery_details(conn, named.deliveries)
    subjects = dict.fromkeys((*named.subjects, *(each.row.subject for each in received), *(each.subject for each in sent)))
    rows = {subject: history.journal_of(conn, subject) for subject in subjects}
    for message in received:
        _message(gathered, message, trusted.get(message.row.endpoint, ()))
    for delivery in sent:
        _delivery(gathered, delivery, [row for row in rows[delivery.subject] if row.entry.get("delivery") == delivery.id])
    _journal(gathered, rows)
    _link_to_journal(gathered, received, rows)
    _sums(gathered)
    index = {"name": given, "messages": [asdict(each) for each in received], "deliveries": [asdict(each) for each in sent]}
    gathered.add("evidence.json", proofs.as_json({**index, "absent": [asdict(each) for each in gathered.absent]}))
    return Bundle(
        name=_folder_name(named.name),
        files=tuple(gathered.files.values()),
        checks=tuple(gathered.checks),
        absent=tuple(gathered.absent),
    )


def _folder_name(name: str) -> str:
    """Make a folder's name of an identifier: a dossier's number comes from outside and may hold anything."""
    return re.sub(r"[^\w.-]+", "_", name).strip(".")[:120] or "evidence"


# --- what came ---------------------------------------------------------------------------------------------------


def _message(gathered: _Gathered, message: MessageDetail, trusted: Sequence[bytes]) -> None:
    folder = f"messages/{message.row.id}"
    received, raw = gathered.keep(f"{folder}/received", message.raw_digest)
    signed, _ = gathered.keep(f"{folder}/signed-part", message.signed_digest)
    certificate = payloads.get(gathered.conn, message.certificate_digest) or b""
    gathered.add(f"{folder}/verdict.json", proofs.as_json(dict(message.verdict)))
    gathered.add(f"{folder}/message.json", proofs.as_json(asdict(message)))
    for number, digest in enumerate(message.canonical_digests, start=1):
        gathered.keep(f"{folder}/canonical-{number}", digest)
    gathered.keep(f"{folder}/answer", message.answer_digest)
    _, token = gathered.keep(f"{folder}/detached-signature", message.signature_digest)
    if token and certificate and received:
        gathered.take(proofs.of_jws(token.decode("latin-1"), folder=folder, name=received, certificate=certificate))
        gathered.take(_certificate(message, folder, certificate, trusted))
        return
    document = proofs.signed_document(raw) if certificate else b""
    if not document:
        return
    name = received
    if document != raw:
        name = "document.xml"
        gathered.add(f"{folder}/{name}", document)
    _signed_message(gathered, message, document, f"{folder}/{name}", f"{folder}/{signed}", certificate, trusted)


def _signed_message(
    gathered: _Gathered,
    message: MessageDetail,
    document: bytes,
    path: str,
    signed: str,
    certificate: bytes,
    trusted: Sequence[bytes],
) -> None:
    folder, _, name = path.rpartition("/")
    gathered.take(proofs.of_xml(document, folder=folder, name=name, certificate=certificate))
    if check := proofs.signed_octets(document, signed):
        gathered.checks.append(check)
    gathered.take(_certificate(message, folder, certificate, trusted))


def _certificate(message: MessageDetail, folder: str, certificate: bytes, trusted: Sequence[bytes]) -> proofs.Proof:
    return proofs.of_certificate(
        certificate,
        folder=folder,
        fingerprint=str(message.verdict.get("fingerprint", "")),
        at=message.row.received_at,
        trusted=trusted,
        weak=bool(message.verdict.get("weak")),
    )


# --- what was sent -----------------------------------------------------------------------------------------------


def _delivery(gathered: _Gathered, delivery: DeliveryDetail, rows: Iterable[JournalRow]) -> None:
    folder = f"deliveries/{delivery.id}"
    gathered.add(f"{folder}/delivery.json", proofs.as_json(asdict(delivery)))
    gathered.keep(f"{folder}/canonical", delivery.canonical_digest)
    for attempt in delivery.attempts:
        _attempt(gathered, delivery, attempt, f"{folder}/attempt-{attempt.number}")
    for row in rows:
        for name in _NAMED_BYTES:
            if row.event.startswith(("operator.settle", "inquiry.")):
                gathered.keep(f"{folder}/{row.event}-{row.number}-{name}", str(row.entry.get(name, "")))


def _attempt(gathered: _Gathered, delivery: DeliveryDetail, attempt: AttemptRow, folder: str) -> None:
    gathered.add(f"{folder}/attempt.json", proofs.as_json(asdict(attempt)))
    name, business = gathered.keep(f"{folder}/business", attempt.business_digest)
    _, sent = gathered.keep(f"{folder}/sent", attempt.sent_digest)
    gathered.keep(f"{folder}/reply", attempt.reply_digest)
    if not business:
        return
    gathered.take(proofs.of_xml(business, folder=folder, name=name))
    same = attempt.business_digest == delivery.business_digest
    if token := (delivery.head.get("jws", "") if same else "") or _token_on_the_wire(sent):
        gathered.take(proofs.of_jws(token, folder=folder, name=name))


def _token_on_the_wire(sent: bytes) -> str:
    """Find the signature of an attempt whose bytes were replaced since: it went as a header."""
    found = _JWS_HEADER.search(sent)
    return found[1].decode() if found else ""


# --- the journal -------------------------------------------------------------------------------------------------


def _journal(gathered: _Gathered, rows: Mapping[str, Sequence[JournalRow]]) -> None:
    """Write each row as the very bytes that were hashed; they end with the hash of the row before."""
    listed = []
    for number, (subject, chain) in enumerate(rows.items(), start=1):
        folder = f"journal/{number}"
        for row in chain:
            gathered.add(f"{folder}/{row.number:06}.json", _hashed(row))
        listed.append({"subject": subject, "folder": folder, "rows": [_shown(row) for row in chain]})
        if chain:
            gathered.checks.append(_chain_check(folder, subject, chain[-1].hash))
    gathered.add("journal.json", proofs.as_json(listed))


def _hashed(row: JournalRow) -> bytes:
    """Give the bytes that a row's hash was made from (hub.ledger.journal.row_hash)."""
    fields = [row.subject, row.number, f"{row.at:.6f}", row.actor, row.event, row.text, row.previous]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _shown(row: JournalRow) -> dict[str, Any]:
    moment = local(datetime.fromtimestamp(row.at, UTC)).isoformat(timespec="seconds")
    return {**{name: value for name, value in asdict(row).items() if name != "text"}, "moment": moment}


def _chain_check(folder: str, subject: str, last: str) -> Check:
    command = (
        f'previous={GENESIS}; for row in {folder}/*.json; do grep -q "\\"$previous\\"\\]$" "$row" || exit 1; '
        f'previous=$(openssl dgst -sha256 -r "$row" | cut -c1-64); done; test "$previous" = {last}'
    )
    return Check(
        vi=f"Nhật ký của {subject} ({folder}) nguyên vẹn: mỗi dòng chứa mã băm của dòng trước",
        en=f"the journal of {subject} ({folder}) is whole: each row holds the hash of the row before it",
        command=command,
    )


def _link_to_journal(
    gathered: _Gathered, received: Iterable[MessageDetail], rows: Mapping[str, Sequence[JournalRow]]
) -> None:
    """Say where the journal names the bytes that came: a file changed together with SHA256SUMS shows here."""
    numbers = {subject: number for number, subject in enumerate(rows, start=1)}
    for message in received:
        for row in rows[message.row.subject]:
            if row.event in ("message.received", "message.refused") and row.entry.get("message") == message.row.id:
                gathered.checks.extend(_named_in(gathered, message, row, numbers[row.subject]))


def _named_in(gathered: _Gathered, message: MessageDetail, row: JournalRow, number: int) -> Iterator[Check]:
    written = f"journal/{number}/{row.number:06}.json"
    folder = f"messages/{message.row.id}"
    names = {"raw": "received", "signed": "signed-part", "signature": "detached-signature"}
    files = {name: f"{folder}/{stem}" for name, stem in names.items()}
    for name, stem in files.items():
        path = next((path for _, path in gathered.sums if path.startswith(f"{stem}.")), "")
        if path and name in row.entry:
            yield Check(
                vi=f"{path} là nội dung mà nhật ký đã ghi khi nhận",
                en=f"{path} is what the journal recorded on reception",
                command=f"grep -q \"sha256:$(openssl dgst -sha256 -r {path} | cut -c1-64)\" {written}",
            )


def _sums(gathered: _Gathered) -> None:
    listed = sorted(set(gathered.sums), key=lambda pair: pair[1])
    gathered.add("SHA256SUMS", "".join(f"{digest}  {path}\n" for digest, path in listed).encode())
    check = Check(
        vi="Mọi tệp khớp với mã băm SHA-256 trong sổ cái",
        en="every file has the SHA-256 digest that the ledger holds",
        command="sha256sum --check --strict --quiet SHA256SUMS",
    )
    if listed:
        gathered.checks.insert(0, check)
