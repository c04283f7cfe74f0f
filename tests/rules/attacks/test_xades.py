"""What XAdES adds for an attacker: properties of other signatures, certificates in place of others, foreign time stamps."""

from __future__ import annotations

import base64
import copy
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.errors import InvalidMessage, Untrusted
from hub.rules import certificates, xades
from hub.rules.signatures import signed_part
from hub.rules.trust import TrustSnapshot
from tests.support import pki, signed_xml
from tests.support.signed_xml import B_B, C14N, DS, EXC, PLAIN, RSA_SHA256, XADES, XADES_141, b64, der, stamp, unsigned
from tests.support.signers import AUTHORITY, DOCUMENT, NOW, SIGNER, Party, edited, refusal
from tests.support.stamped import FOREIGN_TSA, OPTIONAL, STAMPED_AT, TRUST, TSA, WEAK

SIGNED = signed_xml.sign(DOCUMENT, SIGNER)
OTHER = signed_xml.sign(DOCUMENT.replace(b"m-1", b"m-2"), SIGNER, signed_at="2026-03-01T00:00:00+07:00")


def part(document: bytes, path: str) -> etree._Element:
    return copy.deepcopy(etree.fromstring(document).find(f".//{path}"))


# --- properties of another signature ------------------------------------------------------------------------------


def test_the_signed_properties_of_another_signature_break_the_digest():
    """Only the earlier time differs, which an attacker wants to be believed; the other signature's digest is not ours."""

    def exchange(root, signature):
        own = signature.find(f".//{XADES}SignedProperties")
        own.getparent().replace(own, part(OTHER, f"{XADES}SignedProperties"))

    assert refusal(edited(SIGNED, exchange), TRUST) == "TOTAL-FAILED/HASH_FAILURE"


def test_the_whole_object_of_another_signature_breaks_the_digest():
    def exchange(root, signature):
        signature.replace(signature.find(f"{DS}Object"), part(OTHER, f"{DS}Object"))

    assert refusal(edited(SIGNED, exchange), TRUST) == "TOTAL-FAILED/HASH_FAILURE"


@pytest.mark.parametrize("target", ["", "#", "#other", "sig", "#sig-properties", "# sig", "http://localhost/#sig"])
def test_properties_about_another_signature_are_refused(target: str):
    """Target is not below any digest; a signature that passes has the right one."""
    signed = signed_xml.sign(
        DOCUMENT, SIGNER, before=lambda signature: signature.find(f".//{XADES}QualifyingProperties").set("Target", target)
    )

    assert refusal(signed, TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_signature_without_an_id_has_no_properties():
    signed = signed_xml.sign(DOCUMENT, SIGNER, before=lambda signature: signature.attrib.pop("Id"))

    assert refusal(signed, TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("uri", ["", "#", "#sig", "#r-content", "#nowhere", "sig-properties", "#xpointer(id('sig-properties'))"])
def test_a_reference_to_anything_but_the_own_properties_is_refused(uri: str):
    def refer(root, signature):
        signature.find(f".//{DS}Reference[@Type='{signed_xml.SIGNED_PROPERTIES}']").set("URI", uri)

    assert refusal(edited(SIGNED, refer), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_properties_that_nobody_signed_are_refused():
    """The attacker puts an object to a plain signature, to be believed about time and certificate."""
    signed = edited(
        signed_xml.sign(DOCUMENT, SIGNER, PLAIN), lambda root, signature: signature.append(part(SIGNED, f"{DS}Object"))
    )

    assert refusal(signed, TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_properties_taken_out_are_refused():
    """A reference that leads nowhere any more is not passed over."""
    signed = edited(SIGNED, lambda root, signature: signature.remove(signature.find(f"{DS}Object")))

    assert refusal(signed, TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_the_type_of_the_reference_decides_and_must_be_there():
    signed = signed_xml.sign(
        DOCUMENT, SIGNER, before=lambda signature: signature.find(f".//{DS}Reference[2]").attrib.pop("Type")
    )

    assert refusal(signed, TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize(
    "piece",
    [
        f"{DS}Object",
        f"{XADES}QualifyingProperties",
        f"{XADES}SignedProperties",
        f"{XADES}SignedSignatureProperties",
        f"{XADES}SigningTime",
        f"{XADES}SigningCertificateV2",
        f"{XADES}CertDigest",
        f"{XADES}SignedDataObjectProperties",
    ],
)
def test_a_piece_that_stands_twice_is_refused_even_if_signed(piece: str):
    def double(signature):
        found = signature.find(f".//{piece}")
        found.addnext(copy.deepcopy(found))

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, before=double), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("transform", [f"{EXC}WithComments", "http://www.w3.org/TR/1999/REC-xslt-19991116", signed_xml.ENVELOPED])
def test_other_transforms_of_the_properties_are_refused(transform: str):
    def bend(root, signature):
        signature.find(f".//{DS}Reference[2]").find(f".//{DS}Transform").set("Algorithm", transform)

    assert refusal(edited(SIGNED, bend), TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_several_transforms_of_the_properties_are_refused():
    def more(root, signature):
        etree.SubElement(signature.find(f".//{DS}Reference[2]/{DS}Transforms"), f"{DS}Transform", Algorithm=EXC)

    assert refusal(edited(SIGNED, more), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


# --- whose certificate --------------------------------------------------------------------------------------------


def test_another_certificate_for_the_same_key_is_refused():
    """Certificate substitution: the key fits, so the mathematics holds, but the signer signed under another certificate."""
    again = Party("Signer elsewhere", AUTHORITY, key=SIGNER.key)

    def exchange(root, signature):
        signature.find(f".//{DS}X509Certificate").text = b64(der(again))

    exchanged = edited(SIGNED, exchange)
    assert refusal(exchanged, TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"
    plain = edited(signed_xml.sign(DOCUMENT, SIGNER, PLAIN), exchange)
    assert signed_part(plain, TRUST, NOW).verdict.signer == "CN=Signer elsewhere"  # what plain signatures cannot know


def test_properties_that_name_no_certificate_are_refused():
    def forget(signature):
        found = signature.find(f".//{XADES}SigningCertificateV2")
        found.getparent().remove(found)

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, before=forget), TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_both_forms_of_the_certificate_must_fit():
    def contradict(signature):
        second = copy.deepcopy(signature.find(f".//{XADES}SigningCertificateV2"))
        second.tag = f"{XADES}SigningCertificate"
        second.find(f".//{DS}DigestValue").text = b64(b"\0" * 32)
        signature.find(f".//{XADES}SignedSignatureProperties").append(second)

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, before=contradict), TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize("text", ["", "AAAA", "%%%", b64(b"\0" * 32)])
def test_a_digest_that_is_none_names_no_certificate(text: str):
    def spoil(signature):
        signature.find(f".//{XADES}CertDigest/{DS}DigestValue").text = text

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, before=spoil), TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_more_certificates_than_a_path_has_are_refused():
    def many(signature):
        listed = signature.find(f".//{XADES}SigningCertificateV2")
        for _ in range(certificates.MAX_CERTIFICATES):
            listed.append(copy.deepcopy(listed[0]))

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, before=many), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_certificate_named_by_an_unknown_digest_is_refused():
    md5 = "http://www.w3.org/2001/04/xmldsig-more#md5"

    def bend(signature):
        signature.find(f".//{XADES}CertDigest/{DS}DigestMethod").set("Algorithm", md5)

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, before=bend), WEAK) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_a_certificate_named_by_sha1_is_weak():
    signed = signed_xml.sign(DOCUMENT, SIGNER, named_by="sha1", named_in="SigningCertificate")

    assert refusal(signed, TRUST) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"
    assert signed_part(signed, WEAK, NOW).verdict.weak is True


def test_properties_digested_by_sha1_are_weak():
    def bend(signature):
        method = signature.find(f".//{DS}Reference[2]/{DS}DigestMethod")
        method.set("Algorithm", signed_xml.DIGESTS["sha1"])

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, before=bend), TRUST) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


# --- what the signer says -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-03-02", "1772417704", "2026-13-02T09:15:04Z", "9999-12-31T23:59:59-23:59", "2026-03-02T", "-1-1-1T"],
)
def test_a_signing_time_that_is_none_is_refused(text: str):
    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, signed_at=text), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_signing_time_in_two_pieces_is_refused():
    def split(signature):
        etree.SubElement(signature.find(f".//{XADES}SigningTime"), "more")

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, before=split), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("name", [f"{XADES}Unknown", "{urn:x}SigningTime", f"{XADES_141}SigningTime"])
def test_an_unknown_signed_property_is_refused(name: str):
    """Whoever signs a property expects it to be understood."""

    def add(signature):
        etree.SubElement(signature.find(f".//{XADES}SignedSignatureProperties"), name)

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, before=add), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


# --- time stamps --------------------------------------------------------------------------------------------------


def stamped(tsa=TSA, **made) -> bytes:
    made.setdefault("at", STAMPED_AT)
    return signed_xml.sign(DOCUMENT, SIGNER, after=lambda signature: stamp(signature, tsa, **made))


def test_a_time_stamp_over_another_signature_is_refused():
    """The attacker has a token, years old, over a signature of his own."""
    other = signed_xml.canonical(part(OTHER, f"{DS}SignatureValue"), EXC)

    assert refusal(stamped(over=other), TRUST) == "TOTAL-FAILED/HASH_FAILURE"


def test_a_time_stamp_over_the_bare_value_is_refused():
    """It is over the element (EN 319 132-1, 5.3); what is over the octets of its text says something else."""
    value = etree.fromstring(SIGNED).findtext(f".//{DS}SignatureValue")

    assert refusal(stamped(over=base64.b64decode(value)), TRUST) == "TOTAL-FAILED/HASH_FAILURE"


def test_a_time_stamp_in_another_canonical_form_than_it_says_is_refused():
    document = DOCUMENT.replace(b"<Envelope>", b'<Envelope xmlns:q="urn:q">')

    def lie(signature):
        stamp(signature, TSA, at=STAMPED_AT, c14n=EXC).find(f"{DS}CanonicalizationMethod").set("Algorithm", C14N)

    assert refusal(signed_xml.sign(document, SIGNER, after=lie), TRUST) == "TOTAL-FAILED/HASH_FAILURE"


def test_a_time_stamp_of_a_foreign_authority_is_refused():
    assert refusal(stamped(FOREIGN_TSA), TRUST) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def test_a_time_stamp_by_the_signers_own_key_is_refused():
    """A certificate for signing is none for stamping, also where its issuer is trusted for stamps."""
    signer = pki.leaf(pki.standard().root, "No authority", key=pki.new_key("rsa"))
    trust = TrustSnapshot(anchors=TRUST.anchors, stampers=(pki.standard().root.certificate,))

    assert refusal(stamped(signer), trust) == "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"


def test_where_no_authority_is_trusted_a_time_stamp_proves_nothing_and_the_verdict_says_so():
    nobody = TrustSnapshot(anchors=TRUST.anchors)

    for tsa in (TSA, FOREIGN_TSA):
        said = signed_part(stamped(tsa), nobody, NOW).verdict
        assert (said.level, said.stamped_at) == ("XAdES-B-B", "")
        assert "time stamps were not looked at" in said.reason
    assert "time stamps" not in signed_part(SIGNED, nobody, NOW).verdict.reason


@pytest.mark.parametrize("at", [NOW + timedelta(minutes=6), NOW + timedelta(days=100)])
def test_a_time_stamp_from_the_future_is_refused(at):
    assert refusal(stamped(at=at), TRUST) == "INDETERMINATE/TIMESTAMP_ORDER_FAILURE"


def test_a_time_stamp_older_than_the_signers_certificate_is_refused():
    before = SIGNER.certificate.not_valid_before_utc - timedelta(minutes=1)

    assert refusal(stamped(at=before), TRUST) == "INDETERMINATE/TIMESTAMP_ORDER_FAILURE"


def test_a_good_time_stamp_does_not_cover_up_a_bad_one():
    def two(signature):
        stamp(signature, TSA, at=STAMPED_AT)
        stamp(signature, FOREIGN_TSA, at=STAMPED_AT)

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, after=two), TRUST) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


@pytest.mark.parametrize("text", ["", "AAAA", "%%%", b64(b"0\x82" + b"\xff" * 500), b64(b"\0" * 300_000)])
def test_rubbish_for_a_token_is_refused(text: str):
    def spoil(signature):
        stamp(signature, TSA, at=STAMPED_AT).find(f"{XADES}EncapsulatedTimeStamp").text = text

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, after=spoil), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize(
    "more",
    [
        f"{XADES}Include",
        f"{XADES}XMLTimeStamp",
        f"{XADES}ReferenceInfo",
        f"{DS}CanonicalizationMethod",
        "{urn:x}EncapsulatedTimeStamp",
    ],
)
def test_a_time_stamp_of_another_form_is_refused(more: str):
    """``Include`` would let it be over something else than the value."""

    def bend(signature):
        stamp(signature, TSA, at=STAMPED_AT).append(etree.Element(more))

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, after=bend), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_canonicalisation_with_a_program_is_refused():
    def bend(signature):
        method = stamp(signature, TSA, at=STAMPED_AT).find(f"{DS}CanonicalizationMethod")
        method.set("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, after=bend), TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


# --- what else is put beside --------------------------------------------------------------------------------------


@pytest.mark.parametrize("trust", [TRUST, OPTIONAL])
def test_a_countersignature_inside_is_refused(trust):
    """A second signature by anybody, over the value of the first; no reader must ever take one for the other."""

    def countersign(signature):
        etree.SubElement(unsigned(signature), f"{XADES}CounterSignature").append(part(OTHER, f"{DS}Signature"))

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, after=countersign), trust) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("name", [f"{XADES}CounterSignature", f"{XADES}Unknown", "{urn:x}SignatureTimeStamp"])
def test_an_unknown_unsigned_property_is_refused(name: str):
    signed = signed_xml.sign(DOCUMENT, SIGNER, after=lambda signature: etree.SubElement(unsigned(signature), name))

    assert refusal(signed, TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_properties_of_data_objects_are_not_read():
    def add(signature):
        etree.SubElement(unsigned(signature).getparent(), f"{XADES}UnsignedDataObjectProperties")

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, after=add), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_certificate_that_is_only_offered_is_not_trusted_for_it():
    """The attacker offers the authority that issued its certificate; being offered makes nobody an anchor."""
    evil = Party("Evil authority", ca=True)
    signed = signed_xml.sign(
        DOCUMENT, Party("Evil", evil), after=lambda signature: signed_xml.values(signature, certificates=[der(evil)])
    )

    assert refusal(signed, TRUST) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def refused_unjudged(monkeypatch: pytest.MonkeyPatch, after) -> None:
    """Refuse by number and size alone: nothing may be computed over what is too much."""

    def never(*_):
        raise AssertionError("something was computed")

    signed = signed_xml.sign(DOCUMENT, SIGNER, after=after)
    for place in ("strict_signature.signed_octets", "signatures._verify", "timestamps.check_over", "certificates.check"):
        monkeypatch.setattr(f"hub.rules.{place}", never)
    assert refusal(signed, TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_many_time_stamps_are_refused(monkeypatch: pytest.MonkeyPatch):
    def many(signature):
        first = stamp(signature, TSA, at=STAMPED_AT)
        for _ in range(xades.MAX_STAMPS):
            first.addnext(copy.deepcopy(first))

    refused_unjudged(monkeypatch, many)


def test_many_tokens_in_one_time_stamp_are_refused(monkeypatch: pytest.MonkeyPatch):
    def many(signature):
        token = stamp(signature, TSA, at=STAMPED_AT).find(f"{XADES}EncapsulatedTimeStamp")
        for _ in range(1_000):
            token.addnext(copy.deepcopy(token))

    refused_unjudged(monkeypatch, many)


def test_many_certificates_are_refused(monkeypatch: pytest.MonkeyPatch):
    many = [der(AUTHORITY)] * (certificates.MAX_CERTIFICATES + 1)
    refused_unjudged(monkeypatch, lambda signature: signed_xml.values(signature, certificates=many))


@pytest.mark.parametrize("kind", ["crls", "ocsps"])
@pytest.mark.parametrize("number", [xades.MAX_REVOCATIONS + 1, 10_000])
def test_many_revocation_values_are_refused(monkeypatch: pytest.MonkeyPatch, kind: str, number: int):
    refused_unjudged(monkeypatch, lambda signature: signed_xml.values(signature, **{kind: [b"0"] * number}))


def test_many_empty_groups_are_refused(monkeypatch: pytest.MonkeyPatch):
    def many(signature):
        for _ in range(5_000):
            etree.SubElement(unsigned(signature), f"{XADES}CertificateValues")

    refused_unjudged(monkeypatch, many)


def test_large_unsigned_values_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xades, "MAX_UNSIGNED_CHARACTERS", 100_000)
    refused_unjudged(monkeypatch, lambda signature: signed_xml.values(signature, crls=[b"\0" * 75_000, b"\0" * 100]))


def test_an_rsa_value_that_is_stamped_may_not_be_spaced_differently():
    """Blanks in the value leave the signature good and break the time stamp, which is over the element's text."""

    def space(root, signature):
        value = signature.find(f"{DS}SignatureValue")
        value.text = value.text[:20] + "\n" + value.text[20:]

    assert signed_part(edited(SIGNED, space), TRUST, NOW).verdict.level == "XAdES-B-B"
    assert refusal(edited(stamped(), space), TRUST) == "TOTAL-FAILED/HASH_FAILURE"


def _long_term(signature: etree._Element) -> None:
    stamp(signature, TSA, at=STAMPED_AT)
    signed_xml.values(signature, certificates=[der(AUTHORITY)], crls=[pki.crl(pki.standard().root)])


LONG_TERM = signed_xml.sign(DOCUMENT, SIGNER, after=_long_term)


@given(st.integers(LONG_TERM.index(b"<ds:Object"), len(LONG_TERM) - 1), st.sampled_from(b"Aa0+/=<>&\"' \n\x00\xc3z"))
@settings(max_examples=400, deadline=None)
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_no_flipped_byte_beside_the_signature_changes_what_is_proved(at: int, octet: int):
    """What is unsigned may be read as more or less; never as another time, and never with a crash."""
    flipped = LONG_TERM[:at] + bytes([octet]) + LONG_TERM[at + 1 :]
    try:
        said = signed_part(flipped, TRUST, NOW)
    except (Untrusted, InvalidMessage):
        return
    good = signed_part(LONG_TERM, TRUST, NOW)
    assert said.signed_bytes == good.signed_bytes
    assert (said.verdict.signed_at, said.verdict.stamped_at) == (good.verdict.signed_at, good.verdict.stamped_at)


def test_a_stamping_certificate_with_an_unknown_kind_of_key_is_refused():
    """What cannot be read is not accepted, and does not end the reader."""

    def odd(signature):
        token = base64.b64decode(stamp(signature, TSA, at=STAMPED_AT).findtext(f"{XADES}EncapsulatedTimeStamp"))
        rsa = bytes.fromhex("06092a864886f70d010101")
        holder = signature.find(f".//{XADES}EncapsulatedTimeStamp")
        holder.text = b64(token.replace(rsa, rsa[:5] + b"\x71" + rsa[6:]))

    assert refusal(signed_xml.sign(DOCUMENT, SIGNER, after=odd), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_the_attacks_stand_on_signatures_that_pass():
    """What was bent above is accepted where it is not bent."""
    assert B_B.method == RSA_SHA256
    assert signed_part(SIGNED, TRUST, NOW).verdict.level == "XAdES-B-B"
    assert signed_part(stamped(), TRUST, NOW).verdict.level == "XAdES-B-T"
