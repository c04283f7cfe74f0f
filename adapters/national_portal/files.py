"""A file as the portal answers it: one JSON string of base64, decoded piece by piece; an envelope is kept to be read (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pybase64

from hub.errors import InvalidMessage, bad_value

#: An envelope that is no file is small; one with a file in it is held whole, and no larger than this.
MAX_ENVELOPE_BYTES = 64_000_000

_BLANK = b" \t\r\n"
#: What a JSON writer may make of base64: a slash and a line break behind a backslash.
_ESCAPED = re.compile(rb"\\(/|[rn])")


class Base64Reader:
    """Takes the bytes of an answer as they come, and gives the file's; ``end`` says what the answer was."""

    def __init__(self, give: Callable[[bytes], None]) -> None:
        self._give = give
        #: ``start``, ``text`` (inside of the string), ``after`` it, or ``envelope``.
        self._state = "start"
        self._rest = b""
        self._padded = False
        self._envelope = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take the next bytes; raise InvalidMessage where they are no base64."""
        if self._state == "start":
            piece = (self._rest + piece).lstrip(_BLANK)
            self._rest = b""
            if not piece:
                return
            self._state = "text" if piece[:1] == b'"' else "envelope"
            piece = piece[1:] if self._state == "text" else piece
        if self._state == "envelope":
            if len(self._envelope) + len(piece) > MAX_ENVELOPE_BYTES:
                raise _wrong()
            self._envelope += piece
        elif self._state == "text":
            self._text(piece)
        elif piece.strip(_BLANK):
            raise _wrong()

    def _text(self, piece: bytes) -> None:
        text, quote, after = (self._rest + piece).partition(b'"')
        # A backslash at the end belongs to what comes next.
        keep = b"\\" if not quote and text.endswith(b"\\") else b""
        text = _ESCAPED.sub(lambda found: b"/" if found[1] == b"/" else b"", text[: len(text) - len(keep)])
        text = text.replace(b"\r", b"").replace(b"\n", b"")
        whole = len(text) if quote else len(text) - len(text) % 4
        self._decode(text[:whole])
        self._rest = text[whole:] + keep
        if quote:
            self._state, self._rest = "after", b""
            if after.strip(_BLANK):
                raise _wrong()

    def _decode(self, text: bytes) -> None:
        if not text:
            return
        if self._padded:
            raise _wrong()
        self._padded = text.endswith(b"=")
        try:
            octets = pybase64.b64decode(text, validate=True)
        except ValueError:
            raise _wrong() from None
        self._give(octets)

    def end(self) -> bytes | None:
        """Say that the answer is over: None where it was a file, else the envelope; raise InvalidMessage where it was cut."""
        if self._state == "after":
            return None
        if self._state == "text":
            raise _wrong()
        return bytes(self._envelope)


def decode(text: str, give: Callable[[bytes], None]) -> None:
    """Decode a file that came inside of an envelope; raise InvalidMessage where it is no base64."""
    reader = Base64Reader(give)
    reader.feed(b'"')
    octets = text.encode("ascii", "replace")
    if b'"' in octets:
        raise _wrong()
    for start in range(0, len(octets), 262_144):
        reader.feed(octets[start : start + 262_144])
    reader.feed(b'"')
    reader.end()


def _wrong() -> InvalidMessage:
    return InvalidMessage([bad_value("", "tệp không phải base64", "the file is no base64")])
