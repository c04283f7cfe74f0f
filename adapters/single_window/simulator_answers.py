"""What the double of a partner answers: it checks a document as the real one should, answers in its dialect, and spoils it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import NAMESPACE_URL, uuid5

from lxml import etree

from adapters.single_window import header_checks
from adapters.single_window.answers import fit
from adapters.single_window.dialects import Dialect
from adapters.single_window.envelope import Head, build, content_of, normal, party, read_head, write_moment
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.registry import PLAIN, Procedure, Row, Structure
from adapters.single_window.samples import generator
from hub.errors import Fault, InvalidMessage
from hub.rules import xml

#: The moment that answers carry; a double needs no clock.
RECEIVED = write_moment(generator.START)
#: Code and text of what is wrong, as the partner writes it.
Errors = list[tuple[str, str]]


def checked(text: str, routing: Mapping[str, str], options: Options) -> tuple[Head, Errors]:
    """Read a document that the hub sent, strictly, and list what is wrong in it."""
    try:
        root = xml.parse(text.encode(), long_texts=True)
    except InvalidMessage as error:
        return Head(), [("ERR02_CODE", error.en)]
    head = read_head(root)
    procedure = options.find(head.document_type)
    head = normal(head, options.dialect_of(procedure))
    row = procedure.find(head.type, head.function) if procedure else None
    if procedure is not None and _is_word(head, procedure, options):
        return head, _wrong_word(root, head, procedure, options)
    if procedure is None or row is None or not row.goes(options.outgoing):
        return head, [("ERR01_CODE" if procedure is None else "ERR04_CODE", "không có thông điệp này")]
    return head, _wrong(root, head, procedure, row, routing, options)


def _is_word(head: Head, procedure: Procedure, options: Options) -> bool:
    """Say whether a document is the later word on a message of the partner's own, for which it waits."""
    dialect = options.dialect_of(procedure)
    if not dialect.confirmed or head.function not in (dialect.confirmed, dialect.refused_late):
        return False
    return any(row.confirmed_by and row.type == head.type and row.goes(options.incoming) for row in procedure.rows)


def _wrong_word(root: etree._Element, head: Head, procedure: Procedure, options: Options) -> Errors:
    dialect = options.dialect_of(procedure)
    structure = Structure(file=PLAIN[procedure.dialect], order=())
    wanted = "ReceiveDate" if head.function == dialect.confirmed else "Reject"
    content = content_of(root)
    faults = [*header_checks.faults(head, dialect), *structure.faults(root)]
    problem = InvalidMessage(faults)
    errors = [(header_checks.code(one, problem), f"{one.path}: {one.vi}") for one in faults]
    told = content is not None and content.tag == wanted
    return errors if told else [*errors, ("N00100", f"thiếu {wanted}")]


def _wrong(
    root: etree._Element, head: Head, procedure: Procedure, row: Row, routing: Mapping[str, str], options: Options
) -> Errors:
    dialect = options.dialect_of(procedure)
    found: dict[str, Fault] = {}
    own = header_checks.faults(head, dialect) if dialect.checks_header else ()
    for fault in (*own, *procedure.structures[row.service].faults(root)):
        found.setdefault(fault.path, fault)
    problem = InvalidMessage(found.values())
    codes = {path: header_checks.code(one, problem) if dialect.checks_header else "ERR02_CODE" for path, one in found.items()}
    errors = [(codes[path], f"{path}: {one.vi}") for path, one in found.items()]
    if content_of(root) is None:
        errors.append(("ERR05_CODE", "thiếu nội dung"))
    names = options.service
    wanted = {names.office_code: procedure.office_code, names.document_type: head.document_type}
    return errors + [("ERR03_CODE", f"{name} không khớp") for name, value in routing.items() if wanted.get(name, value) != value]


def receipt(head: Head, options: Options, errors: Errors, function: str = "") -> etree._Element:
    """Write the answer to a document by its dialect: received, or refused with all errors."""
    procedure = options.find(head.document_type)
    dialect = options.dialect_of(procedure)
    function = function or (dialect.failed if errors else dialect.received)
    subject = {**head.subject, "function": function, "sendDate": RECEIVED}
    sender, receiver = _parties(head, procedure, dialect, options, bool(errors))
    same = dialect.answer_message_id == "same"
    answer = Head(
        version=head.version,
        message_id=head.message_id if same else fit(str(uuid5(NAMESPACE_URL, f"receipt:{head.message_id}")), dialect),
        sender=sender,
        receiver=receiver,
        subject={name: subject.get(name, "") for name in dialect.subject_order},
    )
    return build(answer, *contents(errors, head, dialect), dialect=dialect)


def _parties(
    head: Head, procedure: Procedure | None, dialect: Dialect, options: Options, refused: bool
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    rule = (dialect.failed_parties if refused else None) or dialect.answer_parties
    if rule == "fixed" or not head.sender:
        offices = options.ministry_parties
        office = procedure.office_code if procedure and procedure.office_code in offices else next(iter(offices))
        return party(options.partner(office, dialect)), party(options.own(office, dialect))
    return (head.receiver, head.sender) if rule == "swapped" else (head.sender, head.receiver)


def contents(errors: Errors, head: Head, dialect: Dialect) -> list[etree._Element]:
    """Write what stands in the Content of an answer."""
    if not errors:
        return [_leaf("ReceiveDate", RECEIVED)]
    if dialect.errors == "reject":
        reject = etree.Element("Reject")
        said = "; ".join(f"{code} {name}" for code, name in errors)
        values = {"RejectCode": head.message_id, "RejectDesc": said, "Organization": "", "Division": "", "Name": "SYSTEM"}
        reject.extend(_leaf(name, value) for name, value in values.items())
        return [reject, _leaf("RejectDate", RECEIVED)]
    listed = etree.Element("ErrorList")
    for code, name in errors:
        error = etree.SubElement(listed, "Error")
        error.extend([_leaf("ErrorCode", code), _leaf("ErrorName", name)])
    return [listed]


def confirmation(head: Head, options: Options, *, refused: bool) -> bytes:
    """Write the later word on a message that was taken: of the same messageId, processed or refused."""
    procedure = options.find(head.document_type)
    dialect = options.dialect_of(procedure)
    office = procedure.office_code if procedure else next(iter(options.ministry_parties))
    known = options.ministry_parties.get(office) or party_of(office)
    ours = dialect.gateway_party or options.gateway_party if options.role == "gateway" else dialect.ministry_party or known
    theirs = dialect.ministry_party or known if options.role == "gateway" else dialect.gateway_party or options.gateway_party
    function = dialect.refused_late if refused else dialect.confirmed
    subject = {**head.subject, "function": function, "sendDate": RECEIVED}
    word = Head(
        version=dialect.version,
        message_id=head.message_id,
        sender=party(ours),
        receiver=party(theirs),
        subject={name: subject.get(name, "") for name in dialect.subject_order},
    )
    errors: Errors = [("N00400", "số lượng xe không khớp")] if refused else []
    return xml.serialise(build(word, *contents(errors, head, dialect), dialect=dialect))


def _leaf(name: str, text: str) -> etree._Element:
    element = etree.Element(name)
    element.text = text
    return element


# --- habits of real answers, as faults on demand --------------------------------------------------------------------


def _swap_parties(root: etree._Element) -> None:
    sender, receiver = root.find("Header/From"), root.find("Header/To")
    assert sender is not None and receiver is not None
    sender.tag, receiver.tag = "To", "From"


def _swap_numbers(root: etree._Element) -> None:
    """As the receive gateway's own error handling does: type and function change places, version and messageId are empty."""
    kind, function = _at(root, "Header/Subject/type"), _at(root, "Header/Subject/function")
    kind.text, function.text = function.text, kind.text
    _at(root, "Header/Reference/version").text = ""
    _empty_message_id(root)


def _empty_message_id(root: etree._Element) -> None:
    _at(root, "Header/Reference/messageId").text = ""


def _type_is_document_type(root: etree._Element) -> None:
    _at(root, "Header/Subject/type").text = _at(root, "Header/Subject/documentType").text


def _at(root: etree._Element, path: str) -> etree._Element:
    element = root.find(path)
    assert element is not None
    return element


#: Each changes the receipt that would have been given. Swapped twice, parties stand as the request had them.
SPOILT: Mapping[str, Callable[[etree._Element], None]] = {
    "parties_swapped": _swap_parties,
    "parties_unswapped": _swap_parties,
    "swapped": _swap_numbers,
    "no_message_id": _empty_message_id,
    "type_is_document_type": _type_is_document_type,
}
#: Functions of a refusal that can be asked for.
FORCED = ("22", "00", "100")


def doubly_escaped(text: str) -> str:
    """Escape a text that is escaped once more when it is put into SOAP."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
