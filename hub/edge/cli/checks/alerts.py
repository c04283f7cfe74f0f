"""Alerts: rules fit endpoints, recipients and their secrets can be used, and somebody is told of what is critical."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from hub.alert_book import alert_book
from hub.edge.cli.checks.findings import WARNING, Finding, fine, of_error
from hub.errors import HubError
from hub.rules.alerts import Book, matches
from hub.settings import Settings

_PATIENCE_SECONDS = 5.0


def look(settings: Settings, *, reach: bool) -> Iterator[Finding]:
    """Look at the alerts' rules and recipients; a message is sent by ``alert test`` only."""
    try:
        book = alert_book(settings)
    except HubError as error:
        yield of_error(error.where or "hub.toml [alerts]", error)
        return
    count = len(book.recipients)
    yield fine("hub.toml [alerts]", f"{count} nơi nhận cảnh báo", f"{count} recipients of alerts")
    yield from _patterns(settings, book)
    yield from _in_clear(book)
    if reach and book.mail is not None:
        yield _server(book)


def _patterns(settings: Settings, book: Book) -> Iterator[Finding]:
    """Say which patterns fit no endpoint: a misspelt one would leave its rule, or its recipient, without effect."""
    names = (*settings.endpoints, "unrouted")
    named = [(f"[[alerts.rule]] {each.name}", each.endpoints) for each in book.rules]
    named += [(f"[[alerts.to]] {each.name}", each.endpoints) for each in book.recipients]
    for place, patterns in named:
        for pattern in patterns:
            if pattern != "*" and not matches((pattern,), names):
                vi, en = f"mẫu {pattern!r} không khớp điểm kết nối nào", f"pattern {pattern!r} fits no endpoint"
                yield Finding(level=WARNING, where=f"hub.toml {place} endpoints", vi=vi, en=en)


def _in_clear(book: Book) -> Iterator[Finding]:
    """Say what goes over the network so that others can read or forge it."""
    for each in book.recipients:
        where = f"hub.toml [[alerts.to]] {each.name}"
        if each.url.startswith("http://"):
            yield Finding(level=WARNING, where=where, vi="webhook không mã hóa (http)", en="the webhook is not encrypted (http)")
        if each.url and not each.key:
            vi, en = "không có key: nơi nhận không biết tin có thật của trục", "no key: the receiver cannot tell who calls"
            yield Finding(level=WARNING, where=where, vi=vi, en=en)
    if book.mail is not None and book.mail.security == "none":
        vi, en = "thư đi không mã hóa", "mail leaves unencrypted"
        yield Finding(level=WARNING, where="hub.toml [alerts.mail] security", vi=vi, en=en)


def _server(book: Book) -> Finding:
    assert book.mail is not None
    where, place = "hub.toml [alerts.mail]", f"{book.mail.host}:{book.mail.port}"
    try:
        with socket.create_connection((book.mail.host, book.mail.port), _PATIENCE_SECONDS):
            pass
    except OSError as error:
        cause = error.strerror or type(error).__name__
        vi, en = f"không kết nối được tới máy chủ thư {place} ({cause})", f"mail server {place} cannot be reached ({cause})"
        return Finding(level=WARNING, where=where, vi=vi, en=en)
    vi, en = f"kết nối được tới máy chủ thư {place}", f"mail server {place} is reached"
    return fine(where, f"{vi}; gửi thử: lienthong alert test", f"{en}; try it: lienthong alert test")
