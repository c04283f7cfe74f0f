"""A provider of identities that speaks OpenID Connect's code flow on loopback, and that can be told to lie in each way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "lienthong", "its-secret"


@cache
def usual_key() -> RSAKey:
    """Make the key of every provider, once: that takes a moment."""
    return RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})


@dataclass
class IdentityProvider:
    """What it knows, who is in front of it, and how it lies."""

    clock: Callable[[], float] = time.time
    url: str = ""
    key: RSAKey = field(default_factory=usual_key)
    #: Who is logged in at the provider: claims of the next ID token.
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "s-1", "preferred_username": "lan", "name": "Lan"})
    #: Changes claims, or header and claims, of the next ID tokens.
    lie: Callable[[dict[str, Any]], Any] = lambda claims: None
    #: Makes the next ID tokens instead of the usual signature.
    sign: Callable[[dict[str, Any]], str] | None = None
    #: Replaces what discovery says.
    described: dict[str, Any] = field(default_factory=dict)
    #: Also as to the parameter ``iss`` of RFC 9207.
    names_itself: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    token_calls: list[dict[str, str]] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)
    keys_asked: int = 0

    def discovery(self) -> dict[str, Any]:
        """Say where everything is."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            **self.described,
        }

    def jwks(self) -> dict[str, Any]:
        """Give the public keys."""
        self.keys_asked += 1
        return {"keys": [self.key.as_dict(private=False)]}

    def authorize(self, given: Mapping[str, str]) -> str:
        """Give the address to which the browser is sent back."""
        assert given["response_type"] == "code"
        assert given["client_id"] == CLIENT
        assert given["code_challenge_method"] == "S256"
        assert "openid" in given["scope"].split()
        code = secrets.token_urlsafe(12)
        self.codes[code] = dict(given)
        back = {"code": code, "state": given["state"], **({"iss": self.names_itself} if self.names_itself else {})}
        return f"{given['redirect_uri']}?{urlencode(back)}"

    def token(self, given: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Change a code for an ID token, once."""
        self.token_calls.append(given)
        self.authorization.append(authorization)
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization and authorization != expected:
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(given.get("code", ""), None)
        challenge = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        fits = asked and proof == asked["code_challenge"] and given.get("redirect_uri") == asked["redirect_uri"]
        if not fits or given.get("grant_type") != "authorization_code":
            return 400, {"error": "invalid_grant"}
        assert asked is not None
        return 200, {"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": self._id_token(asked)}

    def _id_token(self, asked: Mapping[str, str]) -> str:
        now = int(self.clock())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person}
        self.lie(claims)
        return self.sign(claims) if self.sign else self.signed(claims)

    def signed(self, claims: Mapping[str, Any], key: RSAKey | None = None, alg: str = "RS256") -> str:
        """Sign an ID token."""
        used = key or self.key
        return jws.serialize_compact({"alg": alg, "kid": used.kid}, json.dumps(claims).encode(), used, algorithms=[alg])

    def unsigned(self, claims: Mapping[str, Any]) -> str:
        """Make an ID token with the algorithm ``none``."""
        return f"{_part({'alg': 'none'})}.{_part(claims)}."

    def with_public_key_as_secret(self, claims: Mapping[str, Any]) -> str:
        """Make an ID token with HMAC, whose secret is the public key."""
        head = f"{_part({'alg': 'HS256', 'kid': self.key.kid})}.{_part(claims)}"
        secret = OctKey.import_key(self.key.as_pem(private=False)).raw_value
        mac = hmac.new(secret, head.encode(), hashlib.sha256).digest()
        return f"{head}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _part(tree: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(tree).encode()).rstrip(b"=").decode()


@contextmanager
def served(provider: IdentityProvider) -> Iterator[IdentityProvider]:
    """Serve a provider at a port of its own."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                given = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(given))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif parts.path == "/jwks":
                self._say(200, provider.jwks())
            elif parts.path == "/.well-known/openid-configuration":
                self._say(200, provider.discovery())
            else:
                self._say(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(*provider.token(given, self.headers.get("Authorization", "")))

        def _say(self, status: int, tree: Mapping[str, Any]) -> None:
            body = json.dumps(tree).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
