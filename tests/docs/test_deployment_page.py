"""docs/deployment.md: files, verbs, settings, units and metrics that it names exist, and its configuration is read."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from hub import bootstrap
from hub import settings as settings_module
from hub.edge.cli import app
from hub.errors import BadSettings
from hub.sections import HubFile
from hub.trust import keys
from tests.docs import pages, settings_keys
from tests.docs.test_operating_page import rows

PAGE = "docs/deployment.md"
TEXT = pages.page(PAGE)
SHELL = [block.text for block in pages.blocks(PAGE, "sh")]
_PROSE = " ".join(re.sub(r"(?ms)^```.*?^```", "", TEXT).split())
#: Every line that a reader types: blocks, and what stands between backticks.
TYPED = [*(line for block in SHELL for line in block.replace("\\\n", " ").splitlines()), *re.findall(r"`([^`]+)`", _PROSE)]


def test_files_that_are_named_exist() -> None:
    """Patterns match something."""
    named = set(re.findall(r"(?:/opt/lienthong/|\b)(deploy/[\w./*@-]+)", TEXT))

    assert len(named) > 10
    assert {each for each in named if not list(pages.ROOT.glob(each.rstrip("/")))} == set()


def test_every_file_under_deploy_is_named() -> None:
    """What nobody is told of is not used."""
    patterns = re.findall(r"\b(deploy/[\w./*@-]+)", TEXT)
    found = {path for pattern in patterns for path in pages.ROOT.glob(pattern.rstrip("/")) if path.is_file()}

    assert {path for path in (pages.ROOT / "deploy").rglob("*") if path.is_file()} == found


def verbs() -> set[str]:
    """Give all verbs of the command line: one word, or group and verb."""
    command = typer.main.get_command(app)
    return set(_below(command, ""))


def _below(command: object, before: str) -> Iterator[str]:
    for name, each in getattr(command, "commands", {}).items():
        yield f"{before}{name}"
        yield from _below(each, f"{before}{name} ")


def test_verbs_that_are_named_exist() -> None:
    lines = [line for line in TYPED if not re.search(r"rabbitmq|psql|createdb|tar |chown", line)]
    found = set()
    for line in lines:
        for words in re.findall(r"(?:^|sudo |bin/)lienthong(?:-as-service)? ([a-z][a-z-]*(?: [a-z-]+)?)", line):
            first = words.split()[0]
            found.add(words if words in verbs() or any(each.startswith(f"{first} ") for each in verbs()) else first)

    assert {"init", "check", "failures", "verify-ledger", "pause", "messages"} <= found
    assert found <= verbs()


def test_units_that_are_named_exist() -> None:
    names = set(re.findall(r"\blienthong-(\w+)@", TEXT)) - {"NN"}

    units = (pages.ROOT / "deploy/systemd").glob("*@.service")
    assert names == {path.stem.removeprefix("lienthong-").rstrip("@") for path in units}


def test_settings_that_are_named_exist() -> None:
    """``table.key``, as docs/settings.md writes them."""
    known = {key.path for key in (*settings_keys.hub_keys(), *settings_keys.endpoint_keys())}
    tables = {path.partition(".")[0] for path in known if "." in path}
    named = {each for each in re.findall(r"`(\w+\.\w+)`", _PROSE) if each.partition(".")[0] in tables}
    named -= {"hub.toml"}

    assert named and named <= known


def test_metrics_that_are_named_exist() -> None:
    told = {row[0].strip("`") for row in rows("What to alarm on")}
    named = set(re.findall(r"`(lienthong_\w+)`", TEXT))
    credentials = {f"lienthong_{name}" for name in ("NAME",)}

    assert named - credentials <= told


def test_alarms_that_are_named_exist() -> None:
    assert "`ProcessDown`" in TEXT and "alert: ProcessDown" in pages.page("deploy/prometheus/alerts.yml")


@pytest.mark.parametrize("text", SHELL, ids=lambda text: text[:30])
def test_a_block_of_commands_can_be_parsed(text: str) -> None:
    assert subprocess.run(["/bin/bash", "-n"], input=text, text=True, check=False, capture_output=True).stderr == ""


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What systemd makes for a service of ``/etc/lienthong/credentials``, made by the page's own commands."""
    source = tmp_path / "etc"
    source.mkdir()
    (block,) = (each for each in SHELL if "openssl ecparam" in each)
    commands = block.replace("cd /etc/lienthong/credentials\n", "")
    subprocess.run(["/bin/bash", "-ec", commands], cwd=source, check=True, capture_output=True)
    (source / "signing.pem").write_text("a key", encoding="ascii")
    handed = tmp_path / "run"
    handed.mkdir()
    for path in source.iterdir():
        assert path.name == "signing.pem" or path.stat().st_mode & 0o077 == 0
        path.rename(handed / f"lienthong_{path.name}")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    return handed


def written(folder: Path) -> Path:
    (block,) = (each for each in pages.blocks(PAGE) if each.head.endswith("file=hub.toml"))
    (folder / "trust").mkdir()
    (folder / "trust/inside.crt").write_text("a certificate", encoding="ascii")
    (folder / "hub.toml").write_text(block.text, encoding="utf-8")
    return folder


def test_the_configuration_is_read_with_its_credentials(credentials: Path, tmp_path: Path) -> None:
    """Seal key, passwords and certificates are found where systemd puts them."""
    loaded = settings_module.load(written(tmp_path), bootstrap.find_adapters())
    file: HubFile = loaded.file

    assert bootstrap.bus_options(loaded).password == (credentials / "lienthong_bus.password").read_text().strip()
    assert len(bootstrap.bus_options(loaded).password) == 64
    assert bootstrap.ledger_url(loaded).password == (credentials / "lienthong_ledger.password").read_text().strip()
    assert keys.load_seal_key(settings_module.secret(loaded.folder, file.seal.key, "seal")).key_id
    assert settings_module.secret(loaded.folder, file.signers["default"][0].key, "signer") == b"a key"


def test_a_credential_that_systemd_did_not_hand_over_is_told_by_its_name(
    credentials: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is no systemd at all."""
    loaded = settings_module.load(written(tmp_path), bootstrap.find_adapters())
    (credentials / "lienthong_seal.pem").unlink()

    for change in (lambda: None, lambda: monkeypatch.delenv("CREDENTIALS_DIRECTORY")):
        change()
        with pytest.raises(BadSettings, match=re.escape("credential:lienthong_seal.pem")):
            settings_module.secret(loaded.folder, loaded.file.seal.key, "hub.toml [seal] key")


def test_each_step_ends_with_a_check() -> None:
    """How does one know that it is done?"""
    steps = [section for section in pages.sections(PAGE) if re.match(r"\d\. ", section.title)]
    told = {"Rolling upgrade", "Backup", "Restore", "Losing a machine", "Moving keys"}
    others = [section for section in pages.sections(PAGE) if section.title in told]

    assert len(others) == len(told)
    checks = ("Check", "nginx -t")
    assert [each.title for each in (*steps, *others) if not any(check in each.text for check in checks)] == []
