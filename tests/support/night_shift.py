"""A night shift: a hub with one partner, and ways to make a delivery stand still for each reason that an operator meets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.app import Hub
from hub.registers import history
from hub.registers.records import DeliveryDetail
from hub.rules.lifecycle import State
from hub.simulation import Call, Said
from tests.support import hub as hubs
from tests.support import looking
from tests.support.clock import Clock
from tests.support.hub import PARTNER, At
from tests.support.partner import Partner, said, served

#: A procedure that the partner's code list lacks, and the row that mends it.
UNMAPPED = "9.999999"
MENDED = f"{UNMAPPED},TT-99,Thủ tục mới,2020-01-01,\n"


@dataclass
class Shift:
    """The hub, its partner, and what the partner is told to do wrong."""

    folder: Path
    hub: Hub
    clock: Clock
    partner: Partner
    #: Dossier -> what the partner does with its calls: ``refuse`` or ``garble`` (takes it, answers nonsense).
    faults: dict[str, str] = field(default_factory=dict)

    def send(self, number: int, dossier: str = "H01-1", **given: Any) -> None:
        """Let the sender give the hub one message, and carry out what is due."""
        hubs.send(self.hub, number, dossier, **given)
        self.carry()

    def unmapped(self, number: int, dossier: str = "H01-1") -> None:
        """Send a message whose procedure the partner's code list lacks."""
        tree = json.loads(hubs.document(number, dossier))["hoSo"]
        tree["thuTuc"]["ma"] = UNMAPPED
        self.send(number, dossier, hoSo=tree)

    def mend(self) -> None:
        """Add the missing code."""
        with (self.folder / "codes" / "template_procedures.csv").open("a", encoding="utf-8") as file:
            file.write(MENDED)

    def carry(self) -> None:
        """Carry out what is due at this moment."""
        hubs.carry_all(self.hub)

    def deliveries(self, dossier: str = "H01-1") -> tuple[DeliveryDetail, ...]:
        """Give a dossier's deliveries, in order."""
        with self.hub.ledger.read() as conn:
            return tuple(each for each in history.timeline(conn, dossier).deliveries if each.endpoint == PARTNER)

    def ids(self, dossier: str = "H01-1") -> list[str]:
        return [each.id for each in self.deliveries(dossier)]

    def states(self, dossier: str = "H01-1") -> list[State]:
        return [State(each.state) for each in self.deliveries(dossier)]

    def state(self, delivery_id: str) -> State:
        return looking.state(self.hub.ledger, delivery_id)

    def bodies(self, dossier: str = "H01-1") -> list[Mapping[str, Any]]:
        """Give what the partner took of a dossier, in order."""
        return [json.loads(each.body) for each in self.partner.arrivals if each.dossier == dossier]

    def answer(self, call: Call, usual: Any) -> Said:
        """Answer as the partner does, or as it was told to."""
        text = call.body.decode()
        fault = next((fault for dossier, fault in self.faults.items() if f'"{dossier}"' in text), "")
        if fault == "refuse":
            return said("13")
        answer = usual()
        return Said(b"<html>Proxy Error</html>", content_type="text/html") if fault == "garble" else answer


@contextmanager
def shift(folder: Path, *, more: str = "", hub: str = "", ledger: str = hubs.SQLITE, **at: Any) -> Iterator[Shift]:
    """Open a hub on a folder, with its partner at a port of its own.

    ``more``: further lines of the partner's ``[outbound]``; ``hub``: further tables of hub.toml; ``ledger``: its address.
    """
    partner, clock = Partner(), Clock()
    made: list[Shift] = []

    def answer(call: Call, usual: Any) -> Said:
        return made[0].answer(call, usual)

    with served(partner, answer) as server:
        hubs.configure(folder, {PARTNER: At(url=server.url, **at)}, ledger=ledger)
        path = folder / "endpoints" / f"{PARTNER}.toml"
        path.write_text(path.read_text(encoding="utf-8").replace("[outbound]\n", f"[outbound]\n{more}"), encoding="utf-8")
        with (folder / "hub.toml").open("a", encoding="utf-8") as file:
            file.write(hub)
        opened = hubs.open_hub(folder, clock)
        made.append(Shift(folder, opened, clock, partner))
        try:
            yield made[0]
        finally:
            hubs.close(opened)
