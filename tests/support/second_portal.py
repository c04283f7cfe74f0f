"""A hub between one-stop software and the simulated second generation of the National Portal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.national_portal_v2.simulator import simulator
from hub import intake, operations
from hub.app import Hub
from hub.canonical.dossier import DossierMessage
from hub.canonical.national_record import write_dossier, write_step
from hub.contract import Answer, Request
from hub.payloads import put
from hub.registers import history
from hub.rules import attachments
from hub.rules.lifecycle import State
from hub.simulation import SimulatorServer
from tests.support import hub as hubs
from tests.support import looking
from tests.support.clock import Clock
from tests.support.hub import SENDER

PORTAL = "dvcqg_v2"
ONE_STOP = "one_stop"
HUB_URL = "https://truc.example.org"
#: What the adapter's README declares.
SERVICES = """
[outbound.services.CapMaHoSo]
on_doubt = "resend"
[outbound.services.TaiTepTin]
on_doubt = "resend"
"""
WHO = {"actor": "an", "why": "đã hỏi Cổng"}


@dataclass
class SecondPortal:
    """The hub, the portal, and the clock of both."""

    hub: Hub
    clock: Clock
    portal: SimulatorServer
    sent: int = 0
    folder: Path = field(default=Path())

    def send(self, message: DossierMessage, key: str = "") -> Answer:
        """Let the one-stop software give the hub a message."""
        return self.send_record(document(message), key)

    def send_record(self, tree: Mapping[str, Any], key: str = "") -> Answer:
        """Let it give the hub a document."""
        self.sent += 1
        return intake.receive(
            self.hub,
            Request(
                endpoint=SENDER,
                body=json.dumps(tree, ensure_ascii=False).encode(),
                content_type="application/json",
                idempotency_key=key or f"K-{self.sent}",
            ),
        )

    def give_file(self, content: bytes) -> str:
        """Let the one-stop software give the hub a file; give its address."""
        kept = put(self.hub.payloads, [content])
        self.hub.ledger.record_given(kept.digest, size=kept.size, givers=(SENDER,), now=self.hub.now())
        return attachments.address(HUB_URL, kept.digest)

    def carry(self) -> None:
        """Carry out what is due now."""
        hubs.carry_all(self.hub)

    def carry_on(self, rounds: int = 12) -> None:
        """Carry out what is due now and what waits for its time, until nothing moves by itself."""
        for _ in range(rounds):
            self.carry()
            self.clock.advance(700)
        self.carry()

    def fault(self, kind: str, match: str = "", value: Any = None, times: int = 1) -> None:
        self.portal.faults.add(kind, match=match, value=value, times=times)

    @property
    def account(self) -> dict[str, Any]:
        """What the portal holds."""
        found: dict[str, Any] = self.portal.account()
        return found

    def deliveries(self) -> list[Any]:
        return [row for row in looking.all_deliveries(self.hub.ledger) if row.endpoint == PORTAL]

    def states(self) -> list[tuple[str, str]]:
        """Give service and state of every delivery to the portal, chain by chain."""
        return [(row.service, row.state) for row in self.deliveries()]

    def in_doubt(self) -> list[Any]:
        return [row for row in self.deliveries() if row.state == State.IN_DOUBT]

    def codes(self, name: str) -> tuple[str, ...]:
        """Give the numbers of the dossier that has this one."""
        with self.hub.ledger.read() as conn:
            found = history.timeline(conn, name).dossier
        assert found is not None
        return found.codes

    def settle_truly(self, row: Any) -> None:
        """Let an operator see in the portal's own books whether a call arrived, and say so, with its reply where it did."""
        number = row_number(row)
        kept = self.account["dossiers"].get(number)
        arrived = kept is not None and self._arrived(row, kept)
        reply = {"code": 200, "message": "", "data": {"idHoSo": kept["id"], "maHoSo": number} if kept else None}
        operations.settle(
            self.hub, row.id, arrived=arrived, evidence=json.dumps(reply).encode() if arrived else b"", **WHO
        )

    def _arrived(self, row: Any, kept: Mapping[str, Any]) -> bool:
        told = json.loads(self._business(row))
        if row.service == "CapNhatTienTrinh":
            return all(each in kept["rows"] for each in told)
        if row.service == "CapNhatTrangThai":
            return bool(kept["statuses"]) and kept["statuses"][-1] == told[0]["TrangThai"]
        return True

    def _business(self, row: Any) -> bytes:
        with self.hub.ledger.read() as conn:
            return history.body(conn, row.business_digest) or b""


def row_number(row: Any) -> str:
    """Give the portal's number that a call names."""
    return str(json.loads(row.head).get("MaHoSo", ""))


def document(message: DossierMessage) -> dict[str, Any]:
    """Write a message as the one-stop software's document."""
    dossier = message.dossier
    record = write_dossier(dossier) | {"MaLinhVuc": "G99-TN01", "TenLinhVuc": "Thử", "HinhThuc": "0"}
    return {"HoSo": record, "TienDo": [write_step(dossier.code, step) for step in message.steps]}


@contextmanager
def second_portal(
    folder: Path, *, options: str = "", services: str = SERVICES, ledger: str = hubs.SQLITE, **settings: Any
) -> Iterator[SecondPortal]:
    """Open a hub whose one-stop software's dossiers go to the portal."""
    with simulator(**settings) as portal:
        configure(folder, portal.url, options=options, services=services, ledger=ledger)
        clock = Clock()
        opened = hubs.open_hub(folder, clock)
        try:
            yield SecondPortal(opened, clock, portal, folder=folder)
        finally:
            hubs.close(opened)


def configure(folder: Path, url: str, *, options: str = "", services: str = SERVICES, ledger: str = hubs.SQLITE) -> None:
    """Write the configuration."""
    hubs.configure(folder, {}, ledger=ledger, sender_adapter=ONE_STOP, routes=_routes([PORTAL]))
    with (folder / "hub.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[hub]\npublic_url = "{HUB_URL}"\n')
    (folder / "endpoints" / f"{PORTAL}.toml").write_text(
        f'adapter = "national_portal_v2"\ntitle = "Cổng thế hệ 2"\n[options]\nbase_url = "{url}"\nclient_id = "lienthong"\n'
        f'client_secret = "invented"\nagency_code = "000.00.00.G99"\nreceiving_agency = "G99.20"\n{options}\n'
        f"[outbound]\nconcurrency = 4\ndeadline_seconds = 20.0\n{services}",
        encoding="utf-8",
    )


def _routes(names: Iterable[str]) -> str:
    return f'[[route]]\nname = "all"\nfrom = ["{SENDER}"]\nto = {json.dumps(list(names))}\n'
