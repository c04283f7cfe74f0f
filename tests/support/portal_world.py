"""A hub between the simulated national portal and a province's simulated one-stop software, with dossiers that are pulled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from adapters.national_portal.services import QUESTIONS_ASKED, SHARED_DOSSIERS
from adapters.national_portal.simulator import simulator as portal_simulator
from adapters.one_stop.simulator import simulator as one_stop_simulator
from hub import intake
from hub.app import Hub
from hub.contract import Answer, Request
from hub.edge.puller import Puller
from hub.ledger.pull_tables import pulls
from hub.simulation import SimulatorServer
from tests.support import hub as support
from tests.support.clock import Clock

PORTAL, ONE_STOP = "dvcqg", "mot_cua"
EVERY_SECONDS = 300.0
_SEAL_KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
#: What is born on the portal goes to the software, what the software says goes back to where the dossier came from, or up.
ROUTES = f"""
[[route]]
name = "from the portal"
from = ["{PORTAL}"]
to = ["{ONE_STOP}"]
[[route]]
name = "up, and back"
from = ["{ONE_STOP}"]
to = ["{PORTAL}"]
[[route]]
name = "questions"
kind = "question"
from = ["{PORTAL}"]
to = ["{ONE_STOP}"]
[[route]]
name = "answers"
kind = "question"
from = ["co_quan"]
to = ["{PORTAL}"]
[[route]]
name = "figures"
kind = "statistics"
to = ["{PORTAL}"]
[[route]]
name = "raw"
kind = "raw"
from = ["co_quan"]
to = ["{PORTAL}"]
"""
_SERVICES = """
[outbound.services."DongBoHoSoMC.create"]
on_doubt = "ask"
absence_proves = true
[outbound.services."DongBoHoSoMC.update"]
on_doubt = "resend"
"""


def configure(
    folder: Path, portal: str, one_stop: str, *, ledger: str = support.SQLITE, deadline_seconds: float = 20.0, **options: Any
) -> Path:
    """Write a configuration folder; ``options`` are the portal's."""
    for name in ("endpoints", "codes", "keys"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    given = {
        "base_url": f"{portal}/XrdAdapter/RestService/forward",
        "username": "H99",
        "madonvi": "H99",
        "pull": [SHARED_DOSSIERS],
        "pull_seconds": EVERY_SECONDS,
        **options,
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items())
    (folder / "keys" / "password").write_text("invented")
    (folder / "hub.toml").write_text(f'[hub]\npublic_url = "http://hub.example.org"\n[ledger]\nurl = "{ledger}"\n')
    (folder / "keys" / "seal.pem").write_bytes(_SEAL_KEY)
    (folder / "routes.toml").write_text(ROUTES)
    head = 'adapter = "national_portal"\ntitle = "Cổng"\n[inbound]\n'
    again = "first_seconds = 5.0\njitter = 0.0\n"
    (folder / "endpoints" / f"{PORTAL}.toml").write_text(
        f"{head}[outbound]\ndeadline_seconds = {deadline_seconds}\nsettle_after_seconds = 30.0\n"
        f'[outbound.redelivery]\n{again}{_SERVICES}[options]\npassword = "file:keys/password"\n{lines}',
        encoding="utf-8",
    )
    agency = f'{head}[options]\ndoor = "agency"\nmadonvi = "H99"\n'
    (folder / "endpoints" / "co_quan.toml").write_text(f'agency_code = "H99"\n{agency}', encoding="utf-8")
    resend = "".join(f'[outbound.services.{name}]\non_doubt = "resend"\n' for name in ("nhanHoSo", "nhanSuKien"))
    (folder / "endpoints" / f"{ONE_STOP}.toml").write_text(
        f'adapter = "one_stop"\ntitle = "Một cửa"\n[inbound]\n[outbound]\nsettle_after_seconds = 30.0\n{resend}'
        f'[options]\nbase_url = "{one_stop}"\ntoken = "file:keys/password"\n',
        encoding="utf-8",
    )
    return folder


@dataclass
class PortalWorld:
    """The hub, both simulators, and the clock."""

    hub: Hub
    clock: Clock
    portal: SimulatorServer
    one_stop: SimulatorServer
    folder: Path

    def puller(self, holder: str = "one", name: str = SHARED_DOSSIERS, hub: Hub | None = None) -> Puller:
        """Make what pulls a list, as a process of this name would."""
        given = hub or self.hub
        return Puller(given, given.endpoint(PORTAL), name, EVERY_SECONDS, holder)

    def pull(self, holder: str = "one", name: str = SHARED_DOSSIERS) -> None:
        """Pull a list to its end."""
        while self.puller(holder, name).round():
            pass

    def later(self, seconds: float = EVERY_SECONDS) -> None:
        """Let it be time again."""
        self.clock.advance(seconds)

    def carry_all(self, rounds: int = 30) -> None:
        """Deliver what is due now and within the next minutes."""
        for _ in range(rounds):
            if not support.carry_all(self.hub):
                self.clock.advance(60.0)

    def say(self, body: dict[str, Any], key: str) -> Answer:
        """Let the one-stop software say something at its door."""
        octets = json.dumps(body, ensure_ascii=False).encode()
        request = Request(endpoint=ONE_STOP, body=octets, content_type="application/json", idempotency_key=key)
        return intake.receive(self.hub, request)

    def born(self, document: dict[str, Any]) -> Answer:
        """Let the portal give a dossier by the promotion notice."""
        self.portal.verbs["born"]({"number": document["MaHoSo"]})
        octets = json.dumps(document, ensure_ascii=False).encode()
        path = "/createdossierfromdvcqg"
        return intake.receive(self.hub, Request(endpoint=PORTAL, body=octets, path=path, idempotency_key=document["MaHoSo"]))

    def agency(self, service: str, body: Any) -> Answer:
        """Let an agency's software call the portal's own services at its door."""
        octets = json.dumps(body, ensure_ascii=False).encode()
        return intake.receive(self.hub, Request(endpoint="co_quan", body=octets, path=f"/{service}"))

    def list_row(self, name: str = SHARED_DOSSIERS) -> Any:
        """Give a list's row in the ledger."""
        with self.hub.ledger.read() as conn:
            return conn.execute(select(pulls).where(pulls.c.list == name)).one_or_none()


@contextmanager
def portal_world(folder: Path, ledger: str = support.SQLITE, **options: Any) -> Iterator[PortalWorld]:
    """Start everything."""
    clock = Clock()
    with portal_simulator() as portal, one_stop_simulator() as one_stop:
        configured = configure(folder, portal.url, one_stop.url, ledger=ledger, **options)
        hub = support.open_hub(configured, clock)
        try:
            yield PortalWorld(hub, clock, portal, one_stop, configured)
        finally:
            support.close(hub)


__all__ = ["ONE_STOP", "PORTAL", "QUESTIONS_ASKED", "SHARED_DOSSIERS", "PortalWorld", "portal_world"]
