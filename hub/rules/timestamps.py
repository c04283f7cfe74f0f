"""Timestamps (RFC 3161): write what asks for one, read the answer, check a token.

What depends on the token is checked for each: digest, signature, the signed attribute that binds the authority's certificate
(RFC 5816), which certificates were valid at the moment that it states. What is true of a certificate whatever the token is
worked out once. No revocation: that needs data which a pure function does not have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, Final

from asn1crypto import cms, core, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import Certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.errors import Refused, Untrusted
from hub.rules import stamp_paths
from hub.rules.certificates import CURVES, RSA_BITS, UNREADABLE, octets

#: A reply has a token, which has a few certificates: what is larger is not read.
MAX_REPLY_BYTES = 200_000
#: Length of a digest -> its name; SHA-1 is not among them.
ALGORITHMS: Final = {32: "sha256", 48: "sha384", 64: "sha512"}
_HASHES: Final = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
#: The same few authorities stamp all day.
_remembered = lru_cache(maxsize=128)
_GRANTED = ("granted", "granted_with_mods")
#: What the readers raise on octets that are not what they should be.
_UNREADABLE = (*UNREADABLE, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """What a token that was checked says."""

    #: When the digest was there, as the authority states it; UTC.
    at: datetime
    #: The authority's policy, an object identifier.
    policy: str
    serial: int
    #: The authority's certificate.
    signer: Certificate


class _Reply(core.Sequence):  # type: ignore[misc]
    """TimeStampResp (RFC 3161, 2.4.2); asn1crypto's own demands a token also of an authority that says no."""

    _fields: ClassVar = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]


@dataclass(frozen=True, slots=True)
class _Parts:
    """A token, taken apart; nothing of it is checked.

    Octets are kept as they came: asn1crypto writes them anew, at great cost, wherever it filled in a default.
    """

    info: Any
    #: What ``info`` was read from.
    content: bytes
    signer: Any
    #: The signed attributes, without the tag that they have in the message.
    attributes: bytes
    shell: stamp_paths.Shell
    certificates: tuple[Certificate, ...]


def request(digest: bytes, nonce: int, policy: str = "") -> bytes:
    """Write the request for a token over a digest (RFC 3161, 2.4.1); the authority's certificate shall come with it."""
    fields: dict[str, Any] = {
        "version": 1,
        "message_imprint": {"hash_algorithm": {"algorithm": ALGORITHMS[len(digest)]}, "hashed_message": digest},
        "nonce": nonce,
        "cert_req": True,
    }
    if policy:
        fields["req_policy"] = policy
    return bytes(tsp.TimeStampReq(fields).dump())


def read_reply(reply: bytes, digest: bytes, nonce: int, policy: str = "") -> bytes:
    """Take the token (DER) out of a reply that answers this request; ``check`` says whether it can be trusted.

    Raises Refused where the authority says no, Untrusted where the reply is not one, or one to something else.
    """
    if len(reply) > MAX_REPLY_BYTES:
        raise _format("trả lời dài bất thường", f"the reply has {len(reply)} bytes")
    try:
        whole = _Reply.load(reply, strict=True)
        status, why = str(whole["status"]["status"].native), sorted(whole["status"]["fail_info"].native or ())
        token = bytes(whole["time_stamp_token"].dump())
    except _UNREADABLE:
        raise _format("trả lời không đọc được", "the reply cannot be read") from None
    if status not in _GRANTED:
        raise _refused(status, why)
    info = _read(token).info
    _check_imprint(info, digest)
    if info["nonce"].native != nonce:
        raise _not_ours("số nonce khác với yêu cầu", "its nonce is not that of the request")
    if policy and info["policy"].dotted != policy:
        raise _not_ours("chính sách khác với yêu cầu", "its policy is not the one that was asked for")
    return token


def certificates(token: bytes) -> tuple[Certificate, ...]:
    """Give the certificates that came in a token, trusted or not; raises Untrusted where it cannot be read."""
    return _read(token).certificates


def claimed(token: bytes, digest: bytes) -> datetime:
    """Give the moment that a token over this digest claims, where nobody is there who could be trusted for it.

    Raises Untrusted where it is over something else, or cannot be read.
    """
    info = _read(token).info
    _check_imprint(info, digest)
    moment: datetime = info["gen_time"].native.astimezone(UTC)
    return moment


def check(token: bytes, digest: bytes, trusted: Sequence[Certificate]) -> Timestamp:
    """Check that a token is one over this digest, by an authority that is trusted.

    Certificates must have been valid at the moment that the token states, not now. A trusted certificate is a root, one that
    issued the authority's directly, or the authority's own. Raises Untrusted.
    """
    return _checked(_read(token), digest, trusted)


def check_over(token: bytes, octets: bytes, trusted: Sequence[Certificate]) -> Timestamp:
    """Check, as ``check`` does, a token over octets, by whose digest (sha256, sha384, sha512) it was made; raises Untrusted."""
    parts = _read(token)
    name = str(_imprint(parts.info)[0])
    if name not in ALGORITHMS.values():
        raise _weak()
    return _checked(parts, hashlib.new(name, octets).digest(), trusted)


def _checked(parts: _Parts, digest: bytes, trusted: Sequence[Certificate]) -> Timestamp:
    _check_imprint(parts.info, digest)
    signer = _signer(parts, trusted)
    try:
        _check_signer(parts, signer)
        _check_signature(parts, signer)
        _check_path(parts, signer, digest, trusted)
        return Timestamp(
            at=parts.info["gen_time"].native.astimezone(UTC),
            policy=parts.info["policy"].dotted,
            serial=parts.info["serial_number"].native,
            signer=signer,
        )
    except _UNREADABLE:
        raise _format("dấu thời gian có nội dung không hợp lệ", "it holds what cannot be read") from None


# --- reading ------------------------------------------------------------------------------------------------------


def _read(token: bytes) -> _Parts:
    if len(token) > MAX_REPLY_BYTES:
        raise _format("dấu thời gian dài bất thường", f"the token has {len(token)} bytes")
    try:
        whole = cms.ContentInfo.load(token, strict=True)
        if whole["content_type"].native != "signed_data":
            raise ValueError
        signed = whole["content"]
        if signed["encap_content_info"]["content_type"].native != "tst_info":
            raise ValueError
        (signer,) = signed["signer_infos"]
        shell = _shell(signed, signer)
        content = bytes(signed["encap_content_info"]["content"])
        info = tsp.TSTInfo.load(content, strict=True)
        # The readers are lazy: what is wrong deep inside shows only now, or where ``check`` looks at it.
        _ = info.native, signer["unsigned_attrs"].native
        if info["gen_time"].native.tzinfo is None:
            raise ValueError
        found = tuple(_certificate(each) for each in _certificates(signed))
        return _Parts(info, content, signer, signer["signed_attrs"].contents or b"", shell, found)
    except _UNREADABLE:
        raise _format("dấu thời gian không đọc được", "the token cannot be read") from None


def _shell(signed: Any, signer: Any) -> stamp_paths.Shell:
    """Keep what the token is written in, as it came."""
    return stamp_paths.Shell(
        before=b"".join(signed[name].dump() for name in ("version", "digest_algorithms", "encap_content_info")),
        after=signed["signer_infos"].dump(),
        form=(
            *(signed[name].dump() for name in ("version", "digest_algorithms")),
            *(signer[name].dump() for name in ("version", "digest_algorithm", "signature_algorithm", "unsigned_attrs")),
        ),
    )


@_remembered
def _certificate(der: bytes) -> Certificate:
    return x509.load_der_x509_certificate(der)


def _certificates(signed: Any) -> list[bytes]:
    """Give the certificates in the order of a SET in DER, each once."""
    return sorted({each.chosen.dump() for each in signed["certificates"] if each.name == "certificate"})


def _imprint(info: Any) -> tuple[str, bytes]:
    imprint = info["message_imprint"]
    return imprint["hash_algorithm"]["algorithm"].native, imprint["hashed_message"].native


def _check_imprint(info: Any, digest: bytes) -> None:
    if _imprint(info) != (ALGORITHMS.get(len(digest)), digest):
        raise _untrusted("TOTAL-FAILED/HASH_FAILURE", "dấu thời gian là của nội dung khác", "the token is over something else")


# --- checking -----------------------------------------------------------------------------------------------------


def _signer(parts: _Parts, trusted: Iterable[Certificate]) -> Certificate:
    """Find the certificate that the signature names, in the token or among the trusted ones."""
    try:
        named = parts.signer["sid"].chosen
        issuer, serial = named["issuer"].dump(), named["serial_number"].native
        for each in (*parts.certificates, *trusted):
            if each.serial_number == serial and each.issuer.public_bytes() == issuer:
                return each
    except _UNREADABLE:
        pass
    raise _untrusted(
        "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND",
        "không có chứng thư số của tổ chức cấp dấu thời gian",
        "the certificate of the authority is missing",
    )


def _check_signer(parts: _Parts, signer: Certificate) -> None:
    """Check that a certificate is for timestamps and nothing else, strong enough, and the one that was signed with."""
    if not _for_stamps_alone(signer):
        raise _untrusted(
            "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE",
            "chứng thư số không được cấp riêng để cấp dấu thời gian",
            "the certificate is not one for timestamps alone (extendedKeyUsage)",
        )
    if not _strong(parts, signer):
        raise _weak()
    if not _bound(parts.signer, signer):
        raise _untrusted(
            "TOTAL-FAILED/FORMAT_FAILURE",
            "chữ ký không ràng buộc chứng thư số (signingCertificate)",
            "the signature does not bind the certificate (signingCertificate)",
        )


@_remembered
def _for_stamps_alone(certificate: Certificate) -> bool:
    """Tell whether the one purpose of a certificate is to stamp (RFC 3161, 2.3)."""
    usages = [each for each in certificate.extensions if isinstance(each.value, x509.ExtendedKeyUsage)]
    return any(each.critical and list(each.value) == [ExtendedKeyUsageOID.TIME_STAMPING] for each in usages)


def _strong(parts: _Parts, signer: Certificate) -> bool:
    return _strong_key(signer) and parts.signer["digest_algorithm"]["algorithm"].native in _HASHES


@_remembered
def _strong_key(certificate: Certificate) -> bool:
    """Tell whether a certificate's key is long enough, and the certificate made by a digest that is strong."""
    key, made_by = certificate.public_key(), certificate.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey):
        long_enough = key.key_size >= RSA_BITS
    else:
        long_enough = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES
    return long_enough and made_by is not None and made_by.name in _HASHES


def _bound(signer: Any, certificate: Certificate) -> bool:
    """Tell whether a signed attribute names the certificate by its digest (RFC 2634, 5.4; RFC 5816)."""
    der = octets(certificate)
    attributes = {each["type"].native: each["values"] for each in signer["signed_attrs"]}
    if attributes["content_type"][0].native != "tst_info":
        return False
    if "signing_certificate_v2" in attributes:
        named = attributes["signing_certificate_v2"][0]["certs"][0]
        made_by = str(named["hash_algorithm"]["algorithm"].native)
        return made_by in ALGORITHMS.values() and bool(named["cert_hash"].native == hashlib.new(made_by, der).digest())
    if "signing_certificate" in attributes:
        named = attributes["signing_certificate"][0]["certs"][0]
        # RFC 2634 knows SHA-1 only; it names a certificate here, and signs nothing.
        return bool(named["cert_hash"].native == hashlib.sha1(der, usedforsecurity=False).digest())
    return False


def _check_signature(parts: _Parts, signer: Certificate) -> None:
    """Check the signature over the attributes, and that these name the digest of what the token says (RFC 5652, 5.4)."""
    made_by = parts.signer["digest_algorithm"]["algorithm"].native
    named = [each["values"][0].native for each in parts.signer["signed_attrs"] if each["type"].native == "message_digest"]
    try:
        if named != [hashlib.new(made_by, parts.content).digest()]:
            raise InvalidSignature
        # In the message they have a tag of their own; what is signed is a SET.
        _verify(parts.signer, signer.public_key(), stamp_paths.as_set(parts.attributes), _HASHES[made_by])
    except InvalidSignature:
        raise _broken() from None


def _verify(info: Any, key: Any, octets: bytes, digest: hashes.HashAlgorithm) -> None:
    signature, kind = info["signature"].native, info["signature_algorithm"].signature_algo
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, octets, ec.ECDSA(digest))
    elif kind == "rsassa_pss":
        salt = info["signature_algorithm"]["parameters"]["salt_length"].native
        key.verify(signature, octets, padding.PSS(padding.MGF1(digest), salt), digest)
    else:
        key.verify(signature, octets, padding.PKCS1v15(), digest)


def _check_path(parts: _Parts, signer: Certificate, digest: bytes, trusted: Sequence[Certificate]) -> None:
    """Check that a path leads to who is trusted: the signer itself, who issued it directly, or a root."""
    at = parts.info["gen_time"].native
    if not stamp_paths.leads(signer, trusted, at) and not stamp_paths.leads_to_root(
        signer, parts.certificates, trusted, at, parts.shell, digest
    ):
        raise _no_path()


# --- refusing -----------------------------------------------------------------------------------------------------


def _untrusted(outcome: str, vi: str, en: str) -> Untrusted:
    return Untrusted(
        f"timestamp not accepted ({outcome}): {en}", f"không chấp nhận dấu thời gian ({outcome}): {vi}", where=outcome
    )


def _format(vi: str, en: str) -> Untrusted:
    return _untrusted("TOTAL-FAILED/FORMAT_FAILURE", vi, en)


def _not_ours(vi: str, en: str) -> Untrusted:
    return _untrusted("TOTAL-FAILED/NOT_AS_REQUESTED", vi, en)


def _broken() -> Untrusted:
    return _untrusted("TOTAL-FAILED/SIG_CRYPTO_FAILURE", "chữ ký không đúng", "its signature is not right")


def _no_path() -> Untrusted:
    return _untrusted(
        "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND",
        "chứng thư số không do tổ chức gốc được tin cậy cấp, hoặc không có hiệu lực vào lúc đó",
        "no path leads from the certificate to a trusted root, or it was not valid at that moment",
    )


def _weak() -> Untrusted:
    return _untrusted(
        "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
        "thuật toán hoặc độ dài khoá quá yếu",
        "the algorithm or key is too weak",
    )


def _refused(status: str, why: Sequence[str]) -> Refused:
    # These words are those of RFC 3161, 2.4.2: the reader knows no others.
    code = ",".join(why) or status
    return Refused(
        f"the timestamping authority refuses ({code})",
        f"tổ chức cấp dấu thời gian từ chối ({code})",
        where="timestamps",
        partner_code=code,
    )
