"""Certificates in use: until when each is good, and what stops when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from hub.canonical.base import local
from hub.rules import certificates

#: Days before the end at which is warned; docs and alarms have the same.
WARNINGS = (60, 30, 7)
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a certificate is for, and what stops without it."""

    #: Word of our own: signing, path, trusted_signer, trusted_authority, timestamps, tls_server, tls_client, tls_authority, seen.
    kind: str
    #: Whose it is: ``ours`` or ``partners``.
    side: str
    #: Which way messages go that need it: ``out``, ``in``, ``both``; empty: nothing of ours needs it.
    direction: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """One certificate at one place."""

    #: Its place in the configuration: a word of our own, the label of its metric.
    place: str
    use: Use
    certificate: x509.Certificate
    #: When it ends: its own end, or the day until which it is used.
    ends: datetime
    #: Endpoints for which something stops.
    endpoints: tuple[str, ...] = ()
    #: Another one is there that goes on when it ends: nothing stops.
    followed: bool = False

    def days_left(self, now: datetime) -> float:
        """Say how many days are left; negative: it has ended."""
        return (local(self.ends) - local(now)).total_seconds() / _DAY_SECONDS

    def warning(self, now: datetime) -> int | None:
        """Give the last limit of ``WARNINGS`` that was passed, 0 where it has ended; None: there is time, or nothing stops."""
        left = self.days_left(now)
        if self.followed:
            return None
        return 0 if left <= 0 else min((limit for limit in WARNINGS if left < limit), default=None)

    @property
    def subject(self) -> str:
        return _name(self.certificate, "subject")

    @property
    def issuer(self) -> str:
        return _name(self.certificate, "issuer")

    @property
    def fingerprint(self) -> str:
        return certificates.fingerprint(self.certificate)


def _name(certificate: x509.Certificate, which: str) -> str:
    try:
        return str(getattr(certificate, which).rfc4514_string())
    except certificates.UNREADABLE:
        return "?"
