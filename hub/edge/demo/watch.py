"""What the demo reads from the ledger, and the list of what it expected."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, func, select

from hub.errors import HubError
from hub.ledger.ledger import Ledger
from hub.ledger.tables import attempts, deliveries, journal, messages
from hub.rules.lifecycle import State

#: What still moves by itself; HELD waits for a head that does, or for a person.
MOVING = (State.PENDING, State.QUEUED, State.CLAIMED, State.SENDING, State.WAITING)
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1


@dataclass
class Expectations:
    """What had to be true, and whether it was."""

    seen: list[tuple[str, bool, str]] = field(default_factory=list)

    def that(self, text: str, holds: bool, found: object = "") -> None:
        """Note one expectation."""
        self.seen.append((text, holds, "" if holds else str(found)))

    @property
    def failed(self) -> list[tuple[str, bool, str]]:
        return [each for each in self.seen if not each[1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRow:
    """One partner's line in the table at the end."""

    name: str
    received: int
    delivered: int
    #: Nothing of a chain was done before what stood ahead of it.
    in_order: bool
    #: Stored twice, as the partner's own account says.
    duplicates: int
    #: Parked or in doubt.
    parked: int
    #: Released, rebuilt or settled by an operator.
    replayed: int


@dataclass(frozen=True)
class Watch:
    """Reads the demo's ledger while the hub works on it."""

    ledger: Ledger

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait until something is so; raise HubError naming it where it never is."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not done():
            if time.monotonic() > end:
                states = ", ".join(f"{state} {count}" for state, count in self.states().items())
                raise HubError(
                    f"the demo waited {PATIENCE_SECONDS:.0f} s in vain for: {what}; deliveries: {states}",
                    f"đã chờ {PATIENCE_SECONDS:.0f} giây mà chưa thấy: {what}; các lượt chuyển: {states}",
                    where=what,
                )
            time.sleep(LOOK_SECONDS)

    def until_quiet(self) -> None:
        """Wait until nothing moves by itself any more: what is left waits for a person."""
        self.until(self._quiet, "no delivery moving")

    def _quiet(self) -> bool:
        moving = deliveries.c.state.in_([state.value for state in MOVING])
        settling = (deliveries.c.state == State.IN_DOUBT.value) & (deliveries.c.doubt != "park")
        with self.ledger.read() as conn:
            return not conn.execute(select(func.count()).select_from(deliveries).where(moving | settling)).scalar()

    def states(self) -> dict[str, int]:
        """Count deliveries by state."""
        with self.ledger.read() as conn:
            rows = conn.execute(select(deliveries.c.state, func.count()).group_by(deliveries.c.state))
            return {state: count for state, count in rows}

    def count(self, *, subject: str, state: State) -> int:
        """Count one dossier's deliveries in a state."""
        with self.ledger.read() as conn:
            here = (deliveries.c.subject == subject) & (deliveries.c.state == state.value)
            return conn.execute(select(func.count()).select_from(deliveries).where(here)).scalar() or 0

    def only(self, *, subject: str, state: State) -> str:
        """Give the one delivery of a dossier that is in a state."""
        with self.ledger.read() as conn:
            here = (deliveries.c.subject == subject) & (deliveries.c.state == state.value)
            return str(conn.execute(select(deliveries.c.id).where(here).order_by(deliveries.c.place)).scalars().first())

    def partners(self, stored_twice: Mapping[str, int]) -> tuple[PartnerRow, ...]:
        """Sum up each partner; ``stored_twice``: what its own account says."""
        with self.ledger.read() as conn:
            received = _counted(conn, select(messages.c.endpoint, func.count()).group_by(messages.c.endpoint))
            delivered = _counted(conn, _by_endpoint(State.DELIVERED, State.ACKNOWLEDGED))
            parked = _counted(conn, _by_endpoint(State.PARKED, State.IN_DOUBT))
            broken = self._order_breaks(conn)
            replayed = self._replayed(conn)
        return tuple(
            PartnerRow(
                name=name,
                received=received.get(name, 0),
                delivered=delivered.get(name, 0),
                in_order=name not in broken,
                duplicates=stored_twice.get(name, 0),
                parked=parked.get(name, 0),
                replayed=replayed.get(name, 0),
            )
            for name in sorted({*received, *delivered} - {"hub"})
        )

    def _order_breaks(self, conn: Connection) -> set[str]:
        """Find the endpoints where a delivery of a chain was done before one that stood ahead of it."""
        done = (
            select(deliveries.c.endpoint, deliveries.c.subject, attempts.c.ended_at)
            .join(attempts, (attempts.c.delivery_id == deliveries.c.id) & (attempts.c.outcome == "delivered"))
            .order_by(deliveries.c.endpoint, deliveries.c.subject, deliveries.c.place)
        )
        last: dict[tuple[str, str], float] = {}
        broken = set()
        for row in conn.execute(done):
            if row.ended_at < last.get((row.endpoint, row.subject), 0.0):
                broken.add(row.endpoint)
            last[row.endpoint, row.subject] = row.ended_at
        return broken

    def _replayed(self, conn: Connection) -> dict[str, int]:
        verbs = ["operator.release", "operator.rebuild", "operator.settle_arrived", "operator.settle_not_arrived"]
        entries = conn.execute(select(journal.c.entry).where(journal.c.event.in_(verbs))).scalars()
        ids = [json.loads(entry)["delivery"] for entry in entries]
        query = select(deliveries.c.endpoint, func.count()).where(deliveries.c.id.in_(ids)).group_by(deliveries.c.endpoint)
        return _counted(conn, query)


def _by_endpoint(*states: State) -> Select[tuple[str, int]]:
    return (
        select(deliveries.c.endpoint, func.count())
        .where(deliveries.c.state.in_([state.value for state in states]))
        .group_by(deliveries.c.endpoint)
    )


def _counted(conn: Connection, query: Select[tuple[str, int]]) -> dict[str, int]:
    rows: list[Any] = list(conn.execute(query))
    return {name: count for name, count in rows}
