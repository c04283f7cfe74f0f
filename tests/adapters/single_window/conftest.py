"""A door of the hub made of the adapter's pure functions alone, a signing key, and short ways to write envelopes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.single_window import ADAPTER
from adapters.single_window.options import Options
from hub.canonical.message import Message
from hub.contract import Opened, Outcome, Request
from hub.endpoint import Endpoint, InboundPolicy, OutboundPolicy
from hub.errors import Conflict, Fault, HubError
from hub.rules import signatures
from hub.rules.trust import TrustSnapshot
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire

UNSIGNED = TrustSnapshot(policy="none")
NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")


@dataclass(frozen=True)
class KeyPair:
    key_pem: str
    certificate_pem: str
    certificate: x509.Certificate


@pytest.fixture(scope="session")
def key_pair() -> KeyPair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Single Window simulator")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return KeyPair(pem, certificate.public_bytes(Encoding.PEM).decode(), certificate)


@dataclass
class Door:
    """Opens, verifies, reads and answers, as intake does; keeps what was accepted and nothing else."""

    options: Options
    trust: TrustSnapshot
    accepted: list[Message] = field(default_factory=list)
    errors: list[HubError] = field(default_factory=list)
    #: What callers gave to be let in.
    credentials: list[str] = field(default_factory=list)
    #: Where it is served.
    url: str = ""
    _known: dict[str, bytes] = field(default_factory=dict)

    def handle(self, call: Call) -> Said:
        self.credentials.append(call.headers.get("authorization", ""))
        if call.method == "GET":
            kind, body = ADAPTER.contract_documents(self.endpoint(), f"{self.url}/doors/single_window")["wsdl"]
            return Said(body, content_type=kind)
        headers = {name: value for name, value in call.headers.items() if name != "authorization"}
        request = Request(endpoint="nsw", body=call.body, content_type=call.headers.get("content-type", ""), headers=headers)
        if (greeted := ADAPTER.greeting(request, self.options)) is not None:
            return Said(greeted.body, status=greeted.status, content_type=greeted.content_type)
        opened, error = self._take(request)
        outcome = Outcome(message_id=f"m{len(self.accepted)}", received_at=NOW, error=error)
        answer = ADAPTER.answer(outcome, opened, request, self.options)
        return Said(answer.body, status=answer.status, content_type=answer.content_type)

    def endpoint(self) -> Endpoint:
        return Endpoint(
            name="nsw",
            adapter="single_window",
            title="VNSW",
            inbound=InboundPolicy(),
            outbound=OutboundPolicy(),
            options=self.options,
        )

    def _take(self, request: Request) -> tuple[Opened | None, HubError | None]:
        opened = None
        try:
            opened = ADAPTER.open_request(request, self.options)
            document = signatures.signed_part(opened.document, self.trust, NOW).signed_bytes
            incoming = ADAPTER.read_message(document, opened, self.options)
            if incoming.identity and self._known.setdefault(incoming.identity, document) != document:
                raise Conflict([Fault("/Envelope/Header/Reference/messageId", "conflict", "trùng mã", "same id, other content")])
            self.accepted.extend(incoming.messages)
        except HubError as error:
            self.errors.append(error)
            return opened, error
        return opened, None


@pytest.fixture
def open_door() -> Iterator[Callable[..., Door]]:
    """Serve a door on loopback."""
    servers: list[SimulatorServer] = []

    def make(options: Options | None = None, trust: TrustSnapshot | None = None) -> Door:
        door = Door(options or Options(), trust or UNSIGNED)
        server = SimulatorServer("door", door.handle).start()
        servers.append(server)
        door.url = server.url
        return door

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def wire() -> Iterator[Wire]:
    pool = Wire()
    yield pool
    pool.close()


@pytest.fixture
def endpoint_for() -> Callable[..., Endpoint]:
    """Make an endpoint that is called with some options."""

    def make(deadline: float = 20.0, **options: Any) -> Endpoint:
        return replace(Door(Options(**options), UNSIGNED).endpoint(), outbound=OutboundPolicy(deadline_seconds=deadline))

    return make
