"""A ministry's system that only counts: takes each SOAP call, answers a valid receipt, and tells when messages arrived.

A process of its own with one event loop and no framework, so that it is not what is measured; the same for everybody.
It reads of a message what its receipt must repeat (procedure, type, dossier number), by searching the first bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from lxml import etree

from adapters.single_window.envelope import SUBJECT, Head, build, party, write_moment
from adapters.single_window.options import MINISTRY_SERVICE, Options
from adapters.single_window.samples import generator
from adapters.single_window.soap import CONTENT_TYPE, response
from hub.rules import xml
from hub.wire import Wire

PATH = "/MardService.asmx"
#: A rate is taken between these shares of all arrivals: without start-up, and without the last ones straggling in.
FROM_SHARE, TO_SHARE = 0.25, 0.95
#: The header of an envelope ends before this.
_HEAD_BYTES = 8_192
_ASK_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_NAMES = (b"documentType", b"type", b"reference")
#: The document comes as CDATA or escaped; the receipt goes back in the same form, so that values are copied as they are.
_PLAIN = {name: re.compile(rb"<%s>([^<]*)<" % name) for name in _NAMES}
_ESCAPED = {name: re.compile(rb"&lt;%s&gt;(.*?)&lt;" % name, re.DOTALL) for name in _NAMES}


# --- the receipt --------------------------------------------------------------------------------------------------


def _place(name: bytes) -> str:
    return f"__{name.decode()}__"


def _templates() -> tuple[bytes, bytes]:
    """Write a receipt with places for what it repeats, in its SOAP response: as CDATA and escaped."""
    options = Options(role="ministry")
    subject = dict.fromkeys(SUBJECT, "") | {name.decode(): _place(name) for name in _NAMES}
    received = write_moment(generator.START)
    head = Head(
        version=options.version,
        message_id="00000000-0000-4000-8000-000000000000",
        sender=party(options.partner("BNN")),
        receiver=party(options.own("BNN")),
        subject={**subject, "function": "99", "sendDate": received},
    )
    content = etree.Element("ReceiveDate")
    content.text = received
    document = xml.serialise(build(head, content)).decode()
    escaped = response("1.1", MINISTRY_SERVICE, document)
    marked = response("1.1", MINISTRY_SERVICE, "__document__")
    return marked.replace(b"__document__", f"<![CDATA[{document}]]>".encode()), escaped


_AS_CDATA, _AS_TEXT = _templates()


def receipt(request: bytes) -> tuple[str, bytes]:
    """Give the dossier's number and the receipt that says function 99; an unreadable message has no number."""
    head = request[:_HEAD_BYTES]
    is_escaped = b"&lt;documentType&gt;" in head
    reply, patterns = (_AS_TEXT, _ESCAPED) if is_escaped else (_AS_CDATA, _PLAIN)
    reference = ""
    for name in _NAMES:
        found = patterns[name].search(head)
        if found is None:
            return "", b""
        reply = reply.replace(_place(name).encode(), found[1])
        reference = found[1].decode()
    return reference, reply


# --- counting -----------------------------------------------------------------------------------------------------


@dataclass
class Arrivals:
    """Which dossiers arrived when; a second arrival of one counts as a duplicate."""

    expected: int = 0
    duplicates: int = 0
    unreadable: int = 0
    times: dict[str, float] = field(default_factory=dict)

    def reset(self, expected: int) -> None:
        """Forget everything and expect so many."""
        self.expected, self.duplicates, self.unreadable, self.times = expected, 0, 0, {}

    def add(self, reference: str, at: float) -> None:
        """Count one arrival."""
        if not reference:
            self.unreadable += 1
        elif reference in self.times:
            self.duplicates += 1
        else:
            self.times[reference] = at

    def report(self) -> dict[str, Any]:
        """Say how many arrived, when, and at which rate between the two shares of what is expected."""
        moments = list(self.times.values())
        counted = {"expected": self.expected, "arrived": len(moments), "duplicates": self.duplicates}
        told: dict[str, Any] = {**counted, "unreadable": self.unreadable}
        if moments:
            told |= {"first": moments[0], "last": moments[-1]}
        if 0 < self.expected <= len(moments):
            begin, end = (max(1, round(self.expected * share)) for share in (FROM_SHARE, TO_SHARE))
            begun, ended = moments[begin - 1], moments[end - 1]
            told |= {"from": begun, "to": ended, "rate": (end - begin) / (ended - begun) if ended > begun else 0.0}
        return told


# --- HTTP ---------------------------------------------------------------------------------------------------------


class Conversation(asyncio.Protocol):
    """One kept connection: whole requests in, answers out, in order."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals, self._buffer = arrivals, bytearray()
        self._body_at = self._ends_at = -1
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection to answer on."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not derive from it

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._buffer += data
        while self._whole():
            head, body = bytes(self._buffer[: self._body_at]), bytes(self._buffer[self._body_at : self._ends_at])
            del self._buffer[: self._ends_at]
            self._ends_at = -1
            self._transport.write(self._answer(head, body))

    def _whole(self) -> bool:
        if self._ends_at < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            found = _LENGTH.search(self._buffer, 0, end + 2)
            self._body_at = end + 4
            self._ends_at = self._body_at + (int(found[1]) if found else 0)
        return len(self._buffer) >= self._ends_at

    def _answer(self, head: bytes, body: bytes) -> bytes:
        method, target, _ = head.split(b" ", 2)
        if method == b"GET" and target == b"/_report":
            return _http(200, json.dumps(self._arrivals.report()).encode(), "application/json")
        if method == b"POST" and target == b"/_reset":
            self._arrivals.reset(int(body))
            return _http(200, b"{}", "application/json")
        if method != b"POST" or target != PATH.encode():
            return _http(404, b"", "text/plain")
        reference, reply = receipt(body)
        self._arrivals.add(reference, time.perf_counter())
        return _http(200 if reference else 400, reply, CONTENT_TYPE["1.1"])


def _http(status: int, body: bytes, content_type: str) -> bytes:
    reason = {200: "OK", 400: "Bad Request", 404: "Not Found"}[status]
    return f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


# --- as a process -------------------------------------------------------------------------------------------------


class NothingArrives(RuntimeError):
    """Not all that was expected has arrived, and nothing more comes."""


@dataclass(frozen=True, kw_only=True)
class Sink:
    """A running sink, seen from outside."""

    #: Where messages are posted.
    url: str
    #: Where it is asked what arrived.
    base: str
    pid: int
    _wire: Wire

    def reset(self, expected: int) -> None:
        """Forget all arrivals and expect so many."""
        self._wire.call("POST", f"{self.base}/_reset", body=str(expected).encode(), deadline_seconds=_ASK_SECONDS)

    def report(self) -> Mapping[str, Any]:
        """Ask what arrived: expected, arrived, duplicates, unreadable, first, last, and when all came: from, to, rate."""
        reply = self._wire.call("GET", f"{self.base}/_report", deadline_seconds=_ASK_SECONDS)
        return dict(json.loads(reply.body))

    def wait(
        self,
        expected: int,
        quiet_seconds: float,
        *,
        ended: Callable[[], bool],
        arrived: Callable[[int], None] = lambda count: None,
    ) -> None:
        """Wait until all have arrived; raise NothingArrives where who sends has ended, or nothing has come for so long."""
        count, since = -1, time.monotonic()
        while count < expected:
            time.sleep(_LOOK_SECONDS)
            gone, now = ended(), int(self.report()["arrived"])
            if now != count:
                count, since = now, time.monotonic()
                arrived(count)
            elif gone or time.monotonic() - since > quiet_seconds:
                raise NothingArrives(f"{count} of {expected} arrived, then nothing")


@contextmanager
def started() -> Iterator[Sink]:
    """Start the sink as a process of its own on a free loopback port; end it afterwards."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.sink"], stdout=subprocess.PIPE)
    wire = Wire()
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode().strip()
        if not line:
            raise RuntimeError("the sink did not start")
        yield Sink(url=f"{line}{PATH}", base=line, pid=process.pid, _wire=wire)
    finally:
        wire.close()
        process.terminate()
        process.wait()


async def _serve(port: int) -> None:
    arrivals = Arrivals()
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(arrivals), "127.0.0.1", port, backlog=256)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until terminated; the address is the first line said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port
    import uvloop  # noqa: PLC0415 - only the process that serves needs it

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(port))


if __name__ == "__main__":
    main()
