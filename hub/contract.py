"""What an adapter, an endpoint and a transport are (Channel Adapter, Messaging Endpoint).

An adapter is a value: a bundle of pure functions and two factories. Bytes in, canonical out; canonical in,
bytes out. Only what ``open_transport`` returns has a socket, and that only through ``hub.wire``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from hub.canonical.codes import CodeTables, Event
from hub.canonical.message import Message
from hub.canonical.procedure import Procedure
from hub.canonical.receipt import Finding, Receipt
from hub.errors import HubError
from hub.rules import windows
from hub.rules.windows import Window
from hub.wire import Wire

#: Header in which a detached JWS (RFC 7797) over the whole body travels, to us and from us.
JWS_HEADER = "X-JWS-Signature"

# --- policies, from config/endpoints/<name>.toml -----------------------------------------------------------------


class Policy(BaseModel):
    """A table of an endpoint's file: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServicePolicy(Policy):
    """What may be done about one service of a partner when the outcome is not known."""

    #: ``ask`` the partner's look-up; ``resend`` the same bytes (declared safe); ``park``: stays in doubt for an operator.
    on_doubt: str = Field("park", pattern="^(ask|resend|park)$")
    #: Asking: absence proves that it did not arrive.
    absence_proves: bool = False
    #: The chain moves on when this one is ``delivered`` or only when it is ``acknowledged`` by a later message.
    advance_on: str = Field("delivered", pattern="^(delivered|acknowledged)$")


class Redelivery(Policy):
    """How long to wait before the same bytes go again: exponential backoff with jitter."""

    first_seconds: float = Field(5.0, gt=0)
    factor: float = Field(2.0, ge=1)
    ceiling_seconds: float = Field(600.0, gt=0)
    #: Part of the delay that is drawn at random, 0 to 1.
    jitter: float = Field(0.2, ge=0, le=1)
    #: Runaway retries are bounded: after so many attempts park, or, where one may have arrived, leave it to an operator;
    #: so too after so many questions about one doubt.
    max_attempts: int = Field(50, ge=1)


class InboundPolicy(Policy):
    """The partner's door at the hub."""

    #: SHA-256 (hex) of the bearer tokens that open the door; a token is shown once, when made.
    token_sha256: tuple[str, ...] = ()
    #: SHA-256 (hex) of client certificates (DER) that open the door, as the TLS front passes them.
    client_certificate_sha256: tuple[str, ...] = ()
    #: Exact addresses from which this partner may call without token (systems that know no credentials).
    addresses: tuple[str, ...] = ()
    #: ``required``, ``optional`` or ``none``; see hub.rules.trust.TrustSnapshot.
    signature: str = Field("none", pattern="^(required|optional|none)$")
    #: Files under config/trust/: signers trusted by themselves, and authorities.
    pinned: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    allow_weak: bool = False
    max_bytes: int = Field(30_000_000, gt=0)
    #: A dossier step that is older or unknown: ``warn`` delivers and journals it, ``park`` holds it for an operator.
    out_of_step: str = Field("warn", pattern="^(warn|park)$")


def _window(given: Any) -> Any:
    try:
        return given if isinstance(given, Window) else windows.parse(given if isinstance(given, str) else repr(given))
    except windows.BadWindow as error:
        raise PydanticCustomError("window", "{en}", {"vi": error.vi, "en": error.en}) from error


def _of_events(pattern: str) -> str:
    if not any(fnmatchcase(event, pattern) for event in Event):
        raise PydanticCustomError(
            "event", "'{pattern}' matches no event; there are: {known}", {"pattern": pattern, "known": ", ".join(Event)}
        )
    return pattern


class OutboundPolicy(Policy):
    """How the hub speaks to the partner."""

    #: Calls at the same time; at most four times as many deliveries are on the bus.
    concurrency: int = Field(4, ge=1)
    #: Calls in any minute, questions about doubts among them, over all processes; 0 = no limit.
    rate_per_minute: int = Field(0, ge=0)
    #: When the partner may be given something, in Vietnamese time; empty = at any hour.
    open_hours: tuple[Annotated[Window, BeforeValidator(_window)], ...] = ()
    #: Days on which it is given nothing.
    closed_days: tuple[date, ...] = ()
    #: Patterns of events (hub.canonical.codes.Event) whose deliveries go before the others.
    urgent: tuple[Annotated[str, AfterValidator(_of_events)], ...] = ()
    #: Total time for one call, from connect to last byte of the reply.
    deadline_seconds: float = Field(60.0, gt=0)
    #: In doubt: wait so long before asking or sending again; None = twice the deadline.
    settle_after_seconds: float | None = None
    redelivery: Redelivery = Redelivery()
    services: dict[str, ServicePolicy] = Field(default_factory=dict)
    #: How the hub signs what it sends: ``none``, ``xml`` (enveloped XML-DSig) or ``jws`` (detached, in a header).
    sign: str = Field("none", pattern="^(none|xml|jws)$")
    #: Name of the signing key in hub.toml.
    signer: str = "default"
    #: True: the partner is called (service ``notice``) with what became of its messages; the notice list is always there.
    notify: bool = False

    def service(self, name: str, variant: str = "") -> ServicePolicy:
        """Find the policy of ``service.variant``, else of the service, else the safe default."""
        return self.services.get(f"{name}.{variant}") or self.services.get(name) or ServicePolicy()

    def is_open(self, moment: datetime) -> bool:
        """Say whether the partner may be given something at a moment."""
        return not (self.open_hours or self.closed_days) or windows.is_open(self.open_hours, self.closed_days, moment)

    def is_urgent(self, event: str) -> bool:
        """Say whether deliveries of an event go before the others."""
        return any(fnmatchcase(event, pattern) for pattern in self.urgent)

    @property
    def settle_after(self) -> float:
        return self.settle_after_seconds if self.settle_after_seconds is not None else 2 * self.deadline_seconds


class AmqpPolicy(Policy):
    """``[amqp]``: the partner speaks AMQP 0-9-1 on a broker of its own, where the bytes that its adapter reads and writes travel.

    What it is given goes there where an exchange or a routing key is named, what it sends comes from there where a queue
    is; in the other direction nothing changes.
    """

    #: ``amqps://USER@HOST[:PORT]/VHOST``; no password in it.
    url: str
    #: Reference to the user's password.
    password: SecretStr
    #: Reference ``file:path`` to the authorities (PEM) of the broker's certificate; empty = those of the system.
    ca: str = ""
    #: References ``file:path`` to our certificate and its key (PEM), where the broker asks for one.
    certificate: str = ""
    key: str = ""
    #: A connection over which nothing came for twice as long is lost.
    heartbeat_seconds: int = Field(60, ge=1, le=600)
    #: Where our messages are published; an empty exchange is the broker's own, whose routing keys are names of queues.
    publish_exchange: str = Field("", max_length=127)
    publish_routing_key: str = Field("", max_length=127)
    #: Content type of what we publish.
    content_type: str = Field("application/json", max_length=127)
    #: A message leads to one queue, so that a nack proves that nothing was taken; false: a nack is a doubt.
    nack_proves: bool = True
    #: The queue that holds what the partner sends us.
    consume_queue: str = Field("", max_length=127)
    #: So many messages may be here, taken or not.
    prefetch: int = Field(8, ge=1, le=1000)
    #: One process at a time consumes, so that messages are taken in the queue's order; false where the queue sees to it itself.
    exclusive: bool = True
    #: What carries the partner's own identifier of a message: it becomes ``Request.idempotency_key``.
    identity: str = Field("message_id", pattern="^(message_id|correlation_id|header:[!-~]{1,100})$")
    #: ``reply_to``: the answer is published to the queue that the message names; ``none``: it is only recorded.
    reply: str = Field("none", pattern="^(none|reply_to)$")

    @property
    def publishes(self) -> bool:
        return bool(self.publish_exchange or self.publish_routing_key)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One partner system: its adapter, its door at the hub, and how the hub speaks to it."""

    name: str
    adapter: str
    #: Name as an official reads it.
    title: str
    #: Agency code (QĐ 20/2020) of the partner; empty where it has none.
    agency_code: str = ""
    inbound: InboundPolicy | None = None
    outbound: OutboundPolicy | None = None
    #: The partner's own broker, its references resolved; None: the adapter's own transport, and the doors.
    amqp: AmqpPolicy | None = None
    #: The adapter's own options, validated by its model.
    options: Any = None


# --- inbound ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call at a door, as it came; the sender is authenticated already."""

    endpoint: str
    body: bytes
    content_type: str = ""
    #: What follows the door's own path, e.g. ``/DongBoHoSoMC``.
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    #: Lower-case names; credentials are removed before.
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Value of ``Idempotency-Key``, where the door has one.
    idempotency_key: str = ""

    @property
    def jws(self) -> str:
        """The detached signature that came with the body; empty where none did."""
        return self.headers.get(JWS_HEADER.lower(), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A request out of its transport wrapping (SOAP envelope, form field)."""

    #: The document: what may carry a signature, and what is read after verification.
    document: bytes
    #: Transport facts that the answer needs (SOAP version, operation, ...) and the reader may use.
    head: Mapping[str, str] = field(default_factory=dict)
    #: Where the document's signature is: None, in the document itself (enveloped XML-DSig); else the detached JWS that came
    #: beside it, empty where none did. See ``Adapter.signature``.
    jws: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What a document says."""

    messages: tuple[Message, ...]
    #: The partner's identity of this message (id with type and function); empty: compare with the dossier's last one.
    identity: str = ""
    #: Identifier of an earlier delivery of ours which this message acknowledges or refuses; closes it.
    correlation: str = ""
    #: True: it refuses that delivery (late) instead of acknowledging it.
    correlation_refused: bool = False
    #: What the adapter's own answer needs of the document, so that it is not read twice; nobody else looks at it.
    asked: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the hub decided about a message, for the answer."""

    message_id: str
    received_at: datetime
    #: None: accepted.
    error: HubError | None = None
    #: ``Incoming.asked``; None where the document was not read to its end.
    asked: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The exact reply at the door; recorded, and given again for a repeated message."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


# --- outbound ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One native call that a message needs at a partner: one delivery."""

    #: The partner's own name of the service or operation.
    service: str
    #: Which part of the message, where one message takes several calls, e.g. {"from": "0", "to": "10"}.
    part: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What a writer may know beside the message: a value, so that writing is a pure function."""

    options: Any
    codes: CodeTables
    #: What the ledger knows this partner to hold for this dossier (merged from receipts).
    held: Mapping[str, str]
    #: The moment of writing; dates that the protocol wants in the document.
    now: datetime
    #: Identifier for the outgoing message, drawn once and kept with the bytes.
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Business bytes for one call: recorded before they are sent, and sent again as they are."""

    service: str
    body: bytes
    #: Refines the service where doubt is handled differently: ``create``, ``update``.
    variant: str = ""
    #: What the transport and the receipt reader need beside the bytes (expected type, number, ...); recorded with
    #: them. ``jws`` holds the detached signature where the endpoint's ``sign`` is ``jws``.
    head: Mapping[str, str] = field(default_factory=dict)
    #: ``Writing.message_id``, where a transport has a place for it beside the bytes; delivery sees to it.
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, and the wire bytes that went (secrets masked), for the attempt's record."""

    status: int
    body: bytes
    sent: bytes = b""
    #: True: the wire itself took the message over for the partner (a broker's confirm); there is no answer to read.
    handed_over: bool = False


class Transport(Protocol):
    """The only room of an adapter with a socket."""

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Send one call within the endpoint's total deadline.

        ``fence`` is called right before the first byte of the business call leaves; it raises where the claim
        was lost meanwhile. Raises NotSent, Busy or InDoubt as hub.wire maps them.
        """
        ...

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask the partner what it holds; only where a service is declared ``on_doubt = "ask"``."""
        ...

    def probe(self) -> str:
        """Say in one line that the partner can be reached; raises NotSent where not (``lienthong check``)."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class ProcedureHolder(Protocol):
    """A transport whose partner holds a catalogue of procedures that can be read one by one, for the comparison."""

    @property
    def writes_procedures(self) -> bool:
        """True where the partner takes procedure records from us (``plan`` gives a ProcedureMessage a call)."""
        ...

    def list_procedures(self) -> list[str]:
        """List the codes of all procedures the partner holds."""
        ...

    def procedure(self, code: str) -> Procedure | None:
        """Fetch one procedure; None where the partner has none of this code."""
        ...


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A partner system, as a value."""

    name: str
    #: Name as an official reads it.
    title: str
    #: Model of ``[options]`` in an endpoint's file.
    options: type[BaseModel]
    #: What the documents of this protocol can carry: ``xml`` (enveloped), ``jws`` (not XML; detached, given as ``Opened.jws``),
    #: or ``none`` (not XML, and no signature comes). ``lienthong check`` holds it against ``signature`` and ``sign``.
    signature: Literal["xml", "jws", "none"] = "xml"

    #: Take a request out of its wrapping. Raises InvalidMessage.
    open_request: Callable[[Request, Any], Opened]
    #: Read the verified document. Raises InvalidMessage (all faults), OutOfStep never (rules decide that).
    read_message: Callable[[bytes, Opened, Any], Incoming]
    #: Write the answer in the partner's own words. Must not fail on a document that could not be read.
    answer: Callable[[Outcome, Opened | None, Request, Any], Answer]

    #: Say which native calls a message needs at this partner; none = nothing to tell it.
    plan: Callable[[Message, Any], tuple[Call, ...]]
    #: Write the business bytes of one call. Same input, same bytes. Raises InvalidMessage, NoMapping.
    write_message: Callable[[Message, Call, Writing], Outgoing]
    #: Read the reply. Returns a Receipt, or raises Refused, Busy, InDoubt (a code not in the table is in doubt).
    read_receipt: Callable[[Reply, Outgoing], Receipt]
    #: Read the reply to an inquiry.
    read_finding: Callable[[Reply, Outgoing], Finding]

    #: Say what the partner holds once a call was handed over to its broker, where no answer tells it.
    held_after: Callable[[Outgoing], Mapping[str, str]] = lambda outgoing: {}

    #: Open the socket side for one endpoint; secrets are resolved already.
    open_transport: Callable[[Endpoint, Wire], Transport]
    #: Documents this adapter serves at a door by GET (``?wsdl``), name to bytes; empty where none.
    contract_documents: Callable[[Endpoint, str], Mapping[str, tuple[str, bytes]]] = lambda endpoint, url: {}
    #: What an operator must know of these options (``lienthong check``), one line each: what is assumed (such a line has
    #: the word "assumed"), and what is not right, with how to mend it.
    check: Callable[[Any], list[str]] = lambda options: []
