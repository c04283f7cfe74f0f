"""``lienthong check`` says whether the broker answers and gives the rights that are needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.edge.cli.checking import look
from hub.edge.cli.checks.findings import ERROR, OK, Finding
from tests.support import hub as support
from tests.support.rabbit import PASSWORD_VARIABLE, Corner


def found(folder: Path, settings: str, *, reach: bool = True) -> list[Finding]:
    """Check a configuration with such a bus; give what is said of it."""
    configured = support.configure(folder, {}, bus=settings)
    return [each for each in look(configured, reach=reach) if each.where.startswith(("hub.toml [bus]", "broker"))]


def test_a_broker_that_answers_is_told(corner: Corner, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, corner.settings)

    assert finding.level == OK
    assert "RabbitMQ 3." in finding.en
    assert os.environ[PASSWORD_VARIABLE] not in finding.en + finding.vi


def test_a_wrong_password_is_an_error(corner: Corner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "wrong")

    (finding,) = found(tmp_path, corner.settings)

    assert finding.level == ERROR
    assert "mật khẩu" in finding.vi


def test_a_password_in_the_address_is_an_error_without_asking_the_broker(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, '[bus]\nurl = "amqp://hub:secret@127.0.0.1:9"\n', reach=False)

    assert finding.level == ERROR
    assert "secret" not in finding.en + finding.vi + finding.where


def test_a_missing_password_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)

    (finding,) = found(tmp_path, f'[bus]\nurl = "amqp://hub@host"\npassword = "env:{PASSWORD_VARIABLE}"\n', reach=False)

    assert finding.level == ERROR
    assert PASSWORD_VARIABLE in finding.en


def test_a_certificate_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "x")
    lines = f'[bus]\nurl = "amqps://hub@host"\npassword = "env:{PASSWORD_VARIABLE}"\nca = "file:trust/none.pem"\n'

    (finding,) = found(tmp_path, lines, reach=False)

    assert finding.level == ERROR
    assert "trust/none.pem" in finding.en
