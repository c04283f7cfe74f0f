"""What a person is shown of statistics: an overview, form II.06a, or another report with only what is within sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from hub.errors import NotAllowed
from hub.registers import statistics
from hub.registers.statistics import BY, Form, Month, Report, Sight
from hub.rules.statistics.form import below

#: Months of the overview.
SHOWN_MONTHS = 12
#: Dossiers that are named of each check.
EXAMPLES = 50
MAIN = "II.06a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A report that is no table of dossiers; its body as it was kept, with only what is within sight."""

    report: Report
    body: Mapping[str, Any]
    versions: tuple[Report, ...]
    #: It is about more than the person may see, and cannot be parted.
    beyond: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What was asked for; one of ``form`` and ``other``, neither where no such report was made yet."""

    months: tuple[Month, ...] = ()
    #: Form -> its newest report.
    newest: Mapping[str, Report] | None = None
    form: Form | None = None
    other: Other | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which report, and how it is parted."""

    form: str = MAIN
    #: Empty: the newest report of any period.
    period: str = ""
    #: The report of this agency, where one was made; else the lines of it in the report of everything.
    agency: str = ""
    by: str = ""
    #: Identifier of one version, and of the one that it is compared with.
    report: str = ""
    since: str = ""


def overview(conn: Connection, periods: list[str], forms: list[str], sight: Sight) -> View:
    """Give the last months, and the newest report of each form."""
    newest = {each: found[0] for each in forms if (found := statistics.reports(conn, each, limit=1))}
    return _limited(View(months=statistics.months(conn, periods, sight), newest=newest), sight)


def _limited(view: View, sight: Sight) -> View:
    """Leave out how much was looked at where only some of it is within sight."""
    if sight.endpoints is None:
        return view

    def of(report: Report) -> Report:
        return replace(report, looked=None)

    form, other = view.form, view.other
    if form is not None:
        compared = of(form.compared) if form.compared is not None else None
        form = replace(form, report=of(form.report), versions=tuple(map(of, form.versions)), compared=compared)
    if other is not None:
        other = replace(other, report=of(other.report), versions=tuple(map(of, other.versions)))
    months = tuple(replace(each, report=of(each.report)) if each.report is not None else each for each in view.months)
    newest = {name: of(each) for name, each in view.newest.items()} if view.newest is not None else None
    return View(months=months, newest=newest, form=form, other=other)


def shown(conn: Connection, wanted: Wanted, sight: Sight) -> View:
    """Give one report."""
    report = _report(conn, wanted)
    if report is None:
        return View()
    if report.form != MAIN:
        return _limited(View(other=_other(conn, report, sight)), sight)
    by = wanted.by or ("field" if wanted.agency else "owner")
    if by not in BY:
        known = ", ".join(BY)
        raise NotAllowed(f"by one of: {known}", f"chia theo một trong: {known}", where="by")
    since = _version(conn, wanted.since, report.form) if wanted.since else None
    inside = "" if report.agency == wanted.agency else wanted.agency
    return _limited(View(form=statistics.form(conn, report, by=by, agency=inside, sight=sight, since=since)), sight)


def _report(conn: Connection, wanted: Wanted) -> Report | None:
    if wanted.report:
        return _version(conn, wanted.report, wanted.form)
    for agency in dict.fromkeys((wanted.agency, "")):
        if found := statistics.reports(conn, wanted.form, wanted.period, agency, limit=1):
            return found[0]
    return None


def _version(conn: Connection, report_id: str, form: str) -> Report:
    found = statistics.find(conn, report_id)
    if found is None or found.form != form:
        raise NotAllowed(f"there is no such report of {form}", f"không có báo cáo {form} này", where="report")
    return found


def _other(conn: Connection, report: Report, sight: Sight) -> Other:
    body = statistics.body(conn, report)
    versions = statistics.reports(conn, report.form, report.period, report.agency)
    if sight.endpoints is None:
        return Other(report=report, body=_whole(body), versions=versions)
    seen = _PARTS[report.form](body, sight, report)
    return Other(report=report, body=_whole(seen or {}), versions=versions, beyond=seen is None)


def _whole(body: Mapping[str, Any]) -> dict[str, Any]:
    """Sum the pairs of each check up by agency, as pages show them."""
    if "checks" not in body:
        return dict(body)
    return {**body, "checks": [{**each, "agencies": _agencies(each["pairs"]), "pairs": []} for each in body["checks"]]}


def _agencies(pairs: list[list[Any]]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for _, agency, count in pairs:
        sums[agency] = sums.get(agency, 0) + count
    return sorted(sums.items(), key=lambda each: (-each[1], each[0]))[:EXAMPLES]


def _ages(body: dict[str, Any], sight: Sight, _report: Report) -> dict[str, Any]:
    names = sight.endpoints or frozenset()
    return {**body, "lines": [each for each in body["lines"] if each["origin"] in names or each["endpoint"] in names]}


def _services(body: dict[str, Any], sight: Sight, _report: Report) -> dict[str, Any]:
    mine = {code for code in sight.agencies if code}
    return {**body, "lines": [each for each in body["lines"] if any(below(code, each["owner"]) for code in mine)]}


def _checks(body: dict[str, Any], sight: Sight, _report: Report) -> dict[str, Any]:
    checks = []
    for each in body["checks"]:
        pairs = [[origin, agency, count] for origin, agency, count in each["pairs"] if sight.sees(origin, agency)]
        examples = [[key, agency, origin] for key, agency, origin in each["examples"] if sight.sees(origin, agency)]
        checks.append({**each, "count": sum(count for _, _, count in pairs), "pairs": pairs, "examples": examples})
    return {**body, "checks": checks, "not_received": None}


def _index(body: dict[str, Any], sight: Sight, report: Report) -> dict[str, Any] | None:
    """The index is one figure for all: it is shown where all of it is within sight."""
    return body if report.agency and sight.sees("", report.agency) else None


_PARTS = {"ages": _ages, "services": _services, "honesty": _checks, "766": _index}
