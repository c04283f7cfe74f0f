"""The rooms before the console: login by password or by the provider of identities, one's own password, logout."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hub.app import Hub
from hub.edge.web import csrf
from hub.edge.web.cookies import Cookies, local_path
from hub.edge.web.oidc import Provider
from hub.errors import Forged, HubError, NotAllowed, NotLoggedIn, TooMany
from hub.operations import logins
from hub.operations.logins import LoggedIn
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.edge.web.guard import Guard, Render

CALLBACK = "/login/oidc/callback"
#: A form of a login has few and short fields.
MOST_FIELDS = 10
LONGEST_FIELD = 5_000


class LoginRooms:
    """Pages that everybody may open."""

    def __init__(
        self,
        hub: Hub,
        settings: Settings,
        guard: Guard,
        cookies: Cookies,
        provider: Provider | None,
        render: Render,
    ) -> None:
        self._hub = hub
        self._guard = guard
        self._cookies = cookies
        self._provider = provider
        self._render = render
        self._oidc = settings.file.console.oidc
        self._title = settings.file.hub.name
        self._lasts = settings.file.console.session_hours * 3600

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route("/login", _in_thread(self.form), methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/login/oidc", _in_thread(self.to_provider), methods=["GET"]),
            Route(CALLBACK, _in_thread(self.from_provider), methods=["GET"]),
            Route("/password", _in_thread(self.password_form), methods=["GET"]),
            Route("/password", self.change_password, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    # --- by password

    def form(self, request: Request) -> Response:
        """Show the login form."""
        return self._form(request, local_path(request.query_params.get("next", "/")))

    def _form(
        self, request: Request, target: str, error: HubError | None = None, *, status: int = 200, login: str = ""
    ) -> Response:
        secret = self._cookies.form(request) or secrets.token_urlsafe(32)
        page = self._render(
            request,
            "login.html",
            status,
            title=self._title,
            error=error,
            next=target,
            csrf=csrf.derived(secret, "login"),
            oidc=self._provider.title if self._provider else "",
            login=login,
        )
        self._cookies.begin_form(page, secret)
        return page

    async def log_in(self, request: Request) -> Response:
        """Judge a login by password."""
        given = await _fields(request)
        return await run_in_threadpool(self._log_in, request, given)

    def _log_in(self, request: Request, given: Mapping[str, str]) -> Response:
        target, login = local_path(given.get("next", "/")), given.get("login", "")
        try:
            self._guard.count_try(request)
            self._check(request, given)
            begun = logins.with_password(self._hub, login, given.get("password", ""), lasts_seconds=self._lasts)
        except (NotLoggedIn, TooMany, Forged) as error:
            return self._not_in(request, target, error, login)
        return self._in(request, begun, target)

    def _check(self, request: Request, given: Mapping[str, str]) -> None:
        secret = self._cookies.form(request)
        csrf.check(request, csrf.derived(secret, "login") if secret else "", given)

    def _not_in(self, request: Request, target: str, error: HubError, login: str = "") -> Response:
        page = self._form(request, target, error, status=429 if isinstance(error, TooMany) else 403, login=login[:64])
        if isinstance(error, TooMany):
            page.headers["Retry-After"] = str(max(1, round(error.seconds)))
        return page

    def _in(self, request: Request, begun: LoggedIn, target: str) -> Response:
        """Begin with a new cookie; a session that this browser had ends."""
        self._end(request)
        page = RedirectResponse("/password" if begun.temporary else target, 303)
        self._cookies.end_login(page)
        self._cookies.begin_session(page, begun.secret)
        return page

    # --- by the provider of identities

    def to_provider(self, request: Request) -> Response:
        """Send the browser to the provider's page."""
        target = local_path(request.query_params.get("next", "/"))
        if self._provider is None:
            return RedirectResponse(f"/login?next={quote(target, safe='')}", 303)
        secret = secrets.token_urlsafe(32)
        try:
            self._guard.count_try(request)
            page = RedirectResponse(self._provider.address(secret, self._guard.site.address(request, CALLBACK)), 303)
        except (NotLoggedIn, TooMany) as error:
            return self._not_in(request, target, error)
        self._cookies.begin_provider(page, secret, target)
        return page

    def from_provider(self, request: Request) -> Response:
        """Judge what the provider says of whom it sends back."""
        secret, target = self._cookies.provider(request)
        try:
            self._guard.count_try(request)
            begun = self._vouched_for(request, secret)
        except (NotAllowed, TooMany) as error:
            page = self._not_in(request, target, error)
            self._cookies.end_provider(page)
            return page
        return self._in(request, begun, target)

    def _vouched_for(self, request: Request, secret: str) -> LoggedIn:
        if self._provider is None:
            raise NotLoggedIn("no provider of identities is set up", "chưa cấu hình hệ thống định danh")
        given = dict(request.query_params)
        presented = self._provider.presented(secret, given, self._guard.site.address(request, CALLBACK))
        return logins.with_provider(
            self._hub, presented, create=self._oidc.create, scope=self._oidc.scope, lasts_seconds=self._lasts
        )

    # --- one's own password, and the end

    def password_form(self, request: Request) -> Response:
        """Show the form for one's own password."""
        return self._password_form(request)

    def _password_form(self, request: Request, error: HubError | None = None) -> Response:
        visitor = self._guard.session(request, temporary=True)
        with self._hub.ledger.read() as conn:
            must = logins.must_change(conn, visitor.person.login)
        status = 200 if error is None else 429 if isinstance(error, TooMany) else 422
        values = {"title": self._title, "error": error, "csrf": visitor.csrf, "must": must, "login": visitor.person.login}
        return self._render(request, "password.html", status, **values)

    async def change_password(self, request: Request) -> Response:
        """Change one's own password."""
        given = await _fields(request)
        return await run_in_threadpool(self._change_password, request, given)

    def _change_password(self, request: Request, given: Mapping[str, str]) -> Response:
        visitor = self._guard.session(request, temporary=True)
        self._guard.check_csrf(request, visitor, given)
        login, new = visitor.person.login, given.get("password", "")
        try:
            if new != given.get("again", ""):
                raise NotAllowed("the two new passwords differ", "hai lần nhập mật khẩu mới không giống nhau", where="again")
            begun = logins.change_password(self._hub, login, given.get("current", ""), new, lasts_seconds=self._lasts)
        except NotAllowed as error:
            return self._password_form(request, error)
        page = RedirectResponse("/", 303)
        self._cookies.begin_session(page, begun.secret)
        return page

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        given = await _fields(request)
        return await run_in_threadpool(self._log_out, request, given)

    def _log_out(self, request: Request, given: Mapping[str, str]) -> Response:
        visitor = self._guard.session(request, temporary=True)
        self._guard.check_csrf(request, visitor, given)
        self._end(request)
        page = RedirectResponse("/login", 303)
        self._cookies.end_session(page)
        return page

    def _end(self, request: Request) -> None:
        secret = self._cookies.session(request)
        if secret:
            logins.log_out(self._hub, secret)


def _in_thread(room: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    """Let a room read ledger and network without holding up all others."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(room, request)

    return endpoint


async def _fields(request: Request) -> dict[str, str]:
    """Read a form's text fields."""
    async with request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD) as form:
        given: dict[str, Any] = dict(form)
    return {name: value for name, value in given.items() if isinstance(value, str)}
