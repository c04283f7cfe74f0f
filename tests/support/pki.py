"""A PKI of the tests, in memory: roots, authorities in between, signers of every kind, lists, an OCSP responder, a TSA."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from hub.rules.signing import in_memory
from hub.rules.trust import Signer

#: The moment at which the tests look, unless they say otherwise; everything is made around it.
NOW = datetime(2026, 3, 2, 2, 15, 4, tzinfo=UTC)
DAY = timedelta(days=1)
_USES = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"


@dataclass(frozen=True, kw_only=True)
class Party:
    """A key and its certificate; ``path``: the certificates of its issuers, nearest first, the root last."""

    key: Any
    certificate: x509.Certificate
    path: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def name(self) -> x509.Name:
        return self.certificate.subject

    @property
    def serial(self) -> int:
        return self.certificate.serial_number

    @property
    def signer(self) -> Signer:
        return in_memory("test", self.key, self.certificate)

    @property
    def between(self) -> tuple[x509.Certificate, ...]:
        """Give the issuers' certificates without the root: what travels with a signature."""
        return self.path[:-1]


def name(common_name: str, **more: str) -> x509.Name:
    """Make a name: C=VN, further attributes (``O=…``, ``OU=…``), CN."""
    oids = {"O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "L": NameOID.LOCALITY_NAME}
    attributes = [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")]
    attributes += [x509.NameAttribute(oids[key], value) for key, value in more.items()]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def usage(*on: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in on for use in [*_USES.split(), "encipher_only", "decipher_only"]})


def new_key(kind: str = "ec") -> Any:
    """Make a key: ``ec`` (P-256, fast), ``rsa`` (2048 bits) or ``weak`` (RSA of 1024)."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size={"rsa": 2048, "weak": 1024}[kind])


def issue(
    subject: x509.Name | str,
    issuer: Party | None = None,
    *,
    key: Any = None,
    ca: bool = False,
    days: tuple[float, float] = (-30, 365),
    at: datetime = NOW,
    path_length: int | None = None,
    key_usage: x509.KeyUsage | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    crl_url: str = "",
    ocsp_url: str = "",
    issuer_url: str = "",
    constraints: x509.NameConstraints | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    serial: int | None = None,
    digest: hashes.HashAlgorithm | None = None,
    identifiers: bool = True,
) -> Party:
    """Issue a certificate, by another party or by itself; everything can be chosen.

    ``identifiers``: with the identifiers of both keys, as RFC 5280 asks; who attacks leaves them out.
    """
    key = key or new_key()
    subject = name(subject) if isinstance(subject, str) else subject
    by_key = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name if issuer else subject)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(at + timedelta(days=days[0]))
        .not_valid_after(at + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        .add_extension(key_usage or usage(*(("key_cert_sign", "crl_sign") if ca else ("digital_signature",))), critical=True)
    )
    if identifiers:
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key())
        builder = builder.add_extension(own, critical=False).add_extension(above, critical=False)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=ExtendedKeyUsageOID.TIME_STAMPING in purposes)
    if crl_url:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    access = [
        x509.AccessDescription(kind, x509.UniformResourceIdentifier(url))
        for kind, url in ((AuthorityInformationAccessOID.OCSP, ocsp_url), (AuthorityInformationAccessOID.CA_ISSUERS, issuer_url))
        if url
    ]
    if access:
        builder = builder.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(by_key, digest or hashes.SHA256())
    return Party(key=key, certificate=made, path=(issuer.certificate, *issuer.path) if issuer else ())


# --- one function per kind ----------------------------------------------------------------------------------------


def root(common_name: str = "Root", **special: Any) -> Party:
    """Make a self-signed authority."""
    return issue(common_name, ca=True, **{"days": (-3650, 3650), **special})


def intermediate(issuer: Party, common_name: str = "Intermediate", **special: Any) -> Party:
    """Make an authority below another."""
    return issue(common_name, issuer, ca=True, **{"days": (-1000, 1000), **special})


def leaf(issuer: Party, common_name: str = "Signer", **special: Any) -> Party:
    """Make a signer's certificate."""
    return issue(common_name, issuer, **special)


def expired(issuer: Party, **special: Any) -> Party:
    return leaf(issuer, "Expired", days=(-400, -5), **special)


def not_yet_valid(issuer: Party, **special: Any) -> Party:
    return leaf(issuer, "Not yet valid", days=(5, 365), **special)


def wrong_purpose(issuer: Party, **special: Any) -> Party:
    """Make a certificate for TLS servers, whose key may not sign documents."""
    return leaf(
        issuer, "Server", key_usage=usage("key_encipherment"), purposes=[ExtendedKeyUsageOID.SERVER_AUTH], **special
    )


def weak(issuer: Party, **special: Any) -> Party:
    """Make a signer with a key of RSA 1024."""
    return leaf(issuer, "Weak", key=new_key("weak"), **special)


def cross_signed(authority: Party, issuer: Party, **special: Any) -> Party:
    """Issue a certificate for an authority that has one already: same name, same key, another issuer."""
    return issue(authority.name, issuer, key=authority.key, ca=True, **{"days": (-1000, 1000), **special})


def rolled_over(authority: Party, **special: Any) -> tuple[Party, x509.Certificate, x509.Certificate]:
    """Give an authority a new key under its old name (RFC 4210, 4.4): the new root, "new with old", "old with new"."""
    new = issue(authority.name, ca=True, **{"days": (-10, 3650), **special})
    new_with_old = issue(authority.name, authority, key=new.key, ca=True, days=(-10, 3650)).certificate
    old_with_new = issue(authority.name, new, key=authority.key, ca=True, days=(-10, 3650)).certificate
    return new, new_with_old, old_with_new


def time_stamper(issuer: Party, common_name: str = "Time stamping authority", **special: Any) -> Party:
    """Make the certificate of a TSA (RFC 3161, 2.3: only id-kp-timeStamping, critical); RSA, for the tools of others."""
    return leaf(issuer, common_name, **{"key": new_key("rsa"), "purposes": [ExtendedKeyUsageOID.TIME_STAMPING], **special})


def responder_party(issuer: Party, **special: Any) -> Party:
    """Make the certificate of a delegated OCSP responder (RFC 6960, 4.2.2.2)."""
    no_check = (x509.OCSPNoCheck(), False)
    return leaf(issuer, "Responder", purposes=[ExtendedKeyUsageOID.OCSP_SIGNING], extensions=[no_check], **special)


def sha1(party: Party, issuer: Party | None = None) -> Party:
    """Sign a party's certificate again with SHA-1, as old authorities did; both keys must be RSA.

    ``cryptography`` does not make such certificates any more, so that it is put together here.
    """
    algorithm = {"algorithm": "sha1_rsa", "parameters": None}
    old = asn1_x509.Certificate.load(party.der)
    tbs = old["tbs_certificate"].copy()
    tbs["signature"] = algorithm
    signature = (issuer or party).key.sign(tbs.dump(force=True), padding.PKCS1v15(), hashes.SHA1())
    made = asn1_x509.Certificate(
        {"tbs_certificate": tbs, "signature_algorithm": algorithm, "signature_value": signature}
    )
    return replace(party, certificate=x509.load_der_x509_certificate(made.dump()))


# --- revocation ---------------------------------------------------------------------------------------------------


def crl(
    issuer: Party,
    revoked: Sequence[x509.Certificate | int] = (),
    *,
    at: datetime = NOW,
    hours: tuple[float, float] = (-1, 24),
    number: int = 1,
    revoked_at: datetime | None = None,
    reason: x509.ReasonFlags | None = None,
    signed_by: Any = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> bytes:
    """Make a revocation list, DER; ``signed_by``: another key than the issuer's, for a forged one."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.name)
        .last_update(at + timedelta(hours=hours[0]))
        .next_update(at + timedelta(hours=hours[1]))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    for each in revoked:
        serial = each if isinstance(each, int) else each.serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(revoked_at or at + timedelta(hours=-2))
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signed_by or issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def ocsp_answer(
    certificate: x509.Certificate,
    issuer: Party,
    responder: Party | None = None,
    *,
    revoked_at: datetime | None = None,
    unknown: bool = False,
    at: datetime = NOW,
    hours: tuple[float, float | None] = (-1, 24),
    signed_by: Any = None,
) -> bytes:
    """Make an OCSP answer, DER: by the issuer itself or by a delegated responder.

    ``signed_by``: the key of a forger, who puts the real responder's name and certificate to it.
    """
    real = responder or issuer
    by = real if signed_by is None else issue(real.name, key=signed_by)
    status = ocsp.OCSPCertStatus.REVOKED if revoked_at else ocsp.OCSPCertStatus.GOOD
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate,
        issuer=issuer.certificate,
        algorithm=hashes.SHA1(),  # the name of the certificate asked about (RFC 5019), no signature
        cert_status=ocsp.OCSPCertStatus.UNKNOWN if unknown else status,
        this_update=at + timedelta(hours=hours[0]),
        next_update=None if hours[1] is None else at + timedelta(hours=hours[1]),
        revocation_time=revoked_at,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked_at else None,
    )
    encoding = ocsp.OCSPResponderEncoding.HASH if by is real else ocsp.OCSPResponderEncoding.NAME
    builder = builder.responder_id(encoding, by.certificate)
    if responder is not None:
        builder = builder.certificates([responder.certificate])
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


class RevocationServer:
    """Serves lists and an OCSP responder on loopback: real HTTP, real OCSP; what it gives can be changed while it runs."""

    def __init__(self) -> None:
        #: Path -> the bytes of a list or a certificate; a callable is asked each time.
        self.files: dict[str, bytes | Callable[[], bytes]] = {}
        #: Answers a request (RFC 6960, appendix A) with the DER of an answer.
        self.answer: Callable[[ocsp.OCSPRequest], bytes] | None = None
        self.asked: list[str] = []
        outer = self

        class Served(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                given = outer.files.get(self.path)
                self._say(given() if callable(given) else given)

            def do_POST(self) -> None:
                outer.asked.append(self.path)
                request = ocsp.load_der_ocsp_request(self.rfile.read(int(self.headers["Content-Length"])))
                self._say(outer.answer(request) if outer.answer else None)

            def _say(self, body: bytes | None) -> None:
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def know(self, issuer: Party, *certificates: x509.Certificate, responder: Party | None = None, **special: Any) -> None:
        """Answer about these certificates, and say ``unknown`` of others only by silence; ``special`` as in ocsp_answer."""
        known = {certificate.serial_number: certificate for certificate in certificates}

        def answer(request: ocsp.OCSPRequest) -> bytes:
            asked = known.get(request.serial_number)
            if asked is None:
                refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
                return refused.public_bytes(Encoding.DER)
            return ocsp_answer(asked, issuer, responder, **special)

        self.answer = answer

    @contextmanager
    def running(self) -> Iterator[RevocationServer]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


# --- a whole one, made once ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Pki:
    """Root, authority below it, and one signer of each kind."""

    root: Party
    authority: Party
    good: Party
    expired: Party
    not_yet_valid: Party
    revoked: Party
    wrong_purpose: Party
    weak: Party
    tsa: Party
    responder: Party

    def crls(self, **special: Any) -> tuple[bytes, bytes]:
        """Give the lists of both authorities; the lower one names ``revoked``."""
        return crl(self.root, **special), crl(self.authority, [self.revoked.certificate], **special)


@cache
def standard() -> Pki:
    """Make the usual PKI, once for all tests: all around ``NOW``."""
    top = root("Government root")
    authority = intermediate(top, "Government authority", path_length=0)
    return Pki(
        root=top,
        authority=authority,
        good=leaf(authority, "Good"),
        expired=expired(authority),
        not_yet_valid=not_yet_valid(authority),
        revoked=leaf(authority, "Revoked"),
        wrong_purpose=wrong_purpose(authority),
        weak=weak(authority),
        tsa=time_stamper(authority),
        responder=responder_party(authority),
    )
