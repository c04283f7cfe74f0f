"""Verbs on many deliveries: replay plan, run, show. A plan is frozen and shown before anything is sent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from hub import operations
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, short, table, who
from hub.edge.cli.texts import choose, state_name, text
from hub.edge.plain import plain
from hub.registers import plans
from hub.registers.plans import Choice, Item, Plan

replay = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Gửi lại nhiều lượt: lập kế hoạch, xem, rồi thực hiện đúng những gì đã xem.",
        "Replay many deliveries: make a plan, look at it, then run exactly what was seen.",
        'replay plan --group 3fa9c1d2ab --verb rebuild --why "đã bổ sung danh mục"',
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(replay, name="replay")
    replay.command(
        "plan",
        help=described(
            "Chọn các lượt đang dừng (theo nhóm lỗi, điểm kết nối, thủ tục, hồ sơ, thời gian, mã), lập kế hoạch; chưa gửi gì.",
            "Choose parked deliveries by group, endpoint, procedure, dossier, time, id, and freeze a plan; nothing is sent yet.",
            'replay plan --group 3fa9c1d2ab --verb rebuild --why "đã bổ sung mã lĩnh vực"',
            'replay plan --code 000.00.01.H55-260302-0001 --verb release --why "cổng đã sửa lỗi"',
        ),
    )(plan)
    replay.command(
        "run",
        help=described(
            "Thực hiện một kế hoạch, một lần duy nhất; lượt nào đã thay đổi từ khi lập kế hoạch thì để yên.",
            "Run a plan, once; a delivery that changed since the plan was made is left alone.",
            "replay run 5c1e7a90",
        ),
    )(run)
    replay.command(
        "show",
        help=described(
            "Xem một kế hoạch và kết quả từng lượt; không nêu mã thì liệt kê các kế hoạch.",
            "Show a plan with each item's result; without an id, list the plans.",
            "replay show 5c1e7a90",
        ),
    )(show)


def plan(
    ctx: typer.Context,
    verb: Annotated[str, typer.Option(help="release (nguyên nội dung) hoặc rebuild (chuyển đổi lại).")] = "release",
    group: Annotated[str, typer.Option(help="Nhóm lỗi, xem `failures` (failure group).")] = "",
    endpoint: Annotated[str, typer.Option(help="Điểm kết nối (endpoint).")] = "",
    procedure: Annotated[str, typer.Option(help="Mã thủ tục (procedure).")] = "",
    code: Annotated[str, typer.Option("--code", help="Mã hồ sơ (any number of a dossier).")] = "",
    error: Annotated[str, typer.Option(help="Mã lỗi (error code).")] = "",
    since: Annotated[str, typer.Option(help="Dừng từ lúc: 2h, 7d hoặc ngày (stopped since).")] = "",
    until: Annotated[str, typer.Option(help="Dừng trước lúc (stopped before).")] = "",
    ids: Annotated[list[str] | None, typer.Option("--id", help="Mã lượt chuyển, nhiều lần được (delivery; repeatable).")] = None,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Freeze a plan."""
    choice = Choice(
        group=group,
        endpoint=endpoint,
        procedure=procedure,
        dossier=code,
        error=error,
        since=frame.since(since),
        until=frame.since(until),
        ids=tuple(ids or ()),
    )
    with frame.opened_hub(ctx) as hub:
        frozen = operations.plan(hub, choice, verb, actor=actor or who(), why=why)
    frame.show(_flat(frozen), as_json=as_json, people=lambda: _print_plan(frozen))


def run(
    ctx: typer.Context,
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", help="Mã kế hoạch, đủ hoặc phần đầu (plan, whole or its beginning).")],
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Run a plan."""
    with frame.opened_hub(ctx) as hub, Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        items = operations.show_plan(hub, plan_id).items
        task = bar.add_task(text("running"), total=len(items))
        ran = operations.run_plan(hub, plan_id, actor=actor or who(), progress=lambda item, result: bar.advance(task))

    def people() -> None:
        _print_plan(ran.plan)
        frame.line(text("plan_ran", done=ran.done, skipped=ran.skipped, changed=ran.changed))

    counts = {"done": ran.done, "skipped": ran.skipped, "changed": ran.changed}
    frame.show({**_flat(ran.plan), **counts}, as_json=as_json, people=people)


def show(
    ctx: typer.Context,
    plan_id: Annotated[str, typer.Argument(metavar="[PLAN]", help="Mã kế hoạch (plan).")] = "",
    as_json: Json = False,
) -> None:
    """Show a plan, or list plans."""
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        if plan_id:
            found = plans.find(conn, plan_id)
            frame.show(_flat(found), as_json=as_json, people=lambda: _print_plan(found))
            return
        listed = plans.listing(conn)
    tree = [{**_flat(each), "goes": goes} for each, goes in listed]
    frame.show(tree, as_json=as_json, people=lambda: _print_plans(listed))


# --- output ------------------------------------------------------------------------------------------------------


def _flat(found: Plan) -> dict[str, Any]:
    tree: dict[str, Any] = plain(found)
    for item, shown in zip(found.items, tree["items"], strict=True):
        shown["skip_vi"], shown["skip_en"] = plans.explain(item.skip) if item.skip else ("", "")
    return {**tree, "goes": _goes(found)}


def _goes(found: Plan) -> int:
    return sum(not item.skip for item in found.items)


def _print_plan(found: Plan) -> None:
    columns: Mapping[str, Callable[[Item], object]] = {
        "number": lambda item: item.number,
        "delivery": lambda item: short(item.delivery_id),
        "endpoint": lambda item: item.endpoint,
        "subject": lambda item: item.subject,
        "event": lambda item: item.event,
        "state": lambda item: state_name(item.state),
        "skip": lambda item: choose(*plans.explain(item.skip, short)) if item.skip else "",
        "result": lambda item: _result(item.result),
    }
    table(text("t_plan", id=short(found.id)), columns, found.items)
    goes = _goes(found)
    frame.line(text("plan_head", verb=found.verb, goes=goes, skipped=len(found.items) - goes, why=found.why))
    if found.run_at is None and goes:
        frame.line(text("plan_next", id=short(found.id)))


def _result(result: str) -> str:
    kind, _, state = result.partition(":")
    return text(f"r_{kind}", state=state_name(state)) if kind else ""


def _print_plans(listed: tuple[tuple[Plan, int], ...]) -> None:
    columns: Mapping[str, Callable[[tuple[Plan, int]], object]] = {
        "id": lambda pair: short(pair[0].id),
        "verb": lambda pair: pair[0].verb,
        "created": lambda pair: moment(pair[0].created_at),
        "run": lambda pair: moment(pair[0].run_at),
        "goes": lambda pair: pair[1],
        "actor": lambda pair: pair[0].actor,
        "why": lambda pair: pair[0].why,
        "chosen_by": lambda pair: pair[0].chosen_by,
    }
    table(text("t_plans"), columns, listed)
