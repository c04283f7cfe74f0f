"""What another country is told through the ASEAN Single Window: documents, cancellations, answers (Message Translator)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from adapters.asean_window.canonical_side import Head
from adapters.asean_window.inbound import FROM_THE_IMPORTER
from adapters.asean_window.options import AseanWindowOptions
from adapters.asean_window.package import Form
from adapters.asean_window.writing import write
from hub.canonical.border.message import BORDER_EVENT_NAMES, DOCUMENT_NAMES, BorderEvent, BorderMessage
from hub.canonical.message import Message
from hub.contract import (
    GATEWAY_ABOUT,
    GATEWAY_ACTION,
    GATEWAY_CONVERSATION,
    GATEWAY_PARTNER,
    GATEWAY_SERVICE,
    Call,
    Outgoing,
    Writing,
)
from hub.errors import Fault, InvalidMessage, Untold
from hub.rules.border.capability import lacking

#: Rules of ``hub.rules.border.capability`` that the sender can do something about; where another one is broken, the country
#: has no place for what was to be said, and is not told.
MENDABLE = frozenset({"C04", "C05"})
#: In ``Outgoing.head``: canonical values for which the schema has no place.
LEFT_OUT = "leftOut"
_NO_SIGN = re.compile(r"[^A-Za-z0-9]+")


def plan(message: Message, options: AseanWindowOptions) -> tuple[Call, ...]:
    """Say which call a message needs: one for whatever is said of a border document but its way, which gateways tell."""
    if not isinstance(message, BorderMessage) or message.event is BorderEvent.TRACKED:
        return ()
    return (Call(service=f"{message.document}.{message.event}"),)


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing:
    """Write the document; raise Untold where the other country, or the schema, takes no such thing, and InvalidMessage."""
    options: AseanWindowOptions = writing.options
    assert isinstance(message, BorderMessage)  # plan gives no other message a call
    receiver = _receiver(message, options)
    _check_taken(message, receiver, options)
    form = options.book.writes(message.document, message.event)
    if form is None:
        raise _untold(message, f"the schema {options.book.name} has none", f"lược đồ {options.book.name} không có")
    head = _head(message, form, receiver, writing)
    # The moment that a document says is that of its writing: what the first sender said is no business of the other country.
    told = message.model_copy(update={"sent_at": writing.now, "importing_country": _importer(message, head)})
    written = write(form, head, told)
    return Outgoing(service=call.service, body=written.body, head=_beside(form, head, options, written.left_out))


def _receiver(message: BorderMessage, options: AseanWindowOptions) -> str:
    """Give the country that is told: the importing one by the issuer, and the other way round."""
    speaker, other = message.issuing_country, message.importing_country
    if message.event in FROM_THE_IMPORTER:
        speaker, other = options.country, message.issuing_country
    if speaker != options.country or other == options.country:
        raise _untold(message, "it is not ours to say", "không thuộc thẩm quyền của nước này")
    if not other:
        vi, en = "thiếu nước nhập khẩu, nơi phải gửi tới", "the importing country, to which it goes, is missing"
        raise InvalidMessage([Fault("/importing_country", "missing", vi, en)])
    return other


def _check_taken(message: BorderMessage, receiver: str, options: AseanWindowOptions) -> None:
    """Hold a message against what the other country takes (OCP Rule 27)."""
    found = lacking(message, options.capability(receiver))
    for finding in found:
        if finding.rule not in MENDABLE:
            raise _untold(message, f"{receiver} does not take it ({finding.en})", f"{receiver} không nhận ({finding.vi})")
    if found:
        faults = (Fault(f"/{each.path.replace('.', '/')}", "bad_value", each.vi, each.en) for each in found)
        raise InvalidMessage(faults)


def _untold(message: BorderMessage, en: str, vi: str) -> Untold:
    document, event = DOCUMENT_NAMES[message.document], BORDER_EVENT_NAMES[message.event]
    where = f"{message.document}.{message.event}"
    return Untold(f"{document[1]}, {event[1]}: {en}", f"{document[0]}, {event[0].lower()}: {vi}", where=where)


def _head(message: BorderMessage, form: Form, receiver: str, writing: Writing) -> Head:
    native = message.native
    return Head(
        message_id=writing.message_id,
        about=native.get("aswAbout", "") if message.event not in FROM_THE_IMPORTER else native.get("aswMessageId", ""),
        conversation=native.get("aswConversation", "") or conversation(message.number),
        document_type=form.document_type,
        function=form.functions[message.event],
        sender=writing.options.country,
        receiver=receiver,
    )


def conversation(number: str) -> str:
    """Make the conversation's name of a reference: the same for everything that is said of it."""
    return _NO_SIGN.sub("-", number).strip("-")


def _importer(message: BorderMessage, head: Head) -> str:
    return message.importing_country or (head.sender if message.event in FROM_THE_IMPORTER else head.receiver)


def _beside(form: Form, head: Head, options: AseanWindowOptions, left_out: Iterable[str]) -> dict[str, str]:
    """Say what a gateway needs beside the bytes, and what could not be said in them."""
    beside = {
        GATEWAY_PARTNER: options.partner_of(head.receiver),
        GATEWAY_SERVICE: form.service,
        GATEWAY_ACTION: form.action,
        GATEWAY_CONVERSATION: head.conversation,
        GATEWAY_ABOUT: head.about,
        LEFT_OUT: "; ".join(left_out),
    }
    return {name: value for name, value in beside.items() if value}
