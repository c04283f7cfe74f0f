"""Statistics: months at a glance, form II.06a as officials know it, and what tells whether figures can be trusted."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from hub.edge.console import plots, rendering
from hub.edge.console.rooms import Desk, Room, after
from hub.errors import NotAllowed
from hub.operations import statistic_names
from hub.operations.statistics import FORMS
from hub.registers import statistic_sheets as sheets
from hub.registers.statistic_views import View
from hub.rules.spreadsheets import XLSX
from hub.rules.statistics.form import owner_of

room = Room()

#: By what the form is parted -> what the page calls it.
PARTED = {
    "owner": ("Bộ, tỉnh", "Ministry, province"),
    "agency": ("Cơ quan", "Agency"),
    "field": ("Lĩnh vực", "Field"),
    "level": ("Mức độ", "Level"),
    "channel": ("Kênh", "Channel"),
    "origin": ("Điểm kết nối", "Endpoint"),
}
#: What a component of the index is labelled -> words, kind of badge.
LABELS = {
    "computed": (("tính được", "computed"), "ok"),
    "partly": (("tính một phần", "partly"), "warn"),
    "not_computable": (("không tính được", "not computable"), "quiet"),
}
#: Lines that a plot shows.
_DRAWN = 12

after(
    "statistics make",
    lambda made: rendering.url("statistics", made.form, period=made.period, agency=made.agency, report=made.id),
)


@room.page("/statistics", verb="statistics show")
def overview(desk: Desk) -> Response:
    """Show the last months, and which reports there are."""
    found = desk.look("statistics show", period=desk.query.get("period", ""))
    return desk.render(
        "statistics/overview.html",
        months=found.months,
        newest=found.newest,
        forms=FORMS,
        plot=_months(desk, found),
        last=next((each for each in reversed(found.months) if each.report), None),
    )


@room.page("/statistics/{form}", verb="statistics show")
def report(desk: Desk, form: str) -> Response:
    """Show one report."""
    asked = _asked(desk)
    found = desk.look("statistics show", form=form, **asked)
    given: dict[str, Any] = {"form": form, "asked": asked, "forms": FORMS}
    if found.form is None:
        other = found.other
        return desk.render("statistics/other.html", other=other, report=other.report if other else None, labels=LABELS, **given)
    name = statistic_names.namer(desk.hub, found.form, english=desk.language == "en")
    return desk.render(
        "statistics/form.html",
        found=found.form,
        report=found.form.report,
        lines=[(name(line), line) for line in found.form.lines],
        parted=PARTED,
        plot=_lines(desk, found.form, name),
        owner_of=owner_of,
        **given,
    )


@room.page("/statistics/{form}/file", verb="statistics show")
def download(desk: Desk, form: str) -> Response:
    """Give a report as XLSX or CSV."""
    asked = _asked(desk)
    found: View = desk.look("statistics show", form=form, **asked)
    if found.form is None and found.other is None:
        raise NotAllowed("there is no such report", "chưa có báo cáo này", where="report")
    as_csv = desk.query.get("as") == "csv"
    content = _csv(desk, found) if as_csv else _xlsx(desk, found, asked["agency"])
    shown = found.form or found.other
    assert shown is not None
    name = f"{shown.report.form}-{shown.report.period}.{'csv' if as_csv else 'xlsx'}"
    return rendering.file(content, "text/csv; charset=utf-8" if as_csv else XLSX, name)


def _asked(desk: Desk) -> dict[str, str]:
    return {name: desk.query.get(name, "") for name in ("period", "agency", "by", "report", "since")}


def _csv(desk: Desk, found: View) -> bytes:
    if found.form is not None:
        return sheets.as_csv(*sheets.form_table(found.form, statistic_names.namer(desk.hub, found.form)))
    assert found.other is not None
    return sheets.as_csv(*sheets.other_table(found.other))


def _xlsx(desk: Desk, found: View, agency: str) -> bytes:
    if found.form is not None:
        return sheets.form_workbook(found.form, agency=agency, name=statistic_names.namer(desk.hub, found.form))
    assert found.other is not None
    return sheets.as_workbook(found.other.report.form, *sheets.other_table(found.other))


def _months(desk: Desk, found: View) -> Markup:
    """Draw what came and what was finished late, month by month."""
    came = [each.numbers.c3 if each.report else None for each in found.months]
    late = [each.numbers.c10 + each.numbers.c13 if each.report else None for each in found.months]
    labels = [f"{each.period[5:]}/{each.period[2:4]}" for each in found.months]
    return plots.columns((came, late), labels, desk.say("Hồ sơ theo tháng: tổng số và quá hạn"))


def _lines(desk: Desk, form: Any, name: Any) -> Markup | None:
    """Draw the largest lines: all of it, and what is late."""
    drawn = form.lines[:_DRAWN]
    if len(drawn) < 2:
        return None
    labels = [(line.code or name(line))[:8] for line in drawn]
    series = ([line.c3 for line in drawn], [line.numbers.c10 + line.numbers.c13 for line in drawn])
    return plots.columns(series, labels, desk.say("Các dòng lớn nhất: tổng số và quá hạn"))
