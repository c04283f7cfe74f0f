"""CAdES-B: the hub's detached seal over bytes (ETSI EN 319 122-1), and what anybody can read of one or of a time token.

A seal says four things under its signature: what kind of content, its digest, which certificate signed (RFC 5035, so that
no other certificate with the same key can be put in its place) and when, as the signer claims. Whether the signer is to be
believed is another question: nothing here looks at a trust store.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.errors import Untrusted
from hub.rules import algorithms, certificates
from hub.rules.algorithms import Algorithm
from hub.rules.certificates import untrusted
from hub.rules.trust import Signer

#: A seal with a long path of certificates has a few kilobytes; more is a burden.
MAX_BYTES = 1_000_000
_FAMILIES = {algorithms.RSA: "rsa", algorithms.ECDSA: "ecdsa"}
_HASHES: Mapping[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
#: What asn1crypto raises on octets that are not what they should be; it looks into them only when asked.
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, UnsupportedAlgorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signature that holds: the content is the signer's, whoever that is."""

    certificate: x509.Certificate
    #: Certificates that came beside the signer's.
    others: tuple[x509.Certificate, ...]
    #: A seal: when, as the signer claims. A time token: when, as the time-stamping authority says.
    at: datetime
    #: A time token: the authority's policy, as an OID; of a seal empty.
    policy: str = ""


# --- making -------------------------------------------------------------------------------------------------------


def seal(content: bytes, signer: Signer, now: datetime) -> bytes:
    """Seal bytes that stand elsewhere: CMS SignedData (DER) without them, with the signer's certificate and its path."""
    algorithm = algorithms.for_xml(signer.certificate.public_key())
    attributes = _signed_attributes(content, signer.certificate, now, algorithm)
    signature = _signature(signer, attributes.dump(), algorithm)
    named = f"{algorithm.digest}_{_FAMILIES[algorithm.family]}"
    return _whole((signer.certificate, *signer.chain), attributes, algorithm.digest, named, signature)


def _whole(
    given: Sequence[x509.Certificate], attributes: cms.CMSAttributes, digest: str, algorithm: str, signature: bytes
) -> bytes:
    """Write the one form that a seal of ours has; the first certificate is the signer's."""
    info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": _identifier(given[0]),
            "digest_algorithm": {"algorithm": digest},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": algorithm},
            "signature": signature,
        }
    )
    data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": digest}],
            "encap_content_info": {"content_type": "data"},
            "certificates": [asn1_x509.Certificate.load(certificates.octets(each)) for each in dict.fromkeys(given)],
            "signer_infos": [info],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())


def _signature(signer: Signer, octets: bytes, algorithm: Algorithm) -> bytes:
    """Sign; CMS writes both numbers of ECDSA in DER (RFC 5753 2.1.1), signers give them one after the other."""
    signature = signer.sign(octets, algorithm)
    if algorithm.family != algorithms.ECDSA:
        return signature
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


def _signed_attributes(
    content: bytes, certificate: x509.Certificate, now: datetime, algorithm: Algorithm
) -> cms.CMSAttributes:
    """Write what is signed (EN 319 122-1, 6.3: these four are what a baseline seal must have)."""
    moment = now.astimezone(UTC).replace(microsecond=0)
    values: Sequence[tuple[str, Any]] = (
        ("content_type", "data"),
        # RFC 5652 11.3: UTCTime through the year 2049.
        ("signing_time", cms.Time(name="utc_time" if moment.year < 2050 else "generalized_time", value=moment)),
        ("message_digest", hashlib.new(algorithm.digest, content).digest()),
        ("signing_certificate_v2", _certificate_id(certificate)),
    )
    return cms.CMSAttributes([cms.CMSAttribute({"type": name, "values": [value]}) for name, value in values])


def _certificate_id(certificate: x509.Certificate) -> tsp.SigningCertificateV2:
    der = certificates.octets(certificate)
    named = asn1_x509.Certificate.load(der)
    issuer = {
        "issuer": [asn1_x509.GeneralName(name="directory_name", value=named.issuer)],
        "serial_number": named.serial_number,
    }
    return tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(der).digest(), "issuer_serial": issuer}]})


def _identifier(certificate: x509.Certificate) -> cms.SignerIdentifier:
    named = asn1_x509.Certificate.load(certificates.octets(certificate))
    value = cms.IssuerAndSerialNumber({"issuer": named.issuer, "serial_number": named.serial_number})
    return cms.SignerIdentifier(name="issuer_and_serial_number", value=value)


# --- reading ------------------------------------------------------------------------------------------------------


def check(sealed: bytes, content: bytes) -> Signed:
    """Check that a detached seal is over these bytes; raise Untrusted, in ETSI's words, where it is not."""
    data, info, attributes = _opened(sealed, "data")
    signed = _verified(data, info, attributes, content)
    try:
        claimed = _attribute(attributes, "signing_time").native
        digest, algorithm = (info[name]["algorithm"].native for name in ("digest_algorithm", "signature_algorithm"))
        same = cms.CMSAttributes.load(attributes.untag().dump())
        if _whole(signed, same, digest, algorithm, info["signature"].native) != sealed:
            raise ValueError("not the one way to write it")
        if claimed.tzinfo is None:
            raise ValueError("a moment of no zone")
    except _UNREADABLE:
        raise _bad_form("con dấu không đúng dạng mà trục này ghi", "the seal is not of the form that the hub writes") from None
    return Signed(certificate=signed[0], others=signed[1:], at=claimed)


def check_token(token: bytes, digest: bytes) -> Signed:
    """Check that an RFC 3161 token says when these bytes, given by their SHA-256, existed; raise Untrusted where it does not."""
    data, info, attributes = _opened(token, "tst_info")
    stamped, octets = _stamped(data)
    imprint = stamped["message_imprint"]
    if imprint["hash_algorithm"]["algorithm"].native != "sha256" or not hmac.compare_digest(
        imprint["hashed_message"].native, digest
    ):
        raise untrusted("TOTAL-FAILED/HASH_FAILURE", "dấu thời gian là của nội dung khác", "the time token is about other bytes")
    certificate, *others = _verified(data, info, attributes, octets)
    _check_purpose(certificate)
    return Signed(certificate=certificate, others=tuple(others), at=stamped["gen_time"].native, policy=stamped["policy"].dotted)


def _opened(octets: bytes, kind: str) -> tuple[Any, Any, Any]:
    """Read one signer's SignedData over content of a kind, with the attributes that are signed."""
    try:
        if len(octets) > MAX_BYTES:
            raise ValueError("too large")
        outer = cms.ContentInfo.load(octets, strict=True)
        data = outer["content"]
        (info,) = data["signer_infos"]
        attributes = info["signed_attrs"]
        kinds = (outer["content_type"].native, data["encap_content_info"]["content_type"].native)
        if kinds != ("signed_data", kind) or _attribute(attributes, "content_type").native != kind:
            raise ValueError("of another kind")
        return data, info, attributes
    except _UNREADABLE:
        raise _bad_form("không đọc được cấu trúc CMS", "this is no CMS signature of the expected kind") from None


def _stamped(data: Any) -> tuple[Any, bytes]:
    try:
        octets = data["encap_content_info"]["content"].contents
        stamped = tsp.TSTInfo.load(octets, strict=True)
        # asn1crypto looks into what it read only now.
        if stamped.native["gen_time"].tzinfo is None:
            raise ValueError("a moment of no zone")
        return stamped, bytes(octets)
    except _UNREADABLE:
        raise _bad_form("không đọc được dấu thời gian", "the time token cannot be read") from None


def _attribute(attributes: Any, name: str) -> Any:
    """Give the one value of the one attribute of a name; ValueError where that is not so."""
    (found,) = (each for each in attributes if each["type"].native == name)
    (value,) = found["values"]
    return value


def _verified(data: Any, info: Any, attributes: Any, content: bytes) -> tuple[x509.Certificate, ...]:
    """Check digest, certificate and signature; give the signer's certificate, then those beside it."""
    try:
        given = [certificates.read_certificate(each.chosen.dump()) for each in data["certificates"]]
        _ = [(each.subject.rfc4514_string(), each.issuer) for each in given]  # an odd name is found now
        certificate = _named(given, info["sid"], attributes)
        algorithm = info["digest_algorithm"]["algorithm"].native
        told = _attribute(attributes, "message_digest").native
        if algorithm not in _HASHES:
            raise certificates.too_weak()
        if not hmac.compare_digest(told, hashlib.new(algorithm, content).digest()):
            raise untrusted("TOTAL-FAILED/HASH_FAILURE", "nội dung bị sửa sau khi ký", "the content was changed after signing")
        # RFC 5652 5.4: what is signed is the SET OF itself, not the implicit tag that it has inside the message.
        octets = attributes.untag().dump()
        _check_value(certificate, info["signature_algorithm"], algorithm, info["signature"].native, octets)
        return tuple(dict.fromkeys((certificate, *given)))
    except _UNREADABLE:
        raise _bad_form("không đọc được cấu trúc CMS", "this is no CMS signature of the expected kind") from None


def _named(given: Sequence[x509.Certificate], sid: Any, attributes: Any) -> x509.Certificate:
    """Find the signer's certificate: the one whose digest is signed (RFC 5035), which must be the one that the signer names."""
    hashed = _signing_certificate_hash(attributes)
    for certificate in given:
        der = certificates.octets(certificate)
        if hmac.compare_digest(hashlib.new(hashed[0], der).digest(), hashed[1]) and _is_named(der, sid):
            return certificate
    raise untrusted(
        "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND",
        "không có chứng thư số mà chữ ký nêu mã băm",
        "the certificate whose digest is signed is not there",
    )


def _signing_certificate_hash(attributes: Any) -> tuple[str, bytes]:
    """Give the digest of the signer's certificate; SHA-1 of RFC 2634 only where a time-stamping authority knows no better."""
    names = {each["type"].native for each in attributes}
    if "signing_certificate_v2" in names:
        first = _attribute(attributes, "signing_certificate_v2")["certs"][0]
        algorithm = first["hash_algorithm"]["algorithm"].native
        return (algorithm, first["cert_hash"].native) if algorithm in _HASHES else ("sha256", b"")
    return "sha1", _attribute(attributes, "signing_certificate")["certs"][0]["cert_hash"].native


def _is_named(der: bytes, sid: Any) -> bool:
    found = asn1_x509.Certificate.load(der)
    if sid.name == "subject_key_identifier":
        return bool(found.key_identifier == sid.chosen.native)
    return bool(found.issuer.dump() == sid.chosen["issuer"].dump() and found.serial_number == sid.chosen["serial_number"].native)


def _check_value(certificate: x509.Certificate, algorithm: Any, digest: str, signature: bytes, octets: bytes) -> None:
    """Check the signature by the certificate's key; the key decides which algorithm that can be."""
    key, kind = certificate.public_key(), algorithm.signature_algo
    hashed = _HASHES[digest if algorithm["algorithm"].native == "rsassa_pkcs1v15" else algorithm.hash_algo]()
    try:
        if isinstance(key, rsa.RSAPublicKey) and kind == "rsassa_pkcs1v15":
            key.verify(signature, octets, padding.PKCS1v15(), hashed)
        elif isinstance(key, rsa.RSAPublicKey) and kind == "rsassa_pss":
            key.verify(signature, octets, padding.PSS(padding.MGF1(hashed), padding.PSS.AUTO), hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey) and kind == "ecdsa":
            key.verify(signature, octets, ec.ECDSA(hashed))
        else:
            raise certificates.too_weak()
    except InvalidSignature:
        raise untrusted(
            "TOTAL-FAILED/SIG_CRYPTO_FAILURE",
            "giá trị chữ ký không khớp với khoá của người ký",
            "the signature value does not fit the signer's key",
        ) from None


def _check_purpose(certificate: x509.Certificate) -> None:
    """RFC 3161 2.3: a time-stamping authority's certificate is for that alone, and says so critically."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        only = list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING] and usage.critical
    except (x509.ExtensionNotFound, *certificates.UNREADABLE):
        only = False
    if not only:
        raise untrusted(
            "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE",
            "chứng thư số ký dấu thời gian không được cấp cho việc đó",
            "the certificate that signed the time token is not for time-stamping",
        )


def _bad_form(vi: str, en: str) -> Untrusted:
    return untrusted("TOTAL-FAILED/FORMAT_FAILURE", vi, en)
