"""The life of a trade dossier: the table itself, pairs and one-sided steps, versions, and that no order of messages breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.codes import EVENT_NAMES, STAGE_NAMES, Event, Stage, Status
from hub.rules import trade_lifecycle as trade
from hub.rules.trade_lifecycle import Course, Judged, Said, VersionState

E, S = Event, Stage


def said(event: Event, number: int = 1, **more: object) -> Said:
    return Said(event=event, message=f"m{number}", digest=f"sha256:{number}", at=float(number), **more)  # type: ignore[arg-type]


def walk(events: Sequence[Event], course: Course | None = None, *, parks: bool = True) -> tuple[Course, list[bool]]:
    """Let events come one after the other; give where that leads, and which of them fitted."""
    course, fitted = course or Course(), []
    for number, event in enumerate(events, 1):
        judged = trade.judge(course, said(event, number), parks=parks)
        course, fitted = judged.course, [*fitted, judged.fits]
    return course, fitted


BEGUN = [E.SUBMITTED]
RECEIVED = [*BEGUN, E.RECEIVED]
LICENSED = [*RECEIVED, E.LICENCE_ISSUED]
#: What happened -> the stage after it; every event of it fits.
WAYS = [
    ([], S.NEW),
    (BEGUN, S.WAITING),
    ([*BEGUN, E.EDITED, E.EDITED], S.WAITING),
    ([*BEGUN, E.WITHDRAWN], S.WITHDRAWN),
    ([*BEGUN, E.REFUSED], S.REFUSED),
    ([*BEGUN, E.SUPPLEMENT_ASKED, E.SUPPLEMENTED], S.SUPPLEMENT_WAITING),
    ([*BEGUN, E.SUPPLEMENT_ASKED, E.SUPPLEMENTED, E.SUPPLEMENT_ASKED, E.SUPPLEMENTED, E.RECEIVED], S.RECEIVED),
    ([*BEGUN, E.SUPPLEMENT_ASKED, E.WITHDRAWN], S.WITHDRAWN),
    (RECEIVED, S.RECEIVED),
    ([*RECEIVED, E.FEE_ASKED], S.FEE_ASKED),
    ([*RECEIVED, E.FEE_ASKED, E.FEE_PAID, E.FEE_ASKED, E.FEE_PAID], S.FEE_PAID),
    ([*RECEIVED, E.FEE_ASKED, E.FEE_PAID, E.LICENCE_ISSUED], S.LICENSED),
    ([*RECEIVED, E.RESULT, E.LICENCE_ISSUED, E.LICENCE_ISSUED], S.LICENSED),
    ([*RECEIVED, E.EDIT_ASKED], S.EDIT_WAITING),
    ([*RECEIVED, E.EDIT_ASKED, E.EDIT_AGREED], S.RECEIVED),
    ([*RECEIVED, E.FEE_ASKED, E.EDIT_ASKED, E.EDIT_REFUSED], S.FEE_ASKED),
    ([*RECEIVED, E.WITHDRAWAL_ASKED, E.WITHDRAWAL_AGREED], S.WITHDRAWN),
    ([*RECEIVED, E.FEE_ASKED, E.FEE_PAID, E.WITHDRAWAL_ASKED, E.WITHDRAWAL_REFUSED], S.FEE_PAID),
    ([*RECEIVED, E.SUPPLEMENT_ASKED, E.WITHDRAWAL_ASKED, E.WITHDRAWAL_REFUSED], S.SUPPLEMENT_ASKED),
    ([*RECEIVED, E.SUPPLEMENT_ASKED, E.SUPPLEMENTED, E.LICENCE_ISSUED], S.LICENSED),
    ([*LICENSED, E.AMENDMENT_ASKED], S.AMENDMENT_WAITING),
    ([*LICENSED, E.AMENDMENT_ASKED, E.AMENDMENT_REFUSED], S.LICENSED),
    ([*LICENSED, E.AMENDMENT_ASKED, E.AMENDMENT_AGREED, E.LICENCE_AMENDED], S.LICENSED),
    ([*LICENSED, E.AMENDMENT_ASKED, E.LICENCE_AMENDED], S.LICENSED),
    ([*LICENSED, E.LICENCE_AMENDED, E.LICENCE_RECALLED], S.RECALLED),
    ([*LICENSED, E.PERMIT_RETURNED], S.RETURNED),
    ([*LICENSED, E.WITHDRAWAL_ASKED, E.WITHDRAWAL_AGREED], S.WITHDRAWN),
    ([*RECEIVED, E.STATUS, E.DECLARED, E.REPORT, E.RESULT_ASKED, E.CONFIRMED, E.FILE, E.CATALOGUE], S.RECEIVED),
]


@pytest.mark.parametrize(("events", "stage"), WAYS, ids=lambda value: "-".join(value) if isinstance(value, list) else value)
def test_a_way_that_partners_go(events: list[Event], stage: Stage) -> None:
    course, fitted = walk(events)

    assert (course.stage, all(fitted)) == (stage, True)


#: What happened -> an event that does not belong there.
OUT = [
    ([], E.RECEIVED),
    ([], E.LICENCE_ISSUED),
    (BEGUN, E.SUBMITTED),
    (BEGUN, E.LICENCE_ISSUED),
    (BEGUN, E.EDIT_ASKED),
    (BEGUN, E.WITHDRAWAL_ASKED),
    (BEGUN, E.SUPPLEMENTED),
    (BEGUN, E.FEE_PAID),
    (RECEIVED, E.EDITED),
    (RECEIVED, E.WITHDRAWN),
    (RECEIVED, E.EDIT_AGREED),
    (RECEIVED, E.WITHDRAWAL_REFUSED),
    (RECEIVED, E.LICENCE_AMENDED),
    ([*RECEIVED, E.FEE_ASKED], E.LICENCE_ISSUED),
    ([*RECEIVED, E.EDIT_ASKED], E.LICENCE_ISSUED),
    ([*RECEIVED, E.EDIT_ASKED], E.WITHDRAWAL_AGREED),
    (LICENSED, E.RECEIVED),
    (LICENSED, E.FEE_ASKED),
    (LICENSED, E.SUBMITTED),
    # The same stage before and after receipt: edit and withdrawal are one-sided only before it, the rest only after it.
    ([*BEGUN, E.SUPPLEMENT_ASKED], E.WITHDRAWAL_ASKED),
    ([*BEGUN, E.SUPPLEMENT_ASKED, E.SUPPLEMENTED], E.LICENCE_ISSUED),
    ([*RECEIVED, E.SUPPLEMENT_ASKED], E.WITHDRAWN),
    ([*RECEIVED, E.SUPPLEMENT_ASKED, E.SUPPLEMENTED], E.EDITED),
    *(([*BEGUN, E.WITHDRAWN], event) for event in (E.RECEIVED, E.EDITED, E.WITHDRAWN, E.STATUS, E.SUBMITTED)),
]


@pytest.mark.parametrize(("events", "late"), OUT, ids=lambda value: "-".join(value) if isinstance(value, list) else value)
def test_what_does_not_fit_and_is_parked_changes_nothing(events: list[Event], late: Event) -> None:
    course, _ = walk(events)

    assert trade.judge(course, said(late, 99), parks=True) == Judged(course=course, fits=False)


def test_the_table_has_every_stage_and_names_it() -> None:
    assert set(trade.TRADE) == set(trade.ORDER) == set(STAGE_NAMES) == set(Stage)
    assert set(EVENT_NAMES) == set(Event)
    assert {stage for stage in Stage if stage not in trade.STATUS} == trade.PENDING


def test_every_event_of_the_handshake_is_somewhere_in_the_table() -> None:
    """One that were nowhere would always be parked."""
    assert set(Event) <= {event for steps in trade.TRADE.values() for event in steps}


def test_nothing_follows_an_end_but_what_is_no_step() -> None:
    for stage in trade.ENDS:
        assert set(trade.TRADE[stage]) == trade.ANYWHERE


def test_a_procedure_may_say_from_which_stages_a_message_of_its_own_comes() -> None:
    """Narrower than the table, or wider; where the table has no such step the event leads where it usually does."""
    waiting, _ = walk(BEGUN)
    received, _ = walk(RECEIVED)

    assert trade.target(waiting, E.RECEIVED, (S.SUPPLEMENT_WAITING,)) is None
    assert trade.target(waiting, E.LICENCE_ISSUED, (S.WAITING, S.RECEIVED)) is S.LICENSED
    assert trade.target(received, E.EDIT_REFUSED, (S.RECEIVED,)) is S.RECEIVED


def test_where_it_is_only_warned_of_a_step_is_taken_unless_it_is_late() -> None:
    skipping = trade.judge(walk(BEGUN)[0], said(E.LICENCE_ISSUED), parks=False)
    late = trade.judge(walk(LICENSED)[0], said(E.RECEIVED), parks=False)
    ended = trade.judge(walk([*BEGUN, E.REFUSED])[0], said(E.LICENCE_ISSUED), parks=False)

    assert (skipping.course.stage, skipping.fits) == (S.LICENSED, False)
    assert (late.course.stage, late.fits) == (S.LICENSED, False)
    assert (ended.course.stage, ended.fits) == (S.REFUSED, False)


def test_a_released_message_is_applied_once() -> None:
    licensed, _ = walk(LICENSED)
    once = trade.released(licensed, said(E.RECEIVED, 9), "sha256:9")

    assert once.stage is S.RECEIVED
    again = trade.judge(once, said(E.LICENCE_ISSUED, 10), parks=True).course
    assert trade.released(again, said(E.RECEIVED, 9), "sha256:9") is again


def states(course: Course) -> list[tuple[int, str]]:
    return [(each.number, each.state.value) for each in course.versions]


def test_an_edit_before_receipt_counts_at_once() -> None:
    course, _ = walk([*BEGUN, E.EDITED])

    assert states(course) == [(1, "replaced"), (2, "current")]
    assert course.in_force is not None and course.in_force.message == "m2"


@pytest.mark.parametrize(
    ("answer", "after", "in_force"),
    [(E.EDIT_AGREED, [(1, "replaced"), (2, "current")], 2), (E.EDIT_REFUSED, [(1, "current"), (2, "refused")], 1)],
)
def test_an_edit_after_receipt_waits_for_its_answer(answer: Event, after: list[tuple[int, str]], in_force: int) -> None:
    asked, _ = walk([*RECEIVED, E.EDIT_ASKED])
    answered, _ = walk([answer], asked)

    assert states(asked) == [(1, "current"), (2, "pending")]
    assert asked.in_force is not None and asked.in_force.number == 1
    assert states(answered) == after
    assert answered.in_force is not None and answered.in_force.number == in_force
    assert answered.stage is S.RECEIVED


def test_a_second_request_takes_the_place_of_the_first_and_an_end_ends_it() -> None:
    twice, _ = walk([*RECEIVED, E.EDIT_ASKED, E.EDIT_ASKED])
    late = trade.released(twice, said(E.WITHDRAWAL_AGREED, 7), "sha256:7")

    assert states(twice) == [(1, "current"), (2, "lapsed"), (3, "pending")]
    assert states(late) == [(1, "current"), (2, "lapsed"), (3, "lapsed")]


def test_a_replaced_dossier_is_withdrawn_before_receipt_and_only_marked_after_it() -> None:
    supplemented = [E.SUPPLEMENT_ASKED, E.SUPPLEMENTED]
    ways = (BEGUN, [*BEGUN, *supplemented], RECEIVED, [*RECEIVED, *supplemented])
    found = [trade.replaced(walk(events)[0], "vnsw:2") for events in ways]

    assert {each.replaced_by for each in found} == {"vnsw:2"}
    assert [each.stage for each in found] == [S.WITHDRAWN, S.WITHDRAWN, S.RECEIVED, S.SUPPLEMENT_WAITING]


def test_an_answer_is_due_until_something_is_said() -> None:
    asked = trade.judge(Course(), said(E.SUBMITTED, answer_within_hours=2.0), parks=True).course
    aside = trade.judge(asked, said(E.RESULT_ASKED, 2), parks=True).course
    answered = trade.judge(aside, said(E.RECEIVED, 3), parks=True).course

    assert (asked.answer_due, asked.awaited) == (7201.0, "submitted")
    assert (aside.answer_due, aside.awaited) == (7201.0, "submitted")
    assert (answered.answer_due, answered.awaited) == (None, "")


@pytest.mark.parametrize("status", Status)
def test_a_dossier_of_before_takes_its_stage_from_the_first_event(status: Status) -> None:
    course = trade.of_status(status)
    judged = trade.judge(course, said(E.LICENCE_ISSUED), parks=True)

    ended = course.stage in trade.ENDS
    assert judged.fits is not ended
    assert judged.course.stage is (course.stage if ended else S.LICENSED)
    assert not judged.course.assumed or ended


def test_a_dossier_that_edits_without_end_keeps_a_bounded_history() -> None:
    course, fitted = walk([*RECEIVED, *[E.EDIT_ASKED] * 60])

    assert all(fitted)
    assert len(course.versions) == trade.MOST_VERSIONS + 1
    assert course.in_force is not None and course.in_force.number == 1
    assert course.pending is not None and course.pending.number == 61
    assert trade.read(*trade.write(course), None) == course


EVENTS = st.sampled_from(list(Event))
STAGES = st.lists(st.sampled_from(list(Stage)), max_size=2).map(tuple)
#: A message, and what an operator does with it where it is parked.
STEPS = st.lists(st.tuples(EVENTS, STAGES, st.sampled_from(["leave", "release", "again"])), max_size=25)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_no_order_of_messages_makes_an_illegal_course(steps: list[tuple[Event, tuple[Stage, ...], str]]) -> None:
    """Late, twice, out of order, released at any time: what does not fit moves nothing, and the versions stay consistent."""
    course = Course()
    for number, (event, stages, then) in enumerate(steps, 1):
        message = said(event, number, from_stages=stages)
        judged = trade.judge(course, message, parks=True)
        assert judged.fits or judged.course == course
        legal = trade.TRADE[course.stage].get(event)
        if judged.fits and not stages:
            assert judged.course.stage is (legal if legal != trade.BEFORE else course.before or course.stage)
        course = judged.course
        if not judged.fits and then != "leave":
            course = trade.released(course, message, message.digest)
            if then == "again":
                assert trade.released(course, message, message.digest) is course
        consistent(course)
        assert trade.read(*trade.write(course), course.answer_due) == course


def consistent(course: Course) -> None:
    counted = [each.state for each in course.versions]
    assert counted.count(VersionState.CURRENT) <= 1 and counted.count(VersionState.PENDING) <= 1
    assert [each.number for each in course.versions] == sorted({each.number for each in course.versions})
    assert not (course.stage in trade.ENDS and course.pending)
    assert course.before not in trade.PENDING
    assert (course.before is None) is (course.stage not in trade.PENDING)


@settings(max_examples=100, deadline=None)
@given(events=st.lists(EVENTS, max_size=15))
def test_a_message_that_comes_twice_leads_no_further_than_once(events: list[Event]) -> None:
    """A repeat under another identity: the second one stays where the first one led, or does not fit."""
    course = Course()
    for number, event in enumerate(events, 1):
        first = trade.judge(course, said(event, number), parks=True)
        second = trade.judge(first.course, said(event, number + 100), parks=True)
        if first.fits:
            assert second.course.stage is first.course.stage
        course = first.course


@settings(max_examples=100, deadline=None)
@given(events=st.lists(EVENTS, max_size=15))
def test_where_it_is_only_warned_of_no_dossier_goes_back(events: list[Event]) -> None:
    course = Course()
    for number, event in enumerate(events, 1):
        judged = trade.judge(course, said(event, number), parks=False)
        if not judged.fits:
            assert trade.ORDER[judged.course.stage] >= trade.ORDER[course.stage]
        consistent(judged.course)
        course = judged.course


def test_a_version_is_written_and_read_with_all_it_has() -> None:
    course, _ = walk([*RECEIVED, E.EDIT_ASKED])
    course = replace(course, replaces="vnsw:0", replaced_by="vnsw:2", released=("sha256:9",), awaited="edit_asked")

    assert trade.read(*trade.write(course), 12.5) == replace(course, answer_due=12.5)
