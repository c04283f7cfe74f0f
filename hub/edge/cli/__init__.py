"""The command line ``lienthong``: one small room for each group of verbs; a room adds its verbs to ``app``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.edge.cli import (
    acting,
    alerts,
    asking,
    benching,
    bordering,
    broker,
    campaigns,
    catalogue,
    checking,
    codes,
    editing,
    expiring,
    finding,
    grouping,
    links,
    looking,
    mapping,
    partners,
    people,
    proving,
    pulling,
    reconciling,
    replaying,
    retaining,
    running,
    sealing,
    setup,
    showing,
    simulating,
    standing,
    statistics,
    trusting,
    trying,
)
from hub.edge.cli.frame import CONFIG_VARIABLE, DEFAULT_FOLDER, Verbs

app = typer.Typer(
    name="lienthong",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Config = Annotated[
    Path,
    typer.Option("--config", envvar=CONFIG_VARIABLE, help="Thư mục cấu hình (the configuration folder)."),
]


@app.callback()
def lienthong(ctx: typer.Context, config: Config = DEFAULT_FOLDER) -> None:
    """Liên Thông: trục liên thông văn bản, hồ sơ có ký số giữa một cửa, bộ ngành và các cổng.

    A message-driven hub for signed government messages.

    Ví dụ (Example):

        lienthong --config /etc/lienthong check
    """
    ctx.obj = config


ROOMS = (
    setup,
    checking,
    expiring,
    running,
    simulating,
    benching,
    bordering,
    looking,
    finding,
    standing,
    grouping,
    alerts,
    acting,
    replaying,
    reconciling,
    editing,
    mapping,
    codes,
    campaigns,
    trying,
    retaining,
    sealing,
    proving,
    catalogue,
    broker,
    showing,
    trusting,
    people,
    partners,
    links,
    statistics,
    pulling,
    asking,
)
for room in ROOMS:
    room.add_to(app)


def main() -> None:
    """Run the command line."""
    app()
