"""A hub and its partner, the sample system's double: what one holds and what the other says that it was told are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.template.simulator import simulator
from hub.app import Hub
from hub.reconcile import dossiers
from hub.registers import reconciliations
from hub.registers.reconciliations import Finding, Run, Scope
from hub.simulation import SimulatorServer
from tests.support import hub as hubs
from tests.support.clock import Clock
from tests.support.hub import PARTNER, At

#: Steps after which a run that does not end is given up.
STEPS = 5000


@dataclass
class House:
    """The hub, its partner, and how they are compared."""

    folder: Path
    hub: Hub
    clock: Clock
    partner: SimulatorServer
    #: Seconds that were waited for, in all.
    waited: float = 0.0

    def send(self, number: int, dossier: str, status: str = "XULY", **given: Any) -> None:
        """Let the sender tell of a dossier, and carry out what is due."""
        hubs.send(self.hub, number, dossier, status=status, **given)
        hubs.carry_all(self.hub)

    def lose(self, dossier: str) -> None:
        """Let the partner lose a dossier."""
        assert self.partner.verbs["lose"]({"number": dossier})

    def put(self, dossier: str, at: str = "2026-03-02T08:00:00+07:00", **fields: Any) -> None:
        """Let the partner have a dossier, or fields of it, from elsewhere."""
        self.partner.verbs["put"]({"number": dossier, "dossier": fields, "at": at})

    def held(self) -> Mapping[str, Any]:
        """Give the dossiers that the partner holds."""
        found: Mapping[str, Any] = self.partner.account()["dossiers"]
        return found

    def begin(self, scope: Scope = Scope(), **given: Any) -> Run:  # noqa: B008
        """Begin a reconciliation."""
        return dossiers.begin(self.hub, PARTNER, scope, **{"actor": "lan", "why": "đối chiếu tháng 3", **given})

    def carry(self, run: Run, holder: str = "here") -> Run:
        """Carry a run out until it rests, at the clock of the test."""
        for _ in range(STEPS):
            step = dossiers.advance(self.hub, run.id, holder)
            if step.action == "leave":
                return self.run(run)
            if step.action == "wait":
                self.waited += step.seconds
                self.clock.advance(step.seconds)
        raise AssertionError(f"never ended: {self.run(run)}")

    def run(self, run: Run) -> Run:
        with self.hub.ledger.read() as conn:
            return reconciliations.find(conn, run.id)

    def compare(self, scope: Scope = Scope()) -> Run:  # noqa: B008
        """Begin a reconciliation and carry it out."""
        return self.carry(self.begin(scope))

    def findings(self, run: Run) -> tuple[Finding, ...]:
        with self.hub.ledger.read() as conn:
            return reconciliations.findings(conn, run.id, limit=1000)

    def found(self, run: Run) -> dict[str, tuple[str, str, str]]:
        """Give kind, cause and mending of each finding, by number of the dossier."""
        return {each.code: (each.kind, each.cause, each.mending) for each in self.findings(run)}


#: As fast as the partner answers.
AT_ONCE = "[outbound.reconcile]\nrate_per_minute = 0\n"


@contextmanager
def house(folder: Path, *, more: str = AT_ONCE, **at: Any) -> Iterator[House]:
    """Open a hub with its partner; ``more``: lines of the partner's ``[outbound]`` table and tables below."""
    ledger = at.pop("ledger", hubs.SQLITE)
    clock = Clock()
    with simulator() as partner:
        hubs.configure(folder, {PARTNER: At(url=partner.url, **at)}, ledger=ledger)
        path = folder / "endpoints" / f"{PARTNER}.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("[outbound.redelivery]", f"{more}[outbound.redelivery]"), encoding="utf-8")
        opened = hubs.open_hub(folder, clock)
        try:
            yield House(folder, opened, clock, partner)
        finally:
            hubs.close(opened)
