"""Reads the moments of phytosanitary certificates, which are kept as they were written: a date, with or without an hour."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hub.canonical.base import local


def moment(text: str) -> datetime | None:
    """Read an ISO 8601 moment or day; one without a zone is local time. None where it is neither."""
    try:
        return local(datetime.fromisoformat(text.strip())).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(text: str) -> date | None:
    """Give the day as it is written, not moved by a zone; None where there is none."""
    try:
        return datetime.fromisoformat(text.strip()).date()
    except ValueError:
        return None
