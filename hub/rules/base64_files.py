"""Files that stand inside documents as Base64: checked, hashed and given piece by piece, never decoded as a whole."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hub.canonical.digests import named

#: Signs of Base64 decoded at once; a multiple of four.
PIECE_SIGNS = 262_144
#: The alphabet with at most two signs of padding at the end; blanks are taken out before.
_WHOLE = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)
_BLANKS = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a file that stands in a document, without its bytes."""

    digest: str
    size: int
    #: SHA-1 in hex: some partners send it beside the file. It proves nothing here.
    sha1: str


def compacted(text: str) -> str:
    """Take line breaks and blanks out; raise ValueError where what is left is not Base64."""
    signs = _BLANKS.sub("", text) if re.search(r"\s", text) else text
    if len(signs) % 4 or not _WHOLE.fullmatch(signs):
        raise ValueError("not Base64")
    return signs


def pieces(signs: str) -> Iterator[bytes]:
    """Decode what ``compacted`` gave, piece by piece."""
    for place in range(0, len(signs), PIECE_SIGNS):
        yield base64.b64decode(signs[place : place + PIECE_SIGNS])


def measured(signs: str) -> Measured:
    """Hash what ``compacted`` gave, without holding its bytes."""
    sha256, sha1, size = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), 0
    for piece in pieces(signs):
        sha256.update(piece)
        sha1.update(piece)
        size += len(piece)
    return Measured(named(sha256.hexdigest()), size, sha1.hexdigest())


def same_sha1(said: str, measured_hex: str) -> bool:
    """Say whether what a partner wrote is this SHA-1: in hex of either case, or in Base64 (both are in use)."""
    written = _BLANKS.sub("", said)
    return written.lower() == measured_hex or written == base64.b64encode(bytes.fromhex(measured_hex)).decode()


def written(octets: bytes) -> str:
    """Write a file as one text."""
    return base64.b64encode(octets).decode()


def sha1_of(octets: bytes) -> str:
    """Give the SHA-1 of a file in hex, for the partners whose format has a place for it."""
    return hashlib.sha1(octets, usedforsecurity=False).hexdigest()
