"""Operations: what an operator does happens once, in order, with who and why; what cannot be done is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, update

from hub import operations
from hub.app import Hub
from hub.errors import BadSettings, HubError, NotAllowed
from hub.ledger.plan_verbs import Carried
from hub.ledger.tables import endpoint_states, notices
from hub.ledger.values import Notice
from hub.operations import Ran
from hub.registers import failures, history, plans
from hub.registers.plan_choice import Choice
from hub.registers.plans import Plan
from hub.rules.lifecycle import State
from tests.support import looking
from tests.support.hub import PARTNER, SENDER
from tests.support.night_shift import Shift, shift

WHO = {"actor": "lan", "why": "ca đêm"}


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Shift]:
    """A hub whose partner declares: create can be asked about, update may be resent, progress is parked in doubt."""
    with shift(tmp_path) as opened:
        yield opened


def group_of(night: Shift, code: str) -> str:
    with night.hub.ledger.read() as conn:
        found = failures.failures(conn)
    (group,) = [each for each in (*found.parked, *found.in_doubt) if each.cause.error_code == code]
    return group.cause.group


def skips(plan: Plan) -> list[str]:
    return [item.skip.partition(":")[0] for item in plan.items]


def in_doubt(night: Shift, dossier: str = "H01-1") -> str:
    """Bring a dossier's first delivery into doubt: the partner has it, its answer cannot be read."""
    night.faults[dossier] = "garble"
    night.send(1, dossier)
    night.faults.clear()
    (delivery,) = night.deliveries(dossier)
    assert delivery.state == State.IN_DOUBT
    return delivery.id


# --- the story: a code list is mended, and everything behind it goes -------------------------------------------------


def test_a_mended_code_list_and_a_plan_send_the_head_and_its_followers_in_order(night: Shift) -> None:
    night.unmapped(1)
    night.send(2)
    night.send(3)
    assert night.states() == [State.PARKED, State.HELD, State.HELD]
    night.mend()

    frozen = operations.plan(night.hub, Choice(group=group_of(night, "no_mapping")), "rebuild", **WHO)
    ran = operations.run_plan(night.hub, frozen.id, actor="lan")
    night.carry()

    assert (ran.done, ran.skipped, ran.changed) == (1, 0, 0)
    assert night.partner.marks("H01-1") == ["#1", "#2", "#3"]
    assert night.bodies()[0]["hoSo"]["thuTuc"]["ma"] == "TT-99"
    assert night.states() == [State.DELIVERED] * 3
    assert looking.broken_rows(night.hub.ledger) == []


def test_without_mending_a_rebuilt_delivery_is_parked_again_and_nothing_overtakes(night: Shift) -> None:
    night.unmapped(1)
    night.send(2)

    operations.rebuild(night.hub, night.ids()[0], **WHO)
    night.carry()

    assert night.states() == [State.PARKED, State.HELD]
    assert night.partner.marks("H01-1") == []


# --- plans -----------------------------------------------------------------------------------------------------------


def test_the_set_that_was_seen_is_the_set_that_is_sent(night: Shift) -> None:
    night.unmapped(1, "H01-1")
    night.mend()
    frozen = operations.plan(night.hub, Choice(error="no_mapping"), "rebuild", **WHO)
    night.faults["H01-2"] = "refuse"
    night.send(2, "H01-2")
    seen = [item.delivery_id for item in frozen.items]

    operations.run_plan(night.hub, frozen.id, actor="lan")
    night.carry()

    assert seen == night.ids("H01-1")
    assert night.states("H01-1") == [State.DELIVERED]
    assert night.states("H01-2") == [State.PARKED]


def test_an_item_whose_delivery_changed_since_is_left_alone_and_said(night: Shift) -> None:
    night.unmapped(1, "H01-1")
    night.unmapped(2, "H01-2")
    frozen = operations.plan(night.hub, Choice(endpoint=PARTNER), "rebuild", **WHO)
    operations.abandon(night.hub, night.ids("H01-1")[0], **WHO)
    night.mend()
    told: list[tuple[str, str]] = []

    def progress(carried: Carried) -> None:
        told.append((carried.delivery_id, carried.result))

    ran = operations.run_plan(night.hub, frozen.id, actor="minh", progress=progress)

    assert (ran.done, ran.changed) == (1, 1)
    assert told == [(night.ids("H01-1")[0], "changed:abandoned"), (night.ids("H01-2")[0], "done")]
    assert night.states("H01-1") == [State.ABANDONED]


def test_a_delivery_that_failed_anew_since_is_not_sent_by_an_old_plan(night: Shift) -> None:
    night.unmapped(1)
    frozen = operations.plan(night.hub, Choice(endpoint=PARTNER), "release", **WHO)
    operations.release(night.hub, night.ids()[0], **WHO)
    night.carry()
    assert night.states() == [State.PARKED]

    ran = operations.run_plan(night.hub, frozen.id, actor="lan")

    assert (ran.done, ran.changed) == (0, 1)


def test_of_two_operators_who_run_the_same_plan_only_one_runs_it(night: Shift) -> None:
    for number in range(1, 6):
        night.unmapped(number, f"H01-{number}")
    night.mend()
    frozen = operations.plan(night.hub, Choice(error="no_mapping"), "rebuild", **WHO)
    together = Barrier(2)

    def run(actor: str) -> Ran | NotAllowed:
        together.wait()
        try:
            return operations.run_plan(night.hub, frozen.id, actor=actor)
        except NotAllowed as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, ["lan", "minh"]))
    night.carry()

    (ran,) = [each for each in results if isinstance(each, Ran)]
    assert ran.done == 5
    assert sum(isinstance(each, NotAllowed) for each in results) == 1
    assert all(night.partner.marks(f"H01-{number}") == [f"#{number}"] for number in range(1, 6))


def test_a_plan_runs_the_oldest_chain_first_and_each_chain_in_order(night: Shift) -> None:
    for number, dossier in enumerate(("H01-9", "H01-1", "H01-5"), start=1):
        night.unmapped(number, dossier)
        night.clock.advance(1)
    night.send(4, "H01-9")

    frozen = operations.plan(night.hub, Choice(endpoint=PARTNER), "rebuild", **WHO)

    subjects = [item.subject for item in frozen.items]
    assert subjects == ["national:H01-9", "national:H01-9", "national:H01-1", "national:H01-5"]
    assert skips(frozen) == ["", "goes_with", "", ""]


def test_a_plan_says_why_followers_cannot_go_alone(night: Shift) -> None:
    night.faults["H01-1"] = "refuse"
    night.send(1)
    night.send(2)
    head, follower = night.ids()

    frozen = operations.plan(night.hub, Choice(ids=(follower,)), "release", **WHO)

    (item,) = frozen.items
    vi, en = plans.explain(item.skip)
    assert item.skip == f"cannot_go_alone:{head}:parked:refused"
    assert en == f"cannot go alone: its head {head} is parked (refused); mend or abandon that one"
    assert head in vi
    assert operations.run_plan(night.hub, frozen.id, actor="lan").done == 0
    assert night.states() == [State.PARKED, State.HELD]


def test_a_refused_head_is_abandoned_and_its_followers_go_by_themselves(night: Shift) -> None:
    night.faults["H01-1"] = "refuse"
    night.send(1)
    night.send(2)
    night.send(3)
    night.faults.clear()

    done = operations.abandon(night.hub, night.ids()[0], actor="lan", why="cổng từ chối vĩnh viễn")
    night.carry()

    assert (done.followers, done.next_id, done.next_state) == (2, night.ids()[1], State.PENDING)
    assert night.states() == [State.ABANDONED, State.DELIVERED, State.DELIVERED]
    assert night.partner.marks("H01-1") == ["#2", "#3"]


def test_a_delivery_in_doubt_is_listed_and_never_sent_by_a_plan(night: Shift) -> None:
    in_doubt(night)
    night.send(2)

    frozen = operations.plan(night.hub, Choice(dossier="H01-1"), "release", **WHO)
    operations.run_plan(night.hub, frozen.id, actor="lan")

    assert skips(frozen) == ["in_doubt", "cannot_go_alone"]
    assert night.states() == [State.IN_DOUBT, State.HELD]
    assert night.partner.marks("H01-1") == ["#1"]


def test_a_plan_by_ids_says_what_has_ended_and_what_is_under_way(night: Shift) -> None:
    night.send(1, "H01-1")
    operations.pause(night.hub, PARTNER, **WHO)
    night.send(2, "H01-2")
    night.send(3, "H01-2")
    ids = (*night.ids("H01-1"), *night.ids("H01-2"))

    frozen = operations.plan(night.hub, Choice(ids=ids), "release", **WHO)

    assert skips(frozen) == ["ended", "under_way", "waits_for"]
    assert [item.skip.partition(":")[2] for item in frozen.items][:2] == ["delivered", "pending"]


def test_what_a_paused_endpoint_holds_is_not_planned(night: Shift) -> None:
    night.unmapped(1)
    operations.pause(night.hub, PARTNER, **WHO)
    paused = operations.plan(night.hub, Choice(endpoint=PARTNER), "release", **WHO)
    operations.resume(night.hub, PARTNER, **WHO)
    resumed = operations.plan(night.hub, Choice(endpoint=PARTNER), "release", **WHO)

    assert (skips(paused), skips(resumed)) == (["paused"], [""])


def test_what_a_partner_that_cannot_be_reached_holds_is_not_planned(night: Shift) -> None:
    night.unmapped(1)
    operations.resume(night.hub, PARTNER, **WHO)
    with night.hub.ledger._engine.begin() as conn:
        conn.execute(update(endpoint_states).values(failures=9, open_until=night.hub.now() + 60))
    frozen = operations.plan(night.hub, Choice(endpoint=PARTNER), "release", **WHO)

    assert skips(frozen) == ["breaker_open"]


@pytest.mark.parametrize(
    ("choice", "verb"),
    [
        (Choice(), "release"),
        (Choice(group="0123456789"), "release"),
        (Choice(dossier="H99-1"), "release"),
        (Choice(ids=("00000000-0000-0000-0000-000000000000",)), "release"),
        (Choice(endpoint=PARTNER), "abandon"),
    ],
    ids=["nothing", "unknown group", "unknown dossier", "unknown delivery", "another verb"],
)
def test_a_plan_that_means_nothing_is_refused(night: Shift, choice: Choice, verb: str) -> None:
    with pytest.raises(NotAllowed):
        operations.plan(night.hub, choice, verb, **WHO)


def test_a_plan_is_chosen_by_group_procedure_time_and_error(night: Shift) -> None:
    night.unmapped(1, "H01-1")
    night.clock.advance(3600)
    night.faults["H01-2"] = "refuse"
    night.send(2, "H01-2")
    noon = night.hub.now() - 1800

    def chosen(**given: Any) -> list[str]:
        return [item.subject for item in operations.plan(night.hub, Choice(**given), "release", **WHO).items]

    assert chosen(group=group_of(night, "refused")) == ["national:H01-2"]
    assert chosen(procedure="9.999999") == ["national:H01-1"]
    assert chosen(since=noon) == ["national:H01-2"]
    assert chosen(until=noon) == ["national:H01-1"]
    assert chosen(error="no_mapping") == ["national:H01-1"]
    assert chosen(endpoint=PARTNER) == ["national:H01-1", "national:H01-2"]


# --- settle ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb",
    [
        operations.release,
        operations.rebuild,
        operations.abandon,
        operations.ask,
        lambda *given, **named: operations.settle(*given, arrived=True, **named),
        lambda *given, **named: operations.settle_answer(*given, acknowledged=True, **named),
        lambda *given, **named: operations.abandon_all(*given, (), **named),
    ],
    ids=["release", "rebuild", "abandon", "ask", "settle", "settle_answer", "abandon_all"],
)
@pytest.mark.parametrize(("actor", "why"), [("lan", " "), ("", "vì thế")])
def test_every_verb_requires_who_and_why(night: Shift, verb: Callable[..., Any], actor: str, why: str) -> None:
    delivery = in_doubt(night)

    with pytest.raises(NotAllowed):
        verb(night.hub, delivery, actor=actor, why=why)

    assert night.state(delivery) is State.IN_DOUBT


def test_settled_as_arrived_the_followers_go_and_the_chain_knows_what_the_operator_stated(night: Shift) -> None:
    delivery = in_doubt(night)
    night.send(2)

    done = operations.settle(night.hub, delivery, arrived=True, evidence=b"letter", held={"dossier": "H01-1"}, **WHO)
    night.carry()

    assert dict(done.learned or {}) == {"dossier": "H01-1"}
    assert [body["hanhDong"] for body in night.bodies()] == ["TAO", "CAPNHAT"]
    assert night.states() == [State.DELIVERED, State.DELIVERED]


def test_the_partners_own_reply_as_evidence_teaches_what_it_holds(night: Shift) -> None:
    delivery = in_doubt(night)
    reply = json.dumps({"ma": "00", "thongBao": "Đã nhận"}).encode()

    done = operations.settle(night.hub, delivery, arrived=True, evidence=reply, **WHO)

    assert dict(done.learned or {}) == {"dossier": "H01-1"}


@pytest.mark.parametrize("evidence", [b"\x89PNG a screenshot", b""])
def test_evidence_that_is_no_reply_teaches_what_the_bytes_themselves_say(night: Shift, evidence: bytes) -> None:
    delivery = in_doubt(night)

    done = operations.settle(night.hub, delivery, arrived=True, evidence=evidence, **WHO)

    assert dict(done.learned or {}) == {"dossier": "H01-1"}
    assert done.delivery.state == State.DELIVERED


def test_settled_as_not_arrived_the_same_bytes_go_again(night: Shift) -> None:
    delivery = in_doubt(night)
    first = night.partner.arrivals[0].body

    operations.settle(night.hub, delivery, arrived=False, evidence=b"letter", **WHO)
    night.carry()

    assert [each.body for each in night.partner.arrivals] == [first, first]
    assert night.states() == [State.DELIVERED]


def test_what_the_partner_holds_cannot_be_stated_of_what_did_not_arrive(night: Shift) -> None:
    delivery = in_doubt(night)

    with pytest.raises(NotAllowed):
        operations.settle(night.hub, delivery, arrived=False, held={"dossier": "H01-1"}, **WHO)


def test_who_why_and_the_evidences_digest_stand_in_the_journal(night: Shift) -> None:
    delivery = in_doubt(night)

    operations.settle(night.hub, delivery, arrived=True, evidence=b"letter", actor="lan", why="gọi điện lúc 9:30")

    with night.hub.ledger.read() as conn:
        last = history.journal_of(conn, "national:H01-1")[-1]
        assert history.body(conn, last.entry["evidence"]) == b"letter"
    assert (last.actor, last.event, last.entry["why"]) == ("lan", "operator.settle_arrived", "gọi điện lúc 9:30")


# --- the other verbs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [operations.release, operations.rebuild, operations.abandon])
def test_a_delivery_in_doubt_cannot_be_sent_again_or_given_up(night: Shift, verb: Callable[..., Any]) -> None:
    delivery = in_doubt(night)

    with pytest.raises(NotAllowed):
        verb(night.hub, delivery, **WHO)

    assert night.state(delivery) is State.IN_DOUBT


def test_release_sends_the_very_bytes_that_were_refused(night: Shift) -> None:
    night.faults["H01-1"] = "refuse"
    night.send(1)
    (before,) = night.deliveries()
    night.faults.clear()

    operations.release(night.hub, before.id, **WHO)
    night.carry()

    (after,) = night.deliveries()
    assert [each.business_digest for each in after.attempts] == [before.business_digest] * 2
    assert after.state == State.DELIVERED


def test_the_sender_is_told_that_a_delivery_was_given_up_and_why_it_had_stopped(night: Shift) -> None:
    night.faults["H01-1"] = "refuse"
    night.send(1)

    operations.abandon(night.hub, night.ids()[0], **WHO)

    with night.hub.ledger.read() as conn:
        told = conn.execute(select(notices).order_by(notices.c.seq)).fetchall()
    assert [(row.endpoint, row.outcome) for row in told] == [(SENDER, "refused"), (SENDER, "abandoned")]
    assert (told[-1].code, "unknown procedure" in told[-1].en) == ("13", True)


def test_the_sender_of_each_is_told_when_a_chain_is_given_up(night: Shift) -> None:
    night.send(1)
    night.faults["H01-1"] = "refuse"
    for number in (2, 3, 4):
        night.send(number)
    head = night.ids()[1]
    seen = operations.followers(night.hub, head)
    night.faults.clear()
    night.send(5)

    done = operations.abandon_all(night.hub, head, seen, **WHO)
    night.carry()

    assert done.abandoned == tuple(night.ids()[1:4])
    assert (done.next_id, done.next_state) == (night.ids()[4], State.PENDING)
    assert night.states() == [State.DELIVERED, *[State.ABANDONED] * 3, State.DELIVERED]
    assert night.partner.marks("H01-1") == ["#1", "#5"]
    with night.hub.ledger.read() as conn:
        told = [(row.delivery_id, row.outcome) for row in conn.execute(select(notices).order_by(notices.c.seq))]
    assert told[2:5] == [(each, "abandoned") for each in done.abandoned]
    assert looking.broken_rows(night.hub.ledger) == []


def test_the_sender_is_told_what_an_operator_heard_of_one_that_waits_for_its_acknowledgement(tmp_path: Path) -> None:
    with shift(tmp_path, services='[outbound.services.GuiHoSo]\nadvance_on = "acknowledged"\n') as night:
        night.send(1)
        night.send(2)

        done = operations.settle_answer(night.hub, night.ids()[0], acknowledged=False, evidence=b"letter", **WHO)
        night.carry()

        assert (done.delivery.state, done.next_state) == (State.REFUSED_LATE, State.PENDING)
        assert night.partner.marks("H01-1") == ["#1", "#2"]
        with night.hub.ledger.read() as conn:
            told = [(row.outcome, row.code) for row in conn.execute(select(notices).order_by(notices.c.seq))]
        assert told == [("delivered", ""), ("refused_late", "refused"), ("delivered", "")]


def test_giving_up_a_follower_leaves_its_head_where_it_is(night: Shift) -> None:
    night.unmapped(1)
    night.send(2)
    night.send(3)

    done = operations.abandon(night.hub, night.ids()[1], **WHO)

    assert (done.next_id, done.followers) == ("", 1)
    assert night.states() == [State.PARKED, State.ABANDONED, State.HELD]
    looking.check_chains(night.hub.ledger)


def test_asking_has_the_partner_looked_up_now(night: Shift) -> None:
    delivery = in_doubt(night)
    night.carry()
    assert night.partner.calls["TraCuu"] == 0, "it waits before it asks"

    operations.ask(night.hub, delivery, **WHO)
    night.carry()

    assert night.partner.calls["TraCuu"] == 1
    assert night.state(delivery) is State.DELIVERED


@pytest.mark.parametrize(("finding", "tells"), [("found", ["delivered"]), ("unknown", []), ("absent", ["delivered"])])
def test_only_what_was_found_is_told_to_the_sender(
    night: Shift, monkeypatch: pytest.MonkeyPatch, finding: str, tells: list[str]
) -> None:
    """What is absent goes again, and is told when that arrives."""
    delivery = in_doubt(night)
    if finding == "absent":
        night.partner.arrivals.clear()
    elif finding == "unknown":
        monkeypatch.setattr(night.partner, "look_up", lambda identity: "77")
    planned, usual = [], Hub.notice

    def notice(hub: Hub, about: Any, outcome: str, error: HubError | None = None) -> Notice:
        planned.append(outcome)
        return usual(hub, about, outcome, error)

    monkeypatch.setattr(Hub, "notice", notice)
    operations.ask(night.hub, delivery, **WHO)
    night.carry()

    with night.hub.ledger.read() as conn:
        told = list(conn.execute(select(notices.c.outcome)).scalars())
    assert (planned, told) == (tells, tells)


def test_a_service_that_has_no_look_up_is_not_asked(tmp_path: Path) -> None:
    with shift(tmp_path, services="") as night:
        delivery = in_doubt(night)

        with pytest.raises(NotAllowed, match="no look-up"):
            operations.ask(night.hub, delivery, **WHO)

        night.clock.advance(86400)
        night.carry()
        assert night.partner.calls["TraCuu"] == 0


def test_a_paused_endpoint_gets_nothing_until_it_is_resumed(night: Shift) -> None:
    operations.pause(night.hub, PARTNER, **WHO)
    night.send(1)
    assert night.partner.marks("H01-1") == []

    operations.resume(night.hub, PARTNER, **WHO)
    night.carry()

    assert night.partner.marks("H01-1") == ["#1"]


def test_an_endpoint_that_does_not_exist_cannot_be_paused(night: Shift) -> None:
    with pytest.raises(BadSettings):
        operations.pause(night.hub, "nowhere", **WHO)


def test_an_unknown_delivery_is_said_so(night: Shift) -> None:
    with pytest.raises(HubError):
        operations.abandon(night.hub, "no-such-delivery", **WHO)
