"""The account at the end: what was said, what the other side stored, and what a person had to look at."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, select

from hub import operations
from hub.app import Hub
from hub.errors import HubError, every_error
from hub.ledger.tables import deliveries
from hub.registers import failures
from hub.rules.lifecycle import ENDED, State
from tests.day.world import OTHER, World

#: Cause -> who must act.
_WHO = {each.code: each.who for each in every_error()}
ACTOR, WHY = "ca trực", "đối chiếu với sổ của đối tác qua điện thoại"


@dataclass
class Account:
    """What it came to."""

    seed: int
    dossiers: int = 0
    said: int = 0
    stored: int = 0
    #: Messages of a dossier that the other side does not have, or has in another order.
    lost: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    #: Deliveries that stand still and nobody is named who must act.
    without_owner: list[str] = field(default_factory=list)
    #: Ledger and partner disagree on what was delivered.
    disagreeing: list[str] = field(default_factory=list)
    settled: Counter[str] = field(default_factory=Counter)
    faults: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        return not (self.lost or self.out_of_order or self.doubled or self.without_owner or self.disagreeing)

    def to_json(self) -> str:
        """Write all of it."""
        return json.dumps(vars(self) | {"clean": self.clean}, ensure_ascii=False, indent=2)


def stored(world: World) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Give what each partner holds: partner -> reference -> its messages in order."""
    return {name: partner.account()["dossiers"] for name, partner in world.partners.items()}


def open_ones(hub: Hub) -> list[Any]:
    """List the deliveries that have not ended."""
    with hub.ledger.read() as conn:
        return list(conn.execute(select(deliveries).where(_not_ended()).order_by(deliveries.c.place)))


def settle(world: World, hub: Hub, account: Account) -> int:
    """Do what an operator does who asks each partner for its book; gives how many deliveries have not ended."""
    with hub.ledger.read() as conn:
        left = int(conn.execute(select(func.count()).select_from(deliveries).where(_not_ended())).scalar_one())
        waiting = list(conn.execute(select(deliveries).where(_waits_for_a_person())))
    if waiting:
        _check_owners(hub, waiting, account)
        held = stored(world)
        for row in waiting:
            _settle_one(hub, row, held, account)
    return left


def _not_ended() -> ColumnElement[bool]:
    return deliveries.c.state.not_in([state.value for state in ENDED])


def _waits_for_a_person() -> ColumnElement[bool]:
    in_doubt = (deliveries.c.state == State.IN_DOUBT.value) & (deliveries.c.doubt == "park")
    return (deliveries.c.state == State.PARKED.value) | in_doubt


def _check_owners(hub: Hub, waiting: list[Any], account: Account) -> None:
    """Every delivery that waits for a person is shown in a group with its cause, and its cause says who must act."""
    with hub.ledger.read() as conn:
        shown = failures.failures(conn, now=hub.now())
    causes = {group.cause.error_code for group in (*shown.parked, *shown.in_doubt)}
    account.without_owner += [f"{row.id}: {row.error_code}" for row in waiting if row.error_code not in causes & set(_WHO)]


def _settle_one(hub: Hub, row: Any, held: dict[str, dict[str, list[dict[str, str]]]], account: Account) -> None:
    kept = held[row.endpoint].get(row.subject.partition(":")[2], [])
    arrived = any(one["messageId"] == row.native_id for one in kept)
    try:
        if row.state == State.PARKED.value and not arrived:
            operations.release(hub, row.id, actor=ACTOR, why=WHY)
            verb = "release"
        else:
            operations.settle(hub, row.id, arrived=arrived, actor=ACTOR, why=WHY)
            verb = "arrived" if arrived else "not arrived"
        account.settled[f"{verb} ({row.state}, {row.error_code})"] += 1
    except HubError:
        return  # it moved meanwhile; it is looked at again


def compare(world: World, said: dict[tuple[str, str], list[str]], account: Account) -> None:
    """Compare what each side said of each dossier with what the other side stored."""
    held = stored(world)
    account.dossiers, account.faults = len({reference for _, reference in said}), world.faults
    for (speaker, reference), services in said.items():
        account.said += len(services)
        kept = [f"{one['type']}/{one['function']}" for one in held[OTHER[speaker]].get(reference, [])]
        account.stored += len(kept)
        name = f"{speaker} {reference}: said {services}, stored {kept}"
        if sorted(kept) == sorted(services) and kept != services:
            account.out_of_order.append(name)
        elif len(kept) > len(services):
            account.doubled.append(name)
        elif kept != services:
            account.lost.append(name)
    for name, partner in world.partners.items():
        account.doubled += [f"{name}: {one}" for one in partner.account()["duplicates"]]


def agree(world: World, hub: Hub, account: Account) -> None:
    """Compare the ledger's list of what was delivered with each partner's own."""
    held = stored(world)
    with hub.ledger.read() as conn:
        rows = conn.execute(select(deliveries).order_by(deliveries.c.place)).all()
    ours: Counter[tuple[str, str, str]] = Counter(
        (row.endpoint, row.subject.partition(":")[2], row.native_id) for row in rows if row.state != State.ABANDONED.value
    )
    theirs = Counter(
        (name, reference, one["messageId"]) for name, book in held.items() for reference, kept in book.items() for one in kept
    )
    account.disagreeing += [f"only ours: {one}" for one in (ours - theirs)] + [f"only theirs: {one}" for one in (theirs - ours)]
