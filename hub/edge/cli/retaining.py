"""Verbs of retention: plan says what would be deleted, run deletes it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hub import retention as flow
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import text
from hub.retention import Amount, RetentionPlan, RetentionRun
from hub.sections import RetentionSection

retention = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Thời hạn lưu: xóa nội dung đã hết hạn; không xóa dòng sổ cái, mã băm, nhật ký, và những gì còn phải gửi.",
        "Retention: delete bytes whose time is over; never rows, digests, journal, or what may still be sent.",
        "retention plan",
    ),
)

OlderThan = Annotated[
    int | None,
    typer.Option(
        "--older-than",
        min=1,
        metavar="DAYS",
        help="Số ngày, mặc định [retention] days; bằng chứng luôn giữ đủ proof_days (days; proof is kept for proof_days).",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(retention, name="retention")
    retention.command(
        "plan",
        help=described(
            "Cho biết nội dung nào sẽ bị xóa, và nội dung nào đã cũ nhưng còn cần; chưa xóa gì.",
            "Say what would be deleted, and what is old but still needed; nothing is deleted.",
            "retention plan --older-than 180",
        ),
    )(plan)
    retention.command(
        "run",
        help=described(
            "Xóa nội dung đã hết hạn, theo từng lô, có ghi nhật ký. Dừng giữa chừng thì chạy lại. Không lấy lại được.",
            "Delete what is over, in batches, written into the journal. Stopped halfway, run it again. Nothing comes back.",
            'retention run --why "xóa định kỳ theo quy chế lưu trữ"',
        ),
    )(run)


def plan(ctx: typer.Context, older_than: OlderThan = None, as_json: Json = False) -> None:
    """Say what would be deleted."""
    section = frame.settings(ctx).file.retention
    with frame.opened_hub(ctx) as hub:
        found = flow.plan(hub, days=older_than or section.days, proof_days=section.proof_days)
    frame.show(found, as_json=as_json, people=lambda: _print_plan(found, older_than))


def run(
    ctx: typer.Context, older_than: OlderThan = None, why: Why = "", actor: Actor = "", as_json: Json = False
) -> None:
    """Delete what is over."""
    section: RetentionSection = frame.settings(ctx).file.retention
    days = older_than or section.days
    with frame.opened_hub(ctx) as hub, Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        total = flow.plan(hub, days=days, proof_days=section.proof_days).count
        task = bar.add_task(text("deleting"), total=total)
        ran = flow.run(
            hub,
            days=days,
            proof_days=section.proof_days,
            actor=actor or who(),
            why=why,
            progress=lambda count: bar.advance(task, count),
        )
    frame.show(ran, as_json=as_json, people=lambda: _print_run(ran))


# --- output ------------------------------------------------------------------------------------------------------


def _print_plan(found: RetentionPlan, older_than: int | None) -> None:
    _print_amounts(found.amounts)
    frame.line(text("retention_head", work=moment(found.work_at), proof=moment(found.proof_at), border=moment(found.border_at)))
    if found.count:
        frame.line(text("retention_next", days=f" --older-than {older_than}" if older_than else ""))


def _print_run(ran: RetentionRun) -> None:
    _print_amounts(ran.amounts)
    count, size = sum(each.count for each in ran.amounts), sum(each.bytes for each in ran.amounts)
    frame.line(text("retention_ran", count=count, bytes=size, id=ran.id))
    if ran.left_over:
        frame.line(text("retention_left_over", count=ran.left_over))


def _print_amounts(amounts: Sequence[Amount]) -> None:
    columns: Mapping[str, Callable[[Amount], object]] = {
        "kind": lambda each: text(f"k_{each.kind}"),
        "deleted": lambda each: each.count,
        "bytes": lambda each: each.bytes,
        "needed": lambda each: each.needed or "",
    }
    table(text("t_retention"), columns, amounts)
