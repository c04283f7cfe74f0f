"""A bug at an edge of the hub, as it stands in the log: types and places only."""

from __future__ import annotations

import traceback

import structlog

log = structlog.get_logger()


def note(event: str, error: Exception, **where: str) -> None:
    """Log a bug; its text is left out, which may hold what a citizen wrote."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    log.error(event, **where, error=type(error).__name__, stack=stack)
