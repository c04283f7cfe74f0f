"""Whatever is said anywhere in a certificate is in its canonical form, is listed, or the certificate is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
from lxml import etree

from adapters.ephyto import sps
from hub.errors import InvalidMessage
from tests.adapters.ephyto.phytos import certificate

RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:21"
#: Said nowhere else; a number, since some places take nothing but numbers.
TOKEN = "987654321"
EXPORT = etree.fromstring(certificate("export_851"))


def _element(at: etree._Element) -> None:
    strange = etree.Element(f"{{{RAM}}}Strange")
    strange.text = TOKEN
    at.insert(0, strange)


def _attribute(at: etree._Element) -> None:
    at.set("strange", TOKEN)


def _text(at: etree._Element) -> None:
    at.text = TOKEN


def _tail(at: etree._Element) -> None:
    at.tail = TOKEN


def _twin(at: etree._Element) -> None:
    twin = deepcopy(at)
    twin.tail = None
    for each in twin.iter():
        if not len(each):
            each.text = TOKEN
    at.addnext(twin)


def _foreign(at: etree._Element) -> None:
    parent = at.getparent()
    assert parent is not None
    other = etree.SubElement(parent, f"{{urn:example:other}}{etree.QName(at).localname}")
    other.text = TOKEN


CHANGES: list[Callable[[etree._Element], None]] = [_element, _attribute, _text, _tail, _twin, _foreign]


def _changed(change: Callable[[etree._Element], None]) -> Iterator[tuple[str, bytes]]:
    """Make the change at each element but the root, one document each."""
    for number, there in enumerate(EXPORT.iter("*")):
        if number:
            root = deepcopy(EXPORT)
            change(list(root.iter("*"))[number])
            yield etree.ElementTree(EXPORT).getpath(there), etree.tostring(root)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_what_is_said_anywhere_is_found_again(change: Callable[[etree._Element], None]) -> None:
    """At every element of the tree; refused only where what is said twice may be said once, or is no file."""
    lost, read = [], 0
    for place, document in _changed(change):
        try:
            phyto, files = sps.read_with_files(document)
        except InvalidMessage as error:
            assert {fault.code for fault in error.faults} <= {"repeated", "bad_value", "missing"}, place
            continue
        read += 1
        said = phyto.model_dump_json() + "".join(str(each.digest) for each in files)
        if TOKEN not in said:
            lost.append(place)

    assert lost == []
    assert read > 90
