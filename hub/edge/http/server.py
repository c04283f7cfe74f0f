"""The server: uvicorn in a thread, with limits that a stranger cannot stretch."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.app import Hub
from hub.edge.http.application import make_app
from hub.edge.http.identity import TLS_CERTIFICATE
from hub.errors import BadSettings
from hub.payloads import LEFT_OVER_SECONDS
from hub.sections import HubFile
from hub.settings import Settings, referred_file

log = structlog.get_logger()

#: What is not body may be so large for one call: request line, headers, frames of chunks beyond the usual, trailers. Our
#: heads are under 2 KB, a certificate in a front's header up to 8 KB.
MAX_HEAD_BYTES = 32_768
#: The frame of one chunk: its length in hex, and two line ends.
_CHUNK_FRAME_BYTES = 20
#: Connections at the same time; beyond, the answer is 503 at once.
MAX_CONNECTIONS = 1000
#: Why an address is not free, with the first half of what to do.
_NO_PORT = {
    errno.EADDRINUSE: (
        "một chương trình khác đang dùng cổng này; hãy dừng chương trình đó, hoặc",
        "another program uses this port; stop it, or",
    ),
    errno.EACCES: ("tài khoản chạy hub không được phép mở cổng này; hãy", "the account that runs the hub may not use this port;"),
    errno.EADDRNOTAVAIL: ("địa chỉ này không có trên máy; hãy", "this machine has no such address;"),
}
#: A request's head must be here after so long; also what a caller may go on sending after it was answered.
HEAD_SECONDS = 10.0
#: Above the hub's own keep-alive as a client and below that of common fronts (60 s).
KEEPALIVE_SECONDS = 15
#: At a stop, calls that are being answered have so long.
STOP_SECONDS = 20


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 by llhttp, whose head cannot grow or drip for ever, and which knows the client's TLS certificate.

    Trailers are dropped (RFC 9110 6.5.1 allows that): they come after the headers were believed.
    """

    _patience: asyncio.TimerHandle | None = None
    #: Octets of this call so far that are not its body.
    _head_bytes = 0
    _head_ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls else None
        if der:
            self.app_state = {**self.app_state, TLS_CERTIFICATE: hashlib.sha256(der).hexdigest()}
        self._watch()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")
        self._watch()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_ended = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_ended:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_ended = True
        if self.parser.get_http_version() == "1.1" and all(name != b"host" for name, _ in self.headers):
            raise ValueError("RFC 9112 3.2: a request without Host")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head_bytes -= len(body)
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        self._head_bytes -= min(self._head_bytes, _CHUNK_FRAME_BYTES)

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._calm()

    def _watch(self) -> None:
        """Wait with patience only while no call is being worked on."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._calm()
        elif self._patience is None and not self.transport.is_closing():
            self._patience = self.loop.call_later(max(HEAD_SECONDS, self.timeout_keep_alive), self.transport.close)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class _Uvicorn(uvicorn.Server):
    """uvicorn, telling when it listens."""

    def __init__(self, config: uvicorn.Config, settled: threading.Event) -> None:
        super().__init__(config)
        self._settled = settled

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._settled.set()


class HttpServer:
    """Serves the application on one address, in a thread."""

    def __init__(self, app: FastAPI, listening: socket.socket, tls: ssl.SSLContext | None, ready: Callable[[str], None]) -> None:
        self._listening = listening
        self._ready = ready
        self._settled = threading.Event()
        self.url = _url(listening, tls)
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            # Only hub.edge.http.identity decides which fronts are believed.
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEPALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            ssl_context_factory=(lambda _config, _default: tls) if tls else None,
        )
        self._uvicorn = _Uvicorn(config, self._settled)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> HttpServer:
        """Listen; returns when calls are answered, and tells ``ready`` the address."""
        self._thread.start()
        self._settled.wait()
        if not self._uvicorn.started:
            raise BadSettings(f"the server did not start at {self.url}", f"không mở được cửa tại {self.url}", where=self.url)
        log.info("http.listening", url=self.url)
        self._ready(self.url)
        return self

    def alive(self) -> bool:
        """Say whether its thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Take no more calls, finish those that are being answered."""
        self._uvicorn.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._listening.close()

    def _run(self) -> None:
        try:
            self._uvicorn.run(sockets=[self._listening])
        except Exception:
            log.exception("http.failed", url=self.url)
        finally:
            self._settled.set()

    def __enter__(self) -> HttpServer:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def serve_http(
    hub: Hub,
    host: str,
    port: int,
    ready: Callable[[str], None] = lambda url: None,
    *,
    settings: Settings | None = None,
    doors: bool = True,
    uses_bus: bool = False,
) -> HttpServer:
    """Make a server for a hub, not yet started; port 0 takes a free one. Raises BadSettings where the address is not free.

    ``doors``: False for a process that only tells whether it is well; ``uses_bus``: the broker belongs to that.
    """
    file = settings.file if settings else HubFile()
    tls = _tls(settings) if settings and file.doors.certificate else None
    listening = listen(host, port)
    if doors:
        # What a process that was killed had half received.
        hub.payloads.sweep(time.time() - LEFT_OVER_SECONDS)
    named = "public_url" in file.hub.model_fields_set
    url = file.hub.public_url if named else _url(listening, tls)
    app = make_app(hub, file, public_url=url, doors=doors, uses_bus=uses_bus)
    return HttpServer(app, listening, tls, ready)


def listen(host: str, port: int, where: str = "hub.toml [doors] host, port") -> socket.socket:
    """Listen on an address; raise BadSettings where it is not free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=MAX_CONNECTIONS)
    except OSError as error:
        why_vi, why_en = _NO_PORT.get(error.errno or 0, (f"{error.strerror}; hãy", f"{error.strerror};"))
        raise BadSettings(
            f"cannot listen at {host}:{port}: {why_en} change {where}",
            f"không mở được cổng {host}:{port}: {why_vi} đổi {where}",
            where=where,
        ) from error


def _url(listening: socket.socket, tls: ssl.SSLContext | None) -> str:
    host, port = listening.getsockname()[:2]
    name = f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    return f"{'https' if tls else 'http'}://{name}:{port}"


def _tls(settings: Settings) -> ssl.SSLContext:
    """Make the server side of TLS 1.2 and later; a client certificate is asked for where its authorities are known."""
    doors = settings.file.doors
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        made.load_cert_chain(_file(settings, doors.certificate, "certificate"), _file(settings, doors.key, "key"))
        if doors.client_authorities:
            made.load_verify_locations(_file(settings, doors.client_authorities, "client_authorities"))
            made.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ssl.SSLError) as error:
        where = "hub.toml [doors] certificate, key, client_authorities"
        raise BadSettings(f"{where}: {error}", f"{where}: không đọc được ({error})", where=where) from error
    return made


def _file(settings: Settings, reference: str, key: str) -> Path:
    """Find the file of a reference; the TLS library reads files only, so ``env:`` is not possible here."""
    return referred_file(settings.folder, reference, f"hub.toml [doors] {key}")
