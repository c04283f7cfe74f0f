"""What can be done in a partner's folders, wherever they are: each step is whole, or was not done.

Everything raises OSError and nothing else: FileNotFoundError, PermissionError, and where the folders cannot be reached
(``Away``), or did not say what became of a step (``Unsure``).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

#: Read at once.
PIECE_BYTES = 262_144


class Away(OSError):
    """The folders cannot be reached; nothing was done."""


class Unsure(OSError):
    """The connection was lost while something was done, or its time was over; it may have been done."""


class NotAFile(OSError):
    """There is something of this name that is no plain file: a link, a device, a pipe, a folder."""


class TooLarge(OSError):
    """The file is larger than may be read."""


class Unlisted(OSError):
    """A folder has a name that cannot be read, so that it cannot be listed."""


class Changing(OSError):
    """The file was changed while it was read: it was not whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a name stands for; links are not followed."""

    plain: bool
    folder: bool
    size: int
    modified: float


class Place(Protocol):
    """A partner's folders; a path is one of a folder, and a name in it. Used by one thread at a time."""

    def names(self, folder: str, wanted: Callable[[str], bool], most: int) -> list[str]:
        """Give the first names, in their order; however many there are, only so many are held."""
        ...

    def look(self, folder: str, name: str) -> Look | None:
        """Look what a name stands for; None where there is nothing."""
        ...

    def read(self, folder: str, name: str, most: int) -> bytes:
        """Read a plain file; raises NotAFile, TooLarge, Changing."""
        ...

    def write(self, folder: str, name: str, body: bytes) -> None:
        """Write a new file, to the disk; what was there under this name is gone."""
        ...

    def move(self, folder: str, name: str, to: str, new: str) -> None:
        """Give a file another name, in one step; raises FileExistsError where there is one of that name."""
        ...

    def remove(self, folder: str, name: str) -> None:
        """Remove a file; where there is none, that is as well."""
        ...

    def close(self) -> None: ...


def first(names: Iterable[str], most: int) -> list[str]:
    """Give the first of many names in their order, without holding them all."""
    return heapq.nsmallest(most, names)
