"""What partners' simulators share: a real HTTP server on loopback, faults on demand, and an account of what was stored.

A simulator is a partner's double that speaks the wire protocol. It is not a mock of ours: it knows nothing of the hub.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request as the simulator got it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    #: The caller's certificate (DER), where the simulator speaks TLS and the caller has one.
    certificate: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What the simulator answers; ``hang`` closes the connection without a word after so many seconds."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: float | None = None


@dataclass
class Faults:
    """Faults on demand: each is used up as often as it was asked for, first asked first used.

    Kinds every simulator knows: ``status`` (value = HTTP status), ``latency`` (value = seconds), ``hang_before`` and
    ``hang_after`` (value = seconds; after = the business effect is stored, the answer never comes), ``malformed``.
    A simulator may know more.
    """

    _queue: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, *, times: int = 1, value: Any = None, match: str = "") -> None:
        """Ask for a fault on the next ``times`` calls whose service or body contains ``match``."""
        with self._lock:
            self._queue.append({"kind": kind, "times": times, "value": value, "match": match})

    def take(self, kind: str, text: str) -> dict[str, Any] | None:
        """Use up one fault of this kind that matches the text, if one was asked for."""
        with self._lock:
            for fault in self._queue:
                if fault["kind"] == kind and fault["match"] in text:
                    fault["times"] -= 1
                    if fault["times"] <= 0:
                        self._queue.remove(fault)
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._queue.clear()


class SimulatorServer:
    """Serves ``handle`` on a loopback port in threads; ``POST /_faults``, ``GET /_account``, ``POST /_do`` steer it."""

    def __init__(
        self, name: str, handle: Callable[[Call], Said], *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.name = name
        self._scheme = "https" if tls else "http"
        self.faults = Faults()
        self._handle = handle
        #: Account for the tests: what a partner stored, as plain values; shown at ``GET /_account``.
        self.account: Callable[[], Any] = dict
        #: Told of every call to the partner, and of the answer, after it was decided on; never of the steering verbs.
        self.listeners: list[Callable[[Call, Said], None]] = []
        #: Further addresses below ``/_``, by their first part (``/_bench``).
        self.pages: dict[str, Callable[[Call], Said]] = {}
        #: Extra verbs for ``POST /_do`` ({"verb": ..., ...}); e.g. let the partner send its next message.
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler_class())
        self._server.daemon_threads = True
        if tls is not None:
            # The handshake is the connection's own thread's: one that hangs in it must not keep the others waiting.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        # How long stopping takes: tests start and stop hundreds of them.
        run = partial(self._server.serve_forever, poll_interval=0.05)
        self._thread = threading.Thread(target=run, name=f"simulator-{name}", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def start(self) -> SimulatorServer:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> SimulatorServer:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def serve(self, call: Call) -> Said:
        """Answer one call: steering verbs, then the faults that every simulator knows, then the partner's own behaviour."""
        if call.path.startswith("/_"):
            return self._steer(call)
        said = self._decide(call)
        for listener in self.listeners:
            listener(call, said)
        return said

    def _decide(self, call: Call) -> Said:
        text = f"{call.path} {call.body.decode('utf-8', 'replace')}"
        if late := self.faults.take("latency", text):
            time.sleep(float(late["value"]))
        if wrong := self.faults.take("status", text):
            return Said(b'{"message":"try later"}', status=int(wrong["value"]))
        if hang := self.faults.take("hang_before", text):
            return Said(hang=float(hang["value"]))
        lost = self.faults.take("hang_after", text)
        said = self._handle(call)
        if lost:
            return Said(hang=float(lost["value"]))
        if self.faults.take("malformed", text):
            return Said(b"<html>Proxy Error</html>", content_type="text/html")
        return said

    def _steer(self, call: Call) -> Said:
        if page := self.pages.get("/" + call.path.split("/")[1]):
            return page(call)
        given = json.loads(call.body or b"{}")
        if call.path == "/_faults":
            if given:
                self.faults.add(given.pop("kind"), **given)
            else:
                self.faults.clear()
            return Said(b"{}")
        if call.path == "/_account":
            return Said(json.dumps(self.account(), ensure_ascii=False, default=str).encode())
        if call.path == "/_do":
            verb = self.verbs[given.pop("verb")]
            return Said(json.dumps(verb(given), ensure_ascii=False, default=str).encode())
        return Said(status=404)

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        serve = self.serve

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            #: Headers and body in one segment; without it each reply waits for a delayed ACK (40 ms).
            wbufsize = -1
            disable_nagle_algorithm = True

            def _answer(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                names = {key.lower(): value for key, value in self.headers.items()}
                line = self.connection
                shown = (line.getpeercert(binary_form=True) or b"") if isinstance(line, ssl.SSLSocket) else b""
                query = dict(parse_qsl(parts.query, keep_blank_values=True))
                said = serve(Call(self.command, parts.path, query, names, body, shown))
                if said.hang is not None:
                    time.sleep(said.hang)
                    self.close_connection = True
                    return
                self.send_response(said.status)
                self.send_header("Content-Type", said.content_type)
                self.send_header("Content-Length", str(len(said.body)))
                for key, value in said.headers.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(said.body)

            do_GET = do_POST = do_PUT = do_PATCH = _answer

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the account tells."""

        return Handler


class FetchesFiles:
    """The side of a partner that fetches files at the addresses it was given, and keeps what came: address, digest, size."""

    SECONDS = 20.0
    PIECE_BYTES = 65_536

    def __init__(self) -> None:
        self.fetched: list[dict[str, Any]] = []

    def fetch_one(self, url: str) -> str:
        """Fetch one file; say what is wrong with it, else an empty text."""
        if not url.startswith(("http://", "https://")):
            return "không phải địa chỉ"
        hashed, size = hashlib.sha256(), 0
        try:
            with urllib.request.urlopen(url, timeout=self.SECONDS) as reply:  # noqa: S310 - a simulator, told what to fetch
                while piece := reply.read(self.PIECE_BYTES):
                    hashed.update(piece)
                    size += len(piece)
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code}"
        except (OSError, ValueError) as error:
            return type(error).__name__
        self.fetched.append({"url": url, "digest": f"sha256:{hashed.hexdigest()}", "size": size})
        return ""
