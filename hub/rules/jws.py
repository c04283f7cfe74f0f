"""Detached JSON Web Signatures with unencoded payload (RFC 7797); those that are read are checked by joserfc's algorithms."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jws import JWSRegistry

from hub.errors import Untrusted
from hub.rules import algorithms
from hub.rules.certificates import untrusted

#: Longest token that is looked at: room for a few certificates in ``x5c``.
MAX_TOKEN = 32_000
#: RFC 7518 3.4: each ECDSA algorithm has its own curve.
_CURVE_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_RSA_ALGORITHMS = ("PS256", "PS384", "PS512", "RS256", "RS384", "RS512")
ALGORITHMS = (*_CURVE_ALGORITHMS.values(), *_RSA_ALGORITHMS)

Head = dict[str, Any]


_REGISTRY = JWSRegistry(algorithms=ALGORITHMS)


def _no_repeats(members: list[tuple[str, Any]]) -> Head:
    """Refuse a name that stands twice: readers differ in which one they take."""
    head = dict(members)
    if len(head) < len(members):
        raise ValueError("a name stands twice")
    return head


# Made once: ``json``, given options, makes them for each call.
_written_head = json.JSONEncoder(separators=(",", ":")).encode
_read_head = json.JSONDecoder(object_pairs_hook=_no_repeats).decode


class _NativeKey:
    """All that joserfc's algorithms ask of a key; its own JWK would copy the numbers."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self.curve_key_size = key.key_size

    def get_op_key(self, operation: str) -> Any:
        return self._key


def algorithms_for(public_key: Any) -> tuple[str, ...]:
    """Name the algorithms that fit a key, the preferred one first; RSASSA-PSS as circular 15/2025/TT-BKHCN asks."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return _RSA_ALGORITHMS
    if isinstance(public_key, ec.EllipticCurvePublicKey) and public_key.curve.name in _CURVE_ALGORITHMS:
        return (_CURVE_ALGORITHMS[public_key.curve.name],)
    return ()


def sign_detached(payload: bytes, head: Mapping[str, Any], key: Any) -> str:
    """Sign bytes with a key of ``cryptography``; ``head`` names ``alg`` and stands in the protected header."""
    algorithm = algorithms.OF_JWS[head["alg"]]
    return detached(payload, head, lambda octets: algorithms.sign(key, octets, algorithm))


def detached(payload: bytes, head: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Write a token over bytes; ``sign`` makes the signature of octets as ``alg`` in the head says (RFC 7518 3)."""
    protected = {**head, "b64": False, "crit": ["b64"]}
    first = _encoded(_written_head(protected).encode())
    return f"{first.decode()}..{_encoded(sign(first + b'.' + payload)).decode()}"


@dataclass(frozen=True, slots=True)
class Detached:
    """A token that was read and is still to be checked."""

    head: Head
    _protected: bytes
    _signature: bytes

    def check(self, payload: bytes, public_key: Any, allowed: Collection[str] = ALGORITHMS) -> None:
        """Verify the token over bytes with the signer's key; raise Untrusted where it does not hold."""
        algorithm = self.head["alg"]
        if algorithm not in allowed or algorithm not in algorithms_for(public_key):
            raise untrusted(
                "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
                "thuật toán ký không được phép hoặc không khớp với khoá",
                "the algorithm is not allowed, or does not fit the key",
            )
        signed = self._protected + b"." + payload
        if not _REGISTRY.get_alg(algorithm).verify(signed, self._signature, _NativeKey(public_key)):
            raise untrusted(
                "TOTAL-FAILED/SIG_CRYPTO_FAILURE",
                "chữ ký không khớp với nội dung hoặc với khoá của người ký",
                "the signature fits neither the content nor the signer's key",
            )


def read_detached(token: str) -> Detached:
    """Read a detached RFC 7797 token; raise Untrusted where it is none.

    A token that carries a payload of its own is refused: its signature would say nothing of the bytes beside it.
    """
    parts = token.split(".") if len(token) <= MAX_TOKEN and token.isascii() else []
    if len(parts) != 3 or parts[1]:
        raise _bad_form()
    try:
        head = _read_head(_decoded(parts[0]).decode())
        signature = _decoded(parts[2])
    except (ValueError, RecursionError):
        raise _bad_form() from None
    if not isinstance(head, dict) or not isinstance(head.get("alg"), str):
        raise _bad_form()
    if head.get("b64") is not False or head.get("crit") != ["b64"]:
        raise _bad_form()
    return Detached(head, parts[0].encode(), signature)


def _bad_form() -> Untrusted:
    return untrusted(
        "TOTAL-FAILED/FORMAT_FAILURE",
        "không phải chữ ký JWS tách rời theo RFC 7797 (b64 = false)",
        "this is no detached JWS with unencoded payload (RFC 7797, b64 = false)",
    )


def _encoded(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def _decoded(value: str) -> bytes:
    """Decode base64url without padding (RFC 7515 2), and nothing that only looks like it."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if _encoded(decoded).decode() != value:
        raise ValueError("not the one way to write these bytes")
    return decoded
