"""The hub's seal: openssl accepts it, and nothing but exactly it is accepted here."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Untrusted
from hub.rules import cades, timestamps
from hub.rules.signing import in_memory
from tests.support import tsa
from tests.support.signers import AUTHORITY, EC_SIGNER, NOW, SIGNER, Party, tool

CONTENT = b"<manifest/>"
P384 = Party("P-384", AUTHORITY, key=ec.generate_private_key(ec.SECP384R1()))
PARTIES = {"rsa": SIGNER, "p-256": EC_SIGNER, "p-384": P384}
SEALS = {name: cades.seal(CONTENT, party.signer, NOW) for name, party in PARTIES.items()}


def outcome(seal: bytes, content: bytes = CONTENT) -> str:
    with pytest.raises(Untrusted) as caught:
        cades.check(seal, content)
    return caught.value.where


def openssl(folder: Path, seal: bytes, *words: str, content: bytes = CONTENT) -> bool:
    (folder / "seal.p7s").write_bytes(seal)
    (folder / "content").write_bytes(content)
    (folder / "anchor.pem").write_bytes(AUTHORITY.certificate.public_bytes(Encoding.PEM))
    command = [tool("openssl"), "cms", "-verify", "-binary", "-inform", "DER", "-in", "seal.p7s", "-content", "content"]
    done = subprocess.run([*command, "-out", "/dev/null", *words], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


TRUSTING = ("-CAfile", "anchor.pem", "-purpose", "any", "-attime", str(int(NOW.timestamp())))


@pytest.mark.parametrize("name", PARTIES)
def test_a_seal_says_who_and_when(name: str) -> None:
    signed = cades.check(SEALS[name], CONTENT)

    assert (signed.certificate, signed.others, signed.at) == (PARTIES[name].certificate, (), NOW)


@pytest.mark.parametrize("name", PARTIES)
@pytest.mark.parametrize("words", [("-noverify",), TRUSTING, ("-cades", *TRUSTING)], ids=["alone", "path", "cades"])
def test_openssl_accepts_it(tmp_path: Path, name: str, words: Sequence[str]) -> None:
    """With ``-cades`` it also compares the certificate with the digest that is signed (RFC 5035)."""
    assert openssl(tmp_path, SEALS[name], *words)
    assert not openssl(tmp_path, SEALS[name], *words, content=b"<other/>")


def test_the_path_of_the_signer_goes_with_it(tmp_path: Path) -> None:
    signer = in_memory("test", SIGNER.key, SIGNER.certificate, [AUTHORITY.certificate])
    seal = cades.seal(CONTENT, signer, NOW)

    assert cades.check(seal, CONTENT).others == (AUTHORITY.certificate,)
    assert openssl(tmp_path, seal, "-cades", *TRUSTING)


def test_other_content_is_not_what_was_sealed() -> None:
    assert outcome(SEALS["rsa"], b"<other/>") == "TOTAL-FAILED/HASH_FAILURE"


def test_a_moment_beyond_2049_is_written_and_read() -> None:
    """RFC 5652 11.3: as GeneralizedTime."""
    later = datetime(2061, 7, 1, 12, 0, 5, tzinfo=UTC)

    assert cades.check(cades.seal(CONTENT, SIGNER.signer, later), CONTENT).at == later


@pytest.mark.parametrize("name", ["rsa", "p-256"])
def test_a_flipped_bit_anywhere_is_found(name: str) -> None:
    seal = SEALS[name]
    for place in range(0, len(seal), 2):
        changed = bytearray(seal)
        changed[place] ^= 1 << place // 2 % 8
        outcome(bytes(changed))


def test_another_certificate_for_the_same_key_is_refused() -> None:
    """Who signed is what the certificate says; the key alone would not tell."""
    twin = Party("Somebody else", AUTHORITY, key=SIGNER.key)
    tree = cms.ContentInfo.load(SEALS["rsa"])
    tree["content"]["certificates"] = [asn1_x509.Certificate.load(twin.certificate.public_bytes(Encoding.DER))]

    assert outcome(tree.dump(force=True)) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"


def test_a_seal_by_another_key_under_the_same_name_is_refused() -> None:
    other = Party("Signer", AUTHORITY)
    tree, theirs = cms.ContentInfo.load(SEALS["rsa"]), cms.ContentInfo.load(cades.seal(CONTENT, other.signer, NOW))
    tree["content"]["signer_infos"][0]["signature"] = theirs["content"]["signer_infos"][0]["signature"].native

    assert outcome(tree.dump(force=True)) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_a_moment_without_a_zone_is_none() -> None:
    """Nobody could compare it with the days of a certificate."""
    signed = cms.ContentInfo.load(SEALS["p-256"])["content"]["signer_infos"][0]["signed_attrs"]
    moment = cms.Time.load(core.GeneralizedTime(contents=b"20260302021504").dump())
    told = cms.CMSAttribute({"type": "signing_time", "values": [moment]})
    changed = cms.CMSAttributes([told if each["type"].native == "signing_time" else each for each in signed])
    value = EC_SIGNER.signer.sign_sha256(changed.dump())

    seal = cades._whole((EC_SIGNER.certificate,), changed, "sha256", "sha256_ecdsa", value)

    assert outcome(seal) == "TOTAL-FAILED/FORMAT_FAILURE"


@given(st.binary(max_size=300))
def test_rubbish_is_refused(octets: bytes) -> None:
    outcome(octets)


@given(st.integers(0, len(SEALS["p-256"]) - 1), st.binary(max_size=8))
def test_a_seal_with_a_piece_exchanged_is_refused(place: int, piece: bytes) -> None:
    seal = SEALS["p-256"]
    changed = seal[:place] + piece + seal[place + len(piece) + 1 :]
    if changed != seal:
        outcome(changed)


# --- time tokens ----------------------------------------------------------------------------------------------------

DIGEST = hashlib.sha256(CONTENT).digest()


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    tool("openssl")
    authority = tsa.Tsa(tmp_path_factory.mktemp("tsa"))
    return timestamps.read_reply(authority.stamp(timestamps.request(DIGEST, 7)), DIGEST, 7)


def test_a_token_says_when_and_by_whom_without_anybody_being_trusted(token: bytes) -> None:
    stamp = cades.check_token(token, DIGEST)

    assert stamp.certificate == tsa.authorities()[2].certificate
    assert stamp.policy == tsa.POLICY
    assert stamp.at == timestamps.check(token, DIGEST, [tsa.authorities()[0].certificate]).at


def test_a_token_over_other_bytes_is_refused(token: bytes) -> None:
    with pytest.raises(Untrusted, match="HASH_FAILURE"):
        cades.check_token(token, bytes(32))


def test_a_seal_is_no_token_and_a_token_no_seal(token: bytes) -> None:
    with pytest.raises(Untrusted, match="FORMAT_FAILURE"):
        cades.check_token(SEALS["rsa"], DIGEST)
    assert outcome(token) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_token_by_a_certificate_that_is_not_for_it_is_refused(tmp_path: Path) -> None:
    """RFC 3161 2.3: openssl itself would not sign with it, so the certificate in a good token is looked at."""
    plain = x509.load_der_x509_certificate(SIGNER.certificate.public_bytes(Encoding.DER))
    with pytest.raises(Untrusted, match="CHAIN_CONSTRAINTS_FAILURE"):
        cades._check_purpose(plain)


def test_a_flipped_bit_in_what_a_token_says_is_found(token: bytes) -> None:
    tree = cms.ContentInfo.load(token)
    said = tree["content"]["encap_content_info"]["content"].contents
    begin = token.index(said)
    for place in range(begin, begin + len(said)):
        changed = bytearray(token)
        changed[place] ^= 4
        with pytest.raises(Untrusted):
            cades.check_token(bytes(changed), DIGEST)
