"""Keys and certificates: loaded once at the start, and self-made ones for development."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from hub.errors import BadSettings
from hub.rules import signing
from hub.rules.certificates import CURVES, RSA_BITS, UNREADABLE
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


def load_signer(name: str, key_pem: bytes, certificate_pem: bytes, password: bytes | None = None) -> Signer:
    """Load a private key with its certificate, and those of authorities behind it in the same file.

    Raises BadSettings where they are unreadable, weak, or do not belong together.
    """
    where = f"signers/{name}"
    return _signer(name, _private_key(key_pem, where, password), load_certificates(certificate_pem, where=where))


def load_pkcs12(name: str, octets: bytes, password: bytes | None, certificate_pem: bytes = b"") -> Signer:
    """Load a private key out of PKCS #12, with the certificates there or those given; see ``load_signer``."""
    where = f"signers/{name}"
    try:
        found = pkcs12.load_pkcs12(octets, password)
    except UNREADABLE:
        vi, en = "không đọc được tệp PKCS #12, hoặc sai mật khẩu", "no readable PKCS #12 file, or its password is wrong"
        raise _bad(where, vi, en) from None
    if found.key is None or not (found.cert or certificate_pem):
        vi, en = "tệp PKCS #12 phải có khoá và chứng thư số", "the PKCS #12 file must hold a private key and its certificate"
        raise _bad(where, vi, en)
    inside = [each.certificate for each in (found.cert, *found.additional_certs) if each]
    given = load_certificates(certificate_pem, where=where) if certificate_pem else inside
    return _signer(name, _usable(found.key, where), given)


def _signer(name: str, key: SigningKey, given: Sequence[x509.Certificate]) -> Signer:
    where = f"signers/{name}"
    certificate, chain = signing_path(given, where)
    if _public_bytes(key.public_key()) != _public_bytes(certificate.public_key()):
        raise _bad(where, "khoá bí mật không khớp với chứng thư số", "the private key does not belong to the certificate")
    return signing.in_memory(name, key, certificate, chain)


def signing_path(given: Sequence[x509.Certificate], where: str) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
    """Take the first certificate as the signer's, and of the others those between it and a root, in order.

    Raises BadSettings where its key is of a kind or length that may not sign.
    """
    certificate, others = given[0], list(given[1:])
    _check_strength(certificate.public_key(), where)
    chain: list[x509.Certificate] = []
    last = certificate
    while issuer := next((each for each in others if each.subject == last.issuer != each.issuer), None):
        chain.append(issuer)
        others.remove(issuer)
        last = issuer
    return certificate, tuple(chain)


def limited(signer: Signer, valid_from: datetime | None, valid_until: datetime | None) -> Signer:
    """Use a signer only from one moment until another, within what its certificate says."""
    begins = max(signer.valid_from, valid_from or signer.valid_from)
    ends = min(signer.valid_until, valid_until or signer.valid_until)
    if begins >= ends:
        where = f"signers/{signer.name}"
        vi, en = "khoá này không bao giờ được dùng (valid_from, valid_until)", "it never signs (valid_from, valid_until)"
        raise _bad(where, vi, en)
    return replace(signer, valid_from=begins, valid_until=ends)


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


def derived(key: ec.EllipticCurvePrivateKey, purpose: str) -> bytes:
    """Derive a secret of 32 bytes for one purpose from a private key that every process of the hub has (RFC 5869)."""
    octets = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"lienthong {purpose}".encode()).derive(octets)


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


def _private_key(pem: bytes, where: str, password: bytes | None = None) -> SigningKey:
    try:
        key = serialization.load_pem_private_key(pem, password=password)
    except TypeError:
        vi, en = ("khoá bí mật có mật khẩu: khai báo password", "the key has a password: name it by password")
        if password is not None:
            vi, en = ("khoá bí mật không có mật khẩu: bỏ password", "the key has no password: take password out")
        raise _bad(where, vi, en) from None
    except (ValueError, UnsupportedAlgorithm):
        vi, en = "không đọc được khoá bí mật PEM, hoặc sai mật khẩu", "no readable PEM private key, or its password is wrong"
        raise _bad(where, vi, en) from None
    return _usable(key, where)


def _usable(key: Any, where: str) -> SigningKey:
    _check_strength(key, where)
    return cast(SigningKey, key)


def _check_strength(key: Any, where: str) -> None:
    """Check a key's kind and length, public or private (circular 15/2025/TT-BKHCN)."""
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        if key.key_size < RSA_BITS:
            raise _bad(where, f"khoá RSA phải từ {RSA_BITS} bit trở lên", f"an RSA key must have {RSA_BITS} bits or more")
    elif not isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        raise _bad(where, "chỉ dùng được khoá RSA hoặc EC", "only RSA and EC keys can be used")
    elif key.curve.name not in CURVES:
        raise _bad(where, "khoá EC phải trên P-256, P-384 hoặc P-521", "an EC key must be on P-256, P-384 or P-521")


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
