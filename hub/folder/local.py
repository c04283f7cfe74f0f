"""Folders of this machine: no link is followed on the way or at its end, nothing is written over, all is on the disk."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

from hub.folder.places import PIECE_BYTES, Changing, Look, NotAFile, TooLarge, first

#: linux/fs.h: rename nothing over what is there.
_NO_REPLACE = 1
#: What a file system says that cannot rename so.
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: A pipe is not waited for, a terminal does not become ours.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
#: Who else may read what we write follows from the folder's group (docs/deployment.md).
_MODE = 0o640


class LocalPlace:
    """The folders below one of this machine; the partner may write there, so nothing there is trusted to be what it was."""

    def __init__(self, root: str) -> None:
        self._root = root

    def names(self, folder: str, wanted: Callable[[str], bool], most: int) -> list[str]:
        """Give the first names, in their order."""
        with self._folder(folder) as at, os.scandir(at) as entries:
            return first((entry.name for entry in entries if wanted(entry.name)), most)

    def look(self, folder: str, name: str) -> Look | None:
        """Look what a name stands for."""
        with self._folder(folder) as at:
            try:
                found = os.stat(name, dir_fd=at, follow_symlinks=False)
            except FileNotFoundError:
                return None
        mode = found.st_mode
        return Look(plain=stat.S_ISREG(mode), folder=stat.S_ISDIR(mode), size=found.st_size, modified=found.st_mtime)

    def read(self, folder: str, name: str, most: int) -> bytes:
        """Read a plain file."""
        with self._folder(folder) as at:
            try:
                file = os.open(name, _READ, dir_fd=at)
            except OSError as error:
                # A link (ELOOP), or a device or socket that nobody serves.
                raise NotAFile(*error.args) if error.errno in (errno.ELOOP, errno.ENXIO) else error from None
        try:
            return _read(file, most)
        finally:
            os.close(file)

    def write(self, folder: str, name: str, body: bytes) -> None:
        """Write a new file, to the disk."""
        with self._folder(folder) as at:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=at)
            file = os.open(name, _NEW, _MODE, dir_fd=at)
            try:
                # Whatever the service's umask is: the partner, in the folder's group, must be able to read it.
                os.fchmod(file, _MODE)
                left = memoryview(body)
                while left:
                    left = left[os.write(file, left) :]
                os.fsync(file)
            except OSError:
                with suppress(OSError):
                    os.unlink(name, dir_fd=at)
                raise
            finally:
                os.close(file)

    def move(self, folder: str, name: str, to: str, new: str) -> None:
        """Give a file another name, in one step, and to the disk."""
        with self._folder(folder) as source, self._folder(to) as target:
            _rename(source, name, target, new)
            os.fsync(target)
            os.fsync(source)

    def remove(self, folder: str, name: str) -> None:
        """Remove a file."""
        with self._folder(folder) as at, suppress(FileNotFoundError):
            os.unlink(name, dir_fd=at)
            os.fsync(at)

    def close(self) -> None:
        """Hold nothing."""

    @contextmanager
    def _folder(self, folder: str) -> Iterator[int]:
        """Open a folder step by step, so that none of the steps can be a link to somewhere else."""
        # The root itself is the operator's word, and may be one.
        at = os.open(self._root, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for step in folder.split("/") if folder else ():
                below = os.open(step, _FOLDER, dir_fd=at)
                os.close(at)
                at = below
            yield at
        finally:
            os.close(at)


def _read(file: int, most: int) -> bytes:
    before = os.fstat(file)
    if not stat.S_ISREG(before.st_mode):
        raise NotAFile(errno.EINVAL, "not a plain file")
    if before.st_size > most:
        raise TooLarge(errno.EFBIG, f"{before.st_size} bytes")
    pieces, length = [], 0
    # One byte more than there should be: a file that grows meanwhile must not fill the memory.
    while length <= before.st_size and (piece := os.read(file, min(PIECE_BYTES, before.st_size + 1 - length))):
        pieces.append(piece)
        length += len(piece)
    after = os.fstat(file)
    if length != before.st_size or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise Changing(errno.EAGAIN, "changed while it was read")
    return b"".join(pieces)


@cache
def _renameat2() -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    return found


def _rename(source: int, name: str, target: int, new: str) -> None:
    """Rename over nothing; where the file system cannot be told so, after a look (only we write names there)."""
    rename = _renameat2()
    if rename is not None:
        if rename(source, os.fsencode(name), target, os.fsencode(new), _NO_REPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in _CANNOT:
            raise OSError(number, os.strerror(number), name)
    try:
        os.stat(new, dir_fd=target, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
