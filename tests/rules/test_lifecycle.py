"""The two tables hold together, and the SQL check is made from one of them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.canonical.codes import Status
from hub.errors import NotAllowed
from hub.ledger.tables import deliveries
from hub.rules.lifecycle import DELIVERY, DOSSIER, ENDED, IN_WORK, STAGE, Standing, State, next_state, recorded, standing


def test_every_state_has_a_row_and_every_target_is_a_state() -> None:
    assert set(DELIVERY) == set(State)
    assert {target for row in DELIVERY.values() for target in row.values()} <= set(State)


def test_every_state_can_be_reached() -> None:
    """The first one too: what is moved to a successor is held there."""
    reached = {target for row in DELIVERY.values() for target in row.values()}

    assert reached == set(State)


def test_nothing_that_may_have_arrived_can_be_released_or_rebuilt() -> None:
    for state in (State.SENDING, State.IN_DOUBT, State.DELIVERED, State.ACKNOWLEDGED):
        for verb in ("release", "rebuild", "abandon"):
            with pytest.raises(NotAllowed):
                next_state(state, verb)


@given(st.lists(st.sampled_from(sorted({event for row in DELIVERY.values() for event in row})), max_size=40))
def test_only_a_proof_of_absence_leads_from_sending_back_to_pending(events: list[str]) -> None:
    """Whatever events come in whatever order, SENDING is never entered twice without not_sent, absent or a declared resend."""
    state, sent, allowed = State.HELD, 0, 1
    for event in events:
        try:
            state = next_state(state, event)
        except NotAllowed:
            continue
        allowed += event in {"not_sent", "refuse", "absent", "resend_safe", "settle_not_arrived"}
        sent += state is State.SENDING and event == "record"

    assert sent <= allowed


def test_the_sql_check_names_exactly_the_states() -> None:
    check = next(each for each in deliveries.constraints if each.name == "deliveries_state")

    assert all(f"'{state.value}'" in str(check.sqltext) for state in State)


def test_work_and_end_do_not_overlap() -> None:
    assert not IN_WORK & ENDED


def test_the_dossier_table_ends_where_scoring_ends() -> None:
    assert {status for status, following in DOSSIER.items() if not following} == {
        Status.NOT_RECEIVED,
        Status.WITHDRAWN,
        Status.STOPPED,
        Status.RETURNED,
    }


@pytest.mark.parametrize("path", ["1 2 4 5 4 9 10", "1 3", "1 2 7", "1 6 2 4 9 10", "1 2 4 4 9 4 9 10"])
def test_the_usual_paths_are_known_steps(path: str) -> None:
    steps = [Status(code) for code in path.split()]

    assert standing(None, steps[0]) is Standing.NEW
    assert all(standing(a, b) is Standing.FORWARD for a, b in pairwise(steps))


def test_a_step_after_the_end_is_unknown() -> None:
    assert standing(Status.RETURNED, Status.PROCESSING) is Standing.UNKNOWN_STEP
    assert standing(Status.RECEIVED, Status.RECEIVED) is Standing.SAME


# --- the recorded status ---------------------------------------------------------------------------------------------

ENDS = {status for status, following in DOSSIER.items() if not following}


def after(path: str) -> str:
    """Give the status that is recorded after these came, one after the other."""
    status: Status | None = None
    for code in path.split():
        status = recorded(status, Status(code))
    assert status is not None
    return status.value


@st.composite
def legal_path(draw: st.DrawFn) -> list[Status]:
    """Draw a whole life: only steps of the table, from the first status to an end."""
    path = [Status.REGISTERED]
    for _ in range(draw(st.integers(0, 12))):
        if DOSSIER[path[-1]]:
            path.append(draw(st.sampled_from(sorted(DOSSIER[path[-1]]))))
    while DOSSIER[path[-1]]:  # by the shortest way home
        path.append(max(DOSSIER[path[-1]], key=lambda status: STAGE[status]))
    return path


@pytest.mark.parametrize(
    ("path", "then"),
    [
        ("1 2 4 5 4", "4"),
        ("1 2 4 5 2", "2"),
        ("1 2 4 9 4", "4"),
        ("1 2 4 2", "4"),
        ("1 2 4 9 5", "9"),
        ("1 2 4 1", "4"),
        ("1 5 1", "5"),
        ("1 4", "4"),
        ("2 5", "5"),
        ("1 9", "9"),
        ("1 2 10", "10"),
        ("1 5 6", "6"),
        ("1 5 9", "9"),
        ("1 5 3", "3"),
        ("1 2 7 4", "7"),
        ("1 2 4 10 8", "10"),
    ],
)
def test_the_recorded_status_after_known_unknown_and_older_steps(path: str, then: str) -> None:
    assert after(path) == then


@given(st.lists(st.sampled_from(Status), min_size=1, max_size=30))
def test_the_recorded_status_goes_back_only_by_a_step_of_the_table(given_ones: list[Status]) -> None:
    """Whatever comes in whatever order."""
    status = given_ones[0]
    for given_one in given_ones[1:]:
        before, status = status, recorded(status, given_one)
        assert status in (before, given_one)
        if standing(before, given_one) is Standing.FORWARD:
            assert status is given_one
        else:
            assert STAGE[status] >= STAGE[before]
        if before in ENDS:
            assert status is before


@given(legal_path(), st.data())
def test_a_system_that_leaves_steps_out_or_says_them_twice_still_ends_right(path: list[Status], data: st.DataObject) -> None:
    """Any choice of the steps of a whole life, with any of them again at the wrong moment, has the same end."""
    kept = [status for status in path[:-1] if data.draw(st.booleans())]
    for status in [status for status in path[:-1] if data.draw(st.booleans())]:
        kept.insert(data.draw(st.integers(0, len(kept))), status)
    late = [status for status in path if data.draw(st.booleans())]

    assert after(" ".join([*kept, path[-1], *late])) == path[-1]


def test_a_stage_is_later_only_where_the_table_leads_there() -> None:
    """The order of stages agrees with the table: every step to an earlier one leads from there to where it came from."""
    back = {(a, b) for a, following in DOSSIER.items() for b in following if STAGE[b] < STAGE[a]}

    assert set(STAGE) == set(Status)
    assert {(a.value, b.value) for a, b in back} == {("5", "2"), ("6", "2"), ("9", "4")}
    assert {status for status in Status if STAGE[status] == max(STAGE.values())} == ENDS
