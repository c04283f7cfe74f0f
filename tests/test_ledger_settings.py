"""The ledger's address: which are served, how a password is named, and what is said where the database is not reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub import bootstrap
from hub.edge.cli import app
from hub.errors import BadSettings, Unavailable
from hub.ledger.ledger import Ledger
from tests.support import acceptances as make
from tests.support import hub as support
from tests.support import postgres
from tests.support.looking import all_messages

NAME = "LIENTHONG_TEST_PASSWORD"


@pytest.fixture
def address() -> Iterator[str]:
    """Address of an empty database that asks for a password."""
    cluster = postgres.shared()
    with cluster.database() as url:
        name = url.partition("@/")[2].partition("?")[0]
        yield f"postgresql+psycopg://{postgres.USER}@127.0.0.1:{cluster.port}/{name}"


def opened(folder: Path, url: str, password: str = "") -> Ledger:
    """Open the ledger of a configuration folder."""
    support.configure(folder, {}, ledger=f'{url}"\npassword = "{password}')
    return bootstrap.open_ledger(bootstrap.load_settings(folder))


def told(folder: Path) -> str:
    """Give what ``lienthong check`` says."""
    return CliRunner().invoke(app, ["--config", str(folder), "check"]).output


def test_the_password_stands_by_reference(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, postgres.PASSWORD)
    ledger = opened(tmp_path, address, f"env:{NAME}")
    ledger.record_received(make.acceptance())
    ledger.close()
    (tmp_path / "password").write_text(f"{postgres.PASSWORD}\n", encoding="utf-8")

    ledger = opened(tmp_path, address, "file:password")

    assert len(all_messages(ledger)) == 1
    ledger.close()


def test_check_opens_a_ledger_on_postgresql(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, postgres.PASSWORD)
    opened(tmp_path, address, f"env:{NAME}").close()

    assert "sổ cái mở được" in told(tmp_path)


@pytest.mark.parametrize("password", ["", "env:NO_SUCH_VARIABLE", "wrong", "file:wrong"])
def test_a_password_that_is_missing_or_wrong_is_said_and_not_shown(address: str, tmp_path: Path, password: str) -> None:
    (tmp_path / "wrong").write_text("not the password", encoding="utf-8")

    with pytest.raises((BadSettings, Unavailable)) as caught:
        opened(tmp_path, address, password)

    said = f"{caught.value.en} {caught.value.vi} {told(tmp_path)}"
    assert "[ledger]" in said
    assert "not the password" not in said and "Traceback" not in said


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://hub:secret@127.0.0.1/ledger", "postgresql+psycopg://hub@127.0.0.1/ledger?password=secret"]
)
def test_a_password_in_the_address_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadSettings, match="env:LEDGER_PASSWORD") as caught:
        opened(tmp_path, url)

    assert "secret" not in f"{caught.value.en} {caught.value.vi} {told(tmp_path)}"


def test_a_database_that_is_not_there_is_named(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, postgres.PASSWORD)

    with pytest.raises(Unavailable, match='database "no_such" does not exist'):
        opened(tmp_path, address.rpartition("/")[0] + "/no_such", f"env:{NAME}")


def test_a_server_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Connection refused"):
        opened(tmp_path, "postgresql+psycopg://hub@127.0.0.1:9/ledger")

    said = told(tmp_path)
    assert "không mở được sổ cái" in said and "Connection refused" in said
    assert "Traceback" not in said


def test_parameters_of_the_address_reach_the_driver(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here TLS, which the tests' server does not have."""
    monkeypatch.setenv(NAME, postgres.PASSWORD)

    with pytest.raises(Unavailable, match="server does not support SSL"):
        opened(tmp_path, f"{address}?sslmode=require", f"env:{NAME}")


def test_a_parameter_that_does_not_exist_is_a_wrong_setting(address: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="slmode"):
        opened(tmp_path, f"{address}?slmode=require")
