"""What the partner is told: which message a canonical event needs, and its envelope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lxml import etree

from adapters.single_window import attachments, file_service, later_word
from adapters.single_window.answers import fit
from adapters.single_window.dialects import Dialect
from adapters.single_window.envelope import Head, build, party, write_moment
from adapters.single_window.options import Options
from adapters.single_window.places import KEPT, PLACES, reference
from adapters.single_window.registry import ANY, Procedure, Row, Structure
from adapters.single_window.told import words_for
from hub.canonical.base import VIETNAM, local
from hub.canonical.codes import Event
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message
from hub.canonical.notice import NoticeMessage
from hub.contract import SIGNATURE_SLOT, Call, Outgoing, Writing
from hub.endpoint import Endpoint, ServicePolicy
from hub.errors import InvalidMessage, NoMapping, bad_value, missing
from hub.rules import xml

#: What other systems say in one word where a procedure has another message for it.
FALLBACK: Mapping[Event, Event] = {
    Event.RESULT: Event.LICENCE_ISSUED,
    # One-stop software knows only that the dossier is withdrawn; towards the Single Window that is an agreement.
    Event.WITHDRAWN: Event.WITHDRAWAL_AGREED,
}
#: Service of a call that no registry row stands behind: refused when it is written, so that it is parked with its cause.
UNKNOWN_SERVICE = "unknown"
#: In place of the moment of writing where only the names of files are looked for.
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=VIETNAM)
#: Function of a receipt, where the dialect has no other.
RECEIVED = "99"
#: Variant of messages that the registry says may be repeated; a policy for ``10/01.repeatable`` binds only those.
REPEATABLE = "repeatable"


def plan(message: Message, options: Options) -> tuple[Call, ...]:
    """Say which message the partner gets: one, or none where the procedure has no message for this event."""
    if isinstance(message, NoticeMessage):
        return later_word.calls(message, options)
    if not isinstance(message, DossierMessage):
        return ()
    procedure = options.find(_document_type(message))
    if procedure is None:
        return (Call(service=UNKNOWN_SERVICE),)
    row = _row(message, procedure, options.outgoing)
    if row is None:
        return ()
    return (*file_service.calls(message, procedure, options.outgoing), Call(service=row.service))


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing | None:
    """Write the envelope of one call. Raises InvalidMessage with every fault, or NoMapping for an unknown procedure."""
    if isinstance(message, NoticeMessage):
        return later_word.write(message, writing)
    assert isinstance(message, DossierMessage)  # plan gives other messages no call
    return _write(message, call, writing)


def _write(message: DossierMessage, call: Call, writing: Writing) -> Outgoing | None:
    options: Options = writing.options
    procedure = _procedure(message, options)
    if call.service == UNKNOWN_SERVICE:  # the registry has learnt the procedure since the call was planned
        row = _row(message, procedure, options.outgoing)
    else:
        row = procedure.by_service.get(call.service)
    if row is None or not row.goes(options.outgoing):
        raise _no_mapping(f"{procedure.document_type} {call.service}")
    number = reference(message)
    if not number:
        raise InvalidMessage([missing("/dossier/other_codes/vnsw", "mã hồ sơ của Cổng một cửa quốc gia")])
    file = file_service.file_of(message, call) if file_service.is_upload(call, row) else None
    if file_service.is_upload(call, row) and (file is None or file_service.has(file, writing.held)):
        return None
    content = file_service.content(file) if file else _content(message, procedure, row, writing)
    dialect = options.dialect_of(procedure)
    structure = procedure.structures[row.service]
    beside = _beside(message, row, structure, dialect, writing.now)
    beside += [] if file else _rest(message, procedure, row, str(content.tag), writing.links)
    root = build(_head(message, procedure, row, number, writing), content, *beside, dialect=dialect)
    # First of all that no file is missing: a message never goes without its content.
    apart = attachments.Apart(structure.free_texts)
    if faults := attachments.fill(root, writing.contents, procedure.attachments, apart):
        raise InvalidMessage(faults)
    if faults := structure.faults(root):
        raise InvalidMessage(structure.faults(root) if apart.put_in() else faults)
    head = {
        "documentType": procedure.document_type,
        "type": row.type,
        "function": row.function,
        "reference": number,
        "officeCode": procedure.office_code,
        "messageId": writing.message_id,
        **_expected(procedure, row, dialect, options),
        **(file_service.head(file) if file else {}),
    }
    if row.already:
        head |= {"alreadyCode": row.already.code, "alreadyText": row.already.text}
    variant = REPEATABLE if row.on_doubt == "resend" else ""
    if slot := options.outbound.signature_slot:
        head[SIGNATURE_SLOT] = slot
        if root.find(slot) is None and slot == "SystemSignature":
            etree.SubElement(root, slot)
    # Where a file stands apart, the tree has only a mark for it.
    whole = None if apart.files else root
    return Outgoing(service=row.service, body=apart.written(root), variant=variant, head=head, root=whole)


def _expected(procedure: Procedure, row: Row, dialect: Dialect, options: Options) -> dict[str, str]:
    """Say what the reader of the answer needs to know: where it stands, and which functions it may have."""
    operation = options.service_for(procedure)
    expected = {"result": operation.result}
    if len(options.services) > 1:
        expected["operation"] = operation.operation
    # The usual ones are known to the reader, and are not kept with every delivery.
    if dialect.received != RECEIVED:
        expected |= {"received": dialect.received, "failed": dialect.failed}
    if row.confirmed_by and dialect.confirmed:
        expected["confirmed"] = dialect.confirmed
    if row.ask:
        expected["ask"] = row.ask
    return expected


def inlines(message: Message, call: Call, options: Options) -> tuple[str, ...]:
    """Say which files must stand inside the body of a call; none where there is nothing to be written."""
    procedure = options.find(_document_type(message)) if isinstance(message, DossierMessage) else None
    if procedure is None or not isinstance(message, DossierMessage):
        return ()
    row = procedure.by_service.get(call.service)
    if row is None:
        return ()
    if file_service.is_upload(call, row):
        file = file_service.file_of(message, call)
        return (file.url,) if file else ()
    if not _may_have_files(message, procedure, row):
        return ()
    try:
        _, tree = _content_tree(message, procedure, row, _ANY_MOMENT, {})
    except InvalidMessage:  # it is refused where it is written, and needs no file for that
        return ()
    whole = message.dossier.form if _is_passed_on(message, procedure, row) else {}
    return attachments.inside({**whole, "": tree}, procedure.attachments)


def _may_have_files(message: DossierMessage, procedure: Procedure, row: Row) -> bool:
    """Say whether a file may stand inside a message at all; most have none, and need not be put together to know it."""
    places = attachments.places_of(procedure.attachments)
    return (
        not places.isdisjoint(row.written)
        or attachments.has_any(message.dossier.form, places)
        or bool(attachments.files_of(message, {}))
    )


def after_words(message: Message, call: Call, options: Options) -> bool:
    """Say whether a message goes only after our later words on the partner's own messages."""
    procedure = options.find(_document_type(message)) if isinstance(message, DossierMessage) else None
    row = procedure.by_service.get(call.service) if procedure is not None else None
    return row is not None and row.after_words


def check_policies(endpoint: Endpoint) -> list[tuple[str, str]]:
    """List where an endpoint's policies promise more than the registry allows, or less than it needs: Vietnamese, English."""
    options: Options = endpoint.options
    policies = endpoint.outbound.services if endpoint.outbound else {}
    told = [
        (procedure.document_type, row)
        for procedure in options.book.procedures.values()
        if procedure.office_code in options.ministry_parties
        for row in procedure.rows
        if row.goes(options.outgoing)
    ]
    asking = {row.service for _, row in told if row.ask}
    lines = [
        (f"{name}: không hỏi được đối tác (on_doubt = ask)", f"{name}: the partner cannot be asked (on_doubt = ask)")
        for name, one in policies.items()
        if one.on_doubt == "ask" and name not in asking
    ]
    for service in dict.fromkeys(row.service for _, row in told):
        policy = endpoint.outbound.service(service) if endpoint.outbound else ServicePolicy()
        if service in policies and policy.on_doubt == "resend":
            once = [code for code, row in told if row.service == service and row.on_doubt != "resend"]
            lines += _about(service, once, "sổ đăng ký không cho gửi lại", "may not be repeated by the registry")
        if endpoint.outbound and policy.advance_on != "acknowledged":
            later = [code for code, row in told if row.service == service and row.confirmed_by]
            lines += _about(service, later, 'thiếu advance_on = "acknowledged"', 'advance_on = "acknowledged" is missing')
    if endpoint.outbound and not endpoint.outbound.notify:
        waiting = [one.document_type for one in options.book.procedures.values() if _waits_for_words(one, options)]
        vi = "đối tác chờ xác nhận 11/22 sau biên nhận: thiếu notify = true"
        lines += _about("notice", waiting, vi, "the partner waits for a later 11 or 22: notify = true is missing")
    return lines


def _waits_for_words(procedure: Procedure, options: Options) -> bool:
    """Say whether the partner waits for a later word on messages that it sends of a procedure."""
    told = any(row.confirmed_by and row.goes(options.incoming) for row in procedure.rows)
    return told and procedure.office_code in options.ministry_parties and bool(options.dialect_of(procedure).confirmed)


def _about(service: str, codes: list[str], vi: str, en: str) -> list[tuple[str, str]]:
    """Write one line about a service of some procedures; none where there are none."""
    if not codes:
        return []
    shown = ", ".join(codes[:3]) + (" …" if len(codes) > 3 else "")
    return [(f"{service} ({len(codes)} thủ tục: {shown}): {vi}", f"{service} ({len(codes)} procedures: {shown}): {en}")]


def _document_type(message: DossierMessage) -> str:
    """Give the Single Window's code of the procedure; other systems name procedures by their own codes."""
    return message.native.get("documentType") or message.dossier.procedure.code


def _procedure(message: DossierMessage, options: Options) -> Procedure:
    code = _document_type(message)
    procedure = options.find(code)
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
    dialect = options.dialect_of(procedure)
    ours, theirs = options.own(procedure.office_code, dialect), options.partner(procedure.office_code, dialect)
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
    from_ministry = options.outgoing == "to_gateway"
    sender, receiver = party(ours, unit if from_ministry else ""), party(theirs, "" if from_ministry else unit)
    if from_ministry:
        sender, receiver = _persons(message, sender, receiver, dialect)
    for name in dialect.subject_order:
        if name in dialect.integers:
            _check_whole(name, subject[name], dialect)
    return Head(
        version=dialect.version,
        message_id=fit(writing.message_id, dialect),
        sender=sender,
        receiver=receiver,
        subject={name: subject[name] for name in dialect.subject_order},
    )


def _check_whole(name: str, value: str, dialect: Dialect) -> None:
    """Check a number of the header. Raises InvalidMessage."""
    if not (value.isascii() and value.isdigit() and len(value) <= dialect.number_digits):
        path = {"reference": "/dossier/other_codes/vnsw"}.get(name, f"/native/{name}")
        vi, en = f"{name} phải là số nguyên không quá 9 chữ số", f"{name} must be a whole number of at most 9 digits"
        raise InvalidMessage([bad_value(path, vi, en)])


def _persons(
    message: DossierMessage, sender: dict[str, str], receiver: dict[str, str], dialect: Dialect
) -> tuple[dict[str, str], dict[str, str]]:
    """Name who acts and whose dossier it is, where a dialect wants that of a ministry's header."""
    actor, trader = (message.steps[-1].actor if message.steps else ""), message.dossier.applicant
    if dialect.officer_sends and actor:
        sender = {**sender, "name": actor[:255]}
    if dialect.trader_receives and trader.name and trader.tax_code:
        receiver = {**receiver, "name": trader.name[:255], "identity": trader.tax_code[:13]}
    return sender, receiver


def _content(message: DossierMessage, procedure: Procedure, row: Row, writing: Writing) -> etree._Element:
    """Fill the content, in the schema's order; what the schema does not know goes last, so that its faults name it."""
    root, tree = _content_tree(message, procedure, row, writing.now, writing.links)
    structure = procedure.structures[row.service]
    order: Sequence[str] = structure.order
    if writing.options.dialect_of(procedure).writes_empty and root not in message.dossier.form:
        tree = _with_empty(tree, order, structure)
    if order:
        # The schema's order, whatever the sender's was.
        tree.pop(xml.ORDER, None)
    content = xml.from_tree(root, {name: tree[name] for name in order if name in tree} | tree)
    attachments.linked(content, writing.links)
    attachments.linked(content, file_service.named(message, procedure, writing.options.outgoing, writing.held))
    return content


def _content_tree(
    message: DossierMessage, procedure: Procedure, row: Row, now: datetime, links: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """Name the content's element and say what stands in it: mapped elements from the dossier, the others from the form."""
    structure = procedure.structures[row.service]
    whole = _is_passed_on(message, procedure, row)
    composed = bool(row.composed) and not (whole and message.dossier.form)
    root = row.composed if composed else _root(message.dossier.form, whole) if row.root == ANY else row.root
    if not row.schema_file and not composed and root not in message.dossier.form:
        # What no structure is known of can only be passed on.
        raise InvalidMessage([missing(f"/dossier/form/{root}", "nội dung thông điệp")])
    form = _first(message.dossier.form, root, whole)
    borrowed = _tree(message.dossier.form, row.borrow) if row.borrow else {}
    tree = {name: value for name, value in borrowed.items() if name in structure.order} | form
    for name, places in row.fields.items():
        if places[0] == KEPT and form.get(name):
            continue
        known = row.schema_file or composed or name in form
        if known and (value := _filled(places, message, now)) and name.partition("/")[0] not in row.beside:
            _put(tree, "#text" if name == root else name, value)
    for name, value in words_for(row, message.event).items():
        if name not in row.beside and not tree.get(name):
            tree[name] = value
    files = attachments.files_of(message, links)
    return root, tree | attachments.lists(files, procedure.attachments, structure, tree)


def _filled(places: Sequence[str], message: DossierMessage, now: datetime) -> str:
    """Give the first of some places that has a value."""
    for place in places:
        if value := PLACES[place](message, now):
            return value
    return ""


def _put(tree: dict[str, Any], path: str, value: str) -> None:
    """Put a value into a tree, at a name or below names; what the sender's form has in its way gives way."""
    name, _, below = path.partition("/")
    if not below:
        tree[name] = value
        return
    inner = tree.get(name)
    tree[name] = dict(inner) if isinstance(inner, Mapping) else {}
    _put(tree[name], below, value)


def _with_empty(tree: dict[str, Any], order: Sequence[str], structure: Structure) -> dict[str, Any]:
    """Add the texts that nothing is known of, empty: the first generation's readers want every element to be there."""
    return tree | {name: "" for name in order if name not in tree and not structure.below.get(name)}


def _beside(message: DossierMessage, row: Row, structure: Structure, dialect: Dialect, now: datetime) -> list[etree._Element]:
    """Write what stands in Content beside the message's own element; what nothing is known of is left out."""
    if not row.beside:
        return []
    tree: dict[str, Any] = {name: message.dossier.form[name] for name in row.beside if name in message.dossier.form}
    for path, places in row.fields.items():
        if path.partition("/")[0] in row.beside and (value := _filled(places, message, now)):
            _put(tree, path, value)
    tree |= {name: text for name, text in words_for(row, message.event).items() if name in row.beside and not tree.get(name)}
    if dialect.writes_empty and row.root not in message.dossier.form:
        tree = _with_empty(tree, row.beside, structure)
    for name, value in tree.items() if dialect.writes_empty else ():
        order = structure.below.get(name, ())
        if isinstance(value, dict) and order and name not in message.dossier.form:
            filled = _with_empty(value, order, structure)
            tree[name] = {child: filled[child] for child in order if child in filled}
    ordered = {name: tree[name] for name in row.beside if name in tree}
    return _elements(ordered)


def _elements(tree: Mapping[str, Any]) -> list[etree._Element]:
    """Write elements that stand side by side; a list is one element for each of its items."""
    each = [(name, one) for name, value in tree.items() for one in _items(value)]
    return [xml.from_tree(name, one if isinstance(one, Mapping) else {"#text": one}) for name, one in each]


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _is_passed_on(message: DossierMessage, procedure: Procedure, row: Row) -> bool:
    """Say whether it is a partner's own message of which no structure is known: all of its content goes on."""
    native = message.native
    came_with = f"{native.get('type')}/{native.get('function')}"
    return not row.schema_file and came_with == row.service and native.get("documentType") == procedure.document_type


def _rest(message: DossierMessage, procedure: Procedure, row: Row, root: str, links: Mapping[str, str]) -> list[etree._Element]:
    """Write what came beside the first element of a content that is passed on."""
    if not _is_passed_on(message, procedure, row):
        return []
    form = message.dossier.form
    more = {root: _items(form.get(root, ()))[1:]}
    elements = _elements(more | {name: value for name, value in form.items() if name not in (root, *row.beside)})
    for element in elements:
        attachments.linked(element, links)
    return elements


def _root(form: Mapping[str, Any], whole: bool) -> str:
    """Name the content's element where the registry leaves it open: the one that the sender's form has."""
    if not form or (len(form) > 1 and not whole):
        raise InvalidMessage([missing("/dossier/form", "nội dung thông điệp (một phần tử gốc)")])
    return next(iter(form))


def _first(form: Mapping[str, Any], root: str, whole: bool) -> dict[str, Any]:
    """Give what the sender's form has under a root. Raises InvalidMessage where that is no tree: nothing of it is dropped."""
    there = form.get(root)
    if whole and isinstance(there, list | tuple) and there and isinstance(there[0], Mapping | str):
        there = there[0]
        return dict(there) if isinstance(there, Mapping) else {"#text": there}
    if there and not isinstance(there, Mapping):
        vi, en = "nội dung thông điệp phải là một phần tử", "the message's content must be one element"
        raise InvalidMessage([bad_value(f"/dossier/form/{root}", vi, en)])
    return _tree(form, root)


def _tree(form: Mapping[str, Any], root: str) -> dict[str, Any]:
    tree = form.get(root)
    return dict(tree) if isinstance(tree, Mapping) else {}
