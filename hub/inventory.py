"""The inventory: every certificate that this configuration uses, ours and partners', with what stops when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from hub import settings as settings_module
from hub.endpoint import AmqpPolicy, Endpoint, TlsPolicy
from hub.rules.expiry import InUse, Use
from hub.rules.signing import Ring
from hub.settings import Settings
from hub.trust import keys
from hub.trust.store import TSA, TrustStore

SIGNING = Use(
    kind="signing",
    side="ours",
    direction="out",
    vi="không ký được: mọi thông điệp tới các điểm này bị dừng",
    en="nothing can be signed: every message to these endpoints is parked",
)
PATH = replace(SIGNING, kind="path", vi="bên nhận có thể từ chối chữ ký của trục", en="recipients may refuse our signatures")
PINNED = Use(
    kind="trusted_signer",
    side="partners",
    direction="in",
    vi="thông điệp ký bằng chứng thư này bị từ chối khi tiếp nhận",
    en="messages signed with it are refused at the door",
)
ANCHOR = replace(
    PINNED,
    kind="trusted_authority",
    vi="mọi thông điệp có chứng thư số do tổ chức này cấp bị từ chối khi tiếp nhận",
    en="every message with a certificate of this authority is refused at the door",
)
STAMPS = Use(
    kind="timestamps",
    side="partners",
    direction="both",
    vi="không tin được dấu thời gian: niêm phong và XAdES-B-T phải chờ",
    en="no time token is trusted: seals go without one, and XAdES-B-T waits",
)
DOORS = Use(
    kind="tls_server",
    side="ours",
    direction="in",
    vi="đối tác không kết nối được tới các cửa",
    en="partners cannot connect to the doors",
)
CLIENTS = replace(
    DOORS,
    kind="tls_authority",
    side="partners",
    vi="chứng thư số máy khách của đối tác không được chấp nhận",
    en="partners' client certificates are not accepted",
)
BUS = Use(
    kind="tls_client",
    side="ours",
    direction="both",
    vi="trục không đăng nhập được RabbitMQ: không gửi được gì",
    en="the broker does not let the hub in: nothing is delivered",
)
BUS_AUTHORITY = replace(
    BUS,
    kind="tls_authority",
    vi="trục không tin RabbitMQ: không gửi được gì",
    en="the hub does not trust the broker: nothing is delivered",
)
BROKER = Use(
    kind="tls_client",
    side="ours",
    direction="both",
    vi="máy chủ AMQP của đối tác không cho trục kết nối",
    en="the partner's broker does not let the hub in",
)
BROKER_AUTHORITY = replace(
    BROKER,
    kind="tls_authority",
    side="partners",
    vi="trục không tin máy chủ AMQP của đối tác",
    en="the hub does not trust the partner's broker",
)

PARTNER = Use(
    kind="tls_client",
    side="ours",
    direction="out",
    vi="đối tác không cho trục kết nối: không gửi, không lấy về được gì",
    en="the partner does not let the hub in: nothing is sent, nothing is fetched",
)
PARTNER_AUTHORITY = replace(
    PARTNER,
    kind="tls_authority",
    side="partners",
    vi="trục không tin máy chủ của đối tác: không gửi, không lấy về được gì",
    en="the hub does not trust the partner's server: nothing is sent, nothing is fetched",
)


def look(settings: Settings, rings: Mapping[str, Ring], store: TrustStore) -> tuple[InUse, ...]:
    """List everything; raises BadSettings where a certificate cannot be read."""
    return (
        *_signing(settings, rings),
        *_trusted(settings),
        *_stored(settings, store),
        *_tls(settings),
    )


def _named(place: str, found: Iterable[x509.Certificate], use: Use, endpoints: Iterable[str] = ()) -> Iterator[InUse]:
    """Take the certificates of one place; where there are several they are numbered."""
    for number, certificate in enumerate(found, start=1):
        name = place if number == 1 else f"{place}#{number}"
        yield InUse(
            place=name, use=use, certificate=certificate, ends=certificate.not_valid_after_utc, endpoints=tuple(sorted(endpoints))
        )


def _signing(settings: Settings, rings: Mapping[str, Ring]) -> Iterator[InUse]:
    for name, ring in rings.items():
        served = [each.name for each in settings.endpoints.values() if _signs_with(each, name)]
        for number, signer in enumerate(ring.signers, start=1):
            place = f"signers.{name}" if number == 1 else f"signers.{name}#{number}"
            followed = any(
                each.valid_from <= signer.valid_until < each.valid_until for each in ring.signers if each is not signer
            )
            (own,) = _named(place, [signer.certificate], SIGNING, served)
            yield replace(own, ends=signer.valid_until, followed=followed)
            yield from (replace(each, followed=followed) for each in _named(f"{place} path", signer.chain, PATH, served))


def _signs_with(endpoint: Endpoint, signer: str) -> bool:
    return endpoint.outbound is not None and endpoint.outbound.sign != "none" and endpoint.outbound.signer == signer


def _trusted(settings: Settings) -> Iterator[InUse]:
    """Give what endpoints' own files name; one file may serve several."""
    for use, which in ((PINNED, "pinned"), (ANCHOR, "anchors")):
        served: dict[str, list[str]] = {}
        for endpoint in settings.endpoints.values():
            for file in getattr(endpoint.inbound, which, ()):
                served.setdefault(file, []).append(endpoint.name)
        for file, names in served.items():
            yield from _named(f"trust/{file}", _read(settings, f"file:trust/{file}", f"trust/{file}"), use, names)


def _stored(settings: Settings, store: TrustStore) -> Iterator[InUse]:
    """Give the anchors of the trust store with the endpoints that choose them, and the roots of timestamps."""
    for anchor in store.anchors:
        use = STAMPS if anchor.purpose == TSA else ANCHOR
        asked = [each.name for each in settings.endpoints.values() if _chooses(each, anchor.purpose)]
        (found,) = _named(f"trust.toml anchor {anchor.name}", [anchor.certificate], use, asked)
        yield replace(found, ends=min(anchor.valid_until, anchor.certificate.not_valid_after_utc))
    for between in store.between:
        yield from _named(f"trust.toml intermediate {between.name}", [between.certificate], ANCHOR)
    for file in settings.file.timestamps.certificates:
        yield from _named(f"trust/{file}", _read(settings, f"file:trust/{file}", f"trust/{file}"), STAMPS)


def _chooses(endpoint: Endpoint, purpose: str) -> bool:
    return endpoint.inbound is not None and purpose in endpoint.inbound.purposes


def _tls(settings: Settings) -> Iterator[InUse]:
    doors, bus = settings.file.doors, settings.file.bus
    inward = [each.name for each in settings.endpoints.values() if each.inbound]
    outward = [each.name for each in settings.endpoints.values() if each.outbound]
    for table, name, reference, use, names in (
        ("doors", "certificate", doors.certificate, DOORS, inward),
        ("doors", "client_authorities", doors.client_authorities, CLIENTS, inward),
        ("bus", "certificate", bus.certificate, BUS, outward),
        ("bus", "ca", bus.ca, BUS_AUTHORITY, outward),
    ):
        if reference:
            where = f"{table}.{name}"
            yield from _named(where, _read(settings, reference, f"hub.toml [{table}] {name}"), use, names)
    for endpoint in settings.endpoints.values():
        if endpoint.amqp is not None:
            yield from _files(endpoint.name, "amqp", endpoint.amqp, BROKER, BROKER_AUTHORITY)
        if endpoint.outbound is not None and endpoint.outbound.tls is not None:
            yield from _files(endpoint.name, "outbound.tls", endpoint.outbound.tls, PARTNER, PARTNER_AUTHORITY)


def _files(endpoint: str, table: str, policy: AmqpPolicy | TlsPolicy, own: Use, authority: Use) -> Iterator[InUse]:
    """Give what a partner's own server is reached with; settings have made paths of the references."""
    for name, path, use in (("certificate", policy.certificate, own), ("ca", policy.ca, authority)):
        place = f"endpoints/{endpoint} {table}.{name}"
        if path:
            yield from _named(place, keys.load_certificates(Path(path).read_bytes(), where=place), use, [endpoint])


def _read(settings: Settings, reference: str, where: str) -> tuple[x509.Certificate, ...]:
    return keys.load_certificates(settings_module.secret(settings.folder, reference, where), where=where)


def sooner(found: Iterable[InUse]) -> list[InUse]:
    """Order by what ends first."""
    return sorted(found, key=lambda each: (each.ends.astimezone(UTC), each.place))


def warned(found: Iterable[InUse], now: datetime) -> list[InUse]:
    """Give those about which something must be done."""
    return [each for each in sooner(found) if each.warning(now) is not None]
