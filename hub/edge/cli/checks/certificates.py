"""Keys and certificates: they can be read, nobody else can read them, and how long they are good."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.x509 import Certificate

from hub import inventory, keyring
from hub import settings as settings_module
from hub import trusted as trusted_certificates
from hub.edge.cli import frame
from hub.edge.cli.checks import signing
from hub.edge.cli.checks.findings import ERROR, WARNING, Finding, fine, of_error
from hub.errors import HubError
from hub.rules.signing import Ring
from hub.sections import SignerSection
from hub.settings import Settings
from hub.trust import keys

#: A certificate that ends so soon is said.
SOON = timedelta(days=60)


def look(settings: Settings) -> Iterator[Finding]:
    """Look at the seal's key, at signers, and at the folder of keys."""
    try:
        seal = keys.load_seal_key(settings_module.secret(settings.folder, settings.file.seal.key, "hub.toml [seal] key"))
        yield fine("hub.toml [seal]", f"khóa niêm phong {seal.key_id}", f"seal key {seal.key_id}")
    except HubError as error:
        yield of_error("hub.toml [seal]", error)
    for name, sections in settings.file.signers.items():
        try:
            yield from _signer(name, sections, keyring.ring(settings, name))
        except HubError as error:
            yield of_error(f"hub.toml [signers.{name}]", error)
    yield from _in_use(settings)
    yield from _open_files(settings.folder / "keys")


def _in_use(settings: Settings) -> Iterator[Finding]:
    """Say which of the other certificates end soon: of timestamps, TLS, and the trust store."""
    try:
        found = inventory.look(settings, {}, trusted_certificates.open_book(settings).store)
    except HubError:
        return  # what cannot be read is told where it is opened
    now = datetime.now(UTC)
    for each in inventory.warned(found, now):
        # What endpoints name is told with them.
        if each.use.kind != "trusted_signer" and not (each.use.kind == "trusted_authority" and each.place.startswith("trust/")):
            yield from _expiry(each.place, each.certificate)


def _signer(name: str, sections: tuple[SignerSection, ...], ring: Ring) -> Iterator[Finding]:
    """Look at the keys of a signer; one whose time is over matters no more where another has taken its place."""
    now = datetime.now(UTC)
    later = any(each.valid_until > now for each in ring.signers)
    for where, signer in zip(keyring.places(name, sections), ring.signers, strict=True):
        if signer.valid_until <= now and later:
            vi, en = "hết thời hạn dùng, khóa khác ký thay; có thể bỏ ra", "its time is over, another key signs; take it out"
            yield fine(where, vi, en)
            continue
        yield from _expiry(where, signer.certificate)
        yield from signing.try_out(where, signer)


def _expiry(where: str, certificate: Certificate) -> Iterator[Finding]:
    end, now = certificate.not_valid_after_utc, datetime.now(UTC)
    day = frame.moment(end.timestamp())
    if end <= now:
        yield Finding(level=ERROR, where=where, vi=f"chứng thư số đã hết hạn lúc {day}", en=f"the certificate expired on {day}")
    elif end - now < SOON:
        left = (end - now).days
        vi, en = f"chứng thư số sắp hết hạn: {day} (còn {left} ngày)", f"the certificate ends soon: {day} ({left} days left)"
        yield Finding(level=WARNING, where=where, vi=vi, en=en)
    else:
        yield fine(where, f"chứng thư số dùng được đến {day}", f"the certificate is good until {day}")
    if keys.DEVELOPMENT_MARK in certificate.subject.rfc4514_string():
        vi, en = "chứng thư số thử nghiệm, không dùng khi vận hành thật", "a development certificate, not for real use"
        yield Finding(level=WARNING, where=where, vi=vi, en=en)


def _open_files(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.glob("*")):
        if path.suffix != ".crt" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            vi, en = f"người khác đọc được; hãy chạy: chmod 600 {path}", f"others can read it; run: chmod 600 {path}"
            yield Finding(level=WARNING, where=f"keys/{path.name}", vi=vi, en=en)


def trusted(settings: Settings, where: str, names: Iterable[str]) -> Iterator[Finding]:
    """Look at certificates that an endpoint trusts, by their names under trust/."""
    for name in names:
        place = f"trust/{name}"
        try:
            pem = settings_module.secret(settings.folder, f"file:{place}", where)
            for certificate in keys.load_certificates(pem, where=place):
                yield from _expiry(place, certificate)
        except HubError as error:
            yield of_error(place, error)
