"""The bus seal: the hub's own signature on what lies on the bus, bound to one delivery of one endpoint.

A seal is a detached JWS (RFC 7797, ES256). All that it says stands in its protected header, with the payload's digest,
so that a worker can compare it with the ledger before it trusts a byte of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from hub.canonical.digests import digest_of
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
        "digest": digest_of(payload),
    }
    return sign_detached(payload, head, key)


def open_seal(payload: bytes, token: str, keys: Mapping[str, EllipticCurvePublicKey]) -> SealedHead:
    """Verify a seal over a payload; raise Untrusted where it is missing, tampered with, or by an unknown key."""
    return _sealed_head(verified_head(payload, token, keys), payload)


def verified_head(payload: bytes, token: str, keys: Mapping[str, EllipticCurvePublicKey]) -> Mapping[str, Any]:
    """Verify a token over a payload by one of these keys; give what its protected header says, which nobody has judged yet."""
    if not token:
        raise broken("thông điệp trên bus không có dấu niêm phong", "the message on the bus has no seal")

    try:
        sealed = read_detached(token)
        kid = sealed.head.get("kid")
        key = keys.get(kid) if isinstance(kid, str) else None
        if key is not None:
            sealed.check(payload, key, (ALGORITHM,))
    except Untrusted as error:
        raise broken("niêm phong không khớp với nội dung", "the seal does not fit the message") from error
    if key is None:
        raise broken("niêm phong bằng khoá không được biết", "the seal was made with a key that is not known")
    return sealed.head


def _sealed_head(head: Mapping[str, Any], payload: bytes) -> SealedHead:
    texts: dict[str, Any] = {field: head.get(name) for name, field in _TEXTS.items()}
    epoch = head.get("epoch")
    if head.get("typ") != TYPE or not all(texts.values()) or {*map(type, texts.values())} != {str} or type(epoch) is not int:
        raise broken("chữ ký này không phải là niêm phong của bus", "this signature is not a seal of the bus")
    if texts["digest"] != digest_of(payload):
        raise broken("mã băm trong niêm phong khác với nội dung", "the digest in the seal is not the message's")
    return SealedHead(epoch=epoch, **texts)


def broken(vi: str, en: str) -> Untrusted:
    """Make the error that says: this is no seal over these bytes."""
    return Untrusted(en, vi, where="seal")
