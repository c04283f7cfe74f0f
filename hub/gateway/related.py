"""Read a multipart/related body (RFC 2387), as SOAP services with MTOM answer: its root, and what that refers to."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.errors import Fault, InvalidMessage

#: More parts than that nobody reads.
MAX_PARTS = 100
_PARAMETER = re.compile(r';\s*([A-Za-z-]+)\s*=\s*(?:"([^"]*)"|([^\s;"]+))')
_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]")


@dataclass(frozen=True, slots=True)
class Related:
    """The root part, and what it refers to by ``cid:``."""

    root: bytes
    parts: Mapping[str, bytes] = field(default_factory=dict)


def read_related(content_type: str, body: bytes) -> Related:
    """Take a body apart; one that is not multipart is its own root. Raises InvalidMessage."""
    if not content_type.lower().lstrip().startswith("multipart/related"):
        return Related(body)
    parameters = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(content_type)}
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise _broken("no boundary", "không có ranh giới (boundary)")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    # Before the first boundary, and behind the closing one ("--"), stands nothing that counts.
    if len(pieces) < 3 or not pieces[-1].startswith(b"--") or len(pieces) - 2 > MAX_PARTS:
        raise _broken("it is not whole", "không đầy đủ")
    read = [_part(piece) for piece in pieces[1:-1]]
    parts: dict[str, bytes] = {}
    for identifier, content in read:
        if identifier and identifier in parts:
            raise _broken("two parts have one Content-ID", "hai phần trùng Content-ID")
        parts[identifier] = content
    start = parameters.get("start", "").strip("<>")
    return Related(parts[start] if start in parts else read[0][1], parts)


def _part(piece: bytes) -> tuple[str, bytes]:
    head, gap, content = piece.partition(b"\r\n\r\n")
    if not gap:
        raise _broken("a part has no headers", "một phần không có tiêu đề")
    # A header line may go on in the next one.
    lines = re.sub(r"\r\n[ \t]+", " ", head.decode("latin-1")).split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}
    encoding = headers.get("content-transfer-encoding", "binary").lower()
    return headers.get("content-id", "").strip("<>"), _decoded(content, encoding)


def _decoded(content: bytes, encoding: str) -> bytes:
    if encoding in ("binary", "8bit", "7bit"):
        return content
    if encoding == "base64":
        return from_base64(content)
    raise _broken(f"encoding {encoding[:30]!r}", f"mã hóa {encoding[:30]!r}")


def from_base64(text: bytes | str) -> bytes:
    """Decode base64 strictly, but for blanks and line ends; raise InvalidMessage where it is none."""
    given = text.encode("ascii", "replace") if isinstance(text, str) else text
    try:
        return base64.b64decode(b"".join(given.split()), validate=True)
    except binascii.Error:
        raise InvalidMessage(
            [Fault("/", "bad_value", "nội dung không phải base64", "the content is not base64")]
        ) from None


def _broken(en: str, vi: str) -> InvalidMessage:
    return InvalidMessage([Fault("/", "bad_value", f"multipart sai: {vi}", f"broken multipart: {en}")])
