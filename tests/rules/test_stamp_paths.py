"""Paths of stamping authorities: what was found for one token is true of another only where nothing differs that a path needs."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from asn1crypto import cms

from hub.errors import Untrusted
from hub.rules import timestamps
from tests.support import pki, signed_xml
from tests.support.pki import NOW

OCTETS = b"octets"
SECOND = timedelta(seconds=1)
NO_PATH = "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"
ROOT = pki.root("Root", key=pki.new_key("rsa"))
#: Valid for less time than who is above and who is below it.
BETWEEN = pki.intermediate(ROOT, key=pki.new_key("rsa"), days=(-10, 10))
SIGNER = pki.time_stamper(BETWEEN, days=(-30, 30))
BEGINS, ENDS = BETWEEN.certificate.not_valid_before_utc, BETWEEN.certificate.not_valid_after_utc
OTHER_ROOT = pki.root("Root", key=pki.new_key("rsa"))


def token(at=NOW, signer=SIGNER):
    return signed_xml.token(signer, OCTETS, at=at)


def outcome(stamp, *trusted):
    """Say how a check ends."""
    try:
        timestamps.check_over(stamp, OCTETS, trusted)
    except Untrusted as error:
        return error.where
    return "accepted"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (BEGINS - SECOND, NO_PATH),
        (BEGINS, "accepted"),
        (ENDS - SECOND, "accepted"),
        # OpenSSL does not count the last second.
        (ENDS, NO_PATH),
        (ENDS + SECOND, NO_PATH),
    ],
)
def test_a_path_that_was_found_holds_for_no_moment_at_which_it_is_broken(at, expected):
    assert outcome(token(), ROOT.certificate) == "accepted"
    # Beside an authority that nobody has trusted before, nothing is remembered.
    fresh = pki.root("Nobody has used it")

    assert outcome(token(at), ROOT.certificate) == expected
    assert outcome(token(at), ROOT.certificate, fresh.certificate) == expected


def test_a_path_that_was_found_leads_to_no_other_root():
    assert outcome(token(), ROOT.certificate) == "accepted"

    assert outcome(token(), OTHER_ROOT.certificate) == NO_PATH
    assert outcome(token()) == NO_PATH


def test_a_path_that_was_found_is_not_that_of_another_signer_of_the_same_names():
    forger = pki.time_stamper(pki.intermediate(OTHER_ROOT, days=(-10, 10)), serial=SIGNER.serial)
    assert outcome(token(), ROOT.certificate) == "accepted"

    assert outcome(token(signer=forger), ROOT.certificate) == NO_PATH


def test_a_path_needs_the_certificates_that_came_with_the_token_each_time():
    assert outcome(token(), ROOT.certificate) == "accepted"
    stranger = pki.intermediate(OTHER_ROOT, key=pki.new_key("rsa"), days=(-10, 10))

    for ders in ([SIGNER.der], [SIGNER.der, stranger.der]):
        changed = cms.ContentInfo.load(token())
        changed["content"]["certificates"] = [cms.CertificateChoices.load(each) for each in ders]
        assert outcome(changed.dump(force=True), ROOT.certificate) == NO_PATH


def test_a_signature_is_checked_also_where_its_path_is_remembered():
    good = token()
    assert outcome(good, ROOT.certificate) == "accepted"
    signature = cms.ContentInfo.load(good)["content"]["signer_infos"][0]["signature"].native
    changed = good.replace(signature, signature[:-1] + bytes([signature[-1] ^ 1]))

    assert outcome(changed, ROOT.certificate) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_the_digest_is_checked_also_where_the_path_is_remembered():
    assert outcome(token(), ROOT.certificate) == "accepted"

    with pytest.raises(Untrusted, match="HASH_FAILURE"):
        timestamps.check(token(), hashlib.sha256(b"other octets").digest(), [ROOT.certificate])


def test_a_token_that_finds_no_path_takes_none_from_others():
    """What is refused for how it is written (here: a digest algorithm that nobody knows) says nothing about certificates."""
    fresh = pki.root("Nobody has used it")
    odd = cms.ContentInfo.load(token())
    odd["content"]["version"] = "v5"
    odd["content"]["digest_algorithms"] = [{"algorithm": "1.2.3.4"}]
    trusted = (ROOT.certificate, fresh.certificate)

    refused = outcome(odd.dump(force=True), *trusted)
    assert refused != "accepted"
    assert outcome(token(), *trusted) == "accepted"
    assert outcome(odd.dump(force=True), *trusted) == refused
