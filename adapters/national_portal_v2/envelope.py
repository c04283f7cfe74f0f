"""The portal's replies, read leniently: ``{code, message, data}``, names in any casing, anything at all on an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.rules.json_door import showable_text

#: Ours: a number or an identifier is a key of registers, and no index holds a longer one.
LONGEST = 100


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a reply says: its code (empty where it has none), its text, and what it gives."""

    code: str
    text: str
    data: Any
    #: The whole reply: one that has no envelope gives its data at once.
    whole: Mapping[str, Any]


def read_envelope(body: bytes) -> Envelope | None:
    """Read a reply; None where it is no JSON object (upload and NoiHoSo may answer with anything on an error)."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict):
        return None
    text = named(tree, "message")
    return Envelope(
        code=_code(named(tree, "code")),
        text=showable_text(text) if isinstance(text, str) else "",
        data=named(tree, "data"),
        whole=tree,
    )


def named(tree: Any, name: str) -> Any:
    """Find a member whatever its casing (IDHoSo, IdHoSo, idHoSo); None where there is none, or two that differ."""
    if not isinstance(tree, Mapping):
        return None
    found = [value for key, value in tree.items() if key.lower() == name.lower()]
    if len(found) > 1 and (any(isinstance(value, dict | list) for value in found) or len(set(map(str, found))) > 1):
        return None
    return found[0] if found else None


def identifier(value: Any) -> str:
    """Read a number or an identifier as it is, without blanks around it; empty where it cannot be kept and written again."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**LONGEST:
        value = str(value)
    if not isinstance(value, str):
        return ""
    value = value.strip()
    return value if len(value) <= LONGEST and value.isprintable() else ""


def _code(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    try:
        return str(value).strip()[:LONGEST]
    except ValueError:  # an integer of more digits than Python turns into text
        return ""
