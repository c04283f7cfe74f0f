"""The socket side: a SOAP request built by zeep from our own WSDL, its bytes sent by the hub's pooled client."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from typing import Any
from uuid import uuid4

import zeep
from lxml import etree

from adapters.single_window import status_query
from adapters.single_window.contracts import PORTS, SERVICE, wsdl
from adapters.single_window.operations import AVAILABLE, Operation
from adapters.single_window.options import Options
from adapters.single_window.soap import CONTENT_TYPE, SOAP, escaped
from hub.canonical.base import VIETNAM
from hub.canonical.message import Message
from hub.contract import Outgoing, Reply
from hub.endpoint import Endpoint
from hub.errors import BadSettings, InvalidMessage, NotAllowed, NotSent
from hub.rules import xml
from hub.wire import HttpReply, Wire, raise_for_busy, recorded

PROBE_SECONDS = 10.0
#: So many calls are remembered by how often they were tried.
_REMEMBERED = 1000
#: Stands in a form where a call's own value comes; braces are in no name or address that settings can have (``operations.URI``).
_PLACE = re.compile(rb"\{(payload|officeCode|documentType|messageId)\}")
_XSI, _XSD = "http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/2001/XMLSchema"


class _NoLoading(zeep.Transport):  # type: ignore[misc]
    """Loads nothing: our WSDL is complete, and zeep has no time limit of its own."""

    def load(self, url: str) -> bytes:
        raise BadSettings(f"the WSDL refers to {url}", f"WSDL tham chiếu tới {url}", where=url)


class Requests:
    """Writes SOAP requests of a partner's operations.

    The form of each operation is made once, by zeep's public calls only (``bind``, ``create_message``); a call fills its places
    in. The bytes are those that zeep would write for that call (tested): it would take as long for each as all else of it.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        out = options.outbound
        document = wsdl(options.services, out.url, (out.soap,), out.soap_action)
        settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_external=True)
        self._client: Any = zeep.Client(BytesIO(document), transport=_NoLoading(), settings=settings)
        self._service = self._client.bind(SERVICE, PORTS[out.soap])
        taking = [one for one in options.services if one.shape != "check"]
        self._forms = {(one.operation, typed): self._form(one, typed) for one in taking for typed in (False, True)}

    def operation(self, outgoing: Outgoing) -> Operation:
        """Give the operation that takes a call; one recorded before there were several: the usual one."""
        name = outgoing.head.get("operation", "")
        return next((one for one in self._options.services if one.operation == name), self._options.service)

    def build(self, outgoing: Outgoing, *, typed: bool = False) -> bytes:
        """Write the SOAP request of one call; the same call gives the same bytes.

        ``typed``: with xsi:type and encodingStyle, without which one partner at times did not take it.
        """
        form = self._forms[self.operation(outgoing).operation, typed]
        return b"".join(self._filled(piece, outgoing) if number % 2 else piece for number, piece in enumerate(form))

    def _form(self, names: Operation, typed: bool) -> tuple[bytes, ...]:
        """Write the request of an operation with places for a call's values, in pieces: each second one names such a value."""
        envelope = self._create(names, _parameters(names), self._addressing())
        if typed:
            envelope = _typed(envelope, names, self._options.outbound.soap)
        return tuple(_PLACE.split(xml.serialise(envelope, declaration=True)))

    def _filled(self, place: bytes, outgoing: Outgoing) -> bytes:
        if place != b"payload":
            return escaped(outgoing.head[place.decode()].encode())
        return _cdata(outgoing.body) if self._options.outbound.payload == "cdata" else escaped(outgoing.body)

    def check(self, names: Operation) -> bytes:
        """Write the request that asks whether the service is there."""
        return xml.serialise(self._create(names, {}, []), declaration=True)

    def _create(self, names: Operation, parameters: dict[str, Any], headers: list[etree._Element]) -> etree._Element:
        made: etree._Element = self._client.create_message(self._service, names.operation, **parameters, _soapheaders=headers)
        return made

    def headers(self, names: Operation | None = None) -> dict[str, str]:
        """Give the HTTP headers of the SOAP version, for one operation; None: the usual one."""
        out = self._options.outbound
        called = out.soap_action or (names or self._options.service).soap_action
        if out.soap == "1.1":
            return {"Content-Type": CONTENT_TYPE["1.1"], "Accept": "text/xml", "SOAPAction": f'"{called}"'}
        action = f'; action="{called}"' if called else ""
        return {"Content-Type": CONTENT_TYPE["1.2"] + action, "Accept": "application/soap+xml"}

    def _addressing(self) -> list[etree._Element]:
        out = self._options.outbound
        if not (out.wsa_to or out.wsa_action):
            return []
        blocks = []
        for name, value in (("To", out.wsa_to), ("Action", out.wsa_action), ("MessageID", "urn:uuid:{messageId}")):
            if value:
                block = etree.Element(f"{{{out.wsa_namespace}}}{name}", nsmap={"wsa": out.wsa_namespace})
                block.text = value
                if name != "MessageID":
                    block.set(f"{{{SOAP[out.soap]}}}mustUnderstand", "1")
                blocks.append(block)
        return blocks


def _parameters(names: Operation) -> dict[str, Any]:
    """Give the parameters of an operation, with the places of their values."""
    if names.shape == "text":
        return {names.payload: "{payload}"}
    routed = {names.office_code: "{officeCode}", names.document_type: "{documentType}", names.payload: "{payload}"}
    return routed if names.shape == "routed" else {names.wrapper: routed}


def _typed(envelope: etree._Element, names: Operation, version: str) -> etree._Element:
    """Give the request with the type of its parameter and an encodingStyle at the operation, as an old client wrote them."""
    prefixes = {prefix or "soap": space for prefix, space in envelope.nsmap.items()}
    typed = etree.Element(envelope.tag, nsmap={**prefixes, "xsi": _XSI, "xsd": _XSD})
    typed.extend(list(envelope))
    namespace = names.parameter_namespace()
    payload = next(typed.iter(f"{{{namespace}}}{names.payload}" if namespace else names.payload))
    payload.set(f"{{{_XSI}}}type", "xsd:string")
    call = next(typed.iter(f"{{{names.namespace}}}{names.operation}"))
    call.set(f"{{{SOAP[version]}}}encodingStyle", "utf-8")
    return typed


def _cdata(text: bytes) -> bytes:
    """Write a text as a section, as libxml2 does: closed and opened again inside a "]]>" of the text."""
    if b"]" in text:  # one sign is looked for ten times as fast as three, and a long text of Base64 has none
        text = text.replace(b"]]>", b"]]]]><![CDATA[>")
    return b"".join((b"<![CDATA[", text, b"]]>"))


class _Tries:
    """How often a call was tried from here, of the last thousand; another process begins anew."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def another(self, message_id: str) -> int:
        """Count one more try."""
        with self._lock:
            count = self._counts.pop(message_id, 0) + 1
            self._counts[message_id] = count
            while len(self._counts) > _REMEMBERED:
                self._counts.popitem(last=False)
        return count


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
        self._typed = options.outbound.typed
        self._check = next((one for one in options.services if one.shape == "check"), None)
        self._tries = _Tries()

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Send one envelope within the total deadline; the receipt comes in the same HTTP reply."""
        typed = self._typed == "yes"
        if self._typed == "alternating":
            typed = self._tries.another(outgoing.head["messageId"]) % 2 == 0
        return self._call(outgoing, self._requests.build(outgoing, typed=typed), fence)

    def _call(self, outgoing: Outgoing, body: bytes, fence: Callable[[], None] = lambda: None) -> Reply:
        headers = self._requests.headers(self._requests.operation(outgoing))
        if jws := outgoing.head.get("jws"):
            headers["X-JWS-Signature"] = jws
        with recorded(body):
            reply = self._wire.call("POST", self._url, body=body, headers=headers, deadline_seconds=self._deadline, fence=fence)
            raise_for_busy(reply, self._url)
        return Reply(status=reply.status, body=reply.body, sent=body)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask what became of a message, where the registry knows a message for that; else there is no way to ask."""
        if "ask" in outgoing.head:
            asked = status_query.question(outgoing, str(uuid4()), datetime.now(VIETNAM))
            head = {name: value for name, value in outgoing.head.items() if name != "jws"}
            return self._call(outgoing, self._requests.build(replace(outgoing, body=asked, head=head)))
        raise NotAllowed(
            "the Single Window cannot be asked what became of this message: settle it with its operator",
            "Cổng một cửa quốc gia không có dịch vụ tra cứu thông điệp này: hãy xác nhận với đơn vị vận hành",
            where=outgoing.service,
        )

    def probe(self) -> str:
        """Call the service's own check, or fetch its WSDL: any HTTP reply shows that it can be reached."""
        if self._check is not None:
            reply = self._asked_whether_there(self._check)
            return f"{self._url}: {self._check.operation}, HTTP {reply.status}, {len(reply.body)} bytes"
        url = f"{self._url}?wsdl"
        reply = self._wire.call("GET", url, deadline_seconds=min(PROBE_SECONDS, self._deadline))
        return f"{url}: HTTP {reply.status}, {len(reply.body)} bytes"

    def _asked_whether_there(self, names: Operation) -> HttpReply:
        body, headers = self._requests.check(names), self._requests.headers(names)
        seconds = min(PROBE_SECONDS, self._deadline)
        return self._wire.call("POST", self._url, body=body, headers=headers, deadline_seconds=seconds)

    @property
    def address(self) -> str:
        """Where the partner is reached."""
        return self._url

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Call the service's own check; where it has none fetch its WSDL: no other service changes nothing."""
        if self._check is not None:
            reply = self._asked_whether_there(self._check)
            if reply.status != 200 or not _is_there(reply.body, self._check.result):
                where, said = self._url, f"{self._check.operation} ({reply.status})"
                raise NotSent(f"{where}: {said} does not say ok", f"{where}: {said} không trả lời ok", where=where)
            yield "answered", f"{self._check.operation} trả lời {AVAILABLE}", f"{self._check.operation} answers {AVAILABLE}"
            return
        url = f"{self._url}?wsdl"
        reply = self._wire.call("GET", url, deadline_seconds=min(PROBE_SECONDS, self._deadline))
        if reply.status != 200:
            raise NotSent(f"{url} answers {reply.status}", f"{url} trả lời {reply.status}", where=url)
        size = len(reply.body)
        yield "answered", f"đối tác trả WSDL, {size} byte", f"the WSDL was served, {size} bytes"

    def close(self) -> None:
        """Nothing is held: connections belong to the process's pool."""


def _is_there(body: bytes, result: str) -> bool:
    """Say whether a service answers that it is there: ``ok``, in any case of letters."""
    try:
        found = next(iter(xml.parse(body).iter("{*}" + result)), None)
    except InvalidMessage:
        return False
    return found is not None and (found.text or "").strip().lower() == AVAILABLE


def open_transport(endpoint: Endpoint, wire: Wire) -> SingleWindowTransport:
    """Open the socket side for one endpoint."""
    return SingleWindowTransport(endpoint, wire)
