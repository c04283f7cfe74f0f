"""The WSDL at the door, used by a client that we did not write: zeep, over HTTP, in both SOAP versions."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import zeep
from pydantic import ValidationError

from adapters.single_window.contracts import wsdl
from adapters.single_window.options import MINISTRY_SERVICE, RECEIVE_GATEWAY, Inbound, Operation, Options
from adapters.single_window.samples import generator
from hub.rules import xml

JAX_WS = MINISTRY_SERVICE.model_copy(
    update={
        "namespace": "http://ws.viettel.com/",
        "operation": "getMessageFromNSW",
        "payload": "name",
        "response": "getMessageFromNSWResponse",
        "result": "return",
        "qualified": False,
    }
)
WRAPPED = Operation(
    shape="wrapped",
    namespace="http://mard.gov.vn/nsw/services",
    operation="receive",
    payload="requestPayload",
    response="receiveResponse",
    result="responsePayload",
    data_namespace="http://mard.gov.vn/nsw/data/contract",
)


def client_of(door: Any) -> zeep.Client:
    return zeep.Client(f"{door.url}/doors/single_window?wsdl", transport=zeep.Transport(timeout=20, operation_timeout=20))


def function_of(answer: str) -> str:
    return xml.text(xml.parse(answer.encode()), "Header/Subject/function")


@pytest.mark.parametrize("port", ["Soap11", "Soap12"])
def test_a_text_contract_is_called(open_door: Callable[..., Any], port: str) -> None:
    door = open_door()
    service = client_of(door).bind("SingleWindow", port)
    answer = service.Request(payload=generator.application(seed=3).decode())

    assert function_of(answer) == "99"
    assert [message.dossier.code for message in door.accepted] == ["BTNMT01260000003"]


@pytest.mark.parametrize("port", ["Soap11", "Soap12"])
def test_names_of_another_ministry_are_called(open_door: Callable[..., Any], port: str) -> None:
    door = open_door(Options(inbound=Inbound(operation=JAX_WS)))
    service = client_of(door).bind("SingleWindow", port)
    answer = service.getMessageFromNSW(name=generator.application(seed=3).decode())

    assert function_of(answer) == "99"


@pytest.mark.parametrize("port", ["Soap11", "Soap12"])
def test_the_receive_gateway_is_called(open_door: Callable[..., Any], port: str) -> None:
    door = open_door(Options(role="ministry"))
    service = client_of(door).bind("SingleWindow", port)
    document = generator.message("BNN&PTNT0300002", "12", "05").decode()
    answer = service.receiveRequest(officeCode="BNN", documentType="BNN&PTNT0300002", requestPayload=document)

    assert function_of(answer) == "99"
    assert len(door.accepted) == 1


def test_a_wrapped_contract_is_called(open_door: Callable[..., Any]) -> None:
    door = open_door(Options(role="ministry", inbound=Inbound(operation=WRAPPED)))
    service = client_of(door).bind("SingleWindow", "Soap11")
    document = generator.message("BNNPTNT0600009", "11", "05").decode()
    request = {"officeCode": "BNN", "documentType": "BNNPTNT0600009", "requestPayload": document}

    assert function_of(service.receive(request=request)) == "99"


def test_a_refusal_is_read_by_the_client(open_door: Callable[..., Any]) -> None:
    answer = client_of(open_door()).service.Request(payload=generator.eleven_faults().decode())

    assert function_of(answer) == "00"
    assert len(xml.parse(answer.encode()).findall("Body/Content/ErrorList/Error")) == 11


@pytest.mark.parametrize(("port", "code"), [("Soap11", "soap:MustUnderstand"), ("Soap12", "soap:MustUnderstand")])
def test_a_header_that_is_not_understood_is_a_fault_to_the_client(open_door: Callable[..., Any], port: str, code: str) -> None:
    door = open_door()
    client = client_of(door)
    namespace = {"Soap11": "http://schemas.xmlsoap.org/soap/envelope/", "Soap12": "http://www.w3.org/2003/05/soap-envelope"}[port]
    header = xml.parse(f'<w:Security xmlns:w="urn:w" xmlns:s="{namespace}" s:mustUnderstand="1"/>'.encode())
    with pytest.raises(zeep.exceptions.Fault) as caught:
        client.bind("SingleWindow", port).Request(payload="x", _soapheaders=[header])

    assert code in str(caught.value.code)
    assert "Security" in caught.value.message


def test_an_operation_that_is_not_there_is_a_fault_to_the_client(open_door: Callable[..., Any]) -> None:
    door = open_door(Options(inbound=Inbound(operation=JAX_WS)))
    other = zeep.Client(
        BytesIO(wsdl(MINISTRY_SERVICE, f"{door.url}/doors/single_window", ["1.1"])),
        transport=zeep.Transport(timeout=20, operation_timeout=20),
    )
    with pytest.raises(zeep.exceptions.Fault) as caught:
        other.service.Request(payload="x")

    assert "getMessageFromNSW" in caught.value.message


@pytest.mark.parametrize(
    ("versions", "ports"), [(("1.1",), ["Soap11"]), (("1.2",), ["Soap12"]), (("1.1", "1.2"), ["Soap11", "Soap12"])]
)
def test_only_versions_that_are_let_in_are_offered(open_door: Callable[..., Any], versions: Any, ports: list[str]) -> None:
    door = open_door(Options(inbound=Inbound(soap=versions)))

    assert sorted(client_of(door).wsdl.services["SingleWindow"].ports) == ports


@pytest.mark.parametrize(
    "names", [{"namespace": 'urn:"<&>'}, {"operation": "a b"}, {"payload": '"/><x'}, {"result": ""}, {"office_code": "1"}]
)
def test_a_name_that_xml_cannot_have_stops_the_start(names: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Operation(**{**RECEIVE_GATEWAY.model_dump(), **names})


def test_an_address_cannot_break_out_of_the_document() -> None:
    root = xml.parse(wsdl(RECEIVE_GATEWAY, 'http://h/?a=1&b="<$x', ["1.1"]))

    assert [element.get("location") for element in root.iter("{*}address")] == ['http://h/?a=1&b="<$x']
