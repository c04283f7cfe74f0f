"""Files that stand inside documents as Base64: checked, hashed and given piece by piece, large ones never decoded as a whole."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import pybase64

from hub.canonical.digests import named

#: Signs of Base64 decoded at once; a multiple of four.
PIECE_SIGNS = 262_144
_BLANKS = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a file that stands in a document, without its bytes."""

    digest: str
    size: int
    #: SHA-1 in hex, where it was asked for: some partners send it beside the file. It proves nothing here.
    sha1: str
    #: Give its bytes from the beginning, piece by piece.
    pieces: Callable[[], Iterator[bytes]] = field(repr=False, compare=False)


def compacted(text: str) -> str:
    """Take line breaks and blanks out; raise ValueError where what is left is not Base64."""
    # Looking for four signs takes a tenth of what the pattern takes, which looks at each sign by itself.
    signs = _BLANKS.sub("", text) if any(blank in text for blank in " \t\r\n") else text
    # Each piece by itself may end in padding, the whole only at its end.
    if 0 <= signs.find("=") < len(signs) - 2:
        raise ValueError("not Base64")
    for _ in _pieces(signs):
        pass
    return signs


def _pieces(signs: str) -> Iterator[bytes]:
    for place in range(0, len(signs), PIECE_SIGNS):
        yield pybase64.b64decode(signs[place : place + PIECE_SIGNS], validate=True)


def measured(signs: str, *, sha1: bool = False) -> Measured:
    """Hash what ``compacted`` gave; a file of one piece is held, so as not to be decoded again when it is kept."""
    held = tuple(_pieces(signs)) if len(signs) <= PIECE_SIGNS else None
    again = partial(_pieces, signs) if held is None else partial(iter, held)
    size, hashes = 0, [hashlib.sha256(), *([hashlib.sha1(usedforsecurity=False)] if sha1 else [])]
    for piece in again():
        size += len(piece)
        for each in hashes:
            each.update(piece)
    return Measured(named(hashes[0].hexdigest()), size, hashes[1].hexdigest() if sha1 else "", again)


def same_sha1(said: str, measured_hex: str) -> bool:
    """Say whether what a partner wrote is this SHA-1: in hex of either case, or in Base64 (both are in use)."""
    written = _BLANKS.sub("", said)
    return written.lower() == measured_hex or written == base64.b64encode(bytes.fromhex(measured_hex)).decode()


def written(octets: bytes) -> str:
    """Write a file as one text."""
    return pybase64.b64encode_as_string(octets)


def sha1_of(octets: bytes) -> str:
    """Give the SHA-1 of a file in hex, for the partners whose format has a place for it."""
    return hashlib.sha1(octets, usedforsecurity=False).hexdigest()
