"""Keys: loaded once and checked, made for development and marked so."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from hub.errors import BadSettings
from hub.rules.seal import open_seal, seal
from hub.rules.signatures import signed_part, verify_jws
from hub.rules.signing import sign_jws, sign_xml
from hub.rules.trust import TrustSnapshot
from hub.trust import keys

NOW = datetime(2026, 3, 2, 2, 15, 4, tzinfo=UTC)
AUTHORITY = keys.make_development_authority(NOW)
RSA = keys.make_development_key(AUTHORITY, "hub", NOW)
EC = keys.make_development_key(AUTHORITY, "hub ec", NOW, kind="ec")


def openssl(*arguments: str, folder: Path) -> str:
    """Run openssl; its absence is a failure where CI is set."""
    path = shutil.which("openssl")
    if path is None and os.environ.get("CI"):
        pytest.fail("openssl is not installed, and CI must not skip")
    if path is None:
        pytest.skip("openssl is not installed: interoperability was NOT checked")
    done = subprocess.run([path, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(load, *arguments: object) -> BadSettings:
    with pytest.raises(BadSettings) as caught:
        load(*arguments)
    assert "PRIVATE" not in f"{caught.value!r} {caught.value.en} {caught.value.vi}"
    return caught.value


@pytest.mark.parametrize("made", [RSA, EC])
def test_a_made_key_signs_what_the_made_authority_lets_pass(made: keys.MadeKey):
    signer = keys.load_signer("default", made.key_pem, made.certificate_pem)
    trust = TrustSnapshot(anchors=keys.load_certificates(AUTHORITY.certificate_pem))

    assert signed_part(sign_xml(b"<a>1</a>", signer), trust, NOW).signed_bytes == b"<a>1</a>"
    assert verify_jws(b"{}", sign_jws(b"{}", signer), trust, NOW).signed_bytes == b"{}"
    assert signer.valid_until == signer.certificate.not_valid_after_utc > NOW + timedelta(days=365)


def test_a_made_key_is_of_the_kind_that_was_asked_for():
    rsa_key, ec_key = (load_pem_private_key(made.key_pem, password=None) for made in (RSA, EC))

    assert isinstance(rsa_key, rsa.RSAPrivateKey)
    assert rsa_key.key_size == 2048
    assert isinstance(ec_key, ec.EllipticCurvePrivateKey)
    assert ec_key.curve.name == "secp256r1"


@pytest.mark.parametrize("made", [AUTHORITY, RSA, EC])
def test_a_made_certificate_says_that_it_is_for_development_only(made: keys.MadeKey):
    (certificate,) = keys.load_certificates(made.certificate_pem)

    (organisation,) = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert organisation.value == keys.DEVELOPMENT_MARK


def test_only_the_made_authority_may_issue():
    authority, signer = (keys.load_certificates(made.certificate_pem)[0] for made in (AUTHORITY, RSA))

    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    assert signer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert signer.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign is False


def test_each_made_key_is_another_one():
    again = keys.make_development_key(AUTHORITY, "hub", NOW, kind="ec")

    numbers = [keys.load_certificates(made.certificate_pem)[0].serial_number for made in (again, EC)]

    assert again.key_pem != EC.key_pem
    assert numbers[0] != numbers[1]


def test_keys_show_nothing_of_themselves():
    signer = keys.load_signer("default", RSA.key_pem, RSA.certificate_pem)
    sealing = keys.load_seal_key(keys.make_seal_key())

    for shown in (repr(RSA), repr(AUTHORITY), repr(signer), repr(sealing), str(sealing)):
        assert "PRIVATE" not in shown
        assert RSA.key_pem.decode().splitlines()[5] not in shown


def test_a_certificate_of_another_key_is_refused():
    error = refused(keys.load_signer, "default", RSA.key_pem, EC.certificate_pem)

    assert error.where == "signers/default"
    assert "does not belong" in error.en
    assert "không khớp" in error.vi


@pytest.mark.parametrize(
    "pem", [b"", b"rubbish", b"\xff\x00", RSA.certificate_pem, RSA.key_pem[:-60], RSA.key_pem.replace(b"PRIVATE", b"PUBLIC")]
)
def test_what_is_no_private_key_is_refused(pem: bytes):
    refused(keys.load_signer, "default", pem, RSA.certificate_pem)
    refused(keys.load_seal_key, pem)


BROKEN = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("pem", [b"", b"rubbish", RSA.key_pem, RSA.certificate_pem[:-60], RSA.certificate_pem + BROKEN])
def test_what_is_no_certificate_is_refused(pem: bytes):
    refused(keys.load_certificates, pem)
    refused(keys.load_signer, "default", RSA.key_pem, pem)


def test_all_certificates_of_a_file_are_loaded_in_its_order():
    loaded = keys.load_certificates(b"a comment\n" + RSA.certificate_pem + AUTHORITY.certificate_pem)

    assert [certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value for certificate in loaded] == [
        "hub",
        "Lien Thong development authority",
    ]


def test_a_seal_key_seals_and_its_public_half_opens():
    own = keys.load_seal_key(keys.make_seal_key())
    identity, public = keys.load_seal_public_key(keys.seal_public_pem(own))
    said = {"issuer": "hub", "key_id": own.key_id, "endpoint": "e", "delivery": "d", "epoch": 1, "purpose": "deliver"}

    assert identity == own.key_id
    assert open_seal(b"{}", seal(b"{}", key=own.key, **said), {identity: public}).issuer == "hub"


def test_only_p256_keys_seal(tmp_path: Path):
    refused(keys.load_seal_key, RSA.key_pem)
    openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "key.pem", folder=tmp_path)
    openssl("ec", "-in", "key.pem", "-pubout", "-out", "public.pem", folder=tmp_path)
    refused(keys.load_seal_key, (tmp_path / "key.pem").read_bytes())
    refused(keys.load_seal_public_key, (tmp_path / "public.pem").read_bytes())
    refused(keys.load_seal_public_key, b"rubbish")


def test_openssl_finds_the_made_certificates_good(tmp_path: Path):
    (tmp_path / "authority.pem").write_bytes(AUTHORITY.certificate_pem)
    for made in (RSA, EC):
        (tmp_path / "signer.pem").write_bytes(made.certificate_pem)
        at = str(int(NOW.timestamp()))
        said = openssl("verify", "-x509_strict", "-attime", at, "-CAfile", "authority.pem", "signer.pem", folder=tmp_path)
        assert said.strip() == "signer.pem: OK"


@pytest.mark.parametrize("kind", [["-newkey", "rsa:2048"], ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]])
def test_keys_and_certificates_of_openssl_are_loaded(kind: list[str], tmp_path: Path):
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    openssl("req", "-x509", *kind, "-nodes", "-days", "30", "-subj", "/C=VN/CN=Sở Thử Nghiệm", "-utf8", *files, folder=tmp_path)
    key, certificate = ((tmp_path / f"{name}.pem").read_bytes() for name in ("key", "certificate"))

    signer = keys.load_signer("default", key, certificate)

    now = signer.certificate.not_valid_before_utc
    verdict = signed_part(sign_xml(b"<a/>", signer), TrustSnapshot(pinned=(signer.certificate,)), now).verdict
    assert verdict.signer == "CN=Sở Thử Nghiệm,C=VN"
    said = openssl("x509", "-in", "certificate.pem", "-noout", "-fingerprint", "-sha256", folder=tmp_path)
    assert verdict.fingerprint == said.partition("=")[2].strip().replace(":", "").lower()


def test_short_and_locked_keys_are_refused(tmp_path: Path):
    openssl("genrsa", "-out", "short.pem", "1024", folder=tmp_path)
    openssl("genrsa", "-aes256", "-passout", "pass:x", "-out", "locked.pem", "2048", folder=tmp_path)
    openssl("genpkey", "-algorithm", "ed25519", "-out", "edwards.pem", folder=tmp_path)

    short, locked, edwards = ((tmp_path / f"{name}.pem").read_bytes() for name in ("short", "locked", "edwards"))

    assert "2048 bits" in refused(keys.load_signer, "default", short, RSA.certificate_pem).en
    assert "password" in refused(keys.load_signer, "default", locked, RSA.certificate_pem).en
    assert "only RSA and EC" in refused(keys.load_signer, "default", edwards, RSA.certificate_pem).en
