"""A pull, and a plan of mending, whose process was killed after any commit: the next one ends it, and nothing is done twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub.reconcile.procedures import looking, mending, pulling
from tests.support import catalogue_world, dying_catalogue
from tests.support import looking as seen
from tests.support.catalogue_world import PORTAL, WHO, Catalogues
from tests.support.engines import ENGINES, ledger_on

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 60.0
LEASE = 3600.0
Die = Callable[..., int]


def record(number: int, text: str) -> dict[str, Any]:
    return {"MATTHC": f"1.80000{number}", "TENTTHC": f"Cấp giấy phép {text}", "TRANGTHAI": "1"}


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogues]:
    folder = tmp_path_factory.mktemp("killed") / "config"
    with ledger_on(request.param) as ledger, catalogue_world.opened(folder, ledger=ledger) as opened:
        yield opened


@pytest.fixture(scope="module")
def die(world: Catalogues) -> Iterator[Die]:
    """Let a child pull or mend until a commit; gives how it ended."""
    command = [sys.executable, "-m", "tests.support.dying_catalogue"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        said, heard = process.stdin, process.stdout
        assert said is not None and heard is not None

        def ask(last: int, *, holder: str = "", plan: str = "") -> int:
            given = {"folder": str(world.folder), "at": world.clock().isoformat(), "last": last, "holder": holder, "plan": plan}
            print(json.dumps({**given, "who": WHO}), file=said, flush=True)
            return int(heard.readline())

        yield ask
        said.close()
        process.wait(PATIENCE_SECONDS)


def until_it_lives(world: Catalogues, prepare: Callable[[int], Any], end: Callable[[int, int], None]) -> int:
    """Kill at the first commit, the second, ... until the work ends before it is killed; give how often it was."""
    for last in range(1, 40):
        world.clock.advance(LEASE)
        ended = prepare(last)
        world.clock.advance(LEASE)
        end(last, ended)
        if ended == 0:
            return last
        assert ended == -signal.SIGKILL
    raise AssertionError("it never ends")


def test_a_pull_goes_on_wherever_it_was_killed(world: Catalogues, die: Die, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "AT_ONCE", dying_catalogue.AT_ONCE)
    world.told([record(number, "đúng") for number in range(5)], "k1")

    def prepare(last: int) -> int:
        # Each time other records differ, so that every round has new differences and some that are over.
        world.hold(PORTAL, [record(number, "sai" if (number + last) % 2 else "đúng") for number in range(1, 5)])
        return die(last, holder=PORTAL)

    def end(last: int, ended: int) -> None:
        pulled = pulling.pull(world.hub, PORTAL, **WHO)
        found = looking.differences(world.hub, holder=PORTAL)
        wrong = [f"1.80000{number}" for number in range(1, 5) if (number + last) % 2]
        assert (pulled.whole, pulled.listed) == (True, 4)
        assert [each.code for each in found.procedures] == ["1.800000", *wrong]
        (count,) = found.counts
        assert (count.procedures, count.fields) == (1 + len(wrong), 1 + len(wrong))

    assert until_it_lives(world, prepare, end) > 5
    assert seen.broken_rows(world.hub.ledger) == []


def test_a_plan_that_was_killed_writes_each_procedure_once(world: Catalogues, die: Die) -> None:
    def prepare(last: int) -> int:
        world.told([record(number, f"lần {last}") for number in range(5)], f"m{last}")
        pulling.pull(world.hub, PORTAL, **WHO)
        plan = mending.plan(world.hub, PORTAL, **WHO).plan
        assert plan is not None and plan.writes == 5
        plans.append(plan.id)
        before.append(world.calls(PORTAL, "DongBoThuTuc"))
        return die(last, plan=plan.id)

    def end(last: int, ended: int) -> None:
        mending.run(world.hub, plans[-1], **WHO)
        world.carry()
        pulling.pull(world.hub, PORTAL, **WHO)
        assert world.calls(PORTAL, "DongBoThuTuc") - before[-1] == 5
        assert looking.differences(world.hub, holder=PORTAL).counts == ()

    plans: list[str] = []
    before: list[int] = []
    assert until_it_lives(world, prepare, end) > 4
    assert seen.broken_rows(world.hub.ledger) == []
