"""XML signatures: what stands, with and without policy, and how documents are signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod

from hub.errors import BadSettings, InvalidMessage, Untrusted
from hub.rules.signatures import DS, signed_part, verify_jws
from hub.rules.signing import sign_jws, sign_xml
from hub.rules.trust import TrustSnapshot
from tests.support.signers import (
    AUTHORITY,
    C14N,
    DOCUMENT,
    EC_SIGNER,
    EXC,
    NOW,
    OPTIONAL,
    SIGNED,
    SIGNER,
    TRUST,
    AnySigner,
    Party,
    name,
    refusal,
    sign_otherwise,
)

# --- what stands --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("party", "algorithm"), [(SIGNER, "RSA-SHA256"), (EC_SIGNER, "ECDSA-SHA256")])
def test_a_signed_document_gives_its_signed_bytes_and_a_verdict(party: Party, algorithm: str):
    verified = signed_part(sign_xml(DOCUMENT, party.signer), TRUST, NOW)

    assert verified.signed_bytes == etree.tostring(etree.fromstring(DOCUMENT), method="c14n")
    assert verified.certificate == party.certificate.public_bytes(serialization.Encoding.DER)
    verdict = verified.verdict
    assert (verdict.indication, verdict.sub_indication, verdict.weak) == ("TOTAL-PASSED", "", False)
    assert (verdict.algorithm, verdict.signer, verdict.issuer) == (algorithm, party.name.rfc4514_string(), "CN=Authority")
    assert verdict.fingerprint == party.certificate.fingerprint(hashes.SHA256()).hex()
    assert verdict.serial == f"{party.certificate.serial_number:x}"
    assert verdict.checked_at == "2026-03-02T09:15:04+07:00"
    assert verdict.reason == "revocation was not checked"


def test_a_pinned_certificate_needs_no_authority():
    lonely = Party("Lonely", constraints=False, use=None)
    signed = sign_xml(DOCUMENT, lonely.signer)

    assert signed_part(signed, TrustSnapshot(pinned=(lonely.certificate,)), NOW).verdict.signer == "CN=Lonely"
    assert refusal(signed) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


@pytest.mark.parametrize(
    ("method", "digest", "shown"),
    [
        (SignatureMethod.RSA_SHA384, DigestAlgorithm.SHA512, "RSA-SHA384"),
        (SignatureMethod.RSA_SHA512, DigestAlgorithm.SHA384, "RSA-SHA512"),
        (SignatureMethod.SHA256_RSA_MGF1, DigestAlgorithm.SHA256, "RSA-PSS-SHA256"),
        (SignatureMethod.SHA512_RSA_MGF1, DigestAlgorithm.SHA256, "RSA-PSS-SHA512"),
    ],
)
def test_stronger_algorithms_and_pss_are_read(method: SignatureMethod, digest: DigestAlgorithm, shown: str):
    signed = sign_otherwise(DOCUMENT, signature_algorithm=method, digest_algorithm=digest)

    assert signed_part(signed, TRUST, NOW).verdict.algorithm == shown


@pytest.mark.parametrize("c14n", [C14N, "http://www.w3.org/2006/12/xml-c14n11", EXC])
def test_canonical_forms_without_comments_are_read(c14n: str):
    document = b'<p:E xmlns:p="urn:p" xmlns:q="urn:q" q:a="1" p:b="2"><x xml:lang="vi">1</x><!-- c --></p:E>'

    signed = signed_part(sign_otherwise(document, c14n_algorithm=c14n), TRUST, NOW).signed_bytes

    assert etree.fromstring(signed).find("x").text == "1"
    assert b"<!--" not in signed


def test_a_missing_canonicalisation_transform_means_canonical_xml():
    """Inclusive Canonical XML keeps the declaration of a prefix that nothing uses; the exclusive one drops it."""
    document = b'<E xmlns:p="urn:p"><a>1</a></E>'
    root = AnySigner(c14n_algorithm=C14N).sign(
        etree.fromstring(document), key=SIGNER.key, cert=[SIGNER.certificate], exclude_c14n_transform_element=True
    )

    assert signed_part(etree.tostring(root), TRUST, NOW).signed_bytes == document


def test_the_signature_may_stand_anywhere_below_the_root():
    slot = etree.fromstring(DOCUMENT)
    etree.SubElement(slot.find("Body/Signature"), f"{DS}Signature", Id="placeholder").tail = " \n"
    signed = sign_otherwise(etree.tostring(slot))

    verified = signed_part(signed, TRUST, NOW)

    assert etree.fromstring(verified.signed_bytes).findtext("Body/Signature") == " \n"
    assert etree.fromstring(signed).find(f"Body/Signature/{DS}Signature") is not None


def test_a_root_with_an_id_is_signed_by_its_id():
    signed = sign_xml(b'<E Id="e-1"><a Id="e-2">1</a></E>', SIGNER.signer)

    assert b'URI="#e-1"' in signed
    assert signed_part(signed, TRUST, NOW).signed_bytes == b'<E Id="e-1"><a Id="e-2">1</a></E>'


def test_other_certificates_of_the_path_may_come_along_in_any_order():
    for listed in ([SIGNER, AUTHORITY], [AUTHORITY, SIGNER], [SIGNER, SIGNER]):
        signed = sign_otherwise(DOCUMENT, certificates=[party.certificate for party in listed])
        assert signed_part(signed, TRUST, NOW).verdict.signer == "CN=Signer"


def test_the_signers_own_key_value_beside_its_certificate_is_read():
    assert signed_part(sign_otherwise(DOCUMENT, always_add_key_value=True), TRUST, NOW).verdict.signer == "CN=Signer"


def test_comments_are_neither_signed_nor_do_they_cut_a_text():
    signed = sign_xml(b"<E><to>admin@example.org<!-- -->.evil.example</to></E>", SIGNER.signer)
    commented = signed.replace(b"evil", b"ev<!-- x -->il")

    for document in (signed, commented):
        assert signed_part(document, TRUST, NOW).signed_bytes == b"<E><to>admin@example.org.evil.example</to></E>"


# --- with and without ---------------------------------------------------------------------------------------------

WITHOUT = [
    DOCUMENT,
    b"<Envelope><Header><Signature/></Header><Body><Signature></Signature></Body></Envelope>",
    b'<Envelope><Body><Signature xmlns="http://www.e-doc.vn/Schema/"/></Body></Envelope>',
    b'<E><SystemSignature xmlns:d="http://www.w3.org/2000/09/xmldsig#"><d:SignedInfo/><d:SignatureValue/></SystemSignature></E>',
    b"<E>&lt;Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/></E>",
    b'{"a": "xmldsig#"}',
    b"",
]


@pytest.mark.parametrize("document", WITHOUT)
def test_an_unsigned_document_passes_as_such_only_where_that_is_allowed(document: bytes):
    verified = signed_part(document, OPTIONAL, NOW)

    assert (verified.signed_bytes, verified.certificate) == (document, b"")
    assert verified.verdict.indication == "NOT-SIGNED"
    assert refusal(document) == "NOT-SIGNED"


def test_without_policy_bytes_pass_as_they_are():
    broken = SIGNED.replace(b"m-1", b"m-2") + b"\x00"

    verified = signed_part(broken, replace(TRUST, policy="none"), NOW)

    assert (verified.signed_bytes, verified.verdict.indication) == (broken, "NOT-SIGNED")


@pytest.mark.parametrize("trust", [TRUST, OPTIONAL])
@pytest.mark.parametrize(
    "disguise",
    [
        lambda document: document,
        lambda document: b" \n" * 5_000 + document,
        lambda document: b"\xef\xbb\xbf" + document,
        lambda document: document.replace(b"xmldsig#", b"xml&#100;sig&#35;"),
        lambda document: document.replace(b"xmldsig#", b"xmldsi&#x67;#"),
    ],
)
def test_a_broken_signature_passes_nowhere_however_it_is_disguised(trust: TrustSnapshot, disguise):
    assert refusal(disguise(SIGNED.replace(b"m-1", b"m-2")), trust) == "TOTAL-FAILED/HASH_FAILURE"


@pytest.mark.parametrize(
    "document",
    [
        SIGNED[:-5],
        SIGNED.replace(b"m-1", b"\xff"),
        b"<?xml version='1.0' encoding='utf-16'?>" + SIGNED,
        b"<!DOCTYPE Envelope>" + SIGNED,
        b'<!DOCTYPE E [<!ENTITY a "b">]>' + SIGNED.replace(b"m-1", b"&a;"),
        SIGNED.replace(b"m-1", b"m-1<?x?>"),
    ],
)
def test_a_signed_document_that_cannot_be_read_is_the_senders_fault(document: bytes):
    with pytest.raises(InvalidMessage):
        signed_part(document, OPTIONAL, NOW)


# --- properties ---------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=20)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "{urn:x}c"]), TEXT, TEXT), max_size=6), st.sampled_from([SIGNER, EC_SIGNER]))
@settings(max_examples=40, deadline=None)
def test_what_is_signed_is_what_comes_out(children: list[tuple[str, str, str]], party: Party):
    root = etree.Element("E", nsmap={"p": "urn:p"})
    for tag, text, value in children:
        etree.SubElement(root, tag, attr=value).text = text
    document = etree.tostring(root)

    verified = signed_part(sign_xml(document, party.signer), TRUST, NOW)

    assert verified.signed_bytes == etree.tostring(root, method="c14n", exclusive=True)


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
@settings(max_examples=400, deadline=None)
def test_no_flipped_byte_changes_what_comes_out(position: int, flip: int):
    flipped = SIGNED[:position] + bytes([SIGNED[position] ^ flip]) + SIGNED[position + 1 :]

    try:
        verified = signed_part(flipped, TRUST, NOW)
    except (Untrusted, InvalidMessage):
        return
    assert verified.signed_bytes == signed_part(SIGNED, TRUST, NOW).signed_bytes


# --- writing ------------------------------------------------------------------------------------------------------


def test_the_signature_is_the_roots_last_child_and_the_declaration_stays():
    signed = sign_xml(b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n' + DOCUMENT, SIGNER.signer)

    assert signed.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    assert etree.fromstring(signed)[-1].tag == f"{DS}Signature"
    assert not SIGNED.startswith(b"<?xml")
    assert "Chi cục Thú y".encode() in SIGNED


@pytest.mark.parametrize(
    ("document", "end"),
    [
        (b"<?xml version='1.0' encoding='utf-8'?>\n<E a='1' b = \"2\">\n <c></c>&#65;</E>", b"</E>"),
        (b'<x:E xmlns:x="urn:x" ID="i"><c/>&gt;</x:E>', b"</x:E>"),
        ("<HồSơ>Nguyễn Thử Nghiệm</HồSơ>".encode(), "</HồSơ>".encode()),
    ],
)
def test_a_document_goes_on_as_it_was_written(document: bytes, end: bytes):
    signed = sign_xml(document, SIGNER.signer)

    signature = signed.removeprefix(document.removesuffix(end)).removesuffix(end)
    assert signature.startswith(b"<ds:Signature ")
    assert signature.endswith(b"</ds:Signature>")
    assert signed_part(signed, TRUST, NOW).verdict.indication == "TOTAL-PASSED"


@pytest.mark.parametrize(
    ("document", "written"),
    [
        (b"<E><!-- </E> --><a>1<!-- -->2</a></E>", b"<E><a>12</a>"),
        (b"<E><a>1</a></E><!-- </E>-->", b"<E><a>1</a>"),
        (b"<E--><a>1</a></E--><!-- </E-->", b"<E--><a>1</a>"),
        (b"<E><![CDATA[</E>]]></E>", b"<E>&lt;/E&gt;"),
        (b"<E>a!</E>", b"<E>a!"),
        (b"<E>\r\n<a>&#13;</a></E>", b"<E>\n<a>&#13;</a>"),
        (b"\n<E><a/></E >\n", b"<E><a/>"),
        (b"<E/>", b"<E>"),
    ],
)
def test_a_document_is_written_anew_where_reading_has_changed_it(document: bytes, written: bytes):
    signed = sign_xml(document, SIGNER.signer)

    assert signed.startswith(written + b"<ds:Signature ")
    assert signed_part(signed, TRUST, NOW).verdict.indication == "TOTAL-PASSED"


@pytest.mark.parametrize(
    ("document", "path", "code"),
    [
        (SIGNED, "/Envelope", "already_signed"),
        (b'<E Id=""/>', "/E/@Id", "bad_value"),
        (b'<E ID="a b"/>', "/E/@Id", "bad_value"),
        (b'<E Id="x"><a id="x"/></E>', "/E/@Id", "bad_value"),
        (b'<E><a xmlns="relative"/></E>', "/E", "bad_value"),
        (b"<E>", "line 1", "not_well_formed"),
        (b"<!DOCTYPE E><E/>", "/", "dtd"),
    ],
)
def test_what_could_not_be_verified_again_is_not_signed(document: bytes, path: str, code: str):
    with pytest.raises(InvalidMessage) as caught:
        sign_xml(document, SIGNER.signer)

    assert [(fault.path, fault.code) for fault in caught.value.faults] == [(path, code)]


def test_a_key_that_only_can_sign_is_enough():
    """A key in an HSM does not show its numbers."""

    class Token:
        def sign(self, octets, algorithm):
            return SIGNER.signer.sign(octets, algorithm)

    signer = replace(SIGNER.signer, key=Token())

    assert signed_part(sign_xml(DOCUMENT, signer), TRUST, NOW).verdict.signer == "CN=Signer"
    assert verify_jws(b"{}", sign_jws(b"{}", signer), TRUST, NOW).verdict.signer == "CN=Signer"


def test_a_key_of_another_kind_is_a_wrong_setting():

    key = ed25519.Ed25519PrivateKey.generate()
    party = Party.__new__(Party)
    party.key, party.name = key, name("Edwards")
    party.certificate = (
        x509.CertificateBuilder()
        .subject_name(party.name)
        .issuer_name(party.name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, None)
    )

    for sign in (sign_xml, sign_jws):
        with pytest.raises(BadSettings):
            sign(DOCUMENT, party.signer)
