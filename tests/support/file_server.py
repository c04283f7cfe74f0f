"""Where one-stop software keeps its files: an HTTP server on loopback that gives what it is told to, in the manner it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer:
    """Gives files by their path; ``calls`` is what was asked."""

    def __init__(self) -> None:
        #: Path -> what is given: bytes, a status, or a redirection (text).
        self.files: dict[str, bytes | int | str] = {}
        self.calls: list[str] = []
        #: False: it knows GET alone, as many do.
        self.knows_head = True
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _caller(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def keep(self, path: str, file: bytes | int | str) -> str:
        """Keep a file; give its address."""
        self.files[path] = file
        return f"{self.url}{path}"

    def asked(self, methods: Iterable[str] = ("GET",)) -> list[str]:
        """Give what was asked by one of these methods."""
        return [call for call in self.calls if call.split(" ")[0] in methods]

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _caller(at: FileServer) -> type[BaseHTTPRequestHandler]:
    class Caller(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            at.calls.append(f"{self.command} {self.path}")
            found = at.files.get(self.path, 404)
            if self.command == "HEAD" and not at.knows_head:
                found = 405
            status = found if isinstance(found, int) else 302 if isinstance(found, str) else 200
            body = found if isinstance(found, bytes) else b""
            self.send_response(status)
            if isinstance(found, str):
                self.send_header("Location", found)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *given: Any) -> None:
            """Say nothing."""

    return Caller
