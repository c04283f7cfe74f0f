"""A task of the night is one process's, is done once for its day, and waits after a failure."""

from __future__ import annotations

from functools import partial
from typing import Any

from hub.ledger import night_verbs
from hub.ledger.ledger import Ledger
from hub.ledger.night_verbs import FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS, LEASE_SECONDS

TASK, NIGHT = "procedures:dvcqg", "2026-03-02"


def do(ledger: Ledger, verb: Any, **given: Any) -> Any:
    return ledger.change(partial(verb, task=TASK, **given))


def take(ledger: Ledger, holder: str, now: float, due: str = NIGHT) -> bool:
    return bool(do(ledger, night_verbs.take, due=due, holder=holder, now=now))


def test_of_two_one_takes_it_and_once_it_is_done_nobody_does_that_night(ledger: Ledger) -> None:
    assert (take(ledger, "a", 100.0), take(ledger, "b", 100.0)) == (True, False)
    assert do(ledger, night_verbs.done, due=NIGHT, holder="a")
    assert (take(ledger, "b", 200.0), take(ledger, "b", 200.0, "2026-03-03")) == (False, True)
    with ledger.read() as conn:
        assert night_verbs.is_done(conn, TASK, NIGHT) and not night_verbs.is_done(conn, TASK, "2026-03-03")
        assert not night_verbs.is_done(conn, "another", NIGHT)


def test_who_says_nothing_for_long_has_lost_it(ledger: Ledger) -> None:
    take(ledger, "a", 100.0)
    assert do(ledger, night_verbs.keep, holder="a", now=200.0)
    assert not take(ledger, "b", 100.0 + LEASE_SECONDS)

    assert take(ledger, "b", 200.0 + LEASE_SECONDS)
    assert not do(ledger, night_verbs.keep, holder="a", now=2000.0)
    assert not do(ledger, night_verbs.done, due=NIGHT, holder="a")


def test_after_a_failure_a_pause_is_waited_for_that_grows_up_to_a_bound(ledger: Ledger) -> None:
    now, pauses = 0.0, []
    for _ in range(8):
        assert take(ledger, "a", now)
        do(ledger, night_verbs.failed, holder="a", error="not_sent", now=now)
        pauses.append(next(pause for pause in (60.0 * 2**power for power in range(8)) if _free(ledger, now, pause)))
        now += LAST_PAUSE_SECONDS
    assert pauses[0] == FIRST_PAUSE_SECONDS and pauses[1] == 2 * FIRST_PAUSE_SECONDS
    assert pauses == sorted(pauses) and pauses[-1] <= 2 * LAST_PAUSE_SECONDS


def _free(ledger: Ledger, now: float, pause: float) -> bool:
    taken = take(ledger, "b", now + pause)
    do(ledger, night_verbs.leave, holder="b")
    return taken


def test_what_is_done_whenever_there_is_something_is_never_done(ledger: Ledger) -> None:
    assert take(ledger, "a", 100.0, "")
    assert do(ledger, night_verbs.done, due="", holder="a")
    assert take(ledger, "b", 100.0, "")
