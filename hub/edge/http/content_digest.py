"""What a caller says the digest of its body is: ``Content-Digest`` and ``Repr-Digest`` (RFC 9530), ``Digest`` (RFC 3230)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from starlette.requests import Request

from hub.edge.http.turned_away import BadCall
from hub.errors import Fault

#: A byte sequence of a dictionary (RFC 8941 3.2, 3.3.5), with parameters that mean nothing here.
_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)\s*=\s*:([A-Za-z0-9+/=]*):\s*(?:;.*)?", re.ASCII)
_HEADERS = ("content-digest", "repr-digest", "digest")
#: Headers that a file is given out with: whoever takes it can compare.
HEADER = "Content-Digest"


def stated(request: Request) -> dict[str, str]:
    """Give the SHA-256 digests that a call states, by header; raise BadCall where one cannot be read.

    Other algorithms are passed over, as RFC 9530 5 has it.
    """
    found = {name: value for name in _HEADERS for value in _sha256(name, request.headers.getlist(name))}
    if faults := [_unreadable(name) for name, value in found.items() if not value]:
        raise BadCall(tuple(faults))
    return found


def _sha256(name: str, lines: list[str]) -> Iterator[str]:
    for member in (part for line in lines for part in line.split(",")):
        if name == "digest":
            algorithm, _, value = member.strip().partition("=")
        else:
            matched = _MEMBER.fullmatch(member)
            algorithm, value = matched.groups() if matched else (member.strip().partition("=")[0], "")
        if algorithm.lower() == "sha-256":
            yield _hex(value)


def _hex(value: str) -> str:
    try:
        octets = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return ""
    return f"sha256:{octets.hex()}" if len(octets) == 32 else ""


def _unreadable(name: str) -> Fault:
    return Fault(name, "bad_value", "không đọc được mã băm SHA-256", "its SHA-256 cannot be read")


def compare(digest: str, stated_digests: dict[str, str]) -> None:
    """Raise BadCall where what came is not what the call states."""
    vi, en = "nội dung nhận được không khớp với mã băm này", "what came does not have this digest"
    if faults := [Fault(name, "digest_mismatch", vi, en) for name, value in stated_digests.items() if value != digest]:
        raise BadCall(tuple(faults))


def written(digest: str) -> str:
    """Write a digest as the value of ``Content-Digest``."""
    octets = bytes.fromhex(digest.partition(":")[2])
    return f"sha-256=:{base64.b64encode(octets).decode()}:"
