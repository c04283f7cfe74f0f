"""Verb ``check``: says what is wrong with a configuration and how to mend it, and what in it is assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from hub import settings as settings_module
from hub.contract import Adapter
from hub.edge.cli import frame
from hub.edge.cli.checks import alerts, certificates, codes, endpoints, files, hub_file, parts, trust
from hub.edge.cli.checks.findings import ASSUMED, ERROR, OK, WARNING, Finding, fine
from hub.edge.cli.frame import FAILED, Json, described, printable, table
from hub.edge.cli.texts import choose, text
from hub.errors import HubError


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    app.command(
        "check",
        help=described(
            "Kiểm tra cấu hình: tệp, danh mục mã, khóa, hạn chứng thư số, cửa nhận, kết nối tới đối tác; liệt kê giả định. "
            "Có lỗi thì kết thúc với mã 1.",
            "Check the configuration: files, code lists, keys, expiry of certificates, doors, reachability; what is assumed. "
            "Ends with 1 where something must be mended.",
            "check --no-reach",
        ),
    )(check)


def check(
    ctx: typer.Context,
    reach: Annotated[bool, typer.Option("--reach/--no-reach", help="Thử kết nối tới đối tác (reach the partners).")] = True,
    as_json: Json = False,
) -> None:
    """Check a configuration."""
    found = list(look(frame.folder(ctx), reach=reach))
    counts = Counter(each.level for each in found)
    numbers = {level: counts[level] for level in (OK, ASSUMED, WARNING, ERROR)}
    tree = {"ok": not counts[ERROR], "counts": numbers, "findings": found}
    frame.show(tree, as_json=as_json, people=lambda: _print(found, counts[ERROR]))
    if counts[ERROR]:
        raise typer.Exit(FAILED)


def _print(found: list[Finding], errors: int) -> None:
    levels = {OK: text("ok"), ASSUMED: text("assumed"), WARNING: text("warning"), ERROR: text("fault_level")}
    columns: Mapping[str, Callable[[Finding], object]] = {
        "level": lambda each: levels[each.level],
        "where": lambda each: each.where,
        "wrong": lambda each: choose(each.vi, each.en),
    }
    table(text("t_check"), columns, found)
    frame.line(text("check_bad", errors=errors) if errors else text("check_ok"))


def look(folder: Path, *, reach: bool) -> Iterator[Finding]:
    """Look at everything in a configuration folder, as far as one thing does not need another that is broken."""
    adapters, broken = _adapters()
    yield from broken
    try:
        settings = settings_module.load(folder.resolve(), adapters)
    except HubError as error:
        yield from _unread(folder.resolve(), error)
        yield from codes.look(folder.resolve())
        return
    yield fine("hub.toml", f"{len(settings.endpoints)} điểm kết nối", f"{len(settings.endpoints)} endpoints")
    yield from hub_file.look(settings)
    yield from codes.look(settings.folder)
    yield from certificates.look(settings)
    yield from trust.look(settings)
    yield from alerts.look(settings, reach=reach)
    for endpoint in settings.endpoints.values():
        yield from endpoints.look(settings, endpoint, adapters[endpoint.adapter])
        yield from files.look(settings, endpoint, adapters[endpoint.adapter])
    yield from parts.look(settings, reach=reach)


def _unread(folder: Path, error: HubError) -> Iterator[Finding]:
    """Name each fault of the files by itself, at its place in the folder."""
    for fault in error.faults:
        where = (fault.path or str(folder)).removeprefix(f"{folder}/")
        yield Finding(level=ERROR, where=where, vi=fault.vi, en=fault.en)


def _adapters() -> tuple[dict[str, Adapter], list[Finding]]:
    """Load each adapter by itself, so that one that is broken does not hide the others."""
    found, broken = {}, []
    for point in entry_points(group="lienthong.adapters"):
        try:
            found[point.name] = point.load()
        except Exception as error:
            vi, en = f"không nạp được ({type(error).__name__})", f"cannot be loaded ({type(error).__name__}: {printable(error)})"
            broken.append(Finding(level=ERROR, where=f"adapter {point.name}", vi=vi, en=en))
    return found, broken
