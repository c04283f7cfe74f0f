"""Timestamps: tokens of a real authority (openssl) are accepted, by openssl as well; whatever is wrong with one is refused."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import cms, tsp
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Refused, Untrusted
from hub.rules import timestamps
from tests.support import pki, tsa
from tests.support.tsa import OTHER_POLICY, POLICY, Tsa, authorities

DIGEST = bytes(range(32))
NONCE = 0x7FFF_FFFF_FFFF_FFFF
ROOT, BETWEEN, SIGNER = authorities()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Tsa(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="module")
def reply(authority):
    return authority.stamp(timestamps.request(DIGEST, NONCE))


@pytest.fixture(scope="module")
def token(reply):
    return timestamps.read_reply(reply, DIGEST, NONCE)


def outcome(token, digest=DIGEST, trusted=(ROOT.certificate,)):
    with pytest.raises(Untrusted) as caught:
        timestamps.check(token, digest, trusted)
    return caught.value.where


def test_a_token_says_when_by_whom_and_under_which_policy(token):
    found = timestamps.check(token, DIGEST, [ROOT.certificate])

    assert abs(found.at - datetime.now(UTC)) < timedelta(minutes=10)
    assert (found.policy, found.serial, found.signer) == (POLICY, 2, SIGNER.certificate)
    assert set(timestamps.certificates(token)) == {SIGNER.certificate, BETWEEN.certificate}


def test_openssl_accepts_the_token_that_is_kept(token, tmp_path):
    assert tsa.accepts(token, DIGEST, ROOT, tmp_path)
    assert not tsa.accepts(token, bytes(32), ROOT, tmp_path)


def test_a_request_asks_for_a_policy_and_gets_it(authority):
    reply = authority.stamp(timestamps.request(DIGEST, NONCE, OTHER_POLICY))
    token = timestamps.read_reply(reply, DIGEST, NONCE, OTHER_POLICY)

    assert timestamps.check(token, DIGEST, [ROOT.certificate]).policy == OTHER_POLICY


@pytest.mark.parametrize("size", sorted(timestamps.ALGORITHMS))
def test_longer_digests_of_others_are_checked_too(authority, size):
    digest = hashlib.new(timestamps.ALGORITHMS[size], b"octets").digest()
    token = timestamps.read_reply(authority.stamp(timestamps.request(digest, NONCE)), digest, NONCE)

    found = timestamps.check(token, digest, [ROOT.certificate])
    assert found == timestamps.check_over(token, b"octets", [ROOT.certificate])
    assert found.policy == POLICY
    with pytest.raises(Untrusted, match="HASH_FAILURE"):
        timestamps.check_over(token, b"other octets", [ROOT.certificate])


def test_a_token_that_was_granted_with_changes_is_a_token(reply):
    whole = tsp.TimeStampResp.load(reply)
    changed = tsp.TimeStampResp({"status": {"status": "granted_with_mods"}, "time_stamp_token": whole["time_stamp_token"]})

    assert timestamps.read_reply(changed.dump(), DIGEST, NONCE)


# --- replies that are refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digest", "nonce", "policy", "expected"),
    [
        (bytes(32), NONCE, "", "TOTAL-FAILED/HASH_FAILURE"),
        (DIGEST, 1, "", "TOTAL-FAILED/NOT_AS_REQUESTED"),
        (DIGEST, NONCE, OTHER_POLICY, "TOTAL-FAILED/NOT_AS_REQUESTED"),
    ],
)
def test_a_reply_to_another_request_is_refused(reply, digest, nonce, policy, expected):
    with pytest.raises(Untrusted) as caught:
        timestamps.read_reply(reply, digest, nonce, policy)

    assert caught.value.where == expected


def test_a_rejection_names_its_reason():
    with pytest.raises(Refused) as caught:
        timestamps.read_reply(tsa.rejection("bad_alg"), DIGEST, NONCE)

    assert caught.value.partner_code == "bad_alg"


@pytest.mark.parametrize("status", ["waiting", "revocation_warning", "revocation_notification"])
def test_a_status_without_token_is_refused(status):
    with pytest.raises(Refused):
        timestamps.read_reply(tsa.rejection("system_failure", status), DIGEST, NONCE)


@pytest.mark.parametrize(
    "reply", [b"", b"\x30", b"<html>Bad Gateway</html>", bytes(1_000_000), b"\x30\x80" * 50_000, b"\x30\x03\x02\x01\x00"]
)
def test_what_is_no_reply_is_refused(reply):
    with pytest.raises(Untrusted) as caught:
        timestamps.read_reply(reply, DIGEST, NONCE)

    assert caught.value.where == "TOTAL-FAILED/FORMAT_FAILURE"


# --- tokens that are refused --------------------------------------------------------------------------------------


def test_a_token_over_something_else_is_refused(token):
    assert outcome(token, bytes(32)) == "TOTAL-FAILED/HASH_FAILURE"
    assert outcome(token, DIGEST[:31]) == "TOTAL-FAILED/HASH_FAILURE"


@pytest.mark.parametrize("party", [SIGNER, BETWEEN, ROOT])
def test_trust_may_begin_at_the_authority_itself_or_at_who_issued_it(token, party):
    trusted = [pki.standard().root.certificate, party.certificate]

    assert timestamps.check(token, DIGEST, trusted).signer == SIGNER.certificate


@pytest.mark.parametrize("days", [(-400, -5), (5, 365)])
def test_also_what_is_trusted_by_itself_must_have_been_valid(tmp_path, days):
    party = pki.time_stamper(BETWEEN, key=SIGNER.key, serial=SIGNER.serial, at=datetime.now(UTC), days=days)
    token = Tsa(tmp_path, party).stamp(timestamps.request(DIGEST, NONCE))

    found = outcome(timestamps.read_reply(token, DIGEST, NONCE), trusted=[party.certificate])
    assert found == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def test_keys_of_other_kinds_sign_as_well(tmp_path):
    party = pki.time_stamper(BETWEEN, key=pki.new_key("ec"), at=datetime.now(UTC))
    token = timestamps.read_reply(Tsa(tmp_path, party).stamp(timestamps.request(DIGEST, NONCE)), DIGEST, NONCE)

    assert timestamps.check(token, DIGEST, [ROOT.certificate]).signer == party.certificate
    assert timestamps.check(token, DIGEST, [party.certificate]).signer == party.certificate


@pytest.mark.parametrize("trusted", [(), (pki.standard().root.certificate,)])
def test_an_authority_below_no_trusted_root_is_refused(token, trusted):
    assert outcome(token, trusted=trusted) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def test_an_authority_of_the_same_names_is_refused(authority):
    authority.forge()
    token = timestamps.read_reply(authority.stamp(timestamps.request(DIGEST, NONCE), "forger"), DIGEST, NONCE)

    assert outcome(token) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def test_a_certificate_that_names_itself_an_authority_brings_no_trust_with_it(tmp_path):
    own = pki.issue("Own", at=datetime.now(UTC), key=pki.new_key("rsa"), purposes=[pki.ExtendedKeyUsageOID.TIME_STAMPING])
    token = timestamps.read_reply(Tsa(tmp_path, own).stamp(timestamps.request(DIGEST, NONCE)), DIGEST, NONCE)

    assert outcome(token) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def test_a_signer_issues_no_authority(tmp_path):
    now = datetime.now(UTC)
    false = pki.time_stamper(pki.leaf(BETWEEN, "Not an authority", at=now), at=now)
    token = timestamps.read_reply(Tsa(tmp_path, false).stamp(timestamps.request(DIGEST, NONCE)), DIGEST, NONCE)

    assert outcome(token) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def signed_with(folder, **special):
    """Give a token by openssl, over which a certificate of our making is laid in place of the authority's."""
    party = pki.time_stamper(BETWEEN, **{"key": SIGNER.key, "serial": SIGNER.serial, "at": datetime.now(UTC), **special})
    try:
        return timestamps.read_reply(Tsa(folder, party).stamp(timestamps.request(DIGEST, NONCE)), DIGEST, NONCE)
    except tsa.subprocess.CalledProcessError:
        # openssl refuses to be such an authority: an honest token gets the certificate afterwards.
        honest = timestamps.read_reply(Tsa(folder).stamp(timestamps.request(DIGEST, NONCE)), DIGEST, NONCE)
        return with_certificates(honest, [party.der, BETWEEN.der])


def with_certificates(token, ders):
    whole = cms.ContentInfo.load(token)
    kept = {name: whole["content"][name] for name in ("version", "digest_algorithms", "encap_content_info", "signer_infos")}
    chosen = cms.CertificateSet([cms.CertificateChoices.load(each) for each in ders])
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData({**kept, "certificates": chosen})}).dump()


@pytest.mark.parametrize("days", [(-400, -5), (5, 365)])
def test_a_certificate_that_was_not_valid_at_that_moment_is_refused(tmp_path, days):
    assert outcome(signed_with(tmp_path, days=days)) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


@pytest.mark.parametrize(
    "purposes",
    [(), [pki.ExtendedKeyUsageOID.CODE_SIGNING], [pki.ExtendedKeyUsageOID.TIME_STAMPING, pki.ExtendedKeyUsageOID.CODE_SIGNING]],
)
def test_a_certificate_for_other_things_is_refused(tmp_path, purposes):
    assert outcome(signed_with(tmp_path, purposes=purposes)) == "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"


def test_a_short_key_is_refused(tmp_path):
    assert outcome(signed_with(tmp_path, key=pki.new_key("weak"))) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_another_certificate_of_the_same_key_is_not_what_the_signature_binds(token):
    other = pki.time_stamper(BETWEEN, key=SIGNER.key, serial=SIGNER.serial, at=datetime.now(UTC), days=(-3, 3))

    assert outcome(with_certificates(token, [other.der, BETWEEN.der])) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_without_the_authoritys_certificate_nothing_can_be_checked_unless_it_is_known(token):
    bare = with_certificates(token, [])

    assert outcome(bare) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"
    assert timestamps.check(bare, DIGEST, [SIGNER.certificate]).signer == SIGNER.certificate


def test_a_changed_time_breaks_the_signature(token):
    whole = cms.ContentInfo.load(token)
    info = tsp.TSTInfo.load(bytes(whole["content"]["encap_content_info"]["content"]))
    changed = token.replace(info["gen_time"].contents, b"20200101000000Z")
    assert changed != token

    assert outcome(changed) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_a_changed_serial_number_breaks_the_signature(token):
    at = token.index(bytes.fromhex("020102"), token.index(DIGEST))
    assert outcome(token[:at] + bytes.fromhex("020107") + token[at + 3 :]) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_a_token_that_is_signed_twice_is_refused(token):
    whole = cms.ContentInfo.load(token)
    twice = [whole["content"]["signer_infos"][0].dump()] * 2
    whole["content"]["signer_infos"] = cms.SignerInfos([cms.SignerInfo.load(each) for each in twice])

    assert outcome(whole.dump(force=True)) == "TOTAL-FAILED/FORMAT_FAILURE"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_changed_token_is_accepted_as_another_and_none_crashes(token, data):
    at = data.draw(st.integers(0, len(token) - 1))
    changed = token[:at] + bytes([data.draw(st.integers(0, 255))]) + token[at + 1 :]
    honest = timestamps.check(token, DIGEST, [ROOT.certificate])
    with suppress(Untrusted):
        # What is not below a signature (another certificate beside it) may differ; what the token says may not.
        assert timestamps.check(changed, DIGEST, [ROOT.certificate]) == honest


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_a_token_that_was_cut_is_refused(token, cut):
    assert outcome(token[: len(token) * cut // 100]) == "TOTAL-FAILED/FORMAT_FAILURE"
