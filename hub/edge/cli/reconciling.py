"""Verbs of reconciliation: compare what a partner holds with what it was told, look at it, mend it by plans, report it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from typer.core import TyperGroup

from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import choose, text
from hub.edge.plain import plain, short
from hub.errors import NotAllowed
from hub.ledger import reconciliation_verbs
from hub.ledger.reconciliation_verbs import STATES
from hub.reconcile import dossiers, mending
from hub.reconcile import report as reports
from hub.reconcile.mending import Mended, Wanted
from hub.reconcile.report import Report
from hub.registers import reconciliations
from hub.registers.reconciliations import Finding, Run, Scope
from hub.rules import reconciling

#: So often a run that another process carries out is looked at.
LOOK_SECONDS = 0.5


class RunByDefault(TyperGroup):
    """A group in which a word that is none of its verbs is a partner: ``reconcile dvcqg`` is ``reconcile run dvcqg``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb that is meant."""
        named = bool(args) and args[0] not in self.commands and not args[0].startswith("-")
        return super().resolve_command(ctx, ["run", *args] if named else args)


group = typer.Typer(
    cls=RunByDefault,
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Đối chiếu hồ sơ với đối tác: đã gửi gì, đối tác đang giữ gì; tìm nguyên nhân, lập kế hoạch xử lý, lập biên bản.",
        "Compare dossiers with what a partner holds: find causes, plan the mending, make the report.",
        'reconcile dvcqg --why "đối chiếu tháng 3"',
    ),
)

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Làm tại đây đến khi xong, hoặc để serve làm (here, or by serve).")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Mã lần đối chiếu, đủ hoặc phần đầu (run, whole or its beginning).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(group, name="reconcile")
    for verb, (function, vi, en, *examples) in _VERBS.items():
        group.command(verb, help=described(vi, en, *examples))(function)


# --- run ---------------------------------------------------------------------------------------------------------


def run(
    ctx: typer.Context,
    endpoint: Annotated[str, typer.Argument(metavar="PARTNER", help="Đối tác (partner).")],
    since: Annotated[str, typer.Option(help="Chỉ hồ sơ có tin từ lúc: 2h, 7d hoặc ngày (heard of since).")] = "",
    only_open: Annotated[bool, typer.Option("--open", help="Chỉ hồ sơ chưa kết thúc (not ended).")] = False,
    sample: Annotated[int, typer.Option(min=0, help="Chỉ chừng này hồ sơ, chọn ngẫu nhiên (a sample).")] = 0,
    seed: Annotated[str, typer.Option(help="Hạt giống của mẫu (seed of the sample).")] = "",
    codes: Annotated[list[str] | None, typer.Option("--code", help="Chỉ mã hồ sơ này, nhiều lần được (dossier).")] = None,
    per_minute: Annotated[int, typer.Option(min=0, help="Số lần tra cứu mỗi phút; 0 = theo cấu hình (look-ups a minute).")] = 0,
    wait: Wait = True,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Compare."""
    with frame.opened_hub(ctx) as hub:
        subjects = dossiers.subjects_of(hub, codes or ())
        scope = Scope(
            since=frame.since(since), only_open=only_open, sample=sample, seed=seed, subjects=subjects, per_minute=per_minute
        )
        begun = dossiers.begin(hub, endpoint, scope, actor=actor or who(), why=why)
        _follow(hub, begun, wait, as_json)


def resume(
    ctx: typer.Context,
    run_id: RunId,
    wait: Wait = True,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Go on."""
    with frame.opened_hub(ctx) as hub:
        _follow(hub, dossiers.resume(hub, run_id, actor=actor or who(), why=why), wait, as_json)


def stop(ctx: typer.Context, run_id: RunId, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Stop where it is."""
    with frame.opened_hub(ctx) as hub:
        stopped = dossiers.stop(hub, run_id, actor=actor or who(), why=why)
    frame.show(plain(stopped), as_json=as_json, people=lambda: _print_run(stopped))


def _follow(hub: Hub, begun: Run, wait: bool, as_json: bool) -> None:
    run = _carried(hub, begun) if wait else begun
    with hub.ledger.read() as conn:
        findings = reconciliations.findings(conn, run.id) if run.state == "done" else ()
    tree = {**plain(run), "first_findings": plain(findings)}
    frame.show(tree, as_json=as_json, people=lambda: _print_all(run, findings))


def _carried(hub: Hub, run: Run) -> Run:
    """Carry a run out here; where another process has it, watch it. Who breaks this off leaves it to ``serve``."""
    holder = f"{who()}:{os.getpid()}:{hub.new_id()[:8]}"
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"))
    try:
        with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task(text("reconciling"), total=max(1, run.total))
            while run.state == "running":
                step = dossiers.advance(hub, run.id, holder)
                run = _looked_at(hub, run)
                bar.update(task, completed=run.seen, description=choose(run.note_vi, run.note_en) or text("reconciling"))
                if run.state == "running" and step.action != "on":
                    time.sleep(step.seconds or LOOK_SECONDS)
    finally:
        verb = partial(reconciliation_verbs.let_go, run_id=run.id, holder=holder)
        hub.ledger.change(verb, f"reconcile:{run.id}")
    return run


def _looked_at(hub: Hub, run: Run) -> Run:
    with hub.ledger.glance() as conn:
        return reconciliations.find(conn, run.id)


# --- look, mend, report ------------------------------------------------------------------------------------------


def show(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="[RUN]", help="Mã lần đối chiếu; bỏ trống: danh sách (run).")] = "",
    endpoint: Annotated[str, typer.Option(help="Chỉ với đối tác này (only with this partner).")] = "",
    kind: Annotated[str, typer.Option(help="missing, stale, different, extra, unanswered.")] = "",
    cause: Annotated[str, typer.Option(help="Nguyên nhân (cause).")] = "",
    after: Annotated[int, typer.Option(min=0, help="Chỉ các kết quả sau số này (only findings after this number).")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Số dòng nhiều nhất (rows at most).")] = reconciliations.PAGE,
    as_json: Json = False,
) -> None:
    """Show a run, or list runs."""
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        if not run_id:
            listed = reconciliations.listing(conn, endpoint=endpoint, limit=limit)
            frame.show(plain(listed), as_json=as_json, people=lambda: _print_runs(listed))
            return
        run = reconciliations.find(conn, run_id)
        findings = reconciliations.findings(conn, run.id, kind=kind, cause=cause, after=after, limit=limit)
    tree = {"run": plain(run), "findings": plain(findings)}
    frame.show(tree, as_json=as_json, people=lambda: _print_all(run, findings))


def mend(
    ctx: typer.Context,
    run_id: RunId,
    kind: Annotated[str, typer.Option(help="Chỉ loại này (only this kind).")] = "",
    cause: Annotated[str, typer.Option(help="Chỉ nguyên nhân này (only this cause).")] = "",
    numbers: Annotated[list[int] | None, typer.Option("--finding", help="Chỉ kết quả số này, nhiều lần được (finding).")] = None,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Plan the mending."""
    wanted = Wanted(kind=kind, cause=cause, numbers=tuple(numbers or ()))
    with frame.opened_hub(ctx) as hub:
        done = mending.mend(hub, run_id, wanted, actor=actor or who(), why=why)
    frame.show(plain(done), as_json=as_json, people=lambda: _print_mended(done))


def report(
    ctx: typer.Context,
    run_id: RunId,
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="Tệp .xlsx, .html, .json hoặc .asice (file to write).")],
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Write the report."""
    if out.exists():
        vi, en = f"đã có tệp {out}; không ghi đè biên bản", f"{out} exists; a report is never overwritten"
        raise NotAllowed(en, vi, where=str(out))
    with frame.opened_hub(ctx) as hub:
        made = reports.make(hub, run_id, out.suffix.removeprefix("."), actor=actor or who(), why=why)
    with out.open("xb") as file:
        file.write(made.body)
    tree = {"file": str(out.resolve()), "sha256": made.sha256, "findings": made.findings, "sealed_by": made.sealed_by}
    frame.show(tree, as_json=as_json, people=lambda: _print_report(out, made))


# --- output ------------------------------------------------------------------------------------------------------


def _print_all(run: Run, findings: tuple[Finding, ...]) -> None:
    _print_run(run)
    if findings:
        _print_findings(findings)


def _print_run(run: Run) -> None:
    state = choose(*STATES[run.state])
    frame.line(text("reconciled", id=short(run.id), endpoint=run.endpoint, state=state, seen=run.seen, total=run.total))
    if note := choose(run.note_vi, run.note_en):
        frame.line(note)
    lines = [(choose(*words), run.counted.get(name, 0)) for name, words in reconciling.COUNTED.items()]
    for each in run.groups:
        kind, cause = choose(*reconciling.KINDS[each.kind]), choose(*reconciling.CAUSES[each.cause])
        lines.append((f"{kind}: {cause}", each.number))
    columns: Mapping[str, Callable[[tuple[str, int]], object]] = {"outcome": lambda line: line[0], "count": lambda line: line[1]}
    table(text("t_reconciled"), columns, lines)
    frame.line(text("reconcile_untold", what=choose(*reports.untold_in_words(run))))
    frame.line(text("reconcile_extras", what=choose(*reports.extras_in_words(run))))


def _print_runs(listed: tuple[Run, ...]) -> None:
    columns: Mapping[str, Callable[[Run], object]] = {
        "reconciliation": lambda run: short(run.id),
        "endpoint": lambda run: run.endpoint,
        "state": lambda run: choose(*STATES[run.state]),
        "asked": lambda run: moment(run.asked_at),
        "actor": lambda run: run.actor,
        "finding_count": lambda run: run.findings,
    }
    table(text("t_reconciliations"), columns, listed)


def _print_findings(findings: tuple[Finding, ...]) -> None:
    columns: Mapping[str, Callable[[Finding], object]] = {
        "number": lambda each: each.number,
        "dossier": lambda each: each.code,
        "outcome": lambda each: choose(*reconciling.KINDS[each.kind]),
        "cause_of": lambda each: choose(*reconciling.CAUSES[each.cause]),
        "ours_of_hub": lambda each: "; ".join(f"{field.name} {field.ours}" for field in each.fields),
        "theirs": lambda each: "; ".join(f"{field.name} {field.theirs}" for field in each.fields),
        "mending": lambda each: choose(*reconciling.MENDINGS[each.mending]),
        "plan_of": lambda each: short(each.plan_id),
    }
    table(text("t_findings"), columns, findings)


def _print_mended(done: Mended) -> None:
    frame.line(text("mended", made=done.made, asked=done.asked, left=done.left))
    for plan in filter(None, (done.release, done.rebuild)):
        frame.line(text("mending_plan", id=short(plan)))
    if done.more:
        frame.line(text("mending_more"))


def _print_report(out: Path, made: Report) -> None:
    frame.line(text("reported", file=out, sha256=made.sha256))


_VERBS: Mapping[str, tuple[Callable[..., None], str, str, str]] = {
    "run": (
        run,
        "Tra cứu từng hồ sơ tại đối tác, trong giới hạn của đối tác, và so với những gì đã gửi; dừng lúc nào cũng tiếp tục được.",
        "Look every dossier up at a partner, within its limits, and compare; it can be stopped and resumed at any moment.",
        'reconcile run dvcqg --since 7d --why "đối chiếu tuần"',
    ),
    "stop": (stop, "Dừng, giữ nguyên vị trí.", "Stop, and keep the place.", 'reconcile stop 3fa9c1d2 --why "giờ cao điểm"'),
    "resume": (resume, "Tiếp tục từ chỗ đã dừng.", "Go on where it was.", 'reconcile resume 3fa9c1d2 --why "đã vắng"'),
    "show": (
        show,
        "Xem các lần đối chiếu, hoặc kết quả của một lần: thiếu, cũ, khác, thừa, kèm nguyên nhân và đề nghị xử lý.",
        "Show the reconciliations, or what one found: missing, stale, different, extra, with cause and proposed mending.",
        "reconcile show 3fa9c1d2 --kind missing",
    ),
    "mend": (
        mend,
        "Lập kế hoạch gửi lại cho những gì trục xử lý được; chưa gửi gì, hãy xem rồi chạy kế hoạch (replay run).",
        "Make replay plans of what the hub can mend; nothing is sent yet: look at the plan, then run it.",
        'reconcile mend 3fa9c1d2 --kind missing --why "đối tác làm mất"',
    ),
    "report": (
        report,
        "Ghi biên bản để hai bên ký: .xlsx, .html để in, .json cho máy, hoặc .asice gồm cả ba và có con dấu.",
        "Write the report for both sides to sign: .xlsx, .html to print, .json, or .asice with all three, sealed.",
        'reconcile report 3fa9c1d2 --out doi-chieu.xlsx --why "gửi VPCP"',
    ),
}
