"""Checks a container of evidence by itself: neither ledger, nor network, nor trust store; whom to believe is the reader's to say.

It may come from anybody: sizes are bounded, nothing is unpacked, and what cannot be read is a check that failed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from cryptography import x509

from hub.errors import InvalidMessage, Untrusted
from hub.registers import container, line_checks
from hub.registers.opened_container import (
    FAILED,
    NOT_CHECKED,
    OK,
    UNREADABLE,
    NotHere,
    Opened,
    Result,
    check_token,
    result,
)
from hub.rules import asic, cades, certificates
from hub.rules.asic import DataObject
from hub.rules.cades import Signed
from hub.rules.stored_zip import Reader
from hub.trust import paths
from hub.trust.store import Anchor


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a container says of itself, and what was found of it."""

    #: What evidence it is, of which hub, when exported; empty where that cannot be read.
    name: str = ""
    hub: str = ""
    exported_at: str = ""
    personal_data: bool | None = None
    #: Whose seal it is, the SHA-256 of its certificate, and when it was made as the signer claims.
    sealed_by: str = ""
    seal_fingerprint: str = ""
    sealed_at: str = ""
    #: When the time-stamping authority says that the seal was there; empty without a token that holds.
    stamped_at: str = ""
    stamped_by: str = ""
    results: tuple[Result, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Say whether no check failed."""
        return all(each.outcome != FAILED for each in self.results)


def verify(file: BinaryIO, anchors: Sequence[x509.Certificate] = ()) -> Verdict:
    """Check a container; ``anchors``: certificates of the authorities, or signers, that the reader trusts."""
    try:
        reader = Reader(file)
        opened = Opened(reader, {name: reader.sha256(entry) for name, entry in reader.entries.items()}, tuple(anchors))
    except InvalidMessage as error:
        return Verdict(results=tuple(result("zip", each.path or "ZIP", FAILED, (each.vi, each.en)) for each in error.faults))
    seal, sealed = _sealed(opened)
    stamp, stamped = _stamped(opened)
    results = (
        *_form(opened),
        *_manifest(opened, asic.MANIFEST, asic.SEAL, ours=True),
        sealed,
        *stamped,
        *_signers(opened, seal, stamp),
        *_sums(opened),
        *line_checks.carried_out(opened),
    )
    return Verdict(**_told(opened), **_whose(seal, stamp), results=results)


def _told(opened: Opened) -> dict[str, Any]:
    """Read what the container says of itself; all of it is below the seal."""
    try:
        tree = json.loads(opened.read(container.INDEX))
        told = {name: str(tree[name]) for name in ("name", "hub", "exported_at")}
        return {**told, "personal_data": bool(tree["personal_data"])}
    except (NotHere, *UNREADABLE):
        return {}


def _whose(seal: Signed | None, stamp: Signed | None) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if seal is not None:
        told["sealed_by"] = seal.certificate.subject.rfc4514_string()
        told["seal_fingerprint"] = certificates.fingerprint(seal.certificate)
        told["sealed_at"] = seal.at.isoformat()
    if stamp is not None:
        told["stamped_at"] = stamp.at.isoformat()
        told["stamped_by"] = stamp.certificate.subject.rfc4514_string()
    return told


# --- the container -----------------------------------------------------------------------------------------------


def _form(opened: Opened) -> Iterator[Result]:
    """Tell whether each octet of the zip is as the hub writes it."""
    for fault in opened.reader.faults:
        yield result("zip", fault.path, FAILED, (fault.vi, fault.en))
    first = next(iter(opened.reader.entries), "")
    if first != asic.MIMETYPE_NAME or opened.reader.read(first, len(asic.MIMETYPE)) != asic.MIMETYPE.encode():
        words = "không phải tệp ASiC-E: mục đầu tiên phải là mimetype", "this is no ASiC-E: its first entry must be the mimetype"
        yield result("zip", asic.MIMETYPE_NAME, FAILED, words)
    elif not opened.reader.faults:
        count = len(opened.reader.entries)
        words = f"tệp ZIP đúng dạng, {count} mục", f"the zip is well-formed, with {count} entries"
        yield result("zip", "ZIP", OK, words)


def _manifest(opened: Opened, name: str, signature: str, *, ours: bool) -> Iterator[Result]:
    """Compare what a manifest names with what is there; ``ours``: it names everything outside META-INF, and nothing else."""
    try:
        manifest = asic.read_manifest(opened.read(name), name)
    except (NotHere, *UNREADABLE):
        words = "không có hoặc không đọc được bản kê", "the manifest is missing, or cannot be read"
        yield result("manifest", name, FAILED, words)
        return
    wrong = list(_differing(opened, manifest.objects, ours=ours))
    if manifest.signature != signature:
        wrong.append((name, ("bản kê trỏ tới chữ ký khác", "the manifest refers to another signature")))
    for path, words in wrong:
        yield result("manifest", path, FAILED, words)
    if not wrong:
        words = f"{len(manifest.objects)} tệp đúng như bản kê", f"{len(manifest.objects)} files are what the manifest says"
        yield result("manifest", name, OK, words)


def _differing(opened: Opened, objects: Sequence[DataObject], *, ours: bool) -> Iterator[tuple[str, tuple[str, str]]]:
    for each in objects:
        if each.uri not in opened.digests:
            yield each.uri, ("có trong bản kê nhưng không có trong tệp", "the manifest names it, but it is not there")
        elif opened.digests[each.uri] != each.digest:
            yield each.uri, ("nội dung đã bị thay đổi", "its content was changed")
    named = {each.uri for each in objects}
    known = {asic.MIMETYPE_NAME, asic.MANIFEST, asic.SEAL, asic.ARCHIVE_MANIFEST, asic.TIMESTAMP}
    for path in opened.digests if ours else ():
        if path not in named | known:
            yield path, ("không có trong bản kê: được thêm vào sau", "the manifest does not name it: it was added")


def _sealed(opened: Opened) -> tuple[Signed | None, Result]:
    try:
        seal = cades.check(opened.read(asic.SEAL), opened.read(asic.MANIFEST))
    except Untrusted as error:
        return None, result("seal", asic.SEAL, FAILED, (f"{asic.MANIFEST}: {error.vi}", f"{asic.MANIFEST}: {error.en}"))
    except (NotHere, *UNREADABLE):
        return None, result("seal", asic.SEAL, FAILED, ("không có con dấu", "there is no seal"))
    name = seal.certificate.subject.rfc4514_string()
    words = f"con dấu CAdES đúng, của {name}", f"the CAdES seal holds, by {name}"
    return seal, result("seal", asic.SEAL, OK, words)


def _stamped(opened: Opened) -> tuple[Signed | None, tuple[Result, ...]]:
    """Check the time token over manifest and seal, where there is one."""
    if not _says_stamped(opened) and asic.ARCHIVE_MANIFEST not in opened.digests and asic.TIMESTAMP not in opened.digests:
        words = "tệp không có dấu thời gian của tổ chức cấp dấu thời gian", "the container has no time token"
        return None, (result("timestamp", asic.TIMESTAMP, NOT_CHECKED, words),)
    manifest = tuple(_manifest(opened, asic.ARCHIVE_MANIFEST, asic.TIMESTAMP, ours=False))
    try:
        octets = opened.read(asic.ARCHIVE_MANIFEST)
        stamp = cades.check_token(opened.read(asic.TIMESTAMP), hashlib.sha256(octets).digest())
        names = {each.uri for each in asic.read_manifest(octets, asic.ARCHIVE_MANIFEST).objects}
        if not {asic.SEAL, asic.MANIFEST} <= names:
            raise InvalidMessage(())
    except Untrusted as error:
        words = f"{asic.ARCHIVE_MANIFEST}: {error.vi}", f"{asic.ARCHIVE_MANIFEST}: {error.en}"
        return None, (*manifest, result("timestamp", asic.TIMESTAMP, FAILED, words))
    except (NotHere, *UNREADABLE):
        words = "dấu thời gian không đọc được hoặc không gồm con dấu", "the time token cannot be read, or is not over the seal"
        return None, (*manifest, result("timestamp", asic.TIMESTAMP, FAILED, words))
    words = f"dấu thời gian đúng: {stamp.at.isoformat()}", f"the time token holds: {stamp.at.isoformat()}"
    return stamp, (*manifest, result("timestamp", asic.TIMESTAMP, OK, words))


def _says_stamped(opened: Opened) -> bool:
    """Say whether the container itself, below its seal, tells that it has a time token."""
    try:
        return bool(json.loads(opened.read(container.INDEX))["stamped"])
    except (NotHere, *UNREADABLE):
        return False


def _signers(opened: Opened, seal: Signed | None, stamp: Signed | None) -> Iterator[Result]:
    """Judge who sealed, where the reader says whom to trust, at the moment that the time token proves."""
    if not opened.anchors:
        vi = "chưa xét người đóng dấu có đáng tin không: hãy chỉ rõ nơi cấp mà bạn tin cậy (--anchors)"
        en = "whether the signer can be trusted was not looked at: name whom you trust (--anchors)"
        yield result("signer", asic.SEAL, NOT_CHECKED, (vi, en))
        return
    if stamp is not None:
        digest = hashlib.sha256(opened.read(asic.ARCHIVE_MANIFEST)).digest()
        yield _judged("timestamp_signer", asic.TIMESTAMP, stamp, lambda: check_token(opened, asic.TIMESTAMP, digest))
    if seal is not None:
        moment = stamp.at if stamp is not None else seal.at
        yield _judged("signer", asic.SEAL, seal, lambda: _find_path(opened, seal, moment))


def _judged(check: str, about: str, signed: Signed, judge: Callable[[], object]) -> Result:
    name = signed.certificate.subject.rfc4514_string()
    try:
        judge()
    except Untrusted as error:
        return result(check, about, FAILED, (f"{name}: {error.vi}", f"{name}: {error.en}"))
    except UNREADABLE:
        return result(check, about, FAILED, (f"{name}: chứng thư số không đọc được", f"{name}: a certificate cannot be read"))
    words = f"{name} được nơi cấp mà bạn tin cậy cấp chứng thư số", f"{name} has a certificate below one that you trust"
    return result(check, about, OK, words)


def _find_path(opened: Opened, signed: Signed, moment: datetime) -> None:
    if signed.certificate in opened.anchors:
        return
    pool = (*signed.others, *opened.anchors)
    # A signer whom the reader trusts by itself vouches for nobody else.
    authorities = [_anchor(each) for each in opened.anchors if certificates.may_issue(each)]
    given = paths.candidates(signed.certificate, pool, authorities)
    paths.find_paths(given, moment, allow_weak=False)


def _anchor(certificate: x509.Certificate) -> Anchor:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Anchor(name="", purpose="", certificate=certificate, valid_from=begins, valid_until=ends)


def _sums(opened: Opened) -> Iterator[Result]:
    """Compare every file with the digest that the ledger held of it."""
    try:
        lines = opened.read(container.SUMS).decode("ascii").splitlines()
        listed = [(line[66:], line[:64]) for line in lines]
    except (NotHere, *UNREADABLE):
        yield result("sums", container.SUMS, FAILED, ("không đọc được", "it cannot be read"))
        return
    wrong = [path for path, digest in listed if opened.digests.get(path, digest) != digest]
    for path in wrong:
        yield result("sums", path, FAILED, ("khác với mã băm trong sổ cái", "it is not what the ledger's digest says"))
    if not wrong:
        here = sum(path in opened.digests for path, _ in listed)
        words = f"{here} tệp khớp với mã băm trong sổ cái", f"{here} files have the digests that the ledger holds"
        yield result("sums", container.SUMS, OK, words)
