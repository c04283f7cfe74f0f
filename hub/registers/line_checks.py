"""Carries out the lines of a container's ``checks.tsv``: what stands inside is checked by itself, beside the seal over all."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.errors import HubError
from hub.ledger.journal import GENESIS
from hub.registers import container, proofs
from hub.registers.opened_container import (
    FAILED,
    MAX_DOCUMENT,
    NOT_CHECKED,
    OK,
    UNREADABLE,
    NotHere,
    Opened,
    Result,
    check_token,
    result,
)
from hub.rules import certificates, merkle, signatures
from hub.rules.merkle import Step
from hub.rules.stored_zip import MAX_ENTRIES
from hub.rules.trust import TrustSnapshot


def carried_out(opened: Opened) -> Iterator[Result]:
    """Carry out each line of checks.tsv."""
    try:
        lines = opened.read(container.CHECKS).decode("ascii").splitlines()
    except (NotHere, *UNREADABLE):
        yield result("checks", container.CHECKS, FAILED, ("không đọc được", "it cannot be read"))
        return
    if len(lines) > MAX_ENTRIES:
        # More than the hub writes, each of which may have a large file read.
        yield result("checks", container.CHECKS, FAILED, ("quá nhiều dòng", "it has too many lines"))
        return
    for line in lines:
        kind, *words = line.split("\t")
        yield _line(opened, kind, words)


def _line(opened: Opened, kind: str, words: Sequence[str]) -> Result:
    if kind not in _KINDS:
        told = f"không rõ loại kiểm tra {kind!a}", f"no kind of check is called {kind!a}"
        return result("checks", container.CHECKS, FAILED, told)
    check, vi, en = _KINDS[kind]
    try:
        told = vi.format(*words), en.format(*words)
        holds = check(opened, *words)
    except NotHere as left:
        missing = f"; {left} đã được bỏ ra", f"; {left} was left out"
        return result(kind, words[0], NOT_CHECKED, (told[0] + missing[0], told[1] + missing[1]))
    except UNREADABLE as error:
        why = (error.vi, error.en) if isinstance(error, HubError) else ("không đọc được", "it cannot be read")
        return result(kind, words[0] if words else kind, FAILED, why)
    return result(kind, words[0], OK if holds else FAILED, told)


def _xml(opened: Opened, document: str, certificate: str, moment: str, _attribute: str, _element: str) -> bool:
    trust = TrustSnapshot(pinned=(opened.certificate(certificate),), allow_weak=True)
    signatures.signed_part(opened.read(document, MAX_DOCUMENT), trust, _at(moment), long_texts=True, odd=True)
    return True


def _at(moment: str) -> datetime:
    return datetime.fromtimestamp(int(moment), UTC)


def _signed_info(opened: Opened, info: str, value: str, certificate: str, hashed: str, padding: str) -> bool:
    return proofs.holds(_der(opened, certificate), hashed, padding, opened.read(value), opened.read(info))


def _der(opened: Opened, certificate: str) -> bytes:
    return opened.certificate(certificate).public_bytes(Encoding.DER)


def _signed_part(opened: Opened, part: str, info: str, hashed: str, digest: str) -> bool:
    if part in opened.reader.entries:
        found = hashlib.new(hashed, opened.read(part, MAX_DOCUMENT)).digest()
    elif hashed == "sha256":
        found = bytes.fromhex(_recorded(opened, part))
    else:
        raise NotHere(part)
    return base64.b64encode(found).decode() == digest and f">{digest}<".encode() in opened.read(info)


def _recorded(opened: Opened, path: str) -> str:
    """Give the digest that the ledger holds of a file which is not here."""
    lines = opened.read(container.SUMS).decode("ascii").splitlines()
    return next((line[:64] for line in lines if line[66:] == path), "")


def _jws(
    opened: Opened, document: str, protected: str, signature: str, certificate: str, hashed: str, padding: str, *_: str
) -> bool:
    octets = opened.read(protected) + b"." + opened.read(document, MAX_DOCUMENT)
    return proofs.holds(_der(opened, certificate), hashed, padding, opened.read(signature), octets)


def _fingerprint(opened: Opened, certificate: str, digest: str) -> bool:
    return certificates.fingerprint(opened.certificate(certificate)) == digest


def _trusted(opened: Opened, certificate: str, anchors: str, moment: str, strength: str) -> bool:
    known = tuple(x509.load_pem_x509_certificates(opened.read(anchors)))
    trust = TrustSnapshot(pinned=known, anchors=known, allow_weak=strength == "weak")
    certificates.check(opened.certificate(certificate), trust, _at(moment))
    return True


def _chain(opened: Opened, folder: str, rows: str, last: str) -> bool:
    """Follow the rows from the first to the last; each is the very bytes that were hashed."""
    previous, found = GENESIS, sorted(path for path in opened.reader.entries if path.startswith(f"{folder}/"))
    if len(found) != int(rows) or found != [f"{folder}/{number:06}.json" for number in range(1, len(found) + 1)]:
        return False
    for number, path in enumerate(found, start=1):
        fields = json.loads(opened.read(path))
        if not isinstance(fields, list) or len(fields) != 7 or (fields[1], fields[6]) != (number, previous):
            return False
        previous = opened.digests[path]
    return hmac.compare_digest(previous, last)


def _named(opened: Opened, path: str, digest: str, row: str) -> bool:
    return f"sha256:{digest}".encode() in opened.read(row) and opened.digests.get(path, digest) == digest


def _merkle(opened: Opened, row: str, leaf: str, path: str, root: str) -> bool:
    octets = opened.read(leaf)
    opened.read(row)
    kind, _, _, told = json.loads(octets)
    lines = [line.split(" ") for line in opened.read(path).decode("ascii").splitlines()]
    steps = [Step(bytes.fromhex(digest), left=side == "left") for side, digest in lines]
    return kind == "end" and told == opened.digests[row] and merkle.climb(merkle.leaf(octets), steps).hex() == root


def _stamped_root(opened: Opened, token: str, root: str) -> bool:
    check_token(opened, token, bytes.fromhex(root))
    return True


def _left_out(opened: Opened, path: str, digest: str, why: str) -> bool:
    if path not in opened.reader.entries:
        raise NotHere(path)
    return opened.digests[path] == digest


#: Kind of line -> what carries it out, and what it says when it holds.
_KINDS: Mapping[str, tuple[Callable[..., bool], str, str]] = {
    "xml": (_xml, "chữ ký XML trong {0} khớp với {1}", "the XML signature in {0} fits {1}"),
    "signed_info": (_signed_info, "giá trị chữ ký khớp với {0} và {2}", "the signature value fits {0} and {2}"),
    "signed_part": (_signed_part, "{0} đúng là phần đã ký", "{0} is what was signed"),
    "jws": (_jws, "chữ ký JWS trên {0} khớp với {3}", "the JWS over {0} fits {3}"),
    "fingerprint": (_fingerprint, "{0} là chứng thư số nêu trong kết luận", "{0} is the certificate that the verdict names"),
    "trusted": (_trusted, "{0} được tin cậy (theo {1}) khi nhận", "{0} was trusted (by {1}) at the moment of reception"),
    "chain": (_chain, "nhật ký {0} nguyên vẹn", "the journal {0} is whole"),
    "told": (_named, "{0} được nhật ký ghi lại ({2})", "{0} is named in {2}"),
    "merkle": (_merkle, "{0} nằm dưới niêm phong sổ cái {3}", "{0} is below the ledger's seal {3}"),
    "stamped_root": (_stamped_root, "dấu thời gian {0} là của niêm phong {1}", "the time token {0} is over the seal {1}"),
    "left_out": (_left_out, "{0} có mã băm {1}", "{0} has the digest {1}"),
}
