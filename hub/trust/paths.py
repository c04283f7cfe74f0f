"""Paths from a signer's certificate to an anchor (RFC 5280, section 6), by pyhanko-certvalidator, which is imported only here.

Its coroutines never wait for anything, since it is not allowed to fetch: they are run to their end without a loop. Which
authorities come into question is found out first, by their signatures: what a message brings along then makes no more
paths than it has certificates that fit each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from asn1crypto import algos, keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyhanko_certvalidator.authority import (
    CertTrustAnchor,
    TrustedServiceType,
    TrustQualifiers,
    derive_quals_from_cert,
)
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    ExpiredError,
    NotYetValidError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    NO_REVOCATION,
    AlgorithmUsageConstraint,
    AlgorithmUsagePolicy,
    CertRevTrustPolicy,
    PKIXValidationParams,
)
from pyhanko_certvalidator.validate import async_validate_path

from hub.errors import Untrusted
from hub.rules.certificates import (
    CURVES,
    RSA_BITS,
    STRONG_HASHES,
    WEAK_RSA_BITS,
    may_sign_documents,
    octets,
    untrusted,
)
from hub.trust.revocation import signed_by
from hub.trust.store import Anchor

R = TypeVar("R")

#: Ways from one certificate to an anchor that are tried; more of them are made only to keep us busy.
MAX_PATHS = 16
#: Certificates that are climbed to in search of them.
MAX_STEPS = 1000
#: Authorities between a signer and an anchor.
MAX_BETWEEN = 8
_RULES = CertRevTrustPolicy(revocation_checking_policy=NO_REVOCATION)
_DIGESTS = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"})


@dataclass(frozen=True, slots=True)
class Path:
    """A path that holds."""

    #: The signer's certificate first, the anchor's last.
    certificates: tuple[x509.Certificate, ...]
    anchor: Anchor

    def links(self) -> tuple[tuple[x509.Certificate, x509.Certificate], ...]:
        """Give each certificate, but the anchor's, with its issuer's."""
        return tuple(zip(self.certificates, self.certificates[1:], strict=False))

    def is_weak(self) -> bool:
        """Say whether a certificate was issued with SHA-1, or an authority has a short key; an anchor's own signature is none."""
        issued_with = [each.signature_hash_algorithm for each in self.certificates[:-1]]
        return not all(isinstance(each, STRONG_HASHES) for each in issued_with) or any(map(_short, self.certificates))


@dataclass(frozen=True, slots=True)
class Candidates:
    """Whose signatures lead from a certificate to anchors, whether they may give them or not."""

    certificate: x509.Certificate
    between: tuple[x509.Certificate, ...]
    anchors: tuple[Anchor, ...]


def candidates(certificate: x509.Certificate, pool: Iterable[x509.Certificate], anchors: Iterable[Anchor]) -> Candidates:
    """Climb from a certificate by signatures alone: certificates of the pool, as far as they lead, and the anchors above."""
    different, known = tuple(dict.fromkeys(pool)), tuple(anchors)
    reached: dict[x509.Certificate, None] = {certificate: None}
    level = [certificate]
    for _ in range(MAX_BETWEEN):
        level = [above for above in different if above not in reached and any(_issued(above, each) for each in level)]
        reached |= dict.fromkeys(level)
    ends = tuple(anchor for anchor in known if any(_issued(anchor.certificate, each) for each in reached))
    return Candidates(certificate, tuple(reached)[1:], ends)


def find_paths(given: Candidates, now: datetime, *, allow_weak: bool) -> list[Path]:
    """Find the paths that hold at a moment, revocation left aside; raise Untrusted where there is none."""
    if not given.anchors:
        raise _no_chain()
    if not may_sign_documents(given.certificate):
        raise constraints("chứng thư số không được cấp để ký văn bản", "the certificate is not for signing documents")
    found, refused = _finished(_walk(given, now, allow_weak))
    if not found:
        raise refused[0] if refused else _no_chain()
    return found


async def _walk(given: Candidates, now: datetime, allow_weak: bool) -> tuple[list[Path], list[Untrusted]]:
    # Of anchors with the same name and key the library takes the first: one that is trusted now.
    anchors = sorted(given.anchors, key=lambda anchor: not _in_force(anchor, now))
    rules = ValidationContext(
        trust_roots=[_known(anchor) for anchor in anchors],
        other_certs=[_asn1(each) for each in given.between],
        moment=now,
        time_tolerance=timedelta(0),
        revinfo_policy=_RULES,
        algorithm_usage_policy=_Algorithms(allow_weak),
    )
    found: list[Path] = []
    refused: list[Untrusted] = []
    for path in islice(_ways(given, anchors), MAX_PATHS):
        try:
            await async_validate_path(rules, path)
            found += _ours(path, given, [anchor for anchor in anchors if _in_force(anchor, now)])
        except ValidationError as error:
            refused.append(_refused(error))
    return found, refused


def _ways(given: Candidates, anchors: Sequence[Anchor]) -> Iterator[ValidationPath]:
    """Give the ways up to anchors, the shortest first; none goes twice through one name and key (RFC 4158, 2.4.2).

    Not by the library, which goes through each order of certificates that issued each other: 14 of them kept it busy for 20 s.
    """
    ends: dict[CertTrustAnchor, x509.Certificate] = {}
    for anchor in anchors:
        ends.setdefault(_known(anchor), anchor.certificate)
    waiting: deque[tuple[x509.Certificate, ...]] = deque([(given.certificate,)])
    for _ in range(MAX_STEPS):
        if not waiting:
            return
        way = waiting.popleft()
        passed = {_holder(each) for each in way}
        for known, end in ends.items():
            if _issued(end, way[-1]) and _holder(end) not in passed:
                first, *between = map(_asn1, way)
                yield ValidationPath(known, between[::-1], first)
        if len(way) <= MAX_BETWEEN:
            above = (each for each in given.between if _issued(each, way[-1]) and _holder(each) not in passed)
            waiting.extend((*way, each) for each in above)


def _ours(path: ValidationPath, given: Candidates, anchors: Sequence[Anchor]) -> list[Path]:
    """Bring a path into our own values, once for each anchor that has this name and key: it may serve several purposes."""
    by_octets = {octets(each): each for each in (given.certificate, *given.between)}
    downwards = [by_octets[path[place].dump()] for place in range(1, path.pkix_len + 1)]
    if not downwards:
        return []  # an anchor itself signs nothing
    same = [anchor for anchor in anchors if _known(anchor) == path.trust_anchor]
    return [Path((*reversed(downwards), anchor.certificate), anchor) for anchor in same]


def constraints(vi: str, en: str) -> Untrusted:
    """Make the error for a certificate or a path that is not meant for this."""
    return untrusted("INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE", vi, en)


def _no_chain() -> Untrusted:
    return untrusted(
        "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND",
        "không tìm được đường dẫn từ chứng thư số tới tổ chức gốc được tin cậy cho mục đích này",
        "no path leads from the certificate to an anchor that is trusted for this purpose",
    )


def _refused(error: ValidationError) -> Untrusted:
    """Say in ETSI's words why a path does not hold."""
    if isinstance(error, ExpiredError):
        return untrusted(
            "INDETERMINATE/OUT_OF_BOUNDS_NO_POE",
            "chứng thư số (hoặc chứng thư của tổ chức cấp) đã hết hạn",
            "the certificate, or one of those that issued it, has expired",
        )
    if isinstance(error, NotYetValidError):
        return untrusted(
            "TOTAL-FAILED/NOT_YET_VALID",
            "chứng thư số (hoặc chứng thư của tổ chức cấp) chưa có hiệu lực",
            "the certificate, or one of those that issued it, is not valid yet",
        )
    if isinstance(error, DisallowedAlgorithmError):
        return untrusted(
            "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
            "chứng thư số trong đường dẫn được cấp bằng thuật toán hoặc khoá quá yếu (SHA-1, RSA dưới 2048 bit)",
            "a certificate of the path was issued with an algorithm or a key that is too weak (SHA-1, RSA below 2048 bits)",
        )
    return constraints(
        "đường dẫn chứng thư vi phạm ràng buộc của tổ chức cấp (độ dài, tên, chính sách, keyUsage)",
        "the path breaks a constraint of one of its authorities (length, names, policies, key usage)",
    )


def _in_force(anchor: Anchor, now: datetime) -> bool:
    return anchor.valid_from <= now <= anchor.valid_until


@lru_cache(maxsize=4096)
def _issued(above: x509.Certificate, below: x509.Certificate) -> bool:
    return above.subject == below.issuer and signed_by(above, below, below.tbs_certificate_bytes, True) is not None


@lru_cache(maxsize=512)
def _holder(certificate: x509.Certificate) -> tuple[bytes, bytes]:
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.subject.public_bytes(), key


@lru_cache(maxsize=512)
def _short(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    return isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS


# --- to and from the library --------------------------------------------------------------------------------------


def _finished(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run what never waits; RuntimeError where it would."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: R = done.value
        return result
    coroutine.close()
    raise RuntimeError("pyhanko-certvalidator waits for something, which it must not")


class _Algorithms(AlgorithmUsagePolicy):
    """What certificates may be issued with."""

    def __init__(self, allow_weak: bool) -> None:
        self._digests = _DIGESTS | {"sha1"} if allow_weak else _DIGESTS
        self._bits = WEAK_RSA_BITS if allow_weak else RSA_BITS

    def digest_algorithm_allowed(self, algo: algos.DigestAlgorithm, moment: datetime | None) -> AlgorithmUsageConstraint:
        return AlgorithmUsageConstraint(algo["algorithm"].native in self._digests)

    def signature_algorithm_allowed(
        self, algo: algos.SignedDigestAlgorithm, moment: datetime | None, public_key: keys.PublicKeyInfo | None
    ) -> AlgorithmUsageConstraint:
        try:
            fits = algo.hash_algo in self._digests and (public_key is None or self._key_fits(algo.signature_algo, public_key))
        except (ValueError, KeyError):
            fits = False
        return AlgorithmUsageConstraint(fits)

    def _key_fits(self, kind: str, key: keys.PublicKeyInfo) -> bool:
        if key.algorithm == "ec":
            return kind == "ecdsa" and key.curve[0] == "named" and key.curve[1] in CURVES
        return kind in ("rsassa_pkcs1v15", "rsassa_pss") and key.bit_size >= self._bits


@lru_cache(maxsize=512)
def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(octets(certificate))


@lru_cache(maxsize=256)
def _known(anchor: Anchor) -> CertTrustAnchor:
    """Make an anchor the library's: with the constraints of its own certificate, and the days for which it is trusted."""
    certificate = _asn1(anchor.certificate)
    own = derive_quals_from_cert(certificate)
    names = own.standard_parameters and PKIXValidationParams(
        initial_permitted_subtrees=own.standard_parameters.initial_permitted_subtrees,
        initial_excluded_subtrees=own.standard_parameters.initial_excluded_subtrees,
    )
    qualifiers = TrustQualifiers(
        standard_parameters=names,
        max_path_length=own.max_path_length,
        # The library counts this one down wherever the other is there.
        max_aa_path_length=own.max_path_length,
        valid_from=anchor.valid_from,
        valid_until=anchor.valid_until,
        trusted_service_type=TrustedServiceType.CERTIFICATE_AUTHORITY,
    )
    return CertTrustAnchor(certificate, qualifiers)
