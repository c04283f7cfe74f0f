"""Holodeck B2B's documents: the message metadata (MMD), and the ebMS headers that it puts into files (pure)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from hub.canonical.border.message import TechnicalState
from hub.gateway.messaging import Header, child, local, read_user_message, said, write_user_message
from hub.gateway.port import Submission
from hub.gateway_policy import GatewayPolicy
from hub.rules import xml

MMD = "http://holodeck-b2b.org/schemas/2014/06/mmd"
#: Part property under which a header names the file of a part.
LOCATION = "org:holodeckb2b:location"
#: Endings of a metadata file as it goes through the submission; ``processing`` is assumed.
SUBMITTED, PROCESSING, ACCEPTED, REJECTED, ERROR = ".mmd", ".processing", ".accepted", ".rejected", ".err"
#: Payloads that came have such names, and are often XML themselves.
PAYLOAD_PREFIX = "pl-"
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")
MAX_BYTES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What the other side's gateway said about a message of ours."""

    about: str
    technical: TechnicalState
    code: str
    text: str = ""


def safe(number: str) -> str:
    """Write a message's number as part of a file's name; what is replaced in it is told apart by its digest."""
    plain = _UNSAFE.sub("_", number)[:100]
    return plain if plain == number else f"{plain}-{hashlib.sha256(number.encode('utf-8', 'replace')).hexdigest()[:12]}"


def write_mmd(policy: GatewayPolicy, given: Submission, number: str, payload: str) -> bytes:
    """Write the metadata of a submission whose document lies beside it."""
    root = xml.parse(f'<MessageMetaData xmlns="{MMD}"/>'.encode())
    write_user_message(root, MMD, policy, given, number)
    info = etree.SubElement(root, f"{{{MMD}}}PayloadInfo", deleteFilesAfterSubmit="true")
    part = {"containment": "attachment", "mimeType": policy.content_type, "location": payload}
    etree.SubElement(info, f"{{{MMD}}}PartInfo", part)
    return xml.serialise(root, declaration=True)


def read_file(document: bytes) -> Header | Signal | None:
    """Read what a file says: a message that came, or a signal about one of ours; None where it is neither.

    Raises InvalidMessage where it cannot be read, or is not whole.
    """
    root = xml.parse(document, max_bytes=MAX_BYTES)
    if local(root) == "MessageMetaData":
        return read_user_message(root)
    if local(root) not in ("Messaging", "ebmsMessage"):
        return None
    if (message := child(root, "UserMessage")) is not None:
        return read_user_message(message)
    signal = child(root, "SignalMessage")
    return _signal(signal) if signal is not None else None


def _signal(signal: etree._Element) -> Signal | None:
    about = said(signal, "MessageInfo", "RefToMessageId")
    errors = [each for each in signal if local(each) == "Error"]
    if not errors:
        receipt = child(signal, "Receipt") is not None
        return Signal(about=about, technical=TechnicalState.DELIVERED, code="Receipt") if receipt and about else None
    worst = next((each for each in errors if each.get("severity", "").lower() == "failure"), errors[0])
    about = about or worst.get("refToMessageInError", "")
    words = (worst.get("shortDescription", ""), worst.get("errorDetail", ""), said(worst, "Description"))
    text = "; ".join(each for each in words if each)
    warns = worst.get("severity", "").lower() != "failure"
    technical = TechnicalState.UNKNOWN if warns else TechnicalState.FAILED
    return Signal(about=about, technical=technical, code=worst.get("errorCode", "Error")[:40], text=text[:300]) if about else None


def location_of(properties: Mapping[str, str]) -> str:
    """Give the name of the file that holds a part: the last step of where its gateway saw it."""
    return (properties.get(LOCATION) or properties.get("location") or "").replace("\\", "/").rpartition("/")[2]
