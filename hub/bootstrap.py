"""The one place that chooses engines, loads keys once and finds adapters."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path

from cryptography.x509 import Certificate
from sqlalchemy.engine import URL

from hub import settings as settings_module
from hub.app import UNROUTED, Hub
from hub.bus.address import BusOptions
from hub.bus.choice import open_bus
from hub.bus.sealing import SealKeys
from hub.canonical.codes import CodeTables
from hub.contract import Adapter, Endpoint, InboundPolicy, Transport
from hub.errors import BadSettings, HubError
from hub.ledger.engine import parse_url
from hub.ledger.ledger import Ledger
from hub.payloads import FolderStore
from hub.rules.trust import Signer, TrustSnapshot
from hub.settings import Settings
from hub.trust import keys
from hub.wire import Wire


def find_adapters() -> dict[str, Adapter]:
    """Find the installed adapters (entry points ``lienthong.adapters``)."""
    return {point.name: point.load() for point in entry_points(group="lienthong.adapters")}


def load_settings(folder: Path) -> Settings:
    """Read a configuration folder with the installed adapters."""
    return settings_module.load(folder.resolve(), find_adapters())


def open_hub(settings: Settings, *, clock: Callable[[], datetime] | None = None) -> Hub:
    """Build the bundle of parts; raises BadSettings where a key or a certificate cannot be read."""
    snapshots = {name: _snapshot(settings, endpoint) for name, endpoint in settings.endpoints.items()}
    adapters = find_adapters()
    return Hub(
        ledger=open_ledger(settings),
        bus=open_bus(bus_options(settings), _seal_keys(settings), _called(settings)),
        adapters=adapters,
        endpoints=settings.endpoints,
        routes=settings.routes,
        codes=CodeBook(settings.folder).current,
        trust=lambda endpoint: snapshots[endpoint.name],
        signers={name: _signer(settings, name) for name in settings.file.signers},
        transports=_Transports(adapters).open,
        clock=clock or (lambda: datetime.now(UTC)),
        new_id=lambda: str(uuid.uuid4()),
        draw=random.random,
        payloads=FolderStore(settings.folder / settings.file.payloads.folder),
        public_url=settings.file.hub.public_url,
        lease_margin=settings.file.ledger.lease_margin_seconds,
    )


def open_ledger(settings: Settings) -> Ledger:
    """Open the ledger; a relative SQLite path is relative to the configuration folder.

    Raises BadSettings where the address is none or holds a password, Unavailable where the database cannot be reached.
    """
    ledger = Ledger(ledger_url(settings).render_as_string(hide_password=False))
    try:
        ledger.create()
    except HubError:
        ledger.close()
        raise
    return ledger


def ledger_url(settings: Settings) -> URL:
    """Give the ledger's whole address."""
    section = settings.file.ledger
    url = parse_url(section.url)
    if url.password is not None or "password" in url.query:
        raise BadSettings(
            'hub.toml [ledger] url has a password in it: take it out, and name it by reference: password = "env:LEDGER_PASSWORD"',
            'hub.toml [ledger] url chứa mật khẩu: hãy bỏ ra và khai báo bằng tham chiếu, ví dụ password = "env:LEDGER_PASSWORD"',
            where="hub.toml [ledger] url",
        )
    if url.get_backend_name() == "sqlite":
        return url.set(database=str(settings.folder / str(url.database)))
    if section.password:
        url = url.set(password=settings_module.secret_text(settings.folder, section.password, "hub.toml [ledger] password"))
    return url


def _called(settings: Settings) -> tuple[str, ...]:
    """Name what deliveries go to: what can be called, and what no rule matched."""
    return (*(name for name, endpoint in settings.endpoints.items() if endpoint.outbound), UNROUTED)


def bus_options(settings: Settings) -> BusOptions:
    """Resolve what ``[bus]`` refers to."""
    section = settings.file.bus

    def named(name: str) -> Path | None:
        reference = getattr(section, name)
        return settings_module.referred_file(settings.folder, reference, f"hub.toml [bus] {name}") if reference else None

    given = section.model_dump(exclude={"password", "ca", "certificate", "key"})
    where = "hub.toml [bus] password"
    return BusOptions(
        **given,
        password=settings_module.secret_text(settings.folder, section.password, where) if section.password else "",
        ca=named("ca"),
        certificate=named("certificate"),
        key=named("key"),
        hub=settings.file.hub.name,
    )


def _seal_keys(settings: Settings) -> SealKeys:
    pem = settings_module.secret(settings.folder, settings.file.seal.key, "hub.toml [seal] key")
    own = keys.load_seal_key(pem)
    return SealKeys(settings.file.hub.name, own.key_id, own.key, {own.key_id: own.public_key})


def _signer(settings: Settings, name: str) -> Signer:
    section = settings.file.signers[name]
    where = f"hub.toml [signers.{name}]"
    return keys.load_signer(
        name,
        settings_module.secret(settings.folder, section.key, where),
        settings_module.secret(settings.folder, section.certificate, where),
    )


def _snapshot(settings: Settings, endpoint: Endpoint) -> TrustSnapshot:
    inbound = endpoint.inbound or InboundPolicy()

    def certificates(names: tuple[str, ...]) -> tuple[Certificate, ...]:
        where = f"endpoints/{endpoint.name}.toml [inbound]"
        return tuple(
            certificate
            for name in names
            for certificate in keys.load_certificates(
                settings_module.secret(settings.folder, f"file:trust/{name}", where)
            )
        )

    return TrustSnapshot(
        policy=inbound.signature,
        pinned=certificates(inbound.pinned),
        anchors=certificates(inbound.anchors),
        allow_weak=inbound.allow_weak,
    )


class CodeBook:
    """Gives the code lists as their files stand now; a mended file is used at the next reading, without a restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}
        self._tables = CodeTables()

    def current(self) -> CodeTables:
        """Give the tables; a file that cannot be read raises BadSettings and leaves the ones before in use."""
        with self._lock:
            stamps = settings_module.code_files(self._folder)
            if stamps != self._seen:
                self._tables = CodeTables({path.stem: settings_module.code_rows(path) for path in map(Path, stamps)})
                self._seen = stamps
            return self._tables


class _Transports:
    """Opens each endpoint's transport once; they share one pool of connections."""

    def __init__(self, adapters: Mapping[str, Adapter]) -> None:
        self._adapters = adapters
        self._wire = Wire()
        self._lock = threading.Lock()
        self._open: dict[str, Transport] = {}

    def open(self, endpoint: Endpoint) -> Transport:
        with self._lock:
            if endpoint.name not in self._open:
                if endpoint.outbound is None:
                    raise BadSettings(
                        f"endpoint {endpoint.name!r} has no [outbound] table",
                        f"điểm kết nối {endpoint.name!r} không có bảng [outbound]",
                        where=endpoint.name,
                    )
                self._open[endpoint.name] = self._opened(endpoint)
            return self._open[endpoint.name]

    def _opened(self, endpoint: Endpoint) -> Transport:
        if endpoint.amqp is None or not endpoint.amqp.publishes:
            return self._adapters[endpoint.adapter].open_transport(endpoint, self._wire)
        # pika takes a moment to load, which a hub without such partners should not pay.
        from hub.amqp.transport import AmqpTransport  # noqa: PLC0415

        return AmqpTransport(endpoint)
