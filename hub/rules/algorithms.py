"""The algorithms by which the hub signs: the names they have here, in XML and in JWS, and the keys that they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from hub.errors import BadSettings

RSA, PSS, ECDSA = "RSA", "RSA-PSS", "ECDSA"
#: Curves of ECDSA, and the hash that is as strong as each.
CURVES: Mapping[str, str] = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One way to sign: a kind of key with its padding, and a hash."""

    #: As verdicts and settings name it: ``RSA-PSS-SHA256``.
    name: str
    #: RSA (PKCS #1 v1.5), RSA-PSS (its salt as long as the hash) or ECDSA.
    family: str
    hash: hashes.HashAlgorithm
    #: Name in XML (RFC 6931, 2.3).
    uri: str
    #: Name of the hash in XML, and for ``hashlib``.
    digest_uri: str
    digest: str
    #: Name in JWS (RFC 7518, 3.1).
    jws: str


_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_NEWER = "http://www.w3.org/2007/05/xmldsig-more#"
_HASHES: Mapping[str, tuple[hashes.HashAlgorithm, str]] = {
    "256": (hashes.SHA256(), "http://www.w3.org/2001/04/xmlenc#sha256"),
    "384": (hashes.SHA384(), f"{_MORE}sha384"),
    "512": (hashes.SHA512(), "http://www.w3.org/2001/04/xmlenc#sha512"),
}
_URIS = {RSA: _MORE + "rsa-sha{}", PSS: _NEWER + "sha{}-rsa-MGF1", ECDSA: _MORE + "ecdsa-sha{}"}
_JWS = {RSA: "RS", PSS: "PS", ECDSA: "ES"}


def _made(family: str, bits: str) -> Algorithm:
    hashed, digest_uri = _HASHES[bits]
    return Algorithm(
        name=f"{family}-SHA{bits}",
        family=family,
        hash=hashed,
        uri=_URIS[family].format(bits),
        digest_uri=digest_uri,
        digest=f"sha{bits}",
        jws=f"{_JWS[family]}{bits}",
    )


#: Name -> algorithm.
ALGORITHMS: Mapping[str, Algorithm] = {each.name: each for each in (_made(family, bits) for family in _URIS for bits in _HASHES)}
NAMES = tuple(ALGORITHMS)
#: Name in JWS -> algorithm.
OF_JWS: Mapping[str, Algorithm] = {each.jws: each for each in ALGORITHMS.values()}


def sign(key: Any, octets: bytes, algorithm: Algorithm) -> bytes:
    """Sign octets with a private key of ``cryptography``; ECDSA gives both numbers, each as long as the curve's order."""
    if algorithm.family == RSA:
        return bytes(key.sign(octets, padding.PKCS1v15(), algorithm.hash))
    if algorithm.family == PSS:
        salted = padding.PSS(padding.MGF1(algorithm.hash), algorithm.hash.digest_size)
        return bytes(key.sign(octets, salted, algorithm.hash))
    # RFC 4050 3.3 (XML Signature 1.1 6.4.3) and RFC 7518 3.4 have the same form.
    size = (key.key_size + 7) // 8
    return b"".join(each.to_bytes(size, "big") for each in decode_dss_signature(key.sign(octets, ec.ECDSA(algorithm.hash))))


def for_xml(public_key: Any, name: str = "") -> Algorithm:
    """Give the algorithm of a name, or the usual one of a key: RSA PKCS #1 v1.5 with SHA-256, ECDSA with its curve's hash.

    Raises BadSettings where it does not fit the key.
    """
    usual = "RSA-SHA256" if isinstance(public_key, rsa.RSAPublicKey) else _usual_of_curve(public_key)
    return _fitting(public_key, name or usual)


def for_jws(public_key: Any, name: str = "") -> Algorithm:
    """Give the algorithm of a name, or the usual one of a key: RSASSA-PSS with SHA-256 (circular 15/2025/TT-BKHCN), ECDSA.

    Raises BadSettings where it does not fit the key; RFC 7518 3.4 has one hash for each curve.
    """
    usual = "RSA-PSS-SHA256" if isinstance(public_key, rsa.RSAPublicKey) else _usual_of_curve(public_key)
    found = _fitting(public_key, name or usual)
    if found.family == ECDSA and found.name != usual:
        raise _does_not_fit(found.name)
    return found


def _usual_of_curve(public_key: Any) -> str:
    curve = public_key.curve.name if isinstance(public_key, ec.EllipticCurvePublicKey) else ""
    if curve not in CURVES:
        raise BadSettings(
            "only RSA keys and ECDSA keys on P-256, P-384, P-521 can sign",
            "chỉ dùng được khoá RSA hoặc ECDSA trên P-256, P-384, P-521",
            where="signers",
        )
    return f"ECDSA-{CURVES[curve]}"


def _fitting(public_key: Any, name: str) -> Algorithm:
    found = ALGORITHMS.get(name)
    if found is None or (found.family == ECDSA) == isinstance(public_key, rsa.RSAPublicKey):
        raise _does_not_fit(name)
    return found


def _does_not_fit(name: str) -> BadSettings:
    return BadSettings(
        f"the algorithm {name} does not fit the signing key; there are: {', '.join(NAMES)}",
        f"thuật toán ký {name} không hợp với khoá ký; hiện có: {', '.join(NAMES)}",
        where=f"algorithm {name}",
    )
