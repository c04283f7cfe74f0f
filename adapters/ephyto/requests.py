"""SOAP requests of the Hub's operations, built by zeep from our own WSDL; the same call gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import zeep
from lxml import etree

from adapters.ephyto.operations import (
    BRINGS,
    DELIVER,
    DELIVER_PHYTO,
    DELIVER_RESPONSE,
    ENTITIES,
    VALIDATE_AND_DELIVER,
    WSDL,
    soap_action,
)
from adapters.ephyto.options import Options
from adapters.ephyto.soap import CONTENT_TYPE, SOAP_11
from hub.contract import Outgoing
from hub.endpoint import Endpoint
from hub.errors import BadSettings
from hub.rules import xml

SERVICE, PORT = "DeliveryService", "Soap11"
_TYPED = frozenset({DELIVER_PHYTO, DELIVER_RESPONSE})


def wsdl(address: str) -> bytes:
    """Give the contract with an address in it."""
    return _CONTRACT.replace(b"${address}", address.replace("&", "&amp;").replace('"', "&quot;").encode())


def contract_documents(endpoint: Endpoint, url: str) -> Mapping[str, tuple[str, bytes]]:
    """Give the contract of the endpoint's door, which is the Hub's own (PUSH)."""
    return {"wsdl": (CONTENT_TYPE[SOAP_11], wsdl(url))}


_CONTRACT = WSDL.read_bytes()


class _NoLoading(zeep.Transport):  # type: ignore[misc]
    """Loads nothing: our WSDL is complete, and zeep has no time limit of its own."""

    def load(self, url: str) -> bytes:
        raise BadSettings(f"the WSDL refers to {url}", f"WSDL tham chiếu tới {url}", where=url)


class Requests:
    """Builds requests; by zeep's public calls only (``bind``, ``create_message``)."""

    #: Operations that take a certificate.
    of_certificates = frozenset({DELIVER, VALIDATE_AND_DELIVER, DELIVER_PHYTO})

    def __init__(self, options: Options) -> None:
        self._options = options
        settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_external=True)
        self._client: Any = zeep.Client(BytesIO(wsdl(options.address)), transport=_NoLoading(), settings=settings)
        self._service = self._client.bind(SERVICE, PORT)

    def build(self, operation: str, **given: Any) -> bytes:
        """Write the request of one operation."""
        return xml.serialise(self._create(operation, given), declaration=True)

    def delivery(self, outgoing: Outgoing) -> bytes:
        """Write the request that delivers one document: as a text, or as it is where the operation is typed."""
        head, operation = outgoing.head, outgoing.service
        envelope: dict[str, Any] = {
            "From": head["from"],
            "To": head["to"],
            "CertificateType": int(head["type"]),
            "CertificateStatus": int(head["status"]),
            "NPPOCertificateNumber": head["number"],
        }
        if operation in _TYPED:
            envelope["_value_1"] = xml.parse(outgoing.body, long_texts=True)
        else:
            envelope["Content"] = outgoing.body.decode()
        made = self._create(operation, {BRINGS[operation]: envelope})
        if self._options.content == "cdata" and operation not in _TYPED:
            content = next(made.iter(f"{{{ENTITIES}}}Content"))
            # libxml2 closes and opens the section again inside a "]]>" of the text.
            content.text = etree.CDATA(outgoing.body.decode())
        return xml.serialise(made, declaration=True)

    def headers(self, operation: str) -> dict[str, str]:
        """Give the HTTP headers of an operation, with the SOAPAction that the contract declares for it."""
        return {"Content-Type": CONTENT_TYPE[SOAP_11], "Accept": "text/xml", "SOAPAction": f'"{soap_action(operation)}"'}

    def _create(self, operation: str, given: Mapping[str, Any]) -> etree._Element:
        made: etree._Element = self._client.create_message(self._service, operation, **given)
        return made
