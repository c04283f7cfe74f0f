"""What the partner says: a SOAP request out of its wrapping, and its envelope into canonical messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from lxml import etree

from adapters.single_window import confirmations, header_checks, soap
from adapters.single_window.answers import Asked
from adapters.single_window.attachments import RESULTS, Taken, as_results, take
from adapters.single_window.dialects import Dialect
from adapters.single_window.envelope import (
    SUBJECT_PATH,
    Head,
    contents_of,
    header_first,
    normal,
    read_head,
    read_moment,
    with_local_dates,
    without_prefix,
)
from adapters.single_window.options import Options
from adapters.single_window.places import NUMBERING, Values
from adapters.single_window.registry import ANY, Procedure, Row
from adapters.single_window.signatures import without_signatures
from adapters.single_window.told import as_told
from hub.canonical.codes import Event, Status
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
#: Gives the text of an element of the content by its path.
Reader = Callable[[str], str]
#: Codes are shown in texts; anything else that stands in their place is not.
_PROCEDURE_CODE = re.compile(r"[A-Z&]{2,12}\d{5,7}|\d{1,3}", re.ASCII)
_NUMBERS = re.compile(r"(\d{2,3}|[A-Z]{2,10})/\d{2,3}", re.ASCII)


def open_request(request: Request, options: Options) -> Opened:
    """Take the document out of its SOAP request, and keep what the answer needs. Raises InvalidMessage."""
    call = soap.read_call(request.body, options)
    names = call.operation
    head = {"soap": call.version, "messageId": call.message_id, "wsa": call.wsa_namespace, "operation": names.operation}
    if names.shape == "check":  # it is answered before; one that comes here came without a door
        vi, en = "thao tác này không mang thông điệp", "this operation brings no document"
        raise InvalidMessage([Fault(f"/Envelope/Body/{names.operation}", "missing", vi, en)])
    if names.shape != "text":
        head["officeCode"] = call.parameters.get(names.office_code, "").strip()
        head["documentType"] = call.parameters.get(names.document_type, "").strip()
    return Opened(document=call.document, head={name: value for name, value in head.items() if value})


def read_message(document: bytes, opened: Opened, options: Options) -> Incoming:
    """Read one envelope: registry, schema, parties, dates. Raises InvalidMessage with every fault found."""
    if not document:
        raise InvalidMessage([Fault("/Envelope", "missing", "thông điệp rỗng", "the document is empty")])
    root = header_first(without_signatures(without_prefix(xml.parse(document, long_texts=True))))
    if root.tag != "Envelope":
        raise InvalidMessage([bad_value("/", "phần tử gốc phải là Envelope", "the root element must be Envelope")])
    raw = read_head(root)
    procedure = options.find(raw.document_type)
    dialect = options.dialect_of(procedure)
    drift = "dates" if dialect.iso_dates and with_local_dates(root) else ""
    head = normal(read_head(root) if drift else raw, dialect)
    asked = Asked(raw, dialect)
    if procedure is not None and confirmations.confirms(head, root, procedure, dialect, options):
        return confirmations.read(head, root, procedure, asked, dialect)
    procedure, row, faults = _found(head, procedure, dialect, options)
    contents = contents_of(root)
    content, read = contents[0] if contents else None, _reader(root, contents, row)
    faults += [*_faults(root, content, read, procedure, row), *_addressed(head, opened, procedure, dialect, options)]
    if content is None and row.root != ANY:
        faults.append(missing(f"{CONTENT_PATH}/{row.root}"))
    # Checked as it came; from here on a digest stands in place of each file that is inside.
    taken = take(root, procedure.attachments)
    faults += taken.faults
    if faults:
        raise InvalidMessage(_once(faults))
    message = _message(head, procedure, row, root, read, taken, opened, options)
    if drift:
        message = message.model_copy(update={"native": {**message.native, "drift": drift}})
    return Incoming(
        messages=(message,),
        identity=_identity(head),
        files=taken.files,
        asked=asked,
        **confirmations.closing(head, procedure, dialect, options),
    )


def _found(head: Head, procedure: Procedure | None, dialect: Dialect, options: Options) -> tuple[Procedure, Row, list[Fault]]:
    """Find the message in the registry, and what is wrong in the header by the dialect's own rules.

    Raises InvalidMessage where it is not there: nothing but the header can be checked then.
    """
    faults = list(header_checks.faults(head, dialect)) if dialect.checks_header else []
    try:
        procedure, row = _known(head, procedure, options)
    except InvalidMessage as error:
        if faults:
            raise InvalidMessage(_once([*faults, *error.faults])) from None
        raise
    return procedure, row, faults


def _known(head: Head, procedure: Procedure | None, options: Options) -> tuple[Procedure, Row]:
    """Find the message in the registry; without it nothing else can be checked."""
    wanted = ("documentType", "type", "function", "reference")
    if absent := [missing(f"{SUBJECT_PATH}/{name}") for name in wanted if not head.subject.get(name)]:
        raise InvalidMessage(absent)
    if procedure is None or procedure.office_code not in options.ministry_parties:
        code = _shown(head.document_type, _PROCEDURE_CODE)
        vi, en = f"thủ tục {code} chưa được khai báo", f"procedure {code} is not known here"
        raise InvalidMessage([Fault(f"{SUBJECT_PATH}/documentType", "unknown_procedure", vi, en)])
    row = procedure.find(head.type, head.function)
    name = _shown(f"{head.type}/{head.function}", _NUMBERS)
    if row is None:
        vi, en = f"thủ tục không có thông điệp {name}", f"the procedure has no message {name}"
        raise InvalidMessage([Fault(f"{SUBJECT_PATH}/type", "unknown_message", vi, en)])
    if not row.goes(options.incoming):
        vi, en = f"bên gửi không được gửi thông điệp {name}", f"message {name} is not this sender's to send"
        raise NotPermitted([Fault(f"{SUBJECT_PATH}/type", "wrong_direction", vi, en)])
    return procedure, row


def _shown(value: str, pattern: re.Pattern[str]) -> str:
    return value if pattern.fullmatch(value) else "?"


def _faults(
    root: etree._Element, content: etree._Element | None, read: Reader, procedure: Procedure, row: Row
) -> Iterable[Fault]:
    """Check structure and values by the schema, and that dates are days of the calendar."""
    yield from procedure.structures[row.service].faults(root)
    dated = [(f"{SUBJECT_PATH}/sendDate", xml.text(root, "Header/Subject/sendDate"))]
    if content is not None:
        dated += [(_place(row, content, name), read(name)) for name in row.dates]
    for path, text in dated:
        if not _is_moment(text):
            yield bad_value(path, "ngày giờ phải có dạng yyyy-MM-dd HH:mm:ss", "date and time must be yyyy-MM-dd HH:mm:ss")


def _is_moment(text: str) -> bool:
    try:
        read_moment(text)
    except ValueError:
        return False
    return True


def _addressed(head: Head, opened: Opened, procedure: Procedure, dialect: Dialect, options: Options) -> Iterable[Fault]:
    """Check that the document is meant for us: by identity and by the routing values beside it, never by ministryCode."""
    identity = head.receiver.get("identity", "")
    if identity and dialect.checks_receiver and not options.own(procedure.office_code, dialect).answers_to(identity):
        vi, en = "thông điệp không gửi cho hệ thống này", "the document is addressed to another system"
        yield bad_value("/Envelope/Header/To/identity", vi, en)
    # With zeros in front it is the same number.
    routed = options.find(opened.head.get("documentType", ""))
    for name, given, same in (
        ("documentType", opened.head.get("documentType", ""), routed is procedure),
        ("officeCode", opened.head.get("officeCode", ""), opened.head.get("officeCode", "") == procedure.office_code),
    ):
        if given and not same:
            vi, en = f"{name} không khớp với thông điệp bên trong", f"{name} does not match the document inside"
            yield bad_value(f"/{opened.head.get('operation', options.door.operation)}/{name}", vi, en)


def _once(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Keep one fault for each place: the first, which is the schema's."""
    kept: dict[str, Fault] = {}
    for fault in faults:
        kept.setdefault(fault.path, fault)
    return tuple(kept.values())


def _identity(head: Head) -> str:
    return f"{head.message_id}/{head.type}/{head.function}" if head.message_id else ""


def _message(
    head: Head,
    procedure: Procedure,
    row: Row,
    root: etree._Element,
    read: Reader,
    taken: Taken,
    opened: Opened,
    options: Options,
) -> DossierMessage:
    row = as_told(row, read)
    values = Values(row.fields, {name: read(name) for name in row.fields})
    sent_at = _sent_at(head)
    status = STATUS.get(row.event, Status.PROCESSING)
    licence = values.licence()
    dossier = Dossier(
        code=head.reference,
        numbering=NUMBERING,
        procedure=ProcedureRef(code=procedure.document_type, name=procedure.title),
        status=status,
        applicant=values.applicant(),
        agency=Agency(name=_ministry(head, options).get("name", "")),
        summary=values.text("dossier.summary"),
        receipt_number=values.text("receipt_number"),
        submitted_at=sent_at if row.event is Event.SUBMITTED else None,
        attachments=() if row.event in RESULTS else taken.attachments,
        fees=values.fees(),
        results=as_results(taken, values.results(licence)) if row.event in RESULTS else values.results(licence),
        form=confirmations.form_of(root),
    )
    return DossierMessage(
        event=row.event,
        dossier=dossier,
        steps=values.steps(status, sent_at),
        licence=licence,
        native=_native(head, procedure, row, opened, options),
        sent_at=sent_at,
        from_stages=row.from_states,
        answer_within_hours=row.answer_within_hours,
    )


def _place(row: Row, content: etree._Element, name: str) -> str:
    """Give the path of an element that a row names."""
    beside = name.partition("/")[0] in (row.root, *row.beside)
    return f"{CONTENT_PATH}/{name}" if beside else f"{CONTENT_PATH}/{content.tag if row.root == ANY else row.root}/{name}"


def _reader(root: etree._Element, contents: Sequence[etree._Element], row: Row) -> Reader:
    """Read values by their paths below the message's own element, else below Content itself, where others stand beside it."""
    own = next((element for element in contents if element.tag == row.root), contents[0] if contents else None)
    beside = {element.tag for element in contents}

    def read(name: str) -> str:
        text = "" if own is None else xml.text(own, name)
        return text or (xml.text(root, f"Body/Content/{name}") if name.partition("/")[0] in beside else "")

    return read


def _sent_at(head: Head) -> datetime:
    moment = read_moment(head.subject["sendDate"])
    assert moment is not None  # the schema refuses an empty one
    return moment


def _ministry(head: Head, options: Options) -> Mapping[str, str]:
    return head.receiver if options.incoming == "to_ministry" else head.sender


def _native(head: Head, procedure: Procedure, row: Row, opened: Opened, options: Options) -> dict[str, str]:
    """Keep what a later message about this dossier must repeat, and what the sender said of itself."""
    ministry = _ministry(head, options)
    values = {
        **{name: head.subject.get(name, "") for name in ("documentType", "type", "function", "documentYear")},
        "preReference": head.subject.get("preReference", ""),
        "preDocumentYear": head.subject.get("preDocumentYear", ""),
        "messageId": head.message_id,
        "unitCode": ministry.get("unitCode", ""),
        "ministryCode": ministry.get("ministryCode", ""),
        "organizationCode": ministry.get("organizationCode", ""),
        "officeCode": opened.head.get("officeCode") or procedure.office_code,
        "answers": " ".join(row.answers),
    }
    return {name: value for name, value in values.items() if value}
