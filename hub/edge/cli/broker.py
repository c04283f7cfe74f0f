"""Verb ``bus permissions``: what must be granted at RabbitMQ, as commands for who administers it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

import typer

from hub.bootstrap import bus_options
from hub.bus.address import BusOptions
from hub.bus.permissions import EXAMPLE, member_commands, member_rights, node_commands, node_rights
from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described
from hub.settings import Settings

PASSWORD = "env:BUS_PASSWORD"  # noqa: S105


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    group = typer.Typer(help="Bus giữa các tiến trình (the bus between processes).", no_args_is_help=True)
    group.command(
        "permissions",
        help=described(
            "In các lệnh rabbitmqctl tạo vhost, tài khoản và cấp đúng những quyền mà một nút của hub và mỗi thành viên bus cần. "
            "Không chạy lệnh nào.",
            "Print the rabbitmqctl commands that make vhost and users and grant what a node of the hub and each bus member "
            "needs. Runs nothing.",
            "bus permissions",
            "bus permissions --user lienthong-2",
        ),
    )(permissions)
    app.add_typer(group, name="bus")


def permissions(
    ctx: typer.Context,
    user: Annotated[str, typer.Option(help="Tài khoản khác cho một nút khác (another node's own user).")] = "",
    as_json: Json = False,
) -> None:
    """Print what to grant."""
    settings = frame.settings(ctx)
    section = settings.file.bus
    embedded = section.url.startswith("memory://")
    options = BusOptions(url=EXAMPLE, password=PASSWORD, prefix=section.prefix) if embedded else bus_options(settings)
    rights = node_rights(replace(options, password=PASSWORD), user)
    commands = list(node_commands(rights, section.password or PASSWORD, settings.folder))
    members = [] if embedded else list(_members(settings, options))
    tree = {"vhost": rights.vhost, "user": rights.user, "commands": commands, "members": members}
    lines = [*commands, *(line for each in members for line in (f"# {each['endpoint']}", *each["commands"]))]
    frame.show(tree, as_json=as_json, people=lambda: frame.line("\n".join(lines)))


def _members(settings: Settings, options: BusOptions) -> Iterator[dict[str, Any]]:
    for name, endpoint in settings.endpoints.items():
        if endpoint.member is not None:
            rights = member_rights(options, name, endpoint.member.user)
            yield {"endpoint": name, "user": rights.user, "commands": list(member_commands(rights))}
