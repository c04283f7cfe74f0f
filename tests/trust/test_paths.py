"""Paths from a signer's certificate to an anchor: which hold, which do not, and in which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.rules import certificates
from hub.rules.signatures import signed_part
from hub.rules.signing import sign_xml
from hub.trust import paths
from tests.support import pki
from tests.support.pki import DAY, NOW
from tests.support.trusted import anchor, held, judged, refusal, snapshot, store

NO_CHAIN = "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"
CONSTRAINTS = "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"
ENDED = "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"
WEAK = "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"
PKI = pki.standard()
CRLS = PKI.crls()
LISTS = held(*CRLS)
TRUST = snapshot(store(anchor(PKI.root)), LISTS)


def test_a_path_through_an_authority_that_came_with_the_message_is_trusted():
    found = judged(PKI.good, TRUST)

    assert (found.revocation, found.weak, found.purpose) == ("good", False, "government")
    assert [x509.load_der_x509_certificate(der) for der in found.proofs[:2]] == [PKI.authority.certificate, PKI.root.certificate]
    assert sorted(found.proofs[2:]) == sorted(CRLS)


def test_a_signer_who_sends_only_its_own_certificate_is_trusted_where_the_store_has_the_authority():
    trust = snapshot(store(anchor(PKI.root), between=[PKI.authority.certificate]), LISTS)

    assert refusal(PKI.good, TRUST, others=()) == NO_CHAIN
    assert judged(PKI.good, trust, others=()).revocation == "good"


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("expired", ENDED),
        ("not_yet_valid", "TOTAL-FAILED/NOT_YET_VALID"),
        ("revoked", "INDETERMINATE/REVOKED_NO_POE"),
        ("wrong_purpose", CONSTRAINTS),
        ("tsa", CONSTRAINTS),
        ("responder", CONSTRAINTS),
        ("authority", CONSTRAINTS),
        ("root", CONSTRAINTS),
        ("weak", WEAK),
    ],
)
def test_what_must_not_be_trusted_is_refused_in_the_words_of_etsi(kind: str, outcome: str):
    assert refusal(getattr(PKI, kind), TRUST) == outcome


def test_a_verdict_over_a_whole_document_says_what_was_leaned_on():
    signed = sign_xml(b"<a/>", replace(PKI.good.signer, chain=PKI.good.between))
    verified = signed_part(signed, TRUST, NOW)

    assert verified.verdict.revocation == "good"
    assert len(verified.verdict.revocation_digests) == 2
    assert verified.verdict.reason == ""
    assert set(CRLS) < set(verified.proofs)


# --- who is above -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identifiers", [True, False])
def test_a_stranger_of_the_same_name_makes_no_path(identifiers: bool):
    twin = pki.root("Government root", identifiers=identifiers)
    between = pki.intermediate(twin, "Government authority", identifiers=identifiers)
    impostor = pki.leaf(between, "Good", identifiers=identifiers)

    assert refusal(impostor, TRUST) == NO_CHAIN
    assert refusal(impostor, TRUST, others=(PKI.authority.certificate, *impostor.path)) == NO_CHAIN


def test_an_anchor_of_another_purpose_makes_no_path():
    trust = snapshot(store(anchor(PKI.root, "public")), LISTS)

    assert refusal(PKI.good, trust) == NO_CHAIN
    assert judged(PKI.good, snapshot(store(anchor(PKI.root, "public")), LISTS, purposes=("public",))).purpose == "public"


def test_an_anchor_that_serves_two_purposes_serves_each():
    both = store(anchor(PKI.root, "public"), anchor(PKI.root, "government"))

    assert judged(PKI.good, snapshot(both, LISTS)).purpose == "government"
    assert judged(PKI.good, snapshot(both, LISTS, purposes=("public",))).purpose == "public"


@pytest.mark.parametrize("first", [True, False])
def test_a_cross_signed_authority_leads_to_the_anchor_that_is_there(first: bool):
    """Both ways: through its own root, and through the one that signed it across."""
    one, other = pki.root("One"), pki.root("Other")
    authority = pki.intermediate(one, "Between")
    across = pki.cross_signed(authority, other)
    signer = pki.leaf(authority)
    lists = held(pki.crl(one), pki.crl(other), pki.crl(authority))
    trust = snapshot(store(anchor(one if first else other)), lists)

    assert judged(signer, trust, others=(authority.certificate, across.certificate)).revocation == "good"
    assert judged(signer, trust, others=(across.certificate, authority.certificate)).revocation == "good"
    assert refusal(signer, trust, others=(across.certificate if first else authority.certificate,)) == NO_CHAIN


def test_authorities_that_signed_each_other_make_no_endless_path():
    one, other = pki.root("One"), pki.root("Other")
    ring = [pki.cross_signed(one, other).certificate, pki.cross_signed(other, one).certificate]

    assert refusal(pki.leaf(one), TRUST, others=[*ring, one.certificate, other.certificate]) == NO_CHAIN
    assert judged(pki.leaf(one), snapshot(store(anchor(other)), held(pki.crl(one), pki.crl(other))), others=ring).weak is False


@pytest.mark.parametrize("trusted", ["old", "new"])
def test_after_a_roll_over_signers_of_both_keys_are_trusted_under_either_root(trusted: str):
    old = pki.root("Rolling")
    new, new_with_old, old_with_new = pki.rolled_over(old)
    before, after = pki.leaf(old, "Before"), pki.leaf(new, "After")
    lists = held(pki.crl(old), pki.crl(new))
    trust = snapshot(store(anchor(old if trusted == "old" else new)), lists)

    for signer in (before, after):
        assert judged(signer, trust, others=(new_with_old, old_with_new)).revocation == "good"
        assert judged(signer, snapshot(store(anchor(old), anchor(new)), lists), others=()).revocation == "good"


def test_a_new_key_signs_the_list_for_what_the_old_one_issued():
    """Of two anchors with one name; a list by an authority of another name counts for nothing."""
    old = pki.root("Rolling")
    new, *_ = pki.rolled_over(old)
    revoked, good = pki.leaf(old, "Revoked"), pki.leaf(old, "Good")
    trust = snapshot(store(anchor(old), anchor(new)), held(pki.crl(new, [revoked.certificate])))

    assert judged(good, trust).revocation == "good"
    assert refusal(revoked, trust) == "INDETERMINATE/REVOKED_NO_POE"
    assert refusal(good, snapshot(store(anchor(old)), held(pki.crl(new)))) == "INDETERMINATE/TRY_LATER"


# --- constraints of authorities -----------------------------------------------------------------------------------


def test_more_authorities_than_one_allowed_below_it_are_refused():
    deeper = pki.intermediate(PKI.authority, "Too deep")

    assert refusal(pki.leaf(deeper), snapshot(store(anchor(PKI.root)), accept_unknown=True)) == CONSTRAINTS


@pytest.mark.parametrize(("length", "trusted"), [(0, False), (1, True), (None, True)])
def test_an_anchors_own_length_counts(length: int | None, trusted: bool):
    top = pki.root("Short", path_length=length)
    signer = pki.leaf(pki.intermediate(top))
    trust = snapshot(store(anchor(top)), accept_unknown=True)

    if trusted:
        assert judged(signer, trust).revocation == "unknown"
    else:
        assert refusal(signer, trust) == CONSTRAINTS


@pytest.mark.parametrize("of_anchor", [True, False])
@pytest.mark.parametrize(("organisation", "trusted"), [("Bộ Thử Nghiệm", True), ("Bộ Khác", False)])
def test_names_outside_of_an_authoritys_constraints_are_refused(of_anchor: bool, organisation: str, trusted: bool):
    inside = x509.DirectoryName(x509.Name(list(pki.name("x", O="Bộ Thử Nghiệm"))[:2]))
    names = x509.NameConstraints(permitted_subtrees=[inside], excluded_subtrees=None)
    top = pki.root("Top", constraints=names if of_anchor else None)
    within = pki.name("Authority", O="Bộ Thử Nghiệm")
    authority = pki.issue(within, top, ca=True, constraints=None if of_anchor else names)
    signer = pki.issue(pki.name("Cán bộ", O=organisation), authority)
    trust = snapshot(store(anchor(top)), accept_unknown=True)

    if trusted:
        assert judged(signer, trust).revocation == "unknown"
    else:
        assert refusal(signer, trust) == CONSTRAINTS


@pytest.mark.parametrize(
    "special", [{"ca": False}, {"key_usage": pki.usage("digital_signature")}, {"days": (-400, -5)}, {"days": (5, 400)}]
)
def test_an_authority_that_may_not_issue_or_not_now_makes_no_trust(special: dict):
    between = pki.issue("Between", PKI.root, **{"ca": True, **special})
    expected = {-400: ENDED, 5: "TOTAL-FAILED/NOT_YET_VALID"}.get(special.get("days", (0, 0))[0], CONSTRAINTS)

    assert refusal(pki.leaf(between), TRUST) == expected


def test_an_extension_that_nobody_knows_and_that_is_critical_is_refused():
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    between = pki.intermediate(PKI.root, "Odd", extensions=[(odd, True)])

    assert refusal(pki.leaf(between), TRUST) == CONSTRAINTS
    assert refusal(pki.leaf(PKI.authority, extensions=[(odd, True)]), TRUST) == CONSTRAINTS


@pytest.mark.parametrize(
    ("purposes", "trusted"),
    [
        ([ExtendedKeyUsageOID.SERVER_AUTH], False),
        ([ExtendedKeyUsageOID.TIME_STAMPING], False),
        ([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], True),
        ([ExtendedKeyUsageOID.EMAIL_PROTECTION], True),
    ],
)
def test_a_key_for_nothing_but_servers_or_time_stamps_signs_no_document(purposes: list, trusted: bool):
    signer = pki.leaf(PKI.authority, purposes=purposes)

    assert judged(signer, TRUST).weak is False if trusted else refusal(signer, TRUST) == CONSTRAINTS


# --- an anchor's days ---------------------------------------------------------------------------------------------


def test_an_anchor_is_trusted_only_for_its_days():
    trust = snapshot(store(anchor(PKI.root, valid_from=NOW - 10 * DAY, valid_until=NOW + 10 * DAY)), accept_unknown=True)

    assert judged(PKI.good, trust).purpose == "government"
    assert judged(PKI.good, trust, NOW + 10 * DAY).purpose == "government"
    assert refusal(PKI.good, trust, NOW + 10 * DAY + timedelta(microseconds=1)) == ENDED
    assert refusal(PKI.good, trust, NOW - 11 * DAY) == "TOTAL-FAILED/NOT_YET_VALID"


def test_the_same_authority_under_a_newer_certificate_takes_over_where_the_older_is_no_longer_trusted():
    again = pki.issue(PKI.root.name, key=PKI.root.key, ca=True, days=(-1, 3650))
    ended, current = anchor(PKI.root, valid_until=NOW - DAY), anchor(again)

    assert refusal(PKI.good, snapshot(store(ended), LISTS)) == ENDED
    assert judged(PKI.good, snapshot(store(ended, current), LISTS)).revocation == "good"


# --- old algorithms -----------------------------------------------------------------------------------------------


def test_an_old_root_that_signed_itself_with_sha1_is_an_anchor_like_any_other():
    """Nobody asks an anchor to vouch for itself."""
    root = pki.sha1(pki.root("G1", key=pki.new_key("rsa")))
    authority = pki.intermediate(root)
    signer = pki.leaf(authority)
    trust = snapshot(store(anchor(root)), held(pki.crl(root), pki.crl(authority)))

    assert root.certificate.signature_hash_algorithm.name == "sha1"
    assert (judged(signer, trust).weak, judged(signer, trust).revocation) == (False, "good")


@pytest.mark.parametrize("which", ["signer", "authority"])
def test_what_was_issued_with_sha1_is_read_only_where_weak_is_allowed_and_is_said(which: str):
    root = pki.root("G1", key=pki.new_key("rsa"))
    authority = pki.intermediate(root, key=pki.new_key("rsa"))
    if which == "authority":
        authority = pki.sha1(authority, root)
    signer = pki.leaf(authority, key=pki.new_key("rsa"))
    if which == "signer":
        signer = pki.sha1(signer, authority)
    known, lists = store(anchor(root)), held(pki.crl(root), pki.crl(authority))

    assert refusal(signer, snapshot(known, lists)) == WEAK
    assert judged(signer, snapshot(known, lists, allow_weak=True)).weak is True


def test_a_short_key_of_an_authority_makes_what_it_issued_weak():
    root = pki.root("Short", key=pki.new_key("weak"))
    signer = pki.leaf(root)
    lists = held(pki.crl(root))

    assert refusal(signer, snapshot(store(anchor(root)), lists)) == WEAK
    assert judged(signer, snapshot(store(anchor(root)), lists, allow_weak=True)).weak is True


def test_a_digest_older_than_sha1_is_never_read():
    """The policy itself, since nothing here makes such a certificate any more."""
    policy = paths._Algorithms(allow_weak=True)
    expected = {"md5_rsa": False, "sha1_rsa": True, "sha256_rsa": True, "sha256_dsa": False, "ed25519": False}
    key = paths._asn1(PKI.weak.certificate).public_key
    for name, allowed in expected.items():
        algorithm = paths.algos.SignedDigestAlgorithm({"algorithm": name})
        assert bool(policy.signature_algorithm_allowed(algorithm, None, key)) is allowed, name


# --- bounds -------------------------------------------------------------------------------------------------------


def test_certificates_that_fit_nowhere_cost_nothing_but_a_look(monkeypatch: pytest.MonkeyPatch):
    """A message may bring eight of one name and key that name each other; none of them was signed by another."""
    looked: list[object] = []
    real = paths.async_validate_path
    monkeypatch.setattr(paths, "async_validate_path", lambda *given: looked.append(given) or real(*given))
    others = [pki.issue("Government authority", ca=True, identifiers=False).certificate for _ in range(7)]
    signer = pki.leaf(PKI.authority, "Good", identifiers=False)

    assert judged(signer, TRUST, NOW, [*others, *PKI.good.between]).weak is False
    assert len(looked) == 1


def test_no_more_paths_are_tried_than_are_worth_it(monkeypatch: pytest.MonkeyPatch):
    """Two authorities above each other, each with five certificates over one key: 25 paths, all of which are refused."""
    top = pki.root("Top", path_length=0)
    first = pki.intermediate(top, "First")
    firsts = [pki.issue(first.name, top, key=first.key, ca=True) for _ in range(5)]
    second = pki.intermediate(first, "Second")
    seconds = [pki.issue(second.name, first, key=second.key, ca=True) for _ in range(5)]
    looked: list[object] = []
    real = paths.async_validate_path
    monkeypatch.setattr(paths, "async_validate_path", lambda *given: looked.append(given) or real(*given))
    others = [each.certificate for each in (*firsts, *seconds)]

    assert refusal(pki.leaf(second), snapshot(store(anchor(top)), accept_unknown=True), others=others) == CONSTRAINTS
    assert len(looked) == paths.MAX_PATHS


def test_authorities_that_issued_each_other_many_times_are_not_tried_in_every_order(monkeypatch: pytest.MonkeyPatch):
    """Whoever has a certificate may build a maze below it: ten certificates of two names, without a way out but at the front."""
    stranger = pki.leaf(PKI.authority, "Stranger")
    one, other, front = (pki.root(each, identifiers=False) for each in ("One", "Other", "Front"))

    def again(party: pki.Party, issuer: pki.Party) -> x509.Certificate:
        return pki.issue(party.name, issuer, key=party.key, ca=True, identifiers=False).certificate

    maze = [each for _ in range(5) for each in (again(one, other), again(other, one))]
    others = [again(front, one), *maze, again(front, stranger), stranger.certificate, PKI.authority.certificate]
    compared: list[object] = []
    real = paths._issued
    monkeypatch.setattr(paths, "_issued", lambda *given: compared.append(given) or real(*given))

    assert refusal(pki.leaf(front, "Signer", identifiers=False), TRUST, others=others) == CONSTRAINTS
    assert len(compared) < 5000


def test_the_library_never_waits():
    """Its coroutines run without a loop; one that would wait is said, not hung on."""

    class Waits:
        def __await__(self):
            yield

    async def waiting() -> None:
        await Waits()

    with pytest.raises(RuntimeError, match="waits"):
        paths._finished(waiting())


def test_a_snapshot_without_a_store_asks_only_its_own_lists():
    trust = certificates.TrustSnapshot(anchors=(PKI.authority.certificate,))

    assert judged(PKI.good, trust).revocation == "not_checked"
    assert judged(PKI.revoked, trust).revocation == "not_checked"
    assert refusal(PKI.good, certificates.TrustSnapshot(anchors=(PKI.root.certificate,))) == NO_CHAIN


def test_pinned_certificates_and_own_authorities_go_before_the_store():
    trust = replace(TRUST, pinned=(PKI.revoked.certificate,))

    assert judged(PKI.revoked, trust).revocation == "not_checked"
    assert judged(PKI.good, trust).revocation == "good"
    assert judged(PKI.good, replace(TRUST, anchors=(PKI.authority.certificate,))).revocation == "not_checked"
