"""The strict profile: the one form of XML signature that nearly every message has, made and verified in one parse.

Verifying, it only ever says yes. Whatever is not of this form, or does not hold, is given to signxml, which judges and
says why; so what is accepted here must be what signxml accepts, with the same octets (tests/rules/test_strict_signature.py
compares the two, and xmlsec1, on mutated documents; what is made here, both must accept). The caller has checked the
signature's structure and its reference to the whole document; only exclusive canonicalisation is done here, which looks
at nothing outside the element.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from hub.rules import certificates, xml
from hub.rules.trust import Signer

_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
#: In exclusive canonical form, so that these very bytes are what is signed.
_SIGNED_INFO = (
    '<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">'
    f'<ds:CanonicalizationMethod Algorithm="{_EXCLUSIVE}"></ds:CanonicalizationMethod>'
    '<ds:SignatureMethod Algorithm="{method}"></ds:SignatureMethod>'
    '<ds:Reference URI="{uri}"><ds:Transforms>'
    f'<ds:Transform Algorithm="{ENVELOPED}"></ds:Transform><ds:Transform Algorithm="{_EXCLUSIVE}"></ds:Transform>'
    f'</ds:Transforms><ds:DigestMethod Algorithm="{_SHA256}"></ds:DigestMethod>'
    "<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
)
_SIGNATURE = (
    '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">{info}<ds:SignatureValue>{value}</ds:SignatureValue>'
    "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
)
_ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
_X509_DATA = "{http://www.w3.org/2000/09/xmldsig#}X509Data"


def signed_octets(root: etree._Element, signature: etree._Element, certificate: x509.Certificate) -> bytes | None:
    """Give the octets whose digest was compared; None where signxml must judge. Takes the signature out of its tree.

    RSA PKCS#1 v1.5 with SHA-256 (RFC 4051 2.3.2) and exclusive canonicalisation (W3C xml-exc-c14n) throughout, no prefix
    lists, the signature a child of the root, KeyInfo with X509Data only.
    """
    info, value, key_info = signature
    _, _, reference = info
    key = certificate.public_key()
    if not _is_strict(info, key_info) or signature.getparent() is not root or not isinstance(key, rsa.RSAPublicKey):
        return None
    if not _holds(key, decoded(value.text), _canonical(info)):
        return None
    _take_out(root, signature)
    octets = _canonical(root)
    same = hmac.compare_digest(hashlib.sha256(octets).digest(), decoded(reference[2].text))
    return octets if same else None


def _is_strict(info: etree._Element, key_info: etree._Element) -> bool:
    canonicalisation, method, reference = info
    transforms, digest, _ = reference
    if len(transforms) != 2 or len(canonicalisation) or len(transforms[1]):
        return False
    named = (canonicalisation, transforms[1], method, digest)
    wanted = [_EXCLUSIVE, _EXCLUSIVE, _RSA_SHA256, _SHA256]
    return [each.get("Algorithm") for each in named] == wanted and all(child.tag == _X509_DATA for child in key_info)


def _holds(key: rsa.RSAPublicKey, signature: bytes, octets: bytes) -> bool:
    try:
        key.verify(signature, octets, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def decoded(text: str | None) -> bytes:
    """Decode Base64 with blanks in it; what is none gives no bytes, which nothing can be read from or be equal to."""
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, with_tail=False)


def _take_out(root: etree._Element, signature: etree._Element) -> None:
    """Remove the signature, not the text behind it (the enveloped-signature transform, XML Signature 6.6.4)."""
    before = signature.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (signature.tail or "") or None
    else:
        root.text = (root.text or "") + (signature.tail or "") or None
    root.remove(signature)


def with_signature(root: etree._Element, signer: Signer, *, declaration: bool) -> bytes:
    """Sign an element as a whole; the signature is spliced into its bytes as the last child of the root.

    RSA PKCS#1 v1.5 or ECDSA by the certificate's key, SHA-256. Raises etree.LxmlError where it has no canonical form.
    """
    identifier = root.get("Id", root.get("ID"))
    is_rsa = isinstance(signer.certificate.public_key(), rsa.RSAPublicKey)
    info = _SIGNED_INFO.format(
        method=_RSA_SHA256 if is_rsa else _ECDSA_SHA256,
        uri="" if identifier is None else f"#{identifier}",
        digest=_base64(hashlib.sha256(_canonical(root)).digest()),
    )
    value = _rsa(signer, info.encode()) if is_rsa else _ecdsa(signer, info.encode())
    der = certificates.octets(signer.certificate)
    signature = _SIGNATURE.format(info=info, value=_base64(value), certificate=_base64(der))
    return _spliced(root, signature.encode(), declaration)


def _spliced(root: etree._Element, signature: bytes, declaration: bool) -> bytes:
    if root.text is None and not len(root):
        root.text = ""  # written with an end tag, before which the signature goes
    written = xml.serialise(root, declaration)
    end = written.rindex(b"</")
    return written[:end] + signature + written[end:]


def _rsa(signer: Signer, octets: bytes) -> bytes:
    return bytes(signer.key.sign(octets, padding.PKCS1v15(), hashes.SHA256()))


def _ecdsa(signer: Signer, octets: bytes) -> bytes:
    """Sign; both numbers one after the other, each as long as the curve's order (RFC 4050 3.3, XML Signature 1.1 6.4.3)."""
    size = (signer.certificate.public_key().curve.key_size + 7) // 8  # type: ignore[union-attr]
    numbers = decode_dss_signature(signer.key.sign(octets, ec.ECDSA(hashes.SHA256())))
    return b"".join(number.to_bytes(size, "big") for number in numbers)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
