"""The partner's double against a door made of the adapter: what it sends, signed and spoilt, and what it says it stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from adapters.single_window.options import Options
from adapters.single_window.simulator import simulator
from hub.canonical.codes import Event
from hub.errors import Conflict, InvalidMessage, Untrusted
from hub.rules.trust import TrustSnapshot
from hub.wire import Wire

Verb = Callable[..., Any]


@pytest.fixture
def partner_of(wire: Wire) -> Iterator[Callable[..., Verb]]:
    """Start a double that calls a door; give a function that steers it over HTTP."""
    with ExitStack() as running:

        def start(door: Any, **settings: Any) -> Verb:
            server = running.enter_context(simulator(hub_url=door.url, token="t0ken", **settings))

            def do(verb: str, **given: Any) -> Any:
                body = json.dumps({"verb": verb, **given}).encode()
                if verb == "account":
                    return json.loads(wire.call("GET", f"{server.url}/_account", deadline_seconds=20).body)
                return json.loads(wire.call("POST", f"{server.url}/_do", body=body, deadline_seconds=20).body)

            return do

        yield start


@pytest.fixture
def signed(open_door: Any, partner_of: Any, key_pair: Any) -> tuple[Any, Verb]:
    """A door that wants signatures, and a double that makes them."""
    door = open_door(trust=TrustSnapshot(policy="required", pinned=(key_pair.certificate,)))
    return door, partner_of(door, key_pem=key_pair.key_pem, certificate_pem=key_pair.certificate_pem)


def functions(answers: Any) -> list[str]:
    return [one["answer"]["function"] for one in (answers if isinstance(answers, list) else [answers])]


def test_a_signed_application_in_the_environment_ministrys_dialect_is_accepted(signed: tuple[Any, Verb]) -> None:
    """SOAP 1.2, To and Action that must be understood, the document escaped."""
    door, do = signed
    sent = do("application", document_type="BTNMT0600005", seed=5, area_code="48", unit_code="DN-01")
    (message,) = door.accepted

    assert sent["answer"] == {
        "status": 200,
        "function": "99",
        "type": "10",
        "reference": "BTNMT05260000005",
        "messageId": sent["answer"]["messageId"],
        "errors": [],
    }
    assert message.dossier.form["RegistrationProfile"]["ProvinceCode"] == "48"
    assert message.native["unitCode"] == "DN-01"


def test_an_unsigned_or_broken_one_is_not(signed: tuple[Any, Verb]) -> None:
    door, do = signed
    answers = [do("application", signed=False), do("application", fault="broken_signature")]

    assert functions(answers) == ["00", "00"]
    assert [type(error) for error in door.errors] == [Untrusted, Untrusted]
    assert [one["answer"]["errors"][0]["code"] for one in answers] == ["ERR00_CODE", "ERR00_CODE"]
    assert door.accepted == []


def test_a_document_type_definition_is_refused(signed: tuple[Any, Verb]) -> None:
    door, do = signed

    assert functions(do("application", fault="dtd")) == ["00"]
    assert [type(error) for error in door.errors] == [InvalidMessage]


def test_a_repeated_message_is_the_same_and_a_changed_one_a_conflict(signed: tuple[Any, Verb]) -> None:
    door, do = signed

    assert functions(do("application", fault="changed_body")) == ["99", "00"]
    assert [type(error) for error in door.errors] == [Conflict]


def test_a_duplicate_has_the_same_identity(open_door: Any, partner_of: Any) -> None:
    door = open_door()

    assert functions(partner_of(door)("application", fault="duplicate")) == ["99", "99"]
    first, second = door.accepted
    assert first == second


def test_eleven_faults_are_answered_with_eleven_errors(open_door: Any, partner_of: Any) -> None:
    sent = partner_of(open_door())("application", fault="eleven_faults")

    assert sent["answer"]["function"] == "00"
    assert len(sent["answer"]["errors"]) == 11


def test_a_dossier_is_supplemented_and_withdrawn(open_door: Any, partner_of: Any) -> None:
    door = open_door()
    do = partner_of(door)
    reference = do("application", document_type="BNNPTNT0600009")["reference"]
    answers = [
        do("supplement", reference=reference),
        do("withdraw", reference=reference, after_receipt=True),
        do("withdraw", reference=reference),
    ]

    assert functions(answers) == ["99", "99", "99"]
    assert [message.event for message in door.accepted] == [
        Event.SUBMITTED, Event.SUPPLEMENTED, Event.WITHDRAWAL_ASKED, Event.WITHDRAWN,
    ]  # fmt: skip
    assert {message.dossier.code for message in door.accepted} == {reference}


def test_any_registered_message_and_any_document_can_be_sent(open_door: Any, partner_of: Any) -> None:
    door = open_door()
    do = partner_of(door)
    answers = [
        do("send", document_type="BNN&PTNT0300002", type="24", function="22", values={"Reason": "sai tên hàng"}),
        do("send", document="<Envelope><Header><Subject><documentType>X</documentType></Subject></Header></Envelope>"),
    ]

    assert functions(answers) == ["99", "00"]
    assert door.accepted[0].steps[0].note == "sai tên hàng"


def test_where_a_structure_is_not_public_a_given_value_stands_as_it_is_named(open_door: Any, partner_of: Any) -> None:
    door = open_door()
    do = partner_of(door)
    do("send", document_type="BNNPTNT0300004", type="10", function="01", values={"PhytoCerNo": "ID-TN-000042"})

    assert door.accepted[0].dossier.form["Anything"]["PhytoCerNo"] == "ID-TN-000042"


def test_a_ministrys_system_calls_the_hub_as_if_it_were_the_receive_gateway(open_door: Any, partner_of: Any) -> None:
    door = open_door(Options(role="ministry"))
    do = partner_of(door, role="ministry", soap_version="1.1", payload="cdata", addressing=False)
    sent = do("send", document_type="BNNPTNT0600009", type="11", function="05", reference="BNNPTNT09260000123")

    assert sent["answer"]["function"] == "99"
    assert door.accepted[0].event is Event.RECEIVED
    assert door.accepted[0].dossier.code == "BNNPTNT09260000123"


def test_the_account_shows_what_was_sent_and_how_it_was_answered(open_door: Any, partner_of: Any) -> None:
    do = partner_of(open_door())
    do("application", seed=9)
    (sent,) = do("account")["sent"]

    assert (sent["type"], sent["function"], sent["reference"]) == ("10", "01", "BTNMT01260000009")
    assert sent["answer"]["function"] == "99"


def test_an_answer_that_is_no_envelope_is_shown_as_it_is(open_door: Any, partner_of: Any) -> None:
    """A door that takes SOAP 1.1 only answers a fault in the caller's version."""
    door = open_door(Options(inbound={"soap": ("1.1",)}))
    sent = partner_of(door)("application")

    assert sent["answer"]["status"] == 500
    assert "VersionMismatch" in sent["answer"]["fault"]
