"""``lienthong border``: lists, one document, and a print as a file that a browser opens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.canonical.border.message import AnswerResult
from hub.edge.cli import app
from tests.support.border_world import ASW, MOIT, answered, form_d, issued, opened, used

NUMBER = "VN-ID 26/02/00017"
NAME = f"origin:VN:{NUMBER}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A hub that sent a Form D, of which more was used than it certifies."""
    path = tmp_path_factory.mktemp("cli") / "config"
    with opened(path, "sqlite:///ledger.db") as world:
        given = issued(form_d(NUMBER))
        world.say(MOIT, given)
        world.say(ASW, answered(given, AnswerResult.GIVEN, declaration="100200300", items=[used(1, "30000")]))
        yield path


def run(folder: Path, *words: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["--config", str(folder), *words])
    assert result.exit_code == exit_code, result.output
    return result


def test_a_list_and_one_document_say_where_it_stands_and_name_nobody(folder: Path) -> None:
    listed = run(folder, "border", "list", "--mark", "over_used").stdout
    shown = run(folder, "border", "show", NAME).stdout

    assert NUMBER in listed and "Đã sử dụng vượt lượng được chứng nhận" in listed
    assert "30000 kg" in shown and "20010.5 kg" in shown and "100200300" in shown and "over_used" in shown
    assert "CONG TY MAU" not in listed + shown
    assert json.loads(run(folder, "border", "list", "--json").stdout)["rows"][0]["number"] == NUMBER


def test_a_print_needs_a_reason_and_is_one_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mau-d.html"
    run(folder, "border", "print", NAME, "--output", str(file), exit_code=1)
    assert not file.exists()

    run(folder, "border", "print", NAME, "--output", str(file), "--why", "hải quan hỏi")

    html = file.read_text(encoding="utf-8")
    assert "CONG TY MAU" in html and "MẪU D" in html
    assert 'class="tools"' not in html and "src=" not in html and "href=" not in html


def test_a_mark_is_decided_once(folder: Path) -> None:
    run(folder, "border", "decide", NAME, "over_used", "--why", "đã hỏi Indonesia")

    assert "không có cảnh báo" in run(folder, "border", "decide", NAME, "over_used", "--why", "lần nữa", exit_code=1).stderr


@pytest.mark.parametrize("words", [("list", "--clock", "noon"), ("print", NAME, "--language", "fr", "--output", "x")])
def test_what_is_no_clock_and_no_language_is_wrong_use(folder: Path, words: tuple[str, ...]) -> None:
    run(folder, "border", *words, exit_code=2)
