"""structlog set-up with the ids that are bound to each line, and the counters and histograms of the hub (prometheus-client).

Labels are names of endpoints, and words of our own (outcomes, states, codes of errors): never what came from outside.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TextIO, cast

import structlog
from prometheus_client import Counter, Gauge, Histogram

#: Bounds of the histograms, in seconds: of one's own disk and database, and of calls that may take a partner's whole deadline.
_OWN = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_CALLS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)

RECEIVED = Counter("lienthong_received_total", "Messages received, by endpoint and outcome", ["endpoint", "outcome"])
TURNED_AWAY = Counter("lienthong_turned_away_total", "Calls of which nothing was recorded, and why", ["endpoint", "code"])
UNAUTHENTICATED = Counter("lienthong_unauthenticated_total", "Calls at a door that proved no identity", ["endpoint"])
ATTEMPTS = Counter("lienthong_attempts_total", "Attempts, by endpoint and outcome", ["endpoint", "outcome"])
QUARANTINED = Counter("lienthong_quarantined_total", "Bus messages that were not ours or not whole", ["endpoint", "reason"])
REPEATED = Counter("lienthong_repeated_total", "Bus messages that found nothing to claim", ["endpoint"])
BUS_REFUSED = Counter("lienthong_bus_refused_total", "Deliveries that the bus did not take", ["endpoint", "reason"])
BUS_UNCONFIRMED = Counter("lienthong_bus_unconfirmed_total", "Deliveries whose confirm by the broker did not come", ["endpoint"])
BUS_LOST = Counter("lienthong_bus_lost_total", "Connections to the broker that were lost", ["purpose"])
BUS_DEAD = Counter("lienthong_bus_dead_total", "Sealed bus messages that the broker gave up delivering", ["endpoint"])
POLL_FAILED = Counter(
    "lienthong_poll_failed_total", "Messages on partners' brokers that could not be taken yet, by cause", ["endpoint", "cause"]
)
POLL_REPLIES = Counter("lienthong_poll_replies_total", "Answers to partners' brokers, by outcome", ["endpoint", "outcome"])
POLL_CONSUMING = Gauge("lienthong_poll_consuming", "1: this process consumes the endpoint's queue", ["endpoint"])
PULLED = Counter("lienthong_pulled_total", "Items of partners' lists, by outcome", ["endpoint", "list", "outcome"])
PULL_FAILED = Counter(
    "lienthong_pull_failed_total", "Lists of partners that could not be pulled, by code", ["endpoint", "list", "code"]
)
WORDS = Counter("lienthong_words_total", "Words owed to partners on what they hold for us, by outcome", ["endpoint", "outcome"])
FOLLOWED = Counter("lienthong_followed_total", "Questions what became of deliveries, by outcome", ["endpoint", "outcome"])
FILES = Counter("lienthong_folder_files_total", "Files in partners' folders, by outcome", ["endpoint", "outcome"])
LOOK_UPS = Counter("lienthong_reconcile_lookups_total", "Look-ups of reconciliations, by outcome", ["endpoint", "outcome"])
LAPSED = Counter("lienthong_lapsed_total", "Leases that ran out: a worker did not finish what it had")
DOOR_SECONDS = Histogram("lienthong_door_seconds", "Time to answer one message at a door", ["endpoint"], buckets=_CALLS)
CALL_SECONDS = Histogram("lienthong_call_seconds", "Time of one call at a partner", ["endpoint"], buckets=_CALLS)
BUS_CONFIRM_SECONDS = Histogram("lienthong_bus_confirm_seconds", "Time until the broker confirmed one batch", buckets=_OWN)
COMMIT_SECONDS = Histogram("lienthong_commit_seconds", "Time of one commit of the ledger", buckets=_OWN)
COMMIT_VERBS = Histogram("lienthong_commit_verbs", "Verbs in one commit of the ledger", buckets=(1, 2, 4, 8, 16, 32, 50))
READ_SECONDS = Histogram("lienthong_read_seconds", "Time of one reading of the ledger", buckets=_OWN)
SEALED = Counter("lienthong_seals_total", "Seals of the ledger that this process made")
TIMESTAMPS = Counter("lienthong_timestamps_total", "Answers of timestamping authorities, by outcome", ["authority", "outcome"])
CLOCK_DRIFT_SECONDS = Gauge(
    "lienthong_clock_drift_seconds", "How far this machine's clock is ahead of a timestamping authority's", ["authority"]
)
TRUST_FETCHED = Counter("lienthong_trust_fetched_total", "Revocation lists and answers asked for, by outcome", ["outcome"])
TRUST_LIST_ENDS = Gauge(
    "lienthong_trust_list_ends_timestamp_seconds", "When an authority's revocation list ends, if one is held", ["authority"]
)
ALERT_MESSAGES = Counter("lienthong_alert_messages_total", "Messages about alerts, by outcome", ["recipient", "outcome"])
FILE_FETCHES = Counter(
    "lienthong_file_fetches_total", "Calls at the addresses of files that were made for partners", ["endpoint", "outcome"]
)
# Counted in the ledger when they are asked for: every process gives the same numbers.
DELIVERIES = Gauge("lienthong_deliveries", "Deliveries that are not done, by endpoint and state", ["endpoint", "state"])
PARKED = Gauge("lienthong_parked", "Parked deliveries, by endpoint and code of the error", ["endpoint", "error"])
OLDEST_DUE_SECONDS = Gauge(
    "lienthong_oldest_due_seconds", "Since when the oldest delivery whose turn has come is not sent", ["endpoint"]
)
BREAKER = Gauge("lienthong_breaker", "Circuit breaker: 0 closed, 1 lets one delivery at a time through, 2 open", ["endpoint"])
SEALING_BEHIND_SECONDS = Gauge(
    "lienthong_sealing_behind_seconds",
    "For how long the oldest row of the journal is without seal, and the oldest seal without timestamp",
    ["step"],
)
CERTIFICATE_DAYS = Gauge(
    "lienthong_certificate_days", "Days until a certificate in use ends, by its place in the configuration", ["certificate"]
)
RECONCILED = Gauge("lienthong_reconcile_findings", "Dossiers that differed in the last reconciliation", ["endpoint"])
ALERTS = Gauge("lienthong_alerts", "Alerts that are open", ["severity"])
PAUSED = Gauge("lienthong_paused", "1: an operator paused the endpoint", ["endpoint"])

#: Ids of what this thread works on, in every line that it logs.
_IDS: ContextVar[Mapping[str, str | int] | None] = ContextVar("ids", default=None)


@contextmanager
def lines_about(**ids: str | int) -> Iterator[None]:
    """Bind these ids, and no others, to every log line of this thread until the end; ``bind_subject`` adds to them.

    One dossier has one ``subject`` in all processes: its key in the ledger. (Our own variable: structlog's, one for each
    id, take ten times as long for a message.)
    """
    token = _IDS.set(ids)
    try:
        yield
    finally:
        _IDS.reset(token)


def turn_to(ids: Mapping[str, str | int]) -> None:
    """Bind these ids, and no others, until the ``lines_about`` around it ends, or what comes next is turned to."""
    _IDS.set(dict(ids))


def bind_subject(subject: str, **ids: str | int) -> None:
    """Bind the subject, and other ids, once they are known, until the ``lines_about`` around it ends.

    What tells a sender about a dossier is named like the dossier.
    """
    bound = _IDS.get()
    if bound is not None:
        _IDS.set({**bound, "subject": told_as(subject), **ids})


def told_as(subject: str) -> str:
    """Give the subject as log lines name it: what tells a sender about a dossier is named like the dossier."""
    return subject.removeprefix("notices:")


def bound_ids() -> dict[str, str | int]:
    """Give the ids that are bound to this thread's lines, for work that another thread does for it."""
    return dict(_IDS.get() or {})


def _with_ids(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the bound ids; what the line itself says goes before."""
    for key, value in (_IDS.get() or {}).items():
        line.setdefault(key, value)
    return line


def _without_values(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Tell an exception by types and places only: its text may hold what a citizen wrote."""
    given = line.pop("exc_info", None)
    if given:
        error = given if isinstance(given, BaseException) else sys.exc_info()[1]
        told = []
        while error is not None:
            told.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        line["exception"] = "\n".join(reversed(told))
    return line


class _Stderr:
    """Writes to stderr as it is at the moment of writing: who replaces it (a test, a supervisor) may close the one before.

    A line that cannot be written (a full disk) is left out: what it tells of has happened, and goes on.
    """

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logging(*, json: bool, level: str = "INFO") -> None:
    """Set up structlog once per process: JSON lines for machines, coloured lines for people, always on stderr."""
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            _with_ids,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
    )
