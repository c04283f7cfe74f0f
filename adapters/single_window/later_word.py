"""Our later word on a message that was taken from the partner: of the same messageId, processed (11) or refused (22).

Vehicle inspection waits for it before it goes on. Which message it is about stands in the notice: the numbers with which the
partner gave it to us.
"""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from adapters.single_window.dialects import Dialect
from adapters.single_window.envelope import Head, build, party, write_moment
from adapters.single_window.options import Options
from adapters.single_window.places import NUMBERING
from adapters.single_window.registry import Procedure
from hub.canonical.notice import NoticeMessage
from hub.contract import Call, Outgoing, Writing
from hub.errors import Untold
from hub.rules import xml

#: Service of the call, as with every partner that is told what became of its messages.
SERVICE = "notice"
#: Outcomes at the recipient that are a word; True: processed. Of a doubt nothing is said yet.
WORDS: Mapping[str, bool] = {
    "delivered": True,
    "acknowledged": True,
    "refused": False,
    "refused_late": False,
    "abandoned": False,
}
#: What was said of a message of the partner's, in the chain's memory.
_HELD = "word:"
_LONGEST_TEXT = 2000


def calls(message: NoticeMessage, options: Options) -> tuple[Call, ...]:
    """Say whether the partner waits for a word on the message that a notice is about."""
    procedure = options.find(message.native.get("documentType", ""))
    if procedure is None or procedure.office_code not in options.ministry_parties or message.outcome not in WORDS:
        return ()
    known = message.native.get("messageId") and message.numbers.get(NUMBERING)
    row = procedure.find(message.native.get("type", ""), message.native.get("function", ""))
    awaited = row is not None and row.confirmed_by and row.goes(options.incoming)
    return (Call(service=SERVICE),) if known and awaited and options.dialect_of(procedure).confirmed else ()


def write(message: NoticeMessage, writing: Writing) -> Outgoing | None:
    """Write the word; one is said of each message, that of the recipient whose outcome is known first.

    Raises Untold where another recipient says otherwise afterwards: the partner has no message for that.
    """
    options: Options = writing.options
    procedure = options.find(message.native["documentType"])
    assert procedure is not None  # calls gives others none
    dialect = options.dialect_of(procedure)
    about = message.native["messageId"]
    function = dialect.confirmed if WORDS[message.outcome] else dialect.refused_late
    if said := writing.held.get(_HELD + about, ""):
        if said == function:
            return None
        raise Untold(
            "the partner was told already what became of its message, by another recipient's outcome",
            "đối tác đã được báo kết quả thông điệp này theo một nơi nhận khác",
            where=SERVICE,
        )
    head = _head(message, procedure, dialect, function, writing)
    body = xml.serialise(build(head, *_contents(message, about, options), dialect=dialect))
    kept = {name: head.subject.get(name, "") for name in ("documentType", "type", "reference")}
    operation = options.service_for(procedure)
    kept |= {"function": function, "officeCode": procedure.office_code, "messageId": about, "result": operation.result}
    kept |= {"operation": operation.operation} if len(options.services) > 1 else {}
    return Outgoing(service=SERVICE, body=body, head=kept)


def said(outgoing: Outgoing) -> dict[str, str]:
    """Give what the chain remembers when the partner has the word."""
    return {_HELD + outgoing.head["messageId"]: outgoing.head["function"]}


def _head(message: NoticeMessage, procedure: Procedure, dialect: Dialect, function: str, writing: Writing) -> Head:
    options: Options = writing.options
    native, number = message.native, message.numbers[NUMBERING]
    values = {
        "documentType": procedure.document_type,
        "type": native["type"],
        "function": function,
        "reference": number,
        "preReference": native.get("preReference", number),
        "documentYear": native.get("documentYear", ""),
        "preDocumentYear": native.get("preDocumentYear", native.get("documentYear", "")),
        "sendDate": write_moment(writing.now),
    }
    ours, theirs = options.own(procedure.office_code, dialect), options.partner(procedure.office_code, dialect)
    unit = native.get("unitCode", "")
    from_ministry = options.outgoing == "to_gateway"
    return Head(
        version=dialect.version,
        message_id=native["messageId"],
        sender=party(ours, unit if from_ministry else ""),
        receiver=party(theirs, "" if from_ministry else unit),
        subject={name: values[name] for name in dialect.subject_order},
    )


def _contents(message: NoticeMessage, about: str, options: Options) -> list[etree._Element]:
    """Write when it was processed; or why not, as known systems have it: the identifier in the place of a code."""
    if WORDS[message.outcome]:
        return [xml.from_tree("ReceiveDate", {"#text": write_moment(message.at)})]
    own = next(iter(options.ministry_parties.values())) if options.role == "gateway" else options.gateway_party
    values = {
        "RejectCode": about,
        "RejectDesc": " ".join((message.code, message.vi)).strip()[:_LONGEST_TEXT],
        "Organization": own.organization_code,
        "Division": own.unit_code,
        "Name": "SYSTEM",
    }
    reject = xml.from_tree("Reject", {name: {"#text": value} for name, value in values.items()})
    return [reject, xml.from_tree("RejectDate", {"#text": write_moment(message.at)})]
