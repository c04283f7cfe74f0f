"""The second generation as data: every procedure against the tables it was written from, pairs, stages, stand-ins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from adapters.single_window.registry import GEN2, Procedure, check_registry, registry
from hub.canonical.codes import Event, Stage
from hub.rules.trade_lifecycle import TRADE

BOOK = registry().procedures
README = (Path(__file__).parents[3] / "adapters/single_window/README.md").read_text("utf-8")
FILES = sorted((GEN2 / "registry").glob("*.toml"))
#: What the Single Window sends | what the ministry sends, of each agricultural procedure.
AGRICULTURE = {
    "BNNPTNT0600004": "10/01 10/02 10/03 11/04 14/08 16/11 19/18 27/34 29/43 | 12/05 12/06 12/14 12/15 13/07 15/09 15/10 "
    "17/12 17/13 18/16 20/20 20/37 20/45 21/21 21/38 21/46 22/22 22/39 22/47 23/23 23/30 23/40 23/48 "
    "24/24 24/41 24/49 25/25 25/43 25/50 26/26 28/35 28/36 30/44",
    "BNNPTNT0300004": "10/01 10/02 10/04 13/08 15/03 16/11 23/22 | 11/05 11/06 12/07 12/31 14/09 14/10 17/12 17/13 18/14 "
    "19/15 20/16 20/17 21/18 21/19 22/20 24/23 25/30",
    "BNNPTNT0600009": "10/01 10/02 10/03 12/04 13/08 15/11 | 11/05 11/06 11/07 14/09 14/10 16/12 16/13 17/14 17/16 18/15 "
    "18/17 19/18",
    "BNNPTNT0600010": "10/01 10/02 10/04 12/08 14/03 15/11 18/15 18/24 22/21 | 11/05 11/06 11/61 13/09 13/10 16/12 16/13 "
    "17/14 17/23 19/16 20/17 20/19 21/18 21/20 23/22 24/07",
    "BNNPTNT0600011": "10/01 10/02 10/03 11/04 13/08 17/15 | 12/05 12/06 12/07 14/09 14/10 15/11 15/13 16/12 16/14 18/16 "
    "18/17 19/18",
    "BNNPTNT0600012": "10/01 10/02 10/04 13/08 15/03 16/11 22/19 23/21 | 11/05 11/06 11/29 12/07 14/09 14/10 17/12 17/13 "
    "18/14 18/15 19/16 19/17 20/18 21/20 24/22 24/23 25/24 25/25 26/26 27/27 28/28",
    "BNN&PTNT0600003": "10/01 10/02 10/03 11/04 14/09 16/12 19/16 28/31 | 12/05 12/06 12/07 12/08 13/08 15/10 15/11 17/13 "
    "17/14 18/15 20/17 21/18 22/19 22/20 22/30 23/20 23/25 23/32 24/21 24/26 24/33 25/22 25/27 25/34 "
    "26/23 26/28 26/35 27/24 27/29 27/36 29/37",
    "BNN&PTNT0300002": "10/01 10/02 10/03 11/04 14/08 16/11 19/15 19/16 23/20 24/22 | 12/05 12/06 13/07 15/09 15/10 17/12 "
    "17/13 18/14 20/17 21/18 21/21 21/24 22/19 25/23 26/25 31/31",
    "BNN&PTNT0200003": "10/01 | 11/04 11/06 12/05",
    "BNN&PTNT0200002": "10/01 | 11/04 11/06 12/05",
    "BNN0300003": "10/01 10/02 10/03 11/04 13/08 15/11 18/15 | 12/05 12/06 12/07 12/20 14/09 14/10 16/12 16/13 17/14 "
    "19/16 20/18 24/23",
    "BNN0500004": "10/01 10/02 10/03 11/04 13/08 15/11 18/15 | 12/05 12/06 12/07 14/09 14/10 16/12 16/13 17/14 19/16 "
    "20/17 20/18",
    "BNN0500003": "10/01 10/02 10/03 11/04 13/08 15/11 18/15 | 12/05 12/06 12/07 14/09 14/10 16/12 16/13 17/14 19/16 "
    "20/17 20/18",
    "BNNPTNT0200025": "10/01 10/02 10/03 10/04 11/05 15/13 17/15 17/17 17/18 21/24 | 12/06 12/07 12/08 12/09 12/10 13/11 "
    "14/12 16/14 18/19 18/20 18/21 19/22 20/23 22/25 23/26 24/27 25/28",
    "BNNPTNT0200026": "10/01 | 11/03 12/04 13/05",
}
#: What the Single Window sends to the other ministries; what they answer was not seen and is assumed.
OTHERS = {
    "BCA0000001 BCA0000002": "10/01 10/02 10/04 12/08 15/03 15/12 18/16 22/23",
    "BCT0000001 BCT0000004 BCT0000005": "10/01 10/02 10/04 12/08 15/03 15/12",
    "BGTVT0600013 BGTVT0600001 BGTVT0600036 BGTVT0600061 BGTVT0600065": "10/01 10/02 10/04 12/08 15/11 16/13",
    "BTNMT0600001 BTNMT0600005 BTNMT0600018": "10/01 10/02 10/04 15/03 15/11",
    "BTTTT0200003 BTTTT0200004": "10/01 10/02 10/04 15/03 15/11 19/18",
    "BYT0000019 BYT0000036 BYT0000039": "10/01 10/02 10/04 12/03",
    "BYT0000010 BYT0000011": "101/01 101/07 102/03",
    "BYT0000001": "101/01 101/05 101/07 102/03",
    "BYT0000007": "101/01 101/07 101/10 102/03",
    "BYT0000009": "101/01 101/02 101/03 104/09 107/12 109/14",
    "BYT0000300": "ATTP/300 ATTP/310 ATTP/311 ATTP/320",
    "BKHCN0200002": "10/01 10/02 10/04 13/09 22/23 23/25",
    "BKHCN0000003": "10/01 10/02 10/04 10/05 11/18 12/03 18/16 22/23 23/25",
    "BKHCN0100001 BKHCN0000005 BKHCN0000006": "10/01 10/02 10/04 15/03 22/23 23/25",
    "NHNN0000001": "11/01 11/02 11/03",
}
#: What is asked, and the answers that must be there.
ANSWERS = {
    Event.EDIT_ASKED: {Event.EDIT_AGREED, Event.EDIT_REFUSED},
    Event.WITHDRAWAL_ASKED: {Event.WITHDRAWAL_AGREED, Event.WITHDRAWAL_REFUSED},
}


def gen2() -> Iterable[Procedure]:
    return (one for one in BOOK.values() if one.dialect in ("gen2", "food_safety"))


def services(code: str, direction: str) -> str:
    return " ".join(sorted(row.service for row in BOOK[code].rows if row.goes(direction)))


def test_every_file_is_a_procedure() -> None:
    codes = {tomllib.loads(path.read_text("utf-8"))["document_type"] for path in FILES}

    assert codes == {one.document_type for one in gen2()}
    assert len(FILES) == len(codes) == 103


@pytest.mark.parametrize("code", AGRICULTURE)
def test_agriculture_has_every_message_of_its_tables_and_no_other(code: str) -> None:
    assert f"{services(code, 'to_ministry')} | {services(code, 'to_gateway')}" == AGRICULTURE[code]


def test_there_is_no_other_procedure_of_agriculture() -> None:
    assert {one.document_type for one in gen2() if one.office_code == "BNN"} == set(AGRICULTURE)


@pytest.mark.parametrize("codes", OTHERS)
def test_other_ministries_are_sent_every_verb_that_was_seen(codes: str) -> None:
    for code in codes.split():
        assert services(code, "to_ministry") == OTHERS[codes], code


@pytest.mark.parametrize("code", ["BCA0000001", "BCT0000001", "BGTVT0600013", "BTNMT0600001", "BYT0000009", "NHNN0000001"])
def test_what_other_ministries_answer_is_marked_as_assumed(code: str) -> None:
    answers = [row for row in BOOK[code].rows if row.goes("to_gateway")]

    assert answers
    assert all(row.assumed and row.note for row in answers)


def test_every_known_code_of_transport_is_there() -> None:
    known = {*range(1, 13), *range(18, 30), 35, *range(47, 61), 65}
    packages = {13, 36, 37, 41, 42, 43, 44, 58, 61}

    assert {int(one.document_type[-2:]) for one in gen2() if one.office_code == "BGT"} == known | packages


def test_the_environment_has_its_eighteen_procedures_and_says_which_codes_are_stand_ins() -> None:
    """Eleven connected, four planned at the ministry, three piloted in three provinces; five codes are known."""
    environment = [one for one in gen2() if one.office_code == "BTNMT"]
    lines = check_registry(offices=["BTNMT"])

    assert len(environment) == 18
    assert sum("đã kết nối" in one.title for one in environment) == 7
    assert sum("tại Bộ" in one.title for one in environment) == 4
    assert sum("thí điểm" in one.title for one in environment) == 3
    stand_ins = {line.split(".toml")[0] for line in lines if "is a stand-in" in line}
    assert stand_ins == {one.document_type for one in environment} - {f"BTNMT060000{number}" for number in range(1, 6)}
    assert {line.split(".toml")[0] for line in lines} == {one.document_type for one in environment}


def test_a_check_lists_the_ministries_that_are_asked_about() -> None:
    assert all(line.startswith(("BNN", "BNN_")) for line in check_registry(offices=["BNN"]))
    assert len(check_registry()) > len(check_registry(offices=["BNN"])) > 0


@pytest.mark.parametrize("procedure", list(gen2()), ids=lambda one: one.document_type)
def test_what_is_asked_has_its_answers(procedure: Procedure) -> None:
    for row in procedure.rows:
        answers = {one.event for one in procedure.rows if row.service in one.answers}
        if row.event is Event.SUBMITTED:
            assert answers & {Event.RECEIVED, Event.REFUSED, Event.SUPPLEMENT_ASKED}, row.service
        elif row.event in ANSWERS:
            assert answers >= ANSWERS[row.event], row.service
        elif row.event is Event.AMENDMENT_ASKED:
            assert answers & {Event.AMENDMENT_REFUSED, Event.AMENDMENT_AGREED}, row.service
        elif row.event is Event.RESULT_ASKED:
            assert answers, row.service


@pytest.mark.parametrize("procedure", list(gen2()), ids=lambda one: one.document_type)
def test_a_procedure_can_be_begun_and_ended(procedure: Procedure) -> None:
    usual = {(row.event, way) for row in procedure.rows for way in ("to_ministry", "to_gateway") if row.default and row.goes(way)}

    assert (Event.SUBMITTED, "to_ministry") in usual
    assert {(Event.LICENCE_ISSUED, "to_gateway"), (Event.RESULT, "to_gateway")} & usual


def test_a_mere_status_of_other_software_is_sent_by_no_procedure() -> None:
    """It would be taken for a paper that nobody issued."""
    told = [(one, row) for one in gen2() for row in one.telling(Event.STATUS, "to_gateway")]

    assert told
    assert [(one.document_type, row.service) for one, row in told if row.default] == []


def test_statuses_lead_where_the_events_lead() -> None:
    """The Single Window's number after a message stands for a stage to which its event leads, from some stage."""
    for procedure in gen2():
        for row in procedure.rows:
            if row.status is None:
                continue
            stage = procedure.statuses[row.status]
            leads = {steps[row.event] for steps in TRADE.values() if row.event in steps}
            decides_nothing = row.event in (Event.RESULT, Event.STATUS)
            assert stage in leads or "before" in leads or decides_nothing, (procedure.document_type, row.service)


def test_the_clearest_table_of_transitions_is_kept() -> None:
    procedure = BOOK["BNNPTNT0600009"]
    stages = {row.service: row.from_states for row in procedure.rows if row.from_states}

    assert stages == {
        "10/02": (Stage.WAITING,),
        "10/03": (Stage.SUPPLEMENT_ASKED,),
        "12/04": (Stage.WAITING, Stage.SUPPLEMENT_ASKED),
        "13/08": (Stage.RECEIVED,),
    }
    assert {number: stage for number, stage in procedure.statuses.items() if number in (3, 7, 15)} == {
        3: Stage.RECEIVED,
        7: Stage.SUPPLEMENT_ASKED,
        15: Stage.LICENSED,
    }


def test_every_schema_is_a_messages() -> None:
    used = {one.structures[row.service].file.name for one in gen2() for row in one.rows}
    own = {path.name for path in GEN2.glob("*.xsd")}

    assert own - used == {"common.xsd", "header.xsd", "envelope.xsd", "receipt.xsd"}


@pytest.mark.parametrize(
    ("code", "service", "order"),
    [
        ("BNNPTNT0300004", "12/07", "NSWFileCode RegistrationComfirmNo DepartmentCode DepartmentName AssignCode AssignName"),
        ("BNNPTNT0300004", "18/14", "NSWFileCode RegistrationComfirmNo ImporterName GoodsList TotalQuantity TotalQuantityByChar"),
        ("BNNPTNT0200025", "13/11", "NSWFileCode AniFeedConfirmNo DepartmentCode DepartmentName ImportingFromDate"),
        ("BNN0300003", "20/18", "DispatchNo Organization Address ApplicationNo SignDate GoodsList Purposes PurposeOtherNote"),
        ("BNN&PTNT0200003", "11/04", "NSWFileCode Reason ResultDate ReturnDate Department CreaterName FileName FileByte"),
    ],
)
def test_structures_keep_the_order_and_the_spelling_of_the_wire(code: str, service: str, order: str) -> None:
    found = BOOK[code].structures[service].order

    assert " ".join(found).startswith(order)


def test_a_repeated_licence_counts_as_held_already() -> None:
    row = BOOK["BNN0300003"].find("20", "18")

    assert row is not None and row.already is not None
    assert (row.already.code, row.already.text) == ("ERR02_CODE", "DispatchNo")


def test_the_readme_has_every_procedure_with_its_numbers_of_messages() -> None:
    """Each that has messages of its own; the others are like one of them."""
    table = README.split("\n## Procedures")[1].split("\n## ")[0]
    lines = dict(re.findall(r"^\| `([^`]+)` \| .* \| (\d+ \+ \d+ \| \d+ of \d+) \|", table, re.MULTILINE))

    for procedure in gen2():
        to_ministry, to_gateway = (sum(row.goes(way) for row in procedure.rows) for way in ("to_ministry", "to_gateway"))
        structured = sum(bool(row.schema_file) for row in procedure.rows)
        said = f"{to_ministry} + {to_gateway} | {structured} of {len(procedure.rows)}"
        assert lines.get(procedure.document_type, said) == said
    files = [tomllib.loads(path.read_text("utf-8")) for path in FILES]
    assert {file["document_type"] for file in files if "like" not in file} <= set(lines)
