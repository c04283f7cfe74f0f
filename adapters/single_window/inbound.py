"""What the partner says: a SOAP request out of its wrapping, and its envelope into canonical messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from lxml import etree

from adapters.single_window import soap
from adapters.single_window.envelope import (
    SUBJECT_PATH,
    Head,
    content_of,
    read_head,
    read_moment,
    without_prefix,
)
from adapters.single_window.options import Options
from adapters.single_window.places import NUMBERING, Values
from adapters.single_window.registry import AttachmentNames, Procedure, Row
from hub.canonical.codes import Event, Status
from hub.canonical.document import Attachment
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.party import Agency
from hub.contract import Incoming, Opened, Request
from hub.errors import Fault, InvalidMessage, NotPermitted, bad_value, missing
from hub.rules import xml

#: Where a dossier stands after an event. The Single Window's own status numbers never travel and differ by procedure.
STATUS: Mapping[Event, Status] = {
    Event.SUBMITTED: Status.REGISTERED,
    Event.EDITED: Status.REGISTERED,
    # The papers are with the ministry again; nothing says yet that they are being processed.
    Event.SUPPLEMENTED: Status.RECEIVED,
    Event.RECEIVED: Status.RECEIVED,
    Event.REFUSED: Status.NOT_RECEIVED,
    Event.SUPPLEMENT_ASKED: Status.SUPPLEMENT_ASKED,
    Event.FEE_ASKED: Status.FEE_ASKED,
    Event.WITHDRAWN: Status.WITHDRAWN,
    Event.WITHDRAWAL_AGREED: Status.WITHDRAWN,
    Event.LICENCE_ISSUED: Status.DONE,
    Event.LICENCE_AMENDED: Status.DONE,
    Event.RESULT: Status.DONE,
}

CONTENT_PATH = "/Envelope/Body/Content"
#: Codes are shown in texts; anything else that stands in their place is not.
_PROCEDURE_CODE = re.compile(r"[A-Z&]{2,12}\d{5,7}", re.ASCII)
_NUMBERS = re.compile(r"\d{2,3}/\d{2,3}", re.ASCII)


def open_request(request: Request, options: Options) -> Opened:
    """Take the document out of its SOAP request, and keep what the answer needs. Raises InvalidMessage."""
    call = soap.read_call(request.body, options)
    head = {"soap": call.version, "messageId": call.message_id, "wsa": call.wsa_namespace}
    door = options.door
    if door.shape != "text":
        head["officeCode"] = call.parameters.get(door.office_code, "").strip()
        head["documentType"] = call.parameters.get(door.document_type, "").strip()
    return Opened(document=soap.document_of(call.parameters[door.payload]), head={k: v for k, v in head.items() if v})


def read_message(document: bytes, opened: Opened, options: Options) -> Incoming:
    """Read one envelope: registry, schema, parties, dates. Raises InvalidMessage with every fault found."""
    if not document:
        raise InvalidMessage([Fault("/Envelope", "missing", "thông điệp rỗng", "the document is empty")])
    root = without_prefix(xml.parse(document))
    if root.tag != "Envelope":
        raise InvalidMessage([bad_value("/", "phần tử gốc phải là Envelope", "the root element must be Envelope")])
    head = read_head(root)
    procedure, row = _known(head, options)
    faults = [*_faults(root, procedure, row), *_addressed(head, opened, procedure, options)]
    content = content_of(root)
    if content is None:
        faults.append(missing(f"{CONTENT_PATH}/{row.root}"))
    if faults or content is None:
        raise InvalidMessage(_once(faults))
    message = _message(head, procedure, row, content, opened)
    return Incoming(messages=(message,), identity=_identity(head), asked=head)


def _known(head: Head, options: Options) -> tuple[Procedure, Row]:
    """Find the message in the registry; without it nothing else can be checked."""
    wanted = ("documentType", "type", "function", "reference")
    if absent := [missing(f"{SUBJECT_PATH}/{name}") for name in wanted if not head.subject.get(name)]:
        raise InvalidMessage(absent)
    procedure = options.book.find(head.document_type)
    if procedure is None or procedure.office_code not in options.ministry_parties:
        code = _shown(head.document_type, _PROCEDURE_CODE)
        vi, en = f"thủ tục {code} chưa được khai báo", f"procedure {code} is not known here"
        raise InvalidMessage([Fault(f"{SUBJECT_PATH}/documentType", "unknown_procedure", vi, en)])
    row = procedure.find(head.type, head.function)
    name = _shown(f"{head.type}/{head.function}", _NUMBERS)
    if row is None:
        vi, en = f"thủ tục không có thông điệp {name}", f"the procedure has no message {name}"
        raise InvalidMessage([Fault(f"{SUBJECT_PATH}/type", "unknown_message", vi, en)])
    if row.direction != options.incoming:
        vi, en = f"bên gửi không được gửi thông điệp {name}", f"message {name} is not this sender's to send"
        raise NotPermitted([Fault(f"{SUBJECT_PATH}/type", "wrong_direction", vi, en)])
    return procedure, row


def _shown(value: str, pattern: re.Pattern[str]) -> str:
    return value if pattern.fullmatch(value) else "?"


def _faults(root: etree._Element, procedure: Procedure, row: Row) -> Iterable[Fault]:
    """Check structure and values by the schema, and that dates are days of the calendar."""
    yield from xml.faults(procedure.structures[row.service].schema, root)
    content = content_of(root)
    dated = [(f"{SUBJECT_PATH}/sendDate", xml.text(root, "Header/Subject/sendDate"))]
    if content is not None:
        dated += [(f"{CONTENT_PATH}/{content.tag}/{name}", xml.text(content, name)) for name in _dates(row)]
    for path, text in dated:
        if not _is_moment(text):
            yield bad_value(path, "ngày giờ phải có dạng yyyy-MM-dd HH:mm:ss", "date and time must be yyyy-MM-dd HH:mm:ss")


def _dates(row: Row) -> list[str]:
    return [name for name, places in row.fields.items() if places[0].endswith(("_at", ".at"))]


def _is_moment(text: str) -> bool:
    try:
        read_moment(text)
    except ValueError:
        return False
    return True


def _addressed(head: Head, opened: Opened, procedure: Procedure, options: Options) -> Iterable[Fault]:
    """Check that the document is meant for us: by identity and by the routing values beside it, never by ministryCode."""
    identity = head.receiver.get("identity", "")
    if identity and not options.own(procedure.office_code).answers_to(identity):
        vi, en = "thông điệp không gửi cho hệ thống này", "the document is addressed to another system"
        yield bad_value("/Envelope/Header/To/identity", vi, en)
    for name, given, wanted in (
        ("documentType", opened.head.get("documentType", ""), head.document_type),
        ("officeCode", opened.head.get("officeCode", ""), procedure.office_code),
    ):
        if given and given != wanted:
            vi, en = f"{name} không khớp với thông điệp bên trong", f"{name} does not match the document inside"
            yield bad_value(f"/{options.door.operation}/{name}", vi, en)


def _once(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Keep one fault for each place: the first, which is the schema's."""
    kept: dict[str, Fault] = {}
    for fault in faults:
        kept.setdefault(fault.path, fault)
    return tuple(kept.values())


def _identity(head: Head) -> str:
    return f"{head.message_id}/{head.type}/{head.function}" if head.message_id else ""


def _message(head: Head, procedure: Procedure, row: Row, content: etree._Element, opened: Opened) -> DossierMessage:
    values = Values(row.fields, {str(child.tag): xml.text(child, ".") for child in content.iterchildren("*")})
    sent_at = _sent_at(head)
    status = STATUS.get(row.event, Status.PROCESSING)
    licence = values.licence()
    dossier = Dossier(
        code=head.reference,
        numbering=NUMBERING,
        procedure=ProcedureRef(code=procedure.document_type, name=procedure.title),
        status=status,
        applicant=values.applicant(),
        agency=Agency(name=_ministry(head, row).get("name", "")),
        summary=values.text("dossier.summary"),
        receipt_number=values.text("receipt_number"),
        submitted_at=sent_at if row.event is Event.SUBMITTED else None,
        attachments=tuple(_attachments(content, procedure.attachments)),
        fees=values.fees(),
        results=values.results(licence),
        form={row.root: xml.to_tree(content)},
    )
    return DossierMessage(
        event=row.event,
        dossier=dossier,
        steps=values.steps(status, sent_at),
        licence=licence,
        native=_native(head, procedure, row, opened),
        sent_at=sent_at,
    )


def _sent_at(head: Head) -> datetime:
    moment = read_moment(head.subject["sendDate"])
    assert moment is not None  # the schema refuses an empty one
    return moment


def _ministry(head: Head, row: Row) -> Mapping[str, str]:
    return head.receiver if row.direction == "to_ministry" else head.sender


def _native(head: Head, procedure: Procedure, row: Row, opened: Opened) -> dict[str, str]:
    """Keep what a later message about this dossier must repeat, and what the sender said of itself."""
    ministry = _ministry(head, row)
    values = {
        **{name: head.subject.get(name, "") for name in ("documentType", "type", "function", "documentYear")},
        "preReference": head.subject.get("preReference", ""),
        "preDocumentYear": head.subject.get("preDocumentYear", ""),
        "messageId": head.message_id,
        "unitCode": ministry.get("unitCode", ""),
        "ministryCode": ministry.get("ministryCode", ""),
        "organizationCode": ministry.get("organizationCode", ""),
        "officeCode": opened.head.get("officeCode") or procedure.office_code,
        "answers": row.answers,
    }
    return {name: value for name, value in values.items() if value}


def _attachments(content: etree._Element, names: AttachmentNames | None) -> Iterable[Attachment]:
    """List the files behind links; one without a name is called by its number."""
    if names is None:
        return
    for item in content.iterfind(f".//{names.list}/{names.item}"):
        number = xml.text(item, names.id)
        yield Attachment(
            id=number,
            name=xml.text(item, names.name) or number,
            component_code=xml.text(item, names.code),
            url=xml.text(item, names.link),
        )
