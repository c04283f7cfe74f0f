"""The one place that chooses engines, loads keys once and finds adapters."""

from __future__ import annotations

import random
import secrets
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509 import Certificate
from sqlalchemy.engine import URL

from hub import candidates, inventory, keyring
from hub import settings as settings_module
from hub.alert_book import alert_book
from hub.app import UNROUTED, Hub
from hub.bus.address import BusOptions
from hub.bus.choice import open_bus
from hub.bus.membership import Member, with_broker
from hub.bus.port import Bus
from hub.bus.sealing import SealKeys
from hub.code_book import CodeBook
from hub.contract import Adapter, Files, SendsFiles, Transport
from hub.endpoint import Endpoint, outbound_of
from hub.errors import BadSettings, HubError
from hub.fetching import Fetching, networks
from hub.ledger.engine import parse_url
from hub.ledger.ledger import Ledger
from hub.outbox_transport import OutboxTransport
from hub.payloads import FolderStore
from hub.registers.successors import SuccessorBook
from hub.rules.applicant_numbers import SHORTEST_KEY, NumberKey
from hub.rules.catalogue import Policy
from hub.rules.signing import Stamp
from hub.rules.statistics.monthly import Monthly
from hub.sealing import Sealing
from hub.sections import AuthoritySection
from hub.settings import Settings
from hub.trust import keys
from hub.trust.outage import Outage, patient
from hub.trust.store import TSA
from hub.trust.timestamping import Authority, Timestamping
from hub.trusted import open_book
from hub.wire import Wire, client_tls


def find_adapters() -> dict[str, Adapter]:
    """Find the installed adapters (entry points ``lienthong.adapters``)."""
    return {point.name: point.load() for point in entry_points(group="lienthong.adapters")}


def load_settings(folder: Path) -> Settings:
    """Read a configuration folder with the installed adapters."""
    return settings_module.load(folder.resolve(), find_adapters())


def open_hub(settings: Settings, *, clock: Callable[[], datetime] | None = None) -> Hub:
    """Build the bundle of parts; raises BadSettings where a key or a certificate cannot be read."""
    trust, rings = open_book(settings), keyring.rings(settings)
    adapters = find_adapters()
    seal = _seal_keys(settings)
    members = _members(settings, seal)
    bus = open_bus(bus_options(settings), seal, _called(settings), members)
    files = FolderStore(settings.folder / settings.file.payloads.folder)
    transports = _Transports(adapters, members, bus, files)
    fetching = Fetching(allowed=networks(settings.file.links.private_networks, "hub.toml [links] private_networks"))
    now = clock or (lambda: datetime.now(UTC))
    ledger = open_ledger(settings)
    codes = CodeBook(settings.folder, ledger)
    return Hub(
        ledger=ledger,
        successors=SuccessorBook(ledger),
        bus=bus,
        members=members,
        adapters=adapters,
        endpoints=settings.endpoints,
        routes=settings.routes,
        codes=codes,
        configured=lambda files: candidates.configured(settings, adapters, codes, files),
        trust=trust,
        signers=rings,
        certificates=inventory.look(settings, rings, trust.store),
        document_anchors=tuple(anchor.certificate for anchor in trust.store.anchors if anchor.purpose != TSA),
        document_stampers=trust.store.certificates(TSA),
        document_intermediates=trust.store.intermediates,
        stamp=_stamp(settings, now),
        transports=transports.open,
        close_transports=partial(_close_all, transports, fetching),
        clock=now,
        new_id=lambda: str(uuid.uuid4()),
        draw=random.random,
        payloads=files,
        public_url=settings.file.hub.public_url,
        fetching=fetching,
        link_key=keys.derived(seal.private, "addresses of files"),
        largest_file=settings.file.payloads.max_bytes,
        lease_margin=settings.file.ledger.lease_margin_seconds,
        number_key=number_key(settings),
        alerts=alert_book(settings),
        border=settings.file.border,
        catalogue=catalogue_policy(settings),
        monthly=Monthly(day=settings.file.statistics.monthly_day, at=settings.file.statistics.monthly_at),
        name=settings.file.hub.name,
        evidence_signer=settings.file.evidence.signer,
        has_timestamps=bool(settings.file.timestamps.authority),
    )


def catalogue_policy(settings: Settings) -> Policy:
    """Say which side is right where catalogues differ; raises BadSettings where a holder is named that is not there."""
    section = settings.file.catalogue
    named = {"follows": {*section.follows, *section.follows.values()}, "partial": set(section.partial)}
    for key, names in named.items():
        for name in sorted(names - set(settings.endpoints)):
            where = f"hub.toml [catalogue] {key}"
            raise BadSettings(f"{where}: no endpoint {name!r}", f"{where}: không có điểm kết nối {name!r}", where=where)
    return Policy(
        right=section.right,
        fields=section.fields,
        follows=section.follows,
        partial=frozenset(section.partial),
        max_file_bytes=section.max_file_bytes,
        pull_at=section.pull_at,
    )


def _close_all(transports: _Transports, fetching: Fetching) -> None:
    transports.close()
    fetching.close()


def number_key(settings: Settings) -> NumberKey | None:
    """Load the key under which applicants' numbers are hashed; None where there is none. Raises BadSettings where it is short."""
    reference, where = settings.file.finding.key, "hub.toml [finding] key"
    if not reference:
        return None
    octets = settings_module.secret(settings.folder, reference, where).strip()
    if len(octets) < SHORTEST_KEY:
        raise BadSettings(
            f"{where}: the key has {len(octets)} bytes; {SHORTEST_KEY} at least",
            f"{where}: khóa chỉ có {len(octets)} byte; cần ít nhất {SHORTEST_KEY} byte",
            where=where,
        )
    return NumberKey(octets)


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


def open_timestamping(settings: Settings, clock: Callable[[], datetime]) -> Timestamping:
    """Build what asks timestamping authorities; raises BadSettings where no token of theirs could be trusted."""
    section = settings.file.timestamps
    trusted = timestamp_roots(settings)
    if section.authority and not trusted:
        where = "hub.toml [timestamps] certificates"
        raise BadSettings(
            f"{where} names no certificate of a timestamping authority, nor has trust/trust.toml an anchor for tsa",
            f"{where} chưa có chứng thư số của tổ chức cấp dấu thời gian, trust/trust.toml cũng không có tổ chức gốc cho tsa",
            where=where,
        )
    authorities = tuple(
        Authority(**each.model_dump(exclude={"password"}), password=_authority_password(settings, each))
        for each in section.authority
    )
    return Timestamping(
        wire=Wire(),
        authorities=authorities,
        trusted=trusted,
        clock=clock,
        # Positive in the 64 bits that every authority can give back.
        nonce=lambda: secrets.randbits(63),
        max_drift_seconds=section.max_drift_seconds,
    )


def timestamp_roots(settings: Settings) -> tuple[Certificate, ...]:
    """Load the certificates by which timestamps are trusted, those of the trust store among them.

    Raises BadSettings where one cannot be read.
    """
    where = "hub.toml [timestamps] certificates"
    named = tuple(
        certificate
        for name in settings.file.timestamps.certificates
        for certificate in keys.load_certificates(settings_module.secret(settings.folder, f"file:trust/{name}", where))
    )
    return (*named, *open_book(settings).store.certificates(TSA))


def _authority_password(settings: Settings, section: AuthoritySection) -> str:
    where = f"hub.toml [[timestamps.authority]] {section.name} password"
    return settings_module.secret_text(settings.folder, section.password, where) if section.password else ""


def open_sealing(settings: Settings, hub: Hub) -> Sealing:
    """Build what the sealer needs; raises BadSettings where timestamps could not be had as configured."""
    seals, stamps = settings.file.seals, settings.file.timestamps
    return Sealing(
        ledger=hub.ledger,
        now=hub.now,
        every_seconds=seals.every_seconds,
        batch=seals.batch,
        publish=settings.folder / seals.publish if seals.publish else None,
        timestamping=open_timestamping(settings, hub.clock),
        first_retry_seconds=stamps.first_retry_seconds,
        ceiling_retry_seconds=stamps.ceiling_retry_seconds,
    )


def _seal_keys(settings: Settings) -> SealKeys:
    section = settings.file.seal
    own = keys.load_seal_key(settings_module.secret(settings.folder, section.key, "hub.toml [seal] key"))
    accepted = seal_public_keys(settings, section.accepted, "hub.toml [seal] accepted")
    return SealKeys(settings.file.hub.name, own.key_id, own.key, {**accepted, own.key_id: own.public_key})


def seal_public_keys(settings: Settings, names: Iterable[str], where: str) -> dict[str, EllipticCurvePublicKey]:
    """Load public keys of seals from files under ``trust/``, by their ids; raise BadSettings where one is none."""
    pems = (settings_module.secret(settings.folder, f"file:trust/{name}", where) for name in names)
    return dict(keys.load_seal_public_key(pem) for pem in pems)


def _members(settings: Settings, seal: SealKeys) -> dict[str, Member]:
    """Load the keys of the bus's members; raise BadSettings where two would seal with the same one."""
    members: dict[str, Member] = {}
    owners = dict.fromkeys(seal.accepted, "hub.toml [seal]")
    for name, endpoint in settings.endpoints.items():
        if endpoint.member is None:
            continue
        where = f"endpoints/{name}.toml [member] seal_keys"
        accepted = seal_public_keys(settings, endpoint.member.seal_keys, where)
        for key_id in accepted:
            if key_id in owners:
                raise BadSettings(
                    f"{where}: {owners[key_id]} has the key {key_id} too; each side seals with keys of its own",
                    f"{where}: khoá {key_id} cũng thuộc {owners[key_id]}; mỗi bên phải có khoá niêm phong riêng",
                    where=where,
                )
        owners |= dict.fromkeys(accepted, where)
        options = bus_options(settings)
        at = with_broker(endpoint, endpoint.member, options)
        members[name] = Member(endpoint=at, keys=seal, accepted=accepted, exchange=options.prefix)
    return members


def _stamp(settings: Settings, clock: Callable[[], datetime]) -> Stamp:
    """Build what gives XAdES-B-T its time tokens."""
    timestamping = open_timestamping(settings, clock)
    if not timestamping.authorities:
        return _no_authority
    return patient(lambda digest: timestamping.stamp(digest).token, Outage("timestamps"))


def _no_authority(_digest: bytes) -> bytes:
    raise BadSettings(
        'sign = "xades-t" needs a time-stamping authority: add [[timestamps.authority]] to hub.toml',
        'sign = "xades-t" cần tổ chức cấp dấu thời gian: thêm [[timestamps.authority]] vào hub.toml',
        where="hub.toml [timestamps]",
    )


class _Transports:
    """Opens each endpoint's transport once; they share one pool of connections."""

    def __init__(self, adapters: Mapping[str, Adapter], members: Mapping[str, Member], bus: Bus, files: Files) -> None:
        self._adapters, self._members, self._bus, self._files = adapters, members, bus, files
        self._wire = Wire()
        #: Of endpoints with certificates of their own: a connection of one must never carry another's call.
        self._own_wires: list[Wire] = []
        self._lock = threading.Lock()
        self._open: dict[str, Transport] = {}

    def open(self, endpoint: Endpoint) -> Transport:
        with self._lock:
            if endpoint.name not in self._open:
                outbound_of(endpoint)
                self._open[endpoint.name] = self._opened(endpoint)
            return self._open[endpoint.name]

    def close(self) -> None:
        """Close every transport, and what they share: partners and brokers are taken leave of, not hung up on."""
        with self._lock:
            opened, self._open = list(self._open.values()), {}
        for transport in opened:
            transport.close()
        for wire in (self._wire, *self._own_wires):
            wire.close()

    def _wire_of(self, endpoint: Endpoint) -> Wire:
        """Give the shared connections, or those made with an endpoint's own certificates."""
        policy = outbound_of(endpoint).tls
        if policy is None:
            return self._wire
        where = f"endpoints/{endpoint.name}.toml [outbound.tls]"
        self._own_wires.append(Wire(tls=client_tls(policy.ca, policy.certificate, policy.key, where)))
        return self._own_wires[-1]

    def _opened(self, endpoint: Endpoint) -> Transport:
        # pika takes a moment to load, which a hub without such partners should not pay.
        if endpoint.name in self._members:
            from hub.bus.handing_over import MemberTransport  # noqa: PLC0415

            return MemberTransport(self._members[endpoint.name], self._bus.open)
        if endpoint.amqp is not None and endpoint.amqp.publishes:
            from hub.amqp.transport import AmqpTransport  # noqa: PLC0415

            return AmqpTransport(endpoint)
        if endpoint.folder is not None and endpoint.folder.put:
            from hub.folder.transport import FolderTransport  # noqa: PLC0415

            return FolderTransport(endpoint)
        if endpoint.outbox is not None:
            return OutboxTransport(endpoint)
        if endpoint.gateway is not None:
            from hub.gateway.opening import open_gateway  # noqa: PLC0415

            return open_gateway(endpoint, self._wire_of(endpoint))
        transport = self._adapters[endpoint.adapter].open_transport(endpoint, self._wire_of(endpoint))
        if isinstance(transport, SendsFiles):
            transport.use_files(self._files)
        return transport
