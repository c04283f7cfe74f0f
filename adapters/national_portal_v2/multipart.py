"""A file as multipart/form-data (RFC 7578), piece by piece: the file is never held whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.contract import File
from hub.wire import Streamed

#: Name of the one part.
PART = "files"
_ESCAPED = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormFile:
    """One file and what stands around it in the body."""

    name: str
    digest: str
    size: int

    @property
    def boundary(self) -> str:
        """Give a line that the file cannot hold: nobody finds a file that has its own digest in it."""
        return f"lienthong-{self.digest.removeprefix('sha256:')[:48]}"

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def before(self) -> bytes:
        name = self.name.translate(_ESCAPED)  # as browsers escape it (WHATWG HTML, multipart/form-data encoding)
        return (
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="{PART}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()

    @property
    def after(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()

    @property
    def shown(self) -> bytes:
        """Give the body as it is kept: the file stands there by its name."""
        return self.before + f"[{self.digest}, {self.size} byte]".encode() + self.after

    def streamed(self, file: File) -> Streamed:
        """Give the body of a file that is open; it can be sent once."""
        return Streamed(len(self.before) + self.size + len(self.after), self._pieces(file))

    def _pieces(self, file: File) -> Iterator[bytes]:
        yield self.before
        while piece := file.read():
            yield piece
        yield self.after
