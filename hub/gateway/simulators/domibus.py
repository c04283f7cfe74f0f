"""A double of Domibus' WS plugin (SOAP 1.2), version 5 or 4: strict about what it is given, MTOM or not in what it gives.

Faults beside those of every simulator: ``lists_twice`` (a number stands twice on the list, and once more after it was marked),
``proxy`` (a page of a proxy with 502), ``truncated`` (half of the answer's payload).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from hub.errors import InvalidMessage
from hub.gateway.simulators.mailbox import Carried, Mailbox, basic, turned_away
from hub.rules import xml
from hub.simulation import Call, Said, SimulatorServer

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_EB = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
_SPACES = {"5": "http://eu.domibus.wsplugin/", "4": "http://org.ecodex.backend/1_1/"}
_TYPE = "application/soap+xml; charset=UTF-8"
_BOUNDARY = "uuid:3f0c6a9e"


def simulator(
    *,
    port: int = 0,
    version: str = "5",
    user: str = "",
    password: str = "",
    delivers: bool = True,
    mtom: bool = True,
    peer: str = "",
) -> SimulatorServer:
    """Make the double, not yet started; ``delivers``: what is submitted is acknowledged at once."""
    box = Mailbox(first="SEND_IN_PROGRESS", last="ACKNOWLEDGED", waiting="RECEIVED", delivers=delivers, peer=peer)
    made = _Domibus(box, version, basic(user, password), mtom)
    server = SimulatorServer("gateway_domibus", made.answer, port=port)
    made.server = server
    return box.steer(server)


class _Domibus:
    server: SimulatorServer

    def __init__(self, box: Mailbox, version: str, account: str, mtom: bool) -> None:
        self._box, self._version, self._account, self._mtom = box, version, account, mtom
        self._space = _SPACES[version]

    def answer(self, call: Call) -> Said:
        """Answer one call."""
        return turned_away(call, self._account, self.server.faults) or self._answer(call)

    def _answer(self, call: Call) -> Said:
        try:
            envelope = xml.parse(call.body, long_texts=True)
        except InvalidMessage:
            return self._fault("WS_0001", "the request is not XML")
        body = envelope.find(f"{{{_SOAP}}}Body")
        if envelope.tag != f"{{{_SOAP}}}Envelope" or body is None or len(body) != 1:
            return self._fault("WS_0001", "no SOAP 1.2 envelope")
        name = etree.QName(body[0])
        self._box.calls[name.localname] += 1
        if name.namespace != self._space:
            return self._fault("WS_0002", "unknown namespace of the request")
        return self._operation(name.localname, envelope, body[0])

    def _operation(self, name: str, envelope: etree._Element, request: etree._Element) -> Said:
        wanted: dict[str, Callable[[etree._Element], Said]] = {
            "listPendingMessagesRequest": self._list,
            "retrieveMessageRequest": self._retrieve,
            "statusRequest": self._status,
            "getErrorsRequest": self._errors,
        }
        if self._version == "5":
            newer = {f"{each}WithAccessPointRole": wanted[each] for each in ("statusRequest", "getErrorsRequest")}
            wanted |= {**newer, "markMessageAsDownloadedRequest": self._mark}
        if name == "submitRequest":
            return self._submit(envelope, request)
        return wanted[name](request) if name in wanted else self._fault("WS_0003", "no such operation")

    # --- operations

    def _submit(self, envelope: etree._Element, request: etree._Element) -> Said:
        message = envelope.find(f"{{{_SOAP}}}Header/{{{_EB}}}Messaging/{{{_EB}}}UserMessage")
        value = request.find("payload/value")
        if message is None or value is None:
            return self._fault("EBMS_0009", "header or payload is missing")
        try:
            body = base64.b64decode((value.text or "").strip(), validate=True)
        except binascii.Error:
            return self._fault("EBMS_0303", "the payload is not base64")
        parts = [part.get("href") for part in message.findall(f"{{{_EB}}}PayloadInfo/{{{_EB}}}PartInfo")]
        if parts != [request.find("payload").get("payloadId")]:  # type: ignore[union-attr]
            return self._fault("EBMS_0011", "PartInfo does not name the payload")
        carried = _carried(message, body)
        missing = [name for name in ("from_party", "to_party", "service", "action", "number") if not getattr(carried, name)]
        if missing:
            return self._fault("EBMS_0010", f"no P-Mode matches: {', '.join(missing)}")
        self._box.given[carried.number] += 1
        if carried.number in self._box.sent:
            return self._fault("DOM_007", f"Message with id [{carried.number}] already exists. Identifiers must be unique")
        self._box.take(carried)
        return self._said(f"<p:submitResponse><messageID>{escape(carried.number)}</messageID></p:submitResponse>")

    def _list(self, request: etree._Element) -> Said:
        numbers = [each.number for each in self._box.waiting()]
        if numbers and self.server.faults.take("lists_twice", ""):
            numbers += numbers
        rows = "".join(f"<messageID>{escape(each)}</messageID>" for each in numbers)
        return self._said(f"<p:listPendingMessagesResponse>{rows}</p:listPendingMessagesResponse>")

    def _retrieve(self, request: etree._Element) -> Said:
        number = request.findtext("messageID", "")
        message = self._box.inbox.get(number)
        if message is None:
            return self._fault("WS_0010", f"Message not found, id [{number}]")
        if self._version == "4" or request.findtext("markAsDownloaded", "true") != "false":
            message.state = "DOWNLOADED"
        body = message.body[: len(message.body) // 2] if self.server.faults.take("truncated", number) else message.body
        return self._whole(message, body)

    def _whole(self, message: Carried, body: bytes) -> Said:
        value = base64.b64encode(body).decode()
        if self._mtom:
            value = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:payload-1@domibus"/>'
        inner = (
            f'<p:retrieveMessageResponse><payload payloadId="cid:message" contentType="application/xml"><value>{value}'
            "</value></payload></p:retrieveMessageResponse>"
        )
        said = self._said(inner, _messaging(message))
        if not self._mtom:
            return said
        parts = (
            f'--{_BOUNDARY}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n'
            "Content-Transfer-Encoding: binary\r\nContent-ID: <root.message@cxf.apache.org>\r\n\r\n"
        ).encode()
        parts += said.body + (
            f"\r\n--{_BOUNDARY}\r\nContent-Type: application/xml\r\nContent-Transfer-Encoding: binary\r\n"
            "Content-ID: <payload-1@domibus>\r\n\r\n"
        ).encode()
        parts += body + f"\r\n--{_BOUNDARY}--".encode()
        kind = f'multipart/related; type="application/xop+xml"; boundary="{_BOUNDARY}"; start="<root.message@cxf.apache.org>"'
        return Said(parts, content_type=kind)

    def _mark(self, request: etree._Element) -> Said:
        number = request.findtext("messageID", "")
        message = self._box.inbox.get(number)
        if message is None or message.state == "DOWNLOADED":
            return self._fault("WS_0010", f"No pending message with id [{number}]")
        if not self.server.faults.take("lists_twice", ""):
            message.state = "DOWNLOADED"
        inner = f"<p:markMessageAsDownloadedResponse><messageID>{escape(number)}</messageID></p:markMessageAsDownloadedResponse>"
        return self._said(inner)

    def _status(self, request: etree._Element) -> Said:
        message = self._box.sent.get(request.findtext("messageID", ""))
        return self._said(f"<p:statusResponse>{message.state if message else 'NOT_FOUND'}</p:statusResponse>")

    def _errors(self, request: etree._Element) -> Said:
        message = self._box.sent.get(request.findtext("messageID", ""))
        item = (
            f"<item><errorCode>EBMS_0005</errorCode><errorDetail>{escape(message.errors)}</errorDetail></item>"
            if message and message.errors
            else ""
        )
        return self._said(f"<p:getMessageErrorsResponse>{item}</p:getMessageErrorsResponse>")

    # --- answers

    def _said(self, inner: str, header: str = "", status: int = 200) -> Said:
        body = (
            f'<s:Envelope xmlns:s="{_SOAP}" xmlns:p="{self._space}"><s:Header>{header}</s:Header><s:Body>{inner}</s:Body>'
            "</s:Envelope>"
        )
        return Said(body.encode(), status=status, content_type=_TYPE)

    def _fault(self, code: str, text: str) -> Said:
        inner = (
            f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">{escape(text)}</s:Text>"
            f"</s:Reason><s:Detail><p:FaultDetail><code>{code}</code><message>{escape(text)}</message></p:FaultDetail></s:Detail>"
            "</s:Fault>"
        )
        return self._said(inner, status=500)


def _carried(message: etree._Element, body: bytes) -> Carried:
    def text(path: str) -> str:
        return (message.findtext("/".join(f"{{{_EB}}}{step}" for step in path.split("/")), "") or "").strip()

    def kind(side: str) -> str:
        found = message.find(f"{{{_EB}}}PartyInfo/{{{_EB}}}{side}/{{{_EB}}}PartyId")
        return found.get("type", "") if found is not None else ""

    return Carried(
        number=text("MessageInfo/MessageId"),
        body=body,
        from_party=text("PartyInfo/From/PartyId"),
        from_type=kind("From"),
        to_party=text("PartyInfo/To/PartyId"),
        to_type=kind("To"),
        service=text("CollaborationInfo/Service"),
        action=text("CollaborationInfo/Action"),
        conversation=text("CollaborationInfo/ConversationId"),
        about=text("MessageInfo/RefToMessageId"),
        agreement=text("CollaborationInfo/AgreementRef"),
    )


def _messaging(message: Carried) -> str:
    about = f"<eb:RefToMessageId>{escape(message.about)}</eb:RefToMessageId>" if message.about else ""
    parties = "".join(
        f"<eb:{side}><eb:PartyId type={quoteattr(kind)}>{escape(party)}</eb:PartyId></eb:{side}>"
        for side, party, kind in (
            ("From", message.from_party, message.from_type or "urn:example"),
            ("To", message.to_party, message.to_type or "urn:example"),
        )
    )
    return (
        f'<eb:Messaging xmlns:eb="{_EB}"><eb:UserMessage><eb:MessageInfo><eb:Timestamp>2099-03-05T02:10:01Z</eb:Timestamp>'
        f"<eb:MessageId>{escape(message.number)}</eb:MessageId>{about}</eb:MessageInfo><eb:PartyInfo>{parties}</eb:PartyInfo>"
        f"<eb:CollaborationInfo><eb:Service>{escape(message.service)}</eb:Service><eb:Action>{escape(message.action)}</eb:Action>"
        f"<eb:ConversationId>{escape(message.conversation)}</eb:ConversationId></eb:CollaborationInfo><eb:PayloadInfo>"
        '<eb:PartInfo href="cid:message"><eb:PartProperties><eb:Property name="MimeType">application/xml</eb:Property>'
        "</eb:PartProperties></eb:PartInfo></eb:PayloadInfo></eb:UserMessage></eb:Messaging>"
    )


SIMULATOR = simulator
