"""What others fill in for the signature rules: whom to trust, what came out, and what we sign with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.x509 import Certificate

from hub.canonical.compact_json import compact


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A loaded private key and its certificate; the key is never logged and never in the ledger."""

    name: str
    #: A private key object of ``cryptography``; loaded once (a PEM per call costs 50 ms).
    key: Any
    certificate: Certificate
    not_after: datetime
