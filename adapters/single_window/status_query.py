"""The question what became of an earlier message (vehicle inspection's 224/26), written from that message's own bytes."""

from __future__ import annotations

from datetime import datetime

from lxml import etree

from adapters.single_window.envelope import Head, read_head, write_moment
from hub.contract import Outgoing
from hub.rules import xml

#: Content of the question: the elements in this order; of an answer that is no envelope's header.
QUESTION, ANSWER = "Request", "Response"


def question(outgoing: Outgoing, message_id: str, now: datetime) -> bytes:
    """Write the question about a message that was sent: its own header, with numbers and identifier of a question."""
    root = xml.parse(outgoing.body, long_texts=True)
    head = read_head(root)
    kind, _, function = outgoing.head["ask"].partition("/")
    asked = {
        "MessageId": head.message_id,
        "Type": head.type,
        "Function": head.function,
        "SendDate": head.subject.get("sendDate", ""),
    }
    _set(root, "Header/Reference/messageId", message_id if len(head.message_id) > _SHORT else message_id.replace("-", ""))
    for name, value in (("type", kind), ("function", function), ("sendDate", write_moment(now))):
        _set(root, f"Header/Subject/{name}", value)
    content = root.find("Body/Content")
    assert content is not None
    for child in list(content):
        content.remove(child)
    content.append(xml.from_tree(QUESTION, asked))
    # What was signed is gone; a question changes nothing, and goes without a signature.
    for child in list(root):
        if etree.QName(child).namespace:
            root.remove(child)
    return xml.serialise(root)


#: A UUID without hyphens, for readers of 35 signs.
_SHORT = 32


def _set(root: etree._Element, path: str, value: str) -> None:
    element = root.find(path)
    assert element is not None  # we wrote it
    element.text = value


def told(head: Head, content: etree._Element | None, about: str, outgoing: Outgoing) -> bool:
    """Say whether an answer to the question says that the partner has the message: processed, or a response that names it."""
    if head.document_type.lstrip("0") != outgoing.head["documentType"].lstrip("0"):
        return False
    if head.function == outgoing.head.get("confirmed", ""):
        return head.reference.lstrip("0") == outgoing.head["reference"].lstrip("0")
    return content is not None and content.tag == ANSWER and about == outgoing.head["messageId"]
