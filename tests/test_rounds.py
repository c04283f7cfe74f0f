"""Rounds: one thread carries what all that wait have brought, each thing once and in order, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

import hub.rounds
from hub import telemetry
from hub.rounds import Closed, Rounds, Ticket, each_takes, move, up_to
from tests.support.held_rounds import PATIENCE_SECONDS, HeldRounds, standing_step


class Bug(Exception):
    """What a round may raise."""


def test_who_is_alone_is_carried_by_its_own_thread() -> None:
    seen: list[tuple[int, list[str]]] = []
    rounds: Rounds[str] = Rounds(lambda given: seen.append((threading.get_ident(), given)), up_to(3))

    rounds.bring("a")
    rounds.bring("b")

    assert seen == [(threading.get_ident(), ["a"]), (threading.get_ident(), ["b"])]


def test_those_that_wait_are_carried_together_in_the_order_in_which_they_came() -> None:
    rounds = HeldRounds(lambda given: None)

    rounds.together([lambda name=name: rounds.bring(name) for name in "abcdefgh"])

    assert rounds.carried == [list("abcdefgh")]


def test_no_more_than_the_most_are_in_one_round_and_the_others_in_the_next() -> None:
    rounds = HeldRounds(lambda given: None, most=3)

    rounds.together([lambda name=name: rounds.bring(name) for name in "abcdefgh"])

    assert rounds.carried == [list("abc"), list("def"), list("gh")]


def test_a_round_is_carried_by_a_thread_whose_own_thing_is_its_first() -> None:
    carriers: list[str] = []
    rounds = HeldRounds(lambda given: carriers.append(threading.current_thread().name), most=2)

    def bring(name: str) -> None:
        threading.current_thread().name = name
        rounds.bring(name)

    rounds.together([lambda name=name: bring(name) for name in "abcde"])

    assert carriers == ["a", "c", "e"]


def test_only_one_round_is_carried_at_a_time_and_nothing_is_lost_or_carried_twice() -> None:
    carrying = threading.Lock()
    carried: list[int] = []
    overlaps: list[list[int]] = []

    def carry(given: list[int]) -> None:
        if not carrying.acquire(blocking=False):
            overlaps.append(given)
            return
        carried.extend(given)
        carrying.release()

    rounds: Rounds[int] = Rounds(carry, up_to(5))
    begin = threading.Barrier(12)

    def bring_many(worker: int) -> None:
        begin.wait(PATIENCE_SECONDS)
        for number in range(200):
            rounds.bring(worker * 1000 + number)

    _join([threading.Thread(target=bring_many, args=(worker,), daemon=True) for worker in range(12)])

    assert overlaps == []
    assert sorted(carried) == sorted(worker * 1000 + number for worker in range(12) for number in range(200))
    for worker in range(12):
        own = [each for each in carried if each // 1000 == worker]
        assert own == sorted(own)


@pytest.mark.parametrize("error", [Bug, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_where_a_round_raises_each_is_carried_alone_and_hears_only_of_its_own(error: type[BaseException]) -> None:
    def carry(given: list[str]) -> None:
        if "b" in given:
            raise error

    rounds = HeldRounds(carry, most=3)

    outcomes = rounds.together([lambda name=name: rounds.bring(name) for name in "abcde"])

    assert [type(each) for each in outcomes] == [type(None), error, type(None), type(None), type(None)]
    # Those of the round that ended early first, then who came after them.
    assert rounds.carried == [["a", "b", "c"], ["a"], ["b"], ["c"], ["d", "e"]]
    rounds.bring("f")
    assert rounds.carried[-1] == ["f"]


def test_who_brings_many_hears_the_first_error_after_all_were_carried() -> None:
    carried: list[list[str]] = []

    def carry(given: list[str]) -> None:
        carried.append(given)
        if given[0] in "ac":
            raise Bug(given[0])

    rounds: Rounds[str] = Rounds(carry, up_to(1))

    with pytest.raises(Bug, match="a"):
        rounds.bring("a", "b", "c", "d")
    assert carried == [["a"], ["b"], ["c"], ["d"]]
    rounds.close()


def test_rounds_can_be_closed_after_one_that_ended_early() -> None:
    def carry(given: list[str]) -> None:
        raise Bug

    rounds = HeldRounds(carry)
    outcomes = rounds.together([lambda name=name: rounds.bring(name) for name in "abc"])

    assert [type(each) for each in outcomes] == [Bug] * 3
    closing = threading.Thread(target=rounds.close, daemon=True)
    _join([closing])


def test_many_things_of_one_thread_are_all_carried_before_it_goes_on() -> None:
    carried: list[list[str]] = []
    rounds: Rounds[str] = Rounds(carried.append, up_to(3))

    rounds.bring(*"abcdefg")

    assert carried == [list("abc"), list("def"), list("g")]


def test_to_bring_nothing_carries_nothing() -> None:
    carried: list[list[str]] = []
    rounds: Rounds[str] = Rounds(carried.append, up_to(3))

    rounds.bring()

    assert carried == []


def test_things_of_several_threads_that_bring_many_share_rounds() -> None:
    rounds = HeldRounds(lambda given: None, most=4)
    first, second = threading.Event(), threading.Event()

    def bring(names: str, come: threading.Event) -> None:
        come.set()
        rounds.bring(*names)

    rounds.together([lambda: bring("abc", first), lambda: bring("def", second)])

    assert first.is_set() and second.is_set()
    assert rounds.carried == [list("abcd"), list("ef")]


@given(st.lists(st.integers(min_value=0, max_value=7), min_size=1, max_size=8), st.integers(min_value=1, max_value=6))
def test_however_much_each_brings_each_thing_is_carried_once(counts: list[int], most: int) -> None:
    rounds = HeldRounds(lambda given: None, most=most)
    # Who brings nothing never waits; the rounds are held until as many threads wait as there are calls.
    calls = [[(worker, number) for number in range(count or 1)] for worker, count in enumerate(counts)]

    rounds.together([lambda things=things: rounds.bring(*things) for things in calls])

    assert [each for given in rounds.carried for each in given] == [each for things in calls for each in things]
    assert all(len(given) <= most for given in rounds.carried)


def test_who_may_not_go_with_the_first_keeps_its_place_before_those_that_came_later() -> None:
    """As the writer chooses: no two of one dossier."""

    def choose(first: Ticket[str], waiting: deque[Ticket[str]]) -> list[Ticket[str]]:
        chosen = [each for each in waiting if each.given[0] != first.given[0]]
        left = [each for each in waiting if each.given[0] == first.given[0]]
        waiting.clear()
        waiting.extendleft(reversed(left))
        return chosen

    carried: list[list[str]] = []
    rounds: Rounds[str] = Rounds(carried.append, choose)

    rounds.bring("a1", "a2", "b1", "a3", "c1")

    assert carried == [["a1", "b1", "c1"], ["a2"], ["a3"]]


def test_after_close_nothing_is_taken() -> None:
    carried: list[list[str]] = []
    rounds: Rounds[str] = Rounds(carried.append, up_to(3))

    rounds.close()

    with pytest.raises(Closed):
        rounds.bring("a")
    assert carried == []


def test_close_finishes_what_was_brought_before() -> None:
    closed = threading.Event()
    reached, opened = threading.Event(), threading.Event()
    carried: list[list[str]] = []

    def carry(given: list[str]) -> None:
        if given == ["first"]:
            reached.set()
            assert opened.wait(PATIENCE_SECONDS)
        # Nobody is told that all is finished before it is.
        assert not closed.is_set()
        carried.append(given)

    rounds: Rounds[str] = Rounds(carry, up_to(1))

    def close() -> None:
        rounds.close()
        closed.set()

    bringing = threading.Thread(target=rounds.bring, args=("first", "second", "third"), daemon=True)
    bringing.start()
    assert reached.wait(PATIENCE_SECONDS)
    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    opened.set()
    bringing.join(PATIENCE_SECONDS)
    closing.join(PATIENCE_SECONDS)

    assert not bringing.is_alive() and not closing.is_alive()
    assert carried == [["first"], ["second"], ["third"]]


# --- steps -----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Someone:
    """One of those that take steps."""

    name: str
    ids: dict[str, str | int] = field(default_factory=dict)
    error: Exception | None = None
    steps: list[Any] = field(default_factory=list)


def test_each_takes_a_step_with_its_own_log_ids_and_the_thread_keeps_those_it_had() -> None:
    those = [Someone(name, {"message": name, "endpoint": "bo"}) for name in "abc"]

    with telemetry.lines_about(message="mine"):
        each_takes(lambda one: one.steps.append(telemetry.bound_ids()), those)
        left = telemetry.bound_ids()

    assert [one.steps for one in those] == [[{"message": name, "endpoint": "bo"}] for name in "abc"]
    assert left == {"message": "mine"}
    assert telemetry.bound_ids() == {}


def test_who_fails_keeps_its_own_error_and_takes_no_further_step_and_the_others_do() -> None:
    those = [Someone(name) for name in "abcd"]

    def step(one: Someone) -> None:
        one.steps.append(1)
        if one.name in "bd":
            raise Bug(one.name)

    each_takes(step, those)
    each_takes(lambda one: one.steps.append(2), those)

    assert [one.steps for one in those] == [[1, 2], [1], [1, 2], [1]]
    assert [str(one.error) if one.error else None for one in those] == [None, "b", None, "d"]


def test_ids_that_a_failing_step_has_bound_are_not_the_next_ones() -> None:
    those = [Someone(name, {"message": name}) for name in "ab"]

    def step(one: Someone) -> None:
        one.steps.append(telemetry.bound_ids())
        telemetry.bind_subject(f"dossier:{one.name}")
        raise Bug

    each_takes(step, those)

    assert [one.steps for one in those] == [[{"message": "a"}], [{"message": "b"}]]
    assert telemetry.bound_ids() == {}


def test_a_step_that_lasts_too_long_is_told_with_whose_it_is_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with standing_step({"message": "b"}), capture_logs() as logs:
        usual = move()
        monkeypatch.setattr(hub.rounds, "STUCK_SECONDS", 0.0)
        stuck = move()

    assert (usual, stuck, move()) == (True, False, True)
    assert logs == [{"event": "round.stuck", "log_level": "error", "message": "b"}]


def test_what_ends_a_process_is_nobodys_error_and_ends_the_round() -> None:
    those = [Someone(name) for name in "ab"]

    def step(one: Someone) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each_takes(step, those)
    assert [one.error for one in those] == [None, None]


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive(), "a thread was never told to go on"
