"""Signature wrapping: what is signed is somewhere in the document, what would be read is something else."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier

from hub.rules.signatures import signed_part
from hub.rules.trust import TrustSnapshot
from tests.support import signed_xml
from tests.support.signed_xml import B_B, C14N, DS, PLAIN, XADES, Way
from tests.support.signers import DOCUMENT, NOW, SIGNER, edited, refusal, sign_otherwise
from tests.support.stamped import OPTIONAL, TRUST

WITH_ID = DOCUMENT.replace(b"<Envelope>", b'<Envelope Id="doc">')
#: The strict profile, what signxml judges, and both with the properties of XAdES.
WAYS = {
    "XML-DSig": PLAIN,
    "XML-DSig, inclusive": replace(PLAIN, c14n=C14N),
    "XAdES": B_B,
    "XAdES, inclusive": replace(B_B, c14n=C14N, properties_c14n=""),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


# --- the eight placements of Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be" (USENIX 2012) ----------


def pieces(signed: bytes, evil_id: str | None) -> tuple[etree._Element, etree._Element, etree._Element, etree._Element]:
    """Take a signed document apart: whole, without signature, the signature, and a changed copy to be smuggled in."""
    whole = etree.fromstring(signed)
    bare = copy.deepcopy(whole)
    bare.remove(bare.find(f"{DS}Signature"))
    signature = copy.deepcopy(whole.find(f"{DS}Signature"))
    evil = copy.deepcopy(bare)
    evil.find("Body/to").text = "evil"
    evil.attrib.pop("Id", None)
    if evil_id is not None:
        evil.set("Id", evil_id)
    return whole, bare, signature, evil


def original_in_signature(whole, bare, signature, evil):
    signature.append(bare)
    evil.append(signature)
    return evil


def original_beside_signature(whole, bare, signature, evil):
    evil.append(bare)
    evil.append(signature)
    return evil


def evil_before_original(whole, bare, signature, evil):
    wrapper = etree.Element("Envelope")
    wrapper.append(evil)
    wrapper.append(whole)
    return wrapper


def original_in_evil(whole, bare, signature, evil):
    evil.append(whole)
    return evil


def original_at_the_end(whole, bare, signature, evil):
    evil.append(signature)
    evil.append(bare)
    return evil


def original_in_key_info(whole, bare, signature, evil):
    signature.find(f"{DS}KeyInfo").append(bare)
    evil.append(signature)
    return evil


def original_in_extensions(whole, bare, signature, evil):
    etree.SubElement(evil, "Extensions").append(bare)
    evil.insert(0, evil[-1])
    evil.append(signature)
    return evil


def original_in_object(whole, bare, signature, evil):
    etree.SubElement(signature, f"{DS}Object").append(bare)
    evil.append(signature)
    return evil


PLACEMENTS = [
    original_in_signature,
    original_beside_signature,
    evil_before_original,
    original_in_evil,
    original_at_the_end,
    original_in_key_info,
    original_in_extensions,
    original_in_object,
]


@pytest.mark.parametrize("evil_id", [None, "evil", "doc"])
@pytest.mark.parametrize("uri", ["", "#doc"])
@pytest.mark.parametrize("place", PLACEMENTS)
@pytest.mark.parametrize("trust", [TRUST, OPTIONAL])
def test_a_wrapped_signature_is_refused(place, way: Way, uri: str, evil_id: str | None, trust: TrustSnapshot):
    signed = signed_xml.sign(WITH_ID, SIGNER, way, uri=uri)
    assert signed_part(signed, trust, NOW).verdict.indication == "TOTAL-PASSED"

    assert refusal(etree.tostring(place(*pieces(signed, evil_id))), trust).startswith(("TOTAL-FAILED/", "INDETERMINATE/"))


@pytest.mark.parametrize("place", [original_beside_signature, original_at_the_end, original_in_extensions, original_in_object])
@pytest.mark.parametrize("exclusive", [PLAIN, B_B])
def test_the_wrapped_documents_are_real_attacks(place, exclusive: Way):
    """Their mathematics holds: without our rules the library finds nothing wrong."""
    wrapped = etree.tostring(place(*pieces(signed_xml.sign(WITH_ID, SIGNER, exclusive, uri="#doc"), "evil")))
    any_number = SignatureConfiguration(expect_references=True)

    results = XMLVerifier().verify(wrapped, x509_cert=SIGNER.certificate, expect_config=any_number)
    assert results[0].signed_xml.get("Id") == "doc"


@pytest.mark.parametrize("place", ["Header", "Body", "."])
def test_the_signed_properties_may_not_be_wrapped_either(place: str):
    """The digest is over the real properties, which stand elsewhere; those in the signature are the attacker's."""

    def smuggle(root, signature):
        holder = signature.find(f".//{XADES}QualifyingProperties")
        real = holder[0]
        evil = copy.deepcopy(real)
        evil.set("Id", "other")
        evil.find(f".//{XADES}SigningTime").text = "2020-01-01T00:00:00+07:00"
        holder.replace(real, evil)
        etree.SubElement(root.find(place), "Extensions").append(real)

    assert refusal(edited(signed_xml.sign(DOCUMENT, SIGNER), smuggle), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


# --- ids ----------------------------------------------------------------------------------------------------------

ID_NAMES = ["Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id", "{urn:x}Id"]


@pytest.mark.parametrize("attribute", ID_NAMES)
def test_an_id_of_the_root_that_stands_twice_is_refused(way: Way, attribute: str):
    signed = signed_xml.sign(WITH_ID, SIGNER, way, uri="#doc")

    def smuggle(root, signature):
        root.set("Id", "other")
        etree.SubElement(root, "E").set(attribute, "doc")

    assert refusal(edited(signed, smuggle), TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"
    beside = edited(signed, lambda root, signature: root[0].set(attribute, "doc"))
    assert refusal(beside, TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize("attribute", ID_NAMES)
@pytest.mark.parametrize("value", ["sig", "sig-properties"])
def test_an_id_of_the_signature_that_stands_twice_is_refused(attribute: str, value: str):
    signed = edited(signed_xml.sign(DOCUMENT, SIGNER), lambda root, signature: root[0].set(attribute, value))

    assert refusal(signed, TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_signature_over_a_part_only_is_refused():
    signed = sign_otherwise(b'<E><part Id="p">1</part><rest>2</rest></E>', reference_uri="#p")

    assert refusal(signed) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


# --- more than one ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2, 50])
def test_several_signatures_are_refused(way: Way, number: int):
    def repeat(root, signature):
        for _ in range(number - 1):
            root.append(copy.deepcopy(signature))

    assert refusal(edited(signed_xml.sign(DOCUMENT, SIGNER, way), repeat), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_signature_hidden_in_a_signature_is_refused(way: Way):
    def hide(root, signature):
        signature.find(f"{DS}KeyInfo").append(copy.deepcopy(signature))

    assert refusal(edited(signed_xml.sign(DOCUMENT, SIGNER, way), hide), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_an_enveloping_signature_is_refused(way: Way):
    root = etree.fromstring(signed_xml.sign(DOCUMENT, SIGNER, way))

    assert refusal(etree.tostring(root.find(f"{DS}Signature")), TRUST) == "TOTAL-FAILED/FORMAT_FAILURE"


# --- namespaces ---------------------------------------------------------------------------------------------------


def test_a_signature_of_another_namespace_is_none():
    """Whoever drops the namespace has an unsigned document, also where a reader of local names would see a signature."""
    renamed = signed_xml.sign(DOCUMENT, SIGNER).replace(DS[1:-1].encode(), b"http://www.w3.org/2000/09/xmldsig")

    assert refusal(renamed, TRUST) == "NOT-SIGNED"


def test_a_namespace_that_is_declared_anew_does_not_change_what_is_signed(way: Way):
    """Moving a declaration to the root changes nothing in exclusive form; where it does, the digest breaks."""
    signed = signed_xml.sign(DOCUMENT, SIGNER, way)
    moved = signed.replace(b"<Envelope>", b'<Envelope xmlns:ds="%s">' % DS[1:-1].encode(), 1)

    if way.c14n == C14N:
        assert refusal(moved, TRUST) == "TOTAL-FAILED/HASH_FAILURE"
    else:
        assert signed_part(moved, TRUST, NOW).signed_bytes == signed_part(signed, TRUST, NOW).signed_bytes


def test_a_default_namespace_put_over_the_document_breaks_its_digest(way: Way):
    signed = signed_xml.sign(DOCUMENT, SIGNER, way).replace(b"<Envelope>", b'<Envelope xmlns="urn:evil">', 1)

    assert refusal(signed, TRUST).startswith("TOTAL-FAILED/")


def test_a_prefix_that_means_another_namespace_inside_breaks_the_digest(way: Way):
    signed = signed_xml.sign(b'<E xmlns:p="urn:good"><p:a>1</p:a></E>', SIGNER, way)

    assert refusal(signed.replace(b"<p:a>", b'<p:a xmlns:p="urn:evil">'), TRUST) == "TOTAL-FAILED/HASH_FAILURE"
