"""What statistics keep of a dossier: folded message by message, whatever a message leaves out or makes up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event, Status
from hub.canonical.document import Attachment, Fee, ResultDocument
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step, Supplement
from hub.canonical.party import Agency, Party
from hub.rules import dossier_facts as facts_of
from hub.rules import lifecycle
from hub.rules.dossier_facts import COLUMNS, Facts, Flag, columns

NOON = datetime(2026, 3, 2, 12, tzinfo=VIETNAM)
NOW = NOON.timestamp()
DAY = 86400


def at(days: float) -> datetime:
    return NOON + timedelta(days=days)


def message(status: str, *, steps: tuple[Step, ...] = (), sent_at: datetime | None = None, **more: Any) -> DossierMessage:
    dossier = Dossier(code="H55-1", procedure=ProcedureRef(code="1.000001"), status=Status(status), **more)
    return DossierMessage(event=Event.STATUS, dossier=dossier, steps=steps, sent_at=sent_at)


def folded(*given: tuple[DossierMessage, float]) -> Facts:
    """Fold messages, each with the day on which it came."""
    made, status = Facts(), None
    for each, day in given:
        made = facts_of.after(made if status else None, status, each, NOW + day * DAY)
        status = lifecycle.recorded(status, each.dossier.status)
    return made


def test_what_a_later_message_leaves_out_stays() -> None:
    whole = message(
        "2",
        agency=Agency(code="H55.14", name="Sở Thử nghiệm"),
        channel="2",
        submitted_at=at(-1),
        received_at=at(0),
        due_at=at(5),
    )
    made = folded((whole, 0), (message("4"), 1), (message("9", finished_at=at(3)), 3))

    assert (made.agency_code, made.agency_name, made.channel) == ("H55.14", "Sở Thử nghiệm", "2")
    assert (made.received_at, made.due_at, made.done_at, made.ended_at) == (NOW, NOW + 5 * DAY, NOW + 3 * DAY, NOW + 3 * DAY)


def test_a_dossier_of_which_nobody_says_when_it_was_received_was_received_with_its_step() -> None:
    made = folded((message("4", steps=(Step(status=Status.RECEIVED, at=at(1)), Step(status=Status.PROCESSING, at=at(2)))), 2))

    assert made.received_at == NOW + DAY
    assert folded((message("4"), 2)).received_at is None


def test_what_is_worked_on_again_has_not_ended() -> None:
    made = folded((message("9", received_at=at(0), finished_at=at(3)), 3), (message("4"), 4))

    assert (made.done_at, made.ended_at) == (None, None)


def test_done_and_returned_are_two_moments_and_the_end_is_the_later() -> None:
    made = folded((message("9", finished_at=at(3)), 3), (message("10", finished_at=at(3), returned_at=at(6)), 6))

    assert (made.done_at, made.returned_at, made.ended_at) == (NOW + 3 * DAY, NOW + 6 * DAY, NOW + 6 * DAY)


@pytest.mark.parametrize("status", ["3", "7", "8"])
def test_what_was_refused_withdrawn_or_stopped_has_ended_when_it_was_told(status: str) -> None:
    made = folded((message("4" if status == "8" else "1", received_at=at(0)), 0), (message(status), 2))

    assert (made.closed_at, made.ended_at) == (NOW + 2 * DAY, NOW + 2 * DAY)


def test_a_round_of_supplements_begins_and_ends_with_the_status() -> None:
    asked = (message("5"), 2)
    assert folded((message("4"), 0), asked, (message("5"), 3)).supplements == 1
    assert folded((message("4"), 0), asked).answered_at is None
    made = folded((message("4"), 0), asked, (message("4"), 5))

    assert (made.supplements, made.asked_at, made.answered_at) == (1, NOW + 2 * DAY, NOW + 5 * DAY)
    assert folded((message("4"), 0), asked, (message("4"), 5), (message("5"), 7)).supplements == 2


def test_listed_rounds_count_also_where_no_status_shows_them() -> None:
    rounds = (Supplement(asked_at=at(1), received_at=at(2)), Supplement(asked_at=at(4), received_at=at(6)))
    made = folded((message("4", supplements=rounds), 7))

    assert (made.supplements, made.asked_at, made.answered_at) == (2, NOW + 4 * DAY, NOW + 6 * DAY)


def test_a_due_date_that_moves_is_counted_with_why_and_whether_it_had_passed() -> None:
    begun = (message("4", due_at=at(5)), 0)
    plain = folded(begun, (message("4", due_at=at(9)), 3))
    late = folded(begun, (message("4", due_at=at(9)), 6))
    waiting = folded(begun, (message("5"), 2), (message("4", due_at=at(9)), 6))
    earlier = folded(begun, (message("4", due_at=at(4)), 3))

    told = [(each.due_moves, each.due_moves_explained, each.due_moves_late) for each in (plain, late, waiting, earlier)]
    assert told == [(1, 0, 0), (1, 0, 1), (1, 1, 0), (0, 0, 0)]
    assert {each.first_due_at for each in (plain, late, waiting, earlier)} == {NOW + 5 * DAY}


def test_a_due_date_that_a_supplement_moved_is_explained() -> None:
    moved = Supplement(asked_at=at(1), received_at=at(4), due_before=at(5), due_after=at(8))
    made = folded((message("4", due_at=at(5)), 0), (message("4", due_at=at(8), supplements=(moved,)), 6))

    assert (made.due_moves, made.due_moves_explained, made.due_moves_late) == (1, 1, 0)


@pytest.mark.parametrize("before", ["5", "6"])
def test_done_right_out_of_waiting_shows(before: str) -> None:
    assert folded((message("4"), 0), (message(before), 1), (message("9"), 2)).has(Flag.DONE_FROM_WAITING)
    assert not folded((message("4"), 0), (message(before), 1), (message("4"), 2), (message("9"), 3)).has(Flag.DONE_FROM_WAITING)


def test_a_synthetic_closing_row_behind_a_stop_shows_in_one_message() -> None:
    steps = tuple(Step(status=Status(each), at=at(day)) for day, each in enumerate(("2", "4", "8", "9")))

    assert folded((message("9", steps=steps), 4)).has(Flag.DONE_FROM_WAITING)


def test_signs_of_what_is_not_what_it_says() -> None:
    file = Attachment(name="Dinhkem", url="https://example.org/1")
    made = folded(
        (
            message(
                "9",
                applicant=Party(identity_number="000000001"),
                attachments=(file,),
                results=(ResultDocument(name="kết quả", url="https://example.org/1"),),
                steps=(Step(status=Status.DONE, actor="Chuyên viên", at=at(0)),),
            ),
            0,
        )
    )

    signs = (Flag.PLACEHOLDER_IDENTITY, Flag.PLACEHOLDER_NAME, Flag.RESULT_IS_SUBMITTED, Flag.FILE_RESULT)
    assert all(made.has(each) for each in signs)
    assert made.result_mark and "example" not in made.result_mark


def test_what_was_seen_once_stays_seen() -> None:
    paid = message("4", paid_online="1", fees=(Fee(name="lệ phí", amount="30000"),), verified_by_vneid=True)
    made = folded((paid, 0), (message("9"), 1))

    assert made.has(Flag.PAID_NATIONAL) and made.has(Flag.FEE) and made.has(Flag.VERIFIED)
    assert not folded((message("4", fees=(Fee(name="lệ phí", amount="0"),)), 0)).has(Flag.FEE)


def test_since_when_a_status_is_told() -> None:
    steps = (Step(status=Status.PROCESSING, at=at(1)), Step(status=Status.PROCESSING, at=at(2)))
    assert facts_of.happened_at(message("4", steps=steps)) == NOW + 2 * DAY
    assert facts_of.happened_at(message("9", finished_at=at(3))) == NOW + 3 * DAY
    assert facts_of.happened_at(message("4", sent_at=at(4))) == NOW + 4 * DAY
    assert facts_of.happened_at(message("4")) is None


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            message,
            st.sampled_from([each.value for each in Status]),
            **dict.fromkeys(
                ("submitted_at", "received_at", "due_at", "finished_at", "returned_at", "refused_at"),
                st.none() | st.datetimes() | st.datetimes(timezones=st.just(VIETNAM)),
            ),
            channel=st.text(max_size=12),
            agency=st.builds(Agency, code=st.text(max_size=300), name=st.text(max_size=300)),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_a_sender_writes_gives_facts_that_fit_their_columns(given: list[DossierMessage]) -> None:
    made = folded(*((each, number) for number, each in enumerate(given)))

    assert set(columns(made)) == set(COLUMNS)
    ended = lifecycle.DOSSIER[_status(given)] == frozenset() or _status(given) is Status.DONE
    assert (made.ended_at is not None) is ended
    assert all("\0" not in each and len(each) <= facts_of.LONGEST for each in columns(made).values() if isinstance(each, str))
    assert made.due_moves >= made.due_moves_explained + made.due_moves_late


def _status(given: list[DossierMessage]) -> Status:
    status: Status | None = None
    for each in given:
        status = lifecycle.recorded(status, each.dossier.status)
    assert status is not None
    return status
