"""Requests and responses are filled into forms that are made once; they are, byte for byte, what zeep and lxml write for each."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
import zeep
from lxml import etree

from adapters.single_window.contracts import PORTS, SERVICE, wsdl
from adapters.single_window.operations import PRESETS, Operation
from adapters.single_window.options import Options
from adapters.single_window.soap import SOAP, response
from adapters.single_window.transport import Requests
from hub.contract import Outgoing
from hub.rules import xml
from tests.adapters.single_window.test_transport import UNQUALIFIED, WRAPPED

XSI, XSD = "http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/2001/XMLSchema"
WSA = "http://www.w3.org/2005/08/addressing"
NUMBER = "7d0f5b1e-2c3a-4a77-9a55-000000000001"
#: What must be written otherwise, or is the end of a section.
TEXTS = (
    '<?xml version="1.0"?>\n<Envelope a="b">\tGạo &amp; cà phê 😀 &#13;</Envelope>',
    "",
    "]]>",
    "]]>a]]]>]]",
    "a\r\nb\rc & <![CDATA[d]]> {payload} 'e' \"f\"",
)
PLACES: tuple[dict[str, Any], ...] = (
    {},
    {"soap": "1.2", "payload": "escaped"},
    {"payload": "escaped", "wsa_action": "urn:action"},
    {"soap": "1.2", "wsa_to": "urn:to?a=b&c", "wsa_action": "urn:action"},
)


def by_zeep(options: Options, names: Operation, outgoing: Outgoing, *, typed: bool) -> bytes:
    """Write a call as a client of zeep's does that is given its values."""
    out = options.outbound
    client = zeep.Client(BytesIO(wsdl(options.services, out.url, (out.soap,), out.soap_action)))
    text, head = outgoing.body.decode(), outgoing.head
    routed = {names.office_code: head["officeCode"], names.document_type: head["documentType"], names.payload: text}
    values: dict[str, Any] = {names.wrapper: routed} if names.shape == "wrapped" else routed
    if names.shape == "text":
        values = {names.payload: text}
    service = client.bind(SERVICE, PORTS[out.soap])
    envelope = client.create_message(service, names.operation, **values, _soapheaders=addressing(options, head["messageId"]))
    namespace = names.parameter_namespace()
    payload = next(envelope.iter(f"{{{namespace}}}{names.payload}" if namespace else names.payload))
    if out.payload == "cdata":
        payload.text = etree.CDATA(text)
    if typed:
        whole = etree.Element(envelope.tag, nsmap={**envelope.nsmap, "xsi": XSI, "xsd": XSD})
        whole.extend(list(envelope))
        payload.set(f"{{{XSI}}}type", "xsd:string")
        next(whole.iter(f"{{{names.namespace}}}{names.operation}")).set(f"{{{SOAP[out.soap]}}}encodingStyle", "utf-8")
        envelope = whole
    return xml.serialise(envelope, declaration=True)


def addressing(options: Options, number: str) -> list[etree._Element]:
    """Write the header blocks of WS-Addressing."""
    out = options.outbound
    if not (out.wsa_to or out.wsa_action):
        return []
    named = {"To": out.wsa_to, "Action": out.wsa_action, "MessageID": f"urn:uuid:{number}"}
    blocks = []
    for name, value in named.items():
        if value:
            blocks.append(block := etree.Element(f"{{{WSA}}}{name}", nsmap={"wsa": WSA}))
            block.text = value
            if name != "MessageID":
                block.set(f"{{{SOAP[out.soap]}}}mustUnderstand", "1")
    return blocks


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("operation", [*PRESETS, WRAPPED, UNQUALIFIED])
def test_a_request_is_what_zeep_writes(operation: str | Operation, place: dict[str, Any]) -> None:
    options = Options(outbound={"url": "http://127.0.0.1/ws?a&b", "operation": operation, **place})
    requests = Requests(options)
    for names in (one for one in options.services if one.shape != "check"):
        for text in TEXTS:
            head = {"officeCode": "", "documentType": "BNN&PTNT\r<0>", "messageId": NUMBER, "operation": names.operation}
            outgoing = Outgoing(service="11/05", body=text.encode(), head=head)
            for typed in (False, True):
                assert requests.build(outgoing, typed=typed) == by_zeep(options, names, outgoing, typed=typed)


@pytest.mark.parametrize("version", SOAP)
@pytest.mark.parametrize("relates_to", ["", "urn:uuid:1\r<&>"])
def test_a_response_is_what_lxml_writes(version: str, relates_to: str) -> None:
    for names in (WRAPPED, UNQUALIFIED, *(one for preset in PRESETS.values() for one in preset)):
        for text in TEXTS:
            assert response(version, names, text, relates_to, WSA) == by_lxml(version, names, text, relates_to)


def by_lxml(version: str, names: Operation, text: str, relates_to: str) -> bytes:
    """Write a response element by element."""
    envelope = etree.Element(f"{{{SOAP[version]}}}Envelope", nsmap={"soap": SOAP[version]})
    if relates_to:
        header = etree.SubElement(envelope, f"{{{SOAP[version]}}}Header")
        etree.SubElement(header, f"{{{WSA}}}RelatesTo", nsmap={"wsa": WSA}).text = relates_to
    body = etree.SubElement(envelope, f"{{{SOAP[version]}}}Body")
    inner = etree.SubElement(body, f"{{{names.namespace}}}{names.response}", nsmap={"n": names.namespace})
    if names.shape == "wrapped":
        inner = etree.SubElement(inner, f"{{{names.namespace}}}{names.result_wrapper}")
    namespace = names.parameter_namespace()
    etree.SubElement(inner, f"{{{namespace}}}{names.result}" if namespace else names.result).text = text
    return xml.serialise(envelope)
