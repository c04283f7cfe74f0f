"""Signed applications for a measurement: made from a seed before the clock starts, with no person real.

An application of the plant quarantine procedure, whose files come inline: the sample generator's own content, filled up to
its size. A small one is filled by a text, as most messages carry no file (statuses, requests, answers); a large one by an
attachment of random bytes as Base64, which the hub takes out, keeps and puts back in. Signed as a whole by a trader's
RSA-2048 key. The same seed gives the same documents, but for the signature of a key made anew.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from adapters.single_window.options import Options
from adapters.single_window.samples import generator
from adapters.single_window.send_gateway import SendGateway
from hub.rules import signing, xml
from hub.rules.trust import Signer
from hub.trust import keys

DOCUMENT_TYPE = "BNN&PTNT0300002"
OFFICE_CODE = "BNN"
SOAP_VERSION = "1.2"
SMALL_BYTES, BIG_BYTES = 4_096, 204_800
SIZES = {"4 KB": SMALL_BYTES, "200 KB": BIG_BYTES}
_CONTENT = "Body/Content/Phytosanitary"
#: What is larger is so for its files.
_LARGEST_TEXT = 16_384
#: What a written attachment needs at least: four letters of Base64.
_QUANTUM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One application, as its trader signed it."""

    #: The dossier's number; the receiver finds it again in what arrives.
    reference: str
    #: The signed document, which the peers' queues hold.
    document: bytes

    def request(self) -> bytes:
        """Wrap the document in the SOAP request by which the Single Window brings it to the hub's door."""
        gateway = SendGateway(Options(), "http://127.0.0.1/doors/vnsw", SOAP_VERSION, "escaped", addressing=True)
        return gateway.wrap(self.document.decode(), DOCUMENT_TYPE, OFFICE_CODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """An authority with two keys of RSA-2048: the trader's signs what comes, ours what goes."""

    authority_pem: bytes
    trader: keys.MadeKey
    ours: keys.MadeKey

    @property
    def trader_signer(self) -> Signer:
        return keys.load_signer("trader", self.trader.key_pem, self.trader.certificate_pem)

    def write(self, folder: Path) -> Path:
        """Write what a worker needs: our key and certificate, and the trader's certificate to pin; give the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        written = {
            "authority.crt": self.authority_pem,
            "trader.crt": self.trader.certificate_pem,
            "ours.crt": self.ours.certificate_pem,
            "ours.pem": self.ours.key_pem,
        }
        for name, content in written.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_bytes(content)
        return folder


def make_keys() -> Keys:
    """Make the keys of one measurement."""
    now = datetime.now(UTC)
    authority = keys.make_development_authority(now)
    trader, ours = (keys.make_development_key(authority, name, now) for name in ("Bench trader", "Bench hub"))
    return Keys(authority_pem=authority.certificate_pem, trader=trader, ours=ours)


def make(
    count: int, *, size: int, first_seed: int, signer: Signer, made: Callable[[int], None] = lambda number: None
) -> list[Dossier]:
    """Make so many signed documents of ``size`` bytes (before signing, at most three fewer), each with its own number."""
    dossiers = []
    for seed in range(first_seed, first_seed + count):
        reference = generator.make_reference(DOCUMENT_TYPE, seed)
        document = signing.sign_xml(_document(seed, reference, size), signer)
        dossiers.append(Dossier(reference=reference, document=document))
        made(len(dossiers))
    return dossiers


def _document(seed: int, reference: str, size: int) -> bytes:
    """Write an application and fill it up; drawn again where its lists alone are too long, or it has no text to be filled."""
    for attempt in range(100):
        root = xml.parse(generator.application(DOCUMENT_TYPE, seed=seed + attempt * 1_000_003, reference=reference))
        content = _without_attachments(root)
        place = _attachment(content) if size > _LARGEST_TEXT else content.find("Uses")
        if place is None:
            continue
        place.text = "x" * _QUANTUM
        left = size - len(xml.serialise(root)) + _QUANTUM
        if left >= _QUANTUM:
            place.text = _random_base64(seed, left // _QUANTUM * 3)
            return xml.serialise(root)
    raise ValueError(f"no application of {size} bytes")


def _without_attachments(root: etree._Element) -> etree._Element:
    content = root.find(_CONTENT)
    assert content is not None
    for earlier in content.findall("AttachmentList"):
        content.remove(earlier)
    return content


def _attachment(content: etree._Element) -> etree._Element:
    """Add an attachment; give the element of its file."""
    attachment = etree.SubElement(etree.SubElement(content, "AttachmentList"), "Attachment")
    etree.SubElement(attachment, "FileName").text = "ho-so-thu-nghiem.pdf"
    return etree.SubElement(attachment, "FileByte")


def _random_base64(seed: int, count: int) -> str:
    return base64.b64encode(random.Random(seed).randbytes(count)).decode()  # noqa: S311 - filling, not secrets
