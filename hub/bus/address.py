"""Where the broker is and how this process is known there: what [bus] says, checked before anything connects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from hub.errors import BadSettings

#: Scheme of an address -> the port where none is named.
PORTS = {"amqp": 5672, "amqps": 5671}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A broker's address, read."""

    tls: bool
    host: str
    port: int
    vhost: str
    user: str

    def __str__(self) -> str:
        return f"{'amqps' if self.tls else 'amqp'}://{self.user}@{self.host}:{self.port}{self.vhost}"


def read_address(options: BusOptions) -> Address:
    """Read the address of a broker; raise BadSettings where it says too little, or too much."""
    parts = urlsplit(options.url)
    if parts.password is not None:
        raise BadSettings(
            f"{WHERE} url has a password in it: take it out, and name it by reference, e.g. password = \"env:BUS_PASSWORD\"",
            f"{WHERE} url chứa mật khẩu: hãy bỏ ra và khai báo bằng tham chiếu, ví dụ password = \"env:BUS_PASSWORD\"",
            where=f"{WHERE} url",
        )
    if not parts.username or not options.password:
        raise BadSettings(
            f"{WHERE}: user and password are needed: url = \"amqps://USER@HOST/VHOST\", password = \"env:BUS_PASSWORD\"",
            f"{WHERE}: thiếu tài khoản hoặc mật khẩu: url = \"amqps://TÀI_KHOẢN@MÁY/VHOST\", password = \"env:BUS_PASSWORD\"",
            where=f"{WHERE} password",
        )
    _check_tls(options, parts.scheme == "amqps")
    host, port = _host(parts)
    vhost = unquote(parts.path[1:]) or "/"
    return Address(tls=parts.scheme == "amqps", host=host, port=port, vhost=vhost, user=unquote(parts.username))


def _host(parts: SplitResult) -> tuple[str, int]:
    try:
        host, port = parts.hostname, parts.port or PORTS[parts.scheme]
    except ValueError:
        host, port = None, 0
    if not host or parts.query or parts.fragment:
        raise BadSettings(
            f"{WHERE} url is not of the form amqps://USER@HOST:PORT/VHOST",
            f"{WHERE} url không có dạng amqps://TÀI_KHOẢN@MÁY:CỔNG/VHOST",
            where=f"{WHERE} url",
        )
    return host, port


def _check_tls(options: BusOptions, tls: bool) -> None:
    if not tls and (options.ca or options.certificate or options.key):
        raise BadSettings(
            f"{WHERE} names certificates, but an amqp:// address is not encrypted: write amqps://",
            f"{WHERE} có chứng thư số nhưng địa chỉ amqp:// không mã hóa: hãy dùng amqps://",
            where=f"{WHERE} url",
        )
    if bool(options.certificate) != bool(options.key):
        raise BadSettings(
            f"{WHERE}: certificate and key go together", f"{WHERE}: certificate và key phải đi cùng nhau", where=f"{WHERE} key"
        )
