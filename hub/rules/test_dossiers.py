"""Which dossiers are tests: by the number under which a dossier begins, and patterns that its sender's endpoint has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

#: What a message of a test dossier is marked with (``messages.warnings``).
WARNING = "test_dossier"
_AGENCY = re.compile(r"[A-Z]\d{2}(\.\d{1,3}){0,5}|\d{1,3}(\.\d{1,3}){0,5}\.[A-Z]\d{2}")


def is_test(number: str, patterns: Sequence[str]) -> bool:
    """Say whether a dossier that begins under this number is a test."""
    return any(fnmatchcase(number, pattern) for pattern in patterns)


def agency_key(code: str) -> str:
    """Write an agency's code from its top: ``000.00.12.H55`` (QCVN 102:2016) and ``H55.12`` (QĐ 20/2020) are one agency."""
    parts = code.strip().split(".")
    if len(parts) > 1 and parts[-1][:1].isalpha() and not parts[0][:1].isalpha():
        parts = [part for part in reversed(parts) if part.strip("0")]
    return ".".join(parts)


def agency_in(number: str) -> str:
    """Give the agency's code with which a dossier's number begins; empty where there is none: records name the unit only."""
    first = number.partition("-")[0]
    return first if _AGENCY.fullmatch(first) else ""


def belongs(code: str, to: str) -> bool:
    """Say whether an agency is another one, or below it."""
    lower, upper = agency_key(code), agency_key(to)
    return bool(upper) and (lower == upper or lower.startswith(f"{upper}."))


def is_of_unit(unit: str, sender: str, agency: str) -> bool:
    """Say whether a test dossier is a unit's: by its sender's agency, or by its own where the sender speaks for many units."""
    return belongs(sender, unit) or (belongs(unit, sender) and belongs(agency, unit))
