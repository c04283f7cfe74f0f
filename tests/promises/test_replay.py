"""Replay is safe: no mix of failures, retries, repeats, lapses, operators and new messages sends twice, reorders or loses."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub import operations
from hub.errors import NotAllowed
from hub.operations import edits, replays
from hub.registers import plans as registers
from hub.registers.plan_choice import Choice
from hub.rules.canary import Course
from hub.rules.lifecycle import ENDED, IN_WORK, State
from tests.support import hub as support
from tests.support.engines import ledger_on
from tests.support.looking import all_deliveries, broken_rows, check_chains
from tests.support.world import ANSWERS, LONG_SECONDS, OUTCOMES, VERBS, World

CONCURRENCY = 1
DOSSIERS = ("H01-1", "H01-2")
#: So few that most of a run is what becomes of them.
MESSAGES = 6
#: Its chains wait for the partner's acknowledgement of progress, which never comes: an operator states it.
WAITING = frozenset({"GuiTienTrinh"})
SERVICES = f'{support.SERVICES}advance_on = "acknowledged"\n'
#: What another does while a worker is stalled.
MEANWHILE = ("", "work", "die", "settle")


class ReplayMachine(RuleBasedStateMachine):
    """Does anything in any order; after each step every promise must hold, and in the end everything must arrive."""

    engine = "sqlite"

    @initialize(held=st.sets(st.sampled_from(DOSSIERS)))
    def start(self, held: set[str]) -> None:
        self.opened = ExitStack()
        folder = Path(self.opened.enter_context(tempfile.TemporaryDirectory()))
        ledger = self.opened.enter_context(ledger_on(self.engine))
        self.world = self.open_world(folder, ledger)
        self.opened.callback(self.world.close)
        #: Dossiers that the partner has from elsewhere: it answers a first message with "already".
        self.world.partner.holds.update(held)
        self.sent: list[bytes] = []
        self.plans: list[str] = []

    def open_world(self, folder: Path, ledger: str) -> World:
        """Open the world in which all this happens."""
        return World.open(folder, ledger, concurrency=CONCURRENCY, services=SERVICES)

    # --- the sender

    @precondition(lambda self: len(self.sent) < MESSAGES)
    @rule(dossier=st.sampled_from(DOSSIERS), steps=st.integers(0, 1))
    def send(self, dossier: str, steps: int) -> None:
        body = support.document(len(self.sent) + 1, dossier, steps=steps)
        assert support.send_all(self.world.hub, [body])[0].status == 200
        self.sent.append(body)

    @precondition(lambda self: self.sent)
    @rule(which=st.randoms(use_true_random=False))
    def send_again(self, which: Random) -> None:
        support.send_all(self.world.hub, [which.choice(self.sent)])

    # --- time and dispatch

    @rule(seconds=st.sampled_from([1.0, 30.0, 100.0, LONG_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule(refuses=st.sampled_from([False, False, False, True]))
    def dispatch(self, refuses: bool) -> None:
        self.world.bag.refuses = refuses
        self.world.dispatch()
        self.world.bag.refuses = False

    @rule()
    def start_anew(self) -> None:
        """A new process: the bus in memory is gone."""
        self.world.bag.dues.clear()
        self.world.hub.ledger.recall_all(self.world.hub.now(), self.world.hub.doubt_policy)

    # --- the bus

    @precondition(lambda self: self.world.bag.dues)
    @rule()
    def lose(self) -> None:
        self.world.bag.dues.pop(0)

    @precondition(lambda self: self.world.bag.ever)
    @rule(which=st.randoms(use_true_random=False))
    def repeat(self, which: Random) -> None:
        self.world.bag.dues.append(which.choice(self.world.bag.ever))

    # --- workers

    @rule(outcome=st.sampled_from(OUTCOMES), answer=st.sampled_from(ANSWERS), other=st.sampled_from(MEANWHILE))
    def work(self, outcome: str, answer: str, other: str) -> None:
        others = {"work": self.another_works, "die": self.another_dies, "settle": self.somebody_settles}
        meanwhile = others.get(other, lambda: None)
        self.act(outcome=outcome, answer=answer, meanwhile=meanwhile)

    @rule(outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=2, max_size=6))
    def work_on(self, outcomes: list[str]) -> None:
        for outcome in outcomes:
            self.act(outcome=outcome)

    def act(self, *, dies: tuple[str, str] | None = None, **given: Any) -> None:
        """Let a worker take the next bus message; where there is none, time passes until something is due."""
        for seconds in (0.0, 10.0, LONG_SECONDS):
            if not self.world.bag.dues:
                self.world.advance(seconds)
                self.world.dispatch()
        for name, value in given.items():
            setattr(self.world, name, value)
        if self.world.bag.dues:
            self.world.work(self.world.bag.dues.pop(0), dies=dies)
        self.world.outcome, self.world.answer, self.world.meanwhile = "taken", "truth", lambda: None

    def another_works(self) -> None:
        """While one worker is stalled, its lease lapses and another goes on, twice."""
        for _ in range(2):
            self.world.dispatch()
            while self.world.bag.dues:
                self.world.work(self.world.bag.dues.pop(0))
            self.world.advance(LONG_SECONDS)

    def another_dies(self) -> None:
        """While one worker is stalled, another goes on and dies before it can say what came of it."""
        for _ in range(3):
            self.world.dispatch()
            while self.world.bag.dues:
                self.world.work(self.world.bag.dues.pop(0), dies=("record_all_delivered", "before"))
            self.world.advance(1.0)

    def somebody_settles(self) -> None:
        self.world.dispatch()
        self.settle()

    @rule(verb=st.sampled_from(VERBS), when=st.sampled_from(["before", "after"]), outcome=st.sampled_from(OUTCOMES))
    def die(self, verb: str, when: str, outcome: str) -> None:
        self.act(dies=(verb, when), outcome=outcome)

    # --- operators

    @rule(
        verb=st.sampled_from(["release", "rebuild", "abandon", "ask"]),
        held=st.booleans(),
        which=st.randoms(use_true_random=False),
    )
    def operate(self, verb: str, held: bool, which: Random) -> None:
        rows = [row for row in all_deliveries(self.world.hub.ledger) if held == (row.state == State.HELD)]
        if not rows:
            return
        row = which.choice(rows)
        more = {"notice": self.world.hub.notice(row, "abandoned")} if verb == "abandon" else {}
        try:
            getattr(self.world.hub.ledger, verb)(row.id, actor="an", why="try", now=self.world.hub.now(), **more)
        except NotAllowed:
            after = next(each for each in all_deliveries(self.world.hub.ledger) if each.id == row.id)
            assert after == row, "a verb that was refused changed something"

    @rule(which=st.randoms(use_true_random=False), seen=st.integers(0, 3))
    def abandon_all(self, which: Random, seen: int) -> None:
        """Also of one that is not parked, and of followers that were seen before a newer one came."""
        hub = self.world.hub
        rows = all_deliveries(hub.ledger)
        if not rows:
            return
        row = which.choice(rows)
        behind = [each for each in rows if each.subject == row.subject and each.place > row.place][:seen]
        given = [(each.id, hub.notice(each, "abandoned")) for each in (row, *behind)]
        try:
            hub.ledger.abandon_all(given, actor="an", why="try", now=hub.now())
        except NotAllowed:
            assert all_deliveries(hub.ledger) == rows, "a verb that was refused changed something"
            return
        after = {each.id: each.state for each in all_deliveries(hub.ledger)}
        assert all(after[delivery_id] == State.ABANDONED for delivery_id, _ in given)

    @rule(which=st.randoms(use_true_random=False))
    def hand_over(self, which: Random) -> None:
        """An operator brings one to the partner that is not sent yet, and settles it as arrived."""
        rows = [row for row in all_deliveries(self.world.hub.ledger) if row.state in (State.PENDING, State.WAITING)]
        if rows and not self.world.is_coming((row := which.choice(rows)).native_id):
            self.world.hand_over(row.id)

    @rule(which=st.randoms(use_true_random=False), acknowledged=st.booleans())
    def answer(self, which: Random, acknowledged: bool) -> None:
        """An operator states the partner's answer, also where nothing waits for it."""
        hub = self.world.hub
        rows = all_deliveries(hub.ledger)
        if not rows:
            return
        waiting = {each.id for each in self.world.unacknowledged()}
        row = which.choice([each for each in rows if each.id in waiting] or rows)
        try:
            self.world.settle_answer(row, acknowledged=acknowledged)
        except NotAllowed:
            assert row.id not in waiting
            assert all_deliveries(hub.ledger) == rows, "a verb that was refused changed something"
        else:
            assert row.id in waiting

    # --- corrections

    @rule(which=st.randoms(use_true_random=False), number=st.integers(0, 9))
    def propose(self, which: Random, number: int) -> None:
        """Also of what is not parked, or was corrected before."""
        hub = self.world.hub
        rows = all_deliveries(hub.ledger)
        if not rows:
            return
        row = which.choice([each for each in rows if each.state == State.PARKED] or rows)
        try:
            edits.propose(hub, row.id, {"/dossier/applicant/address": f"sửa {number}"}, actor="an", why="try")
        except NotAllowed:
            assert all_deliveries(hub.ledger) == rows, "a verb that was refused changed something"

    @rule(which=st.randoms(use_true_random=False), verb=st.sampled_from(["approve", "approve", "reject"]))
    def decide(self, which: Random, verb: str) -> None:
        """Also on what was decided, or whose delivery moved on."""
        hub = self.world.hub
        rows, listed = all_deliveries(hub.ledger), edits.listing(hub)
        if not listed:
            return
        try:
            getattr(edits, verb)(hub, which.choice(listed).id, actor="binh", why="try")
        except NotAllowed:
            assert all_deliveries(hub.ledger) == rows, "a verb that was refused changed something"
            assert edits.listing(hub) == listed

    # --- plans

    @rule(
        verb=st.sampled_from(["release", "rebuild"]),
        steps=st.lists(st.integers(1, 3), min_size=1, max_size=3),
        stop_after=st.integers(0, 2),
    )
    def plan_and_run(self, verb: str, steps: list[int], stop_after: int) -> None:
        """Also a second plan over what another has chosen."""
        hub = self.world.hub
        plan = operations.plan(hub, Choice(endpoint=support.PARTNER), verb, actor="an", why="try").id
        course = Course(steps=tuple(steps), stop_after=stop_after)
        replays.start(hub, plan, course, actor="an", why="try")
        self.plans.append(plan)
        with pytest.raises(NotAllowed):
            replays.start(hub, plan, course, actor="binh", why="try")

    @precondition(lambda self: self.plans)
    @rule(runner=st.sampled_from(["first", "second"]), times=st.integers(1, 4))
    def carry_plans_out(self, runner: str, times: int) -> None:
        """Two processes, each of which may stand still for as long as it likes."""
        for _ in range(times):
            with self.world.hub.ledger.read() as conn:
                watched = registers.watched(conn)
            for plan in watched:
                replays.advance(self.world.hub, plan, runner)

    @precondition(lambda self: self.plans)
    @rule(verb=st.sampled_from(["pause", "resume", "cancel"]), which=st.randoms(use_true_random=False))
    def switch(self, verb: str, which: Random) -> None:
        hub, plan = self.world.hub, which.choice(self.plans)
        before = replays.state_of(hub, plan)
        try:
            after = {"pause": replays.pause, "resume": replays.resume, "cancel": replays.cancel}[verb](
                hub, plan, actor="an", why="try"
            )
        except NotAllowed:
            assert replays.state_of(hub, plan) == before, "a verb that was refused changed something"
        else:
            assert after.state in ("paused", "running", "cancelled")

    @rule()
    def settle(self) -> None:
        for row in all_deliveries(self.world.hub.ledger):
            if row.state == State.IN_DOUBT and not self.world.is_coming(row.native_id):
                self.world.settle_truly(row.id, row.native_id)

    @rule()
    def pause_and_resume(self) -> None:
        self.world.bag.dues.clear()
        for paused in (True, False):
            self.world.hub.ledger.pause(support.PARTNER, paused=paused, actor="an", why="try", now=self.world.hub.now())
            self.world.advance(LONG_SECONDS)
            self.world.dispatch()
            assert not (paused and self.world.bag.dues)

    # --- what must hold

    @invariant()
    def promises_hold(self) -> None:
        if not hasattr(self, "world"):
            return
        check_chains(self.world.hub.ledger, waiting=WAITING)
        rows = all_deliveries(self.world.hub.ledger)
        assert sum(State(row.state) in IN_WORK for row in rows) <= 4 * CONCURRENCY
        self.world.check_partner(self.resend_safe)
        self.one_content_each()
        self.plans_are_kept(rows)

    def one_content_each(self) -> None:
        """The original and its correction never both arrive, not even where a repeat would do no harm."""
        found: dict[str, set[str]] = {}
        for each in self.world.partner.arrivals:
            if each.service == "GuiHoSo":
                found.setdefault(each.mark, set()).add(json.loads(each.body)["hoSo"]["nguoiNop"]["diaChi"])
        assert all(len(contents) == 1 for contents in found.values()), found

    def plans_are_kept(self, rows: list[Any]) -> None:
        """What a plan counts is what it did; no step is larger than it was said, and nothing goes after a failure too many."""
        for plan in self.plans:
            run = replays.state_of(self.world.hub, plan)
            assert run.done + run.going + run.failed + run.changed + run.left == run.goes
            assert run.step_carried <= run.step_size
            assert min(run.done, run.going, run.failed, run.changed, run.left) >= 0
            with self.world.hub.ledger.read() as conn:
                items = registers.find(conn, plan, self.world.hub.now(), limit=1000).items
            carried = [item for item in items if item.step]
            assert len(carried) == run.done + run.going + run.failed
            assert all(item.result == "done" and not item.skip for item in carried)

    def resend_safe(self, mark: str) -> bool:
        """Updates of a dossier may be repeated, by the partner's declaration; first messages and progress may not."""
        arrivals = [each for each in self.world.partner.arrivals if each.mark == mark]
        return all(each.service == "GuiHoSo" and b'"CAPNHAT"' in each.body for each in arrivals)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            hub = self.world.hub
            self.world.heal()
            self.promises_hold()
            self.everything_arrived()
            self.plans_end()
            assert broken_rows(hub.ledger) == []
        finally:
            self.opened.close()

    def plans_end(self) -> None:
        """A plan that runs ends, and with it everything that it carried out; one that was paused or stopped is left."""
        self.world.advance(LONG_SECONDS)
        for plan in self.plans:
            while replays.advance(self.world.hub, plan, "third").action == "carry":
                pass
            run = replays.state_of(self.world.hub, plan)
            assert run.going == 0
            assert run.state != "running"
        with self.world.hub.ledger.read() as conn:
            assert registers.watched(conn) == ()

    def everything_arrived(self) -> None:
        """Each delivery that was not given up is in the partner's account, and nothing else is."""
        rows = all_deliveries(self.world.hub.ledger)
        assert all(State(row.state) in ENDED for row in rows)
        had = (State.DELIVERED, State.ACKNOWLEDGED, State.REFUSED_LATE)
        delivered = Counter((row.subject, row.service) for row in rows if row.state in had)
        given_up = Counter((row.subject, row.service) for row in rows if row.state == State.ABANDONED)
        marks = {(f"national:{each.dossier}", each.service, each.mark) for each in self.world.partner.arrivals}
        arrived = Counter((subject, service) for subject, service, _ in marks)
        for key in delivered | arrived:
            assert delivered[key] <= arrived[key] <= delivered[key] + given_up[key], key


class ReplayMachineOnPostgresql(ReplayMachine):
    """The same on PostgreSQL."""

    engine = "postgresql"


TestAnything = pytest.mark.slow(ReplayMachine.TestCase)
TestAnything.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

TestAnythingOnPostgresql = pytest.mark.slow(ReplayMachineOnPostgresql.TestCase)
TestAnythingOnPostgresql.settings = settings(TestAnything.settings, max_examples=8)
