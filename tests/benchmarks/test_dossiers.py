"""The documents of a measurement: of the size that is said, each its own, and what the hub's door takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.single_window import ADAPTER
from benchmarks import dossiers, work
from hub.contract import Request
from hub.rules import signatures, xml
from hub.rules.trust import TrustSnapshot
from tests.benchmarks.world import KEYS, made

TRUST = TrustSnapshot(pinned=(KEYS.trader_signer.certificate,))


def content(dossier: dossiers.Dossier) -> bytes:
    return signatures.signed_part(dossier.document, TRUST, datetime.now(UTC)).signed_bytes


@pytest.mark.parametrize("size", dossiers.SIZES.values(), ids=dossiers.SIZES)
def test_a_document_has_the_size_that_is_said(size: int) -> None:
    """Before it is signed, and but for what a whole quantum of Base64 leaves."""
    for dossier in made(3, size):
        assert size - 3 <= len(xml.serialise(xml.parse(content(dossier)))) <= size


def test_the_same_seed_gives_the_same_documents() -> None:
    """Their content; keys are made anew."""
    assert [content(one) for one in made(5)] == [content(one) for one in made(5)]


def test_each_document_has_a_number_of_its_own() -> None:
    """Also those of the next round, which begins behind the seeds of this one."""
    numbers = [one.reference for one in (*made(40), *made(40, first_seed=41))]

    assert len(set(numbers)) == 80


def test_the_door_finds_the_document_in_the_request() -> None:
    """As the Single Window would bring it; what is read has the number that is waited for at the sink."""
    (dossier,) = made(1)
    request = Request(endpoint="vnsw", body=dossier.request(), content_type="application/soap+xml")
    opened = ADAPTER.open_request(request, work.COMING)

    assert opened.document == dossier.document
    (message,) = ADAPTER.read_message(content(dossier), opened, work.COMING).messages
    assert message.dossier.code == dossier.reference
