"""Verb ``init``: writes a configuration that works at once against simulators, with development keys and tokens."""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
import shutil
import string
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described
from hub.edge.cli.texts import text
from hub.errors import NotAllowed
from hub.settings import EXAMPLE
from hub.trust import keys

#: Endpoint -> its simulator and the port at which the starter's files look for it.
SIMULATED: Mapping[str, tuple[str, int]] = {"thai_nguyen": ("one_stop", 9101), "dvcqg": ("national_portal", 9102)}
HUB_URL = "http://127.0.0.1:8080"
#: Name of the starter's account at the simulated portal.
PORTAL_USER = "lienthong"
_TOKEN_BYTES = 32


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    app.command(
        "init",
        help=described(
            "Tạo một thư mục cấu hình có chú thích, chạy được ngay với các bản mô phỏng, kèm khóa và mã truy cập thử nghiệm.",
            "Make a commented configuration that works at once against simulators, with development keys and tokens.",
            "init config",
        ),
    )(init)


def init(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Thư mục sẽ tạo (folder to make).")] = None,
    as_json: Json = False,
) -> None:
    """Make a configuration."""
    target = folder or frame.folder(ctx)
    if (target / "hub.toml").exists():
        raise NotAllowed(
            f"{target / 'hub.toml'} exists; a configuration is never overwritten",
            f"đã có {target / 'hub.toml'}; không ghi đè cấu hình",
            where=str(target),
        )
    tokens = {name: secrets.token_urlsafe(_TOKEN_BYTES) for name in SIMULATED}
    password = secrets.token_urlsafe(_TOKEN_BYTES)
    _write_keys(target, password)
    _write_files(target, tokens)
    commands = list(_commands(target, tokens, password))
    tree = {"folder": str(target.resolve()), "tokens": tokens, "commands": commands}
    frame.show(tree, as_json=as_json, people=lambda: _print(target, tokens, commands))


def _write_keys(folder: Path, password: str) -> None:
    now = datetime.now(UTC)
    authority = keys.make_development_authority(now)
    own = keys.make_development_key(authority, "Lien Thong hub", now)
    _secret(folder / "keys" / "seal.pem", keys.make_seal_key())
    _secret(folder / "keys" / "signing.pem", own.key_pem)
    _secret(folder / "keys" / "finding.key", secrets.token_urlsafe(_TOKEN_BYTES).encode())
    _secret(folder / "keys" / "thai_nguyen.token", secrets.token_urlsafe(_TOKEN_BYTES).encode())
    _secret(folder / "keys" / "dvcqg.password", password.encode())
    (folder / "keys" / "signing.crt").write_bytes(own.certificate_pem)
    (folder / "trust").mkdir(exist_ok=True)
    (folder / "trust" / "development-authority.crt").write_bytes(authority.certificate_pem)


def _secret(path: Path, body: bytes) -> None:
    """Write a file that only its owner can read, from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(body)


def _write_files(folder: Path, tokens: Mapping[str, str]) -> None:
    names = {f"token_{name}": hashlib.sha256(token.encode()).hexdigest() for name, token in tokens.items()}
    names |= {f"url_{name}": f"http://127.0.0.1:{port}" for name, (_, port) in SIMULATED.items()}
    _copy(EXAMPLE, folder, names)


def _copy(source: Path, target: Path, names: Mapping[str, str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for item in source.iterdir():
        if item.name == "README.md":
            continue
        if item.is_dir():
            _copy(item, target / item.name, names)
        else:
            body = string.Template(item.read_text(encoding="utf-8")).substitute(names)
            (target / item.name).write_text(body, encoding="utf-8")


def program() -> str:
    """Name the command as it can be typed here: where ``PATH`` lacks it, by the path under which it was started."""
    started = Path(sys.argv[0])
    return "lienthong" if started.name != "lienthong" or shutil.which("lienthong") else shlex.quote(str(started))


def _commands(folder: Path, tokens: Mapping[str, str], password: str) -> Iterator[str]:
    own_folder = shlex.quote(str(folder))
    yield f"{program()} --config {own_folder} serve"
    for name, (system, port) in SIMULATED.items():
        own = {"one_stop": {"endpoint": name}, "national_portal": {"username": PORTAL_USER, "password": password}}
        given = {"hub_url": HUB_URL, "token": tokens[name], **own[system]}
        words = (f"--set {key}={value}" for key, value in given.items())
        yield " ".join((f"{program()} simulate {system} --port {port}", *words))
    yield f"{program()} --config {own_folder} check"


def _print(folder: Path, tokens: Mapping[str, str], commands: list[str]) -> None:
    frame.line(text("made", folder=folder))
    frame.line(text("tokens_once"))
    for name, token in tokens.items():
        frame.line(f"  {name}: {token}")
    frame.line(text("try_it"))
    for command in commands:
        frame.line(f"  {command}")
