"""Codes on the command line: what one was and is, and what is wrong with those of real traffic, in both languages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.canonical.codes import Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.message import to_json
from hub.canonical.party import Agency
from hub.edge.cli import app
from tests.support import acceptances as make
from tests.support import hub as hubs
from tests.support.hub import SENDER

runner = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A configuration whose hub has had three messages a minute ago."""
    made = hubs.configure(tmp_path_factory.mktemp("codes"))
    hub = hubs.open_hub(made)
    for number, agency, area in (("H62.14-250612-0001", "H62", "15"), ("2", "H99", "01"), ("3", "0" * 12, "01")):
        dossier = Dossier(code=number, procedure=ProcedureRef(code="1.1"), agency=Agency(code=agency), form={"MaTinh": area})
        said = DossierMessage(event=Event.STATUS, dossier=dossier)
        hub.ledger.record_received(make.acceptance(said.subject, to_json(said), endpoint=SENDER, at=hub.now() - 60))
    hubs.close(hub)
    yield made


def run(folder: Path, *words: str, language: str = "vi") -> Result:
    return runner.invoke(app, ["--config", str(folder), *words], env={"LIENTHONG_LANG": language, "COLUMNS": "240"})


def test_what_is_wrong_is_listed_and_what_is_fine_only_where_it_is_asked_for(folder: Path) -> None:
    wrong, everything = run(folder, "codes", "check"), run(folder, "codes", "check", "--all")

    assert (wrong.exit_code, everything.exit_code) == (0, 0)
    for text in ("H99", "chưa có trong danh mục", "đã đóng mà còn dùng", "H44 Phú Thọ", "hai nghĩa, thiếu ngày", "mot_cua 1"):
        assert text in wrong.stdout
    assert "Hà Nội" not in wrong.stdout and "Hà Nội" in everything.stdout
    assert "Đã xem 3 thông điệp" in wrong.stdout
    assert "0" * 12 not in everything.stdout and "không đúng dạng mã" in wrong.stdout


def test_machines_get_the_same(folder: Path) -> None:
    told = json.loads(run(folder, "codes", "check", "--json", "--count", "2").stdout)

    assert (told["looked_at"], told["wanted"], told["stopped"]) == (2, 2, "count")
    assert {each["kind"] for each in told["codes"]} >= {"agency", "province"}


def test_there_are_older_messages_is_said(folder: Path) -> None:
    assert "--count" in run(folder, "codes", "check", "--count", "1").stdout
    assert "--count" not in run(folder, "codes", "check").stdout


def test_one_code_is_told_in_both_languages_and_on_any_day(folder: Path) -> None:
    assert "Nay do Phú Thọ phụ trách: H62 → H44" in run(folder, "codes", "show", "H62").stdout
    assert "Phú Thọ answers for it: H62 → H44" in run(folder, "codes", "show", "H62", language="en").stdout
    before = run(folder, "codes", "show", "H62", "--on", "2025-06-30", language="en").stdout
    assert "2025-06-30: H62 is a current agency code, Vĩnh Phúc." in before


def test_what_is_nowhere_and_what_is_no_day_are_refused_in_one_line(folder: Path) -> None:
    for words in (["codes", "show", "nothing"], ["codes", "show", "H62", "--on", "yesterday"]):
        done = run(folder, *words)
        assert done.exit_code == 1
        assert len(done.stderr.strip().splitlines()) == 1
