"""Verbs of an operator on one delivery or one endpoint; each is a skin over ``hub.operations``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hub import operations
from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, who
from hub.edge.cli.texts import state_name, text
from hub.edge.plain import short
from hub.errors import NotAllowed
from hub.operations import Done
from hub.registers import names
from hub.registers.records import DeliveryDetail

Delivery = Annotated[str, typer.Argument(metavar="ID", help="Mã lượt chuyển, đủ hoặc phần đầu (delivery, or its beginning).")]
Name = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Điểm kết nối (endpoint).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    for verb, (function, vi, en, example) in _VERBS.items():
        app.command(verb, help=described(vi, en, example))(function)


def release(ctx: typer.Context, delivery: Delivery, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Send a parked delivery again, the same bytes."""
    _act(ctx, delivery, as_json, lambda hub, found: operations.release(hub, found, actor=actor or who(), why=why))


def rebuild(ctx: typer.Context, delivery: Delivery, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Send a parked delivery again, translated anew."""
    _act(ctx, delivery, as_json, lambda hub, found: operations.rebuild(hub, found, actor=actor or who(), why=why))


def abandon(
    ctx: typer.Context,
    delivery: Delivery,
    followers: Annotated[
        bool, typer.Option("--followers", help="Cùng mọi lượt đang chờ phía sau (with all that wait behind it).")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Với --followers: không hỏi lại (with --followers: do not ask).")] = False,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Give a delivery up for good, alone or with what waits behind it."""

    def verb(hub: Hub, found: str) -> Done:
        seen = operations.followers(hub, found) if followers else ()
        if not followers:
            return operations.abandon(hub, found, actor=actor or who(), why=why)
        if not (yes and as_json):
            _show_followers(found, seen)
        if not yes:
            typer.confirm(text("sure"), abort=True, err=True)
        return operations.abandon_all(hub, found, seen, actor=actor or who(), why=why)

    _act(ctx, delivery, as_json, verb)


def _show_followers(head: str, seen: Sequence[DeliveryDetail]) -> None:
    """Show, beside the result, what will be given up."""
    listed = " ".join(short(each.id) for each in seen)
    typer.echo(text("will_abandon", id=short(head), followers=len(seen), ids=listed).rstrip(), err=True)


def ask(ctx: typer.Context, delivery: Delivery, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Ask the partner what became of a delivery in doubt."""
    _act(ctx, delivery, as_json, lambda hub, found: operations.ask(hub, found, actor=actor or who(), why=why))


def settle(
    ctx: typer.Context,
    delivery: Delivery,
    arrived: Annotated[
        bool | None,
        typer.Option("--arrived/--not-arrived", help="Đối tác đã nhận, hoặc chưa nhận (it arrived, or it did not)."),
    ] = None,
    acknowledged: Annotated[
        bool | None,
        typer.Option(
            "--acknowledged/--refused",
            help="Đối tác đã nhận, trục chờ xác nhận: đã xác nhận, hoặc từ chối (delivered: acknowledged, or refused after all).",
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, readable=True, help="Tệp bằng chứng: trả lời, thư, ảnh màn hình (what proves it)."
        ),
    ] = None,
    held: Annotated[
        list[str] | None,
        typer.Option("--held", help="Đối tác đang giữ, dạng khóa=giá_trị, nhiều lần được (what the partner holds, key=value)."),
    ] = None,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """State what a person found out about a delivery."""
    if (arrived is None) == (acknowledged is None):
        raise NotAllowed(
            "say one of --arrived, --not-arrived, --acknowledged, --refused",
            "hãy nêu một trong: --arrived (đã đến), --not-arrived (chưa đến), --acknowledged (đã xác nhận), --refused (từ chối)",
            where="settle",
        )
    body = evidence.read_bytes() if evidence else b""
    told = frame.pairs(held or ())
    if told and arrived is None:
        raise NotAllowed("--held goes with --arrived", "--held chỉ dùng cùng --arrived", where="held")
    by = actor or who()

    def verb(hub: Hub, found: str) -> Done:
        if arrived is not None:
            return operations.settle(hub, found, arrived=arrived, evidence=body, held=told, actor=by, why=why)
        return operations.settle_answer(hub, found, acknowledged=bool(acknowledged), evidence=body, actor=by, why=why)

    _act(ctx, delivery, as_json, verb)


def pause(ctx: typer.Context, endpoint: Name, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Send nothing more to an endpoint."""
    with frame.opened_hub(ctx) as hub:
        operations.pause(hub, endpoint, actor=actor or who(), why=why)
    _say_switched("paused", endpoint, as_json)


def resume(ctx: typer.Context, endpoint: Name, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Send to an endpoint again."""
    with frame.opened_hub(ctx) as hub:
        operations.resume(hub, endpoint, actor=actor or who(), why=why)
    _say_switched("resumed", endpoint, as_json)


def _say_switched(key: str, endpoint: str, as_json: bool) -> None:
    tree = {"endpoint": endpoint, "paused": key == "paused"}
    frame.show(tree, as_json=as_json, people=lambda: frame.line(text(key, endpoint=endpoint)))


def _act(ctx: typer.Context, given: str, as_json: bool, verb: Callable[[Hub, str], Done]) -> None:
    with frame.opened_hub(ctx) as hub:
        with hub.ledger.read() as conn:
            found = names.delivery_id(conn, given)
        done = verb(hub, found)
    frame.show(_flat(done), as_json=as_json, people=lambda: _print_done(done))


def _flat(done: Done) -> dict[str, Any]:
    delivery = done.delivery
    return {
        "verb": done.verb,
        "id": delivery.id,
        "endpoint": delivery.endpoint,
        "subject": delivery.subject,
        "state": delivery.state,
        "followers": done.followers,
        "next_id": done.next_id,
        "next_state": done.next_state,
        "learned": done.learned or {},
        "abandoned": done.abandoned,
        "unacknowledged": delivery.unacknowledged,
    }


def _print_done(done: Done) -> None:
    frame.line(text("done_now", verb=done.verb, id=short(done.delivery.id), state=state_name(done.delivery.state)))
    if done.abandoned:
        frame.line(text("done_abandoned", followers=len(done.abandoned) - 1))
    if done.learned:
        frame.line(text("done_learned", held=", ".join(f"{key}={value}" for key, value in done.learned.items())))
    if done.next_id:
        behind = done.followers - 1
        frame.line(text("done_next", id=short(done.next_id), state=state_name(done.next_state), behind=behind))
    elif done.delivery.unacknowledged:
        frame.line(text("done_unacknowledged", followers=done.followers))
    elif done.followers:
        frame.line(text("done_behind", followers=done.followers))


#: verb -> function, Vietnamese, English, example.
_VERBS: dict[str, tuple[Callable[..., None], str, str, str]] = {
    "release": (
        release,
        "Gửi lại một lượt đang dừng, nguyên nội dung cũ; chỉ lượt chắc chắn chưa đến đối tác.",
        "Send a parked delivery again, the same bytes; only what surely did not arrive.",
        'release 7d0f5b1e --why "đối tác đã mở lại dịch vụ"',
    ),
    "rebuild": (
        rebuild,
        "Gửi lại một lượt đang dừng, chuyển đổi lại theo danh mục và cấu hình hiện nay.",
        "Send a parked delivery again, translated anew with the code lists and settings of now.",
        'rebuild 7d0f5b1e --why "đã bổ sung mã thủ tục 1.004567"',
    ),
    "settle": (
        settle,
        "Xác nhận kết quả một lượt, kèm bằng chứng. Đã đến (lượt chưa rõ, đang dừng, chờ gửi): các lượt sau đi tiếp, --held cho "
        "biết đối tác đang giữ gì (nếu không nêu thì đọc từ tệp bằng chứng khi đó là trả lời của đối tác). Chưa đến (lượt chưa "
        "rõ): gửi lại nguyên nội dung. Lượt đã chuyển mà đối tác không gửi xác nhận: --acknowledged hoặc --refused, các lượt sau "
        "đi tiếp.",
        "State the outcome of a delivery, with evidence. Arrived (in doubt, parked, or waiting to be sent): its followers go on, "
        "--held says what the partner holds (else read from the evidence, where that is the partner's reply). Not arrived (in "
        "doubt): the same bytes go again. Delivered, and the partner's acknowledgement never came: --acknowledged or --refused; "
        "its followers go on.",
        'settle 7d0f5b1e --arrived --evidence tra-loi.json --why "đối tác xác nhận qua điện thoại lúc 9:30"',
    ),
    "abandon": (
        abandon,
        "Từ bỏ hẳn một lượt đang dừng: bên gửi được báo, các lượt sau trong chuỗi được gửi tiếp mà không có lượt này; với "
        "--followers thì các lượt đó cũng bị từ bỏ.",
        "Give a parked delivery up for good: its sender is told, its followers go on without it; with --followers they are given "
        "up, too.",
        'abandon 7d0f5b1e --why "cổng từ chối vĩnh viễn; đơn vị nộp lại hồ sơ khác"',
    ),
    "ask": (
        ask,
        "Hỏi ngay đối tác về một lượt chưa rõ kết quả, nếu dịch vụ đó tra cứu được.",
        "Ask the partner now what became of a delivery in doubt, where its service can be asked.",
        'ask 7d0f5b1e --why "hồ sơ gấp"',
    ),
    "pause": (
        pause,
        "Tạm dừng gửi tới một điểm kết nối; vẫn nhận thông điệp.",
        "Send nothing more to an endpoint; messages are still received.",
        'pause dvcqg --why "cổng bảo trì đến 22:00"',
    ),
    "resume": (
        resume,
        "Gửi tiếp tới một điểm kết nối.",
        "Send to an endpoint again.",
        'resume dvcqg --why "cổng đã hoạt động lại"',
    ),
}
