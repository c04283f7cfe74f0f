"""Verb ``bus permissions``: what must be granted at RabbitMQ, as commands for who administers it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from hub.bootstrap import bus_options
from hub.bus.address import BusOptions
from hub.bus.permissions import EXAMPLE, node_rights
from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described

PASSWORD = "env:BUS_PASSWORD"  # noqa: S105


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    group = typer.Typer(help="Bus giữa các tiến trình (the bus between processes).", no_args_is_help=True)
    group.command(
        "permissions",
        help=described(
            "In các lệnh rabbitmqctl tạo vhost, tài khoản và cấp đúng những quyền mà một nút của hub cần. Không chạy lệnh nào.",
            "Print the rabbitmqctl commands that make vhost and user and grant what a node of the hub needs. Runs nothing.",
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
    commands = list(rights.commands(section.password or PASSWORD))
    tree = {"vhost": rights.vhost, "user": rights.user, "commands": commands}
    frame.show(tree, as_json=as_json, people=lambda: frame.line("\n".join(commands)))
