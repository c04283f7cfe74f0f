"""The Single Window, or a ministry's system, as a real HTTP server: it sends envelopes to the hub and receives the hub's."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree

from adapters.single_window import contracts, soap
from adapters.single_window.envelope import Head, read_head
from adapters.single_window.operations import AVAILABLE, Operation
from adapters.single_window.options import Options
from adapters.single_window.samples import generator
from adapters.single_window.send_gateway import SendGateway, told, with_broken_signature, with_dtd, with_other_content
from adapters.single_window.simulator_answers import FORCED, SPOILT, checked, confirmation, doubly_escaped, receipt
from adapters.single_window.soap import CONTENT_TYPE, SOAP
from hub.canonical.codes import Event
from hub.errors import Fault, InvalidMessage
from hub.rules import signing, xml
from hub.rules.trust import Signer
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire

#: Where each role listens; the Single Window's clients post to the address of its WSDL too.
PATHS: Mapping[str, tuple[str, ...]] = {
    "gateway": (
        "/VNSWReceiveGateway/ws",
        "/VNSWReceiveGateway/ws/gateway.wsdl",
        "/NSWService/MTService.svc",
        "/VNRegister/MTService.svc",
    ),
    "ministry": ("/MardService.asmx", "/services/MessageAndResponseImpl", "/VNMWS.asmx"),
}
DEADLINE_SECONDS = 30.0


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
        "confirm": partner.confirm,
        "sequence": partner.sequence,
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
        #: Headers of what was taken, by messageId.
        self._heads: dict[str, Head] = {}
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
            direction=self.options.incoming,
            options=self.options,
        )
        return self._deliver(document, given)

    def confirm(self, given: dict[str, Any]) -> Any:
        """Say later what became of a message that was taken (``messageId``): processed, or ``refused``."""
        with self._lock:
            head = self._heads[given["messageId"]]
        return self._deliver(confirmation(head, self.options, refused=bool(given.get("refused"))), given)

    def sequence(self, given: dict[str, Any]) -> Any:
        """Send several documents one after the other (``messages``, each as ``send``); ``out_of_order``: the last one first."""
        shared = {name: given[name] for name in ("document_type", "reference") if name in given}
        messages = [{**shared, **one} for one in given["messages"]]
        if given.get("fault") == "out_of_order":
            messages.reverse()
        return [self.send(one) for one in messages]

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
        procedure = self.options.find(head.document_type)
        names = self._door(procedure.gateway_operation if procedure else "")
        body = self.gateway.wrap(text, head.document_type, procedure.office_code if procedure else "?", names)
        headers = {"Content-Type": CONTENT_TYPE[self.gateway.version], "Authorization": f"Bearer {self._token}"}
        reply = self._wire.call("POST", self.gateway.address, body=body, headers=headers, deadline_seconds=DEADLINE_SECONDS)
        answer = {"status": reply.status, **told(reply.body, names.result)}
        sent = {"documentType": head.document_type, "type": head.type, "function": head.function}
        record = {**sent, "reference": head.reference, "messageId": head.message_id, "answer": answer}
        with self._lock:
            self._sent.append(record)
        return record

    def _door(self, named: str) -> Operation:
        """Choose the hub's operation for a procedure: the one that the registry names, where the hub has it, else the usual."""
        return next((one for one in self.options.doors if one.operation == named), self.options.door)

    # --- what it receives ------------------------------------------------------------------------------------------

    def handle(self, call: Call) -> Said:
        """Take one SOAP call of the hub, or give the WSDL."""
        if call.path not in PATHS[self.options.role]:
            return Said(status=404, content_type="text/plain")
        if call.method == "GET":
            address = f"{self._server.url}{call.path}"
            return Said(contracts.wsdl(self.options.services, address, SOAP), content_type="text/xml; charset=utf-8")
        version = soap.guess_version(call.body, call.headers.get("content-type", ""))
        try:
            names, values = self._opened(call.body, version)
        except InvalidMessage as error:
            status, body = soap.fault(version, error)
            return Said(body, status=status, content_type=CONTENT_TYPE[version])
        call_text = call.body.decode("utf-8", "replace")
        if names.shape == "check":
            gone = self._server.faults.take("disconnected", call_text)
            return self._said("ERROR:DISCONNECTED" if gone else AVAILABLE, version, names)
        return self._answered(values.pop(names.payload), values, version, names, call_text)

    @property
    def _server(self) -> SimulatorServer:
        assert self.server is not None
        return self.server

    def _opened(self, body: bytes, version: str) -> tuple[Operation, dict[str, str]]:
        """Find the operation and its parameters, as a contract-first service does: strictly by name and namespace."""
        root = xml.parse(body, long_texts=True)
        for names in self.options.services:
            found = root.find(f"{{{SOAP[version]}}}Body/{{{names.namespace}}}{names.operation}")
            if found is None:
                continue
            space = names.parameter_namespace()
            values = {
                etree.QName(one).localname: one.text or ""
                for one in found.iter(f"{{{space}}}*" if space else "*")
                if len(one) == 0 and one is not found
            }
            if names.shape == "check" or names.payload in values:
                return names, values
        raise InvalidMessage([Fault("/Envelope/Body", "unknown_operation", "sai thao tác", "wrong operation")])

    def _answered(
        self, text: str, routing: Mapping[str, str], version: str, names: Operation, call_text: str
    ) -> Said:
        faults = self._server.faults
        if faults.take("empty", call_text):
            return self._said("", version, names)
        if faults.take("cannot_parse", call_text):
            return self._said("Can not parse xml", version, names)
        forced = next((code for code in FORCED if faults.take(f"function_{code}", call_text)), "")
        head, errors = checked(text, routing, self.options)
        if forced:
            errors = [("BNN06_CODE", "không lưu được dữ liệu")]
        if not errors:
            self._store(head, text, names)
        if self._is_word(head) and not errors:
            return self._said("", version, names)
        root = receipt(head, self.options, errors, forced)
        for kind, spoil in SPOILT.items():
            if faults.take(kind, call_text):
                spoil(root)
        written = xml.serialise(root).decode()
        return self._said(doubly_escaped(written) if faults.take("double_escaped", call_text) else written, version, names)

    def _is_word(self, head: Head) -> bool:
        """Say whether a document confirms or refuses an earlier one, which is answered by nothing."""
        dialect = self.options.dialect_of(self.options.find(head.document_type))
        return bool(dialect.confirmed) and head.function in (dialect.confirmed, dialect.refused_late)

    def _said(self, text: str, version: str, names: Operation) -> Said:
        return Said(soap.response(version, names, text), content_type=CONTENT_TYPE[version])

    def _store(self, head: Head, text: str, names: Operation) -> None:
        digest = hashlib.sha256(text.encode()).hexdigest()
        row = {"documentType": head.document_type, "type": head.type, "function": head.function, "messageId": head.message_id}
        entry = {**row, "digest": digest, **({"operation": names.operation} if len(self.options.services) > 1 else {})}
        with self._lock:
            before = self._stored.setdefault(head.reference, [])
            if any({**one, "digest": ""} == {**entry, "digest": ""} for one in before):
                self._duplicates.append({"reference": head.reference, **entry})
            before.append(entry)
            self._heads[head.message_id] = head

    def account(self) -> dict[str, Any]:
        """Show what was stored for each dossier, in order; what came twice; and what was sent with its answer."""
        with self._lock:
            stored = {reference: list(rows) for reference, rows in self._stored.items()}
            return {"dossiers": stored, "duplicates": list(self._duplicates), "sent": list(self._sent)}


SIMULATOR = simulator
