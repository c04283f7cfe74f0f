"""The registry as data: what is wrong in a file is said with file and row, when it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.single_window.options import Options
from adapters.single_window.registry import GEN2, check_registry, registry
from hub.canonical.codes import Event
from hub.errors import BadSettings

HEAD = 'document_type = "BYT0600001"\ntitle = "Thủ tục thử nghiệm"\noffice_code = "BYT"\n'
ROW = """
[[message]]
type = "11"
function = "05"
direction = "to_gateway"
event = "received"
root = "EvaluationResult"
schema = "BTNMT_11_EvaluationResult.xsd"
fields = { Reason = "step.note" }
"""


def folder(path: Path, text: str, name: str = "BYT0600001.toml") -> str:
    (path / name).write_text(text, "utf-8")
    return str(path)


def test_a_relative_folder_stands_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    folder(tmp_path / "more", HEAD + ROW)

    options = Options.model_validate({"registry": "more"}, context={"folder": tmp_path})

    assert options.book.find("BYT0600001") is not None


def test_a_folder_adds_to_the_shipped_registry(tmp_path: Path) -> None:
    book = registry(folder(tmp_path, HEAD + ROW))

    assert book.find("BYT0600001") is not None
    assert book.find("BTNMT0600001") is not None
    assert registry().find("BYT0600001") is None


def test_a_folder_replaces_a_shipped_procedure(tmp_path: Path) -> None:
    text = HEAD.replace("BYT0600001", "BTNMT0600001") + ROW
    book = registry(folder(tmp_path, text, "BTNMT0600001.toml"))

    assert [row.service for row in book.procedures["BTNMT0600001"].rows] == ["11/05"]


def test_a_folder_may_bring_its_own_schemas(tmp_path: Path) -> None:
    for name in ("common.xsd", "envelope.xsd"):
        (tmp_path / name).write_bytes((GEN2 / name).read_bytes())
    own = (GEN2 / "BTNMT_11_EvaluationResult.xsd").read_text("utf-8").replace("EvaluationResult", "Verdict")
    (tmp_path / "BYT_11_Verdict.xsd").write_text(own, "utf-8")
    row = ROW.replace("BTNMT_11_EvaluationResult", "BYT_11_Verdict").replace("EvaluationResult", "Verdict")
    procedure = registry(folder(tmp_path, HEAD + row)).procedures["BYT0600001"]

    assert procedure.rows[0].root == "Verdict"
    assert procedure.structures["11/05"].order[0] == "RegistrationComfirmNo"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + ROW.replace('"received"', '"arrived"'), "message 1 (11/05): event"),
        (HEAD + ROW.replace("BTNMT_11", "BTNMT_12"), "message 1 (11/05): schema 'BTNMT_12_EvaluationResult.xsd' is missing"),
        (HEAD + ROW.replace('root = "EvaluationResult"', 'root = "Evaluation"'), "message 1 (11/05): BTNMT_11"),
        (HEAD + ROW.replace("step.note", "step.remark"), "unknown place 'step.remark'"),
        (HEAD + ROW.replace("Reason =", "Remark ="), "EvaluationResult has no Remark"),
        (HEAD + ROW.replace('"05"', '"5"'), "message 1 (11/5): function"),
        (HEAD + ROW.replace('"to_gateway"', '"out"'), "message 1 (11/05): direction"),
        (HEAD + ROW + ROW, "11/05: stands here twice"),
        (HEAD + ROW + ROW.replace('"05"', '"06"'), "11/06: a second default for received"),
        (HEAD + ROW + 'answers = "10/01"\n', "11/05: answers 10/01, which the other side does not send"),
        (HEAD + ROW + 'on_doubt = "ask"\n', "message 1 (11/05): on_doubt"),
        (HEAD + ROW + "colour = 1\n", "message 1 (11/05): colour"),
        (HEAD + 'like = "BYT0600009"\n', "like: 'BYT0600009' is unknown"),
        (HEAD.replace("BYT0600001", "BYT0600002"), "document_type: 'BYT0600002' belongs into another file"),
        (HEAD.replace('title = "Thủ tục thử nghiệm"\n', ""), "title: Field required"),
        ("document_type = ", "BYT0600001.toml"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_row(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadSettings) as caught:
        registry(folder(tmp_path, text))

    assert "BYT0600001.toml" in caught.value.en
    assert said in caught.value.en
    assert caught.value.where.startswith(str(tmp_path))


def test_a_broken_registry_stops_the_start(tmp_path: Path) -> None:
    """The options of an endpoint read it, so that no message has to find out."""
    with pytest.raises(BadSettings):
        Options(registry=folder(tmp_path, HEAD + ROW + ROW))
    with pytest.raises(BadSettings, match="no such folder"):
        Options(registry=str(tmp_path / "nowhere"))


def test_a_pair_of_question_and_answer_is_found() -> None:
    procedure = registry().procedures["BNNPTNT0600009"]
    agreed = procedure.find("14", "09")
    assert agreed is not None
    asked = procedure.find(*agreed.answers.split("/"))

    assert asked is not None
    assert (asked.event, asked.direction) == (Event.WITHDRAWAL_ASKED, "to_ministry")


def test_what_is_assumed_is_listed() -> None:
    lines = check_registry()

    assert any(line.startswith("BTNMT0600001.toml: 11/05 received (EvaluationResult) is assumed") for line in lines)
    assert "BTNMT0600005.toml: title is assumed" in lines
    assert any("21/21" in line and "not known" in line for line in lines)
    assert not any("BNNPTNT0600009.toml" in line for line in lines)


def test_what_a_further_folder_assumes_is_listed_too(tmp_path: Path) -> None:
    assert "BYT0600001.toml: 11/05 received (EvaluationResult) is assumed: guess" in check_registry(
        folder(tmp_path, HEAD + ROW + 'assumed = true\nnote = "guess"\n')
    )
