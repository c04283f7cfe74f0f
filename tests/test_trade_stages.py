"""What does not fit a trade dossier's stage is answered and set aside, and applied only when an operator says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from hub import operations
from hub.app import UNROUTED
from hub.canonical.codes import Event, Stage, Status
from hub.ledger.tables import dossiers
from hub.rules import dossier_facts, trade_lifecycle
from hub.rules.lifecycle import State
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import SQLITE, carry_all
from tests.support.looking import all_deliveries, all_messages, broken_rows, check_chains, state
from tests.support.trade_world import Window, from_stages, opened, taken

E, S = Event, Stage


@pytest.fixture(scope="module", params=ENGINES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """One hub on each engine; each test has dossiers of its own."""
    with ledger_on(request.param) as ledger, opened(tmp_path_factory.mktemp("trade") / "config", ledger) as made:
        yield made


_numbers = iter(range(1, 1_000_000))


@pytest.fixture
def ref() -> str:
    return new_reference()


def new_reference() -> str:
    return f"BNNPTNT0926{next(_numbers):07}"


def release(window: Window, delivery: str) -> None:
    operations.release(window.hub, delivery, actor="an", why="đã hỏi bộ")


def test_a_licence_before_receipt_is_answered_recorded_and_not_applied(shared: Window, ref: str) -> None:
    shared.tell(ref, E.SUBMITTED)
    before = shared.row(ref)

    assert taken(shared.say(E.LICENCE_ISSUED, ref))
    after, (parked,) = shared.row(ref), shared.parked(ref)
    assert before is not None and after is not None
    assert json.loads(all_messages(shared.hub.ledger)[-1].warnings) == ["out_of_stage"]
    assert (parked.endpoint, parked.error_where) == ("nsw", "waiting/licence_issued")
    assert "Chờ tiếp nhận" in parked.error_vi and "licence_issued" in parked.error_en
    kept = ("trade_stage", "trade_course", "status", "answer_due", *dossier_facts.COLUMNS)
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]


def test_released_it_is_applied_and_goes_on(shared: Window, ref: str) -> None:
    shared.tell(ref, E.SUBMITTED, E.LICENCE_ISSUED)
    (parked,) = shared.parked(ref)
    before = shared.row(ref)
    release(shared, parked.id)
    row = shared.row(ref)

    assert row is not None and before is not None
    assert (row.trade_stage, row.status) == (S.LICENSED, Status.DONE)
    assert row.version == before.version + 1, "who looked before the release must look again"
    assert row.done_at is not None, "statistics count it from now on"
    assert state(shared.hub.ledger, parked.id) is State.PENDING
    assert broken_rows(shared.hub.ledger) == []


def test_abandoned_it_is_never_applied(shared: Window, ref: str) -> None:
    shared.tell(ref, E.SUBMITTED, E.LICENCE_ISSUED)
    (parked,) = shared.parked(ref)
    operations.abandon(shared.hub, parked.id, actor="an", why="nhầm hồ sơ")
    shared.tell(ref, E.RECEIVED)

    assert shared.course(ref).stage is S.RECEIVED
    assert shared.parked(ref) == []


def test_an_operator_who_says_that_it_arrived_applies_it_too(shared: Window, ref: str) -> None:
    shared.tell(ref, E.SUBMITTED, E.LICENCE_ISSUED)
    (parked,) = shared.parked(ref)
    operations.settle(shared.hub, parked.id, arrived=True, actor="an", why="đã gửi giấy")

    assert shared.course(ref).stage is S.LICENSED


def test_of_two_recipients_the_first_release_applies_it(tmp_path: Path) -> None:
    """Both deliveries are set aside; the second one goes on without moving anything."""
    with opened(tmp_path / "config", SQLITE, back='"@origin", "khac"') as window:
        window.tell("BNNPTNT09260000001", E.SUBMITTED, E.LICENCE_ISSUED)
        first, second = window.parked()
        release(window, first.id)
        window.tell("BNNPTNT09260000001", E.LICENCE_AMENDED)
        row = window.row("BNNPTNT09260000001")
        release(window, second.id)

        assert window.row("BNNPTNT09260000001") == row


def test_a_dossier_that_nobody_submitted_is_not_made_known_by_who_speaks_of_it(shared: Window, ref: str) -> None:
    """The ministry's word came first: it is set aside, the Single Window still begins its dossier, and then it fits."""
    assert taken(shared.say(E.RECEIVED, ref))
    (parked,) = shared.parked(ref)
    assert (shared.row(ref), parked.endpoint, parked.error_where) == (None, UNROUTED, "new/received")

    shared.tell(ref, E.SUBMITTED)
    row = shared.row(ref)
    assert row is not None and (row.origin, row.trade_stage) == ("nsw", S.WAITING)
    release(shared, parked.id)
    carry_all(shared.hub)

    assert shared.course(ref).stage is S.RECEIVED
    sent = {(each.endpoint, each.event) for each in all_deliveries(shared.hub.ledger) if each.subject == f"vnsw:{ref}"}
    assert sent == {("bo", "submitted"), (UNROUTED, "received"), ("nsw", "received")}


def test_where_it_is_only_warned_of_it_goes_on_and_moves_forward_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "config", SQLITE, inbound='out_of_stage = "warn"\n') as window:
        window.tell("BNNPTNT09260000001", E.LICENCE_ISSUED)
        assert window.course("BNNPTNT09260000001").stage is S.LICENSED
        window.tell("BNNPTNT09260000002", E.SUBMITTED, E.LICENCE_ISSUED, E.RECEIVED)

        assert window.course("BNNPTNT09260000002").stage is S.LICENSED
        assert window.parked() == []
        warned = [json.loads(row.warnings) for row in all_messages(window.hub.ledger)]
        assert warned == [["out_of_stage"], [], ["out_of_stage"], ["out_of_stage"]]


def test_a_refused_edit_leaves_the_version_before_in_force(shared: Window, ref: str) -> None:
    shared.tell(ref, E.SUBMITTED, E.EDITED, E.RECEIVED, E.EDIT_ASKED)
    asked = shared.course(ref)
    shared.tell(ref, E.EDIT_REFUSED)
    refused = shared.course(ref)
    shared.tell(ref, E.EDIT_ASKED, E.EDIT_AGREED)
    agreed = shared.course(ref)

    assert (asked.stage, refused.stage, agreed.stage) == (S.EDIT_WAITING, S.RECEIVED, S.RECEIVED)
    assert [each.state for each in asked.versions] == ["replaced", "current", "pending"]
    assert [each.state for each in refused.versions] == ["replaced", "current", "refused"]
    assert [each.state for each in agreed.versions] == ["replaced", "replaced", "refused", "current"]
    assert refused.in_force is not None and refused.in_force.event is E.EDITED
    row = shared.row(ref)
    assert row is not None and row.status == Status.RECEIVED


def test_a_new_dossier_may_replace_one_that_was_not_received(shared: Window, ref: str) -> None:
    other, third = new_reference(), new_reference()
    shared.tell(ref, E.SUBMITTED)
    assert taken(shared.say(E.SUBMITTED, other, earlier=ref))
    shared.tell(other, E.RECEIVED)
    assert taken(shared.say(E.SUBMITTED, third, earlier=other))
    first, second, last = shared.row(ref), shared.row(other), shared.row(third)

    assert first is not None and second is not None and last is not None
    assert (first.trade_stage, first.status) == (S.WITHDRAWN, Status.WITHDRAWN)
    assert first.ended_at is not None
    assert (shared.course(ref).replaced_by, shared.course(other).replaces) == (f"vnsw:{other}", f"vnsw:{ref}")
    assert (second.trade_stage, shared.course(other).replaced_by) == (S.RECEIVED, f"vnsw:{third}")
    assert first.last_message != second.last_message, "its own last message is still its own"


def test_one_who_did_not_begin_a_dossier_cannot_replace_it(shared: Window, ref: str) -> None:
    """A number is written by the sender: naming somebody else's dossier must not withdraw it."""
    shared.tell(ref, E.SUBMITTED)
    assert taken(shared.say(E.SUBMITTED, new_reference(), earlier=ref, by="khac"))

    assert (shared.course(ref).stage, shared.course(ref).replaced_by) == (S.WAITING, "")


def test_a_dossier_that_names_itself_or_nobody_known_replaces_none(shared: Window, ref: str) -> None:
    assert taken(shared.say(E.SUBMITTED, ref, earlier=ref))
    other = new_reference()
    assert taken(shared.say(E.SUBMITTED, other, earlier="BNNPTNT09269999999"))

    assert shared.course(ref).replaces == ""
    assert (shared.course(other).stage, shared.course(other).replaces) == (S.WAITING, "vnsw:BNNPTNT09269999999")


def test_a_dossier_of_before_stages_were_recorded_goes_on(shared: Window, ref: str) -> None:
    """Its row was written by the version before: the first event tells where it stands, and nothing is parked for that."""
    shared.tell(ref, E.SUBMITTED)
    with shared.hub.ledger.apart() as conn:
        conn.execute(update(dossiers).where(dossiers.c.key == f"vnsw:{ref}").values(trade_stage="", trade_course=""))
    assert shared.course(ref).assumed
    shared.tell(ref, E.EDIT_ASKED, E.EDIT_AGREED)

    assert shared.parked(ref) == []
    assert (shared.course(ref).stage, shared.course(ref).assumed) == (S.WAITING, False)


KNOWN = [
    E.SUBMITTED,
    E.EDITED,
    E.SUPPLEMENTED,
    E.WITHDRAWN,
    E.EDIT_ASKED,
    E.WITHDRAWAL_ASKED,
    E.RECEIVED,
    E.REFUSED,
    E.SUPPLEMENT_ASKED,
    E.EDIT_AGREED,
    E.EDIT_REFUSED,
    E.WITHDRAWAL_AGREED,
    E.WITHDRAWAL_REFUSED,
    E.LICENCE_ISSUED,
    E.LICENCE_AMENDED,
]
#: What is said after the beginning, by which side it may be; a repeat of what was said before it, and an operator's release.
STORIES = st.lists(st.one_of(st.sampled_from(KNOWN), st.sampled_from(["again", "release", "abandon"])), min_size=3, max_size=9)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORIES)
def test_no_order_of_messages_moves_a_dossier_wrongly(shared: Window, story: list[Event | str]) -> None:
    """The ledger's course is that of the table; what did not fit is parked, whatever came before, twice or late."""
    reference = new_reference()
    shared.tell(reference, E.SUBMITTED)
    last, seed = E.SUBMITTED, shared.said
    for what in story:
        before = shared.course(reference)
        if isinstance(what, Event):
            assert taken(shared.say(what, reference))
            last, seed = what, shared.said
            fits = trade_lifecycle.target(before, what, from_stages(what))
            assert shared.course(reference).stage is (fits or before.stage)
            continue
        if what == "again":
            assert taken(shared.say(last, reference, seed=seed))
            assert shared.course(reference) == before, "the same message, with the same answer, changes nothing"
        elif parked := shared.parked(reference):
            if what == "release":
                release(shared, parked[0].id)
            else:
                operations.abandon(shared.hub, parked[0].id, actor="an", why="không đúng")
    course = shared.course(reference)
    counted = [each.state for each in course.versions]
    assert counted.count("current") == 1 and counted.count("pending") <= 1
    check_chains(shared.hub.ledger)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_operators_who_release_at_once_apply_it_once(engine: str, tmp_path: Path) -> None:
    """Each releases another delivery of the same message, while the partners go on speaking of the dossier."""
    with ledger_on(engine) as ledger, opened(tmp_path / "config", ledger, back='"@origin", "khac"') as window:
        reference = new_reference()
        window.tell(reference, E.SUBMITTED, E.LICENCE_ISSUED)
        parked = [each.id for each in window.parked(reference)]
        said = [partial(release, window, each) for each in parked] + [partial(window.tell, reference, E.EDITED)]
        with ThreadPoolExecutor(len(said)) as pool:
            for done in [pool.submit(each) for each in said]:
                done.result(timeout=60)
        course = window.course(reference)

        assert len(parked) == 2
        assert course.released == (course.released[0],)
        assert (course.stage, len(course.versions)) in {(S.LICENSED, 1), (S.LICENSED, 2)}
        assert broken_rows(window.hub.ledger) == []
