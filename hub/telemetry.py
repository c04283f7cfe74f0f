"""structlog set-up, and the counters and histograms of the hub (prometheus-client)."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO, cast

import structlog
from prometheus_client import Counter, Gauge, Histogram

RECEIVED = Counter("lienthong_received_total", "Messages received, by endpoint and outcome", ["endpoint", "outcome"])
UNAUTHENTICATED = Counter("lienthong_unauthenticated_total", "Calls at a door that proved no identity", ["endpoint"])
ATTEMPTS = Counter("lienthong_attempts_total", "Attempts, by endpoint and outcome", ["endpoint", "outcome"])
QUARANTINED = Counter("lienthong_quarantined_total", "Bus messages that were not ours or not whole", ["endpoint", "reason"])
REPEATED = Counter("lienthong_repeated_total", "Bus messages that found nothing to claim", ["endpoint"])
CALL_SECONDS = Histogram("lienthong_call_seconds", "Time of one call at a partner", ["endpoint"])
COMMIT_SECONDS = Histogram("lienthong_commit_seconds", "Time of one commit of the ledger")
DELIVERIES = Gauge("lienthong_deliveries", "Deliveries that are not done, by endpoint and state", ["endpoint", "state"])


class _Stderr:
    """Writes to stderr as it is at the moment of writing: who replaces it (a test, a supervisor) may close the one before."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logging(*, json: bool, level: str = "INFO") -> None:
    """Set up structlog once per process: JSON lines for machines, coloured lines for people, always on stderr."""
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
    )
