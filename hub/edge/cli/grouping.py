"""Verbs on failure groups: group show, take, leave, note."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from hub.edge.cli import frame
from hub.edge.cli.finding import After, Limit, declared
from hub.edge.cli.frame import Actor, Json, described, moment, table, who
from hub.edge.cli.texts import choose, state_name, text
from hub.edge.plain import short
from hub.operations import groups
from hub.registers import group_members
from hub.registers.group_members import GroupShown, Member
from hub.registers.notes import Note, Taken

Name = Annotated[str, typer.Argument(metavar="GROUP", help="Nhóm lỗi, xem `failures` (failure group).")]
group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Một nhóm lỗi: xem các mục, nhận xử lý, ghi chú.",
        "One failure group: see what is in it, take care of it, write about it.",
        "group show 3fa9c1d2ab",
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(group, name="group")
    for name, (verb, vi, en, example) in _VERBS.items():
        group.command(name, help=described(vi, en, example))(verb)


def show(ctx: typer.Context, name: Name, after: After = "", limit: Limit = 50, as_json: Json = False) -> None:
    """Show a group with a page of its members."""
    settings = frame.settings(ctx)
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        found = group_members.show(
            conn,
            name,
            after=after,
            limit=limit,
            scope=None,
            on_doubt=lambda *named: declared(settings, *named),
            now=time.time(),
        )
    frame.show(found, as_json=as_json, people=lambda: _print(ctx, found))


def take(
    ctx: typer.Context,
    name: Name,
    why: Annotated[str, typer.Option("--why", help="Lý do, ghi vào nhật ký (reason).")] = "đang xử lý",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Take care of a group."""
    with frame.opened_hub(ctx) as hub:
        done = groups.take(hub, name, actor=actor or who(), why=why)
    frame.show(done, as_json=as_json, people=lambda: _print_taken(done))


def leave(
    ctx: typer.Context,
    name: Name,
    of: Annotated[str, typer.Option(help="Người đang xử lý, nếu không phải mình (whose it is, if not your own).")] = "",
    why: Annotated[str, typer.Option("--why", help="Lý do, ghi vào nhật ký (reason).")] = "thôi xử lý",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Leave a group."""
    with frame.opened_hub(ctx) as hub:
        done = groups.leave(hub, name, of=of, actor=actor or who(), why=why)
    frame.show(done, as_json=as_json, people=lambda: _print_taken(done))


def note(
    ctx: typer.Context,
    name: Name,
    words: Annotated[str, typer.Argument(metavar="TEXT", help="Ghi chú, không ghi dữ liệu cá nhân (no personal data).")],
    why: Annotated[str, typer.Option("--why", help="Lý do, ghi vào nhật ký (reason).")] = "ghi chú",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Write about a group."""
    with frame.opened_hub(ctx) as hub:
        done = groups.note(hub, name, words, actor=actor or who(), why=why)
    frame.show(done, as_json=as_json, people=lambda: _print_notes((done,)))


# --- output ------------------------------------------------------------------------------------------------------


def _print(ctx: typer.Context, found: GroupShown) -> None:
    of, cause = found.group, found.group.cause
    named = (cause.error_code, cause.fault, cause.endpoint, cause.partner_code, cause.what, cause.error_where)
    frame.line(f"{of.name}: {' · '.join(filter(None, named))}")
    frame.line(frame.placed(ctx, choose(of.error_vi, of.error_en)))
    frame.line(text("group_counts", count=of.count, followers=of.followers, new=of.new_1h, day=of.new_24h))
    if of.taken_by:
        _print_taken(Taken(group=of.name, by=of.taken_by, at=of.taken_at))
    columns: Mapping[str, Callable[[Member], object]] = {
        "id": lambda each: short(each.id),
        "stands_since": lambda each: moment(each.since_at),
        "subject": lambda each: each.subject,
        "origin": lambda each: each.origin,
        "procedure": lambda each: each.procedure,
        "state": lambda each: state_name(each.state) if each.kind == "delivery" else text("refused"),
        "attempts": lambda each: each.attempts or "",
        "followers": lambda each: each.followers or "",
    }
    table(text("t_members"), columns, found.members)
    if found.next:
        frame.line(text("list_more", after=found.next))
    _print_notes(found.notes)
    if found.sample is not None and found.sample.canonical is not None:
        frame.line(json.dumps(found.sample.canonical, ensure_ascii=False, indent=1))
    if found.verbs:
        frame.line(text("possible", verbs=", ".join(found.verbs)))


def _print_taken(done: Taken) -> None:
    frame.line(text("group_taken", group=done.group, actor=done.by, moment=moment(done.at)) if done.by else text("group_left"))


def _print_notes(notes: tuple[Note, ...]) -> None:
    columns: Mapping[str, Callable[[Note], object]] = {
        "moment": lambda each: moment(each.at),
        "actor": lambda each: each.actor,
        "entry": lambda each: each.text,
    }
    if notes:
        table(text("t_notes"), columns, notes)


#: verb -> function, Vietnamese, English, example.
_VERBS: dict[str, tuple[Any, ...]] = {
    "show": (
        show,
        "Xem một nhóm lỗi: các mục của nhóm, ghi chú, ví dụ, có thể làm gì với cả nhóm.",
        "Show a group: what is in it, notes, a sample, and what may be done about all of it.",
        "group show 3fa9c1d2ab --limit 20",
    ),
    "take": (
        take,
        "Nhận xử lý một nhóm; nếu đã có người nhận thì cho biết là ai, từ lúc nào.",
        "Take care of a group; where somebody does already, it says who, and since when.",
        "group take 3fa9c1d2ab",
    ),
    "leave": (
        leave,
        "Thôi xử lý một nhóm; của người khác thì nêu --of và lý do.",
        "Leave a group; one that is somebody else's is named with --of.",
        'group leave 3fa9c1d2ab --of lan --why "hết ca"',
    ),
    "note": (
        note,
        "Ghi chú cho nhóm lỗi, ai làm việc với trục cũng đọc được: không ghi dữ liệu cá nhân.",
        "Write about a group; everybody at work reads it: no personal data.",
        'group note 3fa9c1d2ab "đã gọi đối tác lúc 9:30, chờ cấp mã"',
    ),
}
