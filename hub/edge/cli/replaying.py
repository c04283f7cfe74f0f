"""Verbs on many deliveries: a plan is frozen and shown, then carried out in steps; paused, resumed, cancelled, watched."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from hub import operations
from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import choose, english, state_name, text
from hub.edge.plain import plain, short
from hub.ledger.plan_verbs import STATES
from hub.operations import replays
from hub.registers import plans
from hub.registers.plan_choice import Choice
from hub.registers.plan_preview import Sample
from hub.registers.plans import Item, Plan, RunState
from hub.rules import canary
from hub.rules.canary import Course

#: So often a run that is watched is looked at.
LOOK_SECONDS = 0.2

replay = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Gửi lại nhiều lượt: lập kế hoạch, xem, rồi thực hiện từng bước đúng những gì đã xem.",
        "Replay many deliveries: make a plan, look at it, then run exactly what was seen, in steps.",
        'replay plan --group 3fa9c1d2ab --verb rebuild --why "đã bổ sung danh mục"',
    ),
)

PlanId = Annotated[
    str, typer.Argument(metavar="PLAN", help="Mã kế hoạch, đủ hoặc phần đầu (plan, whole or its beginning).")
]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(replay, name="replay")
    for verb, (function, vi, en, *examples) in _VERBS.items():
        replay.command(verb, help=described(vi, en, *examples))(function)


# --- plan --------------------------------------------------------------------------------------------------------


def plan(
    ctx: typer.Context,
    verb: Annotated[str, typer.Option(help="release (nguyên nội dung) hoặc rebuild (chuyển đổi lại).")] = "release",
    group: Annotated[str, typer.Option(help="Nhóm lỗi, xem `failures` (failure group).")] = "",
    endpoint: Annotated[str, typer.Option(help="Điểm kết nối (endpoint).")] = "",
    procedure: Annotated[str, typer.Option(help="Mã thủ tục (procedure).")] = "",
    province: Annotated[str, typer.Option(help="Mã cơ quan, ví dụ H55 (agency code of senders or recipients).")] = "",
    code: Annotated[str, typer.Option("--code", help="Mã hồ sơ (any number of a dossier).")] = "",
    error: Annotated[str, typer.Option(help="Mã lỗi (error code).")] = "",
    partner_code: Annotated[str, typer.Option(help="Mã lỗi của đối tác (the partner's code).")] = "",
    kind: Annotated[str, typer.Option(help="Loại thông điệp: dossier, catalogue, … (kind of message).")] = "",
    event: Annotated[str, typer.Option(help="Sự kiện của hồ sơ (event of the dossier).")] = "",
    header: Annotated[str, typer.Option(help="Thông tin kèm nội dung đã gửi: khóa=giá_trị (header, key=value).")] = "",
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
        province=province,
        dossier=code,
        error=error,
        partner_code=partner_code,
        kind=kind,
        event=event,
        header=header,
        since=frame.since(since),
        until=frame.since(until),
        ids=tuple(ids or ()),
    )
    with frame.opened_hub(ctx) as hub:
        frozen = operations.plan(hub, choice, verb, actor=actor or who(), why=why)
    frame.show(_flat(frozen), as_json=as_json, people=lambda: _print_plan(frozen))


def show(
    ctx: typer.Context,
    plan_id: Annotated[str, typer.Argument(metavar="[PLAN]", help="Mã kế hoạch (plan).")] = "",
    bytes_too: Annotated[
        bool, typer.Option("--bytes", help="Cả nội dung sẽ gửi của vài lượt đầu, che dữ liệu cá nhân (bytes of the first ones).")
    ] = False,
    after: Annotated[int, typer.Option(min=0, help="Chỉ các lượt sau số này (only items after this number).")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Số lượt nhiều nhất (items at most).")] = plans.PAGE,
    as_json: Json = False,
) -> None:
    """Show a plan, or list plans."""
    with frame.opened_hub(ctx) as hub:
        if not plan_id:
            listed = replays.list_plans(hub)
            frame.show([_flat(each) for each in listed], as_json=as_json, people=lambda: _print_plans(listed))
            return
        found = operations.show_plan(hub, plan_id, after=after, limit=limit)
        samples = replays.samples(hub, found.id) if bytes_too else ()
    people = _both(lambda: _print_plan(found), lambda: _print_samples(samples))
    frame.show(_flat(found), as_json=as_json, people=people)


# --- run ---------------------------------------------------------------------------------------------------------


def run(
    ctx: typer.Context,
    plan_id: PlanId,
    steps: Annotated[
        list[int] | None, typer.Option("--step", help="Số lượt của từng bước, nhiều lần được; mặc định 1, 5, 25, … (step sizes).")
    ] = None,
    stop_after: Annotated[
        int, typer.Option(min=0, help="Tự dừng khi một bước có chừng này lỗi; 0 = không tự dừng (failures that stop it).")
    ] = canary.STOP_AFTER,
    per_minute: Annotated[int, typer.Option(min=0, help="Số lượt mỗi phút; 0 = không giới hạn (deliveries a minute).")] = 0,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Theo dõi đến khi xong hoặc dừng (watch until it ends).")] = True,
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="Không theo bước, làm ngay tại đây; gửi khi serve chạy (without steps, from here)."),
    ] = False,
    why: Annotated[str, typer.Option("--why", help="Lý do; mặc định như kế hoạch (reason; default: the plan's).")] = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Run a plan."""
    with frame.opened_hub(ctx) as hub:
        by = actor or who()
        reason = why or operations.show_plan(hub, plan_id, limit=1).why
        if at_once:
            _say_ran(operations.run_plan(hub, plan_id, actor=by, why=reason), as_json)
            return
        course = Course(steps=tuple(steps or canary.STEPS), stop_after=stop_after, per_minute=per_minute)
        begun = replays.start(hub, plan_id, course, actor=by, why=reason)
        _follow(hub, begun, wait, as_json)


def resume(
    ctx: typer.Context,
    plan_id: PlanId,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Theo dõi đến khi xong hoặc dừng (watch until it ends).")] = True,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Go on with a plan."""
    with frame.opened_hub(ctx) as hub:
        _follow(hub, replays.resume(hub, plan_id, actor=actor or who(), why=why), wait, as_json)


def pause(ctx: typer.Context, plan_id: PlanId, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Carry out nothing more of a plan for now."""
    with frame.opened_hub(ctx) as hub:
        state = replays.pause(hub, plan_id, actor=actor or who(), why=why)
    frame.show(_flat_run(state), as_json=as_json, people=lambda: _print_run(state))


def cancel(ctx: typer.Context, plan_id: PlanId, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Leave the rest of a plan as it is."""
    with frame.opened_hub(ctx) as hub:
        state = replays.cancel(hub, plan_id, actor=actor or who(), why=why)
    frame.show(_flat_run(state), as_json=as_json, people=lambda: _print_run(state))


def _say_ran(ran: operations.Ran, as_json: bool) -> None:
    def people() -> None:
        _print_plan(ran.plan)
        frame.line(text("plan_ran", done=ran.done, skipped=ran.skipped, changed=ran.changed))

    counts = {"done": ran.done, "skipped": ran.skipped, "changed": ran.changed}
    frame.show({**_flat(ran.plan), **counts}, as_json=as_json, people=people)


def _follow(hub: Hub, state: RunState, wait: bool, as_json: bool) -> None:
    """Watch a run until it ends or stops; where nobody carries plans out, say so and leave it to who comes."""
    if wait:
        state = _watched(hub, state)
    found = operations.show_plan(hub, state.plan_id)
    skipped = sum(found.counts.skipped.values())
    people = _both(lambda: _print_plan(found), lambda: _say_where_it_is(state))
    frame.show({**_flat_run(state), "skipped": skipped, "plan": _flat(found)}, as_json=as_json, people=people)


def _say_where_it_is(state: RunState) -> None:
    if not state.runner and state.state == "running":
        frame.line(text("plan_no_runner", id=short(state.plan_id)))


def _watched(hub: Hub, state: RunState) -> RunState:
    with _bar() as bar:
        task = bar.add_task(text("running"), total=state.goes)
        while state.runner and (state.state == "running" or state.going):
            _draw(bar, task, state)
            time.sleep(LOOK_SECONDS)
            state = replays.state_of(hub, state.plan_id)
        _draw(bar, task, state)
    return state


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"))
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _draw(bar: Progress, task: TaskID, state: RunState) -> None:
    bar.update(task, completed=state.done + state.failed + state.changed, description=_in_words(state))


# --- output ------------------------------------------------------------------------------------------------------


def _both(*parts: Callable[[], None]) -> Callable[[], None]:
    def people() -> None:
        for part in parts:
            part()

    return people


def _flat(found: Plan) -> dict[str, Any]:
    tree: dict[str, Any] = plain(found)
    for item, shown in zip(found.items, tree["items"], strict=True):
        shown["skip_vi"], shown["skip_en"] = plans.explain(item.skip) if item.skip else ("", "")
    return {**tree, "goes": found.counts.goes}


def _flat_run(state: RunState) -> dict[str, Any]:
    tree: dict[str, Any] = plain(state)
    return {**tree, "id": state.plan_id}


def _print_plan(found: Plan) -> None:
    columns: Mapping[str, Callable[[Item], object]] = {
        "number": lambda item: item.number,
        "delivery": lambda item: short(item.delivery_id),
        "endpoint": lambda item: item.endpoint,
        "subject": lambda item: item.subject,
        "event": lambda item: item.event,
        "state": lambda item: state_name(item.state),
        "skip": lambda item: choose(*plans.explain(item.skip, short)) if item.skip else "",
        "step": lambda item: item.step or "",
        "result": _result,
    }
    table(text("t_plan", id=short(found.id)), columns, found.items)
    counts = found.counts
    frame.line(text("plan_head", verb=found.verb, goes=counts.goes, skipped=sum(counts.skipped.values()), why=found.why))
    if counts.follows:
        frame.line(text("plan_follows", follows=counts.follows))
    for reason, number in sorted(counts.skipped.items()):
        frame.line(f"  {number}: {choose(*plans.reason(reason))}")
    if counts.more:
        frame.line(text("plan_more"))
    if found.run is not None:
        _print_run(found.run)
    elif found.run_at is None and counts.goes:
        takes = found.estimate
        frame.line(text("plan_takes", seconds=f"{takes.seconds:.0f}", assumed=choose(takes.vi, takes.en)))
        frame.line(text("plan_next", id=short(found.id)))


def _result(item: Item) -> str:
    kind, _, state = item.result.partition(":")
    if kind == "done" and item.outcome:
        follower = item.outcome.startswith("follower_")
        became = state_name(item.outcome.removeprefix("follower_"))
        return text("r_follower", state=became) if follower else became
    return text(f"r_{kind}", state=state_name(state)) if kind else ""


def _print_run(state: RunState) -> None:
    frame.line(_in_words(state))
    if state.stop_en:
        frame.line(text("plan_stopped", why=choose(state.stop_vi, state.stop_en), id=short(state.plan_id)))


def _in_words(state: RunState) -> str:
    counts = {name: getattr(state, name) for name in ("goes", "done", "going", "failed", "changed", "left", "step", "step_size")}
    held = f" ({text(f'held_{state.held_up}')})" if state.held_up else ""
    return text("plan_stands", state=STATES[state.state][english()], **counts) + held


def _print_samples(samples: tuple[Sample, ...]) -> None:
    for each in samples:
        frame.line(text("sample_head", id=short(each.delivery_id), service=each.service, endpoint=each.endpoint))
        if each.problem_en:
            frame.line(text("sample_problem", why=choose(each.problem_vi, each.problem_en)))
        elif each.same:
            frame.line(text("sample_same"))
        for line in each.diff:
            frame.line(f"  {line.kind} {line.text}")
        if not each.diff:
            frame.line(each.now)


def _print_plans(listed: tuple[Plan, ...]) -> None:
    columns: Mapping[str, Callable[[Plan], object]] = {
        "id": lambda each: short(each.id),
        "verb": lambda each: each.verb,
        "created": lambda each: moment(each.created_at),
        "run": lambda each: moment(each.run_at),
        "goes": lambda each: each.counts.goes,
        "state": lambda each: choose(*STATES[each.run.state]) if each.run else "",
        "actor": lambda each: each.actor,
        "why": lambda each: each.why,
        "chosen_by": lambda each: each.chosen_by,
    }
    table(text("t_plans"), columns, listed)


#: verb -> function, Vietnamese, English, examples.
_VERBS: dict[str, tuple[Any, ...]] = {
    "plan": (
        plan,
        "Chọn các lượt đang dừng (theo nhóm lỗi, điểm kết nối, cơ quan, thủ tục, hồ sơ, mã lỗi, thời gian, mã lượt), lập kế "
        "hoạch; chưa gửi gì.",
        "Choose parked deliveries by group, endpoint, agency, procedure, dossier, codes, time, id, and freeze a plan; nothing is "
        "sent yet.",
        'replay plan --group 3fa9c1d2ab --verb rebuild --why "đã bổ sung mã lĩnh vực"',
        'replay plan --code 000.00.01.H55-260302-0001 --verb release --why "cổng đã sửa lỗi"',
    ),
    "run": (
        run,
        "Thực hiện một kế hoạch, một lần duy nhất, từng bước 1, 5, 25, … lượt; tự dừng khi lỗi trở lại; lượt nào đã thay đổi từ "
        "khi lập kế hoạch thì để yên.",
        "Run a plan, once, in steps of 1, 5, 25, …; it stops by itself when failures return; a delivery that changed since the "
        "plan was made is left alone.",
        "replay run 5c1e7a90",
        "replay run 5c1e7a90 --step 3 --step 30 --per-minute 120 --no-wait",
    ),
    "pause": (
        pause,
        "Tạm dừng một kế hoạch đang chạy; lượt đang đi thì đi nốt.",
        "Pause a plan that runs; what is under way is finished.",
        'replay pause 5c1e7a90 --why "đối tác yêu cầu chờ"',
    ),
    "resume": (
        resume,
        "Tiếp tục một kế hoạch đã tạm dừng hoặc đã tự dừng; nếu đã tự dừng thì bắt đầu lại từ bước nhỏ nhất.",
        "Go on with a plan that was paused, or stopped by itself: then with the smallest step again.",
        'replay resume 5c1e7a90 --why "đã bổ sung mã còn thiếu"',
    ),
    "cancel": (
        cancel,
        "Hủy phần còn lại của một kế hoạch; lượt đã cho đi thì đi tiếp.",
        "Leave the rest of a plan as it is, for good; what was carried out goes its way.",
        'replay cancel 5c1e7a90 --why "sẽ lập kế hoạch khác"',
    ),
    "show": (
        show,
        "Xem một kế hoạch, tiến độ và kết quả từng lượt; không nêu mã thì liệt kê các kế hoạch.",
        "Show a plan, how far it is and each item's result; without an id, list the plans.",
        "replay show 5c1e7a90",
        "replay show 5c1e7a90 --bytes",
    ),
}
