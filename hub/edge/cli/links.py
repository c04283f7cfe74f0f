"""Verbs on the addresses at which partners fetch files: link show, link end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import text
from hub.edge.plain import short
from hub.operations import links
from hub.registers.links import Link, LinkPage

link = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Địa chỉ để đối tác tải tệp của hồ sơ: đã tải chưa, còn hiệu lực đến khi nào, chấm dứt.",
        "Addresses at which partners fetch files of dossiers: fetched or not, good until when, end one.",
        "link show --endpoint dvcqg --not-fetched",
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(link, name="link")


@link.command(
    "show",
    help=described(
        "Xem các địa chỉ tệp đã cấp: của một hồ sơ, hoặc cho một đối tác; không hiện chính địa chỉ đó.",
        "Show the addresses that were given: of a dossier, or to a partner; never the address itself.",
        "link show --dossier H55.23-260302-0012",
        "link show --endpoint dvcqg --not-fetched",
    ),
)
def show(
    ctx: typer.Context,
    dossier: Annotated[str, typer.Option("--dossier", help="Mã hồ sơ, thông điệp hoặc lượt chuyển (what names a dossier).")] = "",
    endpoint: Annotated[str, typer.Option(help="Chỉ điểm kết nối này (only this endpoint).")] = "",
    not_fetched: Annotated[bool, typer.Option("--not-fetched", help="Chỉ tệp chưa được tải (not fetched only).")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Số dòng nhiều nhất (at most so many).")] = 50,
    after: Annotated[str, typer.Option(help="Trang sau (where the last page ended).")] = "",
    as_json: Json = False,
) -> None:
    """Show addresses of files."""
    with frame.opened_hub(ctx) as hub:
        found = links.show(hub, subject=dossier, endpoint=endpoint, not_fetched=not_fetched, after=after, limit=limit)
    frame.show(found, as_json=as_json, people=lambda: _print(found))


@link.command(
    "end",
    help=described(
        "Chấm dứt một địa chỉ tệp ngay: không ai tải được nữa; lượt chuyển chưa gửi phải dựng lại (rebuild).",
        "End an address now: nobody fetches there any more; a delivery that is not sent yet must be rebuilt.",
        'link end 3f9a1c20 --why "đính nhầm tệp"',
    ),
)
def end(
    ctx: typer.Context,
    given: Annotated[str, typer.Argument(metavar="ID", help="Mã địa chỉ, đủ hoặc phần đầu (address, or its beginning).")],
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """End an address."""
    with frame.opened_hub(ctx) as hub:
        done = links.end(hub, given, actor=actor or who(), why=why)
    frame.show(done, as_json=as_json, people=lambda: _print(LinkPage(links=(done,), next="")))


def _print(found: LinkPage) -> None:
    columns: Mapping[str, Callable[[Link], object]] = {
        "id": lambda each: short(each.id),
        "endpoint": lambda each: each.endpoint,
        "subject": lambda each: each.subject,
        "item": lambda each: each.item,
        "state": lambda each: text(f"link_{each.state}"),
        "fetched": lambda each: f"{each.whole}/{each.fetches}" if each.fetches else text("link_never"),
        "last_fetched": lambda each: moment(each.last_fetched_at),
        "link_until": lambda each: moment(each.expires_at),
        "actor": lambda each: each.ended_by,
        "why": lambda each: each.why,
    }
    table(text("t_links"), columns, found.links)
    if found.next:
        frame.line(text("list_more", after=found.next))
