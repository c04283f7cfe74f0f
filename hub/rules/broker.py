"""Where an AMQP broker is: an address of the settings, checked before anything connects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from hub.errors import BadSettings

#: Scheme of an address -> the port where none is named.
PORTS = {"amqp": 5672, "amqps": 5671}


class Named(Protocol):
    """What settings say of a broker; certificates are references or paths, empty where there are none."""

    @property
    def url(self) -> str: ...
    @property
    def ca(self) -> Any: ...
    @property
    def certificate(self) -> Any: ...
    @property
    def key(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A broker's address, taken apart."""

    tls: bool
    host: str
    port: int
    vhost: str
    user: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'amqps' if self.tls else 'amqp'}://{self.user}@{host}:{self.port}/{self.vhost.removeprefix('/')}"


def read_address(named: Named, where: str) -> Address:
    """Read the address of a broker; raise BadSettings where it says too little, or too much."""
    try:
        parts = urlsplit(named.url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise _no_address(where) from None
    if parts.password is not None:
        raise BadSettings(
            f'{where} url has a password in it: take it out, and name it by reference, e.g. password = "env:BROKER_PASSWORD"',
            f'{where} url chứa mật khẩu: hãy bỏ ra và khai báo bằng tham chiếu, ví dụ password = "env:BROKER_PASSWORD"',
            where=f"{where} url",
        )
    if not (host and port and parts.username) or parts.query or parts.fragment:
        raise _no_address(where)
    tls = parts.scheme == "amqps"
    _check_tls(named, tls, where)
    return Address(tls=tls, host=host, port=port, vhost=unquote(parts.path[1:]) or "/", user=unquote(parts.username))


def _no_address(where: str) -> BadSettings:
    return BadSettings(
        f"{where} url is not of the form amqps://USER@HOST:PORT/VHOST, with a user",
        f"{where} url không có dạng amqps://TÀI_KHOẢN@MÁY:CỔNG/VHOST, có tài khoản",
        where=f"{where} url",
    )


def _check_tls(named: Named, tls: bool, where: str) -> None:
    if not tls and (named.ca or named.certificate or named.key):
        raise BadSettings(
            f"{where} names certificates, but an amqp:// address is not encrypted: write amqps://",
            f"{where} có chứng thư số nhưng địa chỉ amqp:// không mã hóa: hãy dùng amqps://",
            where=f"{where} url",
        )
    if bool(named.certificate) != bool(named.key):
        raise BadSettings(
            f"{where}: certificate and key go together", f"{where}: certificate và key phải đi cùng nhau", where=f"{where} key"
        )
