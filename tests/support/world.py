"""A world in which everything that can go wrong does, when it is told to: partner, wire, bus, workers and clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import select

from hub import delivery, dispatch
from hub.app import Hub
from hub.canonical.message import from_json
from hub.contract import Call, Outgoing, Reply, Writing
from hub.errors import HubError, InDoubt, NotSent
from hub.ledger import chains, payloads
from hub.ledger.tables import chains as chain_rows
from hub.rules.lifecycle import ENDED, State
from hub.rules.queued import Due
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.looking import all_deliveries
from tests.support.partner import BUSY, REFUSED, TAKEN, Partner, said

DEADLINE_SECONDS = 60.0
#: A partner that answered nothing may still take a call within this time: less than the endpoint's ``settle_after``.
SLOW_SECONDS = 100.0
#: Longer than any lease.
LONG_SECONDS = 1000.0

#: What may come of one call, as the partner and the wire make it.
OUTCOMES = (
    "taken", "refused", "busy", "not sent", "taken, no reply", "lost, no reply", "taken later, no reply", "taken, garbage",
    "bug", "stalled before", "taken, stalled after",
)  # fmt: skip
ANSWERS = ("truth", "unknown", "not sent", "bug")
VERBS = ("claim_all", "doubtful", "record_all_sending", "record_all_delivered", "record_failed", "record_finding")


class Killed(BaseException):
    """The worker's process is gone."""


class Bag:
    """A bus that keeps what it was given until the test hands it to a worker: it may lose and repeat anything."""

    def __init__(self) -> None:
        self.dues: list[Due] = []
        #: Everything that was ever published, for repeats that come late.
        self.ever: list[Due] = []
        self.refuses = False

    def takes(self, endpoint: str) -> bool:
        """Say so always: what it then refuses is taken back."""
        return True

    def publish(self, due: Iterable[Due]) -> list[Due]:
        """Take what dispatch publishes, or refuse it."""
        given = list(due)
        if self.refuses:
            return given
        self.dues.extend(given)
        self.ever.extend(given)
        return []

    def wake(self, *endpoints: str) -> None:
        """Nobody sleeps here."""


class MortalLedger:
    """The ledger as a worker sees it who dies before or after one of its verbs."""

    def __init__(self, ledger: Any, verb: str, when: str) -> None:
        self._ledger, self._verb, self._when = ledger, verb, when

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._ledger, name)
        if name != self._verb:
            return value

        def call(*given: Any, **named: Any) -> Any:
            if self._when == "before":
                raise Killed
            value(*given, **named)
            raise Killed

        return call


@dataclass
class World:
    """A hub, its partner, and what goes wrong next."""

    hub: Hub
    clock: Clock
    partner: Partner
    bag: Bag = field(default_factory=Bag)
    #: What comes of the next call, and of the next question.
    outcome: str = "taken"
    answer: str = "truth"
    #: What else happens while the next worker is stalled.
    meanwhile: Callable[[], None] = lambda: None
    #: Calls that the partner will take later: (when, service, body, identity).
    later: list[tuple[float, Outgoing]] = field(default_factory=list)

    #: How long workers have waited, and whether they are told to stop meanwhile.
    paused: list[float] = field(default_factory=list)
    stops: bool = False

    @classmethod
    def open(cls, folder: Path, ledger: str = support.SQLITE, **at: Any) -> World:
        """Open a hub on a folder, with a partner in memory."""
        clock = Clock()
        partners = {support.PARTNER: support.At(deadline_seconds=DEADLINE_SECONDS, **at)}
        configured = support.configure(folder, partners, ledger=ledger)
        world = cls(support.open_hub(configured, clock), clock, Partner())
        transport = WorldTransport(world)
        world.hub = replace(world.hub, bus=world.bag, transports=lambda endpoint: transport, draw=lambda: 0.5, pause=world.pause)
        return world

    def close(self) -> None:
        self.hub.ledger.close()

    def pause(self, seconds: float) -> bool:
        """Let a worker wait, without waiting."""
        self.paused.append(seconds)
        return self.stops

    def advance(self, seconds: float) -> None:
        """Let time pass; what the partner was slow to take is taken."""
        self.clock.advance(seconds)
        ripe = [outgoing for when, outgoing in self.later if when <= self.hub.now()]
        self.later = [(when, outgoing) for when, outgoing in self.later if when > self.hub.now()]
        for outgoing in ripe:
            self.partner.take(outgoing.service, outgoing.body)

    def dispatch(self) -> None:
        """Take back lapsed leases, and put on the bus what is due."""
        dispatch.queue(self.hub)

    def work(self, due: Due, *, dies: tuple[str, str] | None = None) -> None:
        """Let a worker act on a bus message; errors and death end as they do in a worker's process."""
        hub = replace(self.hub, ledger=MortalLedger(self.hub.ledger, *dies)) if dies else self.hub
        try:
            (delivery.inquire if due.purpose == "inquire" else delivery.deliver)(hub, due)
        except (HubError, Killed, ZeroDivisionError):
            return

    def is_coming(self, identity: str) -> bool:
        """Say whether a call with this identifier is still under way to the partner's books."""
        return any(outgoing.head["message_id"] == identity for _, outgoing in self.later)

    def settle_truly(self, delivery_id: str, identity: str) -> None:
        """Let an operator look at the partner's account and say what is there."""
        notice = self.hub.notice(self._row(delivery_id), "delivered")
        arrived = self.partner.has(identity)
        held = {"dossier": self._row(delivery_id).subject.partition(":")[2]} if arrived else {}
        self.hub.ledger.settle(
            delivery_id,
            arrived=arrived,
            evidence=b"account",
            found=held,
            waits=self.hub.waits_for_acknowledgement(self._row(delivery_id)),
            notice=notice,
            actor="an",
            why="looked at the account",
            now=self.hub.now(),
        )

    def hand_over(self, delivery_id: str) -> bool:
        """Let an operator bring to the partner what is not sent yet, and say that it arrived; say whether the partner took it."""
        row = self._row(delivery_id)
        with self.hub.ledger.read() as conn:
            message = from_json(payloads.get(conn, row.canonical_digest) or b"")
            held = chains.held(conn, row.endpoint, row.subject)
        endpoint = self.hub.endpoint(row.endpoint)
        writing = Writing(
            options=endpoint.options, codes=self.hub.codes(), held=held, now=self.hub.clock(), message_id=f"hand-{row.id}"
        )
        call = Call(service=row.service, part=json.loads(row.part))
        body = self.hub.adapter(endpoint).write_message(message, call, writing).body
        if not self.partner.has(row.native_id) and self.partner.take(row.service, body) != TAKEN:
            return False
        self.hub.ledger.settle(
            delivery_id,
            arrived=True,
            evidence=b"signed for",
            found={"dossier": row.subject.partition(":")[2]},
            waits=self.hub.waits_for_acknowledgement(row),
            notice=self.hub.notice(row, "delivered"),
            actor="an",
            why="brought by hand",
            now=self.hub.now(),
        )
        return True

    def unacknowledged(self) -> list[Any]:
        """Give what is delivered, and whose chain waits for the partner's acknowledgement."""
        with self.hub.ledger.read() as conn:
            heads = set(conn.execute(select(chain_rows.c.endpoint, chain_rows.c.subject, chain_rows.c.head_place)))
        rows = [row for row in all_deliveries(self.hub.ledger) if row.state == State.DELIVERED]
        return [row for row in rows if (row.endpoint, row.subject, row.place) in heads]

    def settle_answer(self, row: Any, *, acknowledged: bool) -> None:
        """Let an operator say what the partner answered by telephone."""
        outcome = "acknowledged" if acknowledged else "refused_late"
        notice = self.hub.notice(row, outcome)
        given = {"evidence": b"call", "notice": notice, "actor": "an", "why": "called", "now": self.hub.now()}
        self.hub.ledger.settle_answer(row.id, acknowledged=acknowledged, **given)

    def _row(self, delivery_id: str) -> Any:
        return next(row for row in all_deliveries(self.hub.ledger) if row.id == delivery_id)

    def heal(self, rounds: int = 60) -> None:
        """Let nothing go wrong any more, and an operator see to what stands still, until everything has ended."""
        self.outcome, self.answer, self.bag.refuses, self.meanwhile = "taken", "truth", False, lambda: None
        for _ in range(rounds):
            rows = [row for row in all_deliveries(self.hub.ledger) if State(row.state) not in ENDED]
            if not rows:
                return
            for row in rows:
                self._see_to(row)
            for row in self.unacknowledged():
                self.settle_answer(row, acknowledged=True)
            self.advance(LONG_SECONDS)
            self.dispatch()
            while self.bag.dues:
                self.work(self.bag.dues.pop(0))
        raise AssertionError(f"never ended: {[(row.place, row.state, row.doubt, row.error_en) for row in rows]}")

    def _see_to(self, row: Any) -> None:
        if row.state == State.PARKED:
            self.hub.ledger.release(row.id, actor="an", why="mended", now=self.hub.now())
        elif row.state == State.IN_DOUBT and row.doubt == "park" and not self.is_coming(row.native_id):
            self.settle_truly(row.id, row.native_id)

    def check_partner(self, resend_safe: Callable[[str], bool]) -> None:
        """Check what the partner took: nothing twice unless that is safe, and no dossier's calls out of order."""
        counts: dict[str, int] = {}
        for each in self.partner.arrivals:
            counts[each.mark] = counts.get(each.mark, 0) + 1
        twice = [mark for mark, count in counts.items() if count > 1 and not resend_safe(mark)]
        assert not twice, f"taken twice: {twice}"
        for dossier in {each.dossier for each in self.partner.arrivals}:
            marks = [mark for mark, _ in groupby(self.partner.marks(dossier))]
            assert marks == sorted(marks, key=_order), f"{dossier}: {marks}"


def _order(mark: str) -> tuple[int, int]:
    number, _, step = mark.removeprefix("#").partition("/")
    return int(number), int(step or -1)


class WorldTransport:
    """The wire to the partner, as this world makes it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Do with one call what was said of the next one."""
        world = self._world
        outcome, world.outcome = world.outcome, "taken"
        if outcome == "not sent":
            raise NotSent("refused connection", "không kết nối được")
        if outcome == "stalled before":
            self._stall()
        fence()
        if outcome in ("refused", "busy"):
            return self._reply(REFUSED if outcome == "refused" else BUSY)
        if outcome == "taken later, no reply":
            world.later.append((world.hub.now() + SLOW_SECONDS, outgoing))
        if outcome.startswith("taken later") or outcome.startswith("lost"):
            raise InDoubt("no reply", "không có trả lời")
        code = world.partner.take(outgoing.service, outgoing.body)
        if outcome == "bug":
            raise ZeroDivisionError
        if outcome == "taken, no reply":
            raise InDoubt("no reply", "không có trả lời")
        if outcome == "taken, stalled after":
            self._stall()
        return self._reply("garbage" if outcome == "taken, garbage" else code)

    def _stall(self) -> None:
        """The process stands still for longer than its lease, and the world goes on."""
        meanwhile, self._world.meanwhile = self._world.meanwhile, lambda: None
        self._world.advance(LONG_SECONDS)
        meanwhile()

    def _reply(self, code: str) -> Reply:
        return Reply(status=200, body=said(code).body, sent=b"")

    def ask(self, outgoing: Outgoing, subject: Any) -> Reply:
        """Answer one question."""
        answer, self._world.answer = self._world.answer, "truth"
        if answer == "not sent":
            raise NotSent("refused connection", "không kết nối được")
        if answer == "bug":
            raise ZeroDivisionError
        code = self._world.partner.look_up(outgoing.head["message_id"])
        return self._reply("77" if answer == "unknown" else code)
