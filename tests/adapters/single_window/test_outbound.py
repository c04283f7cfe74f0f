"""Writing: which message an event needs, its envelope in the order that readers accept, and what is refused before it leaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.single_window import ADAPTER
from adapters.single_window.options import Options
from adapters.single_window.outbound import check_policies
from adapters.single_window.registry import registry
from adapters.single_window.samples import generator
from hub.canonical.codes import CodeTables, Event, Status
from hub.canonical.document import Attachment, ResultDocument
from hub.canonical.dossier import Dossier, DossierMessage, Licence, ProcedureRef, Step
from hub.canonical.party import Agency
from hub.canonical.procedure import CatalogueMessage
from hub.contract import Call, Opened, Outgoing, Writing
from hub.endpoint import OutboundPolicy, ServicePolicy
from hub.errors import InvalidMessage, NoMapping
from hub.rules import xml

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
MESSAGE_ID = "7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10"
SUBJECT = ["documentType", "type", "function", "reference", "documentYear", "preReference", "preDocumentYear", "sendDate"]
STEP = Step(status=Status.RECEIVED, actor="Trần Thử Nghiệm", unit="Cục Thử Nghiệm", note="đủ hồ sơ", at=NOW)


def tell(event: Event = Event.RECEIVED, procedure: str = "BTNMT0600001", **given: Any) -> DossierMessage:
    dossier = {"code": "BTNMT01260000007", "numbering": "vnsw", "procedure": ProcedureRef(code=procedure)}
    dossier |= given.pop("dossier", {})
    return DossierMessage(**{"event": event, "dossier": Dossier(**dossier), "steps": (STEP,), "sent_at": NOW, **given})


def write(
    message: DossierMessage,
    options: Options | None = None,
    call: Call | None = None,
    now: datetime = NOW,
    contents: Mapping[str, bytes] | None = None,
) -> Outgoing:
    options = options or Options()
    if call is None:
        (call,) = ADAPTER.plan(message, options)
    writing = Writing(options=options, codes=CodeTables(), held={}, now=now, message_id=MESSAGE_ID, contents=contents or {})
    return ADAPTER.write_message(message, call, writing)


def written(message: DossierMessage, options: Options | None = None, **given: Any) -> Any:
    return xml.parse(write(message, options, **given).body)


def services(message: DossierMessage, options: Options | None = None) -> list[str]:
    return [call.service for call in ADAPTER.plan(message, options or Options())]


def test_the_tree_that_was_written_goes_with_its_bytes_so_that_signing_need_not_read_them() -> None:
    outgoing = write(tell())

    assert outgoing.root is not None
    assert xml.serialise(outgoing.root) == outgoing.body


# --- which message ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("procedure", "event", "service"),
    [
        ("BTNMT0600001", Event.RECEIVED, ["11/05"]),
        ("BTNMT0600001", Event.REFUSED, ["11/06"]),
        ("BTNMT0600001", Event.SUPPLEMENT_ASKED, ["11/07"]),
        ("BTNMT0600001", Event.LICENCE_ISSUED, ["17/14"]),
        ("BTNMT0600001", Event.LICENCE_AMENDED, ["17/16"]),
        ("BTNMT0600001", Event.RESULT, ["17/14"]),
        ("BTNMT0600001", Event.WITHDRAWN, ["16/12"]),
        ("BTNMT0600001", Event.STATUS, []),
        ("BTNMT0600001", Event.FEE_ASKED, []),
        ("BTNMT0600001", Event.SUBMITTED, []),
        ("BNNPTNT0600009", Event.RESULT, ["18/15"]),
        ("BNNPTNT0600009", Event.EDIT_REFUSED, ["16/13"]),
        ("BNN&PTNT0300002", Event.FEE_ASKED, ["18/14"]),
        ("BNN&PTNT0300002", Event.RECEIVED, ["13/07"]),
        ("1.004237", Event.RECEIVED, ["unknown"]),
    ],
)
def test_an_event_needs_the_message_that_the_registry_says(procedure: str, event: Event, service: list[str]) -> None:
    assert services(tell(event, procedure)) == service


def test_towards_a_ministry_the_other_direction_is_written() -> None:
    ministry = Options(role="ministry")

    assert services(tell(Event.SUBMITTED), ministry) == ["10/01"]
    assert services(tell(Event.WITHDRAWN), ministry) == ["15/03"]
    assert services(tell(Event.RECEIVED), ministry) == []


def test_what_the_form_holds_decides_between_messages_of_one_event() -> None:
    hygiene = {"VeterinaryHygiene": {"DispatchNo": "1"}}

    assert services(tell(Event.LICENCE_ISSUED, "BNNPTNT0600009")) == ["18/15"]
    assert services(tell(Event.LICENCE_ISSUED, "BNNPTNT0600009", dossier={"form": hygiene})) == ["17/14"]


def test_numbers_a_message_came_with_are_kept_when_it_is_passed_on() -> None:
    ministry = Options(role="ministry")
    native = {"type": "19", "function": "16"}

    assert services(tell(Event.FEE_PAID, "BNN&PTNT0300002"), ministry) == ["19/15"]
    assert services(tell(Event.FEE_PAID, "BNN&PTNT0300002", native=native), ministry) == ["19/16"]
    assert services(tell(Event.RECEIVED, native={"type": "10", "function": "01"})) == ["11/05"]


def test_the_procedure_is_found_by_the_number_it_came_under() -> None:
    """One-stop software names the procedure by its own code; the hub adds what the dossier's first message said."""
    message = tell(procedure="1.004237", native={"documentType": "BTNMT0600001"})

    assert services(message) == ["11/05"]
    assert write(message).head["documentType"] == "BTNMT0600001"


def test_other_kinds_of_messages_need_no_call() -> None:
    assert ADAPTER.plan(CatalogueMessage(owner="G00", procedures=()), Options()) == ()


def test_an_unknown_procedure_is_parked_with_its_cause() -> None:
    with pytest.raises(NoMapping) as caught:
        write(tell(procedure="1.004237"))

    assert "1.004237" in caught.value.en


def test_an_unknown_procedure_is_written_when_the_registry_has_learnt_it(tmp_path: Path) -> None:
    text = 'document_type = "BYT0600001"\ntitle = "x"\noffice_code = "BTNMT"\nlike = "BTNMT0600001"\n'
    (tmp_path / "BYT0600001.toml").write_text(text, "utf-8")
    message = tell(procedure="BYT0600001")
    (call,) = ADAPTER.plan(message, Options())

    assert write(message, Options(registry=str(tmp_path)), call=call).service == "11/05"


def test_a_call_of_another_direction_is_not_written() -> None:
    with pytest.raises(NoMapping):
        write(tell(), call=Call(service="10/01"))


def test_a_dossier_without_number_of_the_single_window_is_refused() -> None:
    with pytest.raises(InvalidMessage) as caught:
        write(tell(dossier={"numbering": "national"}))

    assert [fault.path for fault in caught.value.faults] == ["/dossier/other_codes/vnsw"]


# --- the envelope ----------------------------------------------------------------------------------------------------


def test_subject_is_written_in_the_order_that_nearly_all_readers_accept() -> None:
    body = write(tell()).body

    assert [child.tag for child in xml.parse(body).find("Header/Subject")] == SUBJECT  # type: ignore[union-attr]
    assert body.startswith(b"<Envelope><Header><Reference><version>01</version><messageId>7d0f5b1e-")
    assert b"<?xml" not in body
    assert body.endswith(b"</Content><Signature/></Body></Envelope>")


def test_the_year_before_is_left_out_for_readers_that_refuse_it() -> None:
    root = written(tell(), Options(pre_document_year=False))

    assert [child.tag for child in root.find("Header/Subject")] == [name for name in SUBJECT if name != "preDocumentYear"]


def test_moments_are_vietnamese_local_time_without_zone() -> None:
    moment = datetime(2026, 12, 31, 20, 30, 15, 999_000, tzinfo=UTC)
    root = written(tell(steps=(STEP.model_copy(update={"at": moment}),)), now=moment)

    assert xml.text(root, "Header/Subject/sendDate") == "2027-01-01 03:30:15"
    assert xml.text(root, "Body/Content/EvaluationResult/ResultDate") == "2027-01-01 03:30:15"


def test_numbers_of_the_dossier_come_from_its_first_message() -> None:
    native = {"documentYear": "2025", "preReference": "OLD1", "preDocumentYear": "2024", "unitCode": "CTY"}
    dossier = {"numbering": "national", "code": "H26-1", "other_codes": {"vnsw": "BTNMT01250000001"}}
    root = written(tell(native=native, dossier=dossier))

    assert [element.text for element in root.find("Header/Subject")][3:7] == ["BTNMT01250000001", "2025", "OLD1", "2024"]
    assert xml.text(root, "Header/From/unitCode") == "CTY"
    assert xml.text(root, "Header/To/unitCode") == "NSW"


def test_without_a_first_message_the_dossier_replaces_none_and_is_of_the_year_it_was_submitted() -> None:
    fallback = written(tell(dossier={"submitted_at": datetime(2024, 12, 31, 18, tzinfo=UTC)}))

    assert [element.text for element in fallback.find("Header/Subject")][3:7] == [
        "BTNMT01260000007", "2025", "BTNMT01260000007", "2025",
    ]  # fmt: skip
    assert xml.text(written(tell()), "Header/Subject/documentYear") == "2026"


def test_towards_a_ministry_its_receiving_unit_is_addressed() -> None:
    document = generator.message("BNNPTNT0600009", "10", "01", unit_code="CTY")
    (message,) = ADAPTER.read_message(document, Opened(document=document), Options()).messages
    assert isinstance(message, DossierMessage)
    root = written(message, Options(role="ministry"))

    assert [xml.text(root, f"Header/{name}") for name in ("From/identity", "To/identity", "To/unitCode")] == ["NSW", "BNN", "CTY"]


def test_a_message_passed_on_says_what_it_said() -> None:
    """What comes from the Single Window and goes to a ministry's system keeps its content, element by element."""
    for document_type, type_, function in (
        (procedure.document_type, row.type, row.function)
        for procedure in registry().procedures.values()
        if procedure.office_code in Options().ministry_parties
        for row in procedure.rows
        if row.direction == "to_ministry"
    ):
        document = generator.message(document_type, type_, function, seed=4)
        incoming = ADAPTER.read_message(document, Opened(document=document), Options())
        (message,) = incoming.messages
        assert isinstance(message, DossierMessage)
        contents = {file.digest: b"".join(file.pieces()) for file in incoming.files}
        before, after = xml.parse(document), written(message, Options(role="ministry"), contents=contents)

        assert xml.serialise(after.find("Body/Content")) == xml.serialise(before.find("Body/Content"))  # type: ignore[arg-type]


def test_the_ampersand_of_a_code_is_escaped_in_the_envelope_and_raw_in_the_head() -> None:
    outgoing = write(tell(Event.REFUSED, "BNN&PTNT0300002", dossier={"code": "QG2026000012"}))

    assert b"<documentType>BNN&amp;PTNT0300002</documentType>" in outgoing.body
    assert outgoing.head["documentType"] == "BNN&PTNT0300002"


def test_the_head_holds_what_the_receipt_must_repeat() -> None:
    assert dict(write(tell()).head) == {
        "documentType": "BTNMT0600001",
        "type": "11",
        "function": "05",
        "reference": "BTNMT01260000007",
        "officeCode": "BTNMT",
        "messageId": MESSAGE_ID,
        "result": "responsePayload",
    }


def test_what_may_be_repeated_is_told_apart() -> None:
    document = generator.message("BNNPTNT0600009", "10", "01")
    (message,) = ADAPTER.read_message(document, Opened(document=document), Options()).messages
    assert isinstance(message, DossierMessage)

    assert write(message, Options(role="ministry")).variant == "repeatable"
    assert write(tell()).variant == ""


def test_a_policy_that_promises_more_than_the_registry_allows_is_listed(endpoint_for: Any) -> None:
    def lines(role: str, name: str, on_doubt: str) -> str:
        policy = OutboundPolicy(services={name: ServicePolicy(on_doubt=on_doubt)})
        return "\n".join(en for _, en in check_policies(replace(endpoint_for(role=role), outbound=policy)))

    refused = re.search(
        r"^14/09 \(\d+ procedures: .*\): may not be repeated by the registry$", lines("gateway", "14/09", "resend"), re.M
    )
    assert refused
    assert "10/01.repeatable" not in lines("ministry", "10/01.repeatable", "resend")
    assert re.search(r"^10/01 \(\d+ procedures: .*\): may not be repeated", lines("ministry", "10/01", "resend"), re.M)
    assert "BNNPTNT0600009" not in lines("ministry", "10/01", "resend")
    assert "11/05: the partner cannot be asked (on_doubt = ask)" in lines("gateway", "11/05", "ask")
    assert "11/05" not in lines("gateway", "11/05", "park")


# --- content ---------------------------------------------------------------------------------------------------------


def test_content_is_filled_from_the_last_step() -> None:
    root = written(tell(dossier={"receipt_number": "TN-55"}, steps=(STEP.model_copy(update={"note": "cũ"}), STEP)))

    assert xml.to_tree(root.find("Body/Content/EvaluationResult")) == {
        "RegistrationComfirmNo": "TN-55",
        "Reason": "đủ hồ sơ",
        "ResultDate": "2026-03-02 09:15:04",
        "Department": "Cục Thử Nghiệm",
        "CreaterName": "Trần Thử Nghiệm",
    }


def test_a_step_without_unit_is_the_agencys() -> None:
    step = STEP.model_copy(update={"unit": ""})
    root = written(tell(steps=(step,), dossier={"agency": Agency(name="Sở Thử Nghiệm")}))

    assert xml.text(root, "Body/Content/EvaluationResult/Department") == "Sở Thử Nghiệm"


def test_a_licence_is_written_or_the_result_document_in_its_place() -> None:
    licence = Licence(number="1/GP", issued_at=NOW, signer="Trần Thử Nghiệm", link="https://files.example.org/1")
    results = (ResultDocument(name="Giấy phép", number="2/GP", url="https://files.example.org/2"),)
    full = written(tell(Event.LICENCE_ISSUED, licence=licence, dossier={"results": results})).find("Body/Content/License")
    result = written(tell(Event.RESULT, dossier={"results": results})).find("Body/Content/License")

    assert [xml.text(full, "DispatchNo"), xml.text(full, "LinkFile")] == ["1/GP", "https://files.example.org/1"]
    assert [xml.text(result, "DispatchNo"), xml.text(result, "LinkFile")] == ["2/GP", "https://files.example.org/2"]


def test_what_the_form_holds_is_taken_as_it_is_and_what_the_dossier_says_goes_before_it() -> None:
    form = {"EvaluationResult": {"ReceiveNo": "55", "Reason": "from the form", "Department": "from the form"}}
    content = written(tell(dossier={"form": form})).find("Body/Content/EvaluationResult")

    assert [child.tag for child in content] == ["ReceiveNo", "Reason", "ResultDate", "Department", "CreaterName"]
    assert [xml.text(content, "ReceiveNo"), xml.text(content, "Reason")] == ["55", "đủ hồ sơ"]


def test_a_letter_borrows_what_the_application_said() -> None:
    application = {"ProductType": "1", "BordergateName": "Cảng Thử Nghiệm", "ImporterName": "not an element of the letter"}
    form = {"RegistrationProfile": application, "VeterinaryHygiene": {"BordergateName": "Cảng khác"}}
    message = tell(Event.LICENCE_ISSUED, "BNNPTNT0600009", dossier={"form": form})
    with pytest.raises(InvalidMessage) as caught:
        write(message)
    places = {fault.path.rsplit("/", 1)[-1] for fault in caught.value.faults}

    assert "ProductType" not in places
    assert "ImporterName" not in places
    assert {"DispatchNo", "Summary", "Recipient"} <= places


def test_attachments_are_listed_where_the_form_has_none() -> None:
    profile = {"ProvinceCode": "27", "Purpose": "x", "SignAddress": "x", "SignDate": "", "SignName": "x", "SignPosition": "x"}
    applicant = {"name": "x", "address": "x", "phone": "x", "email": "x"}
    files = (
        Attachment(id="7", name="a.pdf", component_code="3", url="https://files.example.org/7"),
        Attachment(name="b.pdf", component_code="4", url="https://files.example.org/8"),
        Attachment(name="gone.pdf", url="https://files.example.org/9", deleted=True),
    )
    message = tell(
        Event.SUBMITTED, dossier={"form": {"RegistrationProfile": profile}, "attachments": files, "applicant": applicant}
    )
    root = written(message, Options(role="ministry"))

    assert [xml.text(one, "AttachmentId") for one in root.iter("Attachment")] == ["7", "2"]
    assert [xml.text(one, "LinkFile") for one in root.iter("Attachment")] == [file.url for file in files[:2]]


def test_all_that_is_missing_is_told_before_anything_leaves() -> None:
    with pytest.raises(InvalidMessage) as caught:
        write(tell(Event.LICENCE_ISSUED, steps=()))

    assert [fault.path for fault in caught.value.faults] == [
        "/Envelope/Body/Content/License/DispatchNo",
        "/Envelope/Body/Content/License/SignConfirmName",
    ]


def test_what_the_schema_does_not_know_is_told_too() -> None:
    with pytest.raises(InvalidMessage) as caught:
        write(tell(dossier={"form": {"EvaluationResult": {"Remark": "x"}}}))

    assert [(fault.path, fault.code) for fault in caught.value.faults] == [
        ("/Envelope/Body/Content/EvaluationResult/Remark", "unexpected")
    ]


def test_a_moment_outside_the_calendar_is_refused() -> None:
    step = STEP.model_copy(update={"at": datetime.fromisoformat("0001-01-01T00:00:00+23:00")})
    with pytest.raises(InvalidMessage) as caught:
        write(tell(steps=(step,)))

    assert [fault.path for fault in caught.value.faults] == ["/steps/at"]
