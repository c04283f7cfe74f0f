"""The socket side against the simulator: every form of request, every failure, and what the partner then holds."""

from __future__ import annotations

import ast
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from adapters.single_window import ADAPTER, transport
from adapters.single_window.options import MINISTRY_SERVICE, Operation, Options
from adapters.single_window.samples import generator
from adapters.single_window.simulator import simulator
from adapters.single_window.transport import Requests, open_transport
from hub.canonical.codes import CodeTables
from hub.canonical.dossier import DossierMessage
from hub.canonical.receipt import Receipt
from hub.contract import Opened, Outgoing, Writing
from hub.endpoint import Endpoint
from hub.errors import BadSettings, Busy, InDoubt, NotAllowed, NotSent, Refused
from hub.rules import xml
from hub.simulation import Said, SimulatorServer
from hub.wire import Wire
from tests.support.raw_partner import HALF, RawPartner, closing

PATH = "/VNSWReceiveGateway/ws"
WRAPPED = Operation(
    shape="wrapped",
    namespace="http://mard.gov.vn/nsw/services",
    operation="receive",
    payload="requestPayload",
    response="receiveResponse",
    result="responsePayload",
    data_namespace="http://mard.gov.vn/nsw/data/contract",
)


def outgoing(
    options: Options | None = None, seed: int = 1, document_type: str = "BTNMT0600001", service: str = "11/05"
) -> Outgoing:
    """Write what a ministry tells the Single Window, from a generated message."""
    document = generator.message(document_type, *service.split("/"), seed=seed)
    ministry = Options(role="ministry")
    (message,) = ADAPTER.read_message(document, Opened(document=document), ministry).messages
    assert isinstance(message, DossierMessage)
    options = options or Options()
    (call,) = ADAPTER.plan(message, options)
    number = f"7d0f5b1e-2c3a-4a77-9a55-{seed:012d}"
    assert message.sent_at is not None
    writing = Writing(options=options, codes=CodeTables(), held={}, now=message.sent_at, message_id=number)
    return ADAPTER.write_message(message, call, writing)


@pytest.fixture
def partner() -> Iterator[SimulatorServer]:
    with simulator() as server:
        yield server


def no_fence() -> None: ...


@pytest.fixture
def sending(partner: SimulatorServer, wire: Wire, endpoint_for: Callable[..., Endpoint]) -> Callable[..., Receipt]:
    """Send one message to the simulator and read its receipt."""

    def send(given: Outgoing | None = None, deadline: float = 20.0, **outbound: Any) -> Receipt:
        endpoint = endpoint_for(deadline, outbound={"url": partner.url + PATH, **outbound})
        given = given or outgoing(endpoint.options)
        return ADAPTER.read_receipt(open_transport(endpoint, wire).send(given, no_fence), given)

    return send


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
@pytest.mark.parametrize("payload", ["cdata", "escaped"])
def test_a_message_is_stored_and_its_receipt_read(partner: SimulatorServer, sending: Any, soap: str, payload: str) -> None:
    receipt = sending(soap=soap, payload=payload)
    ((reference, rows),) = partner.account()["dossiers"].items()

    assert receipt.code == "99"
    assert reference == "BTNMT01260000001"
    assert [(row["type"], row["function"]) for row in rows] == [("11", "05")]


def test_a_code_with_ampersand_arrives_in_document_and_routing(partner: SimulatorServer, sending: Any) -> None:
    sending(outgoing(document_type="BNN&PTNT0300002", service="12/05"))

    assert partner.account()["dossiers"]["QG2026000001"][0]["documentType"] == "BNN&PTNT0300002"


UNQUALIFIED = WRAPPED.model_copy(update={"shape": "routed", "qualified": False})


@pytest.mark.parametrize("operation", [WRAPPED, UNQUALIFIED, MINISTRY_SERVICE])
def test_the_partners_own_names_are_used(wire: Wire, endpoint_for: Any, operation: Operation) -> None:
    with simulator(dialect={"outbound": {"operation": operation}}) as server:
        endpoint = endpoint_for(outbound={"url": server.url + PATH, "operation": operation})
        given = outgoing(endpoint.options)
        receipt = ADAPTER.read_receipt(open_transport(endpoint, wire).send(given, no_fence), given)
        stored = server.account()["dossiers"]

    assert receipt.code == "99"
    assert len(stored) == 1


def test_a_ministrys_system_is_called_by_its_own_contract(wire: Wire, endpoint_for: Any) -> None:
    document = generator.application(seed=3)
    (message,) = ADAPTER.read_message(document, Opened(document=document), Options()).messages
    with simulator(role="ministry") as server:
        endpoint = endpoint_for(role="ministry", outbound={"url": f"{server.url}/MardService.asmx"})
        writing = Writing(options=endpoint.options, codes=CodeTables(), held={}, now=generator.START, message_id="3" * 36)
        given = ADAPTER.write_message(message, ADAPTER.plan(message, endpoint.options)[0], writing)
        receipt = ADAPTER.read_receipt(open_transport(endpoint, wire).send(given, no_fence), given)
        stored = server.account()["dossiers"]

    assert receipt.code == "99"
    assert [(row["type"], row["function"]) for row in stored["BTNMT01260000003"]] == [("10", "01")]


# --- the request ---------------------------------------------------------------------------------------------------


def request(**outbound: Any) -> bytes:
    options = Options(outbound={"url": "http://127.0.0.1/ws", **outbound})
    return Requests(options).build(outgoing(options))


def test_cdata_and_escaped_are_the_same_text() -> None:
    document = outgoing().body.decode()
    cdata, escaped = request(payload="cdata"), request(payload="escaped")
    texts = [next(iter(xml.parse(body).iter("{*}requestPayload"))).text for body in (cdata, escaped)]

    assert f"<![CDATA[{document}]]>".encode() in cdata
    assert b"<![CDATA[" not in escaped
    assert b"&lt;Envelope&gt;" in escaped
    assert texts == [document, document]


def test_a_text_with_the_end_of_a_cdata_section_stays_whole() -> None:
    options = Options(outbound={"url": "http://127.0.0.1/ws"})
    given = outgoing(options)
    text = given.body.decode().replace("<Signature/>", "<Signature><![CDATA[x]]></Signature>")
    body = Requests(options).build(Outgoing(service="11/05", body=text.encode(), head=given.head))

    assert b"<![CDATA[" in body
    assert next(iter(xml.parse(body).iter("{*}requestPayload"))).text == text


def test_routing_comes_before_the_payload_in_this_order() -> None:
    call = next(iter(xml.parse(request()).iter("{*}receiveRequest")))

    assert [child.tag.rpartition("}")[2] for child in call] == ["officeCode", "documentType", "requestPayload"]  # type: ignore[union-attr]


def test_addressing_must_be_understood_and_the_number_stays_with_the_message() -> None:
    names = {"wsa_to": "urn:to", "wsa_action": "urn:action", "soap": "1.2"}
    root = xml.parse(request(**names))
    wsa, soap = "{http://www.w3.org/2005/08/addressing}", "{http://www.w3.org/2003/05/soap-envelope}"
    blocks = {block.tag: (block.text, block.get(f"{soap}mustUnderstand")) for block in root.find(f"{soap}Header")}  # type: ignore[union-attr]

    assert blocks == {
        f"{wsa}To": ("urn:to", "1"),
        f"{wsa}Action": ("urn:action", "1"),
        f"{wsa}MessageID": ("urn:uuid:7d0f5b1e-2c3a-4a77-9a55-000000000001", None),
    }
    assert request(**names) == request(**names)


def test_threads_share_what_builds_requests() -> None:
    options = Options(outbound={"url": "http://127.0.0.1/ws"})
    requests = Requests(options)
    messages = [outgoing(options, seed=seed) for seed in range(1, 41)]
    alone = [requests.build(message) for message in messages]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(requests.build, messages * 5))

    assert together == alone * 5


@pytest.mark.parametrize(
    ("outbound", "expected"),
    [
        ({"soap_action": "urn:a"}, {"SOAPAction": '"urn:a"', "Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml"}),
        ({}, {"SOAPAction": '""', "Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml"}),
        (
            {"soap": "1.2", "soap_action": "urn:a"},
            {"Content-Type": 'application/soap+xml; charset=utf-8; action="urn:a"', "Accept": "application/soap+xml"},
        ),
        ({"soap": "1.2"}, {"Content-Type": "application/soap+xml; charset=utf-8", "Accept": "application/soap+xml"}),
    ],
)
def test_http_headers_are_those_of_the_soap_version(outbound: dict[str, str], expected: dict[str, str]) -> None:
    assert Requests(Options(outbound={"url": "http://127.0.0.1/ws", **outbound})).headers() == expected


def test_only_public_parts_of_zeep_are_used() -> None:
    """Private attributes change without notice; whoever uses one must pin the version and change this test."""
    tree = ast.parse(Path(transport.__file__).read_text("utf-8"))
    private = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")}

    # Its own attributes, and the type of an element, which has no public name in lxml.
    assert {name for name in private if not name.startswith("self._")} == {"etree._Element"}
    assert not {name for name in private if name.startswith(("self._client._", "self._service._"))}


# --- failures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["empty", "cannot_parse", "swapped", "malformed"])
def test_an_answer_that_does_not_tell_leaves_the_message_in_doubt(partner: SimulatorServer, sending: Any, fault: str) -> None:
    partner.faults.add(fault)
    with pytest.raises(InDoubt):
        sending()


@pytest.mark.parametrize("fault", ["parties_swapped", "no_message_id", "double_escaped"])
def test_habits_that_prove_nothing_do_not_spoil_a_receipt(partner: SimulatorServer, sending: Any, fault: str) -> None:
    partner.faults.add(fault)

    assert sending().code == "99"
    assert not partner.faults.take(fault, "")


@pytest.mark.parametrize("function", ["00", "22"])
def test_a_refusal_is_the_senders(partner: SimulatorServer, sending: Any, function: str) -> None:
    partner.faults.add(f"function_{function}")
    with pytest.raises(Refused) as caught:
        sending()

    assert caught.value.partner_code == "BNN06_CODE"
    assert partner.account()["dossiers"] == {}


def test_a_refusal_with_the_document_type_for_its_type_is_one(partner: SimulatorServer, sending: Any) -> None:
    partner.faults.add("function_00")
    partner.faults.add("type_is_document_type")
    with pytest.raises(Refused):
        sending()


def test_a_receipt_with_the_document_type_for_its_type_is_in_doubt(partner: SimulatorServer, sending: Any) -> None:
    partner.faults.add("type_is_document_type")
    with pytest.raises(InDoubt):
        sending()


def test_a_document_that_its_schema_refuses_is_refused_by_the_partner(partner: SimulatorServer, sending: Any) -> None:
    given = outgoing()
    broken = given.body.replace(b"<CreaterName>", b"<Creater>").replace(b"</CreaterName>", b"</Creater>")
    with pytest.raises(Refused) as caught:
        sending(Outgoing(service="11/05", body=broken, head=given.head))

    assert "CreaterName" in caught.value.en


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_partner_has_nothing(partner: SimulatorServer, sending: Any, status: int) -> None:
    partner.faults.add("status", value=status)
    with pytest.raises(Busy):
        sending()

    assert partner.account()["dossiers"] == {}


def test_a_busy_partner_says_how_long_to_wait(wire: Wire, endpoint_for: Any) -> None:
    busy = SimulatorServer("busy", lambda call: Said(status=503, headers={"Retry-After": "7"}))
    with busy, pytest.raises(Busy) as caught:
        open_transport(endpoint_for(outbound={"url": busy.url + PATH}), wire).send(outgoing(), no_fence)

    assert caught.value.retry_after == 7


def test_a_partner_that_stored_and_says_nothing_leaves_doubt(partner: SimulatorServer, sending: Any) -> None:
    partner.faults.add("hang_after", value=0)
    given = outgoing()
    with pytest.raises(InDoubt):
        sending(given)

    assert sending(given).code == "99"
    assert [row["messageId"] for row in partner.account()["duplicates"]] == [given.head["messageId"]]
    assert len(partner.account()["dossiers"]["BTNMT01260000001"]) == 2


def test_the_total_deadline_ends_the_call(partner: SimulatorServer, sending: Any) -> None:
    partner.faults.add("hang_before", value=2)
    with pytest.raises(InDoubt):
        sending(deadline=0.2)


def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_a_partner_that_is_not_there_has_nothing(wire: Wire, endpoint_for: Any) -> None:
    endpoint = endpoint_for(outbound={"url": f"http://127.0.0.1:{closed_port()}{PATH}"})
    opened = open_transport(endpoint, wire)
    with pytest.raises(NotSent):
        opened.send(outgoing(), no_fence)
    with pytest.raises(NotSent):
        opened.probe()


def test_the_fence_stops_the_call_before_a_byte_leaves(partner: SimulatorServer, wire: Wire, endpoint_for: Any) -> None:
    class ClaimLost(Exception): ...

    def fence() -> None:
        raise ClaimLost

    with pytest.raises(ClaimLost):
        open_transport(endpoint_for(outbound={"url": partner.url + PATH}), wire).send(outgoing(), fence)

    assert partner.account()["dossiers"] == {}


def test_the_reply_keeps_the_bytes_that_went(partner: SimulatorServer, wire: Wire, endpoint_for: Any) -> None:
    endpoint = endpoint_for(outbound={"url": partner.url + PATH})
    given = outgoing()
    reply = open_transport(endpoint, wire).send(given, no_fence)

    assert reply.sent == Requests(endpoint.options).build(given)


def test_a_doubt_keeps_what_went_and_what_came(wire: Wire, endpoint_for: Any) -> None:
    given = outgoing()
    with RawPartner(closing(HALF)) as partner, pytest.raises(InDoubt) as caught:
        endpoint = endpoint_for(outbound={"url": partner.url})
        open_transport(endpoint, wire).send(given, no_fence)

    assert caught.value.sent == Requests(endpoint.options).build(given)
    assert (caught.value.reply, caught.value.reply_status) == (HALF, 0)


def test_a_partner_can_be_probed_and_not_asked(partner: SimulatorServer, wire: Wire, endpoint_for: Any) -> None:
    opened = open_transport(endpoint_for(outbound={"url": partner.url + PATH}), wire)
    with pytest.raises(NotAllowed) as caught:
        opened.ask(outgoing(), None)  # type: ignore[arg-type]

    assert caught.value.vi != caught.value.en
    assert opened.probe().startswith(f"{partner.url}{PATH}?wsdl: HTTP 200, ")


def test_an_endpoint_without_address_cannot_be_called(wire: Wire, endpoint_for: Any) -> None:
    with pytest.raises(BadSettings) as caught:
        open_transport(endpoint_for(), wire)

    assert "endpoints/nsw.toml#options.outbound.url" in caught.value.en
