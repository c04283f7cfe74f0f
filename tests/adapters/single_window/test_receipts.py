"""Receipts: only function 99 about the very same message counts; all else is refused, busy or in doubt."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from adapters.single_window import ADAPTER
from adapters.single_window.options import Options
from adapters.single_window.registry import GEN2
from adapters.single_window.samples import generator
from adapters.single_window.soap import SOAP
from hub.canonical.codes import CodeTables
from hub.canonical.dossier import DossierMessage
from hub.canonical.receipt import Receipt
from hub.contract import Opened, Outgoing, Reply, Writing
from hub.errors import Busy, InDoubt, Refused

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
HEAD = {"documentType": "BTNMT0600001", "type": "10", "function": "01", "reference": "R1", "result": "responsePayload"}


def outgoing(**head: str) -> Outgoing:
    return Outgoing(service="10/01", body=b"", head={**HEAD, **head})


def envelope(
    function: str = "99", type_: str = "10", reference: str = "R1", content: str = "<ReceiveDate>2026</ReceiveDate>"
) -> str:
    return (
        "<Envelope><Header><Subject><documentType>BTNMT0600001</documentType>"
        f"<type>{type_}</type><function>{function}</function><reference>{reference}</reference></Subject></Header>"
        f"<Body><Content>{content}</Content></Body></Envelope>"
    )


def reply(text: str, status: int = 200, form: str = "escaped") -> Reply:
    payload = escape(text) if form == "escaped" else f"<![CDATA[{text}]]>"
    body = (
        f'<s:Envelope xmlns:s="{SOAP["1.1"]}"><s:Body><g:receiveResponse xmlns:g="urn:g"><g:responsePayload>{payload}'
        "</g:responsePayload></g:receiveResponse></s:Body></s:Envelope>"
    )
    return Reply(status=status, body=body.encode())


def read(given: Reply, **head: str) -> Receipt:
    return ADAPTER.read_receipt(given, outgoing(**head))


def error(code: str, name: str = "") -> str:
    return f"<Error><ErrorCode>{code}</ErrorCode><ErrorName>{name}</ErrorName></Error>"


@pytest.mark.parametrize("form", ["escaped", "cdata"])
def test_99_about_the_same_message_is_a_receipt(form: str) -> None:
    assert read(reply(envelope(), form=form)) == Receipt(code="99", text="2026")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "Can not parse xml",
        "&lt;Envelope",
        "<Envelope>",
        "<Other/>",
        "<Envelope/>",
        envelope(reference="R2"),
        envelope(type_="11"),
        envelope(type_="BTNMT0600001"),
        envelope(type_="00"),
        envelope(reference="00"),
        envelope(function="11"),
        envelope(function=""),
        envelope(function="1000"),
        envelope(function="10", type_="99"),
        envelope(function="00", reference="R2"),
        envelope(function="00", type_="12"),
        envelope().replace("BTNMT0600001", "BTNMT0600002"),
        "<!DOCTYPE a>" + envelope(),
        generator.application().decode(),
    ],
)
def test_anything_that_does_not_plainly_tell_is_in_doubt(text: str) -> None:
    with pytest.raises(InDoubt) as caught:
        read(reply(text))

    assert caught.value.where == "10/01"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Can not parse xml",
        envelope().encode(),
        b"<html><body>Proxy Error</body></html>",
        reply(envelope()).body[:-20],
        reply(envelope()).body.replace(b"responsePayload", b"otherPayload"),
        b"xx&lt;Envelope&gt;...&lt;/Envelope&gt;",
    ],
)
def test_a_reply_that_is_not_soap_is_in_doubt_even_if_an_envelope_stands_in_it(body: bytes) -> None:
    with pytest.raises(InDoubt):
        read(Reply(status=200, body=body))


@pytest.mark.parametrize("status", [201, 202, 302, 400, 404, 500, 502, 504])
def test_another_http_status_is_in_doubt_whatever_the_body(status: int) -> None:
    with pytest.raises(InDoubt) as caught:
        read(reply(envelope(), status=status))

    assert caught.value.partner_code == str(status)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_partner_has_not_taken_it(status: int) -> None:
    with pytest.raises(Busy):
        read(Reply(status=status, body=b""))


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_the_code_of_a_soap_fault_is_told_and_not_its_text(version: str) -> None:
    fault = {
        "1.1": "<s:Fault><faultcode>s:Server</faultcode><faultstring>secret</faultstring></s:Fault>",
        "1.2": "<s:Fault><s:Code><s:Value>s:Server</s:Value></s:Code><s:Reason><s:Text>secret</s:Text></s:Reason></s:Fault>",
    }[version]
    body = f'<s:Envelope xmlns:s="{SOAP[version]}"><s:Body>{fault}</s:Body></s:Envelope>'.encode()
    with pytest.raises(InDoubt) as caught:
        read(Reply(status=500, body=body))

    assert "s:Server" in caught.value.en
    assert "secret" not in caught.value.en


@pytest.mark.parametrize("function", ["00", "22"])
@pytest.mark.parametrize(("type_", "reference"), [("10", "R1"), ("00", "00"), ("BTNMT0600001", "R1"), ("", "")])
def test_a_refusal_tells_all_errors(function: str, type_: str, reference: str) -> None:
    content = f"<ErrorList>{error('ERR02_CODE', 'một')}{error('BNN06_CODE', 'hai')}</ErrorList>"
    with pytest.raises(Refused) as caught:
        read(reply(envelope(function, type_, reference, content)))

    assert caught.value.partner_code == "ERR02_CODE"
    assert "ERR02_CODE: một; BNN06_CODE: hai" in caught.value.vi


def test_a_refusal_that_has_the_document_type_for_its_type_with_zeros_in_front_is_one() -> None:
    text = envelope("22", "01", "7").replace("BTNMT0600001", "1")

    with pytest.raises(Refused):
        read(reply(text), documentType="1", type="22", reference="7")


@pytest.mark.parametrize("content", ["", "<ErrorList/>", "<ReceiveDate>2026</ReceiveDate>"])
def test_a_refusal_without_errors_is_one_all_the_same(content: str) -> None:
    with pytest.raises(Refused) as caught:
        read(reply(envelope("00", content=content)))

    assert caught.value.partner_code == "00"


RULE = {"alreadyCode": "ERR02_CODE", "alreadyText": "dispatchno"}


def test_what_the_partner_has_already_settles_where_the_registry_says_so() -> None:
    content = f"<ErrorList>{error('ERR02_CODE', 'DispatchNo 55 exists')}</ErrorList>"
    found = read(reply(envelope("00", content=content)), **RULE)

    assert (found.already, found.code) == (True, "ERR02_CODE")


@pytest.mark.parametrize(
    ("errors", "rule"),
    [
        (error("ERR02_CODE", "DispatchNo 55 exists"), {}),
        (error("ERR02_CODE", "schema error"), RULE),
        (error("ERR05_CODE", "DispatchNo 55 exists"), RULE),
        (error("ERR02_CODE", "DispatchNo 55 exists") + error("ERR05_CODE", "no content"), RULE),
        ("", RULE),
    ],
)
def test_otherwise_it_is_a_refusal(errors: str, rule: dict[str, str]) -> None:
    with pytest.raises(Refused):
        read(reply(envelope("00", content=f"<ErrorList>{errors}</ErrorList>")), **rule)


def test_the_rule_goes_from_the_registry_into_the_head(tmp_path: Path) -> None:
    text = (GEN2 / "registry" / "BTNMT0600001.toml").read_text("utf-8")
    first = 'type = "17"\nfunction = "14"\n'
    rule = 'already = { code = "ERR02_CODE", text = "DispatchNo" }\n'
    (tmp_path / "BTNMT0600001.toml").write_text(text.replace(first, first + rule), "utf-8")
    ministry = Options(role="ministry")
    document = generator.message("BTNMT0600001", "17", "14")
    (message,) = ADAPTER.read_message(document, Opened(document=document), ministry).messages
    assert isinstance(message, DossierMessage)
    options = Options(registry=str(tmp_path))
    writing = Writing(options=options, codes=CodeTables(), held={}, now=NOW, message_id="1" * 36)
    head = ADAPTER.write_message(message, ADAPTER.plan(message, options)[0], writing).head

    assert (head["alreadyCode"], head["alreadyText"]) == ("ERR02_CODE", "DispatchNo")


def test_nothing_can_be_asked() -> None:
    assert ADAPTER.read_finding(reply(envelope()), outgoing()).outcome == "unknown"
