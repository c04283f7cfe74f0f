"""Killed at every touch of the ledger and of a folder, and started again: no file is lost, none is taken or put twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock import START
from tests.support.engines import ENGINES, ledger_on
from tests.support.folder_world import EVERY_SECONDS, FolderWorld, folder_world
from tests.support.hub import At, carry_all, document
from tests.support.looking import all_deliveries, all_messages, broken_rows

#: A partner's file that is not there was not put, or was taken away: so it is looked for, and what was begun proves.
ASKS = """
[outbound.services.GuiHoSo]
on_doubt = "ask"
absence_proves = true
"""
#: Longer than any lease, and than a doubt is left alone.
LONG_SECONDS = 1000.0


class Mother:
    """Starts the processes that die."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def dies(self, world: FolderWorld, what: str, touch: int) -> bool:
        """Let a process work and die; False where it came to its end before."""
        assert self._process.stdin is not None and self._process.stdout is not None
        seconds = (world.clock() - START).total_seconds() + 2 * EVERY_SECONDS
        self._process.stdin.write(f"{world.folder}\t{what}\t{touch}\t{seconds}\n")
        self._process.stdin.flush()
        ended = int(self._process.stdout.readline())
        assert ended in (0, -signal.SIGKILL)
        return ended == -signal.SIGKILL


@pytest.fixture(scope="module")
def mother() -> Iterator[Mother]:
    command = [sys.executable, "-m", "tests.support.dying_folder"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Mother(process)
        process.stdin.close()  # type: ignore[union-attr]


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FolderWorld]:
    at = At(services=ASKS)
    with ledger_on(request.param) as address, folder_world(tmp_path, address, partner=at) as made:
        yield made


def test_a_file_is_taken_once_wherever_the_process_dies(mother: Mother, world: FolderWorld) -> None:
    for touch in range(1, 100):
        world.sender.put(f"{touch:03}.json", document(touch, f"H01-{touch}"))
        # By a clock of its own, which stands still: so its lease is over when this one looks.
        died = mother.dies(world, "take", touch)
        world.clock.advance(LONG_SECONDS)
        world.look()

        told = (touch, world.sender.names("in"), len(world.sender.names("taken")), len(world.sender.answers()))
        assert told == (touch, [], touch, touch)
        assert [row.accepted for row in all_messages(world.hub.ledger)] == touch * [1]
        if not died:
            break

    assert touch > 12 and not died
    assert broken_rows(world.hub.ledger) == []


def test_a_file_is_put_once_wherever_the_process_dies(mother: Mother, world: FolderWorld) -> None:
    for touch in range(1, 100):
        world.sender.put("a.json", document(touch, f"H01-{touch}"))
        world.look()
        died = mother.dies(world, "put", touch)
        for _ in range(4):
            world.clock.advance(LONG_SECONDS)
            carry_all(world.hub)
        if not died:
            break

    rows = all_deliveries(world.hub.ledger)
    bodies = world.partner.bodies()
    for row in rows:
        mine = [body for body in bodies if f'"{row.subject.partition(":")[2]}"'.encode() in body]
        # Where its bytes were recorded and nothing shows that it was begun, a person looks, and nothing was put twice.
        assert (row.state, len(mine)) in (("delivered", 1), ("in_doubt", 0))
    assert len(rows) == touch and not died and touch > 12
    assert sum(row.state == "in_doubt" for row in rows) < touch / 2
    assert broken_rows(world.hub.ledger) == []
