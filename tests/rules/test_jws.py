"""Detached signatures of JSON bodies (RFC 7797)."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Untrusted
from hub.rules.jws import sign_detached
from hub.rules.signatures import verify_jws
from hub.rules.signing import sign_jws
from hub.rules.trust import TrustSnapshot
from tests.support.signers import (
    ATTACKER,
    AUTHORITY,
    EC_SIGNER,
    NOW,
    OPTIONAL,
    SIGNER,
    TRUST,
    Party,
    sha256,
    tool,
)

BODY = '{"MaHoSo": "G10.99.999-260302-0001", "TrangThai": "4", "TenChuSoHuu": "Nguyễn Thử Nghiệm"}'.encode()


def head_of(token: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def with_head(token: str, **changes: object) -> str:
    return f"{encoded(json.dumps({**head_of(token), **changes}).encode())}..{token.split('.')[2]}"


def jws_refusal(body: bytes, token: str, trust: TrustSnapshot = TRUST, now: datetime = NOW) -> str:
    with pytest.raises(Untrusted) as caught:
        verify_jws(body, token, trust, now)
    return caught.value.where


P384 = Party("P-384", AUTHORITY, key=ec.generate_private_key(ec.SECP384R1()))


@pytest.mark.parametrize(("party", "algorithm"), [(SIGNER, "PS256"), (EC_SIGNER, "ES256"), (P384, "ES384")])
@pytest.mark.parametrize("body", [BODY, b"", b"abc-_~", b"\x00\xff.bytes\n", b"<E>.</E>", b"x" * 1_000_000])
def test_a_body_is_signed_apart_from_itself(party: Party, algorithm: str, body: bytes):
    token = sign_jws(body, party.signer)

    verified = verify_jws(body, token, TRUST, NOW)

    assert verified.signed_bytes == body
    assert (verified.verdict.algorithm, verified.verdict.indication) == (algorithm, "TOTAL-PASSED")
    assert verified.certificate == party.certificate.public_bytes(serialization.Encoding.DER)
    assert (head_of(token)["b64"], head_of(token)["crit"]) == (False, ["b64"])
    assert ".." in token
    assert jws_refusal(body + b" ", token) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_a_missing_token_is_a_missing_signature():
    assert jws_refusal(BODY, "") == "NOT-SIGNED"
    assert verify_jws(BODY, "", OPTIONAL, NOW).verdict.indication == "NOT-SIGNED"
    assert verify_jws(BODY, "rubbish", replace(TRUST, policy="none"), NOW).signed_bytes == BODY


def test_a_broken_token_passes_nowhere():
    assert jws_refusal(BODY, sign_jws(b"other", SIGNER.signer), OPTIONAL) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_a_pinned_certificate_is_found_by_its_thumbprint():

    der = SIGNER.certificate.public_bytes(serialization.Encoding.DER)
    for algorithm in ("PS256", "RS256", "RS512"):
        token = sign_detached(BODY, {"alg": algorithm, "x5t#S256": encoded(sha256(der))}, SIGNER.key)
        assert verify_jws(BODY, token, TrustSnapshot(pinned=(SIGNER.certificate,)), NOW).verdict.algorithm == algorithm
        assert jws_refusal(BODY, token) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"


def test_a_token_with_a_payload_of_its_own_is_refused():
    """Such a token holds whatever body stands beside it."""
    head, _, signature = sign_jws(b"abc", SIGNER.signer).split(".")

    assert verify_jws(b"abc", f"{head}..{signature}", TRUST, NOW).signed_bytes == b"abc"
    assert jws_refusal(BODY, f"{head}.abc.{signature}") == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize(
    "changes",
    [
        *({"b64": True}, {"b64": 0}, {"alg": 7}, {"alg": None}),
        *({"crit": ["b64", "exp"]}, {"crit": []}, {"crit": {"b64": 1}}, {"crit": "b64"}),
    ],
)
def test_a_header_of_another_kind_is_refused(changes: dict):
    assert jws_refusal(BODY, with_head(sign_jws(BODY, SIGNER.signer), **changes)) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-le", "utf-8-sig", "latin-1"])
def test_a_header_that_is_not_utf_8_is_refused(encoding: str):
    """RFC 7515, 3: it is the UTF-8 of a JSON object."""
    token = sign_jws(BODY, SIGNER.signer)
    head = json.dumps({**head_of(token), "note": "\xe0"}, ensure_ascii=False).encode(encoding)

    assert jws_refusal(BODY, f"{encoded(head)}..{token.split('.')[2]}") == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", "ES512", "EdDSA", "PS1"])
def test_an_algorithm_that_does_not_fit_the_key_is_refused(algorithm: str):
    token = with_head(sign_jws(BODY, SIGNER.signer), alg=algorithm)

    assert jws_refusal(BODY, token) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_a_token_keyed_with_the_public_certificate_is_refused():
    import hashlib
    import hmac

    pem = SIGNER.certificate.public_bytes(serialization.Encoding.PEM)
    first = with_head(sign_jws(BODY, SIGNER.signer), alg="HS256").partition(".")[0]
    value = hmac.new(pem, first.encode() + b"." + BODY, hashlib.sha256).digest()

    assert jws_refusal(BODY, f"{first}..{encoded(value)}") == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize("chain", [[], "x", [7], {}, [""], ["%%%"], ["AAAA"], ["A"] * 9, [["A"]]])
def test_a_header_without_a_readable_certificate_is_refused(chain: object):
    token = with_head(sign_jws(BODY, SIGNER.signer), x5c=chain)

    assert jws_refusal(BODY, token) in ("INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND", "TOTAL-FAILED/FORMAT_FAILURE")


def test_a_certificate_that_is_not_the_thumbprints_is_refused():
    theirs = base64.b64encode(ATTACKER.certificate.public_bytes(serialization.Encoding.DER)).decode()
    token = with_head(sign_jws(BODY, SIGNER.signer), x5c=[theirs])

    assert jws_refusal(BODY, token) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"


def test_the_certificate_of_a_token_must_be_trusted_and_in_time():
    assert jws_refusal(BODY, sign_jws(BODY, ATTACKER.signer)) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"
    assert jws_refusal(BODY, sign_jws(BODY, SIGNER.signer), now=NOW + timedelta(days=900)) == "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "a.b",
        "a..b.c",
        "é..x",
        "%%..%%",
        f"{encoded(b'[]')}..AA",
        f"{encoded(b'7')}..AA",
        f"{encoded(b'[' * 20_000)}..AA",
        f"{encoded(b'x' * 40_000)}..AA",
        f"{encoded(bytes([255]))}..AA",
        encoded(b'{"alg":"PS256","alg":"PS256","b64":false,"crit":["b64"]}') + "..AA",
        encoded(b'{"alg":"PS256","b64":false,"crit":["b64"]}') + "..A",
        encoded(b'{"alg":"PS256","b64":false,"crit":["b64"]}') + "..AB",
        encoded(b'{"alg":"PS256","b64":false,"crit":["b64"]}') + "..AA==",
    ],
)
def test_rubbish_is_no_token(token: str):
    assert jws_refusal(BODY, token) == "TOTAL-FAILED/FORMAT_FAILURE"


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_flipped_character_of_a_token_or_body_passes(data: st.DataObject):
    token = sign_jws(BODY, EC_SIGNER.signer).encode()
    target = data.draw(st.sampled_from([token, BODY]))
    position, flip = data.draw(st.integers(0, len(target) - 1)), data.draw(st.integers(1, 127))
    flipped = target[:position] + bytes([target[position] ^ flip]) + target[position + 1 :]

    with pytest.raises(Untrusted):
        if target is token:
            verify_jws(BODY, flipped.decode("latin-1"), TRUST, NOW)
        else:
            verify_jws(flipped, token.decode(), TRUST, NOW)


def test_openssl_accepts_the_tokens_we_sign(tmp_path: Path):
    openssl = tool("openssl")
    first, _, value = sign_jws(BODY, SIGNER.signer).split(".")
    (tmp_path / "signed").write_bytes(first.encode() + b"." + BODY)
    (tmp_path / "value").write_bytes(base64.urlsafe_b64decode(value + "=="))
    public = SIGNER.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]

    done = subprocess.run(
        [openssl, "dgst", "-sha256", *pss, "-verify", "public.pem", "-signature", "value", "signed"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "Verified OK", done.stderr
