"""What other countries send: who may say what, what a repeat is, what is listed; and hostile documents of any size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import adapters.asean_window
from adapters.asean_window.inbound import answer, open_request, read_message
from adapters.asean_window.options import AseanWindowOptions
from adapters.asean_window.writing import MOST_LISTED
from hub.canonical.border.message import AnswerResult, BorderEvent, BorderMessage
from hub.contract import FOLLOWED_MESSAGE, FOLLOWED_SUBJECT, GATEWAY_WORD_PATH, Incoming, Outcome, Request
from hub.errors import InvalidMessage, NotPermitted
from tests.support.clock import Clock

SAMPLES = Path(adapters.asean_window.__file__).parent / "samples/in"
OPTIONS = AseanWindowOptions()
WORD = {"number": "n@gw", "message_id": "m-1", "code": "DL", "technical": "delivered", "final": True}
ABOUT = {FOLLOWED_SUBJECT: "border:origin:VN:VN-ID 26/09/00017", FOLLOWED_MESSAGE: "m-1"}


def sample(name: str) -> bytes:
    """Give a document of the samples."""
    return (SAMPLES / f"{name}.xml").read_bytes()


def came(
    body: bytes, options: AseanWindowOptions = OPTIONS, headers: Mapping[str, str] | None = None, path: str = ""
) -> Incoming:
    """Read a document as the hub does."""
    request = Request(endpoint="asw", body=body, path=path, headers=headers or {})
    opened = open_request(request, options)
    return read_message(opened.document, opened, options)


def refused(body: bytes, options: AseanWindowOptions = OPTIONS) -> list[tuple[str, str]]:
    """Give path and code of each fault."""
    with pytest.raises(InvalidMessage) as caught:
        came(body, options)
    return [(fault.path, fault.code) for fault in caught.value.faults]


def said(read: Incoming) -> BorderMessage:
    """Give the first message."""
    message = read.messages[0]
    assert isinstance(message, BorderMessage)
    return message


def test_the_identity_is_sender_type_reference_function_and_identifier() -> None:
    """Another transport of the same message has the same identity; a copy, or another country's, has another."""
    body = sample("eformd")
    sender = "ID|ATIGA-EFORMD|ID-VN 26/09/00017|9|7f1f2c0a-0c0f-4d0e-8a4b-000000000001@asw.id.example"

    assert came(body).identity == came(body, headers={"gateway-message": "other"}).identity == sender
    assert came(body.replace(b">9</FunctionCode>", b">35</FunctionCode>")).identity != sender
    # Nobody makes an identity of two others by writing the sign between its parts.
    assert came(body.replace(b"00017</ReferenceNumber>", b"00017|9</ReferenceNumber>")).identity.count("|") == sender.count("|")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("eformd", b"<SenderCountry>ID", b"<SenderCountry>SG"),
        ("eformd", b"<ReceiverCountry>VN", b"<ReceiverCountry>SG"),
        ("cancelled", b"<ReceiverCountry>VN", b"<ReceiverCountry>ID"),
        ("acdd", b"<ExportCountry>ID", b"<ExportCountry>VN"),
        ("response_partly", b"<ReceiverCountry>VN", b"<ReceiverCountry>SG"),
        ("hop", b"<IssuingCountry>VN", b"<IssuingCountry>SG"),
    ],
)
def test_nobody_speaks_for_another_country(name: str, old: bytes, new: bytes) -> None:
    """Issuer, sender and receiver fit each other, or the document is not permitted."""
    with pytest.raises(NotPermitted):
        came(sample(name).replace(old, new))


def test_a_partner_of_the_gateway_is_the_country_that_it_is_called() -> None:
    """What comes from one partner and says that it is of another country is not permitted."""
    named = AseanWindowOptions(partner_countries={"jakarta": "ID"})

    assert said(came(sample("eformd"), named, {"gateway-partner": "jakarta"})).issuing_country == "ID"
    with pytest.raises(NotPermitted):
        came(sample("eformd"), OPTIONS, {"gateway-partner": "jakarta"})
    with pytest.raises(NotPermitted):
        came(sample("eformd"), named, {"gateway-partner": "SG"})


def test_what_the_schema_does_not_know_is_listed_or_refused() -> None:
    """Once for each kind of place, with a limit; nothing of it is in the message."""
    more = sample("eformd_with_more")

    assert said(came(more)).native["leftOut"] == "/EFormD/Certificate/Items/Item/@local; /EFormD/Certificate/LocalNote"
    assert sorted(refused(more, AseanWindowOptions(unexpected="refuse"))) == [
        ("/EFormD/Certificate/Items/Item/@local", "unexpected"),
        ("/EFormD/Certificate/LocalNote", "unexpected"),
    ]


def test_what_stands_beside_something_unknown_is_held_against_the_schema_all_the_same() -> None:
    """Something unknown in front of it does not hide a fault, in a document of any size."""
    wrong = sample("eformd").replace(b"<VoyageNumber>V0042", b"<Odd/><VoyageNumber>" + b"V" * 101)
    many = b"".join(b'<Item number="%d"><Odd/><OriginCriterion code="WO"/></Item>' % number for number in range(10, 3_000))

    assert refused(wrong) == [("/EFormD/Certificate/Transport/VoyageNumber", "too_long")]
    assert len(refused(wrong.replace(b"<Items>", b"<Items>" + many, 1))) == 1


def test_something_unknown_never_stands_for_something_required() -> None:
    """An element under another name is listed, and what it should have been is missing."""
    renamed = sample("eformd").replace(b"IssueDate>", b"IssuedOn>", 2)

    assert refused(renamed) == [("/EFormD/Certificate/IssueDate", "missing")]


def test_available_after_store_answers_in_the_same_reading() -> None:
    """RES-REC stands beside the document itself, so it is recorded with it or not at all; nothing else is answered so."""
    options = AseanWindowOptions(available_after="store")
    document, own = came(sample("eformd"), options).messages

    assert isinstance(own, BorderMessage)
    assert own.answer is not None
    assert (own.event, own.answer.result, own.subject) == (BorderEvent.ANSWERED, AnswerResult.AVAILABLE, document.subject)
    assert own.native["aswOwnAnswer"] == "RES-REC"
    assert own.native["aswMessageId"] == said(came(sample("eformd"))).native["aswMessageId"]
    for name in ("cancelled", "response_partly", "copy_asked", "hop"):
        assert len(came(sample(name), options).messages) == 1


def test_res_rec_acknowledges_our_delivery_and_nothing_else_does() -> None:
    """RES-NOT may be followed by another try, NOT GIVEN by a reconsideration: neither closes or refuses a delivery."""
    closing = {name: came(sample(name)).correlation for name in ("response_received", "response_not_received", "response_partly")}

    assert closing == {
        "response_received": "7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10",
        "response_not_received": "",
        "response_partly": "",
    }


# --- a gateway's word -----------------------------------------------------------------------------------------------


def word(headers: Mapping[str, str] = ABOUT, options: AseanWindowOptions = OPTIONS, **more: object) -> Incoming:
    """Read a gateway's word."""
    return came(json.dumps(WORD | more).encode(), options, headers, GATEWAY_WORD_PATH)


@pytest.mark.parametrize(
    ("technical", "final", "hop", "correlation", "refused_late"),
    [
        ("pending", False, "", "", False),
        ("sent", False, "AS1", "", False),
        ("delivered", True, "AS2", "m-1", False),
        ("delivered_with_warnings", True, "AS2", "m-1", False),
        ("failed", True, "", "m-1", True),
        ("not_readable", True, "", "m-1", True),
        ("failed", False, "", "", False),
        ("unknown", False, "", "", False),
    ],
)
def test_a_gateways_word_moves_the_way_and_closes_the_delivery_when_final(
    technical: str, final: bool, hop: str, correlation: str, refused_late: bool
) -> None:
    """Technical state and hop, of the document that the delivery was about."""
    read = word(technical=technical, final=final)
    message = said(read)

    assert message.tracking is not None
    assert (message.subject, message.event) == ("border:origin:VN:VN-ID 26/09/00017", BorderEvent.TRACKED)
    assert (message.tracking.technical, message.tracking.hop, message.tracking.code) == (technical, hop, "DL")
    assert (read.correlation, read.correlation_refused) == (correlation, refused_late)
    assert said(word(technical=technical, options=AseanWindowOptions(gateway_hops=False))).tracking.hop == ""  # type: ignore[union-attr]


def test_the_same_word_has_the_same_identity() -> None:
    """A word that is asked for twice is passed over the second time; a new state is new."""
    assert word().identity == word().identity
    assert word(code="DF").identity != word().identity


@pytest.mark.parametrize("subject", ["", "border", "border:origin", "border:poem:VN:1", "dossier:1", "border:origin:VN:", "\x00"])
def test_a_word_about_nothing_we_know_is_refused(subject: str) -> None:
    """Without the document that it is about nothing is guessed."""
    with pytest.raises(InvalidMessage) as caught:
        word({FOLLOWED_SUBJECT: subject})
    assert [fault.path for fault in caught.value.faults] == [f"/{FOLLOWED_SUBJECT}"]


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"number": {}}', b"[" * 100_000, b'{"at": "99"}', b"\xff\xfe"])
def test_a_word_that_is_none_is_refused(body: bytes) -> None:
    """Whatever stands there, it is a fault and no crash."""
    with pytest.raises(InvalidMessage):
        came(body, headers=ABOUT, path=GATEWAY_WORD_PATH)


# --- hostile --------------------------------------------------------------------------------------------------------


def test_very_many_of_anything_is_read_in_bounded_work() -> None:
    """Unknown elements, doubled ones, faulty items: neither the faults nor what is listed grow without end."""
    body = sample("eformd")
    unknown = b"".join(b"<X%d/>" % number for number in range(20_000))
    faulty = b'<Item number="x"><OriginCriterion code="WO"/></Item>' * 3_000

    listed = said(came(body.replace(b"<Items>", unknown + b"<Items>", 1))).native["leftOut"]
    assert len(listed.split("; ")) == MOST_LISTED
    assert 0 < len(refused(body.replace(b"<Items>", b"<Items>" + faulty, 1))) <= 1_100
    twice = refused(body.replace(b"<Items>", b"<IssueDate>2026-03-02</IssueDate>" * 5_000 + b"<Items>", 1))
    assert {code for _, code in twice} <= {"too_many", "out_of_order", "more_faults", "unexpected"}


@pytest.mark.parametrize("number", ["1e400", "NaN", "Infinity", "-", "1" * 60, "٣", "0x10", "1_000", " ", "1,5"])
def test_a_quantity_that_is_none_is_a_fault(number: str) -> None:
    """No text becomes another number than the one that stands there."""
    faults = refused(sample("eformd").replace(b">812</GrossWeight>", f">{number}</GrossWeight>".encode()))

    assert [path for path, _ in faults] == ["/EFormD/Certificate/Items/Item[2]/GrossWeight"]


@pytest.mark.parametrize("day", ["2026-02-30", "02/03/2026", "0001-01-01", "9999-12-31", "2026-3-2", "20260302", "2026-W10-1"])
def test_a_day_that_is_none_is_a_fault(day: str) -> None:
    """Neither another form nor a day that there is not."""
    assert [path for path, _ in refused(sample("eformd").replace(b"2026-03-02</IssueDate>", f"{day}</IssueDate>".encode()))] == [
        "/EFormD/Certificate/IssueDate"
    ]


def test_a_day_with_an_offset_stays_that_day() -> None:
    """A legal date is never moved by a time zone."""
    for written in (b"2026-03-02Z", b"2026-03-02-11:00", b"2026-03-02+14:00"):
        message = said(came(sample("eformd").replace(b"2026-03-02</IssueDate>", written + b"</IssueDate>")))
        assert message.origin is not None
        assert message.origin.issued_on.isoformat() == "2026-03-02"


def test_faults_tell_no_persons() -> None:
    """A door's answer names fields, never what stands in them."""
    with pytest.raises(InvalidMessage) as caught:
        came(sample("eformd").replace(b"2026-03-01</Date>\n      <Signatory>", b"PT CONTOH</Date>\n      <Signatory>"))
    request = Request(endpoint="asw", body=b"")
    body = answer(Outcome(message_id="1", received_at=Clock()(), error=caught.value), None, request, OPTIONS).body

    assert b"/EFormD/Certificate/Declaration/Date" in body
    assert b"CONTOH" not in body
