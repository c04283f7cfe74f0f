"""A partner that says exactly the bytes a test wants, on a bare socket."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

#: Who is not served in this time has found a bug; never waited for when all is well.
PATIENCE_SECONDS = 20.0

#: A reply that breaks off.
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"

Script = Callable[[socket.socket], object]


class RawPartner:
    """A server that does what a script says with each connection's bytes; the last script serves all further ones."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self._scripts, self._tls = scripts, tls
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.connections = 0
        self.port = int(self._socket.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/api"
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> RawPartner:
        self._start(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        for each in (self._socket, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _start(self, work: Callable[..., None], *given: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=given, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                script = self._scripts[min(self.connections, len(self._scripts) - 1)]
                self.connections += 1
                self._start(self._serve, connection, script)

    def _serve(self, connection: socket.socket, script: Script) -> None:
        with suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._open.append(connection)
            with connection:
                connection.settimeout(PATIENCE_SECONDS)
                script(connection)


def request_of(connection: socket.socket) -> bytes:
    """Read one request; nothing where the caller closed."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (more := connection.recv(65_536)):
            return b""
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def answering(*replies: bytes) -> Script:
    """Answer one request after the other, the last reply ever again."""

    def script(connection: socket.socket) -> None:
        place = 0
        while request_of(connection):
            connection.sendall(replies[min(place, len(replies) - 1)])
            place += 1

    return script


def closing(reply: bytes) -> Script:
    """Answer one request and close."""

    def script(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(reply)

    return script
