"""Verbs on codes of agencies and areas: codes check, codes show."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described, moment, table
from hub.edge.cli.mapping import day_of
from hub.edge.cli.texts import english, text
from hub.operations import administration
from hub.operations.administration import CodesChecked, CodeShown, CodeVersion
from hub.rules.codes_judged import SeenCode

codes = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Mã cơ quan, địa bàn theo thời gian: trước và sau sắp xếp, cơ quan kế thừa, mã trong hồ sơ thực tế.",
        "Codes of agencies and areas over time: before and after the mergers, successors, and what comes in real traffic.",
        "codes show H62",
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(codes, name="codes")
    codes.command(
        "check",
        help=described(
            "Kiểm tra mã trong các thông điệp gần nhất: mã lạ, đã đóng, không rõ nghĩa, chưa đối chiếu; ai gửi, bao nhiêu lần.",
            "Check the codes of the last messages: unknown, closed, ambiguous, not corroborated; who sends them, how often.",
            "codes check --days 7",
        ),
    )(check)
    codes.command(
        "show",
        help=described(
            "Một mã từng là gì và nay là gì; nhận cả số hồ sơ hoặc tên.",
            "What a code was and is; takes a dossier's number or a name as well.",
            "codes show H62.14",
        ),
    )(show)


def check(
    ctx: typer.Context,
    count: Annotated[
        int, typer.Option(min=1, max=administration.MOST, help="Số thông điệp gần nhất (last messages).")
    ] = 2_000,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="Trong số ngày gần đây (of the last days).")] = 30,
    endpoint: Annotated[str, typer.Option(help="Chỉ thông điệp từ hoặc tới điểm kết nối này (from or to it).")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Cả mã không có gì sai (also codes that are fine).")] = False,
    seconds: Annotated[float, typer.Option(min=1, help="Dừng sau số giây này (stop after so long).")] = 120.0,
    as_json: Json = False,
) -> None:
    """Check the codes of real traffic."""
    with frame.opened_hub(ctx) as hub, Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(text("running"), total=count)
        done = administration.check(
            hub,
            count=count,
            days=days,
            endpoint=endpoint,
            seconds=seconds,
            progress=lambda looked_at: bar.update(task, completed=looked_at),
        )
    frame.show(done, as_json=as_json, people=lambda: _print_checked(done, everything=everything))


def show(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Mã, số hồ sơ hoặc tên (code, dossier's number or name).")],
    on: Annotated[str, typer.Option("--on", help="Vào ngày, dạng 2026-03-02; mặc định hôm nay (on this day).")] = "",
    as_json: Json = False,
) -> None:
    """Show what a code was and is."""
    with frame.opened_hub(ctx) as hub:
        shown = administration.show(hub, code, day=day_of(on))
    frame.show(shown, as_json=as_json, people=lambda: _print_shown(shown))


# --- output ------------------------------------------------------------------------------------------------------


def _print_checked(done: CodesChecked, *, everything: bool) -> None:
    columns: Mapping[str, Callable[[SeenCode], object]] = {
        "kind": lambda each: text(f"codes_{each.kind}"),
        "code": lambda each: each.code or text("codes_hidden"),
        "what_is_wrong": lambda each: ", ".join(text(f"codes_{finding}") for finding in each.findings),
        "name": lambda each: each.name,
        "code_today": lambda each: _today(each.code, each.today, each.today_name),
        "how_often": lambda each: each.number,
        "late_codes": lambda each: each.late or "",
        "undated": lambda each: each.undated or "",
        "senders": lambda each: ", ".join(f"{name} {number}" for name, number in each.endpoints.items()),
        "first": lambda each: moment(each.first_at),
        "last": lambda each: moment(each.last_at),
        "spellings": lambda each: ", ".join((*each.spellings, *each.other_names)),
    }
    table(text("t_codes"), columns, [each for each in done.codes if everything or each.findings])
    good = sum(not each.findings for each in done.codes)
    times = {"oldest": moment(done.oldest_at) or "-", "newest": moment(done.newest_at) or "-"}
    frame.line(text("codes_counts", looked_at=done.looked_at, codes=len(done.codes), good=good, **times))
    if done.stopped != "end":
        frame.line(text(f"codes_stopped_{done.stopped}"))
    if done.left_out:
        frame.line(text("codes_left_out", number=done.left_out))


def _today(code: str, today: str, name: str) -> str:
    return f"{today} {name}".strip() if code and today != code else ""


def _print_shown(shown: CodeShown) -> None:
    columns: Mapping[str, Callable[[CodeVersion], object]] = {
        "in_list": lambda each: each.list_name,
        "code": lambda each: each.row.code,
        "value": lambda each: each.row.value,
        "name": lambda each: each.row.name,
        "unit_type": lambda each: each.row.type,
        "valid_from": lambda each: each.row.valid_from or "",
        "valid_to": lambda each: each.row.valid_to or "",
        "comes_from": lambda each: text("covered" if each.row.covered else f"from_{each.row.origin}"),
        "corroboration": lambda each: "" if each.row.corroborated else text("codes_uncorroborated"),
        "note": lambda each: each.row.note,
    }
    table(shown.code, columns, shown.versions)
    for line in _said(shown):
        frame.line(line)


def _said(shown: CodeShown) -> list[str]:
    """Say in sentences what the rows come to on the day."""
    day = _day(shown.day)
    said = []
    if shown.agency:
        said.append(text(f"codes_agency_{shown.agency}", code=shown.code, day=day, name=shown.owner_name))
    if len(shown.chain) > 1:
        said.append(text("codes_chain", chain=" → ".join(shown.chain), name=shown.owner_name))
    if shown.answers_for:
        said.append(text("codes_answers_for", codes=", ".join(shown.answers_for)))
    if shown.area:
        said.append(text(f"codes_area_{shown.area}", code=shown.code, day=day, today=shown.area_today, name=shown.area_name))
    if shown.ambiguous:
        said.append(text("codes_is_ambiguous", code=shown.code))
    if shown.suggestion:
        said.append(text("codes_suggestion", suggestion=shown.suggestion))
    if shown.named:
        said.append(text("codes_named", codes=", ".join(shown.named)))
    if shown.uncorroborated:
        said.append(text("codes_is_uncorroborated"))
    return said


def _day(day: date) -> str:
    return day.isoformat() if english() else day.strftime("%d/%m/%Y")
