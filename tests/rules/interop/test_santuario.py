"""XML signatures between us, Apache Santuario and the JDK's own XML-DSig: each accepts what the other makes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree

from hub.rules.signatures import signed_part
from hub.rules.signing import sign_xades, sign_xml
from tests.support import santuario, signed_xml
from tests.support.santuario import ACCEPTED, REFUSED
from tests.support.signed_xml import C14N, C14N_11, ECDSA_SHA256, EXC, MORE, PSS_SHA256, RSA_SHA1, RSA_SHA256
from tests.support.signers import AUTHORITY, DOCUMENT, EC_SIGNER, NOW, SIGNED, SIGNER, TRUST, WEAK, Party, refusal

P384 = Party("Long curve", AUTHORITY, key=ec.generate_private_key(ec.SECP384R1()))
P521 = Party("Longest curve", AUTHORITY, key=ec.generate_private_key(ec.SECP521R1()))
DOCUMENTS = {
    "usual": DOCUMENT,
    "prefixed": '<p:E xmlns:p="urn:p" xmlns="urn:d" xmlns:more="urn:u"><a p:k="1">&#13; &lt;Hồ</a><b xmlns=""/></p:E>'.encode(),
    "by id": b'<E Id="x"><a>1</a><!-- c --></E>',
}

# --- they accept what we sign -------------------------------------------------------------------------------------

OURS = {
    "RSA": lambda document: sign_xml(document, SIGNER.signer),
    "RSA-SHA512": lambda document: sign_xml(document, SIGNER.signer, "RSA-SHA512"),
    "RSA-PSS": lambda document: sign_xml(document, SIGNER.signer, "RSA-PSS-SHA256"),
    "ECDSA": lambda document: sign_xml(document, EC_SIGNER.signer),
    "ECDSA-P521": lambda document: sign_xml(document, P521.signer),
    "XAdES RSA": lambda document: sign_xades(document, SIGNER.signer, NOW),
    "XAdES RSA-PSS": lambda document: sign_xades(document, SIGNER.signer, NOW, algorithm="RSA-PSS-SHA256"),
    "XAdES ECDSA": lambda document: sign_xades(document, EC_SIGNER.signer, NOW),
}
#: Santuario has RSASSA-PSS by these names only with a cryptographic provider that is not here.
ONLY_BY_THE_JDK = "PSS"


@pytest.fixture(scope="module")
def said_of_ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Ask once about everything: starting Java takes longer than all signatures."""
    folder = tmp_path_factory.mktemp("ours")
    for how, sign in OURS.items():
        for what, document in DOCUMENTS.items():
            (folder / f"{how} {what}.xml").write_bytes(sign(document))
    (folder / "changed.xml").write_bytes(SIGNED.replace(b"m-1", b"m-2"))
    return santuario.verify(sorted(folder.iterdir()))


@pytest.mark.parametrize("how", OURS)
@pytest.mark.parametrize("what", DOCUMENTS)
def test_they_accept_what_we_sign(said_of_ours: dict[str, tuple[str, str]], how: str, what: str):
    said = said_of_ours[f"{how} {what}.xml"]

    assert said == ACCEPTED or (ONLY_BY_THE_JDK in how and said[1] == ACCEPTED[1]), said


def test_they_refuse_what_was_changed(said_of_ours: dict[str, tuple[str, str]]):
    assert said_of_ours["changed.xml"] == REFUSED


# --- we accept what they sign -------------------------------------------------------------------------------------

SHA256, SHA512, SHA1 = (signed_xml.DIGESTS[name] for name in ("sha256", "sha512", "sha1"))
#: Not the longest curve: Java before 18 leaves out zeros at the front, which W3C XML Signature 1.1, 6.4.3 does not allow.
PARTIES = {"rsa": SIGNER, "ec": EC_SIGNER, "p384": P384}
USUAL = {"key": "rsa", "method": RSA_SHA256, "digest": SHA256, "c14n": EXC, "transform": EXC}
INCLUSIVE = {"c14n": C14N, "transform": C14N}
XADES = {"xades": "last", "named_in": "SigningCertificateV2", "properties_c14n": EXC}
THEIRS: dict[str, dict[str, str]] = {
    "usual": {},
    "inclusive": INCLUSIVE,
    "inclusive 1.1": {"c14n": C14N_11, "transform": C14N_11},
    "mixed": {"c14n": C14N},
    "prefix list": {"prefixes": "p #default"},
    "no transform": {"c14n": C14N, "transform": ""},
    "key value": {"keyvalue": "yes"},
    "SHA-512": {"method": f"{MORE}rsa-sha512", "digest": SHA512},
    "ECDSA": {"key": "ec", "method": ECDSA_SHA256},
    "ECDSA P-384": {"key": "p384", "method": f"{MORE}ecdsa-sha384"},
    "JDK": {"by": "jdk"},
    "JDK inclusive": {"by": "jdk", **INCLUSIVE},
    "JDK RSA-PSS": {"by": "jdk", "method": PSS_SHA256},
    "XAdES": XADES,
    "XAdES first": {**XADES, "xades": "first"},
    "XAdES inclusive": {**XADES, **INCLUSIVE, "properties_c14n": C14N},
    "XAdES no transform": {"xades": "last", "named_in": "SigningCertificateV2", **INCLUSIVE},
    "XAdES older": {**XADES, "named_in": "SigningCertificate"},
    "XAdES ECDSA": {**XADES, "key": "ec", "method": ECDSA_SHA256},
}


@pytest.fixture(scope="module")
def signed_by_them(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    folder = tmp_path_factory.mktemp("theirs")
    jobs = []
    for what, document in DOCUMENTS.items():
        (folder / f"{what}.source").write_bytes(document)
        for how, changed in {**THEIRS, "SHA-1": {"method": RSA_SHA1, "digest": SHA1}}.items():
            job = {**USUAL, **changed, "in": str(folder / f"{what}.source"), "out": str(folder / f"{how} {what}.xml")}
            if what == "by id":
                job["uri"] = "#x"
            jobs.append({key: value for key, value in job.items() if value})
    santuario.sign(folder, PARTIES, jobs)
    return {each.stem: each.read_bytes() for each in folder.glob("*.xml")}


@pytest.mark.parametrize("how", THEIRS)
@pytest.mark.parametrize("what", DOCUMENTS)
def test_we_accept_what_they_sign(signed_by_them: Mapping[str, bytes], how: str, what: str):
    verified = signed_part(signed_by_them[f"{how} {what}"], TRUST, NOW)

    assert verified.verdict.indication == "TOTAL-PASSED"
    assert verified.verdict.level == ("XAdES-B-B" if "XAdES" in how else "XML-DSig")
    # What is read afterwards is the document that they were given.
    exclusive = THEIRS[how].get("transform", EXC) == EXC
    given = etree.fromstring(DOCUMENTS[what])
    assert etree.tostring(etree.fromstring(verified.signed_bytes), method="c14n", exclusive=True) == etree.tostring(
        given, method="c14n", exclusive=True, with_comments=False
    )
    assert (b"urn:u" in verified.signed_bytes) == (what == "prefixed" and not exclusive)


@pytest.mark.parametrize("what", DOCUMENTS)
def test_their_old_signatures_are_read_where_allowed(signed_by_them: Mapping[str, bytes], what: str):
    signed = signed_by_them[f"SHA-1 {what}"]

    assert signed_part(signed, WEAK, NOW).verdict.weak is True
    assert refusal(signed) == "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize("how", THEIRS)
def test_what_they_signed_and_somebody_changed_is_refused(signed_by_them: Mapping[str, bytes], how: str):
    changed = signed_by_them[f"{how} usual"].replace(b"m-1", b"m-2")

    assert refusal(changed) == "TOTAL-FAILED/HASH_FAILURE"
