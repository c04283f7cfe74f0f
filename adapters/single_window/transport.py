"""The socket side: a SOAP request built by zeep from our own WSDL, its bytes sent by the hub's pooled client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import zeep
from lxml import etree

from adapters.single_window.contracts import PORTS, SERVICE, wsdl
from adapters.single_window.options import Options
from adapters.single_window.soap import CONTENT_TYPE, SOAP
from hub.canonical.message import Message
from hub.contract import Outgoing, Reply
from hub.endpoint import Endpoint
from hub.errors import BadSettings, NotAllowed, NotSent
from hub.rules import xml
from hub.wire import Wire, raise_for_busy, recorded

PROBE_SECONDS = 10.0


class _NoLoading(zeep.Transport):  # type: ignore[misc]
    """Loads nothing: our WSDL is complete, and zeep has no time limit of its own."""

    def load(self, url: str) -> bytes:
        raise BadSettings(f"the WSDL refers to {url}", f"WSDL tham chiếu tới {url}", where=url)


class Requests:
    """Builds SOAP requests of one operation; by zeep's public calls only (``bind``, ``create_message``)."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._operation = options.service
        out = options.outbound
        document = wsdl(self._operation, out.url, (out.soap,), out.soap_action)
        settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_external=True)
        self._client: Any = zeep.Client(BytesIO(document), transport=_NoLoading(), settings=settings)
        self._service = self._client.bind(SERVICE, PORTS[out.soap])

    def build(self, outgoing: Outgoing) -> bytes:
        """Write the SOAP request of one call; the same call gives the same bytes."""
        text = outgoing.body.decode()
        parameters = self._parameters(outgoing, text)
        envelope = self._client.create_message(
            self._service, self._operation.operation, **parameters, _soapheaders=self._addressing(outgoing)
        )
        if self._options.outbound.payload == "cdata":
            # libxml2 closes and opens the section again inside a "]]>" of the text.
            self._payload(envelope).text = etree.CDATA(text)
        return xml.serialise(envelope, declaration=True)

    def headers(self) -> dict[str, str]:
        """Give the HTTP headers of the SOAP version."""
        out = self._options.outbound
        if out.soap == "1.1":
            return {"Content-Type": CONTENT_TYPE["1.1"], "Accept": "text/xml", "SOAPAction": f'"{out.soap_action}"'}
        action = f'; action="{out.soap_action}"' if out.soap_action else ""
        return {"Content-Type": CONTENT_TYPE["1.2"] + action, "Accept": "application/soap+xml"}

    def _parameters(self, outgoing: Outgoing, text: str) -> dict[str, Any]:
        names = self._operation
        if names.shape == "text":
            return {names.payload: text}
        routed = {
            names.office_code: outgoing.head["officeCode"],
            names.document_type: outgoing.head["documentType"],
            names.payload: text,
        }
        return routed if names.shape == "routed" else {names.wrapper: routed}

    def _payload(self, envelope: etree._Element) -> etree._Element:
        namespace = self._operation.parameter_namespace()
        name = f"{{{namespace}}}{self._operation.payload}" if namespace else self._operation.payload
        return next(envelope.iter(name))

    def _addressing(self, outgoing: Outgoing) -> list[etree._Element]:
        out = self._options.outbound
        if not (out.wsa_to or out.wsa_action):
            return []
        blocks = []
        for name, value in (("To", out.wsa_to), ("Action", out.wsa_action), ("MessageID", self._message_id(outgoing))):
            if value:
                block = etree.Element(f"{{{out.wsa_namespace}}}{name}", nsmap={"wsa": out.wsa_namespace})
                block.text = value
                if name != "MessageID":
                    block.set(f"{{{SOAP[out.soap]}}}mustUnderstand", "1")
                blocks.append(block)
        return blocks

    @staticmethod
    def _message_id(outgoing: Outgoing) -> str:
        return f"urn:uuid:{outgoing.head['messageId']}"


class SingleWindowTransport:
    """Sends envelopes to one partner."""

    def __init__(self, endpoint: Endpoint, wire: Wire) -> None:
        options: Options = endpoint.options
        if endpoint.outbound is None or not options.outbound.url:
            where = f"endpoints/{endpoint.name}.toml#options.outbound.url"
            raise BadSettings(f"{where}: an address to send to is needed", f"{where}: thiếu địa chỉ gửi", where=where)
        self._url = options.outbound.url
        self._deadline = endpoint.outbound.deadline_seconds
        self._wire = wire
        self._requests = Requests(options)

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Send one envelope within the total deadline; the receipt comes in the same HTTP reply."""
        body = self._requests.build(outgoing)
        headers = self._requests.headers()
        if jws := outgoing.head.get("jws"):
            headers["X-JWS-Signature"] = jws
        with recorded(body):
            reply = self._wire.call("POST", self._url, body=body, headers=headers, deadline_seconds=self._deadline, fence=fence)
            raise_for_busy(reply, self._url)
        return Reply(status=reply.status, body=reply.body, sent=body)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Refuse: the second generation has no way to ask what became of a message."""
        raise NotAllowed(
            "the Single Window cannot be asked what became of a message: settle it with its operator",
            "Cổng một cửa quốc gia không có dịch vụ tra cứu thông điệp: hãy xác nhận với đơn vị vận hành",
            where=outgoing.service,
        )

    def probe(self) -> str:
        """Fetch the partner's WSDL: any HTTP reply shows that it can be reached."""
        url = f"{self._url}?wsdl"
        reply = self._wire.call("GET", url, deadline_seconds=min(PROBE_SECONDS, self._deadline))
        return f"{url}: HTTP {reply.status}, {len(reply.body)} bytes"

    @property
    def address(self) -> str:
        """Where the partner is reached."""
        return self._url

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Fetch the partner's WSDL: the second generation has no look-up, and no service that changes nothing."""
        url = f"{self._url}?wsdl"
        reply = self._wire.call("GET", url, deadline_seconds=min(PROBE_SECONDS, self._deadline))
        if reply.status != 200:
            raise NotSent(f"{url} answers {reply.status}", f"{url} trả lời {reply.status}", where=url)
        size = len(reply.body)
        yield "answered", f"đối tác trả WSDL, {size} byte", f"the WSDL was served, {size} bytes"

    def close(self) -> None:
        """Nothing is held: connections belong to the process's pool."""


def open_transport(endpoint: Endpoint, wire: Wire) -> SingleWindowTransport:
    """Open the socket side for one endpoint."""
    return SingleWindowTransport(endpoint, wire)
