"""Replay plans: what is chosen, what is shown, and a run that goes in steps, stops by itself, and is nobody's twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from sqlalchemy import event, select, update

from hub import operations
from hub.app import Hub
from hub.edge.acts import everything
from hub.edge.acts.act import perform
from hub.edge.replayer import Replayer
from hub.edge.workers import Workers
from hub.errors import Forbidden, NotAllowed
from hub.ledger import payloads, plan_verbs
from hub.ledger.tables import deliveries, messages
from hub.ledger.working_tables import plan_summaries
from hub.operations import replays
from hub.registers import history, plan_choice, plans
from hub.registers.plan_choice import Choice, Within
from hub.registers.plans import RunState
from hub.rules.canary import Course
from hub.rules.lifecycle import State
from hub.rules.people import Person, Role
from tests.support import hub as support
from tests.support import looking
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER
from tests.support.night_shift import Shift, shift

WHO = {"actor": "lan", "why": "đã bổ sung mã"}
LEASE = plan_verbs.LEASE_SECONDS


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Shift]:
    with shift(tmp_path) as opened:
        yield opened


def stopped(night: Shift, count: int) -> list[str]:
    """Park so many dossiers for a code that is missing; give their numbers."""
    dossiers = [f"H01-{number}" for number in range(1, count + 1)]
    for number, dossier in enumerate(dossiers, start=1):
        night.unmapped(number, dossier)
    return dossiers


def planned(night: Shift, verb: str = "rebuild", **choice: Any) -> str:
    return operations.plan(night.hub, Choice(**(choice or {"endpoint": PARTNER})), verb, **WHO).id


def state(night: Shift, plan_id: str) -> RunState:
    return replays.state_of(night.hub, plan_id)


def rounds(night: Shift, replayer: Replayer, plan_id: str, most: int = 30) -> RunState:
    """Carry the plan out until it no longer runs, and its deliveries as workers would."""
    for _ in range(most):
        replayer.round()
        night.carry()
        if state(night, plan_id).state != "running":
            break
    replayer.round()
    return state(night, plan_id)


def skips(found: plans.Plan) -> list[str]:
    return [item.skip.partition(":")[0] for item in found.items]


# --- steps -----------------------------------------------------------------------------------------------------------


def test_a_plan_goes_in_steps_and_each_waits_for_the_one_before(night: Shift) -> None:
    dossiers = stopped(night, 8)
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, Course(steps=(1, 3)), **WHO)
    replayer = Replayer(night.hub)

    under_way = []
    for _ in range(4):
        for _ in range(3):
            replayer.round()
        under_way.append([night.states(each)[0] for each in dossiers].count(State.PENDING))
        night.carry()
    replayer.round()

    assert under_way == [1, 3, 3, 1]
    ended = state(night, plan)
    assert (ended.state, ended.step, ended.done, ended.left, ended.going) == ("done", 4, 8, 0, 0)
    assert all(night.partner.marks(each) == [f"#{number}"] for number, each in enumerate(dossiers, start=1))
    assert looking.broken_rows(night.hub.ledger) == []


def test_a_step_is_not_over_before_those_behind_its_items_have_ended(night: Shift) -> None:
    stopped(night, 2)
    night.send(3, "H01-1")
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)
    replayer = Replayer(night.hub)

    replayer.round()
    support.carry(night.hub)
    replayer.round()
    assert night.states("H01-1") == [State.DELIVERED, State.PENDING]
    assert night.states("H01-2") == [State.PARKED]

    assert rounds(night, replayer, plan).done == 2
    assert night.partner.marks("H01-1") == ["#1", "#3"]


def test_a_failure_that_returns_stops_it_and_the_rest_is_not_touched(night: Shift) -> None:
    dossiers = stopped(night, 6)
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)

    ended = rounds(night, Replayer(night.hub), plan)

    assert (ended.state, ended.failed, ended.left) == ("stopped", 1, 5)
    assert ended.stop_en == "in step 1, 1 of 1 failed again"
    with night.hub.ledger.read() as conn:
        first, *others = plans.find(conn, plan, night.hub.now()).items
    assert (first.outcome, first.step, first.result) == ("parked", 1, "done")
    assert {each.result for each in others} == {""}
    assert all(night.partner.marks(each) == [] for each in dossiers)


def test_one_that_is_in_doubt_stops_it(night: Shift) -> None:
    stopped(night, 3)
    night.mend()
    night.faults["H01-1"] = "garble"
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)

    assert rounds(night, Replayer(night.hub), plan).state == "stopped"
    assert night.states("H01-2") == [State.PARKED]


def test_a_follower_that_fails_stops_it(night: Shift) -> None:
    stopped(night, 2)
    tree = json.loads(support.document(3, "H01-1"))["hoSo"]
    tree["thuTuc"]["ma"] = "8.888888"
    night.send(3, "H01-1", hoSo=tree)
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)

    ended = rounds(night, Replayer(night.hub), plan)

    with night.hub.ledger.read() as conn:
        first = plans.find(conn, plan, night.hub.now()).items[0]
    assert (ended.state, first.outcome) == ("stopped", "follower_parked")


def test_as_many_failures_as_it_was_told_are_borne(night: Shift) -> None:
    stopped(night, 4)
    plan = planned(night)
    replays.start(night.hub, plan, Course(steps=(4,), stop_after=0), **WHO)

    ended = rounds(night, Replayer(night.hub), plan)

    assert (ended.state, ended.failed, ended.done) == ("done", 4, 0)


def test_after_a_stop_it_begins_again_with_the_smallest_step_and_a_reason(night: Shift) -> None:
    stopped(night, 9)
    night.mend()
    night.faults["H01-3"] = "refuse"
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)
    replayer = Replayer(night.hub)
    before = rounds(night, replayer, plan)
    night.faults.clear()

    with pytest.raises(NotAllowed):
        replays.resume(night.hub, plan, actor="lan", why=" ")
    resumed = replays.resume(night.hub, plan, actor="minh", why="đối tác đã sửa")
    replayer.round()
    after = [item.step for item in operations.show_plan(night.hub, plan).items]

    assert (before.state, before.step, resumed.step, resumed.step_size) == ("stopped", 2, 3, 1)
    assert (resumed.changed_by, resumed.stop_en) == ("minh", "")
    assert after.count(3) == 1
    ended = rounds(night, replayer, plan)
    assert (ended.state, ended.done, ended.failed) == ("done", 8, 1)
    assert night.states("H01-3") == [State.PARKED], "what failed waits for the next plan"


def test_nothing_is_carried_out_while_it_is_paused(night: Shift) -> None:
    stopped(night, 3)
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)
    replayer = Replayer(night.hub)
    replayer.round()
    replays.pause(night.hub, plan, **WHO)
    for _ in range(3):
        replayer.round()
        night.carry()

    paused = state(night, plan)
    assert (paused.state, paused.done, paused.going, paused.left) == ("paused", 1, 0, 2)
    replays.resume(night.hub, plan, **WHO)
    assert rounds(night, replayer, plan).done == 3


def test_what_is_cancelled_stays_as_it_is_and_what_was_carried_out_is_seen_to_its_end(night: Shift) -> None:
    stopped(night, 3)
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)
    replayer = Replayer(night.hub)
    replayer.round()

    cancelled = replays.cancel(night.hub, plan, **WHO)
    night.carry()
    replayer.round()

    assert (cancelled.state, cancelled.going, cancelled.left) == ("cancelled", 1, 2)
    assert state(night, plan).done == 1
    assert night.states("H01-3") == [State.PARKED]
    with night.hub.ledger.read() as conn:
        assert plans.watched(conn) == ()


@pytest.mark.parametrize("before", ["paused", "cancelled", "done"])
def test_a_verb_that_does_not_fit_is_refused_and_changes_nothing(night: Shift, before: str) -> None:
    stopped(night, 1)
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)
    if before == "done":
        rounds(night, Replayer(night.hub), plan)
    else:
        {"paused": replays.pause, "cancelled": replays.cancel}[before](night.hub, plan, **WHO)
    stands = state(night, plan)

    verbs = {"pause": replays.pause} if before == "paused" else {"p": replays.pause, "r": replays.resume, "c": replays.cancel}
    for verb in verbs.values():
        with pytest.raises(NotAllowed):
            verb(night.hub, plan, **WHO)

    assert state(night, plan) == stands


def test_a_rate_is_kept(night: Shift) -> None:
    stopped(night, 5)
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, Course(steps=(5,), per_minute=2), **WHO)
    replayer = Replayer(night.hub)
    sent = []
    for _ in range(5):
        replayer.round()
        night.carry()
        sent.append(sum(night.states(f"H01-{number}")[0] == State.DELIVERED for number in range(1, 6)))
        assert state(night, plan).held_up in ("rate", "")
        night.clock.advance(60)

    assert all(later - earlier <= 2 for earlier, later in zip([0, *sent], sent, strict=False))
    assert rounds(night, replayer, plan).done == 5


def test_what_has_changed_since_is_left_alone_and_the_step_takes_the_next(night: Shift) -> None:
    dossiers = stopped(night, 3)
    plan = planned(night)
    operations.abandon(night.hub, night.ids("H01-1")[0], **WHO)
    night.mend()
    replays.start(night.hub, plan, **WHO)

    ended = rounds(night, Replayer(night.hub), plan)

    assert (ended.changed, ended.done) == (1, 2)
    assert [night.partner.marks(each) for each in dossiers] == [[], ["#2"], ["#3"]]


# --- who carries it out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_of_two_operators_at_once_one_starts_it_and_the_other_is_told_who(tmp_path: Path, engine: str) -> None:
    with ledger_on(engine) as ledger:
        hub = support.open_hub(support.configure(tmp_path, ledger=ledger))
        try:
            ids = _parked(hub, 3)
            plan = operations.plan(hub, Choice(ids=tuple(ids)), "release", **WHO).id
            together = Barrier(2)

            def begin(actor: str) -> RunState | NotAllowed:
                together.wait()
                try:
                    return replays.start(hub, plan, actor=actor, why="thử")
                except NotAllowed as error:
                    return error

            with ThreadPoolExecutor(2) as pool:
                results = dict(zip(("lan", "minh"), pool.map(begin, ("lan", "minh")), strict=True))
        finally:
            support.close(hub)

    (first,) = [name for name, each in results.items() if isinstance(each, RunState)]
    (second,) = [each for each in results.values() if isinstance(each, NotAllowed)]
    assert f"started by {first}" in second.en
    assert f"{first} bắt đầu" in second.vi


@pytest.mark.parametrize("engine", ENGINES)
def test_two_plans_and_two_runners_over_the_same_set_carry_each_out_once(tmp_path: Path, engine: str) -> None:
    with ledger_on(engine) as ledger:
        first = support.open_hub(support.configure(tmp_path, ledger=ledger))
        second = support.open_hub(tmp_path)
        try:
            ids = _parked(first, 12)
            chosen = [operations.plan(first, Choice(ids=tuple(ids)), "release", **WHO).id for _ in range(2)]
            for plan in chosen:
                replays.start(first, plan, Course(steps=(12,)), **WHO)
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda hub: Replayer(hub).round(), (first, second)))
            counts = [replays.state_of(first, plan) for plan in chosen]
            released = [
                row.entry["delivery"]
                for number in range(1, 13)
                for row in _journal(first, f"national:H01-{number}")
                if row.event == "operator.release"
            ]
        finally:
            support.close(first)
            support.close(second)

    assert sum(each.goes - each.left - each.changed for each in counts) == 12
    assert sum(each.changed for each in counts) == 12
    assert sorted(released) == sorted(ids)


def _parked(hub: Hub, count: int) -> list[str]:
    """Park so many deliveries, each of a dossier of its own."""
    for number in range(1, count + 1):
        assert support.send(hub, number, f"H01-{number}").status == 200
    with hub.ledger._engine.begin() as conn:
        conn.execute(update(deliveries).values(state="parked", error_code="refused"))
        return list(conn.execute(select(deliveries.c.id).order_by(deliveries.c.created_at)).scalars())


def _journal(hub: Hub, subject: str) -> Any:
    with hub.ledger.read() as conn:
        return history.journal_of(conn, subject)


def test_a_run_whose_runner_died_is_taken_over_when_its_lease_has_lapsed(night: Shift) -> None:
    stopped(night, 3)
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, Course(steps=(1,)), **WHO)
    dead, other = Replayer(night.hub), Replayer(night.hub)
    dead.round()
    night.carry()

    other.round()
    assert state(night, plan).step == 1, "it is held"
    night.clock.advance(LEASE + 1)
    other.round()

    assert (state(night, plan).step, state(night, plan).runner) == (2, other.name)
    late = night.hub.ledger.change(
        lambda conn: plan_verbs.carry(conn, plan, dead.name, now=night.hub.now())
    )
    assert late is None, "one that was taken for dead carries nothing out"


def test_a_runner_that_stops_gives_back_what_it_held(night: Shift) -> None:
    stopped(night, 2)
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)
    first = Replayer(night.hub)
    first.start()
    first.stop()

    assert state(night, plan).held_up == "no_runner"
    assert rounds(night, Replayer(night.hub), plan).state == "done"


def test_it_is_said_that_nobody_carries_plans_out_and_that_an_endpoint_is_paused(night: Shift) -> None:
    stopped(night, 2)
    plan = planned(night)

    assert replays.start(night.hub, plan, **WHO).held_up == "no_runner"
    Replayer(night.hub).round()
    operations.pause(night.hub, PARTNER, **WHO)
    assert state(night, plan).held_up == "paused"


def test_the_threads_of_a_hub_carry_a_plan_out_by_themselves(night: Shift) -> None:
    """With the embedded bus, while messages still come."""
    dossiers = stopped(night, 7)
    night.mend()
    plan = planned(night)
    replays.start(night.hub, plan, **WHO)
    workers, replayer = Workers(night.hub), Replayer(night.hub)
    ended = Event()

    def watch() -> None:
        while state(night, plan).state == "running" and not ended.is_set():
            pass
        ended.set()

    workers.start()
    replayer.start()
    watcher = Thread(target=watch)
    watcher.start()
    support.send(night.hub, 20, "H01-7")
    assert ended.wait(60)
    watcher.join()
    replayer.stop()
    workers.stop()

    assert state(night, plan).done == 7
    assert all(night.partner.marks(each)[0] == f"#{number}" for number, each in enumerate(dossiers, start=1))
    assert all(len(night.partner.marks(each)) == len(set(night.partner.marks(each))) for each in dossiers)


# --- choosing --------------------------------------------------------------------------------------------------------


def chosen(night: Shift, **choice: Any) -> list[str]:
    found = operations.plan(night.hub, Choice(**choice), "release", **WHO)
    return [item.subject.removeprefix("national:") for item in found.items]


def test_a_plan_is_chosen_by_codes_kind_event_and_what_was_recorded_beside_the_bytes(night: Shift) -> None:
    night.unmapped(1, "H01-1")
    night.faults["H01-2"] = "refuse"
    night.send(2, "H01-2", suKien="NOP")

    assert chosen(night, partner_code="13") == ["H01-2"]
    assert chosen(night, kind="dossier") == ["H01-1", "H01-2"]
    assert chosen(night, event="submitted") == ["H01-2"]
    assert chosen(night, header="dossier=H01-2") == ["H01-2"]
    assert chosen(night, header="dossier=h01-2") == []
    assert chosen(night, header="dossier=H01") == []
    for header in ("dossier", "=x"):
        with pytest.raises(NotAllowed):
            chosen(night, header=header)


def test_a_header_is_compared_as_it_is_whatever_stands_in_it(night: Shift) -> None:
    stopped(night, 1)
    with night.hub.ledger._engine.begin() as conn:
        conn.execute(update(deliveries).values(head=json.dumps({"a": 'x","b":"%_\\y'}, separators=(",", ":"))))

    assert chosen(night, header='a=x","b":"%_\\y') == ["H01-1"]
    assert chosen(night, header="b=%_\\y") == []
    assert chosen(night, header="a=%") == []


def test_a_province_is_its_endpoints_as_senders_or_recipients(tmp_path: Path) -> None:
    support.configure(tmp_path)
    with shift(tmp_path) as night:
        for name, code in ((SENDER, "H55.02"), (PARTNER, "G10")):
            path = tmp_path / "endpoints" / f"{name}.toml"
            path.write_text(f'agency_code = "{code}"\n{path.read_text(encoding="utf-8")}', encoding="utf-8")
        hub = support.open_hub(tmp_path, night.clock)
        try:
            stopped(night, 2)
            found = {
                code: len(operations.plan(hub, Choice(province=code, error="no_mapping"), "release", **WHO).items)
                for code in ("H55", "H55.02", "G10")
            }
            with pytest.raises(NotAllowed):
                operations.plan(hub, Choice(province="H5"), "release", **WHO)
        finally:
            support.close(hub)

    assert found == {"H55": 2, "H55.02": 2, "G10": 2}


def test_of_more_than_a_plan_holds_the_oldest_are_taken_and_it_is_said(night: Shift) -> None:
    for number in range(1, 5):
        night.unmapped(number, f"H01-{number}")
        night.clock.advance(1)
    with night.hub.ledger.read() as conn:
        found = plan_choice.candidates(conn, Choice(error="no_mapping"), most=3)
        whole = plan_choice.candidates(conn, Choice(error="no_mapping"), most=4)

    assert ([each.subject for each in found.found], found.more) == ([f"national:H01-{number}" for number in (1, 2, 3)], True)
    assert (len(whole.found), whole.more) == (4, False)


def test_what_waits_behind_is_counted_also_where_the_choice_does_not_mean_it(night: Shift) -> None:
    stopped(night, 2)
    for number in (5, 6, 7):
        night.send(number, "H01-1")
    night.faults["H01-3"] = "garble"
    night.send(9, "H01-3")

    by_error = operations.plan(night.hub, Choice(error="no_mapping"), "rebuild", **WHO)
    by_endpoint = operations.plan(night.hub, Choice(endpoint=PARTNER), "rebuild", **WHO)

    assert (by_error.counts.goes, by_error.counts.follows, dict(by_error.counts.skipped)) == (2, 3, {})
    assert by_endpoint.counts.goes == by_endpoint.counts.follows - 1 == 2
    assert dict(by_endpoint.counts.skipped) == {"in_doubt": 1}
    assert by_endpoint.counts.goes + by_endpoint.counts.follows + 1 == len(by_endpoint.items)
    assert by_endpoint.endpoints == (PARTNER,)
    assert all(plans.reason(name) for name in plans.SKIPS)


def test_a_person_plans_and_acts_only_within_the_scope(night: Shift) -> None:
    stopped(night, 1)
    with night.hub.ledger.read() as conn:
        assert plan_choice.candidates(conn, Choice(endpoint=PARTNER), Within(scope=frozenset({SENDER}))).found == ()
    outside = Person(login="minh", roles=frozenset({Role.OPERATOR}), scope=frozenset({SENDER}))
    acts = everything.ACTS
    mine = perform(night.hub, outside, acts["replay plan"], acts["replay plan"].asked(endpoint=PARTNER, why="thử"))
    theirs = planned(night)

    assert mine.items == ()
    for verb in ("replay run", "replay pause", "replay resume", "replay cancel"):
        with pytest.raises(Forbidden):
            perform(night.hub, outside, acts[verb], acts[verb].asked(plan=theirs, why="thử"))
    with pytest.raises(Forbidden):
        perform(night.hub, outside, acts["replay show"], acts["replay show"].asked(plan=theirs))
    assert [each.id for each in perform(night.hub, outside, acts["replay show"], acts["replay show"].asked())] == [mine.id]
    operator = Person(login="lan", roles=frozenset({Role.OPERATOR}))
    begun = perform(night.hub, operator, acts["replay run"], acts["replay run"].asked(plan=theirs, why="thử", steps=(2,)))
    assert (begun.state, begun.steps) == ("running", (2,))


def test_a_plan_of_the_version_before_runs_in_steps_and_is_nobodys_outside_of_its_endpoints(night: Shift) -> None:
    """Which kept no sums of plans."""
    stopped(night, 2)
    night.mend()
    plan = planned(night)
    with night.hub.ledger._engine.begin() as conn:
        conn.execute(plan_summaries.delete())
    outside = Person(login="minh", roles=frozenset({Role.OPERATOR}), scope=frozenset({SENDER}))
    acts = everything.ACTS

    with pytest.raises(Forbidden):
        perform(night.hub, outside, acts["replay run"], acts["replay run"].asked(plan=plan, why="thử"))
    assert perform(night.hub, outside, acts["replay show"], acts["replay show"].asked()) == ()
    replays.start(night.hub, plan, **WHO)
    ended = rounds(night, Replayer(night.hub), plan)
    assert (ended.state, ended.goes, ended.done) == ("done", 2, 2)


# --- why one does not go ---------------------------------------------------------------------------------------------


def _told(night: Shift, status: str, *, after: float = 60.0) -> None:
    """Let the recipient itself tell the hub of the dossier's status, as its portal would."""
    with night.hub.ledger._engine.begin() as conn:
        own = conn.execute(select(messages)).first()
        assert own is not None
        tree = json.loads(history.body(conn, json.loads(own.canonical)[0]) or b"")
        tree["dossier"]["status"] = status
        digest = payloads.put(conn, json.dumps(tree).encode(), night.hub.now())
        row = {**own._mapping, "id": "theirs", "endpoint": PARTNER, "canonical": json.dumps([digest])}
        conn.execute(messages.insert().values(**row | {"received_at": own.received_at + after}))


@pytest.mark.parametrize(("status", "expected"), [("10", "superseded"), ("7", "superseded"), ("2", ""), ("4", ""), ("5", "")])
def test_what_its_recipient_has_gone_beyond_is_not_sent(night: Shift, status: str, expected: str) -> None:
    """The parked one says 4, being processed; 4 may follow 5."""
    stopped(night, 1)
    _told(night, status)

    found = operations.plan(night.hub, Choice(dossier="H01-1"), "release", **WHO)

    assert skips(found) == [expected]


def test_what_its_recipient_said_before_supersedes_nothing(night: Shift) -> None:
    stopped(night, 1)
    _told(night, "10", after=-60.0)

    assert skips(operations.plan(night.hub, Choice(dossier="H01-1"), "release", **WHO)) == [""]


def test_a_later_status_that_waits_behind_supersedes_nothing(night: Shift) -> None:
    stopped(night, 1)
    night.send(2, "H01-1", status="XONG")

    found = operations.plan(night.hub, Choice(dossier="H01-1"), "rebuild", **WHO)

    assert skips(found) == ["", "goes_with"]


def test_what_may_have_arrived_is_not_rebuilt_and_can_be_released(night: Shift) -> None:
    night.faults["H01-1"] = "garble"
    night.send(1)
    with night.hub.ledger._engine.begin() as conn:
        conn.execute(update(deliveries).values(state="parked"))

    assert skips(operations.plan(night.hub, Choice(endpoint=PARTNER), "rebuild", **WHO)) == ["may_have_arrived"]
    assert skips(operations.plan(night.hub, Choice(endpoint=PARTNER), "release", **WHO)) == [""]


def test_what_cannot_be_signed_now_is_not_planned_but_what_was_signed_before_is(tmp_path: Path) -> None:
    with shift(tmp_path) as night:
        night.unmapped(1, "H01-1")
        night.faults["H01-2"] = "refuse"
        night.send(2, "H01-2")
        path = tmp_path / "endpoints" / f"{PARTNER}.toml"
        path.write_text(path.read_text(encoding="utf-8").replace("[outbound]\n", '[outbound]\nsign = "jws"\n'), encoding="utf-8")
        hub = support.open_hub(tmp_path, night.clock)
        try:
            released = operations.plan(hub, Choice(endpoint=PARTNER), "release", **WHO)
            rebuilt = operations.plan(hub, Choice(endpoint=PARTNER), "rebuild", **WHO)
        finally:
            support.close(hub)

    assert skips(released) == ["certificate_expired", ""]
    assert skips(rebuilt) == ["certificate_expired"] * 2


def test_nothing_that_a_plan_reads_is_looked_for_without_an_index(night: Shift) -> None:
    """Neither all deliveries, nor all that an endpoint holds or has told: there may be a million."""
    stopped(night, 2)
    night.send(3, "H01-1")
    engine, ways = night.hub.ledger._engine, []

    def explained(conn: Any, cursor: Any, statement: str, given: Any, *rest: Any) -> None:
        if statement.startswith("SELECT"):
            for row in cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given):
                ways.append(row[3])

    event.listen(engine, "before_cursor_execute", explained)
    for choice in (Choice(endpoint=PARTNER), Choice(error="no_mapping"), Choice(dossier="H01-1"), Choice(header="a=b")):
        operations.plan(night.hub, choice, "rebuild", scope=frozenset({PARTNER}), **WHO)
    event.remove(engine, "before_cursor_execute", explained)

    assert "SEARCH messages USING INDEX messages_by_subject (subject=? AND received_at>?)" in ways
    assert "SEARCH behind USING INDEX deliveries_by_chain (endpoint=? AND subject=? AND place>?)" in ways
    of_messages = {"deliveries", "head", "behind", "messages", "attempts"}
    large = [way for way in ways if of_messages.intersection(way.split()[1:2])]
    assert large
    assert not [way for way in large if way.startswith("SCAN")]
    assert not [way for way in large if "messages_by_endpoint" in way]


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_the_bytes_that_would_go_are_shown_beside_the_last_ones_without_persons(night: Shift) -> None:
    night.faults["H01-1"] = "refuse"
    night.send(1)
    night.clock.advance(60)
    (released,) = replays.samples(night.hub, planned(night, "release"))
    (rebuilt,) = replays.samples(night.hub, planned(night, "rebuild"))

    assert released.same
    assert released.diff == ()
    assert released.last == released.now
    assert not rebuilt.same
    assert [line.text.strip() for line in rebuilt.diff if line.kind in "+-"] == [
        '"guiLuc": "2026-03-02T09:00:00+07:00",',
        '"guiLuc": "2026-03-02T09:01:00+07:00",',
    ]
    for each in (released, rebuilt):
        assert "TT-01" in each.now, "codes are shown"
        assert "Nguyễn Thử Nghiệm" not in each.now + each.last
        assert each.masked


def test_who_was_given_a_look_at_the_dossier_sees_the_bytes_as_they_are(night: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    night.faults["H01-1"] = "refuse"
    night.send(1)
    plan = planned(night, "release")
    monkeypatch.setattr(
        "hub.registers.people.may_see", lambda conn, login, subject, now: (login, subject) == ("lan", "national:H01-1")
    )

    (shown,) = replays.samples(night.hub, plan, viewer="lan")
    (hidden,) = replays.samples(night.hub, plan, viewer="minh")

    assert ("Nguyễn Thử Nghiệm" in shown.now, shown.masked) == (True, False)
    assert ("Nguyễn Thử Nghiệm" in hidden.now, hidden.masked) == (False, True)


def test_what_cannot_be_written_yet_is_said(night: Shift) -> None:
    stopped(night, 1)

    before = operations.plan(night.hub, Choice(endpoint=PARTNER), "rebuild", **WHO).samples[0]
    night.mend()
    after = operations.plan(night.hub, Choice(endpoint=PARTNER), "rebuild", **WHO).samples[0]

    assert "no entry for '9.999999'" in before.problem_en
    assert before.now == ""
    assert (after.problem_en, "TT-99" in after.now, after.last) == ("", True, "")


def test_the_time_that_it_takes_is_built_on_recent_calls_and_says_so(night: Shift) -> None:
    stopped(night, 6)
    first = operations.plan(night.hub, Choice(endpoint=PARTNER), "rebuild", **WHO).estimate
    for number in range(20, 24):
        night.send(number, f"H02-{number}")
    later = operations.plan(night.hub, Choice(endpoint=PARTNER), "rebuild", **WHO).estimate

    assert (first.measured, first.call_seconds) == (0, 1.0)
    assert "none was made lately" in first.en
    assert (later.measured, later.call_seconds) == (4, 0.0)
    assert "median of the last 4" in later.en
    assert later.seconds < first.seconds


def test_a_plan_of_nothing_that_goes_is_done_at_once(night: Shift) -> None:
    night.send(1)
    plan = planned(night, "release", ids=(night.ids()[0],))
    replays.start(night.hub, plan, **WHO)

    Replayer(night.hub).round()

    assert state(night, plan).state == "done"
