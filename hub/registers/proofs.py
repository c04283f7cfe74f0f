"""Take a signature apart, so that a stranger can verify it with xmlsec1 and openssl: files and exact commands."""

from __future__ import annotations

import base64
import binascii
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.errors import HubError, InvalidMessage
from hub.rules import certificates, xml

DS = "{http://www.w3.org/2000/09/xmldsig#}"
#: A declaration inside a text says nothing: the text is decoded already.
_DECLARATION = re.compile(r"\A\s*<\?xml\s[^>]*\?>\s*")
#: DigestMethod -> openssl's name of it.
_DIGESTS = {
    "http://www.w3.org/2000/09/xmldsig#sha1": "sha1",
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
#: JWS algorithm -> arguments of ``openssl dgst`` (RFC 7518 3.3 to 3.5; a PSS salt is as long as the hash).
_PSS = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"
_JWS = {
    **{f"RS{bits}": f"-sha{bits}" for bits in (256, 384, 512)},
    **{f"PS{bits}": f"-sha{bits} {_PSS}" for bits in (256, 384, 512)},
    **{f"ES{bits}": f"-sha{bits}" for bits in (256, 384, 512)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the evidence, by its path in the folder."""

    path: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One command that anybody can run in the folder; it ends with 0 only where what it says is true."""

    vi: str
    en: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A signature taken apart."""

    files: tuple[File, ...] = ()
    checks: tuple[Check, ...] = ()
    #: DER of the signer's certificate; empty where it is not named.
    certificate: bytes = b""


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


def of_xml(document: bytes, *, folder: str, name: str, certificate: bytes = b"") -> Proof:
    """Take an enveloped XML signature apart; nothing comes where there is none.

    ``name``: file name of the document in the folder. ``certificate``: the signer's, where it is known otherwise.
    """
    root = _tree(document)
    signature = None if root is None else _signature(root)
    if root is None or signature is None:
        return Proof()
    der = certificate or _certificate(signature)
    files = [File(path=f"{folder}/signature.xml", body=etree.tostring(signature, with_tail=False))]
    checks = []
    if der:
        files.append(File(path=f"{folder}/certificate.pem", body=pem(der)))
        checks.append(_xmlsec1(root, signature, folder, name))
    return Proof(files=tuple(files), checks=tuple(checks), certificate=der)


def _certificate(signature: etree._Element) -> bytes:
    texts = [node.text or "" for node in signature.iter(f"{DS}X509Certificate")]
    try:
        found = [certificates.read_certificate(base64.b64decode(text)) for text in texts]
        return certificates.signing_certificate(found).public_bytes(Encoding.DER)
    except (HubError, binascii.Error, ValueError):
        return b""


def _xmlsec1(root: etree._Element, signature: etree._Element, folder: str, name: str) -> Check:
    words = ["xmlsec1", "--verify"]
    reference = next(signature.iter(f"{DS}Reference"), None)
    uri = "" if reference is None else reference.get("URI", "")
    if uri.startswith("#") and (attribute := _id_attribute(root, uri[1:])):
        words += [f"--id-attr:{attribute[0]}", attribute[1]]
    # Only this certificate's key counts: what KeyInfo offers (a bare KeyValue, another certificate) is not looked at.
    words += ["--enabled-key-data", "key-name", "--pubkey-cert-pem", f"{folder}/certificate.pem", f"{folder}/{name}"]
    return Check(
        vi=f"Chữ ký XML trong {folder}/{name} khớp với chứng thư số {folder}/certificate.pem",
        en=f"the XML signature in {folder}/{name} fits the certificate {folder}/certificate.pem",
        command=shlex.join(words),
    )


def _id_attribute(root: etree._Element, value: str) -> tuple[str, str] | None:
    for element in root.iter("*"):
        for attribute in ("Id", "ID", "id"):
            if element.get(attribute) == value:
                name = etree.QName(element)
                return attribute, f"{name.namespace}:{name.localname}" if name.namespace else name.localname
    return None


def signed_octets(document: bytes, signed: str) -> Check | None:
    """Say how to see that a file holds exactly the octets whose digest stands in the signature."""
    root = _tree(document)
    signature = None if root is None else _signature(root)
    if signature is None:
        return None
    method = next(signature.iter(f"{DS}DigestMethod"), None)
    value = next(signature.iter(f"{DS}DigestValue"), None)
    algorithm = _DIGESTS.get("" if method is None else method.get("Algorithm", ""))
    if algorithm is None or value is None:
        return None
    digest = "".join((value.text or "").split())
    read = f"openssl dgst -{algorithm} -binary {shlex.quote(signed)} | openssl base64 -A"
    return Check(
        vi=f"{signed} đúng là phần đã ký: mã băm trùng với DigestValue trong chữ ký",
        en=f"{signed} is what was signed: its digest is the signature's DigestValue",
        command=f'test "$({read})" = {shlex.quote(digest)}',
    )


# --- certificates ------------------------------------------------------------------------------------------------


def of_certificate(der: bytes, *, folder: str, fingerprint: str, at: float, trusted: Sequence[bytes], weak: bool) -> Proof:
    """Say how to see that a certificate is the verdict's, and that whom the hub trusts stands behind it at that moment.

    ``trusted``: DER of the certificates that this endpoint trusts now.
    """
    path = f"{folder}/certificate.pem"
    checks = []
    if fingerprint:
        read = f"openssl x509 -in {path} -outform DER | openssl dgst -sha256 -r | cut -c1-64"
        vi, en = "là chứng thư số nêu trong kết luận kiểm tra", "is the certificate that the verdict names"
        checks.append(Check(vi=f"{path} {vi}", en=f"{path} {en}", command=f'test "$({read})" = {fingerprint}'))
    if not trusted:
        return Proof(checks=tuple(checks))
    anchors = f"{folder}/trusted.pem"
    level = " -auth_level 0" if weak else ""
    checks.append(
        Check(
            vi=f"{path} được tin cậy (theo {anchors}) vào thời điểm nhận",
            en=f"{path} was trusted (by {anchors}) at the moment of reception",
            command=f"openssl verify -partial_chain{level} -attime {int(at)} -CAfile {anchors} {path}",
        )
    )
    return Proof(files=(File(path=anchors, body=b"".join(map(pem, trusted))),), checks=tuple(checks))


# --- JWS ---------------------------------------------------------------------------------------------------------


def of_jws(token: str, *, folder: str, name: str, certificate: bytes = b"") -> Proof:
    """Take a detached JWS with unencoded payload (RFC 7797) over a file apart; nothing comes where it cannot be read.

    ``certificate``: the signer's, where it is known otherwise than by the token.
    """
    protected, _, encoded = token.partition("..")
    try:
        head = json.loads(_decoded(protected))
        der = certificate or base64.b64decode(head["x5c"][0])
        written, signature = pem(der), _as_openssl(head["alg"], _decoded(encoded))
        options = _JWS[head["alg"]]
    except (ValueError, KeyError, IndexError, TypeError):
        return Proof()
    files = (
        File(path=f"{folder}/jws.txt", body=token.encode()),
        File(path=f"{folder}/jws-protected.txt", body=protected.encode()),
        File(path=f"{folder}/jws-signature.bin", body=signature),
        File(path=f"{folder}/certificate.pem", body=written),
    )
    # RFC 7797 3: the signing input is the protected header, a dot and the payload as it is.
    given = f"{{ cat {folder}/jws-protected.txt; printf .; cat {folder}/{name}; }}"
    command = (
        f"openssl x509 -in {folder}/certificate.pem -noout -pubkey -out {folder}/public-key.pem && {given} | "
        f"openssl dgst {options} -verify {folder}/public-key.pem -signature {folder}/jws-signature.bin"
    )
    check = Check(
        vi=f"Chữ ký JWS trên {folder}/{name} khớp với chứng thư số {folder}/certificate.pem",
        en=f"the JWS over {folder}/{name} fits the certificate {folder}/certificate.pem",
        command=command,
    )
    return Proof(files=files, checks=(check,), certificate=der)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _as_openssl(algorithm: str, signature: bytes) -> bytes:
    """JWS writes an ECDSA signature as r and s side by side (RFC 7518 3.4), openssl wants them in DER."""
    if not algorithm.startswith("ES"):
        return signature
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


def as_json(value: Any) -> bytes:
    """Write JSON for people to read: the same value gives the same bytes."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
