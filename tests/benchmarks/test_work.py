"""The peers' work is the hub's work: the same bytes come out, and what must be refused is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from benchmarks import dossiers, work
from hub.errors import InvalidMessage
from hub.rules import signatures, signing, xml
from hub.rules.trust import TrustSnapshot
from hub.trust import keys
from tests.benchmarks.world import KEYS, MESSAGE_ID, made

NOW = datetime(2026, 3, 2, 2, 15, 4, tzinfo=UTC)
OURS = keys.load_certificates(KEYS.ours.certificate_pem)[0]
SETTINGS = [(verify, translate) for verify in ("signxml", "strict") for translate in ("direct", "rooms")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return KEYS.write(tmp_path_factory.mktemp("keys"))


def signed_part(request: bytes, certificate=OURS) -> bytes:
    payload = next(etree.fromstring(request).iter("{http://tempuri.org/}payload"))
    trust = TrustSnapshot(pinned=(certificate,))
    return signatures.signed_part(payload.text.encode(), trust, datetime.now(UTC)).signed_bytes


@pytest.mark.parametrize("size", dossiers.SIZES.values(), ids=dossiers.SIZES)
def test_translated_in_place_or_by_the_hub_the_bytes_are_the_same(size: int) -> None:
    """Else one of the two would be measured at other work."""
    trust = TrustSnapshot(pinned=(KEYS.trader_signer.certificate,))
    for dossier in made(20 if size == dossiers.SMALL_BYTES else 2, size):
        octets = signatures.signed_part(dossier.document, trust, datetime.now(UTC)).signed_bytes
        root = xml.parse(octets)
        work.direct(root, MESSAGE_ID, NOW)

        assert xml.serialise(root) == work.by_rooms(octets, MESSAGE_ID, NOW)


@pytest.mark.parametrize(("verify", "translate"), SETTINGS)
def test_what_goes_out_is_signed_by_us_and_for_the_ministry(folder: Path, verify, translate) -> None:
    """In each setting the receiver can verify it, and finds the dossier and our own message identifier."""
    (dossier,) = made(1)
    root = xml.parse(signed_part(work.Unit(folder, verify=verify, translate=translate).request(dossier.document)))

    assert root.findtext("Header/Subject/reference") == dossier.reference
    assert root.findtext("Header/To/identity") == "BNN"
    assert root.findtext("Header/Reference/messageId") not in dossier.document.decode()


@pytest.mark.parametrize(("verify", "translate"), SETTINGS)
def test_a_changed_document_is_refused(folder: Path, verify, translate) -> None:
    """The signature is looked at."""
    (dossier,) = made(1)
    changed = dossier.document.replace(b"<function>01<", b"<function>02<")

    with pytest.raises(Exception, match=r"Digest mismatch|changed after signing"):
        work.Unit(folder, verify=verify, translate=translate).request(changed)


@pytest.mark.parametrize(("verify", "translate"), SETTINGS)
def test_a_document_that_is_not_valid_is_refused(folder: Path, verify, translate) -> None:
    """The schema is looked at, whatever was signed."""
    (dossier,) = made(1)
    root = etree.fromstring(dossier.document)
    root.remove(root.find("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    root.find("Header/Subject/sendDate").text = "hôm qua"
    document = signing.sign_xml(etree.tostring(root), KEYS.trader_signer)

    with pytest.raises((work.WorkFailed, InvalidMessage)):
        work.Unit(folder, verify=verify, translate=translate).request(document)


def test_the_end_of_a_cdata_section_inside_a_document_ends_nothing() -> None:
    """``]]>`` may stand in a text only escaped, but in an attribute it may stand as it is."""
    document = b'<a b="]]>"/>'
    payload = next(etree.fromstring(work.wrap(document)).iter("{http://tempuri.org/}payload"))

    assert payload.text == document.decode()


@pytest.mark.parametrize(("status", "reply"), [(200, b""), (200, b"<function>00</function>"), (500, b"<function>99</function>")])
def test_only_a_receipt_is_taken_for_one(status: int, reply: bytes) -> None:
    """Everything else leaves the message on the queue."""
    with pytest.raises(work.WorkFailed):
        work.check_taken(status, reply)
