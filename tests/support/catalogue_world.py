"""A hub with a ministry, a portal that can be written to, one that can only be read, and a province; all on simulators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from hub import bootstrap, intake
from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.contract import Request
from hub.edge.demo import world
from hub.rules.json_door import write_json
from hub.simulation import SimulatorServer
from tests.support.clock import Clock
from tests.support.hub import SQLITE, carry_all

WHO = {"actor": "can.bo", "why": "đồng bộ danh mục"}
PORTAL, READ_ONLY, PROVINCE = "dvcqg", "dvcqg_doc", "thai_nguyen"


@dataclass(frozen=True)
class Catalogues:
    """The hub and its partners."""

    hub: Hub
    clock: Clock
    simulators: Mapping[str, SimulatorServer]
    folder: Path

    def told(self, records: Sequence[Mapping[str, Any]], key: str, *, owner: str = "G10", whole: bool = True) -> int:
        """Let the ministry say its catalogue."""
        body = write_json({"MaCoQuan": owner, "ToanBo": whole, "DanhSachTTHC": list(records)})
        request = Request(endpoint="bo_nnmt", body=body, content_type="application/json", idempotency_key=key)
        return intake.receive(self.hub, request).status

    def hold(self, holder: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Let a holder have exactly these records, as its own officers would have written them."""
        procedures = self.account(holder)
        procedures.clear()
        procedures.update({record["MATTHC"]: dict(record) for record in records})

    def account(self, holder: str) -> dict[str, Any]:
        """Give the records that a holder has."""
        found: dict[str, Any] = _books(self.simulators[holder]).procedures
        return found

    def calls(self, holder: str, service: str) -> int:
        """Count how often a service of a portal was called."""
        return int(_books(self.simulators[holder]).calls[service])

    def carry(self) -> int:
        """Deliver all that is due."""
        self.clock.advance(1)
        return carry_all(self.hub)


def _books(simulator: SimulatorServer) -> Any:
    """Find what a simulator stores, behind the verbs that it is steered by."""
    part = simulator._handle.__self__  # type: ignore[attr-defined]
    return getattr(part, "books", None) or getattr(part, "software", None) or part.system


@contextmanager
def opened(folder: Path, *, ledger: str = SQLITE, catalogue: str = "", provinces_read: bool = True) -> Iterator[Catalogues]:
    """Open such a hub in a folder."""
    make = {point.name: point.load() for point in entry_points(group="lienthong.simulators")}
    signed = {"username": "lienthong", "password": world.PORTAL_PASSWORD, "procedures": 0}
    tokens, _ = world.prepare(folder)
    simulators = {
        PORTAL: make["national_portal"](**signed, write_procedure_service="DongBoThuTuc"),
        READ_ONLY: make["national_portal"](**signed),
        PROVINCE: make["one_stop"](endpoint=PROVINCE, accepts=tokens[PROVINCE]),
    }
    for each in simulators.values():
        each.start()
    try:
        urls = dict.fromkeys(world.PARTNERS, "http://127.0.0.1:9") | {name: each.url for name, each in simulators.items()}
        world.write_config(folder, 9, tokens, urls)
        _configure(folder, urls, ledger, catalogue, provinces_read=provinces_read)
        # The keys were made just now.
        clock = Clock(datetime.now(VIETNAM) + timedelta(minutes=1))
        hub = bootstrap.open_hub(bootstrap.load_settings(folder), clock=clock)
        hub.bus.open()
        try:
            yield Catalogues(hub, clock, simulators, folder)
        finally:
            hub.bus.close()
            hub.ledger.close()
    finally:
        for each in simulators.values():
            each.stop()


def _configure(folder: Path, urls: Mapping[str, str], ledger: str, catalogue: str, *, provinces_read: bool) -> None:
    portal = (folder / "endpoints" / "dvcqg.toml").read_text()
    second = portal.replace('write_procedure_service = "DongBoThuTuc"', "").replace(urls[PORTAL], urls[READ_ONLY])
    (folder / "endpoints" / f"{READ_ONLY}.toml").write_text(second)
    if provinces_read:
        province = folder / "endpoints" / f"{PROVINCE}.toml"
        province.write_text(province.read_text().replace("[options]\n", "[options]\ngives_catalogue = true\n"))
    hub = folder / "hub.toml"
    lines = hub.read_text().splitlines()
    place = lines.index("[ledger]")
    lines[place + 1] = f'url = "{ledger}"'
    hub.write_text("\n".join([*lines, catalogue, ""]))
