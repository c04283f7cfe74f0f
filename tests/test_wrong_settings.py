"""A configuration that would fail later, or elsewhere, is told when it is read: with its place, and with what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub import bootstrap
from hub.edge.cli import app
from hub.edge.cli.checking import look
from hub.edge.cli.checks.findings import Finding
from hub.edge.cli.texts import TEXTS
from hub.edge.http.server import listen
from hub.errors import BadSettings
from tests.support import hub as support


def test_a_mark_at_the_head_of_a_file_does_no_harm(tmp_path: Path) -> None:
    """Windows' Notepad saves UTF-8 with one."""
    path = support.configure(tmp_path) / "hub.toml"
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")

    assert bootstrap.load_settings(tmp_path).file.ledger.url == support.SQLITE


def refused(folder: Path) -> BadSettings:
    with pytest.raises(BadSettings) as told:
        bootstrap.load_settings(folder)
    return told.value


def test_two_routes_of_one_name_are_refused(tmp_path: Path) -> None:
    one = f'[[route]]\nname = "về bộ"\nfrom = ["{support.SENDER}"]\nto = ["{support.PARTNER}"]\n'
    support.configure(tmp_path, routes=one + one)

    told = refused(tmp_path)

    assert "nhiều quy tắc cùng tên 'về bộ'" in told.vi and "several routes have the name 'về bộ'" in told.en
    assert "routes.toml" in told.where


def test_a_public_address_is_whole(tmp_path: Path) -> None:
    support.configure(tmp_path, bus='[hub]\npublic_url = "truc.example.org"\n')

    told = refused(tmp_path)

    assert "[hub.public_url] phải là địa chỉ đầy đủ" in told.vi and "begins with http:// or https://" in told.en


@pytest.mark.parametrize(
    "name", ["Sở Nông nghiệp", "-bo", "bo.nnmt", "bo*", "bo nnmt", "b" * 51, ".#bo", "sở", "unrouted"]
)
def test_a_file_whose_name_no_endpoint_can_have_is_refused(tmp_path: Path, name: str) -> None:
    path = support.configure(tmp_path) / "endpoints" / f"{name}.toml"
    path.write_text('adapter = "template"\ntitle = "Sở"\n', encoding="utf-8")

    told = refused(tmp_path)

    assert str(path) in told.vi and "hãy đổi tên tệp, ví dụ bo_nnmt.toml" in told.vi
    assert str(path) in told.en and "rename the file" in told.en
    assert str(path) in told.where


@pytest.mark.parametrize("name", ["b", "9", "So-NNMT_2", "b" * 50])
def test_names_of_letters_digits_hyphens_and_low_lines_are_taken(tmp_path: Path, name: str) -> None:
    path = support.configure(tmp_path) / "endpoints" / f"{name}.toml"
    path.write_text('adapter = "template"\ntitle = "Sở"\n', encoding="utf-8")

    assert name in bootstrap.load_settings(tmp_path).endpoints


# --- told by check ------------------------------------------------------------------------------------------------


def found(folder: Path, where: str) -> list[Finding]:
    return [each for each in look(folder, reach=False) if each.where == where]


def test_every_wrong_file_is_told_at_once_each_fault_by_itself_in_peoples_words(tmp_path: Path) -> None:
    support.configure(tmp_path)
    one = 'adapter = "template"\ntitle = "Sở"\nagency = "H55"\n[inbound]\nsignature = "maybe"\n'
    (tmp_path / "endpoints" / "one.toml").write_text(one, encoding="utf-8")
    (tmp_path / "endpoints" / "two.toml").write_text("adapter = ", encoding="utf-8")
    (tmp_path / "codes" / "sai.csv").write_text("x;y\n1;2\n", encoding="utf-8")

    wrong = [each for each in look(tmp_path, reach=False) if each.level == "error"]

    said = {each.where: (each.vi, each.en) for each in wrong}
    assert len(said) == len(wrong) == 4
    assert said["endpoints/one.toml: inbound.signature"] == (
        "phải là một trong: required, optional, none",
        "must be one of: required, optional, none",
    )
    assert said["endpoints/one.toml: agency"][1] == "there is no such key (look at its spelling)"
    assert "TOML" in said["endpoints/two.toml"][0] and "codes/sai.csv" in said


def test_a_start_names_every_wrong_file(tmp_path: Path) -> None:
    support.configure(tmp_path)
    for name in ("one", "two"):
        (tmp_path / "endpoints" / f"{name}.toml").write_text("adapter = ", encoding="utf-8")

    told = refused(tmp_path)

    assert "one.toml" in told.vi and "two.toml" in told.vi and "one.toml" in told.en and "two.toml" in told.en


@pytest.mark.parametrize(
    ("doors", "console", "told"),
    [
        ("port = 8085", "port = 8085", True),
        ('host = "0.0.0.0"\nport = 8085', "port = 8085", True),
        ('host = "10.0.0.1"\nport = 8085', "port = 8085", False),
        ("port = 8085", "port = 8086", False),
        ("port = 0", "port = 0", False),
    ],
)
def test_doors_and_console_at_one_port_are_told(tmp_path: Path, doors: str, console: str, told: bool) -> None:
    support.configure(tmp_path, bus=f"[doors]\n{doors}\n[console]\n{console}\n")

    assert [each.level for each in found(tmp_path, "hub.toml [console] port")] == ["error"] * told


def test_a_placeholder_for_the_token_of_the_metrics_is_told(tmp_path: Path) -> None:
    support.configure(tmp_path, bus='[doors]\nmetrics_token_sha256 = "<SHA-256 of your own token>"\n')

    (finding,) = found(tmp_path, "hub.toml [doors] metrics_token_sha256")

    assert finding.level == "error" and "<" not in finding.vi + finding.en


def test_a_configuration_without_rules_is_told(tmp_path: Path) -> None:
    (support.configure(tmp_path) / "routes.toml").unlink()

    (finding,) = found(tmp_path, "routes.toml")

    assert finding.level == "warning"


@pytest.mark.parametrize("name", ["endpoints/so.toml.bak", "endpoints/so.tml", "codes/fields.xlsx"])
def test_a_file_that_nothing_reads_is_told(tmp_path: Path, name: str) -> None:
    support.configure(tmp_path)
    assert found(tmp_path, name) == []
    (tmp_path / name).write_text("", encoding="utf-8")

    (finding,) = found(tmp_path, name)

    assert finding.level == "warning" and "đổi tên" in finding.vi


def test_a_deadline_that_outlasts_the_units_is_told(tmp_path: Path) -> None:
    where = f"endpoints/{support.PARTNER}.toml [outbound] deadline_seconds"
    support.configure(tmp_path, {support.PARTNER: support.At(deadline_seconds=120)})
    assert found(tmp_path, where) == []
    support.configure(tmp_path, {support.PARTNER: support.At(deadline_seconds=121)})

    (finding,) = found(tmp_path, where)

    assert finding.level == "warning" and "TimeoutStopSec" in finding.vi and "TimeoutStopSec" in finding.en


def test_a_partner_without_an_address_is_told_without_reaching_it(tmp_path: Path) -> None:
    support.configure(tmp_path)
    text = 'adapter = "ministry"\ntitle = "Bộ"\n[outbound]\n'
    (tmp_path / "endpoints" / f"{support.PARTNER}.toml").write_text(text, encoding="utf-8")

    (finding,) = found(tmp_path, f"endpoint {support.PARTNER}")

    assert finding.level == "error" and "base_url" in finding.vi


# --- told by verbs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["check", "messages"])
def test_a_ledger_that_is_none_is_told_by_its_path(tmp_path: Path, verb: str) -> None:
    support.configure(tmp_path, ledger="sqlite:///ledger.db")
    (tmp_path / "ledger.db").write_bytes(b"not a database, but long enough to be looked at\n" * 100)

    said = CliRunner().invoke(app, ["--config", str(tmp_path), verb])

    words = " ".join(said.output.split())
    assert said.exit_code == 1
    assert "ledger.db không phải sổ cái hoặc đã hỏng" in words and "bản sao lưu" in words


def test_a_port_that_is_taken_is_told_with_the_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadSettings) as told:
            listen("127.0.0.1", port)

    where = "hub.toml [doors] host, port"
    assert told.value.vi == (
        f"không mở được cổng 127.0.0.1:{port}: một chương trình khác đang dùng cổng này; "
        f"hãy dừng chương trình đó, hoặc đổi {where}"
    )
    assert told.value.en == f"cannot listen at 127.0.0.1:{port}: another program uses this port; stop it, or change {where}"


def test_one_error_is_counted_in_good_english() -> None:
    assert TEXTS["check_bad"][1].format(errors=1) == "Errors to be mended: 1."
