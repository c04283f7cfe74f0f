"""The units under deploy/: systemd takes them, they expose little, and the hub runs as they confine it."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks import ours
from hub.edge.cli import app
from hub.edge.cli.running import Role
from hub.endpoint import OutboundPolicy
from hub.ledger.schema import WAIT_SECONDS
from tests.deploy import units
from tests.docs import pages
from tests.support import confined

PATIENCE_SECONDS = 60.0
#: 0 is no exposure, 10 all; docs/deployment.md says what is left.
MOST_EXPOSURE = 1.2


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail(confined.ABSENT)
        pytest.skip(confined.ABSENT)
    return found


def test_there_is_a_unit_for_each_role() -> None:
    """And each serves what it is named after."""
    starts = {units.role(path): units.read(path)["Service"]["ExecStart"] for path in units.SERVICES}

    assert set(starts) == {role.value for role in Role}
    assert all(f" --only {role} " in start and start.startswith(units.PROGRAM) for role, (start,) in starts.items())


def test_no_two_processes_of_a_machine_share_a_port() -> None:
    """A role has two digits of its own, and the instance the other two."""
    ports = [re.search(r"--port (\d\d)%i$", units.read(path)["Service"]["ExecStart"][0]) for path in units.SERVICES]

    assert len({found[1] for found in ports if found}) == len(units.SERVICES)


def test_all_processes_are_confined_in_the_same_way() -> None:
    """What differs is what they are named after."""
    own = {"ExecStart", "SyslogIdentifier"}
    bodies = [{key: value for key, value in units.read(path)["Service"].items() if key not in own} for path in units.SERVICES]

    assert all(body == bodies[0] for body in bodies)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_memory_is_got_as_it_was_measured() -> None:
    """And glibc knows the names: it passes over in silence what it does not."""
    (name, value), *others = ours.ALLOCATOR.items()
    loader = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/ld-linux" in line)
    told = subprocess.run([loader, "--list-tunables"], env={name: value}, capture_output=True, check=True, text=True).stdout

    assert others == []
    assert all(f"{name}={value}" in units.read(path)["Service"]["Environment"] for path in units.SERVICES)
    for each in value.split(":"):
        tunable, number = each.split("=")
        assert f"{tunable}: {int(number):#x} " in told


@pytest.mark.parametrize("path", units.SERVICES, ids=units.role)
def test_a_unit_exposes_little(path: Path, analyze: str) -> None:
    judged = subprocess.run([analyze, "security", "--offline=yes", path], capture_output=True, check=True, text=True).stdout
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", judged)

    assert level is not None and float(level[1]) <= MOST_EXPOSURE, judged
    assert f"**{MOST_EXPOSURE}**" in pages.page("docs/deployment.md")


def test_systemd_finds_nothing_wrong(analyze: str, tmp_path: Path) -> None:
    """With a program where the units look for it."""
    for path in units.FOLDER.iterdir():
        (tmp_path / path.name).write_text(path.read_text(encoding="ascii").replace(units.PROGRAM, sys.executable))
    paths = [path for path in tmp_path.iterdir() if path.suffix in (".service", ".target")]

    done = subprocess.run([analyze, "verify", *paths], capture_output=True, check=False, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_unit_waits_long_enough_before_it_kills() -> None:
    """What is killed while it sends is in doubt; what is killed while it changes tables is tried again for nothing."""
    service = units.read(units.SERVICES[0])["Service"]

    assert float(service["TimeoutStopSec"][0]) > 2 * OutboundPolicy().deadline_seconds
    assert float(service["TimeoutStartSec"][0]) > WAIT_SECONDS


@pytest.mark.skipif(not confined.is_possible(), reason="needs Linux on x86_64, its headers and systemd-analyze")
def test_the_hub_runs_as_the_units_confine_it(tmp_path: Path) -> None:
    """It starts, records a message, tells a supervisor that it is ready, and stops; nothing it needs is refused."""
    service = units.read(units.SERVICES[0])["Service"]
    made = CliRunner().invoke(app, ["init", str(tmp_path / "config"), "--json"])
    token = json.loads(made.stdout)["tokens"]["thai_nguyen"]
    environment = {**os.environ, "FILTER": "\n".join(service["SystemCallFilter"]), "NO_WRITTEN_CODE": "1"}
    hub = [sys.executable, "-m", "hub.edge.cli", "--config", str(tmp_path / "config"), "serve", "--port", "0", "--json"]
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    supervisor.bind(environment.setdefault("NOTIFY_SOCKET", str(tmp_path / "notify")))
    supervisor.settimeout(PATIENCE_SECONDS)

    with supervisor, subprocess.Popen(
        [sys.executable, "-m", "tests.support.confined", *hub], cwd=pages.ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            told = supervisor.recv(100)
            url = json.loads(line or "{}").get("url", "")
            answered = _sent(f"{url}/doors/thai_nguyen", token) if url else {}
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()

    assert (told, answered.get("error_code")) == (b"READY=1", "0"), errors
    assert process.returncode == 0, errors
    assert "Operation not permitted" not in errors


def _sent(url: str, token: str) -> Any:
    body = (pages.ROOT / "adapters/one_stop/samples/in/supplement_asked.json").read_bytes()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": "k-1"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=PATIENCE_SECONDS) as reply:
        return json.loads(reply.read())


def test_the_filter_of_the_test_bites(tmp_path: Path) -> None:
    """A call that the units do not allow is refused, and one that they do is not."""
    if not confined.is_possible():
        pytest.skip("needs Linux on x86_64, its headers and systemd-analyze")
    tried = "import os\nos.getpid()\ntry:\n os.chroot('/')\n print('allowed')\nexcept PermissionError:\n print('refused')"
    environment = {**os.environ, "FILTER": "@system-service\n~@privileged @resources"}

    done = subprocess.run(
        [sys.executable, "-m", "tests.support.confined", sys.executable, "-c", tried],
        cwd=pages.ROOT, env=environment, capture_output=True, check=False, text=True,
    )  # fmt: skip

    assert done.stdout == "refused\n", done.stderr


def test_the_wrapper_for_operators_hands_over_what_the_units_do() -> None:
    """Same account, configuration, credentials and program."""
    text = pages.page("deploy/bin/lienthong-as-service")
    service = units.read(units.SERVICES[0])["Service"]

    assert subprocess.run(["/bin/sh", "-n", pages.ROOT / "deploy/bin/lienthong-as-service"], check=False).returncode == 0
    assert f"LoadCredential={service['LoadCredential'][0]}" in text
    assert f"--uid={service['User'][0]} --gid={service['Group'][0]}" in text
    assert f"--setenv={service['Environment'][0]}" in text
    assert f"--working-directory={service['WorkingDirectory'][0]}" in text
    assert f"{units.PROGRAM} " in text
