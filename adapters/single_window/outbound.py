"""What the partner is told: which message a canonical event needs, and its envelope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from adapters.single_window.envelope import SUBJECT, Head, build, party, write_moment
from adapters.single_window.options import Options
from adapters.single_window.places import PLACES, reference
from adapters.single_window.registry import AttachmentNames, Procedure, Row
from hub.canonical.base import local
from hub.canonical.codes import Event
from hub.canonical.document import Attachment
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message
from hub.contract import Call, Outgoing, Writing
from hub.endpoint import Endpoint
from hub.errors import InvalidMessage, NoMapping, missing
from hub.rules import xml

#: What other systems say in one word where a procedure has another message for it.
FALLBACK: Mapping[Event, Event] = {
    Event.RESULT: Event.LICENCE_ISSUED,
    # One-stop software knows only that the dossier is withdrawn; towards the Single Window that is an agreement.
    Event.WITHDRAWN: Event.WITHDRAWAL_AGREED,
}
#: Service of a call that no registry row stands behind: refused when it is written, so that it is parked with its cause.
UNKNOWN_SERVICE = "unknown"
#: Variant of messages that the registry says may be repeated; a policy for ``10/01.repeatable`` binds only those.
REPEATABLE = "repeatable"


def plan(message: Message, options: Options) -> tuple[Call, ...]:
    """Say which message the partner gets: one, or none where the procedure has no message for this event."""
    if not isinstance(message, DossierMessage):
        return ()
    procedure = options.book.find(_document_type(message))
    if procedure is None:
        return (Call(service=UNKNOWN_SERVICE),)
    row = _row(message, procedure, options.outgoing)
    return () if row is None else (Call(service=row.service),)


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing:
    """Write the envelope of one call. Raises InvalidMessage with every fault, or NoMapping for an unknown procedure."""
    options: Options = writing.options
    assert isinstance(message, DossierMessage)  # plan gives other messages no call
    procedure = _procedure(message, options)
    if call.service == UNKNOWN_SERVICE:  # the registry has learnt the procedure since the call was planned
        row = _row(message, procedure, options.outgoing)
    else:
        row = next((row for row in procedure.rows if row.service == call.service), None)
    if row is None or row.direction != options.outgoing:
        raise _no_mapping(f"{procedure.document_type} {call.service}")
    number = reference(message)
    if not number:
        raise InvalidMessage([missing("/dossier/other_codes/vnsw", "mã hồ sơ của Cổng một cửa quốc gia")])
    content = _content(message, procedure, row, writing)
    root = build(_head(message, procedure, row, number, writing), content)
    if faults := xml.faults(procedure.structures[row.service].schema, root):
        raise InvalidMessage(faults)
    head = {
        "documentType": procedure.document_type,
        "type": row.type,
        "function": row.function,
        "reference": number,
        "officeCode": procedure.office_code,
        "messageId": writing.message_id,
        "result": options.service.result,
    }
    if row.already:
        head |= {"alreadyCode": row.already.code, "alreadyText": row.already.text}
    variant = REPEATABLE if row.on_doubt == "resend" else ""
    return Outgoing(service=row.service, body=xml.serialise(root), variant=variant, head=head)


def check_endpoint(endpoint: Endpoint) -> list[str]:
    """List where an endpoint's policies promise more than the Single Window's habits allow, for ``lienthong check``."""
    options: Options = endpoint.options
    policies = endpoint.outbound.services if endpoint.outbound else {}
    lines = [f"{endpoint.name}: {name}: the partner cannot be asked" for name, one in policies.items() if one.on_doubt == "ask"]
    resent = {name for name, one in policies.items() if one.on_doubt == "resend"}
    for procedure in options.book.procedures.values():
        for row in procedure.rows:
            if row.direction == options.outgoing and row.service in resent and row.on_doubt != "resend":
                lines.append(f"{endpoint.name}: {row.service} of {procedure.document_type} may not be repeated by the registry")
    return lines


def _document_type(message: DossierMessage) -> str:
    """Give the Single Window's code of the procedure; other systems name procedures by their own codes."""
    return message.native.get("documentType") or message.dossier.procedure.code


def _procedure(message: DossierMessage, options: Options) -> Procedure:
    code = _document_type(message)
    procedure = options.book.find(code)
    if procedure is None or procedure.office_code not in options.ministry_parties:
        raise _no_mapping(code)
    return procedure


def _no_mapping(what: str) -> NoMapping:
    return NoMapping(
        f"the registry of the Single Window has no {what} to send: add it to the registry folder, then rebuild",
        f"danh mục thông điệp một cửa quốc gia chưa có {what}: bổ sung tệp đăng ký rồi dựng lại (rebuild)",
        where=f"registry/{what}",
    )


def _row(message: DossierMessage, procedure: Procedure, direction: str) -> Row | None:
    """Choose the message: the numbers it came with, else the one whose content the form holds, else the default."""
    came_with = f"{message.native.get('type')}/{message.native.get('function')}"
    event: Event | None = message.event
    while event is not None:
        rows = procedure.telling(event, direction)
        chosen = (
            [row for row in rows if row.service == came_with]
            or [row for row in rows if row.root in message.dossier.form and not row.default]
            or [row for row in rows if row.default]
        )
        if chosen:
            return chosen[0]
        event = FALLBACK.get(event)
    return None


def _head(message: DossierMessage, procedure: Procedure, row: Row, number: str, writing: Writing) -> Head:
    options: Options = writing.options
    native = message.native
    unit = native.get("unitCode", "")
    ours, theirs = options.own(procedure.office_code), options.partner(procedure.office_code)
    year = native.get("documentYear") or str(local(message.dossier.submitted_at or writing.now).year)
    subject = {
        "documentType": procedure.document_type,
        "type": row.type,
        "function": row.function,
        "reference": number,
        "documentYear": year,
        "preReference": native.get("preReference") or number,
        "preDocumentYear": native.get("preDocumentYear") or year,
        "sendDate": write_moment(writing.now),
    }
    if not options.pre_document_year:
        del subject["preDocumentYear"]
    from_ministry = row.direction == "to_gateway"
    return Head(
        version=options.version,
        message_id=writing.message_id,
        sender=party(ours, unit if from_ministry else ""),
        receiver=party(theirs, "" if from_ministry else unit),
        subject={name: subject[name] for name in SUBJECT if name in subject},
    )


def _content(message: DossierMessage, procedure: Procedure, row: Row, writing: Writing) -> etree._Element:
    """Fill the content: mapped elements from the dossier, the others from the sender's form, in the schema's order."""
    order = procedure.structures[row.service].order
    form = _tree(message.dossier.form, row.root)
    borrowed = _tree(message.dossier.form, row.borrow) if row.borrow else {}
    tree = {name: value for name, value in borrowed.items() if name in order} | form
    for name, places in row.fields.items():
        if value := next(filter(None, (PLACES[place](message, writing.now) for place in places)), ""):
            tree[name] = value
    names = procedure.attachments
    if names and names.list in order and names.list not in tree and message.dossier.attachments:
        tree[names.list] = _attachments(message.dossier.attachments, names)
    known = [name for name in order if name in tree]
    # What the schema does not know goes last, so that its faults name it.
    return xml.from_tree(row.root, {name: tree[name] for name in (*known, *(name for name in tree if name not in known))})


def _tree(form: Mapping[str, Any], root: str) -> dict[str, Any]:
    tree = form.get(root)
    return dict(tree) if isinstance(tree, Mapping) else {}


def _attachments(attachments: Iterable[Attachment], names: AttachmentNames) -> dict[str, Any]:
    return {
        names.item: [
            {names.id: one.id or str(number), names.code: one.component_code, names.name: one.name, names.link: one.url}
            for number, one in enumerate(attachments, 1)
            if not one.deleted
        ]
    }
