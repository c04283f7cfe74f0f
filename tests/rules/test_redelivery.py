"""A decision is a value: ten lines of a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.endpoint import Redelivery
from hub.errors import Busy, HubError, InDoubt, InvalidMessage, NoMapping, NotSent, Refused
from hub.rules.redelivery import Decision, ask_again_in, decide, decide_rewrite

POLICY = Redelivery(first_seconds=5, factor=2, ceiling_seconds=60, jitter=0.2, max_attempts=4)


def decided(error: HubError, attempts: int = 1, on_doubt: str = "park", draw: float = 0.0) -> Decision:
    return decide(error, attempts, POLICY, on_doubt=on_doubt, settle_after=120, draw=draw)


@pytest.mark.parametrize(
    ("error", "attempts", "expected"),
    [
        (NotSent("x", "x"), 1, Decision(action="wait", delay=5)),
        (NotSent("x", "x"), 2, Decision(action="wait", delay=10)),
        (NotSent("x", "x"), 3, Decision(action="wait", delay=20)),
        (NotSent("x", "x"), 4, Decision(action="park")),
        (Busy("x", "x", retry_after=30), 1, Decision(action="wait", delay=30)),
        (Busy("x", "x", retry_after=9999), 1, Decision(action="wait", delay=60)),
        (Refused("x", "x"), 1, Decision(action="park")),
        (InvalidMessage([]), 1, Decision(action="park")),
        (NoMapping("x", "x"), 1, Decision(action="park")),
        (HubError("bug", "bug"), 1, Decision(action="park")),
        (InDoubt("x", "x"), 1, Decision(action="doubt", delay=120, doubt="park")),
    ],
)
def test_what_follows_an_error(error: HubError, attempts: int, expected: Decision) -> None:
    assert decided(error, attempts) == expected


@pytest.mark.parametrize("policy", ["ask", "resend", "park"])
def test_doubt_follows_what_the_endpoint_declares(policy: str) -> None:
    assert decided(InDoubt("x", "x"), on_doubt=policy).doubt == policy


@given(attempts=st.integers(1, 10_000), draw=st.floats(0, 1))
def test_a_wait_is_bounded_and_never_shorter_than_the_first(attempts: int, draw: float) -> None:
    patient = POLICY.model_copy(update={"max_attempts": 100_000})

    delay = decide(NotSent("x", "x"), attempts, patient, on_doubt="park", settle_after=1, draw=draw).delay

    assert 5 <= delay <= 60 * 1.2


@given(
    attempts=st.integers(4, 10_000),
    error=st.sampled_from([NotSent("x", "x"), Busy("x", "x", retry_after=1), InDoubt("x", "x"), Refused("x", "x")]),
    on_doubt=st.sampled_from(["ask", "resend", "park"]),
)
def test_after_the_last_attempt_a_person_acts_however_it_failed(attempts: int, error: HubError, on_doubt: str) -> None:
    decision = decided(error, attempts, on_doubt)

    assert (decision.action, decision.doubt) in (("park", ""), ("doubt", "park"))


@given(attempts=st.integers(1, 60), draws=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_waits_grow_and_are_spread_by_chance(attempts: int, draws: tuple[float, float]) -> None:
    patient = POLICY.model_copy(update={"max_attempts": 100_000})
    low, high = (
        decide(NotSent("x", "x"), attempts, patient, on_doubt="park", settle_after=1, draw=draw).delay for draw in sorted(draws)
    )
    following = decide(NotSent("x", "x"), attempts + 1, patient, on_doubt="park", settle_after=1, draw=sorted(draws)[0]).delay

    assert low <= high <= low * 1.2
    assert following >= low


def test_what_the_partner_has_already_is_written_anew_at_once_then_slower_and_not_for_ever() -> None:
    decisions = [decide_rewrite(attempts, POLICY, draw=0.0) for attempts in range(1, 5)]

    assert [each.action for each in decisions] == ["rewrite", "rewrite", "rewrite", "park"]
    assert [each.delay for each in decisions] == [0, 0, 5, 0]


def test_questions_about_a_doubt_come_ever_more_seldom() -> None:
    waits = [ask_again_in(number, POLICY, settle_after=12, draw=0.0) for number in range(1, 8)]

    assert waits == [12, 12, 20, 40, 60, 60, 60]
