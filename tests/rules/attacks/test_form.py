"""Forms of a signature that nobody needs: references, transforms, pieces too many or too few, rubbish in values."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from lxml import etree

from tests.support import signed_xml
from tests.support.signed_xml import B_B, DS, PLAIN
from tests.support.signers import C14N, DOCUMENT, ENVELOPED, EXC, SIGNER, edited, sign_otherwise
from tests.support.signers import refusal as refusal_by
from tests.support.stamped import STAMPED_AT, TRUST, TSA

XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
BASE64 = "http://www.w3.org/2000/09/xmldsig#base64"


@pytest.fixture(params=[PLAIN, B_B], ids=["XML-DSig", "XAdES"])
def signed(request: pytest.FixtureRequest) -> bytes:
    return signed_xml.sign(DOCUMENT, SIGNER, request.param)


def refusal(document: bytes) -> str:
    return refusal_by(document, TRUST)


# --- references ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [None, "#", "#xpointer(/)", "#xpointer(id('x'))", "other.xml", "http://localhost/x", "file:///etc/passwd", "##x", "# x"],
)
def test_a_reference_to_elsewhere_is_refused(signed: bytes, uri: str | None):
    def refer(root, signature):
        reference = signature.find(f".//{DS}Reference")
        reference.attrib.pop("URI")
        if uri is not None:
            reference.set("URI", uri)

    assert refusal(edited(signed, refer)) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


# --- transforms ---------------------------------------------------------------------------------------------------


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
def test_other_transforms_are_refused(signed: bytes, algorithms: list[str]):
    def transform(root, signature):
        transforms = signature.find(f".//{DS}Transforms")
        del transforms[:]
        for algorithm in algorithms:
            etree.SubElement(transforms, f"{DS}Transform", Algorithm=algorithm)

    assert refusal(edited(signed, transform)) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_a_program_inside_an_allowed_transform_is_refused(signed: bytes):
    for index in (0, 1):

        def program(root, signature, at=index):
            etree.SubElement(signature.findall(f".//{DS}Transform")[at], f"{DS}XPath")

        assert refusal(edited(signed, program)) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_signed_info_with_comments_is_refused():
    signed = sign_otherwise(DOCUMENT, c14n_algorithm=f"{EXC}WithComments")

    assert refusal(signed) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize(
    "removed", ["SignedInfo", "SignatureValue", "KeyInfo", "SignatureMethod", "DigestMethod", "DigestValue", "Reference"]
)
def test_a_signature_that_lacks_a_piece_is_refused(signed: bytes, removed: str):
    def remove(root, signature):
        element = signature.find(f".//{DS}{removed}")
        element.getparent().remove(element)

    assert refusal(edited(signed, remove)) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("doubled", ["SignedInfo", "SignatureValue", "KeyInfo", "Reference", "DigestValue"])
def test_a_signature_with_a_piece_twice_is_refused(signed: bytes, doubled: str):
    def double(root, signature):
        element = signature.find(f".//{DS}{doubled}")
        element.addnext(copy.deepcopy(element))

    assert refusal(edited(signed, double)) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("piece", ["SignatureValue", "DigestValue"])
@pytest.mark.parametrize("value", ["", "  ", "%%%", "ÿ", "=", "A", "AAAA"])
def test_values_that_are_no_base64_or_too_short_are_refused(signed: bytes, piece: str, value: str):
    bent = edited(signed, lambda root, signature: setattr(signature.find(f".//{DS}{piece}"), "text", value))

    assert refusal(bent).startswith("TOTAL-FAILED/")


@pytest.mark.parametrize("piece", ["SignatureValue", "DigestValue"])
@pytest.mark.parametrize("rubbish", ["%", "\x7f", "ÿ"])
def test_rubbish_inside_a_good_value_is_not_overlooked(signed: bytes, piece: str, rubbish: str):
    def spoil(root, signature):
        value = signature.find(f".//{DS}{piece}")
        value.text = value.text[:8] + rubbish + value.text[8:]

    assert refusal(edited(signed, spoil)) == "TOTAL-FAILED/FORMAT_FAILURE"


@pytest.mark.parametrize("place", [b"<Envelope", b"<messageId", b"<ds:Signature ", b"<ds:SignedInfo"])
@pytest.mark.parametrize("c14n", [EXC, C14N])
def test_a_namespace_that_has_no_canonical_form_is_refused(place: bytes, c14n: str):
    """Relative namespaces make canonicalisation fail (Canonical XML 1.0, 1.3), in whatever part it meets them."""

    def stamped(signature):
        signed_xml.stamp(signature, TSA, at=STAMPED_AT, c14n=c14n)

    for way in (PLAIN, B_B, replace(B_B, after=stamped)):
        good = signed_xml.sign(DOCUMENT, SIGNER, way, c14n=c14n, properties_c14n=c14n)
        bent = good.replace(place, place.rstrip() + b' xmlns:q="relative" ', 1)
        assert refusal(bent.replace(b" >", b">")) == "TOTAL-FAILED/FORMAT_FAILURE"


# --- numbers and sizes: refused by looking, before anything is computed --------------------------------------------


@pytest.fixture(autouse=True)
def nothing_is_computed(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Where a test says so, neither a digest nor a signature may be looked at: work that an attacker chooses is not done."""
    if "unjudged" not in request.fixturenames:
        return

    def never(*_):
        raise AssertionError("something was computed")

    monkeypatch.setattr("hub.rules.strict_signature.signed_octets", never)
    monkeypatch.setattr("hub.rules.signatures._verify", never)


@pytest.fixture
def unjudged() -> None:
    """Mark a test whose document must be refused by its form alone."""


@pytest.mark.parametrize("number", [3, 1_000, 20_000])
def test_many_transforms_are_refused(unjudged, signed: bytes, number: int):
    """Each canonicalisation would parse the whole document again (CVE-2009-0217's neighbours: transform bombs)."""

    def many(root, signature):
        for _ in range(number):
            etree.SubElement(signature.find(f".//{DS}Transforms"), f"{DS}Transform", Algorithm=EXC)

    assert refusal(edited(signed, many)) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize("number", [2, 5_000])
@pytest.mark.parametrize("described", ["", signed_xml.SIGNED_PROPERTIES])
def test_many_references_are_refused(unjudged, signed: bytes, number: int, described: str):
    def many(root, signature):
        info = signature.find(f"{DS}SignedInfo")
        one = info.find(f"{DS}Reference")
        if described:
            one.set("Type", described)
        for _ in range(number):
            info.append(copy.deepcopy(one))

    assert refusal(edited(signed, many)) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_a_manifest_in_place_of_the_document_is_refused(unjudged, signed: bytes):
    """A manifest's references are never compared, so that what it lists is not signed (XML Signature 5.1)."""

    def manifest(root, signature):
        signature.append(etree.fromstring(f'<ds:Object xmlns:ds="{DS[1:-1]}"><ds:Manifest Id="m"/></ds:Object>'))
        signature.find(f".//{DS}Reference").set("URI", "#m")

    assert refusal(edited(signed, manifest)) in {"TOTAL-FAILED/FORMAT_FAILURE", "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"}


def test_prefix_lists_are_one_at_most(unjudged, signed: bytes):
    def two(root, signature):
        for _ in range(2):
            etree.SubElement(signature.find(f".//{DS}Transform[2]"), f"{{{EXC}}}InclusiveNamespaces", PrefixList="a")

    assert refusal(edited(signed, two)) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize("piece", ["SignatureValue", "DigestValue", "X509Certificate"])
def test_a_giant_value_is_refused(signed: bytes, piece: str):
    giant = edited(signed, lambda root, signature: setattr(signature.find(f".//{DS}{piece}"), "text", "QUFB" * 1_000_000))

    assert refusal(giant).startswith("TOTAL-FAILED/")


@pytest.mark.parametrize("piece", ["Signature", "SignedInfo", "Reference", "SignatureValue", "KeyInfo"])
def test_an_element_of_another_namespace_inside_is_refused(signed: bytes, piece: str):
    def strange(root, signature):
        (signature if piece == "Signature" else signature.find(f".//{DS}{piece}")).append(etree.Element("{urn:x}more"))

    assert refusal(edited(signed, strange)) == "TOTAL-FAILED/FORMAT_FAILURE"
