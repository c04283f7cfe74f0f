"""The ebMS 3 header as gateways show it to those behind them: the parties, the agreement, what a message answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from hub.errors import Fault, InvalidMessage
from hub.gateway.port import Submission
from hub.gateway_policy import GatewayPolicy

EB3 = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header says of a user message."""

    message_id: str
    from_party: str
    from_type: str = ""
    to_party: str = ""
    to_type: str = ""
    service: str = ""
    action: str = ""
    conversation: str = ""
    about: str = ""
    #: What its parts are found by, in their order, with the properties of each.
    parts: tuple[tuple[str, Mapping[str, str]], ...] = field(default=())


def local(element: etree._Element) -> str:
    """Give an element's name without its namespace; empty for what is no element."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def child(element: etree._Element | None, *names: str) -> etree._Element | None:
    """Go down by names, whatever their namespace; None where one is not there."""
    for name in names:
        if element is None:
            return None
        element = next((each for each in element if local(each) == name), None)
    return element


def said(element: etree._Element | None, *names: str) -> str:
    """Read the text below, without the blanks around it; empty where there is none."""
    found = child(element, *names)
    return (found.text or "").strip() if found is not None and not len(found) else ""


def read_user_message(element: etree._Element) -> Header:
    """Read a user message: ``eb:UserMessage``, or the same tree as a gateway's own document writes it.

    Raises InvalidMessage, with every fault, where it does not say who sent what.
    """
    sender, receiver = child(element, "PartyInfo", "From", "PartyId"), child(element, "PartyInfo", "To", "PartyId")
    header = Header(
        message_id=said(element, "MessageInfo", "MessageId"),
        from_party=said(element, "PartyInfo", "From", "PartyId"),
        from_type=sender.get("type", "") if sender is not None else "",
        to_party=said(element, "PartyInfo", "To", "PartyId"),
        to_type=receiver.get("type", "") if receiver is not None else "",
        service=said(element, "CollaborationInfo", "Service"),
        action=said(element, "CollaborationInfo", "Action"),
        conversation=said(element, "CollaborationInfo", "ConversationId"),
        about=said(element, "MessageInfo", "RefToMessageId"),
        parts=tuple(_parts(child(element, "PayloadInfo"))),
    )
    missing = [
        Fault(path, "missing", f"thiếu {path}", f"{path} is missing")
        for path, value in (
            ("/MessageInfo/MessageId", header.message_id),
            ("/PartyInfo/From/PartyId", header.from_party),
        )
        if not value
    ]
    if missing:
        raise InvalidMessage(missing)
    return header


def _parts(info: etree._Element | None) -> Iterable[tuple[str, Mapping[str, str]]]:
    for part in info if info is not None else ():
        if local(part) not in ("PartInfo", "Payload"):
            continue
        properties = child(part, "PartProperties")
        named = {each.get("name", ""): (each.text or "").strip() for each in (properties if properties is not None else ())}
        plain = {name: str(part.get(name)) for name in ("location", "mimeType") if part.get(name)}
        yield part.get("href", "").removeprefix("cid:"), {**named, **plain}


def write_user_message(
    root: etree._Element, space: str, policy: GatewayPolicy, given: Submission, identifier: str
) -> etree._Element:
    """Write parties, agreement and properties of a submission below an element, in a namespace."""

    def add(to: etree._Element, tag: str, text: str = "", **attributes: str) -> etree._Element:
        made = etree.SubElement(to, f"{{{space}}}{tag}", {key: value for key, value in attributes.items() if value})
        made.text = text or None
        return made

    info = add(root, "MessageInfo")
    add(info, "MessageId", identifier)
    if given.about:
        add(info, "RefToMessageId", given.about)
    parties = add(root, "PartyInfo")
    for side, party in (("From", policy), ("To", given.partner)):
        one = add(parties, side)
        add(one, "PartyId", party.party_id, type=party.party_type)
        if party.role:
            add(one, "Role", party.role)
    agreed = add(root, "CollaborationInfo")
    if given.partner.agreement or (given.partner.pmode and policy.driver == "holodeck"):
        pmode = given.partner.pmode if policy.driver == "holodeck" else ""
        add(agreed, "AgreementRef", given.partner.agreement, pmode=pmode)
    add(agreed, "Service", given.service, type=policy.service_type)
    add(agreed, "Action", given.action)
    add(agreed, "ConversationId", given.conversation)
    properties = {**policy.properties, **given.partner.properties}
    if properties:
        written = add(root, "MessageProperties")
        for name, value in sorted(properties.items()):
            add(written, "Property", value, name=name)
    return root
