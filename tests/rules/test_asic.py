"""Manifests of ASiC-E: what is written is read, and nothing else is."""

from __future__ import annotations

import pytest

from hub.errors import InvalidMessage
from hub.rules import asic
from hub.rules.asic import DataObject

OBJECTS = (DataObject(uri="a.json", digest="ab" * 32), DataObject(uri="b/c.bin", digest="01" * 32))
MANIFEST = asic.write_manifest(asic.SEAL, asic.SEAL_TYPE, OBJECTS)


def test_what_is_written_is_read() -> None:
    found = asic.read_manifest(MANIFEST, asic.MANIFEST)

    assert (found.signature, found.objects) == (asic.SEAL, OBJECTS)


def test_it_is_in_the_words_of_the_standard() -> None:
    """EN 319 162-1, annex A.4: names, types, and the digest in Base64."""
    text = MANIFEST.decode()

    assert '<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#"' in text
    assert '<asic:SigReference URI="META-INF/signature001.p7s" MimeType="application/pkcs7-signature">' in text
    assert '<asic:DataObjectReference URI="a.json" MimeType="application/json">' in text
    assert '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256">' in text


def test_one_object_is_one_line() -> None:
    """So that it can be read with sed, as the script in a container does."""
    lines = [line for line in MANIFEST.splitlines() if b"DataObjectReference" in line]

    assert len(lines) == len(OBJECTS)


@pytest.mark.parametrize(
    "change",
    [
        (b"xmlenc#sha256", b"xmlenc#sha512"),
        (b"b/c.bin", b"a.json"),
        (b"</ds:DigestValue>", b"AAAA</ds:DigestValue>"),
        (b"</ds:DigestValue>", b"!</ds:DigestValue>"),
        (b"asic:ASiCManifest", b"asic:Manifest"),
        (b"asic:SigReference", b"asic:Other"),
        (b"02918/v1.2.1#", b"other#"),
        (b"ds:DigestMethod", b"ds:Other"),
        (MANIFEST, b""),
        (MANIFEST, b"<a/>"),
        (MANIFEST, b"<!DOCTYPE a><a/>"),
    ],
)
def test_anything_else_is_refused(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(InvalidMessage):
        asic.read_manifest(MANIFEST.replace(*change), asic.MANIFEST)
