"""How a partner's gateway calls the hub, for the simulator: a document wrapped in SOAP, the answer read, documents spoilt."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from lxml import etree

from adapters.single_window import soap
from adapters.single_window.envelope import content_of, read_head
from adapters.single_window.operations import Operation
from adapters.single_window.options import Options
from adapters.single_window.soap import SOAP
from hub.errors import InvalidMessage
from hub.rules import xml

_DTD = '<!DOCTYPE Envelope [<!ENTITY x "x">]>'


class SendGateway:
    """Wraps documents as the Single Window's send gateway does, for one address."""

    def __init__(self, options: Options, address: str, version: str, payload: str, addressing: bool) -> None:
        self.options, self.address = options, address
        self.version, self.payload, self.addressing = version, payload, addressing

    def wrap(self, document: str, document_type: str, office_code: str, operation: Operation | None = None) -> bytes:
        """Put a document into the SOAP request that the hub's door takes; None: of its usual operation."""
        names, namespace = operation or self.options.door, SOAP[self.version]
        envelope = etree.Element(f"{{{namespace}}}Envelope", nsmap={"env": namespace})
        if self.addressing:
            self._address(etree.SubElement(envelope, f"{{{namespace}}}Header"), document)
        body = etree.SubElement(envelope, f"{{{namespace}}}Body")
        call = etree.SubElement(body, f"{{{names.namespace}}}{names.operation}", nsmap={"ser": names.namespace})
        inner = call
        if names.shape == "wrapped":
            inner = etree.SubElement(call, f"{{{names.namespace}}}{names.wrapper}")
        values = {names.payload: document}
        if names.shape != "text":
            values = {names.office_code: office_code, names.document_type: document_type, **values}
        space = names.parameter_namespace()
        for name, value in values.items():
            element = etree.SubElement(inner, f"{{{space}}}{name}" if space else name)
            cdata = name == names.payload and self.payload == "cdata"
            element.text = etree.CDATA(value) if cdata else value
        return xml.serialise(envelope)

    def _address(self, header: etree._Element, document: str) -> None:
        wsa = soap.WSA[0]
        number = uuid5(NAMESPACE_URL, hashlib.sha256(document.encode()).hexdigest())
        action = f"{self.options.door.namespace}{self.options.door.operation}"
        for name, value in (("To", self.address), ("Action", action), ("MessageID", f"urn:uuid:{number}")):
            block = etree.SubElement(header, f"{{{wsa}}}{name}", nsmap={"wsa": wsa})
            block.text = value
            if name != "MessageID":
                block.set(f"{{{SOAP[self.version]}}}mustUnderstand", "1" if self.version == "1.1" else "true")


def told(body: bytes, result: str) -> dict[str, Any]:
    """Read an answer as a careful client does: parse the SOAP reply, then the text inside it."""
    try:
        root = xml.parse(body)
    except InvalidMessage:
        return {"function": "", "fault": body[:500].decode("utf-8", "replace")}
    found = next(iter(root.iter("{*}" + result)), None)
    if found is None:
        return {"function": "", "fault": " ".join(str(text).strip() for text in root.itertext()).strip()}
    if not (found.text or "").strip():
        return {"function": "", "empty": True}
    answer = xml.parse((found.text or "").encode())
    head = read_head(answer)
    errors = [{"code": xml.text(one, "ErrorCode"), "name": xml.text(one, "ErrorName")} for one in answer.iter("Error")]
    errors += [{"code": xml.text(one, "RejectCode"), "name": xml.text(one, "RejectDesc")} for one in answer.iter("Reject")]
    told = {"function": head.function, "type": head.type, "reference": head.reference, "messageId": head.message_id}
    return {**told, "errors": errors}


# --- documents that the hub must refuse ---------------------------------------------------------------------------


def with_dtd(text: str) -> str:
    """Put a document type with an entity before the document."""
    return _DTD + text


def with_broken_signature(text: str) -> str:
    """Change one value after the document was signed: its digest no longer holds."""
    root = xml.parse(text.encode())
    content = content_of(root)
    assert content is not None
    leaf = next(element for element in content.iter() if len(element) == 0)
    leaf.text = (leaf.text or "") + "0"
    return xml.serialise(root).decode()


def with_other_content(document: bytes) -> bytes:
    """Change one value and nothing of the header: the same messageId, another content."""
    root = xml.parse(document)
    content = content_of(root)
    assert content is not None
    leaf = next(element for element in content.iter() if len(element) == 0 and element.tag != "NSWFileCode" and element.text)
    leaf.text = f"{(leaf.text or '')[:-1]}x" if not (leaf.text or "").endswith("x") else f"{(leaf.text or '')[:-1]}y"
    return xml.serialise(root)
