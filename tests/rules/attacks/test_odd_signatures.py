"""Signatures of the Single Window's old systems: over a part, bare, canned; none of them is taken for one over the whole."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.errors import InvalidMessage, Untrusted
from hub.rules.signatures import signed_part
from hub.rules.signing import sign_xml
from hub.rules.trust import TrustSnapshot, Verified
from tests.support.signed_xml import C14N, DIGESTS, DS, ENVELOPED, EXC, RSA_SHA1, RSA_SHA256, b64, canonical, der, signed_by
from tests.support.signers import ATTACKER, NOW, OPTIONAL, SIGNER, TRUST, tool

DOCUMENT = (
    b"<Envelope><Header><Subject><reference>QG1</reference></Subject><Signature/></Header>"
    b'<Body><Content Id="noi-dung"><Result><NSWFileCode>QG1</NSWFileCode><Fee>100</Fee></Result></Content><Signature/></Body>'
    b"<SystemSignature/></Envelope>"
)
WEAK = replace(OPTIONAL, allow_weak=True)
REQUIRED_WEAK = replace(TRUST, allow_weak=True)


def verify(document: bytes, trust: TrustSnapshot = OPTIONAL) -> Verified:
    return signed_part(document, trust, NOW, odd=True)


def refused(document: bytes, trust: TrustSnapshot = OPTIONAL) -> str:
    with pytest.raises(Untrusted) as error:
        verify(document, trust)
    return error.value.where


def template(
    uri: str,
    digest: bytes,
    party=SIGNER,
    *,
    enveloped: bool = True,
    method: str = RSA_SHA256,
    hashed: str = "sha256",
    c14n: str = EXC,
) -> str:
    first = f'<ds:Transform Algorithm="{ENVELOPED}"/>' if enveloped else ""
    return (
        f'<ds:Signature xmlns:ds="{DS[1:-1]}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{c14n}"/>'
        f'<ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="{uri}"><ds:Transforms>{first}'
        f'<ds:Transform Algorithm="{c14n}"/></ds:Transforms><ds:DigestMethod Algorithm="{DIGESTS[hashed]}"/>'
        f"<ds:DigestValue>{b64(digest)}</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue/>"
        f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{b64(der(party))}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
    )


def valued(signature: etree._Element, party=SIGNER, method: str = RSA_SHA256, c14n: str = EXC) -> etree._Element:
    octets = canonical(signature.find(f"{DS}SignedInfo"), c14n)
    signature.find(f"{DS}SignatureValue").text = b64(signed_by(party.key, octets, method))
    return signature


def over_part(document: bytes = DOCUMENT, *, inside: str = "Body/Content/Result", party=SIGNER, **way) -> bytes:
    """Sign the content by its id; the signature stands at a path."""
    root = etree.fromstring(document)
    part = root.find("Body/Content")
    digest = hashlib.new(way.get("hashed", "sha256"), canonical(part, way.get("c14n", EXC))).digest()
    signature = etree.fromstring(template("#noi-dung", digest, party, enveloped="Content" in inside, **way))
    root.find(inside).append(signature)
    valued(signature, party, way.get("method", RSA_SHA256), way.get("c14n", EXC))
    return etree.tostring(root)


def bare(document: bytes = DOCUMENT, *, slot: str = "SystemSignature", without_slot: bool = False, party=SIGNER, **way) -> bytes:
    """Sign the document as vehicle inspection's systems do: SignedInfo and the rest right in the slot."""
    root = etree.fromstring(document)
    if without_slot:
        root.remove(root.find(slot))
    c14n = way.get("c14n", C14N)
    digest = hashlib.new(way.get("hashed", "sha256"), canonical(root, c14n)).digest()
    if without_slot:
        etree.SubElement(root, slot)
    signature = etree.fromstring(template("", digest, party, **{"c14n": c14n, **way}))
    place = root.find(slot)
    place.extend(list(signature))
    place.find(f"{DS}SignatureValue").text = b64(
        signed_by(party.key, canonical(place.find(f"{DS}SignedInfo"), c14n), way.get("method", RSA_SHA256))
    )
    return etree.tostring(root)


# --- over the whole, wherever it stands ----------------------------------------------------------------------------


@pytest.mark.parametrize("slot", ["", "Header/Signature", "Body/Signature", "SystemSignature"])
def test_ours_is_put_where_it_is_wanted_and_read_there(slot: str) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer, slot=slot)

    verified = verify(signed, TRUST)

    assert etree.fromstring(signed).find(f"{slot or '.'}/{DS}Signature") is not None
    assert verified.verdict.indication == "TOTAL-PASSED" and verified.verdict.covers == ""
    assert verified.verdict.algorithm == "RSA-SHA256"
    assert etree.tostring(etree.fromstring(DOCUMENT), method="c14n") == verified.signed_bytes
    assert refused(signed.replace(b"<Fee>100", b"<Fee>900"), TRUST).startswith("TOTAL-FAILED")


@pytest.mark.parametrize("slot", ["Body/Signature", "SystemSignature"])
def test_xmlsec1_reads_ours_in_a_slot(slot: str, tmp_path: Path) -> None:
    (tmp_path / "signed.xml").write_bytes(sign_xml(DOCUMENT, SIGNER.signer, slot=slot))
    (tmp_path / "signer.pem").write_bytes(SIGNER.certificate.public_bytes(Encoding.PEM))

    done = subprocess.run(
        [tool("xmlsec1"), "--verify", "--pubkey-cert-pem", "signer.pem", "signed.xml"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_a_place_that_is_not_there_or_not_empty_is_refused() -> None:
    for slot, document in (("Body/Nothing", DOCUMENT), ("Body/Content", DOCUMENT)):
        with pytest.raises(InvalidMessage):
            sign_xml(document, SIGNER.signer, slot=slot)


@pytest.mark.parametrize("text", [b"", b"hashcode", b"  ", b"c2lnbmF0dXJl"])
def test_empty_slots_and_texts_are_no_signature(text: bytes) -> None:
    document = DOCUMENT.replace(b"<SystemSignature/>", b"<SystemSignature>" + text + b"</SystemSignature>")

    assert verify(document).verdict.indication == "NOT-SIGNED"
    assert refused(document, TRUST) == "NOT-SIGNED"


# --- over a part ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", ["Body/Content/Result", "Body/Signature", "Header/Signature", "."])
def test_a_signature_over_a_part_is_verified_and_leaves_the_document_unsigned(inside: str) -> None:
    signed = over_part(inside=inside)

    verified = verify(signed)

    verdict = verified.verdict
    assert (verdict.indication, verdict.covers) == ("NOT-SIGNED", "/Envelope/Body/Content")
    assert (verdict.signer, verdict.algorithm, verdict.weak) == ("CN=Signer", "RSA-SHA256", False)
    assert verified.signed_bytes == signed
    assert verified.certificate == b"", "no evidence that the document was signed"
    assert refused(signed, TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_xmlsec1_agrees_about_a_part(tmp_path: Path) -> None:
    for name, document, expected in (("good", over_part(), 0), ("bad", over_part().replace(b"<Fee>100", b"<Fee>900"), 1)):
        (tmp_path / f"{name}.xml").write_bytes(document)
        (tmp_path / "signer.pem").write_bytes(SIGNER.certificate.public_bytes(Encoding.PEM))
        command = [tool("xmlsec1"), "--verify", "--pubkey-cert-pem", "signer.pem", "--id-attr:Id", "Content", f"{name}.xml"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode != 0) == bool(expected), done.stderr


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda one: one.replace(b"<Fee>100", b"<Fee>900"), "TOTAL-FAILED/HASH_FAILURE"),
        (lambda one: one.replace(b"<Header>", b'<Header Id="noi-dung">'), "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"),
        (lambda one: one.replace(b"<Header>", b'<Header id="noi-dung">'), "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"),
        (lambda one: one.replace(b'Id="noi-dung"', b'Id="khac"'), "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"),
        (lambda one: one.replace(b'URI="#noi-dung"', b'URI="#xpointer(/)"'), "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"),
        (lambda one: one.replace(b'URI="#noi-dung"', b'URI=""'), "TOTAL-FAILED/HASH_FAILURE"),
        (
            lambda one: one.replace(b"<Header>", b"<Header>" + one[one.index(b"<ds:S") : one.index(b"</ds:Signature>") + 15]),
            "TOTAL-FAILED/FORMAT_FAILURE",
        ),
    ],
    ids=["changed", "id twice", "id twice by another name", "no such id", "xpointer", "claimed for the whole", "two signatures"],
)
def test_attacks_on_a_signature_over_a_part(change, expected: str) -> None:
    attacked = change(over_part())
    assert refused(attacked) in (expected, "TOTAL-FAILED/SIG_CRYPTO_FAILURE", "TOTAL-FAILED/HASH_FAILURE")
    assert refused(attacked, TRUST) != "NOT-SIGNED"


def test_a_signed_part_that_is_moved_aside_does_not_speak_for_what_is_read() -> None:
    """The classic wrapping: the signed content lies elsewhere, another one is read; the verdict says what is covered."""
    root = etree.fromstring(over_part(inside="Body/Signature"))
    body = root.find("Body")
    signed = body.find("Content")
    body.remove(signed)
    evil = etree.fromstring("<Content><Result><NSWFileCode>QG1</NSWFileCode><Fee>1</Fee></Result></Content>")
    body.insert(0, evil)
    root.find("Header").append(signed)

    verdict = verify(etree.tostring(root)).verdict

    assert (verdict.indication, verdict.covers) == ("NOT-SIGNED", "/Envelope/Header/Content")
    assert refused(etree.tostring(root), TRUST) == "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"


def test_a_stranger_signs_no_part() -> None:
    assert refused(over_part(party=ATTACKER)).startswith("INDETERMINATE")


def test_old_algorithms_are_read_where_that_is_allowed_and_said_to_be_weak() -> None:
    signed = over_part(method=RSA_SHA1, hashed="sha1", c14n=C14N)

    assert refused(signed) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"
    verdict = verify(signed, WEAK).verdict
    assert (verdict.weak, verdict.algorithm, verdict.covers) == (True, "RSA-SHA1", "/Envelope/Body/Content")


# --- bare ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [{"slot": "SystemSignature"}, {"slot": "Body/Signature"}, {"without_slot": True}])
def test_a_bare_signature_is_recognised_and_what_it_covers_is_what_goes_on(way: dict) -> None:
    verified = verify(bare(**way), TRUST)

    assert verified.verdict.indication == "TOTAL-PASSED"
    assert b"SignedInfo" not in verified.signed_bytes and b"<Fee>100</Fee>" in verified.signed_bytes


def test_a_bare_signature_by_sha1_is_weak() -> None:
    signed = bare(method=RSA_SHA1, hashed="sha1")

    assert refused(signed, TRUST) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"
    assert verify(signed, REQUIRED_WEAK).verdict.weak


def test_the_canned_signature_never_verifies() -> None:
    """The same constant in every message: right for one text that nobody has, wrong for every other."""
    example = b"<Envelope><Body><Content><Example/></Content></Body><SystemSignature/></Envelope>"
    canned = bare(example, method=RSA_SHA1, hashed="sha1")
    slot = canned[canned.index(b"<SystemSignature") : canned.index(b"</Envelope>")]

    for trust in (WEAK, REQUIRED_WEAK):
        for number in range(3):
            document = DOCUMENT.replace(b"QG1", b"QG%d" % number).replace(b"<SystemSignature/>", slot)
            assert refused(document, trust) == "TOTAL-FAILED/HASH_FAILURE"
    none = replace(TRUST, policy="none")
    assert verify(DOCUMENT.replace(b"<SystemSignature/>", slot), none).verdict.indication == "NOT-CHECKED"


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.replace(b"<Fee>100", b"<Fee>900"),
        lambda one: one.replace(b"<SystemSignature>", b"<SystemSignature>hashcode"),
        lambda one: one.replace(b"<SystemSignature>", b"<Other>").replace(b"</SystemSignature>", b"</Other>"),
        lambda one: one.replace(b'URI=""', b'URI="#noi-dung"'),
        lambda one: one.replace(b"xmlns:ds=", b"xmlns:x=").replace(b"ds:", b""),
        lambda one: one.replace(ENVELOPED.encode(), C14N.encode()),
        lambda one: one.replace(b"<Fee>", one[one.index(b"<ds:SignedInfo") : one.index(b"</ds:SignedInfo>") + 16] + b"<Fee>"),
    ],
    ids=["changed", "text beside", "another place", "a part", "no namespace", "no enveloped transform", "twice"],
)
def test_attacks_on_a_bare_signature(change) -> None:
    attacked = change(bare())
    assert attacked != bare()
    for trust in (TRUST, OPTIONAL):
        with pytest.raises(Untrusted):
            verify(attacked, trust)


def test_a_bare_signature_beside_another_is_refused() -> None:
    both = bare().replace(b"</Envelope>", etree.tostring(etree.fromstring(template("", b"0" * 32))) + b"</Envelope>")

    assert refused(both) == "TOTAL-FAILED/FORMAT_FAILURE"


def test_other_protocols_read_neither() -> None:
    for document in (over_part(), bare()):
        with pytest.raises(Untrusted):
            signed_part(document, TRUST, NOW)
    with pytest.raises(Untrusted):
        signed_part(over_part(), OPTIONAL, NOW)
