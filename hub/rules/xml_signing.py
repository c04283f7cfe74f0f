"""The bytes of XML signatures that the hub makes: written in canonical form at once, each hashed once, and spliced in.

What is written is what is signed: every part that has a digest is put down in exclusive canonical form (W3C xml-exc-c14n),
so that whoever canonicalises it gets these very bytes. Only the document itself is canonicalised. What is made here is
verified in tests by signxml, xmlsec1 and Apache Santuario.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from xml.sax.saxutils import escape

from cryptography import x509
from lxml import etree

from hub.rules import certificates, xml
from hub.rules.algorithms import Algorithm
from hub.rules.trust import Signer

DS = "{http://www.w3.org/2000/09/xmldsig#}"
_DS_URI = "http://www.w3.org/2000/09/xmldsig#"
_XADES_URI = "http://uri.etsi.org/01903/v1.3.2#"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
#: EN 319 132-1, 4.4.2: by this Type a reference is to the signed properties.
_SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
#: Hex digits of an identifier; drawn from the document's digest, so that no document can hold it already.
_ID_DIGITS = 32

#: In a document of so many bytes, a text that is most of it is not canonicalised: that would take longer than hashing it.
_LARGE_BYTES = 16_384
#: Stands for it; what is signed here has been read without processing instructions.
_MARK = ("text", "here")
_WRITTEN_MARK = b"<?text here?>"

_TRANSFORM = '<ds:Transform Algorithm="{}"></ds:Transform>'
_EXCLUSIVE_STEP = _TRANSFORM.format(_EXCLUSIVE)
_WHOLE_STEPS = _TRANSFORM.format(_ENVELOPED) + _EXCLUSIVE_STEP
_REFERENCE = (
    '<ds:Reference {attributes}><ds:Transforms>{steps}</ds:Transforms><ds:DigestMethod Algorithm="{method}">'
    "</ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
)
_SIGNED_INFO = (
    f'<ds:SignedInfo xmlns:ds="{_DS_URI}"><ds:CanonicalizationMethod Algorithm="{_EXCLUSIVE}">'
    '</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{method}"></ds:SignatureMethod>{references}</ds:SignedInfo>'
)
_SIGNATURE = (
    f'<ds:Signature xmlns:ds="{_DS_URI}"' + "{identifier}>{info}<ds:SignatureValue>{value}</ds:SignatureValue>"
    "<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo>{object}</ds:Signature>"
)
_CERTIFICATE = "<ds:X509Certificate>{}</ds:X509Certificate>"
#: The element over which a time token is (EN 319 132-1, 5.3), in exclusive canonical form.
_VALUE_ALONE = f'<ds:SignatureValue xmlns:ds="{_DS_URI}">' + "{}</ds:SignatureValue>"

#: In canonical form ``ds`` is declared where it is first used, which is twice in here.
_DIGEST = (
    f'<ds:DigestMethod xmlns:ds="{_DS_URI}" ' + 'Algorithm="{method}"></ds:DigestMethod>'
    f'<ds:DigestValue xmlns:ds="{_DS_URI}">' + "{digest}</ds:DigestValue>"
)
#: EN 319 132-1, 6.3: what level B-B must have, in the order of the schema.
_PROPERTIES = (
    f'<xades:SignedProperties xmlns:xades="{_XADES_URI}" ' + 'Id="p-{id}"><xades:SignedSignatureProperties>'
    "<xades:SigningTime>{time}</xades:SigningTime>"
    "<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>{certificate}</xades:CertDigest></xades:Cert>"
    "</xades:SigningCertificateV2>{policy}</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>"
    '<xades:DataObjectFormat ObjectReference="#r-{id}"><xades:MimeType>text/xml</xades:MimeType></xades:DataObjectFormat>'
    "</xades:SignedDataObjectProperties></xades:SignedProperties>"
)
_POLICY = (
    "<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId><xades:Identifier>{identifier}"
    "</xades:Identifier></xades:SigPolicyId><xades:SigPolicyHash>{digest}</xades:SigPolicyHash></xades:SignaturePolicyId>"
    "</xades:SignaturePolicyIdentifier>"
)
_OBJECT = (
    f'<ds:Object><xades:QualifyingProperties xmlns:xades="{_XADES_URI}" ' + 'Target="#s-{id}">{signed}{unsigned}'
    "</xades:QualifyingProperties></ds:Object>"
)
_TIMESTAMP = (
    "<xades:UnsignedProperties><xades:UnsignedSignatureProperties><xades:SignatureTimeStamp>"
    f'<ds:CanonicalizationMethod Algorithm="{_EXCLUSIVE}"></ds:CanonicalizationMethod>'
    "<xades:EncapsulatedTimeStamp>{}</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>"
    "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules by which a signature says that it was made (EN 319 132-1, 5.2.9)."""

    #: URI of the policy: ``urn:oid:1.2.3`` or an address.
    identifier: str
    #: SHA-256 of the policy's document.
    digest: bytes


def plain(document: bytes, root: etree._Element, method: Algorithm, signer: Signer, slot: str = "") -> bytes:
    """Sign a document, read as ``root``, by XML-DSig; the signature is spliced into its bytes as the last child of the root.

    ``slot``: path of the empty element below the root in which the signature is put instead. Raises etree.LxmlError where the
    document has no canonical form.
    """
    digest = _hashed(method.digest, _canonical(document, root, slot))
    info = _info(method, _whole(root, method, digest))
    signature = _signature(info, _base64(signer.sign(info.encode(), method)), signer)
    return _spliced(document, root, signature, slot)


def xades(
    document: bytes,
    root: etree._Element,
    method: Algorithm,
    signer: Signer,
    now: datetime,
    policy: Policy | None,
    stamp: Callable[[bytes], bytes] | None = None,
    slot: str = "",
) -> bytes:
    """Sign a document by XAdES-B-B, with a time token over the signature's value by XAdES-B-T; see ``plain``."""
    octets = _canonical(document, root, slot)
    digest = _hashed(method.digest, octets)
    identifier = (digest if method.digest == "sha256" else _hashed("sha256", octets)).hex()[:_ID_DIGITS]
    properties = _properties(identifier, method, signer.certificate, now, policy)
    told = _hashed(method.digest, properties.encode())
    about = _reference(f'Type="{_SIGNED_PROPERTIES}" URI="#p-{identifier}"', _EXCLUSIVE_STEP, method, told)
    info = _info(method, _whole(root, method, digest, f'Id="r-{identifier}" ') + about)
    value = _base64(signer.sign(info.encode(), method))
    unsigned = _TIMESTAMP.format(_base64(stamp(hashlib.sha256(_VALUE_ALONE.format(value).encode()).digest()))) if stamp else ""
    qualifying = _OBJECT.format(id=identifier, signed=properties, unsigned=unsigned)
    return _spliced(document, root, _signature(info, value, signer, f' Id="s-{identifier}"', qualifying), slot)


def _canonical(document: bytes, root: etree._Element, slot: str) -> bytes:
    """Give a document's canonical form; a large one that goes on as it is loses its longest text in the tree."""
    if len(document) < _LARGE_BYTES or slot or not _can_be_spliced(document, root):
        return _canonical_form(root)
    name, text = _most(document)
    place = _place(root, name.decode(), text.decode()) if text else None
    if place is None:
        return _canonical_form(root)
    place.text = None
    place.append(etree.PI(*_MARK))
    before, _, after = _canonical_form(root).partition(_WRITTEN_MARK)
    return b"".join((before, text, after))


def _canonical_form(root: etree._Element) -> bytes:
    return etree.tostring(root, method="c14n", exclusive=True, with_comments=False, with_tail=False)


def _most(document: bytes) -> tuple[bytes, bytes]:
    """Find the text that is most of a document, and its element's name; empty where none is that stays as it is written."""
    middle = len(document) // 2
    begin, end = document.rfind(b"<", 0, middle), document.find(b"<", middle)
    close = document.find(b">", begin, end)
    name, text = document[begin + 1 : close], document[close + 1 : end]
    is_same = name.isalnum() and len(text) * 2 > len(document) and not any(sign in text for sign in (b"&", b">", b"\r"))
    return (name, text) if is_same else (b"", b"")


def _place(root: etree._Element, name: str, text: str) -> etree._Element | None:
    return next((each for each in root.iter(name) if not len(each) and each.text == text), None)


def _whole(root: etree._Element, method: Algorithm, digest: bytes, attributes: str = "") -> str:
    """Refer to the document: by its root's id where it has one."""
    given = root.get("Id", root.get("ID"))
    uri = "" if given is None else f"#{given}"
    return _reference(f'{attributes}URI="{uri}"', _WHOLE_STEPS, method, digest)


def _reference(attributes: str, steps: str, method: Algorithm, digest: bytes) -> str:
    return _REFERENCE.format(attributes=attributes, steps=steps, method=method.digest_uri, digest=_base64(digest))


def _hashed(name: str, octets: bytes) -> bytes:
    return hashlib.new(name, octets).digest()


def _info(method: Algorithm, references: str) -> str:
    return _SIGNED_INFO.format(method=method.uri, references=references)


def _properties(identifier: str, method: Algorithm, certificate: x509.Certificate, now: datetime, policy: Policy | None) -> str:
    told = _certificate_digest(certificate, method.digest)
    return _PROPERTIES.format(
        id=identifier,
        time=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        certificate=_DIGEST.format(method=method.digest_uri, digest=told),
        policy=_policy(policy) if policy else "",
    )


def _policy(policy: Policy) -> str:
    # An apostrophe or a greater-than sign of a text is written as it is in canonical form, but for "&gt;".
    digest = _DIGEST.format(method=_SHA256, digest=_base64(policy.digest))
    return _POLICY.format(identifier=escape(policy.identifier), digest=digest)


def _signature(info: str, value: str, signer: Signer, identifier: str = "", qualifying: str = "") -> bytes:
    carried = _carried((signer.certificate, *signer.chain))
    return _SIGNATURE.format(identifier=identifier, info=info, value=value, certificates=carried, object=qualifying).encode()


@lru_cache(maxsize=64)
def _carried(path: tuple[x509.Certificate, ...]) -> str:
    return "".join(_CERTIFICATE.format(_base64(certificates.octets(each))) for each in path)


@lru_cache(maxsize=64)
def _certificate_digest(certificate: x509.Certificate, digest: str) -> str:
    return _base64(hashlib.new(digest, certificates.octets(certificate)).digest())


def _spliced(document: bytes, root: etree._Element, signature: bytes, slot: str = "") -> bytes:
    if slot:
        return _in_slot(document, root, signature, slot)
    written = document if _can_be_spliced(document, root) else _written(document, root)
    end = written.rindex(b"</")
    # Put together at once: each "+" would copy all of a large document.
    return b"".join((memoryview(written)[:end], signature, written[end:]))


def _can_be_spliced(document: bytes, root: etree._Element) -> bool:
    """Say whether a document goes on as it is: no mark, comment, section or end of line in it that reading has changed.

    So is what was written by us. Writing it anew would take as long as hashing it.
    """
    name = etree.QName(root).localname
    end_tag = f"</{root.prefix}:{name}>" if root.prefix else f"</{name}>"
    return document[:1] == b"<" and b"!" not in document and b"\r" not in document and document.endswith(end_tag.encode())


def _written(document: bytes, root: etree._Element) -> bytes:
    if root.text is None and not len(root):
        root.text = ""  # written with an end tag, before which the signature goes
    return xml.serialise(root, _declares(document))


def _declares(document: bytes) -> bool:
    return document.removeprefix(b"\xef\xbb\xbf").startswith(b"<?xml")


def _in_slot(document: bytes, root: etree._Element, signature: bytes, slot: str) -> bytes:
    """Put a signature into an empty element: a mark that the document cannot hold already stands there while it is written."""
    place = root.find(slot)
    assert place is not None and not len(place) and not place.text  # the caller has looked
    mark = hashlib.sha256(signature).hexdigest()
    place.text = mark
    before, _, after = xml.serialise(root, _declares(document)).partition(mark.encode())
    return b"".join((before, signature, after))


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
