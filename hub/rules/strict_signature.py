"""The strict profile: the forms of XML signature that nearly every message has, verified in one parse.

It only ever says yes. Whatever is not of these forms, or does not hold, is given to signxml, which judges and says why; so
what is accepted here must be what signxml accepts, with the same octets (tests/rules/test_strict_signature.py compares the
two, and xmlsec1, on mutated documents). The caller has checked the signature's form (signature_form.py).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from itertools import chain
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from hub.rules import certificates, signature_form
from hub.rules.signature_form import DIGESTS, METHODS, WEAK_METHODS, Covered, Form, decoded

#: So long a text, as that of a whole file, is put aside while its document is canonicalised, which goes sign by sign.
_LONG_TEXT = 16_384
#: Signs that a canonical form writes in another way (Canonical XML 1.0, 2.3); all else in a text stays as it is.
_WRITTEN_OTHERWISE = "&<>\r"
#: Stands where a text was put aside.
_ASIDE = "(text put aside)"
_X509_DATA = "{http://www.w3.org/2000/09/xmldsig#}X509Data"
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
#: URI of a method -> its hash; with the padding of RSA, None for ECDSA (RFC 6931, 2.3).
_METHODS: Mapping[str, tuple[hashes.HashAlgorithm, padding.AsymmetricPadding | None]] = {
    uri: (
        hashed := _HASHES[name[-3:]],
        None
        if name.startswith("ECDSA")
        else padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        if "PSS" in name
        else padding.PKCS1v15(),
    )
    for uri, name in METHODS.items()
}
#: With those of old systems, which are never of the strict profile.
_ALL_METHODS: Mapping[str, tuple[hashes.HashAlgorithm, padding.AsymmetricPadding | None]] = {
    **_METHODS,
    **{uri: (hashes.SHA1(), None if name.startswith("ECDSA") else padding.PKCS1v15()) for uri, name in WEAK_METHODS.items()},  # noqa: S303
}


def signed_octets(root: etree._Element, form: Form, certificate: x509.Certificate, size: int = 0) -> Covered | None:
    """Give the octets whose digests were compared; None where signxml must judge. Takes the signature out of its tree.

    No SHA-1, no prefix lists, the signature a child of the root, KeyInfo with X509Data only; with the properties of XAdES
    or without. ``size``: of the document in bytes; the tree of a large one is without its long texts afterwards.
    """
    if not _is_strict(form) or form.signature.getparent() is not root:
        return None
    if not holds(certificate, form, signature_form.canonical_by(form.info, form.info[0])):
        return None
    properties = covered_octets(form.properties.signed, form.properties.reference) if form.properties else b""
    if form.properties and not _same(properties, form.properties.reference):
        return None
    _take_out(root, form.signature)
    octets = _whole_octets(root, form.reference, size)
    return Covered(octets, properties) if octets is not None and _same(octets, form.reference) else None


def _is_strict(form: Form) -> bool:
    named = [form.info[0], *form.reference[0]]
    if form.properties and len(form.properties.reference) == 3:
        named += form.properties.reference[0]
    return (
        form.method in _METHODS
        and form.digests <= DIGESTS.keys()
        and not any(len(each) for each in named)
        and all(child.tag == _X509_DATA for child in form.key_info)
    )


def covered_octets(element: etree._Element, reference: etree._Element) -> bytes:
    """Write what a reference is to as its last transform says; without one that canonicalises it is Canonical XML 1.0."""
    steps = [step for step in reference[0] if step.get("Algorithm") != signature_form.ENVELOPED] if len(reference) == 3 else []
    return signature_form.canonical_by(element, steps[0] if steps else None)


def _whole_octets(root: etree._Element, reference: etree._Element, size: int) -> bytes | None:
    """Write the document as its reference says; None where it cannot be told which texts were put aside."""
    texts = _put_aside(root) if size > _LONG_TEXT else []
    octets = covered_octets(root, reference)
    return _put_back(octets, texts) if texts else octets


def _put_aside(root: etree._Element) -> list[bytes]:
    """Take long texts out that have the same octets in every canonical form; give them in the document's order."""
    texts = []
    for element in root.iter():
        text = element.text
        if text and len(text) > _LONG_TEXT and not any(sign in text for sign in _WRITTEN_OTHERWISE):
            texts.append(text.encode())
            element.text = _ASIDE
    return texts


def _put_back(octets: bytes, texts: list[bytes]) -> bytes | None:
    """Put texts back in; None where a document holds the very words that stand in their place."""
    pieces = octets.split(_ASIDE.encode())
    if len(pieces) != len(texts) + 1:
        return None
    return b"".join(chain.from_iterable(zip(pieces, (*texts, b""), strict=True)))


def _same(octets: bytes, reference: etree._Element) -> bool:
    digest = hashlib.new(DIGESTS[reference[-2].get("Algorithm", "")], octets).digest()
    return hmac.compare_digest(digest, decoded(reference[-1].text))


def holds(certificate: x509.Certificate, form: Form, octets: bytes) -> bool:
    """Say whether the value of a signature, of an old method too, is this key's over these octets."""
    key = _public_key(certificate)
    hashed, padded = _ALL_METHODS[form.method]
    value = decoded(form.value.text)
    try:
        if padded is not None and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, octets, padded, hashed)
        elif padded is None and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(_dss(key, value), octets, ec.ECDSA(hashed))
        else:
            return False
    except InvalidSignature:
        return False
    return True


# Made anew by each call, which costs as much as the mathematics.
@certificates.remembered_of
def _public_key(certificate: x509.Certificate) -> Any:
    return certificate.public_key()


def _dss(key: ec.EllipticCurvePublicKey, value: bytes) -> bytes:
    """Write both numbers of ECDSA in DER; they came one after the other, each as long as the order (XML Signature 6.4.3)."""
    size = (key.key_size + 7) // 8
    if len(value) != 2 * size:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big"))


def _take_out(root: etree._Element, signature: etree._Element) -> None:
    """Remove the signature, not the text behind it (the enveloped-signature transform, XML Signature 6.6.4)."""
    before = signature.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (signature.tail or "") or None
    else:
        root.text = (root.text or "") + (signature.tail or "") or None
    root.remove(signature)
