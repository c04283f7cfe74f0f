"""The strict profile against its oracles: what it accepts, signxml and xmlsec1 accept too, with the same octets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.errors import InvalidMessage, Untrusted
from hub.rules import strict_signature
from hub.rules.signatures import DS, signed_part
from hub.rules.signing import sign_xades, sign_xml
from tests.support import signed_xml
from tests.support.signed_xml import B_B, ECDSA_SHA256, MORE, PLAIN, PSS_SHA256, Way
from tests.support.signers import (
    AUTHORITY,
    C14N,
    DOCUMENT,
    EC_SIGNER,
    EXC,
    NOW,
    SIGNED,
    SIGNER,
    TRUST,
    Party,
    edited,
    sign_otherwise,
    tool,
)

#: Shapes on which canonicalisation has been got wrong by others: prefixes, defaults taken back, blanks, characters.
SHAPES = (
    DOCUMENT,
    b'<a:E xmlns:a="urn:a" xmlns:b="urn:b" Id="x1"><b:c a:k="1" b="2">t</b:c><d xmlns=""/>tail</a:E>',
    b'<E xmlns="urn:d"><c xmlns=""><d xmlns="urn:d" z="1" y="2"/></c>\r\n  <f>&#13;&amp;&lt;]]&gt;</f></E>',
    b'<E xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:t"><v xsi:type="t:x"> a  b </v></E>',
    "<HồSơ xmlns='urn:d'><HọTên tuổi='30'>Nguyễn Thử Nghiệm</HọTên></HồSơ>".encode(),
    "<E ID='i'><![CDATA[<x>&]]>Nguyễn Thử Nghiệm<c xml:space='preserve' xml:lang='vi'>\t</c><!-- bỏ --></E>".encode(),
    "<E><Tệp>%s</Tệp><a>b &amp; c</a><f> %s\n<g/>%s</f></E>".replace("%s", 4_100 * "QUJD").encode(),
)


def outcome(document: bytes) -> bytes | str:
    """Give what comes out of a verification: the octets, or that it was refused."""
    try:
        return signed_part(document, TRUST, NOW).signed_bytes
    except Untrusted as error:
        return error.where
    except InvalidMessage:
        return "unreadable"


@pytest.fixture(scope="module")
def by_signxml_alone():
    """Verify with the strict profile out of the way."""

    def judged(document: bytes) -> bytes | str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(strict_signature, "signed_octets", lambda *_: None)
            return outcome(document)

    return judged


@pytest.fixture
def judge_is_away(monkeypatch: pytest.MonkeyPatch):
    """Let signxml fail loudly: what passes now was accepted by the strict profile."""

    def never(*_):
        raise AssertionError("signxml was asked")

    monkeypatch.setattr("hub.rules.signatures._verify", never)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_we_sign_needs_no_judge(judge_is_away, shape: bytes):
    signed = sign_xml(shape, SIGNER.signer)
    assert signed_part(signed, TRUST, NOW).signed_bytes == etree.tostring(
        etree.fromstring(shape), method="c14n", exclusive=True, with_comments=False
    )


def with_prefix_list(signature: etree._Element) -> None:
    etree.SubElement(signature.find(f".//{DS}Transform[2]"), f"{{{EXC}}}InclusiveNamespaces", PrefixList="xsi")


def far_inside(root: etree._Element, signature: etree._Element) -> None:
    root.find("Body").append(signature)


@pytest.mark.parametrize("way", [PLAIN, B_B], ids=["XML-DSig", "XAdES"])
@pytest.mark.parametrize(
    ("party", "changed"),
    [
        (SIGNER, {"c14n": C14N, "properties_c14n": C14N}),
        (SIGNER, {"properties_c14n": ""}),
        (SIGNER, {"method": PSS_SHA256}),
        (SIGNER, {"method": f"{MORE}rsa-sha512", "digest": "sha512"}),
        (EC_SIGNER, {"method": ECDSA_SHA256, "digest": "sha384"}),
    ],
)
def test_other_strong_algorithms_need_no_judge(judge_is_away, way: Way, party: Party, changed: dict):
    signed = signed_xml.sign(SHAPES[2], party, way, **changed)

    assert signed_part(signed, TRUST, NOW).verdict.indication == "TOTAL-PASSED"


@pytest.mark.parametrize("shape", SHAPES)
def test_the_usual_xades_needs_no_judge_either(judge_is_away, shape: bytes):
    by_others, by_us = signed_xml.sign(shape, SIGNER), sign_xades(shape, SIGNER.signer, NOW)

    for signed in (by_others, by_us):
        verified = signed_part(signed, TRUST, NOW)
        assert verified.verdict.level == "XAdES-B-B"
        assert verified.signed_bytes == etree.tostring(
            etree.fromstring(shape), method="c14n", exclusive=True, with_comments=False
        )


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param(sign_otherwise(DOCUMENT, always_add_key_value=True), id="KeyValue"),
        pytest.param(edited(SIGNED, far_inside), id="deep"),
        pytest.param(signed_xml.sign(DOCUMENT, SIGNER, before=with_prefix_list), id="prefix list"),
        pytest.param(sign_xml(DOCUMENT, SIGNER.signer).replace(b"m-1", b"m-2"), id="changed"),
    ],
)
def test_another_form_is_left_to_the_judge(judge_is_away, signed: bytes):
    with pytest.raises(AssertionError, match="signxml was asked"):
        signed_part(signed, TRUST, NOW)


# --- differential -------------------------------------------------------------------------------------------------

OTHERWISE = [
    (SIGNER, {"c14n": C14N, "properties_c14n": ""}),
    (SIGNER, {"prefix": "", "c14n": C14N, "method": PSS_SHA256}),
    (EC_SIGNER, {"method": ECDSA_SHA256, "digest": "sha512"}),
]
SIGNED_SHAPES = [sign_xml(shape, SIGNER.signer) for shape in SHAPES] + [signed_xml.sign(shape, SIGNER) for shape in SHAPES]
#: Not for xmlsec1, whose version in Debian has no RSASSA-PSS.
ALL_SHAPES = [*SIGNED_SHAPES, *(signed_xml.sign(shape, party, **how) for shape in SHAPES for party, how in OTHERWISE)]
#: What is put into or taken from a signed document somewhere.
PIECES = st.sampled_from(
    [
        *(b" ", b"\n", b"\r", b"&#13;", b"<!--x-->", b"<x/>", b"&amp;", b"=", b"A", b"\xc3\xa1"),
        *(b' xmlns:q="urn:q"', b' xmlns:xades="urn:q"', b' Id="x1"', b' Id="sig"', b' Id="sig-properties"'),
    ]
)


def test_the_words_in_place_of_a_long_text_may_stand_in_a_document():
    shape = b"<E><c>(text put aside)</c><f>%s</f></E>" % (4_100 * b"QUJD")
    assert outcome(sign_xml(shape, SIGNER.signer)) == shape


def near(text: bytes, document: bytes) -> list[int]:
    return [place for place in range(len(document)) if document.startswith(text, place)]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Change a signed document by a few insertions and cuts, most of them beside tags, where trees change their shape."""
    document = draw(st.sampled_from(ALL_SHAPES))
    for _ in range(draw(st.integers(1, 3))):
        places = draw(st.sampled_from([near(b"<", document), near(b">", document), near(b" ", document), range(len(document))]))
        if not len(places):
            continue
        at = draw(st.sampled_from(places)) + draw(st.integers(0, 1))
        cut = draw(st.sampled_from([0, 0, 0, 1]))
        document = document[:at] + draw(PIECES | st.just(b"")) + document[at + cut :]
    return document


LETTER_IN_A_NAME = signed_xml.sign(SHAPES[2], SIGNER, c14n=C14N, properties_c14n="").replace(b' Id="r-', ' áId="r-'.encode())


@given(mutated())
@example(LETTER_IN_A_NAME)
@settings(max_examples=1500, deadline=None)
def test_a_mutated_document_comes_out_as_signxml_says(by_signxml_alone, document: bytes):
    assert outcome(document) == by_signxml_alone(document)


def blank_values(root: etree._Element, signature: etree._Element) -> None:
    value = signature.find(f"{DS}SignatureValue")
    value.text = "\n " + " ".join(value.text[at : at + 10] for at in range(0, len(value.text), 10)) + "\n"


def text_behind(root: etree._Element, signature: etree._Element) -> None:
    signature.tail = "added"


def signature_first(root: etree._Element, signature: etree._Element) -> None:
    root.insert(0, signature)


def other_prefix(root: etree._Element, signature: etree._Element) -> None:
    etree.cleanup_namespaces(root)


@pytest.mark.parametrize("edit", [blank_values, text_behind, signature_first, other_prefix])
@pytest.mark.parametrize("signed", ALL_SHAPES)
def test_an_edited_document_comes_out_as_signxml_says(by_signxml_alone, signed: bytes, edit):
    document = edited(signed, edit)
    assert outcome(document) == by_signxml_alone(document)


@pytest.mark.parametrize("edit", [blank_values, text_behind, signature_first, other_prefix, lambda root, signature: None])
@pytest.mark.parametrize("signed", SIGNED_SHAPES)
def test_what_is_accepted_xmlsec1_accepts_too(signed: bytes, edit, tmp_path: Path):
    document = edited(signed, edit)
    AUTHORITY.write(tmp_path)
    (tmp_path / "signed.xml").write_bytes(document)
    at = ["--verification-time", NOW.strftime("%Y-%m-%d %H:%M:%S")]
    call = [tool("xmlsec1"), "--verify", "--trusted-pem", "certificate.pem", *at]
    tags = [etree.fromstring(document).tag.rpartition("}")[2], f"{signed_xml.XADES[1:-1]}:SignedProperties"]
    ids = [each for name in ("Id", "ID") for tag in tags for each in ("--id-attr:" + name, tag)]
    done = subprocess.run([*call, *ids, "signed.xml"], cwd=tmp_path, capture_output=True, check=False)
    accepted = isinstance(outcome(document), bytes)
    assert (done.returncode == 0) == accepted, done.stderr.decode()
