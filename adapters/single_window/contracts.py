"""The WSDL of a door's operations, rendered from our templates: what it serves, and what outgoing requests are built by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import Template
from xml.sax.saxutils import escape

from lxml import etree

from adapters.single_window.operations import Operation
from adapters.single_window.registry import GEN1, GEN2
from hub.endpoint import Endpoint
from hub.rules import xml

#: Name of the service in every rendered document; its two ports are ``Soap11`` and ``Soap12``.
SERVICE = "SingleWindow"
PORTS: Mapping[str, str] = {"1.1": "Soap11", "1.2": "Soap12"}

_FILES = {
    "text": GEN2 / "wsdl" / "gateway_send.wsdl",
    "routed": GEN2 / "wsdl" / "gateway_receive.wsdl",
    "wrapped": GEN2 / "wsdl" / "gateway_wrapped.wsdl",
    "check": GEN1 / "wsdl" / "check.wsdl",
}
_TEMPLATES = {shape: Template(path.read_text("utf-8")) for shape, path in _FILES.items()}
_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_SCHEMA = "{http://www.w3.org/2001/XMLSchema}schema"


def wsdl(operations: Operation | Sequence[Operation], address: str, versions: Iterable[str], action: str = "") -> bytes:
    """Render the WSDL of the operations at one address, with a port for each SOAP version; ``action`` replaces their own."""
    first, *others = [operations] if isinstance(operations, Operation) else operations
    root = _rendered(first, address, action)
    for number, one in enumerate(others, 2):
        _join(root, _rendered(one, address, action), one, number)
    for version, port in PORTS.items():
        if version not in versions:
            for element in [*root.iter(f"{_WSDL}binding", f"{_WSDL}port")]:
                parent = element.getparent()
                if element.get("name") == port and parent is not None:
                    parent.remove(element)
    return xml.serialise(root, declaration=True)


def _rendered(operation: Operation, address: str, action: str) -> etree._Element:
    names = operation.model_dump(exclude={"shape", "qualified", "soap_action"}) | {
        "service": SERVICE,
        "address": address,
        "action": action or operation.soap_action,
        "form": "qualified" if operation.qualified else "unqualified",
    }
    values = {name: escape(value, {'"': "&quot;"}) for name, value in names.items()}
    return xml.parse(_TEMPLATES[operation.shape].substitute(values).encode())


def _join(root: etree._Element, other: etree._Element, operation: Operation, number: int) -> None:
    """Put a further operation of the same address into a document; its names of types need no prefix but the schema's own."""
    types, port_type = root.find(f"{_WSDL}types"), root.find(f"{_WSDL}portType")
    assert types is not None and port_type is not None
    for schema in other.iterfind(f"{_WSDL}types/{_SCHEMA}"):
        same = (one for one in types if sorted(one.items()) == sorted(schema.items()))
        place = next(same, None)
        if place is None:
            types.append(schema)
        else:
            place.extend(list(schema))
    # A prefix for a namespace that has one already would be taken away where the element is put in.
    prefix = next((str(known) for known, space in root.nsmap.items() if known and space == operation.namespace), "o")
    for direction, name in (("In", operation.operation), ("Out", operation.response)):
        message = etree.Element(f"{_WSDL}message", {"name": f"{direction}{number}"}, nsmap={prefix: operation.namespace})
        etree.SubElement(message, f"{_WSDL}part", {"name": "parameters", "element": f"{prefix}:{name}"})
        port_type.addprevious(message)
    called = etree.SubElement(port_type, f"{_WSDL}operation", {"name": operation.operation})
    etree.SubElement(called, f"{_WSDL}input", {"message": f"tns:In{number}"})
    etree.SubElement(called, f"{_WSDL}output", {"message": f"tns:Out{number}"})
    for binding in root.iterfind(f"{_WSDL}binding"):
        theirs = next(one for one in other.iterfind(f"{_WSDL}binding") if one.get("name") == binding.get("name"))
        binding.append(next(theirs.iterfind(f"{_WSDL}operation")))


def contract_documents(endpoint: Endpoint, url: str) -> Mapping[str, tuple[str, bytes]]:
    """Give the WSDL of the endpoint's door, as the partner's tools want it."""
    options = endpoint.options
    return {"wsdl": ("text/xml; charset=utf-8", wsdl(options.doors, url, options.inbound.soap))}
