"""The guard: who is behind a call, and what every call to console and API has to be; the only door to both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol
from urllib.parse import quote, urlsplit

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from hub.app import Hub
from hub.edge.http.identity import Gate, token_sha256
from hub.edge.web import csrf
from hub.edge.web.cookies import Cookies, local_path
from hub.edge.web.headers import API, Site, Threshold
from hub.edge.web.limits import Limiter, network
from hub.edge.web.login import LoginRooms
from hub.edge.web.oidc import Provider, open_provider
from hub.errors import Forged, HubError, NotLoggedIn, TooMany
from hub.ledger import people_verbs
from hub.operations.people import secret_digest
from hub.registers import people as register
from hub.registers.people import Account
from hub.rules.people import Person, Role
from hub.sections import DoorsSection
from hub.settings import Settings

__all__ = ["Forged", "Guard", "NotLoggedIn", "Render", "TooMany", "Visitor"]

log = structlog.get_logger()

_ROLES = frozenset(role.value for role in Role)


class Render(Protocol):
    """Makes a page of a template; the console's."""

    def __call__(self, request: Request, template: str, status: int = 200, **values: Any) -> Response: ...


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is behind one call."""

    person: Person
    #: What this session's forms must carry; empty for a token's calls.
    csrf: str
    how: Literal["password", "oidc", "token"]


class Guard:
    """Knows who is calling, by the ledger: any number of processes may serve the same people."""

    def __init__(
        self,
        hub: Hub,
        settings: Settings,
        *,
        render: Render,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        section = settings.file.console
        self._hub = hub
        self._render = render
        self._max_bytes = section.max_bytes
        self._idle_seconds = section.idle_minutes * 60
        self.site = Site(section.public_url)
        self._cookies = Cookies(secure=self.site.secure)
        self._gate = Gate({}, DoorsSection(trusted_proxies=section.trusted_proxies))
        self._calls = Limiter(section.token_calls_per_minute, clock)
        self._tries = Limiter(section.login_tries_per_minute, clock)
        self._provider: Provider | None = open_provider(settings, hub.clock)
        self._rooms = LoginRooms(hub, settings, self, self._cookies, self._provider, render)

    def add_to(self, app: Starlette) -> None:
        """Put the guard before an application: middleware, the rooms of the login, and answers to its errors."""
        app.router.routes.extend(self._rooms.routes())
        for error in (NotLoggedIn, Forged, TooMany):
            app.add_exception_handler(error, self._answered)
        app.add_middleware(Threshold, site=self.site, max_bytes=self._max_bytes)

    def close(self) -> None:
        """Close what the guard has open to the provider of identities."""
        if self._provider is not None:
            self._provider.close()

    # --- who it is

    def visitor(self, request: Request) -> Visitor:
        """Give who is behind the session of a browser; raise NotLoggedIn where nobody is, or no longer.

        Roles, scope and whether the account is open are read each time.
        """
        return self.session(request, temporary=False)

    def session(self, request: Request, *, temporary: bool) -> Visitor:
        """Give who is behind a session; ``temporary``: also somebody who has to change a password first."""
        secret, now = self._cookies.session(request), self._hub.now()
        digest = secret_digest(secret)
        with self._hub.ledger.read() as conn:
            found = register.session(conn, digest, now, self._idle_seconds) if secret else None
        if found is None:
            raise NotLoggedIn("nobody is logged in", "chưa đăng nhập", location=f"/login?next={quote(wanted(request), safe='')}")
        if found.account.temporary and not temporary:
            raise NotLoggedIn("change the temporary password first", "hãy đổi mật khẩu tạm trước", location="/password")
        if now - found.seen_at > people_verbs.SEEN_SECONDS:
            self._hub.ledger.change(partial(people_verbs.touch_session, digest=digest, now=now), "session")
        how: Literal["password", "oidc"] = "oidc" if found.how == "oidc" else "password"
        return Visitor(self._person(found.account), csrf.derived(secret, "form"), how)

    def bearer(self, request: Request) -> Visitor:
        """Give whose token a call brings; raise NotLoggedIn where it cannot be used, TooMany where it calls too often."""
        now, digest = self._hub.now(), token_sha256(request)
        with self._hub.ledger.read() as conn:
            found = register.token(conn, digest, now) if digest else None
        if found is None:
            self.count_try(request)
            raise NotLoggedIn("no token, or one that cannot be used", "không có khóa API, hoặc khóa không dùng được")
        token, owner = found
        self._calls.take(token.id)
        if token.used_at is None or now - token.used_at > people_verbs.USED_SECONDS:
            self._hub.ledger.change(partial(people_verbs.touch_token, token_id=token.id, now=now), f"token:{token.id}")
        return Visitor(self._person(owner, token.scope, token.verbs), "", "token")

    def _person(
        self, account: Account, scope: tuple[str, ...] | None = None, verbs: Iterable[str] | None = None
    ) -> Person:
        endpoints = self._hub.endpoints.values()
        own, narrowed = register.endpoints_in(account.scope, endpoints), register.endpoints_in(scope, endpoints)
        both = [each for each in (own, narrowed) if each is not None]
        return Person(
            login=account.login,
            name=account.name,
            roles=frozenset(Role(each) for each in account.roles if each in _ROLES),
            scope=frozenset.intersection(*both) if both else None,
            verbs=None if verbs is None else frozenset(verbs),
        )

    # --- what it may not be

    def check_csrf(self, request: Request, visitor: Visitor, form: Mapping[str, Any]) -> None:
        """Raise Forged where a form did not come from this session's own pages."""
        if not csrf.comes_from(request, self.site.origin(request)):
            raise Forged("the form is not ours", "biểu mẫu không phải của hệ thống", where="origin")
        csrf.check(request, visitor.csrf, form)

    def count_try(self, request: Request) -> None:
        """Count one more try to be somebody from a caller's address; raise TooMany where those were too many."""
        self._tries.take(network(self._gate.address(request)))

    # --- answers

    async def _answered(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HubError)
        if request.url.path.startswith(API):
            return _for_programs(error)
        if isinstance(error, NotLoggedIn):
            return _elsewhere(request, error.location)
        status = 429 if isinstance(error, TooMany) else 403
        page = await run_in_threadpool(self._render, request, "refused.html", status, error=error)
        page.headers.update(_again(error))
        return page


def wanted(request: Request) -> str:
    """Give the page that somebody wants to see, to go there after the login."""
    shown = request.headers.get("hx-current-url", "") if "hx-request" in request.headers else ""
    if request.method not in ("GET", "HEAD"):
        shown = shown or request.headers.get("referer", "")
        if not shown:
            return "/"
    parts = urlsplit(shown or str(request.url))
    return local_path(parts.path + (f"?{parts.query}" if parts.query else ""))


def _for_programs(error: HubError) -> Response:
    said = {"code": error.code, "vi": error.vi, "en": error.en}
    if isinstance(error, NotLoggedIn):
        return JSONResponse(said, 401, {"WWW-Authenticate": "Bearer"})
    return JSONResponse(said, 429 if isinstance(error, TooMany) else 403, _again(error))


def _again(error: HubError) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(error.seconds)))} if isinstance(error, TooMany) else {}


def _elsewhere(request: Request, location: str) -> Response:
    if "hx-request" in request.headers:
        # A part of a page cannot become the login: the whole page goes there.
        return Response(status_code=401, headers={"HX-Redirect": location})
    return RedirectResponse(location, 303)
