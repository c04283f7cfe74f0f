"""Signatures of parties on documents: enveloped XML-DSig (signxml is imported only here) and detached JWS.

Only what was signed goes on: ``signed_part`` returns the very octets whose digest was compared, never the input. What a
signature may look like is fixed here before signxml sees it: one ds:Signature below the root, one reference, to the
whole document, and nothing but the enveloped and one canonicalisation transform. Canonicalisation *with* comments is
refused: comments are dropped while parsing, and W3C XML Signature 4.4.3.3 leaves them out of ``URI=""`` anyway.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature as BadMath
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConfiguration,
    SignatureMethod,
    XMLVerifier,
)
from signxml.exceptions import InvalidDigest, InvalidSignature, SignXMLException

from hub.canonical.base import local
from hub.errors import BadSettings, Fault, InvalidMessage, Untrusted
from hub.rules import certificates, jws, strict_signature, xml
from hub.rules.certificates import untrusted
from hub.rules.trust import Signer, TrustSnapshot, Verdict, Verified

DS = "{http://www.w3.org/2000/09/xmldsig#}"
_EXC_C14N = "{http://www.w3.org/2001/10/xml-exc-c14n#}"

#: Algorithms of signatures and how the verdict names them; no HMAC and no DSA.
_METHODS: Mapping[str, str] = {
    SignatureMethod.RSA_SHA256.value: "RSA-SHA256",
    SignatureMethod.RSA_SHA384.value: "RSA-SHA384",
    SignatureMethod.RSA_SHA512.value: "RSA-SHA512",
    SignatureMethod.SHA256_RSA_MGF1.value: "RSA-PSS-SHA256",
    SignatureMethod.SHA384_RSA_MGF1.value: "RSA-PSS-SHA384",
    SignatureMethod.SHA512_RSA_MGF1.value: "RSA-PSS-SHA512",
    SignatureMethod.ECDSA_SHA256.value: "ECDSA-SHA256",
    SignatureMethod.ECDSA_SHA384.value: "ECDSA-SHA384",
    SignatureMethod.ECDSA_SHA512.value: "ECDSA-SHA512",
}
#: Of old systems: read only where the endpoint allows weak ones.
_WEAK_METHODS: Mapping[str, str] = {
    SignatureMethod.RSA_SHA1.value: "RSA-SHA1",
    SignatureMethod.ECDSA_SHA1.value: "ECDSA-SHA1",
}
_DIGESTS = {DigestAlgorithm.SHA256.value, DigestAlgorithm.SHA384.value, DigestAlgorithm.SHA512.value}
_WEAK_DIGESTS = {DigestAlgorithm.SHA1.value}
_CANONICAL = {
    CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0.value,
    CanonicalizationMethod.CANONICAL_XML_1_0.value,
    CanonicalizationMethod.CANONICAL_XML_1_1.value,
}
_NCNAME = re.compile(r"[^\W\d][\w.-]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_MAY_BE_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<")
#: The names by which signxml looks for the element of ``#id``.
_WITH_ID = etree.XPath("//*[@*[local-name()='Id' or local-name()='ID' or local-name()='id']=$value]")
#: What signxml and the libraries below it may raise on a signature of the right form that does not hold.
_LIBRARY_ERRORS = (SignXMLException, BadMath, UnsupportedAlgorithm, etree.LxmlError, ValueError, TypeError, NotImplementedError)


# --- reading ------------------------------------------------------------------------------------------------------


def verify(document: bytes, token: str | None, trust: TrustSnapshot, now: datetime) -> Verified:
    """Verify the signature of a document, wherever it is: ``signed_part``, or ``verify_jws`` where a JWS may come beside it.

    ``token``: None where a signature stands in the document itself; else the detached JWS, empty where none came.
    """
    return signed_part(document, trust, now) if token is None else verify_jws(document, token, trust, now)


def signed_part(document: bytes, trust: TrustSnapshot, now: datetime) -> Verified:
    """Verify the document's XML signature; return the signed bytes, without the signature, and the verdict.

    Raises Untrusted where a signature does not hold or is required and missing, InvalidMessage where a document that
    may hold one cannot be read.
    """
    if trust.policy == "none":
        return Verified(signed_bytes=document, verdict=certificates.not_signed("no signature in this protocol"))
    root = xml.parse(document) if _may_be_signed(document) else None
    signature = None if root is None else _only_signature(root)
    if root is None or signature is None:
        return _unsigned(document, trust)
    method, digest = _check_form(root, signature)
    weak = method in _WEAK_METHODS or digest in _WEAK_DIGESTS
    if weak and not trust.allow_weak:
        raise certificates.too_weak()
    certificate = certificates.signing_certificate(_certificates(signature))
    weak = certificates.check(certificate, trust, now) or weak
    signed = strict_signature.signed_octets(root, signature, certificate)
    if signed is None:
        signed = _verify(document, root, certificate, _configuration(method, digest, now))
    return _verified(signed, certificate, {**_METHODS, **_WEAK_METHODS}[method], weak, now)


def _verified(signed: bytes, certificate: x509.Certificate, algorithm: str, weak: bool, now: datetime) -> Verified:
    return Verified(
        signed_bytes=signed,
        verdict=certificates.verdict(certificate, algorithm, weak, now),
        certificate=certificates.octets(certificate),
    )


def _may_be_signed(document: bytes) -> bool:
    """Tell cheaply that there can be no ds:Signature: its namespace is written nowhere, not even with references."""
    return bool(_MAY_BE_XML.match(document)) and (b"xmldsig#" in document or b"&#" in document)


def _unsigned(document: bytes, trust: TrustSnapshot) -> Verified:
    if trust.policy != "optional":
        raise untrusted("NOT-SIGNED", "thông điệp không có chữ ký số mà điểm kết nối này yêu cầu", "a signature is required here")
    return Verified(signed_bytes=document, verdict=certificates.not_signed("unsigned, which this endpoint allows"))


# --- the form of a signature, before any of it is believed --------------------------------------------------------


def _only_signature(root: etree._Element) -> etree._Element | None:
    found = list(root.iter(f"{DS}Signature"))
    if len(found) > 1:
        raise _bad_form("có nhiều hơn một chữ ký", "there is more than one ds:Signature")
    if found and found[0] is root:
        raise _bad_form("chữ ký bao ngoài văn bản không được dùng", "an enveloping ds:Signature is not allowed")
    return found[0] if found else None


def _check_form(root: etree._Element, signature: etree._Element) -> tuple[str, str]:
    """Check that the signature is one of the only form that is read; return the signature and digest algorithms."""
    info, value, _ = _children(signature, "SignedInfo", "SignatureValue", "KeyInfo")
    canonicalisation, method, reference = _children(info, "CanonicalizationMethod", "SignatureMethod", "Reference")
    transforms, digest, digest_value = _children(reference, "Transforms", "DigestMethod", "DigestValue")
    _check_canonicalisation(canonicalisation)
    _check_coverage(root, reference)
    _check_transforms(transforms)
    for holder in (value, digest_value):
        if len(holder) or not _BASE64.fullmatch(holder.text or ""):
            raise _bad_form("giá trị chữ ký hoặc mã băm không phải Base64", "a signature or digest value is not Base64")
    return _algorithm(method, {*_METHODS, *_WEAK_METHODS}), _algorithm(digest, _DIGESTS | _WEAK_DIGESTS)


def _children(parent: etree._Element, *names: str) -> list[etree._Element]:
    """Take the children of a signature's element, which must be exactly these, in this order."""
    children = list(parent)
    if [child.tag for child in children] != [f"{DS}{name}" for name in names]:
        expected = ", ".join(names)
        raise _bad_form(
            f"cấu trúc chữ ký không đúng: {_local(parent)} phải gồm {expected}",
            f"{_local(parent)} of the signature must hold exactly {expected}",
        )
    return children


def _algorithm(element: etree._Element, allowed: set[str]) -> str:
    name = element.get("Algorithm", "")
    if name not in allowed or len(element):
        raise untrusted(
            "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
            f"{_local(element)} dùng thuật toán không được phép",
            f"{_local(element)} names an algorithm that is not allowed",
        )
    return name


def _check_canonicalisation(element: etree._Element) -> None:
    """Allow canonical XML without comments, with nothing but a prefix list of exclusive canonicalisation inside."""
    if element.get("Algorithm", "") not in _CANONICAL or any(child.tag != f"{_EXC_C14N}InclusiveNamespaces" for child in element):
        raise _not_permitted("phép biến đổi hoặc cách chuẩn hoá không được phép", "a transform is not allowed")


def _check_coverage(root: etree._Element, reference: etree._Element) -> None:
    """Check that the reference is to the whole document: anything less lets unsigned parts stand beside signed ones."""
    uri = reference.get("URI")
    if uri == "":
        return
    if uri is None or not uri.startswith("#") or not _NCNAME.fullmatch(uri[1:]):
        raise _not_permitted("chữ ký tham chiếu ra ngoài văn bản", "the signature refers to something outside the document")
    if _WITH_ID(root, value=uri[1:]) != [root]:
        raise _not_permitted(
            "chữ ký không phủ toàn bộ văn bản (hoặc định danh bị trùng)",
            "the signature does not cover the whole document, or its id stands twice",
        )


def _check_transforms(transforms: etree._Element) -> None:
    steps = list(transforms)
    if not 1 <= len(steps) <= 2 or any(step.tag != f"{DS}Transform" for step in steps):
        raise _not_permitted("chuỗi phép biến đổi không được phép", "the list of transforms is not allowed")
    if steps[0].get("Algorithm") != strict_signature.ENVELOPED or len(steps[0]):
        raise _not_permitted("thiếu phép biến đổi enveloped-signature", "the enveloped-signature transform must come first")
    for step in steps[1:]:
        _check_canonicalisation(step)


def _certificates(signature: etree._Element) -> list[x509.Certificate]:
    """Read the certificates of KeyInfo; whatever could name another key is refused, what only describes is ignored."""
    info = signature[2]
    described = [child for child in info if child.tag != f"{DS}X509Data"]
    if any(child.tag not in (f"{DS}KeyValue", f"{DS}KeyName") for child in described) or len(described) > 2:
        raise _bad_form("KeyInfo có nội dung không được phép", "KeyInfo holds something that is not allowed")
    texts = [node.text or "" for data in info.iterfind(f"{DS}X509Data") for node in data.iterfind(f"{DS}X509Certificate")]
    if not 1 <= len(texts) <= certificates.MAX_CERTIFICATES:
        raise untrusted(
            "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND",
            "chữ ký không kèm chứng thư số (X509Certificate)",
            f"the signature must carry 1 to {certificates.MAX_CERTIFICATES} certificates (X509Certificate)",
        )
    return [certificates.read_certificate(strict_signature.decoded(text)) for text in texts]


def _configuration(method: str, digest: str, now: datetime) -> SignatureConfiguration:
    """Fix everything that signxml may accept to what was found and allowed."""
    return SignatureConfiguration(
        location=".//",
        expect_references=1,
        signature_methods=frozenset({SignatureMethod(method)}),
        digest_algorithms=frozenset({DigestAlgorithm(digest)}),
        verification_time=local(now),
        # XML Signature 4.4.3.2: a reference without a canonicalisation transform means Canonical XML 1.0.
        default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
    )


def _verify(document: bytes, root: etree._Element, certificate: x509.Certificate, config: SignatureConfiguration) -> bytes:
    """Let signxml do the mathematics; return the octets whose digest was compared.

    A new verifier, since it keeps the last call's arguments; our parser, so that it sees the tree that was checked.
    """
    try:
        result = XMLVerifier().verify(
            document, x509_cert=certificate, validate_schema=False, parser=xml.hardened_parser(), expect_config=config
        )
    except InvalidDigest:
        raise untrusted(
            "TOTAL-FAILED/HASH_FAILURE", "nội dung đã bị sửa sau khi ký", "the content was changed after signing"
        ) from None
    except InvalidSignature:
        raise _bad_value() from None
    except _LIBRARY_ERRORS:
        raise _bad_form("chữ ký không kiểm tra được", "the signature cannot be checked") from None
    if isinstance(result, list) or result.signed_xml is None or result.signed_xml.tag != root.tag:
        raise _bad_form("chữ ký không phủ toàn bộ văn bản", "the signature does not cover the whole document")
    return bytes(result.signed_data)


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _bad_form(vi: str, en: str) -> Untrusted:
    return untrusted("TOTAL-FAILED/FORMAT_FAILURE", vi, en)


def _not_permitted(vi: str, en: str) -> Untrusted:
    return untrusted("INDETERMINATE/SIG_CONSTRAINTS_FAILURE", vi, en)


def _bad_value() -> Untrusted:
    return untrusted(
        "TOTAL-FAILED/SIG_CRYPTO_FAILURE",
        "giá trị chữ ký không khớp với khoá của người ký",
        "the signature value does not fit the signer's key",
    )


# --- writing ------------------------------------------------------------------------------------------------------


def sign_xml(document: bytes, signer: Signer) -> bytes:
    """Sign a document as a whole: enveloped, exclusive canonicalisation, SHA-256, the certificate in KeyInfo.

    The ds:Signature becomes the root's last child. Comments of the document are dropped.
    """
    root = xml.parse(document)
    _check_can_be_signed(root)
    _check_usable(signer)
    declared = document.removeprefix(b"\xef\xbb\xbf").startswith(b"<?xml")
    try:
        return strict_signature.with_signature(root, signer, declaration=declared)
    except etree.LxmlError:  # Canonical XML 1.0, 1.3: a namespace must be an absolute URI
        vi, en = "không gian tên phải là URI tuyệt đối mới ký được", "only namespaces that are absolute URIs can be signed"
        raise InvalidMessage([Fault(f"/{_local(root)}", "bad_value", vi, en)]) from None


def _check_usable(signer: Signer) -> None:
    """Judge by the certificate, so that a key in an HSM needs no more than ``sign``."""
    if not isinstance(signer.certificate.public_key(), rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise _unusable(signer)


def _check_can_be_signed(root: etree._Element) -> None:
    """Refuse what our own verification would refuse: a second signature, an id that does not point to the root alone."""
    path = f"/{_local(root)}"
    if next(root.iter(f"{DS}Signature"), None) is not None:
        raise InvalidMessage([Fault(path, "already_signed", "văn bản đã có chữ ký", "the document has a signature already")])
    value = root.get("Id", root.get("ID"))
    if value is not None and (not _NCNAME.fullmatch(value) or _WITH_ID(root, value=value) != [root]):
        vi, en = "định danh phần tử gốc sai hoặc bị trùng", "the root's id is not valid or stands twice"
        raise InvalidMessage([Fault(f"{path}/@Id", "bad_value", vi, en)])


def _unusable(signer: Signer) -> BadSettings:
    return BadSettings(
        f"signer {signer.name!r}: only RSA keys and ECDSA keys on P-256, P-384, P-521 can sign",
        f"khoá ký {signer.name!r}: chỉ dùng được khoá RSA hoặc ECDSA trên P-256, P-384, P-521",
        where=f"signers/{signer.name}",
    )


# --- detached signatures of JSON bodies ---------------------------------------------------------------------------


def sign_jws(body: bytes, signer: Signer) -> str:
    """Sign a body apart from it: a detached JWS (RFC 7797) whose header carries the certificate."""
    fitting = jws.algorithms_for(signer.certificate.public_key())
    if not fitting:
        raise _unusable(signer)
    der = certificates.octets(signer.certificate)
    head = {"alg": fitting[0], "x5c": [base64.b64encode(der).decode()], "x5t#S256": _thumbprint(der)}
    return jws.sign_detached(body, head, signer.key)


def verify_jws(body: bytes, token: str, trust: TrustSnapshot, now: datetime) -> Verified:
    """Verify a detached JWS over a body by the rules of ``signed_part``; an empty token is a missing signature."""
    if trust.policy == "none":
        return Verified(signed_bytes=body, verdict=_not_looked_at(token))
    if not token:
        return _unsigned(body, trust)
    signature = jws.read_detached(token)
    certificate = _named_certificate(signature.head, trust)
    weak = certificates.check(certificate, trust, now)
    signature.check(body, certificate.public_key())
    return _verified(body, certificate, signature.head["alg"], weak, now)


def _not_looked_at(token: str) -> Verdict:
    if token:
        return Verdict(indication="NOT-CHECKED", reason="a signature came, which this endpoint's settings leave alone")
    return certificates.not_signed("no signature in this protocol")


def _named_certificate(head: jws.Head, trust: TrustSnapshot) -> x509.Certificate:
    """Find the signer's certificate: the first of ``x5c`` (RFC 7515 4.1.6), or the pinned one of ``x5t#S256``."""
    chain, thumbprint = head.get("x5c"), head.get("x5t#S256")
    found = None
    if isinstance(chain, list) and 1 <= len(chain) <= certificates.MAX_CERTIFICATES and isinstance(chain[0], str):
        found = certificates.read_certificate(strict_signature.decoded(chain[0]))
    elif chain is None:
        found = next((one for one in trust.pinned if _thumbprint(certificates.octets(one)) == thumbprint), None)
    if found is None or thumbprint not in (None, _thumbprint(certificates.octets(found))):
        raise untrusted(
            "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND",
            "chữ ký không nêu chứng thư số của người ký (x5c hoặc x5t#S256)",
            "the signature does not name its signer's certificate (x5c or x5t#S256)",
        )
    return found


def _thumbprint(der: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
