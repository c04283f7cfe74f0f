"""Pooled HTTP with a total deadline, and the one mapping of its failures: did the first byte of the call leave?

httpcore has no total deadline: a partner that drips one byte before each read timeout would hold a worker for ever.
So the pool is given a network backend whose streams shorten every read and write to what is left of the deadline.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore

from hub.errors import BadSettings, Busy, InDoubt, NotSent

#: A partner's reply larger than this is not read to the end; the outcome is then in doubt.
MAX_REPLY_BYTES = 64_000_000
#: Below the keep-alive of common servers (5 s), so that we rarely write into a connection that is being closed.
KEEPALIVE_SECONDS = 2.0
CONNECT_SECONDS = 10.0

_clock = time.monotonic


class _Deadline(threading.local):
    """The moment at which the current thread's call must be over."""

    at: float = float("inf")

    def left(self, timeout: float | None) -> float:
        rest = self.at - _clock()
        if rest <= 0:
            raise httpcore.ReadTimeout("total deadline passed")
        return rest if timeout is None else min(timeout, rest)


_deadline = _Deadline()


class _Stream(httpcore.NetworkStream):
    """A stream whose every read and write ends by the call's deadline."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _deadline.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _deadline.left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens streams that keep the deadline."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _deadline.left(timeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Status, headers (lower-case names) and body of a reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class _Progress:
    """How far one call came; the request line is the first byte that matters."""

    fence: Callable[[], None]
    first_byte_left: bool = False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self.fence()
            self.first_byte_left = True


def _no_fence() -> None:
    """Let the call go: used for look-ups and log-ins, which change nothing."""


@dataclass(kw_only=True)
class Wire:
    """A pool of connections to partners; shared by threads, made once per process."""

    #: Certificate authorities and client certificate; None = the system's authorities.
    tls: ssl.SSLContext | None = None
    max_connections: int = 64
    _pool: httpcore.ConnectionPool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=self.tls,
            max_connections=self.max_connections,
            max_keepalive_connections=self.max_connections,
            keepalive_expiry=KEEPALIVE_SECONDS,
            retries=0,
            network_backend=_Backend(),
        )

    def call(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float,
        fence: Callable[[], None] = _no_fence,
    ) -> HttpReply:
        """Make one call; return any HTTP reply.

        Raises NotSent where surely no byte of the request left, InDoubt where one did and no whole reply came back,
        and whatever ``fence`` raises. Reading the status is the caller's: see ``raise_for_busy``.
        """
        progress = _Progress(fence)
        _deadline.at = _clock() + deadline_seconds
        try:
            return self._exchange(method, url, body, dict(headers or {}), progress, deadline_seconds)
        except httpcore.UnsupportedProtocol as error:
            raise BadSettings(f"{url!r} is not an http address", f"{url!r} không phải địa chỉ http", where=url) from error
        except (
            httpcore.TimeoutException,
            httpcore.NetworkError,
            httpcore.ProtocolError,
            OSError,  # a pool closed or a socket broken outside httpcore's own mapping
        ) as error:
            raise _mapped(error, url, progress.first_byte_left) from error
        finally:
            _deadline.at = float("inf")

    def _exchange(
        self, method: str, url: str, body: bytes, headers: dict[str, str], progress: _Progress, deadline: float
    ) -> HttpReply:
        timeouts = {"connect": min(CONNECT_SECONDS, deadline), "read": deadline, "write": deadline, "pool": deadline}
        with self._pool.stream(
            method, url, headers=list(headers.items()), content=body, extensions={"timeout": timeouts, "trace": progress.trace}
        ) as response:
            received = _read_at_most(response, MAX_REPLY_BYTES)
            names = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in response.headers}
            return HttpReply(response.status, names, received)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def _read_at_most(response: httpcore.Response, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_stream():
        size += len(chunk)
        if size > limit:
            raise httpcore.RemoteProtocolError(f"reply larger than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _mapped(error: Exception, url: str, first_byte_left: bool) -> NotSent | InDoubt:
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    place = url.split("?", 1)[0]
    if first_byte_left:
        return InDoubt(
            f"no whole reply from {place} ({cause}); the partner may have the message",
            f"không nhận được đầy đủ trả lời từ {place} ({cause}); đối tác có thể đã nhận thông điệp",
            where=place,
        )
    return NotSent(f"{place} cannot be reached ({cause})", f"không kết nối được tới {place} ({cause})", where=place)


def raise_for_busy(reply: HttpReply, url: str) -> None:
    """Raise Busy for 429 and 503 (RFC 9110 10.2.3, RFC 6585 4): the partner says that it did not take the message."""
    if reply.status not in (429, 503):
        return
    given = reply.headers.get("retry-after", "")
    raise Busy(
        f"{url} answers {reply.status}",
        f"{url} trả lời {reply.status}",
        where=url.split("?", 1)[0],
        partner_code=str(reply.status),
        retry_after=float(given) if given.isdigit() else None,
    )
