"""The two tables hold together, and the SQL check is made from one of them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.canonical.codes import Status
from hub.errors import NotAllowed
from hub.ledger.tables import deliveries
from hub.rules.lifecycle import DELIVERY, DOSSIER, ENDED, IN_WORK, Standing, State, moves_chain, next_state, standing


def test_every_state_has_a_row_and_every_target_is_a_state() -> None:
    assert set(DELIVERY) == set(State)
    assert {target for row in DELIVERY.values() for target in row.values()} <= set(State)


def test_every_state_but_the_first_can_be_reached() -> None:
    reached = {target for row in DELIVERY.values() for target in row.values()}

    assert set(State) - reached == {State.HELD}


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


def test_a_chain_that_waits_for_acknowledgement_does_not_move_on_delivered() -> None:
    assert moves_chain(State.DELIVERED, "delivered")
    assert not moves_chain(State.DELIVERED, "acknowledged")
    assert moves_chain(State.ACKNOWLEDGED, "acknowledged")
    assert not moves_chain(State.PARKED, "delivered")


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
