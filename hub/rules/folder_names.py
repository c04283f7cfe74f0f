"""Names of files that are exchanged with a partner by folders: which are messages, what ours are called (pure)."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from hub.errors import BadSettings

#: What a name may have at most, in bytes: file systems take 255, and ours are longer by an ending.
LONGEST = 180
#: Beside a file: the detached signature (JWS) over it.
SIGNATURE = ".jws"
#: What an answer's name has behind the file's.
ANSWER = ".answer"
SFTP_PORT = 22

_FIELDS = frozenset({"number", "service", "id", "extension"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the folders are; an empty host is this machine."""

    path: str
    host: str = ""
    port: int = SFTP_PORT
    user: str = ""

    def __str__(self) -> str:
        if not self.host:
            return f"file://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"sftp://{self.user}@{host}:{self.port}{self.path}"


def read_address(url: str, where: str) -> Address:
    """Read where the folders are; raise BadSettings where the address says too little, or too much."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or SFTP_PORT
    except ValueError:
        raise _no_address(where) from None
    if parts.password is not None:
        raise BadSettings(
            f'{where} url has a password in it: take it out, and name it by reference, e.g. password = "env:SFTP_PASSWORD"',
            f'{where} url chứa mật khẩu: hãy bỏ ra và khai báo bằng tham chiếu, ví dụ password = "env:SFTP_PASSWORD"',
            where=f"{where} url",
        )
    path = unquote(parts.path)
    plain = path.startswith("/") and ".." not in path.split("/") and path.isprintable() and not (parts.query or parts.fragment)
    if plain and parts.scheme == "file" and not parts.netloc and path != "/":
        return Address(path=path.rstrip("/"))
    if plain and parts.scheme == "sftp" and host and parts.username:
        return Address(path=path.rstrip("/"), host=host, port=port, user=unquote(parts.username))
    raise _no_address(where)


def _no_address(where: str) -> BadSettings:
    return BadSettings(
        f"{where} url must be file:///path of a folder, or sftp://USER@HOST[:PORT]/path",
        f"{where} url phải có dạng file:///đường-dẫn của thư mục, hoặc sftp://NGƯỜI-DÙNG@MÁY[:CỔNG]/đường-dẫn",
        where=f"{where} url",
    )


def check_template(template: str, where: str) -> None:
    """Raise BadSettings where a template of names has other fields than there are, or would begin with a dot."""
    try:
        fields = {name for _, name, form, change in string.Formatter().parse(template) if name is not None or form or change}
    except ValueError:
        fields = {None}
    if not fields <= _FIELDS or "number" not in fields or template.startswith("."):
        raise BadSettings(
            f"{where} may have {{number}}, {{service}}, {{id}} and {{extension}}, must have {{number}}, and begins with no dot",
            f"{where} chỉ gồm {{number}}, {{service}}, {{id}}, {{extension}}, phải có {{number}} và không bắt đầu bằng dấu chấm",
            where=where,
        )


def name_of(template: str, *, number: int, service: str, identity: str, body: bytes) -> str:
    """Name a file for a partner; nothing in it tells whom it is about."""
    return template.format(
        number=f"{number:010d}",
        service=_UNSAFE.sub("_", service)[:60],
        id=_UNSAFE.sub("_", identity),
        extension=extension_of(body),
    )


def extension_of(body: bytes) -> str:
    """Say how the name of a file with these bytes ends: ``xml``, ``json``, or ``txt``."""
    begins = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return "xml" if begins == b"<" else "json" if begins in (b"{", b"[") else "txt"


def content_type_of(body: bytes) -> str:
    """Say which content type bytes seem to have."""
    return {"xml": "text/xml; charset=utf-8", "json": "application/json"}.get(extension_of(body), "application/octet-stream")


def is_safe(name: str) -> bool:
    """Say whether a name can be one of a file in its folder, whatever a server says: no way up, no other folder."""
    return bool(name) and name not in (".", "..") and "/" not in name and "\0" not in name


def is_message(name: str, pattern: str, unfinished: Collection[str], marker: str) -> bool:
    """Say whether a file is a message by its name; what is hidden, being written, or beside another is none."""
    others = (*(each.lower() for each in unfinished), marker.lower(), SIGNATURE)
    return is_safe(name) and not name.startswith(".") and not name.lower().endswith(others) and fnmatchcase(name, pattern)


def is_readable(name: str) -> bool:
    """Say whether a name can be written into logs and beside answers as it is."""
    return name.isprintable() and len(name.encode("utf-8", "surrogateescape")) <= LONGEST


def shown(name: str) -> str:
    """Write a name that nobody could be hurt by reading; of a strange one the strange signs, and its end, by its digest."""
    if is_readable(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{_UNSAFE.sub('_', name)[:60]}-{digest}"


def key_of(name: str, digest: str) -> str:
    """Give the key by which a file that comes again is known: its name, and the digest of what it has."""
    exactly = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return f"{_UNSAFE.sub('_', name)[:100]}-{exactly}:{digest[-64:]}"


def another(name: str, digest: str, place: int) -> str:
    """Give another name for a file whose own is used already by other bytes."""
    stem, dot, ending = name.rpartition(".")
    beside = f"{digest[-64:][:12]}" + (f"-{place}" if place else "")
    return f"{stem}.{beside}.{ending}" if dot and stem else f"{name}.{beside}"


def answer_of(name: str, body: bytes) -> str:
    """Name the answer to a file."""
    return f"{name}{ANSWER}.{extension_of(body)}"


def temporary(name: str) -> str:
    """Name a file while it is written."""
    return f".{name}.part"
