"""A plan goes on where it was, and carries nothing out twice, though its process is killed after any of its commits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub import operations
from hub.ledger import plan_verbs
from hub.operations import replays
from hub.registers import history, plans
from hub.registers.plan_choice import Choice
from hub.rules.canary import Course
from hub.rules.lifecycle import State
from tests.support import dying_replayer, looking, postgres
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER
from tests.support.night_shift import Shift, shift

DOSSIERS = [f"H01-{number}" for number in range(1, 5)]
PATIENCE_SECONDS = 60.0


@contextmanager
def started(folder: Path, engine: str) -> Iterator[tuple[Shift, str]]:
    """Four dossiers stand still for a code that is there by now; one has a follower, one was given up since the plan was made."""
    with ledger_on(engine) as ledger, shift(folder, ledger=ledger) as night:
        for number, dossier in enumerate(DOSSIERS, start=1):
            night.unmapped(number, dossier)
        night.send(9, "H01-1")
        night.mend()
        plan = operations.plan(night.hub, Choice(endpoint=PARTNER), "rebuild", actor="lan", why="đã bổ sung mã").id
        operations.abandon(night.hub, night.ids("H01-2")[0], actor="minh", why="nộp lại")
        replays.start(night.hub, plan, Course(steps=(1, 3)), actor="lan", why="chạy")
        yield night, plan


class Nursery:
    """Children that carry a plan out, one at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.support.dying_replayer"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, night: Shift, plan: str, last: int | None) -> int:
        given = {"folder": str(night.folder), "plan": plan, "last": last, "at": night.clock().isoformat()}
        said, heard = self._process.stdin, self._process.stdout
        assert said is not None
        assert heard is not None
        print(json.dumps(given), file=said, flush=True)
        return int(heard.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_SECONDS)


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


def go_on(night: Shift, plan: str) -> None:
    """Another process comes when the dead one's lease has lapsed; the embedded bus died with it."""
    night.clock.advance(plan_verbs.LEASE_SECONDS + 1)
    night.hub.ledger.recall_all(night.hub.now(), night.hub.doubt_policy)
    night.carry()
    dying_replayer.finish(night.hub, plan)


def check(night: Shift, plan: str) -> None:
    ended = replays.state_of(night.hub, plan)
    assert (ended.state, ended.done, ended.changed, ended.failed, ended.left) == ("done", 3, 1, 0, 0)
    marks = [night.partner.marks(dossier) for dossier in DOSSIERS]
    assert marks == [["#1", "#9"], [], ["#3"], ["#4"]]
    with night.hub.ledger.read() as conn:
        events = Counter(row.event for dossier in DOSSIERS for row in history.journal_of(conn, f"national:{dossier}"))
        items = plans.find(conn, plan, night.hub.now()).items
    assert events["operator.rebuild"] == 3, "each was carried out once"
    assert [item.outcome for item in items if not item.skip] == ["delivered", "", "delivered", "delivered"]
    assert night.states("H01-1") == [State.DELIVERED, State.DELIVERED]
    assert looking.broken_rows(night.hub.ledger) == []


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_replayer_that_is_killed_after_any_commit_is_followed_by_one_that_goes_on(
    tmp_path: Path, engine: str, nursery: Nursery
) -> None:
    if engine == "postgresql":
        postgres.shared()
    with started(tmp_path / "whole", engine) as (night, plan):
        assert nursery.run(night, plan, None) == 0
        check(night, plan)
        touches = int((night.folder / "touches").read_text(encoding="utf-8"))
    assert touches >= 10

    for last in range(1, touches + 1):
        with started(tmp_path / str(last), engine) as (night, plan):
            assert nursery.run(night, plan, last) == -signal.SIGKILL
            go_on(night, plan)
            check(night, plan)
