"""The command line's verbs on people: the first administrator, passwords that never stand in arguments, tokens, the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from hub import bootstrap
from hub.edge.cli import app
from hub.ledger.tables import journal
from hub.operations import logins
from tests.edge.web.conftest import PASSWORD, configure
from tests.support import hub as support

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    configure(tmp_path, support.SQLITE)
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a verb; give its JSON, or the whole result where it should fail or speaks to people."""
    monkeypatch.setenv("LIENTHONG_LANG", "en")

    def call(*words: str, given: str | None = None, plain: bool = False) -> Any:
        more = [] if plain else ["--json"]
        result = CliRunner().invoke(app, ["--config", str(folder), *words, *more], input=given)
        if plain:
            return result
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return call


def test_the_first_administrator_is_made_on_the_command_line_and_can_log_in(run: Run, folder: Path) -> None:
    words = ("person", "add", "minh", "--role", "administrator", "--why", "cài đặt", "--own", "--password-file", "-")
    made = run(*words, given=f"{PASSWORD}\n")
    hub = bootstrap.open_hub(bootstrap.load_settings(folder))
    begun = logins.with_password(hub, "minh", PASSWORD, lasts_seconds=60)
    hub.ledger.close()

    assert (made["person"]["roles"], made["person"]["scope"], made["password"]) == (["administrator"], None, "")
    assert not begun.temporary


def test_a_password_is_typed_twice_and_not_shown(run: Run) -> None:
    words = ("person", "add", "minh", "--role", "administrator", "--why", "cài đặt")
    differs = run(*words, given=f"{PASSWORD}\nanother one\n{PASSWORD}\n{PASSWORD}\n", plain=True)

    assert differs.exit_code == 0
    assert PASSWORD not in differs.output
    assert run("person", "show", "minh")[0]["temporary"] is True


@pytest.mark.parametrize("given", ["short\n", "\n", ""])
def test_a_password_that_is_none_makes_nobody(run: Run, given: str) -> None:
    words = ("person", "add", "minh", "--role", "administrator", "--why", "x", "--password-file", "-")

    assert run(*words, given=given, plain=True).exit_code == 1
    assert run("person", "show") == []


def test_people_and_tokens_from_the_beginning_to_the_end(run: Run) -> None:
    run("person", "add", "minh", "--role", "administrator", "--generate", "--why", "cài đặt")
    made = run("person", "add", "lan", "--role", "operator", "--scope", "H55", "--generate", "--why", "người mới", "--as", "minh")
    again = run("person", "password", "lan", "--generate", "--why", "quên")
    changed = run("person", "change", "lan", "--role", "operator", "--role", "approver", "--scope", "*", "--why", "thêm việc")
    token = run("token", "make", "lan", "--verb", "status", "--verb", "pause", "--title", "giám sát", "--days", "9", "--why", "x")
    listed = run("token", "show", "lan")
    ended = run("token", "end", token["token"]["id"], "--why", "lộ khóa")
    closed = run("person", "change", "lan", "--close", "--why", "chuyển công tác")

    assert made["person"]["endpoints"] == ["bo_b"]
    assert (len(made["password"]), made["password"] == again["password"]) == (20, False)
    assert (changed["roles"], changed["scope"]) == (["approver", "operator"], None)
    assert (listed[0]["verbs"], "secret" in listed[0]) == (["pause", "status"], False)
    assert (ended["good"], closed["enabled"]) == (False, False)
    assert [row["event"] for row in run("journal", "--subject", "person:lan")["rows"]] == [
        "person.changed", "person.changed", "person.password_set", "person.added",
    ]  # fmt: skip
    assert [row["subject"] for row in run("journal", "--person", "minh")["rows"]] == ["person:lan"]
    assert run("journal", "--verb", "token end")["rows"][0]["entry"] == {"why": "lộ khóa"}


def test_what_is_shown_to_people(run: Run) -> None:
    added = run("person", "add", "lan", "--role", "viewer", "--generate", "--why", "mới", plain=True)
    token = run("token", "make", "lan", "--verb", "status", "--title", "giám sát", "--why", "x", plain=True)
    shown = run("journal", "--limit", "1", plain=True)

    assert "shown only this once, to be changed at the first login: " in added.stdout
    assert "The token, shown only this once: lt_" in token.stdout
    assert "Token made" in shown.stdout
    assert "There is more: add --before " in shown.stdout
    assert "Logs in by" in run("person", "show", plain=True).stdout


def test_a_reason_is_recorded_before_personal_data_is_shown(run: Run, folder: Path) -> None:
    hub = support.open_hub(folder)
    support.send(hub, 1)
    told = run("reveal", "H01-1", "--as", "lan", "--why", "người dân khiếu nại")
    with hub.ledger.read() as conn:
        row = conn.execute(select(journal).where(journal.c.event == "person.revealed")).one()
    support.close(hub)

    assert (row.actor, [row.subject]) == ("lan", told["subjects"])
    assert run("reveal", "H01-1", "--as", "lan", plain=True).exit_code == 1


def test_who_is_not_there_is_told(run: Run) -> None:
    why = ("--why", "x")
    for words in (("person", "show", "x"), ("person", "change", "x", "--close", *why), ("token", "end", "x", *why)):
        assert run(*words, plain=True).exit_code == 1
