"""Words between partners and us: said once they are owed, asked about until the last word, lost by no death anywhere."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.app import Hub
from hub.edge.acknowledger import Acknowledger
from hub.edge.words import Words
from hub.errors import Busy, InDoubt, InvalidMessage, Refused
from hub.ledger.pull_tables import pull_items, pulls
from hub.ledger.tables import journal, payloads
from hub.ledger.word_tables import followed, owed
from hub.operations import pulls as verbs
from hub.rules.lifecycle import State
from tests.support import hub as support
from tests.support.dying_words import touched, work
from tests.support.engines import ENGINES, ledger_on
from tests.support.looking import all_deliveries, all_messages, broken_rows
from tests.support.waiting_partner import BUG, HELD, away
from tests.support.words_world import World, thing, world_at

PARTNER = support.PARTNER
LAN = {"actor": "lan", "why": "kiểm thử"}


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ledger_on(request.param) as address, world_at(tmp_path, address) as made:
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    """The same on SQLite, for what is not about what a ledger does."""
    with world_at(tmp_path) as made:
        yield made


# --- owed --------------------------------------------------------------------------------------------------------


def test_a_word_is_owed_with_the_message_and_said_after_it(world: World) -> None:
    world.partner.hold("N1", thing(1))

    world.pull()

    assert [(row.number, row.kind, row.done_at) for row in world.rows(owed)] == [("N1", "taken", None)]
    assert world.rows(owed)[0].message_id == all_messages(world.hub.ledger)[0].id
    assert world.partner.heard == []
    world.say()
    assert world.partner.heard == [("N1", "taken", "")]
    assert world.partner.holds == []
    assert world.rows(owed)[0].done_at == world.hub.now()
    # Nothing is left to say, and the partner is not even called.
    world.partner.failing["acknowledge"] = [away()]
    world.say()
    assert world.partner.failing["acknowledge"]


def test_what_cannot_be_read_is_told_so_and_recorded(world: World) -> None:
    world.partner.hold("N1", b"{")
    world.partner.hold("N2", thing(2, hoSo={}))

    world.pull()
    world.say()

    said = {number: (kind, bool(text)) for number, kind, text in world.partner.heard}
    assert said == {"N1": ("failed", True), "N2": ("failed", True)}
    assert [row.accepted for row in all_messages(world.hub.ledger)] == [False, False]


def test_our_own_failure_is_no_word_and_the_thing_is_tried_again_ever_later(world: World) -> None:
    world.partner.hold("N1", thing(1, loi=BUG))
    world.partner.hold("N2", thing(2))
    tries = []
    for _ in range(34):
        world.pull()
        tries.append(len(all_messages(world.hub.ledger)))
        world.say()
        world.later(60)

    assert world.partner.heard == [("N2", "taken", "")]
    assert world.partner.holds == ["N1"]
    # At once, then after 1, 2, 4, 8 … minutes: the pauses grow.
    moments = [minute for minute, (now, before) in enumerate(zip(tries, [0, *tries], strict=False)) if now > before]
    assert moments == [0, 1, 3, 7, 15, 31]
    (row,) = world.rows(pull_items)
    assert (row.identity, row.state, row.error) == (f"{HELD}/N1", "failed_here", "hub_error")
    assert ("item_failed", PARTNER) in world.alerts()
    world.partner.hold("N1", thing(1))
    world.pull()
    world.say()
    assert world.partner.heard[1:] == [("N1", "taken", "")]
    assert world.rows(pull_items) == []


@pytest.mark.parametrize("error", [InDoubt("cut", "cụt"), Refused("gone", "không có"), InvalidMessage(())], ids=repr)
def test_one_thing_that_cannot_be_had_keeps_the_others_not(small: World, error: Exception) -> None:
    for number in (1, 2, 3):
        small.partner.hold(f"N{number}", thing(number))
    small.partner.failing["joined N1"] = [error]

    small.pull()
    small.say()

    assert small.partner.holds == ["N1"]
    assert [(row.identity, row.state) for row in small.rows(pull_items)] == [(f"{HELD}/N1", "failed_here")]
    small.later(60)
    small.pull()
    small.say()
    assert small.partner.holds == []


def test_where_nothing_can_be_had_the_round_ends_and_nothing_is_counted_against_the_things(small: World) -> None:
    for number in range(1, 8):
        small.partner.hold(f"N{number}", thing(number))
        small.partner.failing[f"joined N{number}"] = [away()]

    small.pull()

    assert [len(small.partner.failing[f"joined N{number}"]) for number in range(1, 8)] == [0, 0, 0, 1, 1, 1, 1]
    assert small.rows(pull_items) == []
    assert [row.error for row in small.rows(pulls) if row.list == HELD] == ["not_sent"]


def test_what_was_fetched_is_kept_as_it_came(small: World) -> None:
    small.partner.hold("N1", thing(1))
    small.pull()

    assert b"whole message" in stored(small)


def stored(world: World) -> list[bytes]:
    with world.hub.ledger.read() as conn:
        return list(conn.execute(select(payloads.c.body)).scalars())


def test_what_is_listed_though_it_was_settled_gets_our_word_again_and_is_not_taken_twice(world: World) -> None:
    world.partner.hold("N1", thing(1))
    world.pull()
    world.say()
    world.later()
    # The partner has lost our word, and what it knew of it.
    world.partner.hold("N1", thing(1))

    world.pull()
    world.say()

    assert world.partner.heard == [("N1", "taken", ""), ("N1", "taken", "")]
    assert [(row.accepted, row.repeats) for row in all_messages(world.hub.ledger)] == [(True, 0)]


def test_a_word_that_was_said_while_the_list_was_on_its_way_is_not_said_again(small: World) -> None:
    small.partner.hold("N1", thing(1))
    small.pull()
    listed = small.partner.pull(HELD, "", small.clock())
    small.say()
    (word,) = small.rows(owed)
    real = small.partner.pull
    small.later()

    def slow(*_: Any) -> Any:
        with small.hub.ledger.apart() as conn:
            conn.execute(update(owed).values(done_at=small.hub.now() + 1))
        return listed

    small.partner.pull = slow  # type: ignore[method-assign]
    small.pull()
    small.partner.pull = real  # type: ignore[method-assign]

    assert word.done_at is not None
    assert small.rows(owed)[0].done_at is not None


def test_other_content_under_a_number_that_was_settled_is_judged_again(small: World) -> None:
    small.partner.hold("N1", thing(1, identity="M1"))
    small.pull()
    small.say()
    small.later()
    small.partner.hold("N1", thing(7, identity="M1"))

    for _ in range(3):
        small.pull()
        small.say()
        small.later()

    assert [(row.accepted, row.error_code) for row in all_messages(small.hub.ledger)] == [(True, ""), (False, "conflict")]
    assert [(number, kind) for number, kind, _ in small.partner.heard] == [("N1", "taken"), ("N1", "failed")]


def test_the_same_thing_under_two_numbers_is_one_message_and_two_words(world: World) -> None:
    world.partner.hold("N1", thing(1))
    world.partner.hold("N2", thing(1))

    world.pull()
    world.say()

    assert [(row.accepted, row.repeats) for row in all_messages(world.hub.ledger)] == [(True, 1)]
    assert sorted(world.partner.heard) == [("N1", "taken", ""), ("N2", "taken", "")]


def test_a_partner_that_waits_for_no_word_has_it(small: World) -> None:
    small.partner.hold("N1", thing(1))
    small.pull()
    small.partner.failing["acknowledge"] = [Refused("done already", "đã xử lý", partner_code="409")]

    small.say()

    assert [(row.done_at is not None, row.error) for row in small.rows(owed)] == [(True, "409")]


def test_while_the_partner_is_away_no_word_is_lost_and_the_pauses_grow(small: World) -> None:
    for number in (1, 2):
        small.partner.hold(f"N{number}", thing(number))
    small.pull()
    small.partner.failing["acknowledge"] = [away(), away(), away()]
    pauses = []
    for _ in range(3):
        small.say()
        (row,) = [row for row in small.rows(pulls) if row.list == "owed"]
        assert row.error == "not_sent"
        pauses.append(row.next_at - small.hub.now())
        small.later(pauses[-1])

    small.say()
    small.later(600)
    small.say()

    assert pauses == [5.0, 10.0, 20.0]
    assert sorted(number for number, *_ in small.partner.heard) == ["N1", "N2"]


@pytest.mark.parametrize("error", [InDoubt("?", "?"), ZeroDivisionError("x"), InvalidMessage(())], ids=repr)
def test_one_word_that_cannot_be_given_keeps_the_others_not(small: World, error: Exception) -> None:
    for number in (1, 2):
        small.partner.hold(f"N{number}", thing(number))
    small.pull()
    small.partner.failing["acknowledge"] = [error]

    small.say()

    assert [number for number, *_ in small.partner.heard] == ["N2"]
    (row,) = [row for row in small.rows(owed) if row.done_at is None]
    assert (row.number, row.tries, row.next_at - small.hub.now()) == ("N1", 1, 5.0)
    small.later(5.0)
    small.say()
    assert small.partner.holds == []


def test_a_busy_partner_is_left_in_peace_for_as_long_as_it_says(small: World) -> None:
    small.partner.hold("N1", thing(1))
    small.pull()
    small.partner.failing["acknowledge"] = [Busy("busy", "bận", retry_after=120.0)]

    small.say()

    assert small.rows(owed)[0].next_at - small.hub.now() == 120.0


def test_words_that_cannot_be_said_for_an_hour_are_an_alert(small: World) -> None:
    small.partner.hold("N1", thing(1))
    small.pull()
    small.later(3_599)
    assert small.alerts() == []
    small.later(2)

    assert small.alerts() == [("word_late", PARTNER)]


def test_what_was_said_long_ago_is_forgotten_and_judged_again_where_it_is_still_listed(small: World) -> None:
    small.partner.hold("N1", thing(1))
    small.pull()
    small.say()
    small.later(91 * 86_400)
    small.say()
    assert small.rows(owed) == []
    small.partner.hold("N1", thing(1))

    small.pull()
    small.say()

    assert [kind for _, kind, _ in small.partner.heard] == ["taken", "taken"]
    assert len(all_messages(small.hub.ledger)) == 1


# --- followed ----------------------------------------------------------------------------------------------------


def test_a_delivery_is_followed_until_the_partner_s_last_word(world: World) -> None:
    number = world.give()
    assert [(row.number, row.state) for row in world.rows(followed)] == [(number, "")]
    world.partner.says(number, "SENT")

    world.ask()
    world.later(30)
    world.ask()
    world.later(3_600)
    world.partner.says(number, "RECEIVED", final=True)
    world.ask()
    world.later(3_600)
    world.ask()

    assert [row.identity for row in all_messages(world.hub.ledger)][1:] == [f"{number}/SENT", f"{number}/RECEIVED"]
    assert world.partner.asked == [number] * 3
    (row,) = world.rows(followed)
    assert (row.state, row.ending) == ("RECEIVED", "final")
    assert [each.state for each in all_deliveries(world.hub.ledger) if each.endpoint == PARTNER] == [State.ACKNOWLEDGED]
    assert broken_rows(world.hub.ledger) == []


def test_a_last_word_that_refuses_refuses_late(small: World) -> None:
    number = small.give()
    small.partner.says(number, "FAILED", final=True, refused=True)

    small.ask()

    assert [each.state for each in all_deliveries(small.hub.ledger) if each.endpoint == PARTNER] == [State.REFUSED_LATE]


def test_the_same_word_again_is_not_told_and_the_pauses_grow(tmp_path: Path) -> None:
    more = "[outbound.follow]\nfirst_seconds = 10\nfactor = 3\nceiling_seconds = 100\n"
    with world_at(tmp_path, more=more) as small:
        number = small.give()
        small.partner.says(number, "SENT")
        pauses = []
        for _ in range(4):
            small.ask()
            pauses.append(small.rows(followed)[0].next_at - small.hub.now())
            small.later(pauses[-1])

        assert pauses == [10.0, 30.0, 90.0, 100.0]
        assert len(all_messages(small.hub.ledger)) == 2


def test_after_many_days_without_news_nobody_asks_and_an_alert_says_so(tmp_path: Path) -> None:
    with world_at(tmp_path, more="[outbound.follow]\ngive_up_days = 2\n") as small:
        number = small.give()
        small.partner.says(number, "SENT")
        small.ask()
        small.later(2 * 86_400 - 60)
        small.ask()
        assert small.alerts() == []
        small.later(3_600)
        small.partner.failing["follow"] = [away()]

        small.ask()

        assert small.rows(followed)[0].ending == "given_up"
        assert small.alerts() == [("follow_given_up", PARTNER)]
        entry = next(row.entry for row in small.rows(journal) if row.event == "follow.given_up")
        assert json.loads(entry)["number"] == number
        small.later(86_400)
        asked = len(small.partner.asked)
        small.ask()
        assert len(small.partner.asked) == asked

        verbs.now(small.hub, PARTNER, "followed", **LAN)
        small.partner.says(number, "RECEIVED", final=True)
        small.ask()
        assert small.rows(followed)[0].ending == "final"
        assert small.alerts() == []


def test_our_own_failure_with_a_word_is_tried_again(small: World) -> None:
    number = small.give()
    small.partner.says(number, BUG)
    small.ask()
    assert [(row.state, row.error) for row in small.rows(followed)] == [("", "hub_error")]
    small.partner.says(number, "SENT")
    small.later(60)

    small.ask()

    assert [(row.state, row.error) for row in small.rows(followed)] == [("SENT", "")]


def test_what_is_found_after_a_doubt_is_followed_too(world: World) -> None:
    world.partner.failing["send"] = [InDoubt("lost", "mất trả lời")]
    support.send(world.hub, 1)
    support.carry_all(world.hub)
    world.later(600)

    support.carry_all(world.hub)

    assert [row.number for row in world.rows(followed)] == world.partner.given
    assert len(world.partner.given) == 1


def test_a_way_that_cannot_do_it_any_more_is_said_and_nothing_is_lost(small: World) -> None:
    small.partner.hold("N1", thing(1))
    small.pull()
    mute = replace(small.hub, transports=lambda endpoint: object())

    Acknowledger(mute, mute.endpoint(PARTNER), "one").round()

    assert [row.error for row in small.rows(pulls) if row.list == "owed"] == ["bad_settings"]
    small.later(600)
    small.say()
    assert small.partner.holds == []


# --- shown, and hurried ------------------------------------------------------------------------------------------


def test_what_is_owed_and_followed_is_shown(world: World) -> None:
    assert verbs.show(world.hub).words == ()
    number = world.give()
    world.partner.hold("N1", thing(1))
    world.partner.hold("N2", thing(2, loi=BUG))
    world.pull()

    (one,) = verbs.show(world.hub).words
    assert (one.endpoint, one.owed, one.followed, one.given_up, one.failed_here) == (PARTNER, 1, 1, 0, 1)
    assert one.owed_since == one.followed_since == world.hub.now()
    shown = verbs.show(world.hub, PARTNER, "owed")
    assert shown.shown is not None and [each.number for each in shown.shown.owed] == ["N1"]
    shown = verbs.show(world.hub, PARTNER, "followed")
    assert shown.shown is not None
    assert [(each.number, each.subject) for each in shown.shown.followed] == [(number, "national:H01-1")]


def test_words_are_said_at_once_where_somebody_says_so(world: World) -> None:
    world.partner.hold("N1", thing(1))
    world.pull()
    world.partner.failing["acknowledge"] = [away()]
    world.say()
    assert world.partner.holds == ["N1"]

    verbs.now(world.hub, PARTNER, "owed", **LAN)
    world.say()

    assert world.partner.holds == []
    entries = [json.loads(row.entry) for row in world.rows(journal) if row.event == "operator.pull_now"]
    assert entries == [{"endpoint": PARTNER, "list": "owed", "why": "kiểm thử"}]


# --- dying anywhere ----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


def mortal(hub: Hub, last: int) -> tuple[Hub, list[int]]:
    """Make a hub that dies at its n-th touch of ledger or partner; give how many there were."""
    count = [0]

    def touch() -> None:
        count[0] += 1
        if count[0] == last:
            raise Killed

    return touched(hub, touch), count


def test_wherever_the_process_dies_nothing_is_taken_or_told_twice(world: World) -> None:
    last, died = 0, True
    while died:
        last += 1
        number = world.give(f"H01-{last}")
        world.partner.says(number, "RECEIVED", final=True)
        world.partner.hold(f"N{last}", thing(last))
        world.partner.hold(f"X{last}", b"{" + str(last).encode())
        doomed, count = mortal(world.hub, last)
        with contextlib.suppress(Killed):
            work(doomed, "doomed")
        died = count[0] >= last
        # Its leases end; another process goes on.
        world.later(3_600)
        work(world.hub, "heir")
        world.later()

    assert last > 20
    assert world.partner.holds == []
    # The partner, which forgets what it heard our word on, has heard it once of each.
    held = sorted(f"{sign}{number}" for sign in "NX" for number in range(1, last + 1))
    assert sorted(number for number, *_ in world.partner.heard) == held
    accepted = [(row.endpoint, row.identity) for row in all_messages(world.hub.ledger) if row.accepted]
    assert len(accepted) == len(set(accepted)) == 3 * last
    assert all(row.done_at is not None for row in world.rows(owed))
    assert {row.ending for row in world.rows(followed)} == {"final"}
    assert {each.state for each in all_deliveries(world.hub.ledger) if each.endpoint == PARTNER} == {State.ACKNOWLEDGED}
    assert broken_rows(world.hub.ledger) == []


def test_a_process_that_is_killed_loses_no_word(tmp_path: Path) -> None:
    with world_at(tmp_path) as small:
        number = small.give()
        small.partner.says(number, "RECEIVED", final=True)
        small.partner.hold("N1", thing(1))
        for last in ("3", "5", "9", "12"):
            command = [sys.executable, "-m", "tests.support.dying_words", str(tmp_path), last]
            ended = subprocess.run(command, capture_output=True, check=False, timeout=120)
            assert ended.returncode == -signal.SIGKILL, ended.stderr
            # Until its leases end nobody else works; the process's clock stands where this one began.
            with small.hub.ledger.apart() as conn:
                conn.execute(update(pulls).values(leased_until=0.0))

        work(small.hub, "heir")

        assert small.partner.heard == [("N1", "taken", "")]
        assert [row.repeats for row in all_messages(small.hub.ledger)] in ([0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1])
        assert small.rows(followed)[0].ending == "final"
        assert broken_rows(small.hub.ledger) == []


def test_the_threads_speak_only_where_something_is_due_and_give_their_leases_back(small: World) -> None:
    small.partner.hold("N1", thing(1))
    small.pull()
    number = small.give()
    small.partner.says(number, "RECEIVED", final=True)
    done = threading.Event()
    real = small.partner.follow

    def follow(given: str) -> Any:
        done.set()
        return real(given)

    small.partner.follow = follow  # type: ignore[method-assign]
    words = Words(small.hub)
    words.start()
    assert done.wait(30)
    assert words.alive()
    words.stop()

    assert small.partner.heard == [("N1", "taken", "")]
    assert small.rows(followed)[0].ending == "final"
    assert {row.holder for row in small.rows(pulls)} == {""}
