"""What the hub signs: every profile and algorithm is accepted by our own reading and by programs that others wrote."""

from __future__ import annotations

import hashlib
import subprocess
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod
from signxml.xades import XAdESSignatureConfiguration, XAdESVerifier

from hub.errors import BadSettings, CannotSign, InvalidMessage
from hub.rules import algorithms, timestamps, xml
from hub.rules.signatures import signed_part, verify_jws
from hub.rules.signing import Ring, in_memory, sign_jws, sign_xades, sign_xml
from hub.rules.trust import Signer, TrustSnapshot
from hub.rules.xml_signing import Policy
from tests.support import pki, santuario, tsa
from tests.support.signers import AUTHORITY, DOCUMENT, EC_SIGNER, NOW, SIGNER, TRUST, Party, tool
from tests.support.tsa import Tsa

P384 = Party("EC signer 384", AUTHORITY, key=ec.generate_private_key(ec.SECP384R1()))
P521 = Party("EC signer 521", AUTHORITY, key=ec.generate_private_key(ec.SECP521R1()))
CASES = [(SIGNER, name) for name in algorithms.NAMES if name.startswith("RSA")]
CASES += [(party, name) for party in (EC_SIGNER, P384) for name in algorithms.NAMES if name.startswith("ECDSA")]
CASES += [(P521, "")]
SHAPES = [
    b"<E/>",
    b'<E xmlns="urn:a" xmlns:b="urn:b" b:x="1">\r\n <b:c xml:lang="vi">&amp;&#13;</b:c>\n</E>',
    b'<?xml version="1.0" encoding="UTF-8"?>\n<E Id="e-1" xmlns:ds="urn:other"><ds:a/></E>',
    DOCUMENT,
]
POLICY = Policy(identifier="https://example.org/p?a=1&b='2'", digest=bytes(range(32)))
XA = {"x": "http://uri.etsi.org/01903/v1.3.2#", "ds": "http://www.w3.org/2000/09/xmldsig#"}


def by_xades(document: bytes, signer: Signer, algorithm: str, root: etree._Element | None = None) -> bytes:
    return sign_xades(document, signer, NOW, algorithm=algorithm, root=root)


BOTH = [sign_xml, by_xades]


def by_signxml(document: bytes, party: Party) -> list[bytes]:
    """Let signxml verify XAdES, the schema too; give what it says was signed."""
    allowed = XAdESSignatureConfiguration(
        expect_references=2, signature_methods=frozenset(SignatureMethod), digest_algorithms=frozenset(DigestAlgorithm)
    )
    results = XAdESVerifier().verify(document, x509_cert=party.certificate, expect_config=allowed)
    assert not isinstance(results, tuple)
    return [each.signed_data for each in results]


@pytest.mark.parametrize(("party", "algorithm"), CASES)
def test_every_algorithm_is_read_by_us_and_by_signxml(party: Party, algorithm: str):
    plain, advanced = sign_xml(DOCUMENT, party.signer, algorithm), sign_xades(DOCUMENT, party.signer, NOW, algorithm=algorithm)

    for signed, level in ((plain, "XML-DSig"), (advanced, "XAdES-B-B")):
        verified = signed_part(signed, TRUST, NOW)
        assert (verified.verdict.level, verified.verdict.algorithm) == (level, algorithm or "ECDSA-SHA512")
        assert verified.signed_bytes == etree.tostring(etree.fromstring(DOCUMENT), method="c14n", exclusive=True)
    assert by_signxml(advanced, party)[0] == signed_part(advanced, TRUST, NOW).signed_bytes


@pytest.mark.parametrize("policy", [None, POLICY], ids=["no policy", "policy"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_document_is_signed_by_xades(shape: bytes, policy: Policy | None):
    signed = sign_xades(shape, SIGNER.signer, NOW, policy=policy)

    verdict = signed_part(signed, TRUST, NOW).verdict
    assert verdict.level == "XAdES-B-B"
    assert datetime.fromisoformat(verdict.signed_at) == NOW
    assert len(by_signxml(signed, SIGNER)) >= 2
    assert signed.startswith(b"<?xml") is shape.startswith(b"<?xml")


def test_xades_says_what_level_b_must_and_names_its_policy():
    root = etree.fromstring(sign_xades(DOCUMENT, SIGNER.signer, NOW, policy=POLICY))

    (properties,) = root.iterfind(".//x:SignedProperties", XA)
    assert properties.findtext(".//x:SigningTime", namespaces=XA) == "2026-03-02T02:15:04Z"
    assert properties.find(".//x:SigningCertificateV2/x:Cert/x:CertDigest/ds:DigestValue", XA) is not None
    assert properties.findtext(".//x:SigPolicyId/x:Identifier", namespaces=XA) == POLICY.identifier
    (about,) = properties.iterfind(".//x:DataObjectFormat", XA)
    (first, second) = root.iterfind(".//ds:SignedInfo/ds:Reference", XA)
    assert (about.get("ObjectReference"), about.findtext("x:MimeType", namespaces=XA)) == (f"#{first.get('Id')}", "text/xml")
    assert second.get("URI") == f"#{properties.get('Id')}"
    assert root.find(".//x:UnsignedProperties", XA) is None


def test_two_documents_have_other_identifiers_and_one_has_always_the_same():
    """They are drawn from its digest: nothing random, and no document can hold its own."""
    signed = [etree.fromstring(sign_xades(each, SIGNER.signer, NOW)) for each in (*SHAPES, SHAPES[0])]
    found = [each.find(".//ds:Signature", XA).get("Id") for each in signed]

    assert len(set(found)) == len(SHAPES)
    assert found[0] == found[-1]


def test_certificates_of_authorities_in_between_go_with_the_signature():
    root = pki.root()
    between = pki.intermediate(root)
    leaf = pki.leaf(between)
    signer = in_memory("path", leaf.key, leaf.certificate, (between.certificate,))
    trust = TrustSnapshot(pinned=(leaf.certificate,))

    for signed in (sign_xml(DOCUMENT, signer), sign_xades(DOCUMENT, signer, NOW)):
        carried = etree.fromstring(signed).findall(".//ds:X509Certificate", XA)
        assert len(carried) == 2
        assert signed_part(signed, trust, NOW).certificate == leaf.der
    assert verify_jws(b"{}", sign_jws(b"{}", signer), trust, NOW).certificate == leaf.der


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER, P384], ids=["RSA", "P-256", "P-384"])
def test_xmlsec1_accepts_xades(party: Party, tmp_path):
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "signed.xml").write_bytes(sign_xades(DOCUMENT, party.signer, NOW, policy=POLICY))
    command = [tool("xmlsec1"), "--verify", "--trusted-pem", "ca.pem", "--verification-time", f"{NOW:%Y-%m-%d %H:%M:%S}"]
    command += ["--enabled-key-data", "x509", "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties", "signed.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "SignedInfo References (ok/all): 2/2" in done.stderr + done.stdout


def test_santuario_and_the_jdk_accept_what_we_sign_and_nothing_that_was_changed(tmp_path):
    files = []
    for number, (party, name) in enumerate(CASES):
        for sign, shape in ((sign_xml, DOCUMENT), (by_xades, SHAPES[1])):
            files.append(tmp_path / f"{sign.__name__}{number}-{name}.xml")
            files[-1].write_bytes(sign(shape, party.signer, name))
    changed = tmp_path / "changed.xml"
    changed.write_bytes(sign_xades(DOCUMENT, SIGNER.signer, NOW).replace(b"2026-03-02T02:15:04Z", b"2026-03-02T02:15:05Z"))
    said = santuario.verify([*files, changed])

    assert said.pop("changed.xml") == santuario.REFUSED
    # Santuario has RSA-PSS only where Java has a further provider of algorithms; the JDK by itself.
    alone = {name for name in said if "-PSS" in name}
    assert len(alone) == 6
    assert {name for name, words in said.items() if words != santuario.ACCEPTED} == alone
    assert {said[name][1] for name in alone} == {"true"}


# --- time tokens ----------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path) -> Tsa:
    return Tsa(tmp_path)


def test_a_time_token_is_over_the_signatures_value(authority: Tsa):
    """Level B-T, by openssl's authority; what is under the token is what XAdES says."""
    moment = datetime.now(UTC)
    root, _, _ = tsa.authorities()
    party = pki.leaf(pki.root("Now", at=moment), "Signer", at=moment)
    digests = []

    def stamp(digest: bytes) -> bytes:
        digests.append(digest)
        return timestamps.read_reply(authority.stamp(timestamps.request(digest, 7)), digest, 7)

    signed = sign_xades(DOCUMENT, party.signer, moment, stamp=stamp)
    trust = TrustSnapshot(pinned=(party.certificate,), stampers=(root.certificate,))
    verdict = signed_part(signed, trust, moment).verdict

    value = etree.fromstring(signed).find(".//ds:SignatureValue", XA)
    assert [timestamps.check(each, digests[0], [root.certificate]).policy for each in signed_part(signed, trust, moment).stamps]
    assert digests == [hashlib.sha256(etree.tostring(value, method="c14n", exclusive=True, with_tail=False)).digest()]
    assert verdict.level == "XAdES-B-T"
    assert abs(datetime.fromisoformat(verdict.stamped_at) - moment) < timedelta(minutes=10)
    assert len(by_signxml(signed, party)) >= 2


def test_a_document_is_not_signed_where_no_time_token_comes():
    def stamp(_digest: bytes) -> bytes:
        raise CannotSign("away", "vắng", where="timestamps")

    with pytest.raises(CannotSign):
        sign_xades(DOCUMENT, SIGNER.signer, NOW, stamp=stamp)


# --- what cannot be signed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", BOTH)
@pytest.mark.parametrize(
    ("party", "algorithm"),
    [(SIGNER, "ECDSA-SHA256"), (EC_SIGNER, "RSA-SHA256"), (EC_SIGNER, "RSA-PSS-SHA256"), (SIGNER, "RSA-SHA1")],
)
def test_an_algorithm_of_another_key_is_a_wrong_setting(sign, party: Party, algorithm: str):
    with pytest.raises(BadSettings) as told:
        sign(DOCUMENT, party.signer, algorithm)

    assert algorithm in told.value.en and algorithm in told.value.vi


def test_jws_has_one_hash_for_each_curve():
    assert verify_jws(b"{}", sign_jws(b"{}", P384.signer, "ECDSA-SHA384"), TRUST, NOW).verdict.algorithm == "ES384"
    assert verify_jws(b"{}", sign_jws(b"{}", SIGNER.signer, "RSA-SHA512"), TRUST, NOW).verdict.algorithm == "RS512"
    with pytest.raises(BadSettings):
        sign_jws(b"{}", EC_SIGNER.signer, "ECDSA-SHA384")


@pytest.mark.parametrize("sign", BOTH)
@pytest.mark.parametrize(
    "document", [b"", b"<E", b"{}", b"<E xmlns='relative'/>", b"<!DOCTYPE E><E/>", b'<E Id="1"/>', b'<E Id="a"><b id="a"/></E>']
)
def test_what_cannot_be_signed_is_an_invalid_message(sign, document: bytes):
    with pytest.raises(InvalidMessage):
        sign(document, SIGNER.signer, "")


#: What is written otherwise than it is, or might be, and letters.
TEXTS = st.text(st.sampled_from("a ế𝄞]>&<\"'\r\n\t\u0085\u2028"), max_size=12)


@given(st.dictionaries(st.sampled_from("abcde"), TEXTS | st.lists(TEXTS, max_size=2)), st.sampled_from(["", "a"]))
def test_the_tree_of_a_document_is_signed_as_the_document_is(tree: dict[str, object], slot: str):
    root = xml.from_tree("E", tree | ({slot: ""} if slot else {}))
    document = xml.serialise(root)

    plain, advanced = sign_xml(document, SIGNER.signer, slot=slot), sign_xades(document, SIGNER.signer, NOW, slot=slot)

    assert sign_xml(document, SIGNER.signer, slot=slot, root=deepcopy(root)) == plain
    assert sign_xades(document, SIGNER.signer, NOW, slot=slot, root=root) == advanced


@pytest.mark.parametrize("sign", BOTH)
def test_what_cannot_be_signed_is_refused_by_its_tree_too(sign):
    for document in (b"<E xmlns='relative'/>", b'<E Id="1"/>', b'<E Id="a"><b id="a"/></E>', sign_xml(DOCUMENT, SIGNER.signer)):
        with pytest.raises(InvalidMessage):
            sign(document, SIGNER.signer, "", root=etree.fromstring(document))


def test_a_document_is_signed_once():
    for signed in (sign_xml(DOCUMENT, SIGNER.signer), sign_xades(DOCUMENT, SIGNER.signer, NOW)):
        with pytest.raises(InvalidMessage) as told:
            sign_xades(signed, SIGNER.signer, NOW)
        assert told.value.faults[0].code == "already_signed"


def test_a_key_shows_nothing_of_itself():
    signer = SIGNER.signer

    assert "RSAPrivateKey" not in repr(signer)
    assert "RSAPrivateKey" not in repr(signer.key)
    assert str(SIGNER.key.private_numbers().d) not in repr(signer) + repr(signer.key)


# --- keys that follow each other --------------------------------------------------------------------------------------


def limited(party: Party, begins: float, ends: float):
    """Give a signer for some days from now on."""
    return replace(party.signer, valid_from=NOW + timedelta(days=begins), valid_until=NOW + timedelta(days=ends))


OLD, NEW = limited(SIGNER, -300, 10), limited(EC_SIGNER, 5, 300)


@pytest.mark.parametrize(
    ("days", "name"),
    [(0, OLD), (4.999, OLD), (5, NEW), (7, NEW), (10, NEW), (299, NEW)],
)
@pytest.mark.parametrize("order", [(OLD, NEW), (NEW, OLD)])
def test_the_next_key_takes_over_at_its_moment(order, days: float, name):
    assert Ring("default", order).at(NOW + timedelta(days=days)) is name


def test_of_two_that_began_together_the_later_one_in_the_file_signs():
    first, second = limited(SIGNER, -1, 1), limited(EC_SIGNER, -1, 2)

    assert Ring("default", (first, second)).at(NOW) is second
    assert Ring("default", (second, first)).at(NOW) is first


def test_the_old_key_goes_on_where_the_new_one_ends_before_it():
    short = limited(EC_SIGNER, 1, 2)

    assert Ring("default", (OLD, short)).at(NOW + timedelta(days=3)) is OLD


def test_a_key_that_is_not_yet_valid_is_waited_for():
    with pytest.raises(CannotSign) as told:
        Ring("default", (limited(SIGNER, -3, -1), limited(EC_SIGNER, 1, 2))).at(NOW)

    assert told.value.retry_after == 86_400
    assert "2026-03-03T09:15:04+07:00" in told.value.en and "2026-03-03T09:15:04+07:00" in told.value.vi
    assert told.value.who == "nobody"


def test_only_an_operator_can_bring_a_key_where_the_last_one_has_expired():
    with pytest.raises(BadSettings) as told:
        Ring("default", (limited(SIGNER, -3, -1), limited(EC_SIGNER, -3, -2))).at(NOW)

    assert told.value.where == "signers/default"
    assert "2026-03-01T09:15:04+07:00" in told.value.en
    assert told.value.who == "operator"


def test_a_signature_of_each_kind_for_cms_is_accepted():
    """As CMS has them: numbers of ECDSA in DER."""
    SIGNER.key.public_key().verify(SIGNER.signer.sign_sha256(b"x"), b"x", padding.PKCS1v15(), hashes.SHA256())
    EC_SIGNER.key.public_key().verify(EC_SIGNER.signer.sign_sha256(b"x"), b"x", ec.ECDSA(hashes.SHA256()))
    P521.key.public_key().verify(P521.signer.sign_sha256(b"x"), b"x", ec.ECDSA(hashes.SHA256()))
