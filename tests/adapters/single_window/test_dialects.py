"""What differs between dialects: headers of answers, errors and their codes, and what an endpoint can set anew."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.single_window import ADAPTER, soap
from adapters.single_window.dialects import DIALECTS
from adapters.single_window.envelope import read_head
from adapters.single_window.header_checks import FIELDS
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.samples import generator
from hub.canonical.codes import CodeTables
from hub.contract import Call, Opened, Outcome, Reply, Request, Writing
from hub.errors import HubError, InDoubt, InvalidMessage, Refused, Unavailable, Untrusted
from hub.rules import xml

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
OFFICES = {office: party_of(office) for office in ("BGTVT", "BNN", "BTNMT", "BYT")}
SHIPS, INSPECTION = ("1", "30", "01"), ("DANGKIEM", "100", "01")


def options(**given: Any) -> Options:
    return Options(ministry_parties=OFFICES, **given)


def sent(numbers: tuple[str, str, str], **given: Any) -> bytes:
    return generator.message(*numbers, seed=5, options=options(), **given)


def answered(document: bytes, given: Options, error: HubError | None = None) -> Any:
    """Read and answer a document as the hub does; give the envelope inside the answer."""
    opened, asked = Opened(document=document, head={"soap": "1.1"}), None
    if error is None:
        try:
            asked = ADAPTER.read_message(document, opened, given).asked
        except InvalidMessage as found:
            error = found
    outcome = Outcome(message_id="m1", received_at=NOW, error=error, asked=asked)
    answer = ADAPTER.answer(outcome, opened, Request(endpoint="x", body=b""), given)
    text = next(xml.parse(answer.body).iter("{*}RequestResult")).text
    return xml.parse(text.encode()) if text else None


def parties(root: Any) -> tuple[str, str]:
    return xml.text(root, "Header/From/identity"), xml.text(root, "Header/To/identity")


def test_a_ship_is_answered_with_the_parties_as_they_came() -> None:
    document = sent(SHIPS)
    asked, root = read_head(xml.parse(document)), answered(document, options())

    assert (read_head(root).function, read_head(root).type) == ("99", "30")
    assert parties(root) == (asked.sender["identity"], asked.receiver["identity"])
    assert read_head(root).message_id not in ("", asked.message_id)
    assert [child.tag for child in root.find("Header/Subject")] == list(DIALECTS["maritime"].subject_order)
    assert [child.tag for child in root.find("Header/From")] == ["name", "identity"]


def test_a_ship_is_refused_with_the_parties_swapped_and_all_errors_in_one_reject() -> None:
    text = sent(SHIPS).decode()
    text = re.sub(r"<sendDate>[^<]*", "<sendDate>hôm nay", text).replace("<documentType>1<", "<documentType>77<")
    text = re.sub(r"<preReference>[^<]*</preReference>", "", text)
    root = answered(text.encode(), options(dialect="maritime"))
    asked = read_head(xml.parse(text.encode()))
    reject = root.find("Body/Content/Reject")

    assert read_head(root).function == "22"
    assert parties(root) == (asked.receiver["identity"], asked.sender["identity"])
    assert [child.tag for child in reject] == ["RejectCode", "RejectDesc", "Organization", "Division", "Name"]
    assert xml.text(reject, "RejectCode") == asked.message_id
    assert xml.text(reject, "Name") == "SYSTEM"
    assert re.findall(r"N00\d{3}", xml.text(reject, "RejectDesc")) == ["N00117", "N00719", "N00413"]
    assert xml.text(root, "Body/Content/RejectDate") == "2026-03-02 09:15:04"


def test_a_vehicle_is_answered_with_the_same_identifier_and_swapped_parties() -> None:
    document = sent(INSPECTION)
    asked, root = read_head(xml.parse(document)), answered(document, options())

    assert read_head(root).message_id == asked.message_id
    assert parties(root) == (asked.receiver["identity"], asked.sender["identity"])
    assert len(root.find("Header/From")) == 6
    assert root.find("SystemSignature") is not None


def test_food_safety_has_functions_of_three_digits_and_says_what_to_do() -> None:
    document = sent(("BYT0000300", "ATTP", "300"))
    asked, good = read_head(xml.parse(document)), answered(document, options())
    bad = answered(document.replace(b"ANNOUNCESENDDtoType>", b"Other>"), options())

    assert (read_head(good).type, read_head(good).function, read_head(good).message_id) == ("ATTP", "199", asked.message_id)
    assert [child.tag for child in good.find("Header/Subject")][-1] == "documentType"
    assert xml.text(good, "Header/From/identity") == "ATTP"
    assert read_head(bad).function == "100"
    assert [child.tag for child in bad.find("Body/Content/ErrorList/Error")] == ["ErrorCode", "ErrorName", "Solution"]


@pytest.mark.parametrize(("function", "meaning"), [("199", "taken"), ("100", Refused), ("99", InDoubt), ("22", InDoubt)])
def test_an_answer_is_read_by_the_dialect_in_which_the_message_was_written(function: str, meaning: Any) -> None:
    given = options(role="gateway", outbound={"operation": "receive_gateway"})
    document = generator.message("BYT0000300", "ATTP", "330", seed=5, options=options(role="ministry"), direction="to_gateway")
    ministry = options(role="ministry")
    (message,) = ADAPTER.read_message(document, Opened(document=document), ministry).messages
    writing = Writing(options=given, codes=CodeTables(), held={}, now=NOW, message_id="7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10")
    outgoing = ADAPTER.write_message(message, Call(service="ATTP/330"), writing)
    assert outgoing is not None
    answer = re.sub(r"<function>\d+", f"<function>{function}", outgoing.body.decode())
    reply = Reply(status=200, body=soap.response("1.1", given.service, answer))

    if meaning == "taken":
        assert ADAPTER.read_receipt(reply, outgoing).code == "199"
    else:
        with pytest.raises(meaning):
            ADAPTER.read_receipt(reply, outgoing)


#: Option -> what it changes in the answer to an application of the second generation: path, expected, of the request's header.
CHANGES: dict[str, tuple[dict[str, Any], str, Any]] = {
    "empty messageId": ({"answer": {"message_id": "empty"}}, "Header/Reference/messageId", lambda head: ""),
    "same messageId": ({"answer": {"message_id": "same"}}, "Header/Reference/messageId", lambda head: head.message_id),
    "swapped": ({"answer": {"parties": "swapped"}}, "Header/From/unitCode", lambda head: head.receiver["unitCode"]),
    "unswapped": ({"answer": {"parties": "unswapped"}}, "Header/From/unitCode", lambda head: head.sender["unitCode"]),
    "type": ({"answer": {"kind": "document_type"}}, "Header/Subject/type", lambda head: head.document_type),
    "numbers swapped": ({"answer": {"kind": "swapped"}}, "Header/Subject/type", lambda head: "99"),
    "function": ({"answer": {"received": "98"}}, "Header/Subject/function", lambda head: "98"),
    "same envelope": ({"answer": {"same_envelope": True}}, "Header/Reference/version", lambda head: head.version),
    "version": ({"version": "2.0"}, "Header/Reference/version", lambda head: "2.0"),
    "no year before": ({"pre_document_year": False}, "Header/Subject/preDocumentYear", lambda head: ""),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("place", ["dialects", "procedures"])
def test_what_an_endpoint_sets_is_what_it_answers(place: str, name: str) -> None:
    """For all procedures of a dialect, or for one."""
    given, path, expected = CHANGES[name]
    document = sent(("BTNMT0600001", "10", "01"), unit_code="STNMT")
    key = "gen2" if place == "dialects" else "BTNMT0600001"
    root = answered(document, options(**{place: {key: given}}))

    assert xml.text(root, path) == expected(read_head(xml.parse(document)))


def test_a_refusal_may_have_a_header_of_its_own() -> None:
    """As the receive gateway answers errors: no identifier, parties swapped, type and function in each other's place."""
    rules = {"failed_message_id": "empty", "failed_parties": "swapped", "failed_kind": "swapped"}
    given = options(answer=rules)
    document = sent(("BTNMT0600001", "10", "01"))
    spoilt = document.replace(b"<ImporterName>", b"<Importer>").replace(b"</ImporterName>", b"</Importer>")
    good, bad = answered(document, given), answered(spoilt, given)

    assert read_head(good).function == "99" and read_head(good).message_id
    assert (read_head(bad).type, read_head(bad).function, read_head(bad).message_id) == ("00", "10", "")


def test_one_family_of_readers_gets_no_year_before() -> None:
    book = options().book
    given = options()

    assert not given.dialect_of(book.find("BNNPTNT0300004")).writes_pre_year
    assert given.dialect_of(book.find("BNNPTNT0600009")).writes_pre_year
    otherwise = options(procedures={"BNNPTNT0300004": {"pre_document_year": True}})
    assert otherwise.dialect_of(book.find("BNNPTNT0300004")).writes_pre_year


@pytest.mark.parametrize(
    "given",
    [
        {"dialects": {"gen3": {}}},
        {"dialects": {"gen2": {"subject_order": ["documentTyp"]}}},
        {"dialects": {"gen2": {"message_id_max": 12}}},
        {"dialects": {"gen2": {"answer": {"received": "yes"}}}},
        {"answer": {"parties": "mixed"}},
        {"inbound": {"operation": "no_such_door"}},
        {"inbound": {"operation": ["request", "request"]}},
        {"outbound": {"operation": []}},
    ],
)
def test_an_option_that_means_nothing_stops_the_start(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options(**given)


def test_a_reader_of_35_signs_gets_identifiers_without_hyphens() -> None:
    root = answered(sent(SHIPS), options(dialects={"maritime": {"message_id_max": 35}}))

    assert re.fullmatch(r"[0-9a-f]{32}", read_head(root).message_id)


def test_who_is_not_trusted_and_what_was_not_stored_is_told_no_more() -> None:
    document = sent(SHIPS)
    for error in (Untrusted("detail", "chi tiết"), Unavailable("detail", "chi tiết")):
        said = xml.text(answered(document, options(), error), "Body/Content/Reject/RejectDesc")

        assert said.startswith("N00400 ") and "chi tiết" not in said


def test_every_field_of_a_header_has_a_number() -> None:
    """Two were seen, and the seven of Subject lead from the one to the other."""
    numbers = sorted(FIELDS.values())

    assert numbers == list(range(1, 20))
    assert (FIELDS["/Envelope/Header/Subject/documentType"], FIELDS["/Envelope/Header/Subject/sendDate"]) == (13, 19)


#: A change of a good header -> the codes it is refused with.
WRONG: dict[str, tuple[str, str, str]] = {
    "version too long": (r"<version>[^<]*", "<version>" + "1" * 51, "N00501"),
    "messageId too long": (r"<messageId>[^<]*", "<messageId>" + "1" * 37, "N00502"),
    "name missing": (r"<From><name>[^<]*", "<From><name>", "N00103"),
    "name too long": (r"<From><name>[^<]*", "<From><name>" + "ả" * 256, "N00503"),
    "identity too long": (r"(<To><name>[^<]*</name>)<identity>[^<]*", r"\1<identity>" + "1" * 14, "N00509"),
    "documentType missing": (r"<documentType>[^<]*", "<documentType>", "N00113"),
    "documentType not known": (r"<documentType>[^<]*", "<documentType>99", "N00413"),
    "type no number": (r"<type>[^<]*", "<type>ba", "N00314"),
    "function missing": (r"<function>[^<]*", "<function>", "N00115"),
    "function too long": (r"<function>[^<]*", "<function>0101", "N00515"),
    "reference no number": (r"<reference>[^<]*", "<reference>A1", "N00316"),
    "reference too great": (r"<reference>[^<]*", "<reference>1000000000", "N00416"),
    "preReference missing": (r"<preReference>[^<]*</preReference>", "", "N00117"),
    "year of five digits": (r"<documentYear>[^<]*", "<documentYear>20260", "N00418"),
    "no such day": (r"<sendDate>[^<]*", "<sendDate>2026-02-30 10:00:00", "N00719"),
    "sendDate missing": (r"<sendDate>[^<]*", "<sendDate>", "N00119"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_header_is_refused_with_its_code(name: str) -> None:
    pattern, instead, code = WRONG[name]
    text, count = re.subn(pattern, instead, sent(SHIPS).decode(), count=1)
    said = xml.text(answered(text.encode(), options(dialect="maritime")), "Body/Content/Reject/RejectDesc")

    assert count == 1
    assert code in re.findall(r"N00\d{3}", said)
