"""The account at the end: what was sent, what the partners stored, and whether anything is lost, doubled or out of order."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from hub import operations
from hub.app import Hub
from hub.errors import HubError
from hub.ledger.tables import deliveries
from hub.rules.lifecycle import State
from hub.wire import Wire
from tests.fire.senders import Sent
from tests.fire.town import Town, recipients, token
from tests.support.looking import broken_rows, check_chains

ACTOR, WHY = "ca trực", "sau sự cố: đối tác xác nhận theo sổ của họ"
_DONE = (State.DELIVERED.value, State.ACKNOWLEDGED.value)
QUIET_SECONDS = 300.0


@dataclass
class Account:
    """What it came to."""

    seed: int
    sent: int = 0
    sent_again: int = 0
    deliveries: int = 0
    stored: int = 0
    stored_under_fire: int = 0
    repeats_dropped: int = 0
    #: Deliveries whose bytes no partner has.
    lost: list[str] = field(default_factory=list)
    #: Files that cannot be had back as they were given.
    lost_files: list[str] = field(default_factory=list)
    files: int = 0
    #: Identifiers that a partner stored twice.
    doubled: list[str] = field(default_factory=list)
    #: Partner and dossier whose messages stand in another order than they were sent in.
    out_of_order: list[str] = field(default_factory=list)
    #: Why a person had to look, and how often.
    settled: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    journal_breaks: int = 0

    @property
    def clean(self) -> bool:
        return not (self.lost or self.lost_files or self.doubled or self.out_of_order or self.journal_breaks)

    def to_json(self) -> str:
        """Write all of it."""
        return json.dumps(vars(self) | {"clean": self.clean}, ensure_ascii=False, indent=2)


def settle_all(town: Town, account: Account) -> None:
    """Wait until nothing moves by itself; let an operator settle what is left, by the partners' own books; until all is done."""
    hub = town.hub()
    hub.bus.open()
    until = time.monotonic() + QUIET_SECONDS
    try:
        while open_ones := _open_ones(hub):
            for row in _waiting_for_a_person(open_ones):
                _settle(town, hub, row, account)
            assert time.monotonic() < until, Counter((row.endpoint, row.state, row.error_code) for row in open_ones)
            threading.Event().wait(0.5)
        account.deliveries = len(_rows(hub))
        account.journal_breaks = len(broken_rows(hub.ledger))
        check_chains(hub.ledger)
    finally:
        hub.bus.close()
        hub.ledger.close()


def _rows(hub: Hub) -> list[Any]:
    with hub.ledger.read() as conn:
        return list(conn.execute(select(deliveries).order_by(deliveries.c.place)))


def _open_ones(hub: Hub) -> list[Any]:
    return [row for row in _rows(hub) if row.state not in _DONE]


def _waiting_for_a_person(rows: list[Any]) -> list[Any]:
    return [row for row in rows if row.state == State.PARKED.value or (row.state == State.IN_DOUBT.value and row.doubt == "park")]


def _settle(town: Town, hub: Hub, row: Any, account: Account) -> None:
    """Do what an operator does who asks the partner by telephone."""
    arrived = bool(row.native_id) and town.partners[row.endpoint].has(row.native_id)
    act: Callable[[], Any]
    if row.state == State.PARKED.value and not arrived:
        verb, act = "release", lambda: operations.release(hub, row.id, actor=ACTOR, why=WHY)
    else:
        held = {"dossier": row.subject.partition(":")[2]} if arrived and row.service.startswith("GuiHoSo") else None
        verb = "settle arrived" if arrived else "settle not arrived"
        act = lambda: operations.settle(hub, row.id, arrived=arrived, held=held, actor=ACTOR, why=WHY)  # noqa: E731
    try:
        act()
        account.settled[f"{verb} ({row.state}, {row.error_code})"] += 1
    except HubError:
        # It moved meanwhile; it is looked at again.
        return


def compare(town: Town, sent: Sent, account: Account) -> None:
    """Compare what was sent with what every partner stored."""
    account.sent, account.sent_again = sent.messages, sent.repeats
    for name, partner in town.partners.items():
        account.stored += len(partner.arrivals)
        account.repeats_dropped += len(partner.dropped)
        account.doubled += [f"{name}: {identity}" for identity, count in partner.taken().items() if count > 1]
    for (who, dossier), numbers in sent.numbers.items():
        for name in recipients(who):
            _compare_one(account, name, dossier, numbers, town.partners[name].marks(dossier))


def fetch_files(town: Town, sent: Sent, account: Account) -> None:
    """Have every file back from a door, and compare."""
    town.open_doors()
    wire = Wire()
    account.files = len(sent.files)
    for digest, who in sent.files.items():
        headers = {"Authorization": f"Bearer {token(who)}"}
        reply = wire.call("GET", f"{town.doors[0]}/attachments/{digest}", headers=headers, deadline_seconds=60)
        if reply.status != 200 or f"sha256:{hashlib.sha256(reply.body).hexdigest()}" != digest:
            account.lost_files.append(f"{digest}: {reply.status}")
    wire.close()


def _compare_one(account: Account, name: str, dossier: str, numbers: list[int], marks: list[str]) -> None:
    arrived = [int(mark.removeprefix("#").partition("/")[0]) for mark in marks]
    account.lost += [f"{name}: {dossier} #{number}" for number in numbers if number not in arrived]
    if arrived != sorted(arrived, key=numbers.index):
        account.out_of_order.append(f"{name}: {dossier} sent {numbers}, stored {marks}")
