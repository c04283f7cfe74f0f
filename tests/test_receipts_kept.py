"""A receipt that was read is kept while the ledger does not answer, and recorded once, however often it is brought."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hub import delivery
from hub.app import Hub
from hub.edge.workers import Workers
from hub.errors import HubError, Unavailable
from hub.landing import AGAIN_SECONDS
from hub.ledger.tables import journal
from hub.rules.lifecycle import State
from tests.support import hub as support
from tests.support.engines import ENGINES, ledger_on
from tests.support.looking import all_deliveries, broken_rows, check_chains
from tests.support.world import LONG_SECONDS, World

AWAY = Unavailable("the ledger does not answer", "sổ cái không phản hồi", where="ledger")


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ledger_on(request.param) as address:
        opened = World.open(tmp_path, ledger=address, services=support.ASKS)
        yield opened
        opened.close()


def raises(error: Exception) -> Callable[[], None]:
    def told() -> None:
        raise error

    return told


class Blinking:
    """A ledger that does not answer when receipts are brought to it, so many times; ``committed``: it has them all the same."""

    def __init__(self, ledger: Any, times: int, *, committed: bool = False, error: Exception = AWAY) -> None:
        self._ledger, self._times, self._committed, self._error = ledger, times, committed, error
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def record_all_delivered(self, given: Any) -> list[Callable[[], None]]:
        """Record receipts, or say of each that it is not known what became of it."""
        self.asked += 1
        if self.asked > self._times:
            return list(self._ledger.record_all_delivered(given))
        if self._committed:
            for recorded in self._ledger.record_all_delivered(given):
                recorded()
        return [raises(self._error) for _ in given]


def deliver(world: World, hub: Hub) -> HubError | None:
    """Let a dossier come and be delivered; give what the worker is left with."""
    support.send(world.hub, 1)
    world.dispatch()
    try:
        delivery.deliver(hub, world.bag.dues.pop())
    except HubError as error:
        return error
    return None


def deliver_blinking(world: World, times: int, **how: Any) -> tuple[Blinking, HubError | None]:
    blinking = Blinking(world.hub.ledger, times, **how)
    return blinking, deliver(world, replace(world.hub, ledger=blinking))


def told(world: World, event: str) -> int:
    """Count the journal's rows of one event."""
    with world.hub.ledger.read() as conn:
        return int(conn.execute(select(func.count()).where(journal.c.event == event)).scalar_one())


def check_delivered_once(world: World) -> None:
    (row,) = all_deliveries(world.hub.ledger)
    assert row.state == State.DELIVERED
    assert told(world, "delivery.delivered") == 1
    assert told(world, "delivery.receipt") == 0
    assert list(world.partner.taken().values()) == [1]
    check_chains(world.hub.ledger)
    assert broken_rows(world.hub.ledger) == []


def test_a_receipt_is_recorded_when_the_ledger_answers_again(world: World) -> None:
    _, left = deliver_blinking(world, 3)

    assert left is None
    assert world.paused == list(AGAIN_SECONDS[:3])
    check_delivered_once(world)


def test_a_receipt_settles_the_doubt_that_its_lapsed_lease_has_become(world: World) -> None:
    def late(seconds: float) -> bool:
        world.advance(LONG_SECONDS)
        world.hub.ledger.lapse(world.hub.now(), world.hub.doubt_policy)
        return False

    blinking = Blinking(world.hub.ledger, 1)
    assert deliver(world, replace(world.hub, ledger=blinking, pause=late)) is None

    assert told(world, "delivery.lapsed") == 1
    check_delivered_once(world)


@pytest.mark.parametrize("times", [1, 3])
def test_a_receipt_whose_commit_happened_unheard_is_not_recorded_twice(world: World, times: int) -> None:
    blinking, left = deliver_blinking(world, times, committed=True)

    assert left is None
    assert blinking.asked == times + 1
    check_delivered_once(world)


def test_a_sender_of_whom_the_ledger_could_not_be_asked_is_told_later(world: World) -> None:
    class Untellable(Hub):
        def notice(self, delivery: Any, outcome: str, error: Any = None) -> Any:
            if not world.paused:
                raise AWAY
            return super().notice(delivery, outcome, error)

    hub = Untellable(**{name: getattr(world.hub, name) for name in world.hub.__dataclass_fields__})
    assert deliver(world, hub) is None

    assert len(world.paused) == 1
    check_delivered_once(world)


def test_a_ledger_that_stays_away_is_left_to_the_lease_after_about_a_minute(world: World) -> None:
    blinking, left = deliver_blinking(world, 1000)

    assert isinstance(left, Unavailable)
    assert blinking.asked == 1 + len(AGAIN_SECONDS)
    assert 50 < sum(world.paused) < 70
    assert {row.state for row in all_deliveries(world.hub.ledger)} == {State.SENDING}
    world.heal()
    assert {row.state for row in all_deliveries(world.hub.ledger)} == {State.DELIVERED}
    assert list(world.partner.taken().values()) == [1]


def test_who_is_told_to_stop_brings_it_once_more_and_goes(world: World) -> None:
    world.stops = True
    blinking, left = deliver_blinking(world, 1000)

    assert isinstance(left, Unavailable)
    assert (blinking.asked, len(world.paused)) == (2, 1)


def test_what_else_speaks_against_a_receipt_is_not_waited_for(world: World) -> None:
    refused = HubError("no", "không")
    blinking, left = deliver_blinking(world, 1000, error=refused)

    assert left is refused
    assert (blinking.asked, world.paused) == (1, [])


def test_a_worker_that_waits_is_woken_by_the_stop(world: World) -> None:
    workers = Workers(world.hub, dispatch=False, work=False)

    workers.stop()

    assert workers._hub.pause(LONG_SECONDS)
