"""Verb ``evidence export``: writes what is kept of a dossier into a folder, with the commands that verify it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.serialization import Encoding

from hub.app import Hub
from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described
from hub.edge.cli.texts import choose, text
from hub.errors import NotAllowed
from hub.registers import evidence
from hub.registers.evidence import Bundle

#: Files that explain the folder: Vietnamese, English.
GUIDES = ("HUONG-DAN.txt", "README.txt")
DEFAULT_FOLDER = Path("evidence")
#: How verify.sh begins.
SCRIPT_HEAD = """#!/bin/sh
# xmlsec1, openssl, sha256sum, grep
cd "$(dirname "$0")" || exit 1
failed=0
"""

group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described(
        "Bằng chứng: xuất những gì sổ cái lưu giữ.",
        "Evidence: export what the ledger keeps.",
        "evidence export 000.00.01.H55-260302-0001 --to bang-chung",
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(group, name="evidence")
    group.command(
        "export",
        help=described(
            "Xuất bằng chứng của một thông điệp, lượt chuyển hoặc hồ sơ: nội dung gốc, chữ ký, chứng thư số, mọi lần gửi và "
            "trả lời, nhật ký; kèm các lệnh xmlsec1, openssl để tự kiểm tra. Thư mục này có dữ liệu cá nhân.",
            "Export the evidence of a message, a delivery or a dossier: bytes as received, signature, certificate, every attempt "
            "and reply, journal; with the xmlsec1 and openssl commands that verify it. The folder holds personal data.",
            "evidence export 000.00.01.H55-260302-0001 --to bang-chung",
        ),
    )(export)


@group.callback()
def _group() -> None:
    """Keep ``export`` a verb of its own: typer would fold a single one into the group."""


def export(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID|CODE", help="Mã thông điệp, lượt chuyển, hoặc mã hồ sơ.")],
    to: Annotated[Path, typer.Option("--to", file_okay=False, help="Thư mục để ghi (folder to write into).")] = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Export evidence."""
    with frame.opened_hub(ctx) as hub, hub.ledger.read() as conn:
        bundle = evidence.collect(conn, name, _trusted(hub))
    folder = to / bundle.name
    _write(folder, bundle)
    tree = {
        "folder": str(folder.resolve()),
        "files": [each.path for each in bundle.files],
        "checks": bundle.checks,
        "absent": bundle.absent,
    }
    frame.show(tree, as_json=as_json, people=lambda: _print(folder, bundle))


def _trusted(hub: Hub) -> Mapping[str, Sequence[bytes]]:
    """Give the certificates that each door trusts now, as DER."""
    snapshots = {name: hub.trust(endpoint) for name, endpoint in hub.endpoints.items()}
    return {
        name: [each.public_bytes(Encoding.DER) for each in (*snapshot.pinned, *snapshot.anchors)]
        for name, snapshot in snapshots.items()
    }


def _write(folder: Path, bundle: Bundle) -> None:
    """Write the files for their owner alone: they hold personal data."""
    if folder.exists() and any(folder.iterdir()):
        raise NotAllowed(
            f"{folder} exists and is not empty; evidence is never mixed",
            f"thư mục {folder} đã có nội dung; không ghi lẫn bằng chứng",
            where=str(folder),
        )
    for file in bundle.files:
        _write_file(folder / file.path, file.body)
    for guide in GUIDES:
        _write_file(folder / guide, (files("hub.edge.cli") / "guides" / guide).read_bytes())
    _write_file(folder / "verify.sh", _script(bundle).encode())


def _write_file(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(body)


def _script(bundle: Bundle) -> str:
    """Write all commands as one script that ends with 1 where any of them fails."""
    steps = [
        f"# {each.vi}\n# {each.en}\nif ( {each.command} ) >/dev/null 2>&1\nthen echo {_said('OK    ', each.en)}\n"
        f"else echo {_said('FAILED', each.en)}; failed=1\nfi\n"
        for each in bundle.checks
    ]
    return "\n".join([SCRIPT_HEAD, *steps, "exit $failed\n"])


def _said(result: str, what: str) -> str:
    return shlex.quote(f"{result} {what}")


def _print(folder: Path, bundle: Bundle) -> None:
    frame.line(text("exported", files=len(bundle.files), folder=folder))
    if bundle.absent:
        frame.line(text("exported_absent", absent=len(bundle.absent)))
    frame.line(text("verify_with"))
    for check in bundle.checks:
        frame.line(f"# {choose(check.vi, check.en)}")
        frame.line(check.command)
