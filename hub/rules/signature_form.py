"""The only form of XML signature that is read, settled before any of it is believed.

One ds:Signature below the root, of SignedInfo, SignatureValue and KeyInfo. One reference to the whole document, with
nothing but the enveloped and one canonicalisation transform. XAdES (ETSI EN 319 132-1) adds exactly one ds:Object with
one QualifyingProperties whose Target is this signature, and exactly one reference, to the SignedProperties in there.
Canonicalisation *with* comments is refused: comments are dropped while parsing, and W3C XML Signature 4.4.3.3 leaves
them out of ``URI=""`` anyway.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cryptography import x509
from lxml import etree

from hub.errors import Untrusted
from hub.rules import certificates, xml
from hub.rules.certificates import untrusted

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
#: EN 319 132-1, 4.4.2: by this Type a reference is to the signed properties.
SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
_X509_DATA, _X509_CERTIFICATE = f"{DS}X509Data", f"{DS}X509Certificate"
#: What beside them only describes the key.
_DESCRIBES = frozenset({f"{DS}KeyValue", f"{DS}KeyName"})
_EXC_C14N = "{http://www.w3.org/2001/10/xml-exc-c14n#}"

#: Algorithms of signatures and how the verdict names them; no HMAC and no DSA.
METHODS: Mapping[str, str] = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": "RSA-SHA256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": "RSA-SHA384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": "RSA-SHA512",
    "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1": "RSA-PSS-SHA256",
    "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1": "RSA-PSS-SHA384",
    "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1": "RSA-PSS-SHA512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": "ECDSA-SHA256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": "ECDSA-SHA384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": "ECDSA-SHA512",
}
#: Of old systems: read only where the endpoint allows weak ones.
WEAK_METHODS: Mapping[str, str] = {
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1": "RSA-SHA1",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1": "ECDSA-SHA1",
}
#: Digests by the names that ``hashlib`` has for them.
DIGESTS: Mapping[str, str] = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
WEAK_DIGESTS: Mapping[str, str] = {"http://www.w3.org/2000/09/xmldsig#sha1": "sha1"}
ALL_METHODS: Mapping[str, str] = {**METHODS, **WEAK_METHODS}
ALL_DIGESTS: Mapping[str, str] = {**DIGESTS, **WEAK_DIGESTS}
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
CANONICAL_1_0 = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_CANONICAL = {EXCLUSIVE, CANONICAL_1_0, "http://www.w3.org/2006/12/xml-c14n11"}
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

_NCNAME = re.compile(r"[^\W\d][\w.-]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
#: The names by which libraries look for the element of ``#id``.
_WITH_ID = etree.XPath("//*[@*[local-name()='Id' or local-name()='ID' or local-name()='id']=$value]")


class Covered(NamedTuple):
    """The octets whose digests were compared, after the signature over the digests held."""

    document: bytes
    #: The signed properties of XAdES; empty where the signature has none.
    properties: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """What XAdES adds to a signature."""

    #: The reference of SignedInfo to the signed properties, and what it points to.
    reference: etree._Element
    signed: etree._Element
    #: UnsignedSignatureProperties; None where there are none.
    unsigned: etree._Element | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A signature of the form that is read; nothing that it says is believed yet."""

    signature: etree._Element
    info: etree._Element
    value: etree._Element
    key_info: etree._Element
    #: URIs of the algorithms of the signature and of the digests of its references.
    method: str
    digests: frozenset[str]
    #: The reference to the whole document.
    reference: etree._Element
    properties: Properties | None = None

    @property
    def weak(self) -> bool:
        return self.method in WEAK_METHODS or not self.digests.isdisjoint(WEAK_DIGESTS)

    @property
    def algorithm(self) -> str:
        """Give the signature's algorithm as a verdict names it."""
        return ALL_METHODS[self.method]


def read_form(root: etree._Element) -> Form | None:
    """Find the document's signature and check its form; None where there is none, Untrusted where it has another form."""
    signature = _only_signature(root)
    if signature is None:
        return None
    names = ["SignedInfo", "SignatureValue", "KeyInfo"]
    info, value, key_info, *objects = children(signature, *names, *["Object"] * (len(signature) > len(names)))
    parts = ["CanonicalizationMethod", "SignatureMethod", "Reference"]
    canonicalisation, method, *references = children(info, *parts, *["Reference"] * len(objects))
    check_canonicalisation(canonicalisation)
    check_base64(value)
    reference, described = _told_apart(references) if objects else (references[0], None)
    digests = {_content_digest(root, reference)}
    properties = None
    if described is not None:
        digests.add(_properties_digest(described))
        properties = _properties(root, signature, objects[0], described)
    return Form(
        signature=signature,
        info=info,
        value=value,
        key_info=key_info,
        method=algorithm(method, ALL_METHODS),
        digests=frozenset(digests),
        reference=reference,
        properties=properties,
    )


def read_certificates(key_info: etree._Element) -> list[x509.Certificate]:
    """Read the certificates of KeyInfo; whatever could name another key is refused, what only describes is ignored."""
    described = [child.tag for child in key_info if child.tag != _X509_DATA]
    if len(described) > 2 or not _DESCRIBES.issuperset(described):
        raise bad_form("KeyInfo có nội dung không được phép", "KeyInfo holds something that is not allowed")
    texts = [node.text or "" for data in key_info.iterchildren(_X509_DATA) for node in data.iterchildren(_X509_CERTIFICATE)]
    if not 1 <= len(texts) <= certificates.MAX_CERTIFICATES:
        raise untrusted(
            "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND",
            "chữ ký không kèm chứng thư số (X509Certificate)",
            f"the signature must carry 1 to {certificates.MAX_CERTIFICATES} certificates (X509Certificate)",
        )
    return [certificates.read_certificate(decoded(text)) for text in texts]


# --- the document and its reference -------------------------------------------------------------------------------


def _only_signature(root: etree._Element) -> etree._Element | None:
    found = list(root.iter(f"{DS}Signature"))
    if len(found) > 1:
        raise bad_form("có nhiều hơn một chữ ký", "there is more than one ds:Signature")
    if found and found[0] is root:
        raise bad_form("chữ ký bao ngoài văn bản không được dùng", "an enveloping ds:Signature is not allowed")
    return found[0] if found else None


def _content_digest(root: etree._Element, reference: etree._Element) -> str:
    """Check the reference to the document; return its digest's algorithm."""
    transforms, digest, value = children(reference, "Transforms", "DigestMethod", "DigestValue")
    _check_coverage(root, reference)
    _check_transforms(transforms)
    check_base64(value)
    return algorithm(digest, ALL_DIGESTS)


def _check_coverage(root: etree._Element, reference: etree._Element) -> None:
    """Check that the reference is to the whole document: anything less lets unsigned parts stand beside signed ones."""
    uri = reference.get("URI")
    if uri == "":
        return
    if uri is None or not uri.startswith("#") or not _NCNAME.fullmatch(uri[1:]):
        raise not_permitted("chữ ký tham chiếu ra ngoài văn bản", "the signature refers to something outside the document")
    if not stands_once(root, root, uri[1:]):
        raise not_permitted(
            "chữ ký không phủ toàn bộ văn bản (hoặc định danh bị trùng)",
            "the signature does not cover the whole document, or its id stands twice",
        )


def _check_transforms(transforms: etree._Element) -> None:
    steps = list(transforms)
    if not 1 <= len(steps) <= 2 or any(step.tag != f"{DS}Transform" for step in steps):
        raise not_permitted("chuỗi phép biến đổi không được phép", "the list of transforms is not allowed")
    if steps[0].get("Algorithm") != ENVELOPED or len(steps[0]):
        raise not_permitted("thiếu phép biến đổi enveloped-signature", "the enveloped-signature transform must come first")
    for step in steps[1:]:
        check_canonicalisation(step)


# --- what XAdES adds ----------------------------------------------------------------------------------------------


def _told_apart(references: list[etree._Element]) -> tuple[etree._Element, etree._Element]:
    """Tell the reference to the document from the one to the signed properties; their order is free."""
    described = [each for each in references if each.get("Type") == SIGNED_PROPERTIES]
    others = [each for each in references if each.get("Type") != SIGNED_PROPERTIES]
    if len(described) != 1 or len(others) != 1:
        raise bad_form(
            "SignedInfo phải có đúng một tham chiếu đến SignedProperties",
            "SignedInfo must hold exactly one reference to the SignedProperties",
        )
    return others[0], described[0]


def _properties_digest(reference: etree._Element) -> str:
    """Check the reference to the signed properties: at most one canonicalisation; return its digest's algorithm."""
    transformed = len(reference) > 2
    *transforms, digest, value = children(reference, *["Transforms"] * transformed, "DigestMethod", "DigestValue")
    for step in transforms:
        check_canonicalisation(children(step, "Transform")[0])
    check_base64(value)
    return algorithm(digest, ALL_DIGESTS)


def _properties(root: etree._Element, signature: etree._Element, holder: etree._Element, reference: etree._Element) -> Properties:
    """Find the properties: in this signature, about this signature, and where the reference points."""
    qualifying = children(holder, "QualifyingProperties", namespace=XADES)[0]
    target = signature.get("Id", "")
    if not target or qualifying.get("Target") != f"#{target}" or not stands_once(root, signature, target):
        raise bad_form(
            "QualifyingProperties không thuộc về chữ ký này (Target)",
            "the QualifyingProperties are not about this signature (Target)",
        )
    more = len(qualifying) > 1
    signed, *unsigned = children(qualifying, "SignedProperties", *["UnsignedProperties"] * more, namespace=XADES)
    if not reference.get("URI", "").startswith("#") or not stands_once(root, signed, reference.get("URI", "")[1:]):
        raise bad_form(
            "tham chiếu không trỏ đến SignedProperties của chính chữ ký này (hoặc định danh bị trùng)",
            "the reference is not to this signature's own SignedProperties, or their id stands twice",
        )
    return Properties(
        reference=reference,
        signed=signed,
        unsigned=children(unsigned[0], "UnsignedSignatureProperties", namespace=XADES)[0] if unsigned else None,
    )


# --- pieces -------------------------------------------------------------------------------------------------------


def children(parent: etree._Element, *names: str, namespace: str = DS) -> list[etree._Element]:
    """Take the children of a signature's element, which must be exactly these, in this order."""
    found = list(parent)
    if [child.tag for child in found] != [namespace + name for name in names]:
        expected = ", ".join(names)
        raise bad_form(
            f"cấu trúc chữ ký không đúng: {local_name(parent)} phải gồm {expected}",
            f"{local_name(parent)} of the signature must hold exactly {expected}",
        )
    return found


def algorithm(element: etree._Element, allowed: Mapping[str, str]) -> str:
    """Read which algorithm an element names, which must be an allowed one without parameters."""
    name = element.get("Algorithm", "")
    if name not in allowed or len(element):
        raise untrusted(
            "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
            f"{local_name(element)} dùng thuật toán không được phép",
            f"{local_name(element)} names an algorithm that is not allowed",
        )
    return name


def check_canonicalisation(element: etree._Element) -> None:
    """Allow canonical XML without comments, with nothing but a prefix list of exclusive canonicalisation inside."""
    inside = [child.tag for child in element]
    if element.get("Algorithm", "") not in _CANONICAL or inside not in ([], [f"{_EXC_C14N}InclusiveNamespaces"]):
        raise not_permitted("phép biến đổi hoặc cách chuẩn hoá không được phép", "a transform is not allowed")


def canonical(element: etree._Element, algorithm: str, prefixes: Sequence[str] = ()) -> bytes:
    """Write an element in canonical form, without comments; ``prefixes`` is the prefix list of exclusive canonicalisation.

    lxml writes ``xmlns=""`` below an element that has its default namespace from an ancestor, and does not know
    ``#default``; both are made good here. Attributes of the XML namespace (``xml:lang``) on ancestors are not inherited.
    """
    exclusive = algorithm == EXCLUSIVE
    if not exclusive and element.getparent() is not None:
        # In UTF-8: lxml's own choice is ASCII, which has no way to write a name that is not (``HọTên``).
        element = xml.parse(etree.tostring(element, encoding="UTF-8", with_tail=False))
    kept = ["" if prefix == "#default" else prefix for prefix in prefixes] if exclusive else []
    try:
        return etree.tostring(
            element, method="c14n", exclusive=exclusive, with_comments=False, with_tail=False, inclusive_ns_prefixes=kept or None
        )
    except etree.LxmlError:  # Canonical XML 1.0, 1.3: a namespace must be an absolute URI
        raise bad_form("văn bản có phần không chuẩn hoá được", "a part of the document has no canonical form") from None


def canonical_by(element: etree._Element, method: etree._Element | None) -> bytes:
    """Write an element in the canonical form that a checked element names; Canonical XML 1.0 where there is none."""
    if method is None:
        return canonical(element, CANONICAL_1_0)
    listed = method.find(f"{_EXC_C14N}InclusiveNamespaces")
    return canonical(element, method.get("Algorithm", ""), [] if listed is None else listed.get("PrefixList", "").split())


def check_base64(holder: etree._Element) -> None:
    """Check that an element holds Base64 and nothing else."""
    if len(holder) or not _BASE64.fullmatch(holder.text or ""):
        raise bad_form(
            f"giá trị trong {local_name(holder)} không phải Base64", f"the value in {local_name(holder)} is not Base64"
        )


def decoded(text: str | None) -> bytes:
    """Decode Base64 with blanks in it; what is none gives no bytes, which nothing can be read from or be equal to."""
    try:
        return binascii.a2b_base64("".join((text or "").split()), strict_mode=True)
    except ValueError:
        return b""


def stands_once(root: etree._Element, element: etree._Element, value: str) -> bool:
    """Tell whether an id is valid, and this element's alone by any attribute that somebody takes for an id."""
    return bool(_NCNAME.fullmatch(value)) and _WITH_ID(root, value=value) == [element]


def with_id(root: etree._Element, value: str) -> etree._Element | None:
    """Find the one element of an id, by any attribute that somebody takes for an id; None where there is none, or several."""
    found = _WITH_ID(root, value=value) if _NCNAME.fullmatch(value) else []
    return found[0] if isinstance(found, list) and len(found) == 1 and isinstance(found[0], etree._Element) else None


def local_name(element: etree._Element) -> str:
    """Give an element's name without its namespace."""
    return etree.QName(element).localname


def bad_form(vi: str, en: str) -> Untrusted:
    """Make the error for a signature that has another form than the one that is read."""
    return untrusted("TOTAL-FAILED/FORMAT_FAILURE", vi, en)


def not_permitted(vi: str, en: str) -> Untrusted:
    """Make the error for a signature that covers or transforms what it may not."""
    return untrusted("INDETERMINATE/SIG_CONSTRAINTS_FAILURE", vi, en)
