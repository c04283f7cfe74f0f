"""What others fill in for the signature rules: whom to trust, what came out, and what we sign with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509 import Certificate

from hub.canonical.compact_json import compact
from hub.rules.algorithms import ALGORITHMS, Algorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is known of a signer's certificate that is trusted."""

    #: The trust leans on SHA-1 or on a short key.
    weak: bool = False
    #: ``good``: no certificate of the path is revoked. ``unknown``: that could not be found out, and is accepted here.
    #: ``not_checked``: nobody asked (pinned certificates, and those directly below one of an endpoint's own authorities).
    revocation: str = "not_checked"
    #: What was leaned on, DER: certificates of the issuers up to the anchor, then the lists and answers that were used.
    proofs: tuple[bytes, ...] = ()
    #: SHA-256 (hex) of those certificates, and of those lists and answers.
    path_digests: tuple[str, ...] = ()
    revocation_digests: tuple[str, ...] = ()
    #: Purpose of the anchor (government, public, …).
    purpose: str = ""
    #: Agency or system that the register names for this certificate.
    owner: str = ""
    #: Patterns of what the register lets it sign; empty = nothing was said.
    may_sign: tuple[str, ...] = ()


#: Judges a signer's certificate, beside which others came, at a moment; raises Untrusted. It answers from values that do not
#: change: whoever makes the snapshot makes a new judge when a list or an answer is new.
Judge = Callable[[Certificate, tuple[Certificate, ...], datetime], Judged]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSnapshot:
    """Whom an endpoint trusts at one moment; a value, so that verification is a pure function."""

    #: ``required``: unsigned is refused. ``optional``: unsigned passes and is said so; a broken one never passes.
    #: ``none``: no signature is looked at, bytes pass as they are.
    policy: str = "required"
    #: Certificates of signers, each trusted by itself.
    pinned: tuple[Certificate, ...] = ()
    #: Certificates of authorities; a signer's certificate must be issued directly by one of them.
    anchors: tuple[Certificate, ...] = ()
    #: Read SHA-1 signatures of old systems; the verdict then says ``weak``.
    allow_weak: bool = False
    #: Roots of time-stamping authorities, which may stamp signatures; none: time stamps are not looked at, and prove nothing.
    stampers: tuple[Certificate, ...] = ()
    #: Judges by the trust store; asked where a certificate is neither pinned nor issued by one of ``anchors``.
    judge: Judge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Frozen result of a verification, in the words of ETSI EN 319 102-1."""

    #: TOTAL-PASSED, INDETERMINATE or TOTAL-FAILED. NOT-SIGNED: there was none; NOT-CHECKED: it was not looked at.
    indication: str
    sub_indication: str = ""
    signer: str = ""
    issuer: str = ""
    serial: str = ""
    #: SHA-256 of the signer's certificate (DER), hex.
    fingerprint: str = ""
    algorithm: str = ""
    weak: bool = False
    checked_at: str = ""
    reason: str = ""
    #: ``XML-DSig``, ``XAdES-B-B``, ``XAdES-B-T``, ``XAdES-B-LT`` or ``JWS``; empty where no signature was accepted.
    level: str = ""
    #: Path of what is signed where that is a part of the document only, which is then NOT-SIGNED; empty: the whole document.
    covers: str = ""
    #: When it was signed, as the signer claims (XAdES).
    signed_at: str = ""
    #: When it surely existed, as a time-stamping authority that the endpoint trusts has signed.
    stamped_at: str = ""
    #: Of Judged: what is known of the signer's certificate, and by whom it is held.
    revocation: str = ""
    path_digests: tuple[str, ...] = ()
    revocation_digests: tuple[str, ...] = ()
    purpose: str = ""
    owner: str = ""
    may_sign: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write all fields, as the ledger keeps them."""
        return compact({name: getattr(self, name) for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The only bytes that may go on, and what is known about who signed them."""

    signed_bytes: bytes
    verdict: Verdict
    #: The signer's certificate, DER, for the evidence; empty where unsigned.
    certificate: bytes = b""
    #: Also for the evidence, DER, as they came with the signature and covered by none: certificates beside the signer's,
    #: lists of revoked certificates and OCSP answers.
    others: tuple[bytes, ...] = ()
    revocations: tuple[bytes, ...] = ()
    #: Time-stamp tokens (RFC 3161, DER), as they came; where the verdict has ``stamped_at`` each one holds.
    stamps: tuple[bytes, ...] = ()
    #: Of Judged: certificates of the path, then revocation lists and answers (DER), for the evidence.
    proofs: tuple[bytes, ...] = ()


class HeldKey(Protocol):
    """A private key, wherever it is kept: it signs, and shows nothing of itself."""

    def sign(self, octets: bytes, algorithm: Algorithm) -> bytes:
        """Sign octets; ECDSA gives both numbers one after the other, each as long as the curve's order.

        Raises CannotSign where what keeps the key does not answer now, BadSettings where it never will as it is set up.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key, its certificate, and when it is used; the key is never logged and never in the ledger."""

    name: str
    key: HeldKey = field(repr=False)
    certificate: Certificate
    #: Certificates of the authorities between it and a root, which go with each signature.
    chain: tuple[Certificate, ...] = ()
    #: It signs from the first moment until right before the second; within what its certificate says.
    valid_from: datetime
    valid_until: datetime

    def sign(self, octets: bytes, algorithm: Algorithm) -> bytes:
        """Sign octets by a named algorithm, whatever holds the key; see ``HeldKey.sign``."""
        return self.key.sign(octets, algorithm)

    def sign_sha256(self, octets: bytes) -> bytes:
        """Sign octets as CMS has it: RSA PKCS #1 v1.5 or ECDSA, with SHA-256; both numbers of ECDSA in DER (RFC 5753 7.2)."""
        if isinstance(self.certificate.public_key(), RSAPublicKey):
            return self.sign(octets, ALGORITHMS["RSA-SHA256"])
        both = self.sign(octets, ALGORITHMS["ECDSA-SHA256"])
        half = len(both) // 2
        return encode_dss_signature(int.from_bytes(both[:half], "big"), int.from_bytes(both[half:], "big"))
