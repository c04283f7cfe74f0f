"""Doors called by SOAP stacks that we did not write, and such stacks called by us: PHP, Node, Apache Axis.

zeep calls them in test_contracts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.single_window import ADAPTER
from adapters.single_window.options import MINISTRY_SERVICE, RECEIVE_GATEWAY, Inbound, Operation, Options
from adapters.single_window.samples import generator
from adapters.single_window.transport import open_transport
from hub.endpoint import Endpoint
from hub.errors import Refused
from hub.rules import xml
from hub.wire import Wire
from tests.adapters.single_window.test_contracts import JAX_WS, WRAPPED
from tests.adapters.single_window.test_transport import no_fence, outgoing
from tests.support.foreign_soap import CLIENTS, SERVERS

TOKEN = "the-token-of-a-test"
#: Name of the contract -> role, names at the door, procedure, type and function of what is sent.
CONTRACTS: dict[str, tuple[str, Operation, tuple[str, str, str]]] = {
    "ministry": ("gateway", MINISTRY_SERVICE, ("BNNPTNT0600009", "10", "01")),
    "jax_ws": ("gateway", JAX_WS, ("BTNMT0600001", "10", "01")),
    "receive_gateway": ("ministry", RECEIVE_GATEWAY, ("BNN&PTNT0300002", "12", "05")),
    "wrapped": ("ministry", WRAPPED, ("BNNPTNT0600009", "11", "05")),
}
#: Axis builds its calls from messages of one text or several; not from a type inside a type.
CALLS = [
    (stack, version, contract)
    for stack in CLIENTS
    for version in ("1.1", "1.2")
    for contract in CONTRACTS
    if (stack, contract) != ("axis", "wrapped")
]


def given(names: Operation, document: str, document_type: str, office_code: str) -> dict[str, Any]:
    if names.shape == "text":
        return {names.payload: document}
    values = {names.office_code: office_code, names.document_type: document_type, names.payload: document}
    return {names.wrapper: values} if names.shape == "wrapped" else values


def function_of(answer: str) -> str:
    return xml.text(xml.parse(answer.encode()), "Header/Subject/function")


@pytest.mark.parametrize(("stack", "version", "contract"), CALLS)
def test_a_foreign_stack_calls_the_door(open_door: Callable[..., Any], stack: str, version: str, contract: str) -> None:
    role, names, (document_type, kind, function) = CONTRACTS[contract]
    door = open_door(Options(role=role, inbound=Inbound(operation=names)))
    document = generator.message(document_type, kind, function, seed=3).decode()
    office = document_type[:5] if document_type.startswith("BTNMT") else "BNN"

    values = given(names, document, document_type, office)

    answer = CLIENTS[stack](f"{door.url}/doors/single_window", version, names, values, TOKEN)

    assert function_of(answer) == "99", answer
    assert door.credentials[-1] == f"Bearer {TOKEN}"
    assert [message.native["documentType"] for message in door.accepted] == [document_type]


@pytest.mark.parametrize("stack", CLIENTS)
def test_every_fault_reaches_a_foreign_stack(open_door: Callable[..., Any], stack: str) -> None:
    door = open_door()
    document = generator.eleven_faults().decode()

    answer = CLIENTS[stack](f"{door.url}/doors/single_window", "1.1", MINISTRY_SERVICE, {"payload": document}, TOKEN)

    assert function_of(answer) == "00"
    assert len(xml.parse(answer.encode()).findall("Body/Content/ErrorList/Error")) == 11


def receipt(function: str) -> str:
    """Write a partner's answer about the message that ``outgoing`` makes."""
    head = xml.parse(outgoing().body)
    subject = {name: xml.text(head, f"Header/Subject/{name}") for name in ("documentType", "type", "reference")}
    tree = {"Header": {"Subject": {**subject, "function": function}}, "Body": {"Content": {"ReceiveDate": "2026-03-02 09:15:05"}}}
    if function == "00":
        error = {"ErrorCode": "ERR02_CODE", "ErrorName": "thiếu <SignName> & ngày ký"}
        tree["Body"] = {"Content": {"ErrorList": {"Error": error}}}
    return xml.serialise(xml.from_tree("Envelope", tree)).decode()


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("stack", SERVERS)
def test_a_foreign_stack_is_called(
    tmp_path: Path, wire: Wire, endpoint_for: Callable[..., Endpoint], stack: str, version: str
) -> None:
    with SERVERS[stack](tmp_path, MINISTRY_SERVICE, version, receipt("99")) as address:
        endpoint = endpoint_for(outbound={"url": address, "soap": version, "operation": MINISTRY_SERVICE.model_dump()})
        sent = outgoing(endpoint.options)
        said = ADAPTER.read_receipt(open_transport(endpoint, wire).send(sent, no_fence), sent)

    assert said.code == "99"
    assert _document(tmp_path / "taken.json").encode() == sent.body


@pytest.mark.parametrize("stack", SERVERS)
def test_a_refusal_of_a_foreign_stack_is_read(
    tmp_path: Path, wire: Wire, endpoint_for: Callable[..., Endpoint], stack: str
) -> None:
    with SERVERS[stack](tmp_path, MINISTRY_SERVICE, "1.1", receipt("00")) as address:
        endpoint = endpoint_for(outbound={"url": address, "operation": MINISTRY_SERVICE.model_dump()})
        sent = outgoing(endpoint.options)
        reply = open_transport(endpoint, wire).send(sent, no_fence)

    with pytest.raises(Refused, match="thiếu <SignName> & ngày ký"):
        ADAPTER.read_receipt(reply, sent)


def _document(taken: Path) -> str:
    """Read what the partner's program was given: the parameter as its stack decoded it."""
    text = taken.read_text("utf-8")
    return str(json.loads(text)["payload"]) if text.startswith("{") else text
