"""Verbs of catalogues of procedures: show, compare, worklist; import, pull, files, plan, mend, claim; and the template."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import english, text
from hub.edge.plain import short
from hub.errors import Fault, InvalidMessage, NotAllowed
from hub.reconcile.procedures import comparing, files, importing, looking, mending, pulling
from hub.registers import catalogue_words
from hub.registers.catalogue import Count, Differs, FieldDiffers, Plan, PlanItem, Work
from hub.registers.catalogue_shown import At, Catalogues, Holder, Listed, ProcedureShown, Version
from hub.registers.words import Words
from hub.rules import procedure_sheets

Holding = Annotated[str, typer.Argument(metavar="HOLDER", help="Nơi giữ danh mục (holder of procedures).")]
Owner = Annotated[str, typer.Option("--owner", help="Cơ quan chủ quản, ví dụ G10 (agency whose catalogue it is).")]
At_ = Annotated[str, typer.Option("--holder", help="Nơi giữ danh mục (holder of procedures).")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="Số dòng nhiều nhất (at most so many).")]
#: Letters of a value in a table.
LONGEST = 120

procedures = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Danh mục thủ tục hành chính: nhập, lấy về, so sánh, sửa cho giống nhau.",
        "The catalogue of procedures: import, pull, compare, mend.",
        "procedures compare dvcqg",
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(procedures, name="procedures")
    for name, verb, vi, en, example in (
        (
            "show", show,
            "Xem các danh mục và nơi giữ; nêu cơ quan và mã thì xem một thủ tục cùng các phiên bản.",
            "Show owners and holders; of one procedure, its versions and who holds it.",
            "procedures show G10 1.000001",
        ),
        (
            "compare", compare,
            "Xem những gì khác nhau tại một nơi (theo lần lấy gần nhất), từng trường, từ bao giờ, ai phải làm.",
            "Show in what a holder differed when it was last pulled: field by field, since when, who must act.",
            "procedures compare dvcqg --owner G10",
        ),
        (
            "worklist", worklist,
            "Xem hoặc ghi ra XLSX những việc cán bộ phải làm trên hệ thống chỉ cho đọc.",
            "Show what a person must mend where the hub cannot write, or write it as XLSX.",
            "procedures worklist --owner G10 --output viec.xlsx",
        ),
        (
            "import", import_file,
            "Nhập danh mục của một cơ quan từ XLSX hoặc CSV; có lỗi thì không nhập gì, mọi lỗi nêu theo ô.",
            "Take an agency's catalogue from XLSX or CSV: whole or not at all, every fault named by its cell.",
            'procedures import danh-muc.xlsx --owner G10 --why "quyết định 123/QĐ-BNNMT"',
        ),
        (
            "pull", pull,
            "Lấy danh mục mà một nơi đang giữ, trong giới hạn của nơi đó; bị ngắt thì lần sau làm tiếp.",
            "Take a snapshot of what a holder holds, within its rate; one that was cut goes on the next time.",
            'procedures pull dvcqg --why "đối soát hằng đêm"',
        ),
        (
            "files", look_at_files,
            "Tải các tệp mẫu đơn, hướng dẫn mà danh mục nêu; cho biết đường dẫn nào hỏng, tệp nào đã đổi.",
            "Fetch the guidance and form files that records name; tells which links are broken, which files changed.",
            'procedures files G10 --why "kiểm tra mẫu đơn quý I"',
        ),
        (
            "plan", plan,
            "Lập kế hoạch sửa danh mục của một nơi, theo quy định bên nào đúng.",
            "Freeze a plan of mending a holder's catalogue, in the direction that the policy says.",
            'procedures plan dvcqg --why "đồng bộ danh mục quý I"',
        ),
        (
            "mend", mend,
            "Thực hiện kế hoạch: trục gửi những gì gửi được, còn lại đưa vào danh sách việc của cán bộ.",
            "Carry a plan out: the hub writes what it may write, the rest goes on the work-list.",
            'procedures mend 4f1c2b7a --why "đã duyệt"',
        ),
        (
            "claim", claim,
            "Báo đã sửa xong trên hệ thống của đối tác; lần lấy danh mục sau sẽ xác nhận.",
            "Say that work is done at the partner's; the next pull confirms it, or shows that it is not.",
            'procedures claim dvcqg G10 1.000001 --why "đã sửa trên Cổng"',
        ),
        (
            "template", template,
            "Ghi tệp mẫu XLSX để điền danh mục.",
            "Write the XLSX template of a catalogue.",
            "procedures template danh-muc.xlsx",
        ),
    ):  # fmt: skip
        procedures.command(name, help=described(vi, en, example))(verb)


# --- looking -----------------------------------------------------------------------------------------------------


def show(
    ctx: typer.Context,
    owner: Annotated[str, typer.Argument(metavar="[OWNER]", help="Cơ quan chủ quản (owner).")] = "",
    code: Annotated[str, typer.Argument(metavar="[CODE]", help="Mã thủ tục (procedure).")] = "",
    containing: Annotated[str, typer.Option("--find", help="Đầu mã hoặc một phần nội dung (part of it).")] = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Show catalogues, or one procedure."""
    with frame.opened_hub(ctx) as hub:
        if owner and code:
            found = looking.show(hub, owner, code)
            frame.show(found, as_json=as_json, people=lambda: _print_procedure(found))
            return
        listed = looking.catalogues(hub, owner=owner, containing=containing, limit=limit)
    frame.show(listed, as_json=as_json, people=lambda: _print_catalogues(listed))


def compare(
    ctx: typer.Context,
    holder: Annotated[str, typer.Argument(metavar="[HOLDER]", help="Nơi giữ danh mục (holder of procedures).")] = "",
    owner: Owner = "",
    code: Annotated[str, typer.Option("--code", help="Mã thủ tục (procedure).")] = "",
    plan: Annotated[str, typer.Option("--plan", help="Xem một kế hoạch (show a plan).")] = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Show in what holders differ."""
    with frame.opened_hub(ctx) as hub:
        if plan:
            planned = looking.plan(hub, plan)
            frame.show(planned, as_json=as_json, people=lambda: _print_plan(planned))
            return
        found = looking.differences(hub, holder=holder, owner=owner, code=code, limit=limit)
    frame.show(found, as_json=as_json, people=lambda: _print_differences(found))


def worklist(
    ctx: typer.Context,
    owner: Owner = "",
    holder: At_ = "",
    state: Annotated[str, typer.Option("--state", help="open, claimed, confirmed.")] = "",
    output: Annotated[Path | None, typer.Option("--output", help="Ghi ra XLSX (write as XLSX).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Số dòng nhiều nhất (at most so many).")] = 200,
    as_json: Json = False,
) -> None:
    """Show what people must mend."""
    with frame.opened_hub(ctx) as hub:
        if output is not None:
            output.write_bytes(looking.worklist_file(hub, owner=owner, holder=holder, state=state))
            frame.line(text("file_written", file=output))
            return
        found = looking.worklist(hub, owner=owner, holder=holder, state=state, limit=limit)
    frame.show(found, as_json=as_json, people=lambda: _print_work(found.items))


# --- doing -------------------------------------------------------------------------------------------------------


def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="XLSX, CSV.")],
    owner: Annotated[str, typer.Option("--owner", help="Cơ quan chủ quản, ví dụ G10 (agency whose catalogue it is).")],
    whole: Annotated[bool, typer.Option("--whole", help="Danh mục đầy đủ (the whole list).")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Chỉ xem sẽ đổi gì (only show what would change).")] = False,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Take a catalogue from a spreadsheet."""
    content = file.read_bytes()
    with frame.opened_hub(ctx) as hub:
        given = {"actor": actor or who(), "why": why or (text("dry_run_why") if dry_run else "")}
        try:
            done = importing.take(hub, content, file.name, owner, whole=whole, dry_run=dry_run, **given)
        except InvalidMessage as error:
            faults = error.faults
            frame.show(faults, as_json=as_json, people=lambda: _print_faults(faults))
            raise
    frame.show(done, as_json=as_json, people=lambda: _print_imported(done))


def pull(
    ctx: typer.Context,
    holder: Annotated[str, typer.Argument(metavar="[HOLDER]", help="Nơi giữ danh mục (holder of procedures).")] = "",
    every: Annotated[bool, typer.Option("--all", help="Mọi nơi hỏi được (all that can be asked).")] = False,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Take a snapshot of what a holder holds."""
    if bool(holder) == every:
        raise NotAllowed("name one holder, or --all", "nêu một nơi giữ danh mục, hoặc --all", where="holder")
    with frame.opened_hub(ctx) as hub:
        done = []
        for name in comparing.holders(hub) if every else (holder,):
            with _bar(name, quiet=as_json) as progress:
                done.append(pulling.pull(hub, name, actor=actor or who(), why=why, progress=progress))
    frame.show(done if every else done[0], as_json=as_json, people=lambda: _print_pulled(done))


def look_at_files(
    ctx: typer.Context,
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Cơ quan chủ quản (owner).")],
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Fetch guidance and form files."""
    with frame.opened_hub(ctx) as hub, _bar(owner, quiet=as_json) as progress:
        done = files.check(hub, owner, actor=actor or who(), why=why, progress=progress)
    counted = {"named": done.named, "ok": done.ok, "changed": done.changed, "broken": done.broken}
    frame.show(done, as_json=as_json, people=lambda: frame.line(text("files_looked_at", **counted)))


def plan(ctx: typer.Context, holder: Holding, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Plan the mending of a holder's catalogue."""
    with frame.opened_hub(ctx) as hub:
        done = mending.plan(hub, holder, actor=actor or who(), why=why)
    frame.show(done, as_json=as_json, people=lambda: _print_planned(done))


def mend(
    ctx: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Mã kế hoạch (plan).")],
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Carry a plan out."""
    with frame.opened_hub(ctx) as hub, _bar(short(plan), quiet=as_json) as progress:
        done = mending.run(hub, plan, actor=actor or who(), why=why, progress=progress)
    frame.show(done, as_json=as_json, people=lambda: _print_plan(done))


def claim(
    ctx: typer.Context,
    holder: Holding,
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Cơ quan chủ quản (owner).")],
    codes: Annotated[list[str], typer.Argument(metavar="CODE...", help="Mã thủ tục (procedures).")],
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Say that work is done."""
    with frame.opened_hub(ctx) as hub:
        done = mending.claim(hub, holder, owner, codes, actor=actor or who(), why=why)
    frame.show({"claimed": done}, as_json=as_json, people=lambda: frame.line(text("work_claimed", count=done)))


def template(
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="XLSX.")], as_json: Json = False
) -> None:
    """Write the template of a catalogue."""
    file.write_bytes(procedure_sheets.template())
    frame.show({"file": str(file)}, as_json=as_json, people=lambda: frame.line(text("file_written", file=file)))


@contextmanager
def _bar(name: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how far something has come, where somebody looks."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, whole: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as drawn:
        task = drawn.add_task(name, total=None)
        yield lambda done, whole: drawn.update(task, completed=done, total=whole)


# --- output ------------------------------------------------------------------------------------------------------


def _said(words: Words) -> str:
    return words[1] if english() else words[0]


def _field(name: str) -> str:
    return _said(catalogue_words.FIELDS.get(name, (name, name)))


def _state(name: str) -> str:
    return _said(catalogue_words.STATES[name])


def _cut(value: Any) -> str:
    written = str(value if value is not None else "")
    return written if len(written) <= LONGEST else f"{written[:LONGEST]}…"


def _print_catalogues(found: Catalogues) -> None:
    owners: Mapping[str, Callable[[Any], object]] = {
        "owner": lambda each: each.owner,
        "count": lambda each: each.procedures,
        "updated": lambda each: moment(each.updated_at),
        "broken_files": lambda each: each.broken_files or "",
    }
    holders: Mapping[str, Callable[[Holder], object]] = {
        "holder": lambda each: each.holder,
        "procedures": lambda each: each.held,
        "pulled_at": lambda each: moment(each.pull.whole_at) if each.pull else "",
        "differing": lambda each: each.differing or "",
        "to_do": lambda each: each.work or "",
    }
    listed: Mapping[str, Callable[[Listed], object]] = {
        "owner": lambda each: each.owner,
        "procedure": lambda each: each.code,
        "name": lambda each: each.name,
        "service_level": lambda each: each.level,
        "state": lambda each: "" if each.active else _state("gone"),
        "differing": lambda each: each.differing or "",
    }
    table(text("t_owners"), owners, found.owners)
    table(text("t_holders"), holders, found.holders)
    if found.procedures:
        table(text("t_procedures"), listed, found.procedures)


def _print_procedure(found: ProcedureShown) -> None:
    frame.line(f"{found.owner} {found.procedure.code}: {found.procedure.name}")
    versions: Mapping[str, Callable[[Version], object]] = {
        "number": lambda each: each.number,
        "state": lambda each: _state(each.standing),
        "valid_from": lambda each: each.valid_from or "",
        "valid_to": lambda each: each.valid_to or "",
        "comes_from": lambda each: each.source,
        "told_at": lambda each: moment(each.told_at),
        "actor": lambda each: each.told_by,
        "why": lambda each: each.why,
        "changed": lambda each: ", ".join(map(_field, each.changed)),
    }
    holders: Mapping[str, Callable[[At], object]] = {
        "holder": lambda each: each.holder,
        "code": lambda each: each.code,
        "service_level": lambda each: each.level,
        "pulled_at": lambda each: moment(each.seen_at),
        "differing": lambda each: ", ".join(map(_field, each.fields)),
    }
    table(text("t_versions"), versions, found.versions)
    table(text("t_holders"), holders, found.holders)
    codes: Mapping[str, Callable[[Any], object]] = {
        "code": lambda row: row.code, "valid_from": lambda row: row.valid_from or "", "valid_to": lambda row: row.valid_to or "",
    }  # fmt: skip
    if found.local_codes:
        table(text("t_local_codes"), codes, found.local_codes)


def _print_differences(found: looking.Differences) -> None:
    counts: Mapping[str, Callable[[Count], object]] = {
        "owner": lambda each: each.owner,
        "holder": lambda each: each.holder,
        "differing": lambda each: each.procedures,
        "holder_must": lambda each: each.by_holder or "",
        "owner_must": lambda each: each.by_owner or "",
        "since": lambda each: moment(each.since),
    }
    table(text("t_differences"), counts, found.counts)
    if not found.procedures:
        return
    rows = [(each, field) for each in found.procedures for field in each.fields]
    columns: Mapping[str, Callable[[tuple[Differs, FieldDiffers]], object]] = {
        "holder": lambda pair: pair[0].holder,
        "owner": lambda pair: pair[0].owner,
        "procedure": lambda pair: pair[0].code,
        "field": lambda pair: _field(pair[1].field),
        "ours": lambda pair: _cut(pair[1].ours),
        "theirs": lambda pair: _cut(pair[1].theirs),
        "since": lambda pair: moment(pair[1].since),
        "must_act": lambda pair: _said(catalogue_words.WHO[pair[1].who]),
    }
    table(text("t_by_field"), columns, rows)
    if found.after:
        frame.line(text("there_are_more"))


def _print_work(items: Iterable[Work]) -> None:
    columns: Mapping[str, Callable[[Work], object]] = {
        "owner": lambda each: each.owner,
        "holder": lambda each: each.holder,
        "procedure": lambda each: each.code,
        "name": lambda each: each.name,
        "field": lambda each: ", ".join(map(_field, each.fields)),
        "must_act": lambda each: _said(catalogue_words.WHO[each.who]),
        "state": lambda each: _state(each.state),
        "created": lambda each: moment(each.made_at),
        "why": lambda each: each.why,
    }
    table(text("t_worklist"), columns, items)


def _print_faults(faults: Iterable[Fault]) -> None:
    columns: Mapping[str, Callable[[Fault], object]] = {
        "cell": lambda fault: fault.path,
        "fault": lambda fault: fault.en if english() else fault.vi,
    }
    table(text("t_faults"), columns, faults)


def _print_imported(done: importing.Imported) -> None:
    columns: Mapping[str, Callable[[importing.Change], object]] = {
        "procedure": lambda each: each.code,
        "name": lambda each: each.name,
        "changed": lambda each: _state(each.kind),
        "field": lambda each: ", ".join(map(_field, each.fields)),
    }
    table(text("t_imported"), columns, done.changes)
    counted = {"new": done.new, "changed": done.changed, "gone": done.gone, "unchanged": done.unchanged}
    frame.line(text("imported" if done.message_id else "not_imported", **counted))


def _print_pulled(done: Iterable[pulling.Pulled]) -> None:
    columns: Mapping[str, Callable[[pulling.Pulled], object]] = {
        "holder": lambda each: each.holder,
        "procedures": lambda each: each.listed,
        "gone": lambda each: each.gone or "",
        "unreadable": lambda each: ", ".join(each.faulty),
        "new_differences": lambda each: each.new,
        "over": lambda each: each.over,
    }
    table(text("t_pulled"), columns, done)


def _print_planned(done: mending.Planned) -> None:
    if done.plan is None:
        frame.line(text("nothing_to_mend", under_way=done.under_way))
        return
    _print_plan(done.plan)
    frame.line(text("mend_next", plan=short(done.plan.id)))


def _print_plan(found: Plan) -> None:
    columns: Mapping[str, Callable[[PlanItem], object]] = {
        "owner": lambda each: each.owner,
        "procedure": lambda each: each.code,
        "deed": lambda each: _state(each.deed),
        "field": lambda each: ", ".join(map(_field, each.fields)),
        "must_act": lambda each: _said(catalogue_words.WHO[each.who]),
        "state": lambda each: _state(each.result),
        "message": lambda each: short(each.message_id),
    }
    table(text("t_mending", plan=short(found.id), writes=found.writes, work=found.work), columns, found.items)
