"""The plainest zip there is: entries stored one after the other, every octet of the file accounted for.

Nothing is compressed, so there are no bombs; every header is exactly what ``Writer`` writes, so that nothing can hide between,
before or behind the entries, and readers cannot differ in what they see. Whatever is otherwise is named as a fault.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from hub.errors import Fault, InvalidMessage, NotAllowed

#: PKWARE APPNOTE 4.3: without the extensions of zip64.
MAX_BYTES = 0xFFFF_FFFF
MAX_ENTRIES = 50_000
MAX_NAME = 240
PIECE_BYTES = 262_144
_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
#: No flags, stored, 1980-01-01: the moment of an entry proves nothing.
_VERSION, _FLAGS, _METHOD, _TIME, _DATE = 20, 0, 0, 0, 0x21
_MADE_BY = 3 << 8 | 20
#: A plain file of Unix, for its owner alone.
_ATTRIBUTES = 0o100600 << 16
_SYMLINK = 0o120000
#: Names that mean the same on every system, and nothing but a place below one folder.
_NAME = re.compile(r"(?!.*(?:^|/)\.)[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the zip."""

    name: str
    #: Where its octets begin.
    begin: int
    size: int
    crc: int


def is_name(name: str) -> bool:
    """Say whether an entry may have this name."""
    return len(name) <= MAX_NAME and _NAME.fullmatch(name) is not None


# --- writing ------------------------------------------------------------------------------------------------------


class Writer:
    """Writes entries to a file that can be gone back in, without ever holding one whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._entries: list[Entry] = []

    def add(self, name: str, pieces: Iterable[bytes]) -> Entry:
        """Write one entry; the header before it is completed when its length is known."""
        assert is_name(name), name
        header = self._file.tell()
        begin = header + len(_local(name, 0, 0))
        self._file.write(_local(name, 0, 0))
        size = crc = 0
        for piece in pieces:
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            if begin + size > MAX_BYTES or len(self._entries) >= MAX_ENTRIES:
                raise _too_large()
            self._file.write(piece)
        self._file.seek(header)
        self._file.write(_local(name, size, crc))
        self._file.seek(begin + size)
        entry = Entry(name, begin, size, crc)
        self._entries.append(entry)
        return entry

    def close(self) -> None:
        """Write the directory at the end."""
        begin = self._file.tell()
        directory = b"".join(map(_central, self._entries))
        if begin + len(directory) > MAX_BYTES:
            raise _too_large()
        self._file.write(directory + _end(len(self._entries), len(directory), begin))


def _local(name: str, size: int, crc: int) -> bytes:
    written = name.encode("ascii")
    return _LOCAL.pack(_LOCAL_MARK, _VERSION, _FLAGS, _METHOD, _TIME, _DATE, crc, size, size, len(written), 0) + written


def _central(entry: Entry) -> bytes:
    written = entry.name.encode("ascii")
    head = (_CENTRAL_MARK, _MADE_BY, _VERSION, _FLAGS, _METHOD, _TIME, _DATE, entry.crc, entry.size, entry.size, len(written))
    return _CENTRAL.pack(*head, 0, 0, 0, 0, _ATTRIBUTES, _header(entry)) + written


def _header(entry: Entry) -> int:
    return entry.begin - _LOCAL.size - len(entry.name)


def _end(count: int, size: int, begin: int) -> bytes:
    return _END.pack(_END_MARK, 0, 0, count, count, size, begin, 0)


def _too_large() -> NotAllowed:
    return NotAllowed(
        f"a container holds at most 4 GB and {MAX_ENTRIES} files; export fewer messages, or without the partners' files",
        f"một tệp bằng chứng chứa tối đa 4 GB và {MAX_ENTRIES} tệp; hãy xuất ít thông điệp hơn, hoặc không kèm tệp đính kèm",
        where="evidence",
    )


# --- reading ------------------------------------------------------------------------------------------------------


class Reader:
    """Reads such a zip from a file; every octet that is not as ``Writer`` would have written it is told as a fault."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the directory; raise InvalidMessage where what the file holds cannot be told from it."""
        self._file = file
        self.entries: dict[str, Entry] = {}
        self.faults: list[Fault] = []
        self._seen: set[str] = set()
        self._read_directory()

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """Give an entry's octets piece by piece."""
        self._file.seek(entry.begin)
        left = entry.size
        while left and (piece := self._file.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece

    def sha256(self, entry: Entry) -> str:
        """Compute an entry's SHA-256 in hex; a wrong check sum of the zip is one fault more."""
        digest, crc = hashlib.sha256(), 0
        for piece in self.pieces(entry):
            digest.update(piece)
            crc = zlib.crc32(piece, crc)
        if crc != entry.crc:
            text = "nội dung không khớp với CRC-32 của tệp ZIP", "its octets do not fit the CRC-32 of the zip"
            self.faults.append(Fault(entry.name, "bad_value", *text))
        return digest.hexdigest()

    def read(self, name: str, limit: int) -> bytes:
        """Give the octets of an entry; nothing where there is none, or where it is larger than the limit."""
        entry = self.entries.get(name)
        return b"" if entry is None or entry.size > limit else b"".join(self.pieces(entry))

    def _read_directory(self) -> None:
        size = self._file.seek(0, os.SEEK_END)
        count, length, begin = self._read_end(size)
        self._file.seek(begin)
        octets = self._file.read(length)
        at = place = 0
        for _ in range(count):
            entry, at = self._read_entry(octets, at, place, begin)
            place = entry.begin + entry.size
        if at != length or place != begin:
            raise _broken("", "có dữ liệu lạ giữa các tệp và mục lục", "there is something between the entries and the directory")

    def _read_end(self, size: int) -> tuple[int, int, int]:
        if not _END.size < size <= MAX_BYTES:
            raise _broken("", "không phải tệp ZIP, hoặc lớn hơn 4 GB", "this is no zip, or larger than 4 GB")
        self._file.seek(size - _END.size)
        mark, _, _, _, count, length, begin, _ = _END.unpack(octets := self._file.read(_END.size))
        if mark != _END_MARK:
            raise _broken("", "không kết thúc như một tệp ZIP, hoặc có dữ liệu sau phần cuối", "it does not end as a zip does")
        # It is read at once; a name that is a little too long shall be said so.
        too_much = count > MAX_ENTRIES or length > count * (_CENTRAL.size + 2 * MAX_NAME)
        if octets != _end(count, length, begin) or begin + length + _END.size != size or too_much:
            raise _broken("", "phần cuối tệp ZIP không đúng", "the record at the end of the zip is not right")
        return count, length, begin

    def _read_entry(self, octets: bytes, at: int, place: int, limit: int) -> tuple[Entry, int]:
        """Read one entry of the directory, which must stand in the file right behind the entry before."""
        if len(octets) < at + _CENTRAL.size:
            raise _broken("", "mục lục tệp ZIP bị cắt", "the directory of the zip is cut off")
        record = _CENTRAL.unpack_from(octets, at)
        end = at + _CENTRAL.size + record[10]
        name = octets[at + _CENTRAL.size : end].decode("latin-1")
        if not is_name(name):
            raise _broken(ascii(name), "tên tệp không an toàn", "an entry has a name that is not safe")
        self._refuse_odd(name, record)
        entry = Entry(name, place + len(_local(name, 0, 0)), record[8], record[7])
        if octets[at:end] != _central(entry) or entry.begin + entry.size > limit:
            raise _broken(name, "mục lục tệp ZIP không đúng", "its record in the directory is not as the hub writes it")
        self._take(entry, place)
        return entry, end

    def _take(self, entry: Entry, place: int) -> None:
        self._file.seek(place)
        expected = _local(entry.name, entry.size, entry.crc)
        if self._file.read(len(expected)) != expected:
            text = "phần đầu của tệp khác với mục lục", "its header differs from the directory"
            self.faults.append(Fault(entry.name, "bad_value", *text))
        # Some systems tell no capital letters apart: one of the two would overwrite the other when unpacked.
        if entry.name.lower() in self._seen:
            raise _broken(entry.name, "tên tệp xuất hiện hai lần", "the name stands twice")
        self._seen.add(entry.name.lower())
        self.entries[entry.name] = entry

    def _refuse_odd(self, name: str, record: tuple[int, ...]) -> None:
        flags, method, attributes = record[3], record[4], record[15]
        if flags & 1:
            raise _broken(name, "tệp được mã hóa", "the entry is encrypted")
        if method != _METHOD:
            raise _broken(name, "tệp được nén: bằng chứng đã bị đóng gói lại", "the entry is compressed: this was packed anew")
        if attributes >> 16 & 0o170000 == _SYMLINK:
            raise _broken(name, "tệp là liên kết", "the entry is a symbolic link")


def _broken(name: str, vi: str, en: str) -> InvalidMessage:
    return InvalidMessage([Fault(name, "bad_value", vi, en)])
