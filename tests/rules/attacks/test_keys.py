"""Whose key it is: certificates, key values and algorithms of an attacker's choice."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod

from hub.rules.signatures import DS, signed_part
from hub.rules.signing import sign_xml
from tests.support import signed_xml
from tests.support.signed_xml import B_B, PLAIN
from tests.support.signers import (
    ATTACKER,
    AUTHORITY,
    DOCUMENT,
    NOW,
    SIGNER,
    WEAK,
    Party,
    edited,
    refusal,
    sha256,
    sign_otherwise,
)


@pytest.fixture(params=[PLAIN, B_B], ids=["XML-DSig", "XAdES"])
def signed(request: pytest.FixtureRequest) -> bytes:
    return signed_xml.sign(DOCUMENT, SIGNER, request.param)


# --- changed content and values -----------------------------------------------------------------------------------


def test_a_changed_text_breaks_the_digest(signed: bytes):
    assert refusal(signed.replace(b"m-1", b"m-2")) == "TOTAL-FAILED/HASH_FAILURE"


def test_a_changed_value_breaks_the_signature(signed: bytes):
    def change(root, signature):
        value = signature.find(f"{DS}SignatureValue")
        raw = bytearray(base64.b64decode(value.text))
        raw[7] ^= 1
        value.text = base64.b64encode(raw).decode()

    assert refusal(edited(signed, change)) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_a_changed_digest_breaks_the_signature(signed: bytes):
    def change(root, signature):
        signature.find(f".//{DS}DigestValue").text = base64.b64encode(sha256(b"evil")).decode()

    assert refusal(edited(signed, change)) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_an_attackers_own_valid_certificate_is_not_trusted():
    assert refusal(sign_xml(DOCUMENT, ATTACKER.signer)) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def test_an_attackers_signature_under_the_signers_certificate_does_not_hold():
    signed = sign_otherwise(DOCUMENT, ATTACKER, certificates=[SIGNER.certificate])

    assert refusal(signed) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


@pytest.mark.parametrize("order", [1, -1])
def test_two_signers_certificates_are_refused(order: int):
    signed = sign_otherwise(DOCUMENT, ATTACKER, certificates=[SIGNER.certificate, ATTACKER.certificate][::order])

    assert refusal(signed) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"


def test_an_attackers_key_value_beside_the_signers_certificate_is_refused(signed: bytes):
    theirs = etree.fromstring(sign_otherwise(DOCUMENT, ATTACKER, always_add_key_value=True)).find(f".//{DS}KeyValue")
    beside = edited(signed, lambda root, signature: signature.find(f"{DS}KeyInfo").insert(0, theirs))
    alone = sign_otherwise(DOCUMENT, ATTACKER, certificates=[SIGNER.certificate], always_add_key_value=True)

    assert refusal(beside).startswith("TOTAL-FAILED/")
    assert refusal(alone).startswith("TOTAL-FAILED/")


@pytest.mark.parametrize(
    "child",
    [
        f'<ds:RetrievalMethod xmlns:ds="{DS[1:-1]}" URI="http://localhost/key"/>',
        f'<ds:MgmtData xmlns:ds="{DS[1:-1]}">x</ds:MgmtData>',
        '<d:DEREncodedKeyValue xmlns:d="http://www.w3.org/2009/xmldsig11#">AA==</d:DEREncodedKeyValue>',
        "<SecurityTokenReference xmlns='urn:wsse'/>",
    ],
)
def test_other_ways_to_name_a_key_are_refused(signed: bytes, child: str):
    bent = edited(signed, lambda root, signature: signature.find(f"{DS}KeyInfo").append(etree.fromstring(child)))

    assert refusal(bent) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_key_without_certificate_is_refused():
    key = etree.fromstring(sign_otherwise(DOCUMENT, always_add_key_value=True))
    data = key.find(f".//{DS}X509Data")
    data.getparent().remove(data)

    assert refusal(etree.tostring(key)) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"


@pytest.mark.parametrize("text", ["", "AAAA", "%%%", "ÿ", base64.b64encode(b"0\x82" + b"\xff" * 500).decode()])
def test_a_certificate_that_cannot_be_read_is_refused(signed: bytes, text: str):
    bent = edited(signed, lambda root, signature: setattr(signature.find(f".//{DS}X509Certificate"), "text", text))

    assert refusal(bent) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_too_many_certificates_are_refused():
    signed = sign_otherwise(DOCUMENT, certificates=[SIGNER.certificate] * 9)

    assert refusal(signed) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"


@pytest.mark.parametrize("key", [SIGNER.certificate.public_bytes(serialization.Encoding.PEM), b""])
def test_an_hmac_with_the_public_certificate_as_its_secret_is_refused(signed: bytes, key: bytes):
    """The classical confusion: what everybody knows is taken for a shared secret."""
    info = etree.fromstring(signed).find(f".//{DS}KeyInfo")
    by_secret = sign_otherwise(DOCUMENT, signature_algorithm=SignatureMethod.HMAC_SHA256, key=key)

    confused = edited(by_secret, lambda root, signature: signature.append(info))
    assert refusal(confused) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_a_truncated_hmac_or_other_parameter_of_the_method_is_refused(signed: bytes):
    signed = edited(
        signed, lambda root, signature: etree.SubElement(signature.find(f".//{DS}SignatureMethod"), f"{DS}HMACOutputLength")
    )

    assert refusal(signed) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize("algorithm", [SignatureMethod.DSA_SHA256.value, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5", ""])
def test_other_algorithms_are_refused_even_where_weak_ones_are_allowed(signed: bytes, algorithm: str):
    bent = edited(signed, lambda root, signature: signature.find(f".//{DS}SignatureMethod").set("Algorithm", algorithm))

    assert refusal(bent, WEAK) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_an_algorithm_for_another_kind_of_key_is_refused(signed: bytes):
    ecdsa = SignatureMethod.ECDSA_SHA256.value
    bent = edited(signed, lambda root, signature: signature.find(f".//{DS}SignatureMethod").set("Algorithm", ecdsa))

    assert refusal(bent) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize(
    ("method", "digest", "shown"),
    [
        (SignatureMethod.RSA_SHA1, DigestAlgorithm.SHA1, "RSA-SHA1"),
        (SignatureMethod.RSA_SHA1, DigestAlgorithm.SHA256, "RSA-SHA1"),
        (SignatureMethod.RSA_SHA256, DigestAlgorithm.SHA1, "RSA-SHA256"),
    ],
)
def test_sha1_is_read_only_where_allowed_and_then_called_weak(method: SignatureMethod, digest: DigestAlgorithm, shown: str):
    signed = sign_otherwise(DOCUMENT, signature_algorithm=method, digest_algorithm=digest)

    verdict = signed_part(signed, WEAK, NOW).verdict

    assert (verdict.algorithm, verdict.weak, verdict.indication) == (shown, True, "TOTAL-PASSED")
    assert refusal(signed) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"
    assert refusal(signed.replace(b"m-1", b"m-2"), WEAK) == "TOTAL-FAILED/HASH_FAILURE"


def test_a_short_key_is_read_only_where_allowed_and_then_called_weak():
    small = Party("Small", AUTHORITY, key=rsa.generate_private_key(public_exponent=65537, key_size=1024))
    signed = sign_xml(DOCUMENT, small.signer)

    assert signed_part(signed, WEAK, NOW).verdict.weak is True
    assert refusal(signed) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_curves_that_are_not_allowed_are_refused():
    odd = Party("Odd", AUTHORITY, key=ec.generate_private_key(ec.SECP256K1()))

    signed = signed_xml.sign(DOCUMENT, odd, PLAIN, method=signed_xml.ECDSA_SHA256)

    assert refusal(signed, WEAK) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_strong_signatures_are_not_called_weak_where_weak_ones_are_allowed(signed: bytes):
    assert signed_part(signed, WEAK, NOW).verdict.weak is False
