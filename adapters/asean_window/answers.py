"""The technical receipt (assumed): what a door of ours answers, and what a partner's answer file or door may say to us."""

from __future__ import annotations

from lxml import etree

from hub.contract import Answer, Outcome
from hub.errors import Conflict, HubError, InvalidMessage, NotPermitted, Untrusted
from hub.rules import xml

NAMESPACE = "urn:lienthong:asw:receipt:assumed-1"
CONTENT_TYPE = "application/xml; charset=utf-8"
#: Codes of ``Receipt/Code``.
TAKEN, REPEATED, INVALID, CONFLICT, NOT_PERMITTED, NOT_TRUSTED, LATER = (
    "RECEIVED",
    "DUPLICATE",
    "INVALID",
    "CONFLICT",
    "NOT-PERMITTED",
    "NOT-TRUSTED",
    "TRY-LATER",
)
#: The first class that fits the error counts: HTTP status, code and text.
ANSWERS: tuple[tuple[type[HubError], int, str, str], ...] = (
    (Conflict, 409, CONFLICT, "This identifier was used for other content"),
    (NotPermitted, 403, NOT_PERMITTED, "The document is not the sender's to send, or not for this country"),
    (InvalidMessage, 422, INVALID, "The document has faults"),
    (Untrusted, 403, NOT_TRUSTED, "The document could not be verified"),
    (HubError, 503, LATER, "Not taken, send again later"),
)
_MOST_TEXT = 500


def write_receipt(outcome: Outcome) -> Answer:
    """Write the receipt for an outcome; of what is not trusted it says nothing but that."""
    error = outcome.error
    root = etree.Element(f"{{{NAMESPACE}}}Receipt", nsmap={None: NAMESPACE})  # type: ignore[dict-item]
    status, code, text = 200, TAKEN, "Taken"
    if error is not None:
        status, code, text = next(row[1:] for row in ANSWERS if isinstance(error, row[0]))
    for name, value in (("Code", code), ("Text", text), ("Number", outcome.message_id)):
        etree.SubElement(root, f"{{{NAMESPACE}}}{name}").text = value
    etree.SubElement(root, f"{{{NAMESPACE}}}At").text = outcome.received_at.isoformat()
    if isinstance(error, InvalidMessage):
        for fault in error.faults:
            _add_fault(root, fault.path, fault.code, fault.en)
    return Answer(status=status, body=xml.serialise(root, declaration=True), content_type=CONTENT_TYPE)


def _add_fault(root: etree._Element, path: str, code: str, text: str) -> None:
    fault = etree.SubElement(root, f"{{{NAMESPACE}}}Fault")
    fault.set("path", _plain(path))
    fault.set("code", code)
    fault.text = _plain(text)


def _plain(text: str) -> str:
    """Leave out what XML cannot carry; a path may hold a name that somebody made up."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text[:_MOST_TEXT])
