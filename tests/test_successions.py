"""One partner takes another's place: open chains go over in order, what the old one may have is finished with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from hub import intake, operations
from hub.canonical.dossier import DossierMessage
from hub.errors import NotAllowed
from hub.ledger import succession_verbs
from hub.ledger.succession_verbs import Succeeding
from hub.ledger.tables import chains, deliveries
from hub.ledger.working_tables import moves
from hub.operations import partners, successions
from hub.registers import attachments, history
from hub.registers.successors import SuccessorBook
from hub.rules import succession
from hub.rules.lifecycle import State
from hub.rules.succession import Successor
from tests.promises.test_succession import NEW, OLD, SuccessionWorld
from tests.support import dying_mover
from tests.support import hub as support
from tests.support.engines import ENGINES, ledger_on
from tests.support.looking import all_deliveries, broken_rows, check_chains
from tests.support.world import LONG_SECONDS

WHO = {"actor": "lan", "why": "sáp nhập từ 01/07"}
#: The first call may not be repeated; progress waits for nobody.
SERVICES = support.SERVICES
LEFT = frozenset({OLD})


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SuccessionWorld]:
    with ledger_on(request.param) as ledger:
        opened = SuccessionWorld.open(tmp_path, ledger)
        yield opened
        opened.close()


def send(world: SuccessionWorld, number: int, dossier: str = "H01-1", *, aware: bool = True, steps: int = 0) -> None:
    hub = world.hub if aware else replace(world.hub, successors=SuccessorBook())
    support.send(hub, number, dossier, steps=steps)


def succeed(world: SuccessionWorld, *, keeps_data: bool = False) -> None:
    successions.succeed(world.hub, OLD, NEW, keeps_data=keeps_data, **WHO)


def run(world: SuccessionWorld, rounds: int = 20) -> None:
    """Dispatch and work so often; what is due at this moment is then done."""
    for _ in range(rounds):
        world.dispatch()
        while world.bag.dues:
            world.work(world.bag.dues.pop(0))


def taken(world: SuccessionWorld, dossier: str = "H01-1") -> list[tuple[str, str]]:
    """List who took what of a dossier, in order."""
    pairs = zip(world.account.where, world.partner.arrivals, strict=True)
    return [(where, each.mark) for where, each in pairs if each.dossier == dossier]


def stands(world: SuccessionWorld) -> list[tuple[str, int, str]]:
    return [(row.endpoint, row.place, row.state) for row in all_deliveries(world.hub.ledger)]


def actions(world: SuccessionWorld) -> list[str]:
    return [json.loads(each.body).get("hanhDong", "") for each in world.partner.arrivals]


# --- what moves --------------------------------------------------------------------------------------------------


def test_what_waits_is_moved_in_order_and_taken_by_the_successor(world: SuccessionWorld) -> None:
    operations.pause(world.hub, OLD, **WHO)
    for number in (1, 2, 3):
        send(world, number, steps=number % 2)
    succeed(world)

    run(world)

    assert taken(world) == [(NEW, mark) for mark in ("#1", "#1/0", "#2", "#3", "#3/0")]
    assert {row.endpoint for row in all_deliveries(world.hub.ledger)} == {NEW}
    check_chains(world.hub.ledger, left=LEFT)
    assert broken_rows(world.hub.ledger) == []


def test_what_comes_later_is_planned_for_the_successor(world: SuccessionWorld) -> None:
    send(world, 1)
    run(world)
    succeed(world)

    send(world, 2)

    assert [(row.endpoint, row.state) for row in all_deliveries(world.hub.ledger)] == [(OLD, "delivered"), (NEW, "pending")]
    run(world)
    assert taken(world) == [(OLD, "#1"), (NEW, "#2")]


def test_a_message_behind_what_is_not_moved_yet_waits_in_its_place(world: SuccessionWorld) -> None:
    """A process that does not know plans for the old one, the next message comes to one that knows: no overtaking."""
    send(world, 1)
    run(world)
    succeed(world)
    world.is_late = True

    send(world, 2, aware=False)
    send(world, 3)
    run(world)
    assert taken(world) == [(OLD, "#1")], "nothing that was planned for the old one is sent to it"
    world.is_late = False
    run(world)

    assert taken(world) == [(OLD, "#1"), (NEW, "#2"), (NEW, "#3")]


def test_a_doubt_is_finished_with_the_old_one_and_then_its_followers_go(world: SuccessionWorld) -> None:
    world.outcome = "taken, no reply"
    send(world, 1)
    run(world, 1)
    send(world, 2)
    succeed(world)
    run(world)
    assert stands(world) == [(OLD, 1, "in_doubt"), (OLD, 2, "held")]

    world.advance(LONG_SECONDS)
    run(world)

    assert taken(world) == [(OLD, "#1"), (NEW, "#2")]


def test_what_surely_did_not_arrive_after_a_doubt_goes_to_the_successor(world: SuccessionWorld) -> None:
    world.outcome = "lost, no reply"
    send(world, 1)
    run(world, 1)
    succeed(world)

    world.advance(LONG_SECONDS)
    run(world)

    assert taken(world) == [(NEW, "#1")]


def test_what_may_be_repeated_and_may_have_arrived_is_repeated_at_the_old_one(world: SuccessionWorld) -> None:
    send(world, 1)
    run(world)
    world.outcome = "taken, no reply"
    send(world, 2)
    run(world, 1)
    succeed(world)
    world.outcome = "not sent"
    world.advance(LONG_SECONDS)
    run(world, 1)
    assert stands(world) == [(OLD, 1, "delivered"), (OLD, 2, "waiting")]

    world.advance(LONG_SECONDS)
    run(world)

    assert [where for where, _ in taken(world)] == [OLD, OLD, OLD], "the successor would have it a second time"


def test_a_message_of_which_the_old_one_has_a_part_is_finished_with_it(world: SuccessionWorld) -> None:
    send(world, 1, steps=1)
    run(world, 1)
    assert stands(world) == [(OLD, 1, "delivered"), (OLD, 2, "pending")]
    send(world, 2)
    succeed(world)

    run(world)

    assert taken(world) == [(OLD, "#1"), (OLD, "#1/0"), (NEW, "#2")]


def test_what_is_parked_stays_parked_and_is_written_anew_when_it_is_released(world: SuccessionWorld) -> None:
    world.outcome = "refused"
    send(world, 1)
    run(world, 1)
    send(world, 2)
    succeed(world)
    run(world)

    head, follower = all_deliveries(world.hub.ledger)
    assert [(row.endpoint, row.place, row.state) for row in (head, follower)] == [(NEW, 1, "parked"), (NEW, 2, "held")]
    assert (head.error_code, head.business_digest, head.native_id) == ("refused", "", "")

    operations.release(world.hub, head.id, **WHO)
    run(world)
    assert taken(world) == [(NEW, "#1"), (NEW, "#2")]


def test_its_attempts_stay_the_old_ones(world: SuccessionWorld) -> None:
    world.outcome = "not sent"
    send(world, 1)
    run(world, 1)
    succeed(world)
    run(world)

    with world.hub.ledger.read() as conn:
        row = conn.execute(select(moves)).one()
        tries = history.delivery_details(conn, [row.delivery_id])[0].attempts
        told = [each for each in history.journal_of(conn, "national:H01-1") if each.event == "delivery.moved"]
    assert (row.old, row.new, row.attempts) == (OLD, NEW, 1)
    assert [each.outcome for each in tries] == ["wait", "delivered"]
    (moved,) = told
    given = {"from": OLD, "to": NEW, "was": "waiting", "state": "pending", "attempts": 1, "by": "lan"}
    assert given.items() <= moved.entry.items()


def test_a_call_that_was_given_up_does_not_come_back_at_the_successor(world: SuccessionWorld) -> None:
    world.outcome = "refused"
    send(world, 1, steps=1)
    run(world, 1)
    head, _ = all_deliveries(world.hub.ledger)
    operations.pause(world.hub, OLD, **WHO)
    operations.abandon(world.hub, head.id, **WHO)
    succeed(world)

    run(world)

    assert taken(world) == [(NEW, "#1/0")]


def test_a_message_that_needs_other_calls_there_is_planned_anew(world: SuccessionWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls at the old one, one at the successor: the second is ended, and the other way round one is made."""
    operations.pause(world.hub, OLD, **WHO)
    send(world, 1, "H01-1", steps=1)
    send(world, 2, "H01-2")
    adapter = world.hub.adapters["template"]

    def other(message: Any, options: Any) -> Any:
        calls = adapter.plan(message, options)
        assert isinstance(message, DossierMessage)
        return calls[:1] if message.dossier.code == "H01-1" else (*calls, *calls)

    monkeypatch.setitem(world.hub.adapters, "template", replace(adapter, plan=other))  # type: ignore[arg-type]
    succeed(world)
    run(world)

    assert taken(world, "H01-1") == [(NEW, "#1")]
    assert taken(world, "H01-2") == [(NEW, "#2"), (NEW, "#2")]
    dropped = [row for row in all_deliveries(world.hub.ledger) if row.endpoint == OLD]
    assert [(row.state, row.error_code) for row in dropped] == [(State.ABANDONED, "not_needed")]
    check_chains(world.hub.ledger, left=LEFT)


# --- what the partners hold --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("keeps_data", "written"), [(True, "CAPNHAT"), (False, "TAO")])
def test_a_successor_is_written_to_as_to_who_has_the_records_or_has_not(
    world: SuccessionWorld, keeps_data: bool, written: str
) -> None:
    send(world, 1)
    run(world)
    world.partner.holds.clear()
    succeed(world, keeps_data=keeps_data)

    send(world, 2)
    run(world)

    assert taken(world) == [(OLD, "#1"), (NEW, "#2")]
    assert actions(world) == ["TAO", written]


def test_what_the_old_one_holds_is_known_of_it_still(world: SuccessionWorld) -> None:
    send(world, 1)
    run(world)
    succeed(world, keeps_data=True)
    send(world, 2)
    run(world)

    with world.hub.ledger.read() as conn:
        held = {row.endpoint: json.loads(row.held) for row in conn.execute(select(chains))}
    assert held == {OLD: {"dossier": "H01-1"}, NEW: {"dossier": "H01-1"}}


# --- the partners as senders -------------------------------------------------------------------------------------


def test_the_successor_may_send_on_what_the_old_one_took_part_in_and_an_answer_comes_to_it(tmp_path: Path) -> None:
    """A dossier keeps its number; @origin is who stands for the one that it came from."""
    routes = f'[[route]]\nname = "out"\nfrom = ["{support.SENDER}"]\nto = ["{OLD}"]\n'
    routes += f'[[route]]\nname = "back"\nfrom = ["{OLD}", "{NEW}"]\nto = ["@origin"]\n'
    both = dict.fromkeys((OLD, NEW), support.At())
    folder = support.configure(tmp_path, both, routes=routes, sender_outbound=support.At())
    for name in both:
        path = folder / "endpoints" / f"{name}.toml"
        path.write_text(path.read_text(encoding="utf-8") + "[inbound]\n", encoding="utf-8")
    hub = support.open_hub(folder)
    try:
        support.send(hub, 1)
        refused = intake.receive(hub, support.request(support.document(2), NEW))
        successions.succeed(hub, OLD, NEW, **WHO)
        taken = intake.receive(hub, support.request(support.document(3), NEW))

        assert (refused.status, taken.status) == (403, 200)
        with hub.ledger.read() as conn:
            rows = conn.execute(select(deliveries.c.endpoint).where(deliveries.c.origin == NEW)).scalars()
            assert list(rows) == [support.SENDER], "not to the one that it stands for"
    finally:
        support.close(hub)


def test_what_the_old_one_was_told_and_given_is_the_successors_to_read(world: SuccessionWorld) -> None:
    hub = world.hub
    hub.ledger.record_given("sha256:" + "0" * 64, size=1, givers=(OLD,), now=hub.now())
    assert hub.lines_of((NEW, support.SENDER)) == (NEW, support.SENDER)

    succeed(world)

    assert hub.lines_of((NEW, support.SENDER)) == (NEW, OLD, support.SENDER)
    assert hub.lines_of((OLD,)) == (OLD,), "and not the other way round"
    with hub.ledger.read() as conn:
        assert attachments.readable(conn, ("sha256:" + "0" * 64,), hub.lines_of((NEW,)))


# --- who may, and when -------------------------------------------------------------------------------------------


def test_of_two_operators_one_is_told(world: SuccessionWorld) -> None:
    together = Barrier(2)

    def press(actor: str) -> str:
        together.wait()
        try:
            successions.succeed(world.hub, OLD, NEW, actor=actor, why="sáp nhập")
        except NotAllowed as error:
            return error.where
        return "done"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(press, ["lan", "minh"])) == [OLD, "done"]


@pytest.mark.parametrize(
    ("old", "new"), [("a", "a"), ("b", "d"), ("d", "b")], ids=["itself", "has one already", "left its own place"]
)
def test_a_place_is_left_once_and_to_who_stands_in_its_own(old: str, new: str) -> None:
    with pytest.raises(NotAllowed):
        succession.check({"b": Successor(new="c")}, old, new)


def test_a_partner_that_is_not_called_has_no_successor(world: SuccessionWorld) -> None:
    with pytest.raises(Exception, match="outbound"):
        successions.succeed(world.hub, OLD, support.SENDER, **WHO)


def test_successors_of_successors_stand_for_the_first() -> None:
    known = {"a": Successor(new="b"), "b": Successor(new="c"), "x": Successor(new="c")}

    assert succession.final(known, "a") == "c"
    assert set(succession.line_of(known, "c")) == {"a", "b", "c", "x"}
    assert succession.final(known, "z") == "z"


def test_progress_is_shown_and_the_end_written_down(world: SuccessionWorld) -> None:
    operations.pause(world.hub, OLD, **WHO)
    send(world, 1, "H01-1")
    send(world, 2, "H01-1")
    send(world, 3, "H01-2")
    succeed(world)
    before = partners.show(world.hub, OLD).succession
    run(world)
    after = partners.show(world.hub, OLD)

    assert before is not None
    assert (before.moved_chains, before.left, before.ended_at) == (0, {"pending": 2, "held": 1}, None)
    assert after.succession is not None
    assert (after.succession.moved_chains, after.succession.moved_deliveries, after.succession.left) == (2, 3, {})
    assert after.overview.health.stand.standing == "closed"
    assert partners.show(world.hub, NEW).succeeded == (OLD,)


def test_a_straggler_after_the_end_is_moved_as_well(world: SuccessionWorld) -> None:
    succeed(world)
    run(world)
    send(world, 1, aware=False)

    run(world)

    assert taken(world) == [(NEW, "#1")]


def test_two_processes_that_move_the_same_chain_move_it_once(world: SuccessionWorld) -> None:
    operations.pause(world.hub, OLD, **WHO)
    send(world, 1)
    succeed(world)
    of = Succeeding(old=OLD, new=NEW, keeps_data=False, actor="lan")

    def move(_: int) -> int:
        return len(successions._move(world.hub, of, "national:H01-1").deliveries)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(move, range(4))) == [0, 0, 0, 1]


def test_a_thousand_chains_that_stay_do_not_keep_the_others(world: SuccessionWorld) -> None:
    """What may have arrived is not looked at again and again: the search leaves it out."""
    for number in range(3):
        world.outcome = "taken, no reply"
        send(world, number + 1, f"H01-{number}")
        run(world, 1)
    succeed(world)
    send(world, 9, "H01-9", aware=False)

    with world.hub.ledger.read() as conn:
        assert succession_verbs.subjects_to_move(conn, OLD, 1) == ["national:H01-9"]


def test_a_process_that_is_killed_at_any_commit_leaves_whole_chains(tmp_path: Path) -> None:
    """Each process begins where the one before it died, one touch later in its life than that one."""
    with ledger_on("sqlite") as ledger:
        world = SuccessionWorld.open(tmp_path, ledger)
        operations.pause(world.hub, OLD, **WHO)
        for number in range(1, 7):
            send(world, number, f"H01-{number % 3}")
        succeed(world, keeps_data=True)
        deaths = 0
        while dying_mover.run(tmp_path, 1 + deaths % 3) is None:
            deaths += 1
            rows = all_deliveries(world.hub.ledger)
            assert all(len({row.endpoint for row in rows if row.subject == each.subject}) == 1 for each in rows)
            check_chains(world.hub.ledger, left=LEFT)
        run(world)

        assert deaths >= 5
        assert [taken(world, f"H01-{number}") for number in range(3)] == [
            [(NEW, "#3"), (NEW, "#6")],
            [(NEW, "#1"), (NEW, "#4")],
            [(NEW, "#2"), (NEW, "#5")],
        ]
        assert broken_rows(world.hub.ledger) == []
        world.close()
