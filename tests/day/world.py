"""The day's world: the hub as a process of its own, two sides of the Single Window, two ministries' systems; all may fail."""

from __future__ import annotations

import hashlib
import random
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.single_window.simulator import simulator
from hub import bootstrap
from hub.app import Hub
from hub.edge.demo.world import free_port, secret, start_hub
from hub.simulation import SimulatorServer
from hub.trust import keys

DEADLINE_SECONDS = 2.0
STOP_SECONDS = 60
#: The maritime authority as its own headers have it.
BGTVT = {"name": "BGTVT", "identity": "BGTVT", "ministry_code": "BGTVT", "organization_code": "CHH", "unit_code": "CHH"}
FIRST_GENERATION: dict[str, Any] = {"dialect": "maritime", "ministry_parties": {"BGTVT": BGTVT}}
#: Endpoint -> what its partner speaks: role, options, where the simulator listens.
PARTNERS: Mapping[str, tuple[str, dict[str, Any], str]] = {
    "vnsw": ("gateway", {}, "/VNSWReceiveGateway/ws"),
    "bo_nnmt": ("ministry", {}, "/MardService.asmx"),
    "vnsw_gt": (
        "gateway",
        FIRST_GENERATION | {"inbound": {"operation": "send_and_get_message"}, "outbound": {"operation": "mt_service"}},
        "/NSWService/MTService.svc",
    ),
    "bo_gtvt": (
        "ministry",
        FIRST_GENERATION | {"inbound": {"operation": "mt_service"}, "outbound": {"operation": "send_and_get_message"}},
        "/services/MessageAndResponseImpl",
    ),
}
#: Who answers whom.
OTHER = {"vnsw": "bo_nnmt", "bo_nnmt": "vnsw", "vnsw_gt": "bo_gtvt", "bo_gtvt": "vnsw_gt"}
#: What may go wrong at a partner's, and how it is asked for; each once.
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("status", {"value": 503}),
    ("status", {"value": 500}),
    ("hang_before", {"value": 0.0}),
    ("hang_after", {"value": 0.0}),
    ("hang_after", {"value": DEADLINE_SECONDS + 0.5}),
    ("malformed", {}),
    ("empty", {}),
    ("cannot_parse", {}),
    ("double_escaped", {}),
    ("parties_swapped", {}),
    ("no_message_id", {}),
    ("function_00", {}),
    ("function_22", {}),
)


@dataclass
class World:
    """Everything that stands during the day."""

    folder: Path
    partners: Mapping[str, SimulatorServer]
    random: random.Random
    hub_process: subprocess.Popen[bytes]
    #: How often each fault was asked for.
    faults: dict[str, int] = field(default_factory=dict)

    def say(self, partner: str, **given: Any) -> dict[str, Any]:
        """Have a partner's system send a message to the hub; gives what it was and the answer."""
        said: dict[str, Any] = self.partners[partner].verbs["send"](given)
        return said

    def go_wrong(self, share: float, recipient: str, reference: str) -> None:
        """Ask for a fault at the partner that is about to be told of a dossier, for a share of what it is told.

        It meets that dossier's next call: faults that met whichever call comes would meet the first hundred in a row.
        """
        if self.random.random() >= share:
            return
        kind, words = self.random.choice(FAULTS)
        self.partners[recipient].faults.add(kind, match=reference, **words)
        name = f"{kind} {words.get('value', '')}".strip()
        self.faults[name] = self.faults.get(name, 0) + 1

    def calm(self) -> None:
        """End what is still asked for."""
        for partner in self.partners.values():
            partner.faults.clear()

    @contextmanager
    def hub(self) -> Iterator[Hub]:
        """Open the operator's own view, beside the process that works."""
        hub = bootstrap.open_hub(bootstrap.load_settings(self.folder))
        hub.bus.open()
        try:
            yield hub
        finally:
            hub.bus.close()
            hub.ledger.close()


@contextmanager
def opened(folder: Path, seed: int) -> Iterator[World]:
    """Start partners and hub; end them afterwards."""
    port = free_port()
    tokens = {name: secrets.token_urlsafe(16) for name in PARTNERS}
    partners = {name: _partner(name, f"http://127.0.0.1:{port}", tokens[name]) for name in PARTNERS}
    try:
        _configure(folder, port, tokens, {name: each.url for name, each in partners.items()})
        process = start_hub(folder)
        try:
            yield World(folder, partners, random.Random(seed), process)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
    finally:
        for partner in partners.values():
            partner.stop()


def _partner(name: str, hub_url: str, token: str) -> SimulatorServer:
    role, options, _ = PARTNERS[name]
    return simulator(
        role=role, hub_url=hub_url, endpoint=name, token=token, soap_version="1.1", addressing=False, dialect=options
    ).start()


def _configure(folder: Path, port: int, tokens: Mapping[str, str], urls: Mapping[str, str]) -> None:
    (folder / "endpoints").mkdir(parents=True)
    secret(folder / "keys" / "seal.pem", keys.make_seal_key())
    (folder / "hub.toml").write_text(
        f'[ledger]\nurl = "sqlite:///ledger.db"\n[bus]\nurl = "memory://"\n[doors]\nport = {port}\n'
        '[seal]\nkey = "file:keys/seal.pem"\n[logging]\nlevel = "WARNING"\n',
        encoding="utf-8",
    )
    for name in PARTNERS:
        (folder / "endpoints" / f"{name}.toml").write_text(_endpoint(name, tokens[name], urls[name]), encoding="utf-8")
    routes = "".join(f'[[route]]\nname = "{name}"\nfrom = ["{name}"]\nto = ["{other}"]\n' for name, other in OTHER.items())
    (folder / "routes.toml").write_text(routes, encoding="utf-8")


def _endpoint(name: str, token: str, url: str) -> str:
    role, options, path = PARTNERS[name]
    parts = {table: dict(options.get(table, {})) for table in ("inbound", "outbound")}
    lines = [f'adapter = "single_window"\ntitle = "{name}"\n']
    lines.append(f'[inbound]\ntoken_sha256 = ["{hashlib.sha256(token.encode()).hexdigest()}"]\n')
    lines.append(
        f"[outbound]\nconcurrency = 4\ndeadline_seconds = {DEADLINE_SECONDS}\nsettle_after_seconds = 0.2\nnotify = false\n"
    )
    lines.append("[outbound.redelivery]\nfirst_seconds = 0.2\nceiling_seconds = 1.0\nmax_attempts = 1000\n")
    lines.append(f'[options]\nrole = "{role}"\n')
    if "dialect" in options:
        lines.append(f'dialect = "{options["dialect"]}"\n')
    for code, party in options.get("ministry_parties", {}).items():
        lines.append(f"[options.ministry_parties.{code}]\n" + "".join(f'{key} = "{value}"\n' for key, value in party.items()))
    parts["outbound"]["url"] = f"{url}{path}"
    for table, values in parts.items():
        lines.append(f"[options.{table}]\n" + "".join(f'{key} = "{value}"\n' for key, value in values.items()))
    return "".join(lines)
