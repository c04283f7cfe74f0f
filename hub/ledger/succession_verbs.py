"""Verbs of succession: one partner takes another's place, and its open chains are moved, each in a commit of its own.

A chain is moved whole, in its order, to the tail of the same subject's chain at the successor; what the old partner may
have, or has a part of, is finished with it first. What was recorded is all that a process needs to go on after another died.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.engine import Row

from hub.canonical.compact_json import compact_sorted
from hub.ledger import attempt_rows, chains, finishing, holdings, journal, locks, payloads, telling
from hub.ledger.chains import Adding, Locked
from hub.ledger.partner_verbs import set_standing
from hub.ledger.sql import Statement
from hub.ledger.tables import deliveries
from hub.ledger.values import USUAL, Notice, Planned
from hub.ledger.working_tables import moves, successions
from hub.rules import succession
from hub.rules.lifecycle import ENDED, State, next_state
from hub.rules.retention import Kept, kept_for
from hub.rules.succession import MOVABLE, Successor

#: Heads of chains that can be moved stand in one of these.
_HEADS = (State.PENDING, State.WAITING, State.PARKED)
_OPEN = sorted(state.value for state in State if state not in ENDED)
_ALL = Statement(select(successions))
_TO_MOVE = Statement(
    select(deliveries.c.subject)
    .where((deliveries.c.endpoint == bindparam("old")) & (deliveries.c.state == bindparam("in_state")))
    .where(~finishing.STAYS)
    .order_by(deliveries.c.priority, deliveries.c.due_at)
    .limit(bindparam("most"))
)

#: (delivery's row, its canonical bytes) -> the calls that it needs at the successor; None: it cannot be said.
Replan = Callable[[Any, bytes], Sequence[Planned] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeding:
    """One succession, as it is carried out."""

    old: str
    new: str
    keeps_data: bool
    actor: str
    #: Nothing was left at the old one once.
    ended: bool = False


@dataclass(slots=True, kw_only=True)
class Moved:
    """What became of one chain."""

    #: Not empty: nothing was moved, since the head is busy, begun or unacknowledged (hub.rules.succession.stays_because).
    stays: str = ""
    deliveries: list[str] = field(default_factory=list)


def all_successors(conn: Connection) -> dict[str, Successor]:
    """Give who takes whose place."""
    return {row.old: Successor(new=row.new, keeps_data=bool(row.keeps_data)) for row in _ALL.run(conn)}


def under_way(conn: Connection) -> list[Succeeding]:
    """List all successions: also where nothing was left, something may be planned for the old one by who did not know yet."""
    rows = sorted(_ALL.run(conn), key=lambda row: (row.begun_at, row.old))
    return [
        Succeeding(
            old=row.old, new=row.new, keeps_data=bool(row.keeps_data), actor=row.actor, ended=row.ended_at is not None
        )
        for row in rows
    ]


def begin(conn: Connection, old: str, new: str, *, keeps_data: bool, actor: str, why: str, now: float) -> None:
    """Let one partner take another's place from now on; raise NotAllowed where it cannot, or somebody was faster."""
    locks.wait(conn, "successions")
    succession.check(all_successors(conn), old, new)
    row = {"old": old, "new": new, "keeps_data": keeps_data, "actor": actor, "why": why, "begun_at": now}
    conn.execute(successions.insert().values(**row, ended_at=None, moved_chains=0, moved_deliveries=0))
    set_standing(conn, old, "leaving", actor=actor, why=why, now=now)
    if keeps_data:
        holdings.inherit(conn, old, new, now)
    entry = {"old": old, "new": new, "keeps_data": keeps_data, "why": why}
    for name in sorted((old, new)):
        journal.append(conn, f"endpoint:{name}", "operator.succeed", at=now, actor=actor, entry=entry)


def subjects_to_move(conn: Connection, old: str, most: int) -> list[str]:
    """Name the subjects whose chains can be moved now, of each kind the first ones."""
    found = [
        subject
        for state in _HEADS
        for subject in _TO_MOVE.run(conn, old=old, in_state=state.value, most=most).scalars()
    ]
    return list(dict.fromkeys(found))


def is_left(conn: Connection, old: str) -> bool:
    """Say whether something is not done at the old partner."""
    here = (deliveries.c.endpoint == old) & deliveries.c.state.in_(_OPEN)
    return conn.execute(select(deliveries.c.id).where(here).limit(1)).first() is not None


def end(conn: Connection, old: str, *, now: float) -> bool:
    """Write down that nothing is left at the old partner, where that is so for the first time; say whether it is."""
    if is_left(conn, old):
        return False
    mine = (successions.c.old == old) & successions.c.ended_at.is_(None)
    if not conn.execute(update(successions).where(mine).values(ended_at=now)).rowcount:
        return False
    row = conn.execute(select(successions).where(successions.c.old == old)).one()
    set_standing(conn, old, "closed", actor=row.actor, why=row.why, now=now)
    entry = {"old": old, "new": row.new, "chains": row.moved_chains, "deliveries": row.moved_deliveries}
    journal.append(conn, f"endpoint:{old}", "succession.ended", at=now, actor="hub", entry=entry)
    return True


def move_chain(conn: Connection, of: Succeeding, subject: str, *, replan: Replan, now: float) -> Moved:
    """Move what is open of one chain to the successor's, in order, or leave it as it is where the old one is not done with it."""
    # The journal's end first, as all verbs that carry many: whoever has it changes this subject's chains.
    pages = journal.Pages(conn, [subject])
    locked = Locked(conn, [(of.old, subject), (of.new, subject)])
    if not locked.has((of.old, subject)):
        return Moved()
    head = locked[of.old, subject]["head"]
    rows = _open_rows(conn, of.old, subject, head)
    if stays := _stays(conn, rows, head):
        return Moved(stays=stays)
    moving = _Moving(conn, of, subject, locked, pages, now)
    for _, group in groupby(rows, key=lambda row: (row.message_id, row.canonical_digest)):
        of_message = list(group)
        open_ones = [row for row in of_message if State(row.state) in MOVABLE]
        if open_ones:
            moving.move(open_ones, _planned(conn, of_message, open_ones[0], replan))
    moving.close()
    pages.write()
    return moving.moved


def _open_rows(conn: Connection, old: str, subject: str, head: int) -> list[Row[Any]]:
    """Lock what stands from the head on, and give it, with what was delivered of the head's own message before it."""
    chain = (deliveries.c.endpoint == old) & (deliveries.c.subject == subject)
    query = select(deliveries).where(chain & (deliveries.c.place >= head)).order_by(deliveries.c.place).with_for_update()
    rows = list(conn.execute(query))
    if not rows:
        return []
    same = (deliveries.c.message_id == rows[0].message_id) & (deliveries.c.place < head)
    return [*conn.execute(select(deliveries).where(chain & same).order_by(deliveries.c.place)), *rows]


def _stays(conn: Connection, rows: Sequence[Row[Any]], head: int) -> str:
    return succession.stays_because(rows, head, lambda delivery: attempt_rows.in_doubt_still(conn, delivery))


def _planned(conn: Connection, rows: Sequence[Row[Any]], first: Row[Any], replan: Replan) -> Sequence[Planned] | None:
    """Give the calls of a message at the successor, but those that somebody gave up."""
    canonical = payloads.get(conn, first.canonical_digest)
    planned = replan(first, canonical) if canonical is not None else None
    given_up = {(row.service, row.part) for row in rows if State(row.state) not in MOVABLE}
    return None if planned is None else [each for each in planned if (each.service, each.part) not in given_up]


class _Moving:
    """One chain on its way to the successor."""

    def __init__(
        self, conn: Connection, of: Succeeding, subject: str, locked: Locked, pages: journal.Pages, now: float
    ) -> None:
        self._conn, self._of, self._subject = conn, of, subject
        self._locked, self._pages, self._now = locked, pages, now
        self._to = of.new, subject
        self._urgent: list[dict[str, Any]] = []
        self.moved = Moved()

    def move(self, rows: Sequence[Row[Any]], planned: Sequence[Planned] | None) -> None:
        """Move the deliveries of one message: as many as the successor needs calls, in their order."""
        if planned is None:
            for row in rows:
                self._move(row, None)
            return
        for row, call in zip_longest(rows, planned):
            if row is None:
                self._make(rows[0], call)
            elif call is None:
                self._drop(row, told=not planned)
            else:
                self._move(row, call)

    def close(self) -> None:
        """Leave the old chain without anything open, write the new one, and count."""
        of, name = self._of, (self._of.old, self._subject)
        free = self._free_place()
        self._locked.change(name, head=free, following=free)
        if of.keeps_data and self._locked.has(self._to):
            self._locked.inherit(name, self._to)
        self._locked.write()
        chains.hurry(self._conn, self._urgent)
        counted = {
            "moved_chains": successions.c.moved_chains + int(bool(self.moved.deliveries)),
            "moved_deliveries": successions.c.moved_deliveries + len(self.moved.deliveries),
        }
        self._conn.execute(update(successions).where(successions.c.old == of.old).values(**counted))

    def _free_place(self) -> int:
        """Give the place behind all that stays in the old chain."""
        chain = (deliveries.c.endpoint == self._of.old) & (deliveries.c.subject == self._subject)
        query = select(deliveries.c.place).where(chain).order_by(deliveries.c.place.desc()).limit(1)
        return int(self._conn.execute(query).scalar() or 0) + 1

    def _move(self, row: Row[Any], call: Planned | None) -> None:
        place, is_head = self._take_place(call)
        stopped = row.error_code if State(row.state) in (State.PARKED, State.HELD) else ""
        state = _state_there(State(row.state), is_head=is_head, stopped=bool(stopped))
        values = _anew(row, place, state, self._of.new, self._now) | ({} if stopped else _NO_ERROR)
        if call is not None:
            values |= {"service": call.service, "part": call.part, "priority": call.priority}
        self._conn.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
        if row.attempts:
            kept = {"delivery_id": row.id, "old": self._of.old, "new": self._of.new, "attempts": row.attempts}
            self._conn.execute(moves.insert().values(**kept, at=self._now))
        holdings.hand_over(self._conn, row, self._of.new, self._now)
        self._note(row.id, row.epoch + 1, place=place, was=row.state, state=state.value, attempts=row.attempts)

    def _make(self, like: Row[Any], call: Planned) -> None:
        """Add a call that the successor needs and the old one did not."""
        place, is_head = self._take_place(call)
        payloads.put(self._conn, call.canonical, self._now, kept_for(Kept.WORK, call.subject))
        adding = Adding(planned=call, message_id=like.message_id, origin=like.origin, at=self._now)
        state = State.PENDING if is_head else State.HELD
        chains.insert_rows(self._conn, [chains.row_of(adding, place, state)])
        self._note(call.id, 0, place=place, was="", state=state.value, attempts=0)

    def _drop(self, row: Row[Any], *, told: bool) -> None:
        """End a call that the successor does not need; the sender is told where it needs none of the message."""
        held = State.HELD if State(row.state) is State.HELD else next_state(State(row.state), "move")
        state = next_state(held, "abandon")
        vi, en = f"{self._of.new} không cần lượt này", f"{self._of.new} needs no such call"
        values = {"state": state.value, "epoch": row.epoch + 1, "lease_until": 0.0, "updated_at": self._now}
        values |= {"error_code": "not_needed", "error_where": row.service, "error_vi": vi, "error_en": en}
        self._conn.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
        holdings.take_back(self._conn, row)
        if told:
            notice = Notice(outcome=state.value, code="not_needed", vi=vi, en=en)
            telling.tell(self._conn, row, notice, self._now)
        self._note(row.id, row.epoch + 1, place=row.place, was=row.state, state=state.value, attempts=row.attempts)

    def _take_place(self, call: Planned | None) -> tuple[int, bool]:
        place, head = self._locked.take_place(self._to)
        if call is not None and call.priority < USUAL and place > head:
            self._urgent.append(chains.waiting_at(self._to, head, place, call.priority))
        return place, place == head

    def _note(self, delivery: str, epoch: int, **told: Any) -> None:
        entry = {"delivery": delivery, "epoch": epoch, "from": self._of.old, "to": self._of.new, "by": self._of.actor, **told}
        self._pages.append(self._subject, "delivery.moved", at=self._now, actor="hub", entry=entry)
        self.moved.deliveries.append(delivery)


def _state_there(state: State, *, is_head: bool, stopped: bool) -> State:
    """Say where a delivery stands behind all that is there: as a new one, which is parked when its turn comes if it was."""
    if state is not State.HELD:
        state = next_state(state, "move")
    if is_head:
        state = next_state(state, "turn")
        state = next_state(state, "park") if stopped else state
    return state


_NO_ERROR = {"error_code": "", "error_where": "", "error_en": "", "error_vi": "", "partner_code": ""}


def _anew(row: Row[Any], place: int, state: State, new: str, now: float) -> dict[str, Any]:
    """Give the columns of a delivery that is written anew for the successor; a bus message that names it finds nothing."""
    return {
        "endpoint": new,
        "place": place,
        "state": state.value,
        "epoch": row.epoch + 1,
        "lease_until": 0.0,
        "due_at": now,
        "doubt": "",
        "inquiries": 0,
        "fruitless": 0,
        "variant": "",
        "business_digest": "",
        "head": compact_sorted({}),
        "native_id": "",
        "answered": "",
        "updated_at": now,
    }
