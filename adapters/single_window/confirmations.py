"""Later confirmations: a message of the same messageId that says that an earlier one was processed, or refuses it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from lxml import etree

from adapters.single_window import header_checks
from adapters.single_window.dialects import Dialect
from adapters.single_window.envelope import SUBJECT_PATH, Head, content_of, read_moment
from adapters.single_window.options import Options
from adapters.single_window.places import NUMBERING
from adapters.single_window.registry import Procedure
from hub.canonical.codes import Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.contract import Incoming
from hub.errors import Fault, InvalidMessage, bad_value, missing
from hub.rules import xml

#: What a word on a message needs of its header; the rest may be as it is.
_CHECKED = frozenset({"/Envelope/Header/Reference/messageId", f"{SUBJECT_PATH}/reference"})


def _awaited(head: Head, procedure: Procedure, dialect: Dialect, options: Options) -> bool:
    """Say whether the numbers are those of a word on one of our own messages: of its type, with a function for that."""
    if not dialect.confirmed or head.function not in (dialect.confirmed, dialect.refused_late):
        return False
    return any(row.confirmed_by and row.type == head.type and row.goes(options.outgoing) for row in procedure.rows)


def confirms(head: Head, root: etree._Element, procedure: Procedure, dialect: Dialect, options: Options) -> bool:
    """Say whether a document is nothing but a word on one of our own messages.

    The registry goes first: a function that a procedure uses for a decision has a row there, and is read as that; except a
    refusal that says of itself that it is a system's, of a message.
    """
    if not _awaited(head, procedure, dialect, options):
        return False
    row = procedure.find(head.type, head.function)
    if row is None or not row.goes(options.incoming):
        return True
    reject = "Body/Content/Reject"
    of_message = xml.text(root, f"{reject}/RejectCode") == head.message_id != ""
    return head.function == dialect.refused_late and (of_message or xml.text(root, f"{reject}/Name") == "SYSTEM")


def closing(head: Head, procedure: Procedure, dialect: Dialect, options: Options) -> dict[str, Any]:
    """Give what closes the delivery of which a message speaks; nothing where it speaks of none."""
    if not head.message_id or not _awaited(head, procedure, dialect, options):
        return {}
    return {"correlation": written_as(head.message_id), "correlation_refused": head.function == dialect.refused_late}


def written_as(message_id: str) -> str:
    """Give an identifier as the hub keeps it: readers of 35 signs get it without hyphens."""
    try:
        return str(UUID(message_id)) if len(message_id) == 32 else message_id
    except ValueError:
        return message_id


def _contradictions(head: Head, root: etree._Element, dialect: Dialect) -> list[Fault]:
    """Name what leaves open which word it is: parts that came twice, a confirmation that holds a refusal."""
    vi, en = "phần này chỉ được có một", "this part may stand here once only"
    faults = [
        Fault(f"/Envelope/{path}[2]", "too_many", vi, en)
        for path in ("Header", "Header/Subject", "Header/Subject/function", "Body", "Body/Content")
        if len(root.findall(path)) > 1
    ]
    if head.function == dialect.confirmed and root.find("Body/Content/Reject") is not None:
        vi, en = "thông điệp xác nhận không được mang Reject", "a confirmation may not hold a Reject"
        faults.append(Fault("/Envelope/Body/Content/Reject", "unexpected", vi, en))
    return faults


def read(head: Head, root: etree._Element, procedure: Procedure, asked: Any, dialect: Dialect) -> Incoming:
    """Read a confirmation or a late refusal. Raises InvalidMessage with every fault."""
    faults = [missing(f"{SUBJECT_PATH}/{name}") for name in ("reference", "sendDate") if not head.subject.get(name)]
    if not head.message_id:
        faults.append(missing("/Envelope/Header/Reference/messageId"))
    try:
        sent_at = read_moment(head.subject.get("sendDate", ""))
    except ValueError:
        vi, en = "ngày giờ phải có dạng yyyy-MM-dd HH:mm:ss", "date and time must be yyyy-MM-dd HH:mm:ss"
        faults.append(bad_value(f"{SUBJECT_PATH}/sendDate", vi, en))
    if head.function == dialect.refused_late and content_of(root) is None:
        faults.append(missing("/Envelope/Body/Content/Reject"))
    faults += _contradictions(head, root, dialect)
    told = {fault.path for fault in faults}
    faults += [fault for fault in header_checks.faults(head, dialect) if fault.path in _CHECKED and fault.path not in told]
    if faults:
        raise InvalidMessage(faults)
    refused = head.function == dialect.refused_late
    native = {"documentType": procedure.document_type, "type": head.type, "function": head.function}
    message = DossierMessage(
        event=Event.CONFIRMED,
        dossier=Dossier(
            code=head.reference,
            numbering=NUMBERING,
            procedure=ProcedureRef(code=procedure.document_type, name=procedure.title),
            status=Status.PROCESSING,
            form=form_of(root),
        ),
        native={**native, "messageId": head.message_id, "officeCode": procedure.office_code},
        sent_at=sent_at,
    )
    return Incoming(
        messages=(message,),
        identity=f"{head.message_id}/{head.type}/{head.function}",
        correlation=written_as(head.message_id),
        correlation_refused=refused,
        asked=asked.silent(),
    )


def form_of(root: etree._Element) -> dict[str, Any]:
    """Give the content as a tree of names: one element, or several side by side."""
    content = root.find("Body/Content")
    tree = {} if content is None else xml.to_tree(content)
    return {
        name: ({"#text": value} if value else {}) if isinstance(value, str) else value
        for name, value in tree.items()
        if not name.startswith(("@", "#"))
    }
