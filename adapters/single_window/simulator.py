"""The Single Window, or a ministry's system, as a real HTTP server: it sends envelopes to the hub and receives the hub's."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree

from adapters.single_window import contracts, soap
from adapters.single_window.envelope import SUBJECT, Head, build, content_of, party, read_head, write_moment
from adapters.single_window.options import Options
from adapters.single_window.registry import Procedure, Row
from adapters.single_window.samples import generator
from adapters.single_window.send_gateway import SendGateway, told, with_broken_signature, with_dtd, with_other_content
from adapters.single_window.soap import CONTENT_TYPE, SOAP
from hub.canonical.codes import Event
from hub.errors import Fault, InvalidMessage
from hub.rules import signing, xml
from hub.rules.trust import Signer
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire

#: Where each role listens; the Single Window's clients post to the address of its WSDL too.
PATHS: Mapping[str, tuple[str, ...]] = {
    "gateway": ("/VNSWReceiveGateway/ws", "/VNSWReceiveGateway/ws/gateway.wsdl"),
    "ministry": ("/MardService.asmx",),
}
DEADLINE_SECONDS = 30.0
#: The moment that answers carry; a double needs no clock.
_RECEIVED = write_moment(generator.START)


def simulator(
    *,
    port: int = 0,
    role: str = "gateway",
    hub_url: str = "",
    endpoint: str = "single_window",
    token: str = "",
    key_pem: str = "",
    certificate_pem: str = "",
    soap_version: str = "1.2",
    payload: str = "escaped",
    addressing: bool = True,
    dialect: Mapping[str, Any] | None = None,
) -> SimulatorServer:
    """Make a double of the partner of an endpoint with the same ``role``; not yet started.

    Defaults are the dialect in which the Single Window calls the environment ministry: SOAP 1.2, WS-Addressing To and
    Action that must be understood, the document escaped. ``dialect`` is the endpoint's own options table.
    """
    options = Options(role=role, **(dialect or {}))
    signer = _signer(key_pem.encode(), certificate_pem.encode()) if key_pem else None
    gateway = SendGateway(options, f"{hub_url.rstrip('/')}/doors/{endpoint}", soap_version, payload, addressing)
    partner = Partner(options, gateway, token, signer)
    server = SimulatorServer("single_window", partner.handle, port=port)
    partner.server = server
    server.account = partner.account
    server.verbs = {
        "send": partner.send,
        "application": partner.application,
        "applications": partner.applications,
        "withdraw": partner.withdraw,
        "supplement": partner.supplement,
    }
    return server


def _signer(key_pem: bytes, certificate_pem: bytes) -> Signer:
    certificate = load_pem_x509_certificate(certificate_pem)
    key = load_pem_private_key(key_pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("only RSA and EC keys can sign")
    return signing.in_memory("simulator", key, certificate)


class Partner:
    """What the double knows and has stored: gen-2 keeps every message, and looks at no messageId."""

    def __init__(self, options: Options, gateway: SendGateway, token: str, signer: Signer | None) -> None:
        self.options, self.gateway, self.signer = options, gateway, signer
        self._wire, self._token = Wire(), token
        self.server: SimulatorServer | None = None
        self._lock = threading.Lock()
        self._stored: dict[str, list[dict[str, str]]] = {}
        self._duplicates: list[dict[str, str]] = []
        self._sent: list[dict[str, Any]] = []
        self._references: dict[str, str] = {}
        self._seed = 0

    # --- what it sends ---------------------------------------------------------------------------------------------

    def application(self, given: dict[str, Any]) -> Any:
        """Send a new application; all is optional: document_type, seed, area_code, unit_code, reference, signed, fault."""
        document_type = given.get("document_type", "BTNMT0600001")
        seed = self._next_seed(given)
        if given.get("fault") == "eleven_faults":
            document = generator.eleven_faults(seed)
        else:
            names = ("reference", "unit_code", "area_code", "sent_at")
            document = generator.application(document_type, seed=seed, **{k: given[k] for k in names if k in given})
        self._references[read_head(xml.parse(document)).reference] = document_type
        return self._deliver(document, given)

    def applications(self, given: dict[str, Any]) -> Any:
        """Send several new applications one after the other: ``count``, from ``seed`` on; the rest as ``application``."""
        first = int(given["seed"])
        return [self.application({**given, "seed": seed}) for seed in range(first, first + int(given["count"]))]

    def withdraw(self, given: dict[str, Any]) -> Any:
        """Withdraw an application: before receipt it is so at once, after receipt (``after_receipt``) it is asked for."""
        event = Event.WITHDRAWAL_ASKED if given.get("after_receipt") else Event.WITHDRAWN
        return self._follow(event, given)

    def supplement(self, given: dict[str, Any]) -> Any:
        """Send the supplement that the ministry asked for."""
        return self._follow(Event.SUPPLEMENTED, given)

    def send(self, given: dict[str, Any]) -> Any:
        """Send a document as it is (``document``), or one made from ``document_type``, ``type`` and ``function``."""
        if "document" in given:
            return self._deliver(given["document"].encode(), given)
        document = generator.message(
            given["document_type"],
            given["type"],
            given["function"],
            seed=self._next_seed(given),
            reference=given.get("reference", ""),
            given=given.get("values"),
            options=self.options,
        )
        return self._deliver(document, given)

    def _follow(self, event: Event, given: dict[str, Any]) -> Any:
        document_type = given.get("document_type") or self._references[given["reference"]]
        row = self.options.book.procedures[document_type].telling(event, "to_ministry")[0]
        numbers = {"document_type": document_type, "type": row.type, "function": row.function}
        return self.send({**given, **numbers})

    def _next_seed(self, given: dict[str, Any]) -> int:
        with self._lock:
            self._seed += 1
            return int(given.get("seed", self._seed))

    def _deliver(self, document: bytes, given: dict[str, Any]) -> Any:
        fault = given.get("fault", "")
        texts = [self._finished(document, given)]
        if fault == "duplicate":
            texts *= 2
        if fault == "changed_body":
            texts.append(self._finished(with_other_content(document), given))
        if fault == "broken_signature":
            texts = [with_broken_signature(texts[0])]
        if fault == "dtd":
            texts = [with_dtd(texts[0])]
        answers = [self._post(text, document) for text in texts]
        return answers[0] if len(answers) == 1 else answers

    def _finished(self, document: bytes, given: dict[str, Any]) -> str:
        if self.signer is None or not given.get("signed", True):
            return document.decode()
        return signing.sign_xml(document, self.signer).decode()

    def _post(self, text: str, document: bytes) -> dict[str, Any]:
        head = read_head(xml.parse(document))
        procedure = self.options.book.find(head.document_type)
        body = self.gateway.wrap(text, head.document_type, procedure.office_code if procedure else "?")
        headers = {"Content-Type": CONTENT_TYPE[self.gateway.version], "Authorization": f"Bearer {self._token}"}
        reply = self._wire.call("POST", self.gateway.address, body=body, headers=headers, deadline_seconds=DEADLINE_SECONDS)
        answer = {"status": reply.status, **told(reply.body, self.options.door.result)}
        sent = {"documentType": head.document_type, "type": head.type, "function": head.function}
        record = {**sent, "reference": head.reference, "messageId": head.message_id, "answer": answer}
        with self._lock:
            self._sent.append(record)
        return record

    # --- what it receives ------------------------------------------------------------------------------------------

    def handle(self, call: Call) -> Said:
        """Take one SOAP call of the hub, or give the WSDL."""
        if call.path not in PATHS[self.options.role]:
            return Said(status=404, content_type="text/plain")
        if call.method == "GET":
            address = f"{self._server.url}{call.path}"
            return Said(contracts.wsdl(self.options.service, address, SOAP), content_type="text/xml; charset=utf-8")
        version = soap.guess_version(call.body, call.headers.get("content-type", ""))
        try:
            text, routing = self._opened(call.body, version)
        except InvalidMessage as error:
            status, body = soap.fault(version, error)
            return Said(body, status=status, content_type=CONTENT_TYPE[version])
        return self._answered(text, routing, version, call.body.decode("utf-8", "replace"))

    @property
    def _server(self) -> SimulatorServer:
        assert self.server is not None
        return self.server

    def _opened(self, body: bytes, version: str) -> tuple[str, dict[str, str]]:
        """Find the operation's parameters, as a contract-first service does: strictly by name and namespace."""
        names = self.options.service
        found = xml.parse(body).find(f"{{{SOAP[version]}}}Body/{{{names.namespace}}}{names.operation}")
        space = names.parameter_namespace()
        values = {} if found is None else {
            etree.QName(one).localname: one.text or "" for one in found.iter(f"{{{space}}}*" if space else "*") if len(one) == 0
        }
        if names.payload not in values:
            raise InvalidMessage([Fault("/Envelope/Body", "unknown_operation", "sai thao tác", "wrong operation")])
        return values.pop(names.payload), values

    def _answered(self, text: str, routing: Mapping[str, str], version: str, call_text: str) -> Said:
        faults = self._server.faults
        if faults.take("empty", call_text):
            return self._said("", version)
        if faults.take("cannot_parse", call_text):
            return self._said("Can not parse xml", version)
        forced = next((code for code in ("22", "00") if faults.take(f"function_{code}", call_text)), "")
        head, errors = self._checked(text, routing)
        if forced:
            errors = [("BNN06_CODE", "không lưu được dữ liệu")]
        if not errors:
            self._store(head, text)
        root = self._receipt(head, forced or ("00" if errors else "99"), errors)
        for kind, spoil in SPOILT.items():
            if faults.take(kind, call_text):
                spoil(root)
        written = xml.serialise(root).decode()
        if faults.take("double_escaped", call_text):
            written = written.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return self._said(written, version)

    def _said(self, text: str, version: str) -> Said:
        return Said(soap.response(version, self.options.service, text), content_type=CONTENT_TYPE[version])

    def _checked(self, text: str, routing: Mapping[str, str]) -> tuple[Head, list[tuple[str, str]]]:
        try:
            root = xml.parse(text.encode())
        except InvalidMessage as error:
            return Head(), [("ERR02_CODE", error.en)]
        head = read_head(root)
        procedure = self.options.book.find(head.document_type)
        row = procedure.find(head.type, head.function) if procedure else None
        if procedure is None or row is None or row.direction != self.options.outgoing:
            return head, [("ERR01_CODE" if procedure is None else "ERR04_CODE", "không có thông điệp này")]
        return head, self._wrong(root, head, procedure, row, routing)

    def _wrong(
        self, root: etree._Element, head: Head, procedure: Procedure, row: Row, routing: Mapping[str, str]
    ) -> list[tuple[str, str]]:
        errors = [("ERR02_CODE", f"{one.path}: {one.vi}") for one in xml.faults(procedure.structures[row.service].schema, root)]
        if content_of(root) is None:
            errors.append(("ERR05_CODE", "thiếu nội dung"))
        wanted = {self.options.service.office_code: procedure.office_code, self.options.service.document_type: head.document_type}
        errors += [("ERR03_CODE", f"{name} không khớp") for name, value in routing.items() if wanted.get(name, value) != value]
        return errors

    def _store(self, head: Head, text: str) -> None:
        digest = hashlib.sha256(text.encode()).hexdigest()
        row = {"documentType": head.document_type, "type": head.type, "function": head.function, "messageId": head.message_id}
        entry = {**row, "digest": digest}
        with self._lock:
            before = self._stored.setdefault(head.reference, [])
            if any({**one, "digest": ""} == {**entry, "digest": ""} for one in before):
                self._duplicates.append({"reference": head.reference, **entry})
            before.append(entry)

    def _receipt(self, head: Head, function: str, errors: list[tuple[str, str]]) -> etree._Element:
        subject = {**{name: head.subject.get(name, "") for name in SUBJECT}, "function": function, "sendDate": _RECEIVED}
        office = self._office(head)
        answer = Head(
            version=head.version,
            message_id=str(uuid5(NAMESPACE_URL, f"receipt:{head.message_id}")),
            sender=party(self.options.partner(office)),
            receiver=party(self.options.own(office)),
            subject=subject,
        )
        return build(answer, _received() if not errors else _error_list(errors))

    def _office(self, head: Head) -> str:
        procedure = self.options.book.find(head.document_type)
        return procedure.office_code if procedure else next(iter(self.options.ministry_parties))

    def account(self) -> dict[str, Any]:
        """Show what was stored for each dossier, in order; what came twice; and what was sent with its answer."""
        with self._lock:
            stored = {reference: list(rows) for reference, rows in self._stored.items()}
            return {"dossiers": stored, "duplicates": list(self._duplicates), "sent": list(self._sent)}


def _swap_parties(root: etree._Element) -> None:
    sender, receiver = root.find("Header/From"), root.find("Header/To")
    assert sender is not None and receiver is not None
    sender.tag, receiver.tag = "To", "From"


def _swap_numbers(root: etree._Element) -> None:
    """As the receive gateway's own error handling does: type and function change places, version and messageId are empty."""
    kind, function = _at(root, "Header/Subject/type"), _at(root, "Header/Subject/function")
    kind.text, function.text = function.text, kind.text
    _at(root, "Header/Reference/version").text = ""
    _empty_message_id(root)


def _empty_message_id(root: etree._Element) -> None:
    _at(root, "Header/Reference/messageId").text = ""


def _type_is_document_type(root: etree._Element) -> None:
    _at(root, "Header/Subject/type").text = _at(root, "Header/Subject/documentType").text


def _at(root: etree._Element, path: str) -> etree._Element:
    element = root.find(path)
    assert element is not None
    return element


#: Known habits of real answers, as faults on demand; each changes the receipt that would have been given.
SPOILT: Mapping[str, Callable[[etree._Element], None]] = {
    "parties_swapped": _swap_parties,
    "swapped": _swap_numbers,
    "no_message_id": _empty_message_id,
    "type_is_document_type": _type_is_document_type,
}


def _received() -> etree._Element:
    content = etree.Element("ReceiveDate")
    content.text = _RECEIVED
    return content


def _error_list(errors: list[tuple[str, str]]) -> etree._Element:
    content = etree.Element("ErrorList")
    for code, name in errors:
        error = etree.SubElement(content, "Error")
        etree.SubElement(error, "ErrorCode").text = code
        etree.SubElement(error, "ErrorName").text = name
    return content


SIMULATOR = simulator
