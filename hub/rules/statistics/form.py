"""Form II.06a: in which column of received, finished and open each dossier of a period stands.

Every dossier stands in one column on either side, so that the form's sums agree whatever senders write:
3 = 4 + 5 + 6, 7 = 8 + 9 + 10, 11 = 12 + 13, 3 = 7 + 11.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.rules.dossier_facts import Facts
from hub.rules.statistics.definitions import Rule
from hub.rules.statistics.periods import DAY_SECONDS, ZONE_SECONDS, day_of, midnight, ordinal_of
from hub.rules.working_days import Calendar

#: Columns that are counted; 3, 7 and 11 are their sums.
COUNTED = ("c4", "c5", "c6", "c8", "c9", "c10", "c12", "c13")


@dataclass(frozen=True, slots=True)
class Numbers:
    """The columns of one row of the form."""

    c4: int = 0
    c5: int = 0
    c6: int = 0
    c8: int = 0
    c9: int = 0
    c10: int = 0
    c12: int = 0
    c13: int = 0
    without_due: int = 0
    waiting: int = 0

    @property
    def c3(self) -> int:
        return self.c4 + self.c5 + self.c6

    @property
    def c7(self) -> int:
        return self.c8 + self.c9 + self.c10

    @property
    def c11(self) -> int:
        return self.c12 + self.c13

    @property
    def agrees(self) -> bool:
        """Say whether what came is what was finished or is open."""
        return self.c3 == self.c7 + self.c11


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a dossier stands: a column of what came, and one of what became of it."""

    came: str
    became: str
    #: No due date is known of it.
    without_due: bool
    #: It waits for a supplement: the clock stands.
    waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The period, and up to which moment is counted."""

    begin: float
    until: float


def placed(facts: Facts, legal_days: int | None, span: Span, rule: Rule, calendar: Calendar) -> Placed | None:
    """Place a dossier; None where it was not received before ``span.until``, or had ended before ``span.begin``.

    ``legal_days``: working days that its procedure may take, for a dossier without due date.
    """
    received = facts.received_at
    if received is None or received >= span.until:
        return None
    ended = ended_at(facts, rule)
    if ended is not None and ended < span.begin:
        return None
    if ended is not None and ended >= span.until:
        ended = None
    came = "c6" if received < span.begin else "c4" if facts.channel in rule.online else "c5"
    rounds, waiting = _rounds(facts, span.until if ended is None else ended)
    judged_at = ended if ended is not None else facts.asked_at if waiting and facts.asked_at is not None else span.until
    due = due_at(facts, legal_days, rule, calendar)
    late = rounds > rule.rounds or _is_late(judged_at, due, rule)
    if ended is None:
        return Placed(came, "c13" if late else "c12", due is None, waiting)
    return Placed(came, "c10" if late else "c8" if _is_early(judged_at, due, rule) else "c9", due is None, waiting=False)


def ended_at(facts: Facts, rule: Rule) -> float | None:
    """Say when its processing ended, as the definition has it; never before it was received."""
    ended = next((at for name in rule.ends if (at := getattr(facts, name)) is not None), None)
    return None if ended is None else max(ended, facts.received_at or ended)


def _rounds(facts: Facts, at: float) -> tuple[int, bool]:
    """Count the rounds of supplements up to a moment, and say whether the clock stands then."""
    rounds = facts.supplements
    if not rounds or facts.asked_at is None:
        return rounds, False
    if facts.asked_at >= at:
        return rounds - 1, False
    return rounds, facts.answered_at is None or facts.answered_at > at


def due_at(facts: Facts, legal_days: int | None, rule: Rule, calendar: Calendar) -> float | None:
    """Give the moment after which it is late: as told, or by the law's working days; with the time for which the clock stood."""
    stood = 0
    if facts.supplements == 1 and facts.asked_at is not None and facts.answered_at is not None:
        stood = calendar.between(day_of(facts.asked_at), day_of(facts.answered_at))
    if facts.due_at is not None:
        moved = facts.first_due_at is not None and facts.due_at != facts.first_due_at
        if moved or not stood or not rule.extends:
            return _whole_day(facts.due_at)
        time = (facts.due_at + ZONE_SECONDS) % DAY_SECONDS
        return _whole_day(midnight(calendar.after(day_of(facts.due_at), stood)) + time)
    if legal_days is None or facts.received_at is None:
        return None
    return midnight(calendar.after(day_of(facts.received_at), legal_days + stood)) + DAY_SECONDS - 1


def _whole_day(due: float) -> float:
    """Take a due date that is told without a time for the whole day."""
    return due + DAY_SECONDS - 1 if (due + ZONE_SECONDS) % DAY_SECONDS == 0 else due


def _is_late(at: float, due: float | None, rule: Rule) -> bool:
    if due is None:
        return rule.without_due_late
    return ordinal_of(at) > ordinal_of(due) if rule.late_by_day else at > due


def _is_early(at: float, due: float | None, rule: Rule) -> bool:
    if due is None:
        return False
    return ordinal_of(at) < ordinal_of(due) if rule.early_by_day else at < due


def is_late(facts: Facts, legal_days: int | None, span: Span, rule: Rule, calendar: Calendar) -> bool:
    """Say whether a dossier stands among the late ones."""
    found = placed(facts, legal_days, span, rule, calendar)
    return found is not None and found.became in ("c10", "c13")


def owner_of(code: str) -> str:
    """Give the ministry or province that an agency belongs to, in either form of codes: H55 of H55.14 and of 000.00.14.H55."""
    parts = code.split(".")
    return next((part for part in (parts[0], parts[-1]) if part[:1].isalpha()), parts[0])


def below(code: str, agency: str) -> bool:
    """Say whether an agency is another one or below it, in either form of codes: H55.14 and 000.00.14.H55 are below H55."""
    return not agency or code == agency or code.startswith(f"{agency}.") or code.endswith(f".{agency}")
