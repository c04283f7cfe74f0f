"""Tricks of XML itself under a good signature: what two readers could read differently, and what makes a reader work or fetch."""

from __future__ import annotations

import pytest

from hub.errors import InvalidMessage
from hub.rules import xml
from hub.rules.signatures import signed_part
from tests.support import signed_xml
from tests.support.signed_xml import B_B, PLAIN, Way
from tests.support.signers import DOCUMENT, NOW, SIGNER, refusal
from tests.support.stamped import OPTIONAL, TRUST


@pytest.fixture(params=[PLAIN, B_B], ids=["XML-DSig", "XAdES"])
def way(request: pytest.FixtureRequest) -> Way:
    return request.param


def faults(document: bytes) -> set[str]:
    """Verify what cannot be read at all; return the faults' codes, the same whether a signature is required or not."""
    found = set()
    for trust in (TRUST, OPTIONAL):
        with pytest.raises(InvalidMessage) as caught:
            signed_part(document, trust, NOW)
        found |= {fault.code for fault in caught.value.faults}
    return found


# --- texts that are cut -------------------------------------------------------------------------------------------

MAIL = b"<E><to>admin@example.org%s.evil.example</to></E>"


def test_a_comment_does_not_cut_a_text(way: Way):
    """CVE-2017-11427 and its kin: ``admin@example.org<!---->.evil.example`` must be one text for every reader."""
    signed = signed_xml.sign(MAIL % b"", SIGNER, way)
    commented = signed.replace(b".evil", b"<!-- -->.evil")

    for document in (signed, commented):
        assert signed_part(document, TRUST, NOW).signed_bytes == MAIL % b""


@pytest.mark.parametrize("piece", ["SignatureValue", "DigestValue", "X509Certificate", "SigningTime"])
def test_a_comment_does_not_cut_a_value_of_the_signature(piece: str):
    signed = signed_xml.sign(DOCUMENT, SIGNER)
    at = signed.index(b">", signed.index(piece.encode())) + 5
    commented = signed[:at] + b"<!-- -->" + signed[at:]

    assert signed_part(commented, TRUST, NOW).verdict == signed_part(signed, TRUST, NOW).verdict


def test_a_section_is_the_text_that_it_holds(way: Way):
    signed = signed_xml.sign(MAIL % b"", SIGNER, way).replace(b".evil", b"<![CDATA[.evil]]>")

    assert signed_part(signed, TRUST, NOW).signed_bytes == MAIL % b""


@pytest.mark.parametrize("place", [b".evil", b"</ds:SignatureValue>", b"<ds:KeyInfo>"])
def test_processing_instructions_are_refused_wherever_they_stand(way: Way, place: bytes):
    signed = signed_xml.sign(MAIL % b"", SIGNER, way)

    assert faults(signed.replace(place, b"<?x y?>" + place)) == {"processing_instruction"}


def test_an_element_inside_a_text_breaks_the_digest(way: Way):
    signed = signed_xml.sign(MAIL % b"", SIGNER, way)

    assert refusal(signed.replace(b".evil", b"<x/>.evil"), TRUST) == "TOTAL-FAILED/HASH_FAILURE"


# --- types, entities, inclusions ----------------------------------------------------------------------------------

TYPES = [
    b"<!DOCTYPE Envelope>",
    b'<!DOCTYPE Envelope SYSTEM "http://127.0.0.1:9/evil.dtd">',
    b'<!DOCTYPE Envelope PUBLIC "-//x//y" "file:///etc/passwd">',
    b'<!DOCTYPE Envelope [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE Envelope [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]>',
    b'<!DOCTYPE Envelope [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>',
    b'<!DOCTYPE Envelope [<!ATTLIST to Id ID #IMPLIED>]>',
    b'<!DOCTYPE Envelope [<!ATTLIST Envelope more CDATA "added by the type">]>',
]


@pytest.mark.parametrize("declared", TYPES)
def test_document_types_are_refused_signed_or_not(way: Way, declared: bytes):
    """A type could change ids, add attributes and texts after the digest was computed, or make us fetch and expand."""
    signed = signed_xml.sign(DOCUMENT, SIGNER, way)

    assert faults(declared + signed) == {"dtd"}
    assert faults(b'<?xml version="1.0"?>\n<!-- x -->' + declared + signed) == {"dtd"}


@pytest.mark.parametrize("entity", [b"&evil;", b"&a;&a;"])
def test_entities_that_nobody_declared_are_refused(way: Way, entity: bytes):
    signed = signed_xml.sign(DOCUMENT, SIGNER, way).replace(b"m-1", b"m-1" + entity)

    assert faults(signed) == {"entity"}


@pytest.mark.parametrize("href", ["file:///etc/passwd", "http://127.0.0.1:9/evil.xml", "Envelope.xml"])
def test_inclusions_stay_what_they_are(way: Way, href: str):
    """XInclude is signed as it is written, and nobody of ours follows it."""
    document = f'<xi:E xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{href}"></xi:include></xi:E>'.encode()

    assert signed_part(signed_xml.sign(document, SIGNER, way), TRUST, NOW).signed_bytes == document


def test_a_stylesheet_instruction_is_refused(way: Way):
    sheet = b'<?xml-stylesheet type="text/xsl" href="http://127.0.0.1:9/evil.xsl"?>'

    assert faults(sheet + signed_xml.sign(DOCUMENT, SIGNER, way)) == {"processing_instruction"}


@pytest.mark.parametrize("location", ["schemaLocation", "noNamespaceSchemaLocation"])
def test_a_schema_that_a_document_names_is_not_fetched(way: Way, location: str):
    document = f'<E xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:{location}="http://127.0.0.1:9/x.xsd"></E>'.encode()

    assert signed_part(signed_xml.sign(document, SIGNER, way), TRUST, NOW).signed_bytes == document


# --- sizes: refused on the bytes, before a tree or a digest is made -------------------------------------------------


@pytest.fixture
def nothing_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_):
        raise AssertionError("a tree was made")

    monkeypatch.setattr("hub.rules.xml.etree.fromstring", never)


def beside(signature: bytes, document: bytes) -> bytes:
    """Put something large beside a signature that is there."""
    return document.replace(b"</E>", signature + b"</E>")


#: Enough of a signature for the document to be looked at.
HINT = b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>'


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"<E>" + b"<a/>" * 300_000 + b"</E>", "too_many_nodes"),
        (b"<E " + b" ".join(b'a%d="1"' % n for n in range(5_000)) + b"></E>", "too_many_nodes"),
        (b"<E " + b" ".join(b'xmlns:a%d="urn:%d"' % (n, n) for n in range(5_000)) + b"></E>", "too_many_nodes"),
        (b"<E>" + b"<!---->" * 300_000 + b"</E>", "too_many_nodes"),
        (b"<E>" + b"x" * 31_000_000 + b"</E>", "too_large"),
        (b"<E>\x00</E>", "bad_encoding"),
        ("<E></E>".encode("utf-16"), "bad_encoding"),
        (b'<?xml version="1.0" encoding="UTF-7"?><E></E>', "bad_encoding"),
    ],
    ids=["elements", "attributes", "namespaces", "comments", "octets", "NUL", "UTF-16", "UTF-7"],
)
def test_what_is_too_much_is_refused_before_a_tree_is_made(nothing_is_parsed, document: bytes, code: str):
    with pytest.raises(InvalidMessage) as caught:
        xml.parse(beside(HINT, document))
    assert {fault.code for fault in caught.value.faults} == {code}


def test_a_huge_depth_is_refused(way: Way):
    deep = b"<E>" + b"<a>" * 10_000 + b"</a>" * 10_000 + b"</E>"

    assert faults(beside(HINT, deep)) <= {"too_deep", "too_many_nodes"}


def test_a_giant_attribute_is_refused():
    assert faults(beside(HINT, b'<E a="' + b"x" * 11_000_000 + b'"></E>')) <= {"text_too_long", "not_well_formed"}


def test_a_giant_text_is_refused():
    assert faults(beside(HINT, b"<E>" + b"x" * 11_000_000 + b"</E>")) == {"text_too_long"}


def test_a_signature_deep_below_the_root_is_bounded_like_the_rest(way: Way):
    document = b"<E>" + b"<a>" * 200 + b"<b></b>" + b"</a>" * 200 + b"</E>"

    assert faults(signed_xml.sign(document, SIGNER, way, below="b")) == {"too_deep"}
