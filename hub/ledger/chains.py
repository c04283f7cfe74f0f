"""Chains: the deliveries of one subject to one endpoint, in order (Resequencer by construction).

A delivery's place comes from a row that stays locked until the commit, so place order is commit order. The row points
at the head; followers are HELD, and the commit that ends the head wakes the next one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Double, Integer, Text, bindparam, select, update

from hub.canonical.compact_json import compact_texts
from hub.canonical.digests import digest_of
from hub.ledger.for_each import Unheard, for_each, insert_each
from hub.ledger.sql import Statement, fixed
from hub.ledger.tables import chains, deliveries
from hub.ledger.values import USUAL, Planned
from hub.rules.lifecycle import IN_WORK, State, next_state

#: Endpoint and subject of a chain.
Name = tuple[str, str]

_HERE = (chains.c.endpoint == bindparam("at_endpoint")) & (chains.c.subject == bindparam("at_subject"))
_OF_CHAIN = (deliveries.c.endpoint == bindparam("at_endpoint")) & (deliveries.c.subject == bindparam("at_subject"))

_PLACES = Statement(select(chains.c.next_place, chains.c.head_place).where(_HERE))


def _each(given: Any) -> Any:
    return (chains.c.endpoint == given.at_endpoint) & (chains.c.subject == given.at_subject)


_HELD_EACH = for_each(
    lambda given: select(chains.c.endpoint, chains.c.subject, chains.c.held).where(_each(given)),
    at_endpoint=Text,
    at_subject=Text,
)
_LOCK_EACH = for_each(
    lambda given: select(chains).where(_each(given)).order_by(chains.c.endpoint, chains.c.subject).with_for_update(),
    at_endpoint=Text,
    at_subject=Text,
)
_NEW_EACH = insert_each(chains, "endpoint", "subject", "next_place", "head_place", "held", new=["endpoint", "subject"])
_CHANGE_EACH = for_each(
    lambda given: update(chains).where(_each(given)).values(next_place=given.following, head_place=given.head, held=given.holds),
    at_endpoint=Text,
    at_subject=Text,
    following=Integer,
    head=Integer,
    holds=Text,
)
_ADD_EACH = insert_each(deliveries, *deliveries.c.keys())
#: What stands before an urgent delivery in its chain has to go first, so it becomes as urgent. A row that somebody holds is
#: at work; waiting for it could be for ever, since it may wait for this chain.
_BEFORE = (
    select(deliveries.c.id)
    .where(_OF_CHAIN & (deliveries.c.place >= bindparam("head")) & (deliveries.c.place < bindparam("behind")))
    .where(deliveries.c.state.not_in(fixed(sorted(state.value for state in IN_WORK))))
    .where(deliveries.c.priority > bindparam("new_priority"))
    .with_for_update(skip_locked=True)
)
_HURRY = Statement(update(deliveries).where(deliveries.c.id.in_(_BEFORE)).values(priority=bindparam("new_priority")))
#: Behind the head a delivery is held or was given up; nothing else can be there.
_NEXT = Statement(
    select(deliveries.c.id, deliveries.c.place, deliveries.c.error_code)
    .where(_OF_CHAIN & (deliveries.c.place > bindparam("behind")) & deliveries.c.state.in_(fixed((State.HELD.value,))))
    .order_by(deliveries.c.place)
    .limit(1)
)
_TURN_EACH = for_each(
    lambda given: (
        update(deliveries)
        .where(deliveries.c.id == given.delivery)
        .values(state=given.new_state, due_at=given.now, updated_at=given.now)
    ),
    delivery=Text,
    new_state=Text,
    now=Double,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adding:
    """A delivery that gets its place at the tail of its chain."""

    planned: Planned
    message_id: str
    origin: str
    at: float
    #: Of its canonical bytes, where it is known already.
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a delivery's end tells of its chain; also what is learnt of a chain at another moment."""

    endpoint: str
    subject: str
    #: Its place; 0 where the chain does not move on.
    place: int = 0
    #: What the partner is known to hold by it.
    found: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0


class Locked:
    """Chains, locked until the commit, with what this commit changes."""

    def __init__(self, conn: Connection, names: Iterable[Name]) -> None:
        self._conn = conn
        self._rows: dict[Name, dict[str, Any]] = {}
        self._new: set[Name] = set()
        self._changed: set[Name] = set()
        # In one order, so that two processes never wait for each other crosswise.
        sought = [{"at_endpoint": endpoint, "at_subject": subject} for endpoint, subject in sorted(set(names))]
        for row in _LOCK_EACH.find(conn, sought):
            at = {"following": row.next_place, "head": row.head_place, "holds": row.held}
            self._rows[row.endpoint, row.subject] = {"at_endpoint": row.endpoint, "at_subject": row.subject, **at}

    def __getitem__(self, name: Name) -> dict[str, Any]:
        return self._rows[name]

    def has(self, name: Name) -> bool:
        """Say whether there is such a chain, be it new in this commit."""
        return name in self._rows

    def inherit(self, before: Name, name: Name) -> None:
        """Let a chain know what another partner was known to hold; what it knows itself counts more."""
        known = json.loads(self._rows[before]["holds"]) | json.loads(self._rows[name]["holds"])
        self.change(name, holds=compact_texts(known))

    def take_place(self, name: Name) -> tuple[int, int]:
        """Give the place at the tail, and the head's."""
        if name not in self._rows:
            at = {"following": 1, "head": 1, "holds": "{}"}
            self._rows[name] = {"at_endpoint": name[0], "at_subject": name[1], **at}
            self._new.add(name)
        row = self._rows[name]
        place = row["following"]
        self.change(name, following=place + 1)
        return place, row["head"]

    def change(self, name: Name, **values: Any) -> None:
        if any(self._rows[name][column] != value for column, value in values.items()):
            self._rows[name].update(values)
            self._changed.add(name)

    def write(self, unheard: Unheard | None = None) -> None:
        """Write what changed; raise Meanwhile where another process has just begun one of the new chains."""
        new = [self._rows[name] for name in sorted(self._new)]
        columns = {"endpoint": "at_endpoint", "subject": "at_subject", "next_place": "following", "head_place": "head"}
        rows = [{column: row[name] for column, name in columns.items()} | {"held": row["holds"]} for row in new]
        _NEW_EACH.change_all(self._conn, rows, unheard)
        _CHANGE_EACH.change(self._conn, [self._rows[name] for name in sorted(self._changed - self._new)])


def add(conn: Connection, adding: Sequence[Adding], unheard: Unheard | None = None) -> list[State]:
    """Add deliveries at the tails of their chains: PENDING where one is the head, else HELD; give their states.

    Their canonical bytes must be among the payloads already. Raises Meanwhile where the verb has to be carried out again.
    """
    locked = Locked(conn, ((each.planned.endpoint, each.planned.subject) for each in adding))
    states, rows, urgent = [], [], []
    for each in adding:
        place, head = locked.take_place((each.planned.endpoint, each.planned.subject))
        state = _state(each.planned, is_head=place == head)
        states.append(state)
        rows.append(row_of(each, place, state))
        if each.planned.priority < USUAL and place > head:
            urgent.append(waiting_at((each.planned.endpoint, each.planned.subject), head, place, each.planned.priority))
    locked.write(unheard)
    _ADD_EACH.change(conn, rows)
    hurry(conn, urgent)
    return states


def waiting_at(name: Name, head: int, place: int, priority: int) -> dict[str, Any]:
    """Say where an urgent delivery waits, for ``hurry``."""
    return {"at_endpoint": name[0], "at_subject": name[1], "head": head, "behind": place, "new_priority": priority}


def hurry(conn: Connection, urgent: Iterable[Mapping[str, Any]]) -> None:
    """Make what stands before urgent deliveries in their chains as urgent."""
    for where in urgent:
        _HURRY.run(conn, **where)


def _state(planned: Planned, *, is_head: bool) -> State:
    if not is_head:
        return State.HELD
    return next_state(State.PENDING, "park") if planned.park else State.PENDING


def row_of(adding: Adding, place: int, state: State) -> dict[str, Any]:
    """Write the row of a delivery that gets this place."""
    planned = adding.planned
    code, where, en, vi = planned.park or ("", "", "", "")
    return {
        "id": planned.id,
        "message_id": adding.message_id,
        "origin": adding.origin,
        "canonical_digest": adding.digest or digest_of(planned.canonical),
        "endpoint": planned.endpoint,
        "subject": planned.subject,
        "place": place,
        "procedure": planned.procedure,
        "kind": planned.kind,
        "event": planned.event,
        "service": planned.service,
        "part": planned.part,
        "variant": "",
        "state": state.value,
        "epoch": 0,
        "lease_until": 0.0,
        "due_at": adding.at,
        "priority": planned.priority,
        "doubt": "",
        "inquiries": 0,
        "attempts": 0,
        "fruitless": 0,
        "business_digest": "",
        "head": "{}",
        "native_id": "",
        "answered": "",
        "error_code": code,
        "error_where": where,
        "error_en": en,
        "error_vi": vi,
        "partner_code": "",
        "created_at": adding.at,
        "updated_at": adding.at,
        "happened_at": planned.happened_at,
    }


def held(conn: Connection, endpoint: str, subject: str) -> dict[str, str]:
    """Give what the partner is known to hold for this subject."""
    return held_by(conn, [(endpoint, subject)]).get((endpoint, subject), {})


def insert_rows(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write new deliveries whose places are taken."""
    _ADD_EACH.change(conn, rows)


def is_begun(conn: Connection, endpoint: str, subject: str) -> bool:
    """Say whether there is such a chain, open or not."""
    return _PLACES.run(conn, at_endpoint=endpoint, at_subject=subject).first() is not None


def is_open(conn: Connection, endpoint: str, subject: str) -> bool:
    """Say whether a chain has deliveries that are not done."""
    chain = _PLACES.run(conn, at_endpoint=endpoint, at_subject=subject).first()
    return chain is not None and bool(chain.head_place < chain.next_place)


def held_by(conn: Connection, names: Iterable[Name]) -> dict[Name, dict[str, str]]:
    """Give what the partners are known to hold for these subjects."""
    sought = [{"at_endpoint": endpoint, "at_subject": subject} for endpoint, subject in dict.fromkeys(names)]
    return {(row.endpoint, row.subject): dict(json.loads(row.held)) for row in _HELD_EACH.find(conn, sought)}


def learn(conn: Connection, endpoint: str, subject: str, found: Mapping[str, str]) -> None:
    """Merge what a receipt or an inquiry tells about what the partner holds."""
    end(conn, [Ending(endpoint=endpoint, subject=subject, found=found)])


def wake(conn: Connection, ended: Any, *, at: float) -> dict[str, str]:
    """Move the head past one delivery that is done; see ``end``."""
    return end(conn, [Ending(endpoint=ended.endpoint, subject=ended.subject, place=ended.place, at=at)])[0]


def end(conn: Connection, endings: Sequence[Ending]) -> list[dict[str, str]]:
    """Merge what is learnt, move the heads past deliveries that are done, and give the next ones their turn.

    One that is not the head moves nothing: a follower that was given up, or one that is acknowledged after the chain
    went on. Gives for each, for the journal, the delivery whose turn it is now and its state; nothing where there is none.
    """
    locked = Locked(conn, ((each.endpoint, each.subject) for each in endings if each.place or each.found))
    turns, rows = [], []
    for each in endings:
        turn = _ended(conn, locked, each) if each.place or each.found else None
        turns.append({"next": turn["delivery"], "next_state": turn["new_state"]} if turn else {})
        rows += [turn] if turn else []
    locked.write()
    _TURN_EACH.change(conn, rows)
    return turns


def _ended(conn: Connection, locked: Locked, ending: Ending) -> dict[str, Any] | None:
    name = ending.endpoint, ending.subject
    chain = locked[name]
    if ending.found:
        locked.change(name, holds=compact_texts(json.loads(chain["holds"]) | dict(ending.found)))
    if ending.place != chain["head"]:
        return None
    following = None
    if ending.place + 1 < chain["following"]:
        following = _NEXT.run(conn, at_endpoint=ending.endpoint, at_subject=ending.subject, behind=ending.place).first()
    locked.change(name, head=following.place if following else chain["following"])
    if following is None:
        return None
    state = next_state(State.HELD, "turn")
    if following.error_code:
        state = next_state(state, "park")
    return {"delivery": following.id, "new_state": state.value, "now": ending.at}
