"""Where the broker is and how this process is known there: what [bus] says, checked before anything connects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hub.errors import BadSettings
from hub.rules import broker
from hub.rules.broker import Address

WHERE = "hub.toml [bus]"


@dataclass(frozen=True, slots=True, kw_only=True)
class BusOptions:
    """What hub.toml says about the bus, its references resolved."""

    url: str = "memory://"
    #: Never in the address, which stands in logs and error texts.
    password: str = field(default="", repr=False)
    #: PEM files: authorities of the broker's certificate, and this node's own certificate with its key.
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    #: Begins the name of everything on the broker, so that several hubs can share one.
    prefix: str = "lienthong"
    #: So many messages of one endpoint may be at one consumer, begun or not.
    prefetch: int = 8
    #: After so many returns of a message the broker gives it up.
    delivery_limit: int = 10
    #: A confirm that has not come after so long is not waited for.
    confirm_seconds: float = 10.0
    heartbeat_seconds: int = 30
    #: Name of the hub; stands in the name of its connections.
    hub: str = "lienthong"


def read_address(options: BusOptions) -> Address:
    """Read the address of the hub's own broker; raise BadSettings where it says too little, or too much."""
    address = broker.read_address(options, WHERE)
    if not options.password:
        raise BadSettings(
            f"{WHERE}: user and password are needed: url = \"amqps://USER@HOST/VHOST\", password = \"env:BROKER_PASSWORD\"",
            f"{WHERE}: thiếu tài khoản hoặc mật khẩu: url = \"amqps://TÀI_KHOẢN@MÁY/VHOST\", password = \"env:BROKER_PASSWORD\"",
            where=f"{WHERE} password",
        )
    return address
