"""Processes that think keep to a core each, as long as there are free ones."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from hub.edge import cores
from tests.docs import pages
from tests.support import confined

ONE = """
import os, sys
from hub.edge import cores
with cores.kept_to_one(sys.argv[1]) as kept:
    print("none" if kept is None else kept, ",".join(map(str, sorted(os.sched_getaffinity(0)))), flush=True)
    sys.stdin.readline()
"""
ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

pytestmark = pytest.mark.skipif(len(ALLOWED) < 2, reason="one core leaves no choice")


class Started:
    """A process that keeps to a core, until it is killed."""

    def __init__(self, name: str, *before: str, **environment: str) -> None:
        words = [*before, sys.executable, "-c", ONE, name]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=pages.ROOT, env=os.environ | environment
        )
        assert self._process.stdout is not None
        # The log's lines come before.
        line = next(each for each in iter(self._process.stdout.readline, "") if not each.startswith(("{", "20")))
        self.core, affinity = line.split()
        self.affinity = [int(each) for each in affinity.split(",")]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def processes() -> Iterator[list[Started]]:
    running: list[Started] = []
    yield running
    for each in running:
        each.kill()


def test_each_has_a_core_of_its_own_and_who_finds_none_goes_everywhere(processes: list[Started]) -> None:
    name = f"test-{uuid.uuid4()}"
    for _ in range(len(ALLOWED) + 1):
        processes.append(Started(name))

    *kept, last = processes
    assert [(each.core, each.affinity) for each in kept] == [(str(core), [core]) for core in ALLOWED]
    assert (last.core, last.affinity) == ("none", ALLOWED)


def test_the_core_of_one_that_was_killed_is_free_again(processes: list[Started]) -> None:
    name = f"test-{uuid.uuid4()}"
    first = Started(name)
    first.kill()

    processes.append(Started(name))

    assert processes[0].core == first.core


@pytest.mark.skipif(not confined.is_possible(), reason="needs Linux on x86_64, its headers and systemd-analyze")
def test_one_that_may_not_choose_its_core_goes_on_without(processes: list[Started]) -> None:
    barred = {"FILTER": "@system-service\n~@privileged @resources", "NO_WRITTEN_CODE": "0"}

    processes.append(Started(f"test-{uuid.uuid4()}", sys.executable, "-m", "tests.support.confined", **barred))

    assert (processes[0].core, processes[0].affinity) == ("none", ALLOWED)


def test_afterwards_it_goes_where_it_went_before_and_the_core_is_free() -> None:
    name = f"test-{uuid.uuid4()}"
    with cores.kept_to_one(name) as first:
        assert os.sched_getaffinity(0) == {first}
    with cores.kept_to_one(name) as again:
        assert again == first

    assert sorted(os.sched_getaffinity(0)) == ALLOWED


def test_one_that_wants_none_goes_everywhere() -> None:
    with cores.kept_to_one(f"test-{uuid.uuid4()}", wanted=False) as kept:
        assert kept is None and sorted(os.sched_getaffinity(0)) == ALLOWED
