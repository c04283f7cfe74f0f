"""The Hub's answers to deliveries, read: the states are a table, and one that is not in it is in doubt, never success."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from lxml import etree

from adapters.ephyto import soap
from adapters.ephyto.operations import FAILED, NOT_THERE, TECHNICAL, VALIDATE
from hub.canonical.receipt import Finding, Receipt
from hub.contract import Outgoing, Reply
from hub.errors import Busy, InDoubt, InvalidMessage, NotSent, Refused

#: HTTP: it did not take the message (RFC 9110 15.6.4, RFC 6585 4).
BUSY_STATUS = (429, 503)
#: HTTP: the TLS front, which knows the sender by its certificate, did not let the call through; its page may be HTML.
FRONT_STATUS = (401, 403)
#: States in which a delivered envelope is at first; with the others it is no receipt.
TAKEN = frozenset(TECHNICAL) - {FAILED, NOT_THERE}
SEVERE = "SEVERE"
_SAID_LENGTH = 2000


def read_receipt(reply: Reply, outgoing: Outgoing) -> Receipt:
    """Read the answer to a delivery. Raises Refused, Busy, NotSent, or InDoubt for everything that does not clearly tell."""
    where = outgoing.service
    check_status(reply.status, where)
    answered = _answered(reply, where)
    if soap.local(answered) == f"{VALIDATE}Response":
        _refuse_severe(answered, where)
    header = _header(answered, outgoing)
    if header.state == FAILED:
        text = header.error or "the header is not valid, or the delivery failed"
        raise _refused(f"the Hub refuses it: {text}", f"Hub từ chối: {text}", where, FAILED)
    if header.state not in (*TAKEN, "") or not header.hub_number:
        raise doubt(where, f"state {header.state[:60]!r} in the answer", header.state[:60])
    environment = outgoing.head.get("environment", "")
    return Receipt(
        code=header.state,
        text=header.hub_number,
        held={"hubDeliveryNumber": header.hub_number},
        follow=f"{environment}/{header.hub_number}",
    )


def read_finding(reply: Reply, outgoing: Outgoing) -> Finding:
    """Look for a delivery among those that are still under way; that it is not there proves nothing."""
    if reply.status != 200:
        return Finding(outcome="unknown", text=f"HTTP {reply.status}")
    try:
        answered = _answered(reply, outgoing.service)
    except InDoubt as error:
        return Finding(outcome="unknown", text=error.en[:_SAID_LENGTH])
    found = [each for each in headers_in(answered) if each.hub_number and _same(each, outgoing)]
    if len(found) != 1:
        return Finding(outcome="unknown", text=f"{len(found)} such envelopes under way")
    follow = f"{outgoing.head.get('environment', '')}/{found[0].hub_number}"
    return Finding(outcome="found", text=found[0].state, held={"hubDeliveryNumber": found[0].hub_number}, follow=follow)


def headers_in(answered: etree._Element) -> Iterator[soap.Header]:
    """List the headers of an answer, however deep they stand; a forwarding has a number of the Hub, too, and is none."""
    for element in answered.iter("*"):
        if soap.child(element, "NPPOCertificateNumber") is not None or soap.child(element, "From") is not None:
            yield soap.loose_header(element)


def check_status(status: int, where: str) -> None:
    """Raise Busy or NotSent where the status alone says that nothing was taken."""
    if status in BUSY_STATUS:
        raise Busy(f"the Hub answers {status}", f"Hub trả lời {status}", where=where, partner_code=str(status))
    if status in FRONT_STATUS:
        raise NotSent(
            f"the Hub's front answers {status}: our client certificate is not let in ([outbound.tls])",
            f"máy chủ TLS của Hub trả lời {status}: chứng thư số máy khách không được chấp nhận ([outbound.tls])",
            where=where,
            partner_code=str(status),
        )


def _answered(reply: Reply, where: str) -> etree._Element:
    """Give the response in a reply; raise InDoubt where it is a fault, or no SOAP message."""
    try:
        answered = soap.called(reply.body)
    except InvalidMessage as error:
        raise doubt(where, f"HTTP {reply.status}, no SOAP message ({error.faults[0].code})", str(reply.status)) from error
    if (fault := soap.fault_in(answered)) is not None:
        raise doubt(where, f"SOAP fault: {fault.text or '(no text)'}", fault.code)
    if reply.status != 200:
        raise doubt(where, f"HTTP {reply.status}", str(reply.status))
    return answered


def _header(answered: etree._Element, outgoing: Outgoing) -> soap.Header:
    result = soap.result_in(answered)
    if soap.local(answered) != f"{outgoing.service}Response" or result is None:
        raise doubt(outgoing.service, f"{soap.local(answered)[:60]} is no answer to this call")
    header = soap.loose_header(result)
    if header.number and header.number != outgoing.head.get("number", header.number):
        raise doubt(outgoing.service, "the answer is about another certificate")
    return header


def _same(header: soap.Header, outgoing: Outgoing) -> bool:
    asked = outgoing.head
    names = ("to", "type", "status", "number")
    return all(getattr(header, name) == asked.get(name, "") for name in names)


# --- validation ---------------------------------------------------------------------------------------------------


def severe_in(answered: etree._Element) -> list[str]:
    """List what the Hub's validation finds severe: area, field and its words."""
    found = (element for element in answered.iter("*") if soap.text_of(soap.child(element, "level")).upper() == SEVERE)
    return [
        " ".join(filter(None, (soap.text_of(soap.child(each, name)) for name in ("area", "field", "msg")))) for each in found
    ]


def _refuse_severe(answered: etree._Element, where: str) -> NoReturn:
    severe = severe_in(answered)
    if not severe:
        raise doubt(where, "it was validated, and not delivered")
    said = "; ".join(severe)[:_SAID_LENGTH]
    raise _refused(f"the Hub's validation refuses it: {said}", f"Hub kiểm tra không đạt: {said}", where, SEVERE)


def _refused(en: str, vi: str, where: str, code: str) -> Refused:
    return Refused(en[:_SAID_LENGTH], vi[:_SAID_LENGTH], where=where, partner_code=code)


def doubt(where: str, what: str, code: str = "") -> InDoubt:
    """Say that an answer does not tell."""
    return InDoubt(
        f"no readable receipt of the Hub: {what}; it may have the envelope",
        f"không có biên nhận đọc được của Hub: {what}; Hub có thể đã nhận",
        where=where,
        partner_code=code,
    )
