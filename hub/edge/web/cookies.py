"""Cookies: the session's, and the two short ones that a login needs; bound to this host, and unreadable for scripts."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

#: While somebody is at the provider's page.
LOGIN_SECONDS = 900
_SECRET = re.compile(r"[A-Za-z0-9_-]{20,100}")


class Cookies:
    """Names, sets and reads cookies; over https their prefix makes browsers refuse them from any other host or path."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        # Over plain http (this machine only) a browser takes no cookie with that prefix.
        prefix = "__Host-" if secure else ""
        self.session_name = f"{prefix}lienthong"
        self.form_name = f"{prefix}lienthong-login"
        self.provider_name = f"{prefix}lienthong-oidc"

    def session(self, request: Request) -> str:
        """Give the session's secret; an empty text where there is none."""
        return self._secret(request, self.session_name)

    def begin_session(self, response: Response, secret: str) -> None:
        """Give the browser a session; it ends with the browser, and in the ledger."""
        self._set(response, self.session_name, secret)

    def end_session(self, response: Response) -> None:
        """Take the session's cookie back."""
        self._delete(response, self.session_name)

    def form(self, request: Request) -> str:
        """Give the secret behind the login form."""
        return self._secret(request, self.form_name)

    def begin_form(self, response: Response, secret: str) -> None:
        """Give the browser the secret behind the login form."""
        self._set(response, self.form_name, secret)

    def begin_provider(self, response: Response, secret: str, target: str) -> None:
        """Keep, in the browser, the secret of one login at the provider, and where to go after it."""
        kept = base64.urlsafe_b64encode(target.encode()).decode().rstrip("=")
        self._set(response, self.provider_name, f"{secret}.{kept}", LOGIN_SECONDS)

    def provider(self, request: Request) -> tuple[str, str]:
        """Give the secret of the login at the provider that this browser began, and where to go after it."""
        secret, _, kept = request.cookies.get(self.provider_name, "").partition(".")
        try:
            target = base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4)).decode()
        except (ValueError, binascii.Error):
            target = "/"
        return (secret if _SECRET.fullmatch(secret) else ""), local_path(target)

    def end_provider(self, response: Response) -> None:
        """Take back what only the login at the provider needed: what came back is looked at once."""
        self._delete(response, self.provider_name)

    def end_login(self, response: Response) -> None:
        """Take back what only the login needed."""
        self._delete(response, self.form_name)
        self.end_provider(response)

    def _secret(self, request: Request, name: str) -> str:
        given = request.cookies.get(name, "")
        return given if _SECRET.fullmatch(given) else ""

    def _set(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        # Lax: a link from elsewhere leads to where it should, and the provider's answer finds its login; a form from elsewhere
        # comes without it.
        response.set_cookie(name, value, max_age=max_age, path="/", secure=self._secure, httponly=True, samesite="lax")

    def _delete(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="lax")


def local_path(given: str) -> str:
    """Give a path of ours with its query; ``/`` for anything that could lead elsewhere."""
    # Browsers read \ as /, and leave out tabs and line breaks.
    if not re.fullmatch(r"/[!-\[\]-~]*", given) or given.startswith("//") or len(given) > 2000:
        return "/"
    parts = urlsplit(given)
    return "/" if parts.scheme or parts.netloc or parts.path in ("/login", "/logout") else given
