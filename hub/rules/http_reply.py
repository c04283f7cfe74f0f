"""Read one HTTP/1.1 reply, strictly (RFC 9112): what could be read in two ways is not read at all.

The standard library's reader guesses where we must keep a doubt: a negative or garbled Content-Length means "until the
connection closes" to it, a Transfer-Encoding hides a Content-Length, a header line without colon ends the headers unseen,
a chunk may be ``-1`` bytes long, and what stands after it is thrown away. A reply that was cut or garbled would count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

#: A partner's reply larger than this is not read to the end; the outcome is then in doubt.
MAX_BODY_BYTES = 64_000_000
#: Status line and headers, of the reply and of interim replies before it together; also the trailers of a chunked body.
MAX_HEAD_BYTES = 65_536
MAX_FIELDS = 100
#: Size of a chunk, with its extensions.
MAX_CHUNK_LINE_BYTES = 4_096
#: So much of a reply that cannot be read is kept as evidence, as it came.
KEPT_BYTES = 65_536

_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\x00\r\n]*)?")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00\r\n]*)")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00\r\n]*)?")
#: These never have a body, whatever their headers say (RFC 9112 6.3).
_NO_BODY = (204, 304)


class BrokenReply(Exception):
    """Cannot be read as one whole reply."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Status, headers (lower-case names, repeated ones joined by commas) and body of a reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Head:
    minor_version: int
    status: int
    fields: Mapping[str, str]

    def chunked(self) -> bool:
        """Say whether the body comes in chunks; no other coding can be read."""
        coding = self.fields.get("transfer-encoding")
        if coding is None:
            return False
        if "content-length" in self.fields:
            raise BrokenReply("both Content-Length and Transfer-Encoding")
        if self.minor_version == 0 or coding.lower() != "chunked":
            raise BrokenReply("a Transfer-Encoding other than chunked")
        return True

    def length(self, limit: int | None = None) -> int | None:
        """Give the length of the body; None where it ends with the connection. ``limit``: the most; None: MAX_BODY_BYTES."""
        most = MAX_BODY_BYTES if limit is None else limit
        told = self.fields.get("content-length")
        if told is None:
            return None
        # The same length twice is one length (RFC 9112 6.3); two lengths are none.
        lengths = {each.strip() for each in told.split(",")}
        only = lengths.pop()
        if lengths or not _LENGTH.fullmatch(only):
            raise BrokenReply("a Content-Length that is no number")
        if int(only) > most:
            raise BrokenReply(f"a body larger than {most} bytes")
        return int(only)

    def stays_open(self) -> bool:
        """Say whether the partner lets the connection be used again; HTTP/1.0 is not asked to."""
        options = {each.strip() for each in self.fields.get("connection", "").lower().split(",")}
        return self.minor_version == 1 and "close" not in options


class ReplyReader:
    """Reads one reply of a connection; ``receive`` gives its next bytes, and none where it was closed."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()
        #: The reply's first bytes as they came, at most KEPT_BYTES.
        self.start = bytearray()

    def read(self, method: str, give: Callable[[bytes], None] | None = None) -> tuple[HttpReply, bool]:
        """Read the reply to this method; say too whether the connection can be used again.

        ``give``: takes the body of a reply that is 2xx in pieces, as they come; the reply then has none.
        """
        head = self._final_head()
        chunked, length = head.chunked(), head.length()
        ends_by_itself = True
        if method == "HEAD" or head.status in _NO_BODY:
            body = b""
        elif give is not None and 200 <= head.status < 300:
            body, ends_by_itself = b"", self._pour(chunked, length, give)
        elif chunked:
            body = self._chunks()
        elif length is not None:
            body = self._take(length)
        else:
            body, ends_by_itself = self._rest(), False
        # Bytes that nobody asked for would be taken for the reply to the next call.
        reusable = ends_by_itself and head.stays_open() and not self._buffer
        return HttpReply(head.status, head.fields, body), reusable

    def begin(self, method: str, limit: int) -> tuple[HttpReply, Iterator[bytes]]:
        """Read the head of a reply, and give its body as it comes, in pieces; BrokenReply where it is larger than ``limit``."""
        head = self._final_head()
        chunked, length = head.chunked(), head.length(limit)
        if method == "HEAD" or head.status in _NO_BODY:
            pieces: Iterator[bytes] = iter(())
        elif chunked:
            pieces = self._chunk_pieces(limit)
        else:
            pieces = self._pieces(length) if length is not None else self._rest_pieces(limit)
        return HttpReply(head.status, head.fields, b""), pieces

    def _pieces(self, size: int) -> Iterator[bytes]:
        left = size
        while left:
            if not self._buffer:
                self._more()
            piece = self._take(min(left, len(self._buffer)))
            left -= len(piece)
            yield piece

    def _chunk_pieces(self, limit: int) -> Iterator[bytes]:
        room = limit
        while size := self._chunk_size():
            if size > room:
                raise BrokenReply(f"a body larger than {limit} bytes")
            room -= size
            yield from self._pieces(size)
            if self._take(2) != b"\r\n":
                raise BrokenReply("a chunk longer than it says")
        self._trailers()

    def _rest_pieces(self, limit: int) -> Iterator[bytes]:
        room = limit
        while self._buffer or self._add():
            piece = self._take(len(self._buffer))
            room -= len(piece)
            if room < 0:
                raise BrokenReply(f"a body larger than {limit} bytes")
            yield piece

    def _final_head(self) -> _Head:
        room = MAX_HEAD_BYTES
        while True:
            text = self._line(b"\r\n\r\n", room, "headers")
            head = _head(text.decode("latin-1"))
            if head.status == 101:
                raise BrokenReply("a switch to another protocol")
            if head.status >= 200:
                return head
            room -= len(text)

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            if len(body) + size > MAX_BODY_BYTES:
                raise BrokenReply(f"a body larger than {MAX_BODY_BYTES} bytes")
            body += self._take(size)
            if self._take(2) != b"\r\n":
                raise BrokenReply("a chunk longer than it says")
        self._trailers()
        return bytes(body)

    def _pour(self, chunked: bool, length: int | None, give: Callable[[bytes], None]) -> bool:
        """Give a body away piece by piece; say whether it ended by itself."""
        poured = 0
        if not chunked:
            while length is None or poured < length:
                if not self._buffer and not self._add():
                    break
                poured += self._give(give, MAX_BODY_BYTES + 1 if length is None else length - poured)
                _check_size(poured)
            if length is not None and poured < length:
                raise BrokenReply("the connection was closed in the middle of the reply")
            return length is not None
        while size := self._chunk_size():
            poured += size
            _check_size(poured)
            while size:
                if not self._buffer:
                    self._more()
                size -= self._give(give, size)
            if self._take(2) != b"\r\n":
                raise BrokenReply("a chunk longer than it says")
        self._trailers()
        return True

    def _give(self, give: Callable[[bytes], None], most: int) -> int:
        piece = bytes(self._buffer[:most])
        del self._buffer[:most]
        give(piece)
        return len(piece)

    def _chunk_size(self) -> int:
        found = _CHUNK_SIZE.fullmatch(self._line(b"\r\n", MAX_CHUNK_LINE_BYTES, "a chunk's size"))
        if not found:
            raise BrokenReply("a chunk without size")
        return int(found[1], 16)

    def _trailers(self) -> None:
        room = MAX_HEAD_BYTES
        while line := self._line(b"\r\n", room, "trailers"):
            room -= len(line) + 2

    def _line(self, end: bytes, room: int, what: str) -> bytes:
        """Take what stands before an end mark that must come soon."""
        searched = 0
        while (at := self._buffer.find(end, searched)) < 0 and len(self._buffer) <= room:
            searched = max(0, len(self._buffer) - len(end) + 1)
            self._more()
        if not 0 <= at <= room:
            raise BrokenReply(f"too long: {what}")
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return found

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def _rest(self) -> bytes:
        """Take everything until the partner closes: HTTP/1.0 knows no other end."""
        more = True
        while more:
            if len(self._buffer) > MAX_BODY_BYTES:
                raise BrokenReply(f"a body larger than {MAX_BODY_BYTES} bytes")
            more = self._add()
        return self._take(len(self._buffer))

    def _more(self) -> None:
        if not self._add():
            raise BrokenReply("the connection was closed in the middle of the reply" if self.start else "no reply")

    def _add(self) -> bool:
        received = self._receive()
        self.start += received[: KEPT_BYTES - len(self.start)]
        self._buffer += received
        return bool(received)


def _check_size(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise BrokenReply(f"a body larger than {MAX_BODY_BYTES} bytes")


def _head(text: str) -> _Head:
    status_line, *lines = text.split("\r\n")
    found = _STATUS_LINE.fullmatch(status_line)
    if not found:
        raise BrokenReply("no HTTP/1 status line")
    if len(lines) > MAX_FIELDS:
        raise BrokenReply(f"more than {MAX_FIELDS} headers")
    fields: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        field = _FIELD.fullmatch(line)
        if not field:
            raise BrokenReply(f"header line {number} is none")
        name, value = field[1].lower(), field[2].strip(" \t")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return _Head(int(found[1]), int(found[2]), fields)
