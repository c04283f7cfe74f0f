"""The second generation's envelope: its header as a value, read liberally and written strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from lxml import etree

from hub.canonical.base import VIETNAM, local
from hub.rules import xml

if TYPE_CHECKING:
    from adapters.single_window.options import PartyValues

#: Order in which the six values of a party are written.
PARTY = ("name", "identity", "countryCode", "ministryCode", "organizationCode", "unitCode")
#: Order in which Subject is written: the one that nearly all known readers accept.
SUBJECT = ("documentType", "type", "function", "reference", "documentYear", "preReference", "preDocumentYear", "sendDate")

_MOMENT = re.compile(r"(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,3}))?", re.ASCII)
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
    reference = _leaves(root, "Header/Reference")
    return Head(
        version=reference.get("version", ""),
        message_id=reference.get("messageId", ""),
        sender=_leaves(root, "Header/From"),
        receiver=_leaves(root, "Header/To"),
        subject=_leaves(root, "Header/Subject"),
    )


def content_of(root: etree._Element) -> etree._Element | None:
    """Give the message inside Body/Content, or None where there is none."""
    content = root.find("Body/Content")
    return None if content is None else next(content.iterchildren("*"), None)


def without_prefix(root: etree._Element) -> etree._Element:
    """Take the envelope's own namespace away, where a writer gave it one; foreign elements (signatures) keep theirs."""
    namespace = etree.QName(root).namespace
    if namespace is not None:
        for element in root.iter(f"{{{namespace}}}*"):
            element.tag = etree.QName(element).localname
    return root


def party(values: PartyValues, unit_code: str = "") -> dict[str, str]:
    """Give a configured party's six values; a dossier's own receiving unit replaces the configured one."""
    return {
        "name": values.name,
        "identity": values.identity,
        "countryCode": values.country_code,
        "ministryCode": values.ministry_code,
        "organizationCode": values.organization_code,
        "unitCode": unit_code or values.unit_code,
    }


def build(head: Head, content: etree._Element) -> etree._Element:
    """Build an envelope around a message: no prefix, no attributes, the order that nearly all readers accept.

    Raises InvalidMessage where a value cannot be written into XML.
    """
    header = {
        "Reference": {"version": head.version, "messageId": head.message_id},
        "From": {name: head.sender.get(name, "") for name in PARTY},
        "To": {name: head.receiver.get(name, "") for name in PARTY},
        "Subject": {name: head.subject[name] for name in SUBJECT if name in head.subject},
    }
    # Every known writer leaves the signature slot of the body empty; some readers require that it is there.
    root = xml.from_tree("Envelope", {"Header": header, "Body": {"Content": "", "Signature": ""}})
    place = root.find("Body/Content")
    assert place is not None
    place.append(content)
    return root


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


def _leaves(root: etree._Element, path: str) -> dict[str, str]:
    parent = root.find(path)
    return {} if parent is None else {str(child.tag): xml.text(child, ".") for child in parent.iterchildren("*")}
