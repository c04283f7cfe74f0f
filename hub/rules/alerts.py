"""Alerts: rules and recipients, what is seen, what is kept of it, and what recipients are told; alert_steps.py decides.

Kept are moments at which something happened, never moments until which to wait, so that a clock that was set back puts
nothing off for long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from hub.rules import windows
from hub.rules.windows import Window

#: A recipient who could not be reached is tried again after so long, twice as long each time, up to the ceiling.
RETRY_SECONDS = 60.0
RETRY_CEILING_SECONDS = 3600.0
#: A message that may have arrived is sent so often at most, always the same bytes.
MOST_TRIES = 5
#: Kind of the alert that somebody cannot be told; not told to that one.
NOT_TOLD = "not_told"


class Severity(StrEnum):
    """How bad it is."""

    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return tuple(Severity).index(self)


class What(StrEnum):
    """What a recipient is told about one alert."""

    OPENED = "opened"
    WORSE = "worse"
    REMINDER = "reminder"
    OVER = "over"
    #: It opened and ended while this recipient was not to be disturbed, or could not be reached.
    PASSED = "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When something of one kind is an alert; rules of a kind are tried in order, the first that fits judges."""

    name: str
    kind: str
    #: Patterns of endpoints.
    endpoints: tuple[str, ...] = ("*",)
    #: None: the kind's own.
    severity: Severity | None = None
    #: True: what fits is no alert.
    off: bool = False
    #: It must have lasted so long.
    after_seconds: float = 0.0
    #: From the first number on it is an alert; from each further one it is told again.
    steps: tuple[int, ...] = ()
    #: Less than this free is an alert.
    below_bytes: int = 0
    #: Names of recipients; empty = all.
    to: tuple[str, ...] = ()

    def fits(self, endpoints: Sequence[str]) -> bool:
        """Say whether this rule is about one of these endpoints; about the hub itself each rule is."""
        return not endpoints or matches(self.endpoints, endpoints)


def matches(patterns: Iterable[str], endpoints: Sequence[str]) -> bool:
    """Say whether one of these endpoints fits one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in endpoints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody to be told: by e-mail, or by a webhook."""

    name: str
    email: str = ""
    url: str = field(default="", repr=False)
    #: Signs what is sent to ``url``.
    key: bytes = field(default=b"", repr=False)
    #: Nothing less bad is told.
    least: Severity = Severity.NOTICE
    #: Patterns of endpoints; what is about the hub itself is told to everybody.
    endpoints: tuple[str, ...] = ("*",)
    #: Hours in which only what is critical is told.
    quiet: tuple[Window, ...] = ()
    #: The same, as they are written.
    hours: tuple[str, ...] = ()
    #: From one message to the next at least.
    gap_seconds: float = 300.0
    #: The first reminder comes after so long without a message; 0 = none comes.
    remind_seconds: float = 14_400.0

    @property
    def how(self) -> str:
        """Say how: ``email`` or ``webhook``."""
        return "email" if self.email else "webhook"

    def is_quiet(self, now: float) -> bool:
        """Say whether a moment lies in the quiet hours."""
        return bool(self.quiet) and windows.is_open(self.quiet, (), datetime.fromtimestamp(now, UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The mail server, and as whom we write."""

    host: str
    port: int
    #: ``starttls``, ``tls`` or ``none``.
    security: str
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str
    #: File of the authorities of the server's certificate; empty = the system's.
    ca: str = ""
    #: Total time for one message, from connect to the server's last word.
    deadline_seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What is an alert in this hub, and who is told."""

    rules: tuple[Rule, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    mail: Mail | None = None
    #: Conditions are looked at so often.
    every_seconds: float = 15.0
    #: It is over when nothing was seen of it for so long.
    clear_seconds: float = 300.0
    #: Alerts that are over are kept so long.
    keep_seconds: float = 90 * 86_400.0
    #: Address of the console; empty = messages have no link.
    console_url: str = ""
    hub: str = "lienthong"

    def rule(self, kind: str, endpoints: Sequence[str] = ()) -> Rule | None:
        """Find the rule that judges; None where it is off."""
        found = next((each for each in self.rules if each.kind == kind and each.fits(endpoints)), None)
        return None if found is None or found.off else found

    def told_by(self, rule: str) -> tuple[str, ...]:
        """Name the recipients of a rule; none are named where all are."""
        return next((each.to for each in self.rules if each.name == rule), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is wrong now, as a rule judged it."""

    kind: str
    about: str
    rule: str
    endpoints: tuple[str, ...] = ()
    severity: Severity
    #: Grows when it gets worse.
    level: int = 1
    #: It must be seen for so long before it is an alert.
    hold_seconds: float = 0.0
    vi: str
    en: str
    #: Page of the console that shows it.
    page: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.about


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look came to."""

    conditions: tuple[Condition, ...]
    #: Kinds that could be looked at; of others nothing is known, and nothing changes.
    judged: frozenset[str]
    #: (kind, about) of which nothing can be said now, e.g. outside of a partner's hours: what is open stays open.
    unknown: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that is wrong, or was: kept in the ledger."""

    id: str
    kind: str
    about: str
    rule: str
    endpoints: tuple[str, ...]
    severity: Severity
    level: int
    vi: str
    en: str
    page: str
    #: First seen.
    since_at: float
    #: None: pending, it was not seen long enough.
    opened_at: float | None = None
    #: Since when nothing is seen of it; None: it is there.
    clear_at: float | None = None
    closed_at: float | None = None
    #: How often it came back of late.
    reopened: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.about

    @property
    def state(self) -> str:
        """Name the state: pending, open, clearing or over."""
        if self.closed_at is not None:
            return "over"
        if self.opened_at is None:
            return "pending"
        return "open" if self.clear_at is None else "clearing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one recipient was told of one alert."""

    alert_id: str
    recipient: str
    #: The level it was told of; 0: nothing yet, but it was to be told.
    level: int = 0
    told_at: float | None = None
    #: The message that told of it first.
    thread: str = ""
    #: Its end was told.
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """How it goes with telling one recipient."""

    recipient: str
    #: The last message that was taken.
    told_at: float | None = None
    #: Reminders in a row, since there was news.
    reminders: int = 0
    #: Failures in a row, since when, and the last one.
    failures: int = 0
    failing_since: float | None = None
    tried_at: float | None = None
    error_code: str = ""
    error_vi: str = ""
    error_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a message."""

    what: What
    alert_id: str
    kind: str
    about: str
    endpoints: tuple[str, ...]
    severity: Severity
    level: int
    vi: str
    en: str
    page: str
    opened_at: float
    closed_at: float | None = None
    #: The message that told of it first; empty where this one does.
    thread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message to one recipient; whenever it is sent again, it is the same."""

    id: str
    recipient: str
    made_at: float
    events: tuple[Event, ...] = ()
    #: Alerts that are open beside those, of which this recipient was told.
    still_open: int = 0
    #: True: it only tries whether messages arrive.
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is kept: all that is not over, and what of the rest is still to be told."""

    alerts: tuple[Alert, ...] = ()
    #: (alert, recipient) -> what was told.
    told: Mapping[tuple[str, str], Told] = field(default_factory=dict)
    #: (kind, about) -> until when nobody is told.
    mutes: Mapping[tuple[str, str], float] = field(default_factory=dict)
    posts: Mapping[str, Post] = field(default_factory=dict)
    #: Recipients of messages of which it is not known whether they arrived.
    outstanding: frozenset[str] = frozenset()
    #: (kind, about) -> when it was over last, and how often it had come back.
    recent: Mapping[tuple[str, str], tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What is to be written: nothing of it is done yet."""

    #: New, or changed.
    alerts: tuple[Alert, ...] = ()
    #: Pending ones that are gone.
    dropped: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()
    letters: tuple[Letter, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.alerts or self.dropped or self.told or self.letters)


def waits(since: float | None, seconds: float, now: float) -> bool:
    """Say whether less than this has passed since a moment; a moment in the future is from a clock that was wrong."""
    return since is not None and 0 <= now - since < seconds


def retry_seconds(failures: int) -> float:
    """Say how long to wait after so many failures in a row."""
    return min(RETRY_SECONDS * 2.0 ** min(max(failures - 1, 0), 16), RETRY_CEILING_SECONDS)


def waits_until(until: float | None, now: float) -> bool:
    """Say whether a mute lasts."""
    return until is not None and now < until
