"""Names of units and kinds of packages, as border documents show them: UN/ECE Recommendations 20 and 21, where they are met."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

CODES = Path(__file__).parents[2] / "schemas" / "ephyto" / "codes"


@cache
def _rows(name: str) -> Mapping[str, Mapping[str, str]]:
    with (CODES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: row for row in csv.DictReader(file)}


def unit_name(code: str, language: str) -> str:
    """Give how a unit is written behind a number: its symbol, else its name; an unknown code stays as it is."""
    row = _rows("units").get(code.strip().upper())
    return (row["symbol"] or row[language]) if row else code


def package_name(code: str, language: str) -> str:
    """Give the name of a kind of package; an unknown code stays as it is."""
    row = _rows("packages").get(code.strip().upper())
    return row[language] if row else code
