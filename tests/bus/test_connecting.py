"""Connecting to a real broker: TLS, credentials, what stands there otherwise; each refusal says what to do."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.bus.address import BusOptions, read_address
from hub.bus.choice import open_bus
from hub.bus.rabbit import RabbitBus
from hub.errors import BadSettings, HubError, Unavailable
from tests.bus.conftest import KEYS, Consuming, MakeBus, due
from tests.support import rabbit
from tests.support.rabbit import Corner, Node

NOW, DAY = datetime.now(UTC), timedelta(days=1)


def made(name: str, issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None = None) -> tuple[bytes, bytes, x509.Name, object]:
    """Make a certificate for this machine: its PEM, its key's PEM, its name and its key."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    by, signing = issuer or (subject, key)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder(by, subject, key.public_key(), x509.random_serial_number(), NOW - DAY, NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(here, critical=False)
        .sign(signing, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), pem, subject, key


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, a server's and a node's certificate, and another authority."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, _, name, key = made("authority")
    (folder / "ca.pem").write_bytes(certificate)
    (folder / "other.pem").write_bytes(made("another authority")[0])
    for each in ("server", "node"):
        own, own_key, _, _ = made(each, (name, key))  # type: ignore[arg-type]
        (folder / f"{each}.pem").write_bytes(own)
        (folder / f"{each}.key").write_bytes(own_key)
    return folder


@pytest.fixture(scope="module")
def tls_node(certificates: Path) -> Iterator[Node]:
    rabbit.shared()
    node = Node(
        "listeners.ssl.1 = 127.0.0.1:{tls_port}\n"
        f"ssl_options.cacertfile = {certificates}/ca.pem\nssl_options.certfile = {certificates}/server.pem\n"
        f"ssl_options.keyfile = {certificates}/server.key\n"
        "ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n"
    )
    node.start()
    yield node
    node.close()


@pytest.fixture
def tls(tls_node: Node, certificates: Path) -> Iterator[BusOptions]:
    with rabbit.corner(tls_node) as own:
        yield BusOptions(
            url=f"amqps://{rabbit.USER}@127.0.0.1:{tls_node.tls_port}",
            password=rabbit.PASSWORD,
            prefix=own.prefix,
            ca=certificates / "ca.pem",
            certificate=certificates / "node.pem",
            key=certificates / "node.key",
        )


def bus_on(options: BusOptions) -> RabbitBus:
    return RabbitBus(options, KEYS, ("bo",))


def refusal(options: BusOptions) -> HubError:
    with pytest.raises(HubError) as caught:
        bus_on(options).open()
    assert rabbit.PASSWORD not in caught.value.en + caught.value.vi
    return caught.value


def test_everything_goes_over_tls(tls: BusOptions, consume: Callable[[RabbitBus], Consuming]) -> None:
    bus = bus_on(tls)
    bus.open()
    big = due(0, canonical=b'"' + b"x" * 300_000 + b'"')
    try:
        assert bus.publish([big, *(due(number) for number in range(1, 200))]) == []
        consuming = consume(bus)
        consuming.answers_at_once = True
        for _, acknowledge in list(consuming.got):
            acknowledge()
        consuming.wait_for(200)
        assert consuming.got[0][0] == big
        consuming.end()
    finally:
        bus.close()


def test_a_broker_by_another_authority_is_not_spoken_to(tls: BusOptions, certificates: Path) -> None:
    error = refusal(replace(tls, ca=certificates / "other.pem"))

    assert isinstance(error, Unavailable)
    assert "certificate" in error.en


def test_a_broker_that_asks_for_a_certificate_gets_none(tls: BusOptions) -> None:
    assert isinstance(refusal(replace(tls, certificate=None, key=None)), Unavailable)


def test_a_wrong_password_is_told(corner: Corner) -> None:
    error = refusal(BusOptions(url=corner.node.url, password="wrong", prefix=corner.prefix))

    assert isinstance(error, BadSettings)
    assert "password" in error.en and "mật khẩu" in error.vi and "bus permissions" in error.vi


def test_a_vhost_that_is_not_there_is_told(corner: Corner) -> None:
    error = refusal(BusOptions(url=f"{corner.node.url}/none", password=rabbit.PASSWORD, prefix=corner.prefix))

    assert isinstance(error, BadSettings)
    assert "vhost" in error.en and "vhost" in error.vi


def test_a_broker_that_is_not_there_is_told() -> None:
    with pytest.raises(Unavailable) as caught:
        bus_on(BusOptions(url="amqp://hub@127.0.0.1:9", password="x")).open()

    assert "127.0.0.1:9" in caught.value.en and "RabbitMQ" in caught.value.vi


@pytest.mark.parametrize("changes", [{"delivery_limit": 11}])
def test_a_queue_that_stands_there_otherwise_is_told(make_bus: MakeBus, corner: Corner, changes: dict[str, int]) -> None:
    make_bus(delivery_limit=10)

    error = refusal(BusOptions(url=corner.node.url, password=rabbit.PASSWORD, prefix=corner.prefix, **changes))  # type: ignore[arg-type]

    assert isinstance(error, BadSettings)
    assert f"{corner.prefix}.deliver.bo" in error.en and "x-delivery-limit" in error.en and "xóa" in error.vi


@pytest.mark.parametrize(
    "arguments",
    [
        {"x-queue-type": "classic"},
        {"x-queue-type": "quorum"},
        {"x-queue-type": "quorum", "x-delivery-limit": 10, "x-overflow": "reject-publish"},
    ],
)
def test_a_queue_of_another_kind_is_told(corner: Corner, arguments: dict[str, str]) -> None:
    with corner.channel() as channel:
        channel.queue_declare(f"{corner.prefix}.deliver.bo", durable=True, auto_delete=False, arguments=arguments)

    assert isinstance(refusal(BusOptions(url=corner.node.url, password=rabbit.PASSWORD, prefix=corner.prefix)), BadSettings)


def test_operators_see_who_is_connected(bus: RabbitBus, corner: Corner) -> None:
    bus.wait(0)

    assert any("lienthong dispatch" in name for name in corner.node.connections())


def test_the_probe_says_what_answered_and_leaves_nothing(bus: RabbitBus, corner: Corner) -> None:
    before = corner.queues()

    assert bus.probe().startswith("RabbitMQ 3.")

    rabbit.wait_until(lambda: corner.queues() == before)


@pytest.mark.parametrize(
    ("url", "password", "word"),
    [
        ("amqp://hub:secret@host", "x", "password"),
        ("amqp://host", "x", "user"),
        ("amqp://hub@host", "", "password"),
        ("amqp://hub@:5672", "x", "form"),
        ("amqp://hub@host:port", "x", "form"),
        ("amqp://hub@host?heartbeat=1", "x", "form"),
        ("redis://host", "x", "memory://"),
    ],
)
def test_an_address_that_says_too_little_or_too_much_is_refused(url: str, password: str, word: str) -> None:
    with pytest.raises(BadSettings) as caught:
        open_bus(BusOptions(url=url, password=password), KEYS, ("bo",))

    assert word in caught.value.en
    assert "secret" not in caught.value.en + caught.value.vi + caught.value.where


def test_certificates_on_an_open_connection_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="amqps"):
        read_address(BusOptions(url="amqp://hub@host", password="x", ca=tmp_path))
    with pytest.raises(BadSettings, match="together"):
        read_address(BusOptions(url="amqps://hub@host", password="x", key=tmp_path))


@pytest.mark.parametrize(
    ("url", "host", "port", "vhost"),
    [
        ("amqp://hub@host", "host", 5672, "/"),
        ("amqps://hub@host/", "host", 5671, "/"),
        ("amqps://hub@host:7/a%2Fb", "host", 7, "a/b"),
        ("amqp://hub@[::1]:7/hub", "::1", 7, "hub"),
    ],
)
def test_an_address_is_read(url: str, host: str, port: int, vhost: str) -> None:
    address = read_address(BusOptions(url=url, password="x"))

    assert (address.host, address.port, address.vhost, address.user) == (host, port, vhost, "hub")
