"""Addresses under which a partner fetches a dossier's files from the hub: ``{hub}/files/NAME``, unguessable, one for each file.

A name is an HMAC over delivery and file by a key that only the hub has. So a worker that dies between making an address and
recording the bytes that say it makes the very same one again, and of the name itself nothing but its hash stands in the ledger.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hub.canonical.dossier import DossierMessage
from hub.canonical.links import SEPARATOR, addresses
from hub.rules.attachments import digest_in

#: What follows the hub's address in the address of a file that a partner fetches.
PLACE = "/files/"
#: 32 bytes in base64url.
_NAME = "[A-Za-z0-9_-]{43}"
NAME = re.compile(_NAME)
#: Files whose kind may be told to the partner; everything else is a stream of bytes. Nothing here runs in a browser.
KINDS = {
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": "image/png",
    "rar": "application/vnd.rar",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
UNKNOWN_KIND = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file that a message names."""

    #: Where in the message.
    path: str
    #: Its address as it stands there.
    url: str
    #: The ending of its name, where it is one of ``KINDS``; the name itself may name a person.
    kind: str = ""

    @property
    def source(self) -> str:
        """Give the hash of its address, by which it is known again."""
        return hashlib.sha256(self.url.encode()).hexdigest()


def items(message: DossierMessage) -> tuple[Item, ...]:
    """List the files that a message names, each address apart; what was taken back is left as it is."""
    return tuple({item.url: item for item in reversed(tuple(_items(message)))}.values())[::-1]


def _items(message: DossierMessage) -> Iterator[Item]:
    dossier = message.dossier
    lists = [("/HoSo/TaiLieuNop", dossier.attachments)]
    lists += [
        (f"/HoSo/DanhSachHoSoBoSung/{number}/DanhSachGiayToBoSung", each.attachments)
        for number, each in enumerate(dossier.supplements)
    ]
    for path, files in lists:
        for number, file in enumerate(files):
            if not file.deleted:
                yield from _each(f"{path}/{number}/DuongDanTaiTepTin", file.url, file.name)
    for number, result in enumerate(dossier.results):
        yield from _each(f"/HoSo/DanhSachGiayToKetQua/{number}/DuongDanTepTinKetQua", result.url, result.name)


def _each(path: str, url: str, name: str) -> Iterator[Item]:
    names = name.split(SEPARATOR)
    for place, each in enumerate(addresses(url)):
        kind = kind_of(names[place] if place < len(names) else "") or kind_of(each.split("?")[0])
        yield Item(path=path, url=each, kind=kind)


def item_words(path: str) -> tuple[str, str]:
    """Say in Vietnamese and English which file of a message a path is."""
    numbers = [int(part) + 1 for part in path.split("/") if part.isdecimal()]
    if path.startswith("/HoSo/DanhSachHoSoBoSung/") and len(numbers) == 2:
        return f"Tệp bổ sung {numbers[1]}, lần {numbers[0]}", f"supplement {numbers[0]}, file {numbers[1]}"
    if path.startswith("/HoSo/TaiLieuNop/") and numbers:
        return f"Tệp nộp {numbers[0]}", f"submitted file {numbers[0]}"
    if path.startswith("/HoSo/DanhSachGiayToKetQua/") and numbers:
        return f"Tệp kết quả {numbers[0]}", f"result {numbers[0]}"
    return path, path


def kind_of(name: str) -> str:
    """Give the ending of a file's name, where its kind is known; else an empty text."""
    ending = name.strip().rpartition(".")[2].lower()
    return ending if ending in KINDS else ""


def file_name(digest: str, kind: str) -> str:
    """Give the name under which a fetched file is saved: of our own letters alone, and of no person's name."""
    return f"tep-{digest.partition(':')[2][:12]}{f'.{kind}' if kind else ''}"


def digest_of(item: Item, public_url: str) -> str:
    """Give the digest of an item that was given to the hub; empty where it lies elsewhere."""
    return digest_in(item.url, public_url)


# --- names


def name(key: bytes, delivery: str, source: str, number: int) -> str:
    """Make the name of a file for one delivery; ``number``: so many earlier ones were ended."""
    said = "\0".join((delivery, source, str(number))).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, said, "sha256")).rstrip(b"=").decode()


def hash_of(given: str) -> str:
    """Give what stands in the ledger in a name's place."""
    return hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()


def address(public_url: str, given: str) -> str:
    """Write the address of a file for a partner."""
    return f"{public_url.rstrip('/')}{PLACE}{given}"


def names_in(body: bytes, public_url: str) -> tuple[str, ...]:
    """Find the names of files of ours in bytes that are about to be sent, each once."""
    begin = re.escape(address(public_url, "").encode())
    found = re.findall(begin + rb"(" + _NAME.encode() + rb")(?![A-Za-z0-9_-])", body)
    return tuple(dict.fromkeys(each.decode() for each in found))
