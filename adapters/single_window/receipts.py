"""The partner's synchronous answer, read: only the dialect's receipt for the very same message is one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

from adapters.single_window import file_service, later_word, soap, status_query
from adapters.single_window.confirmations import written_as
from adapters.single_window.envelope import Head, content_of, contents_of, read_subject, without_prefix
from hub.canonical.receipt import Finding, Receipt
from hub.contract import Outgoing, Reply
from hub.errors import Busy, InDoubt, InvalidMessage, Refused
from hub.rules import xml

TAKEN, REFUSED = "taken", "refused"
#: Function of an answer. 99 and 00 are the second generation's, 22 the first's, still seen. One that is not here is in doubt.
FUNCTIONS: Mapping[str, str] = {"99": TAKEN, "00": REFUSED, "22": REFUSED}
#: Codes of the first generation, inside a text; its RejectCode may be no code but the identifier of what is refused.
_CODE = re.compile(r"N00\d{3}", re.ASCII)
_IDENTIFIER = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}", re.ASCII)
#: What stands in a fault's code; anything else there is not shown.
_FAULT_CODE = re.compile(r"[\w.:\-]{1,40}", re.ASCII)
#: What must stand once in an answer: two of them leave open what it says.
_ONCE = (
    "Header",
    "Header/Subject",
    *(f"Header/Subject/{name}" for name in ("documentType", "type", "function", "reference")),
    "Body",
    "Body/Content",
)
_SECOND = etree.XPath("boolean(" + " | ".join(f"{path}[2]" for path in _ONCE) + ")")
#: Longest code of a refusal that is kept.
_CODE_LENGTH = 100
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
    if outgoing.service == later_word.SERVICE and _is_silent(reply.body, outgoing):
        # A confirmation is answered by an empty text.
        return Receipt(held=later_word.said(outgoing))
    root = _envelope(reply.body, outgoing)
    head = read_subject(root)
    meaning = _functions(outgoing).get(head.function)
    if meaning is None:
        raise _doubt(outgoing, f"function {head.function[:3]!r} in the answer", head.function[:3])
    if not _same_message(head, outgoing, meaning):
        raise _doubt(outgoing, "the answer is about another message", head.function)
    content = _telling(root)
    if meaning == TAKEN:
        if _errors(content):
            raise _doubt(outgoing, "the answer says received, and lists errors", head.function)
        told = later_word.said(outgoing) if outgoing.service == later_word.SERVICE else {}
        return Receipt(code=head.function, text=_received(content), held=file_service.learnt(outgoing, content) | told)
    return _refused(head, content, outgoing)


def _is_silent(body: bytes, outgoing: Outgoing) -> bool:
    """Say whether a reply is the operation's own, with nothing in it."""
    try:
        root = xml.parse(body)
    except InvalidMessage:
        return False
    paths = (f"{{{space}}}Body//{{*}}{outgoing.head['result']}" for space in soap.SOAP.values())
    found = [element for path in paths for element in root.iterfind(path)]
    return len(found) == 1 and not len(found[0]) and not (found[0].text or "").strip()


def _telling(root: etree._Element) -> etree._Element | None:
    """Give the element of an answer that says what is wrong, wherever it stands in the content; else the first one."""
    contents = contents_of(root)
    return next((one for one in contents if one.tag in ("Reject", "ErrorList")), contents[0] if contents else None)


def _functions(outgoing: Outgoing) -> Mapping[str, str]:
    """Give what the functions of an answer mean: by the dialect in which the message was written."""
    asked = outgoing.head
    known = {asked["received"]: TAKEN, asked["failed"]: REFUSED} if "received" in asked else FUNCTIONS
    return {**known, asked["confirmed"]: TAKEN} if "confirmed" in asked else known


def read_finding(reply: Reply, outgoing: Outgoing) -> Finding:
    """Read the answer to the question what became of a message; only the partner's clear word counts, all else is unknown.

    That it was asked is no answer: the partner may tell by a message of its own, which closes the delivery.
    """
    if "ask" not in outgoing.head or reply.status != 200:
        return Finding(outcome="unknown", text=f"HTTP {reply.status}")
    try:
        root = _envelope(reply.body, outgoing)
    except InDoubt as doubt:
        return Finding(outcome="unknown", text=doubt.en[:_SAID_LENGTH])
    head, content = read_subject(root), content_of(root)
    about = written_as(xml.text(content, "MessageId")) if content is not None else ""
    told = status_query.told(head, content, about, outgoing)
    return Finding(outcome="found" if told else "unknown", text=f"function {head.function[:3]}")


def _same_message(head: Head, outgoing: Outgoing, meaning: str) -> bool:
    """Compare procedure, type and number; parties and messageId differ from system to system and prove nothing."""
    asked = outgoing.head
    if _number(head.document_type) != _number(asked["documentType"]):
        return False
    numbers = (_number(head.type), _number(head.reference))
    if numbers == (_number(asked["type"]), _number(asked["reference"])):
        return True
    if meaning == TAKEN:
        return False
    # A known system writes the document type where the type belongs, in its refusals only.
    types = {_number(asked["type"]), _number(asked["documentType"]), *map(_number, UNKNOWN)}
    return _number(head.type) in types and head.reference in (asked["reference"], *UNKNOWN)


def _number(value: str) -> str:
    """Compare whole numbers without zeros in front: systems that hold them as numbers write them so."""
    return value.lstrip("0") if value.isascii() and value.isdigit() else value


def _received(content: etree._Element | None) -> str:
    return xml.text(content, ".")[:30] if content is not None and content.tag == "ReceiveDate" else ""


def _refused(head: Head, content: etree._Element | None, outgoing: Outgoing) -> Receipt:
    errors = _errors(content)
    wanted, text = outgoing.head.get("alreadyCode", ""), outgoing.head.get("alreadyText", "")
    if wanted and errors and all(code == wanted and text.lower() in name.lower() for code, name in errors):
        return Receipt(code=wanted, text=errors[0][1], already=True)
    said = "; ".join(f"{code}: {name}" for code, name in errors)[:_SAID_LENGTH] or f"function {head.function}"
    code = (errors[0][0] if errors else "")[:_CODE_LENGTH] or head.function
    raise Refused(f"the partner refuses it: {said}", f"đối tác từ chối: {said}", where=outgoing.service, partner_code=code)


def _errors(content: etree._Element | None) -> list[tuple[str, str]]:
    """List code and text of every error: ErrorList of the second generation, Reject of the first."""
    if content is None:
        return []
    if content.tag == "Reject":
        return [(_reject_code(content), xml.text(content, "RejectDesc"))]
    return [(xml.text(error, "ErrorCode"), xml.text(error, "ErrorName")) for error in content.iterfind("Error")]


def _reject_code(content: etree._Element) -> str:
    """Give the code of a Reject; an identifier in its place would make a cause of its own of each refusal."""
    code, text = xml.text(content, "RejectCode"), xml.text(content, "RejectDesc")
    if code and not _IDENTIFIER.fullmatch(code):
        return code
    found = _CODE.search(text)
    return found[0] if found else ""


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
    if _SECOND(root):
        twice = next(path for path in _ONCE if len(root.findall(path)) > 1)
        raise _doubt(outgoing, f"{twice} is in the answer twice")
    return root


def _result(root: etree._Element, name: str) -> str:
    """Give the text of the result element in the SOAP body, by its local name: prefixes and namespaces vary."""
    for namespace in soap.SOAP.values():
        body = root.find(f"{{{namespace}}}Body")
        if body is not None:
            found = list(body.iter("{*}" + name))
            # Two answers to one call are none.
            return (found[0].text or "") if len(found) == 1 else ""
    return ""


def _fault_code(body: bytes) -> str:
    """Give a SOAP fault's code, which says nothing of the dossier; its text might."""
    try:
        root = xml.parse(body)
    except InvalidMessage:
        return ""
    code = next(iter(root.iter("{*}faultcode", f"{{{soap.SOAP['1.2']}}}Value")), None)
    said = "" if code is None else (code.text or "").strip()
    return f", SOAP fault {said}" if _FAULT_CODE.fullmatch(said) else ""


def _doubt(outgoing: Outgoing, what: str, code: str = "") -> InDoubt:
    return InDoubt(
        f"no readable receipt: {what}; the partner may have the message",
        f"không có biên nhận đọc được: {what}; đối tác có thể đã nhận thông điệp",
        where=outgoing.service,
        partner_code=code,
    )
