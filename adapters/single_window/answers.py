"""The synchronous answer: a full envelope by the dialect's rules, or a SOAP fault where there is no envelope to answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import NAMESPACE_URL, uuid5

from lxml import etree

from adapters.single_window import header_checks, soap
from adapters.single_window.dialects import Dialect
from adapters.single_window.envelope import PARTY, Head, build, party, read_head, without_prefix, write_moment
from adapters.single_window.operations import AVAILABLE, Operation
from adapters.single_window.options import Options
from adapters.single_window.registry import Procedure
from hub.canonical.base import local
from hub.contract import Answer, Opened, Outcome, Request
from hub.errors import Fault, HubError, InvalidMessage, Unavailable, Untrusted
from hub.rules import xml

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
#: First generation: a refusal that names no field.
_NOT_TOLD = "N00400"
#: Who refuses, where it is no officer.
_SYSTEM = "SYSTEM"
_SOLUTION = "Sửa thông điệp và gửi lại (mend the message and send it again)"
#: The operation's name stands among the first bytes of a call.
_HEAD_BYTES = 4000

#: A type: up to three signs; food safety has a word there.
_SHORT = re.compile(r"\w{1,3}|[A-Z]{2,10}", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the answer needs of a document."""

    head: Head
    dialect: Dialect
    #: The answer is an empty text: a confirmation is not confirmed.
    empty: bool = False

    def silent(self) -> Asked:
        """Give the same, answered by nothing."""
        return replace(self, empty=True)


def answer(outcome: Outcome, opened: Opened | None, request: Request, options: Options) -> Answer:
    """Write the answer to one request, in the caller's SOAP version and the partner's own codes."""
    if opened is None:
        return _fault(outcome, request)
    asked = outcome.asked or _asked(opened.document, options)
    text = "" if asked.empty and outcome.error is None else _text(asked, outcome, options)
    version = opened.head.get("soap", "1.1")
    relates_to, namespace = opened.head.get("messageId", ""), opened.head.get("wsa", "")
    body = soap.response(version, _operation(opened, options), text, relates_to, namespace)
    return Answer(status=200, body=body, content_type=soap.CONTENT_TYPE[version])


def greeting(request: Request, options: Options) -> Answer | None:
    """Answer a call that asks whether the service is there, and brings no message; None: it is another call."""
    checks = [one for one in options.doors if one.shape == "check"]
    if not any(one.operation.encode() in request.body[:_HEAD_BYTES] for one in checks):
        return None
    try:
        call = soap.read_call(request.body, options)
    except InvalidMessage:
        return None
    if call.operation.shape != "check":
        return None
    body = soap.response(call.version, call.operation, AVAILABLE, call.message_id, call.wsa_namespace)
    return Answer(status=200, body=body, content_type=soap.CONTENT_TYPE[call.version])


def _operation(opened: Opened, options: Options) -> Operation:
    name = opened.head.get("operation", "")
    return next((one for one in options.doors if one.operation == name), options.door)


def _text(asked: Asked, outcome: Outcome, options: Options) -> str:
    head, dialect = asked.head, asked.dialect
    procedure = options.find(head.document_type)
    contents = _content(head, outcome, procedure, dialect, options)
    root = build(_head(head, outcome, procedure, dialect, options), *contents, dialect=dialect)
    return xml.serialise(root).decode()


def _fault(outcome: Outcome, request: Request) -> Answer:
    error = outcome.error
    if error is None or isinstance(error, Untrusted):  # who cannot be trusted is told nothing more
        error = InvalidMessage([Fault("/", "not_soap", "yêu cầu không được chấp nhận", "the request is not accepted")])
    version = soap.guess_version(request.body, request.content_type)
    status, body = soap.fault(version, error)
    return Answer(status=status, body=body, content_type=soap.CONTENT_TYPE[version])


def _asked(document: bytes, options: Options) -> Asked:
    """Read what can be read of the request's header; nothing here may fail."""
    try:
        head = read_head(without_prefix(xml.parse(document, long_texts=True)))
    except InvalidMessage:
        head = Head()
    return Asked(head, options.dialect_of(options.find(head.document_type)))


def _head(asked: Head, outcome: Outcome, procedure: Procedure | None, dialect: Dialect, options: Options) -> Head:
    refused = outcome.error is not None
    sender, receiver = _parties(asked, procedure, dialect, options, refused)
    return Head(
        version=asked.version[:50] if dialect.answer_same_envelope else dialect.version,
        message_id=_message_id(asked, outcome, dialect, refused),
        sender=sender,
        receiver=receiver,
        subject=_subject(asked, outcome, dialect, refused),
    )


def _message_id(asked: Head, outcome: Outcome, dialect: Dialect, refused: bool) -> str:
    rule = (dialect.failed_message_id if refused else None) or dialect.answer_message_id
    if rule == "empty":
        return ""
    if rule == "same" and 0 < len(asked.message_id) <= 36:
        return asked.message_id
    return fit(str(uuid5(NAMESPACE_URL, f"answer:{outcome.message_id}")), dialect)


def fit(message_id: str, dialect: Dialect) -> str:
    """Write an identifier as long as the dialect's readers take it: a UUID loses its hyphens where they take 35 signs."""
    return message_id if len(message_id) <= dialect.message_id_max else message_id.replace("-", "")


def _subject(asked: Head, outcome: Outcome, dialect: Dialect, refused: bool) -> dict[str, str]:
    """Echo the request's Subject; what it does not tell, or tells too long, is ``00``."""
    year = str(local(outcome.received_at).year)
    reference = _echoed(asked, "reference", 35, dialect)
    function = dialect.failed if refused else dialect.received
    kind = asked.type if _SHORT.fullmatch(asked.type) else UNKNOWN
    document_type = _within(asked.document_type, 100)
    rule = (dialect.failed_kind if refused else None) or dialect.answer_kind
    if rule == "document_type":
        kind = document_type
    elif rule == "swapped":
        kind, function = function, kind
    values = {
        "documentType": document_type,
        "type": kind,
        "function": function,
        "reference": reference,
        "documentYear": _year(asked.subject.get("documentYear", ""), year),
        "preReference": _echoed(asked, "preReference", 35, dialect, reference),
        "preDocumentYear": _year(asked.subject.get("preDocumentYear", ""), year),
        "sendDate": write_moment(outcome.received_at),
    }
    return {name: values[name] for name in dialect.subject_order}


def _echoed(asked: Head, name: str, length: int, dialect: Dialect, otherwise: str = UNKNOWN) -> str:
    """Echo a number of the request; where the dialect has whole numbers, another text is none."""
    value = asked.subject.get(name, "")
    if name in dialect.integers and not (value.isascii() and value.isdigit()):
        return otherwise
    return _within(value, length, otherwise)


def _within(value: str, length: int, otherwise: str = UNKNOWN) -> str:
    return value if 0 < len(value) <= length else otherwise


def _year(value: str, otherwise: str) -> str:
    return value if _YEAR.fullmatch(value) else otherwise


def _parties(
    asked: Head, procedure: Procedure | None, dialect: Dialect, options: Options, refused: bool
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    rule = (dialect.failed_parties if refused else None) or dialect.answer_parties
    if rule != "fixed" and _whole(asked.sender, asked, dialect) and _whole(asked.receiver, asked, dialect):
        return (asked.receiver, asked.sender) if rule == "swapped" else (asked.sender, asked.receiver)
    offices = options.ministry_parties
    office = procedure.office_code if procedure and procedure.office_code in offices else next(iter(offices))
    return party(options.own(office, dialect)), party(options.partner(office, dialect))


def _whole(party_values: Mapping[str, str], asked: Head, dialect: Dialect) -> bool:
    """Say whether a party of the request can be echoed: the values that an envelope must have, none too long."""
    names = PARTY if asked.document_type in dialect.whole_parties else dialect.party_names
    needed = all(party_values.get(name) for name in names if name != "unitCode")
    return needed and all(len(value) <= 255 for value in party_values.values())


def _content(
    asked: Head, outcome: Outcome, procedure: Procedure | None, dialect: Dialect, options: Options
) -> list[etree._Element]:
    if outcome.error is None:
        return [_leaf("ReceiveDate", write_moment(outcome.received_at))]
    errors = list(_errors(outcome.error, procedure, dialect))
    if dialect.errors == "reject":
        return _reject(asked, errors, outcome, options)
    listed = etree.Element("ErrorList")
    for code, name in errors:
        error = etree.SubElement(listed, "Error")
        etree.SubElement(error, "ErrorCode").text = code
        etree.SubElement(error, "ErrorName").text = name
        if dialect.solution:
            etree.SubElement(error, "Solution").text = _SOLUTION
    return [listed]


def _reject(asked: Head, errors: Iterable[tuple[str, str]], outcome: Outcome, options: Options) -> list[etree._Element]:
    """Write every error into one Reject; its code is the identifier of what is refused, as known systems have it."""
    reject = etree.Element("Reject")
    own = next(iter(options.ministry_parties.values())) if options.role == "gateway" else options.gateway_party
    values = {
        "RejectCode": _within(asked.message_id, 36),
        "RejectDesc": "; ".join(f"{code} {name}" for code, name in errors),
        "Organization": own.organization_code,
        "Division": own.unit_code,
        "Name": _SYSTEM,
    }
    for name, value in values.items():
        reject.append(_leaf(name, value))
    return [reject, _leaf("RejectDate", write_moment(outcome.received_at))]


def _leaf(name: str, text: str) -> etree._Element:
    element = etree.Element(name)
    element.text = text
    return element


def _errors(error: HubError, procedure: Procedure | None, dialect: Dialect) -> Iterable[tuple[str, str]]:
    """Give code and text of every fault; who cannot be trusted is told nothing more."""
    gen1 = dialect.error_codes == "gen1"
    if isinstance(error, Untrusted):
        yield _NOT_TOLD if gen1 else INVALID, "thông điệp không được chấp nhận (the message is not accepted)"
        return
    if isinstance(error, Unavailable):
        code = _NOT_TOLD if gen1 else procedure.store_failed if procedure else UNKNOWN_PROCEDURE
        yield code, "chưa lưu được thông điệp, hãy gửi lại (the message could not be stored, send it again)"
        return
    for fault in error.faults:
        code = header_checks.code(fault, error) if gen1 else _code(fault, error)
        yield code, f"{fault.path}: {fault.vi} ({fault.en})"


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
