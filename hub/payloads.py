"""The payload store (Claim Check): files that partners give, kept by digest, streamed in and out, never held whole.

The seam is narrow, so that an object store can stand in a folder's place: what is received counts once it is kept, what is
read is verified, and a digest is the only name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from hub.canonical.digests import DIGEST
from hub.errors import Damaged, Unavailable

#: Read and written in pieces of this size.
PIECE_BYTES = 262_144
#: A file that was being received, and has not grown for so long, is nobody's any more.
LEFT_OVER_SECONDS = 86_400.0
#: Files that are being received; a name that no digest has.
_INCOMING = "incoming"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StoreUnavailable(Unavailable):
    """The payload store cannot take or give a file: the disk is full, or the folder cannot be written."""

    code = "store_unavailable"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is in the store."""

    digest: str
    size: int


class Receiving(Protocol):
    """A file on its way in; nothing of it counts before ``keep``."""

    @property
    def digest(self) -> str:
        """Digest of what was written so far."""
        ...

    @property
    def size(self) -> int: ...

    def write(self, piece: bytes) -> None: ...

    def keep(self) -> Kept:
        """Keep the file under its digest; when this returns, a power cut does not lose it."""
        ...

    def discard(self) -> None:
        """Forget what was written; does nothing once it is kept."""
        ...


class Reading(Protocol):
    """A file on its way out. The last piece is only given when the digest is right, so a changed file never ends well."""

    @property
    def size(self) -> int: ...

    def read(self) -> bytes:
        """Give the next piece; none at the end. Raises Damaged."""
        ...

    def close(self) -> None: ...


class PayloadStore(Protocol):
    """Where files are kept by digest."""

    def receive(self) -> Receiving:
        """Begin a file; raises StoreUnavailable."""
        ...

    def open(self, digest: str) -> Reading | None:
        """Open a file; None where there is none of this digest."""
        ...

    def size(self, digest: str) -> int | None:
        """Give a file's size; None where there is none of this digest."""
        ...

    def delete(self, digest: str) -> None:
        """Delete a file, where it is there."""
        ...

    def kept(self) -> Iterator[tuple[str, float]]:
        """List all digests with the moment at which each was kept."""
        ...

    def sweep(self, before: float) -> int:
        """Delete what was being received and has not grown since a moment; give how many."""
        ...

    def probe(self) -> int:
        """Try that a file could be kept; give how many bytes are free. Raises StoreUnavailable."""
        ...


def put(store: PayloadStore, pieces: Iterable[bytes]) -> Kept:
    """Keep what a stream gives; nothing where it breaks off."""
    receiving = store.receive()
    try:
        for piece in pieces:
            receiving.write(piece)
        return receiving.keep()
    finally:
        receiving.discard()


# --- a folder -----------------------------------------------------------------------------------------------------


class FolderStore:
    """Files in a folder of this machine, or one that all machines of the hub mount: ``ab/cd/abcd…``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def receive(self) -> Receiving:
        with _told("write"):
            incoming = _made(self._folder / _INCOMING)
            return _ReceivingFile(incoming / secrets.token_hex(16), self._path)

    def open(self, digest: str) -> Reading | None:
        with _told("read"):
            try:
                return _ReadingFile(self._path(digest).open("rb"), digest)
            except FileNotFoundError:
                return None

    def size(self, digest: str) -> int | None:
        with _told("read"):
            try:
                return self._path(digest).stat().st_size
            except FileNotFoundError:
                return None

    def delete(self, digest: str) -> None:
        with _told("write"):
            self._path(digest).unlink(missing_ok=True)

    def kept(self) -> Iterator[tuple[str, float]]:
        with _told("read"):
            for path in sorted(self._folder.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")):
                # One that was deleted meanwhile is not there any more.
                with suppress(FileNotFoundError):
                    yield f"sha256:{path.name}", path.stat().st_mtime

    def sweep(self, before: float) -> int:
        swept = 0
        with _told("write"):
            for path in (self._folder / _INCOMING).glob("*"):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        path.unlink()
                        swept += 1
        return swept

    def probe(self) -> int:
        with _told("write"):
            there = next(each for each in (self._folder, *self._folder.parents) if each.exists())
            if there == self._folder:
                self._try_a_file()
            elif not (there.is_dir() and os.access(there, os.W_OK | os.X_OK, effective_ids=True)):
                # Not made here: who asks may be another user than the one who serves, and would own it.
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return shutil.disk_usage(there).free

    def _try_a_file(self) -> None:
        receiving = self.receive()
        try:
            receiving.write(b"?")
        finally:
            receiving.discard()

    def _path(self, digest: str) -> Path:
        """Give the place of a digest; a name from outside never becomes a path otherwise."""
        if not DIGEST.fullmatch(digest):
            raise ValueError("not a digest")
        name = digest.partition(":")[2]
        return self._folder / name[:2] / name[2:4] / name


class _ReceivingFile:
    def __init__(self, path: Path, place: Callable[[str], Path]) -> None:
        self._path = path
        self._place = place
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        self.size = 0

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def write(self, piece: bytes) -> None:
        assert self._file is not None, "it was kept or discarded"
        self._hash.update(piece)
        self.size += len(piece)
        view = memoryview(piece)
        with _told("write"):
            while view:
                # A disk that becomes full may take a part.
                view = view[self._file.write(view) :]

    def keep(self) -> Kept:
        assert self._file is not None, "it was kept or discarded"
        place = self._place(self.digest)
        with _told("write"):
            os.fsync(self._file.fileno())
            _made(place.parent)
            # The same bytes may be there: they are replaced by themselves, and count as kept now.
            self._path.replace(place)
            _sync(place.parent)
            self._file.close()
        self._file = None
        return Kept(self.digest, self.size)

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


class _ReadingFile:
    def __init__(self, file: BinaryIO, digest: str) -> None:
        self._file = file
        self._digest = digest
        self._hash = hashlib.sha256()
        self._next: bytes | None = None
        self.size = os.fstat(file.fileno()).st_size

    def read(self) -> bytes:
        with _told("read"):
            piece = self._file.read(PIECE_BYTES) if self._next is None else self._next
            self._next = self._file.read(PIECE_BYTES)
        self._hash.update(piece)
        if not self._next and f"sha256:{self._hash.hexdigest()}" != self._digest:
            raise Damaged(
                f"the stored file {self._digest} is not what its digest says",
                f"tệp đã lưu {self._digest} không khớp với mã băm",
                where=self._digest,
            )
        return piece

    def close(self) -> None:
        self._file.close()


def _made(folder: Path) -> Path:
    """Make a folder for its owner alone, with those above it, so that a power cut does not lose them."""
    if not folder.is_dir():
        _made(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)
    return folder


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _told(verb: str) -> Iterator[None]:
    """Say what the operating system says as an error of ours; no path is shown to partners."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        cause = error.strerror or type(error).__name__
        en = "the payload store is full" if error.errno in _FULL else f"the payload store cannot {verb} ({cause})"
        vi = "kho tệp đã đầy" if error.errno in _FULL else f"kho tệp không đọc hoặc ghi được ({cause})"
        raise StoreUnavailable(en, vi, where="hub.toml [payloads] folder") from error
