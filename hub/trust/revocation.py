"""What lists (CRL, RFC 5280 section 5) and answers (OCSP, RFC 6960) say of one certificate at one moment; values and no clock.

Not by pyhanko-certvalidator, which walks through a list in Python entry by entry: one second for 50,000 of them, 5 ms here.

Only whole, direct lists are read: no deltas, no indirect ones, none of some reasons only. A list that is younger than the moment
asked about speaks of that moment too, by the dates of its entries, as long as the certificate had not ended before the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from asn1crypto.keys import PublicKeyInfo
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, SignatureAlgorithmOID

from hub.canonical.digests import sha256
from hub.rules.certificates import RSA_BITS, STRONG_HASHES, UNREADABLE, extension

GOOD, REVOKED, UNKNOWN = "good", "revoked", "unknown"
#: An answer that names no next one is believed for so long.
ANSWER_LASTS = timedelta(minutes=30)
#: More certificates than this in an answer are not responders, but a burden.
MAX_RESPONDERS = 4
#: Issuers of one name are few; so many questions whose a list is are remembered.
MAX_FITS = 64
#: Two moments between which nothing happens are at least so far apart (certificates end after their last second).
TICK = timedelta(microseconds=1)
#: Critical extensions of lists that are looked at here; a delta indicator is not among them.
_UNDERSTOOD = {ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.CRL_NUMBER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RevocationList:
    """A list, as it came; nothing in it is believed before an issuer's key fits."""

    octets: bytes = field(repr=False)
    #: SHA-256, hex.
    digest: str
    this_update: datetime
    #: The first moment at which it clears nobody any more.
    ends: datetime
    #: Name (DER).
    issuer: bytes = field(repr=False)
    parsed: x509.CertificateRevocationList = field(repr=False)
    #: Whose list it is, as far as that was asked; kept here, since a memory of its own would keep lists that were replaced.
    fits: dict[tuple[tuple[x509.Certificate, ...], bool], bool | None] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Answer:
    """What an answer says of one certificate, as it came; nothing in it is believed before a responder's key fits."""

    octets: bytes = field(repr=False)
    digest: str
    this_update: datetime
    ends: datetime
    parsed: ocsp.OCSPResponse = field(repr=False)
    single: ocsp.OCSPSingleResponse = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is known of one certificate."""

    #: good, revoked or unknown.
    word: str
    #: What said so.
    used: tuple[RevocationList | Answer, ...] = ()
    #: It leans on SHA-1 or on a short key.
    weak: bool = False
    #: Moments at which it may become another.
    edges: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Lists and answers that are held; a value, so that the same question always has the same answer."""

    #: Issuer's name (DER) -> lists, the youngest first.
    lists: Mapping[bytes, tuple[RevocationList, ...]] = field(default_factory=dict)
    #: Serial number -> answers, the youngest first.
    answers: Mapping[int, tuple[Answer, ...]] = field(default_factory=dict)

    def of(
        self, certificate: x509.Certificate, issuers: tuple[x509.Certificate, ...], now: datetime, *, allow_weak: bool = False
    ) -> Status:
        """Say what is known of a certificate; ``issuers``: who issued it, and others of that name who may sign its list.

        Who is named revoked by the youngest list or by the youngest answer is revoked, whatever the other one says, also when
        that has ended: nobody who keeps a new list from us brings a revoked certificate back.
        """
        by_list = self._by_list(certificate, issuers, now, allow_weak)
        by_answer = self._by_answer(certificate, issuers[0], now, allow_weak)
        edges = by_list.edges + by_answer.edges
        for word in (REVOKED, GOOD):
            said = [status for status in (by_answer, by_list) if status.word == word]
            if said:
                used = tuple(item for status in said for item in status.used)
                return Status(word=word, used=used, weak=any(status.weak for status in said), edges=edges)
        return Status(word=UNKNOWN, edges=edges)

    def list_of(self, issuer: x509.Certificate) -> RevocationList | None:
        """Give the youngest list that an authority signed, however weakly."""
        held = self.lists.get(issuer.subject.public_bytes(), ())
        return next((each for each in held if _list_fits(each, (issuer,), True) is not None), None)

    def answer_of(self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> str:
        """Give the word of the youngest answer about a certificate that may be believed, however weakly it is signed."""
        return self._by_answer(certificate, issuer, now, True).word

    def _by_list(
        self, certificate: x509.Certificate, issuers: tuple[x509.Certificate, ...], now: datetime, allow_weak: bool
    ) -> Status:
        edges: list[datetime] = []
        for each in self.lists.get(issuers[0].subject.public_bytes(), ()):
            weak = _list_fits(each, issuers, allow_weak)
            if weak is None or not _speaks_of(each.parsed, certificate):
                continue
            edges.append(each.ends)
            entry = each.parsed.get_revoked_certificate_by_serial_number(certificate.serial_number)
            if now >= each.ends and (entry is None or _held_for_now(entry)):
                continue
            if entry is not None:
                edges.append(entry.revocation_date_utc)
            elif now < each.this_update and certificate.not_valid_after_utc < each.this_update:
                continue  # it may have been left out because it had ended
            word = GOOD if entry is None or not _revoked_at(entry.revocation_date_utc, each.this_update, now) else REVOKED
            return Status(word=word, used=(each,), weak=weak, edges=tuple(edges))
        return Status(word=UNKNOWN, edges=tuple(edges))

    def _by_answer(self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime, allow_weak: bool) -> Status:
        edges: list[datetime] = []
        for each in self.answers.get(certificate.serial_number, ()):
            if not _is_about(each.single, issuer):
                continue
            edges.append(each.ends)
            single, ended = each.single, now >= each.ends
            if ended and (single.revocation_time_utc is None or single.revocation_reason is x509.ReasonFlags.certificate_hold):
                continue
            if now < each.this_update and certificate.not_valid_after_utc < each.this_update:
                continue
            weak = self._answer_fits(each, issuer, now, edges, allow_weak)
            word = _word(each, now)
            if weak is None or word == UNKNOWN:
                continue
            if each.single.revocation_time_utc is not None:
                edges.append(each.single.revocation_time_utc)
            return Status(word=word, used=(each,), weak=weak, edges=tuple(edges))
        return Status(word=UNKNOWN, edges=tuple(edges))

    def _answer_fits(
        self, each: Answer, issuer: x509.Certificate, now: datetime, edges: list[datetime], allow_weak: bool
    ) -> bool | None:
        """Find the key that signed an answer: the issuer's, or one that it made a responder's; None: neither."""
        weak = signed_by(issuer, each.parsed, each.parsed.tbs_response_bytes, allow_weak)
        if weak is not None:
            return weak
        for responder in each.parsed.certificates[:MAX_RESPONDERS]:
            weak = signed_by(responder, each.parsed, each.parsed.tbs_response_bytes, allow_weak)
            if weak is None or not _delegated(responder, issuer, allow_weak):
                continue
            edges += (responder.not_valid_before_utc, responder.not_valid_after_utc + TICK)
            if not responder.not_valid_before_utc <= now <= responder.not_valid_after_utc:
                continue
            by_list = self._by_list(responder, (issuer,), now, allow_weak)
            edges += by_list.edges
            # RFC 6960, 4.2.2.2.1: without id-pkix-ocsp-nocheck its own revocation counts.
            unasked = extension(responder, x509.OCSPNoCheck) is not None
            if by_list.word == GOOD or (by_list.word == UNKNOWN and unasked):
                return weak or by_list.weak
        return None


# --- reading ------------------------------------------------------------------------------------------------------


def read(octets: bytes) -> tuple[RevocationList | Answer, ...]:
    """Read a list (DER or PEM) or an answer (DER), which may speak of several certificates; raise one of UNREADABLE."""
    if b"-----BEGIN X509 CRL" in octets[:200]:
        octets = x509.load_pem_x509_crl(octets).public_bytes(Encoding.DER)
    try:
        return (_list(octets, x509.load_der_x509_crl(octets)),)
    except ValueError:
        return tuple(_answers(octets, ocsp.load_der_ocsp_response(octets)))


def collect(items: Iterable[RevocationList | Answer]) -> Revocation:
    """Put lists and answers in order, by issuer and by serial number."""
    lists: dict[bytes, list[RevocationList]] = {}
    answers: dict[int, list[Answer]] = {}
    for item in sorted(items, key=lambda item: (item.this_update, item.ends, item.digest), reverse=True):
        if isinstance(item, RevocationList):
            lists.setdefault(item.issuer, []).append(item)
        else:
            answers.setdefault(item.single.serial_number, []).append(item)
    return Revocation(
        lists={name: tuple(each) for name, each in lists.items()},
        answers={serial: tuple(each) for serial, each in answers.items()},
    )


def _list(octets: bytes, parsed: x509.CertificateRevocationList) -> RevocationList:
    ends = parsed.next_update_utc
    if ends is None:
        raise ValueError("a list without nextUpdate (RFC 5280, 5.1.2.5)")
    list(parsed.extensions)  # an odd one is found now
    return RevocationList(
        octets=octets,
        digest=sha256(octets),
        this_update=parsed.last_update_utc,
        ends=ends,
        issuer=parsed.issuer.public_bytes(),
        parsed=parsed,
    )


def _answers(octets: bytes, parsed: ocsp.OCSPResponse) -> Iterator[Answer]:
    if parsed.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"an answer that says {parsed.response_status.name.lower()}")
    for single in parsed.responses:
        begin = single.this_update_utc
        # What is odd in it is found now.
        _ = (parsed.certificates, parsed.signature_algorithm_oid, single.hash_algorithm, single.certificate_status)
        yield Answer(
            octets=octets,
            digest=sha256(octets),
            this_update=begin,
            ends=single.next_update_utc or begin + ANSWER_LASTS,
            parsed=parsed,
            single=single,
        )


# --- what may be believed -----------------------------------------------------------------------------------------


def _revoked_at(date: datetime, this_update: datetime, now: datetime) -> bool:
    """Say whether an entry holds at a moment; one that is dated after its own list is not meant as a delay."""
    return date <= now or date > this_update


def _held_for_now(entry: x509.RevokedCertificate) -> bool:
    """Say whether an entry may be taken back; all others hold for ever, also after the end of their list."""
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return False
    return reason in (x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl)


def _word(each: Answer, now: datetime) -> str:
    if each.single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        return UNKNOWN
    date = each.single.revocation_time_utc
    return GOOD if date is None or not _revoked_at(date, each.this_update, now) else REVOKED


def _list_fits(each: RevocationList, issuers: tuple[x509.Certificate, ...], allow_weak: bool) -> bool | None:
    """Remember what ``_signed_list`` says: a large list is not gone through for each signer."""
    asked = (issuers, allow_weak)
    try:
        return each.fits[asked]
    except KeyError:
        found = _signed_list(each, issuers, allow_weak)
        if len(each.fits) < MAX_FITS:
            each.fits[asked] = found
        return found


def _signed_list(each: RevocationList, issuers: tuple[x509.Certificate, ...], allow_weak: bool) -> bool | None:
    """Find out whether one of the issuers signed a list, and whether weakly; None: no, or the list is of no kind that is read."""
    if not {one.oid for one in each.parsed.extensions if one.critical} <= _UNDERSTOOD:
        return None
    if _of(each.parsed, x509.DeltaCRLIndicator) is not None:
        return None
    for issuer in issuers:
        usage = extension(issuer, x509.KeyUsage)
        if issuer.subject == each.parsed.issuer and (usage is None or usage.crl_sign):
            weak = signed_by(issuer, each.parsed, each.parsed.tbs_certlist_bytes, allow_weak)
            if weak is not None:
                return weak
    return None


def _speaks_of(parsed: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Say whether a list that covers only some certificates covers this one (RFC 5280, 5.2.5)."""
    scope = _of(parsed, x509.IssuingDistributionPoint)
    if scope is None:
        return True
    constraints = extension(certificate, x509.BasicConstraints)
    authority = constraints is not None and constraints.ca
    if scope.indirect_crl or scope.only_some_reasons or scope.only_contains_attribute_certs or scope.relative_name:
        return False
    if (scope.only_contains_user_certs and authority) or (scope.only_contains_ca_certs and not authority):
        return False
    points = extension(certificate, x509.CRLDistributionPoints) or ()
    named = {name for point in points for name in point.full_name or ()}
    return not scope.full_name or bool(named & set(scope.full_name))


def _is_about(single: ocsp.OCSPSingleResponse, issuer: x509.Certificate) -> bool:
    """Compare the issuer that an answer names (RFC 6960, 4.1.1); that name may be made with SHA-1."""
    name = hashes.Hash(single.hash_algorithm)
    name.update(issuer.subject.public_bytes())
    key = PublicKeyInfo.load(issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    bits = hashes.Hash(single.hash_algorithm)
    bits.update(bytes(key["public_key"].contents)[1:])
    return (single.issuer_name_hash, single.issuer_key_hash) == (name.finalize(), bits.finalize())


def _delegated(responder: x509.Certificate, issuer: x509.Certificate, allow_weak: bool) -> bool:
    """Say whether an issuer made a certificate a responder's (RFC 6960, 4.2.2.2), by its own key."""
    try:
        purposes = extension(responder, x509.ExtendedKeyUsage)
        return (
            responder.issuer == issuer.subject
            and purposes is not None
            and ExtendedKeyUsageOID.OCSP_SIGNING in purposes
            and signed_by(issuer, responder, responder.tbs_certificate_bytes, allow_weak) is not None
        )
    except UNREADABLE:
        return False


def _of(parsed: x509.CertificateRevocationList, kind: type[Any]) -> Any:
    try:
        return parsed.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def signed_by(issuer: x509.Certificate, signed: Any, octets: bytes, allow_weak: bool) -> bool | None:
    """Check a signature of a certificate, list or answer; give whether it is weak, None where it does not hold.

    By the key's own ``verify``: what ``cryptography`` has for certificates and lists refuses SHA-1, of which old authorities
    were made.
    """
    try:
        digest, key = signed.signature_hash_algorithm, issuer.public_key()
        weak = not isinstance(digest, STRONG_HASHES) or (isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS)
        if (weak and not allow_weak) or not isinstance(digest, (*STRONG_HASHES, hashes.SHA1)):
            return None
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signed.signature, octets, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey):
            pss = signed.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS
            kind = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO) if pss else padding.PKCS1v15()
            key.verify(signed.signature, octets, kind, digest)
        else:
            return None
    except (InvalidSignature, UnsupportedAlgorithm, *UNREADABLE):
        return None
    return weak
