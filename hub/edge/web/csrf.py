"""Forgery: a form counts only where it came from our own page (Origin) and carries what that page knew (a token of the session).

Tokens are derived from the secret in the browser's cookie, so that nothing more is kept: who knows a page's token cannot
find the cookie, and a new session has new ones.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from hub.errors import Forged

FIELD = "csrf"
HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def derived(secret: str, purpose: str) -> str:
    """Derive what a page, or the provider of identities, may know of a secret."""
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def check(request: Request, expected: str, form: Mapping[str, Any]) -> None:
    """Raise Forged where a form does not carry the token that is expected."""
    given = form.get(FIELD) or request.headers.get(HEADER, "")
    if not expected or not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Forged(
            "the page is too old, or the form is not ours; open the page again",
            "trang đã cũ hoặc biểu mẫu không phải của hệ thống; hãy mở lại trang",
            where="csrf",
        )


def comes_from(request: Request, origin: str) -> bool:
    """Say whether a changing call was made by a page of this origin; a browser that does not say so is not believed."""
    given = request.headers.getlist("origin")
    if given:
        return given == [origin]
    parts = urlsplit(request.headers.get("referer", ""))
    return f"{parts.scheme}://{parts.netloc}" == origin
