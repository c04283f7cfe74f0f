"""The doors of both sides by name: each preset is served as WSDL, called by a client that we did not write, and called by us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import zeep
from lxml import etree

from adapters.single_window.operations import MT_OPERATIONS, PRESETS
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.samples import generator
from adapters.single_window.simulator import simulator
from adapters.single_window.transport import Requests, open_transport
from hub.contract import Outgoing
from hub.errors import NotSent
from hub.rules import xml
from hub.wire import Wire
from tests.adapters.single_window.test_dialects import OFFICES

ENVELOPE = "<Envelope><a>1 &lt; 2</a></Envelope>"
MT = {"outbound": {"operation": "mt_service", "url": "http://127.0.0.1/NSWService/MTService.svc", "payload": "escaped"}}


def outgoing(operation: str, message_id: str = "m1") -> Outgoing:
    head = {"operation": operation, "documentType": "1", "officeCode": "BGTVT", "messageId": message_id}
    return Outgoing(service="99/21", body=ENVELOPE.encode(), head=head)


def client_of(door: Any) -> zeep.Client:
    return zeep.Client(f"{door.url}/doors/single_window?wsdl", transport=zeep.Transport(timeout=20, operation_timeout=20))


@pytest.mark.parametrize("name", PRESETS)
def test_every_operation_of_a_door_is_called_by_a_foreign_client(open_door: Callable[..., Any], name: str) -> None:
    routed = {"officeCode": "BTNMT", "documentType": "BTNMT0600001"}
    door = open_door(Options(ministry_parties=OFFICES, inbound={"operation": name, "soap": ["1.1"]}))
    service = client_of(door).bind("SingleWindow", "Soap11")
    for seed, names in enumerate(PRESETS[name], 10):
        if names.shape == "check":
            assert getattr(service, names.operation)() == "ok"
            continue
        document = generator.application(seed=seed).decode()
        values = {names.payload: document, **(routed if names.shape != "text" else {})}
        given = {names.wrapper: values} if names.shape == "wrapped" else values
        answer = getattr(service, names.operation)(**given)

        assert xml.text(xml.parse(answer.encode()), "Header/Subject/function") == "99"
    assert len(door.accepted) == len([one for one in PRESETS[name] if one.shape != "check"])


def test_operations_of_several_doors_stand_at_one_address(open_door: Callable[..., Any]) -> None:
    """Namespaces differ; each is answered under its own names."""
    door = open_door(Options(ministry_parties=OFFICES, inbound={"operation": ["request", "send_and_get_message_inspection"]}))
    service = client_of(door).bind("SingleWindow", "Soap12")

    for call in (service.Request, service.sendAndGetMessage):
        assert xml.text(xml.parse(call(generator.application(seed=1).decode()).encode()), "Header/Subject/function") == "99"
    assert service.CheckAvailable() == "ok"


@pytest.mark.parametrize("operation", MT_OPERATIONS)
def test_a_call_has_its_operation_and_soap_action(operation: str) -> None:
    requests, given = Requests(Options(**MT)), outgoing(operation)
    call = xml.parse(requests.build(given)).find("{*}Body")[0]  # type: ignore[index]

    assert call.tag == f"{{http://tempuri.org/}}{operation}"
    assert xml.text(call, "{http://tempuri.org/}XMLData") == ENVELOPE
    assert requests.headers(requests.operation(given))["SOAPAction"] == f'"http://tempuri.org/IMTService/{operation}"'


@pytest.mark.parametrize(("document_type", "operation"), [("1", "ReceiveResultFromMT"), ("4", "ReceiveFromInland"),
                                                          ("14", "ReceiveFromVIWA"), ("DANGKIEM", "Receive")])
def test_the_registry_chooses_the_operation(document_type: str, operation: str) -> None:
    options = Options(ministry_parties=OFFICES, **MT)

    assert options.service_for(options.book.procedures[document_type]).operation == operation
    assert Options().service_for(options.book.procedures[document_type]).operation == "receiveRequest"


def test_a_typed_call_says_the_same_and_alternates(wire: Wire, endpoint_for: Callable[..., Any]) -> None:
    requests = Requests(Options(**MT))
    plain, typed = (xml.parse(requests.build(outgoing("Receive"), typed=typed)) for typed in (False, True))
    data = typed.find(".//{http://tempuri.org/}XMLData")
    assert data is not None and data.items() == [("{http://www.w3.org/2001/XMLSchema-instance}type", "xsd:string")]
    assert data.nsmap["xsd"] == "http://www.w3.org/2001/XMLSchema"
    assert [element.tag for element in typed.iter()] == [element.tag for element in plain.iter()]

    with simulator(dialect={"outbound": {"operation": "mt_service"}}) as nsw:
        url = f"{nsw.url}/VNRegister/MTService.svc"
        transport = open_transport(endpoint_for(outbound={**MT["outbound"], "url": url, "typed": "alternating"}), wire)
        forms = [b"xsi:type" in transport.send(outgoing("Receive", one), lambda: None).sent for one in ("a", "a", "b", "a")]
    assert forms == [False, True, False, False]


def test_a_service_that_tells_that_it_is_there_is_asked(wire: Wire, endpoint_for: Callable[..., Any]) -> None:
    with simulator(dialect={"outbound": {"operation": "mt_service"}}) as nsw:
        url = f"{nsw.url}/NSWService/MTService.svc"
        transport = open_transport(endpoint_for(outbound={**MT["outbound"], "url": url}), wire)
        assert [step for step, *_ in transport.ping()] == ["answered"]
        assert "CheckAvailable, HTTP 200" in transport.probe()
        nsw.faults.add("disconnected")
        with pytest.raises(NotSent):
            list(transport.ping())


def test_a_double_takes_what_the_hub_writes_of_the_first_generation(wire: Wire, endpoint_for: Callable[..., Any]) -> None:
    """Its account says by which operation; every fault of a real answer can be asked for."""
    parties = {"ministry_parties": {"BGTVT": party_of("BGTVT").model_dump()}}
    with simulator(dialect={"outbound": {"operation": "mt_service"}, **parties}) as nsw:
        url = f"{nsw.url}/NSWService/MTService.svc"
        endpoint = endpoint_for(outbound={**MT["outbound"], "url": url}, **parties)
        transport = open_transport(endpoint, wire)
        document = generator.message("14", "99", "21", reference="42", options=endpoint.options, direction="to_gateway")
        given = Outgoing(service="99/21", body=document, head=outgoing("ReceiveFromVIWA").head)
        functions = {}
        kinds = ("parties_unswapped", "no_message_id", "type_is_document_type", "double_escaped", "function_22", "empty")
        for fault in ("", *kinds):
            if fault:
                nsw.faults.add(fault)
            functions[fault] = _answer(transport.send(given, lambda: None).body)
        stored = nsw.account()["dossiers"]["42"]

    assert {one["operation"] for one in stored} == {"ReceiveFromVIWA"}
    assert functions[""] == functions["no_message_id"] == functions["parties_unswapped"] == "99"
    assert (functions["function_22"], functions["empty"]) == ("22", "")


def _answer(body: bytes) -> str:
    text = (next(etree.fromstring(body).iter("{*}ReceiveFromVIWAResult")).text or "").replace("&lt;", "<").replace("&gt;", ">")
    return xml.text(xml.parse(text.encode()), "Header/Subject/function") if text else ""
