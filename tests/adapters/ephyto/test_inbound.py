"""What the Hub brings: wrappings and drift that are read, what is refused, and which word is owed for it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest

from adapters.ephyto import ADAPTER, soap
from adapters.ephyto.options import Options
from adapters.ephyto.receipts import headers_in
from hub.canonical.border.message import BorderMessage
from hub.conformance.samples import NOW
from hub.contract import Incoming, Opened, Outcome, Owed, Request
from hub.errors import Conflict, Fault, HubError, InvalidMessage, NoRoute, NotAllowed, Unavailable, Untrusted
from tests.adapters.ephyto.conftest import SAMPLES

OPTIONS = Options()
PULLED, PUSHED = (SAMPLES / "in" / "pulled.xml").read_text(), (SAMPLES / "in" / "pushed.xml").read_text()
OWED = "uat/TEST-HUB-0000042"
FAULT = Fault("/a", "missing", "thiếu", "is missing")


def pulled(body: str = PULLED, **more: Any) -> Request:
    return Request(endpoint="ephyto", body=body.encode(), path="/PULLSingleImportEnvelope", owed=OWED, **more)


def pushed(body: str = PUSHED) -> Request:
    return Request(endpoint="ephyto", body=body.encode(), content_type="text/xml")


def read(request: Request, options: Options = OPTIONS) -> tuple[Opened, Incoming]:
    opened = ADAPTER.open_request(request, options)
    return opened, ADAPTER.read_message(opened.document, opened, options)


def word(request: Request, error: HubError | None = None, options: Options = OPTIONS) -> Owed | None:
    """Give the word that is owed for a request that is read as far as it goes."""
    opened, asked = None, None
    try:
        opened = ADAPTER.open_request(request, options)
        asked = ADAPTER.read_message(opened.document, opened, options).asked
    except InvalidMessage as found:
        error = error or found
    return ADAPTER.owes(Outcome(message_id="1", received_at=NOW, error=error, asked=asked), opened, request, options)


def content() -> str:
    envelope = soap.result_in(soap.called(PULLED.encode()))
    assert envelope is not None
    return soap.content_in(envelope).decode()


def with_content(text: str) -> str:
    return PULLED.replace(escape(content()), text)


# --- wrappings and drift -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrapped",
    [
        escape,
        lambda text: f"<![CDATA[{text}]]>",
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: escape(escape(text)),
        lambda text: escape(f"<![CDATA[{text}]]>"),
        lambda text: escape('<?xml version="1.0" encoding="UTF-8"?>\n' + text),
        lambda text: text,
    ],
    ids=["escaped", "cdata", "base64", "twice", "marks", "declaration", "elements"],
)
def test_a_certificate_is_the_same_however_it_is_wrapped(wrapped: Callable[[str], str]) -> None:
    assert read(pulled(with_content(wrapped(content()))))[1].messages == read(pulled())[1].messages


@pytest.mark.parametrize("name", ["env", "envelope", "Env"])
@pytest.mark.parametrize("operation", ["DeliverEnvelope", "ValidateAndDeliverEnvelope", "deliverenvelope"])
def test_an_envelope_is_found_by_whatever_name(name: str, operation: str) -> None:
    body = PUSHED.replace("eph:env>", f"eph:{name}>").replace("eph:DeliverEnvelope>", f"eph:{operation}>")

    assert read(pushed(body))[1].messages[0].number == "ID-TEST-2026-000017"


def test_an_envelope_right_in_the_call_is_read_too() -> None:
    body = PUSHED.replace("<eph:env>", "").replace("</eph:env>", "")

    assert read(pushed(body))[1].identity == f"GetImportEnvelopeHeaders/{OWED}"


def test_the_soap_action_does_not_matter() -> None:
    request = replace(pushed(), headers={"soapaction": '"http://ephyto.ippc.int/IDeliveryService/AcknowledgeEnvelopeReceipt"'})

    assert read(request)[1].messages[0].event == "issued"


def test_pulled_and_pushed_are_one_message() -> None:
    assert read(pulled())[1].identity == read(pushed())[1].identity


def test_a_code_at_the_hub_is_its_country() -> None:
    options = Options(connection_code="VN1", connection_codes={"ID": "INDO"})

    assert [options.country_of(code) for code in ("VN1", "INDO", "TH2", "TH", "ASW")] == ["VN", "ID", "TH", "TH", "ASW"]
    assert [options.code_of(country) for country in ("VN", "ID", "TH")] == ["VN1", "INDO", "TH"]


def test_an_answer_comes_from_the_country_that_sent_the_envelope() -> None:
    request = replace(pulled(), body=(SAMPLES / "in" / "pulled_answer.xml").read_bytes())
    (message,) = read(request)[1].messages

    assert (message.subject, message.importing_country) == ("border:phyto:VN:VN-TEST-2026-000017", "ID")
    assert message.answer.result == "rejected"


# --- which word is owed ------------------------------------------------------------------------------------------


def test_an_answer_counts_from_its_own_moment() -> None:
    """One that was said earlier and comes later takes nothing back; a day alone does not say which came first."""
    body = (SAMPLES / "in" / "pushed_answer.xml").read_text()
    moment = "2026-03-01T10:00:00+07:00"
    (said,) = read(pushed(body))[1].messages
    (of_a_day,) = read(pushed(body.replace(moment, moment[:10])))[1].messages

    assert isinstance(said, BorderMessage) and isinstance(of_a_day, BorderMessage)
    assert said.sent_at == datetime.fromisoformat(moment)
    assert of_a_day.sent_at is None


def test_what_is_right_is_owed_the_plain_word() -> None:
    assert word(pulled()) == word(pushed()) == Owed(number=OWED, kind="taken")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<hub:From>ID1</hub:From>", "<hub:From>MY</hub:From>", "From MY is not the issuing country ID"),
        ("Number>ID-TEST-2026-000017<", "Number>ID-TEST-2026-000018<", "NPPOCertificateNumber"),
        ("CertificateStatus>70<", "CertificateStatus>40<", "CertificateStatus 40"),
        ("CertificateType>851<", "CertificateType>657<", "CertificateType 657"),
        (escape("<ram:Name>Công ty Mẫu Nhập khẩu</ram:Name>"), "", "SEVERE MandatoryElements: consignee"),
    ],
)
def test_what_is_questionable_is_taken_with_a_warning(old: str, new: str, said: str) -> None:
    assert old in PULLED
    owed = word(pulled(PULLED.replace(old, new)))

    assert owed is not None
    assert owed.kind == "warned"
    assert said in owed.text


@pytest.mark.parametrize(
    "body",
    [
        with_content("not XML at all"),
        with_content(escape("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>")),
        with_content(escape("<a>" * 300 + "</a>" * 300)),
        with_content("%%%%"),
        with_content(escape(content().replace(' xmlns:ram="urn:un', ' xmlns:other="urn:un'))),
        with_content(""),
        with_content(escape(content()[:500])),
        with_content(escape(content().replace("<ram:ID>ID</ram:ID>", "<ram:ID>VN</ram:ID>"))),
        PULLED.replace("hub:CertificateType>851<", "hub:CertificateType>eight<"),
        PULLED.replace("<hub:From>ID1</hub:From>", "<hub:From>ID1</hub:From><hub:From>MY</hub:From>"),
    ],
    ids=["text", "xxe", "deep", "no-base64", "undeclared", "empty", "cut", "our-own", "no-number", "from-twice"],
)
def test_what_cannot_be_read_is_owed_the_failed_word(body: str) -> None:
    owed = word(pulled(body))

    assert owed is not None
    assert (owed.number, owed.kind) == (OWED, "failed")
    assert owed.text
    assert "Thử Nghiệm" not in owed.text


def test_a_bomb_of_entities_is_refused_before_it_is_read() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>'

    for request in (pulled(bomb), pulled(with_content(escape(bomb)))):
        owed = word(request)
        assert owed is not None
        assert owed.kind == "failed"


@pytest.mark.parametrize("error", [HubError("x", "x"), Unavailable("x", "x"), NoRoute("x", "x"), NotAllowed("x", "x")])
def test_our_own_failure_is_owed_no_word(error: HubError) -> None:
    assert word(pulled(), error) is None
    assert word(pushed(), error) is None


@pytest.mark.parametrize("error", [InvalidMessage([FAULT]), Conflict([FAULT]), Untrusted("secret detail", "chi tiết")])
def test_the_senders_fault_is_owed_the_failed_word(error: HubError) -> None:
    owed = word(pulled(), error)

    assert owed is not None
    assert owed.kind == "failed"
    assert "secret" not in owed.text


def test_nothing_is_owed_for_a_word_on_one_of_ours() -> None:
    tracked = (SAMPLES / "in" / "tracking_update.xml").read_text()

    assert word(pushed(tracked)) is None
    assert word(pushed(PUSHED.replace("<hub:hubDeliveryNumber>TEST-HUB-0000042</hub:hubDeliveryNumber>", ""))) is None


def test_a_caller_at_the_door_does_not_say_which_delivery_is_meant() -> None:
    tracked = (SAMPLES / "in" / "tracking_update.xml").read_text()
    request = replace(pushed(tracked), headers={"followed-subject": "border:phyto:VN:OTHER", "followed-message": "M-1"})
    incoming = read(request)[1]

    assert (incoming.messages[0].number, incoming.correlation) == ("VN-TEST-2026-000017", "")


def test_a_forwarding_is_no_envelope_of_the_list() -> None:
    forwarding = (
        "<hub:Forwardings><hub:EnvelopeForwarding><hub:Code>ASW</hub:Code><hub:HubDeliveryNumber>OTHER</hub:HubDeliveryNumber>"
        "</hub:EnvelopeForwarding></hub:Forwardings></eph:PULLSingleImportEnvelopeResult>"
    )
    listed = PULLED.replace("</eph:PULLSingleImportEnvelopeResult>", forwarding)
    found = list(headers_in(soap.called(listed.encode())))

    assert [header.hub_number for header in found] == ["TEST-HUB-0000042"]


# --- the door ----------------------------------------------------------------------------------------------------


def answered(request: Request, error: HubError | None = None) -> tuple[int, Any, str]:
    opened = None
    try:
        opened = ADAPTER.open_request(request, OPTIONS)
        ADAPTER.read_message(opened.document, opened, OPTIONS)
    except InvalidMessage as found:
        error = error or found
    answer = ADAPTER.answer(Outcome(message_id="1", received_at=NOW, error=error), opened, request, OPTIONS)
    return answer.status, soap.called(answer.body), answer.content_type


def test_the_door_answers_with_the_envelopes_header() -> None:
    status, call, _ = answered(pushed())
    result = soap.result_in(call)

    assert (status, soap.local(call)) == (200, "DeliverEnvelopeResponse")
    assert result is not None
    assert soap.loose_header(result) == soap.Header(
        sender="ID1",
        to="VN",
        type="851",
        status="70",
        number="ID-TEST-2026-000017",
        hub_number="TEST-HUB-0000042",
        state="PendingDelivery",
    )


def test_what_cannot_be_read_is_answered_by_its_header_where_it_has_a_number() -> None:
    bad = PUSHED.replace(escape("<ram:TypeCode>851<"), escape("<ram:TypeCode>000<"))
    status, call, _ = answered(pushed(bad))
    result = soap.result_in(call)

    assert status == 200
    assert result is not None
    assert soap.loose_header(result).state == "DeliveredNotReadable"
    assert "TypeCode" in soap.loose_header(result).error
    status, call, _ = answered(pushed(bad.replace("<hub:hubDeliveryNumber>TEST-HUB-0000042</hub:hubDeliveryNumber>", "")))
    fault = soap.fault_in(call)
    assert status == 500
    assert fault is not None
    assert fault.code == "soap:Client"


def test_our_own_failure_is_a_fault_of_the_server() -> None:
    status, call, _ = answered(pushed(), HubError("TypeError", "TypeError"))
    fault = soap.fault_in(call)

    assert status == 500
    assert fault is not None
    assert (fault.code, "TypeError" in fault.text) == ("soap:Server", False)


def test_soap_1_2_is_answered_in_its_own_version() -> None:
    body = PUSHED.replace(soap.SOAP_11, soap.SOAP_12)
    status, _, kind = answered(pushed(body))
    refused, call, _ = answered(pushed(body.replace("eph:DeliverEnvelope>", "eph:Unknown>")))
    fault = soap.fault_in(call)

    assert (status, kind) == (200, "application/soap+xml; charset=utf-8")
    assert refused == 400
    assert fault is not None
    assert fault.code == "soap:Sender"


def test_the_door_serves_its_contract() -> None:
    kind, wsdl = ADAPTER.contract_documents(None, "https://truc.example.org/doors/ephyto?a=1&b=2")["wsdl"]  # type: ignore[arg-type]

    assert kind.startswith("text/xml")
    assert b'location="https://truc.example.org/doors/ephyto?a=1&amp;b=2"' in wsdl
