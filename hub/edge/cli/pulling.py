"""Verbs on the lists that partners keep for us: pull show, pull now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import text
from hub.ledger.word_verbs import OWED
from hub.operations import pulls
from hub.registers.owed import FollowedDelivery, OwedWord, Owing, WordsShown
from hub.registers.pulls import NotTaken, PulledList, PullsShown

pull = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Danh sách mà đối tác giữ cho ta: đã lấy đến đâu, mục nào chưa nhận được, lấy ngay.",
        "Lists that partners keep for us: how far each was pulled, what was not taken, pull one now.",
        "pull show",
    ),
)
_Name = Annotated[str, typer.Argument(metavar="[PARTNER]", help="Điểm kết nối (endpoint).")]
_List = Annotated[str, typer.Argument(metavar="[LIST]", help="Danh sách, theo tên của đối tác (the partner's name of it).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(pull, name="pull")


@pull.command(
    "show",
    help=described(
        "Xem các danh sách: vị trí, lần lấy gần nhất và kế tiếp, số mục đã nhận, bị từ chối, đang chờ tệp; nêu danh sách để "
        "xem từng mục chưa nhận. owed: mục chưa báo lại được cho đối tác; followed: lượt chuyển đang hỏi kết quả.",
        "Show the lists: place, last and next time, items taken, refused, waiting for files; name a list for its items that "
        "were not taken. owed: our words that the partner waits for; followed: deliveries that it is asked about.",
        "pull show",
        "pull show dvcqg DanhSachHoSo",
        "pull show asw owed",
    ),
)
def show(ctx: typer.Context, partner: _Name = "", name: _List = "", as_json: Json = False) -> None:
    """Show lists that are pulled."""
    with frame.opened_hub(ctx) as hub:
        found = pulls.show(hub, partner, name)
    frame.show(found, as_json=as_json, people=lambda: _print(found))


@pull.command(
    "now",
    help=described(
        "Lấy ngay một danh sách, hoặc mọi danh sách của đối tác: tiến trình đang chạy (serve, vai trò poll) lấy trong vài giây. "
        "owed: báo lại ngay; followed: hỏi kết quả ngay, kể cả lượt đã thôi hỏi.",
        "Pull a list now, or all of a partner's: the running process (serve, role poll) does it within seconds. owed: say our "
        "words now; followed: ask now, also what was given up.",
        'pull now dvcqg DanhSachHoSo --why "Cổng báo có hồ sơ mới"',
        'pull now asw followed --why "Đối tác đã trở lại"',
    ),
)
def now(
    ctx: typer.Context,
    partner: Annotated[str, typer.Argument(metavar="PARTNER", help="Điểm kết nối (endpoint).")],
    name: _List = "",
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Have lists pulled at once."""
    with frame.opened_hub(ctx) as hub:
        found = pulls.now(hub, partner, name, actor=actor or who(), why=why)
    frame.show(found, as_json=as_json, people=lambda: _print(found))


def _print(found: PullsShown) -> None:
    columns: Mapping[str, Callable[[PulledList], object]] = {
        "endpoint": lambda each: each.endpoint,
        "pull_list": lambda each: each.name,
        "pull_cursor": lambda each: each.cursor,
        "pull_last": lambda each: moment(each.pulled_at) or text("pull_never"),
        "pull_next": lambda each: text("pull_running") if each.running else moment(each.next_at) or text("pull_at_once"),
        "pull_taken": lambda each: each.taken_day,
        "pull_turned_away": lambda each: each.turned_away or "",
        "pull_waiting": lambda each: each.waiting or "",
        "pull_failures": lambda each: f"{each.failures}: {each.error}" if each.failures else "",
    }
    if found.shown is None:
        table(text("t_pulls"), columns, found.lists)
    if found.words:
        _print_words(found)
    if found.shown is not None:
        (_print_owed if found.shown.which == OWED else _print_followed)(found.shown)
    if found.not_taken:
        _print_items(found)


def _print_words(found: PullsShown) -> None:
    columns: Mapping[str, Callable[[Owing], object]] = {
        "endpoint": lambda each: each.endpoint,
        "words_owed": lambda each: each.owed or "",
        "words_since": lambda each: moment(each.owed_since),
        "error": lambda each: each.owed_error,
        "words_followed": lambda each: each.followed or "",
        "words_given_up": lambda each: each.given_up or "",
        "words_failed_here": lambda each: each.failed_here or "",
    }
    table(text("t_words"), columns, found.words)


def _print_owed(shown: WordsShown) -> None:
    columns: Mapping[str, Callable[[OwedWord], object]] = {
        "words_number": lambda each: each.number,
        "words_kind": lambda each: text(f"word_{each.kind}"),
        "message": lambda each: each.message,
        "words_since": lambda each: moment(each.since),
        "attempts": lambda each: each.tries,
        "error": lambda each: each.error,
        "pull_next": lambda each: moment(each.next_at),
    }
    table(text("t_owed"), columns, shown.owed)
    if shown.more:
        frame.line(text("pull_more"))


def _print_followed(shown: WordsShown) -> None:
    columns: Mapping[str, Callable[[FollowedDelivery], object]] = {
        "delivery": lambda each: each.delivery,
        "subject": lambda each: each.subject,
        "words_number": lambda each: each.number,
        "words_state": lambda each: each.state or text("words_none"),
        "words_since": lambda each: moment(each.since),
        "attempts": lambda each: each.tries,
        "error": lambda each: each.error,
        "pull_next": lambda each: moment(each.next_at) if each.next_at is not None else text("words_no_more"),
    }
    table(text("t_followed"), columns, shown.followed)
    if shown.more:
        frame.line(text("pull_more"))


def _print_items(found: PullsShown) -> None:
    columns: Mapping[str, Callable[[NotTaken], object]] = {
        "pull_item": lambda each: each.identity,
        "state": lambda each: text(f"pull_item_{each.state}"),
        "attempts": lambda each: each.tries,
        "error": lambda each: each.error,
        "last": lambda each: moment(each.at),
    }
    table(text("t_not_taken"), columns, found.not_taken)
    if found.more:
        frame.line(text("pull_more"))
