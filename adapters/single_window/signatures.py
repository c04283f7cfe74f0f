"""What is left of signatures in a document that was not verified as a whole: taken away, so that its content can be checked."""

from __future__ import annotations

from lxml import etree

from hub.rules.signatures import DS

#: Where systems put a signature; a text in it is none (``hashcode``).
SLOTS = ("Header/Signature", "Body/Signature", "SystemSignature")


def without_signatures(root: etree._Element) -> etree._Element:
    """Take signatures out of a document: wherever one stands, and what fills a slot without ds:Signature around it.

    Of a document that was signed as a whole they are gone already. What is left says nothing about who wrote it: the verdict
    does. The bytes are kept as they came.
    """
    for signature in list(root.iter(f"{DS}Signature")):
        _take_out(signature)
    for path in SLOTS:
        for slot in root.iterfind(path):
            if slot.find(f"{DS}SignedInfo") is not None or slot.find("SignedInfo") is not None:
                for child in list(slot):
                    slot.remove(child)
                slot.text = None
    return root


def _take_out(element: etree._Element) -> None:
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "") or None
    else:
        parent.text = (parent.text or "") + (element.tail or "") or None
    parent.remove(element)
