"""Whom each endpoint trusts: the certificates that its own file names, and the trust store under ``trust/``."""

from __future__ import annotations

from dataclasses import replace

from cryptography.x509 import Certificate

from hub import settings as settings_module
from hub.endpoint import Endpoint, InboundPolicy
from hub.errors import BadSettings
from hub.rules.trust import TrustSnapshot
from hub.settings import TRUST_FILE, Settings
from hub.trust import keys
from hub.trust.book import TrustBook
from hub.trust.store import TSA, Asked, TrustStore
from hub.trust.store import load as load_store


def open_book(settings: Settings) -> TrustBook:
    """Read all certificates and the register; raises BadSettings where one cannot be used."""
    store = load_store(settings.folder / TRUST_FILE, settings.trust)
    return TrustBook(
        store,
        settings.folder / settings.trust.revocation.folder,
        {
            name: replace(snapshot(settings, endpoint), stampers=store.certificates(TSA))
            for name, endpoint in settings.endpoints.items()
        },
        {name: _asked(endpoint, store) for name, endpoint in settings.endpoints.items() if _purposes(endpoint)},
    )


def _purposes(endpoint: Endpoint) -> tuple[str, ...]:
    return endpoint.inbound.purposes if endpoint.inbound else ()


def _asked(endpoint: Endpoint, store: TrustStore) -> Asked:
    inbound = endpoint.inbound or InboundPolicy()
    for purpose in inbound.purposes:
        if purpose not in store.purposes:
            known = ", ".join(sorted(store.purposes)) or "-"
            where = f"endpoints/{endpoint.name}.toml [inbound] purposes"
            raise BadSettings(
                f"{where}: {TRUST_FILE} has no anchor for {purpose!r}; there are: {known}",
                f"{where}: {TRUST_FILE} không có tổ chức gốc cho {purpose!r}; hiện có: {known}",
                where=where,
            )
    return Asked(
        endpoint=endpoint.name,
        purposes=inbound.purposes,
        allow_weak=inbound.allow_weak,
        accept_unknown=inbound.revocation_unknown == "accept_and_say",
        registered=inbound.registered,
    )


def snapshot(settings: Settings, endpoint: Endpoint) -> TrustSnapshot:
    """Load the certificates that an endpoint's own file names."""
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
