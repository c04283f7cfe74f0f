"""A browser without a window: keeps cookies as browsers do, says where its forms come from, follows nothing by itself."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit


@dataclass
class Page:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, Morsel[str]]

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Browser:
    """One person's browser, at one address."""

    #: Where the server really listens.
    url: str
    #: What the person typed: stands in Host and Origin; empty = ``url``.
    typed: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return self.typed or self.url

    def get(self, path: str, **headers: str) -> Page:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> Page:
        named = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        return self.call("POST", path, urlencode(form).encode(), {**named, **headers})

    def call(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Page:
        """Make one call; a header with an empty value is left out."""
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        given = {"Host": urlsplit(self.origin).netloc, **named}
        if self.cookies:
            given.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body, {name: value for name, value in given.items() if value})
            reply = connection.getresponse()
            read = reply.read()
        finally:
            connection.close()
        return self._seen(reply, read)

    def _seen(self, reply: http.client.HTTPResponse, body: bytes) -> Page:
        cookies: dict[str, Morsel[str]] = {}
        for line in reply.headers.get_all("set-cookie") or ():
            cookies.update(SimpleCookie(line))
        for name, morsel in cookies.items():
            if morsel["max-age"] == "0" or not morsel.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return Page(reply.status, {name.lower(): value for name, value in reply.getheaders()}, body, cookies)
