"""First generation as data: registry and schemas of ships, inland craft and vehicles, against the lists they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pytest
from lxml import etree

from adapters.single_window import ADAPTER, attachments
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.registry import GEN1, Procedure, check_registry, registry
from adapters.single_window.samples import generator
from hub.canonical.codes import CodeTables, Event, Stage, Status
from hub.canonical.document import Attachment, Fee
from hub.canonical.dossier import Dossier, DossierMessage, Licence, ProcedureRef, Step
from hub.contract import Opened, Writing
from hub.errors import Fault, InvalidMessage
from hub.rules import trade_lifecycle, xml

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
MESSAGE_ID = "7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10"
SEA_GOING = ("1", "2", "3", "8", "9", "10", "11")
DOMESTIC = ("4", "5", "12", "13")
INLAND_CRAFT = ("14", "15", "16", "17")
SHIPS = (*SEA_GOING, *DOMESTIC, *INLAND_CRAFT)
LISTS, VEHICLES = "0", "DANGKIEM"
ALL = (*SHIPS, LISTS, VEHICLES)
#: Who sends which document of a ship: to the ministry, to the Single Window, both.
TO_MINISTRY = {
    *("10", "20", "26", "30", "31", "32", "40", "41", "42", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59"),
    *("62", "63", "64", "66", "71", "82", "83", "91", "92", "93", "94", "95", "121"),
}
TO_GATEWAY = {"60", "61", "70", "72", "80", "81", "90", "120"}
BOTH = {"65", "84", "99"}
CATALOGUES = {str(number) for number in (*range(100, 108), *range(137, 141))}
#: What a ministry says of a document that it was sent.
DECIDED = {"21", "22", "25", "27", "28", "29"}
VEHICLE_TYPES = [*range(99, 110), 137, 138, 139, *range(200, 221), 222, 223, 224, 319]
OPTIONS = {role: Options(role=role, ministry_parties={"BGTVT": party_of("BGTVT")}) for role in ("gateway", "ministry")}


def procedure(code: str) -> Procedure:
    return registry().procedures[code]


def services(code: str, direction: str = "") -> set[str]:
    return {row.service for row in procedure(code).rows if not direction or row.goes(direction)}


def faults(code: str, service: str, *contents: str) -> list[tuple[str, str]]:
    """Check contents in an otherwise valid envelope of a message: path below Content, and code."""
    type_, function = service.split("/")
    root = xml.parse(generator.message(code, type_, function))
    place = root.find("Body/Content")
    assert place is not None
    place[:] = [xml.parse(one.encode()) for one in contents]
    found = procedure(code).structures[service].faults(xml.parse(xml.serialise(root)))
    return [(fault.path.removeprefix("/Envelope/Body/Content/"), fault.code) for fault in found]


# --- what there is ------------------------------------------------------------------------------------------------


def test_every_procedure_of_the_list_is_there_and_no_other() -> None:
    assert {path.stem for path in (GEN1 / "registry").glob("*.toml")} == set(ALL)
    assert {one for one in registry().procedures if one.isdigit()} == {*SHIPS, LISTS}


@pytest.mark.parametrize(
    ("codes", "operation"),
    [
        (SEA_GOING, "ReceiveResultFromMT"),
        (DOMESTIC, "ReceiveFromInland"),
        (INLAND_CRAFT, "ReceiveFromVIWA"),
        ((VEHICLES,), "Receive"),
    ],
)
def test_each_procedure_is_told_to_its_own_operation(codes: Iterable[str], operation: str) -> None:
    assert {procedure(code).gateway_operation for code in codes} == {operation}


def test_ships_and_vehicles_have_their_dialects() -> None:
    assert {procedure(code).dialect for code in (*SHIPS, LISTS)} == {"maritime"}
    assert procedure(VEHICLES).dialect == "vehicle_inspection"
    assert {procedure(code).office_code for code in ALL} == {"BGTVT"}


def test_every_type_of_the_ships_list_is_in_some_procedure() -> None:
    known = {row.type for code in (*SHIPS, LISTS) for row in procedure(code).rows}

    assert known == {*TO_MINISTRY, *TO_GATEWAY, *BOTH, *CATALOGUES}


def test_every_function_of_the_ships_list_is_in_some_procedure() -> None:
    known = {row.function for code in SHIPS for row in procedure(code).rows}

    assert known == {f"{number:02d}" for number in (1, 2, 3, 4, 5, 10, 11, *range(20, 32), 35)}


def test_every_type_of_the_vehicles_list_is_there() -> None:
    assert {row.type for row in procedure(VEHICLES).rows} == {str(number) for number in VEHICLE_TYPES if number != 221}


@pytest.mark.parametrize("code", SHIPS)
def test_documents_go_the_way_of_the_list(code: str) -> None:
    """Who issues a document sends it; what a ministry says of a document that it was sent goes back under its type."""
    for row in procedure(code).rows:
        if row.type in TO_GATEWAY:
            assert row.direction == "to_gateway", row.service
        elif row.type in TO_MINISTRY and not (row.function in DECIDED and row.answers):
            assert row.direction == "to_ministry", row.service
        elif row.type in TO_MINISTRY:
            assert row.direction == "to_gateway", row.service


def test_the_dossier_papers_and_lists_go_both_ways() -> None:
    assert {"99/21", "99/22", "99/23", "99/24", "65/21", "84/01"} <= services("1", "to_ministry") & services("1", "to_gateway")
    assert services(LISTS, "to_ministry") == services(LISTS, "to_gateway")
    assert len(services(LISTS)) == 3 * len(CATALOGUES)


@pytest.mark.parametrize(
    ("code", "first", "licence"),
    [
        ("1", "30/01 NoticeOfArrival", "70/01 ShiftingOrder"),
        ("2", "31/01 NoticeOfArrival", "60/01 PortClearance"),
        ("3", "32/01 NoticeOfArrival", "90/01 PermissionForTransit"),
        ("4", "30/01 InlandNoticeOfArrival", "70/01 InlandShiftingOrder"),
        ("5", "31/01 InlandNoticeOfArrival", "60/01 InlandPortClearance"),
        ("8", "30/01 NoticeOfArrival", "70/01 ShiftingOrder"),
        ("11", "31/01 NoticeOfArrival", "60/01 PortClearance"),
        ("13", "31/01 InlandNoticeOfArrival", "60/01 InlandPortClearance"),
        ("14", "50/01 PTTNDGeneralDeclaration", "81/01 PTTNDAcceptance"),
        ("15", "50/01 PTTNDGeneralDeclaration", "60/01 PTTNDPortclearance"),
        ("17", "50/01 PTTNDGeneralDeclaration", "60/01 PTTNDPortclearance"),
    ],
)
def test_a_procedure_begins_with_its_own_document_and_ends_with_its_own_permit(code: str, first: str, licence: str) -> None:
    def usual(event: Event, direction: str) -> list[str]:
        return [f"{row.service} {row.root}" for row in procedure(code).telling(event, direction) if row.default]

    assert usual(Event.SUBMITTED, "to_ministry") == [first]
    assert usual(Event.LICENCE_ISSUED, "to_gateway") == [licence]
    received = procedure(code).find("99", "21")
    assert received is not None
    assert first.partition(" ")[0] in received.answers


@pytest.mark.parametrize("code", SHIPS)
def test_what_other_software_says_in_one_word_has_a_message(code: str) -> None:
    """One-stop software and canonical partners know events, no numbers."""
    towards = {
        "to_gateway": "received refused supplement_asked fee_asked licence_issued licence_amended licence_recalled result "
        "withdrawal_agreed",
        "to_ministry": "submitted edited supplemented withdrawn fee_paid",
    }
    for direction, events in towards.items():
        for event in events.split():
            assert any(row.default for row in procedure(code).telling(Event(event), direction)), event


def test_vehicle_messages_are_confirmed_later_and_asked_after() -> None:
    rows = procedure(VEHICLES).rows
    told = {"224", "219", "220", "319", "109", "137", "138", "139"}

    for row in rows:
        expected = (False, "") if row.type in told else (True, "224/26")
        assert (row.confirmed_by, row.ask) == expected, row.service
    # Confirmations themselves are the dialect's, not the procedure's.
    assert not any(row.function == "11" for row in rows)
    asks = procedure(VEHICLES).find("224", "26")
    assert asks is not None
    assert (asks.direction, asks.root, asks.event) == ("both", "Request", Event.RESULT_ASKED)


def test_what_is_not_known_is_said() -> None:
    lines = check_registry(offices=["BGTVT"])

    assert "0.toml: the code 0 is a stand-in: replace it when the real one is known" in lines
    assert "DANGKIEM.toml: the code DANGKIEM is a stand-in: replace it when the real one is known" in lines
    assert any(line.startswith("1.toml: 84/01") and "seen once" in line for line in lines)
    assert any(line.startswith("1.toml: 26/26") and "inferred" in line for line in lines)
    assert "8.toml: messages as of 1, with what is assumed there" in lines
    # What follows from the meaning of type and function is not called a guess.
    sure = ("1.toml: 50/01", "1.toml: 99/21", "1.toml: 120/30", "DANGKIEM.toml: 100/01")
    assert not any(line.startswith(sure) for line in lines)


def test_every_status_number_of_the_ministry_has_a_stage() -> None:
    expected = {0, 1, 2, 4, 5, *range(10, 21), 25, 27, 28}

    for code in SHIPS:
        assert set(procedure(code).statuses) == expected
        assert set(procedure(code).statuses.values()) <= {stage.value for stage in Stage}


# --- schemas ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ALL)
def test_a_sample_of_every_message_is_valid(code: str) -> None:
    for number, row in enumerate(procedure(code).rows):
        root = xml.parse(generator.message(code, row.type, row.function, seed=number))
        assert procedure(code).structures[row.service].faults(root) == (), row.service


def test_every_schema_is_used_by_a_message() -> None:
    shared = {"common.xsd", "header.xsd", "envelope.xsd", "any.xsd", "receipt.xsd"}
    used = {structure.file.name for code in ALL for structure in procedure(code).structures.values()}

    assert {path.name for path in GEN1.glob("*.xsd")} - shared == used - shared


def test_structures_keep_the_order_and_the_spelling_of_the_wire() -> None:
    def order(code: str, service: str) -> tuple[str, ...]:
        return procedure(code).structures[service].order

    assert order("1", "52/01")[:6] == ("PassengerList", "DocumentName", "DocumentYear", "UserCreated", "isArrival", "NameOfShip")
    assert "IsArrival" in order("1", "51/01")
    assert "Callsign" in order("1", "53/01")
    assert "CallSign" in order("1", "50/01")
    assert order("1", "70/01")[13:16] == ("TugBoat", "Chanel", "From")
    assert len(order("1", "50/01")) == 79
    assert procedure("1").structures["56/01"].below["HealthQuanrantineDeclare"][0] == "DeclarationOfHealth"
    assert procedure("1").structures["40/01"].below["PersonList"][4] == "IlnessStatus"
    within = procedure(VEHICLES).structures["100/01"].below
    assert within["Inspection"][0] == "InpectionDate"
    assert within["AttachedFile"][-2:] == ("Base64FileContent", "SHA1FileContent")
    assert procedure("1").structures["61/01"].below["AttachedFile"][-3:] == ("SHA1FileContent", "Base64FileContent", "FileURL")
    assert procedure("1").structures["72/01"].below["AttachedFile"][-2:] == ("SHA1FileContent", "FileURL")


@pytest.mark.parametrize(
    ("service", "contents", "expected"),
    [
        ("51/01", ["<CrewLists><NameOfShip/><DocumentName/><CrewList/></CrewLists>"], []),
        ("51/01", ["<CrewLists><CrewList><Crew/><Crew><CrewCode/></Crew></CrewList><IsArrival>1</IsArrival></CrewLists>"], []),
        ("51/01", ["<CrewLists/>"], [("CrewLists/DocumentName", "missing")]),
        (
            "51/01",
            ["<CrewLists><isArrival/></CrewLists>"],
            [("CrewLists/DocumentName", "missing"), ("CrewLists/isArrival", "unexpected")],
        ),
        ("51/01", ["<CrewLists><NameOfShip/><NameOfShip/></CrewLists>"], [("CrewLists/NameOfShip[2]", "not_unique")]),
        ("51/01", ["<CrewLists><NameOfShip/></CrewLists>"] * 2, [("CrewLists[2]", "too_many")]),
        ("51/01", ["<PassengerList><NameOfShip/></PassengerList>"], [("PassengerList", "unexpected")]),
        ("50/01", ["<GeneralDeclaration><CargoList/><GrossTonnage/><CargoList><Unit/></CargoList></GeneralDeclaration>"], []),
        ("70/01", ["<ShiftingOrder><LOA>12.5</LOA><DWT/><ShownDraftxF>1e1</ShownDraftxF></ShiftingOrder>"], []),
        (
            "70/01",
            ["<ShiftingOrder><LOA>12,5</LOA><DWT>dài</DWT></ShiftingOrder>"],
            [("ShiftingOrder/LOA", "bad_value"), ("ShiftingOrder/DWT", "bad_value")],
        ),
        ("99/21", ["<AcceptDate/>", "<Accepter><Name/></Accepter>"], []),
        ("99/21", ["<Accepter><Name/></Accepter>", "<AcceptDate/>"], []),
        ("99/21", ["<AcceptDate/>", "<AcceptDate/>"], [("AcceptDate[2]", "too_many")]),
        ("99/22", ["<Reject><RejectCode/></Reject>", "<RejectDate/>"], []),
        ("99/22", ["<Reject><Reason/></Reject>"], [("Reject/RejectCode", "missing"), ("Reject/Reason", "unexpected")]),
        ("99/24", [f"<{name}/>" for name in ("CancelDate", "Organization", "Division", "Name", "Reason", "IsApprove")], []),
        ("62/03", ["<Anything><At><All/></At></Anything>", "<More/>"], []),
        ("20/01", ["<CargoDeclaration><Whatever/></CargoDeclaration>"], []),
        ("20/01", ["<CrewLists/>"], [("CrewLists", "unexpected")]),
    ],
)
def test_contents_are_read_leniently_and_every_fault_is_named(
    service: str, contents: list[str], expected: list[tuple[str, str]]
) -> None:
    assert faults("1", service, *contents) == expected


def test_a_number_of_vehicles_may_be_empty_and_not_a_word() -> None:
    request = "<RequestForQualityInspection><TotalNumberVehicle>{}</TotalNumberVehicle></RequestForQualityInspection>"

    assert faults(VEHICLES, "100/01", request.format("")) == []
    assert faults(VEHICLES, "100/01", request.format("12")) == []
    where = "RequestForQualityInspection/TotalNumberVehicle"
    assert faults(VEHICLES, "100/01", request.format("ba")) == [(where, "bad_value")]


@pytest.mark.parametrize(
    ("service", "path", "text"),
    [
        ("30/01", "Header/Subject/sendDate", "2026-03-02T09:15:04+07:00"),
        ("30/01", "Header/Reference/messageId", "BGTVT1467340000000"),
        ("30/01", "Header/From/name", ""),
        ("30/01", "Header/Subject/reference", "999999999"),
    ],
)
def test_headers_of_the_field_pass_the_schema(service: str, path: str, text: str) -> None:
    root = xml.parse(generator.message("1", *service.split("/")))
    element = root.find(path)
    assert element is not None
    element.text = text

    assert procedure("1").structures[service].faults(root) == ()


def test_subject_may_come_in_any_order_and_a_signature_in_pieces() -> None:
    root = xml.parse(generator.message(VEHICLES, "100", "01"))
    subject = root.find("Header/Subject")
    slot = root.find("SystemSignature")
    assert subject is not None
    assert slot is not None
    subject[:] = reversed(list(subject))
    slot.append(xml.parse(b'<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><Reference URI=""/></SignedInfo>'))

    assert procedure(VEHICLES).structures["100/01"].faults(root) == ()


def test_both_synchronous_answers_fit_their_schema() -> None:
    schema = xml.load_schema(GEN1 / "receipt.xsd")

    def told(*contents: str) -> tuple[Fault, ...]:
        root = xml.parse(generator.message("1", "99", "21"))
        place = root.find("Body/Content")
        assert place is not None
        place[:] = [xml.parse(one.encode()) for one in contents]
        return xml.faults(schema, root)

    assert told("<ReceiveDate>2026-03-02 09:15:04</ReceiveDate>") == ()
    assert told(f"<Reject><RejectCode>{MESSAGE_ID}</RejectCode><RejectDesc>x</RejectDesc><Name>SYSTEM</Name></Reject>") == ()
    assert told("<ReceiveDate>hôm nay</ReceiveDate>") != ()
    assert told("<Reject><Name>SYSTEM</Name></Reject>") != ()


# --- attachments --------------------------------------------------------------------------------------------------


def _taken(content: str) -> tuple[Attachment, ...]:
    root = xml.from_tree("Envelope", {"Body": {"Content": ""}})
    root[0][0].append(xml.parse(content.encode()))
    return attachments.take(root, procedure("1").attachments).attachments


def test_a_permits_file_and_the_list_of_papers_are_found() -> None:
    permit = xml.parse(generator.message("1", "61", "01"))

    (file,) = attachments.take(permit, procedure("1").attachments).attachments
    assert (file.name, file.size) == ("giay-phep.pdf", 5)
    assert file.digest.startswith("sha256:")
    text = "<AttachmentType>7</AttachmentType><Order>1</Order><Description>Giấy chứng nhận</Description>"
    (paper,) = _taken(f"<Attachment><AttachmentList>{text}</AttachmentList></Attachment>")
    assert (paper.id, paper.component_code, paper.name, paper.url) == ("1", "7", "Giấy chứng nhận", "")
    # Papers that are asked for are not there yet.
    asked = "<RequestAttachment><AttachmentList><AttachmentType>7</AttachmentType></AttachmentList></RequestAttachment>"
    assert _taken(asked) == ()


@pytest.mark.parametrize(("code", "service"), [("1", "61/01"), (VEHICLES, "100/01")])
def test_a_file_whose_sum_does_not_fit_is_refused_in_either_order(code: str, service: str) -> None:
    root = xml.parse(generator.message(code, *service.split("/")))
    for sha1 in root.iter("SHA1FileContent"):
        sha1.text = "0" * 40

    found = attachments.take(root, procedure(code).attachments).faults
    assert found
    assert {fault.code for fault in found} == {"sha1_mismatch"}


# --- there and back -----------------------------------------------------------------------------------------------


def _contents(document: bytes) -> list[bytes]:
    place = xml.parse(document).find("Body/Content")
    assert place is not None
    return [etree.tostring(element, method="c14n") for element in place]


def _there_and_back(code: str, type_: str, function: str, direction: str) -> tuple[list[bytes], list[bytes], str]:
    """Read a message as its receiver, write what it says as its sender: contents before and after, and what was written."""
    roles = ("gateway", "ministry") if direction == "to_ministry" else ("ministry", "gateway")
    reader, writer = (OPTIONS[role] for role in roles)
    document = generator.message(code, type_, function, seed=7, direction=direction, options=reader)
    incoming = ADAPTER.read_message(document, Opened(document=document, head={}), reader)
    (message,) = incoming.messages
    (call,) = ADAPTER.plan(message, writer)
    files = {file.digest: b"".join(file.pieces()) for file in incoming.files}
    told: dict[str, Any] = {"options": writer, "codes": CodeTables(), "held": {}, "now": NOW, "message_id": MESSAGE_ID}
    written = ADAPTER.write_message(message, call, Writing(**told, contents=files))
    assert written is not None
    return _contents(document), _contents(written.body), written.service


@pytest.mark.parametrize("code", ["1", "14", VEHICLES])
def test_a_message_passed_on_has_the_same_content_in_the_same_order(code: str) -> None:
    for row in procedure(code).rows:
        for direction in ("to_ministry", "to_gateway"):
            if row.goes(direction):
                before, after, service = _there_and_back(code, row.type, row.function, direction)
                assert (service, after) == (row.service, before), f"{code} {row.service} {direction}"


def _read(code: str, service: str, *contents: str) -> DossierMessage:
    """Read a message of a ministry with other contents."""
    root = xml.parse(generator.message(code, *service.split("/"), direction="to_gateway", options=OPTIONS["ministry"]))
    place = root.find("Body/Content")
    assert place is not None
    place[:] = [xml.parse(one.encode()) for one in contents]
    document = xml.serialise(root)
    (message,) = ADAPTER.read_message(document, Opened(document=document, head={}), OPTIONS["ministry"]).messages
    assert isinstance(message, DossierMessage)
    return message


@pytest.mark.parametrize("turned", [False, True])
def test_values_are_found_in_whichever_order_elements_stand_side_by_side(turned: bool) -> None:
    reject = "<Reject><RejectDesc>thiếu giấy tờ</RejectDesc><Organization>Cảng vụ Thử Nghiệm</Organization></Reject>"
    contents = [reject, "<RejectDate>2026-03-02 10:00:00</RejectDate>"]
    message = _read("1", "99/22", *(reversed(contents) if turned else contents))

    (step,) = message.steps
    assert (step.note, step.unit, step.at.isoformat()) == ("thiếu giấy tờ", "Cảng vụ Thử Nghiệm", "2026-03-02T10:00:00+07:00")
    assert list(message.dossier.form["Reject"]) == ["RejectDesc", "Organization"]


@pytest.mark.parametrize(
    ("service", "contents", "path"),
    [
        ("99/22", ["<Reject><RejectDesc/></Reject>", "<RejectDate>31/02/2026</RejectDate>"], "RejectDate"),
        ("99/21", ["<AcceptDate>2026-02-31 10:00:00</AcceptDate>"], "AcceptDate"),
        ("120/30", ["<FeeNotice><ProcessDate>sáng nay</ProcessDate></FeeNotice>"], "FeeNotice/ProcessDate"),
    ],
)
def test_a_day_that_is_none_is_named_where_it_stands(service: str, contents: list[str], path: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        _read("1", service, *contents)

    assert [fault.path for fault in caught.value.faults] == [f"/Envelope/Body/Content/{path}"]


@pytest.mark.parametrize(("code", "answer"), [("1", "99/24"), (VEHICLES, "99/24")])
def test_a_cancellation_says_inside_whether_it_is_agreed(code: str, answer: str) -> None:
    def told(said: str) -> Event:
        return _read(code, answer, "<CancelDate/>", f"<IsApprove>{said}</IsApprove>").event

    assert (told("1"), told(" 0 "), told("")) == (
        Event.WITHDRAWAL_AGREED,
        Event.WITHDRAWAL_REFUSED,
        Event.WITHDRAWAL_AGREED,
    )


def _tell(event: Event, code: str, **more: Any) -> etree._Element:
    """Write what a ministry's own software says, which knows no numbers and no form of the Single Window."""
    dossier = Dossier(
        code="123456",
        numbering="vnsw",
        procedure=ProcedureRef(code=code, name="Thủ tục thử nghiệm"),
        status=Status.PROCESSING,
        fees=(Fee(name="Phí", amount="100000"),),
        form=more.pop("form", {}),
    )
    step = Step(status=Status.PROCESSING, at=NOW, actor="Trần Thử Nghiệm", unit="Cảng vụ Thử Nghiệm", note="lý do")
    licence = Licence(number="GP-01", issued_at=NOW, signer="Nguyễn Thử Nghiệm")
    message = DossierMessage(event=event, dossier=dossier, steps=(step,), licence=licence, native={"documentYear": "2026"})
    (call,) = ADAPTER.plan(message, OPTIONS["gateway"])
    writing = Writing(options=OPTIONS["gateway"], codes=CodeTables(), held={}, now=NOW, message_id=MESSAGE_ID)
    written = ADAPTER.write_message(message, call, writing)
    assert written is not None
    return xml.parse(written.body)


@pytest.mark.parametrize("code", SHIPS)
def test_what_other_software_says_becomes_a_valid_message(code: str) -> None:
    for event, path, text in (
        (Event.RECEIVED, "Accepter/Name", "Trần Thử Nghiệm"),
        (Event.REFUSED, "Reject/RejectDesc", "lý do"),
        (Event.FEE_ASKED, "FeeNotice/TotalFee", "100000"),
        (Event.RESULT, "AcceptDate", "2026-03-02 09:15:04"),
        (Event.WITHDRAWN, "IsApprove", "1"),
        (Event.WITHDRAWAL_AGREED, "IsApprove", "1"),
        (Event.WITHDRAWAL_REFUSED, "IsApprove", "0"),
        (Event.SUPPLEMENT_ASKED, "*/RequirementDesc", "lý do"),
        (Event.LICENCE_ISSUED, "*/DirectorOfMaritimeAdministration", "Nguyễn Thử Nghiệm"),
        (Event.LICENCE_RECALLED, "*/DocumentYear", "2026"),
    ):
        assert xml.text(_tell(event, code), f"Body/Content/{path}") == text, event


def test_a_permits_own_number_of_the_dossier_stays() -> None:
    """That DocumentName is the dossier's number is inferred; what a sender wrote there is not written over."""
    own = _tell(Event.LICENCE_ISSUED, "2", form={"PortClearance": {"DocumentName": "TK-77"}})
    lent = _tell(Event.LICENCE_ISSUED, "2", form={"GeneralDeclaration": {"NameOfShip": "THU NGHIEM 01"}})

    assert xml.text(own, "Body/Content/PortClearance/DocumentName") == "TK-77"
    assert [xml.text(lent, f"Body/Content/PortClearance/{name}") for name in ("DocumentName", "NameOfShip")] == [
        "123456",
        "THU NGHIEM 01",
    ]


# --- through the life-cycle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "journey", "ends"),
    [
        # The security notification comes first; papers are asked for; the order is cancelled, and another one issued.
        (
            "1",
            "10/01 30/01 30/21 50/01 51/01 50/02 99/28 51/05 99/21 70/01 120/30 121/31 71/03 71/21 70/03 70/01 91/21 99/23 99/11",
            Stage.LICENSED,
        ),
        # A plan is to be changed, and changed by declaring it anew; the permit comes before the dossier as a whole is received.
        ("2", "31/01 31/25 31/02 31/21 60/01 99/21 63/04 63/21 60/02 99/23", Stage.LICENSED),
        ("3", "32/01 99/21 80/01 90/01 94/04 94/22 99/23", Stage.LICENSED),
        # Taken back before it was received: the ministry confirms that.
        ("4", "30/01 50/01 30/03 99/24", Stage.WITHDRAWN),
        ("5", "31/01 99/21 99/10 99/24", Stage.WITHDRAWN),
        # A fee after the permit takes the permit not back.
        ("13", "31/01 60/01 99/21 120/30 121/31 99/23", Stage.LICENSED),
        ("14", "66/01 99/21 81/01 82/03 81/03", Stage.RECALLED),
        ("15", "50/01 50/28 50/05 99/22", Stage.REFUSED),
        (VEHICLES, "100/01 101/01 102/01 99/20 100/04 99/21 200/01 207/01 208/01 210/01 211/01 99/25 224/26", Stage.LICENSED),
        (VEHICLES, "100/01 99/21 99/03 99/24", Stage.WITHDRAWN),
    ],
)
def test_a_dossiers_journey_fits_the_life_cycle(code: str, journey: str, ends: Stage) -> None:
    course = trade_lifecycle.Course()
    for number, service in enumerate(journey.split()):
        row = procedure(code).find(*service.split("/"))
        assert row is not None, service
        said = trade_lifecycle.Said(
            event=row.event, message=str(number), digest=f"sha256:{number:064}", at=float(number), from_stages=row.from_states
        )
        judged = trade_lifecycle.judge(course, said, parks=True)
        assert judged.fits, f"{service} ({row.event.value}) in {course.stage.value}"
        course = judged.course

    assert course.stage is ends


def test_what_is_out_of_place_is_told_apart() -> None:
    """Wide as the stages are: nothing is licensed that nobody applied for, and nothing follows a refusal."""
    permit = procedure("1").find("70", "01")
    assert permit is not None
    for stage in (Stage.NEW, Stage.REFUSED, Stage.WITHDRAWN):
        course = trade_lifecycle.Course(stage=stage)
        assert trade_lifecycle.target(course, permit.event, permit.from_states) is None


# --- what has no place --------------------------------------------------------------------------------------------

REASON = ("step.note", "step.at", "step.unit", "step.actor")
#: What other systems say of an event: the part of a canonical message that a writer would want to tell.
WANTED: Mapping[Event, tuple[str, ...]] = {
    **dict.fromkeys((Event.REFUSED, Event.SUPPLEMENT_ASKED, Event.WITHDRAWAL_AGREED, Event.AMENDMENT_REFUSED), REASON),
    **dict.fromkeys((Event.RESULT, Event.AMENDMENT_AGREED), REASON),
    Event.RECEIVED: ("receipt_number", *REASON),
    Event.FEE_ASKED: ("fee.amount", "step.note"),
    Event.FEE_PAID: ("fee.amount",),
    **dict.fromkeys((Event.LICENCE_ISSUED, Event.LICENCE_AMENDED), ("licence.number", "licence.issued_at", "licence.signer")),
    Event.LICENCE_RECALLED: ("licence.number", "step.note"),
    Event.SUBMITTED: ("applicant.name", "applicant.tax_code", "applicant.address", "applicant.phone", "applicant.email"),
}


def no_place() -> list[str]:
    """Say for each message with a structure what it has no element for; procedures with the same message share a line."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for code in ALL:
        for row in procedure(code).rows:
            places = {place for many in row.fields.values() for place in many}
            lost = ", ".join(place for place in WANTED.get(row.event, ()) if place not in places)
            if row.schema_file and lost:
                lines.setdefault((row.service, row.root, row.event.value, lost), []).append(code)
    return [f"| {', '.join(codes)} | {' | '.join(names)} |" for names, codes in sorted(lines.items())]


def test_what_has_no_place_in_a_message_is_listed() -> None:
    """NO_PLACE.md is the whole list: a line that is missing or too many is named."""
    text = (GEN1 / "NO_PLACE.md").read_text("utf-8")

    assert [line for line in text.splitlines() if line.startswith("| ") and "/" in line] == no_place()
