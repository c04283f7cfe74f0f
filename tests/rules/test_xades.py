"""XAdES: levels, what the signer says, what a time stamp proves, and what is handed on for the evidence."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from lxml import etree

from hub.rules.signatures import signed_part
from hub.rules.trust import Judged, TrustSnapshot
from tests.support import pki, signed_xml
from tests.support.signed_xml import B_B, C14N, C14N_11, DS, EXC, PLAIN, XADES, XADES_141, Way, der, stamp, unsigned, values
from tests.support.signers import AUTHORITY, DOCUMENT, EC_SIGNER, NOW, SIGNER, Party
from tests.support.stamped import STAMPED_AT, TRUST, TSA

BARE = etree.tostring(etree.fromstring(DOCUMENT), method="c14n")


def verdict(way: Way = B_B, party: Party = SIGNER, trust: TrustSnapshot = TRUST, **changed):
    """Sign in a way and verify; whatever the way, only the document goes on."""
    verified = signed_part(signed_xml.sign(DOCUMENT, party, way, **changed), trust, NOW)
    assert verified.signed_bytes == BARE
    return verified.verdict


# --- what stands --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"c14n": C14N, "properties_c14n": C14N},
        {"c14n": C14N, "properties_c14n": ""},
        {"c14n": C14N_11, "properties_c14n": C14N_11},
        {"properties_c14n": ""},
        {"properties_first": True},
        {"properties_first": True, "c14n": C14N},
        {"named_in": "SigningCertificate"},
        {"named_by": "sha512"},
        {"digest": "sha384"},
        {"digest": "sha512", "c14n": C14N},
        {"below": "Body"},
        {"method": signed_xml.PSS_SHA256},
        {"certificates": (AUTHORITY.certificate, SIGNER.certificate)},
    ],
    ids=str,
)
def test_signatures_of_level_b_b_are_read(changed: dict):
    said = verdict(**changed)

    assert (said.indication, said.level, said.signer, said.weak) == ("TOTAL-PASSED", "XAdES-B-B", "CN=Signer", False)
    assert (said.signed_at, said.stamped_at) == ("2026-03-02T09:15:04+07:00", "")


@pytest.mark.parametrize("way", [PLAIN, B_B], ids=["XML-DSig", "XAdES"])
@pytest.mark.parametrize("c14n", [EXC, C14N, C14N_11])
def test_a_signature_in_a_default_namespace_is_read(way: Way, c14n: str):
    """So .NET and Java write it by default; lxml gets the inclusive canonical form of such parts wrong."""

    signed = signed_xml.sign(DOCUMENT, SIGNER, way, c14n=c14n, properties_c14n=c14n, prefix="")

    assert b"<SignedInfo" in signed
    assert signed_part(signed, TRUST, NOW).verdict.indication == "TOTAL-PASSED"


@pytest.mark.parametrize("piece", ["SignedInfo", "SignatureValue", "SignedProperties", "Object"])
@pytest.mark.parametrize("changed", [{}, {"c14n": C14N, "properties_c14n": C14N}, {"method": signed_xml.PSS_SHA256}], ids=str)
def test_blanks_and_texts_between_the_parts_do_not_disturb(piece: str, changed: dict):
    """Java on Windows writes carriage returns between elements; they stand behind the parts, not in what is signed."""

    def behind(signature):
        signature.find(f".//{{*}}{piece}").tail = "\r\n text"

    signed = signed_xml.sign(DOCUMENT, SIGNER, before=behind, **changed)

    assert signed_part(signed, TRUST, NOW).verdict.level == "XAdES-B-B"


def test_ecdsa_signatures_are_read():
    assert verdict(party=EC_SIGNER, method=signed_xml.ECDSA_SHA256).algorithm == "ECDSA-SHA256"


def test_properties_of_which_each_reference_has_its_own_digest_are_read():
    def other(signature):
        signature.find(f".//{DS}Reference[2]/{DS}DigestMethod").set("Algorithm", signed_xml.DIGESTS["sha512"])

    wrong = signed_xml.sign(DOCUMENT, SIGNER, before=other)
    good = etree.fromstring(wrong)
    signature = good.find(f"{DS}Signature")
    _digest_again(signature, "sha512")

    assert signed_part(etree.tostring(good), TRUST, NOW).verdict.level == "XAdES-B-B"


def _digest_again(signature: etree._Element, digest: str) -> None:
    octets = signed_xml.canonical(signature.find(f".//{XADES}SignedProperties"), EXC)
    value = signed_xml.b64(hashlib.new(digest, octets).digest())
    signature.find(f".//{DS}Reference[2]/{DS}DigestValue").text = value
    again = signed_xml.signed_by(SIGNER.key, signed_xml.canonical(signature.find(f"{DS}SignedInfo"), EXC), signed_xml.RSA_SHA256)
    signature.find(f"{DS}SignatureValue").text = signed_xml.b64(again)


@pytest.mark.parametrize(
    "name",
    ["SignaturePolicyIdentifier", "SignatureProductionPlaceV2", "SignerRoleV2", "SignerRole", "SignatureProductionPlace"],
)
def test_other_properties_of_the_standard_are_read_and_not_followed(name: str):
    """A policy that is named is not fetched: what an endpoint accepts stands in its own settings."""

    def add(signature):
        added = etree.SubElement(signature.find(f".//{XADES}SignedSignatureProperties"), XADES + name)
        etree.SubElement(added, f"{XADES}SPURI").text = "http://127.0.0.1:9/policy.pdf"

    assert verdict(before=add).level == "XAdES-B-B"


def test_a_signature_of_properties_that_describe_no_data_is_read():
    def forget(signature):
        found = signature.find(f".//{XADES}SignedDataObjectProperties")
        found.getparent().remove(found)

    assert verdict(before=forget).level == "XAdES-B-B"


def test_a_plain_signature_says_so_and_no_more():
    said = verdict(PLAIN)

    assert (said.level, said.signed_at, said.stamped_at) == ("XML-DSig", "", "")


# --- when ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-03-02T02:15:04Z", "2026-03-02T09:15:04+07:00"),
        ("2026-03-02T09:15:04", "2026-03-02T09:15:04+07:00"),
        ("2026-03-02T09:15:04.25+07:00", "2026-03-02T09:15:04.250000+07:00"),
        (" 2026-03-02T04:15:04+02:00\n", "2026-03-02T09:15:04+07:00"),
    ],
)
def test_the_claimed_time_is_shown_in_local_time(text: str, shown: str):
    assert verdict(signed_at=text).signed_at == shown


def test_a_claim_is_only_a_claim():
    """Officials' tools write local time as UTC, seven hours ahead; nothing is decided by it."""
    assert verdict(signed_at="2026-03-02T09:15:04Z").signed_at == "2026-03-02T16:15:04+07:00"


@pytest.mark.parametrize("c14n", [EXC, C14N, C14N_11, ""])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_a_time_stamp_proves_when_the_signature_was_there(c14n: str, digest: str):
    said = verdict(after=lambda signature: stamp(signature, TSA, at=STAMPED_AT, c14n=c14n, digest=digest))

    assert (said.level, said.stamped_at) == ("XAdES-B-T", "2026-03-02T09:15:02+07:00")


def test_the_namespaces_around_a_signature_are_below_an_inclusive_time_stamp():
    """Without a method it is Canonical XML 1.0 (EN 319 132-1, 5.1.4.3), which keeps what is declared outside."""
    document = DOCUMENT.replace(b"<Envelope>", b'<Envelope xmlns:q="urn:q">')
    signed = signed_xml.sign(document, SIGNER, after=lambda signature: stamp(signature, TSA, at=STAMPED_AT, c14n=""))

    assert signed_part(signed, TRUST, NOW).verdict.level == "XAdES-B-T"
    assert signed_part(signed, TRUST, NOW).verdict.stamped_at


def test_of_several_time_stamps_the_earliest_counts():
    def several(signature):
        for hours in (1, 5, 3):
            stamp(signature, TSA, at=NOW - timedelta(hours=hours))

    assert verdict(after=several).stamped_at == "2026-03-02T04:15:04+07:00"


def test_a_clock_that_is_a_little_ahead_is_no_future():
    assert verdict(after=lambda signature: stamp(signature, TSA, at=NOW + timedelta(minutes=4))).stamped_at


# --- long-term data -----------------------------------------------------------------------------------------------

CRL = pki.crl(pki.standard().root)
OCSP = pki.ocsp_answer(pki.standard().good.certificate, pki.standard().authority, pki.standard().responder)


def long_term(signature: etree._Element) -> None:
    stamp(signature, TSA, at=STAMPED_AT)
    values(signature, certificates=[der(AUTHORITY), der(TSA)], crls=[CRL], ocsps=[OCSP])


def test_long_term_data_is_handed_on_as_it_came():
    signed = signed_xml.sign(DOCUMENT, SIGNER, certificates=(SIGNER.certificate, AUTHORITY.certificate), after=long_term)

    verified = signed_part(signed, TRUST, NOW)

    assert verified.verdict.level == "XAdES-B-LT"
    assert verified.certificate == der(SIGNER)
    assert verified.others == (der(AUTHORITY), der(TSA))
    assert verified.revocations == (CRL, OCSP)
    assert len(verified.stamps) == 1


def test_long_term_data_without_a_time_stamp_makes_no_higher_level():
    said = verdict(after=lambda signature: values(signature, certificates=[der(AUTHORITY)], crls=[CRL]))

    assert said.level == "XAdES-B-B"


def test_offered_certificates_go_to_whoever_judges_the_signers():
    """The path leads over an authority that only CertificateValues has."""
    public = pki.standard()
    signer = pki.leaf(public.authority, "Below", key=pki.new_key("rsa"))
    seen = []

    def judge(certificate, others, now):
        seen.append((certificate, others))
        return Judged(revocation="good", proofs=(public.authority.der, CRL))

    trust = TrustSnapshot(judge=judge)
    offered = [public.authority.der, der(signer)]
    signed = signed_xml.sign(DOCUMENT, signer, after=lambda signature: values(signature, certificates=offered))

    verified = signed_part(signed, trust, NOW)

    assert seen == [(signer.certificate, (public.authority.certificate,))]
    assert (verified.verdict.revocation, verified.proofs) == ("good", (public.authority.der, CRL))


@pytest.mark.parametrize(
    "name",
    [
        f"{XADES}CompleteCertificateRefs",
        f"{XADES}ArchiveTimeStamp",
        f"{XADES_141}ArchiveTimeStamp",
        f"{XADES_141}TimeStampValidationData",
    ],
)
def test_archive_properties_are_left_alone(name: str):
    """They prove more than this hub asks; the document is kept as it came, so that others can still read them."""

    def add(signature):
        long_term(signature)
        etree.SubElement(unsigned(signature), name).text = "x"

    assert verdict(after=add).level == "XAdES-B-LT"


def test_a_verdict_has_its_new_words_in_what_the_ledger_keeps():
    written = verdict(after=long_term).to_json()

    assert all(f'"{name}":' in written for name in ("level", "signed_at", "stamped_at"))
    assert {"level", "signed_at", "stamped_at"} <= {field.name for field in fields(verdict())}


def test_the_whole_document_may_be_referred_to_by_the_roots_id():
    document = DOCUMENT.replace(b"<Envelope>", b'<Envelope Id="doc">')
    verified = signed_part(signed_xml.sign(document, SIGNER, replace(B_B, uri="#doc")), TRUST, NOW)

    assert verified.signed_bytes == etree.tostring(etree.fromstring(document), method="c14n")
