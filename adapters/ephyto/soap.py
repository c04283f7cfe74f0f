"""SOAP of the Hub, both ways, as pure functions: envelopes found by local names in any capitals, answers and faults written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapters.ephyto.operations import BRINGS, ENTITIES, NAMESPACE
from hub.errors import Fault, InvalidMessage, bad_value, missing
from hub.rules import xml

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
CONTENT_TYPE: Mapping[str, str] = {SOAP_11: "text/xml; charset=utf-8", SOAP_12: "application/soap+xml; charset=utf-8"}
#: Fields of an envelope's header, as they are written.
FIELDS: Mapping[str, str] = {
    "sender": "From",
    "to": "To",
    "type": "CertificateType",
    "status": "CertificateStatus",
    "number": "NPPOCertificateNumber",
    "hub_number": "hubDeliveryNumber",
    "state": "HUBTrackingInfo",
    "error": "hubDeliveryErrorMessage",
}
#: Longer ones are no codes, numbers or messages of the Hub; its error messages are cut.
_LONGEST: Mapping[str, int] = {"sender": 20, "to": 20, "type": 9, "status": 9, "number": 200, "hub_number": 200, "state": 60}
SAID_LENGTH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands on an envelope."""

    sender: str = ""
    to: str = ""
    type: str = ""
    status: str = ""
    number: str = ""
    hub_number: str = ""
    state: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapFault:
    """What a SOAP fault says; the Hub's text may be empty."""

    code: str
    text: str


# --- finding ------------------------------------------------------------------------------------------------------


def local(element: etree._Element) -> str:
    """Give an element's name without its namespace."""
    return etree.QName(element).localname


def child(element: etree._Element, name: str) -> etree._Element | None:
    """Find a child by its local name, in any capitals."""
    return next((one for one in element.iterchildren("*") if local(one).lower() == name.lower()), None)


def text_of(element: etree._Element | None) -> str:
    """Give an element's own text; empty where it is not there, or holds elements."""
    return "" if element is None or len(element) else (element.text or "").strip()


def called(body: bytes) -> etree._Element:
    """Give the first element of a SOAP body; raise InvalidMessage where this is no SOAP message."""
    root = xml.parse(body, long_texts=True)
    if local(root) != "Envelope" or etree.QName(root).namespace not in CONTENT_TYPE:
        raise InvalidMessage([Fault("/", "not_soap", "đây không phải thông điệp SOAP", "this is not a SOAP message")])
    inside = child(root, "Body")
    found = [] if inside is None else list(inside.iterchildren("*"))
    if not found:
        raise InvalidMessage([Fault("/Envelope/Body", "missing", "thiếu phần Body của SOAP", "SOAP Body is missing or empty")])
    if len(found) > 1:
        # One call has one answer: whatever came beside it would be lost.
        vi, en = "Body chỉ được mang một lời gọi", "SOAP Body may bring one call only"
        raise InvalidMessage([Fault("/Envelope/Body", "too_many", vi, en)])
    return found[0]


def fault_in(element: etree._Element) -> SoapFault | None:
    """Read a SOAP fault of either version; None where the element is none."""
    if local(element) != "Fault":
        return None
    code = next((text_of(one) for one in element.iter("{*}faultcode", "{*}Value")), "")
    told = next((one for one in element.iter("{*}HubWebException")), None)
    said = "" if told is None else (text_of(child(told, "message")) or text_of(told))
    said = said or next((text_of(one) for one in element.iter("{*}faultstring", "{*}Text", "{*}Reason")), "")
    return SoapFault(code=code[:60], text=said[:SAID_LENGTH])


def result_in(element: etree._Element) -> etree._Element | None:
    """Give what an operation answers: the element below its response, whatever it is called."""
    return next(element.iterchildren("*"), None)


# --- envelopes ----------------------------------------------------------------------------------------------------


def envelope_in(call: etree._Element) -> etree._Element | None:
    """Find the envelope of a call: under ``env`` or ``envelope``, or written right into the call."""
    for name in (*dict.fromkeys(BRINGS.values()), "header"):
        if (found := child(call, name)) is not None:
            return found
    return call if child(call, FIELDS["sender"]) is not None else next(call.iterchildren("*"), None)


def loose_header(element: etree._Element) -> Header:
    """Read a header of which any field may be absent; unknown elements are passed over."""
    return Header(**{name: text_of(child(element, wire))[:SAID_LENGTH] for name, wire in FIELDS.items()})


def read_header(element: etree._Element, place: str) -> Header:
    """Read the header of an envelope that is for us; raise InvalidMessage with everything that is wrong with it."""
    found = loose_header(element)
    faults = list(_twice(element, place))
    faults += [missing(f"{place}/{FIELDS[name]}") for name in ("sender", "type", "status") if not getattr(found, name)]
    for name, most in _LONGEST.items():
        value = getattr(found, name)
        if len(value) > most or not value.isprintable():
            vi, en = f"{FIELDS[name]} không hợp lệ hoặc quá dài", f"{FIELDS[name]} is not valid, or too long"
            faults.append(bad_value(f"{place}/{FIELDS[name]}", vi, en))
        elif name in ("type", "status") and value and not (value.isascii() and value.isdigit()):
            vi, en = f"{FIELDS[name]} phải là số", f"{FIELDS[name]} must be a number"
            faults.append(bad_value(f"{place}/{FIELDS[name]}", vi, en))
    if faults:
        raise InvalidMessage(faults)
    return found


def _twice(element: etree._Element, place: str) -> Iterable[Fault]:
    names = [local(one).lower() for one in element.iterchildren("*")]
    for wire in (*FIELDS.values(), "Content"):
        if names.count(wire.lower()) > 1:
            yield Fault(f"{place}/{wire}", "too_many", f"{wire} xuất hiện nhiều lần", f"{wire} is there more than once")


def content_in(element: etree._Element) -> bytes:
    """Give what an envelope holds: the text of Content, or the typed element beside the header; none where it has neither."""
    content = child(element, "Content")
    if content is not None:
        # A certificate that was put in as elements, not as a text, is meant as one all the same.
        inner = next(content.iterchildren("*"), None)
        return (content.text or "").encode() if inner is None else xml.serialise(inner)
    typed = (one for one in element.iterchildren("*") if local(one) in ("SPSCertificate", "SPSAcknowledgement"))
    found = next(typed, None)
    return b"" if found is None else xml.serialise(found)


def header_tree(header: Header) -> dict[str, str]:
    """Write a header as names and texts, without what is empty."""
    return {wire: getattr(header, name) for name, wire in FIELDS.items() if getattr(header, name)}


# --- writing ------------------------------------------------------------------------------------------------------


def version_of(body: bytes, content_type: str) -> str:
    """Say which SOAP version an unreadable or refused request wanted."""
    if SOAP_12.encode() in body[:2000]:
        return SOAP_12
    return SOAP_12 if content_type.lower().startswith("application/soap+xml") else SOAP_11


def response(version: str, operation: str, header: Header | None) -> bytes:
    """Write the response of an operation, with a header as its result where it has one."""
    envelope, body = _frame(version)
    made = etree.SubElement(body, f"{{{NAMESPACE}}}{operation}Response", nsmap={"eph": NAMESPACE})
    if header is not None:
        result = etree.SubElement(made, f"{{{NAMESPACE}}}{operation}Result", nsmap={"hub": ENTITIES})
        add_header(result, header)
    return xml.serialise(envelope)


def add_header(element: etree._Element, header: Header) -> None:
    """Write the fields of a header into an element, in the contract's order."""
    for wire, text in header_tree(header).items():
        etree.SubElement(element, f"{{{ENTITIES}}}{wire}").text = text


def fault(version: str, text: str, *, sender: bool) -> bytes:
    """Write a SOAP fault with a HubWebException."""
    envelope, body = _frame(version)
    block = etree.SubElement(body, f"{{{version}}}Fault")
    detail: Any
    if version == SOAP_11:
        etree.SubElement(block, "faultcode").text = "soap:Client" if sender else "soap:Server"
        etree.SubElement(block, "faultstring").text = text
        detail = etree.SubElement(block, "detail")
    else:
        code = etree.SubElement(block, f"{{{version}}}Code")
        etree.SubElement(code, f"{{{version}}}Value").text = "soap:Sender" if sender else "soap:Receiver"
        reason = etree.SubElement(block, f"{{{version}}}Reason")
        told = etree.SubElement(reason, f"{{{version}}}Text")
        told.text = text
        told.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
        detail = etree.SubElement(block, f"{{{version}}}Detail")
    said = etree.SubElement(detail, f"{{{NAMESPACE}}}HubWebException", nsmap={"eph": NAMESPACE})
    etree.SubElement(said, f"{{{ENTITIES}}}message", nsmap={"hub": ENTITIES}).text = text
    return xml.serialise(envelope)


def _frame(version: str) -> tuple[etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{version}}}Envelope", nsmap={"soap": version})
    return envelope, etree.SubElement(envelope, f"{{{version}}}Body")
