"""init, check, serve and simulate: a folder that works at once, faults that are named, processes that stop when told."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub import settings as settings_module
from hub.canonical.codes import CodeTables
from hub.contract import Adapter
from hub.edge.cli import app, checking
from hub.simulation import Said, SimulatorServer
from hub.trust import keys

runner = CliRunner()
#: A process that has not said that it is ready in this time has failed; never waited for when all is well.
PATIENCE_SECONDS = 60


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A configuration as ``init`` makes it, and what it said."""
    folder = tmp_path / "config"
    result = runner.invoke(app, ["init", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def checked(folder: Path, *words: str) -> dict[str, Any]:
    result = runner.invoke(app, ["--config", str(folder), "check", "--json", *(words or ("--no-reach",))])
    told: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (0 if told["ok"] else 1)
    return told


def levels(told: dict[str, Any], level: str) -> list[tuple[str, str]]:
    return [(each["where"], each["en"]) for each in told["findings"] if each["level"] == level]


# --- init ------------------------------------------------------------------------------------------------------------


def test_secrets_are_for_their_owner_alone_and_tokens_are_only_shown(made: tuple[Path, dict[str, Any]]) -> None:
    folder, said = made
    written = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    secret = [path for path in (folder / "keys").iterdir() if path.suffix != ".crt"]
    assert {path.name for path in secret} == {"seal.pem", "signing.pem", "thai_nguyen.token", "dvcqg.password", "finding.key"}
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}
    for name, token in said["tokens"].items():
        assert not any(token.encode() in body for body in written.values())
        endpoint = tomllib.loads(written[folder / "endpoints" / f"{name}.toml"].decode())
        assert endpoint["inbound"]["token_sha256"] == [hashlib.sha256(token.encode()).hexdigest()]


def test_what_init_makes_passes_its_own_check_and_lists_what_is_assumed(made: tuple[Path, dict[str, Any]]) -> None:
    told = checked(made[0])

    assert told["ok"]
    assert levels(told, "error") == []
    assumed = {where for where, _ in levels(told, "assumed")}
    assert {"codes areas (shipped)", "codes agencies (shipped)", "endpoints/dvcqg.toml [options]"} <= assumed
    assert ("hub.toml [signers.default]", "a development certificate, not for real use") in levels(told, "warning")


def test_a_configuration_is_never_overwritten(made: tuple[Path, dict[str, Any]]) -> None:
    before = (made[0] / "hub.toml").read_bytes()

    result = runner.invoke(app, ["init", str(made[0])])

    assert result.exit_code == 1
    assert (made[0] / "hub.toml").read_bytes() == before


def test_every_table_of_the_example_is_explained_in_vietnamese(made: tuple[Path, dict[str, Any]]) -> None:
    text = (made[0] / "hub.toml").read_text(encoding="utf-8")

    assert all(f"[{name}]" in text for name in ("hub", "ledger", "bus", "doors", "logging", "seal", "signers.default"))
    assert text.count("#") >= 10
    assert "Sổ cái" in text


@pytest.fixture(scope="module")
def codes() -> CodeTables:
    return CodeTables(settings_module.shipped_lists())


@pytest.mark.parametrize(
    ("area", "day", "agency"),
    [
        ("24", date(2025, 6, 30), "H02"),  # Bắc Giang, the last day
        ("24", date(2025, 7, 1), "H05"),  # the area code of the merged Bắc Ninh
        ("27", date(2025, 6, 30), "H05"),  # Bắc Ninh as it was
        ("19", date(2024, 1, 1), "H55"),
        ("19", date(2026, 3, 2), "H55"),
        ("48", date(2026, 3, 2), "H17"),
        ("91", date(2025, 6, 30), "H33"),  # Kiên Giang
        ("91", date(2025, 7, 1), "H01"),  # An Giang took the area code
    ],
)
def test_an_area_means_the_agency_of_its_day(codes: CodeTables, area: str, day: date, agency: str) -> None:
    assert codes.translate("areas", area, day) == agency


def test_34_provinces_stand_for_63_since_july_2025(codes: CodeTables) -> None:
    before, after = date(2025, 6, 30), date(2025, 7, 1)
    rows = codes.tables["areas"]

    rows = tuple(row for row in rows if len(row.code) == 2)
    assert len({row.code for row in rows if row.valid_on(before)}) == 63
    assert len({row.code for row in rows if row.valid_on(after)}) == 34
    provinces = [row for row in codes.tables["agencies"] if row.code.startswith("H")]
    assert len({row.code for row in provinces}) == 63
    assert len({row.value for row in provinces if row.valid_on(after)}) == 34


@pytest.mark.parametrize(("old", "now"), [("G13", "G10"), ("G04", "G17"), ("H03", "H55"), ("G10", "G10")])
def test_an_agencys_old_code_leads_to_who_answers_for_it_now(codes: CodeTables, old: str, now: str) -> None:
    assert codes.translate("agencies", old, date(2024, 1, 1)) == old
    assert codes.translate("agencies", old, date(2026, 3, 2)) == now


def test_no_code_of_the_example_means_two_things_on_a_day(made: tuple[Path, dict[str, Any]]) -> None:
    assert not any("two rows" in text for _, text in levels(checked(made[0]), "error"))


# --- check -----------------------------------------------------------------------------------------------------------


def _edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text
        (folder / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def _append(path: str, *rows: list[str]) -> Callable[[Path], None]:
    def append(folder: Path) -> None:
        with (folder / path).open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)

    return append


def _file_in_the_stores_place(folder: Path) -> None:
    (folder / "var").mkdir(exist_ok=True)
    (folder / "var" / "payloads").write_text("")


def _expired(folder: Path) -> None:
    """Replace the signer by one whose certificate has ended."""
    before = datetime.now(UTC) - timedelta(days=keys.DEVELOPMENT_DAYS + 1)
    made = keys.make_development_key(keys.make_development_authority(before), "expired", before)
    (folder / "keys" / "signing.pem").write_bytes(made.key_pem)
    (folder / "keys" / "signing.crt").write_bytes(made.certificate_pem)


def _ends_soon(folder: Path) -> None:
    before = datetime.now(UTC) - timedelta(days=keys.DEVELOPMENT_DAYS - 3)
    made = keys.make_development_key(keys.make_development_authority(before), "soon", before)
    (folder / "keys" / "signing.pem").write_bytes(made.key_pem)
    (folder / "keys" / "signing.crt").write_bytes(made.certificate_pem)


SOFTWARE, PORTAL = "endpoints/thai_nguyen.toml", "endpoints/dvcqg.toml"
TWICE = (["A", "1", "", "2020-01-01", ""], ["A", "2", "", "2025-01-01", ""])
TOKEN_LINE = "token_sha256 = ["


@pytest.mark.parametrize(
    ("harm", "level", "where", "words"),
    [
        (_edit("hub.toml", "port = 8080", "port = 80800"), "error", "hub.toml: doors.port", "less than or equal to 65535"),
        (_edit("hub.toml", "[doors]", "[dors]"), "error", "hub.toml: dors", "there is no such key"),
        (_edit("hub.toml", "[doors]", "[doors"), "error", "hub.toml", "hub.toml"),
        (_edit(PORTAL, 'adapter = "national_portal"', 'adapter = "nobody"'), "error", "dvcqg.toml", "not installed"),
        (_edit(PORTAL, "file:keys/dvcqg.password", "file:keys/none"), "error", "dvcqg.toml", "cannot be read"),
        (_edit(SOFTWARE, TOKEN_LINE, "addresses = []\n# ["), "error", "thai_nguyen.toml", "nobody can open"),
        (_edit(SOFTWARE, 'sign = "jws"', 'sign = "jws"\nsigner = "x"'), "error", "thai_nguyen.toml", "no signer 'x'"),
        (_edit(PORTAL, "[inbound]", '[inbound]\nsignature = "required"'), "error", "dvcqg.toml", "no certificate"),
        (_edit(PORTAL, "[inbound]", '[inbound]\nsignature = "required"'), "error", "[inbound] signature", "every message would"),
        (_edit(PORTAL, "[inbound]", '[inbound]\nsignature = "optional"'), "warning", "[inbound] signature", "no signature would"),
        (_edit(SOFTWARE, "[inbound]", '[inbound]\nsignature = "optional"'), "warning", "thai_nguyen.toml", "no certificate"),
        (_edit(SOFTWARE, 'sign = "jws"', 'sign = "xml"'), "error", "thai_nguyen.toml [outbound] sign", "are not XML"),
        (_edit(PORTAL, "[inbound]", '[inbound]\npinned = ["x.crt"]'), "error", "trust/x.crt", "cannot be read"),
        (_edit("routes.toml", 'table = "areas"', 'table = "nowhere"'), "error", "routes.toml", "codes/nowhere.csv"),
        (_edit("routes.toml", 'to = ["dvcqg"]', 'to = ["nobody"]'), "error", "routes.toml", "nobody"),
        (_edit("routes.toml", "H55 =", "H03 ="), "warning", "routes.toml", "H03 (H55)"),
        (_edit("routes.toml", 'to = ["dvcqg"]', 'to = ["dvcqg"]\nagencies = ["H62.*"]'), "warning", "routes", "H62.* (H44)"),
        (_append("codes/fields.csv", ["A", "1", "", "", "", "assumed"]), "assumed", "fields.csv", "corroborated"),
        (_append("codes/fields.csv", *TWICE), "error", "fields.csv", "two rows"),
        (_append("codes/fields.csv", ["A", "1", "", "1/1/2020", ""]), "error", "fields.csv", "line 3"),
        (_expired, "error", "signers.default", "expired"),
        (_ends_soon, "warning", "signers.default", "ends soon"),
        (lambda folder: (folder / "keys" / "signing.pem").chmod(0o644), "warning", "keys/signing.pem", "chmod 600"),
        (lambda folder: (folder / "keys" / "seal.pem").write_text("x"), "error", "[seal]", "PEM private key"),
        (_file_in_the_stores_place, "error", "[payloads] folder", "cannot write"),
        (_edit("hub.toml", "[payloads]", f"[payloads]\nmax_bytes = {10**17}"), "warning", "[payloads] folder", "less than one"),
        (lambda folder: (folder / "keys" / "signing.crt").unlink(), "error", "signers.default", "cannot be read"),
    ],
)
def test_check_names_what_is_wrong_and_where(
    made: tuple[Path, dict[str, Any]], harm: Callable[[Path], None], level: str, where: str, words: str
) -> None:
    harm(made[0])

    told = checked(made[0])

    assert told["ok"] is (level != "error")
    assert any(where in place and words in text for place, text in levels(told, level)), told["findings"]


def test_check_lets_a_json_door_ask_for_signatures(made: tuple[Path, dict[str, Any]]) -> None:
    certificate = (made[0] / "keys" / "signing.crt").read_bytes()
    (made[0] / "trust").mkdir(exist_ok=True)
    (made[0] / "trust" / "tn.crt").write_bytes(certificate)
    _edit(SOFTWARE, "[inbound]", '[inbound]\nsignature = "required"\npinned = ["tn.crt"]')(made[0])

    told = checked(made[0])

    assert told["ok"], told["findings"]
    assert not [text for place, text in levels(told, "warning") if SOFTWARE in place]


def test_check_speaks_both_languages(made: tuple[Path, dict[str, Any]]) -> None:
    (made[0] / "keys" / "signing.crt").unlink()

    (fault,) = [each for each in checked(made[0])["findings"] if each["where"] == "hub.toml [signers.default]"]

    assert "không đọc được" in fault["vi"]
    assert "cannot be read" in fault["en"]


def test_a_partner_that_is_away_is_a_warning_and_does_not_fail_the_check(made: tuple[Path, dict[str, Any]]) -> None:
    for name in ("thai_nguyen", "dvcqg"):
        path = made[0] / "endpoints" / f"{name}.toml"
        path.write_text(path.read_text(encoding="utf-8").replace("http://127.0.0.1:91", "http://127.0.0.1:1/"), encoding="utf-8")

    tree = checked(made[0], "--reach")

    assert tree["ok"] and not levels(tree, "error")
    assert {"endpoint thai_nguyen", "endpoint dvcqg"} <= {where for where, _ in levels(tree, "warning")}


def test_a_partner_that_answers_and_does_not_let_us_in_is_an_error(made: tuple[Path, dict[str, Any]]) -> None:
    path = made[0] / "endpoints" / "thai_nguyen.toml"
    with SimulatorServer("partner", lambda call: Said(b"", status=401)) as partner:
        text = re.sub(r"http://127\.0\.0\.1:\d+", partner.url, path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
        tree = checked(made[0], "--reach")

    assert "endpoint thai_nguyen" in {where for where, _ in levels(tree, "error")}


def test_what_an_adapter_says_of_its_options_is_listed(
    made: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = {"assumed": "registry: 11/05 is assumed", "error": "url has no path: add /ws"}
    found, _ = checking._adapters()
    told = Adapter(**{**vars(found["one_stop"]), "check": lambda options: list(lines.values())})
    monkeypatch.setattr(checking, "_adapters", lambda: ({**found, "one_stop": told}, []))

    said = checked(made[0])

    for level, line in lines.items():
        assert ("endpoints/thai_nguyen.toml", line) in levels(said, level)


# --- serve and simulate ----------------------------------------------------------------------------------------------


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run a verb in a process of its own until it says that it is ready."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "hub.edge.cli", *words, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield process, json.loads(line)
        finally:
            process.kill()


def stopped(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, errors


def posted(url: str, body: Any, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_opens_the_doors_and_stops_when_told(made: tuple[Path, dict[str, Any]], number: int) -> None:
    folder, said = made
    with running("--config", str(folder), "serve", "--port", "0") as (process, ready):
        door = f"{ready['url']}/doors/thai_nguyen"
        token = said["tokens"]["thai_nguyen"]
        stranger = posted(door, {})
        known = posted(door, {}, Authorization=f"Bearer {token}", **{"Idempotency-Key": "k-1"})
        code, errors = stopped(process, number)

    assert (stranger[0], known[0]) == (401, 400)
    assert code == 0, errors
    assert "Traceback" not in errors
    result = runner.invoke(app, ["--config", str(folder), "messages", "--json"])
    assert [row["error_code"] for row in json.loads(result.stdout)] == ["invalid_message"]


def test_only_one_process_serves_a_folder_with_the_embedded_bus(made: tuple[Path, dict[str, Any]]) -> None:
    with running("--config", str(made[0]), "serve", "--port", "0") as (first, _):
        second = subprocess.run(
            [sys.executable, "-m", "hub.edge.cli", "--config", str(made[0]), "serve", "--port", "0"],
            capture_output=True,
            check=False,
            text=True,
        )
        assert stopped(first, signal.SIGTERM)[0] == 0

    assert second.returncode == 1
    assert "memory://" in second.stderr


def test_a_simulator_runs_with_its_settings_until_told_to_stop(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("from a file\n", encoding="utf-8")
    with running("simulate", "template", "--set", f"accepts=@{token}") as (process, ready):
        account = urllib.request.urlopen(f"{ready['url']}/_account", timeout=PATIENCE_SECONDS).read()
        stranger = posted(f"{ready['url']}/GuiHoSo", {})
        known = posted(f"{ready['url']}/GuiHoSo", {}, Authorization="Bearer from a file")
        code, errors = stopped(process, signal.SIGTERM)

    assert ready["system"] == "template"
    assert json.loads(account)["messages"] == []
    assert (stranger[0], known[0]) == (401, 200)
    assert (code, errors) == (0, "")


def test_a_simulator_says_that_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = runner.invoke(app, ["simulate", "template", "--port", str(port)])

    assert result.exit_code == 1
    assert f"127.0.0.1:{port}" in result.stderr
    assert "--port" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["template", "--set", "foo=1"], "accepts"),
        (["template", "--set", "foo"], "key=value"),
        (["national_portal", "--set", "seed=many"], "seed='many' is not of type int"),
        (["one_stop", "--set", "number_at_once=perhaps"], "number_at_once='perhaps' is not of type bool"),
        (["template", "--set", "token=@/nowhere"], "/nowhere"),
    ],
)
def test_a_setting_that_is_not_right_is_said_so(words: list[str], said: str) -> None:
    result = runner.invoke(app, ["simulate", *words])

    assert result.exit_code == 1
    assert said in result.stderr
