"""What the simulated Hub answers, written by the contract: headers, envelopes, lists, code rows, findings of its validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lxml import etree

from adapters.ephyto.operations import BRINGS, CODE_LISTS, ENTITIES, NAMESPACE, PULL_ALL
from adapters.ephyto.soap import SOAP_11, Header, add_header
from hub.errors import InvalidMessage
from hub.rules import xml

#: Rows of the code lists: enough of each kind to read, one of them not active any more, one in two languages.
_ROWS = (
    {"active": "true", "code": "T1", "lang": "en", "text": "First code"},
    {"active": "true", "code": "T1", "lang": "vi", "text": "Mã thứ nhất"},
    {"active": "true", "code": "T2", "lang": "en", "text": "Second code"},
    {"active": "false", "code": "T0", "lang": "en", "text": "Code of the past"},
)
_TEXTS = {"GetPesticides": "name", "GetProductDescriptions": "description"}
#: What the Hub's own validation looks for; the adapter's profile check is another, and stricter.
_WANTED = ("ID", "TypeCode", "StatusCode", "ExportSPSCountry", "ImportSPSCountry")


class Refused(Exception):
    """The simulated Hub says no, by a fault."""


@dataclass
class Answered:
    """What one call is answered with; exactly one of these is there, or none where the operation gives nothing."""

    header: Header | None = None
    headers: Sequence[Header] | None = None
    envelope: tuple[Header, bytes] | None = None
    envelopes: Sequence[tuple[Header, bytes]] | None = None
    tree: Mapping[str, Any] | None = None
    trees: tuple[str, Sequence[Mapping[str, Any]]] | None = None
    validation: Sequence[Mapping[str, str]] | None = None
    text: str | None = None
    #: A state in place of the header's own.
    state: str = ""

    def written(self, operation: str) -> bytes:
        """Write the response."""
        envelope, body = _frame()
        response = etree.SubElement(body, f"{{{NAMESPACE}}}{operation}Response", nsmap={"eph": NAMESPACE, "hub": ENTITIES})
        name = "PULLImportEnvelopesResult" if operation == PULL_ALL else f"{operation}Result"
        if self._has_result():
            self._fill(etree.SubElement(response, f"{{{NAMESPACE}}}{name}"))
        return xml.serialise(envelope)

    def call(self, operation: str) -> bytes:
        """Write a call of the hub's own door (PUSH)."""
        envelope, body = _frame()
        called = etree.SubElement(body, f"{{{NAMESPACE}}}{operation}", nsmap={"eph": NAMESPACE, "hub": ENTITIES})
        self._fill(etree.SubElement(called, f"{{{NAMESPACE}}}{BRINGS.get(operation, 'header')}"))
        return xml.serialise(envelope)

    def _has_result(self) -> bool:
        parts = (self.header, self.headers, self.envelope, self.envelopes, self.tree, self.trees, self.validation, self.text)
        return any(part is not None for part in parts)

    def _fill(self, result: etree._Element) -> None:
        if self.header is not None:
            add_header(result, replace(self.header, state=self.state or self.header.state))
        for header in self.headers or ():
            add_header(etree.SubElement(result, f"{{{ENTITIES}}}EnvelopeHeader"), header)
        if self.envelope is not None:
            _envelope(result, self.envelope)
        for each in self.envelopes or ():
            _envelope(etree.SubElement(result, f"{{{ENTITIES}}}Envelope"), each)
        if self.tree is not None:
            _tree(result, self.tree)
        for row in self.trees[1] if self.trees else ():
            _tree(etree.SubElement(result, f"{{{ENTITIES}}}{self.trees[0] if self.trees else ''}"), row)
        for finding in self.validation or ():
            one = etree.SubElement(result, f"{{{ENTITIES}}}ValidationResult")
            for name, text in finding.items():
                etree.SubElement(one, name).text = text
        if self.text is not None:
            result.text = self.text


def _frame() -> tuple[etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{SOAP_11}}}Envelope", nsmap={"s": SOAP_11})
    return envelope, etree.SubElement(envelope, f"{{{SOAP_11}}}Body")


def _envelope(element: etree._Element, envelope: tuple[Header, bytes]) -> None:
    add_header(element, envelope[0])
    etree.SubElement(element, f"{{{ENTITIES}}}Content").text = envelope[1].decode()


def _tree(element: etree._Element, tree: Mapping[str, Any]) -> None:
    for name, value in tree.items():
        if name.startswith("@"):
            element.set(name[1:], value)
            continue
        for one in value if isinstance(value, list) else [value]:
            child = etree.SubElement(element, f"{{{ENTITIES}}}{name}")
            if isinstance(one, Mapping):
                _tree(child, one)
            else:
                child.text = one


def profile_of(nppo: Mapping[str, Any]) -> dict[str, Any]:
    """Write what is known of one organisation, as the contract has it."""
    documents = [
        {"@active": "true", "certificateType": {"@number": kind, "@value": kind}, "certificateStatus": {"@number": status}}
        for kind, status in nppo["documents"]
    ]
    return {
        "Country": nppo["country"],
        "Receive": str(nppo["receive"]).lower(),
        "Send": str(nppo["send"]).lower(),
        "AllowedDocuments": {"AllowedDocument": documents},
    }


def codes_rows(operation: str) -> tuple[str, list[dict[str, str]]]:
    """Write a code list."""
    if operation not in CODE_LISTS:
        raise Refused(f"{operation} is not simulated")
    name = _TEXTS.get(operation, "text")
    rows = [{(name if key == "text" else key): value for key, value in row.items()} for row in _ROWS]
    return operation.removeprefix("Get").removesuffix("s"), rows


def findings(document: bytes, *, severe_only: bool) -> list[dict[str, str]]:
    """Validate as the Hub does: is it XML, and are the least fields there."""
    try:
        root = xml.parse(document, long_texts=True)
    except InvalidMessage as error:
        return [{"area": "Schema", "field": "/", "level": "SEVERE", "msg": error.faults[0].en}]
    lacking = [name for name in _WANTED if next(root.iter("{*}" + name), None) is None]
    found = [{"area": "MandatoryElements", "field": name, "level": "SEVERE", "msg": f"{name} is missing"} for name in lacking]
    if not severe_only and next(root.iter("{*}IntendedUse"), None) is None:
        found.append({"area": "Mapping", "field": "IntendedUse", "level": "INFO", "msg": "no intended use"})
    return found
