"""Verbs ``procedures diff`` and ``procedures publish``: skins over ``hub.reconcile.catalogue``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, short, table, who
from hub.edge.cli.texts import text
from hub.errors import NotAllowed
from hub.reconcile import catalogue
from hub.reconcile.catalogue import Difference, Published

Holder = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Nơi giữ danh mục để so sánh (holder of procedures).")]

procedures = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Danh mục thủ tục hành chính: so sánh và công bố.",
        "The catalogue of procedures: compare and publish.",
        "procedures diff dvcqg",
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(procedures, name="procedures")
    procedures.command(
        "diff",
        help=described(
            "Lấy danh mục của một đối tác và so từng trường với danh mục của cơ quan chủ quản.",
            "Pull a partner's procedures and compare them field by field with the owners' catalogues.",
            "procedures diff dvcqg",
        ),
    )(diff)
    procedures.command(
        "publish",
        help=described(
            "Gửi những thủ tục khác nhau cho đối tác; nếu đối tác chỉ cho đọc thì liệt kê việc cán bộ phải làm.",
            "Give a partner the procedures that differ; where it can only be read, list what an officer must do.",
            'procedures publish dvcqg --why "đồng bộ danh mục quý I"',
        ),
    )(publish)


def diff(ctx: typer.Context, holder: Holder, as_json: Json = False) -> None:
    """Compare a partner's procedures with the owners'."""
    with frame.opened_hub(ctx) as hub:
        found = catalogue.compare(hub, holder)
    frame.show(found, as_json=as_json, people=lambda: _print_differences(found))


def publish(ctx: typer.Context, holder: Holder, why: Why = "", actor: Actor = "", as_json: Json = False) -> None:
    """Give a partner the procedures that differ."""
    if not why.strip():
        raise NotAllowed("publishing needs a reason", "công bố phải nêu lý do (--why)", where="why")
    with frame.opened_hub(ctx) as hub:
        published = catalogue.publish(hub, holder, actor=actor or who(), why=why)
    frame.show(published, as_json=as_json, people=lambda: _print_published(published))


def _print_differences(found: list[Difference] | tuple[Difference, ...]) -> None:
    columns: Mapping[str, Callable[[Difference], object]] = {
        "owner": lambda each: each.owner,
        "procedure": lambda each: each.code,
        "field": lambda each: each.field or text("whole_record"),
        "ours": lambda each: each.ours,
        "theirs": lambda each: each.theirs,
    }
    table(text("t_differences"), columns, found)


def _print_published(published: Published) -> None:
    columns: Mapping[str, Callable[[tuple[str, str]], object]] = {
        "procedure": lambda pair: pair[0],
        "message": lambda pair: short(pair[1]),
    }
    table(text("t_published"), columns, published.messages)
    if published.work_list:
        frame.line(text("work_list"))
        _print_differences(published.work_list)
