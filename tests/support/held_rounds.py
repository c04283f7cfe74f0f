"""Rounds that stand still until those who are to be in one of them have come, so that a test knows who is carried together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hub import delivery
from hub.app import Hub
from hub.rounds import OwnRounds, Rounds, each_takes, up_to
from hub.rules.queued import Due
from tests.support import hub as support
from tests.support.waiting import Waiting
from tests.support.world import World

PATIENCE_SECONDS = 60.0
#: More than any test brings.
MOST = 100


class HeldRounds(Rounds[Any]):
    """Rounds of which the first is held, and carries nothing."""

    def __init__(self, carry: Callable[[list[Any]], None], most: int = MOST) -> None:
        super().__init__(self._carry_or_hold, up_to(most))
        self.waiting: Waiting = Waiting()
        self.carries = carry
        #: What each round carried, in order.
        self.carried: list[list[Any]] = []
        self._hold = object()
        self._held, self._open = threading.Event(), threading.Event()

    def _carry_or_hold(self, given: list[Any]) -> None:
        if given == [self._hold]:
            self._held.set()
            assert self._open.wait(PATIENCE_SECONDS)
            return
        self.carried.append(given)
        self.carries(given)

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make calls in threads of their own so that all come into one round; give what each returned, or raised."""
        self._held.clear()
        self._open.clear()
        holder = threading.Thread(target=self.bring, args=(self._hold,), daemon=True)
        holder.start()
        assert self._held.wait(PATIENCE_SECONDS)
        before = self.waiting.came
        outcomes: list[Any] = [None] * len(calls)
        threads = [threading.Thread(target=_keep, args=(call, outcomes, place), daemon=True) for place, call in enumerate(calls)]
        try:
            for place, thread in enumerate(threads):
                thread.start()
                # One after the other, so that they wait in the order of the calls.
                self.waiting.wait_for(before + place + 1, PATIENCE_SECONDS)
        finally:
            self._open.set()
        for thread in (holder, *threads):
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "a thread was never told to go on"
        return outcomes


def held_rounds(monkeypatch: pytest.MonkeyPatch, carry: Callable[[Any], None]) -> HeldRounds:
    """Hold what is carried by this in any hub: all come into the same rounds."""
    rounds, usual = HeldRounds(carry), OwnRounds.of
    monkeypatch.setattr(OwnRounds, "of", lambda own, sought: rounds if sought is carry else usual(own, sought))
    return rounds


def _keep(call: Callable[[], Any], outcomes: list[Any], place: int) -> None:
    try:
        outcomes[place] = call()
    except BaseException as error:
        outcomes[place] = error


@contextmanager
def worlds(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Open worlds, each on a folder of its own, with a place to send from for each of a round."""
    opened: list[World] = []

    def open_one(name: str = "config", **at: Any) -> World:
        opened.append(World.open(tmp_path / name, concurrency=48, **at))
        return opened[-1]

    yield open_one
    for world in opened:
        world.close()


def queued(world: World, count: int, begin: int = 0) -> list[Due]:
    """Let dossiers come, and queue the delivery of each; give these in the order in which they came."""
    for number in range(begin, begin + count):
        assert support.send(world.hub, number, f"H01-{number:02}").status == 200
    world.dispatch()
    dues, world.bag.dues = world.bag.dues, []
    return sorted(dues, key=lambda due: due.subject)


def delivering(hub: Hub, dues: Sequence[Due]) -> list[Callable[[], None]]:
    """Make the call for each delivery."""
    return [partial(delivery.deliver, hub, due) for due in dues]


def delivering_in_turn(one: World, other: World, count: int) -> list[Callable[[], None]]:
    """Queue so many deliveries in each of two worlds, and make their calls: one's, the other's, and so on."""
    pairs = zip(*(delivering(world.hub, queued(world, count)) for world in (one, other)), strict=True)
    return [call for pair in pairs for call in pair]


def caught(call: Callable[[], Any]) -> Any:
    """Give what a call returns, or raises."""
    try:
        return call()
    except Exception as error:
        return error


def with_adapter(hub: Hub, **parts: Any) -> Hub:
    """Give a hub whose adapter has these parts instead of its own."""
    adapter = hub.adapters["template"]
    return replace(hub, adapters={**hub.adapters, "template": replace(adapter, **parts)})


@dataclass(eq=False, slots=True)
class _Standing:
    """One whose step does not end by itself."""

    ids: dict[str, str | int]
    error: Exception | None = None


@contextmanager
def standing_step(ids: dict[str, str | int]) -> Iterator[None]:
    """Have a round stand in one step, of whom these ids are."""
    reached, opened = threading.Event(), threading.Event()

    def stand(_: _Standing) -> None:
        reached.set()
        assert opened.wait(PATIENCE_SECONDS)

    thread = threading.Thread(target=each_takes, args=(stand, [_Standing(ids)]), daemon=True)
    thread.start()
    try:
        assert reached.wait(PATIENCE_SECONDS)
        yield
    finally:
        opened.set()
        thread.join(PATIENCE_SECONDS)
