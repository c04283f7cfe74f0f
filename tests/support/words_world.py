"""A hub with a partner that waits for our words and says later what became of what it was given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from hub import alerting
from hub.app import Hub
from hub.edge.acknowledger import Acknowledger
from hub.edge.follower import Follower
from hub.edge.puller import Puller
from hub.rules import alert_conditions
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.waiting_partner import HELD, WaitingPartner, with_partner

PARTNER = support.PARTNER
OURS = ("word_late", "follow_given_up", "item_failed")
ASKED = '[outbound.services.GuiHoSo]\non_doubt = "ask"\nabsence_proves = true\n'


@dataclass
class World:
    """A hub, its partner, and the clock."""

    hub: Hub
    partner: WaitingPartner
    clock: Clock
    folder: Path

    def pull(self) -> None:
        """Take what the partner holds."""
        Puller(self.hub, self.hub.endpoint(PARTNER), HELD, 60.0, "one").round()

    def say(self) -> None:
        """Say what is owed."""
        Acknowledger(self.hub, self.hub.endpoint(PARTNER), "one").round()

    def ask(self) -> None:
        """Ask what became of deliveries."""
        Follower(self.hub, self.hub.endpoint(PARTNER), "one").round()

    def later(self, seconds: float = 300.0) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def rows(self, table: Any) -> list[Any]:
        """Give the rows of a table."""
        with self.hub.ledger.read() as conn:
            return list(conn.execute(select(table)))

    def give(self, dossier: str = "H01-1") -> str:
        """Let the partner be given a message; give the number it gave it."""
        before = len(self.partner.given)
        support.send(self.hub, before + 1, dossier)
        support.carry_all(self.hub)
        (number,) = self.partner.given[before:]
        return number

    def alerts(self) -> list[tuple[str, str]]:
        """Give the alerts that are about words."""
        facts = alerting.look(self.hub, self.hub.now())
        seen = alert_conditions.judge(self.hub.alerts, facts, self.hub.now())
        return [(each.kind, each.about) for each in seen.conditions if each.kind in OURS]


@contextlib.contextmanager
def world_at(folder: Path, ledger: str = support.SQLITE, more: str = "") -> Iterator[World]:
    """Start everything."""
    at = support.At(services=ASKED, more=more, redelivery={"first_seconds": 5, "jitter": 0})
    support.configure(folder, {PARTNER: at}, ledger=ledger)
    clock, partner = Clock(), WaitingPartner(folder / "partner")
    opened = support.open_hub(folder, clock)
    try:
        yield World(with_partner(opened, partner), partner, clock, folder)
    finally:
        support.close(opened)


def thing(number: int, **more: Any) -> bytes:
    """Write something that the partner holds for us."""
    return support.document(number, f"H02-{number}", **more)
