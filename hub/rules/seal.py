"""The bus seal: the hub's own signature on what lies on the bus, bound to one delivery of one endpoint.

A seal is a detached JWS (RFC 7797, ES256). All that it says stands in its protected header, with the payload's digest,
so that a worker can compare it with the ledger before it trusts a byte of the message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from hub.errors import Untrusted
from hub.rules.jws import read_detached, sign_detached

ALGORITHM = "ES256"
#: ``typ`` of the header: another signature made with the same key is not a seal.
TYPE = "lienthong-seal"
#: Names in the header that are texts, as the fields of ``SealedHead`` they fill.
_TEXTS = {"iss": "issuer", "kid": "key_id", **{name: name for name in ("endpoint", "delivery", "purpose", "digest")}}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedHead:
    """What a seal says, verified."""

    issuer: str
    key_id: str
    endpoint: str
    delivery: str
    #: Counts how often the delivery was queued; an older one has nothing to claim.
    epoch: int
    purpose: str
    #: ``sha256:`` and 64 hex digits of the payload.
    digest: str


def payload_digest(payload: bytes) -> str:
    """Give the digest of a payload as the seal and the ledger write it."""
    return f"sha256:{hashlib.sha256(payload).hexdigest()}"


def seal(
    payload: bytes,
    *,
    issuer: str,
    key: EllipticCurvePrivateKey,
    key_id: str,
    endpoint: str,
    delivery: str,
    epoch: int,
    purpose: str,
) -> str:
    """Seal a payload for one delivery."""
    head = {
        "alg": ALGORITHM,
        "typ": TYPE,
        "iss": issuer,
        "kid": key_id,
        "endpoint": endpoint,
        "delivery": delivery,
        "epoch": epoch,
        "purpose": purpose,
        "digest": payload_digest(payload),
    }
    return sign_detached(payload, head, key)


def open_seal(payload: bytes, token: str, keys: Mapping[str, EllipticCurvePublicKey]) -> SealedHead:
    """Verify a seal over a payload; raise Untrusted where it is missing, tampered with, or by an unknown key."""
    if not token:
        raise _broken("thông điệp trên bus không có dấu niêm phong", "the message on the bus has no seal")

    try:
        sealed = read_detached(token)
        kid = sealed.head.get("kid")
        key = keys.get(kid) if isinstance(kid, str) else None
        if key is not None:
            sealed.check(payload, key, (ALGORITHM,))
    except Untrusted as error:
        raise _broken("niêm phong không khớp với nội dung", "the seal does not fit the message") from error
    if key is None:
        raise _broken("niêm phong bằng khoá không được biết", "the seal was made with a key that is not known")
    return _sealed_head(sealed.head, payload)


def _sealed_head(head: Mapping[str, Any], payload: bytes) -> SealedHead:
    texts = {field: head.get(name) for name, field in _TEXTS.items()}
    epoch = head.get("epoch")
    if head.get("typ") != TYPE or not all(isinstance(text, str) and text for text in texts.values()) or type(epoch) is not int:
        raise _broken("chữ ký này không phải là niêm phong của bus", "this signature is not a seal of the bus")
    if texts["digest"] != payload_digest(payload):
        raise _broken("mã băm trong niêm phong khác với nội dung", "the digest in the seal is not the message's")
    return SealedHead(epoch=epoch, **{name: str(text) for name, text in texts.items()})


def _broken(vi: str, en: str) -> Untrusted:
    return Untrusted(en, vi, where="seal")
