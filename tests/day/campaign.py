"""One day: dossiers begin at every hour, each goes its way turn by turn, partners fail, an operator looks in every hour."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from hub.app import Hub
from tests.day.account import Account, agree, compare, open_ones, settle
from tests.day.ways import FIRST, SECOND, Said, Way
from tests.day.world import OTHER, World, opened

HOURS = 24
#: Share of messages that meet a fault.
SHARE = 0.15
SENDERS = 4
QUIET_SECONDS = 900.0
_ENDPOINTS = {"first": {"gateway": "vnsw_gt", "ministry": "bo_gtvt"}, "second": {"gateway": "vnsw", "ministry": "bo_nnmt"}}


@dataclass
class Dossier:
    """One dossier on its way."""

    number: int
    way: Way
    generation: str
    reference: str = ""
    turn: int = 0


def day(folder: Path, *, seed: int, dossiers: int, hours: int = HOURS, quiet: bool = True) -> Account:
    """Play a day, and give the account. Raises AssertionError where a message that must be taken is not."""
    account = Account(seed)
    begun = time.monotonic()
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    drawn = random.Random(seed)
    waiting = [_drawn(drawn, number) for number in range(1, dossiers + 1)]
    with opened(folder, seed) as world, world.hub() as hub, Progress(console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("dossiers", total=sum(len(each.way.turns) for each in waiting))
        underway: list[Dossier] = []
        for hour in range(hours):
            underway += waiting[hour::hours]
            while _at_most_left(underway, hour, hours):
                _turn(world, underway, said)
                bar.advance(task, len(underway))
                underway = [each for each in underway if each.turn < len(each.way.turns)]
                _until_quiet(world, hub, account)
        world.calm()
        compare(world, said, account)
        agree(world, hub, account)
    account.seconds = round(time.monotonic() - begun, 1)
    return account


def _drawn(drawn: random.Random, number: int) -> Dossier:
    generation = drawn.choice(("first", "second"))
    return Dossier(number, drawn.choice(FIRST if generation == "first" else SECOND), generation)


def _at_most_left(underway: list[Dossier], hour: int, hours: int) -> bool:
    """Go on until the hour is over: half of what is under way stays for the next, all is done in the last."""
    return bool(underway) and (hour == hours - 1 or sum(each.turn == 0 for each in underway) > 0)


def _turn(world: World, underway: list[Dossier], said: dict[tuple[str, str], list[str]]) -> None:
    """Let every dossier take its next turn, several at once, with faults at every partner."""
    with ThreadPoolExecutor(SENDERS) as senders:
        for dossier, told in senders.map(lambda each: (each, _take(world, each)), underway):
            for endpoint, service in told:
                said[endpoint, dossier.reference].append(service)
                world.go_wrong(SHARE, OTHER[endpoint], dossier.reference)


def _take(world: World, dossier: Dossier) -> list[tuple[str, str]]:
    turn = dossier.way.turns[dossier.turn]
    told = [(_speaker(dossier, one), _say(world, dossier, one)) for one in turn]
    dossier.turn += 1
    return told


def _speaker(dossier: Dossier, one: Said) -> str:
    return _ENDPOINTS[dossier.generation][one.side]


def _say(world: World, dossier: Dossier, one: Said) -> str:
    given: dict[str, Any] = {"document_type": dossier.way.document_type, "type": one.type, "function": one.function}
    given["seed"] = dossier.number * 100 + dossier.turn * 10 + dossier.way.turns[dossier.turn].index(one)
    if dossier.reference:
        given["reference"] = dossier.reference
    sent = world.say(_speaker(dossier, one), **given)
    dossier.reference = sent["reference"]
    assert sent["answer"].get("function") == "99", (dossier.way.document_type, one.service, sent["answer"])
    return one.service


def _until_quiet(world: World, hub: Hub, account: Account) -> None:
    """Wait until nothing is left, with an operator who settles what waits for a person."""
    until = time.monotonic() + QUIET_SECONDS
    while settle(world, hub, account):
        assert time.monotonic() < until, [(row.endpoint, row.state, row.error_code) for row in open_ones(hub)][:20]
        time.sleep(0.1)  # a look at the ledger, as every operator's screen takes one
