"""The door for what other countries send: Form D, ACDD, cancellations, answers, hops; and a gateway's word on what we sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from adapters.asean_window.answers import write_receipt
from adapters.asean_window.options import AseanWindowOptions
from adapters.asean_window.reading import Read, read
from hub.canonical.border.declaration import ExportDeclaration
from hub.canonical.border.message import (
    AnswerResult,
    BorderAnswer,
    BorderDocument,
    BorderEvent,
    BorderMessage,
    TechnicalState,
    Tracking,
)
from hub.canonical.border.origin import OriginCertificate
from hub.canonical.border.phyto import Phyto
from hub.canonical.gateway_word import GatewayWord
from hub.contract import (
    FOLLOWED_MESSAGE,
    FOLLOWED_SUBJECT,
    GATEWAY_WORD_PATH,
    Answer,
    Incoming,
    Opened,
    Outcome,
    Request,
)
from hub.errors import Fault, InvalidMessage, NotPermitted, bad_value, missing
from hub.rules.json_door import read_json

#: Header in which the gateway's side of the hub says from which partner a message came.
PARTNER = "gateway-partner"
#: What is said of our own document, or asked of us: its sender is the importing country. Everything else its issuer says.
FROM_THE_IMPORTER = frozenset({BorderEvent.ANSWERED, BorderEvent.COPY_ASKED})
#: Parts an identity is made of do not contain this, once it is replaced in them.
_BETWEEN = "|"
_MOST_WORD_BYTES = 100_000
#: A gateway's state -> the hop that it proves (assumed, ``gateway_hops``).
_HOPS = {TechnicalState.SENT: "AS1", TechnicalState.DELIVERED: "AS2", TechnicalState.DELIVERED_WITH_WARNINGS: "AS2"}
_LOST = frozenset({TechnicalState.FAILED, TechnicalState.NOT_READABLE})


def open_request(request: Request, options: AseanWindowOptions) -> Opened:
    """Take the document as it is; a gateway's word is told apart by its address."""
    head = {PARTNER: request.headers.get(PARTNER, "")}
    if request.path == GATEWAY_WORD_PATH:
        head["word"] = "1"
        head |= {name: request.headers.get(name, "") for name in (FOLLOWED_SUBJECT, FOLLOWED_MESSAGE)}
    return Opened(document=request.body, head=head)


def read_message(document: bytes, opened: Opened, options: AseanWindowOptions) -> Incoming:
    """Read one document of another country, or a gateway's word; raise InvalidMessage with every fault."""
    if opened.head.get("word"):
        return _read_word(document, opened, options)
    found = read(document, options.book, unexpected=options.unexpected, max_bytes=options.max_document_bytes)
    if faults := list(_strangers(found, opened.head.get(PARTNER, ""), options)):
        raise NotPermitted(faults)
    message = found.message.model_copy(update={"native": _native(found), **_importer(found)})
    return Incoming(
        messages=(message, *_our_answer(message, options)),
        identity=_identity(found),
        correlation=found.head.about if _acknowledges(message) else "",
    )


# --- who says it --------------------------------------------------------------------------------------------------


def _strangers(found: Read, partner: str, options: AseanWindowOptions) -> Iterator[Fault]:
    """Say where a document is not its sender's to send, or not for us."""
    head, message = found.head, found.message
    if partner and options.country_of(partner) != head.sender:
        vi, en = "không phải nước của đối tác gửi qua cổng", "it is not the country of the gateway's partner that sent it"
        yield _stranger(found, "head.sender", vi, en)
    if head.receiver != options.country:
        yield _stranger(found, "head.receiver", "không gửi cho nước này", "it is not for this country")
    issuer = head.receiver if message.event in FROM_THE_IMPORTER else head.sender
    # A hop may be told by either side's gateway, of a document of either side.
    issuers = {issuer} if message.event is not BorderEvent.TRACKED else {head.sender, head.receiver}
    if message.issuing_country not in issuers:
        vi, en = "không khớp nước cấp chứng từ", "it does not fit the country that issued the document"
        yield _stranger(found, "head.sender", vi, en)
    content = message.content
    if content is not None and content.number != message.number:
        yield _stranger(found, "number", "không khớp số trong chứng từ", "it is not the number in the document")
    if content is not None and _issuer_of(content) != message.issuing_country:
        vi, en = "không khớp nước cấp trong chứng từ", "it is not the issuing country in the document"
        yield _stranger(found, "issuing_country", vi, en)


def _issuer_of(content: Phyto | OriginCertificate | ExportDeclaration) -> str:
    if isinstance(content, Phyto):
        return content.export_country.code
    return content.issuing_country if isinstance(content, OriginCertificate) else content.export_country


def _stranger(found: Read, path: str, vi: str, en: str) -> Fault:
    return Fault(found.where(path), "not_permitted", vi, en)


def _importer(found: Read) -> dict[str, str]:
    """Give the importing country where the document does not say it: the other one of the two."""
    head, message = found.head, found.message
    if message.importing_country or message.event is BorderEvent.TRACKED:
        return {}
    return {"importing_country": head.sender if message.event in FROM_THE_IMPORTER else head.receiver}


def _native(found: Read) -> dict[str, str]:
    head = found.head
    native = {
        "aswMessageId": head.message_id,
        "aswConversation": head.conversation,
        "aswSender": head.sender,
        "aswFunction": head.function,
        "aswAbout": head.about,
        "leftOut": "; ".join(found.left_out),
    }
    return {name: value for name, value in native.items() if value}


def _identity(found: Read) -> str:
    """Name a message by sender country, document type, reference, function and its own identifier."""
    head = found.head
    parts = (head.sender, head.document_type or found.form.name, found.message.number, head.function, head.message_id)
    return _BETWEEN.join(part.replace(_BETWEEN, "%7C") for part in parts)


def _our_answer(message: BorderMessage, options: AseanWindowOptions) -> tuple[BorderMessage, ...]:
    """Answer RES-REC where that is asked for: recorded in the same commit as the document, so never said of what was lost."""
    taken = message.event in (BorderEvent.ISSUED, BorderEvent.COPIED) and message.content is not None
    if options.available_after != "store" or not taken:
        return ()
    answered = BorderMessage(
        event=BorderEvent.ANSWERED,
        document=message.document,
        number=message.number,
        issuing_country=message.issuing_country,
        importing_country=message.importing_country,
        answer=BorderAnswer(result=AnswerResult.AVAILABLE),
        native={**message.native, "aswOwnAnswer": "RES-REC"},
        sent_at=message.sent_at,
    )
    return (answered,)


def _acknowledges(message: BorderMessage) -> bool:
    """Say whether a message acknowledges our delivery: their customs has the document."""
    return message.answer is not None and message.answer.result is AnswerResult.AVAILABLE


# --- a gateway's word ---------------------------------------------------------------------------------------------


def _read_word(document: bytes, opened: Opened, options: AseanWindowOptions) -> Incoming:
    word = _word(read_json(document, max_bytes=_MOST_WORD_BYTES))
    kind, _, rest = opened.head[FOLLOWED_SUBJECT].partition(":")
    about, _, rest = rest.partition(":")
    country, _, number = rest.partition(":")
    if kind != "border" or about not in BorderDocument.__members__.values() or not number:
        raise InvalidMessage([missing(f"/{FOLLOWED_SUBJECT}")])
    hop: Any = _HOPS.get(word.technical, "") if options.gateway_hops else ""
    tracking = Tracking(technical=word.technical, hop=hop, number=word.number, code=word.code, text=word.text, at=word.at)
    message = BorderMessage(
        event=BorderEvent.TRACKED,
        document=BorderDocument(about),
        number=number,
        issuing_country=country,
        tracking=tracking,
        sent_at=word.at,
    )
    return Incoming(
        messages=(message,),
        identity=_BETWEEN.join(("gateway-word", word.number, word.code)),
        correlation=(opened.head[FOLLOWED_MESSAGE] or word.message_id) if word.final else "",
        correlation_refused=word.final and word.technical in _LOST,
    )


def _word(tree: object) -> GatewayWord:
    try:
        return GatewayWord.model_validate(tree)
    except ValidationError as error:
        raise InvalidMessage(_word_fault(each["loc"], each["type"]) for each in error.errors()) from None


def _word_fault(loc: tuple[int | str, ...], kind: str) -> Fault:
    path = "".join(f"/{step}"[:100] for step in loc)
    return missing(path) if kind == "missing" else bad_value(path, "giá trị không hợp lệ", "the value is not valid")


# --- the answer ---------------------------------------------------------------------------------------------------


def answer(outcome: Outcome, opened: Opened | None, request: Request, options: AseanWindowOptions) -> Answer:
    """Answer with a technical receipt: taken, repeated, refused with every fault, or come again."""
    return write_receipt(outcome)
