"""The synchronous answer: a full envelope with function 99 or 00, or a SOAP fault where there is no envelope to answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from uuid import NAMESPACE_URL, uuid5

from lxml import etree

from adapters.single_window import soap
from adapters.single_window.envelope import PARTY, SUBJECT, Head, build, party, read_head, without_prefix, write_moment
from adapters.single_window.options import Options
from adapters.single_window.registry import Procedure
from hub.canonical.base import local
from hub.contract import Answer, Opened, Outcome, Request
from hub.errors import Fault, HubError, InvalidMessage, Unavailable, Untrusted
from hub.rules import xml

RECEIVED, FAILED = "99", "00"
#: Codes of the second generation, the same in two independent systems.
INVALID, UNKNOWN_PROCEDURE, UNREADABLE = "ERR00_CODE", "ERR01_CODE", "ERR02_CODE"
NO_DOCUMENT_TYPE, UNKNOWN_TYPE, BAD_CONTENT = "ERR03_CODE", "ERR04_CODE", "ERR05_CODE"
#: Our fault codes that have a code of their own; else the fault's path decides.
_BY_CODE: Mapping[str, str] = {
    "unknown_procedure": UNKNOWN_PROCEDURE,
    "unknown_message": UNKNOWN_TYPE,
    "wrong_direction": UNKNOWN_TYPE,
}
#: Written where the request does not tell.
UNKNOWN = "00"

_SHORT = re.compile(r"\w{1,3}", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)


def answer(outcome: Outcome, opened: Opened | None, request: Request, options: Options) -> Answer:
    """Write the answer to one request, in the caller's SOAP version and the partner's own codes."""
    if opened is None:
        return _fault(outcome, request)
    head = outcome.asked or _asked(opened.document)
    procedure = options.book.find(head.document_type)
    root = build(_head(head, outcome, procedure, options), _content(outcome, procedure))
    version = opened.head.get("soap", "1.1")
    text = xml.serialise(root).decode()
    relates_to, namespace = opened.head.get("messageId", ""), opened.head.get("wsa", "")
    body = soap.response(version, options.door, text, relates_to, namespace)
    return Answer(status=200, body=body, content_type=soap.CONTENT_TYPE[version])


def _fault(outcome: Outcome, request: Request) -> Answer:
    error = outcome.error
    if error is None or isinstance(error, Untrusted):  # who cannot be trusted is told nothing more
        error = InvalidMessage([Fault("/", "not_soap", "yêu cầu không được chấp nhận", "the request is not accepted")])
    version = soap.guess_version(request.body, request.content_type)
    status, body = soap.fault(version, error)
    return Answer(status=status, body=body, content_type=soap.CONTENT_TYPE[version])


def _asked(document: bytes) -> Head:
    """Read what can be read of the request's header; nothing here may fail."""
    try:
        return read_head(without_prefix(xml.parse(document)))
    except InvalidMessage:
        return Head()


def _head(asked: Head, outcome: Outcome, procedure: Procedure | None, options: Options) -> Head:
    sender, receiver = _parties(asked, procedure, options)
    same = options.answer.message_id == "same" and 0 < len(asked.message_id) <= 36
    return Head(
        version=options.version,
        message_id=asked.message_id if same else str(uuid5(NAMESPACE_URL, f"answer:{outcome.message_id}")),
        sender=sender,
        receiver=receiver,
        subject=_subject(asked, outcome, options),
    )


def _subject(asked: Head, outcome: Outcome, options: Options) -> dict[str, str]:
    """Echo the request's Subject; what it does not tell, or tells too long, is ``00``."""
    year = str(local(outcome.received_at).year)
    reference = _within(asked.reference, 35)
    values = {
        "documentType": _within(asked.document_type, 100),
        "type": asked.type if _SHORT.fullmatch(asked.type) else UNKNOWN,
        "function": RECEIVED if outcome.error is None else FAILED,
        "reference": reference,
        "documentYear": _year(asked.subject.get("documentYear", ""), year),
        "preReference": _within(asked.subject.get("preReference", ""), 35, reference),
        "preDocumentYear": _year(asked.subject.get("preDocumentYear", ""), year),
        "sendDate": write_moment(outcome.received_at),
    }
    if not options.pre_document_year:
        del values["preDocumentYear"]
    return {name: values[name] for name in SUBJECT if name in values}


def _within(value: str, length: int, otherwise: str = UNKNOWN) -> str:
    return value if 0 < len(value) <= length else otherwise


def _year(value: str, otherwise: str) -> str:
    return value if _YEAR.fullmatch(value) else otherwise


def _parties(asked: Head, procedure: Procedure | None, options: Options) -> tuple[Mapping[str, str], Mapping[str, str]]:
    if options.answer.parties == "swapped" and _whole(asked.sender) and _whole(asked.receiver):
        return asked.receiver, asked.sender
    offices = options.ministry_parties
    office = procedure.office_code if procedure and procedure.office_code in offices else next(iter(offices))
    return party(options.own(office)), party(options.partner(office))


def _whole(party_values: Mapping[str, str]) -> bool:
    """Say whether a party of the request can be echoed: the values that an envelope must have, none too long."""
    needed = all(party_values.get(name) for name in PARTY if name != "unitCode")
    return needed and all(len(value) <= 255 for value in party_values.values())


def _content(outcome: Outcome, procedure: Procedure | None) -> etree._Element:
    if outcome.error is None:
        received = etree.Element("ReceiveDate")
        received.text = write_moment(outcome.received_at)
        return received
    errors = etree.Element("ErrorList")
    for code, name in _errors(outcome.error, procedure):
        error = etree.SubElement(errors, "Error")
        etree.SubElement(error, "ErrorCode").text = code
        etree.SubElement(error, "ErrorName").text = name
    return errors


def _errors(error: HubError, procedure: Procedure | None) -> Iterable[tuple[str, str]]:
    """Give code and text of every fault; who cannot be trusted is told nothing more."""
    if isinstance(error, Untrusted):
        yield INVALID, "thông điệp không được chấp nhận (the message is not accepted)"
        return
    if isinstance(error, Unavailable):
        code = procedure.store_failed if procedure else UNKNOWN_PROCEDURE
        yield code, "chưa lưu được thông điệp, hãy gửi lại (the message could not be stored, send it again)"
        return
    for fault in error.faults:
        yield _code(fault, error), f"{fault.path}: {fault.vi} ({fault.en})"


def _code(fault: Fault, error: HubError) -> str:
    if fault.code in _BY_CODE:
        return _BY_CODE[fault.code]
    if not isinstance(error, InvalidMessage):
        return UNKNOWN_PROCEDURE  # the gateway's own code for a failure while handling
    if fault.path.endswith("/Subject/documentType"):
        return NO_DOCUMENT_TYPE
    if fault.code == "missing" and fault.path.startswith("/Envelope/Body/Content") and fault.path.count("/") <= 4:
        return BAD_CONTENT
    if fault.code == "missing" and fault.path in ("/", "/Envelope"):
        return INVALID  # an empty payload
    return INVALID if error.code == "conflict" else UNREADABLE
