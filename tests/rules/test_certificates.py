"""Whom a signature may come from, and when."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import BadSettings, Untrusted
from hub.rules.certificates import read_certificate
from hub.rules.jws import sign_detached
from hub.rules.signatures import DS, signed_part, verify_jws
from hub.rules.signing import sign_xml
from hub.rules.trust import TrustSnapshot
from hub.trust.keys import load_certificates, load_signer
from tests.support.signers import (
    AUTHORITY,
    DOCUMENT,
    NOW,
    SIGNED,
    SIGNER,
    TRUST,
    WEAK,
    Party,
    edited,
    refusal,
    sign_otherwise,
    tool,
    usage,
)


@pytest.mark.parametrize(
    ("days", "outcome"),
    [
        (400, "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"),
        (-3, "TOTAL-FAILED/NOT_YET_VALID"),
        (365.1, "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"),
    ],
)
def test_a_certificate_outside_its_time_is_refused(days: float, outcome: str):
    pinned = TrustSnapshot(pinned=(SIGNER.certificate,))

    assert refusal(SIGNED, now=NOW + timedelta(days=days)) == outcome
    assert refusal(SIGNED, pinned, NOW + timedelta(days=days)) == outcome
    assert signed_part(SIGNED, TRUST, NOW + timedelta(days=364)).verdict.indication == "TOTAL-PASSED"


def test_an_authority_outside_its_time_is_refused():
    old = Party("Old authority", ca=True, days=(-10, 5))
    signed = sign_xml(DOCUMENT, Party("Late", old).signer)

    trust = TrustSnapshot(anchors=(old.certificate,))
    assert refusal(signed, trust, NOW + timedelta(days=6)) == "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"


def test_a_moment_without_zone_is_vietnamese_time():
    assert signed_part(SIGNED, TRUST, NOW.replace(tzinfo=None)).verdict.checked_at == "2026-03-02T02:15:04+07:00"


@pytest.mark.parametrize(
    "party",
    [
        Party("An authority signs", AUTHORITY, ca=True, use=usage(digital_signature=True, key_cert_sign=True)),
        Party("Not for signing", AUTHORITY, use=usage(key_encipherment=True)),
        Party("Unknown critical", AUTHORITY, extension=x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")),
    ],
)
def test_a_certificate_that_is_not_for_signing_is_refused(party: Party):
    assert refusal(sign_xml(DOCUMENT, party.signer)) == "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize(
    "anchor",
    [
        Party("No authority"),
        Party("No constraints", constraints=False, use=usage(key_cert_sign=True)),
        Party("May not issue", ca=True, use=usage(digital_signature=True)),
    ],
)
def test_an_anchor_that_may_not_issue_is_refused(anchor: Party):
    signed = sign_xml(DOCUMENT, Party("Issued", anchor).signer)

    assert refusal(signed, TrustSnapshot(anchors=(anchor.certificate,))) == "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"


def test_a_certificate_for_content_commitment_may_sign():
    party = Party("Commits", AUTHORITY, use=usage(content_commitment=True))

    assert signed_part(sign_xml(DOCUMENT, party.signer), TRUST, NOW).verdict.signer == "CN=Commits"


def test_an_authority_in_between_does_not_make_trust():
    between = Party("Between", AUTHORITY, ca=True)
    signed = sign_otherwise(DOCUMENT, leaf := Party("Leaf", between), certificates=[leaf.certificate, between.certificate])

    assert refusal(signed) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"
    assert signed_part(signed, TrustSnapshot(anchors=(between.certificate,)), NOW).verdict.signer == "CN=Leaf"


def test_a_certificate_issued_with_a_short_key_makes_a_weak_signature():
    small = Party("Small authority", ca=True, key=rsa.generate_private_key(public_exponent=65537, key_size=1024))
    signed = sign_xml(DOCUMENT, Party("Issued", small).signer)

    assert signed_part(signed, TrustSnapshot(anchors=(small.certificate,), allow_weak=True), NOW).verdict.weak is True
    assert refusal(signed, TrustSnapshot(anchors=(small.certificate,))) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize(("digest", "trusted"), [("sha1", False), ("md5", False), ("sha512", True)])
def test_a_certificate_issued_with_an_old_digest_is_trusted_only_where_pinned(digest: str, trusted: bool, tmp_path: Path):
    key, certificate = AUTHORITY.write(tmp_path)
    request = [tool("openssl"), "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-subj", "/CN=Old", "-out", "r.pem"]
    issue = [tool("openssl"), "x509", "-req", "-in", "r.pem", "-CA", certificate, "-CAkey", key, f"-{digest}", "-out", "c.pem"]
    for command in (request, issue):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    signer = load_signer("old", (tmp_path / "k.pem").read_bytes(), (tmp_path / "c.pem").read_bytes())
    signed, now = sign_xml(DOCUMENT, signer), signer.certificate.not_valid_before_utc + timedelta(hours=1)
    trust = replace(WEAK, anchors=(long_lived(AUTHORITY),))

    assert signed_part(signed, TrustSnapshot(pinned=(signer.certificate,)), now).verdict.signer == "CN=Old"
    if trusted:
        assert signed_part(signed, trust, now).verdict.weak is False
    else:
        assert refusal(signed, trust, now) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def long_lived(party: Party) -> x509.Certificate:
    """The same authority for a century: openssl issues as of the machine's clock."""
    return Party("Authority", key=party.key, ca=True, days=(-36_500 // 4, 36_500)).certificate


def test_an_anchor_itself_is_no_signer():
    assert refusal(sign_xml(DOCUMENT, AUTHORITY.signer)) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def test_an_authority_of_the_same_name_with_another_key_makes_no_trust():
    twin = Party("Authority", ca=True)

    assert refusal(sign_xml(DOCUMENT, Party("Signer", twin).signer)) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_flipped_byte_of_a_certificate_passes_or_crashes(data: st.DataObject):
    der = bytearray(SIGNER.certificate.public_bytes(serialization.Encoding.DER))
    for position in data.draw(st.sets(st.integers(0, len(der) - 1), min_size=1, max_size=3)):
        der[position] ^= data.draw(st.integers(1, 255))
    text = base64.b64encode(der).decode()

    assert refusal(edited(SIGNED, lambda root, signature: setattr(signature.find(f".//{DS}X509Certificate"), "text", text)))
    token = sign_detached(b"{}", {"alg": "PS256", "x5c": [text]}, SIGNER.key)
    with pytest.raises(Untrusted):
        verify_jws(b"{}", token, TRUST, NOW)


def test_a_certificate_whose_signature_is_said_to_lack_a_bit_is_refused():
    """The count of unused bits is not signed, and OpenSSL passes over it where the bit it leaves out is 0."""
    even = next(party for party in (Party("Even", AUTHORITY) for _ in range(100)) if not party.certificate.signature[-1] & 1)
    der = bytearray(even.certificate.public_bytes(serialization.Encoding.DER))
    assert read_certificate(bytes(der)) == even.certificate
    der[-len(even.certificate.signature) - 1] = 1

    x509.load_der_x509_certificate(bytes(der)).verify_directly_issued_by(AUTHORITY.certificate)
    with pytest.raises(Untrusted):
        read_certificate(bytes(der))


def test_a_certificate_of_a_future_version_is_refused():
    der = SIGNER.certificate.public_bytes(serialization.Encoding.DER).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03")

    with pytest.raises(Untrusted):
        read_certificate(der)
    with pytest.raises(BadSettings):
        load_certificates(b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n")
