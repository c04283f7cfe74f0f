"""XML signatures between us and xmlsec1, a program that others wrote."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod

from hub.rules.signatures import signed_part
from hub.rules.signing import sign_xades, sign_xml
from tests.support.signed_xml import XADES
from tests.support.signers import (
    AUTHORITY,
    C14N,
    DOCUMENT,
    EC_SIGNER,
    ENVELOPED,
    EXC,
    NOW,
    SIGNER,
    TRUST,
    WEAK,
    Party,
    refusal,
    tool,
)


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER])
@pytest.mark.parametrize(
    "document", [DOCUMENT, b'<p:E xmlns:p="urn:p" xmlns="urn:d"><a>&#13; &lt;</a></p:E>', b'<E Id="x"><a>1</a></E>']
)
def test_xmlsec1_accepts_what_we_sign(party: Party, document: bytes, tmp_path: Path):
    xmlsec1 = tool("xmlsec1")
    _, anchor = AUTHORITY.write(tmp_path)
    signed = tmp_path / "signed.xml"
    signed.write_bytes(sign_xml(document, party.signer))
    command = [xmlsec1, "--verify", "--trusted-pem", str(anchor), "--enabled-key-data", "x509", "--id-attr:Id", "E"]
    at = ["--verification-gmt-time", NOW.strftime("%Y-%m-%d %H:%M:%S")]

    done = subprocess.run([*command, *at, str(signed)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    signed.write_bytes(signed.read_bytes().replace(b"</", b"evil</", 1))
    assert subprocess.run([*command, *at, str(signed)], capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER])
def test_xmlsec1_accepts_our_xades(party: Party, tmp_path: Path):
    """It knows no XAdES, and checks both references all the same; the id of the properties has to be told."""
    _, anchor = AUTHORITY.write(tmp_path)
    signed = tmp_path / "signed.xml"
    signed.write_bytes(sign_xades(DOCUMENT, party.signer, NOW))
    ids = ["--id-attr:Id", f"{XADES[1:-1]}:SignedProperties"]
    at = ["--verification-gmt-time", NOW.strftime("%Y-%m-%d %H:%M:%S")]
    command = [tool("xmlsec1"), "--verify", "--trusted-pem", str(anchor), *ids, *at, str(signed)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2/2" in done.stdout + done.stderr

    signed.write_bytes(re.sub(rb"(SigningTime>)20", rb"\g<1>19", signed.read_bytes(), count=1))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


TEMPLATE = """<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
  <ds:CanonicalizationMethod Algorithm="{c14n}"/><ds:SignatureMethod Algorithm="{method}"/>
  <ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="{enveloped}"/>{transform}</ds:Transforms>
    <ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>
  <ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo></ds:Signature>"""
PREFIXED = f'<ds:Transform Algorithm="{EXC}"><c:InclusiveNamespaces xmlns:c="{EXC}" PrefixList="xsi q"/></ds:Transform>'


def xmlsec1_signs(folder: Path, party: Party, document: str, **given: str) -> bytes:
    xmlsec1 = tool("xmlsec1")
    key, certificate = party.write(folder)
    filled = {
        "c14n": EXC,
        "method": SignatureMethod.RSA_SHA256.value,
        "digest": DigestAlgorithm.SHA256.value,
        "transform": f'<ds:Transform Algorithm="{EXC}"/>',
        "enveloped": ENVELOPED,
        **given,
    }
    template = TEMPLATE.format(**filled)
    if given.get("prefix") == "":  # as .NET writes it
        template = template.replace("<ds:", "<").replace("</ds:", "</").replace("xmlns:ds=", "xmlns=")
    (folder / "template.xml").write_text(document.replace("SIGNATURE", template))
    command = [xmlsec1, "--sign", "--privkey-pem", f"{key},{certificate}", "--output", "signed.xml", "template.xml"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (folder / "signed.xml").read_bytes()


@pytest.mark.parametrize(
    ("party", "given"),
    [
        (SIGNER, {}),
        (SIGNER, {"c14n": C14N, "transform": ""}),
        (SIGNER, {"c14n": C14N, "transform": f'<ds:Transform Algorithm="{C14N}"/>'}),
        (SIGNER, {"transform": PREFIXED}),
        (SIGNER, {"transform": PREFIXED.replace("xsi q", "#default xsi")}),
        (SIGNER, {"prefix": ""}),
        (SIGNER, {"prefix": "", "c14n": C14N, "transform": f'<ds:Transform Algorithm="{C14N}"/>'}),
        (SIGNER, {"method": SignatureMethod.RSA_SHA512.value, "digest": DigestAlgorithm.SHA512.value}),
        (EC_SIGNER, {"method": SignatureMethod.ECDSA_SHA256.value}),
    ],
)
def test_we_accept_what_xmlsec1_signs(party: Party, given: dict[str, str], tmp_path: Path):
    document = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<E xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:q="urn:q">'
        "<a xsi:nil='true'/><b q:x='1'>Hồ sơ &amp; giấy tờ<!-- c --></b><Body>SIGNATURE</Body>\n</E>"
    )

    verified = signed_part(xmlsec1_signs(tmp_path, party, document, **given), TRUST, NOW)

    assert verified.verdict.indication == "TOTAL-PASSED"
    assert etree.fromstring(verified.signed_bytes).findtext("b") == "Hồ sơ & giấy tờ"
    assert re.search(rb"<Body></Body>\n</E>$", verified.signed_bytes)


def test_old_signatures_of_xmlsec1_are_read_where_allowed(tmp_path: Path):
    old = {"method": SignatureMethod.RSA_SHA1.value, "digest": DigestAlgorithm.SHA1.value, "c14n": C14N, "transform": ""}
    signed = xmlsec1_signs(tmp_path, SIGNER, "<E><a>1</a>SIGNATURE</E>", **old)

    assert signed_part(signed, WEAK, NOW).verdict.weak is True
    assert refusal(signed) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"
