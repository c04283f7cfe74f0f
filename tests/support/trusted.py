"""Trust stores of the tests: made of values, without files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest
from cryptography import x509

from hub.errors import Untrusted
from hub.rules import certificates
from hub.rules.trust import Judged, TrustSnapshot
from hub.trust.judging import PathJudge
from hub.trust.revocation import Revocation, collect, read
from hub.trust.store import Anchor, Asked, Between, TrustStore
from tests.support.pki import NOW, Party


def anchor(party: Party | x509.Certificate, purpose: str = "government", **days: datetime) -> Anchor:
    certificate = party.certificate if isinstance(party, Party) else party
    return Anchor(
        name=purpose,
        purpose=purpose,
        certificate=certificate,
        valid_from=days.get("valid_from", certificate.not_valid_before_utc),
        valid_until=days.get("valid_until", certificate.not_valid_after_utc),
    )


def store(*anchors: Anchor, between: Iterable[x509.Certificate] = (), **more: Any) -> TrustStore:
    below = tuple(Between(name=f"between-{number}", certificate=each) for number, each in enumerate(between))
    return TrustStore(anchors=anchors, between=below, **more)


def held(*octets: bytes) -> Revocation:
    return collect(item for each in octets for item in read(each))


def asked(**more: Any) -> Asked:
    return Asked(**{"endpoint": "partner", "purposes": ("government",), "registered": False, **more})


def snapshot(given: TrustStore, revocation: Revocation | None = None, **more: Any) -> TrustSnapshot:
    question = asked(**more)
    return TrustSnapshot(judge=PathJudge(given, revocation or Revocation(), question), allow_weak=question.allow_weak)


def judged(party: Party, trust: TrustSnapshot, now: datetime = NOW, others: Iterable[x509.Certificate] | None = None) -> Judged:
    """Check a signer's certificate as signatures do; unless said otherwise its issuers' come beside it, without the root's."""
    return certificates.check(party.certificate, trust, now, party.between if others is None else tuple(others))


def refusal(party: Party, trust: TrustSnapshot, now: datetime = NOW, others: Iterable[x509.Certificate] | None = None) -> str:
    """Check what must not be trusted; give the outcome in ETSI's words."""
    with pytest.raises(Untrusted) as caught:
        judged(party, trust, now, others)
    assert caught.value.where in caught.value.en
    assert caught.value.where in caught.value.vi
    return caught.value.where
