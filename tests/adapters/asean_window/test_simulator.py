"""The other country's double: takes what is its own, once; answers as it was told; speaks the schema that we read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import adapters.asean_window
from adapters.asean_window.inbound import open_request, read_message
from adapters.asean_window.options import AseanWindowOptions
from adapters.asean_window.receipts import read_receipt
from adapters.asean_window.simulator import simulator
from hub.canonical.border.message import BorderMessage
from hub.contract import Outgoing, Reply, Request
from hub.errors import Refused
from hub.simulation import SimulatorServer
from hub.wire import Wire

SAMPLES = Path(adapters.asean_window.__file__).parent / "samples/out"
FORM_D = (SAMPLES / "eformd.0.body.xml").read_bytes()
SENT = Outgoing(service="origin.issued", body=FORM_D)


@pytest.fixture(scope="module")
def country() -> Iterator[SimulatorServer]:
    with simulator(answers="RES-REC GIVEN") as server:
        yield server


def post(server: SimulatorServer, body: bytes) -> Reply:
    """Give it a document."""
    wire = Wire()
    reply = wire.call("POST", f"{server.url}/documents", body=body, deadline_seconds=10.0)
    wire.close()
    return Reply(status=reply.status, body=reply.body)


def said(server: SimulatorServer) -> list[BorderMessage]:
    """Read everything that it has said, as the hub reads it."""
    found: list[object] = []
    for each in server.account()["sent"]:
        opened = open_request(Request(endpoint="asw", body=each["document"].encode()), AseanWindowOptions())
        found += read_message(opened.document, opened, AseanWindowOptions()).messages
    return [message for message in found if isinstance(message, BorderMessage)]


def test_a_document_is_taken_once_and_answered_as_told(country: SimulatorServer) -> None:
    """The same again is a duplicate, the same identifier with other content a conflict, another's document not permitted."""
    assert not read_receipt(post(country, FORM_D), SENT).already
    assert read_receipt(post(country, FORM_D), SENT).already
    for wrong in (FORM_D.replace(b"MV TEST STAR", b"MV OTHER"), FORM_D.replace(b"Country>ID<", b"Country>SG<"), b"<a/>", b"no"):
        with pytest.raises(Refused):
            read_receipt(post(country, wrong), SENT)

    assert list(country.account()["documents"]) == ["VN-ID 26/09/00017"]
    assert [message.answer.result for message in said(country) if message.answer] == ["available", "given"]


def test_everything_that_it_can_say_is_read(country: SimulatorServer) -> None:
    """Each verb makes a document that the shipped schema has."""
    post(country, FORM_D)
    number = {"number": "VN-ID 26/09/00017"}
    before = len(said(country))
    items = [{"number": 1, "preference": "NOT_GIVEN", "used": "0", "code": "HS", "reason": "<&>"}]
    country.verbs["answer"]({**number, "result": "NOT_GIVEN", "declaration": "1", "items": items, "reason": "test"})
    country.verbs["issue"]({"number": "ID-VN 26/09/00017", "items": [{"number": 1, "description": "A & B"}]})
    country.verbs["cancel"]({"number": "ID-VN 26/09/00017", "replaced_by": "ID-VN 26/09/00021"})
    country.verbs["ask_copy"](number)
    country.verbs["hop"]({**number, "hop": "AS3"})

    assert [message.event for message in said(country)[before:]] == ["answered", "issued", "cancelled", "copy_asked", "tracked"]


def test_faults_are_made_on_demand(country: SimulatorServer) -> None:
    """A document that is lost is answered by nothing; one that was not received says so."""
    for number, (fault, results) in enumerate({"lost": [], "not_received": ["not_received"]}.items()):
        before = len(said(country))
        country.faults.add(fault)
        other = FORM_D.replace(b"7d0f5b1e", b"%08d" % number).replace(b"00017</Ref", b"0002%d</Ref" % number)
        read_receipt(post(country, other), SENT)
        assert [message.answer.result for message in said(country)[before:] if message.answer] == results


def test_the_account_is_plain_values(country: SimulatorServer) -> None:
    """It can be shown at ``/_account``."""
    assert json.loads(json.dumps(country.account())) == country.account()
