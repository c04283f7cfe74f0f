"""Rows of the portal's feed of figures (DongBoThongKeHoSo) from a month's report: one for each agency."""

from __future__ import annotations

from sqlalchemy import Connection

from hub.canonical.figures import Figures
from hub.canonical.party import Agency
from hub.errors import NotAllowed
from hub.registers import statistics
from hub.registers.statistics import Line, Report
from hub.rules.statistics.periods import period


def rows(conn: Connection, report: Report, *, kind: str = "", agency: str = "") -> tuple[Figures, ...]:
    """Give an agency's figures of the report, or all; raise NotAllowed where it is no month's II.06a.

    ``kind``: LoaiThongKe, as the portal and the agency agree on it (its values are not known here).
    """
    about = period(report.period)
    if report.form != "II.06a" or (about.first.year, about.first.month) != (about.last.year, about.last.month):
        raise NotAllowed(
            "the portal takes the figures of a month (II.06a)", "Cổng nhận số liệu theo tháng (II.06a)", where="period"
        )
    found = statistics.form(conn, report, by="agency", agency=agency, most=None)
    named = sorted((each for each in found.lines if each.code), key=lambda each: each.code)
    return tuple(_figures(each, about.first.year, about.first.month, kind, report) for each in named)


def _figures(line: Line, year: int, month: int, kind: str, report: Report) -> Figures:
    numbers = line.numbers
    return Figures(
        month=month,
        year=year,
        agency=Agency(code=line.code, name=line.name),
        kind=kind,
        received=numbers.c4 + numbers.c5,
        carried_over=numbers.c6,
        done_on_time=numbers.c8 + numbers.c9,
        done_late=numbers.c10,
        open_on_time=numbers.c12,
        open_late=numbers.c13,
        note=report.definition,
    )
