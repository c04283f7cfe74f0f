"""Verbs of seals: verify-ledger reads the whole ledger again; seals list and pin show and keep what it is compared with."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hub import bootstrap, pins
from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described, moment, table
from hub.edge.cli.texts import choose, text
from hub.edge.plain import plain
from hub.errors import NotAllowed
from hub.registers import integrity
from hub.registers import seals as register
from hub.registers.integrity import Size, Wrong
from hub.registers.sealed import CheckToken
from hub.registers.seals import Listed
from hub.rules import timestamps
from hub.settings import Settings

#: So many roots are kept at once.
_LINES_AT_ONCE = 1000

group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Niêm phong sổ cái: mỗi niêm phong có một mã gốc chứng minh mọi dòng nhật ký trước đó.",
        "Seals of the ledger: the root of each proves every row of the journal before it.",
        "seals list",
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.command(
        "verify-ledger",
        help=described(
            "Kiểm tra sổ cái còn nguyên vẹn: chuỗi nhật ký, niêm phong, dấu thời gian, nội dung theo mã băm, và mã gốc đã ghim "
            "ở nơi khác. Sai lệch thì kết thúc với mã 1.",
            "Check that the ledger is what was written: journal chains, seals, timestamps, bytes by digest, and roots that were "
            "pinned elsewhere. Ends with 1 where it is not.",
            "verify-ledger",
            "verify-ledger --roots /mnt/usb/roots.txt",
        ),
    )(verify_ledger)
    app.add_typer(group, name="seals")
    group.command(
        "list",
        help=described(
            "Liệt kê các niêm phong mới nhất, với mã gốc và dấu thời gian.",
            "List the newest seals, with root and timestamp.",
            "seals list --limit 5",
        ),
    )(list_seals)
    group.command(
        "pin",
        help=described(
            "Ghi thêm mã gốc của các niêm phong mới vào một tệp, để giữ ở nơi không ai sửa được sổ cái sửa được nó.",
            "Append the roots of new seals to a file, to be kept where nobody who can change the ledger can change it.",
            "seals pin --to /mnt/usb/roots.txt",
        ),
    )(pin)


# --- verify-ledger -----------------------------------------------------------------------------------------------


def verify_ledger(
    ctx: typer.Context,
    roots: Annotated[
        Path | None, typer.Option("--roots", dir_okay=False, help="Tệp mã gốc đã ghim ở nơi khác (roots pinned elsewhere).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Nêu tên tối đa bấy nhiêu sai lệch (name so many at most).")] = 1000,
    as_json: Json = False,
) -> None:
    """Check the ledger."""
    began = time.monotonic()
    settings = frame.settings(ctx)
    if roots is not None and not roots.is_file():
        raise NotAllowed(f"there is no file {roots}", f"không có tệp {roots}", where="--roots")
    with (
        frame.opened_ledger(ctx) as ledger,
        ledger.read() as conn,
        Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar,
    ):
        size = integrity.size(conn)
        task = bar.add_task(text("verifying"), total=size.rows)
        everything = integrity.wrong(
            conn,
            check_token=_checking(settings),
            pinned=pins.read(roots) if roots is not None else (),
            tick=_Steps(lambda count: bar.advance(task, count)),
        )
        found = list(islice(everything, limit))
        more = sum(1 for _ in everything)
    _tell(size, found, more, round(time.monotonic() - began, 1), as_json=as_json)
    if found:
        raise typer.Exit(frame.FAILED)


def _tell(size: Size, found: list[Wrong], more: int, seconds: float, *, as_json: bool) -> None:
    tree = {"whole": not found, **plain(size), "seconds": seconds, "wrong": found, "more": more}

    def people() -> None:
        if not found:
            frame.line(text("ledger_whole", **plain(size)))
            return
        columns: Mapping[str, Callable[[Wrong], object]] = {
            "id": lambda each: f"{each.kind} {each.name}",
            "wrong": lambda each: choose(each.vi, each.en),
        }
        table(text("t_wrong"), columns, found)
        if more:
            frame.line(text("more_wrong", more=more))

    frame.show(tree, as_json=as_json, people=people)


class _Steps:
    """Tells a progress bar of a thousand rows at once: it takes longer than a row."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance, self._count = advance, 0

    def __call__(self, count: int) -> None:
        self._count += count
        if self._count >= 1000:
            self._advance(self._count)
            self._count = 0


def _checking(settings: Settings) -> CheckToken:
    """Check timestamps with the roots that the settings name; without any, only that they are over what they should."""
    trusted = bootstrap.timestamp_roots(settings)
    if not trusted:
        return lambda token, digest: timestamps.claimed(token, digest).timestamp()
    return lambda token, digest: timestamps.check(token, digest, trusted).at.timestamp()


# --- seals -------------------------------------------------------------------------------------------------------


def list_seals(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="Số niêm phong mới nhất (how many of the newest).")] = 20,
    as_json: Json = False,
) -> None:
    """List the newest seals."""
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        found = register.listed(conn, limit=limit)
    frame.show({"seals": found}, as_json=as_json, people=lambda: _print(found))


def _print(found: Iterable[Listed]) -> None:
    columns: Mapping[str, Callable[[Listed], object]] = {
        "number": lambda each: each.number,
        "moment": lambda each: moment(each.at),
        "subjects": lambda each: each.leaves - 1,
        "root": lambda each: each.root,
        "timestamp": lambda each: moment(each.stamped_at),
    }
    table(text("t_seals"), columns, found)


def pin(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option("--to", dir_okay=False, help="Tệp để ghi thêm (file to append to).")],
    as_json: Json = False,
) -> None:
    """Append the roots of new seals to a file."""
    count = 0
    with frame.opened_ledger(ctx) as ledger, pins.appending(to) as file:
        while True:
            with ledger.read() as conn:
                following = list(islice(register.roots(conn, after=file.last()), _LINES_AT_ONCE))
            if not following:
                break
            count += file.append(following)
        last = file.last()
    tree = {"file": str(to.resolve()), "added": count, "last": last}
    frame.show(tree, as_json=as_json, people=lambda: frame.line(text("pinned", count=count, file=to, last=last)))
