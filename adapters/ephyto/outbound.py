"""Certificates and answers, written for the Hub: the document, and the header of its envelope (Message Translator)."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.ephyto.inbound import REPLACES
from adapters.ephyto.operations import APPROVED, DELIVER_PHYTO, DELIVER_RESPONSE, REJECTED, TYPES, WITHDRAWN
from adapters.ephyto.options import Options
from adapters.ephyto.questionable import SEVERE
from adapters.ephyto.sps import judge
from adapters.ephyto.sps_acknowledgement import Acknowledgement, write_acknowledgement
from adapters.ephyto.sps_write import file_names, write_certificate
from hub.canonical.base import local
from hub.canonical.border.message import AnswerResult, BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.parts import Text
from hub.canonical.border.phyto import Note, Phyto
from hub.canonical.message import Message
from hub.contract import Call, Outgoing, Writing
from hub.errors import Fault, InvalidMessage, Untold, bad_value, missing

#: What our answer on a certificate is called (UNTDID 4405); others are not told.
ANSWERS = {AnswerResult.ACCEPTED: APPROVED, AnswerResult.REJECTED: REJECTED}
_DOCUMENTS = frozenset({BorderEvent.ISSUED, BorderEvent.COPIED, BorderEvent.CANCELLED})
_LONGEST_NUMBER = 200


def plan(message: Message, options: Options) -> tuple[Call, ...]:
    """Say which call a message needs; none for where a document is on its way, and for what is no border document."""
    if not isinstance(message, BorderMessage) or message.event is BorderEvent.TRACKED:
        return ()
    answered = message.event is BorderEvent.ANSWERED
    return (Call(service=DELIVER_RESPONSE if answered else options.deliver),)


def inlines(message: Message, call: Call, options: Options) -> tuple[str, ...]:
    """Name the files that travel inside the certificate."""
    phyto = message.phyto if isinstance(message, BorderMessage) else None
    return file_names(phyto) if phyto is not None and call.service != DELIVER_RESPONSE else ()


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing:
    """Write the document of one envelope; raise Untold for what the Hub has no service for, InvalidMessage with all faults."""
    options: Options = writing.options
    if not isinstance(message, BorderMessage) or message.document is not BorderDocument.PHYTO:
        raise _untold("document", "chỉ truyền giấy kiểm dịch thực vật", "the Hub takes phytosanitary certificates only")
    if message.event is BorderEvent.ANSWERED:
        return _answer(message, writing, options)
    if message.event not in _DOCUMENTS:
        raise _untold("event", "Hub không có dịch vụ cho việc này", "the Hub has no service for this")
    return _certificate(message, call, writing, options)


def _certificate(message: BorderMessage, call: Call, writing: Writing, options: Options) -> Outgoing:
    if message.issuing_country != options.country:
        raise _untold("issuing_country", "không phải giấy do nước ta cấp", "this certificate is not issued by us")
    if message.phyto is None:
        raise InvalidMessage([missing("/phyto", "nội dung giấy chứng nhận")])
    phyto = _as_told(message, message.phyto)
    to = message.importing_country or phyto.import_country.code
    faults = [*_head_faults(message, phyto, to), *(_severe(phyto) if options.local_check else ())]
    if faults:
        raise InvalidMessage(faults)
    body = write_certificate(phyto, writing.contents, typed=call.service == DELIVER_PHYTO)
    return _outgoing(call.service, body, message, (phyto.type_code, phyto.status), to, writing)


def _as_told(message: BorderMessage, phyto: Phyto) -> Phyto:
    """Give the certificate as this message means it: withdrawn under its own number, or with a note of what it replaces."""
    if message.event is BorderEvent.CANCELLED:
        return phyto.model_copy(update={"status": WITHDRAWN})
    if message.supersedes and not any(note.subject == REPLACES for note in phyto.notes):
        note = Note(subject=REPLACES, texts=(Text(text=message.supersedes),))
        return phyto.model_copy(update={"notes": (*phyto.notes, note)})
    return phyto


def _head_faults(message: BorderMessage, phyto: Phyto, to: str) -> Iterable[Fault]:
    if not to:
        yield missing("/importing_country", "nước nhập khẩu")
    if phyto.number != message.number:
        yield bad_value("/phyto/number", "số giấy khác với số của thông điệp", "the number is not that of the message")
    yield from _number_faults(message.number)
    if phyto.type_code not in TYPES:
        wanted = ", ".join(TYPES)
        yield bad_value("/phyto/type_code", f"chỉ có loại {wanted}", f"must be one of {wanted}")
    if not (phyto.status.isascii() and phyto.status.isdigit() and len(phyto.status) < 4):
        yield bad_value("/phyto/status", "phải là mã trạng thái (số)", "must be a status code (a number)")


def _number_faults(number: str) -> Iterable[Fault]:
    if not number.strip():
        yield missing("/number", "số giấy chứng nhận")
    elif len(number) > _LONGEST_NUMBER or not number.isprintable():
        yield bad_value("/number", "số giấy có ký tự lạ hoặc quá dài", "the number has odd characters, or is too long")


def _severe(phyto: Phyto) -> Iterable[Fault]:
    """Give what our own check of the profile finds severe: the Hub would refuse it, too."""
    for one in judge(phyto):
        if one.level == SEVERE:
            yield Fault(f"/phyto/{one.field.replace('.', '/').lstrip('/')}", "profile", one.vi, one.en)


def _answer(message: BorderMessage, writing: Writing, options: Options) -> Outgoing:
    """Write our answer on a certificate of another country."""
    result = message.answer.result if message.answer else None
    if message.issuing_country == options.country or result not in ANSWERS or not options.country_responses:
        raise _untold("answer", "câu trả lời này không truyền qua Hub", "this answer is not told by the Hub")
    assert message.answer is not None
    assert result is not None
    faults = list(_number_faults(message.number))
    kind = message.native.get("certificateType", TYPES[0])
    if kind not in TYPES:
        faults.append(bad_value("/native/certificateType", "loại giấy không hợp lệ", "is no type of certificate"))
    if faults:
        raise InvalidMessage(faults)
    said = Acknowledgement(
        status=ANSWERS[result],
        issued_at=local(writing.now).isoformat(timespec="seconds"),
        number=message.number,
        type_code=kind,
        reason=message.answer.reason,
    )
    body = write_acknowledgement(said)
    to = message.issuing_country
    return _outgoing(DELIVER_RESPONSE, body, message, (kind, said.status), to, writing)


def _outgoing(
    service: str, body: bytes, message: BorderMessage, coded: tuple[str, str], country: str, writing: Writing
) -> Outgoing:
    options: Options = writing.options
    to = message.native.get("from", "") if message.event is BorderEvent.ANSWERED else ""
    head = {
        "from": options.connection_code,
        "to": to or options.code_of(country),
        "type": coded[0],
        "status": coded[1],
        "number": message.number,
        "environment": options.environment,
    }
    return Outgoing(service=service, body=body, head=head)


def _untold(where: str, vi: str, en: str) -> Untold:
    return Untold(en, vi, where=where)
