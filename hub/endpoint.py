"""What an endpoint is: one partner system, and the policies by which the hub speaks to it (Messaging Endpoint)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from hub.canonical.border.message import BorderDocument
from hub.canonical.codes import Event
from hub.errors import BadSettings
from hub.gateway_policy import GatewayPolicy
from hub.rules import algorithms, windows
from hub.rules.windows import Window

_LONGEST_PATTERN, _LEAST_SIGNS = 200, 3
_JOKERS = re.compile(r"\[[^\]]*\]|[*?]")

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


def _of_tests(pattern: str) -> str:
    """Refuse a pattern that most numbers match: real dossiers would stay here, and nobody would see that they are missing."""
    if len(pattern) > _LONGEST_PATTERN or len(_JOKERS.sub("", pattern)) < _LEAST_SIGNS:
        raise PydanticCustomError("pattern", "'{pattern}' must have at least three signs of its own", {"pattern": pattern})
    return pattern


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
    #: Purposes of anchors in config/trust/trust.toml: certificates with a path to one of them are trusted, and checked for
    #: revocation.
    purposes: tuple[str, ...] = ()
    #: Where ``purposes`` are named: only certificates that config/trust/register.csv names for this endpoint.
    registered: bool = True
    #: Where it is not known whether a certificate is revoked: ``refuse`` the message, or ``accept_and_say`` so in the verdict.
    revocation_unknown: str = Field("refuse", pattern="^(refuse|accept_and_say)$")
    max_bytes: int = Field(30_000_000, gt=0)
    #: Patterns of the numbers of test dossiers, ``*`` and ``?`` as in file names, each with three further signs at least: what
    #: begins under such a number is accepted and answered, and never sent on nor counted.
    test_dossiers: tuple[Annotated[str, AfterValidator(_of_tests)], ...] = ()
    #: A dossier step that is older or unknown: ``warn`` delivers and journals it, ``park`` holds it for an operator.
    out_of_step: str = Field("warn", pattern="^(warn|park)$")
    #: The same of trade dossiers, whose steps are those of hub.rules.trade_lifecycle: what does not fit is parked, not applied
    #: before an operator releases it.
    out_of_stage: str = Field("park", pattern="^(warn|park)$")


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


class SignaturePolicy(Policy):
    """The document that says what a XAdES signature means (ETSI EN 319 132-1, 5.2.9)."""

    #: ``urn:oid:1.2.3``, or its address.
    identifier: str = Field(pattern="^[A-Za-z][A-Za-z0-9+.-]*:[!-;=?-~]+$", max_length=500)
    #: SHA-256 (hex) of the document.
    sha256: str = Field(pattern="^[0-9a-fA-F]{64}$")


class ReconcilePolicy(Policy):
    """``[outbound.reconcile]``: what the partner holds is compared with what it was told, look-up by look-up."""

    #: Every day from this time on, in Vietnamese time, ``01:30``; empty = only when somebody asks for it.
    at: str = Field("", pattern="^(([01][0-9]|2[0-3]):[0-5][0-9])?$")
    #: Which dossiers the daily one compares: ``all``, or those that have not ended (``open``).
    scope: Literal["all", "open"] = "all"
    #: Of those only the ones of which something was heard in so many days; 0 = whenever.
    days: int = Field(0, ge=0)
    #: Of those only so many, drawn anew each day; 0 = all.
    sample: int = Field(0, ge=0, le=1_000_000)
    #: Look-ups in any minute; where ``rate_per_minute`` limits the partner, at most half of that. 0 = no limit of its own.
    rate_per_minute: int = Field(300, ge=0)
    #: Look-ups at the same time, never more than ``concurrency``.
    concurrency: int = Field(2, ge=1)
    #: So many days back the partner's own list is looked through, where it has one.
    list_days: int = Field(30, ge=0, le=3650)


class TlsPolicy(Policy):
    """``[outbound.tls]``: whom the hub trusts at its https address, and the certificate by which it knows us."""

    #: Reference ``file:path`` to the authorities (PEM) of the partner's certificate; empty = those of the system.
    ca: str = ""
    #: References ``file:path`` to our client certificate (PEM, with those between it and its root) and its key.
    certificate: str = ""
    key: str = ""


class FollowPolicy(Policy):
    """``[outbound.follow]``: partners that say later what became of a call are asked, until they say their last word."""

    #: The first question is at once; after so many seconds the next one, and after each without news ``factor`` times later.
    first_seconds: float = Field(30.0, gt=0)
    factor: float = Field(2.0, ge=1)
    #: Never later than this.
    ceiling_seconds: float = Field(3600.0, gt=0)
    #: After so many days without any news nobody asks any more, and the alert ``follow_given_up`` says so.
    give_up_days: float = Field(30.0, gt=0, le=3650)


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
    #: Patterns of the numbers of test dossiers, ``*`` and ``?`` as in file names: while the partner is on trial only these go.
    test_dossiers: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    #: Total time for one call, from connect to last byte of the reply.
    deadline_seconds: float = Field(60.0, gt=0)
    #: In doubt: wait so long before asking or sending again; None = twice the deadline.
    settle_after_seconds: float | None = None
    redelivery: Redelivery = Redelivery()
    services: dict[str, ServicePolicy] = Field(default_factory=dict)
    reconcile: ReconcilePolicy = ReconcilePolicy()
    follow: FollowPolicy = FollowPolicy()
    #: How the hub signs what it sends: ``none``, ``xml`` (enveloped XML-DSig), ``xades-b`` or ``xades-t`` (XAdES-B-B, and with a
    #: time token XAdES-B-T), or ``jws`` (detached, in a header).
    sign: str = Field("none", pattern="^(none|xml|xades-b|xades-t|jws)$")
    #: Name of the signing keys in hub.toml.
    signer: str = "default"
    #: The algorithm; empty = the usual one of the key.
    algorithm: str = Field("", pattern=f"^({'|'.join(algorithms.NAMES)})?$")
    #: The policy that a XAdES signature names; None = it names none.
    signature_policy: SignaturePolicy | None = None
    #: True: the partner is called (service ``notice``) with what became of its messages; the notice list is always there.
    notify: bool = False
    #: True: a correction of what stands still is sent only when a second person has approved it.
    four_eyes: bool = True
    #: Addresses of files in what it is sent: ``none``, as the sender wrote them; ``serve``, files that were given to the hub are
    #: fetched here, each at an address of its own; ``relay``, so are all others, which the hub fetches before.
    file_links: Literal["none", "serve", "relay"] = "none"
    #: Such an address is good for so many days, counted from the last time that it was sent.
    file_link_days: float = Field(30.0, gt=0, le=3650)
    #: It can be fetched so often; 0 = as often as the partner wants.
    file_link_fetches: int = Field(0, ge=0)
    #: True: nothing is sent before every file in it can be fetched; None = where ``file_links`` is not ``none``.
    file_check: bool | None = None
    #: Total time for fetching and checking the files of one delivery.
    file_seconds: float = Field(60.0, gt=0, le=3600)

    #: Every day from this time on, in Vietnamese time, ``02:30``, the partner's lists of codes are taken over; empty = only when
    #: somebody asks for it.
    take_codes_at: str = Field("", pattern="^(([01][0-9]|2[0-3]):[0-5][0-9])?$")

    #: Certificates of the https connection; None = the system's authorities, and no certificate of ours.
    tls: TlsPolicy | None = None

    #: Files that must stand inside a message are together no larger than this.
    inline_bytes: int = Field(20_971_520, gt=0, le=22_000_000)

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
    def checks_files(self) -> bool:
        """Say whether files are tried before an address of theirs is sent."""
        return self.file_links != "none" if self.file_check is None else self.file_check

    @property
    def sees_to_files(self) -> bool:
        """Say whether anything is done about files before something is sent."""
        return self.file_links != "none" or self.checks_files

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


class MemberPolicy(Policy):
    """``[member]``: the partner is a member of the bus; it has a queue and a routing key of its own on the hub's broker.

    What its adapter writes is handed to its queue, what it publishes with its key is read by its adapter, each with a seal.
    """

    #: The member's own account at the broker.
    user: str = Field(pattern="^[!-~]{1,100}$")
    #: Files under config/trust/: public keys (EC P-256, PEM) of its seals; two while it moves from one to the next.
    seal_keys: tuple[str, ...] = Field(min_length=1)
    #: Content type of what is put into its queue.
    content_type: str = Field("application/json", pattern="^[ -~]{1,127}$")


def _of_folder(path: str) -> str:
    parts = path.split("/")
    if path and (not all(parts) or {".", ".."} & set(parts)):
        raise PydanticCustomError("folder", "'{path}' must be a path below the url's folder, like out/dossiers", {"path": path})
    return path


#: A folder below that of ``url``; empty = none.
_Below = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f\\]*$"), AfterValidator(_of_folder)]
_Suffix = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{2,20}$")]


#: Name under which a folder is looked at, beside the lists that adapters pull.
FOLDER = "folder"


class FolderPolicy(Policy):
    """``[folder]``: files are how the partner is spoken with: it puts ours into one folder, and finds its own in another.

    What its adapter reads is taken from there where ``take`` names a folder, what it writes is put there where ``put`` does; in
    the other direction nothing changes.
    """

    #: ``file:///srv/partner`` (a folder of this machine), or ``sftp://USER@HOST[:PORT]/path``; no password in it.
    url: str
    #: Reference to the password at the SFTP server, or to the one that opens ``key``.
    password: SecretStr = SecretStr("")
    #: Reference ``file:path`` to the private key that the SFTP server knows us by.
    key: str = ""
    #: Reference ``file:path`` to the SFTP server's host key, as ``ssh-keyscan`` writes it (``known_hosts``).
    known_hosts: str = ""
    #: The folder in which the partner puts files for us; empty = nothing is taken.
    take: _Below = ""
    #: Which files there are messages, ``*`` and ``?`` as in file names.
    pattern: str = Field("*", min_length=1, max_length=100, pattern="^[^/]*$")
    #: What shows that a file is whole: ``rename`` (while it is written it is called otherwise), ``marker`` (an empty file appears
    #: beside it).
    complete: Literal["rename", "marker"] = "rename"
    #: How names of files end that are being written.
    unfinished: tuple[_Suffix, ...] = (".tmp", ".part", ".filepart", ".partial", ".writing")
    #: What a marker's name has behind the file's.
    marker: _Suffix = ".done"
    #: Where files go that were accepted, and those that were not.
    taken: _Below = "taken"
    refused: _Below = "refused"
    #: Where the answer to each file is written; empty = nowhere (it is in the ledger).
    answers: _Below = "answers"
    #: What adapters that read it are told as address and content type; empty = none, and by what the file begins with.
    service: str = Field("", max_length=100, pattern="^[!-~]*$")
    content_type: str = Field("", max_length=127, pattern="^[ -~]*$")
    #: So often it is looked whether there are files.
    every_seconds: float = Field(10.0, gt=0, le=86_400)
    #: The folder in which we put files for the partner; empty = nothing is put.
    put: _Below = ""
    #: Name of such a file: ``{number}`` (ten digits, rising), ``{service}``, ``{id}`` and ``{extension}`` are replaced.
    name: str = Field("{number}-{service}-{id}.{extension}", max_length=150, pattern="^[A-Za-z0-9._{}-]+$")
    #: When a file is delivered: when it is there (``put``), when the partner has taken it away (``gone``), or when the partner
    #: has written its answer to ``replies`` (``answered``).
    delivered: Literal["put", "gone", "answered"] = "put"
    #: The folder of these answers: the file's name, ``.answer``, and an ending; moved to ``taken`` below it once they were read.
    replies: _Below = "replies"
    #: So long the partner has for that; then the delivery is in doubt, and still waits for it.
    acknowledge_seconds: float = Field(86_400.0, gt=0)

    @property
    def is_local(self) -> bool:
        return self.url.startswith("file:")

    @property
    def is_watched(self) -> bool:
        """Say whether it is looked again and again what is there."""
        return bool(self.take or (self.put and self.delivered != "put"))


class OutboxPolicy(Policy):
    """``[outbox]``: the partner is not called; it asks at its door what there is for it, and says of each what it did with it."""

    #: So long the partner has to say it; then the delivery is in doubt, and is still given.
    acknowledge_seconds: float = Field(86_400.0, gt=0)
    #: What was given is not given again before so many seconds; 0 = it is given to each who asks, until it is settled.
    hidden_seconds: float = Field(0.0, ge=0, le=86_400)
    #: A message up to this size stands in the list itself; a larger one is fetched by its own address.
    inline_bytes: int = Field(262_144, ge=0, le=10_000_000)


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
    #: The partner is a member of the bus.
    member: MemberPolicy | None = None
    #: The partner is spoken with by files, references resolved.
    folder: FolderPolicy | None = None
    #: The partner asks at its door for what it is sent.
    outbox: OutboxPolicy | None = None
    #: The partner is reached through a gateway that speaks ebMS, references resolved.
    gateway: GatewayPolicy | None = None
    #: Border documents that the partner may be given; it is given no other.
    purposes: tuple[BorderDocument, ...] = ()
    #: The adapter's own options, validated by its model.
    options: Any = None


def outbound_of(endpoint: Endpoint) -> OutboundPolicy:
    """Give how the hub speaks to an endpoint; raise BadSettings where it does not."""
    if endpoint.outbound is None:
        raise _lacks(endpoint, "outbound")
    return endpoint.outbound


def amqp_of(endpoint: Endpoint) -> AmqpPolicy:
    """Give an endpoint's own broker; raise BadSettings where it has none."""
    if endpoint.amqp is None:
        raise _lacks(endpoint, "amqp")
    return endpoint.amqp


def folder_of(endpoint: Endpoint) -> FolderPolicy:
    """Give how an endpoint's files are exchanged; raise BadSettings where it has none."""
    if endpoint.folder is None:
        raise _lacks(endpoint, "folder")
    return endpoint.folder


def outbox_of(endpoint: Endpoint) -> OutboxPolicy:
    """Give how an endpoint asks for what it is sent; raise BadSettings where it does not."""
    if endpoint.outbox is None:
        raise _lacks(endpoint, "outbox")
    return endpoint.outbox


def gateway_of(endpoint: Endpoint) -> GatewayPolicy:
    """Give the gateway through which an endpoint is reached; raise BadSettings where there is none."""
    if endpoint.gateway is None:
        raise _lacks(endpoint, "gateway")
    return endpoint.gateway


def _lacks(endpoint: Endpoint, table: str) -> BadSettings:
    en = f"endpoint {endpoint.name!r} has no [{table}] table"
    vi = f"điểm kết nối {endpoint.name!r} không có bảng [{table}]"
    return BadSettings(en, vi, where=endpoint.name)
