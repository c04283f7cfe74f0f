"""The synchronous answer: a whole envelope with 99 or 00 and all errors, in the caller's SOAP version."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from adapters.single_window import ADAPTER
from adapters.single_window.options import AnswerRules, Options
from adapters.single_window.registry import GEN2
from adapters.single_window.samples import generator
from adapters.single_window.soap import SOAP, WSA
from hub.contract import Answer, Opened, Outcome, Request
from hub.errors import Conflict, Fault, HubError, InvalidMessage, NoRoute, NotPermitted, Unavailable, Untrusted
from hub.rules import xml

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
REQUEST = Request(endpoint="nsw", body=b"", content_type="text/xml")
RECEIPT = xml.load_schema(GEN2 / "receipt.xsd")


def answer(
    error: HubError | None = None, document: bytes | None = None, options: Options | None = None, **head: str
) -> Answer:
    outcome = Outcome(message_id="01J", received_at=NOW, error=error)
    opened = Opened(document=generator.application() if document is None else document, head=head)
    return ADAPTER.answer(outcome, opened, REQUEST, options or Options())


def envelope(given: Answer) -> Any:
    """Take the envelope out of the answer, and check it against the schema of receipts."""
    found = next(iter(xml.parse(given.body).iter("{*}RequestResult", "{*}responsePayload")))
    root = xml.parse((found.text or "").encode())
    assert xml.faults(RECEIPT, root) == ()
    return root


def texts(root: Any, path: str) -> list[str]:
    return [element.text or "" for element in root.iterfind(path)]


def errors(given: Answer) -> list[str]:
    return texts(envelope(given), "Body/Content/ErrorList/Error/ErrorCode")


def of_reading(document: bytes) -> InvalidMessage:
    with pytest.raises(InvalidMessage) as caught:
        ADAPTER.read_message(document, Opened(document=document), Options())
    return caught.value


def test_an_accepted_message_is_answered_99_with_the_date_of_receipt() -> None:
    root = envelope(answer())

    assert texts(root, "Header/Subject/function") == ["99"]
    assert texts(root, "Body/Content/ReceiveDate") == ["2026-03-02 09:15:04"]
    assert texts(root, "Header/Subject/*")[:4] == ["BTNMT0600001", "10", "99", "BTNMT01260000001"]


def test_clients_that_cut_the_answer_by_text_find_it() -> None:
    """Known clients look for the escaped root without prefix and attributes, and unescape by replacing text."""
    body = answer().body.decode()
    cut = body[body.index("&lt;Envelope&gt;") : body.rindex("&lt;/Envelope&gt;") + len("&lt;/Envelope&gt;")]
    replaced = cut.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")

    assert xml.parse(replaced.encode()).tag == "Envelope"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_the_answer_has_the_callers_soap_version(version: str) -> None:
    given = answer(soap=version)

    assert SOAP[version].encode() in given.body
    assert given.content_type.startswith("application/soap+xml" if version == "1.2" else "text/xml")
    assert given.status == 200


@pytest.mark.parametrize("namespace", WSA)
def test_an_addressed_request_is_answered_with_its_number(namespace: str) -> None:
    root = xml.parse(answer(soap="1.2", messageId="urn:uuid:5", wsa=namespace).body)

    assert [element.text for element in root.iter(f"{{{namespace}}}RelatesTo")] == ["urn:uuid:5"]


@pytest.mark.parametrize(
    ("parties", "sender"), [("fixed", ["BTNMT", "X-UNIT"]), ("swapped", ["BTNMT", "OWN-UNIT"])]
)
def test_parties_of_the_answer_are_as_the_endpoint_says(parties: Any, sender: list[str]) -> None:
    party = Options().ministry_parties["BTNMT"].model_copy(update={"unit_code": "X-UNIT"})
    options = Options(answer=AnswerRules(parties=parties), ministry_parties={"BTNMT": party})
    root = envelope(answer(document=generator.application(unit_code="OWN-UNIT"), options=options))

    assert [*texts(root, "Header/From/identity"), *texts(root, "Header/From/unitCode")] == sender
    assert texts(root, "Header/To/identity") == ["NSW"]


def test_parties_that_cannot_be_echoed_are_the_configured_ones() -> None:
    document = generator.application().replace(b"<name>NSW</name>", b"<name>" + b"N" * 256 + b"</name>")
    root = envelope(answer(of_reading(document), document, Options(answer=AnswerRules(parties="swapped"))))

    assert texts(root, "Header/To/name") == ["NSW"]


def test_the_message_id_of_the_answer_is_fresh_or_the_same() -> None:
    document = generator.application()
    asked = texts(xml.parse(document), "Header/Reference/messageId")
    fresh = texts(envelope(answer(document=document)), "Header/Reference/messageId")
    options = Options(answer=AnswerRules(message_id="same"))
    same = texts(envelope(answer(document=document, options=options)), "Header/Reference/messageId")

    assert same == asked
    assert fresh != asked
    assert len(fresh[0]) == 36


def test_a_request_without_message_id_is_answered_with_a_fresh_one() -> None:
    document = re.sub(rb"<messageId>.*</messageId>", b"<messageId/>", generator.application())
    root = envelope(answer(document=document, options=Options(answer=AnswerRules(message_id="same"))))

    assert len(texts(root, "Header/Reference/messageId")[0]) == 36


def test_version_and_year_before_are_written_as_the_endpoint_says() -> None:
    root = envelope(answer(options=Options(version="1.0", pre_document_year=False)))

    assert texts(root, "Header/Reference/version") == ["1.0"]
    assert texts(root, "Header/Subject/preDocumentYear") == []


def test_all_errors_are_told_with_place_in_both_languages() -> None:
    document = generator.eleven_faults()
    root = envelope(answer(of_reading(document), document))
    names = texts(root, "Body/Content/ErrorList/Error/ErrorName")

    assert texts(root, "Header/Subject/function") == ["00"]
    assert len(names) == 11
    assert (
        "/Envelope/Body/Content/RegistrationProfile/ImporterName: thiếu trường bắt buộc ImporterName"
        " (required field ImporterName is missing or empty)" in names
    )


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        (lambda text: "", ["ERR00_CODE"]),
        (lambda text: text.replace("BTNMT0600001", "BYT0600001"), ["ERR01_CODE"]),
        (lambda text: text[:200], ["ERR02_CODE"]),
        (lambda text: "<!DOCTYPE a>" + text, ["ERR02_CODE"]),
        (lambda text: "<other/>", ["ERR02_CODE"]),
        (lambda text: text.replace("<documentYear>2026", "<documentYear>x"), ["ERR02_CODE"]),
        (lambda text: text.replace("<documentType>BTNMT0600001</documentType>", ""), ["ERR03_CODE"]),
        (lambda text: text.replace("<type>10</type>", "<type>77</type>"), ["ERR04_CODE"]),
        (lambda text: text.replace("<type>10</type><function>01", "<type>11</type><function>05"), ["ERR04_CODE"]),
        (lambda text: re.sub("<Content>.*</Content>", "<Content/>", text), ["ERR05_CODE"]),
        (lambda text: re.sub("<Content>.*</Content>", "", text), ["ERR05_CODE"]),
    ],
)
def test_a_fault_has_the_code_that_the_partner_knows(spoil: Any, codes: list[str]) -> None:
    document = spoil(generator.application().decode()).encode()

    assert errors(answer(of_reading(document), document)) == codes


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        (Conflict([Fault("/x", "conflict", "trùng", "twice")]), ["ERR00_CODE"]),
        (NotPermitted([Fault("/x", "wrong_direction", "sai chiều", "wrong direction")]), ["ERR04_CODE"]),
        (NoRoute("no rule", "chưa có quy tắc"), ["ERR01_CODE"]),
        (Unavailable("down", "ngừng"), ["ERR01_CODE"]),
    ],
)
def test_other_errors_have_their_codes_too(error: HubError, codes: list[str]) -> None:
    assert errors(answer(error)) == codes


def test_what_could_not_be_stored_has_the_procedures_own_code() -> None:
    document = generator.message("BNNPTNT0600009", "10", "01")

    assert errors(answer(Unavailable("down", "ngừng"), document)) == ["BNN06_CODE"]


def test_who_is_not_trusted_learns_nothing_more() -> None:
    given = answer(Untrusted("expired certificate", "chứng thư đã hết hạn"))

    assert errors(given) == ["ERR00_CODE"]
    assert b"expired" not in given.body
    assert "hết hạn".encode() not in given.body


def test_what_cannot_be_echoed_is_00() -> None:
    document = generator.application().decode()
    document = re.sub("<type>[^<]*", "<type>" + "9" * 9, document)
    document = re.sub("<reference>[^<]*", "<reference>" + "R" * 40, document)
    root = envelope(answer(of_reading(document.encode()), document.encode()))
    unreadable = envelope(answer(of_reading(b"<x"), b"<x"))

    assert texts(root, "Header/Subject/type") == texts(root, "Header/Subject/reference") == ["00"]
    assert texts(unreadable, "Header/Subject/documentType") == ["00"]
    assert texts(unreadable, "Header/Subject/documentYear") == ["2026"]


# --- where there is no envelope to answer ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "code", "status", "said"),
    [
        ("1.1", "not_soap", 500, b"<faultcode>soap:Client</faultcode>"),
        ("1.2", "not_soap", 400, b"<soap:Value>soap:Sender</soap:Value>"),
        ("1.1", "must_understand", 500, b"<faultcode>soap:MustUnderstand</faultcode>"),
        ("1.2", "must_understand", 500, b'qname="q:Security"'),
        ("1.2", "version_mismatch", 500, b"<soap:Value>soap:VersionMismatch</soap:Value>"),
    ],
)
def test_a_soap_fault_tells_the_cause_in_the_callers_version(version: str, code: str, status: int, said: bytes) -> None:
    error = InvalidMessage([Fault("/Envelope/Header/{urn:w}Security", code, "nguyên nhân", "the cause")])
    request = Request(endpoint="nsw", body=b"rubbish", content_type="application/soap+xml" if version == "1.2" else "text/xml")
    given = ADAPTER.answer(Outcome(message_id="1", received_at=NOW, error=error), None, request, Options())

    assert given.status == status
    assert said in given.body
    assert "nguyên nhân".encode() in given.body
    assert b"the cause" in given.body
    assert SOAP[version].encode() in given.body


def test_our_own_failure_is_not_the_senders_fault() -> None:
    outcome = Outcome(message_id="1", received_at=NOW, error=Unavailable("down", "ngừng"))
    given = ADAPTER.answer(outcome, None, REQUEST, Options())

    assert b"soap:Server" in given.body
    assert given.status == 500
