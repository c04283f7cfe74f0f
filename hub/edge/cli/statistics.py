"""Verbs of statistics: show what was made, make a report, fill in old dossiers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import choose, text
from hub.errors import NotAllowed
from hub.operations import statistic_names, statistics_fill
from hub.operations import statistics as making
from hub.registers import statistic_sheets as sheets
from hub.registers import statistic_views
from hub.registers.statistic_views import SHOWN_MONTHS, Other, View, Wanted
from hub.registers.statistics import Form, Line, Month, Report, Sight
from hub.rules.statistics import periods

statistics = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Số liệu thống kê tính từ hồ sơ qua trục: biểu II.06a, bộ chỉ số 766, độ trễ, phát sinh hồ sơ, kiểm tra số liệu.",
        "Figures of the dossiers that passed: form II.06a, index 766, ages, services with dossiers, checks.",
        "statistics make II.06a --period 2026-03",
    ),
)
_Form = Annotated[str, typer.Argument(metavar="[FORM]", help="Biểu (form): II.06a, 766, services, ages, honesty.")]
_Period = Annotated[str, typer.Option("--period", help="Kỳ (period): 2026-03, 2026-Q1, 2026.")]
_Agency = Annotated[str, typer.Option("--agency", help="Mã cơ quan, gồm cả đơn vị trực thuộc (agency, with those below).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(statistics, name="statistics")
    for name, (verb, vi, en, *examples) in _VERBS.items():
        statistics.command(name, help=described(vi, en, *examples))(verb)


def show(
    ctx: typer.Context,
    form: _Form = "",
    period: _Period = "",
    agency: _Agency = "",
    by: Annotated[str, typer.Option("--by", help="Chia theo (by): owner, agency, field, level, channel, origin.")] = "",
    report: Annotated[str, typer.Option("--report", help="Một lần lập, theo mã (one version).")] = "",
    since: Annotated[str, typer.Option("--since", help="So với lần lập này (compared with this version).")] = "",
    csv: Annotated[bool, typer.Option("--csv", help="Ghi ra dạng CSV (write as CSV).")] = False,
    xlsx: Annotated[Path | None, typer.Option("--xlsx", help="Ghi ra tệp XLSX (write this XLSX file).")] = None,
    as_json: Json = False,
) -> None:
    """Show a report that was made; without a form, the overview."""
    _check(form)
    with frame.opened_hub(ctx) as hub:
        with hub.ledger.read() as conn:
            if not form:
                months = periods.months_before(period or periods.month_of(hub.now()), SHOWN_MONTHS)
                found = statistic_views.overview(conn, months, list(making.FORMS), Sight())
            else:
                wanted = Wanted(form=form, period=period, agency=agency, by=by, report=report, since=since)
                found = statistic_views.shown(conn, wanted, Sight())
        name = statistic_names.namer(hub, found.form) if found.form is not None else str
    if (csv or xlsx) and not (found.form or found.other):
        vi, en = "chưa có báo cáo này; hãy lập bằng statistics make", "there is no such report; make it with statistics make"
        raise NotAllowed(en, vi, where="statistics show")
    if xlsx is not None:
        xlsx.write_bytes(_workbook(found, agency, name))
    if csv:
        sys.stdout.buffer.write(sheets.as_csv(*_plain(found, name)))
    if not csv and xlsx is None:
        frame.show(found, as_json=as_json, people=lambda: _print(found, form, name))


def _check(form: str) -> None:
    if form and form not in making.FORMS:
        known = ", ".join(making.FORMS)
        raise NotAllowed(f"no form {form!r}; there are: {known}", f"không có biểu {form!r}; có: {known}", where="form")


def make(
    ctx: typer.Context,
    form: Annotated[str, typer.Argument(metavar="FORM|all", help="Biểu, hoặc all: tất cả (form, or all).")],
    period: Annotated[str, typer.Option("--period", help="Kỳ (period): 2026-03, 2026-Q1, 2026.")],
    agency: _Agency = "",
    why: Annotated[str, typer.Option("--why", help="Lý do, ghi vào nhật ký (reason).")] = "lập báo cáo",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Make a report of a period, and keep it."""
    with frame.opened_hub(ctx) as hub:
        names = list(making.FORMS) if form == "all" else [form]
        made = [
            making.make(hub, name, period, agency=agency, actor=actor or who(), why=why, progress=_progress) for name in names
        ]
    frame.show(made if form == "all" else made[0], as_json=as_json, people=lambda: _print_reports(made))


def fill(ctx: typer.Context, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Fill in dossiers that came before statistics were kept."""
    with frame.opened_hub(ctx) as hub:
        done = statistics_fill.fill(hub, actor=actor or who(), why=why, progress=_progress)
    said = {"looked": done.looked, "filled": done.filled, "empty": done.empty}
    frame.show(done, as_json=as_json, people=lambda: frame.line(text("statistics_filled", **said)))


def _progress(count: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{count}", err=True, nl=False)


# --- output ------------------------------------------------------------------------------------------------------


def _workbook(found: View, agency: str, name: Callable[[Any], str]) -> bytes:
    if found.form is not None:
        return sheets.form_workbook(found.form, agency=agency, name=name)
    assert found.other is not None
    return sheets.as_workbook(found.other.report.form, *sheets.other_table(found.other))


def _plain(found: View, name: Callable[[Any], str]) -> tuple[list[str], list[list[Any]]]:
    if found.form is not None:
        return sheets.form_table(found.form, name)
    assert found.other is not None
    return sheets.other_table(found.other)


def _print(found: View, form: str, name: Callable[[Any], str]) -> None:
    if found.form is not None:
        _print_form(found.form, name)
    elif found.other is not None:
        _print_other(found.other)
    elif found.newest is None:
        frame.line(text("statistics_none", form=form))
    else:
        _print_months(found.months)
        _print_reports(list(found.newest.values()))


def _print_form(form: Form, name: Callable[[Line], str]) -> None:
    report = form.report
    frame.line(text("statistics_head", period=report.period, definition=report.definition, moment=moment(report.as_of_at)))
    columns: Mapping[str, Callable[[Line], object]] = {
        "code": lambda each: each.code,
        "title": lambda each: name(each) if each.code or each is not form.total else choose("Tổng số", "Total"),
        **{f"form_{place}": partial(_cell, place=place) for place in range(3, 14)},
        "form_since": _since,
        "form_without_due": lambda each: each.numbers.without_due or "",
    }
    table(f"II.06a · {report.period}", columns, (*form.lines, form.total))


def _cell(line: Line, place: int) -> int:
    return sheets.numbers(line)[place - 3]


def _since(line: Line) -> str:
    if line.since is None:
        return ""
    changed = {each: getattr(line.since, each) for each in ("c4", "c5", "c6", "c8", "c9", "c10", "c12", "c13")}
    return ", ".join(f"({each[1:]}) {number:+d}" for each, number in changed.items() if number)


def _print_other(other: Other) -> None:
    report = other.report
    frame.line(text("statistics_head", period=report.period, definition=report.definition, moment=moment(report.as_of_at)))
    head, rows = sheets.other_table(other)
    if "checks" in other.body:
        rows = [[each["vi"], each["count"], " ".join(key for key, *_ in each["examples"][:5])] for each in other.body["checks"]]
        head = head[:3]
    for line in (head, *rows):
        frame.line(" · ".join(str(each) for each in line))


def _print_months(months: tuple[Month, ...]) -> None:
    columns: Mapping[str, Callable[[Month], object]] = {
        "period": lambda each: each.period,
        "form_3": lambda each: each.numbers.c3 if each.report else "",
        "form_7": lambda each: each.numbers.c7 if each.report else "",
        "form_10": lambda each: each.numbers.c10 if each.report else "",
        "form_11": lambda each: each.numbers.c11 if each.report else "",
        "form_13": lambda each: each.numbers.c13 if each.report else "",
        "created": lambda each: moment(each.report.computed_at) if each.report else "",
    }
    table(text("t_months"), columns, months)


def _print_reports(made: list[Report]) -> None:
    columns: Mapping[str, Callable[[Report], object]] = {
        "form": lambda each: each.form,
        "period": lambda each: each.period,
        "agency": lambda each: each.agency,
        "form_looked": lambda each: each.looked,
        "definition": lambda each: each.definition,
        "created": lambda each: moment(each.computed_at),
        "actor": lambda each: each.actor,
        "id": lambda each: each.id,
    }
    table(text("t_reports"), columns, made)


#: verb -> function, Vietnamese, English, examples.
_VERBS: dict[str, tuple[Any, ...]] = {
    "show": (
        show,
        "Xem báo cáo đã lập: tổng quan, biểu II.06a chia theo nhiều cách, các báo cáo khác; so hai lần lập; xuất CSV, XLSX.",
        "Show what was made: overview, form II.06a parted in several ways, the others; compare two versions; CSV, XLSX.",
        "statistics show II.06a --period 2026-03 --agency H55 --by field",
        "statistics show II.06a --period 2026-03 --xlsx II.06a-2026-03.xlsx",
    ),
    "make": (
        make,
        "Lập báo cáo của một kỳ rồi lưu lại; lập lại được, lần trước vẫn còn để so sánh. Một triệu hồ sơ mất vài chục giây.",
        "Make a report of a period and keep it; made anew, the one before stays. A million dossiers take some ten seconds.",
        "statistics make II.06a --period 2026-03",
        "statistics make all --period 2026-Q1 --agency H55",
    ),
    "fill": (
        fill,
        "Bổ sung số liệu cho hồ sơ có từ trước khi nâng cấp, từ các thông điệp còn lưu; dừng giữa chừng thì lần sau làm tiếp.",
        "Fill in dossiers from before the upgrade, from the messages that are kept; stopped, the next run goes on.",
        'statistics fill --why "nâng cấp 1.2"',
    ),
}
