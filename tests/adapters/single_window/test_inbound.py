"""Reading: SOAP in both versions and every form of payload, headers that must be understood, and the envelope itself."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

import pytest

from adapters.single_window import ADAPTER
from adapters.single_window.options import MINISTRY_SERVICE, RECEIVE_GATEWAY, Inbound, Operation, Options, PartyValues
from adapters.single_window.samples import generator
from adapters.single_window.soap import SOAP, WSA
from hub.canonical.codes import Event, Status
from hub.canonical.dossier import DossierMessage
from hub.contract import Incoming, Opened, Request
from hub.errors import InvalidMessage, NotPermitted

GATEWAY = Options()
MINISTRY = Options(role="ministry")


def soap(payload: str, *, version: str = "1.1", header: str = "", operation: str = "Request", inner: str = "") -> bytes:
    """Write a request; ``payload`` is put in as it is, escaped or not."""
    call = inner or f"<payload>{payload}</payload>"
    return (
        f'<e:Envelope xmlns:e="{SOAP[version]}">{header}<e:Body><{operation} xmlns="http://tempuri.org/">{call}</{operation}>'
        "</e:Body></e:Envelope>"
    ).encode()


def opened(body: bytes, options: Options = GATEWAY) -> Opened:
    return ADAPTER.open_request(Request(endpoint="nsw", body=body, content_type="text/xml"), options)


def read(document: bytes, options: Options = GATEWAY, **head: str) -> Incoming:
    return ADAPTER.read_message(document, Opened(document=document, head=head), options)


def message(document: bytes, options: Options = GATEWAY) -> DossierMessage:
    (found,) = read(document, options).messages
    assert isinstance(found, DossierMessage)
    return found


def faults(document: bytes, options: Options = GATEWAY, **head: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidMessage) as caught:
        read(document, options, **head)
    return [(fault.path, fault.code) for fault in caught.value.faults]


# --- SOAP ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize(
    "form", ["cdata", "escaped", "escaped twice", "cdata with declaration", "utf-16 declaration", "byte order mark"]
)
def test_the_document_comes_out_of_any_form_of_payload(version: str, form: str) -> None:
    document = generator.application().decode()
    payload = {
        "cdata": f"\n<![CDATA[\n{document}\n]]>\n",
        "escaped": escape(document),
        "escaped twice": escape(escape(document)),
        "cdata with declaration": f'<![CDATA[<?xml version="1.0" encoding="UTF-8"?>\n{document}]]>',
        "utf-16 declaration": escape(f'<?xml version="1.0" encoding="utf-16" standalone="yes"?>{document}'),
        "byte order mark": escape("\ufeff" + document),
    }[form]
    found = opened(soap(payload, version=version))

    assert found.document.decode() == document
    assert found.head["soap"] == version


def test_an_escaped_text_inside_a_value_is_not_unescaped() -> None:
    """``&amp;lt;`` in data is data: only a payload that is escaped as a whole is unescaped once more."""
    document = generator.application().decode().replace("Làm nguyên liệu sản xuất", "a &amp;lt; b &lt; c")
    found = message(opened(soap(escape(document))).document)

    assert found.dossier.form["RegistrationProfile"]["Purpose"] == "a &lt; b < c"


@pytest.mark.parametrize("namespace", WSA)
def test_addressing_headers_that_must_be_understood_are(namespace: str) -> None:
    header = (
        f'<e:Header xmlns:a="{namespace}"><a:To e:mustUnderstand="1">x</a:To><a:Action e:mustUnderstand="true">y'
        "</a:Action><a:MessageID>urn:uuid:5</a:MessageID></e:Header>"
    )
    found = opened(soap(escape(generator.application().decode()), version="1.2", header=header))

    assert found.head["messageId"] == "urn:uuid:5"
    assert found.head["wsa"] == namespace


@pytest.mark.parametrize(
    ("version", "attributes", "refused"),
    [
        ("1.1", 'e:mustUnderstand="1"', True),
        ("1.2", 'e:mustUnderstand="true"', True),
        ("1.1", 'e:mustUnderstand="0"', False),
        ("1.1", "", False),
        ("1.1", 'mustUnderstand="1"', False),
        ("1.1", 'e:mustUnderstand="1" e:actor="http://schemas.xmlsoap.org/soap/actor/next"', True),
        ("1.1", 'e:mustUnderstand="1" e:actor="urn:another-node"', False),
        ("1.2", 'e:mustUnderstand="1" e:role="http://www.w3.org/2003/05/soap-envelope/role/none"', False),
        ("1.2", 'e:mustUnderstand="1" e:role="http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"', True),
    ],
)
def test_another_header_that_must_be_understood_by_us_is_refused(version: str, attributes: str, refused: bool) -> None:
    header = f'<e:Header><w:Security xmlns:w="urn:w" {attributes}/></e:Header>'
    body = soap("x", version=version, header=header)
    if not refused:
        assert opened(body).document == b"x"
        return
    with pytest.raises(InvalidMessage) as caught:
        opened(body)

    assert [fault.code for fault in caught.value.faults] == ["must_understand"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "missing"),
        (b"<", "not_well_formed"),
        (b"<Envelope/>", "not_soap"),
        (b'<Envelope xmlns="urn:other"/>', "version_mismatch"),
        (f'<e:Envelope xmlns:e="{SOAP["1.1"]}"/>'.encode(), "missing"),
        (soap("x", operation="Other"), "unknown_operation"),
        (soap("", inner="<other>x</other>"), "missing"),
        (soap("x").replace(b"http://tempuri.org/", b"http://tempuri.net/"), "unknown_operation"),
        (b"<!DOCTYPE a>" + soap("x"), "dtd"),
        (soap("<Envelope/>"), "missing"),
    ],
)
def test_what_is_no_call_of_the_operation_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        opened(body)

    assert [fault.code for fault in caught.value.faults] == [code]


def test_a_version_that_the_endpoint_does_not_take_is_a_mismatch() -> None:
    only_12 = Options(inbound=Inbound(soap=("1.2",)))
    with pytest.raises(InvalidMessage) as caught:
        opened(soap("x"), only_12)

    assert caught.value.faults[0].code == "version_mismatch"
    assert "1.2" in caught.value.faults[0].en
    assert opened(soap("x", version="1.2"), only_12).document == b"x"


def test_names_of_the_operation_are_the_endpoints_own() -> None:
    """As a JAX-WS service: another namespace, and a parameter in none."""
    names = {"namespace": "http://ws.viettel.com/", "operation": "getMessageFromNSW", "payload": "name", "qualified": False}
    door = MINISTRY_SERVICE.model_copy(update=names)
    options = Options(inbound=Inbound(operation=door))
    body = (
        f'<e:Envelope xmlns:e="{SOAP["1.1"]}"><e:Body><w:getMessageFromNSW xmlns:w="http://ws.viettel.com/"><name>x</name>'
        "</w:getMessageFromNSW></e:Body></e:Envelope>"
    ).encode()

    assert opened(body, options).document == b"x"


def test_routing_values_beside_the_document_are_kept() -> None:
    body = (
        f'<e:Envelope xmlns:e="{SOAP["1.1"]}" xmlns:g="{RECEIVE_GATEWAY.namespace}"><e:Body><g:receiveRequest>'
        "<g:officeCode>BNN</g:officeCode><g:documentType>BNN&amp;PTNT0300002</g:documentType><g:requestPayload>x</g:requestPayload>"
        "</g:receiveRequest></e:Body></e:Envelope>"
    ).encode()

    routing = {"officeCode": "BNN", "documentType": "BNN&PTNT0300002"}

    assert opened(body, MINISTRY).head == {"soap": "1.1", "operation": "receiveRequest", **routing}


def test_a_wrapped_request_is_read() -> None:
    door = Operation(
        shape="wrapped",
        namespace="urn:s",
        operation="receive",
        payload="requestPayload",
        response="receiveResponse",
        result="responsePayload",
        data_namespace="urn:d",
    )
    options = Options(role="ministry", inbound=Inbound(operation=door))
    body = (
        f'<e:Envelope xmlns:e="{SOAP["1.1"]}" xmlns:d="urn:d"><e:Body><receive xmlns="urn:s"><request>'
        "<d:officeCode>BNN</d:officeCode><d:documentType>T</d:documentType><d:requestPayload>x</d:requestPayload></request></receive></e:Body></e:Envelope>"
    ).encode()
    found = opened(body, options)

    assert (found.document, found.head["officeCode"]) == (b"x", "BNN")


def test_a_payload_that_only_begins_like_an_escaped_document_is_refused_where_it_is_read() -> None:
    """SOAP is readable, so the answer can be an envelope with an error instead of a SOAP fault."""
    document = opened(soap(escape("&lt;Envelope & more"))).document

    assert faults(document) == [("line 1", "not_well_formed")]


# --- the envelope --------------------------------------------------------------------------------------------------


def test_an_application_becomes_a_dossier_with_the_single_windows_number() -> None:
    found = message(generator.application("BTNMT0600005", seed=7, unit_code="BTNMT-MT", area_code="75"))
    dossier = found.dossier

    assert (found.event, dossier.status) == (Event.SUBMITTED, Status.REGISTERED)
    assert (dossier.numbering, dossier.code) == ("vnsw", "BTNMT05260000007")
    assert dossier.procedure.code == "BTNMT0600005"
    assert dossier.form["RegistrationProfile"]["ProvinceCode"] == "75"
    assert found.native["unitCode"] == "BTNMT-MT"
    assert found.native["preReference"] == "BTNMT05260000007"
    assert dossier.attachments[0].url.startswith("https://files.example.org/")
    assert dossier.submitted_at == found.sent_at


def test_the_identity_is_message_id_with_type_and_function() -> None:
    document = generator.application().decode()
    message_id = re.findall("<messageId>(.*)</messageId>", document)[0]

    assert read(document.encode()).identity == f"{message_id}/10/01"
    assert read(document.replace(message_id, "").encode()).identity == ""
    assert read(document.replace(f"<messageId>{message_id}</messageId>", "").encode()).identity == ""


@pytest.mark.parametrize(
    ("row", "event", "status"),
    [
        (("BNNPTNT0600009", "10", "02"), Event.EDITED, Status.REGISTERED),
        (("BTNMT0600001", "10", "04"), Event.SUPPLEMENTED, Status.RECEIVED),
        (("BTNMT0600001", "15", "03"), Event.WITHDRAWN, Status.WITHDRAWN),
        (("BTNMT0600001", "15", "11"), Event.WITHDRAWAL_ASKED, Status.PROCESSING),
        (("BNN&PTNT0300002", "19", "15"), Event.FEE_PAID, Status.PROCESSING),
    ],
)
def test_the_same_numbers_mean_something_else_in_another_procedure(
    row: tuple[str, str, str], event: Event, status: Status
) -> None:
    found = message(generator.message(*row))

    assert (found.event, found.dossier.status) == (event, status)


def test_a_ministrys_answer_is_read_where_the_hub_is_the_gateway() -> None:
    document = generator.message("BNNPTNT0600009", "18", "15", seed=3, unit_code="CTY", given={"DispatchNo": "55/TY-KD"})
    found = message(document, MINISTRY)

    assert found.event is Event.LICENCE_ISSUED
    assert found.licence is not None
    assert found.licence.number == found.dossier.results[0].number == "55/TY-KD"
    assert found.native["unitCode"] == "CTY"
    assert found.steps[0].status is Status.DONE


def test_the_answered_message_is_named() -> None:
    found = message(generator.message("BNNPTNT0600009", "14", "09"), MINISTRY)

    assert found.native["answers"] == "13/08"


def test_a_message_of_the_wrong_direction_is_not_the_senders_to_send() -> None:
    with pytest.raises(NotPermitted):
        read(generator.message("BTNMT0600001", "11", "05"))
    with pytest.raises(NotPermitted):
        read(generator.application(), MINISTRY)


def test_both_office_codes_of_a_merged_ministry_come_to_one_endpoint() -> None:
    for document in (generator.application(), generator.message("BNNPTNT0600009", "10", "01")):
        assert message(document).event is Event.SUBMITTED


def test_a_procedure_of_an_office_that_is_not_here_is_unknown() -> None:
    party = PartyValues(name="BNN", identity="BNN", ministry_code="BNN", organization_code="BNN")
    only = Options(ministry_parties={"BNN": party})

    assert faults(generator.application(), only) == [("/Envelope/Header/Subject/documentType", "unknown_procedure")]


@pytest.mark.parametrize(("identity", "taken"), [("BTNMT", True), ("", True), ("MONRE", True), ("BYT", False)])
def test_parties_are_matched_on_identity_and_never_on_ministry_code(identity: str, taken: bool) -> None:
    party = PartyValues(name="BTNMT", identity="BTNMT", ministry_code="X", organization_code="X", aliases=("MONRE",))
    options = Options(ministry_parties={"BTNMT": party})
    document = generator.application().replace(b"<identity>BTNMT</identity>", f"<identity>{identity}</identity>".encode())
    if taken:
        assert message(document, options).event is Event.SUBMITTED
    else:
        assert faults(document, options) == [("/Envelope/Header/To/identity", "bad_value")]


def test_routing_values_must_match_the_document_inside() -> None:
    document = generator.message("BNN&PTNT0300002", "12", "05")

    assert read(document, MINISTRY, documentType="BNN&PTNT0300002", officeCode="BNN").messages
    assert faults(document, MINISTRY, documentType="BNN&amp;PTNT0300002", officeCode="BTNMT") == [
        ("/receiveRequest/documentType", "bad_value"),
        ("/receiveRequest/officeCode", "bad_value"),
    ]


def test_a_prefixed_envelope_is_read_and_its_signature_is_left_alone() -> None:
    document = generator.application().decode()
    prefixed = re.sub(r"<(/?)(\w)", r"<\1v:\2", document).replace("<v:Envelope>", '<v:Envelope xmlns:v="urn:vnsw">')

    assert read(prefixed.encode()) == read(document.encode())


def test_a_body_before_its_header_is_read() -> None:
    document = generator.application().decode()
    header = re.search(r"<Header>.*</Header>", document, re.DOTALL)
    assert header
    turned = document.replace(header[0], "").replace("</Body>", f"</Body>{header[0]}")

    assert read(turned.encode()) == read(document.encode())


def test_faults_of_schema_calendar_and_address_are_told_together() -> None:
    document = generator.message("BTNMT0600001", "15", "11").decode()
    document = document.replace("<identity>BTNMT", "<identity>BYT")
    document = re.sub("<sendDate>[^<]*", "<sendDate>2026-02-30 08:00:00", document)
    document = re.sub("<documentYear>[^<]*", "<documentYear>x", document)

    assert sorted(faults(document.encode())) == [
        ("/Envelope/Header/Subject/documentYear", "bad_value"),
        ("/Envelope/Header/Subject/sendDate", "bad_value"),
        ("/Envelope/Header/To/identity", "bad_value"),
    ]


def test_a_fault_does_not_repeat_what_stands_in_the_place_of_a_code() -> None:
    document = generator.application().replace(b"BTNMT0600001", "Nguyễn Thử Nghiệm".encode())
    with pytest.raises(InvalidMessage) as caught:
        read(document)

    assert "Nghiệm" not in caught.value.en + caught.value.vi
