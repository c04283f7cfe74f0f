"""Reach a partner's address step by step, as a test message shows it: name, connection, TLS with the partner's certificate."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from hub.errors import BadSettings, NotSent

#: Ports of the schemes that partners are reached by.
PORTS = {"http": 80, "https": 443, "amqp": 5672, "amqps": 5671}
SECURED = frozenset({"https", "amqps"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One step that went well."""

    #: named, connected, secured.
    name: str
    vi: str
    en: str
    #: Days until the partner's certificate ends.
    certificate_days: int | None = None


def reach(
    url: str, *, ends_at: float, tls: Callable[[], ssl.SSLContext], clock: Callable[[], float] = time.monotonic
) -> Iterator[Reached]:
    """Give each step as it is done, and close; nothing is said on the connection. Raises NotSent at the first that fails."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    if not host or not port:
        raise BadSettings("the address has no host", "địa chỉ không có tên máy", where="base_url")
    addresses = _named(host, port)
    yield Reached(name="named", vi=f"{host}: {len(addresses)} địa chỉ", en=f"{host}: {len(addresses)} addresses")
    connection = _connected(addresses, host, port, ends_at, clock)
    try:
        yield Reached(name="connected", vi=f"đã kết nối {host}:{port}", en=f"connected to {host}:{port}")
        if parts.scheme in SECURED:
            yield _secured(connection, host, max(0.001, ends_at - clock()), tls)
    finally:
        connection.close()


#: As the resolver gives them.
_Addresses = Sequence[Any]


def _named(host: str, port: int) -> _Addresses:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _failed(host, error) from error


def _connected(addresses: _Addresses, host: str, port: int, ends_at: float, clock: Callable[[], float]) -> socket.socket:
    """Connect to the first address that answers; each has its share of the time."""
    failure: OSError = OSError("no address")
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(max(0.001, (ends_at - clock()) / (len(addresses) - place)))
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise _failed(f"{host}:{port}", failure) from failure


def _secured(connection: socket.socket, host: str, seconds: float, tls: Callable[[], ssl.SSLContext]) -> Reached:
    connection.settimeout(seconds)
    try:
        with tls().wrap_socket(connection.dup(), server_hostname=host) as secured:
            certificate = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
            version = secured.version()
    except (OSError, ValueError) as error:
        raise _failed(host, error) from error
    left = int((certificate.not_valid_after_utc - datetime.now(UTC)).total_seconds() // 86_400)
    vi, en = f"{version}, chứng thư số còn {left} ngày", f"{version}, certificate good for {left} more days"
    return Reached(name="secured", vi=vi, en=en, certificate_days=left)


def _failed(place: str, error: Exception) -> NotSent:
    cause = f"{type(error).__name__}: {error}"
    return NotSent(f"{place}: {cause}", f"{place}: {cause}", where=place)
