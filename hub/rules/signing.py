"""Signing: what the hub writes is signed here, in the profile that an endpoint asks for, by whatever holds the key.

Profiles: enveloped XML-DSig, XAdES-B-B and -B-T (ETSI EN 319 132-1), detached JWS (RFC 7797). A signer's keys follow each
other: the one whose time it is signs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from hub.canonical.base import local
from hub.errors import BadSettings, CannotSign, Fault, InvalidMessage
from hub.rules import algorithms, certificates, jws, xml, xml_signing
from hub.rules.algorithms import Algorithm
from hub.rules.trust import HeldKey, Signer
from hub.rules.xml_signing import DS, Policy

#: Gives a time token (RFC 3161, DER) over a SHA-256 digest.
Stamp = Callable[[bytes], bytes]

_NCNAME = re.compile(r"[^\W\d][\w.-]*")
#: The names by which libraries look for the element of ``#id``.
_WITH_ID = etree.XPath("//*[@*[local-name()='Id' or local-name()='ID' or local-name()='id']=$value]")


# --- keys ---------------------------------------------------------------------------------------------------------


class MemoryKey:
    """A private key of ``cryptography``, loaded once (a PEM per call costs 50 ms)."""

    def __init__(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def sign(self, octets: bytes, algorithm: Algorithm) -> bytes:
        """Sign octets; see ``HeldKey``."""
        return algorithms.sign(self._key, octets, algorithm)


def in_memory(
    name: str,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate] = (),
) -> Signer:
    """Make a signer of a loaded key, for all the time of its certificate."""
    return holding(name, MemoryKey(key), certificate, chain)


def holding(name: str, key: HeldKey, certificate: x509.Certificate, chain: Sequence[x509.Certificate] = ()) -> Signer:
    """Make a signer of a key wherever it is kept, for all the time of its certificate."""
    return Signer(
        name=name,
        key=key,
        certificate=certificate,
        chain=tuple(chain),
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
    )


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of one signer, which follow each other; they may overlap."""

    name: str
    signers: tuple[Signer, ...]

    @property
    def is_in_memory(self) -> bool:
        """Say whether all keys are in this process's memory, so that signing waits for nothing."""
        return all(isinstance(signer.key, MemoryKey) for signer in self.signers)

    def at(self, now: datetime) -> Signer:
        """Give the key whose time it is; of several the one that began last, so that a new one takes over at its moment.

        Raises CannotSign where the next one's time comes later (the message waits for it), BadSettings where none is left:
        only an operator can bring a new one.
        """
        moment = local(now)
        due = [each for each in self.signers if each.valid_from <= moment < each.valid_until]
        if due:
            return max(reversed(due), key=lambda each: each.valid_from)
        later = [each.valid_from for each in self.signers if each.valid_from > moment]
        if later:
            raise self._not_yet(min(later), moment)
        raise self._none_left()

    def _not_yet(self, begins: datetime, moment: datetime) -> CannotSign:
        day = local(begins).isoformat(timespec="seconds")
        return CannotSign(
            f"signer {self.name!r} has no key until {day}",
            f"khoá ký {self.name!r} chưa có hiệu lực, phải chờ đến {day}",
            where=f"signers/{self.name}",
            retry_after=(begins - moment).total_seconds(),
        )

    def _none_left(self) -> BadSettings:
        ended = max((local(each.valid_until).isoformat(timespec="seconds") for each in self.signers), default="-")
        return BadSettings(
            f"signer {self.name!r}: its last certificate ended on {ended}; add a new key, then release what is parked",
            f"khoá ký {self.name!r}: chứng thư số cuối cùng đã hết hạn lúc {ended}; hãy thêm khoá mới rồi cho gửi lại (release)",
            where=f"signers/{self.name}",
        )


# --- profiles -----------------------------------------------------------------------------------------------------


def sign_xml(
    document: bytes, signer: Signer, algorithm: str = "", slot: str = "", root: etree._Element | None = None
) -> bytes:
    """Sign a document as a whole: enveloped XML-DSig, exclusive canonicalisation, the certificate in KeyInfo.

    The ds:Signature becomes the root's last child, or that of the empty element at the path ``slot``. Comments of the document
    are dropped. Raises InvalidMessage where the document cannot be signed, CannotSign where the key cannot be used now.

    ``root``: the tree of which the document was written; without it the document is read.
    """
    method = _method(signer, algorithm)
    return _enveloped(document, lambda tree: xml_signing.plain(document, tree, method, signer, slot), slot, root)


def sign_xades(
    document: bytes,
    signer: Signer,
    now: datetime,
    *,
    algorithm: str = "",
    policy: Policy | None = None,
    stamp: Stamp | None = None,
    slot: str = "",
    root: etree._Element | None = None,
) -> bytes:
    """Sign a document as a whole by XAdES-B-B; with ``stamp`` by XAdES-B-T, whose time token is over the signature's value.

    ``stamp`` is a call to the time-stamping authority, and raises CannotSign where that does not answer.
    """
    method = _method(signer, algorithm)

    def sign(tree: etree._Element) -> bytes:
        return xml_signing.xades(document, tree, method, signer, now, policy, stamp, slot)

    return _enveloped(document, sign, slot, root)


def sign_jws(body: bytes, signer: Signer, algorithm: str = "") -> str:
    """Sign a body apart from it: a detached JWS (RFC 7797) whose header carries the certificate."""
    method = _jws_method(signer, algorithm)
    der = certificates.octets(signer.certificate)
    carried = [base64.b64encode(certificates.octets(each)).decode() for each in (signer.certificate, *signer.chain)]
    head = {"alg": method.jws, "x5c": carried, "x5t#S256": certificates.thumbprint(der)}
    return jws.detached(body, head, lambda octets: signer.sign(octets, method))


def _method(signer: Signer, name: str) -> Algorithm:
    """Judge by the certificate, so that a key in an HSM needs no more than ``sign``."""
    return _xml_method(signer.certificate, name)


# A certificate's public key is made anew by each call, which costs as much as all the XML.
@lru_cache(maxsize=64)
def _xml_method(certificate: x509.Certificate, name: str) -> Algorithm:
    return algorithms.for_xml(certificate.public_key(), name)


def _jws_method(signer: Signer, name: str) -> Algorithm:
    return _cached_jws_method(signer.certificate, name)


@lru_cache(maxsize=64)
def _cached_jws_method(certificate: x509.Certificate, name: str) -> Algorithm:
    return algorithms.for_jws(certificate.public_key(), name)


def _enveloped(
    document: bytes, sign: Callable[[etree._Element], bytes], slot: str = "", root: etree._Element | None = None
) -> bytes:
    if root is None:
        # Of our own making: whole files may stand in it.
        root = xml.parse(document, long_texts=True)
    _check_can_be_signed(root)
    if slot:
        _check_slot(root, slot)
    try:
        return sign(root)
    except etree.LxmlError:  # Canonical XML 1.0, 1.3: a namespace must be an absolute URI
        vi, en = "không gian tên phải là URI tuyệt đối mới ký được", "only namespaces that are absolute URIs can be signed"
        raise InvalidMessage([Fault(f"/{_local(root)}", "bad_value", vi, en)]) from None


def _check_slot(root: etree._Element, slot: str) -> None:
    place = root.find(slot)
    if place is None or len(place) or place.text:
        vi, en = "không có chỗ trống dành cho chữ ký", "there is no empty place for the signature"
        raise InvalidMessage([Fault(f"/{_local(root)}/{slot}", "bad_value", vi, en)])


def _check_can_be_signed(root: etree._Element) -> None:
    """Refuse what our own verification would refuse: a second signature, an id that does not point to the root alone."""
    path = f"/{_local(root)}"
    if next(root.iter(f"{DS}Signature"), None) is not None:
        raise InvalidMessage([Fault(path, "already_signed", "văn bản đã có chữ ký", "the document has a signature already")])
    value = root.get("Id", root.get("ID"))
    if value is not None and (not _NCNAME.fullmatch(value) or _WITH_ID(root, value=value) != [root]):
        vi, en = "định danh phần tử gốc sai hoặc bị trùng", "the root's id is not valid or stands twice"
        raise InvalidMessage([Fault(f"{path}/@Id", "bad_value", vi, en)])


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname
