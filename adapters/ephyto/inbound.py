"""What the Hub brings, read: envelopes that were pulled or pushed, and what it says of our own (Message Translator)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from adapters.ephyto import soap
from adapters.ephyto.operations import (
    APPROVED,
    BRINGS,
    FINAL,
    HEADERS,
    ISSUED,
    NOT_ARRIVED,
    PULL_ONE,
    REJECTED,
    REPLACED,
    TECHNICAL,
    TRACKING,
    TRACKING_UPDATE,
    TYPES,
    WITHDRAWN,
)
from adapters.ephyto.options import Options
from adapters.ephyto.questionable import questionable
from adapters.ephyto.sps_acknowledgement import Acknowledgement, read_acknowledgement
from adapters.ephyto.sps_read import read_whole
from adapters.ephyto.sps_read_content import content_of
from hub.canonical.border.message import (
    AnswerResult,
    BorderAnswer,
    BorderDocument,
    BorderEvent,
    BorderMessage,
    TechnicalState,
    Tracking,
)
from hub.canonical.border.phyto import Phyto
from hub.contract import FOLLOWED_MESSAGE, FOLLOWED_SUBJECT, Incoming, Opened, Request
from hub.errors import Fault, InDoubt, InvalidMessage, bad_value, missing
from hub.rules import xml
from hub.rules.border import moments

#: What a certificate's status says of it; others belong to no certificate that is in force or withdrawn.
EVENTS = {
    ISSUED: BorderEvent.ISSUED,
    APPROVED: BorderEvent.ISSUED,
    WITHDRAWN: BorderEvent.CANCELLED,
    REPLACED: BorderEvent.CANCELLED,
}
#: What the importing side answers; 42: its decision is pending. The last is assumed.
RESULTS = {APPROVED: AnswerResult.ACCEPTED, REJECTED: AnswerResult.REJECTED, "42": AnswerResult.AVAILABLE}
#: Subject of the note that names the certificate which this one takes the place of.
REPLACES = "ADRPN"
#: Path of what came in the place of an envelope that could not be fetched: no fault of its sender, so no word is owed.
NOT_HAD = f"/{PULL_ONE}/not-had"
ACKNOWLEDGED_ROOT = "SPSAcknowledgement"
#: What stands before the first element is passed over; atomic, so linear.
_FIRST_ELEMENT = re.compile(rb"(?:\s++|<\?(?>.*?\?>)|<!--(?>.*?-->))*+<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """What our word on an envelope needs of its document."""

    #: What is questionable in it, in English: the words go abroad.
    warnings: tuple[str, ...] = ()


def open_request(request: Request, options: Options) -> Opened:
    """Take an envelope, or a word on one of ours, out of its SOAP message; the body says which, never the SOAPAction."""
    if request.path == NOT_HAD:
        en, vi = "an envelope that waits for us could not be fetched", "chưa lấy được giấy đang chờ"
        raise InDoubt(en, vi, where=PULL_ONE)
    call = soap.called(request.body)
    if request.path in (f"/{TRACKING}", f"/{PULL_ONE}"):
        operation = request.path[1:]
        envelope = soap.result_in(call)
    else:
        operation = _known(call)
        envelope = soap.envelope_in(call)
    place = f"/Envelope/Body/{operation}"
    if envelope is None:
        raise InvalidMessage([missing(place)])
    if operation in (TRACKING, TRACKING_UPDATE):
        return Opened(document=request.body, head=_told_head(operation, soap.loose_header(envelope), request))
    header = soap.read_header(envelope, place)
    content = soap.content_in(envelope)
    if not content.strip():
        raise InvalidMessage([missing(f"{place}/Content")])
    return Opened(document=content_of(content), head=_head(operation, header, request))


def _known(call: etree._Element) -> str:
    name = soap.local(call)
    found = next((each for each in (*BRINGS, TRACKING_UPDATE) if each.lower() == name.lower()), "")
    if not found:
        vi, en = "thao tác này không có tại cửa của trục", "this operation is not offered here"
        raise InvalidMessage([Fault("/Envelope/Body", "unknown_operation", vi, en)])
    return found


def _head(operation: str, header: soap.Header, request: Request) -> dict[str, str]:
    return {"operation": operation, "version": soap.version_of(request.body, request.content_type), **_fields(header)}


def _told_head(operation: str, header: soap.Header, request: Request) -> dict[str, str]:
    # At the door these would be the caller's own.
    names = (FOLLOWED_SUBJECT, FOLLOWED_MESSAGE) if operation == TRACKING else ()
    return _head(operation, header, request) | {name: request.headers.get(name, "") for name in names}


def _fields(header: soap.Header) -> dict[str, str]:
    return {name: getattr(header, name) for name in soap.FIELDS}


def header_of(opened: Opened) -> soap.Header:
    """Give the envelope's header back."""
    return soap.Header(**{name: opened.head.get(name, "") for name in soap.FIELDS})


def read_message(document: bytes, opened: Opened, options: Options) -> Incoming:
    """Read a certificate, an answer to one of ours, or a word on one of ours; raise InvalidMessage with all faults."""
    header, operation = header_of(opened), opened.head["operation"]
    if operation in (TRACKING, TRACKING_UPDATE):
        return _tracked(header, opened, options)
    if _is_answer(document):
        return _answered(read_acknowledgement(document), header, options)
    return _certificate(document, header, operation, options)


def _is_answer(document: bytes) -> bool:
    """Look at the first element's name, without reading what is below it."""
    first = _FIRST_ELEMENT.match(document)
    return first is not None and first[1].lower() == ACKNOWLEDGED_ROOT.lower().encode()


def identity_of(number: str, options: Options) -> str:
    """Name an envelope of the Hub: the same has the same name whether it was pulled or pushed."""
    return f"{HEADERS}/{options.number_here(number)}" if number else ""


# --- certificates -------------------------------------------------------------------------------------------------


def _certificate(document: bytes, header: soap.Header, operation: str, options: Options) -> Incoming:
    whole = read_whole(document)
    phyto = whole.phyto
    faults = list(_not_ours_to_take(phyto, header, options))
    if faults:
        raise InvalidMessage(faults)
    warnings = questionable(phyto, header, options)
    message = BorderMessage(
        event=EVENTS[phyto.status],
        document=BorderDocument.PHYTO,
        number=phyto.number,
        issuing_country=_issuer(phyto, header, options),
        importing_country=phyto.import_country.code or options.country,
        phyto=phyto,
        supersedes=_note(phyto, REPLACES),
        native=_native(header, operation, warnings),
    )
    return Incoming(
        messages=(message,),
        identity=identity_of(header.hub_number, options),
        files=whole.files,
        asked=Asked(warnings),
    )


def _not_ours_to_take(phyto: Phyto, header: soap.Header, options: Options) -> Iterable[Fault]:
    """Refuse what is no certificate in force or withdrawn, what speaks in our own name, and what only its issuer may say."""
    top, sent_by = "/SPSCertificate/SPSExchangedDocument", options.country_of(header.sender)
    if not phyto.number:
        yield missing(f"{top}/ID")
    if phyto.type_code not in TYPES:
        wanted = ", ".join(TYPES)
        yield bad_value(f"{top}/TypeCode", f"chỉ nhận loại {wanted}", f"only types {wanted} are taken")
    if phyto.status not in EVENTS:
        wanted = ", ".join(EVENTS)
        yield bad_value(f"{top}/StatusCode", f"chỉ nhận trạng thái {wanted}", f"only statuses {wanted} are taken")
    issuer = _issuer(phyto, header, options)
    if issuer == options.country:
        vi, en = "giấy nhận từ nước ngoài không thể do nước ta cấp", "what comes from abroad cannot be issued by us"
        yield bad_value("/SPSCertificate/SPSConsignment/ExportSPSCountry/ID", vi, en)
    elif EVENTS.get(phyto.status) is BorderEvent.CANCELLED and issuer != sent_by:
        vi, en = "chỉ nước cấp giấy được thu hồi giấy đó", "only the country that issued a certificate withdraws it"
        yield bad_value(f"{top}/StatusCode", vi, en)


def _issuer(phyto: Phyto, header: soap.Header, options: Options) -> str:
    """Give the issuing country: the certificate says it; who sent the envelope, where the certificate does not."""
    return phyto.export_country.code.strip().upper() or options.country_of(header.sender)


def _note(phyto: Phyto, subject: str) -> str:
    texts = (text.text.strip() for note in phyto.notes if note.subject == subject for text in note.texts)
    return next((text for text in texts if text), "")


def _native(header: soap.Header, operation: str, warnings: tuple[str, ...] = ()) -> dict[str, str]:
    """Keep the envelope's own words; a later answer needs the codes at the Hub."""
    kept = {
        "operation": operation,
        "from": header.sender,
        "to": header.to,
        "certificateType": header.type,
        "certificateStatus": header.status,
        "hubDeliveryNumber": header.hub_number,
        "warnings": "; ".join(warnings),
    }
    return {name: value for name, value in kept.items() if value}


# --- answers of the other side, and words on our own --------------------------------------------------------------


def _answered(said: Acknowledgement, header: soap.Header, options: Options) -> Incoming:
    if said.status not in RESULTS:
        wanted = ", ".join(RESULTS)
        path = "/SPSAcknowledgement/SPSAcknowledgementDocument/StatusCode"
        raise InvalidMessage([bad_value(path, f"chỉ nhận trạng thái {wanted}", f"only statuses {wanted} are taken")])
    reason = "; ".join(filter(None, (said.reason, *(text.text for text in said.more_reasons))))
    message = BorderMessage(
        event=BorderEvent.ANSWERED,
        document=BorderDocument.PHYTO,
        number=said.number,
        issuing_country=options.country,
        importing_country=options.country_of(header.sender),
        answer=BorderAnswer(result=RESULTS[said.status], reason=reason, reason_code=said.status),
        native=_native(header, ACKNOWLEDGED_ROOT),
        sent_at=_said_at(said),
    )
    return Incoming(messages=(message,), identity=identity_of(header.hub_number, options), files=said.files, asked=Asked())


def _said_at(said: Acknowledgement) -> datetime | None:
    """Give the moment of an answer, so that an earlier one which comes later takes nothing back; a day alone is none."""
    return moments.moment(said.issued_at) if "T" in said.issued_at else None


def _tracked(header: soap.Header, opened: Opened, options: Options) -> Incoming:
    number, issuer = _about(header, opened, options)
    place = f"/Envelope/Body/{opened.head['operation']}"
    faults = [missing(f"{place}/NPPOCertificateNumber")] if not number else []
    faults += [missing(f"{place}/HUBTrackingInfo")] if not header.state else []
    if faults:
        raise InvalidMessage(faults)
    final = header.state in FINAL
    code = header.state[:60]
    message = BorderMessage(
        event=BorderEvent.TRACKED,
        document=BorderDocument.PHYTO,
        number=number,
        issuing_country=issuer,
        tracking=Tracking(
            technical=TECHNICAL.get(header.state, TechnicalState.UNKNOWN),
            number=header.hub_number,
            code=code,
            text=header.error,
        ),
        native={"operation": opened.head["operation"]},
    )
    return Incoming(
        messages=(message,),
        identity=f"{TRACKING}/{options.number_here(header.hub_number)}/{code}" if header.hub_number else "",
        correlation=opened.head.get(FOLLOWED_MESSAGE, "") if final else "",
        correlation_refused=final and header.state in NOT_ARRIVED,
        asked=Asked(),
    )


def _about(header: soap.Header, opened: Opened, options: Options) -> tuple[str, str]:
    """Give number and issuing country: of the delivery that was asked about, else as the header has them."""
    parts = opened.head.get(FOLLOWED_SUBJECT, "").split(":", 3)
    if len(parts) == 4:
        return parts[3], parts[2]
    return header.number, options.country_of(header.sender or options.connection_code)


def tree_of(document: bytes) -> xml.Tree:
    """Show an answer's result as names and texts, for whoever asked."""
    result = soap.result_in(soap.called(document))
    return {} if result is None else xml.to_tree(result)
