"""The demo's world: a configuration folder, the partners' simulators, and the hub as a process of its own."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import socket
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from hub.edge.demo import border_world
from hub.errors import HubError, NotAllowed
from hub.simulation import SimulatorServer
from hub.trust import keys
from hub.wire import Wire

PROVINCES = {"thai_nguyen": "H55.02", "bac_ninh": "H05.01", "dong_nai": "H19.01", "da_nang": "H17.01"}
PARTNERS = (*PROVINCES, "bo_nnmt", "dvcqg", "vnsw")
PORTAL_PASSWORD = "mat-khau-mo-phong"  # noqa: S105 - the simulator's own
#: Procedures that the simulated portal refuses for good.
REFUSED_PROCEDURE = "1.900666"
START_SECONDS = 30
#: Stands in every folder that a demo made, and in no other.
AUTHORITY = Path("trust/demo-authority.crt")


@dataclass
class World:
    """Everything the story plays with."""

    folder: Path
    hub_url: str
    simulators: Mapping[str, SimulatorServer]
    tokens: Mapping[str, str]
    hub: subprocess.Popen[bytes]
    wire: Wire
    #: Progress rows that the story itself says twice, equal to the byte: the portal must have both.
    said_twice: int = 0

    def do(self, partner: str, verb: str, **given: Any) -> Any:
        """Have a simulator do something, by its steering door."""
        body = json.dumps({"verb": verb, **given}, ensure_ascii=False).encode()
        reply = self.wire.call("POST", f"{self.simulators[partner].url}/_do", body=body, deadline_seconds=60)
        if reply.status != 200:
            raise RuntimeError(f"{partner} cannot {verb}: {reply.status} {reply.body.decode()[:300]}")
        return json.loads(reply.body)

    def fault(self, partner: str, kind: str, **given: Any) -> None:
        """Ask a simulator for a fault."""
        self.simulators[partner].faults.add(kind, **given)

    def account(self, partner: str) -> Any:
        """Give what a simulator stored, over HTTP like any other caller."""
        reply = self.wire.call("GET", f"{self.simulators[partner].url}/_account", deadline_seconds=60)
        return json.loads(reply.body)

    def cli(self, *words: str) -> Any:
        """Run a verb of the command line, as an operator does; give its JSON."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "hub.edge.cli", "--config", str(self.folder), *words, "--json"],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"lienthong {' '.join(words)}: {done.stderr.decode()[-500:]}")
        return json.loads(done.stdout)


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """Write the configuration, start simulators and hub, and end them afterwards; the ledger stays."""
    hub_port = free_port()
    hub_url = f"http://127.0.0.1:{hub_port}"
    tokens, trader = prepare(folder, (*PARTNERS, *border_world.MINISTRIES))
    simulators = _simulators(hub_url, tokens, trader) | border_world.started(hub_url, tokens, free_port())
    try:
        urls = {name: each.url for name, each in simulators.items()}
        write_config(folder, hub_port, tokens, urls)
        border_world.add(folder, _names(hub_port, tokens, urls))
        process = start_hub(folder)
        wire = Wire()
        try:
            yield World(folder, hub_url, simulators, tokens, process, wire)
        finally:
            wire.close()
            process.terminate()
            process.wait(START_SECONDS)
    finally:
        for simulator in simulators.values():
            simulator.stop()


def prepare(folder: Path, partners: Sequence[str] = PARTNERS) -> tuple[dict[str, str], keys.MadeKey]:
    """Begin a folder anew with keys and tokens; give the tokens and the trader's key. Only a demo's folder is ever emptied."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / AUTHORITY).is_file():
        raise NotAllowed(
            f"{folder} holds something else; the demo begins its folder anew: name an empty one",
            f"thư mục {folder} đang chứa nội dung khác; bản trình diễn làm mới thư mục của mình: hãy nêu thư mục trống",
            where=str(folder),
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokens = {name: secrets.token_urlsafe(24) for name in partners}
    return tokens, _write_keys(folder, tokens)


def free_port() -> int:
    """Find a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_keys(folder: Path, tokens: Mapping[str, str]) -> keys.MadeKey:
    """Make keys that live as long as the demo; give the trader's."""
    now = datetime.now(UTC)
    authority = keys.make_development_authority(now)
    hub_key = keys.make_development_key(authority, "Lien Thong demo", now)
    secret(folder / AUTHORITY, authority.certificate_pem)
    secret(folder / "keys" / "seal.pem", keys.make_seal_key())
    secret(folder / "keys" / "finding.key", secrets.token_urlsafe(32).encode())
    secret(folder / "keys" / "signing.pem", hub_key.key_pem)
    secret(folder / "keys" / "signing.crt", hub_key.certificate_pem)
    secret(folder / "keys" / "dvcqg.password", PORTAL_PASSWORD.encode())
    for name, token in tokens.items():
        secret(folder / "keys" / f"{name}.token", token.encode())
    return keys.make_development_key(authority, "Demo trader", now)


def secret(path: Path, body: bytes) -> Path:
    """Write a file that only its owner can read; give its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(body)
    return path


def _simulators(hub_url: str, tokens: Mapping[str, str], trader: keys.MadeKey) -> dict[str, SimulatorServer]:
    make = {point.name: point.load() for point in entry_points(group="lienthong.simulators")}
    made: dict[str, SimulatorServer] = {
        name: make["one_stop"](hub_url=hub_url, endpoint=name, token=tokens[name], accepts=tokens[name], unit=unit)
        for name, unit in PROVINCES.items()
    }
    made["bo_nnmt"] = make["ministry"](hub_url=hub_url, endpoint="bo_nnmt", token=tokens["bo_nnmt"], accepts=tokens["bo_nnmt"])
    made["dvcqg"] = make["national_portal"](
        hub_url=hub_url,
        token=tokens["dvcqg"],
        username="lienthong",
        password=PORTAL_PASSWORD,
        write_procedure_service="DongBoThuTuc",
        refuse_procedures=(REFUSED_PROCEDURE,),
    )
    made["vnsw"] = make["single_window"](
        hub_url=hub_url,
        endpoint="vnsw",
        token=tokens["vnsw"],
        key_pem=trader.key_pem.decode(),
        certificate_pem=trader.certificate_pem.decode(),
    )
    for simulator in made.values():
        simulator.start()
    return made


def write_config(
    folder: Path,
    hub_port: int,
    tokens: Mapping[str, str],
    urls: Mapping[str, str],
    *,
    level: str = "INFO",
    concurrency: int = 2,
) -> None:
    """Write the configuration from the demo's templates; ``concurrency`` is the ministry's."""
    names = _names(hub_port, tokens, urls) | {"level": level, "concurrency": concurrency}
    _copy(Path(__file__).parent / "config", folder, names)


def _names(hub_port: int, tokens: Mapping[str, str], urls: Mapping[str, str]) -> dict[str, Any]:
    """Give what stands behind a dollar sign in the templates."""
    names: dict[str, Any] = {"hub_url": f"http://127.0.0.1:{hub_port}", "hub_port": hub_port}
    names |= {f"token_{name}": hashlib.sha256(token.encode()).hexdigest() for name, token in tokens.items()}
    return names | {f"url_{name}": url for name, url in urls.items()}


def _copy(source: Path, target: Path, names: Mapping[str, Any]) -> None:
    for item in source.iterdir():
        if item.is_dir():
            _copy(item, target / item.name, names)
        else:
            target.mkdir(parents=True, exist_ok=True)
            text = string.Template(item.read_text(encoding="utf-8")).substitute(names)
            (target / item.name).write_text(text, encoding="utf-8")


def start_hub(folder: Path) -> subprocess.Popen[bytes]:
    """Start ``lienthong serve`` and wait until its doors are open; its log goes to the folder."""
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "hub.edge.cli", "--config", str(folder), "serve", "--console-port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    if not process.stdout.readline():
        raise HubError(
            f"the hub did not start; see {folder / 'hub.log'}", f"trục không khởi động được; xem {folder / 'hub.log'}"
        )
    return process
