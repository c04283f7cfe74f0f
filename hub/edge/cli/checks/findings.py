"""One thing that ``check`` looked at, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass

from hub.errors import HubError

OK, ASSUMED, WARNING, ERROR = "ok", "assumed", "warning", "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    #: ok, assumed, warning or error.
    level: str
    #: File, table or endpoint.
    where: str
    vi: str
    en: str


def fine(where: str, vi: str, en: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(level=OK, where=where, vi=vi, en=en)


def of_error(where: str, error: HubError, level: str = ERROR) -> Finding:
    """Say what an error of ours says."""
    return Finding(level=level, where=where, vi=error.vi, en=error.en)
