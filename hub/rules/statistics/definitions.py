"""By which rules is counted on a day: lines of data with their days, and the code list that is laid over them."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hub.canonical.codes import CodeRow
from hub.errors import BadSettings

#: The code list whose lines take the place of shipped ones with the same code.
LIST = "statistics"
_FILE = Path(__file__).parent / "definitions.csv"
_ENDS = frozenset({"done", "returned", "closed"})


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _shipped() -> tuple[CodeRow, ...]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            CodeRow(
                code=row["code"],
                value=row["value"],
                name=row["name"],
                valid_from=_day(row["valid_from"]),
                valid_to=_day(row["valid_to"]),
                note=row["note"],
            )
            for row in csv.DictReader(file)
        )


#: As shipped; see SOURCE.md.
SHIPPED = _shipped()


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The lines of one form that hold on a day."""

    form: str
    values: Mapping[str, str]
    #: Codes of the lines that are our reading, not an official word.
    assumed: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name it by what it rests on, and by a digest of its lines: another line, another name."""
        lines = "\n".join(f"{code}={value}" for code, value in sorted(self.values.items()))
        return f"{self.values.get('version', self.form)} #{hashlib.sha256(lines.encode()).hexdigest()[:8]}"


def on(form: str, day: date, own: Iterable[CodeRow] = ()) -> Definition:
    """Give a form's lines as they hold on a day; ``own``: rows of the code list."""
    begin = f"{form}."
    rows = {row.code: row for row in SHIPPED if row.code.startswith(begin) and row.valid_on(day)}
    # The first of the list's rows is the uppermost.
    mine: dict[str, CodeRow] = {}
    for row in own:
        if row.code.startswith(begin) and row.valid_on(day):
            mine.setdefault(row.code, row)
    rows |= mine
    return Definition(
        form=form,
        values={code.removeprefix(begin): row.value for code, row in rows.items()},
        assumed=tuple(sorted(code for code, row in rows.items() if row.note.startswith("assumed"))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How form II.06a counts."""

    #: Moments that end a dossier, the one that counts first first.
    ends: tuple[str, ...]
    online: frozenset[str]
    #: Compared by the day, or by the moment.
    late_by_day: bool
    early_by_day: bool
    #: So many rounds of supplements stop the clock; more are late.
    rounds: int
    #: A due date that was not moved after a supplement is extended by the time for which the clock stood.
    extends: bool
    #: What has no due date counts as late.
    without_due_late: bool


def rule(found: Definition) -> Rule:
    """Read the lines of II.06a; raise BadSettings where one cannot be."""
    ends = tuple(found.values.get("ends", "").split())
    if not ends or not _ENDS.issuperset(ends):
        raise _wrong(found, "ends", "done, returned, closed")
    rounds = found.values.get("rounds", "")
    if not rounds.isdigit() or len(rounds) > 3:
        raise _wrong(found, "rounds", "0, 1, 2 …")
    return Rule(
        ends=tuple(f"{each}_at" for each in ends),
        online=frozenset(found.values.get("online", "").split()),
        late_by_day=_choice(found, "late", "moment", "day"),
        early_by_day=_choice(found, "early", "moment", "day"),
        rounds=int(rounds),
        extends=_choice(found, "unmoved", "as_told", "extend"),
        without_due_late=_choice(found, "without_due", "on_time", "late"),
    )


def _choice(found: Definition, code: str, no: str, yes: str) -> bool:
    value = found.values.get(code, "")
    if value not in (no, yes):
        raise _wrong(found, code, f"{no}, {yes}")
    return value == yes


def _wrong(found: Definition, code: str, possible: str) -> BadSettings:
    where = f"codes/{LIST}/{found.form}.{code}"
    return BadSettings(f"{where}: must be one of: {possible}", f"{where}: phải là một trong: {possible}", where=where)
