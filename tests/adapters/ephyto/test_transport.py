"""Calls to the simulated Hub: delivering, following by the exact word, taking with one of three words, look-ups, code lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.ephyto import ADAPTER, soap
from adapters.ephyto.operations import CODE_LISTS, HEADERS, OPERATIONS, TECHNICAL, WSDL, soap_action
from adapters.ephyto.options import Options
from adapters.ephyto.requests import Requests
from adapters.ephyto.transport import EphytoTransport
from hub.canonical.message import from_json
from hub.contract import Acknowledging, CodeHolder, Following, Listed, LooksUp, Outcome, Outgoing, Owed, Pulling
from hub.endpoint import Endpoint, InboundPolicy, OutboundPolicy
from hub.errors import BadSettings, Busy, InDoubt, NotSent, Refused
from hub.rules import xml
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire
from tests.adapters.ephyto.conftest import SAMPLES, let_go

NOW = datetime(2026, 3, 2, tzinfo=UTC)
Connect = Callable[..., EphytoTransport]
Written = Callable[..., Outgoing]


def content() -> str:
    """Give the certificate that waits in the samples."""
    envelope = soap.result_in(soap.called((SAMPLES / "in" / "pulled.xml").read_bytes()))
    assert envelope is not None
    return soap.content_in(envelope).decode()


def arrived(post: SimulatorServer, **given: Any) -> str:
    """Let a certificate wait for us; give its number at the Hub."""
    told = {"from": "ID", "number": "ID-TEST-2026-000017", "content": content()} | given
    return str(post.verbs["incoming"](told)["number"])


def state_of(post: SimulatorServer, number: str) -> tuple[str, str]:
    row = next(each for each in post.account()["envelopes"] if each["number"] == number)
    return row["state"], row["message"]


# --- the contract ------------------------------------------------------------------------------------------------


def test_the_contract_has_the_27_operations_with_the_actions_that_are_sent() -> None:
    root = xml.parse(WSDL.read_bytes().replace(b"${address}", b"http://hub.example.org/"))
    declared = {
        str(each.get("name")): str(inner.get("soapAction"))
        for each in root.iter("{http://schemas.xmlsoap.org/wsdl/}operation")
        for inner in each.iter("{http://schemas.xmlsoap.org/wsdl/soap/}operation")
    }

    assert declared == {operation: soap_action(operation) for operation in OPERATIONS}
    assert len(declared) == 27
    assert declared["AdvancedAcknowledgeEnvelopeReceipt"].endswith("/NegativeAcknowledgeEnvelopeReceipt")


def test_parameters_are_called_env_here_and_envelope_there(written: Written) -> None:
    requests = Requests(Options())

    for operation, name in (("DeliverEnvelope", "env"), ("ValidateAndDeliverEnvelope", "envelope")):
        call = soap.called(requests.delivery(replace(written(), service=operation)))
        assert [str(child.tag) for child in call] == [f"{{http://ephyto.ippc.int/}}{name}"]
        assert soap.child(call[0], "Content") is not None
        assert soap.loose_header(call[0]).number == "VN-TEST-2026-000017"


def test_no_addressing_header_is_sent(written: Written) -> None:
    assert b"addressing" not in Requests(Options()).delivery(written())


def test_content_as_cdata_is_the_same_document(written: Written) -> None:
    outgoing = written()
    body = Requests(Options(content="cdata")).delivery(outgoing)
    envelope = soap.envelope_in(soap.called(body))

    assert b"<![CDATA[" in body
    assert envelope is not None
    assert soap.content_in(envelope) == outgoing.body


# --- delivering --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deliver", ["ValidateAndDeliverEnvelope", "DeliverEnvelope", "DeliverPhytoEnvelope"])
def test_a_certificate_is_delivered_and_followed_to_its_end(
    deliver: str, post: SimulatorServer, connect: Connect, written: Written
) -> None:
    transport, outgoing = connect(deliver=deliver), written(deliver=deliver)
    reply = transport.send(outgoing, let_go)
    receipt = ADAPTER.read_receipt(reply, outgoing)

    assert receipt.follow == f"uat/{receipt.text}"
    assert (transport.follow(receipt.follow).state, transport.follow(receipt.follow).final) == ("PendingDelivery", False)
    post.verbs["settle"]({"number": receipt.text, "state": "DeliveredWithWarnings", "message": "unit of a package"})
    followed = transport.follow(receipt.follow)
    opened = ADAPTER.open_request(followed.request, Options())
    (message,) = ADAPTER.read_message(opened.document, opened, Options()).messages
    assert (followed.state, followed.final) == ("DeliveredWithWarnings", True)
    assert message.tracking.technical == "delivered_with_warnings"
    assert message.tracking.text == "unit of a package"


@pytest.mark.parametrize("state", [*TECHNICAL, "delivered", "DeliveredWithwarnings", "NotDelivered", "Delivered "])
def test_a_state_is_its_exact_word(state: str, post: SimulatorServer, connect: Connect, written: Written) -> None:
    transport, outgoing = connect(), written()
    number = ADAPTER.read_receipt(transport.send(outgoing, let_go), outgoing).follow
    post.faults.add("state", value=state, match="GetEnvelopeTrackingInfo")
    followed = transport.follow(number)
    opened = ADAPTER.open_request(followed.request, Options())
    (message,) = ADAPTER.read_message(opened.document, opened, Options()).messages

    word = state.strip()
    assert followed.state == message.tracking.code == word
    assert message.tracking.technical == TECHNICAL.get(word, "unknown")
    assert followed.final == (word in ("Delivered", "DeliveredWithWarnings", "DeliveredNotReadable", "FailedDelivery"))


def test_a_country_that_does_not_receive_is_told_before_anything_is_sent(
    post: SimulatorServer, connect: Connect, written: Written
) -> None:
    before = len(post.account()["envelopes"])
    for codes, said in (({"ID": "PH"}, "does not receive"), ({"ID": "MY"}, "does not take"), ({"ID": "ZZ"}, "does not receive")):
        outgoing = written(connection_codes=codes)
        with pytest.raises(Refused, match=said):
            connect(connection_codes=codes).send(outgoing, let_go)

    assert len(post.account()["envelopes"]) == before


def test_the_receivers_are_asked_once_and_anew_after_a_refusal(
    post: SimulatorServer, connect: Connect, written: Written
) -> None:
    asked: list[Call] = []
    post.listeners.append(lambda call, said: asked.append(call) if b"GetActiveNppos" in call.body else None)
    transport = connect()
    for _ in range(3):
        transport.send(written(), let_go)
    assert len(asked) == 1
    elsewhere = replace(written(), head={**written().head, "to": "PH"})
    for _ in range(2):
        with pytest.raises(Refused):
            transport.send(elsewhere, let_go)

    assert len(asked) == 2
    post.listeners.clear()


def test_the_fence_stands_before_the_delivery_and_not_before_the_questions(
    post: SimulatorServer, connect: Connect, written: Written
) -> None:
    def closed() -> None:
        raise NotSent("the claim has lapsed", "quyền xử lý đã hết hạn")

    before = len(post.account()["envelopes"])
    with pytest.raises(NotSent, match="lapsed"):
        connect(validate_first=True).send(written(), closed)

    assert len(post.account()["envelopes"]) == before


def test_what_the_validation_finds_severe_is_refused_and_not_delivered(
    post: SimulatorServer, connect: Connect, written: Written
) -> None:
    before = len(post.account()["envelopes"])
    outgoing = replace(written(), body=b"<rsm:SPSCertificate xmlns:rsm='urn:x'/>", service="DeliverEnvelope")
    reply = connect(validate_first=True, deliver="DeliverEnvelope").send(outgoing, let_go)

    with pytest.raises(Refused, match="MandatoryElements ID"):
        ADAPTER.read_receipt(reply, outgoing)
    assert len(post.account()["envelopes"]) == before


def test_a_refusal_by_the_hub_has_its_words(post: SimulatorServer, connect: Connect, written: Written) -> None:
    post.faults.add("refuse", match="VN-TEST-2026-000017")
    outgoing = written()
    reply = connect().send(outgoing, let_go)

    with pytest.raises(Refused, match="refused on demand"):
        ADAPTER.read_receipt(reply, outgoing)


@pytest.mark.parametrize("text", ["try again", ""])
def test_a_soap_fault_leaves_a_delivery_in_doubt(text: str, post: SimulatorServer, connect: Connect, written: Written) -> None:
    post.faults.add("soap_fault", value=text, match="ValidateAndDeliverEnvelope")
    outgoing = written()
    reply = connect().send(outgoing, let_go)

    with pytest.raises(InDoubt) as caught:
        ADAPTER.read_receipt(reply, outgoing)
    assert caught.value.partner_code == "soap:Server"
    assert (text or "(no text)") in caught.value.en


def test_html_of_the_tls_front_is_not_sent(post: SimulatorServer, connect: Connect, written: Written) -> None:
    post.faults.add("front_403", times=2)

    for _ in range(2):
        with pytest.raises(NotSent, match="client certificate") as caught:
            connect().send(written(), let_go)
        assert caught.value.partner_code == "403"
    assert not isinstance(caught.value, Busy)


def test_a_lost_answer_is_found_among_what_is_under_way(
    post: SimulatorServer, connect: Connect, written: Written
) -> None:
    post.verbs["settle"]({"state": "Delivered"})
    transport, outgoing = connect(), written("withdrawn")
    post.faults.add("hang_after", value=0.0, match="ValidateAndDeliverEnvelope")
    with pytest.raises(InDoubt) as caught:
        transport.send(outgoing, let_go)
    assert outgoing.body.decode().splitlines()[0][:20] in caught.value.sent.decode().replace("&lt;", "<")
    subject = from_json((SAMPLES / "out" / "withdrawn.message.json").read_bytes())
    found = ADAPTER.read_finding(transport.ask(outgoing, subject), outgoing)

    assert found.outcome == "found"
    assert transport.follow(found.follow).state == "PendingDelivery"
    post.verbs["settle"]({"state": "Delivered"})
    assert ADAPTER.read_finding(transport.ask(outgoing, subject), outgoing).outcome == "unknown"


# --- taking ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "state", "action"),
    [
        ("taken", "Delivered", "AcknowledgeEnvelopeReceipt"),
        ("warned", "DeliveredWithWarnings", "NegativeAcknowledgeEnvelopeReceipt"),
        ("failed", "DeliveredNotReadable", "AcknowledgeFailedEnvelopeReceipt"),
    ],
)
def test_one_of_three_words_is_said(kind: Any, state: str, action: str, post: SimulatorServer, connect: Connect) -> None:
    heard: list[Call] = []
    post.listeners.append(lambda call, said: heard.append(call))
    transport, number = connect(), arrived(post)
    transport.acknowledge(Owed(number=f"uat/{number}", kind=kind, text="" if kind == "taken" else "SEVERE: <x> & more"))
    post.listeners.clear()

    assert state_of(post, number) == (state, "" if kind == "taken" else "SEVERE: <x> & more")
    assert [call.headers["soapaction"] for call in heard] == [f'"http://ephyto.ippc.int/IDeliveryService/{action}"']
    with pytest.raises(Refused, match="already"):
        transport.acknowledge(Owed(number=f"uat/{number}", kind="taken"))


def test_a_refused_word_is_in_doubt_as_long_as_the_hub_waits_for_one(post: SimulatorServer, connect: Connect) -> None:
    transport, number = connect(), arrived(post)
    post.faults.add("soap_fault", value="", match="AcknowledgeEnvelopeReceipt")
    with pytest.raises(InDoubt):
        transport.acknowledge(Owed(number=f"uat/{number}", kind="taken"))

    assert state_of(post, number)[0] == "PendingDelivery"
    transport.acknowledge(Owed(number=f"uat/{number}", kind="taken"))
    assert state_of(post, number)[0] == "Delivered"


def test_in_uat_nothing_is_said_or_asked_of_a_number_of_production(post: SimulatorServer, connect: Connect) -> None:
    transport, number = connect(), arrived(post)
    calls: list[Call] = []
    post.listeners.append(lambda call, said: calls.append(call))
    for say in (
        lambda: transport.acknowledge(Owed(number=f"production/{number}", kind="taken")),
        lambda: transport.acknowledge(Owed(number=number, kind="taken")),
        lambda: transport.follow(f"production/{number}"),
    ):
        with pytest.raises(Refused, match="uat"):
            say()
    post.listeners.clear()

    assert calls == []
    assert state_of(post, number)[0] == "PendingDelivery"


def test_what_waits_is_listed_and_fetched_one_by_one(post: SimulatorServer, connect: Connect) -> None:
    post.verbs["settle"]({"state": "Delivered"})
    transport = connect()
    number = arrived(post)
    (listed,) = transport.pull(HEADERS, "", NOW).items
    request = transport.joined(listed, {})
    opened = ADAPTER.open_request(request, Options())
    incoming = ADAPTER.read_message(opened.document, opened, Options())

    assert listed.request.idempotency_key == incoming.identity == f"{HEADERS}/uat/{number}"
    assert listed.request.owed == request.owed == f"uat/{number}"
    assert b"Selenicereus" not in listed.request.body
    assert number.encode() in listed.page
    assert incoming.messages[0].subject == "border:phyto:ID:ID-TEST-2026-000017"
    assert transport.pull(HEADERS, "", NOW).items[0].request == listed.request


def test_an_envelope_that_went_meanwhile_is_our_own_failure(post: SimulatorServer, connect: Connect) -> None:
    post.verbs["settle"]({"state": "Delivered"})
    transport, number = connect(), arrived(post)
    (listed,) = transport.pull(HEADERS, "", NOW).items
    post.verbs["settle"]({"number": number, "state": "Delivered"})

    assert_not_had(transport, listed)


def test_a_partner_that_is_away_says_nothing_of_an_envelope(post: SimulatorServer, connect: Connect) -> None:
    post.verbs["settle"]({"state": "Delivered"})
    transport, _ = connect(), arrived(post)
    (listed,) = transport.pull(HEADERS, "", NOW).items
    post.faults.add("status", value=503, match="PULLSingle")
    with pytest.raises(Busy):
        transport.joined(listed, {})
    for kind in ("malformed", "soap_fault", "hang_before"):
        post.faults.add(kind, value=0, match="PULLSingle")
        assert_not_had(transport, listed)
    post.verbs["settle"]({"state": "Delivered"})


def assert_not_had(transport: EphytoTransport, listed: Listed) -> None:
    """What came in its place is given to intake, as nobody's fault: nothing is owed, and it is tried again."""
    request = transport.joined(listed, {})
    with pytest.raises(InDoubt) as caught:
        ADAPTER.open_request(request, Options())
    outcome = Outcome(message_id="1", received_at=NOW, error=caught.value)

    assert request.owed
    assert request.idempotency_key == listed.request.idempotency_key
    assert ADAPTER.owes(outcome, None, request, Options()) is None
    assert ADAPTER.answer(outcome, None, request, Options()).body


# --- asked, and code lists ---------------------------------------------------------------------------------------


def test_it_is_all_that_the_hub_of_messages_can_use(connect: Connect) -> None:
    transport = connect()

    for protocol in (Pulling, Acknowledging, Following, LooksUp, CodeHolder):
        assert isinstance(transport, protocol)


def test_every_question_is_answered_in_plain_names(post: SimulatorServer, connect: Connect) -> None:
    transport, number = connect(), arrived(post)
    asked = {"hubTrackingNumber": number, "ePhytoXML": "<a/>", "countryCode": "ID"}
    answers = {service: transport.look_up(service, asked) for service in transport.look_ups()}

    assert answers["GetProfile"][0]["Country"] == "VN"
    assert {row["Country"] for row in answers["GetActiveNppos"]} >= {"VN", "ID", "PH"}
    assert answers["GetEnvelopeTrackingInfo"][0]["HUBTrackingInfo"] == "PendingDelivery"
    assert answers["GetImportEnvelopeHeaders"][-1]["hubDeliveryNumber"] == number
    assert answers["ValidatePhytoXML"][0]["level"] == "SEVERE"
    assert answers["GetAvailableChannels"] == ({"Code": "ASW", "Name": "ASW"},)


def test_each_of_the_ten_code_lists_is_fetched(connect: Connect) -> None:
    transport = connect()

    assert len(CODE_LISTS) == 10
    assert transport.code_lists["GetUnitMeasures"] == "ephyto_unit_measures"
    for name in CODE_LISTS:
        assert transport.codes_of(name) == (("T1", "First code"), ("T2", "Second code"))
    with pytest.raises(Refused):
        transport.codes_of("GetProfile")


def test_the_ping_tells_who_we_are_there(connect: Connect) -> None:
    assert [(name, en) for name, _, en in connect().ping()] == [
        ("authenticated", "the Hub knows us as VN"),
        ("answered", "5 countries are connected"),
    ]
    assert connect().probe().endswith("uat, VN")


# --- settings ----------------------------------------------------------------------------------------------------


def test_the_address_of_one_hub_is_refused_under_the_name_of_the_other() -> None:
    with pytest.raises(ValueError, match="url is that of production"):
        Options(environment="uat", url="https://hub.ephytoexchange.org/hub/DeliveryService")


def test_check_tells_what_is_assumed_and_nothing_else() -> None:
    (told,) = ADAPTER.check(Options())

    assert "assumed" in told
    assert ADAPTER.check(Options(connection_code="VN1")) == []


@pytest.mark.parametrize("environment", ["uat", "production"])
def test_the_real_hub_is_not_spoken_to_without_a_certificate(environment: Any) -> None:
    endpoint = Endpoint(
        name="ephyto",
        adapter="ephyto",
        title="Hub",
        inbound=InboundPolicy(),
        outbound=OutboundPolicy(),
        options=Options(environment=environment),
    )

    with pytest.raises(BadSettings, match=r"outbound\.tls"):
        ADAPTER.open_transport(endpoint, Wire())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_simulator_knows_every_operation(operation: str, post: SimulatorServer) -> None:
    body = Requests(Options()).build(operation)
    headers = {"soapaction": f'"{soap_action(operation)}"', "content-type": "text/xml"}
    said: Said = post.serve(Call("POST", "/hub/DeliveryService", {}, headers, body))

    assert b"unknown operation" not in said.body
    other = post.serve(Call("POST", "/hub/DeliveryService", {}, {**headers, "soapaction": '"urn:other"'}, body))
    assert b"SOAPAction does not match" in other.body
