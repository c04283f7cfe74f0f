"""What lists and answers say of a certificate: which are believed, which are not, and until when."""

from __future__ import annotations

import asyncio
import gc
from datetime import timedelta

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathValidationError, RevokedError

from hub.errors import Untrusted
from hub.rules.certificates import UNREADABLE
from hub.trust import revocation
from hub.trust.revocation import GOOD, REVOKED, UNKNOWN, read
from tests.support import pki
from tests.support.pki import DAY, NOW
from tests.support.trusted import anchor, held, judged, refusal, snapshot, store

HOUR = timedelta(hours=1)
PKI = pki.standard()
ISSUER = PKI.authority
GOOD_ONE, REVOKED_ONE = PKI.good.certificate, PKI.revoked.certificate
UPPER = pki.crl(PKI.root)


def word(certificate: x509.Certificate, *octets: bytes, now=NOW, issuer=ISSUER, **more) -> str:
    return held(*octets).of(certificate, (issuer.certificate,), now, **more).word


def scope(**more) -> tuple[x509.ExtensionType, bool]:
    given = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
        "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False, **more,
    }  # fmt: skip
    return x509.IssuingDistributionPoint(**given), True


# --- lists --------------------------------------------------------------------------------------------------------


def test_a_list_names_who_is_revoked_and_clears_the_others():
    both = pki.crl(ISSUER, [REVOKED_ONE])

    assert (word(GOOD_ONE, both), word(REVOKED_ONE, both), word(GOOD_ONE)) == (GOOD, REVOKED, UNKNOWN)


@pytest.mark.parametrize(
    ("moment", "expected"), [(24 * HOUR, UNKNOWN), (24 * HOUR - timedelta(microseconds=1), GOOD), (400 * DAY, UNKNOWN)]
)
def test_a_list_says_nothing_from_its_next_update_on(moment: timedelta, expected: str):
    assert word(GOOD_ONE, pki.crl(ISSUER), now=NOW + moment) == expected
    on_hold = pki.crl(ISSUER, [REVOKED_ONE], reason=x509.ReasonFlags.certificate_hold)
    assert word(REVOKED_ONE, on_hold, now=NOW + moment) == (REVOKED if expected == GOOD else UNKNOWN)


def test_who_was_revoked_for_good_stays_so_after_the_end_of_list_and_answer():
    """Who keeps a new list from us brings nobody back, also where unknown is accepted."""
    trust = snapshot(store(anchor(PKI.root)), held(UPPER, pki.crl(ISSUER, [REVOKED_ONE], hours=(-48, -24))), accept_unknown=True)

    assert refusal(PKI.revoked, trust) == "INDETERMINATE/REVOKED_NO_POE"
    assert word(REVOKED_ONE, pki.ocsp_answer(REVOKED_ONE, ISSUER, revoked_at=NOW - DAY), now=NOW + 30 * DAY) == REVOKED
    assert word(REVOKED_ONE, pki.crl(ISSUER, [REVOKED_ONE], hours=(-48, -24)), pki.crl(ISSUER)) == GOOD


def test_a_list_that_was_replaced_is_kept_by_nobody():
    for number in range(5):
        assert word(GOOD_ONE, pki.crl(ISSUER, number=777_000 + number)) == GOOD
    gc.collect()
    kept = [each.parsed for each in gc.get_objects() if isinstance(each, revocation.RevocationList)]

    numbers = [each.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for each in kept]
    assert [each for each in numbers if each >= 777_000] == []


def test_of_two_lists_the_younger_one_speaks():
    older, younger = pki.crl(ISSUER, [GOOD_ONE], hours=(-5, 24)), pki.crl(ISSUER, number=2)

    assert word(GOOD_ONE, older, younger) == word(GOOD_ONE, younger, older) == GOOD
    assert word(GOOD_ONE, pki.crl(ISSUER, hours=(-5, 24)), pki.crl(ISSUER, [GOOD_ONE])) == REVOKED


def test_a_younger_list_that_nobody_signed_puts_none_aside():
    forged = pki.crl(ISSUER, hours=(-0.5, 48), signed_by=PKI.root.key)

    assert word(REVOKED_ONE, forged) == UNKNOWN
    assert word(REVOKED_ONE, pki.crl(ISSUER, [REVOKED_ONE]), forged) == REVOKED


def test_a_list_of_another_authority_says_nothing_even_under_the_same_name():
    namesake = pki.intermediate(pki.root("Other"), "Government authority")

    assert word(GOOD_ONE, UPPER) == UNKNOWN
    assert word(GOOD_ONE, pki.crl(namesake)) == UNKNOWN


def test_a_list_by_an_authority_that_may_sign_none_says_nothing():
    mute = pki.intermediate(PKI.root, "Mute", key_usage=pki.usage("key_cert_sign"))

    assert word(pki.leaf(mute).certificate, pki.crl(mute), issuer=mute) == UNKNOWN


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_flipped_byte_of_a_list_clears_anybody(data: st.DataObject):
    octets = bytearray(LISTED)
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        items = read(bytes(octets))
    except UNREADABLE:
        return

    status = revocation.collect(items).of(REVOKED_ONE, (ISSUER.certificate,), NOW)
    assert status.word == (REVOKED if items[0].octets == LISTED else UNKNOWN)


LISTED = pki.crl(ISSUER, [REVOKED_ONE])


@pytest.mark.parametrize(
    ("extension", "user", "authority"),
    [
        (scope(only_contains_user_certs=True), GOOD, UNKNOWN),
        (scope(only_contains_ca_certs=True), UNKNOWN, GOOD),
        (scope(only_contains_attribute_certs=True), UNKNOWN, UNKNOWN),
        (scope(indirect_crl=True), UNKNOWN, UNKNOWN),
        (scope(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})), UNKNOWN, UNKNOWN),
        (scope(full_name=[x509.UniformResourceIdentifier("http://crl.example.org/1.crl")]), GOOD, UNKNOWN),
        (scope(full_name=[x509.UniformResourceIdentifier("http://crl.example.org/2.crl")]), UNKNOWN, UNKNOWN),
        ((x509.DeltaCRLIndicator(1), True), UNKNOWN, UNKNOWN),
        ((x509.DeltaCRLIndicator(1), False), UNKNOWN, UNKNOWN),
        ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True), UNKNOWN, UNKNOWN),
        ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False), GOOD, GOOD),
    ],
)
def test_a_list_speaks_only_of_what_it_covers(extension: tuple, user: str, authority: str):
    signer = pki.leaf(ISSUER, crl_url="http://crl.example.org/1.crl").certificate
    below = pki.intermediate(ISSUER, "Below").certificate
    octets = pki.crl(ISSUER, extensions=[extension])

    assert (word(signer, octets), word(below, octets)) == (user, authority)


def test_a_list_that_came_later_speaks_of_an_earlier_moment_by_its_dates():
    later = pki.crl(ISSUER, [REVOKED_ONE], at=NOW + 10 * DAY, revoked_at=NOW + 5 * DAY)

    assert word(REVOKED_ONE, later, now=NOW) == GOOD
    assert word(REVOKED_ONE, later, now=NOW + 5 * DAY) == REVOKED
    assert word(REVOKED_ONE, later, now=NOW + 10 * DAY) == REVOKED


def test_a_list_that_came_after_a_certificates_end_does_not_clear_it():
    """Who has ended is taken off the lists."""
    ended, later = PKI.expired.certificate, pki.crl(ISSUER)

    assert word(ended, later, now=NOW - 10 * DAY) == UNKNOWN
    assert word(ended, pki.crl(ISSUER, [ended], revoked_at=NOW - 20 * DAY), now=NOW - 10 * DAY) == REVOKED


def test_a_revocation_that_is_dated_after_its_list_holds_at_once():
    assert word(REVOKED_ONE, pki.crl(ISSUER, [REVOKED_ONE], revoked_at=NOW + 5 * DAY)) == REVOKED


def test_lists_are_read_as_der_and_as_pem():
    pem = x509.load_der_x509_crl(LISTED).public_bytes(Encoding.PEM)

    assert read(pem)[0].digest == read(LISTED)[0].digest


@pytest.mark.parametrize(
    "octets",
    [b"", b"<html>", b"\x30\x80", LISTED[:-10], b"-----BEGIN X509 CRL-----\nAAAA\n", b"\x30" * 4000],
    ids=range(6),
)
def test_what_is_neither_list_nor_answer_is_said(octets: bytes):
    with pytest.raises(UNREADABLE):
        read(octets)


# --- answers ------------------------------------------------------------------------------------------------------


def answer(certificate=GOOD_ONE, responder=PKI.responder, **special) -> bytes:
    return pki.ocsp_answer(certificate, ISSUER, responder, **special)


def test_an_answer_clears_or_revokes_the_one_it_is_about():
    assert word(GOOD_ONE, answer()) == GOOD
    assert word(GOOD_ONE, answer(responder=None)) == GOOD
    assert word(GOOD_ONE, answer(revoked_at=NOW - DAY)) == REVOKED
    assert word(GOOD_ONE, answer(unknown=True)) == UNKNOWN
    assert word(REVOKED_ONE, answer()) == UNKNOWN


def test_who_is_revoked_by_list_or_answer_is_revoked():
    assert word(GOOD_ONE, answer(), pki.crl(ISSUER, [GOOD_ONE])) == REVOKED
    assert word(GOOD_ONE, answer(revoked_at=NOW - DAY), pki.crl(ISSUER)) == REVOKED
    assert word(GOOD_ONE, answer(hours=(-9, -1)), pki.crl(ISSUER)) == GOOD


@pytest.mark.parametrize(
    ("hours", "expected"),
    [((-1, 24), GOOD), ((-30, -6), UNKNOWN), ((-1, None), UNKNOWN), ((-0.4, None), GOOD), ((-1, 0), UNKNOWN)],
)
def test_an_answer_says_nothing_after_its_time(hours: tuple, expected: str):
    assert word(GOOD_ONE, answer(hours=hours)) == expected


def test_an_answer_by_anybody_else_says_nothing():
    stranger = pki.leaf(PKI.root, "Stranger")
    elsewhere = pki.responder_party(pki.root("Elsewhere"))
    unasked = [(x509.OCSPNoCheck(), False)]
    not_a_responder = pki.leaf(ISSUER, "Good", extensions=unasked)
    for_mail = pki.leaf(ISSUER, "Good", extensions=unasked, purposes=[x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
    same_key = pki.intermediate(PKI.root, "Under another name", key=ISSUER.key)

    for forged in (
        answer(responder=stranger),
        answer(responder=elsewhere),
        answer(responder=not_a_responder),
        answer(responder=for_mail),
        answer(signed_by=stranger.key),
        answer(responder=None, signed_by=stranger.key),
        answer(responder=pki.responder_party(PKI.root)),
        answer(responder=pki.responder_party(same_key)),
        answer(responder=pki.responder_party(ISSUER, days=(-90, -1))),
        answer(responder=pki.responder_party(ISSUER, days=(1, 90))),
    ):
        assert word(GOOD_ONE, forged) == UNKNOWN


def test_a_responders_own_revocation_counts():
    asked = pki.leaf(ISSUER, "Responder", purposes=[x509.ExtendedKeyUsageOID.OCSP_SIGNING])

    assert word(GOOD_ONE, answer(responder=asked)) == UNKNOWN
    assert word(GOOD_ONE, answer(responder=asked), pki.crl(ISSUER, hours=(-1, 1))) == GOOD
    assert word(REVOKED_ONE, answer(REVOKED_ONE, responder=asked), pki.crl(ISSUER, [asked.certificate, REVOKED_ONE])) == REVOKED
    both = held(answer(responder=PKI.responder), pki.crl(ISSUER, [PKI.responder.certificate]))
    assert both.answer_of(GOOD_ONE, ISSUER.certificate, NOW) == UNKNOWN


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_flipped_byte_of_an_answer_clears_anybody(data: st.DataObject):
    octets = bytearray(ANSWERED)
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        items = read(bytes(octets))
    except UNREADABLE:
        return

    assert revocation.collect(items).of(GOOD_ONE, (ISSUER.certificate,), NOW).word in (REVOKED, UNKNOWN)


ANSWERED = answer(revoked_at=NOW - DAY)


def test_an_answer_that_only_excuses_itself_is_no_answer():
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER)

    with pytest.raises(ValueError, match="try_later"):
        read(refused)


# --- what a message's signer is told ------------------------------------------------------------------------------


def test_unknown_is_refused_unless_the_endpoint_accepts_it_and_says_so():
    known = store(anchor(PKI.root))

    assert refusal(PKI.good, snapshot(known)) == "INDETERMINATE/TRY_LATER"
    assert refusal(PKI.good, snapshot(known, held(UPPER))) == "INDETERMINATE/TRY_LATER"
    assert judged(PKI.good, snapshot(known, held(UPPER), accept_unknown=True)).revocation == "unknown"


def test_who_is_surely_revoked_is_refused_also_where_unknown_is_accepted():
    known = store(anchor(PKI.root))
    lower = pki.crl(ISSUER, [REVOKED_ONE])

    unsure = snapshot(known, held(lower), accept_unknown=True)
    assert refusal(PKI.revoked, unsure) == "INDETERMINATE/REVOKED_NO_POE"
    with pytest.raises(Untrusted, match="signer's certificate is revoked"):
        judged(PKI.revoked, unsure)
    upper = pki.crl(PKI.root, [ISSUER.certificate])
    assert refusal(PKI.good, snapshot(known, held(upper), accept_unknown=True)) == "INDETERMINATE/REVOKED_NO_POE"
    assert refusal(PKI.good, snapshot(known, held(upper, pki.crl(ISSUER)))) == "INDETERMINATE/REVOKED_NO_POE"


def test_another_path_that_surely_holds_makes_good_for_a_revoked_authority():
    one, other = pki.root("One"), pki.root("Other")
    authority = pki.intermediate(one)
    across, signer = pki.cross_signed(authority, other), pki.leaf(authority)
    known, beside = store(anchor(one), anchor(other)), (authority.certificate, across.certificate)
    gone, rest = pki.crl(one, [authority.certificate]), pki.crl(authority)

    assert judged(signer, snapshot(known, held(gone, rest, pki.crl(other))), others=beside).revocation == "good"
    unsure = snapshot(known, held(gone, rest), accept_unknown=True)
    assert refusal(signer, unsure, others=beside) == "INDETERMINATE/REVOKED_NO_POE"


# --- compared with an implementation that is not ours -------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (pki.crl(ISSUER), GOOD),
        (pki.crl(ISSUER, [GOOD_ONE]), REVOKED),
        (pki.crl(ISSUER, hours=(-48, -24)), UNKNOWN),
        (pki.crl(ISSUER, signed_by=PKI.root.key), UNKNOWN),
        (pki.crl(ISSUER, extensions=[scope(only_contains_ca_certs=True)]), UNKNOWN),
        (pki.crl(ISSUER, extensions=[scope(only_contains_user_certs=True)]), GOOD),
        (answer(), GOOD),
        (answer(revoked_at=NOW - DAY), REVOKED),
        (answer(responder=None), GOOD),
        (answer(hours=(-48, -24)), UNKNOWN),
        (answer(signed_by=PKI.root.key), UNKNOWN),
        (answer(responder=pki.responder_party(pki.root("Elsewhere"))), UNKNOWN),
    ],
    ids=range(12),
)
def test_pyhanko_says_the_same(octets: bytes, expected: str):
    named = {"crl_url": "http://x.example.org/", "ocsp_url": "http://x.example.org/"}
    subject = pki.issue(PKI.good.name, ISSUER, key=PKI.good.key, serial=PKI.good.serial, **named).certificate
    is_list = isinstance(read(octets)[0], revocation.RevocationList)
    kind = {"crls": [octets, UPPER]} if is_list else {"ocsps": [octets], "crls": [UPPER]}

    assert word(subject, octets) == expected
    assert pyhanko_word(subject, **kind) == expected


def pyhanko_word(certificate: x509.Certificate, **kind: list[bytes]) -> str:
    def asn1(each: x509.Certificate) -> asn1_x509.Certificate:
        return asn1_x509.Certificate.load(each.public_bytes(Encoding.DER))

    async def validate() -> None:
        rules = ValidationContext(
            trust_roots=[asn1(PKI.root.certificate)],
            other_certs=[asn1(ISSUER.certificate)],
            moment=NOW,
            revocation_mode="require",
            **kind,
        )
        await CertificateValidator(asn1(certificate), validation_context=rules).async_validate_path()

    try:
        asyncio.run(validate())
    except RevokedError:
        return REVOKED
    except PathValidationError:
        return UNKNOWN
    return GOOD
