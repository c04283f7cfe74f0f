"""A succession loses nothing, sends nothing twice and keeps the order over both partners, whatever happens meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from hub.errors import NotAllowed
from hub.operations import successions
from hub.registers.successors import SuccessorBook
from hub.rules.lifecycle import IN_WORK, State
from tests.promises.test_replay import CONCURRENCY, DOSSIERS, MESSAGES, SERVICES, WAITING, ReplayMachine
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.looking import all_deliveries, all_messages, check_chains
from tests.support.partner import Partner
from tests.support.world import DEADLINE_SECONDS, LONG_SECONDS, Killed, MortalLedger, World, WorldTransport

OLD, NEW = support.PARTNER, "bo_moi"
BOTH = (OLD, NEW)
ROUTES = f'[[route]]\nname = "all"\nfrom = ["{support.SENDER}"]\nto = ["{OLD}"]\n'


class Account(Partner):
    """What both took, in one list, and which of them took each."""

    def __init__(self) -> None:
        super().__init__()
        self.where: list[str] = []
        #: Identifier of a call -> who was given it last.
        self.given: dict[str, str] = {}

    def take(self, service: str, body: bytes) -> str:
        """Take one call; note for whom it was."""
        before = len(self.arrivals)
        code = super().take(service, body)
        self.where += [self.given[each.identity] for each in self.arrivals[before:]]
        return code


class SuccessionWorld(World):
    """A hub whose partner gets a successor; both write into one account, so that what came twice or in another order shows."""

    #: Nobody comes to moving chains, while others dispatch.
    is_late: bool

    @classmethod
    def open(cls, folder: Path, ledger: str = support.SQLITE, **at: Any) -> SuccessionWorld:
        """Open a hub on a folder, with both partners in memory."""
        clock = Clock()
        both = dict.fromkeys(BOTH, support.At(deadline_seconds=DEADLINE_SECONDS, **at))
        configured = support.configure(folder, both, ledger=ledger, routes=ROUTES)
        world = cls(support.open_hub(configured, clock), clock, Account())
        world.is_late = False
        wires = {name: TaggedTransport(world, name) for name in both}
        world.hub = replace(world.hub, bus=world.bag, transports=lambda endpoint: wires[endpoint.name], draw=lambda: 0.5)
        return world

    @property
    def account(self) -> Account:
        assert isinstance(self.partner, Account)
        return self.partner

    def hand_over(self, delivery_id: str) -> bool:
        """Bring it to whose it is now."""
        self.account.given[f"hand-{delivery_id}"] = self._row(delivery_id).endpoint
        return super().hand_over(delivery_id)

    def dispatch(self) -> None:
        """Do what dispatching processes do: move chains, unless that is late, and put on the bus what is due."""
        if not self.is_late:
            self.carry_on()
        super().dispatch()

    def heal(self, rounds: int = 60) -> None:
        self.is_late = False
        super().heal(rounds)

    def carry_on(self, dies: str = "") -> None:
        """Move what can be moved; the process may die right before or after its next commit."""
        hub = replace(self.hub, ledger=MortalLedger(self.hub.ledger, "change", dies)) if dies else self.hub
        try:
            while successions.carry_on(hub):
                pass
        except Killed:
            return


class TaggedTransport(WorldTransport):
    """The wire to one of both."""

    def __init__(self, world: SuccessionWorld, name: str) -> None:
        super().__init__(world)
        self._both, self._name = world, name

    def send(self, outgoing: Any, fence: Callable[[], None]) -> Any:
        """Note whose it is; a partner that has it, or will, does not refuse the very same bytes."""
        world, identity = self._both, outgoing.head["message_id"]
        if world.outcome == "refused" and (world.partner.has(identity) or world.is_coming(identity)):
            world.outcome = "taken"
        world.account.given[identity] = self._name
        return super().send(outgoing, fence)


class SuccessionMachine(ReplayMachine):
    """Does anything in any order, and somewhere in it the successor takes over."""

    def open_world(self, folder: Path, ledger: str) -> SuccessionWorld:
        self.succeeded = False
        return SuccessionWorld.open(folder, ledger, concurrency=CONCURRENCY, services=SERVICES)

    @rule(keeps_data=st.booleans())
    def succeed(self, keeps_data: bool) -> None:
        """The first one counts, whoever comes second is told."""
        try:
            successions.succeed(self.world.hub, OLD, NEW, keeps_data=keeps_data, actor="lan", why="sáp nhập")
        except NotAllowed:
            assert self.succeeded
        else:
            assert not self.succeeded
            self.before = len(self.sent)
        self.succeeded = True

    @precondition(lambda self: len(self.sent) < MESSAGES)
    @rule(dossier=st.sampled_from(DOSSIERS), steps=st.integers(0, 1))
    def send_to_who_does_not_know(self, dossier: str, steps: int) -> None:
        """A process that looked a moment ago plans for the old one."""
        body = support.document(len(self.sent) + 1, dossier, steps=steps)
        unaware = replace(self.world.hub, successors=SuccessorBook())
        assert support.send_all(unaware, [body])[0].status == 200
        self.sent.append(body)

    @rule()
    def moving_is_late(self) -> None:
        self.world.is_late = not self.world.is_late

    @rule(dies=st.sampled_from(["", "before", "after"]))
    def move(self, dies: str) -> None:
        self.world.carry_on(dies)

    @rule()
    def pause_and_resume(self) -> None:
        self.world.bag.dues.clear()
        for paused in (True, False):
            for name in BOTH:
                self.world.hub.ledger.pause(name, paused=paused, actor="an", why="try", now=self.world.hub.now())
            self.world.advance(LONG_SECONDS)
            self.world.dispatch()
            assert not (paused and self.world.bag.dues)

    @invariant()
    def promises_hold(self) -> None:
        if not hasattr(self, "world"):
            return
        left = frozenset({OLD} if self.succeeded else ())
        check_chains(self.world.hub.ledger, waiting=WAITING, left=left)
        working = Counter(row.endpoint for row in all_deliveries(self.world.hub.ledger) if State(row.state) in IN_WORK)
        assert all(count <= 4 * CONCURRENCY for count in working.values())
        self.world.check_partner(self.resend_safe)
        self.plans_are_kept(all_deliveries(self.world.hub.ledger))

    def resend_safe(self, mark: str) -> bool:
        """What one of them has, the other never gets, also not an update."""
        pairs = zip(self.world.account.where, self.world.partner.arrivals, strict=True)
        return len({where for where, each in pairs if each.mark == mark}) == 1 and super().resend_safe(mark)

    def everything_arrived(self) -> None:
        super().everything_arrived()
        if not self.succeeded:
            return
        later = {row.id for row in all_messages(self.world.hub.ledger) if int(row.identity.removeprefix("M-")) > self.before}
        tried_at_the_old = [row for row in all_deliveries(self.world.hub.ledger) if row.endpoint == OLD and row.attempts]
        assert not [row.message_id for row in tried_at_the_old if row.message_id in later]


class SuccessionMachineOnPostgresql(SuccessionMachine):
    """The same on PostgreSQL."""

    engine = "postgresql"


TestSuccession = pytest.mark.slow(SuccessionMachine.TestCase)
TestSuccession.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

TestSuccessionOnPostgresql = pytest.mark.slow(SuccessionMachineOnPostgresql.TestCase)
TestSuccessionOnPostgresql.settings = settings(TestSuccession.settings, max_examples=8)
