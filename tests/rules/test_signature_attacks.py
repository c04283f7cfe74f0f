"""XML signatures: wrapping, references, transforms, keys and algorithms of an attacker."""

from __future__ import annotations

import base64
import copy

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod, XMLVerifier

from hub.rules.signatures import DS, sign_xml, signed_part
from hub.rules.trust import TrustSnapshot
from tests.support.signers import (
    ATTACKER,
    AUTHORITY,
    C14N,
    DOCUMENT,
    ENVELOPED,
    EXC,
    NOW,
    OPTIONAL,
    SIGNED,
    SIGNER,
    TRUST,
    WEAK,
    Party,
    edited,
    refusal,
    sha256,
    sign_otherwise,
)

# --- signature wrapping: the eight placements of Somorovsky et al. 2012 -------------------------------------------


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
@pytest.mark.parametrize("with_id", [True, False])
@pytest.mark.parametrize("place", PLACEMENTS)
@pytest.mark.parametrize("trust", [TRUST, OPTIONAL])
def test_a_wrapped_signature_is_refused(place, with_id: bool, evil_id: str | None, trust: TrustSnapshot):
    document = DOCUMENT.replace(b"<Envelope>", b'<Envelope Id="doc">') if with_id else DOCUMENT
    signed = sign_xml(document, SIGNER.signer)
    assert signed_part(signed, trust, NOW).verdict.indication == "TOTAL-PASSED"

    assert refusal(etree.tostring(place(*pieces(signed, evil_id))), trust).startswith(("TOTAL-FAILED/", "INDETERMINATE/"))


@pytest.mark.parametrize("place", [original_beside_signature, original_at_the_end, original_in_extensions, original_in_object])
def test_the_wrapped_documents_are_real_attacks(place):
    """Their mathematics holds: without our rules the library finds nothing wrong."""
    signed = sign_xml(DOCUMENT.replace(b"<Envelope>", b'<Envelope Id="doc">'), SIGNER.signer)
    wrapped = place(*pieces(signed, "evil"))

    assert XMLVerifier().verify(etree.tostring(wrapped), x509_cert=SIGNER.certificate).signed_xml.get("Id") == "doc"


@pytest.mark.parametrize("attribute", ["Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id", "{urn:x}Id"])
def test_an_id_that_stands_twice_is_refused(attribute: str):
    signed = sign_xml(b'<E Id="doc"><a>1</a></E>', SIGNER.signer)

    def smuggle(root, signature):
        root.set("Id", "other")
        etree.SubElement(root, "E").set(attribute, "doc")

    assert refusal(edited(signed, smuggle)) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"
    beside = edited(signed, lambda root, signature: root[0].set(attribute, "doc"))
    assert refusal(beside) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_a_signature_over_a_part_only_is_refused():
    signed = sign_otherwise(b'<E><part Id="p">1</part><rest>2</rest></E>', reference_uri="#p")

    assert refusal(signed) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_two_signatures_are_refused():
    twice = edited(SIGNED, lambda root, signature: root.append(copy.deepcopy(signature)))
    hidden = edited(SIGNED, lambda root, signature: signature.find(f"{DS}KeyInfo").append(copy.deepcopy(signature)))

    assert {refusal(twice), refusal(hidden)} == {"TOTAL-FAILED/FORMAT_FAILURE"}


def test_an_enveloping_signature_is_refused():
    root = etree.fromstring(SIGNED)

    assert refusal(etree.tostring(root.find(f"{DS}Signature"))) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize(
    "uri",
    [None, "#", "#xpointer(/)", "#xpointer(id('x'))", "other.xml", "http://localhost/x", "file:///etc/passwd", "##x", "# x"],
)
def test_a_reference_to_elsewhere_is_refused(uri: str | None):
    def refer(root, signature):
        reference = signature.find(f".//{DS}Reference")
        reference.attrib.pop("URI")
        if uri is not None:
            reference.set("URI", uri)

    assert refusal(edited(SIGNED, refer)) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
BASE64 = "http://www.w3.org/2000/09/xmldsig#base64"


@pytest.mark.parametrize(
    "algorithms",
    [
        [],
        [EXC],
        [ENVELOPED, XPATH],
        [ENVELOPED, XSLT],
        [ENVELOPED, BASE64],
        [ENVELOPED, "http://www.w3.org/2002/06/xmldsig-filter2"],
        [ENVELOPED, f"{EXC}WithComments"],
        [ENVELOPED, f"{C14N}#WithComments"],
        [EXC, ENVELOPED],
        [ENVELOPED, EXC, EXC],
        [ENVELOPED, ENVELOPED],
        [ENVELOPED, ""],
    ],
)
def test_other_transforms_are_refused(algorithms: list[str]):
    def transform(root, signature):
        transforms = signature.find(f".//{DS}Transforms")
        del transforms[:]
        for algorithm in algorithms:
            etree.SubElement(transforms, f"{DS}Transform", Algorithm=algorithm)

    assert refusal(edited(SIGNED, transform)) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_a_program_inside_an_allowed_transform_is_refused():
    for index in (0, 1):

        def program(root, signature, at=index):
            etree.SubElement(signature.findall(f".//{DS}Transform")[at], f"{DS}XPath")

        assert refusal(edited(SIGNED, program)) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_signed_info_with_comments_is_refused():
    signed = sign_otherwise(DOCUMENT, c14n_algorithm=f"{EXC}WithComments")

    assert refusal(signed) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize(
    "removed", ["SignedInfo", "SignatureValue", "KeyInfo", "SignatureMethod", "DigestMethod", "DigestValue", "Reference"]
)
def test_a_signature_that_lacks_a_piece_is_refused(removed: str):
    def remove(root, signature):
        element = signature.find(f".//{DS}{removed}")
        element.getparent().remove(element)

    assert refusal(edited(SIGNED, remove)) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("doubled", ["SignedInfo", "SignatureValue", "KeyInfo", "Reference", "DigestValue"])
def test_a_signature_with_a_piece_twice_is_refused(doubled: str):
    def double(root, signature):
        element = signature.find(f".//{DS}{doubled}")
        element.addnext(copy.deepcopy(element))

    assert refusal(edited(SIGNED, double)) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("piece", ["SignatureValue", "DigestValue"])
@pytest.mark.parametrize("value", ["", "  ", "%%%", "ÿ", "=", "A", "AAAA"])
def test_values_that_are_no_base64_or_too_short_are_refused(piece: str, value: str):
    signed = edited(SIGNED, lambda root, signature: setattr(signature.find(f".//{DS}{piece}"), "text", value))

    assert refusal(signed).startswith("TOTAL-FAILED/")


@pytest.mark.parametrize("piece", ["SignatureValue", "DigestValue"])
@pytest.mark.parametrize("rubbish", ["%", "\x7f", "ÿ"])
def test_rubbish_inside_a_good_value_is_not_overlooked(piece: str, rubbish: str):
    def spoil(root, signature):
        value = signature.find(f".//{DS}{piece}")
        value.text = value.text[:8] + rubbish + value.text[8:]

    assert refusal(edited(SIGNED, spoil)) == "TOTAL-FAILED/FORMAT_FAILURE"


# --- changed content, values, keys --------------------------------------------------------------------------------


def test_a_changed_text_breaks_the_digest():
    assert refusal(SIGNED.replace(b"m-1", b"m-2")) == "TOTAL-FAILED/HASH_FAILURE"


def test_a_changed_value_breaks_the_signature():
    def change(root, signature):
        value = signature.find(f"{DS}SignatureValue")
        raw = bytearray(base64.b64decode(value.text))
        raw[7] ^= 1
        value.text = base64.b64encode(raw).decode()

    assert refusal(edited(SIGNED, change)) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_a_changed_digest_breaks_the_signature():
    def change(root, signature):
        signature.find(f".//{DS}DigestValue").text = base64.b64encode(sha256(b"evil")).decode()

    assert refusal(edited(SIGNED, change)) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


def test_an_attackers_own_valid_certificate_is_not_trusted():
    assert refusal(sign_xml(DOCUMENT, ATTACKER.signer)) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"


def test_an_attackers_signature_under_the_signers_certificate_does_not_hold():
    signed = sign_otherwise(DOCUMENT, ATTACKER, certificates=[SIGNER.certificate])

    assert refusal(signed) == "TOTAL-FAILED/SIG_CRYPTO_FAILURE"


@pytest.mark.parametrize("order", [1, -1])
def test_two_signers_certificates_are_refused(order: int):
    signed = sign_otherwise(DOCUMENT, ATTACKER, certificates=[SIGNER.certificate, ATTACKER.certificate][::order])

    assert refusal(signed) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"


def test_an_attackers_key_value_beside_the_signers_certificate_is_refused():
    theirs = etree.fromstring(sign_otherwise(DOCUMENT, ATTACKER, always_add_key_value=True)).find(f".//{DS}KeyValue")
    beside = edited(SIGNED, lambda root, signature: signature.find(f"{DS}KeyInfo").insert(0, theirs))
    alone = sign_otherwise(DOCUMENT, ATTACKER, certificates=[SIGNER.certificate], always_add_key_value=True)

    assert refusal(beside).startswith("TOTAL-FAILED/")
    assert refusal(alone).startswith("TOTAL-FAILED/")


@pytest.mark.parametrize(
    "child",
    [
        f'<ds:RetrievalMethod xmlns:ds="{DS[1:-1]}" URI="http://localhost/key"/>',
        f'<ds:MgmtData xmlns:ds="{DS[1:-1]}">x</ds:MgmtData>',
        '<d:DEREncodedKeyValue xmlns:d="http://www.w3.org/2009/xmldsig11#">AA==</d:DEREncodedKeyValue>',
        "<SecurityTokenReference xmlns='urn:wsse'/>",
    ],
)
def test_other_ways_to_name_a_key_are_refused(child: str):
    signed = edited(SIGNED, lambda root, signature: signature.find(f"{DS}KeyInfo").append(etree.fromstring(child)))

    assert refusal(signed) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_key_without_certificate_is_refused():
    key = etree.fromstring(sign_otherwise(DOCUMENT, always_add_key_value=True))
    data = key.find(f".//{DS}X509Data")
    data.getparent().remove(data)

    assert refusal(etree.tostring(key)) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"


@pytest.mark.parametrize("text", ["", "AAAA", "%%%", "ÿ", base64.b64encode(b"0\x82" + b"\xff" * 500).decode()])
def test_a_certificate_that_cannot_be_read_is_refused(text: str):
    signed = edited(SIGNED, lambda root, signature: setattr(signature.find(f".//{DS}X509Certificate"), "text", text))

    assert refusal(signed) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_too_many_certificates_are_refused():
    signed = sign_otherwise(DOCUMENT, certificates=[SIGNER.certificate] * 9)

    assert refusal(signed) == "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"


@pytest.mark.parametrize("key", [SIGNER.certificate.public_bytes(serialization.Encoding.PEM), b""])
def test_an_hmac_with_the_public_certificate_as_its_secret_is_refused(key: bytes):
    """The classical confusion: what everybody knows is taken for a shared secret."""
    signed = sign_otherwise(DOCUMENT, signature_algorithm=SignatureMethod.HMAC_SHA256, key=key)
    info = etree.fromstring(SIGNED).find(f".//{DS}KeyInfo")

    assert refusal(edited(signed, lambda root, signature: signature.append(info))) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_a_truncated_hmac_or_other_parameter_of_the_method_is_refused():
    signed = edited(
        SIGNED, lambda root, signature: etree.SubElement(signature.find(f".//{DS}SignatureMethod"), f"{DS}HMACOutputLength")
    )

    assert refusal(signed) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize("algorithm", [SignatureMethod.DSA_SHA256.value, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5", ""])
def test_other_algorithms_are_refused_even_where_weak_ones_are_allowed(algorithm: str):
    signed = edited(SIGNED, lambda root, signature: signature.find(f".//{DS}SignatureMethod").set("Algorithm", algorithm))

    assert refusal(signed, WEAK) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_an_algorithm_for_another_kind_of_key_is_refused():
    ecdsa = SignatureMethod.ECDSA_SHA256.value
    signed = edited(SIGNED, lambda root, signature: signature.find(f".//{DS}SignatureMethod").set("Algorithm", ecdsa))

    assert refusal(signed) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize(
    ("method", "digest", "shown"),
    [
        (SignatureMethod.RSA_SHA1, DigestAlgorithm.SHA1, "RSA-SHA1"),
        (SignatureMethod.RSA_SHA1, DigestAlgorithm.SHA256, "RSA-SHA1"),
        (SignatureMethod.RSA_SHA256, DigestAlgorithm.SHA1, "RSA-SHA256"),
    ],
)
def test_sha1_is_read_only_where_allowed_and_then_called_weak(method: SignatureMethod, digest: DigestAlgorithm, shown: str):
    signed = sign_otherwise(DOCUMENT, signature_algorithm=method, digest_algorithm=digest)

    verdict = signed_part(signed, WEAK, NOW).verdict

    assert (verdict.algorithm, verdict.weak, verdict.indication) == (shown, True, "TOTAL-PASSED")
    assert refusal(signed) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"
    assert refusal(signed.replace(b"m-1", b"m-2"), WEAK) == "TOTAL-FAILED/HASH_FAILURE"


def test_a_short_key_is_read_only_where_allowed_and_then_called_weak():
    small = Party("Small", AUTHORITY, key=rsa.generate_private_key(public_exponent=65537, key_size=1024))
    signed = sign_xml(DOCUMENT, small.signer)

    assert signed_part(signed, WEAK, NOW).verdict.weak is True
    assert refusal(signed) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_curves_that_are_not_allowed_are_refused():
    odd = Party("Odd", AUTHORITY, key=ec.generate_private_key(ec.SECP256K1()))

    assert refusal(sign_xml(DOCUMENT, odd.signer), WEAK) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


def test_strong_signatures_are_not_called_weak_where_weak_ones_are_allowed():
    assert signed_part(SIGNED, WEAK, NOW).verdict.weak is False
