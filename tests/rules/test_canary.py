"""Canary: a step begins when the one before has ended, is never larger than it says, and none begins after a failure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import NotAllowed
from hub.rules import canary
from hub.rules.canary import AT_ONCE, Course, Decision, Stand
from hub.rules.lifecycle import ENDED, FAILED, State


def stand(**given: int) -> Stand:
    return Stand(**{"rung": 1, "carried": 0, "failed": 0, "going": 0, "left": 10, **given})


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (stand(), Decision("carry", 1)),
        (stand(carried=1, going=1), Decision("wait")),
        (stand(carried=1), Decision("step")),
        (stand(rung=2), Decision("carry", 5)),
        (stand(rung=2, carried=3, going=3), Decision("carry", 2)),
        (stand(rung=3, left=4), Decision("carry", 4)),
        (stand(rung=3, carried=4, going=1, left=0), Decision("wait")),
        (stand(rung=3, carried=4, left=0), Decision("end")),
        (stand(carried=1, failed=1), Decision("stop")),
        (stand(rung=3, carried=9, going=4, failed=1, left=0), Decision("stop")),
        (stand(left=0), Decision("end")),
        (stand(rung=5, left=9000), Decision("carry", AT_ONCE)),
        (stand(rung=5, carried=300, going=AT_ONCE, left=9000), Decision("wait")),
    ],
)
def test_what_a_run_does_next(at: Stand, expected: Decision) -> None:
    assert canary.decide(Course(), at) == expected


def test_the_last_size_is_repeated() -> None:
    course = Course(steps=(2, 3))

    assert [course.size(rung) for rung in range(1, 6)] == [2, 3, 3, 3, 3]


@pytest.mark.parametrize(("stop_after", "failed", "stops"), [(1, 1, True), (3, 2, False), (3, 3, True), (0, 900, False)])
def test_as_many_failures_as_it_was_told_stop_it(stop_after: int, failed: int, stops: bool) -> None:
    decision = canary.decide(Course(stop_after=stop_after), stand(rung=4, carried=100, failed=failed))

    assert (decision.action == "stop") is stops


@pytest.mark.parametrize(
    "wrong",
    [{"steps": ()}, {"steps": (0,)}, {"steps": (1,) * 51}, {"steps": (100_001,)}, {"stop_after": -1}, {"per_minute": -1}],
)
def test_a_course_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(NotAllowed):
        Course(**wrong)  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    total=st.integers(0, 200),
    steps=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    stop_after=st.integers(0, 3),
    chance=st.randoms(use_true_random=False),
)
def test_every_run_ends_and_breaks_no_promise(total: int, steps: list[int], stop_after: int, chance: object) -> None:
    """Whatever fails and in whichever order things end."""
    course = Course(steps=tuple(steps), stop_after=stop_after)
    rung, carried, failed, going, left, started = 1, 0, 0, 0, total, 0
    for _ in range(10 * total + 10):
        decision = canary.decide(course, stand(rung=rung, carried=carried, failed=failed, going=going, left=left))
        if decision.action == "carry":
            assert not (stop_after and failed >= stop_after), "nothing is carried out after too many failures"
            carried, going, left = carried + decision.count, going + decision.count, left - decision.count
            started += decision.count
            assert carried <= course.size(rung)
            assert going <= AT_ONCE
        elif decision.action == "wait":
            assert going
            going -= 1
            failed += chance.random() < 0.01  # type: ignore[attr-defined]
        elif decision.action == "step":
            assert not going
            assert left
            rung, carried, failed = rung + 1, 0, 0
        else:
            break
    assert decision.action in ("end", "stop")
    assert (decision.action == "stop") == bool(stop_after and failed >= stop_after)
    assert started + left == total
    assert decision.action == "stop" or (left, going) == (0, 0)


# --- what became of one ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "head", "place", "expected"),
    [
        (State.PENDING, State.PENDING, 3, ""),
        (State.WAITING, State.WAITING, 3, ""),
        (State.PARKED, State.PARKED, 3, "parked"),
        (State.IN_DOUBT, State.IN_DOUBT, 3, "in_doubt"),
        (State.DELIVERED, None, 6, "delivered"),
        (State.DELIVERED, State.SENDING, 4, ""),
        (State.DELIVERED, State.PARKED, 4, "follower_parked"),
        (State.DELIVERED, State.IN_DOUBT, 5, "follower_in_doubt"),
        (State.DELIVERED, State.PARKED, 6, "delivered"),
        (State.DELIVERED, State.SENDING, 6, "delivered"),
        (State.DELIVERED, State.DELIVERED, 3, "delivered"),
        (State.ABANDONED, State.PENDING, 4, ""),
        (State.ABANDONED, None, 6, "abandoned"),
    ],
)
def test_an_item_ends_with_those_that_it_brought_to_life(
    state: State, head: State | None, place: int, expected: str
) -> None:
    """Its chain had five places when it was carried out, itself at the third."""
    assert canary.outcome(state, 5, head, place) == expected


def test_what_stands_still_is_a_failure_and_what_ended_is_none() -> None:
    assert {each for each in State if canary.is_failure(each.value)} == FAILED
    assert not any(canary.is_failure(each.value) for each in ENDED)
    assert all(canary.is_failure(f"follower_{each.value}") for each in FAILED)
