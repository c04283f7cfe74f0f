"""The partner's synchronous answer, read: only function 99 for the very same message is a receipt."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from adapters.single_window import soap
from adapters.single_window.envelope import Head, content_of, read_head, without_prefix
from hub.canonical.receipt import Finding, Receipt
from hub.contract import Outgoing, Reply
from hub.errors import Busy, InDoubt, InvalidMessage, Refused
from hub.rules import xml

TAKEN, REFUSED = "taken", "refused"
#: Function of an answer. 99 and 00 are the second generation's, 22 the first's, still seen. One that is not here is in doubt.
FUNCTIONS: Mapping[str, str] = {"99": TAKEN, "00": REFUSED, "22": REFUSED}
#: HTTP: the partner says that it did not take the message (RFC 9110 15.6.4, RFC 6585 4).
BUSY_STATUS = (429, 503)
#: So much of a refusal's texts is kept with the failure; the whole reply is kept as evidence.
_SAID_LENGTH = 2000
#: What a refusal writes where it could not read the request.
UNKNOWN = ("00", "")


def read_receipt(reply: Reply, outgoing: Outgoing) -> Receipt:
    """Read the reply to a message. Raises Refused, Busy, or InDoubt for everything that does not clearly tell."""
    if reply.status in BUSY_STATUS:
        code = str(reply.status)
        raise Busy(f"the partner answers {code}", f"đối tác trả lời {code}", where=outgoing.service, partner_code=code)
    if reply.status != 200:
        raise _doubt(outgoing, f"HTTP {reply.status}{_fault_code(reply.body)}", str(reply.status))
    root = _envelope(reply.body, outgoing)
    head = read_head(root)
    meaning = FUNCTIONS.get(head.function)
    if meaning is None:
        raise _doubt(outgoing, f"function {head.function[:3]!r} in the answer", head.function[:3])
    if not _same_message(head, outgoing, meaning):
        raise _doubt(outgoing, "the answer is about another message", head.function)
    content = content_of(root)
    if meaning == TAKEN:
        return Receipt(code=head.function, text=_received(content))
    return _refused(head, content, outgoing)


def read_finding(reply: Reply, outgoing: Outgoing) -> Finding:
    """Say that nothing is known: the second generation has no look-up."""
    return Finding(outcome="unknown", text=f"HTTP {reply.status}")


def _same_message(head: Head, outgoing: Outgoing, meaning: str) -> bool:
    """Compare procedure, type and number; parties and messageId differ from system to system and prove nothing."""
    asked = outgoing.head
    if head.document_type != asked["documentType"]:
        return False
    if (head.type, head.reference) == (asked["type"], asked["reference"]):
        return True
    if meaning == TAKEN:
        return False
    # A known system writes the document type where the type belongs, in its refusals only.
    return head.type in (asked["type"], asked["documentType"], *UNKNOWN) and head.reference in (asked["reference"], *UNKNOWN)


def _received(content: etree._Element | None) -> str:
    return xml.text(content, ".")[:30] if content is not None and content.tag == "ReceiveDate" else ""


def _refused(head: Head, content: etree._Element | None, outgoing: Outgoing) -> Receipt:
    errors = _errors(content)
    wanted, text = outgoing.head.get("alreadyCode", ""), outgoing.head.get("alreadyText", "")
    if wanted and errors and all(code == wanted and text.lower() in name.lower() for code, name in errors):
        return Receipt(code=wanted, text=errors[0][1], already=True)
    said = "; ".join(f"{code}: {name}" for code, name in errors)[:_SAID_LENGTH] or f"function {head.function}"
    code = errors[0][0] if errors else head.function
    raise Refused(f"the partner refuses it: {said}", f"đối tác từ chối: {said}", where=outgoing.service, partner_code=code)


def _errors(content: etree._Element | None) -> list[tuple[str, str]]:
    """List code and text of every error: ErrorList of the second generation, Reject of the first."""
    if content is None:
        return []
    if content.tag == "Reject":
        return [(xml.text(content, "RejectCode"), xml.text(content, "RejectDesc"))]
    return [(xml.text(error, "ErrorCode"), xml.text(error, "ErrorName")) for error in content.iterfind("Error")]


def _envelope(body: bytes, outgoing: Outgoing) -> etree._Element:
    """Find the answer's envelope inside the SOAP reply, by parsing both; never by searching text."""
    try:
        result = _result(xml.parse(body), outgoing.head["result"])
    except InvalidMessage as error:
        raise _doubt(outgoing, f"the reply is not SOAP ({error.faults[0].code})") from error
    if not result.strip():
        raise _doubt(outgoing, "the answer is empty")
    try:
        root = without_prefix(xml.parse(soap.document_of(result)))
    except InvalidMessage as error:
        raise _doubt(outgoing, f"the answer is not XML ({error.faults[0].code})") from error
    if root.tag != "Envelope":
        raise _doubt(outgoing, "the answer is not an envelope")
    return root


def _result(root: etree._Element, name: str) -> str:
    """Give the text of the result element in the SOAP body, by its local name: prefixes and namespaces vary."""
    for namespace in soap.SOAP.values():
        body = root.find(f"{{{namespace}}}Body")
        if body is not None:
            found = next((one for one in body.iter("{*}" + name)), None)
            return "" if found is None else (found.text or "")
    return ""


def _fault_code(body: bytes) -> str:
    """Give a SOAP fault's code, which says nothing of the dossier; its text might."""
    try:
        root = xml.parse(body)
    except InvalidMessage:
        return ""
    code = next(iter(root.iter("{*}faultcode", f"{{{soap.SOAP['1.2']}}}Value")), None)
    return "" if code is None else f", SOAP fault {(code.text or '').strip()[:40]}"


def _doubt(outgoing: Outgoing, what: str, code: str = "") -> InDoubt:
    return InDoubt(
        f"no readable receipt: {what}; the partner may have the message",
        f"không có biên nhận đọc được: {what}; đối tác có thể đã nhận thông điệp",
        where=outgoing.service,
        partner_code=code,
    )
