"""Keys and certificates: loaded once at the start, and self-made ones for development."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from hub.errors import BadSettings
from hub.rules.certificates import RSA_BITS, UNREADABLE
from hub.rules.trust import Signer

#: Stands in every certificate that ``lienthong init`` makes, so that nobody takes it for a real one.
DEVELOPMENT_MARK = "DEVELOPMENT ONLY - CHI DUNG THU NGHIEM"
DEVELOPMENT_DAYS = 825
#: An hour back, for machines whose clocks differ.
_CLOCK_SKEW = timedelta(hours=1)

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """A key and its certificate, in PEM; the caller writes the key to a file of mode 0600."""

    key_pem: bytes = field(repr=False)
    certificate_pem: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealKey:
    """The key that seals what this hub puts on the bus."""

    key_id: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self.key.public_key()


# --- loading ------------------------------------------------------------------------------------------------------


def load_signer(name: str, key_pem: bytes, certificate_pem: bytes) -> Signer:
    """Load a private key with its certificate; raise BadSettings where they are unreadable or do not belong together."""
    where = f"signers/{name}"
    key = _private_key(key_pem, where)
    certificate = load_certificates(certificate_pem, where=where)[0]
    if _public_bytes(key.public_key()) != _public_bytes(certificate.public_key()):
        raise _bad(where, "khoá bí mật không khớp với chứng thư số", "the private key does not belong to the certificate")
    return Signer(name=name, key=key, certificate=certificate, not_after=certificate.not_valid_after_utc)


def load_certificates(pem: bytes, *, where: str = "trust") -> tuple[x509.Certificate, ...]:
    """Load all certificates of a PEM file, in its order; raise BadSettings where there is none or one is broken."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except UNREADABLE:
        raise _bad(where, "không đọc được chứng thư số PEM", "no readable PEM certificate") from None


def load_seal_key(pem: bytes) -> SealKey:
    """Load the private key of the bus seal; its id is made from the public key."""
    key = _private_key(pem, "seal")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise _bad("seal", "khoá niêm phong phải là EC P-256", "the key of the seal must be EC P-256")
    return SealKey(key_id=key_id(key.public_key()), key=key)


def load_seal_public_key(pem: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    """Load the public key by which another member of the bus seals; return it with its id."""
    try:
        key = serialization.load_pem_public_key(pem)
    except UNREADABLE:
        raise _bad("seal", "không đọc được khoá công khai PEM", "no readable PEM public key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise _bad("seal", "khoá niêm phong phải là EC P-256", "the key of the seal must be EC P-256")
    return key_id(key), key


def key_id(public_key: Any) -> str:
    """Give a public key's id: 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(_public_bytes(public_key))
    return digest.finalize().hex()[:16]


def _private_key(pem: bytes, where: str) -> SigningKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise _bad(where, "khoá bí mật có mật khẩu; hãy lưu không mật khẩu, quyền 0600", "the key has a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _bad(where, "không đọc được khoá bí mật PEM", "no readable PEM private key") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise _bad(where, "chỉ dùng được khoá RSA hoặc EC", "only RSA and EC keys can be used")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < RSA_BITS:
        raise _bad(where, f"khoá RSA phải từ {RSA_BITS} bit trở lên", f"an RSA key must have {RSA_BITS} bits or more")
    return key


def _public_bytes(key: Any) -> bytes:
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return bytes(encoded)


def _bad(where: str, vi: str, en: str) -> BadSettings:
    return BadSettings(f"{where}: {en}", f"{where}: {vi}", where=where)


# --- making, for development --------------------------------------------------------------------------------------


def make_development_authority(now: datetime) -> MadeKey:
    """Make a self-signed authority for development; it may issue signers' certificates, no further authorities."""
    key = _new_rsa()
    name = _name("Lien Thong development authority")
    certificate = (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _made(key, certificate)


def make_development_key(authority: MadeKey, name: str, now: datetime, *, kind: Literal["rsa", "ec"] = "rsa") -> MadeKey:
    """Make a signing key, RSA-2048 or EC P-256, with a certificate by the development authority."""
    issuer_key = _private_key(authority.key_pem, "authority")
    issuer = load_certificates(authority.certificate_pem, where="authority")[0]
    key: SigningKey = _new_rsa() if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(_name(name), issuer.subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, content_commitment=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return _made(key, certificate)


def make_seal_key() -> bytes:
    """Make a private key (EC P-256) for the bus seal, in PEM."""
    return _private_pem(ec.generate_private_key(ec.SECP256R1()))


def seal_public_pem(key: SealKey) -> bytes:
    """Give the public half of a seal key, in PEM, for the other members of the bus."""
    return key.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _new_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT_MARK),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(subject: x509.Name, issuer: x509.Name, public_key: Any, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=DEVELOPMENT_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(**allowed: bool) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{use: allowed.get(use, False) for use in every})


def _made(key: SigningKey, certificate: x509.Certificate) -> MadeKey:
    return MadeKey(key_pem=_private_pem(key), certificate_pem=certificate.public_bytes(serialization.Encoding.PEM))


def _private_pem(key: SigningKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
