"""What stands in config/*.toml, table by table: frozen values, unknown keys are errors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hub.canonical.border.message import BorderDocument
from hub.endpoint import AmqpPolicy, FolderPolicy, InboundPolicy, MemberPolicy, OutboundPolicy, OutboxPolicy
from hub.gateway_policy import GatewayPolicy
from hub.rules import windows
from hub.rules.alert_kinds import KINDS
from hub.rules.border.policy import BorderPolicy
from hub.rules.people import Role
from hub.rules.routing import Route

#: An address of e-mail: RFC 5321 without quoted names and without letters beyond ASCII.
_MAILBOX = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}"


class Section(BaseModel):
    """One table of hub.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HubSection(Section):
    """``[hub]``"""

    #: Name of this hub: issuer of its seals.
    name: str = "lienthong"
    #: Address that partners reach this hub under; stands in the WSDLs it serves.
    public_url: str = "http://127.0.0.1:8080"

    @field_validator("public_url")
    @classmethod
    def _is_whole(cls, given: str) -> str:
        if urlsplit(given).scheme not in ("http", "https") or not urlsplit(given).hostname:
            vi = "phải là địa chỉ đầy đủ, bắt đầu bằng http:// hoặc https://, ví dụ https://truc.example.org"
            raise _wrong(vi, "must be a whole address that begins with http:// or https://, like https://hub.example.org")
        return given


class LedgerSection(Section):
    """``[ledger]``"""

    #: ``sqlite:///path`` (a relative one is relative to the configuration folder) or ``postgresql+psycopg://user@host/database``.
    url: str = "sqlite:///var/ledger.db"
    #: Reference to the password of PostgreSQL's user; never in ``url``. Empty = none is asked for.
    password: str = ""
    #: A worker's claim outlives the endpoint's total deadline by this much; then what it held is taken back.
    lease_margin_seconds: float = Field(30.0, ge=1)


class BusSection(Section):
    """``[bus]``"""

    #: ``memory://``: embedded, one process; ``amqps://user@host/vhost``: RabbitMQ.
    url: str = "memory://"
    #: Reference to the user's password; never in ``url``.
    password: str = ""
    #: Reference ``file:path`` to the authorities (PEM) of the broker's certificate; empty = those of the system.
    ca: str = ""
    #: References ``file:path`` to this node's own certificate and its key (PEM), where the broker asks for one.
    certificate: str = ""
    key: str = ""
    #: Begins the name of everything on the broker.
    prefix: str = Field("lienthong", pattern="^[A-Za-z0-9_-]{1,50}$")
    #: So many messages of one endpoint may be at one consumer, begun or not.
    prefetch: int = Field(8, ge=1, le=1000)
    #: After so many returns of a message the broker gives it up; its lease brings the delivery back.
    delivery_limit: int = Field(10, ge=1, le=1000)
    #: A publisher confirm that has not come after so long is not waited for.
    confirm_seconds: float = Field(10.0, gt=0)
    #: A connection over which nothing came for twice as long is lost.
    heartbeat_seconds: int = Field(30, ge=1, le=600)


class DoorsSection(Section):
    """``[doors]``"""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    #: SHA-256 (hex) of the token that may read ``/metrics``; empty = loopback only.
    metrics_token_sha256: str = ""
    #: A request's body must be here after so long.
    body_seconds: float = Field(120.0, gt=0)
    #: While so many calls are being recorded, a door that has its share of them turns further ones away.
    max_waiting: int = Field(64, ge=1)
    #: True: one log line for each call.
    access_log: bool = False
    #: Exact addresses of fronts whose ``client_certificate_header`` and ``X-Forwarded-For`` are believed.
    trusted_proxies: tuple[str, ...] = ()
    #: Header in which such a front passes the client's certificate: SHA-256 in hex, PEM in URL form, or RFC 9440.
    client_certificate_header: str = ""
    #: TLS without a front: references ``file:path`` to certificate and private key (PEM); empty = plain HTTP.
    certificate: str = ""
    key: str = ""
    #: Reference ``file:path`` to the authorities (PEM) of client certificates; self-signed ones stand here themselves.
    client_authorities: str = ""


class PayloadsSection(Section):
    """``[payloads]``"""

    #: Folder of the files that partners give; a relative one is relative to the configuration folder.
    folder: str = Field("var/payloads", min_length=1)
    #: The largest file that is taken.
    max_bytes: int = Field(200_000_000, gt=0)
    #: A file must be here, or be read by its recipient, after so long.
    body_seconds: float = Field(1800.0, gt=0)


class LinksSection(Section):
    """``[links]``"""

    #: Networks of our own (``10.20.0.0/16``) in which the files that partners name may lie: for ``outbound.file_links = "relay"``
    #: and ``file_check``. Empty = the public internet alone.
    private_networks: tuple[str, ...] = ()


class RetentionSection(Section):
    """``[retention]``"""

    #: What deliveries needed, and partners' files, may be deleted after so many days.
    days: int = Field(365, ge=1)
    #: What proves something (bytes as received and sent, signatures, certificates, receipts) only after so many.
    proof_days: int = Field(3650, ge=1)


class LoggingSection(Section):
    """``[logging]``"""

    #: True: JSON lines for machines; false: lines for people.
    json_lines: bool = True
    level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")


class SealSection(Section):
    """``[seal]``"""

    #: Reference to the EC P-256 private key (PEM) that seals bus messages.
    key: str = "file:keys/seal.pem"
    #: Files under config/trust/: further public keys (PEM) whose seals this hub accepts, while it moves from one key to the next.
    accepted: tuple[str, ...] = ()


class SignerSection(Section):
    """``[signers.NAME]``, or ``[[signers.NAME]]`` for each of several keys that follow each other.

    The key is in one place: ``key``, ``pkcs12`` or ``module``.
    """

    #: Reference to the private key (PEM).
    key: str = ""
    #: Reference to a PKCS #12 file with private key and certificates.
    pkcs12: str = ""
    #: Reference to the password of either.
    password: str = ""
    #: Reference to the certificate (PEM), and those of the authorities behind it; empty = those of ``pkcs12``.
    certificate: str = ""
    #: Path of the PKCS #11 library of a token or HSM.
    module: str = ""
    #: Label of the token there, and the reference to its PIN.
    token: str = ""
    pin: str = ""
    #: What names the key in the token: its label, its id in hex digits, or both.
    key_label: str = ""
    key_id: str = Field("", pattern="^([0-9A-Fa-f]{2}){0,64}$")
    #: So many signatures are made in the token at the same time.
    sessions: int = Field(4, ge=1, le=64)
    #: It signs from this moment, until right before this one; where none is given, as its certificate says.
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @model_validator(mode="after")
    def _one_place(self) -> SignerSection:
        given = [name for name in ("key", "pkcs12", "module") if getattr(self, name)]
        if len(given) != 1:
            raise _wrong("phải có đúng một trong: key, pkcs12, module", "exactly one of key, pkcs12, module must be there")
        in_token = [name for name in ("token", "pin", "key_label", "key_id") if getattr(self, name)]
        if bool(self.module) != bool(self.token and (self.key_label or self.key_id)) or (in_token and not self.module):
            vi, en = "module cần token và key_label hoặc key_id (và ngược lại)", "module goes with token and key_label or key_id"
            raise _wrong(vi, en)
        if not (self.certificate or self.pkcs12):
            raise _wrong("thiếu certificate", "certificate is missing")
        return self


def _wrong(vi: str, en: str) -> PydanticCustomError:
    return PydanticCustomError("signer", "{en}", {"vi": vi, "en": en})


def _listed(given: Any) -> Any:
    """Let one table stand for a list of one."""
    return [given] if isinstance(given, dict) else given


#: The keys of one signer: one table, or several that follow each other.
SignerSections = Annotated[tuple[SignerSection, ...], BeforeValidator(_listed), Field(min_length=1)]


class SealsSection(Section):
    """``[seals]``"""

    #: So often what is new in the journal is sealed.
    every_seconds: float = Field(60.0, ge=1)
    #: One seal is over the chains of so many subjects at most; what is left is in the next one, made at once.
    batch: int = Field(4096, ge=1, le=50_000)
    #: File to which each root is appended, to be kept where nobody who can change the ledger can change it; a relative one is
    #: relative to the configuration folder, empty = none.
    publish: str = ""


class AuthoritySection(Section):
    """``[[timestamps.authority]]``"""

    name: str = Field(pattern="^[A-Za-z0-9_-]{1,50}$")
    #: Where it takes RFC 3161 requests.
    url: str = Field(pattern="^https?://[!-~]+$")
    #: Object identifier of the policy to ask for; empty = the authority's own.
    policy: str = Field("", pattern=r"^([0-2](\.[0-9]{1,20}){1,20})?$")
    #: HTTP Basic: the user, and the reference to the password; empty = none is needed.
    user: str = Field("", pattern="^[^:]*$")
    password: str = ""
    #: Total time for one request.
    deadline_seconds: float = Field(10.0, gt=0)


class TimestampsSection(Section):
    """``[timestamps]``"""

    #: Asked in this order; none = seals are without timestamp.
    authority: tuple[AuthoritySection, ...] = ()
    #: Files under config/trust/: by which tokens are trusted, also those of earlier years (see hub.rules.timestamps.check).
    certificates: tuple[str, ...] = ()
    #: A clock of this hub that is further away from the authority's is an alarm.
    max_drift_seconds: float = Field(5.0, gt=0)
    #: While none gives a timestamp: wait so long, twice as long each time, up to the ceiling.
    first_retry_seconds: float = Field(5.0, gt=0)
    ceiling_retry_seconds: float = Field(600.0, gt=0)


class FindingSection(Section):
    """``[finding]``"""

    #: Reference to the key under which applicants' numbers are hashed (16 bytes or more); empty = they cannot be found.
    key: str = ""


class EvidenceSection(Section):
    """``[evidence]``"""

    #: Which of the ``[signers.NAME]`` seals containers of evidence.
    signer: str = "default"


class OidcSection(Section):
    """``[console.oidc]``"""

    #: Address of the provider, exactly as it names itself; empty = nobody logs in over OpenID Connect.
    issuer: str = Field("", pattern="^(https?://[!-~]+)?$")
    #: What this hub is called at the provider, and the reference to its secret; without a secret it proves itself by PKCE alone.
    client_id: str = ""
    client_secret: str = ""
    #: Words on the button of the login page.
    title: str = "OpenID Connect"
    #: What is asked for.
    scopes: tuple[str, ...] = ("openid", "profile")
    #: Algorithms of signatures under ID tokens that are believed.
    algorithms: tuple[Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"], ...] = (
        "RS256",
        "PS256",
        "ES256",
    )
    #: Claim that is a person's login here; looked at once, from then on the provider's own identifier counts.
    login_claim: str = Field("preferred_username", min_length=1)
    #: Claim that names a person's groups or roles at the provider; empty = roles are given here.
    roles_claim: str = ""
    #: What ``roles_claim`` says, and the roles that it stands for here; whoever has none of them is refused.
    roles: dict[str, tuple[Role, ...]] = Field(default_factory=dict)
    #: True: who is not known here is made known at the first login, with the roles of ``roles_claim``.
    create: bool = False
    #: What those work on: names of endpoints and agency codes; ``*`` = everything, none = nothing until an administrator says.
    scope: tuple[str, ...] = ()
    #: Reference ``file:path`` to the authorities (PEM) of the provider's certificate; empty = those of the system.
    ca: str = ""
    #: Total time for one call to the provider.
    deadline_seconds: float = Field(10.0, gt=0)

    @model_validator(mode="after")
    def _whole(self) -> OidcSection:
        if self.issuer and not (self.client_id and "openid" in self.scopes):
            raise _wrong("cần client_id, và openid trong scopes", "client_id is needed, and openid among the scopes")
        if self.create and not (self.roles_claim and self.roles):
            raise _wrong("create cần roles_claim và roles", "create needs roles_claim and roles")
        return self


class ConsoleSection(Section):
    """``[console]``"""

    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65535)
    #: Address under which browsers reach the console; empty = this machine only, over plain HTTP.
    public_url: str = Field("", pattern="^(https?://[!-~]+)?$")
    #: Exact addresses of fronts whose ``X-Forwarded-For`` is believed.
    trusted_proxies: tuple[str, ...] = ()
    #: A session ends when nothing was asked in it for so long, and in any case after so long.
    idle_minutes: float = Field(30.0, gt=0)
    session_hours: float = Field(10.0, gt=0)
    #: Logins that one address may try in a minute, in each process.
    login_tries_per_minute: int = Field(20, ge=1)
    #: Calls that one token may make in a minute, in each process.
    token_calls_per_minute: int = Field(600, ge=1)
    #: The largest form or call that is read.
    max_bytes: int = Field(4_000_000, ge=10_000)
    oidc: OidcSection = OidcSection()

    @model_validator(mode="after")
    def _not_in_clear(self) -> ConsoleSection:
        parts = urlsplit(self.public_url)
        if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise _wrong("public_url phải là https, trừ trên chính máy này", "public_url must be https, unless on this machine")
        if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
            raise _wrong("public_url chỉ gồm giao thức, tên máy và cổng", "public_url is scheme, host and port only")
        return self


def _hours(given: str) -> str:
    try:
        windows.parse(given)
    except windows.BadWindow as error:
        raise PydanticCustomError("window", "{en}", {"vi": error.vi, "en": error.en}) from error
    return given


class AlertMailSection(Section):
    """``[alerts.mail]``"""

    #: The mail server that takes our messages; empty = nobody is told by e-mail.
    host: str = Field("", pattern="^[!-~]*$")
    #: 0 = the usual one: 587 for ``starttls``, 465 for ``tls``, 25 for ``none``.
    port: int = Field(0, ge=0, le=65535)
    #: ``starttls`` or ``tls``: encrypted, the server's certificate and name are checked; ``none``: in clear, without password.
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    #: Reference to the password.
    password: str = ""
    #: Address that messages are from.
    sender: str = Field("", pattern=f"^({_MAILBOX})?$")
    #: Reference ``file:path`` to the authorities (PEM) of the server's certificate; empty = those of the system.
    ca: str = ""
    #: Total time for one message, from connect to the server's last word.
    deadline_seconds: float = Field(20.0, gt=0, le=300)

    @model_validator(mode="after")
    def _whole(self) -> AlertMailSection:
        if self.host and not self.sender:
            raise _wrong("thiếu sender", "sender is missing")
        if bool(self.user) != bool(self.password):
            raise _wrong("user và password phải đi cùng nhau", "user and password go together")
        if self.password and self.security == "none":
            raise _wrong('security = "none" không được kèm mật khẩu', 'no password goes over security = "none"')
        return self


class AlertRuleSection(Section):
    """``[[alerts.rule]]``"""

    name: str = Field(pattern="^[A-Za-z0-9_-]{1,50}$")
    #: What it is about, see docs/alerts.md.
    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    #: Patterns of endpoints' names; rules of one kind are tried in order, the first that fits judges.
    endpoints: tuple[str, ...] = ("*",)
    #: How bad it is; ``off`` = it is no alert; empty = as the kind is.
    severity: Literal["", "off", "notice", "warning", "critical"] = ""
    #: It must have lasted so long; 0 = as the kind is.
    after_minutes: float = Field(0.0, ge=0)
    #: From so many on it is an alert, and from each further number it is told again; empty = as the kind is.
    steps: tuple[Annotated[int, Field(ge=1)], ...] = ()
    #: Days before the end of a certificate at which it is told; empty = 60, 30 and 7.
    days: tuple[Annotated[int, Field(ge=1)], ...] = ()
    #: Less free space than so many megabytes is an alert; 0 = as the kind is.
    below_mb: int = Field(0, ge=0)
    #: Names of the recipients; empty = all.
    to: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _meant(self) -> AlertRuleSection:
        given = {name for name in ("endpoints", "after_minutes", "steps", "days", "below_mb") if name in self.model_fields_set}
        if idle := ", ".join(sorted(given - KINDS[self.kind].fields)):
            raise _wrong(f"{idle} không có tác dụng với loại {self.kind}", f"{idle} means nothing for the kind {self.kind}")
        return self


class AlertRecipientSection(Section):
    """``[[alerts.to]]``"""

    #: Its name in rules, lists and metrics.
    name: str = Field(pattern="^[A-Za-z0-9_-]{1,50}$")
    #: One address; for several people use a list of the mail server.
    email: str = Field("", pattern=f"^({_MAILBOX})?$")
    #: Address that is called instead, or its reference where a part of it is secret; reference to the key that signs the calls.
    webhook: str = Field("", pattern="^((https?://|env:|file:|credential:)[!-~]+)?$")
    key: str = ""
    #: Nothing less bad is told.
    severity: Literal["notice", "warning", "critical"] = "notice"
    #: Patterns of endpoints' names; what is about the hub itself is told to everybody.
    endpoints: tuple[str, ...] = ("*",)
    #: Hours in which only what is critical is told, like ``mon-sun 22:00-06:00``, Vietnamese time; the rest comes at their end.
    quiet: tuple[Annotated[str, AfterValidator(_hours)], ...] = ()
    #: From one message to the next at least; what comes meanwhile is in the next one. Critical: one minute.
    gap_minutes: float = Field(5.0, ge=1)
    #: After so long without news, one reminder of all that is open; then twice as long, up to a day. 0 = none.
    remind_hours: float = Field(4.0, ge=0)

    @model_validator(mode="after")
    def _one_way(self) -> AlertRecipientSection:
        if bool(self.email) == bool(self.webhook):
            raise _wrong("phải có đúng một trong: email, webhook", "exactly one of email, webhook must be there")
        if self.key and not self.webhook:
            raise _wrong("key chỉ dùng với webhook", "key goes with webhook")
        return self


class AlertsSection(Section):
    """``[alerts]``"""

    #: So often it is looked what is wrong.
    every_seconds: float = Field(15.0, ge=1)
    #: An alert is over when nothing was seen of it for so long; longer where it keeps coming back.
    clear_minutes: float = Field(5.0, ge=1)
    #: Alerts that are over are kept so long; the journal keeps what happened.
    keep_days: int = Field(90, ge=2)
    mail: AlertMailSection = AlertMailSection()
    rule: tuple[AlertRuleSection, ...] = ()
    to: tuple[AlertRecipientSection, ...] = ()


#: Sides that may be right about a field of the catalogue; ``nobody``: it is not compared.
_Right = Literal["owner", "portal", "province", "nobody"]


class CatalogueSection(Section):
    """``[catalogue]``"""

    #: The side that is right where catalogues differ; the other one must act.
    right: _Right = "owner"
    #: Of single fields: ``level = "province"``; ``+`` = whether the procedure is there at all.
    fields: dict[str, _Right] = Field(default_factory=dict)
    #: Holder -> the holder that it follows in place of the owners: ``thai_nguyen = "dvcqg"``.
    follows: dict[str, str] = Field(default_factory=dict)
    #: Holders that need not have every procedure.
    partial: tuple[str, ...] = ()
    #: The largest guidance or form file that is fetched.
    max_file_bytes: int = Field(20_000_000, ge=1_000)
    #: Every day from this time on, in Vietnamese time, every holder is pulled: ``01:30``; empty = only when somebody asks for it.
    pull_at: str = Field("", pattern="^(([01][0-9]|2[0-3]):[0-5][0-9])?$")


class StatisticsSection(Section):
    """``[statistics]``"""

    #: From this day of each month on, the reports of the month before are made; 0 = only when somebody asks for it.
    monthly_day: int = Field(0, ge=0, le=28)
    #: On that day not before this time, in Vietnamese time.
    monthly_at: str = Field("03:00", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")


class HubFile(Section):
    """The whole of hub.toml."""

    hub: HubSection = HubSection()
    ledger: LedgerSection = LedgerSection()
    bus: BusSection = BusSection()
    doors: DoorsSection = DoorsSection()
    payloads: PayloadsSection = PayloadsSection()
    links: LinksSection = LinksSection()
    retention: RetentionSection = RetentionSection()
    logging: LoggingSection = LoggingSection()
    seal: SealSection = SealSection()
    seals: SealsSection = SealsSection()
    timestamps: TimestampsSection = TimestampsSection()
    evidence: EvidenceSection = EvidenceSection()
    finding: FindingSection = FindingSection()
    console: ConsoleSection = ConsoleSection()
    alerts: AlertsSection = AlertsSection()
    border: BorderPolicy = BorderPolicy()
    catalogue: CatalogueSection = CatalogueSection()
    statistics: StatisticsSection = StatisticsSection()
    signers: dict[str, SignerSections] = Field(default_factory=dict)


class RoutesFile(Section):
    """The whole of routes.toml."""

    route: tuple[Route, ...] = ()


class EndpointFile(Section):
    """The whole of endpoints/NAME.toml."""

    #: Name of the adapter (a system's folder).
    adapter: str
    #: Name as an official reads it.
    title: str
    agency_code: str = ""
    #: Border documents that the partner may be given; it is given no other.
    purposes: tuple[BorderDocument, ...] = ()
    inbound: InboundPolicy | None = None
    outbound: OutboundPolicy | None = None
    amqp: AmqpPolicy | None = None
    member: MemberPolicy | None = None
    folder: FolderPolicy | None = None
    outbox: OutboxPolicy | None = None
    gateway: GatewayPolicy | None = None
    #: The adapter's own options; ``env:`` and ``file:`` references are resolved.
    options: dict[str, Any] = Field(default_factory=dict)
