"""What every answer carries and every call must be, whatever page it is for: security headers, Host, Origin, size of the body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.edge.web import csrf
from hub.edge.web.limits import bounded

#: Calls below this are programs': they are answered in JSON.
API = "/api/"
#: ``same-origin`` and not less: a form on a page without any referrer would have the origin "null".
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Site:
    """The address under which browsers reach us; empty: this machine alone, over plain HTTP, at any port."""

    public_url: str = ""

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https:")

    def serves(self, request: Request) -> bool:
        """Say whether a call names this site: another name could be an attacker's that leads to our address."""
        given = request.headers.getlist("host")
        if len(given) != 1:
            return False
        if self.public_url:
            return given[0].lower() in _authorities(self.public_url)
        try:
            return urlsplit(f"http://{given[0]}").hostname in _LOOPBACK and "@" not in given[0]
        except ValueError:
            return False

    def origin(self, request: Request) -> str:
        """Give the origin of our own pages."""
        if self.public_url:
            # As a browser writes it: without the scheme's own port.
            return f"{urlsplit(self.public_url).scheme}://{_authorities(self.public_url)[-1]}"
        return f"http://{request.headers.get('host', '')}".lower()

    def address(self, request: Request, path: str) -> str:
        """Give the whole address of one of our pages."""
        return self.origin(request) + path


def _authorities(url: str) -> tuple[str, ...]:
    """Give the ways to write whom an address names; the shortest is the last."""
    parts = urlsplit(url.lower())
    usual = 443 if parts.scheme == "https" else 80
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = parts.port or usual
    return (f"{name}:{port}", str(name)) if port == usual else (f"{name}:{port}",)


class Threshold:
    """ASGI middleware: turns away what no page should see, and puts the headers on what leaves."""

    def __init__(self, app: ASGIApp, site: Site, max_bytes: int) -> None:
        self._app = app
        self._site = site
        self._max_bytes = max_bytes
        self._headers = {**HEADERS, **({"Strict-Transport-Security": HSTS} if site.secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refused(request)
        if refused is not None:
            await refused(scope, receive, with_headers)
        else:
            await self._app(scope, bounded(receive, self._max_bytes), with_headers)

    def _refused(self, request: Request) -> Response | None:
        if not self._site.serves(request):
            return _said(request, 400, "bad_host", "địa chỉ này không thuộc hệ thống", "this is not the address of this hub")
        length = request.headers.get("content-length", "0")
        if not re.fullmatch("[0-9]{1,18}", length) or int(length) > self._max_bytes:
            return _said(request, 413, "body_too_large", "nội dung quá lớn", "the body is too large")
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            return _said(request, 415, "body_encoded", "không nhận nội dung nén", "compressed bodies are not taken")
        if self._is_foreign(request):
            return _said(request, 403, "forged", "biểu mẫu không phải của hệ thống", "the form is not ours")
        return None

    def _is_foreign(self, request: Request) -> bool:
        """Say whether a changing call may have been made by another site's page; a program's call counts by its token."""
        if request.method in csrf.SAFE_METHODS or request.url.path.startswith(API):
            return False
        return not csrf.comes_from(request, self._site.origin(request))


def _said(request: Request, status: int, code: str, vi: str, en: str) -> Response:
    if request.url.path.startswith(API):
        return JSONResponse({"code": code, "vi": vi, "en": en}, status)
    return PlainTextResponse(f"{vi} ({en})\n", status)
