"""A connection to the broker (kombu, py-amqp): how it is made, waited on, kept alive and told to be lost."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import structlog
from kombu import Connection
from kombu.transport import pyamqp

from hub.bus.address import WHERE, BusOptions
from hub.errors import BadSettings, HubError, Unavailable
from hub.rules.broker import Address

log = structlog.get_logger()

#: What py-amqp raises when a connection or its one conversation is over; AttributeError is its way to say that it already was.
BROKEN: tuple[type[Exception], ...] = (
    *pyamqp.Transport.connection_errors,
    *pyamqp.Transport.channel_errors,
    AttributeError,
)
#: The broker answers a question within this time, or is taken for gone.
ANSWER_SECONDS = 10.0
#: So long the rest of a frame is waited for before looking elsewhere; what came of it is kept.
FRAME_SECONDS = 0.02
#: AMQP: type of the frame with a message's properties, and what stands before them (class, weight, size of the body).
HEADER_FRAME, HEADER_LENGTH = 2, 12
#: AMQP reply codes.
REFUSED, PRECONDITION_FAILED, NOT_ALLOWED = 403, 406, 530


class Signal:
    """Wakes a thread that waits for a socket: other threads set it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._reading, self._writing = socket.socketpair()

    def fileno(self) -> int:
        return self._reading.fileno()

    def set(self) -> None:
        with self._lock:
            if not self._is_set:
                self._is_set = True
                self._writing.send(b"\0")

    def clear(self) -> None:
        with self._lock:
            if self._is_set:
                self._is_set = False
                self._reading.recv(1)

    def wait(self, seconds: float) -> None:
        """Wait until it is set, or so long."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)


class Link:
    """One connection, used by one thread at a time: whoever waits on it sends its heartbeats and sees that it is lost."""

    def __init__(self, options: BusOptions, address: Address, purpose: str) -> None:
        #: The broker takes nothing that is published: it runs out of memory or disk.
        self.blocked = False
        self._beat = options.heartbeat_seconds / 4
        self._connection = _connected(options, address, purpose, self)
        self._connection.sock.settimeout(ANSWER_SECONDS)
        self._poll = select.poll()
        self._poll.register(self._connection.sock, select.POLLIN)

    @property
    def product(self) -> str:
        """Say what the broker says that it is."""
        told = self._connection.server_properties
        return f"{told.get('product', '')} {told.get('version', '')}".strip()

    @property
    def is_open(self) -> bool:
        return bool(self._connection.connected)

    def channel(self) -> Any:
        return self._connection.channel()

    def drain(self) -> bool:
        """Take everything that has come, and wait for nothing; say whether something had."""
        came = False
        while self._readable():
            came = True
            try:
                self._connection.blocking_read(timeout=FRAME_SECONDS)
            except TimeoutError:
                break
        return came

    def _readable(self) -> bool:
        sock = self._connection.sock
        return (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0) or bool(self._poll.poll(0))

    def wait(self, seconds: float, signal: Signal | None = None) -> None:
        """Wait until the broker says something or the signal is set, or so long at most; take what has come."""
        if not self.drain():
            if signal is not None:
                self._poll.register(signal, select.POLLIN)
            try:
                self._poll.poll(max(0.0, min(seconds, self._beat)) * 1000)
            finally:
                if signal is not None:
                    self._poll.unregister(signal)
            self.drain()
        self._connection.heartbeat_tick()

    def close(self) -> None:
        """Take leave where the broker still listens."""
        try:
            self._connection.close()
        except BROKEN:
            self.drop()

    def cut(self) -> None:
        """End the connection under a thread that may be waiting for an answer: it is told at once. Any thread may call this."""
        with contextlib.suppress(*BROKEN):
            # Not the TLS wrapper's own: that is not made for two threads.
            socket.socket.shutdown(self._connection.sock, socket.SHUT_RDWR)

    def drop(self) -> None:
        """Let go of a connection that is broken."""
        self._connection.collect()


def body_of(message: Any) -> bytes:
    """Give a message's body; py-amqp has a text for one that is empty."""
    return message.body if isinstance(message.body, bytes) else str(message.body).encode()


def headers_of(message: Any) -> dict[object, object]:
    """Give a message's own headers; what is no table is none."""
    found = message.properties.get("application_headers")
    return found if isinstance(found, dict) else {}


def _connected(options: BusOptions, address: Address, purpose: str, link: Link) -> Any:
    def blocked(_reason: str) -> None:
        link.blocked = True
        log.error("bus.blocked", purpose=purpose)

    def unblocked() -> None:
        link.blocked = False
        log.info("bus.unblocked", purpose=purpose)

    connection = Connection(
        hostname=f"[{address.host}]" if ":" in address.host else address.host,
        port=address.port,
        userid=address.user,
        password=options.password,
        virtual_host=address.vhost,
        transport="pyamqp",
        ssl=_tls(options, address) if address.tls else False,
        connect_timeout=ANSWER_SECONDS,
        heartbeat=options.heartbeat_seconds,
        transport_options={
            "client_properties": {
                "product": "lienthong",
                "connection_name": f"{options.hub} {purpose} {socket.gethostname()}:{os.getpid()}",
            },
            "on_blocked": blocked,
            "on_unblocked": unblocked,
            "frame_handler": _tolerant_frames,
            # py-amqp's own second also counts while a blocked broker does not read.
            "socket_settings": {socket.TCP_USER_TIMEOUT: int(2000 * options.heartbeat_seconds)},
        },
    )
    try:
        return connection.transport.establish_connection()
    except BROKEN as error:
        raise unreachable(address, error) from error


def _tls(options: BusOptions, address: Address) -> dict[str, Any]:
    return {
        "ca_certs": str(options.ca) if options.ca else None,
        "certfile": str(options.certificate) if options.certificate else None,
        "keyfile": str(options.key) if options.key else None,
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": address.host,
        "tls_minimum_version": ssl.TLSVersion.TLSv1_2,
    }


def _tolerant_frames(connection: Any, callback: Callable[..., Any]) -> Callable[[Any], Any]:
    """Read frames as py-amqp does; properties that it cannot read are left out, so that the message comes, without a seal.

    Else one false time stamp in a queue would end every consumer that it is given to.
    """
    reading: Callable[[Any], Any] = pyamqp.amqp.method_framing.frame_handler(connection, callback)

    def on_frame(frame: Any) -> Any:
        try:
            return reading(frame)
        except Exception:
            kind, channel, content = frame
            if kind != HEADER_FRAME or _has_readable_properties(content):
                raise
            log.error("bus.properties_unreadable")
            return reading((kind, channel, bytes(content[:HEADER_LENGTH]) + b"\0\0"))

    return on_frame


def _has_readable_properties(content: bytes) -> bool:
    try:
        pyamqp.amqp.Message().inbound_header(content)
    except Exception:
        return False
    return True


def unreachable(address: Address, error: BaseException) -> HubError:
    """Say why the broker does not do what it is asked, to who can mend it."""
    code = getattr(error, "reply_code", 0)
    why = str(getattr(error, "reply_text", "") or error or type(error).__name__)
    if code == REFUSED and getattr(error, "method_name", ""):
        return BadSettings(
            f"the hub's user may not use everything it needs at the broker {address} ({why}): see `lienthong bus permissions`",
            f"tài khoản của hub tại RabbitMQ {address} thiếu quyền ({why}): xem lệnh `lienthong bus permissions`",
            where=f"{WHERE} url",
        )
    if code == REFUSED:
        return BadSettings(
            f"the broker {address} refuses this user or its password; `lienthong bus permissions` prints what it needs",
            f"RabbitMQ {address} từ chối tài khoản hoặc mật khẩu; `lienthong bus permissions` in các lệnh cấp quyền cần có",
            where=f"{WHERE} password",
        )
    if code == NOT_ALLOWED:
        return BadSettings(
            f"the broker {address} has no such vhost, or this user may not use it: see `lienthong bus permissions`",
            f"RabbitMQ {address} không có vhost này hoặc tài khoản không được dùng: xem lệnh `lienthong bus permissions`",
            where=f"{WHERE} url",
        )
    return Unavailable(
        f"no connection to the broker {address}: {why}",
        f"không kết nối được tới RabbitMQ {address}: {why}",
        where=f"{WHERE} url",
    )
