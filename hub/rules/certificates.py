"""Whom a signature may come from: a pinned certificate, one that a trusted authority issued directly, or whom the judge trusts.

No revocation here: that needs data which a pure function does not have; the trust store's judge brings it. Verdicts say so.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache, wraps
from typing import Any, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from hub.canonical.base import local
from hub.errors import Untrusted
from hub.rules.trust import Judged, TrustSnapshot, Verdict

V = TypeVar("V")

#: Circular 15/2025/TT-BKHCN: RSA of at least 2048 bits, ECDSA of at least 256.
RSA_BITS = 2048
#: Old systems, read only where weak ones are allowed.
WEAK_RSA_BITS = 1024
CURVES = ("secp256r1", "secp384r1", "secp521r1")
#: More certificates than this in one signature are not a path, but a burden.
MAX_CERTIFICATES = 8

#: Digests with which certificates may be issued.
STRONG_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512, hashes.SHA3_256, hashes.SHA3_384, hashes.SHA3_512)
#: Critical extensions that are looked at here, or that only narrow what a signer's own certificate says about itself.
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
}
#: Whoever's key is for nothing but these signs no documents with it.
_FOR_OTHERS = frozenset(
    {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CODE_SIGNING,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
    }
)
#: What ``cryptography`` raises on a certificate that is broken or odd, when it is loaded or when it is looked into.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_NOT_ACCEPTED = "signature not accepted ({}): "
_NOT_ASKED = Judged()
#: So many certificates are remembered: the same few partners sign all day.
_MOST_REMEMBERED = 512
#: What is true of certificates whatever the time is worked out once.
_remembered = lru_cache(maxsize=_MOST_REMEMBERED)


def remembered_of(work: Callable[[x509.Certificate], V]) -> Callable[[x509.Certificate], V]:
    """Work out once what is true of one certificate, and look it up by the object: to hash or compare one reads all of it.

    The object is held beside the answer, so that no other can take its identity.
    """
    by_value = _remembered(work)
    by_object: dict[int, tuple[x509.Certificate, V]] = {}

    @wraps(work)
    def told(certificate: x509.Certificate) -> V:
        known = by_object.get(id(certificate))
        if known is None:
            if len(by_object) >= _MOST_REMEMBERED:
                by_object.clear()
            known = by_object[id(certificate)] = (certificate, by_value(certificate))
        return known[1]

    return told


def untrusted(outcome: str, vi: str, en: str) -> Untrusted:
    """Make the error for a signature that is not accepted; ``outcome`` is indication/sub-indication of EN 319 102-1."""
    return Untrusted(_NOT_ACCEPTED.format(outcome) + en, f"không chấp nhận chữ ký ({outcome}): {vi}", where=outcome)


def thumbprint(der: bytes) -> str:
    """Give the SHA-256 of a certificate's octets as JWS names it (RFC 7515 4.1.8)."""
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


@remembered_of
def fingerprint(certificate: x509.Certificate) -> str:
    """Give the SHA-256 of a certificate, in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


@remembered_of
def octets(certificate: x509.Certificate) -> bytes:
    """Give a certificate as DER, for the evidence."""
    return certificate.public_bytes(Encoding.DER)


@_remembered
def read_certificate(der: bytes) -> x509.Certificate:
    """Read a certificate out of a signature, in the one form that its issuer can have given it."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        if _whole_octets(certificate, der):
            return certificate
    except UNREADABLE:
        pass
    raise untrusted("TOTAL-FAILED/FORMAT_FAILURE", "chứng thư số trong chữ ký không đọc được", "a certificate cannot be read")


def _whole_octets(certificate: x509.Certificate, der: bytes) -> bool:
    """Tell whether the issuer's signature leaves no bit of its last octet unused (RFC 3279, 2.2: it is made of octets).

    OpenSSL and ``cryptography`` pass over that count, so that two forms of one certificate would both be good.
    """
    return der[-len(certificate.signature) - 1] == 0


def signing_certificate(certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """Choose the signer's certificate: the one that issued no other; refuse where that is not exactly one.

    XML-DSig gives the certificates of X509Data no order, and an attacker may add a certificate beside the real one.
    """
    ends = _ends(tuple(certificates))
    if len(ends) != 1:
        raise untrusted(
            "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND",
            "không xác định được duy nhất một chứng thư số của người ký",
            f"{len(ends)} certificates could be the signer's; exactly one is needed",
        )
    return ends[0]


@_remembered
def _ends(certificates: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
    different = tuple(dict.fromkeys(certificates))
    try:
        issuers = [certificate.issuer for certificate in different if certificate.issuer != certificate.subject]
        return tuple(certificate for certificate in different if certificate.subject not in issuers)
    except UNREADABLE:
        return ()


def check(certificate: x509.Certificate, trust: TrustSnapshot, now: datetime, others: Sequence[x509.Certificate] = ()) -> Judged:
    """Check that a signer's certificate is trusted now; ``others``: certificates that came beside it, none trusted yet.

    A pinned certificate is trusted by itself, one of an endpoint's own authorities directly above it likewise; all else is
    for the trust store's judge, where there is one.
    """
    try:
        _told(certificate)  # the verdict will need it
        weak = _weak_key(certificate)
        if trust.judge is not None and certificate not in trust.pinned and not _own(certificate, trust.anchors):
            judged = trust.judge(certificate, tuple(others), now)
        else:
            if certificate not in trust.pinned:
                weak = _check_issued(certificate, trust, now) or weak
            _check_period(certificate, now)
            judged = _NOT_ASKED
    except UNREADABLE:
        raise untrusted(
            "TOTAL-FAILED/FORMAT_FAILURE", "chứng thư số có nội dung không hợp lệ", "the certificate holds what cannot be read"
        ) from None
    if weak and not judged.weak:
        judged = replace(judged, weak=True)
    if judged.weak and not trust.allow_weak:
        raise too_weak()
    return judged


def _own(certificate: x509.Certificate, anchors: Sequence[x509.Certificate]) -> bool:
    return any(_issued_by(certificate, anchor) for anchor in anchors)


def too_weak() -> Untrusted:
    """Make the error for an algorithm or a key below what is allowed."""
    return untrusted(
        "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
        "thuật toán hoặc độ dài khoá quá yếu (SHA-1, RSA dưới 2048 bit), điểm kết nối này không cho phép",
        "the algorithm or key is too weak (SHA-1, RSA below 2048 bits), which this endpoint does not allow",
    )


#: Why revocation says what it says.
_REASONS = {
    "not_checked": "revocation was not checked",
    "unknown": "revocation is not known, which this endpoint accepts",
    "good": "",
}


def verdict(certificate: x509.Certificate, algorithm: str, judged: Judged, now: datetime, **more: str) -> Verdict:
    """Write down a signature that was accepted; ``more``: level, signed_at, stamped_at."""
    return Verdict(
        indication="TOTAL-PASSED",
        algorithm=algorithm,
        weak=judged.weak,
        checked_at=local(now).isoformat(),
        reason=_REASONS[judged.revocation],
        revocation=judged.revocation,
        path_digests=judged.path_digests,
        revocation_digests=judged.revocation_digests,
        purpose=judged.purpose,
        owner=judged.owner,
        may_sign=judged.may_sign,
        **_told(certificate),
        **more,
    )


def check_may_sign(verdict: Verdict, what: str) -> None:
    """Check that the register lets a signer sign this: a kind of message, with its event after a dot where it has one.

    A pattern names a kind (``dossier``) or events of it (``dossier.result*``); where the register says nothing, all is well.
    """
    kind = what.partition(".")[0]
    if verdict.may_sign and not any(fnmatchcase(given, each) for each in verdict.may_sign for given in (what, kind)):
        raise untrusted(
            "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE",
            f"sổ đăng ký (register.csv) không cho chứng thư số này ký loại thông điệp {what}",
            f"the register (register.csv) does not let this certificate sign {what}",
        )


@remembered_of
def _told(certificate: x509.Certificate) -> Mapping[str, str]:
    """Say whose certificate it is, as verdicts do."""
    return {
        "signer": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "fingerprint": fingerprint(certificate),
    }


def not_signed(reason: str) -> Verdict:
    """Write down that there is no signature, and why that passes."""
    return Verdict(indication="NOT-SIGNED", reason=reason)


def not_accepted(error: Untrusted, now: datetime) -> Verdict:
    """Write down a signature that was not accepted, as ``untrusted`` says it; no signer is named: nobody proved to be one."""
    indication, _, sub_indication = error.where.partition("/")
    reason = error.en.removeprefix(_NOT_ACCEPTED.format(error.where))
    return Verdict(indication=indication, sub_indication=sub_indication, checked_at=local(now).isoformat(), reason=reason)


@remembered_of
def _weak_key(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= WEAK_RSA_BITS:
        return key.key_size < RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES:
        return False
    raise untrusted(
        "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
        "loại khoá hoặc độ dài khoá của chứng thư số không được dùng",
        "the certificate's kind or length of key is not allowed",
    )


def _check_issued(certificate: x509.Certificate, trust: TrustSnapshot, now: datetime) -> bool:
    """Check that a trusted authority issued the certificate directly, for signing; return True where its key is weak."""
    if not isinstance(certificate.signature_hash_algorithm, STRONG_HASHES):
        raise untrusted(
            "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
            "chứng thư số được cấp bằng thuật toán cũ (SHA-1, MD5); chỉ tin cậy được khi ghim chính chứng thư đó",
            "the certificate was issued with an old algorithm (SHA-1, MD5); only pinning it can make it trusted",
        )
    issuer = next((anchor for anchor in trust.anchors if _issued_by(certificate, anchor)), None)
    if issuer is None:
        raise untrusted(
            "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND",
            "chứng thư số không do tổ chức được tin cậy cấp trực tiếp",
            "the certificate is not pinned, and no trusted authority issued it directly",
        )
    _check_period(issuer, now)
    if not may_issue(issuer) or not may_sign_documents(certificate):
        raise untrusted(
            "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE",
            "chứng thư số không được cấp để ký (basicConstraints, keyUsage, extKeyUsage)",
            "the certificate is not for signing, or its issuer's not for issuing (basicConstraints, keyUsage, extKeyUsage)",
        )
    return _weak_key(issuer)


@_remembered
def _issued_by(certificate: x509.Certificate, anchor: x509.Certificate) -> bool:
    if certificate == anchor or certificate.issuer != anchor.subject:
        return False
    try:
        certificate.verify_directly_issued_by(anchor)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _check_period(certificate: x509.Certificate, now: datetime) -> None:
    moment = local(now)
    begins, ends = _period(certificate)
    if moment < begins:
        raise untrusted("TOTAL-FAILED/NOT_YET_VALID", "chứng thư số chưa có hiệu lực", "the certificate is not valid yet")
    if moment > ends:
        raise untrusted("INDETERMINATE/OUT_OF_BOUNDS_NO_POE", "chứng thư số đã hết hạn", "the certificate has expired")


@remembered_of
def _period(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


@_remembered
def may_issue(authority: x509.Certificate) -> bool:
    """Say whether a certificate is an authority's, which may issue others."""
    constraints = extension(authority, x509.BasicConstraints)
    usage = extension(authority, x509.KeyUsage)
    return constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)


@_remembered
def may_sign_documents(certificate: x509.Certificate) -> bool:
    """Say whether a certificate's key is for signing documents."""
    constraints = extension(certificate, x509.BasicConstraints)
    usage = extension(certificate, x509.KeyUsage)
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    understood = all(extension.oid in _UNDERSTOOD for extension in certificate.extensions if extension.critical)
    return (
        understood
        and not (constraints is not None and constraints.ca)
        and not (purposes is not None and _FOR_OTHERS.issuperset(purposes))
        and (usage is None or usage.digital_signature or usage.content_commitment)
    )


def extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    """Give an extension of a certificate, None where it has none of that kind."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
