"""The clocks of border documents: until when one is good, an answer is due, the next hop must have been heard of.

A period in months or years ends with the day of the same number, or with the month's last day where it has none (Civil Code
2015, Art. 148); the day on which it ends is still in time.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

#: OCP Rule 14: a Form D is good for so many months from its issue.
VALIDITY_MONTHS = 12
#: OCP Rule 10: a Form D that is issued after the shipment is so within so many months of it.
RETROACTIVE_MONTHS = 12
#: OCP Rule 30: importing customs reject, with reasons, within so many days of receipt.
ANSWER_DAYS = 60

_MONTHS = 12


def add_months(day: date, months: int) -> date:
    """Give the day so many months later; 29 February and the like become the month's last day. Never beyond what a date holds."""
    years, month = divmod(day.month - 1 + months, _MONTHS)
    if day.year + years > date.max.year:
        return date.max
    return date(day.year + years, month + 1, min(day.day, monthrange(day.year + years, month + 1)[1]))


def expires_on(issued_on: date, months: int = VALIDITY_MONTHS) -> date:
    """Give the last day on which a certificate can be presented."""
    return add_months(issued_on, months)


def answer_due(available_on: date, days: int = ANSWER_DAYS) -> date:
    """Give the last day for an answer to what the importing side has had since a day; that day itself does not count."""
    return available_on + timedelta(days=min(days, (date.max - available_on).days))


def hop_due(sent_at: datetime, hours: float) -> datetime:
    """Give the moment by which something must have been heard of what was sent."""
    return sent_at + timedelta(hours=hours)


def retroactive_until(shipped_on: date) -> date:
    """Give the last day on which a certificate can still be issued for goods that were shipped before."""
    return add_months(shipped_on, RETROACTIVE_MONTHS)


def is_past(due: date, today: date) -> bool:
    """Say whether a day is over: not on the day itself."""
    return today > due


def is_near(due: date, today: date, warn_days: int) -> bool:
    """Say whether a day is not over, and so many days away or less."""
    return not is_past(due, today) and (due - today).days <= warn_days
