"""What stands in config/*.toml, table by table: frozen values, unknown keys are errors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hub.contract import AmqpPolicy, InboundPolicy, OutboundPolicy
from hub.rules.routing import Route


class Section(BaseModel):
    """One table of hub.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HubSection(Section):
    """``[hub]``"""

    #: Name of this hub: issuer of its seals.
    name: str = "lienthong"
    #: Address that partners reach this hub under; stands in the WSDLs it serves.
    public_url: str = "http://127.0.0.1:8080"


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


class SignerSection(Section):
    """``[signers.NAME]``"""

    #: Reference to the private key (PEM).
    key: str
    #: Reference to the certificate (PEM).
    certificate: str


class HubFile(Section):
    """The whole of hub.toml."""

    hub: HubSection = HubSection()
    ledger: LedgerSection = LedgerSection()
    bus: BusSection = BusSection()
    doors: DoorsSection = DoorsSection()
    payloads: PayloadsSection = PayloadsSection()
    retention: RetentionSection = RetentionSection()
    logging: LoggingSection = LoggingSection()
    seal: SealSection = SealSection()
    signers: dict[str, SignerSection] = Field(default_factory=dict)


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
    inbound: InboundPolicy | None = None
    outbound: OutboundPolicy | None = None
    amqp: AmqpPolicy | None = None
    #: The adapter's own options; ``env:`` and ``file:`` references are resolved.
    options: dict[str, Any] = Field(default_factory=dict)
