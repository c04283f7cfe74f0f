"""The sealer inside of ``serve``, and the verbs of seals: list, pin, verify-ledger with roots that were kept elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner, Result

from hub import bootstrap
from hub import sealing as flow
from hub.edge.cli import app
from hub.errors import BadSettings
from hub.ledger.tables import journal, seals
from tests.support.night_shift import Shift, shift
from tests.support.sealer import served
from tests.support.tsa import OTHER_POLICY, Tsa, authorities

runner = CliRunner()
PATIENCE_SECONDS = 60


def run(folder: Path, *words: str) -> Result:
    return runner.invoke(app, ["--config", str(folder), *words])


def answer(folder: Path, *words: str) -> Any:
    result = run(folder, *words, "--json")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return json.loads(result.stdout)


def tables(url: str, **more: str) -> str:
    """Write the tables of seals and timestamps."""
    given = "".join(f'{name} = "{value}"\n' for name, value in more.items())
    return (
        f'\n[seals]\nevery_seconds = 1\nbatch = 2\npublish = "roots"\n[timestamps]\ncertificates = ["tsa.pem"]\n'
        f'[[timestamps.authority]]\nname = "test"\nurl = "{url}"\n{given}'
    )


def trust(folder: Path) -> None:
    (folder / "trust").mkdir(exist_ok=True)
    (folder / "trust" / "tsa.pem").write_bytes(authorities()[0].pem)


@pytest.fixture
def tsa(tmp_path: Path) -> Iterator[Tsa]:
    with served(tmp_path / "tsa") as server:
        yield server


@pytest.fixture
def night(tmp_path: Path, tsa: Tsa) -> Iterator[Shift]:
    """Four dossiers, under two seals with timestamps."""
    folder = tmp_path / "config"
    folder.mkdir()
    trust(folder)
    with shift(folder, hub=tables(tsa.url)) as opened:
        for number in range(4):
            opened.send(number, f"H01-{number}")
        sealing = bootstrap.open_sealing(bootstrap.load_settings(folder), opened.hub)
        assert (flow.seal(sealing), flow.stamp(sealing), flow.publish(sealing)) == (2, 2, 2)
        yield opened


def test_seals_are_listed_with_root_and_timestamp(night: Shift) -> None:
    found = answer(night.folder, "seals", "list", "--limit", "1")["seals"]

    assert [(each["number"], each["leaves"]) for each in found] == [(2, 3)]
    assert found[0]["stamped_at"]
    shown = run(night.folder, "seals", "list").stdout
    assert found[0]["root"] in shown


def test_roots_are_pinned_once_and_compared_with(night: Shift, tmp_path: Path) -> None:
    path = tmp_path / "usb" / "roots.txt"

    assert answer(night.folder, "seals", "pin", "--to", str(path))["added"] == 2
    assert answer(night.folder, "seals", "pin", "--to", str(path)) == {"file": str(path), "added": 0, "last": 2}
    assert path.read_bytes() == (night.folder / "roots").read_bytes()
    verified = answer(night.folder, "verify-ledger", "--roots", str(path))
    assert (verified["whole"], verified["seals"], verified["sealed"]) == (True, 2, 4)


def test_a_root_that_is_not_the_pinned_one_fails_the_verb(night: Shift, tmp_path: Path) -> None:
    path = tmp_path / "roots.txt"
    path.write_text(f"1 {'0' * 64} 2026-03-02T09:15:04+07:00\n")

    result = run(night.folder, "verify-ledger", "--roots", str(path), "--json")

    assert result.exit_code == 1
    assert [(each["kind"], each["name"]) for each in json.loads(result.stdout)["wrong"]] == [("pin", "1")]


def test_what_is_wrong_beyond_the_limit_is_counted(night: Shift) -> None:
    with night.hub.ledger._engine.begin() as conn:
        conn.execute(update(journal).where(journal.c.number == 1).values(actor="nobody"))

    told = json.loads(run(night.folder, "verify-ledger", "--limit", "1", "--json").stdout)

    assert (len(told["wrong"]), told["more"]) == (1, 3)


def test_without_the_root_only_what_a_timestamp_is_over_can_be_checked(night: Shift) -> None:
    settings = (night.folder / "hub.toml").read_text()
    (night.folder / "hub.toml").write_text(settings.partition("\n[seals]")[0])
    assert answer(night.folder, "verify-ledger")["whole"]
    with night.hub.ledger._engine.begin() as conn:
        tokens = conn.execute(select(seals.c.token).order_by(seals.c.number)).scalars().all()
        conn.execute(update(seals).where(seals.c.number == 1).values(token=tokens[1]))

    told = json.loads(run(night.folder, "verify-ledger", "--json").stdout)

    assert [(each["kind"], each["name"]) for each in told["wrong"]] == [("seal", "1")]


def test_authorities_without_a_root_are_a_fault_of_the_settings(night: Shift) -> None:
    settings = (night.folder / "hub.toml").read_text()
    (night.folder / "hub.toml").write_text(settings.replace('certificates = ["tsa.pem"]', ""))

    with pytest.raises(BadSettings) as caught:
        bootstrap.open_sealing(bootstrap.load_settings(night.folder), night.hub)
    assert caught.value.where == "hub.toml [timestamps] certificates"


@contextmanager
def serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "hub.edge.cli", "--config", str(folder), "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def test_serve_seals_stamps_and_publishes_by_itself(tmp_path: Path, tsa: Tsa) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    trust(folder)
    with shift(folder, hub=tables(tsa.url)) as opened:
        opened.send(1, "H01-1")
    with serving(folder) as process:
        assert process.stderr is not None
        told = {json.loads(line)["event"] for line in _until(process.stderr, "seal.stamped")}
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_SECONDS)

    assert {"seal.made", "seal.stamped"} <= told
    assert process.returncode == 0
    assert answer(folder, "verify-ledger", "--roots", str(folder / "roots"))["seals"] >= 1


def _until(lines: Any, event: str) -> Iterator[str]:
    for line in lines:
        if line.startswith("{"):
            yield line
            if f'"{event}"' in line:
                return
    raise AssertionError(f"the process ended before {event}")


# --- check


def findings(folder: Path) -> dict[str, tuple[str, str]]:
    told = json.loads(run(folder, "check", "--json").stdout)
    return {each["where"]: (each["level"], each["en"]) for each in told["findings"]}


def test_check_asks_each_authority_for_a_timestamp(night: Shift, tsa: Tsa) -> None:
    where = "hub.toml [[timestamps.authority]] test"
    level, said = findings(night.folder)[where]
    tsa.faults.add("rejection")
    refused = findings(night.folder)[where]

    assert (level, said.split(",")[0]) == ("ok", "gives timestamps")
    assert refused == ("error", "the timestamping authority refuses (time_not_available)")


def test_a_password_by_reference_goes_to_the_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSA_PASSWORD", "secret")
    folder = tmp_path / "config"
    folder.mkdir()
    trust(folder)
    with served(tmp_path / "tsa", login="hub:secret") as server:
        hub = tables(server.url, user="hub", password="env:TSA_PASSWORD", policy=OTHER_POLICY)
        with shift(folder, hub=hub) as opened:
            timestamping = bootstrap.open_timestamping(bootstrap.load_settings(folder), opened.hub.clock)
            assert timestamping.stamp(bytes(32)).timestamp.policy == OTHER_POLICY
