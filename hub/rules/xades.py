"""What XAdES (ETSI EN 319 132-1; older ETSI TS 101 903, 1.3.2) says beside a signature: by whom and when, and what proves it.

The signer's own statements are read out of the octets whose digest was compared. What was put to the signature later is
not covered by it: a time stamp is proved by its own signature, certificates are only offered to the building of a path,
and revocation data is handed on as it came. Nothing named in here is ever fetched.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from lxml import etree
from pydantic import AwareDatetime, NaiveDatetime, TypeAdapter, ValidationError

from hub.canonical.base import local
from hub.rules import certificates, signature_form, timestamps, xml
from hub.rules.certificates import untrusted
from hub.rules.signature_form import ALL_DIGESTS, WEAK_DIGESTS, XADES, Form, bad_form, children, decoded
from hub.rules.timestamps import Timestamp

_XADES_141 = "{http://uri.etsi.org/01903/v1.4.1#}"
#: DER by another name, and by none (EN 319 132-1, 5.1.3); no other encoding is read.
_DER = (None, "http://uri.etsi.org/01903/v1.2.2#DER")
#: More than these are no evidence but a burden.
MAX_PROPERTIES = 32
MAX_STAMPS = 4
MAX_REVOCATIONS = 16
#: Of all unsigned values together, as Base64; lists of revoked certificates are large.
MAX_UNSIGNED_CHARACTERS = 8_000_000
#: Said in the verdict.
NOT_STAMPED = "its time stamps were not looked at, no authority is trusted to stamp"
#: Two clocks may differ so much before a time stamp is from the future.
CLOCK_SKEW = timedelta(minutes=5)

_SIGNED_ONCE = {
    XADES + name
    for name in (
        "SigningTime",
        "SigningCertificate",
        "SigningCertificateV2",
        "SignaturePolicyIdentifier",
        "SignatureProductionPlace",
        "SignatureProductionPlaceV2",
        "SignerRole",
        "SignerRoleV2",
    )
}
#: Unsigned properties that are known and left alone: nothing is concluded from them. Not among them: CounterSignature,
#: which is a second signature.
_LEFT_ALONE = {
    XADES + name
    for name in (
        "CompleteCertificateRefs",
        "CompleteRevocationRefs",
        "AttributeCertificateRefs",
        "AttributeRevocationRefs",
        "SigAndRefsTimeStamp",
        "RefsOnlyTimeStamp",
        "AttrAuthoritiesCertValues",
        "AttributeRevocationValues",
        "ArchiveTimeStamp",
    )
} | {
    _XADES_141 + name
    for name in (
        "CompleteCertificateRefsV2",
        "AttributeCertificateRefsV2",
        "SigAndRefsTimeStampV2",
        "RefsOnlyTimeStampV2",
        "TimeStampValidationData",
        "ArchiveTimeStamp",
        "SignaturePolicyStore",
        "RenewedDigests",
    )
}
_MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime | NaiveDatetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """What was put to a signature after it was made; none of it is covered by the signature."""

    #: Time-stamp tokens (RFC 3161, DER), each with the octets that it must be over.
    stamps: tuple[tuple[bytes, bytes], ...] = ()
    certificates: tuple[x509.Certificate, ...] = ()
    #: Lists of revoked certificates and OCSP answers, DER, as they came.
    revocations: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the signer said of the signature, signed with it."""

    #: When it was made, by the signer's own clock: believed by nobody (officials' tools write local time as UTC).
    signed_at: str
    #: The signer's certificate is named by SHA-1.
    weak: bool


# --- what the signer said -----------------------------------------------------------------------------------------


def read_claims(octets: bytes, certificate: x509.Certificate) -> Claims:
    """Read signed properties out of the octets that were signed; they must name the signer's certificate and a time."""
    signed = xml.parse(octets)
    groups = [child.tag for child in signed]
    expected = [f"{XADES}SignedSignatureProperties", f"{XADES}SignedDataObjectProperties"]
    if signed.tag != f"{XADES}SignedProperties" or groups not in (expected, expected[:1]):
        raise bad_form("SignedProperties sai cấu trúc", "the SignedProperties are not well-formed")
    about = list(signed[0])
    names = [child.tag for child in about]
    if not _SIGNED_ONCE.issuperset(names) or len(set(names)) < len(names):
        raise bad_form(
            "SignedProperties có thuộc tính lạ hoặc bị trùng", "the SignedProperties hold an unknown property, or one twice"
        )
    moment = signed[0].find(f"{XADES}SigningTime")
    if moment is None:
        raise bad_form("chữ ký XAdES không ghi SigningTime", "the XAdES signature states no SigningTime")
    named = [child for child in about if child.tag.rpartition("}")[2].startswith("SigningCertificate")]
    return Claims(signed_at=_moment(xml.text(moment, ".")), weak=_check_named(named, certificate))


def _moment(text: str) -> str:
    """Read an xs:dateTime; it is written down in local time, as all moments of a verdict are."""
    try:
        return local(_MOMENT.validate_python(text)).isoformat() if "T" in text else _no_moment()
    except (ValidationError, OverflowError, ValueError):
        return _no_moment()


def _no_moment() -> str:
    raise bad_form("SigningTime không phải là thời điểm hợp lệ", "the SigningTime is not a moment")


def _check_named(named: Sequence[etree._Element], certificate: x509.Certificate) -> bool:
    """Check that each list of certificates has the signer's, by digest (EN 319 132-1, 5.2.2); tell whether by SHA-1."""
    der = certificates.octets(certificate)
    found = [_names(listed, der) for listed in named]
    if not found or None in found:
        raise untrusted(
            "INDETERMINATE/SIG_CONSTRAINTS_FAILURE",
            "SigningCertificate trong phần được ký không phải chứng thư số của người ký",
            "the signed properties do not name the signer's certificate (SigningCertificate)",
        )
    return any(digest in WEAK_DIGESTS for digest in found)


def _names(listed: etree._Element, der: bytes) -> str | None:
    """Find the signer's certificate in a list; return the digest algorithm by which it is named, None for not at all."""
    entries = list(listed)
    if not 1 <= len(entries) <= certificates.MAX_CERTIFICATES or any(entry.tag != f"{XADES}Cert" for entry in entries):
        raise bad_form("SigningCertificate sai cấu trúc", "SigningCertificate is not well-formed")
    for entry in entries:
        found = entry.findall(f"{XADES}CertDigest")
        if len(found) != 1:
            raise bad_form("SigningCertificate sai cấu trúc", "SigningCertificate is not well-formed")
        method, value = children(found[0], "DigestMethod", "DigestValue")
        digest = signature_form.algorithm(method, ALL_DIGESTS)
        expected = hashlib.new(ALL_DIGESTS[digest], der).digest()
        if hmac.compare_digest(expected, decoded(value.text)):
            return digest
    return None


# --- what was put to it later -------------------------------------------------------------------------------------


def read_unsigned(form: Form) -> Unsigned:
    """Read the unsigned properties, bounded in number and size; Untrusted where they hold what nobody could judge."""
    holder = form.properties.unsigned if form.properties else None
    if holder is None:
        return Unsigned()
    if len(holder) > MAX_PROPERTIES or sum(len(text) for text in holder.itertext()) > MAX_UNSIGNED_CHARACTERS:
        raise _too_much()
    stamps: list[tuple[bytes, bytes]] = []
    offered: list[x509.Certificate] = []
    revocations: list[bytes] = []
    for each in holder:
        if each.tag == f"{XADES}SignatureTimeStamp":
            stamps += ((token, _stamped_octets(each, form)) for token in _tokens(each))
        elif each.tag == f"{XADES}CertificateValues":
            offered += (certificates.read_certificate(der) for der in _values(each, "EncapsulatedX509Certificate"))
        elif each.tag == f"{XADES}RevocationValues":
            revocations += _revocations(each)
        elif each.tag not in _LEFT_ALONE:
            raise bad_form("chữ ký có thuộc tính không được ký mà hệ thống không biết", "an unsigned property is not known")
        if len(stamps) > MAX_STAMPS or len(offered) > certificates.MAX_CERTIFICATES or len(revocations) > MAX_REVOCATIONS:
            raise _too_much()
    return Unsigned(stamps=tuple(stamps), certificates=tuple(offered), revocations=tuple(revocations))


def _stamped_octets(stamp: etree._Element, form: Form) -> bytes:
    """Give what a signature time stamp is over (EN 319 132-1, 5.3): the canonical form of this signature's value."""
    return signature_form.canonical_by(form.value, stamp.find(f"{signature_form.DS}CanonicalizationMethod"))


def _tokens(stamp: etree._Element) -> list[bytes]:
    """Read the tokens of a time stamp; what would have it be over something else (Include) is refused."""
    first = next(iter(stamp), None)
    if first is not None and first.tag == f"{signature_form.DS}CanonicalizationMethod":
        signature_form.check_canonicalisation(first)
    else:
        first = None
    tokens = list(stamp)[first is not None :]
    if not 1 <= len(tokens) <= MAX_STAMPS or any(token.tag != f"{XADES}EncapsulatedTimeStamp" for token in tokens):
        raise bad_form("SignatureTimeStamp sai cấu trúc", "the SignatureTimeStamp is not of the form that is read")
    return [_der(token) for token in tokens]


def _revocations(holder: etree._Element) -> Iterator[bytes]:
    for group in holder:
        if group.tag == f"{XADES}CRLValues":
            yield from _values(group, "EncapsulatedCRLValue")
        elif group.tag == f"{XADES}OCSPValues":
            yield from _values(group, "EncapsulatedOCSPValue")
        else:
            raise bad_form("RevocationValues sai cấu trúc", "the RevocationValues are not of the form that is read")


def _values(holder: etree._Element, name: str) -> list[bytes]:
    if len(holder) > MAX_REVOCATIONS:
        raise _too_much()
    return [_der(value) for value in children(holder, *[name] * len(holder), namespace=XADES)]


def _der(holder: etree._Element) -> bytes:
    signature_form.check_base64(holder)
    octets = decoded(holder.text)
    if holder.get("Encoding") not in _DER or not octets:
        raise bad_form(
            f"giá trị trong {signature_form.local_name(holder)} không đọc được",
            f"the value in {signature_form.local_name(holder)} cannot be read",
        )
    return octets


def _too_much() -> Exception:
    return bad_form("phần không được ký của chữ ký quá lớn", "the unsigned properties are too many or too large")


# --- what is proved -----------------------------------------------------------------------------------------------


def stamped(
    unsigned: Unsigned, certificate: x509.Certificate, stampers: Sequence[x509.Certificate], now: datetime
) -> Timestamp | None:
    """Check every time stamp; return the earliest. One that does not hold is never passed over.

    None where there is none, or where nobody is trusted to stamp: then they are not looked at, and prove nothing.
    """
    if not stampers:
        return None
    found = [timestamps.check_over(token, octets, stampers) for token, octets in unsigned.stamps]
    if not found:
        return None
    earliest = min(found, key=lambda stamp: stamp.at)
    if max(stamp.at for stamp in found) > local(now) + CLOCK_SKEW:
        raise untrusted(
            "INDETERMINATE/TIMESTAMP_ORDER_FAILURE",
            "dấu thời gian của chữ ký nằm trong tương lai",
            "a time stamp of the signature is from the future",
        )
    if earliest.at < certificate.not_valid_before_utc:
        raise untrusted(
            "INDETERMINATE/TIMESTAMP_ORDER_FAILURE",
            "dấu thời gian có trước khi chứng thư số của người ký bắt đầu có hiệu lực",
            "a time stamp is older than the signer's certificate",
        )
    return earliest


def level(form: Form, unsigned: Unsigned, stamp: Timestamp | None) -> str:
    """Name the level (EN 319 132-1, 6.1) that the signature's properties make; long-term data is read, not judged."""
    if form.properties is None:
        return "XML-DSig"
    if stamp is None:
        return "XAdES-B-B"
    return "XAdES-B-LT" if unsigned.certificates and unsigned.revocations else "XAdES-B-T"
