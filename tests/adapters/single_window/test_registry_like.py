"""Registry files that are like another: what they add, replace and go without, and what is wrong in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.single_window.registry import registry
from hub.canonical.codes import Event
from hub.errors import BadSettings

HEAD: Mapping[str, str] = {"title": "Thủ tục thử nghiệm", "office_code": "BGTVT"}


def _folder(path: Path, files: Mapping[str, str]) -> str:
    for code, text in files.items():
        head = "".join(f'{name} = "{value}"\n' for name, value in {"document_type": code, **HEAD}.items())
        (path / f"{code}.toml").write_text(head + text, "utf-8")
    return str(path)


OWN = """
[[message]]
type = ["40", "41"]
function = "01"
direction = "to_ministry"
event = "status"
root = "ConfirmationOfArrival"
schema = "ConfirmationOfArrival.xsd"
default = false
"""


def test_a_procedure_may_have_messages_of_its_own_beside_those_of_another(tmp_path: Path) -> None:
    book = registry(_folder(tmp_path, {"77": 'like = "1"\nwithout = ["10", "50/03"]\n' + OWN}))
    changed, model = book.procedures["77"], book.procedures["1"]
    names = {row.service for row in changed.rows}

    assert names == ({row.service for row in model.rows if row.type != "10"} - {"50/03"}) | {"41/01"}
    assert len(names) == len(changed.rows)
    replaced, as_before = changed.find("40", "01"), changed.find("40", "02")
    assert replaced is not None
    assert as_before is not None
    assert (replaced.event, as_before.event) == (Event.STATUS, Event.DECLARED)
    assert (changed.dialect, changed.gateway_operation) == ("maritime", "ReceiveResultFromMT")
    assert set(changed.structures) == names
    # An answer to messages of which some are gone answers the others.
    answer = changed.find("50", "21")
    assert answer is not None
    assert answer.answers == ("50/01", "50/02", "50/05")


def test_files_may_be_like_each_other_in_a_row_and_like_what_they_replace(tmp_path: Path) -> None:
    files = {
        "70": 'like = "72"\n',
        "72": 'like = "71"\nwithout = ["66"]\n',
        "71": 'like = "14"\n',
        "14": 'like = "14"\nwithout = ["83"]\n',
    }
    book = registry(_folder(tmp_path, files))

    # 71 is like the shipped 14, or like the one that replaces it: the folder's own goes first.
    assert book.procedures["14"].find("83", "04") is None
    assert book.procedures["71"].find("83", "04") is None
    assert book.procedures["70"].find("66", "01") is None
    assert book.procedures["71"].find("66", "01") is not None
    assert registry().procedures["14"].find("83", "04") is not None


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"77": 'like = "1"\nwithout = ["10", "98", "50/77"]\n'}, "77.toml, without: 1 has no 98, 50/77"),
        ({"77": 'without = ["10"]\n'}, "without: it says something only beside like"),
        ({"77": 'like = "1"\ndialect = "gen2"\n'}, "there is a dialect beside it"),
        ({"77": 'like = "78"\n', "78": 'like = "77"\n'}, "'78' is unknown"),
        ({"77": 'like = "1"\n' + OWN + 'beside = ["RejectDate"]\n'}, "ConfirmationOfArrival.xsd declares no RejectDate"),
        ({"77": 'like = "1"\n' + OWN + 'fields = { "PersonList/Nom" = "step.actor" }\n'}, "has no PersonList/Nom"),
        ({"77": 'like = "1"\n' + OWN + 'told_by = { Agreed = { 1 = "status" } }\n'}, "has no Agreed"),
        ({"77": 'like = "1"\n' + OWN.replace('["40", "41"]', "[]")}, "type: the list is empty"),
        ({"77": 'like = "1"\n' + OWN + 'answers = "/02"\n'}, "40/01: answers 40/02, which the other side does not send"),
    ],
)
def test_what_is_wrong_in_a_file_like_another_is_said(tmp_path: Path, files: Mapping[str, str], said: str) -> None:
    with pytest.raises(BadSettings) as caught:
        registry(_folder(tmp_path, files))

    assert said in caught.value.en
