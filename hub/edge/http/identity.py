"""Who is calling: proofs of identity, checked before a byte of the body is read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.requests import Request

from hub.edge.http.turned_away import Unidentified
from hub.endpoint import Endpoint, InboundPolicy
from hub.errors import BadSettings
from hub.sections import DoorsSection
from hub.telemetry import UNAUTHENTICATED

#: Where the server leaves the SHA-256 of a certificate that it checked itself (TLS without a front).
TLS_CERTIFICATE = "client_certificate_sha256"
#: Label of calls at doors that do not exist: what strangers ask for must not become label values.
UNKNOWN = "unknown"
#: Headers by which a front says that it passed a call on.
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_HEX = re.compile(r"[0-9a-f]{64}")
#: Compared with where an endpoint has no proof of this kind, so that its absence takes as long.
_NO_PROOF = "0" * 64


@dataclass(frozen=True, slots=True)
class Proof:
    """What a call brings to say who it is; an empty text proves nothing."""

    token_sha256: str
    certificate_sha256: str
    address: str


class Gate:
    """Knows which callers may open which doors."""

    def __init__(self, endpoints: Mapping[str, Endpoint], section: DoorsSection) -> None:
        self._endpoints = endpoints
        self._header = section.client_certificate_header.lower()
        self._fronts = _addresses(section.trusted_proxies, "hub.toml [doors] trusted_proxies")
        self._known = {name: _policy(endpoint) for name, endpoint in endpoints.items()}

    def endpoint(self, request: Request, name: str) -> Endpoint:
        """Give the endpoint whose door is named, where the call proves to be its partner; raise Unidentified."""
        # An unknown door takes the same way as a wrong token: the answer and its time tell nothing about names.
        policy = self._known.get(name, InboundPolicy())
        if not opens(policy, self.proof(request)):
            UNAUTHENTICATED.labels(name if name in self._known else UNKNOWN).inc()
            raise Unidentified
        return self._endpoints[name]

    def names(self, request: Request) -> tuple[str, ...]:
        """Give the names of all endpoints that the call proves to be; raise Unidentified where there is none."""
        proof = self.proof(request)
        names = tuple(name for name, policy in self._known.items() if opens(policy, proof))
        if not names:
            UNAUTHENTICATED.labels(UNKNOWN).inc()
            raise Unidentified
        return names

    def proof(self, request: Request) -> Proof:
        """Collect what the call brings."""
        return Proof(
            token_sha256=token_sha256(request),
            certificate_sha256=self._certificate(request),
            address=self.address(request),
        )

    def address(self, request: Request) -> str:
        """Give the caller's own address; empty where a front that is not trusted may have passed the call on."""
        peer = _plain(request.client.host) if request.client else ""
        if peer in self._fronts:
            # The last entry is what the front itself saw; those before it may be invented by the caller.
            passed = [_plain(each.strip()) for line in _all(request, "x-forwarded-for") for each in line.split(",")]
            return next((each for each in reversed(passed) if each not in self._fronts), "")
        if _is_loopback(peer) and any(name in request.headers for name in _PASSED_ON):
            return ""
        return peer

    def local(self, request: Request) -> bool:
        """Say whether the call comes from this machine itself."""
        return _is_loopback(self.address(request))

    def _certificate(self, request: Request) -> str:
        direct = request.scope.get("state", {}).get(TLS_CERTIFICATE, "")
        if direct:
            return str(direct)
        if not self._header or request.client is None or _plain(request.client.host) not in self._fronts:
            return ""
        given = _all(request, self._header)
        # Twice the same header: one of them is the caller's own.
        return certificate_sha256(given[0]) if len(given) == 1 else ""


def opens(policy: InboundPolicy, proof: Proof) -> bool:
    """Say whether a proof opens a door; every comparison is made, so that the time tells nothing."""
    by_token = same_as_one(proof.token_sha256, policy.token_sha256)
    by_certificate = same_as_one(proof.certificate_sha256, policy.client_certificate_sha256)
    return by_token | by_certificate | (bool(proof.address) and proof.address in policy.addresses)


def same_as_one(given: str, known: Iterable[str]) -> bool:
    """Compare a digest with every known one in constant time."""
    wanted = tuple(known)
    found = False
    for each in wanted or (_NO_PROOF,):
        found |= hmac.compare_digest(given or "-", each)
    return found and bool(wanted)


def token_sha256(request: Request) -> str:
    """Give the SHA-256 of the bearer token; empty where there is none, or more than one."""
    given = _all(request, "authorization")
    if len(given) != 1:
        return ""
    scheme, _, token = given[0].partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return ""
    return hashlib.sha256(token.encode("latin-1")).hexdigest()


def certificate_sha256(value: str) -> str:
    """Read what a front passes: the SHA-256 in hex, the certificate as PEM in URL form (nginx), or as RFC 9440 has it."""
    digest = value.strip().replace(":", "").lower()
    if _HEX.fullmatch(digest):
        return digest
    try:
        if value.startswith(":") and value.endswith(":"):
            return hashlib.sha256(base64.b64decode(value[1:-1], validate=True)).hexdigest()
        certificate = x509.load_pem_x509_certificate(unquote_to_bytes(value))
    except (ValueError, binascii.Error):
        return ""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _policy(endpoint: Endpoint) -> InboundPolicy:
    policy = endpoint.inbound or InboundPolicy()
    where = f"endpoints/{endpoint.name}.toml [inbound]"
    return policy.model_copy(
        update={
            "token_sha256": _digests(policy.token_sha256, f"{where} token_sha256"),
            "client_certificate_sha256": _digests(policy.client_certificate_sha256, f"{where} client_certificate_sha256"),
            "addresses": tuple(_addresses(policy.addresses, f"{where} addresses")),
        }
    )


def _digests(given: Iterable[str], where: str) -> tuple[str, ...]:
    digests = tuple(each.replace(":", "").lower() for each in given)
    for each in digests:
        if not _HEX.fullmatch(each):
            # The value is not shown: someone may have put the token itself here.
            raise BadSettings(
                f"{where}: must be 64 hex digits (SHA-256)", f"{where}: phải là 64 chữ số thập lục phân (SHA-256)", where=where
            )
    return digests


def _addresses(given: Iterable[str], where: str) -> frozenset[str]:
    try:
        return frozenset(str(_mapped(each)) for each in given)
    except ValueError as error:
        raise BadSettings(f"{where}: {error}", f"{where}: không phải địa chỉ IP ({error})", where=where) from error


def _mapped(text: str) -> object:
    """Read an address; an IPv4 one that came over IPv6 is itself again."""
    address = ip_address(text)
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    """Write an address in its one form; empty where it is none. The same partners call again and again."""
    try:
        return str(_mapped(text))
    except ValueError:
        return ""


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    """Say whether an address is this machine's own; an empty one is none."""
    return bool(address) and ip_address(address).is_loopback


def _all(request: Request, name: str) -> list[str]:
    return request.headers.getlist(name)
