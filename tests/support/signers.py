"""A small world of authorities and signers, and ways to sign otherwise than the hub does."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner

from hub.errors import Untrusted
from hub.rules.signatures import DS, signed_part
from hub.rules.signing import in_memory, sign_xml
from hub.rules.trust import Signer, TrustSnapshot

NOW = datetime(2026, 3, 2, 2, 15, 4, tzinfo=UTC)
DOCUMENT = (
    "<Envelope><Header><messageId>m-1</messageId></Header><Body><to>Chi cục Thú y</to><Signature/></Body></Envelope>"
).encode()
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def usage(**on: bool) -> x509.KeyUsage:
    every = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
    return x509.KeyUsage(**{use: on.get(use, False) for use in [*every.split(), "encipher_only", "decipher_only"]})


class Party:
    """A key with a certificate, by another party or by itself."""

    def __init__(self, common_name: str, issuer: Party | None = None, *, key=None, ca: bool = False, days=(-1, 365), **special):
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.name = name(common_name)
        use = special.get("use", usage(key_cert_sign=True) if ca else usage(digital_signature=True))
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=days[0]))
            .not_valid_after(NOW + timedelta(days=days[1]))
        )
        if special.get("constraints", True):
            builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        if use is not None:
            builder = builder.add_extension(use, critical=True)
        if "extension" in special:
            builder = builder.add_extension(special["extension"], critical=True)
        self.certificate = builder.sign((issuer or self).key, special.get("hash", hashes.SHA256()))

    @property
    def signer(self) -> Signer:
        return in_memory("test", self.key, self.certificate)

    def write(self, folder: Path) -> tuple[Path, Path]:
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        pem = serialization.Encoding.PEM
        key.write_bytes(self.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        certificate.write_bytes(self.certificate.public_bytes(pem))
        return key, certificate


AUTHORITY = Party("Authority", ca=True)
SIGNER = Party("Signer", AUTHORITY)
EC_SIGNER = Party("EC signer", AUTHORITY, key=ec.generate_private_key(ec.SECP256R1()))
OTHER_AUTHORITY = Party("Other authority", ca=True)
ATTACKER = Party("Signer", OTHER_AUTHORITY)
TRUST = TrustSnapshot(anchors=(AUTHORITY.certificate,))
OPTIONAL = replace(TRUST, policy="optional")
WEAK = replace(TRUST, allow_weak=True)


class AnySigner(XMLSigner):
    """signxml's signer without its own refusal of SHA-1."""

    def check_deprecated_methods(self) -> None:
        pass


def sign_otherwise(document: bytes, party: Party = SIGNER, certificates: list | None = None, **options) -> bytes:
    """Sign with other algorithms, keys or certificates than the hub would."""
    options.setdefault("c14n_algorithm", EXC)
    reference = options.pop("reference_uri", None)
    more = {key: options.pop(key) for key in ("always_add_key_value",) if key in options}
    key = options.pop("key", party.key)
    root = AnySigner(**options).sign(
        etree.fromstring(document), key=key, cert=certificates or [party.certificate], reference_uri=reference, **more
    )
    return etree.tostring(root, encoding="UTF-8")


def refusal(document: bytes, trust: TrustSnapshot = TRUST, now: datetime = NOW) -> str:
    """Verify what must not pass; return the outcome in ETSI's words."""
    with pytest.raises(Untrusted) as caught:
        signed_part(document, trust, now)
    assert caught.value.where in caught.value.en
    assert caught.value.where in caught.value.vi
    return caught.value.where


def edited(document: bytes, edit) -> bytes:
    root = etree.fromstring(document)
    edit(root, root.find(f".//{DS}Signature"))
    return etree.tostring(root, encoding="UTF-8")


def sha256(content: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(content)
    return digest.finalize()


def tool(binary: str) -> str:
    """Find a program of the machine; its absence is a failure where CI is set."""
    path = shutil.which(binary)
    if path is None and os.environ.get("CI"):
        pytest.fail(f"{binary} is not installed, and CI must not skip")
    if path is None:
        pytest.skip(f"{binary} is not installed: interoperability was NOT checked")
    return path


SIGNED = sign_xml(DOCUMENT, SIGNER.signer)
