"""The portal's reply envelope, read leniently: ``error_code`` as number or text, ``result`` or ``data``, relay wrapping."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any

from hub.rules.json_door import showable_text

#: Codes that every service seen uses for success (two versions of one client compare with one each).
SUCCESS = frozenset({"0", "00"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a reply says: the code, the text, the records, and the session at log-in."""

    code: str
    text: str
    #: The whole text, composed (NFC) and in lower case, to look for phrases in.
    folded: str
    #: None where the reply has no list of records at all; an empty one is a statement, no list is none.
    rows: tuple[Any, ...] | None
    session: str


def read_envelope(body: bytes) -> Envelope | None:
    """Read a reply; None where it is not the portal's JSON."""
    reply = _read_object(body)
    if reply is None:
        return None
    inner = _unwrapped(reply)
    code = _read_code(inner.get("error_code"))
    if code is None:
        return None
    session = inner.get("session")
    return Envelope(
        code=code,
        text=showable(inner.get("message")),
        folded=folded(inner.get("message")),
        rows=_read_rows(inner),
        session=session if isinstance(session, str) else "",
    )


def with_session(session: str, body: bytes) -> bytes:
    """Put the session in front of the business fields; these stay byte for byte as they were recorded."""
    return b'{"session":' + json.dumps(session).encode() + b"," + body[1:]


def showable(text: Any) -> str:
    """Give the portal's text as it can be kept and shown: short, without personal numbers; a list is shown as JSON."""
    return showable_text(json.dumps(text, ensure_ascii=False) if isinstance(text, dict | list) else text)


def folded(text: Any) -> str:
    """Give a text as phrases are looked for: composed and without case, since Vietnamese comes in two encodings of its marks."""
    return unicodedata.normalize("NFC", text).casefold() if isinstance(text, str) else ""


def _read_object(body: bytes | str) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # a reply may be anything: HTML, half a document, brackets without end
        return None
    return found if isinstance(found, dict) else None


def _unwrapped(reply: dict[str, Any]) -> dict[str, Any]:
    """Take the portal's reply out of a province relay's: ``{"status": 1, "message": "<the reply as escaped text>"}``."""
    message = reply.get("message")
    if "error_code" in reply or not isinstance(message, str):
        return reply
    return _read_object(message) or reply


def _read_code(value: Any) -> str | None:
    if not isinstance(value, int | str):
        return None
    try:
        return str(value).strip() or None
    except ValueError:  # an integer of more digits than Python turns into text
        return None


def _read_rows(reply: dict[str, Any]) -> tuple[Any, ...] | None:
    found = reply["result"] if "result" in reply else reply.get("data")
    if isinstance(found, list):
        return tuple(found)
    if isinstance(found, dict):
        return (found,) if found else ()
    if isinstance(found, str) and found:
        return (found,)  # a file: base64 alone
    return None
