"""Verbs of alerts: show what is wrong and who was told, mute one for a while, try whether recipients can be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from hub.edge.acts import on_alerts
from hub.edge.acts.on_alerts import Showing
from hub.edge.cli import frame
from hub.edge.cli.frame import FAILED, Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import choose, text
from hub.edge.plain import short
from hub.edge.telling import telling
from hub.operations import alerts as operations
from hub.operations.alerts import MOST_HOURS, Tested
from hub.registers import alerts as register
from hub.registers.alerts import KINDS, SEVERITIES, STATES, Alert, Alerts, RecipientRow

group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Cảnh báo: điều gì đang sai, ai đã được báo; tạm tắt; gửi thử.",
        "Alerts: what is wrong, who was told; mute one; send a test.",
        "alert show",
    ),
)
Identifier = Annotated[str, typer.Argument(metavar="ID", help="Mã cảnh báo, đủ hoặc phần đầu (alert, or its beginning).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(group, name="alert")
    group.command(
        "show",
        help=described(
            "Liệt kê cảnh báo đang có, nặng nhất trước, và các nơi nhận; nêu mã để xem một cảnh báo và ai đã được báo.",
            "List alerts that are open, the worst first, and recipients; name one to see who was told.",
            "alert show",
            "alert show --over --json",
        ),
    )(show)
    group.command(
        "mute",
        help=described(
            "Không báo ai về một cảnh báo trong một số giờ, kể cả khi nó hết rồi có lại; 0 giờ = báo lại ngay.",
            "Tell nobody about an alert for some hours, also where it ends and comes back; 0 hours = no longer.",
            'alert mute 3f2a9c11 --hours 4 --why "đối tác bảo trì"',
        ),
    )(mute)
    group.command(
        "test",
        help=described(
            "Gửi một tin thử tới từng nơi nhận và cho biết kết quả. Có nơi không nhận được thì kết thúc với mã 1.",
            "Send a test message to each recipient and say what became of it. Ends with 1 where one was not taken.",
            'alert test --why "kiểm tra sau khi đổi mật khẩu thư"',
        ),
    )(test)


def show(
    ctx: typer.Context,
    alert: Annotated[str, typer.Argument(metavar="[ID]", help="Mã cảnh báo (alert, or its beginning).")] = "",
    over: Annotated[bool, typer.Option("--over", help="Các cảnh báo đã hết (those that are over).")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Số lượng tối đa (so many at most).")] = 100,
    as_json: Json = False,
) -> None:
    """Show alerts."""
    with frame.opened_hub(ctx) as hub:
        found = on_alerts.show(hub, None, Showing(alert=alert, over=over, limit=limit))
    frame.show(found, as_json=as_json, people=lambda: _print_one(found.alerts[0]) if alert else _print(found, over))


def mute(
    ctx: typer.Context,
    alert: Identifier,
    hours: Annotated[
        float, typer.Option(min=0, max=MOST_HOURS, help="Số giờ, 0 = báo lại ngay (hours, 0 = no longer).")
    ] = 8.0,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Mute an alert."""
    with frame.opened_hub(ctx) as hub:
        with hub.ledger.read() as conn:
            wanted = register.find(conn, alert, hub.now()).id
        found = operations.mute(hub, wanted, hours=hours, actor=actor or who(), why=why)

    def people() -> None:
        until = moment(found.muted.until_at) if found.muted is not None else ""
        frame.line(text("alert_muted" if until else "alert_unmuted", id=short(found.id), until=until))

    frame.show(found, as_json=as_json, people=people)


def test(
    ctx: typer.Context,
    recipient: Annotated[str, typer.Argument(metavar="[NAME]", help="Nơi nhận (recipient).")] = "",
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Send a test message."""
    with frame.opened_hub(ctx) as hub, telling(hub) as tell:
        found = operations.send_test(hub, tell, recipient, actor=actor or who(), why=why)
    frame.show({"tested": found}, as_json=as_json, people=lambda: _print_tested(found))
    if not all(each.sent for each in found):
        raise typer.Exit(FAILED)


# --- for people --------------------------------------------------------------------------------------------------


def _print(found: Alerts, over: bool) -> None:
    columns: Mapping[str, Callable[[Alert], object]] = {
        "id": lambda each: short(each.id),
        "level": lambda each: choose(*SEVERITIES[each.severity]),
        "kind": lambda each: choose(*KINDS.get(each.kind, (each.kind, each.kind))),
        "state": _state,
        "since": lambda each: moment(each.since_at),
        "ends_at": lambda each: moment(each.closed_at),
        "wrong": lambda each: choose(each.vi, each.en),
        "alert_told": lambda each: " ".join(row.recipient for row in each.told if row.level),
    }
    table(text("t_alerts_over" if over else "t_alerts"), columns, found.alerts)
    if not over:
        _print_recipients(found.recipients)
        if found.silent:
            frame.line(text("alerts_unwatched"))


def _state(each: Alert) -> str:
    name = choose(*STATES[each.state])
    return f"{name}, {text('muted_until', until=moment(each.muted.until_at))}" if each.muted is not None else name


def _print_recipients(found: tuple[RecipientRow, ...]) -> None:
    columns: Mapping[str, Callable[[RecipientRow], object]] = {
        "recipient": lambda each: each.name,
        "alert_how": lambda each: each.how,
        "level": lambda each: choose(*SEVERITIES[each.severity]),
        "quiet_hours": lambda each: ", ".join(each.quiet),
        "last_told": lambda each: moment(each.told_at),
        "failing_since": lambda each: moment(each.failing_since_at),
        "error": lambda each: choose(each.error_vi, each.error_en),
    }
    table(text("t_recipients"), columns, found)


def _print_one(found: Alert) -> None:
    frame.line(choose(found.vi, found.en))
    told = {
        "id": found.id,
        "level": choose(*SEVERITIES[found.severity]),
        "state": _state(found),
        "alert_rule": found.rule,
        "since": moment(found.since_at),
        "opened": moment(found.opened_at),
        "ends_at": moment(found.closed_at),
        "why": found.muted.why if found.muted is not None else "",
    }
    for name, value in told.items():
        if value:
            frame.line(f"  {text(name)}: {value}")
    for row in found.told:
        when = moment(row.told_at) or text("alert_waits")
        frame.line(f"  {row.recipient}: {when}{', ' + choose(*STATES['over']) if row.over else ''}")


def _print_tested(found: tuple[Tested, ...]) -> None:
    columns: Mapping[str, Callable[[Tested], object]] = {
        "recipient": lambda each: each.recipient,
        "alert_how": lambda each: each.how,
        "result": lambda each: text("result_ok" if each.sent else "result_failed"),
        "error": lambda each: choose(each.error_vi, each.error_en),
    }
    table(text("t_alert_test"), columns, found)
