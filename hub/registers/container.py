"""Writes evidence into one sealed file that a court can check without us: an ASiC-E container (ETSI EN 319 162-1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO

from hub.canonical.base import local
from hub.canonical.digests import sha256
from hub.errors import Damaged
from hub.registers import proofs, report
from hub.registers.evidence import Evidence, Item
from hub.registers.guides import GUIDES, SCRIPT
from hub.registers.masking import HIDDEN
from hub.registers.records import JournalRow
from hub.rules import asic, cades
from hub.rules.asic import DataObject
from hub.rules.signing import Stamp
from hub.rules.stored_zip import Writer
from hub.rules.trust import Signer

#: Form of what stands in a container; raised where a reader must know of a change.
FORMAT = "lienthong-evidence/1"
ENDING = "asice"
#: Texts that a partner wrote, or bytes: hidden where personal data is left out.
_TOLD_BY_PARTNERS = ("text", "error_en", "error_vi", "head")
INDEX, CHECKS, SUMS, REPORT = "evidence.json", "checks.tsv", "SHA256SUMS", "report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """Who seals a container, and when."""

    #: Name of the hub.
    hub: str
    signer: Signer
    now: datetime
    #: Gives a time token (RFC 3161, DER) over a SHA-256 digest; None: no time-stamping authority is set up.
    stamp: Stamp | None = field(default=None, repr=False)


def write(file: BinaryIO, evidence: Evidence, sealing: Sealing) -> tuple[DataObject, ...]:
    """Write a container into an empty file; give what is in it. Raises Damaged where bytes are not what the ledger says.

    Every file of it is read and written in pieces.
    """
    writer = Writer(file)
    writer.add(asic.MIMETYPE_NAME, (asic.MIMETYPE.encode(),))
    objects = tuple(_add(writer, item) for item in (*evidence.items, *_about(evidence, sealing)))
    manifest = asic.write_manifest(asic.SEAL, asic.SEAL_TYPE, objects)
    seal = cades.seal(manifest, sealing.signer, sealing.now)
    writer.add(asic.MANIFEST, (manifest,))
    writer.add(asic.SEAL, (seal,))
    if sealing.stamp is not None:
        _stamp(writer, (*objects, _object(asic.MANIFEST, manifest), _object(asic.SEAL, seal)), sealing.stamp)
    writer.close()
    return objects


def _stamp(writer: Writer, objects: Iterable[DataObject], stamp: Stamp) -> None:
    """Let an authority say when all of this, the seal too, was there."""
    manifest = asic.write_manifest(asic.TIMESTAMP, asic.TIMESTAMP_TYPE, objects)
    writer.add(asic.ARCHIVE_MANIFEST, (manifest,))
    writer.add(asic.TIMESTAMP, (stamp(hashlib.sha256(manifest).digest()),))


def _object(uri: str, octets: bytes) -> DataObject:
    return DataObject(uri=uri, digest=sha256(octets))


def _add(writer: Writer, item: Item) -> DataObject:
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for piece in item.pieces():
            digest.update(piece)
            yield piece

    writer.add(item.path, pieces())
    if item.digest and digest.hexdigest() != item.digest:
        raise Damaged(
            f"{item.path} is not what its digest in the ledger says: nothing is sealed; see verify-ledger",
            f"{item.path} không khớp với mã băm trong sổ cái nên không đóng dấu; hãy chạy verify-ledger",
            where=item.path,
        )
    return DataObject(uri=item.path, digest=digest.hexdigest())


def _about(evidence: Evidence, sealing: Sealing) -> Iterator[Item]:
    """Give what is about the evidence: index, digests, list of checks, report, guides."""
    # Below the seal, so that nobody can take the time token away unnoticed.
    stamped, moment = sealing.stamp is not None, sealing.now.isoformat(timespec="seconds")
    yield _made(INDEX, _index(evidence, format=FORMAT, hub=sealing.hub, exported_at=moment, stamped=stamped))
    yield _made(SUMS, _sums(evidence))
    yield _made(CHECKS, "".join(f"{each.line()}\n" for each in evidence.checks).encode())
    yield _made(REPORT, report.html(evidence, hub=sealing.hub, signer=sealing.signer, now=sealing.now))
    for name, body in GUIDES.items():
        yield _made(name, body)
    yield _made("verify.sh", SCRIPT)


def _made(path: str, body: bytes) -> Item:
    return Item(path=path, pieces=lambda: (body,))


def _index(evidence: Evidence, **about: Any) -> bytes:
    """Write everything that the ledger knows of it for machines: ``evidence.json``."""
    tree = {
        **about,
        "name": evidence.given,
        "personal_data": evidence.wanted.personal_data,
        "messages": [asdict(each) for each in evidence.messages],
        "deliveries": [asdict(each) for each in evidence.deliveries],
        "journal": [
            {"subject": subject, "folder": f"journal/{number}", "rows": [_shown(row) for row in chain]}
            for number, (subject, chain) in enumerate(evidence.journal.items(), start=1)
        ],
        "corrections": [asdict(each) for each in evidence.corrections],
        "left_out": [asdict(each) for each in evidence.left_out],
    }
    return proofs.as_json(tree if evidence.wanted.personal_data else _without_told(tree))


def _shown(row: JournalRow) -> dict[str, Any]:
    moment = local(datetime.fromtimestamp(row.at, UTC)).isoformat(timespec="seconds")
    # The very text of the row is in its file; here its name is one that partners' words do not have.
    return {**{name: value for name, value in asdict(row).items() if name != "text"}, "moment": moment}


def _without_told(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: HIDDEN if name in _TOLD_BY_PARTNERS and part else _without_told(part) for name, part in value.items()}
    return [_without_told(each) for each in value] if isinstance(value, list | tuple) else value


def _sums(evidence: Evidence) -> bytes:
    """Write the digests that the ledger holds, also of what was left out: put in its place, a file is checked too."""
    listed = [(each.path, each.digest) for each in evidence.items if each.digest]
    listed += [(each.path, each.digest) for each in evidence.left_out]
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(listed)).encode()
