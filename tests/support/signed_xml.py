"""XML signatures of other people's making: XML-DSig and XAdES put together by hand, so that a test can bend every piece."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from asn1crypto import cms, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
XADES_141 = "{http://uri.etsi.org/01903/v1.4.1#}"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
RSA_SHA256, ECDSA_SHA256 = f"{MORE}rsa-sha256", f"{MORE}ecdsa-sha256"
PSS_SHA256 = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
DIGESTS = {
    "sha1": "http://www.w3.org/2000/09/xmldsig#sha1",
    "sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha384": f"{MORE}sha384",
    "sha512": "http://www.w3.org/2001/04/xmlenc#sha512",
}
SIGNED_AT = "2026-03-02T09:15:04+07:00"

#: Given the signature's element, may change anything; what it changes is signed (``before``) or not (``after``).
Change = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a signature is made; the usual one is XAdES-B-B by RSA with exclusive canonicalisation."""

    xades: bool = True
    method: str = RSA_SHA256
    digest: str = "sha256"
    #: Digest by which the signed properties name the signer's certificate.
    named_by: str = "sha256"
    #: ``SigningCertificate`` in the older form (ETSI TS 101 903, 1.3.2).
    named_in: str = "SigningCertificateV2"
    c14n: str = EXC
    #: Canonicalisation transform of the signed properties; empty = none.
    properties_c14n: str = EXC
    properties_first: bool = False
    signed_at: str = SIGNED_AT
    uri: str = ""
    certificates: tuple[Any, ...] = ()
    #: Prefix of the signature's namespace; empty = it is the default namespace, as .NET and Java write it.
    prefix: str = "ds"
    #: Tag below which the signature is put; empty = the root.
    below: str = ""
    before: Change = lambda signature: None
    after: Change = lambda signature: None


B_B = Way()
PLAIN = replace(B_B, xades=False)


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def der(party: Any) -> bytes:
    return party.certificate.public_bytes(Encoding.DER)


def canonical(element: etree._Element, algorithm: str) -> bytes:
    if algorithm != EXC:  # lxml forgets a default namespace that comes from an ancestor
        element = etree.fromstring(etree.tostring(element, encoding="UTF-8", with_tail=False))
    return etree.tostring(element, method="c14n", exclusive=algorithm == EXC, with_comments=False, with_tail=False)


def sign(document: bytes, party: Any, way: Way = B_B, **changed: Any) -> bytes:
    """Sign a document in a way; ``changed``: fields of the way."""
    way = replace(way, **changed)
    root = etree.fromstring(document, etree.XMLParser(remove_comments=True))
    content = hashlib.new(way.digest, canonical(root, way.c14n)).digest()
    template = _template(party, way, b64(content))
    if not way.prefix:
        template = template.replace("<ds:", "<").replace("</ds:", "</").replace("xmlns:ds=", "xmlns=")
    signature = etree.fromstring(template)
    (root.find(f".//{way.below}") if way.below else root).append(signature)
    way.before(signature)
    _fill(signature, party, way)
    way.after(signature)
    return etree.tostring(root, encoding="UTF-8")


def _template(party: Any, way: Way, content: str) -> str:
    transform = f'<ds:Transform Algorithm="{way.c14n}"/>'
    digest = f'<ds:DigestMethod Algorithm="{DIGESTS[way.digest]}"/><ds:DigestValue>{{}}</ds:DigestValue></ds:Reference>'
    references = [
        f'<ds:Reference Id="r-content" URI="{way.uri}"><ds:Transforms><ds:Transform Algorithm="{ENVELOPED}"/>{transform}'
        "</ds:Transforms>" + digest.format(content)
    ]
    if way.xades:
        own = f'<ds:Transforms><ds:Transform Algorithm="{way.properties_c14n}"/></ds:Transforms>' if way.properties_c14n else ""
        references.append(f'<ds:Reference Type="{SIGNED_PROPERTIES}" URI="#sig-properties">{own}' + digest.format(""))
    listed = "".join(
        f"<ds:X509Certificate>{b64(each.public_bytes(Encoding.DER))}</ds:X509Certificate>"
        for each in way.certificates or (party.certificate,)
    )
    if way.properties_first:
        references.reverse()
    return (
        f'<ds:Signature xmlns:ds="{DS[1:-1]}" Id="sig"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{way.c14n}"/>'
        f'<ds:SignatureMethod Algorithm="{way.method}"/>{"".join(references)}</ds:SignedInfo>'
        f"<ds:SignatureValue/><ds:KeyInfo><ds:X509Data>{listed}</ds:X509Data></ds:KeyInfo>"
        f"{_object(party, way) if way.xades else ''}</ds:Signature>"
    )


def _object(party: Any, way: Way) -> str:
    named = b64(hashlib.new(way.named_by, der(party)).digest())
    return (
        f'<ds:Object><xades:QualifyingProperties xmlns:xades="{XADES[1:-1]}" Target="#sig">'
        '<xades:SignedProperties Id="sig-properties"><xades:SignedSignatureProperties>'
        f"<xades:SigningTime>{way.signed_at}</xades:SigningTime><xades:{way.named_in}><xades:Cert><xades:CertDigest>"
        f'<ds:DigestMethod Algorithm="{DIGESTS[way.named_by]}"/><ds:DigestValue>{named}</ds:DigestValue></xades:CertDigest>'
        f"</xades:Cert></xades:{way.named_in}></xades:SignedSignatureProperties><xades:SignedDataObjectProperties>"
        '<xades:DataObjectFormat ObjectReference="#r-content"><xades:MimeType>text/xml</xades:MimeType></xades:DataObjectFormat>'
        "</xades:SignedDataObjectProperties></xades:SignedProperties></xades:QualifyingProperties></ds:Object>"
    )


def _fill(signature: etree._Element, party: Any, way: Way) -> None:
    info = signature.find(f"{DS}SignedInfo")
    for reference in info.iterfind(f"{DS}Reference[@Type='{SIGNED_PROPERTIES}']"):
        properties = signature.find(f".//{XADES}SignedProperties")
        octets = canonical(properties, way.properties_c14n or C14N)
        reference.find(f"{DS}DigestValue").text = b64(hashlib.new(way.digest, octets).digest())
    value = signed_by(party.key, canonical(info, way.c14n), way.method)
    signature.find(f"{DS}SignatureValue").text = b64(value)


def signed_by(key: Any, octets: bytes, method: str) -> bytes:
    """Sign octets as an algorithm of XML signatures says; the hash is in its name."""
    bits = next((each for each in ("256", "384", "512") if f"sha{each}" in method), "1")
    hashed = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512(), "1": hashes.SHA1()}[bits]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        return b"".join(each.to_bytes(size, "big") for each in decode_dss_signature(key.sign(octets, ec.ECDSA(hashed))))
    if method.endswith("MGF1"):
        return key.sign(octets, padding.PSS(padding.MGF1(hashed), hashed.digest_size), hashed)
    return key.sign(octets, padding.PKCS1v15(), hashed)


# --- unsigned properties ------------------------------------------------------------------------------------------


def unsigned(signature: etree._Element) -> etree._Element:
    """Find or make the UnsignedSignatureProperties of a signature."""
    qualifying = signature.find(f"{DS}Object/{XADES}QualifyingProperties")
    found = qualifying.find(f"{XADES}UnsignedProperties/{XADES}UnsignedSignatureProperties")
    if found is not None:
        return found
    return etree.SubElement(etree.SubElement(qualifying, f"{XADES}UnsignedProperties"), f"{XADES}UnsignedSignatureProperties")


def stamp(signature: etree._Element, tsa: Any, *, c14n: str = EXC, over: bytes | None = None, **made: Any) -> etree._Element:
    """Put a signature time stamp into a signature; ``over``: other octets than its own value."""
    holder = etree.SubElement(unsigned(signature), f"{XADES}SignatureTimeStamp")
    if c14n:
        etree.SubElement(holder, f"{DS}CanonicalizationMethod", Algorithm=c14n)
    octets = canonical(signature.find(f"{DS}SignatureValue"), c14n or C14N) if over is None else over
    etree.SubElement(holder, f"{XADES}EncapsulatedTimeStamp").text = b64(token(tsa, octets, **made))
    return holder


def values(
    signature: etree._Element, certificates: Sequence[bytes] = (), crls: Sequence[bytes] = (), ocsps: Sequence[bytes] = ()
) -> None:
    """Put long-term data into a signature."""
    beside = unsigned(signature)
    if certificates:
        _encapsulate(etree.SubElement(beside, f"{XADES}CertificateValues"), "EncapsulatedX509Certificate", certificates)
    if crls or ocsps:
        holder = etree.SubElement(beside, f"{XADES}RevocationValues")
        if crls:
            _encapsulate(etree.SubElement(holder, f"{XADES}CRLValues"), "EncapsulatedCRLValue", crls)
        if ocsps:
            _encapsulate(etree.SubElement(holder, f"{XADES}OCSPValues"), "EncapsulatedOCSPValue", ocsps)


def _encapsulate(holder: etree._Element, name: str, octets: Sequence[bytes]) -> None:
    for each in octets:
        etree.SubElement(holder, XADES + name).text = b64(each)


def token(tsa: Any, octets: bytes, *, at: datetime, digest: str = "sha256") -> bytes:
    """Make a time-stamp token (RFC 3161) over octets, DER."""
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.2.3.4",
            "message_imprint": {
                "hash_algorithm": {"algorithm": digest},
                "hashed_message": hashlib.new(digest, octets).digest(),
            },
            "serial_number": 7,
            "gen_time": at,
        }
    ).dump()
    named = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(der(tsa)).digest()}]})
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
            {"type": "signing_certificate_v2", "values": [named]},
        ]
    )
    loaded = asn1_x509.Certificate.load(der(tsa))
    sid = cms.IssuerAndSerialNumber({"issuer": loaded.issuer, "serial_number": loaded.serial_number})
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier("issuer_and_serial_number", sid),
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
        "signature": tsa.key.sign(attributes.dump(), padding.PKCS1v15(), hashes.SHA256()),
    }
    data = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(info)},
            "certificates": [cms.CertificateChoices("certificate", each) for each in (loaded, *_between(tsa))],
            "signer_infos": [signer],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()


def _between(tsa: Any) -> list[asn1_x509.Certificate]:
    return [asn1_x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in tsa.path[:-1]]
