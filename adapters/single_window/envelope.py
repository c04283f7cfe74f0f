"""The envelope of all dialects: its header as a value, read liberally and written strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from lxml import etree

from adapters.single_window.dialects import DIALECTS, SUBJECT, Dialect
from adapters.single_window.parties import PARTY, party
from hub.canonical.base import VIETNAM, local
from hub.rules import xml

__all__ = ["PARTY", "SUBJECT", "Head", "build", "party", "read_head", "read_moment", "without_prefix", "write_moment"]

_GEN2 = DIALECTS["gen2"]
_MOMENT = re.compile(r"(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,3}))?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)
#: Longer texts are no numbers of a header.
_LONGEST_NUMBER = 18
SUBJECT_PATH = "/Envelope/Header/Subject"
#: Before 1976 Vietnam's clocks had other offsets; no dossier is so old, and a date before it is a slip.
_FIRST_YEAR = 1976


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Header of an envelope; a value that is absent is empty."""

    version: str = ""
    message_id: str = ""
    sender: Mapping[str, str] = field(default_factory=dict)
    receiver: Mapping[str, str] = field(default_factory=dict)
    subject: Mapping[str, str] = field(default_factory=dict)

    @property
    def document_type(self) -> str:
        return self.subject.get("documentType", "")

    @property
    def type(self) -> str:
        return self.subject.get("type", "")

    @property
    def function(self) -> str:
        return self.subject.get("function", "")

    @property
    def reference(self) -> str:
        return self.subject.get("reference", "")


def read_head(root: etree._Element) -> Head:
    """Read the header, whatever the order of its elements."""
    parts: dict[str, etree._Element] = {}
    for part in root.iterfind("Header/*"):
        parts.setdefault(str(part.tag), part)
    reference = _leaves(parts.get("Reference"))
    return Head(
        version=reference.get("version", ""),
        message_id=reference.get("messageId", ""),
        sender=_leaves(parts.get("From")),
        receiver=_leaves(parts.get("To")),
        subject=_leaves(parts.get("Subject")),
    )


def read_subject(root: etree._Element) -> Head:
    """Read of the header only what a message is about, where nothing else counts."""
    return Head(subject=_leaves(root.find("Header/Subject")))


def content_of(root: etree._Element) -> etree._Element | None:
    """Give the message inside Body/Content, or None where there is none."""
    content = root.find("Body/Content")
    return None if content is None else next(content.iterchildren("*"), None)


def without_prefix(root: etree._Element) -> etree._Element:
    """Take the envelope's own namespace away, where a writer gave it one; foreign elements (signatures) keep theirs."""
    if str(root.tag).startswith("{"):
        for element in root.iter(f"{{{etree.QName(root).namespace}}}*"):
            element.tag = etree.QName(element).localname
    return root


def header_first(root: etree._Element) -> etree._Element:
    """Put the header before the body, where a writer had them the other way round; whatever else stands there stays."""
    header, body = root.find("Header"), root.find("Body")
    if header is not None and body is not None and root.index(body) < root.index(header):
        body.addprevious(header)
    return root


def contents_of(root: etree._Element) -> list[etree._Element]:
    """List what stands inside Body/Content: the first generation has several elements side by side."""
    content = root.find("Body/Content")
    return [] if content is None else list(content.iterchildren("*"))


def build(head: Head, *contents: etree._Element, dialect: Dialect = _GEN2) -> etree._Element:
    """Build an envelope around a message: no prefix, no attributes, the order that the dialect's readers accept.

    Raises InvalidMessage where a value cannot be written into XML.
    """
    names = PARTY if head.document_type in dialect.whole_parties else dialect.party_names
    header = {
        "Reference": {"version": head.version, "messageId": head.message_id},
        "From": {name: head.sender.get(name, "") for name in names},
        "To": {name: head.receiver.get(name, "") for name in names},
        "Subject": {name: head.subject[name] for name in dialect.subject_order if name in head.subject},
    }
    root = copy(_blank(tuple(header["From"]), tuple(header["Subject"]), dialect.body_signature, dialect.system_signature))
    filled, body = root[0], root[1]
    _fill_header(filled, header)
    body[0].extend(contents)
    return root


@lru_cache(maxsize=64)
def _blank(names: tuple[str, ...], subject: tuple[str, ...], body_signature: bool, system_signature: bool) -> etree._Element:
    """Make an envelope without values; a copy of it takes a small part of the time that its elements take one by one."""
    root = etree.Element("Envelope")
    header, body = etree.SubElement(root, "Header"), etree.SubElement(root, "Body")
    for name, below in (("Reference", ("version", "messageId")), ("From", names), ("To", names), ("Subject", subject)):
        part = etree.SubElement(header, name)
        for child in below:
            etree.SubElement(part, child)
    etree.SubElement(body, "Content")
    if body_signature:
        etree.SubElement(body, "Signature")
    if system_signature:
        etree.SubElement(root, "SystemSignature")
    return root


def _fill_header(header: etree._Element, parts: Mapping[str, Mapping[str, str]]) -> None:
    try:
        for part, values in zip(header, parts.values(), strict=True):
            for element, value in zip(part, values.values(), strict=True):
                if value:
                    element.text = value
    except ValueError:
        # Names every value that cannot be written, not only the first.
        xml.from_tree("Envelope", {"Header": parts})
        raise


def normal(head: Head, dialect: Dialect) -> Head:
    """Write whole numbers without zeros in front, a type with two digits: as registry and register have them."""
    if not dialect.integers:
        return head
    subject = {name: _normal(name, value) if name in dialect.integers else value for name, value in head.subject.items()}
    return replace(head, subject=subject)


def _normal(name: str, value: str) -> str:
    if not (value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER):
        return value
    return f"{int(value):02d}" if name == "type" else str(int(value))


def with_local_dates(root: etree._Element) -> bool:
    """Write dates that have T and a zone as the partner's own dates; say whether there were any."""
    found = False
    for element in root.iter("*"):
        text = (element.text or "").strip()
        if _ISO.fullmatch(text) and not len(element) and (written := _local_text(text)):
            element.text, found = written, True
    return found


def _local_text(text: str) -> str:
    try:
        # More than six digits of a second are cut off: nobody here has them.
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        return write_moment(moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM))
    except (ValueError, OverflowError):
        return ""


def write_moment(moment: datetime) -> str:
    """Write a moment as every system of the Single Window does: Vietnamese local time without zone."""
    return local(moment).replace(tzinfo=None).isoformat(" ", "seconds")


def read_moment(text: str) -> datetime | None:
    """Read a moment; None for an empty one. Raises ValueError."""
    if not text.strip():
        return None
    found = _MOMENT.fullmatch(text.strip())
    if found is None or int(found[1]) < _FIRST_YEAR:
        raise ValueError("not yyyy-MM-dd HH:mm:ss")
    *whole, fraction = found.groups()
    year, month, day, hour, minute, second = (int(part) for part in whole)
    micro = int((fraction or "0").ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, micro, tzinfo=VIETNAM)


def _leaves(parent: etree._Element | None) -> dict[str, str]:
    """Read the texts of an element's children, as ``xml.text`` reads each."""
    children = () if parent is None else parent.iterchildren("*")
    return {str(child.tag): "" if len(child) else (child.text or "").strip() for child in children}
