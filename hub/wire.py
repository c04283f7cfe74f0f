"""HTTP with kept connections and a total deadline, and the one mapping of its failures: did the first byte of the call leave?

No client of the standard library or beside it has a total deadline: a partner that drips one byte before each read timeout
would hold a worker for ever. So requests are written to plain sockets here, each wait of which is shortened to what is
left of the deadline, and replies are read by ``hub.rules.http_reply``. No proxy of the environment is used, no redirect
followed, and nothing is ever sent a second time.
"""

from __future__ import annotations

import functools
import re
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from hub.errors import BadSettings, Busy, InDoubt, NotSent
from hub.rules.http_reply import BrokenReply, HttpReply, ReplyReader

__all__ = ["HttpReply", "Streamed", "Wire", "client_tls", "raise_for_busy", "recorded", "shown"]

#: Below the keep-alive of common servers (5 s), so that we rarely write into a connection that is being closed.
KEEPALIVE_SECONDS = 2.0
#: Connecting and the TLS handshake together, over all addresses of a host.
CONNECT_SECONDS = 10.0
#: Idle connections kept per host; a worker that finds none opens its own.
IDLE_PER_HOST = 32
#: A body up to this size leaves together with its headers, in one segment where it fits.
JOINED_BYTES = 65_536
RECEIVE_BYTES = 65_536
#: Stands for a credential in what is kept.
MASK = "***"

_URL = re.compile(r"[\x21-\x7e]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Visible ASCII with blanks between; h11 and many servers refuse a blank at the end, such as "Bearer " without a token.
_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")
#: These say where a request ends, which only the wire knows.
_OWN_HEADERS = frozenset({"connection", "content-length", "transfer-encoding"})

_clock = time.monotonic


@dataclass(frozen=True, slots=True)
class Streamed:
    """A body that is read while it is sent, for what is too large to hold; its pieces can be had once."""

    length: int
    pieces: Iterable[bytes]


class _Host(NamedTuple):
    """What a connection leads to; connections are kept for each of them apart."""

    tls: bool
    name: str
    port: int


@dataclass(frozen=True, slots=True)
class _Address:
    """An http address, taken apart."""

    host: _Host
    #: For the Host header: without the scheme's own port.
    authority: str
    #: Path and query, for the request line.
    target: str


class _Line:
    """One connection; every wait on it ends by the deadline of the call that has it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ends_at = 0.0
        self.idle_since = 0.0
        self.first_byte_left = False

    def begin(self, ends_at: float) -> None:
        """Serve one call, until its deadline."""
        self._ends_at = ends_at
        self.first_byte_left = False

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._sock.settimeout(_left(self._ends_at))
            # From here on nobody knows: also a write that fails may have put bytes on the wire.
            self.first_byte_left = True
            view = view[self._sock.send(view) :]

    def receive(self) -> bytes:
        """Give the next bytes; none where the partner closed."""
        self._sock.settimeout(_left(self._ends_at))
        return self._sock.recv(RECEIVE_BYTES)

    def usable(self, now: float) -> bool:
        """Say whether an idle connection can be written to: it is readable where the partner closed it or said too much."""
        watch = select.poll()
        watch.register(self._sock, select.POLLIN)
        return now - self.idle_since < KEEPALIVE_SECONDS and not watch.poll(0)

    def close(self) -> None:
        self._sock.close()


def _no_fence() -> None:
    """Let the call go: used for look-ups and log-ins, which change nothing."""


def client_tls(ca: str, certificate: str, key: str, where: str) -> ssl.SSLContext:
    """Make what an https connection is opened with, from files (PEM); empty: the system's authorities, no certificate of ours.

    Raises BadSettings where one of them cannot be used.
    """
    try:
        made = ssl.create_default_context(cafile=ca or None)
        if certificate:
            # A key that is locked must fail, not ask somebody at a terminal.
            made.load_cert_chain(certificate, key or None, password="")
    except (OSError, ssl.SSLError, ValueError) as error:
        said = type(error).__name__
        raise BadSettings(
            f"{where}: certificate, key or ca cannot be used ({said}); PEM, the key not locked and the certificate's own",
            f"{where}: không dùng được certificate, key hoặc ca ({said}); cần PEM, khóa không đặt mật khẩu và đúng chứng thư",
            where=where,
        ) from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


@functools.cache
def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(kw_only=True)
class Wire:
    """Connections to partners; shared by threads, made once per process.

    Open connections are not bounded here: each endpoint has its own worker threads, which bound them, and one bound for
    all would let a hanging partner take the others' room. Only idle ones are, for each host apart.
    """

    #: Certificate authorities and client certificate. None = the partner's certificate is checked against the system's
    #: authorities, in one context per process that is made at the first https call.
    tls: ssl.SSLContext | None = None
    #: Says of an IP address whether it may be connected to: what a partner names must not lead to our own network. Asked of
    #: each address that is connected to, so that a name which leads elsewhere the second time gains nothing.
    admits: Callable[[str], bool] = lambda address: True
    _idle: dict[_Host, deque[_Line]] = field(init=False, repr=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)
    _closed: bool = field(init=False, repr=False, default=False)
    _swept_at: float = field(init=False, repr=False, default=0.0)

    def call(
        self,
        method: str,
        url: str,
        *,
        body: bytes | Streamed = b"",
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float,
        fence: Callable[[], None] = _no_fence,
        give: Callable[[bytes], None] | None = None,
    ) -> HttpReply:
        """Make one call; return any HTTP reply.

        ``give`` takes the body of a reply that is 2xx piece by piece, so that a file is never held whole; what it raises ends
        the call. A ``Streamed`` body is never whole at the partner where its pieces cannot be had (what they raise is raised).

        Raises BadSettings where address or headers cannot be sent, NotSent where surely no byte of the request left,
        InDoubt (with what came of the reply) where one did and no whole reply came back, and whatever ``fence`` raises.
        Reading the status is the caller's: see ``raise_for_busy``.
        """
        ends_at = _clock() + deadline_seconds
        address = _address(url)
        head = _head(method, address, headers or {}, body.length if isinstance(body, Streamed) else len(body))
        line = self._open(address.host, ends_at, url)
        reader, reusable = ReplyReader(line.receive), False
        try:
            fence()
            try:
                _send(line, head, body)
                reply, reusable = reader.read(method, give)
            except (OSError, BrokenReply) as error:
                raise _failed(error, url, line.first_byte_left, bytes(reader.start)) from error
            return reply
        finally:
            self._give_back(address.host, line, reusable)

    def fetch(
        self,
        url: str,
        take: Callable[[bytes], None],
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float,
    ) -> HttpReply:
        """GET what may be large: the body of a reply 200 or 206 goes to ``take`` as it comes; give the reply without it.

        Raises as ``call`` does (InDoubt too, which of a GET only says that it was cut off or is larger than ``max_bytes``),
        and whatever ``take`` raises.
        """
        ends_at = _clock() + deadline_seconds
        address = _address(url)
        head = _head("GET", address, headers or {}, 0)
        line = self._open(address.host, ends_at, url)
        reader = ReplyReader(line.receive)
        try:
            line.send(head)
            reply, pieces = reader.begin("GET", max_bytes)
            if reply.status in (200, 206):
                for piece in pieces:
                    take(piece)
            return reply
        except (OSError, BrokenReply) as error:
            raise _failed(error, url, line.first_byte_left, bytes(reader.start)) from error
        finally:
            self._give_back(address.host, line, reusable=False)

    def close(self) -> None:
        """Close all idle connections now, and each other one when its call ends."""
        with self._lock:
            self._closed = True
            lines = [line for kept in self._idle.values() for line in kept]
            self._idle.clear()
        for line in lines:
            line.close()

    def _open(self, host: _Host, ends_at: float, url: str) -> _Line:
        line = self._kept(host)
        if line is None:
            try:
                line = _Line(self._connect(host, min(ends_at, _clock() + CONNECT_SECONDS)))
            except OSError as error:
                raise _failed(error, url, False, b"") from error
        line.begin(ends_at)
        return line

    def _connect(self, host: _Host, ends_at: float) -> socket.socket:
        sock = _connected(host, ends_at, self.admits)
        if not host.tls:
            return sock
        sock.settimeout(_left(ends_at))
        # A connection that ends without TLS saying so may have been cut by anybody: it is no end of a reply.
        return (self.tls or _system_trust()).wrap_socket(sock, server_hostname=host.name, suppress_ragged_eofs=False)

    def _kept(self, host: _Host) -> _Line | None:
        """Take the connection that idled least and still can be used."""
        while True:
            with self._lock:
                kept = self._idle.get(host)
                if not kept:
                    return None
                line = kept.pop()
            if line.usable(_clock()):
                return line
            line.close()

    def _give_back(self, host: _Host, line: _Line, reusable: bool) -> None:
        line.idle_since = _clock()
        with self._lock:
            if reusable and not self._closed:
                self._idle.setdefault(host, deque()).append(line)
                surplus = self._surplus(host, line.idle_since)
            else:
                surplus = [line]
        for each in surplus:
            each.close()

    def _surplus(self, host: _Host, now: float) -> list[_Line]:
        """Take out one connection too many of this host, and now and then what idled too long at any."""
        surplus = [self._idle[host].popleft()] if len(self._idle[host]) > IDLE_PER_HOST else []
        if now - self._swept_at > KEEPALIVE_SECONDS:
            self._swept_at = now
            for kept in self._idle.values():
                while kept and now - kept[0].idle_since >= KEEPALIVE_SECONDS:
                    surplus.append(kept.popleft())
        return surplus


def _left(ends_at: float) -> float:
    rest = ends_at - _clock()
    if rest <= 0:
        raise TimeoutError("total deadline passed")
    return rest


def _connected(host: _Host, ends_at: float, admits: Callable[[str], bool]) -> socket.socket:
    """Connect to the first address that answers; one that does not leaves the others their share of the time."""
    # A look-up of the name ends by the resolver's own limits; nothing has left until then.
    found = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("no address")
    for place, (family, kind, protocol, _, address) in enumerate(found):
        share = _left(ends_at) / (len(found) - place)
        if not admits(str(address[0])):
            failure = OSError("its network address is not one that may be called")
            continue
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(share)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _send(line: _Line, head: bytes, body: bytes | Streamed) -> None:
    # A partner may refuse a body before it has all of it (413), and close: its reply then waits to be read.
    with suppress(BrokenPipeError, ConnectionResetError):
        if isinstance(body, Streamed):
            _send_pieces(line, head, body)
        elif len(body) <= JOINED_BYTES:
            line.send(head + body)
        else:
            line.send(head)
            line.send(body)


def _send_pieces(line: _Line, head: bytes, body: Streamed) -> None:
    """Send a body piece by piece, one behind: the last piece leaves only when all were had and are as long as was said."""
    waiting, left = head, body.length
    for piece in body.pieces:
        left -= len(piece)
        if left < 0:
            break
        if piece:
            line.send(waiting)
            waiting = piece
    if left:
        raise ValueError("a streamed body is not as long as it says")
    line.send(waiting)


@functools.lru_cache(maxsize=1024)
def _address(url: str) -> _Address:
    """Take an address apart; addresses come from settings, so there are few."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
        name.encode("idna")
    except ValueError as error:
        raise _no_address(url) from error
    if not (name and parts.scheme in ("http", "https") and _URL.fullmatch(url)) or "@" in parts.netloc or port == 0:
        raise _no_address(url)
    tls = parts.scheme == "https"
    usual = 443 if tls else 80
    authority = f"[{name}]" if ":" in name else name
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = port or usual
    return _Address(_Host(tls, name, port), authority if port == usual else f"{authority}:{port}", target)


def _no_address(url: str) -> BadSettings:
    # What stands before an @ may be a password.
    given = url.split("?", 1)[0].rpartition("@")[2]
    return BadSettings(
        f"{given!r} is not an http address (http://host[:port]/path; no blanks, no user or password in it)",
        f"{given!r} không phải địa chỉ http (http://máy[:cổng]/đường-dẫn; không có dấu cách, tên và mật khẩu)",
        where=given,
    )


def _head(method: str, address: _Address, headers: Mapping[str, str], length: int) -> bytes:
    """Write request line and headers; refuse what would be read otherwise than it was meant."""
    if not _TOKEN.fullmatch(method):
        raise _no_header("method")
    for name, value in headers.items():
        if not (_TOKEN.fullmatch(name) and _VALUE.fullmatch(value)) or name.lower() in _OWN_HEADERS:
            raise _no_header(name)
    lines = [f"{method} {address.target} HTTP/1.1", f"Host: {address.authority}", "Accept-Encoding: identity"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if length or method not in ("GET", "HEAD"):
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _no_header(name: str) -> BadSettings:
    # The value is not shown: it may be a token.
    return BadSettings(
        f"header {name!r} cannot be sent: its name or value is not what HTTP allows",
        f"không gửi được tiêu đề {name!r}: tên hoặc giá trị không đúng quy định HTTP",
        where=f"header {name!r}",
    )


def _failed(error: Exception, url: str, first_byte_left: bool, reply: bytes) -> NotSent | InDoubt:
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    place = url.split("?", 1)[0]
    if not first_byte_left:
        return NotSent(f"{place} cannot be reached ({cause})", f"không kết nối được tới {place} ({cause})", where=place)
    doubt = InDoubt(
        f"no whole reply from {place} ({cause}); the partner may have the message",
        f"không nhận được đầy đủ trả lời từ {place} ({cause}); đối tác có thể đã nhận thông điệp",
        where=place,
    )
    doubt.reply = reply
    return doubt


def raise_for_busy(reply: HttpReply, url: str) -> None:
    """Raise Busy for 429 and 503 (RFC 9110 10.2.3, RFC 6585 4): the partner says that it did not take the message."""
    if reply.status not in (429, 503):
        return
    place, given = url.split("?", 1)[0], reply.headers.get("retry-after", "")
    busy = Busy(
        f"{place} answers {reply.status}",
        f"{place} trả lời {reply.status}",
        where=place,
        partner_code=str(reply.status),
        retry_after=float(given) if re.fullmatch(r"[0-9]{1,9}", given) else None,
    )
    busy.reply, busy.reply_status = reply.body, reply.status
    raise busy


def shown(method: str, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Write a call for the record, with its credential masked."""
    lines = (f"{name}: {f'Bearer {MASK}' if name.lower() == 'authorization' else value}" for name, value in headers.items())
    return "\r\n".join([f"{method} {url}", *lines, "", ""]).encode() + body


@contextmanager
def recorded(sent: bytes) -> Iterator[None]:
    """Let a failure after bytes left carry those bytes (secrets masked): the attempt's record is made of them."""
    try:
        yield
    except (InDoubt, Busy) as error:
        error.sent = sent
        raise
