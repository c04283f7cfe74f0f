"""Files that stand inside phytosanitary certificates: kept by digest when they come, put back in when one is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from adapters.ephyto import sps
from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.phyto import Phyto, ReferencedDocument
from hub.canonical.document import Attachment
from hub.canonical.message import Message
from hub.contract import Call, Incoming, Opened, Outgoing, Request, Writing
from hub.intake import receive
from hub.ledger import payloads
from hub.ledger.tables import attachment_givers, deliveries
from hub.payloads import put
from tests.adapters.ephyto.phytos import certificate
from tests.support.border_world import ABROAD, EPHYTO, MARD, Border, issued, opened
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import carry_all

FILE = b"Packing list, invented."


def _read(document: bytes, told: Opened, options: Any) -> Incoming:
    phyto, files = sps.read_with_files(document)
    exporting = phyto.export_country.code
    message = BorderMessage(
        event=BorderEvent.ISSUED,
        document=BorderDocument.PHYTO,
        number=phyto.number,
        issuing_country=exporting,
        importing_country=phyto.import_country.code,
        phyto=phyto,
    )
    return Incoming(messages=(message,), identity=phyto.number, files=files)


def _inlines(message: Message, call: Call, options: Any) -> tuple[str, ...]:
    assert isinstance(message, BorderMessage)
    return sps.file_names(message.phyto) if message.phyto else ()


def _write(message: Message, call: Call, writing: Writing) -> Outgoing:
    assert isinstance(message, BorderMessage)
    assert message.phyto is not None
    return Outgoing(service=call.service, body=sps.write_certificate(message.phyto, writing.contents))


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Border]:
    """The hub, whose way abroad speaks certificates."""
    speaks = replace(ABROAD, read_message=_read, inlines=_inlines, write_message=_write, long_texts=True)
    with ledger_on(request.param) as ledger, opened(tmp_path / "config", ledger) as made:
        made.hub = replace(made.hub, adapters={**made.hub.adapters, ABROAD.name: speaks})
        yield made


def from_abroad() -> bytes:
    """A certificate of Indonesia with a file inside."""
    document = certificate("export_851")
    return document.replace(b"<ram:ID>VN</ram:ID>", b"<ram:ID>XX</ram:ID>").replace(
        b"<ram:ID>ID</ram:ID>", b"<ram:ID>VN</ram:ID>"
    ).replace(b"<ram:ID>XX</ram:ID>", b"<ram:ID>ID</ram:ID>")


def outgoing(number: str, file: Attachment) -> BorderMessage:
    phyto: Phyto = sps.read_certificate(certificate("re_export_657"))
    reference = ReferencedDocument(type_code="271", relationship="ZZZ", number="PL-1", file=file)
    return issued(phyto.model_copy(update={"number": number, "references": (*phyto.references, reference)}))


def business(world: Border, subject: str) -> tuple[str, str, bytes]:
    """Give state and cause of a document's delivery, and the bytes that were written for it."""
    with world.hub.ledger.read() as conn:
        row = conn.execute(select(deliveries).where(deliveries.c.subject == subject)).one()
        return row.state, row.error_code, payloads.get(conn, row.business_digest) or b""


def test_a_file_inside_a_certificate_is_kept_and_named_by_its_address_here(world: Border) -> None:
    answer = receive(world.hub, Request(endpoint=EPHYTO, body=from_abroad(), idempotency_key="1"))
    assert answer.body == b"taken"

    (told,) = world.told("border:phyto:ID:VN-THU-2026-000101", MARD)
    assert told.phyto is not None
    file = told.phyto.references[0].file
    assert file is not None
    assert file.url == f"{world.hub.public_url.rstrip('/')}/attachments/{file.digest}"
    assert (file.name, file.size) == ("packing-list.txt", len(FILE))
    reading = world.hub.payloads.open(file.digest)
    assert reading is not None
    assert reading.read() == FILE
    reading.close()
    with world.hub.ledger.read() as conn:
        givers = [(row.digest, row.endpoint) for row in conn.execute(select(attachment_givers))]
    assert givers == [(file.digest, EPHYTO)]


def test_a_file_that_was_given_to_the_hub_stands_inside_what_is_written(world: Border) -> None:
    kept = put(world.hub.payloads, [FILE])
    world.hub.ledger.record_given(kept.digest, size=kept.size, givers=(MARD,), now=world.hub.now())
    url = f"{world.hub.public_url.rstrip('/')}/attachments/{kept.digest}"
    message = outgoing("VN-FILE-1", Attachment(name="list.txt", url=url))
    assert world.say(MARD, message).body == b"taken"

    assert carry_all(world.hub) == 1

    phyto, files = sps.read_with_files(business(world, message.subject)[2])
    assert [b"".join(each.pieces()) for each in files] == [FILE]
    assert phyto.references[-1].file is not None
    assert phyto.references[-1].file.name == "list.txt"


@pytest.mark.parametrize("digest", ["a" * 64, "0" * 64])
def test_a_file_of_another_is_refused_at_the_door(world: Border, digest: str) -> None:
    url = f"{world.hub.public_url.rstrip('/')}/attachments/sha256:{digest}"

    answer = world.say(MARD, outgoing("VN-FILE-2", Attachment(name="x", url=url)))

    assert answer.status == 422
    assert b"/phyto/references/1/file" in answer.body


def test_a_bare_digest_takes_no_file_of_another_out_of_the_store(world: Border) -> None:
    """The name of a file in the store, in place of an address: nothing of it leaves."""
    receive(world.hub, Request(endpoint=EPHYTO, body=from_abroad(), idempotency_key="1"))
    (told,) = world.told("border:phyto:ID:VN-THU-2026-000101", MARD)
    assert told.phyto is not None
    assert told.phyto.references[0].file is not None
    message = outgoing("VN-FILE-3", Attachment(name="x", url=told.phyto.references[0].file.digest))
    assert world.say(MARD, message).body == b"taken"

    carry_all(world.hub)

    state, code, written = business(world, message.subject)
    assert (state, written) == ("parked", b""), code
