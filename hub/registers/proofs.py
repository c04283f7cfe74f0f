"""Take a signature apart, so that a stranger can verify it with xmlsec1 and openssl: files, and what is to be checked of them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.errors import HubError, InvalidMessage
from hub.rules import certificates, xml

DS = "{http://www.w3.org/2000/09/xmldsig#}"
_WORD = re.compile(r"[!-~]{1,2000}")
#: Stands in a list of checks for a word that is not needed.
NONE = "-"
#: A declaration inside a text says nothing: the text is decoded already.
_DECLARATION = re.compile(r"\A\s*<\?xml\s[^>]*\?>\s*")
#: DigestMethod -> openssl's name of it.
_DIGESTS = {
    "http://www.w3.org/2000/09/xmldsig#sha1": "sha1",
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
#: SignatureMethod (RFC 6931 2.3) -> hash and padding.
_METHODS = {
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1": ("sha1", "pkcs1"),
    **{
        f"http://www.w3.org/2001/04/xmldsig-more#{family}-sha{bits}": (f"sha{bits}", padding)
        for family, padding in (("rsa", "pkcs1"), ("ecdsa", "ecdsa"))
        for bits in (256, 384, 512)
    },
    **{f"http://www.w3.org/2007/05/xmldsig-more#sha{bits}-rsa-MGF1": (f"sha{bits}", "pss") for bits in (256, 384, 512)},
}
#: CanonicalizationMethod -> arguments of lxml; with comments is the same here: the parser has dropped them.
_CANONICAL: dict[str, dict[str, Any]] = {
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315": {"method": "c14n"},
    "http://www.w3.org/2001/10/xml-exc-c14n#": {"method": "c14n", "exclusive": True},
}
_HASHES: dict[str, Any] = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
#: First letters of a JWS algorithm (RFC 7518 3.3 to 3.5) -> padding.
_JWS = {"RS": "pkcs1", "PS": "pss", "ES": "ecdsa"}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the evidence, by its path in the container."""

    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be checked of the evidence: a line of ``checks.tsv``, read by ``verify.sh`` and by the hub."""

    #: What is checked; verify.sh and hub.registers.line_checks have a function of this name.
    kind: str
    words: tuple[str, ...]

    def line(self) -> str:
        """Write it with tabs between the words."""
        return "\t".join((self.kind, *self.words))

    @property
    def plain(self) -> bool:
        """Say whether every word can stand in such a line; what comes from a document may hold anything."""
        return all(_WORD.fullmatch(word) for word in self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A signature taken apart."""

    files: tuple[File, ...] = ()
    checks: tuple[Check, ...] = ()


def pem(der: bytes) -> bytes:
    """Write a certificate as PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


# --- XML ---------------------------------------------------------------------------------------------------------


def signed_document(raw: bytes) -> bytes:
    """Find the document that carries the signature: these bytes, or the first text in them that is such a document.

    A SOAP call carries its document as a text. Gives nothing where there is no signature.
    """
    root = _tree(raw)
    if root is None:
        return b""
    if _signature(root) is not None:
        return raw
    texts = (_DECLARATION.sub("", str(text)).encode() for text in root.itertext() if str(text).lstrip().startswith("<"))
    return next((text for text in texts if (tree := _tree(text)) is not None and _signature(tree) is not None), b"")


def _tree(document: bytes) -> etree._Element | None:
    try:
        return xml.parse(document)
    except InvalidMessage:
        return None


def _signature(root: etree._Element) -> etree._Element | None:
    return next(root.iter(f"{DS}Signature"), None)


def of_xml(document: bytes, *, folder: str, name: str, at: float, certificate: bytes = b"", signed: str = "") -> Proof:
    """Take an enveloped XML signature apart; nothing comes where there is none.

    ``name``: file name of the document in the folder. ``certificate``: the signer's, where it is known otherwise.
    ``signed``: path of the octets that were signed, where they are a file of their own.
    """
    root = _tree(document)
    signature = None if root is None else _signature(root)
    if root is None or signature is None:
        return Proof()
    files = [File(path=f"{folder}/signature.xml", body=etree.tostring(signature, encoding="UTF-8", with_tail=False))]
    der = certificate or _certificate(signature)
    if not der:
        return Proof(files=tuple(files))
    files.append(File(path=f"{folder}/certificate.pem", body=pem(der)))
    whole = Check("xml", (f"{folder}/{name}", f"{folder}/certificate.pem", str(int(at)), *_id_attribute(root, signature)))
    info = _of_signed_info(signature, folder, signed, der)
    return Proof(files=(*files, *info.files), checks=(whole, *info.checks))


def _certificate(signature: etree._Element) -> bytes:
    texts = [node.text or "" for node in signature.iter(f"{DS}X509Certificate")]
    try:
        found = [certificates.read_certificate(base64.b64decode(text)) for text in texts]
        return certificates.signing_certificate(found).public_bytes(Encoding.DER)
    except (HubError, binascii.Error, ValueError):
        return b""


def _id_attribute(root: etree._Element, signature: etree._Element) -> tuple[str, str]:
    """Name the attribute by which the signature refers to an element, and the element, as xmlsec1 wants them."""
    reference = next(signature.iter(f"{DS}Reference"), None)
    uri = "" if reference is None else reference.get("URI", "")
    for element in root.iter("*") if uri.startswith("#") else ():
        for attribute in ("Id", "ID", "id"):
            if element.get(attribute) == uri[1:]:
                name = etree.QName(element)
                return attribute, f"{name.namespace}:{name.localname}" if name.namespace else name.localname
    return NONE, NONE


def _of_signed_info(signature: etree._Element, folder: str, signed: str, certificate: bytes) -> Proof:
    """Give the octets that the key really signed: they hold the digest of the content, not the content itself.

    So a signature is verified by openssl alone, and also where the content was left out of the evidence.
    """
    try:
        info = next(signature.iter(f"{DS}SignedInfo"))
        hashed, padding = _METHODS[next(info.iter(f"{DS}SignatureMethod")).get("Algorithm", "")]
        octets = _canonical(info)
        value = base64.b64decode("".join((next(signature.iter(f"{DS}SignatureValue")).text or "").split()))
    except (StopIteration, KeyError, ValueError, etree.LxmlError):
        return Proof()
    written = _as_openssl(padding, value)
    if not holds(certificate, hashed, padding, written, octets):
        return Proof()
    files = (File(path=f"{folder}/signed-info.xml", body=octets), File(path=f"{folder}/signature-value.bin", body=written))
    words = (files[0].path, files[1].path, f"{folder}/certificate.pem", hashed, padding)
    return Proof(files=files, checks=(Check("signed_info", words), *_signed_octets(info, files[0].path, signed)))


def _canonical(info: etree._Element) -> bytes:
    """Write SignedInfo as it was signed (W3C XML Signature 4.4.1)."""
    method = next(info.iter(f"{DS}CanonicalizationMethod"))
    options = dict(_CANONICAL[method.get("Algorithm", "").replace("315#With", "315With").removesuffix("WithComments")])
    if prefixes := [each.get("PrefixList", "") for each in method]:
        options["inclusive_ns_prefixes"] = prefixes[0].split()
    return bytes(etree.tostring(info, with_comments=False, with_tail=False, **options))


def _signed_octets(info: etree._Element, path: str, signed: str) -> tuple[Check, ...]:
    """Say that a file holds exactly the octets whose digest stands in the signature."""
    reference = next(info.iter(f"{DS}Reference"), None)
    method = None if reference is None else reference.find(f"{DS}DigestMethod")
    value = None if reference is None else reference.find(f"{DS}DigestValue")
    hashed = _DIGESTS.get("" if method is None else method.get("Algorithm", ""))
    if not signed or hashed is None or value is None:
        return ()
    return (Check("signed_part", (signed, path, hashed, "".join((value.text or "").split()))),)


def holds(certificate: bytes, hashed: str, padding: str, signature: bytes, octets: bytes) -> bool:
    """Say whether a signature, as openssl reads it, is over these octets by the key of a certificate (DER)."""
    try:
        key: Any = x509.load_der_x509_certificate(certificate).public_key()
        algorithm = _HASHES[hashed]()
        if padding == "ecdsa":
            key.verify(signature, octets, ec.ECDSA(algorithm))
        elif padding == "pss":
            key.verify(signature, octets, rsa_padding.PSS(rsa_padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        else:
            key.verify(signature, octets, rsa_padding.PKCS1v15(), algorithm)
    except (InvalidSignature, KeyError, AttributeError, *certificates.UNREADABLE):
        return False
    return True


# --- certificates ------------------------------------------------------------------------------------------------


def of_certificate(der: bytes, *, folder: str, fingerprint: str, at: float, trusted: Sequence[bytes], weak: bool) -> Proof:
    """Say how to see that a certificate is the verdict's, and that whom the hub trusts stands behind it at that moment.

    ``trusted``: DER of the certificates that this endpoint trusts now.
    """
    path = f"{folder}/certificate.pem"
    checks = [Check("fingerprint", (path, fingerprint))] if fingerprint else []
    if not trusted:
        return Proof(checks=tuple(checks))
    anchors = f"{folder}/trusted.pem"
    checks.append(Check("trusted", (path, anchors, str(int(at)), "weak" if weak else "strong")))
    return Proof(files=(File(path=anchors, body=b"".join(map(pem, trusted))),), checks=tuple(checks))


# --- JWS ---------------------------------------------------------------------------------------------------------


def of_jws(token: str, *, folder: str, name: str, at: float, certificate: bytes = b"") -> Proof:
    """Take a detached JWS with unencoded payload (RFC 7797) over a file apart; nothing comes where it cannot be read.

    ``certificate``: the signer's, where it is known otherwise than by the token.
    """
    protected, _, encoded = token.partition("..")
    try:
        head = json.loads(_decoded(protected))
        der = certificate or base64.b64decode(head["x5c"][0])
        hashed, padding = f"sha{int(head['alg'][2:])}", _JWS[head["alg"][:2]]
        written, signature = pem(der), _as_openssl(padding, _decoded(encoded))
    except (ValueError, KeyError, IndexError, TypeError):
        return Proof()
    files = (
        File(path=f"{folder}/jws.txt", body=token.encode()),
        File(path=f"{folder}/jws-protected.txt", body=protected.encode()),
        File(path=f"{folder}/jws-signature.bin", body=signature),
        File(path=f"{folder}/certificate.pem", body=written),
    )
    words = (f"{folder}/{name}", *(each.path for each in files[1:]), hashed, padding, str(int(at)), files[0].path)
    return Proof(files=files, checks=(Check("jws", words),))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _as_openssl(padding: str, signature: bytes) -> bytes:
    """XML and JWS write an ECDSA signature as r and s side by side (RFC 4050 3.3, RFC 7518 3.4), openssl wants them in DER."""
    if padding != "ecdsa":
        return signature
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


def as_json(value: Any) -> bytes:
    """Write JSON for people to read: the same value gives the same bytes."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
