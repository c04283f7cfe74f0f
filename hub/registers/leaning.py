"""On what the trust in a signer's certificate leans: authorities up to an anchor, revocation lists and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hub.errors import Untrusted
from hub.rules import certificates
from hub.rules.trust import TrustSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Leans:
    """What can be shown to somebody who asks why a certificate was trusted."""

    #: Of authorities, or of the signer where it is trusted by itself (DER).
    certificates: tuple[bytes, ...] = ()
    #: Revocation lists and answers of their responders (DER).
    revocation: tuple[bytes, ...] = ()


#: Endpoint, certificate (DER) and moment -> on what the trust leans, as far as it is known now.
Trust = Callable[[str, bytes, float], Leans]


def leaning(snapshot: TrustSnapshot, certificate: bytes, at: float) -> Leans:
    """Say on what an endpoint's trust in a certificate leans, as it is set up now, for the moment of reception.

    Where it is not trusted any more, whom the endpoint trusts by itself is all that can be shown.
    """
    own = tuple(map(certificates.octets, (*snapshot.pinned, *snapshot.anchors)))
    try:
        moment = datetime.fromtimestamp(at, UTC)
        judged = certificates.check(certificates.read_certificate(certificate), replace(snapshot, allow_weak=True), moment)
    except Untrusted:
        return Leans(certificates=own)
    path = tuple(each for each in judged.proofs if _is_certificate(each))
    return Leans(certificates=own + path, revocation=tuple(each for each in judged.proofs if each not in path))


def _is_certificate(der: bytes) -> bool:
    try:
        certificates.read_certificate(der)
    except Untrusted:
        return False
    return True
