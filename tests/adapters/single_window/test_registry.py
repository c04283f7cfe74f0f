"""The registry as data: what is wrong in a file is said with file and row, when it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.registry import GEN2, check_registry, registry
from adapters.single_window.samples import generator
from hub.canonical.codes import Event, Stage
from hub.errors import BadSettings
from hub.rules import xml

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
    for name in ("common.xsd", "header.xsd", "envelope.xsd"):
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
        (HEAD + ROW.replace("BTNMT_11", "BTNMT_12"), "message 1 (11/05): schema: 'BTNMT_12_EvaluationResult.xsd' is missing"),
        (HEAD + ROW.replace('root = "EvaluationResult"', 'root = "Evaluation"'), "root: BTNMT_11_Eva"),
        (HEAD + ROW.replace("step.note", "step.remark"), "unknown place 'step.remark'"),
        (HEAD + ROW.replace("Reason =", "Remark ="), "EvaluationResult has no Remark"),
        (HEAD + ROW.replace('"05"', '"5"'), "message 1 (11/5): function"),
        (HEAD + ROW.replace('"to_gateway"', '"out"'), "message 1 (11/05): direction"),
        (HEAD + ROW + ROW, "11/05: stands here twice"),
        (HEAD + ROW + ROW.replace('"05"', '"06"'), "11/06: default: a second default for received"),
        (HEAD + ROW + 'answers = "10/01"\n', "11/05: answers 10/01, which the other side does not send"),
        (HEAD + ROW + 'on_doubt = "ask"\n', "message 1 (11/05): on_doubt"),
        (HEAD + ROW + "colour = 1\n", "message 1 (11/05): colour"),
        (HEAD + ROW + 'ask = "26/26"\non_doubt = "ask"\n', "11/05: ask: the procedure has no message 26/26"),
        (HEAD + ROW + 'from_states = ["somewhere"]\n', "message 1 (11/05): from_states.0"),
        (HEAD + ROW + "answer_within_hours = -1\n", "message 1 (11/05): answer_within_hours"),
        (HEAD + ROW + 'answers = ["10"]\n', "'10' is not type/function"),
        (HEAD + ROW.replace('"05"', '["05", "06"]').replace('"received"', '["received"]'), "event: 1 for 2 functions"),
        (HEAD + ROW.replace('"05"', "[]"), "function: the list is empty"),
        (HEAD + ROW.replace('root = "EvaluationResult"', 'root = "*"'), "root: '*' has no schema"),
        (HEAD + ROW.replace('type = "11"', 'type = "ATTP"'), "type: 'ATTP' is not a number"),
        (HEAD + "[statuses]\n1 = 'waiting'\n" + ROW + "status = 2\n", "11/05: status: [statuses] has no 2"),
        (HEAD + "[statuses]\none = 'waiting'\n" + ROW, "statuses: 'one' is not a number"),
        (HEAD + "[statuses]\n1 = 'somewhere'\n" + ROW, "statuses.1"),
        (HEAD + 'dialect = "gen3"\n' + ROW, "dialect"),
        (HEAD + "[[attachments]]\nlist = 'Files'\n" + ROW, "attachments.0.item"),
        (HEAD + ROW.replace("Reason =", 'Department = "step.note", Reason ='), "step.note: two elements have it first"),
        (HEAD + 'like = "BYT0600009"\n', "like: 'BYT0600009' is unknown"),
        (HEAD.replace("BYT0600001", "BYT0600002"), "document_type: 'BYT0600002' belongs into another file"),
        (HEAD.replace('title = "Thủ tục thử nghiệm"\n', ""), "title: Field required"),
        ("document_type = ", "BYT0600001.toml"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_row(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadSettings) as caught:
        registry(folder(tmp_path, text))

    assert "BYT0600001.toml" in caught.value.en and "BYT0600001.toml" in caught.value.vi
    assert said in caught.value.en
    assert caught.value.where.startswith(str(tmp_path))


def test_what_is_wrong_in_several_messages_is_said_at_once_in_both_languages(tmp_path: Path) -> None:
    second = ROW.replace('"05"', '"06"').replace('event = "received"\n', "").replace("Reason", "Remark")
    third = ROW.replace('"05"', '"07"').replace("fields = ", "colour = ")
    with pytest.raises(BadSettings) as caught:
        registry(folder(tmp_path, HEAD + ROW.replace("BTNMT_11", "BTNMT_12") + second + third))

    for place in ("message 1 (11/05)", "message 2 (11/06)", "message 3 (11/07)"):
        assert place in caught.value.en and place in caught.value.vi
    assert "event: Field required" in caught.value.en and "event: thiếu khóa" in caught.value.vi
    assert "colour: không có khóa này" in caught.value.vi


def test_a_list_of_functions_is_one_message_of_each(tmp_path: Path) -> None:
    row = ROW.replace('"05"', '["05", "06"]').replace('"received"', '["received", "refused"]')
    text = HEAD + "[statuses]\n2 = 'received'\n4 = 'refused'\n" + row + "status = [2, 4]\n"
    procedure = registry(folder(tmp_path, text)).procedures["BYT0600001"]

    assert [(one.service, one.event, one.status) for one in procedure.rows] == [
        ("11/05", Event.RECEIVED, 2),
        ("11/06", Event.REFUSED, 4),
    ]
    assert procedure.statuses == {2: Stage.RECEIVED, 4: Stage.REFUSED}


def test_a_message_without_schema_takes_any_content_under_its_root(tmp_path: Path) -> None:
    row = ROW.replace('schema = "BTNMT_11_EvaluationResult.xsd"\n', "")
    structure = registry(folder(tmp_path, HEAD + row)).procedures["BYT0600001"].structures["11/05"]
    root = xml.parse(generator.message("BTNMT0600001", "11", "05"))
    content = root.find("Body/Content/EvaluationResult")
    assert content is not None
    content[:] = [xml.from_tree("Whatever", {"@kind": "1", "Inside": ["a", "b"]})]

    assert structure.order == ()
    assert structure.faults(root) == ()
    content.tag = "Other"
    assert [(fault.path, fault.code) for fault in structure.faults(root)] == [("/Envelope/Body/Content/Other", "unexpected")]


def test_a_message_with_any_root_takes_any(tmp_path: Path) -> None:
    row = ROW.replace('schema = "BTNMT_11_EvaluationResult.xsd"\n', "").replace('"EvaluationResult"', '"*"')
    structure = registry(folder(tmp_path, HEAD + row)).procedures["BYT0600001"].structures["11/05"]

    assert structure.faults(xml.parse(generator.message("BTNMT0600001", "17", "14"))) == ()


def test_a_message_may_go_both_ways(tmp_path: Path) -> None:
    text = HEAD + ROW.replace('"to_gateway"', '"both"')
    procedure = registry(folder(tmp_path, text)).procedures["BYT0600001"]

    assert procedure.telling(Event.RECEIVED, "to_ministry") == procedure.telling(Event.RECEIVED, "to_gateway") == procedure.rows
    second = ROW.replace('"05"', '"06"').replace('"to_gateway"', '"to_ministry"')
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(BadSettings, match="a second default for received"):
        registry(folder(other, text + second))


def test_shapes_of_attachments_are_a_list_and_one_table_is_a_list_of_one(tmp_path: Path) -> None:
    one = '[attachments]\nlist = "L"\nitem = "I"\nlink = "F"\n'
    two = '[[attachments]]\nitem = "A"\ncontent = "B"\nsha1 = "S"\nkind = "7"\n[[attachments]]\nitem = "C"\n'
    for text, items in ((one, ["I"]), (two, ["A", "C"])):
        (tmp_path / items[0]).mkdir()
        procedure = registry(folder(tmp_path / items[0], HEAD + text + ROW)).procedures["BYT0600001"]
        assert [shape.item for shape in procedure.attachments] == items


def test_what_stands_beside_like_comes_first(tmp_path: Path) -> None:
    folder(tmp_path, HEAD.replace("BYT0600001", "BYT0600002") + 'like = "BNNPTNT0600009"\n', "BYT0600002.toml")
    own = HEAD + 'like = "BNNPTNT0600009"\n[[attachments]]\nitem = "A"\n[statuses]\n1 = "licensed"\n'
    own += "".join(f'{number} = "received"\n' for number in (2, 3, 4, 7, 8, 9, 10, 13, 14, 15, 16))
    book = registry(folder(tmp_path, own)).procedures

    assert book["BYT0600002"].statuses == book["BNNPTNT0600009"].statuses
    assert book["BYT0600002"].attachments == book["BNNPTNT0600009"].attachments
    assert (book["BYT0600001"].statuses[1], [one.item for one in book["BYT0600001"].attachments]) == (Stage.LICENSED, ["A"])


def test_a_code_that_is_a_stand_in_is_listed(tmp_path: Path) -> None:
    lines = check_registry(folder(tmp_path, HEAD + "code_assumed = true\n" + ROW), ["BYT"])

    assert "BYT0600001.toml: the code BYT0600001 is a stand-in: replace it when the real one is known" in lines


def test_a_broken_schema_of_ones_own_is_told_with_its_message(tmp_path: Path) -> None:
    for name in ("common.xsd", "header.xsd", "envelope.xsd"):
        (tmp_path / name).write_bytes((GEN2 / name).read_bytes())
    own = (GEN2 / "BTNMT_11_EvaluationResult.xsd").read_text("utf-8").replace('type="moment"', 'type="no_such_type"')
    (tmp_path / "BTNMT_11_EvaluationResult.xsd").write_text(own, "utf-8")
    with pytest.raises(BadSettings) as caught:
        registry(folder(tmp_path, HEAD + ROW))

    assert "message 1 (11/05)" in caught.value.en and "no_such_type" in caught.value.en


def test_an_endpoints_schemas_are_ready_before_its_first_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading and writing open no file."""
    options = Options(ministry_parties={"BNN": party_of("BNN")})
    monkeypatch.setattr(xml, "load_schema", lambda file: pytest.fail(f"{file} is read"))

    for procedure in options.book.procedures.values():
        if procedure.office_code == "BNN":
            assert all(structure.schema is not None for structure in procedure.structures.values())


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
    asked = procedure.find(*agreed.answers[0].split("/"))

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
