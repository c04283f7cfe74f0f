"""Reports as they were made: form II.06a by agency, field, level and channel, its versions, and what changed between two.

Pages read what is kept; nothing is counted anew here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select, true

from hub.ledger.statistics_tables import statistic_reports, statistic_rows
from hub.registers.scopes import Scope
from hub.registers.statistic_cases import of_agency
from hub.rules.statistics.form import COUNTED, Numbers, below

#: What rows may be asked by -> code and name.
BY = {
    "owner": ("owner", "owner"),
    "agency": ("agency_code", "agency_name"),
    "field": ("field_code", "field_name"),
    "level": ("level", "level"),
    "channel": ("channel", "channel"),
    "origin": ("origin", "origin"),
}
#: Lines of one answer, and versions that are named.
MOST_LINES, MOST_VERSIONS = 200, 20
_NUMBERS = (*COUNTED, "without_due", "waiting")
_HEAD = tuple(each for each in statistic_reports.c if each.name != "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that was made."""

    id: str
    form: str
    period: str
    agency: str
    definition: str
    as_of_at: float
    computed_at: float
    actor: str
    #: Dossiers, deliveries or services that were looked at; None: told to nobody who sees only some of them.
    looked: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the form; the sums stand beside what is counted."""

    code: str
    name: str
    numbers: Numbers
    #: What changed since the version that it is compared with; None: not compared.
    since: Numbers | None = None

    @property
    def c3(self) -> int:
        return self.numbers.c3

    @property
    def c7(self) -> int:
        return self.numbers.c7

    @property
    def c11(self) -> int:
        return self.numbers.c11


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a person sees: everything, or what began at these endpoints or belongs to these agencies."""

    endpoints: Scope = None
    agencies: frozenset[str] = frozenset()

    def sees(self, origin: str, agency: str) -> bool:
        """Say whether a line is within sight."""
        if self.endpoints is None:
            return True
        return origin in self.endpoints or any(agency and below(agency, each) for each in self.agencies)

    def rows(self) -> ColumnElement[bool]:
        """Say the same of rows."""
        if self.endpoints is None:
            return true()
        agencies = [of_agency(statistic_rows.c.agency_code, each) for each in sorted(self.agencies) if each]
        return or_(false(), statistic_rows.c.origin.in_(sorted(self.endpoints)), *agencies)


EVERYTHING = Sight()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Form II.06a as it is shown."""

    report: Report
    by: str
    lines: tuple[Line, ...]
    total: Line
    #: There are more lines than are shown; the total has them all.
    more: bool
    #: All versions of this report, the newest first.
    versions: tuple[Report, ...]
    compared: Report | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One month of the overview."""

    period: str
    #: None: no report was made of it.
    report: Report | None
    numbers: Numbers = field(default_factory=Numbers)


def reports(conn: Connection, form: str, period: str = "", agency: str = "", limit: int = MOST_VERSIONS) -> tuple[Report, ...]:
    """List the reports of a form, the newest first."""
    here = (statistic_reports.c.form == form) & (statistic_reports.c.agency == agency) & (statistic_reports.c.body != "")
    if period:
        here &= statistic_reports.c.period == period
    newest = statistic_reports.c.computed_at.desc(), statistic_reports.c.id
    return tuple(map(_report, conn.execute(select(*_HEAD).where(here).order_by(*newest).limit(limit))))


def find(conn: Connection, report_id: str) -> Report | None:
    """Find a report by its identifier."""
    here = (statistic_reports.c.id == report_id) & (statistic_reports.c.body != "")
    row = conn.execute(select(*_HEAD).where(here)).first()
    return _report(row) if row is not None else None


def body(conn: Connection, report: Report) -> dict[str, Any]:
    """Give what a report says beside its rows."""
    text = conn.execute(select(statistic_reports.c.body).where(statistic_reports.c.id == report.id)).scalar_one()
    found: dict[str, Any] = json.loads(text)
    return found


def _report(row: Any) -> Report:
    return Report(
        id=row.id,
        form=row.form,
        period=row.period,
        agency=row.agency,
        definition=row.definition,
        as_of_at=row.as_of,
        computed_at=row.computed_at,
        actor=row.actor,
        looked=row.looked,
    )


# --- form II.06a -------------------------------------------------------------------------------------------------


def form(
    conn: Connection,
    report: Report,
    *,
    by: str,
    agency: str = "",
    sight: Sight = EVERYTHING,
    since: Report | None = None,
    most: int | None = MOST_LINES,
) -> Form:
    """Give a report's lines by one of ``BY``; ``agency``: only what is that agency's or below it; ``most``: None = all."""
    now = _lines(conn, report, by, agency, sight)
    before = _lines(conn, since, by, agency, sight) if since is not None else {}
    if since is not None:
        nothing = Line(code="", name="", numbers=Numbers())
        codes = dict.fromkeys((*now, *before))
        listed = [_compared(now.get(code), before.get(code, nothing), code) for code in codes]
    else:
        listed = list(now.values())
    listed.sort(key=lambda line: (-line.c3, line.code))
    total = _sum(listed, compared=since is not None)
    return Form(
        report=report,
        by=by,
        lines=tuple(listed[:most]),
        total=total,
        more=most is not None and len(listed) > most,
        versions=reports(conn, report.form, report.period, report.agency),
        compared=since,
    )


def _lines(conn: Connection, report: Report, by: str, agency: str, sight: Sight) -> dict[str, Line]:
    code, name = (statistic_rows.c[each] for each in BY[by])
    sums = [func.sum(statistic_rows.c[each]).label(each) for each in _NUMBERS]
    here = (statistic_rows.c.report_id == report.id) & sight.rows() & of_agency(statistic_rows.c.agency_code, agency)
    query = select(code.label("code"), func.max(name).label("name"), *sums).where(here).group_by(code)
    return {str(row.code): _line(row) for row in conn.execute(query)}


def _line(row: Any) -> Line:
    numbers = Numbers(**{each: int(getattr(row, each)) for each in _NUMBERS})
    return Line(code=str(row.code), name=str(row.name or ""), numbers=numbers)


def _compared(line: Line | None, before: Line, code: str) -> Line:
    numbers = line.numbers if line is not None else Numbers()
    since = Numbers(**{each: getattr(numbers, each) - getattr(before.numbers, each) for each in _NUMBERS})
    return Line(code=code, name=line.name if line is not None else before.name, numbers=numbers, since=since)


def added(given: Iterable[Numbers]) -> Numbers:
    """Add up lines."""
    listed = list(given)
    return Numbers(**{each: sum(getattr(one, each) for one in listed) for each in _NUMBERS})


def _sum(lines: Sequence[Line], *, compared: bool) -> Line:
    since = added(line.since for line in lines if line.since is not None) if compared else None
    return Line(code="", name="", numbers=added(line.numbers for line in lines), since=since)


# --- overview ----------------------------------------------------------------------------------------------------


def months(conn: Connection, periods: Collection[str], sight: Sight = EVERYTHING) -> tuple[Month, ...]:
    """Give the newest figures of each of these months."""
    return tuple(_month(conn, each, sight) for each in periods)


def _month(conn: Connection, period: str, sight: Sight) -> Month:
    found = reports(conn, "II.06a", period, limit=1)
    if not found:
        return Month(period=period, report=None)
    if sight.endpoints is not None:
        return Month(period=period, report=found[0], numbers=_of_sight(conn, found[0], sight))
    parts = body(conn, found[0])["parts"]
    return Month(period=period, report=found[0], numbers=added(Numbers(*numbers) for _, _, numbers in parts))


def _of_sight(conn: Connection, report: Report, sight: Sight) -> Numbers:
    """Sum what a person sees; where that is little, a range of the index is enough."""
    names, owners = sight.endpoints or frozenset(), {each for each in sight.agencies if each}
    wanted = {
        owner
        for origin, owner, _ in body(conn, report)["parts"]
        if origin in names or any(below(owner, each) or below(each, owner) for each in owners)
    }
    sums = [func.coalesce(func.sum(statistic_rows.c[each]), 0).label(each) for each in _NUMBERS]
    here = and_(statistic_rows.c.report_id == report.id, statistic_rows.c.owner.in_(sorted(wanted)), sight.rows())
    row = conn.execute(select(*sums).where(here)).one()
    return Numbers(**{each: int(getattr(row, each)) for each in _NUMBERS})
