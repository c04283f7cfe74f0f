"""Domibus by its WS plugin (SOAP 1.2): submit, list what is pending, retrieve, mark as downloaded, ask for the status.

Version 5 (namespace ``eu.domibus.wsplugin``) retrieves without marking and marks by a call of its own. Version 4
(``BackendService_1_1``) marks by retrieving: there the number is kept before, and Domibus must keep what was downloaded
(``retention_downloaded`` of its P-Mode), so that it can be retrieved again by a hub that died meanwhile.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from lxml import etree

from hub.canonical.border.message import TechnicalState
from hub.canonical.gateway_word import GatewayWord
from hub.errors import Busy, HubError, InDoubt, InvalidMessage, NotSent, Refused
from hub.gateway.http_port import Answered, HttpPort
from hub.gateway.messaging import EB3, child, local, read_user_message, said, write_user_message
from hub.gateway.port import Fetched, Found, Submission, Submitted, Waiting
from hub.gateway.related import Related, from_base64, read_related
from hub.gateway_policy import GatewayPolicy
from hub.rules import xml

SOAP = "http://www.w3.org/2003/05/soap-envelope"
#: Namespaces of the plugin's messages, by version.
SPACES = {"5": "http://eu.domibus.wsplugin/", "4": "http://org.ecodex.backend/1_1/"}
CONTENT_TYPE = "application/soap+xml; charset=UTF-8"
#: The part of a message that is the document.
CID = "cid:message"
ABSENT = "NOT_FOUND"
_MAX_ERRORS, _MAX_NODES = 5, 200_000
_P, _S, _F = TechnicalState.PENDING, TechnicalState.SENT, TechnicalState.FAILED

#: MessageStatus of the plugin -> what it means, and whether it is the last word. What is not here is UNKNOWN, and not the last.
STATES: Mapping[str, tuple[TechnicalState, bool]] = {
    "READY_TO_SEND": (_P, False),
    "READY_TO_PULL": (_P, False),
    "SEND_ENQUEUED": (_P, False),
    "BEING_PULLED": (_S, False),
    "SEND_IN_PROGRESS": (_S, False),
    "WAITING_FOR_RECEIPT": (_S, False),
    "SEND_ATTEMPT_FAILED": (_P, False),
    "WAITING_FOR_RETRY": (_P, False),
    "ACKNOWLEDGED": (TechnicalState.DELIVERED, True),
    "ACKNOWLEDGED_WITH_WARNING": (TechnicalState.DELIVERED_WITH_WARNINGS, True),
    "SEND_FAILURE": (_F, True),
}


class Domibus:
    """One plugin user's side of a Domibus access point."""

    def __init__(self, policy: GatewayPolicy, port: HttpPort) -> None:
        self._policy, self._port = policy, port
        self._space = SPACES[policy.version]
        self.fetching_marks = policy.version == "4"
        self.address = port.url

    # --- ours ---------------------------------------------------------------------------------------------------------

    def submit(self, given: Submission, fence: Callable[[], None]) -> Submitted:
        """Submit one document; its identifier is ours, and Domibus takes each once."""
        number = f"{given.message_id}@{self._policy.id_domain}"
        answered = self._port.submit("POST", "", self._submission(given, number), {"Content-Type": CONTENT_TYPE}, fence)
        body = self._read(answered)
        if answered.status == 200 and body is not None and (told := said(body, "submitResponse", "messageID")):
            return Submitted(number=told, reply=answered.body, status=answered.status, sent=answered.sent)
        fault = child(body, "Fault")
        if fault is None:
            raise self._port.doubt(answered)
        return self._after_fault(answered, fault, number)

    def _after_fault(self, answered: Answered, fault: etree._Element, number: str) -> Submitted:
        """Ask after a fault whether the message is there: it may be the one that an earlier try has brought."""
        why, code = _why(fault)
        try:
            there = self._state(number) not in ("", ABSENT)
        except HubError:
            raise self._port.doubt(answered, why) from None
        if there:
            return Submitted(number=number, reply=answered.body, status=answered.status, sent=answered.sent)
        # A fault of the plugin's own has a detail with a code; one without it is of what carries the plugin.
        raise self._port.refused(answered, why, code) if code else self._port.not_taken(answered, why)

    def _submission(self, given: Submission, number: str) -> bytes:
        envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, "eb": EB3, "ws": self._space})
        header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
        message = etree.SubElement(etree.SubElement(header, f"{{{EB3}}}Messaging"), f"{{{EB3}}}UserMessage")
        write_user_message(message, EB3, self._policy, given, number)
        part = etree.SubElement(etree.SubElement(message, f"{{{EB3}}}PayloadInfo"), f"{{{EB3}}}PartInfo", href=CID)
        of_part = etree.SubElement(part, f"{{{EB3}}}PartProperties")
        etree.SubElement(of_part, f"{{{EB3}}}Property", name="MimeType").text = self._policy.content_type
        body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
        request = etree.SubElement(body, f"{{{self._space}}}submitRequest")
        payload = etree.SubElement(request, "payload", payloadId=CID, contentType=self._policy.content_type)
        etree.SubElement(payload, "value").text = base64.b64encode(given.body).decode()
        return xml.serialise(envelope, declaration=True)

    def find(self, given: Submission) -> Found:
        """Ask for the status under our identifier: NOT_FOUND proves that it was not submitted."""
        number = f"{given.message_id}@{self._policy.id_domain}"
        answered, state = self._asked_state(number)
        outcome = {"": "unknown", ABSENT: "absent"}.get(state, "found")
        return Found(outcome=outcome, number=number, reply=answered.body, status=answered.status, sent=answered.sent)

    def status(self, number: str) -> GatewayWord:
        """Ask what became of a message; of one that failed for good also why."""
        state = self._state(number) or "UNKNOWN"
        technical, final = STATES.get(state, (TechnicalState.UNKNOWN, False))
        text = self._errors(number) if technical is TechnicalState.FAILED else ""
        return GatewayWord(
            number=number,
            message_id=number.partition("@")[0],
            code=state,
            technical=technical,
            final=final,
            text=text,
        )

    def _state(self, number: str) -> str:
        return self._asked_state(number)[1]

    def _asked_state(self, number: str) -> tuple[Answered, str]:
        answered, body = self._call(*self._role("statusRequest", number))
        # statusResponse in both versions, or getStatusResponse (assumed for 4.x); its text is the state.
        found = next((each for each in body if local(each) in ("statusResponse", "getStatusResponse")), None)
        return answered, (found.text or "").strip() if found is not None else ""

    def _errors(self, number: str) -> str:
        """Give what the plugin tells of failures: codes with their texts."""
        try:
            _, body = self._call(*self._role("getErrorsRequest", number))
        except HubError:
            return ""
        items = [each for each in body.iter() if local(each) == "item"][:_MAX_ERRORS]
        told = (" ".join(part for part in (said(each, "errorCode"), said(each, "errorDetail")) if part) for each in items)
        return "; ".join(dict.fromkeys(each for each in told if each))[:500]

    def _role(self, operation: str, number: str) -> tuple[str, dict[str, str]]:
        """Since 5 the access point's side is named, so that a message of the same number that came is not meant."""
        if self._policy.version == "4":
            return operation, {"messageID": number}
        return f"{operation}WithAccessPointRole", {"messageID": number, "accessPointRole": "SENDING"}

    # --- what came ----------------------------------------------------------------------------------------------------

    def list_inbound(self) -> list[Waiting]:
        """List the messages that are pending for this plugin user."""
        _, body = self._call("listPendingMessagesRequest", {})
        response = child(body, "listPendingMessagesResponse")
        if response is None:
            raise self._unreadable("listPendingMessages")
        numbers = [(each.text or "").strip() for each in response if local(each) == "messageID"]
        return [Waiting(number=each, row=each.encode()) for each in dict.fromkeys(numbers) if each][: self._policy.most]

    def fetch(self, number: str) -> Fetched:
        """Retrieve a message; since 5 without marking it."""
        marked = {} if self.fetching_marks else {"markAsDownloaded": "false"}
        answered = self._asked("retrieveMessageRequest", {"messageID": number, **marked})
        related = read_related(answered.content_type, answered.body)
        envelope = xml.parse(related.root, max_nodes=_MAX_NODES, long_texts=True)
        body = child(envelope, "Body")
        if (fault := child(body, "Fault")) is not None:
            why, code = _why(fault)
            raise self._port.refused(answered, why, code)
        message, response = child(envelope, "Header", "Messaging", "UserMessage"), child(body, "retrieveMessageResponse")
        if message is None or response is None:
            raise self._unreadable("retrieveMessage")
        header = read_user_message(message)
        payloads = [each for each in response if local(each) in ("payload", "bodyload")]
        if header.message_id != number or not payloads:
            raise self._unreadable("retrieveMessage")
        mime = next((properties.get("MimeType", "") for _, properties in header.parts), "")
        return Fetched(
            number=number,
            body=_content(payloads[0], related),
            parts=len(payloads),
            content_type=mime or payloads[0].get("contentType", ""),
            from_party=header.from_party,
            from_type=header.from_type,
            to_party=header.to_party,
            to_type=header.to_type,
            service=header.service,
            action=header.action,
            conversation=header.conversation,
            about=header.about,
            raw=answered.body,
        )

    def mark_processed(self, number: str, *, taken: bool) -> None:
        """Mark a message as downloaded; in version 4 fetching did."""
        if self.fetching_marks:
            return
        answered = self._asked("markMessageAsDownloadedRequest", {"messageID": number})
        body = self._read(answered)
        if child(body, "markMessageAsDownloadedResponse") is not None:
            return
        fault = child(body, "Fault")
        if fault is None:
            raise self._unreadable("markMessageAsDownloaded")
        why, code = _why(fault)
        # It is not pending (any more): who marked it does not matter.
        raise self._port.refused(answered, why, code)

    # --- calls --------------------------------------------------------------------------------------------------------

    def probe(self) -> str:
        """List what is pending: the account is taken, and the plugin answers."""
        return f"{self._port.url}: Domibus {self._policy.version}, {len(self.list_inbound())} pending"

    def close(self) -> None:
        """Hold nothing: connections belong to the process's pool."""

    def _asked(self, operation: str, given: Mapping[str, str]) -> Answered:
        envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, "ws": self._space})
        request = etree.SubElement(etree.SubElement(envelope, f"{{{SOAP}}}Body"), f"{{{self._space}}}{operation}")
        for name, value in given.items():
            etree.SubElement(request, name).text = value
        try:
            return self._port.ask("POST", "", xml.serialise(envelope, declaration=True), {"Content-Type": CONTENT_TYPE})
        except Busy:
            raise
        except NotSent as error:
            # SOAP faults come with 500 too; those say something.
            answered = Answered(error.reply_status, error.reply, "", error.sent)
            if error.reply_status == 500 and child(self._read(answered), "Fault") is not None:
                return answered
            raise

    def _call(self, operation: str, given: Mapping[str, str]) -> tuple[Answered, etree._Element]:
        """Ask, and give the body; a fault is a refusal."""
        answered = self._asked(operation, given)
        body = self._read(answered)
        if body is None:
            raise self._unreadable(operation)
        if (fault := child(body, "Fault")) is not None:
            why, code = _why(fault)
            raise self._port.refused(answered, why, code)
        return answered, body

    @staticmethod
    def _read(answered: Answered) -> etree._Element | None:
        """Give the SOAP body; None where the answer is none (a proxy's page)."""
        try:
            root = xml.parse(read_related(answered.content_type, answered.body).root, long_texts=True)
        except InvalidMessage:
            return None
        return child(root, "Body") if local(root) == "Envelope" else None

    def _unreadable(self, operation: str) -> HubError:
        where = self._port.url
        return InDoubt(
            f"{where} does not answer {operation} as Domibus does",
            f"{where} không trả lời {operation} đúng như Domibus",
            where=where,
        )


def _why(fault: etree._Element) -> tuple[str, str]:
    """Read a fault: its words, and the plugin's own code."""
    reason = said(fault, "Reason", "Text") or said(fault, "faultstring")
    detail = next((each for each in fault.iter() if local(each) in ("FaultDetail", "faultDetail")), None)
    code, text = said(detail, "code"), said(detail, "message")
    return "; ".join(part for part in dict.fromkeys((code, text, reason)) if part) or "SOAP fault", code


def _content(payload: etree._Element, related: Related) -> bytes:
    value = child(payload, "value")
    include = child(value, "Include")
    if include is not None:
        found = related.parts.get(include.get("href", "").removeprefix("cid:"))
        if found is None:
            raise Refused("a part of the message is missing", "thiếu một phần của thông điệp", where="payload")
        return found
    return from_base64((value.text if value is not None else payload.text) or "")
