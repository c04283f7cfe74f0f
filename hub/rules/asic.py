"""ASiC-E: which files a container has beside its data, and the manifests that bind them together (ETSI EN 319 162-1).

``META-INF/ASiCManifest001.xml`` names every data object with its digest; the seal is over that manifest. Where there is a time
token, ``META-INF/ASiCArchiveManifest.xml`` names manifest and seal as well, and the token is over it: so the token proves
that the seal was there while its certificate was valid (annex A.7).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from lxml import etree

from hub.errors import Fault, InvalidMessage
from hub.rules import xml

MIMETYPE_NAME, MIMETYPE = "mimetype", "application/vnd.etsi.asic-e+zip"
MANIFEST = "META-INF/ASiCManifest001.xml"
SEAL = "META-INF/signature001.p7s"
ARCHIVE_MANIFEST = "META-INF/ASiCArchiveManifest.xml"
TIMESTAMP = "META-INF/timestamp001.tst"
SEAL_TYPE, TIMESTAMP_TYPE = "application/pkcs7-signature", "application/vnd.etsi.timestamp-token"
_ASIC, _DS = "http://uri.etsi.org/02918/v1.2.1#", "http://www.w3.org/2000/09/xmldsig#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_TYPES = {
    "xml": "application/xml",
    "json": "application/json",
    "html": "text/html",
    "txt": "text/plain",
    "tsv": "text/tab-separated-values",
    "sh": "application/x-sh",
    "pem": "application/x-pem-file",
    "tst": TIMESTAMP_TYPE,
    "p7s": SEAL_TYPE,
}
#: 50,000 objects, each with three elements and their attributes.
_MAX_NODES = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DataObject:
    """One file that a manifest names."""

    uri: str
    #: SHA-256, hex.
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a manifest says."""

    #: The seal or the time token that is over this manifest.
    signature: str
    objects: tuple[DataObject, ...]


def write_manifest(signature: str, signature_type: str, objects: Iterable[DataObject]) -> bytes:
    """Write a manifest, one object a line, so that it can also be read with sed."""
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<asic:ASiCManifest xmlns:asic="{_ASIC}" xmlns:ds="{_DS}">\n'
        f'<asic:SigReference URI={quoteattr(signature)} MimeType="{signature_type}"></asic:SigReference>\n'
    )
    return (head + "".join(map(_written, objects)) + "</asic:ASiCManifest>\n").encode()


def _written(each: DataObject) -> str:
    digest = base64.b64encode(bytes.fromhex(each.digest)).decode()
    kind = _TYPES.get(each.uri.rpartition(".")[2], "application/octet-stream")
    return (
        f'<asic:DataObjectReference URI={quoteattr(each.uri)} MimeType="{kind}"><ds:DigestMethod Algorithm="{_SHA256}">'
        f"</ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></asic:DataObjectReference>\n"
    )


def read_manifest(octets: bytes, name: str) -> Manifest:
    """Read a manifest; raise InvalidMessage where it is none, or names a file twice or by another digest than SHA-256."""
    root = xml.parse(octets, max_nodes=_MAX_NODES)
    first, *rest = list(root) or [root]
    if root.tag != f"{{{_ASIC}}}ASiCManifest" or first.tag != f"{{{_ASIC}}}SigReference":
        raise _not_read(name)
    objects = tuple(_read(each, name) for each in rest)
    if len({each.uri for each in objects}) < len(objects):
        raise _not_read(name)
    return Manifest(signature=first.get("URI", ""), objects=objects)


def _read(element: etree._Element, name: str) -> DataObject:
    children = list(element)
    if element.tag != f"{{{_ASIC}}}DataObjectReference" or [each.tag for each in children] != [
        f"{{{_DS}}}DigestMethod",
        f"{{{_DS}}}DigestValue",
    ]:
        raise _not_read(name)
    try:
        digest = base64.b64decode(children[1].text or "", validate=True)
    except ValueError:
        raise _not_read(name) from None
    if children[0].get("Algorithm") != _SHA256 or len(digest) != hashlib.sha256().digest_size:
        raise _not_read(name)
    return DataObject(uri=element.get("URI", ""), digest=digest.hex())


def _not_read(name: str) -> InvalidMessage:
    vi, en = "không phải ASiCManifest theo ETSI EN 319 162-1", "this is no ASiCManifest of ETSI EN 319 162-1"
    return InvalidMessage([Fault(name, "bad_value", vi, en)])
