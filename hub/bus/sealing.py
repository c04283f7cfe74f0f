"""Sealing what goes on the bus, and opening what comes from it: only what is ours, whole and in the right queue is a delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from hub.rules import seal
from hub.rules.queued import Due

#: Name of the header in which a message carries its seal.
HEADER = "seal"


@dataclass(frozen=True, slots=True)
class SealKeys:
    """The hub's own seal key, and every key whose seals it accepts (by key id)."""

    issuer: str
    key_id: str
    private: ec.EllipticCurvePrivateKey
    accepted: Mapping[str, ec.EllipticCurvePublicKey]


def sealed(due: Due, keys: SealKeys) -> str:
    """Seal a delivery for its endpoint's queue."""
    return seal.seal(
        due.canonical,
        issuer=keys.issuer,
        key=keys.private,
        key_id=keys.key_id,
        endpoint=due.endpoint,
        delivery=due.id,
        epoch=due.epoch,
        purpose=due.purpose,
    )


def opened(body: bytes, headers: Mapping[object, object], keys: SealKeys) -> Due:
    """Open the seal; raise Untrusted where there is none, or it is not by a known key over exactly this."""
    token = headers.get(HEADER, "")
    head = seal.open_seal(body, token if isinstance(token, str) else "", keys.accepted)
    return Due(id=head.delivery, endpoint=head.endpoint, epoch=head.epoch, purpose=head.purpose, canonical=body)
