"""What is left of signatures in a document that was not verified as a whole: taken away, so that its content can be checked."""

from __future__ import annotations

from lxml import etree

from hub.rules.signatures import DS

#: Where systems put a signature; a text in it is none (``hashcode``).
SLOTS = ("Header/Signature", "Body/Signature", "SystemSignature")
_SIGNATURE = f"{DS}Signature"
_NAMES = (_SIGNATURE, *dict.fromkeys(path.rpartition("/")[2] for path in SLOTS))


def without_signatures(root: etree._Element) -> etree._Element:
    """Take signatures out of a document: wherever one stands, and what fills a slot without ds:Signature around it.

    Of a document that was signed as a whole they are gone already. What is left says nothing about who wrote it: the verdict
    does. The bytes are kept as they came.
    """
    for element in list(root.iter(*_NAMES)):
        if element.tag == _SIGNATURE:
            _take_out(element)
        elif _is_filled_slot(element):
            for child in list(element):
                element.remove(child)
            element.text = None
    return root


def _is_filled_slot(element: etree._Element) -> bool:
    """Say whether an element stands where systems put a signature, and holds one without ds:Signature around it."""
    if element.find(f"{DS}SignedInfo") is None and element.find("SignedInfo") is None:
        return False
    _root, *below = reversed([str(each.tag) for each in (element, *element.iterancestors())])
    return "/".join(below) in SLOTS


def _take_out(element: etree._Element) -> None:
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "") or None
    else:
        parent.text = (parent.text or "") + (element.tail or "") or None
    parent.remove(element)
