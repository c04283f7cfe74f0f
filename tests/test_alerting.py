"""Alerting: one alert however often it is seen, few messages, none lost; with two watchers, faults everywhere and kill -9."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.ledger.tables import journal
from hub.operations import alerts as operations
from hub.rules.alerts import Severity
from tests.support.alert_world import BOOK, LAN, World, check
from tests.support.engines import ENGINES, ledger_on

HOUR = 3600.0


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ledger_on(request.param) as url:
        opened = World.open(tmp_path, url)
        yield opened
        opened.close()


# --- one alert


def test_what_is_wrong_is_told_once_and_its_end_once(world: World) -> None:
    world.begins("bo")
    world.watch_for(600)
    world.ends("bo")
    world.watch_for(1200)

    assert world.told() == world.told("minh") == [("opened", "bo"), ("over", "bo")]
    assert [each.state for each in world.rows(over=True)] == ["over"]


def test_where_nothing_changes_nothing_is_written(world: World) -> None:
    world.begins("bo")
    world.watch_for(60)
    writes: list[int] = []
    apart = world.hub.ledger.apart

    def counted():  # type: ignore[no-untyped-def]
        writes.append(1)
        return apart()

    world.hub.ledger.apart = counted  # type: ignore[method-assign]
    world.watch_for(600)

    assert writes == []


def test_what_must_last_is_no_alert_before(world: World) -> None:
    world.begins("bo", hold=300)
    world.watch()
    world.watch_for(285, every=15)
    assert world.row("bo").state == "pending"
    assert world.told() == []
    world.watch_for(15)

    assert world.row("bo").state == "open"
    assert world.told() == [("opened", "bo")]


def test_what_goes_before_it_lasted_leaves_no_trace(world: World) -> None:
    world.begins("bo", hold=300)
    world.watch_for(60)
    world.ends("bo")
    world.watch_for(60)

    assert world.rows() == world.rows(over=True) == ()
    assert world.told() == []


def test_what_gets_worse_is_told_again_and_what_gets_better_is_not(world: World) -> None:
    world.begins("bo", level=1)
    world.watch_for(600)
    world.begins("bo", level=2)
    world.watch_for(600)
    world.begins("bo", level=1)
    world.watch_for(600)

    assert world.told() == [("opened", "bo"), ("worse", "bo")]
    assert world.row("bo").level == 2


def test_whoever_is_told_only_of_what_is_bad_hears_when_it_becomes_so(world: World) -> None:
    world.begins("bo", severity=Severity.NOTICE)
    world.watch_for(600)
    assert (world.told(), world.told("minh")) == ([("opened", "bo")], [])
    world.begins("bo", severity=Severity.WARNING, level=2)
    world.watch_for(600)

    assert (world.told(), world.told("minh")) == ([("opened", "bo"), ("worse", "bo")], [("opened", "bo")])


# --- no storms


def test_many_at_once_are_one_message(world: World) -> None:
    for number in range(60):
        world.begins(f"p{number:02}")
    world.watch_for(3600)

    assert len(world.letters()) == 1
    assert len(world.told()) == 60


def test_one_after_the_other_is_a_message_for_each_gap_at_most(world: World) -> None:
    for number in range(120):
        world.begins(f"p{number:03}")
        world.watch_for(30, every=30)

    assert len(world.told()) >= 110
    assert len(world.letters()) <= 3600 / LAN.gap_seconds + 1
    check(world, ended=False)


def test_what_is_critical_does_not_wait_for_the_gap(world: World) -> None:
    world.begins("a")
    world.watch()
    world.clock.advance(61)
    world.begins("b", severity=Severity.CRITICAL)
    world.watch()

    assert world.told() == [("opened", "a"), ("opened", "b")]


def test_what_flaps_is_told_less_and_less(world: World) -> None:
    """Gone for a minute every other minute: one alert. Gone for seven minutes: it must stay away ever longer."""
    for _ in range(15):
        world.begins("bo")
        world.watch_for(60, every=60)
        world.ends("bo")
        world.watch_for(60, every=60)
    assert world.told() == [("opened", "bo")]
    world.watch_for(HOUR)
    world.inbox.clear()
    for _ in range(24 * 3):
        world.begins("bo")
        world.watch_for(480, every=240)
        world.ends("bo")
        world.watch_for(480, every=240)

    assert len(world.letters()) <= 12
    check(world, ended=False)


def test_reminders_come_at_growing_intervals_one_for_all(world: World) -> None:
    for name in ("a", "b", "c"):
        world.begins(name)
    began = world.hub.now()
    world.watch_for(5 * 86_400, every=1800)

    came = [each for each in world.inbox if each.letter.recipient == "lan"]
    hours = [round((each.at - began) / HOUR) for each in came]
    assert hours == [0, 4, 12, 28, 52, 76, 100]
    assert {len(each.letter.events) for each in came} == {3}


def test_without_reminders_nobody_is_reminded(world: World) -> None:
    quiet = replace(LAN, remind_seconds=0)
    world.hub = replace(world.hub, alerts=replace(BOOK, recipients=(quiet,)))
    world.begins("a")
    world.watch_for(2 * 86_400, every=3600)

    assert world.told() == [("opened", "a")]


# --- quiet hours


def at(world: World, hour: int) -> None:
    """Go on until the next full hour of this name, Vietnamese time."""
    now = world.clock()
    seconds = ((hour - now.hour) % 24) * 3600 - now.minute * 60 - now.second
    world.watch_for(seconds if seconds > 0 else seconds + 86_400, every=1200)


def test_in_quiet_hours_only_what_is_critical_is_told_and_the_rest_in_one_message_at_their_end(world: World) -> None:
    at(world, 23)
    for name in ("a", "b"):
        world.begins(name)
    world.watch_for(600)
    world.begins("c", severity=Severity.CRITICAL)
    world.watch_for(600)
    world.begins("d")
    world.watch_for(600)
    assert world.told("minh") == [("opened", "c")]
    world.ends("b")
    at(world, 6)
    world.watch_for(600)

    assert len(world.letters("minh")) == 2
    assert sorted(world.told("minh")[1:]) == [("opened", "a"), ("opened", "d"), ("passed", "b")]
    check(world, ended=False)


def test_an_end_in_quiet_hours_is_told_in_the_morning(world: World) -> None:
    world.begins("a")
    world.watch_for(60)
    at(world, 23)
    world.ends("a")
    world.watch_for(HOUR, every=60)
    before = world.told("minh")
    at(world, 7)

    assert ("over", "a") not in before
    assert world.told("minh")[-1] == ("over", "a")


# --- recipients that fail


def test_a_recipient_that_cannot_be_reached_is_tried_less_and_less_and_gets_everything_in_one_message(world: World) -> None:
    world.faults["lan"] = ["refused"] * 6
    world.begins("a")
    world.watch()
    assert world.recipient("lan").failures == 1
    world.begins("b")
    world.watch_for(2 * HOUR)
    world.ends("a")
    world.watch_for(1200)

    assert world.told()[:2] == [("opened", "a"), ("opened", "b")]
    assert len(world.letters()) == 2
    assert world.recipient("lan").failures == 0
    assert world.told("minh")[0] == ("opened", "a")
    check(world, ended=False)


def test_what_came_and_went_while_a_recipient_could_not_be_reached_is_told(world: World) -> None:
    world.faults["lan"] = ["refused"] * 7
    world.begins("a")
    world.watch()
    world.ends("a")
    world.watch_for(4 * HOUR, every=300)

    assert world.told() == [("passed", "a")]


def test_a_message_that_may_have_arrived_is_sent_again_as_it_was(world: World) -> None:
    world.faults["lan"] = ["doubled", "lost"]
    world.begins("a")
    world.watch()
    world.begins("b")
    assert world.recipient("lan").waiting
    world.watch_for(HOUR)

    assert len(world.inbox) > len(world.letters()) + len(world.letters("minh"))
    assert world.told() == [("opened", "a"), ("opened", "b")]
    check(world, ended=False)


def test_copies_of_a_message_are_bounded_where_nobody_ever_says_that_it_came(world: World) -> None:
    world.faults["lan"] = ["doubled"] * 50
    world.begins("a")
    world.watch_for(86_400, every=900)

    copies = [each.letter.id for each in world.inbox if each.letter.recipient == "lan"]
    assert copies.count(copies[0]) == 5
    # Then it is reminded of like any other, at the same bounds.
    assert len(set(copies)) <= 4


def test_a_refusal_between_two_doubts_takes_no_try_away_and_loses_nothing(world: World) -> None:
    world.faults["lan"] = ["lost", "refused", "refused", "refused", "refused", "refused", "refused"]
    world.begins("a")
    world.watch_for(86_400 / 4, every=300)

    assert world.told()[0] == ("opened", "a")


# --- mutes


def mute(world: World, about: str, hours: float) -> None:
    operations.mute(world.hub, world.row(about).id, hours=hours, actor="lan", why="bảo trì")


def test_a_muted_alert_is_not_told_and_neither_is_its_return_but_its_end_is_where_its_begin_was(world: World) -> None:
    world.begins("a")
    world.watch()
    mute(world, "a", 4)
    world.ends("a")
    world.watch_for(1200)
    world.begins("a")
    world.watch_for(1200)
    assert world.told() == [("opened", "a"), ("over", "a")]
    assert world.row("a").muted is not None
    world.watch_for(4 * HOUR)

    assert world.told()[2:] == [("opened", "a")]
    assert world.row("a").muted is None


def test_a_mute_can_be_ended(world: World) -> None:
    world.begins("a", hold=60)
    world.watch()
    mute(world, "a", 4)
    world.watch_for(600)
    assert world.told() == []
    mute(world, "a", 0)
    world.watch()

    assert world.told() == [("opened", "a")]


def test_what_came_and_went_while_it_was_muted_is_not_told_later(world: World) -> None:
    at(world, 23)
    world.begins("a")
    world.watch_for(60)
    mute(world, "a", 24)
    world.ends("a")
    at(world, 12)
    at(world, 12)

    assert world.told("minh") == []


# --- two watchers, and watchers that die


def test_two_watchers_at_once_make_one_alert_and_one_message(world: World) -> None:
    for number in range(5):
        world.begins(f"p{number}")
        world.together(4)
        world.clock.advance(400)
    world.together(4)

    assert len(world.inbox) == len(world.letters()) + len(world.letters("minh"))
    assert [about for _, about in world.told()] == [f"p{number}" for number in range(5)]
    assert len(world.rows()) == 5


@pytest.mark.parametrize(("when", "copies"), [("before", 1), ("after", 2)])
def test_a_message_whose_watcher_died_is_sent_by_the_next_one_with_the_same_identifier(
    world: World, when: str, copies: int
) -> None:
    world.hub = replace(world.hub, alerts=replace(BOOK, recipients=(LAN,)))
    world.begins("a")
    world.dies = when
    assert world.watch() is None
    world.watch()
    assert len(world.inbox) == copies - 1
    world.watch_for(600)

    assert len(world.inbox) == copies
    assert len(world.letters()) == 1
    assert world.open_letters() == 0


def test_a_clock_that_was_wrong_puts_nothing_off_for_long(world: World) -> None:
    world.clock.advance(10 * 365 * 86_400)
    world.begins("a")
    world.faults["lan"] = ["lost"]
    world.watch()
    world.clock.advance(-10 * 365 * 86_400)
    world.begins("b")
    world.watch_for(600)
    world.ends("a")
    world.ends("b")
    world.watch_for(1800)

    assert world.told()[:2] == [("opened", "a"), ("opened", "b")]
    assert sorted(world.told()[2:]) == [("over", "a"), ("over", "b")]


def test_what_was_over_long_ago_is_forgotten_and_stays_in_the_journal(world: World) -> None:
    world.begins("a")
    world.watch_for(60)
    world.ends("a")
    world.watch_for(1200)
    world.clock.advance(91 * 86_400)
    world.watch()

    assert world.rows(over=True) == ()
    with world.hub.ledger.read() as conn:
        events = list(conn.execute(select(journal.c.event).order_by(journal.c.seq)).scalars())
    assert events == ["alert.opened", "alert.told", "alert.told", "alert.over", "alert.told", "alert.told"]


# --- anything, in any order

STEPS = st.one_of(
    st.tuples(st.just("toggle"), st.sampled_from("abcd")),
    st.tuples(st.just("worse"), st.sampled_from("abcd")),
    st.tuples(st.just("pass"), st.sampled_from([15.0, 60.0, 400.0, 1800.0, 3 * HOUR])),
    st.tuples(st.just("fault"), st.tuples(st.sampled_from(["lan", "minh"]), st.sampled_from(["refused", "lost", "doubled"]))),
    st.tuples(st.just("die"), st.sampled_from(["before", "after"])),
    st.tuples(st.just("together"), st.just("")),
)


def go(world: World, steps: list[tuple[str, object]]) -> None:
    """Go through a day in which anything happens; a watcher looks after each step."""
    doubts = 0
    for step, value in steps:
        if step == "toggle":
            name = str(value)
            if name in world.wrong:
                world.ends(name)
            else:
                world.begins(name, severity=Severity.CRITICAL if name == "a" else Severity.WARNING, hold=60 if name == "b" else 0)
        elif step == "worse" and str(value) in world.wrong:
            condition = world.wrong[str(value)]
            world.wrong[str(value)] = replace(condition, level=condition.level + 1)
        elif step == "pass":
            assert isinstance(value, float)
            world.watch_for(value, every=max(15.0, value / 6))
        elif step == "fault":
            recipient, fault = value  # type: ignore[misc]
            doubts += fault != "refused"
            # More than four in a row, and it is no more known what came.
            if doubts <= 4 or fault == "refused":
                world.faults.setdefault(recipient, []).append(fault)
        elif step == "die":
            doubts += 1
            world.dies = str(value) if doubts <= 4 else ""
        if step == "together":
            world.together(2)
        else:
            world.watch()
        check(world, ended=False)


@pytest.fixture(scope="module", params=ENGINES)
def lasting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ledger_on(request.param) as url:
        opened = World.open(tmp_path_factory.mktemp("alerts"), url)
        yield opened
        opened.close()


@pytest.mark.slow
@given(steps=st.lists(STEPS, max_size=20))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_happens_few_messages_come_and_each_alert_is_told_and_told_over_once(
    lasting: World, steps: list[tuple[str, object]]
) -> None:
    lasting.wipe()
    began = lasting.hub.now()
    go(lasting, steps)
    lasting.heal()
    check(lasting, ended=True)

    assert lasting.open_letters() == 0
    for recipient in ("lan", "minh"):
        hours = (lasting.hub.now() - began) / HOUR
        assert len(lasting.letters(recipient)) <= 60 * hours + 1
