"""The WSDL of an operation, rendered from our templates: what the door serves, and what outgoing requests are built by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Template
from xml.sax.saxutils import escape

from adapters.single_window.options import Operation
from adapters.single_window.registry import GEN2
from hub.endpoint import Endpoint
from hub.rules import xml

#: Name of the service in every rendered document; its two ports are ``Soap11`` and ``Soap12``.
SERVICE = "SingleWindow"
PORTS: Mapping[str, str] = {"1.1": "Soap11", "1.2": "Soap12"}

_FILES = {"text": "gateway_send.wsdl", "routed": "gateway_receive.wsdl", "wrapped": "gateway_wrapped.wsdl"}
_TEMPLATES = {shape: Template((GEN2 / "wsdl" / name).read_text("utf-8")) for shape, name in _FILES.items()}
_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"


def wsdl(operation: Operation, address: str, versions: Iterable[str], action: str = "") -> bytes:
    """Render the WSDL of one operation at one address, with a port for each SOAP version."""
    names = operation.model_dump(exclude={"shape", "qualified"}) | {
        "service": SERVICE,
        "address": address,
        "action": action,
        "form": "qualified" if operation.qualified else "unqualified",
    }
    values = {name: escape(value, {'"': "&quot;"}) for name, value in names.items()}
    root = xml.parse(_TEMPLATES[operation.shape].substitute(values).encode())
    for version, port in PORTS.items():
        if version not in versions:
            for element in [*root.iter(f"{_WSDL}binding", f"{_WSDL}port")]:
                parent = element.getparent()
                if element.get("name") == port and parent is not None:
                    parent.remove(element)
    return xml.serialise(root, declaration=True)


def contract_documents(endpoint: Endpoint, url: str) -> Mapping[str, tuple[str, bytes]]:
    """Give the WSDL of the endpoint's door, as the partner's tools want it."""
    options = endpoint.options
    return {"wsdl": ("text/xml; charset=utf-8", wsdl(options.door, url, options.inbound.soap))}
