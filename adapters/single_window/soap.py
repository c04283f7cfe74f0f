"""SOAP 1.1 and 1.2 at the hub's door, as pure functions: a request in, the document out; an answer or a fault in, bytes out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from adapters.single_window.operations import Operation
from adapters.single_window.options import Options
from hub.errors import Fault, HubError, InvalidMessage
from hub.rules import xml

SOAP: Mapping[str, str] = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
CONTENT_TYPE: Mapping[str, str] = {"1.1": "text/xml; charset=utf-8", "1.2": "application/soap+xml; charset=utf-8"}
#: Both versions of WS-Addressing that are in use.
WSA = ("http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing")
#: The header block with a call's identifier -> its namespace.
_MESSAGE_IDS: Mapping[str, str] = {f"{{{namespace}}}MessageID": namespace for namespace in WSA}
#: Header blocks of WS-Addressing that a synchronous service understands by answering on the same connection.
UNDERSTOOD = frozenset({"To", "Action", "MessageID", "From", "RelatesTo"})
#: A header for another node is not ours to understand (SOAP 1.1 4.2.2, SOAP 1.2 part 1, 2.2).
_OURS = frozenset(
    {
        "",
        "http://schemas.xmlsoap.org/soap/actor/next",
        "http://www.w3.org/2003/05/soap-envelope/role/next",
        "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
    }
)
#: A declaration inside a text says nothing: the text is decoded already (writers in C# leave ``utf-16`` in it).
_DECLARATION = re.compile(r"\A<\?xml\s[^>]*\?>\s*")
#: How a document begins that stands in its element as it is, with a declaration or without.
_AS_IT_IS = re.compile(rb"(?:<\?xml[ \t\r\n][^>]*\?>[ \t\r\n]*)?(?=<[^!?])")
#: CDATA marks that a writer added as text, and its SOAP library then escaped.
_MARKS = "<![CDATA[", "]]>"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
#: Stands in a form where a text comes; braces are in no name or address that settings can have (``operations.URI``).
_TEXT = "{text}"
#: What stands in a fault's text; the rest is in its detail.
_SAID_FAULTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapCall:
    """One operation called: the document that it brings, and its other parameters by local name."""

    version: str
    operation: Operation
    document: bytes
    parameters: Mapping[str, str]
    message_id: str = ""
    wsa_namespace: str = ""


def read_call(body: bytes, options: Options) -> SoapCall:
    """Read a SOAP request for one of the endpoint's operations. Raises InvalidMessage, whose faults choose the fault's code."""
    root = xml.parse(body, long_texts=True)
    version = _version(root, options)
    header, soap_body = (next(root.iterchildren(f"{{{SOAP[version]}}}{name}"), None) for name in ("Header", "Body"))
    blocks = [] if header is None else list(header.iterchildren("*"))
    if strange := [block for block in blocks if _must_understand(block, version)]:
        raise InvalidMessage(_not_understood(block) for block in strange)
    if soap_body is None:
        raise InvalidMessage([Fault("/Envelope/Body", "missing", "thiếu phần Body của SOAP", "SOAP Body is missing")])
    ids = {str(block.tag): block for block in blocks if block.tag in _MESSAGE_IDS}
    id_block = next(iter(ids.values()), None)
    operation, leaves = _called(soap_body, options.doors)
    payload = leaves.pop(operation.payload, None)
    return SoapCall(
        version=version,
        operation=operation,
        document=b"" if payload is None else _document_in(payload),
        parameters={name: element.text or "" for name, element in leaves.items()},
        message_id="" if id_block is None else (id_block.text or "").strip(),
        wsa_namespace="" if id_block is None else _MESSAGE_IDS[str(id_block.tag)],
    )


def guess_version(body: bytes, content_type: str) -> str:
    """Say which version an unreadable or refused request wanted: by its namespace, else by its content type."""
    for version, namespace in SOAP.items():
        if namespace.encode() in body[:2000]:
            return version
    return "1.2" if content_type.lower().startswith("application/soap+xml") else "1.1"


def _document_in(payload: etree._Element) -> bytes:
    """Give the document inside a string element; one that stands there as it is stays bytes, which saves decoding it."""
    if not len(payload):
        octets: bytes = etree.tostring(payload, method="text", encoding="UTF-8", with_tail=False)
        if (start := _AS_IT_IS.match(octets)) and octets.endswith(b">"):
            return octets[start.end() :]
    return document_of(payload.text or "")


def document_of(text: str) -> bytes:
    """Give the document inside a string element: as CDATA or escaped it is the same text; escaped twice it is unescaped once.

    Marks of a CDATA section that came as text are taken away.
    """
    text = text.strip().lstrip("\ufeff").lstrip()
    if text.startswith("&lt;"):
        text = _unescaped(text)
    start, end = _MARKS
    if text.startswith(start) and text.endswith(end):
        text = text[len(start) : -len(end)].strip().lstrip("\ufeff").lstrip()
    return _DECLARATION.sub("", text).encode()


def _unescaped(text: str) -> str:
    """Unescape by parsing; a text that is no escaped document stays as it is, and is refused where it is read."""
    try:
        inner = xml.parse(f"<t>{text}</t>".encode(), long_texts=True)
    except InvalidMessage:
        return text
    return text if len(inner) else (inner.text or "").strip()


def response(version: str, operation: Operation, text: str, relates_to: str = "", wsa_namespace: str = "") -> bytes:
    """Write the response of an operation."""
    addressed = wsa_namespace if relates_to else ""
    before, between, after = _response_form(version, operation, addressed)
    return b"".join((before, escaped(relates_to.encode()) if addressed else b"", between, escaped(text.encode()), after))


@lru_cache(maxsize=256)
def _response_form(version: str, operation: Operation, wsa_namespace: str) -> tuple[bytes, ...]:
    """Write a response without its two texts: what stands before, between and after them."""
    envelope, header, body = _frame(version)
    if wsa_namespace:
        etree.SubElement(header, f"{{{wsa_namespace}}}RelatesTo", nsmap={"wsa": wsa_namespace}).text = _TEXT
    else:
        envelope.remove(header)
    inner = etree.SubElement(body, f"{{{operation.namespace}}}{operation.response}", nsmap={"n": operation.namespace})
    if operation.shape == "wrapped":
        inner = etree.SubElement(inner, f"{{{operation.namespace}}}{operation.result_wrapper}")
    namespace = operation.parameter_namespace()
    etree.SubElement(inner, f"{{{namespace}}}{operation.result}" if namespace else operation.result).text = _TEXT
    pieces = xml.serialise(envelope).split(_TEXT.encode())
    return tuple(pieces) if wsa_namespace else (b"", *pieces)


def escaped(text: bytes) -> bytes:
    """Write a text as libxml2 does; a return that stood bare would be read as a line's end."""
    return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;").replace(b"\r", b"&#13;")


def fault(version: str, error: HubError) -> tuple[int, bytes]:
    """Write a SOAP fault that tells the cause in Vietnamese and English; give its HTTP status too.

    Status by the bindings: SOAP 1.1 note 6.2 wants 500 always; SOAP 1.2 part 2, 7.5.2.2: 400 for Sender, else 500.
    """
    code = _fault_code(error)
    envelope, header, body = _frame(version)
    said = error.faults[:_SAID_FAULTS]
    vi = "; ".join(f"{one.path}: {one.vi}" for one in said)
    en = "; ".join(f"{one.path}: {one.en}" for one in said)
    block = etree.SubElement(body, f"{{{SOAP[version]}}}Fault")
    if version == "1.1":
        etree.SubElement(block, "faultcode").text = f"soap:{code}"
        etree.SubElement(block, "faultstring").text = f"{vi} ({en})"
        envelope.remove(header)
        return 500, xml.serialise(envelope)
    _fault_12(block, {"Client": "Sender", "Server": "Receiver"}.get(code, code), vi, en)
    if not _name_not_understood(header, error):
        envelope.remove(header)
    return (400 if code == "Client" else 500), xml.serialise(envelope)


def _fault_12(block: etree._Element, code: str, vi: str, en: str) -> None:
    space = f"{{{SOAP['1.2']}}}"
    etree.SubElement(etree.SubElement(block, f"{space}Code"), f"{space}Value").text = f"soap:{code}"
    reason = etree.SubElement(block, f"{space}Reason")
    for language, text in (("vi", vi), ("en", en)):
        etree.SubElement(reason, f"{space}Text", {_XML_LANG: language}).text = text


def _name_not_understood(header: etree._Element, error: HubError) -> bool:
    """Name each header that was not understood (SOAP 1.2 part 1, 5.4.8)."""
    names = [one.path.rsplit("/", 1)[-1] for one in error.faults if one.code == "must_understand"]
    for name in names:
        space, _, local_name = name.removeprefix("{").rpartition("}")
        block = etree.SubElement(header, f"{{{SOAP['1.2']}}}NotUnderstood", nsmap={"q": space} if space else None)
        block.set("qname", f"q:{local_name}" if space else local_name)
    return bool(names)


def _fault_code(error: HubError) -> str:
    codes = {one.code for one in error.faults}
    if "must_understand" in codes:
        return "MustUnderstand"
    if "version_mismatch" in codes:
        return "VersionMismatch"
    return "Client" if isinstance(error, InvalidMessage) else "Server"


def _frame(version: str) -> tuple[etree._Element, etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{SOAP[version]}}}Envelope", nsmap={"soap": SOAP[version]})
    header = etree.SubElement(envelope, f"{{{SOAP[version]}}}Header")
    return envelope, header, etree.SubElement(envelope, f"{{{SOAP[version]}}}Body")


def _version(root: etree._Element, options: Options) -> str:
    name = etree.QName(root)
    version = next((version for version, namespace in SOAP.items() if name.namespace == namespace), "")
    if name.localname != "Envelope" or not name.namespace:
        raise InvalidMessage([Fault("/", "not_soap", "đây không phải thông điệp SOAP", "this is not a SOAP message")])
    if version not in options.inbound.soap:
        allowed = ", ".join(options.inbound.soap)
        vi, en = f"chỉ nhận SOAP phiên bản {allowed}", f"only SOAP {allowed} is taken here"
        raise InvalidMessage([Fault("/Envelope", "version_mismatch", vi, en)])
    return version


def _must_understand(block: etree._Element, version: str) -> bool:
    """Say whether a header must be understood by us and is not."""
    if block.get(f"{{{SOAP[version]}}}mustUnderstand", "").strip() not in ("1", "true"):
        return False
    node = block.get(f"{{{SOAP[version]}}}{'actor' if version == '1.1' else 'role'}", "").strip()
    name = etree.QName(block)
    return node in _OURS and not (name.namespace in WSA and name.localname in UNDERSTOOD)


def _not_understood(block: etree._Element) -> Fault:
    name = etree.QName(block)
    vi, en = f"không hiểu tiêu đề {name.localname}", f"header {name.localname} is not understood"
    return Fault(f"/Envelope/Header/{block.tag}", "must_understand", vi, en)


def _called(body: etree._Element, operations: Iterable[Operation]) -> tuple[Operation, dict[str, etree._Element]]:
    """Find which operation is called, and its parameters: by name and namespace; many clients leave SOAPAction empty."""
    calls = [(one, call) for one in operations for call in body.iterchildren(f"{{{one.namespace}}}{one.operation}")]
    if len(calls) > 1:
        # One call has one answer: whatever came beside it would be lost.
        raise _twice("/Envelope/Body", "Body", "SOAP Body")
    for operation, call in calls:
        return operation, _parameters(call, operation)
    wanted = ", ".join(f"{{{one.namespace}}}{one.operation}" for one in operations)
    vi, en = f"không tìm thấy thao tác {wanted}", f"operation {wanted} is not there"
    raise InvalidMessage([Fault("/Envelope/Body", "unknown_operation", vi, en)])


def _parameters(call: etree._Element, operation: Operation) -> dict[str, etree._Element]:
    if operation.shape == "check":
        return {}
    # Qualified or not, wrapped or not: parameters are found by their local names.
    found = list(_leaves(call))
    names = [str(element.tag).rpartition("}")[2] for element in found]
    leaves = dict(zip(names, found, strict=True))
    for name in (operation.payload, operation.office_code, operation.document_type):
        if names.count(name) > 1:
            raise _twice(f"/Envelope/Body/{operation.operation}/{name}", name, name)
    if operation.payload not in leaves:
        path = f"/Envelope/Body/{operation.operation}/{operation.payload}"
        vi, en = f"thiếu tham số {operation.payload}", f"parameter {operation.payload} is missing"
        raise InvalidMessage([Fault(path, "missing", vi, en)])
    return leaves


def _twice(path: str, vi_name: str, en_name: str) -> InvalidMessage:
    vi, en = f"{vi_name} chỉ được mang một thông điệp", f"{en_name} may bring one document only"
    return InvalidMessage([Fault(path, "too_many", vi, en)])


def _leaves(call: etree._Element) -> Iterable[etree._Element]:
    for child in call.iterchildren("*"):
        inner = list(child.iterchildren("*"))
        yield from inner if inner else [child]
