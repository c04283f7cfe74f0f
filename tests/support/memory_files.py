"""Files in memory, for transports that read them from the payload store."""

from __future__ import annotations

import hashlib


class Pieces:
    """A file in memory, given in pieces as the payload store gives one."""

    def __init__(self, content: bytes, piece: int = 100_000) -> None:
        self._pieces = [content[start : start + piece] for start in range(0, len(content), piece)]
        self.size = len(content)
        self.closed = False

    def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None:
        self.closed = True


class Store:
    """Files by digest; remembers what was opened."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = {f"sha256:{hashlib.sha256(each).hexdigest()}": each for each in contents}
        self.opened: list[Pieces] = []

    def open(self, digest: str) -> Pieces | None:
        if digest not in self.contents:
            return None
        self.opened.append(Pieces(self.contents[digest]))
        return self.opened[-1]
