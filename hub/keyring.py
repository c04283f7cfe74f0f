"""The hub's signing keys as ``[signers.NAME]`` names them: out of files, PKCS #12, and tokens, each with its time."""

from __future__ import annotations

from datetime import datetime

from hub import settings as settings_module
from hub.canonical.base import local
from hub.rules import signing
from hub.rules.signing import Ring
from hub.rules.trust import Signer
from hub.sections import SignerSection
from hub.settings import Settings
from hub.trust import keys


def rings(settings: Settings) -> dict[str, Ring]:
    """Load every signer; raises BadSettings where a key or a certificate cannot be used. No token is spoken to."""
    return {name: ring(settings, name) for name in settings.file.signers}


def ring(settings: Settings, name: str) -> Ring:
    """Load the keys of one signer."""
    sections = settings.file.signers[name]
    tables = zip(places(name, sections), sections, strict=True)
    return Ring(name, tuple(_signer(settings, name, where, section) for where, section in tables))


def places(name: str, sections: tuple[SignerSection, ...]) -> list[str]:
    """Name each key's table, as errors and lists do."""
    if len(sections) == 1:
        return [f"hub.toml [signers.{name}]"]
    return [f"hub.toml [[signers.{name}]] {number}" for number in range(1, len(sections) + 1)]


def _signer(settings: Settings, name: str, where: str, section: SignerSection) -> Signer:
    def read(reference: str) -> bytes:
        return settings_module.secret(settings.folder, reference, where) if reference else b""

    password = settings_module.secret_text(settings.folder, section.password, where).encode() if section.password else None
    if section.module:
        loaded = _in_token(settings, name, where, section, read(section.certificate))
    elif section.pkcs12:
        loaded = keys.load_pkcs12(name, read(section.pkcs12), password, read(section.certificate))
    else:
        loaded = keys.load_signer(name, read(section.key), read(section.certificate), password)
    return keys.limited(loaded, _moment(section.valid_from), _moment(section.valid_until))


def _moment(given: datetime | None) -> datetime | None:
    return local(given) if given else None


def _in_token(settings: Settings, name: str, where: str, section: SignerSection, certificate_pem: bytes) -> Signer:
    # It takes a moment to load, which a hub without tokens should not pay.
    from hub.trust.tokens import Place, TokenKey  # noqa: PLC0415

    certificate, chain = keys.signing_path(keys.load_certificates(certificate_pem, where=where), where)
    place = Place(
        **section.model_dump(include={"module", "token", "key_label", "key_id", "sessions"}),
        pin=settings_module.secret_text(settings.folder, section.pin, f"{where} pin") if section.pin else "",
        where=where,
    )
    return signing.holding(name, TokenKey(place, certificate), certificate, chain)
