"""What partners may throw at it: read as what it is, or refused with its fault named; never a crash, never half of it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import pytest

from adapters.single_window import ADAPTER
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.registry import registry
from adapters.single_window.samples import generator
from hub.canonical.codes import CodeTables
from hub.canonical.dossier import DossierMessage
from hub.contract import Incoming, Opened, Outcome, Outgoing, Reply, Request, Writing
from hub.errors import HubError, InDoubt, InvalidMessage, Refused

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
CONTENT = "/Envelope/Body/Content"
SUBJECT = "/Envelope/Header/Subject"


@cache
def options_of(role: str) -> Options:
    offices = {one.office_code for one in registry().procedures.values()}
    return Options(role=role, ministry_parties={office: party_of(office) for office in offices})


@cache
def made(document_type: str, type_: str, function: str, way: str = "to_ministry") -> str:
    writer = options_of("ministry" if way == "to_ministry" else "gateway")
    return generator.message(document_type, type_, function, seed=4, options=writer, direction=way).decode()


APPLICATION = made("BTNMT0600001", "10", "01")
CREW = made("1", "51", "01")
CARGO = made("1", "20", "01")  # of its content no structure is known


def read(document: str | bytes, options: Options | None = None, **head: str) -> Incoming:
    octets = document.encode() if isinstance(document, str) else document
    return ADAPTER.read_message(octets, Opened(document=octets, head=head), options or options_of("gateway"))


def refused(call: Callable[[], Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidMessage) as caught:
        call()
    return [(fault.path, fault.code) for fault in caught.value.faults]


def call_of(payload: str) -> bytes:
    return (
        f'<e:Envelope xmlns:e="{SOAP}"><e:Body><Request xmlns="http://tempuri.org/"><payload>{payload}</payload></Request>'
        "</e:Body></e:Envelope>"
    ).encode()


def opened(body: bytes) -> Opened:
    return ADAPTER.open_request(Request(endpoint="x", body=body, content_type="text/xml"), options_of("gateway"))


def answered(document: str, options: Options, **head: str) -> str:
    """Read and answer as a door does; give the function of the answer."""
    there = Opened(document=document.encode(), head={"soap": "1.1", **head})
    error, asked = None, None
    try:
        asked = ADAPTER.read_message(there.document, there, options).asked
    except HubError as problem:
        error = problem
    outcome = Outcome(message_id="m", received_at=NOW, error=error, asked=asked)
    body = ADAPTER.answer(outcome, there, Request(endpoint="x", body=b""), options).body.decode()
    found = re.search(r"function&gt;(\d+)&lt;", body)
    return found[1] if found else ""


# --- the call -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        escape(f"<![CDATA[{APPLICATION}]]>"),
        escape(escape(f"<![CDATA[{APPLICATION}]]>")),
        escape(f"<![CDATA[\ufeff<?xml version='1.0' encoding='utf-16'?>\n{APPLICATION}\n]]>"),
        f"<![CDATA[{escape(APPLICATION)}]]>",
    ],
)
def test_cdata_marks_that_came_as_text_are_no_part_of_the_document(payload: str) -> None:
    assert opened(call_of(payload)).document.decode().strip() == APPLICATION


def test_a_section_inside_the_document_is_not_taken_for_the_marks_around_it() -> None:
    inner = APPLICATION.replace("Làm nguyên liệu sản xuất", "<![CDATA[a ]]]]><![CDATA[> b]]>")
    (message,) = read(opened(call_of(escape(f"<![CDATA[{inner}]]>"))).document).messages

    assert isinstance(message, DossierMessage)
    assert message.dossier.form["RegistrationProfile"]["Purpose"] == "a ]]> b"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (call_of(f"{escape(APPLICATION)}</payload><payload>{escape(CREW)}"), "/Envelope/Body/Request/payload"),
        (call_of("x").replace(b"</e:Body>", b'<Request xmlns="http://tempuri.org/"/></e:Body>'), "/Envelope/Body"),
    ],
)
def test_two_documents_in_one_call_are_refused_and_none_of_them_is_lost(body: bytes, path: str) -> None:
    assert refused(lambda: opened(body)) == [(path, "too_many")]


@pytest.mark.parametrize(("routed", "fits"), [("1", True), ("01", True), ("001", True), ("2", False), ("BTNMT0600001", False)])
def test_a_number_beside_the_document_may_have_zeros_in_front(routed: str, fits: bool) -> None:
    if fits:
        assert read(CREW, documentType=routed).messages
    else:
        assert refused(lambda: read(CREW, documentType=routed)) == [("/Request/documentType", "bad_value")]


@pytest.mark.parametrize("slot", ["Body/Signature", "Header/Signature", "SystemSignature"])
def test_an_empty_slot_may_say_that_it_is_nil(slot: str) -> None:
    nil = '<{} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>'.format(slot.rpartition("/")[2])
    parent = slot.rpartition("/")[0] or "Envelope"
    for document in (APPLICATION.replace("<Signature/>", ""), CREW):
        assert read(document.replace(f"</{parent}>", f"{nil}</{parent}>")).messages


def test_a_link_may_not_name_a_file_of_the_hub() -> None:
    document = re.sub("<LinkFile>.*?<", f"<LinkFile>sha256:{'0' * 64}<", APPLICATION)
    places = [path for path, code in refused(lambda: read(document)) if code == "bad_value"]

    assert places and all(path.endswith("/LinkFile") for path in places)


# --- doors of the other generation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "options", "function"),
    [
        (CREW, Options(), "22"),
        (APPLICATION, Options(ministry_parties={"BGTVT": party_of("BGTVT")}, dialect="maritime"), "00"),
        (CREW, options_of("ministry"), "22"),
        (APPLICATION, options_of("ministry"), "00"),
        (CREW, options_of("gateway"), "99"),
    ],
)
def test_the_answer_is_in_the_dialect_of_the_procedure_whatever_the_door(document: str, options: Options, function: str) -> None:
    assert answered(document, options) == function


# --- later words ----------------------------------------------------------------------------------------------------

WORD = re.sub(
    "<Content>.*</Content>", "<Content><ReceiveDate>2026-03-02 09:15:04</ReceiveDate></Content>", made("DANGKIEM", "100", "01")
).replace("<function>01<", "<function>11<")


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (lambda text: text, []),
        (lambda text: re.sub("<reference>.*?<", f"<reference>{'1' * 5000}<", text), [(f"{SUBJECT}/reference", "bad_type")]),
        (lambda text: re.sub("<reference>.*?<", "<reference>a b<", text), [(f"{SUBJECT}/reference", "bad_type")]),
        (
            lambda text: re.sub("<messageId>.*?<", f"<messageId>{'1' * 5000}<", text),
            [("/Envelope/Header/Reference/messageId", "too_long")],
        ),
        (lambda text: re.sub("(<Content>.*</Content>)", r"\1\1", text), [(f"{CONTENT}[2]", "too_many")]),
        (
            lambda text: text.replace("<Content>", "<Content><Reject><RejectCode>1</RejectCode></Reject>"),
            [(f"{CONTENT}/Reject", "unexpected")],
        ),
        (
            lambda text: text.replace("<function>11<", "<function>22</function><function>11<"),
            [("/Envelope/Header/Subject/function[2]", "too_many")],
        ),
    ],
)
def test_a_confirmation_closes_a_delivery_only_where_it_says_one_thing(
    change: Callable[[str], str], faults: list[tuple[str, str]]
) -> None:
    document = change(WORD)
    if faults:
        assert refused(lambda: read(document, options_of("ministry"))) == faults
    else:
        assert read(document, options_of("ministry")).correlation


# --- content of which no structure is known ---------------------------------------------------------------------------


def passed_on(document: str) -> Outgoing:
    incoming = read(document)
    (message,) = incoming.messages
    (call,) = ADAPTER.plan(message, options_of("ministry"))
    writing = Writing(
        options=options_of("ministry"),
        codes=CodeTables(),
        held={},
        now=NOW,
        message_id="7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10",
        contents={file.digest: b"".join(file.pieces()) for file in incoming.files},
    )
    assert set(ADAPTER.inlines(message, call, writing.options)) == set(writing.contents)
    found = ADAPTER.write_message(message, call, writing)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "content",
    [
        "<CargoDeclaration><A>1</A></CargoDeclaration><Other>x</Other>",
        "<CargoDeclaration><A>1</A></CargoDeclaration><CargoDeclaration><A>2</A></CargoDeclaration>",
        '<CargoDeclaration><A b="5">1</A></CargoDeclaration><Other><B/><B>2</B></Other><Other>3</Other>',
        "<CargoDeclaration>abc</CargoDeclaration>",
        "<CargoDeclaration><File><FileName>a</FileName><FileByte>dGjhu60=</FileByte></File></CargoDeclaration>"
        "<More><FileName>b</FileName><FileByte>AAAA</FileByte></More>",
    ],
)
def test_all_of_a_content_without_structure_is_passed_on(content: str) -> None:
    document = re.sub("<Content>.*</Content>", f"<Content>{content}</Content>", CARGO)

    assert f"<Content>{content}</Content>" in passed_on(document).body.decode()


@pytest.mark.parametrize("there", [["a", "b"], [{"A": "1"}, {"A": "2"}], "a text", 5, [[[]]]])
def test_a_form_that_is_no_tree_is_told_and_not_left_out(there: Any) -> None:
    """As other software may send it: without numbers of a message of ours."""
    (message,) = read(CARGO).messages
    assert isinstance(message, DossierMessage)
    dossier = message.dossier.model_copy(update={"form": {"CargoDeclaration": there}})
    native = {name: value for name, value in message.native.items() if name not in ("type", "function")}
    other = message.model_copy(update={"dossier": dossier, "native": native})
    (call,) = ADAPTER.plan(message, options_of("ministry"))
    writing = Writing(options=options_of("ministry"), codes=CodeTables(), held={}, now=NOW, message_id="m")

    faults = refused(lambda: ADAPTER.write_message(other, call, writing))

    assert faults == [("/dossier/form/CargoDeclaration", "bad_value")]


# --- replies ---------------------------------------------------------------------------------------------------------

ASKED = {"documentType": "BTNMT0600001", "type": "11", "reference": "R1", "messageId": "m", "result": "responsePayload"}
RECEIVED = "<ReceiveDate>2026-03-02 09:15:04</ReceiveDate>"
ERRORS = "<ErrorList><Error><ErrorCode>E1</ErrorCode><ErrorName>n</ErrorName></Error></ErrorList>"
REJECT = "<Reject><RejectCode>N00413</RejectCode><RejectDesc>d</RejectDesc></Reject>"


def reply(function: str, content: str = RECEIVED, *, type_: str = "11") -> str:
    return (
        f"<Envelope><Header><Subject><documentType>BTNMT0600001</documentType><type>{type_}</type><function>{function}</function>"
        f"<reference>R1</reference></Subject></Header><Body><Content>{content}</Content></Body></Envelope>"
    )


def soap_reply(*texts: str) -> bytes:
    results = "".join(f"<responsePayload>{escape(text)}</responsePayload>" for text in texts)
    return f'<e:Envelope xmlns:e="{SOAP}"><e:Body><x>{results}</x></e:Body></e:Envelope>'.encode()


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (soap_reply(reply("99")), "99"),
        (soap_reply(f"<![CDATA[{reply('99')}]]>"), "99"),
        (soap_reply(reply("99", "")), "99"),
        (soap_reply(reply("99", f"{RECEIVED}<ErrorList/>")), "99"),
        # It says both: nobody knows what the partner has.
        (soap_reply(reply("99", ERRORS)), InDoubt),
        (soap_reply(reply("99", RECEIVED + REJECT)), InDoubt),
        (soap_reply(reply("00</function><function>99")), InDoubt),
        (soap_reply(reply("99</function><function>00")), InDoubt),
        (soap_reply(reply("99").replace("</Body>", f"<Content>{ERRORS}</Content></Body>")), InDoubt),
        (soap_reply(reply("99"), reply("00", ERRORS)), InDoubt),
        (soap_reply(reply("99", type_="BTNMT0600001")), InDoubt),
        # Wherever the cause stands, it is told.
        (soap_reply(reply("00", ERRORS)), "E1"),
        (soap_reply(reply("00", ERRORS, type_="BTNMT0600001")), "E1"),
        (soap_reply(reply("00", f"<ReceiveDate/>{ERRORS}")), "E1"),
        (soap_reply(reply("22", f"<RejectDate>2026-03-02 09:15:04</RejectDate>{REJECT}")), "N00413"),
        (soap_reply(reply("00", ERRORS.replace("E1", "E" * 5000))), "E" * 100),
    ],
)
def test_a_reply_says_one_thing_or_is_in_doubt(body: bytes, result: str | type[HubError]) -> None:
    outgoing = Outgoing(service="11/05", body=b"", head=ASKED)
    if result is InDoubt:
        with pytest.raises(InDoubt):
            ADAPTER.read_receipt(Reply(status=200, body=body), outgoing)
    elif result == "99":
        assert ADAPTER.read_receipt(Reply(status=200, body=body), outgoing).code == "99"
    else:
        with pytest.raises(Refused) as caught:
            ADAPTER.read_receipt(Reply(status=200, body=body), outgoing)
        assert caught.value.partner_code == result


def test_a_sentence_in_place_of_a_fault_code_is_not_shown() -> None:
    code = "<faultcode>Nguyễn Thử Nghiệm</faultcode>"
    fault = f'<e:Envelope xmlns:e="{SOAP}"><e:Body><e:Fault>{code}</e:Fault></e:Body></e:Envelope>'
    with pytest.raises(InDoubt) as caught:
        ADAPTER.read_receipt(Reply(status=500, body=fault.encode()), Outgoing(service="11/05", body=b"", head=ASKED))

    assert "Nghiệm" not in caught.value.en


@pytest.mark.parametrize(("reference", "outcome"), [("900000004", "found"), ("0900000004", "found"), ("900000005", "unknown")])
def test_a_confirmation_of_another_dossier_finds_nothing(reference: str, outcome: str) -> None:
    text = re.sub("<reference>.*?<", f"<reference>{reference}<", WORD)
    head = {**ASKED, "documentType": "DANGKIEM", "type": "100", "reference": "900000004", "confirmed": "11", "ask": "224/26"}

    found = ADAPTER.read_finding(Reply(status=200, body=soap_reply(text)), Outgoing(service="100/01", body=b"", head=head))

    assert found.outcome == outcome


# --- noise -----------------------------------------------------------------------------------------------------------

NOISE = [
    *("", " ", "0", "-1", "00000000000000000000001", "9" * 40, "x" * 3000, "2026-03-02T09:15:04+07:00", "2026-03-02 09:15:04.0"),
    *("2026-03-02 03:15:04 PM", "2026-02-30 00:00:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "1e5", "1,5"),
    *("NaN", "٣", "１２", "😀", "&#9;", "]]&gt;", "<b/>", "<![CDATA[<x>]]>", "sha256:" + "0" * 64, "=====", "&#xD800;", "&x;"),
    "\x01",
]


@pytest.mark.parametrize("document", [APPLICATION, CREW, CARGO, WORD])
def test_any_value_at_any_place_is_read_or_refused_and_answered(document: str) -> None:
    draw = random.Random(7)
    leaves = list(re.finditer(r"<(\w+)>([^<>]*)</\1>", document))
    for noise in NOISE:
        found = draw.choice(leaves)
        changed = document[: found.start(2)] + noise + document[found.end(2) :]
        for role in ("gateway", "ministry"):
            assert answered(changed, options_of(role)) in ("99", "00", "22", "100", "")
