"""Values as JSON for machines, wherever they are shown: frozen values as objects, moments in Vietnamese time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from hub.canonical.base import VIETNAM

#: Characters of an identifier that people see.
SHORT = 8


def plain(value: Any, name: str = "") -> Any:
    """Make a value JSON: frozen values as objects, moments in Vietnamese time."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(part, str(key)) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part, name) for part in value]
    if isinstance(value, float) and (name == "at" or name.endswith("_at")):
        return local(value).isoformat(timespec="seconds")
    if isinstance(value, date):  # a moment is one too
        return value.isoformat()
    return str(value) if isinstance(value, Enum | Path) else value


def short(identifier: str) -> str:
    """Shorten an identifier for people; verbs take it so, where no other begins with it."""
    return identifier[:SHORT]


def local(seconds: float) -> datetime:
    """Give a moment (seconds since 1970 UTC) in Vietnamese time."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(VIETNAM)
