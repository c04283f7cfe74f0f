"""Whether a path leads from a stamping authority's certificate to who is trusted, at the moment that a token states.

A path to a trusted root is built by rfc3161-client (OpenSSL below it), which can only do so for a whole token. Time enters into
a path by nothing but which certificates are valid: while these are the same, and the token is written the same way, a path that
was found holds, and OpenSSL is not asked again. One that was not found is never remembered: a token may be at fault for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from asn1crypto import cms, parser, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import Certificate
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from hub.rules.certificates import octets

#: How tokens are written (X.690): tags, the type of what is in one, and the status before it in a reply.
_SEQUENCE, _SET, _TAGGED_0 = 0x30, 0x31, 0xA0
_SIGNED_DATA: Final = bytes(cms.ContentType("signed_data").dump())
_STATUS_GRANTED: Final = bytes(tsp.PKIStatusInfo({"status": "granted"}).dump())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What a token is made of beside its certificates, as it came."""

    #: The signed data before its certificates, and the signature after them.
    before: bytes
    after: bytes
    #: All of that which no signature is over: versions, algorithms, unsigned attributes.
    form: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Route:
    """All that a path depends on, and one token for which it is asked."""

    signer: Certificate
    offered: tuple[Certificate, ...]
    trusted: tuple[Certificate, ...]
    #: Of all of these in turn: whether it is valid at the moment.
    valid: tuple[bool, ...]
    form: tuple[bytes, ...]
    token: TimeStampResponse = field(compare=False)
    digest: bytes = field(compare=False)


def leads(signer: Certificate, trusted: Sequence[Certificate], at: datetime) -> bool:
    """Say whether the signer is trusted by itself, or was issued by who is trusted, all valid at that moment."""
    return _valid(signer, at) and (signer in trusted or any(_issued_by(signer, each) and _valid(each, at) for each in trusted))


def leads_to_root(
    signer: Certificate, offered: Sequence[Certificate], trusted: Sequence[Certificate], at: datetime, shell: Shell, digest: bytes
) -> bool:
    """Say whether a path of certificates valid at that moment leads to a trusted root.

    The token's signature over the digest must have been checked; raises ValueError where rfc3161-client cannot read it.
    """
    if not any(each.issuer == each.subject for each in trusted):
        return False
    everyone = (signer, *offered, *trusted)
    valid = tuple(_valid_to_openssl(each, at) for each in everyone)
    token = decode_timestamp_response(_as_reply(shell, {signer, *offered}))
    try:
        _check_route(_Route(signer, tuple(offered), tuple(trusted), valid, shell.form, token, digest))
    except VerificationError:
        return False
    return True


@lru_cache(maxsize=32)
def _check_route(route: _Route) -> None:
    verifier = VerifierBuilder(roots=list(dict.fromkeys(route.trusted))).build()
    verifier.verify(route.token, route.digest)


@lru_cache(maxsize=128)
def _issued_by(signer: Certificate, authority: Certificate) -> bool:
    constraints = [each.value for each in authority.extensions if isinstance(each.value, x509.BasicConstraints)]
    if signer.issuer != authority.subject or not any(each.ca for each in constraints):
        return False
    usage = [each.value for each in authority.extensions if isinstance(each.value, x509.KeyUsage)]
    try:
        signer.verify_directly_issued_by(authority)
    except InvalidSignature:
        return False
    return all(each.key_cert_sign for each in usage)


def _valid(certificate: Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _valid_to_openssl(certificate: Certificate, at: datetime) -> bool:
    """Tell what OpenSSL would: to it the last second is not part of the period (X509_cmp_time)."""
    return certificate.not_valid_before_utc <= at < certificate.not_valid_after_utc


def _as_reply(shell: Shell, certificates: set[Certificate]) -> bytes:
    """Write a token as the reply that rfc3161-client reads, its certificates in order, each once, the signer's among them.

    OpenSSL's authorities give them in no order, which the library refuses; they are not below the signature.
    """
    found = b"".join(sorted(octets(each) for each in certificates))
    signed = _der(_SEQUENCE, shell.before + _der(_TAGGED_0, found) + shell.after)
    return _der(_SEQUENCE, _STATUS_GRANTED + _der(_SEQUENCE, _SIGNED_DATA + _der(_TAGGED_0, signed)))


def as_set(contents: bytes) -> bytes:
    """Write contents as a SET in DER."""
    return _der(_SET, contents)


def _der(tag: int, contents: bytes) -> bytes:
    return bytes(parser.emit(tag >> 6, tag >> 5 & 1, tag & 31, contents))
