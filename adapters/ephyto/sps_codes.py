"""The code lists that a certificate is held against, and what the profile asks where."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from hub.canonical.border.phyto_words import (
    DOCUMENT_SUBJECTS,
    LINE_SUBJECTS,
    MODES,
    RE_EXPORT_SUBJECTS,
    RELATIONSHIPS,
    STATUSES,
    SYSTEMS,
    TREATMENT_KINDS,
    TREATMENT_TYPE,
    TYPES,
)

__all__ = [
    "CLAUSES",
    "DOCUMENT_SUBJECTS",
    "LIABILITY",
    "LINE_SUBJECTS",
    "MODES",
    "PACKAGES",
    "RELATIONSHIPS",
    "RE_EXPORT_SUBJECTS",
    "STATUSES",
    "SYSTEMS",
    "TICKED",
    "TREATMENT_KINDS",
    "TREATMENT_TYPE",
    "TYPES",
    "UNITS",
    "country_shape",
    "kind_of_unit",
    "knows",
    "port_shape",
]

_CODES = Path(__file__).parents[2] / "schemas" / "ephyto" / "codes"
#: UN/ECE Recommendations 20 and 21; what is there is what is met, so an unknown code is told and not refused.
UNITS, PACKAGES = "units", "packages"
#: Clauses of a certificate for export.
CLAUSES = frozenset({1, 2})
#: Which of the liability clauses the certificate has, by its number.
LIABILITY = re.compile(r"[0-9]{1,2}", re.ASCII)
#: Re-export notes that are boxes.
TICKED = frozenset(RE_EXPORT_SUBJECTS) - {"RPCST", "RPCCO", "RPCRF"}

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_PORT = re.compile(r"[A-Z]{2}[A-Z2-9]{3}", re.ASCII)


@cache
def _rows(name: str) -> Mapping[str, Mapping[str, str]]:
    with (_CODES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: row for row in csv.DictReader(file)}


def knows(name: str, code: str) -> bool:
    """Say whether a list has a code."""
    return code in _rows(name)


def kind_of_unit(code: str) -> str:
    """Say what a unit measures (``WEIGHT``, ``VOLUME`` …); empty for an unknown one."""
    row = _rows(UNITS).get(code)
    return row["kind"] if row else ""


def country_shape(code: str) -> bool:
    """Say whether a code can be one of ISO 3166-1 alpha-2."""
    return bool(_COUNTRY.fullmatch(code))


def port_shape(code: str) -> bool:
    """Say whether a code can be a UN/LOCODE."""
    return bool(_PORT.fullmatch(code.replace(" ", "")))
