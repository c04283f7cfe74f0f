"""The demo is the main job end to end: every expectation of its story must hold, and its table must say so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "hub.edge.cli", *words], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_demo_keeps_every_promise_and_leaves_a_ledger_to_look_at(tmp_path: Path) -> None:
    folder = tmp_path / "demo"

    done = run("demo", "--folder", str(folder), "--json")

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    played = json.loads(done.stdout)
    assert [each[0] for each in played["expectations"] if not each[1]] == []
    assert all(row["in_order"] and not row["duplicates"] for row in played["partners"])
    assert {"dvcqg", "dvcqg_g10", "vnsw", "bo_nnmt", "thai_nguyen", "bac_ninh"} <= {row["name"] for row in played["partners"]}
    verified = run("--config", str(folder), "verify-ledger", "--json")
    assert verified.returncode == 0, verified.stderr


@pytest.mark.slow
def test_the_bench_says_how_fast_and_against_what() -> None:
    done = run("bench", "--messages", "20", "--json")

    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["messages"] == 20
    assert report["ratio"] > 0
    assert report["rsa_verify_and_sign_per_second"] > 0
    assert "signxml" in report["versions"]
