"""OpenID Connect: authorization code with PKCE, state and nonce; and what an ID token must be to be believed.

What one login must remember (state, nonce, PKCE verifier) is derived from a secret in the browser's own cookie, so that the
answer may come to any process, and to this browser only. HTTP goes over the wire, which has a total deadline.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hub.edge.web.csrf import derived
from hub.errors import BadSettings, HubError, NotLoggedIn
from hub.operations.logins import Presented
from hub.rules.people import Role
from hub.sections import OidcSection
from hub.settings import Settings, referred_file, secret_text
from hub.wire import HttpReply, Wire

log = structlog.get_logger()

DISCOVERY = "/.well-known/openid-configuration"
#: What the provider publishes about itself is asked for again after so long, its keys also where one is missing, but not more
#: often than this.
KNOWN_SECONDS = 3600.0
KEYS_AGAIN_SECONDS = 60.0
#: Clocks differ.
LEEWAY_SECONDS = 60
MAX_REPLY_BYTES = 1_000_000
#: ID tokens with more than this are nobody's.
MAX_TOKEN_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the provider says of itself."""

    authorize: str
    token: str
    jwks: str
    at: float


class Provider:
    """One provider of identities, as configured; threads share it."""

    def __init__(
        self, section: OidcSection, secret: str, clock: Callable[[], datetime], tls: ssl.SSLContext | None = None
    ) -> None:
        self._section = section
        self._secret = secret
        self._clock = clock
        self._wire = Wire(tls=tls)
        self._lock = threading.Lock()
        self._described: Described | None = None
        self._keys: tuple[KeySet, float] | None = None

    @property
    def title(self) -> str:
        """Give the words on the button."""
        return self._section.title

    def address(self, secret: str, redirect_uri: str) -> str:
        """Give the provider's page for one login; raise NotLoggedIn where the provider cannot be asked."""
        client = self._client(redirect_uri)
        url, _ = client.create_authorization_url(
            self._description().authorize,
            state=derived(secret, "state"),
            nonce=derived(secret, "nonce"),
            code_verifier=derived(secret, "verifier"),
        )
        return str(url)

    def presented(self, secret: str, given: Mapping[str, str], redirect_uri: str) -> Presented:
        """Judge what came back from the provider's page; raise NotLoggedIn where it vouches for nobody, or not to us."""
        if not secret or given.get("state", "") != derived(secret, "state"):
            raise _refused("state")
        # RFC 9207: where the answer says whose it is, it must be this provider's.
        if given.get("iss", self._section.issuer) != self._section.issuer:
            raise _refused("iss")
        if "error" in given or not given.get("code"):
            raise _refused("provider")
        tokens = self._exchanged(given["code"], derived(secret, "verifier"), redirect_uri)
        return self._believed(tokens, derived(secret, "nonce"))

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    # --- the token endpoint

    def _client(self, redirect_uri: str) -> OAuth2Client:
        return OAuth2Client(
            _Session(self._call),
            client_id=self._section.client_id,
            client_secret=self._secret or None,
            scope=" ".join(self._section.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )

    def _exchanged(self, code: str, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        client = self._client(redirect_uri)
        try:
            tokens = client.fetch_token(
                self._description().token,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                redirect_uri=redirect_uri,
            )
        except (OAuth2Error, ValueError) as error:
            raise _refused("code") from error
        return dict(tokens)

    # --- the ID token

    def _believed(self, tokens: Mapping[str, Any], nonce: str) -> Presented:
        encoded, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(encoded, str) or len(encoded) > MAX_TOKEN_BYTES:
            raise _refused("id_token")
        try:
            claims = self._verified(encoded, access, nonce)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            # The text of such an error may hold what the token says.
            raise _refused(f"id_token:{getattr(error, 'claim', '') or type(error).__name__}") from error
        return self._read(claims)

    def _verified(self, encoded: str, access: Any, nonce: str) -> Mapping[str, Any]:
        algorithms = list(self._section.algorithms)
        try:
            token = jwt.decode(encoded, self._key_set(), algorithms=algorithms)
        except (JoseError, ValueError):
            # A key that is new at the provider.
            token = jwt.decode(encoded, self._key_set(again=True), algorithms=algorithms)
        options: dict[str, Any] = {
            "iss": {"essential": True, "value": self._section.issuer},
            "aud": {"essential": True, "value": self._section.client_id},
            "sub": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"nonce": nonce, "client_id": self._section.client_id, "access_token": access}
        believed = CodeIDToken(token.claims, token.header, options, params)
        believed.validate(now=int(self._clock().timestamp()), leeway=LEEWAY_SECONDS)
        if "nonce" not in believed or not isinstance(believed["sub"], str) or not believed["sub"]:
            raise ValueError("nonce, sub")
        return dict(believed)

    def _read(self, claims: Mapping[str, Any]) -> Presented:
        login = claims.get(self._section.login_claim, "")
        name = claims.get("name", "")
        return Presented(
            identity=f"{self._section.issuer} {claims['sub']}",
            login=login if isinstance(login, str) else "",
            name=name[:200] if isinstance(name, str) else "",
            roles=self._roles(claims),
        )

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[Role] | None:
        if not self._section.roles_claim:
            return None
        stated = claims.get(self._section.roles_claim, ())
        values = [stated] if isinstance(stated, str) else stated if isinstance(stated, list | tuple) else ()
        return frozenset(role for each in values if isinstance(each, str) for role in self._section.roles.get(each, ()))

    # --- what the provider publishes

    def _description(self) -> Described:
        with self._lock:
            known = self._described
            if known is None or self._now() - known.at > KNOWN_SECONDS:
                known = self._described = self._described_now()
            return known

    def _described_now(self) -> Described:
        tree = self._document(self._section.issuer.rstrip("/") + DISCOVERY)
        # OpenID Connect Discovery 1.0, 4.3: else a page of somebody else at the same host could answer.
        if tree.get("issuer") != self._section.issuer:
            raise _refused("issuer")
        return Described(
            authorize=self._safe(tree.get("authorization_endpoint")),
            token=self._safe(tree.get("token_endpoint")),
            jwks=self._safe(tree.get("jwks_uri")),
            at=self._now(),
        )

    def _safe(self, url: Any) -> str:
        """Give an address that is as well protected as the provider's own."""
        if not isinstance(url, str) or urlsplit(url).scheme not in ("https", urlsplit(self._section.issuer).scheme):
            raise _refused("discovery")
        return url

    def _key_set(self, *, again: bool = False) -> KeySet:
        url = self._description().jwks
        with self._lock:
            known, now = self._keys, self._now()
            if known is None or now - known[1] > (KEYS_AGAIN_SECONDS if again else KNOWN_SECONDS):
                known = self._keys = KeySet.import_key_set(_signing(self._document(url))), now
            return known[0]

    def _document(self, url: str) -> dict[str, Any]:
        reply = self._call("GET", url, b"", {"Accept": "application/json"})
        try:
            tree = json.loads(reply.body) if reply.status == 200 else None
        except ValueError:
            tree = None
        if not isinstance(tree, dict):
            raise _refused("provider")
        return tree

    def _call(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> HttpReply:
        try:
            reply = self._wire.call(
                method, url, body=body, headers=headers, deadline_seconds=self._section.deadline_seconds
            )
        except HubError as error:
            raise _refused("unreachable") from error
        if len(reply.body) > MAX_REPLY_BYTES:
            raise _refused("provider")
        return reply

    def _now(self) -> float:
        return self._clock().timestamp()


def _signing(tree: Mapping[str, Any]) -> Any:
    """Keep the keys for signatures; a symmetric one would make the provider's public word a secret of ours."""
    keys = [
        each
        for each in tree.get("keys", ())
        if isinstance(each, dict) and each.get("kty") in ("RSA", "EC", "OKP") and each.get("use", "sig") == "sig"
    ]
    if not keys:
        raise _refused("jwks")
    return {"keys": keys}


def _refused(cause: str) -> NotLoggedIn:
    """Say that nobody was logged in; the cause is for the log, the page tells no detail."""
    log.warning("oidc.refused", cause=cause)
    return NotLoggedIn(
        "the login at your organisation's identity provider did not succeed; try again",
        "đăng nhập qua hệ thống định danh không thành công; hãy thử lại",
        where=f"oidc:{cause}",
    )


class _Session:
    """What Authlib's client calls HTTP with: the wire, in the few words that it uses."""

    def __init__(self, call: Callable[[str, str, bytes, Mapping[str, str]], HttpReply]) -> None:
        self._call = call

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _Response:
        url, prepared, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return _Response(self._call("POST", url, body.encode(), prepared))


@dataclass(frozen=True, slots=True)
class _Response:
    """A reply, as Authlib reads it."""

    reply: HttpReply

    @property
    def status_code(self) -> int:
        return self.reply.status

    def json(self) -> Any:
        return json.loads(self.reply.body)

    def raise_for_status(self) -> None:
        if self.reply.status >= 400:
            raise ValueError(f"HTTP {self.reply.status}")


def open_provider(settings: Settings, clock: Callable[[], datetime]) -> Provider | None:
    """Build the provider that is configured; raise BadSettings where it would be spoken to in clear over a network."""
    section = settings.file.console.oidc
    if not section.issuer:
        return None
    parts = urlsplit(section.issuer)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise BadSettings(
            "hub.toml [console.oidc] issuer must be https",
            "hub.toml [console.oidc] issuer phải là https",
            where="hub.toml [console.oidc] issuer",
        )
    where = "hub.toml [console.oidc]"
    secret = secret_text(settings.folder, section.client_secret, f"{where} client_secret") if section.client_secret else ""
    file = referred_file(settings.folder, section.ca, f"{where} ca") if section.ca else None
    try:
        tls = ssl.create_default_context(cafile=str(file)) if file else None
    except (OSError, ssl.SSLError) as error:
        raise BadSettings(f"{where} ca: {error}", f"{where} ca: không đọc được ({error})", where=f"{where} ca") from error
    return Provider(section, secret, clock, tls)
