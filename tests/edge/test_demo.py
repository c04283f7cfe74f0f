"""The demo is the main job end to end: every expectation of its story must hold, and README.md shows what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.edge.cli import setup
from hub.edge.demo import world
from hub.errors import NotAllowed
from tests.docs import consoles, pages


def run(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    told = {name: value for name, value in os.environ.items() if not name.startswith("LIENTHONG_")} | {"COLUMNS": "80"}
    command = [sys.executable, "-m", "hub.edge.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=told)


@pytest.mark.slow
def test_the_demo_keeps_every_promise_shows_what_the_readme_shows_and_leaves_a_ledger(tmp_path: Path) -> None:
    """Played once: it is the longest test. What people read is on stderr, beside the JSON."""
    done = run("demo", "--json", folder=tmp_path)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    played = json.loads(done.stdout)
    assert [each[0] for each in played["expectations"] if not each[1]] == []
    assert all(row["in_order"] and not row["duplicates"] for row in played["partners"])
    assert {"dvcqg", "dvcqg_g10", "vnsw", "bo_nnmt", "thai_nguyen", "bac_ninh"} <= {row["name"] for row in played["partners"]}
    verified = run("--config", "var/demo", "verify-ledger", "--json", folder=tmp_path)
    assert verified.returncode == 0, verified.stderr
    (shown,) = (block.text for block in pages.blocks("README.md", "text") if "✓" in block.text)
    consoles.Reader({"lienthong": lambda _: done.stderr}, tmp_path).follow(consoles.step("lienthong demo", shown))


def test_only_a_folder_of_a_demo_is_begun_anew(tmp_path: Path) -> None:
    """``--folder`` may be mistyped: nothing else is ever emptied."""
    own, other = tmp_path / "own", tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("kept")
    world.prepare(own)
    (own / "ledger.db").touch()

    world.prepare(own)
    with pytest.raises(NotAllowed, match="holds something else"):
        world.prepare(other)

    assert not (own / "ledger.db").exists()
    assert (other / "letter.txt").read_text() == "kept"


def test_commands_are_shown_as_they_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the path of the program, until ``PATH`` has it."""
    monkeypatch.setattr(sys, "argv", [".venv/bin/lienthong"])
    monkeypatch.setenv("PATH", str(tmp_path))
    before = setup.program()
    (tmp_path / "lienthong").touch(mode=0o755)

    assert (before, setup.program()) == (".venv/bin/lienthong", "lienthong")


@pytest.mark.slow
def test_the_bench_says_how_fast_and_against_what() -> None:
    done = run("bench", "--messages", "20", "--json")

    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["messages"] == 20
    assert report["ratio"] > 0
    assert report["rsa_verify_and_sign_per_second"] > 0
    assert "signxml" in report["versions"]
