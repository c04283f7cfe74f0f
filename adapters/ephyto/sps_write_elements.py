"""Elements that are written one by one; what cannot be XML is told with its place in the canonical value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from hub.canonical.border.parts import Measure, Text
from hub.errors import Fault

CERTIFICATE = "urn:un:unece:uncefact:data:standard:SPSCertificate:17"
ACKNOWLEDGEMENT = "urn:un:unece:uncefact:data:standard:SPSAcknowledgement:17"
AGGREGATES = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:21"
UNQUALIFIED_TYPES = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:21"


@dataclass(slots=True)
class Writing:
    """One document that is being written."""

    #: Bytes of each file, by the address that the canonical value has for it.
    contents: Mapping[str, bytes] = field(default_factory=dict)
    #: True: as the contract of the service declares it, where four elements are in no namespace.
    typed: bool = False
    faults: list[Fault] = field(default_factory=list)


class Part:
    """One element that is being written."""

    def __init__(self, element: etree._Element, writing: Writing) -> None:
        self.element, self.writing = element, writing

    def part(self, name: str, *, bare: bool = False) -> Part:
        """Add an element that has elements; ``bare``: the service's contract has it in no namespace."""
        return Part(etree.SubElement(self.element, self._name(name, bare)), self.writing)

    def text(self, name: str, value: str, path: str, *, always: bool = True, bare: bool = False) -> None:
        """Add an element that has a text; not ``always``: only where there is one."""
        if value or always:
            self._set(etree.SubElement(self.element, self._name(name, bare)), value, path)

    def texts(self, name: str, values: Sequence[Text], path: str, *, always: bool = False) -> None:
        """Add an element for each text, with its language; ``always``: an empty one where there is none."""
        for number, each in enumerate(values):
            element = etree.SubElement(self.element, self._name(name))
            self._set(element, each.text, f"{path}/{number}/text")
            self._put(element, "languageID", each.language, f"{path}/{number}/language")
        if always and not values:
            etree.SubElement(self.element, self._name(name))

    def coded(self, name: str, value: str, attribute: str, said: str, path: str) -> None:
        """Add a code with one attribute."""
        element = etree.SubElement(self.element, self._name(name))
        self._set(element, value, path)
        self._put(element, attribute, said, path)

    def measure(self, name: str, value: Measure | None, path: str) -> None:
        """Add a quantity with its unit, where there is one."""
        if value is not None:
            element = etree.SubElement(self.element, self._name(name))
            element.text = f"{value.value:f}"
            self._put(element, "unitCode", value.unit, f"{path}/unit")

    def moment(self, name: str, value: str, path: str, *, always: bool = False) -> None:
        """Add a moment exactly as it is said."""
        if value or always:
            held = self.part(name)
            self._set(etree.SubElement(held.element, f"{{{UNQUALIFIED_TYPES}}}DateTimeString"), value, path)

    def file(self, name: str, octets: str, attributes: Mapping[str, str], path: str) -> None:
        """Add a file that is Base64 already."""
        element = etree.SubElement(self.element, self._name(name))
        for attribute, said in attributes.items():
            self._put(element, attribute, said, path)
        element.text = octets or None

    def _name(self, name: str, bare: bool = False) -> str:
        return name if bare and self.writing.typed else f"{{{AGGREGATES}}}{name}"

    def _set(self, element: etree._Element, value: str, path: str) -> None:
        try:
            element.text = value or None
        except ValueError:
            self._cannot(path)

    def _put(self, element: etree._Element, name: str, value: str, path: str) -> None:
        if not value:
            return
        try:
            element.set(name, value)
        except ValueError:
            self._cannot(path)

    def _cannot(self, path: str) -> None:
        vi, en = "nội dung không ghi được vào XML", "this content cannot be written into XML"
        self.writing.faults.append(Fault(path, "bad_character", vi, en))


def document(namespace: str, name: str, writing: Writing) -> Part:
    """Begin a document."""
    prefixes = {"rsm": namespace, "ram": AGGREGATES, "udt": UNQUALIFIED_TYPES}
    return Part(etree.Element(f"{{{namespace}}}{name}", nsmap=prefixes), writing)


def section(root: Part, namespace: str, name: str) -> Part:
    """Add one of the parts of a document, which are in the document's own namespace."""
    return Part(etree.SubElement(root.element, f"{{{namespace}}}{name}"), root.writing)
