"""Verbs that show what waits say so where no process of the hub is there to send it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.edge.cli import app
from hub.ledger import process_verbs
from tests.support.night_shift import Shift, shift

VERBS = ("status", "failures", "doubts", "messages")
IDLE = "Không có tiến trình nào của trục đang chạy"


def run(night: Shift, *words: str, **variables: str) -> Result:
    return CliRunner().invoke(app, ["--config", str(night.folder), *words], env=variables)


def seen(night: Shift, at: float) -> None:
    given = {"host": "may-1", "roles": ["work"], "version": "1", "started_at": at, "free_bytes": None}
    with night.hub.ledger.apart() as conn:
        process_verbs.seen(conn, "may-1:1", now=at, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", VERBS)
def test_a_hub_that_nobody_runs_is_told_beside_the_result(tmp_path: Path, verb: str) -> None:
    with shift(tmp_path) as night:
        stopped = run(night, verb)
        in_english = run(night, verb, LIENTHONG_LANG="en")
        seen(night, time.time() - 3600)
        silent = run(night, verb)
        seen(night, time.time())
        running = run(night, verb)

    assert IDLE in stopped.stderr and IDLE in silent.stderr
    assert "No process of the hub is running" in in_english.stderr
    assert (stopped.exit_code, running.exit_code, running.stderr) == (0, 0, "")


@pytest.mark.parametrize("verb", VERBS)
def test_programs_read_json_and_nothing_beside_it(tmp_path: Path, verb: str) -> None:
    with shift(tmp_path) as night:
        result = run(night, verb, "--json")

    assert result.stderr == ""
    json.loads(result.stdout)


def test_status_says_to_programs_whether_the_hub_runs(tmp_path: Path) -> None:
    with shift(tmp_path) as night:
        stopped = json.loads(run(night, "status", "--json").stdout)
        seen(night, time.time())
        running = json.loads(run(night, "status", "--json").stdout)
        with night.hub.ledger.apart() as conn:
            process_verbs.ended(conn, "may-1:1", time.time())
        ended = json.loads(run(night, "status", "--json").stdout)

    assert (stopped["running"], running["running"], ended["running"]) == (False, True, False)
