"""What stands beside the endpoints: ports, rules, the token of the metrics, and files that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hub.edge.cli.checks.findings import ERROR, WARNING, Finding
from hub.settings import Settings

#: Listens at every address of the machine.
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, never listened at
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")


def look(settings: Settings) -> Iterator[Finding]:
    """Look at hub.toml, routes.toml and the folders of the configuration."""
    yield from _ports(settings)
    yield from _metrics(settings)
    yield from _routes(settings)
    yield from _unread(settings.folder, "endpoints", ".toml")
    yield from _unread(settings.folder, "codes", ".csv")


def _ports(settings: Settings) -> Iterator[Finding]:
    """Find doors and console at one port: whichever starts second would not start."""
    doors, console = settings.file.doors, settings.file.console
    together = doors.host == console.host or _EVERYWHERE & {doors.host, console.host}
    if together and doors.port == console.port != 0:
        yield Finding(
            level=ERROR,
            where="hub.toml [console] port",
            vi=f"trùng cổng {doors.port} với [doors] port nên không cùng chạy được: hãy đổi một trong hai",
            en=f"the same port as [doors] port ({doors.port}), so that both cannot run: change one of them",
        )


def _metrics(settings: Settings) -> Iterator[Finding]:
    given = settings.file.doors.metrics_token_sha256
    if given and not _DIGEST.fullmatch(given):
        # The value is not shown: someone may have put the token itself here.
        yield Finding(
            level=ERROR,
            where="hub.toml [doors] metrics_token_sha256",
            vi="phải là 64 chữ số thập lục phân (SHA-256 của token); nếu không, /metrics từ chối mọi token",
            en="must be 64 hex digits (the token's SHA-256); as it is, /metrics refuses every token",
        )


def _routes(settings: Settings) -> Iterator[Finding]:
    if not settings.routes:
        yield Finding(
            level=WARNING,
            where="routes.toml",
            vi="chưa có quy tắc chuyển nào: hồ sơ nhận được sẽ dừng lại chờ xử lý; hãy thêm [[route]]",
            en="there is no rule yet: dossiers that come in would be parked; add a [[route]]",
        )


def _unread(folder: Path, name: str, ending: str) -> Iterator[Finding]:
    """Name files that nothing reads: a copy that an editor left, or an ending that was mistyped."""
    for path in sorted((folder / name).glob("*")):
        if path.is_file() and path.suffix != ending and not path.name.startswith("."):
            yield Finding(
                level=WARNING,
                where=f"{name}/{path.name}",
                vi=f"tệp này không được đọc vì tên không kết thúc bằng {ending}: hãy đổi tên, hoặc chuyển đi nơi khác",
                en=f"this file is not read, its name does not end with {ending}: rename it, or move it away",
            )
