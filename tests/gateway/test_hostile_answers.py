"""Whatever a gateway answers, the drivers say what it means or raise an error of ours; and what is abroad's stays a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.errors import HubError
from hub.gateway.related import read_related
from hub.simulation import Call, Said, SimulatorServer
from tests.support.gateway_world import CALLED, Gateways, gateways, never, outgoing, policy_of

SOAP = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{}</s:Body></s:Envelope>'
DEEP = b"[" * 5000 + b"]" * 5000
ANSWERS: tuple[tuple[int, str, bytes], ...] = (
    (200, "text/html", b""),
    (200, "text/html", b"<html>"),
    (200, "application/json", b"null"),
    (200, "application/json", b"[]"),
    (200, "application/json", b"{}"),
    (200, "application/json", b'[1, null, {"a": 1}]'),
    (200, "application/json", DEEP),
    (200, "application/json", b'{"message_ids": [null, 1, {"id": 5, "status": []}]}'),
    (200, "application/json", b'{"message_ids": {"id": 5}}'),
    (200, "application/json", b'{"id": "n", "payloads": [{"payload-1": "not base64"}]}'),
    (200, "application/json", b'{"id": "n", "payloads": [[], 1]}'),
    (200, "application/json", b'{"id": 1e999}'),
    (200, "application/json", b'{"status": 5, "timestamp": {}}'),
    (200, "application/json", b'{"properties": [], "dataSources": []}'),
    (200, "application/json", b'{"properties": {"messageId": "n", "fromParty": 5}, "dataSources": [5]}'),
    (200, "application/json", b'{"properties": {"messageId": "n", "fromParty": {"partyId": "a"}}, "dataSources": [{}]}'),
    (200, "application/json", b'{"properties": {"messageId": "n"}, "dataSources": [{"content": "%"}]}'),
    (200, "application/json", b'{"code": {}, "message": []}'),
    (200, "application/json", b"\xff\xfe\x00"),
    (200, "text/xml", SOAP.format("").encode()),
    (200, "text/xml", SOAP.format("<s:Fault/>").encode()),
    (500, "text/xml", SOAP.format("<s:Fault><s:Reason/></s:Fault>").encode()),
    (500, "text/xml", b"no XML"),
    (200, "text/xml", SOAP.format("<listPendingMessagesResponse><messageID/><x/></listPendingMessagesResponse>").encode()),
    (200, "text/xml", SOAP.format("<retrieveMessageResponse/>").encode()),
    (200, "text/xml", SOAP.format("<statusResponse><a/></statusResponse>").encode()),
    (200, "text/xml", b'<!DOCTYPE a [<!ENTITY b "c">]>' + SOAP.format("&b;").encode()),
    (200, 'multipart/related; boundary="x"', b"--x\r\n\r\nhalf"),
    (200, "multipart/related", b"--x--"),
    (200, 'multipart/related; boundary="x"', b"--x\r\nContent-ID: <a>\r\n\r\n<a/>\r\n--x\r\nContent-ID: <a>\r\n\r\n\r\n--x--"),
    (404, "text/plain", b"no"),
    (302, "text/plain", b""),
    (418, "text/plain", b"teapot"),
)


@pytest.fixture(scope="module")
def answering() -> Iterator[tuple[SimulatorServer, dict[str, Any]]]:
    says: dict[str, Any] = {}

    def answer(call: Call) -> Said:
        said: Said = says["now"](call)
        return said

    with SimulatorServer("odd", answer) as server:
        yield server, says


@pytest.mark.parametrize("product", CALLED)
def test_odd_answers_are_errors_of_ours(product: str, answering: tuple[SimulatorServer, dict[str, Any]], tmp_path: Path) -> None:
    server, says = answering
    world = Gateways(product, server, policy_of(product, server.url))
    driver = world.transport()._gateway
    crashed = []
    for status, kind, body in ANSWERS:

        def said(call: Call, status: int = status, kind: str = kind, body: bytes = body) -> Said:
            return Said(body, status=status, content_type=kind)

        says["now"] = said
        for verb in (
            driver.list_inbound,
            lambda: driver.fetch("n"),
            lambda: driver.status("n@x"),
            lambda: driver.mark_processed("n", taken=True),
            driver.probe,
            lambda: world.transport().send(outgoing(), never),
            lambda: world.transport().ask(outgoing(), None),  # type: ignore[arg-type]
        ):
            try:
                verb()
            except HubError:
                continue
            except Exception as error:
                crashed.append((status, body[:60], repr(error)))
    world.wire.close()

    assert crashed == []


@pytest.mark.parametrize("product", CALLED)
def test_words_from_abroad_are_values_and_never_structure(product: str, tmp_path: Path) -> None:
    """Numbers with slashes, blanks, quotes, brackets and other letters; service names with line ends."""
    odd = 'a/../b c?x=1&y="z"<m>@gw.id.example/Nguyễn'
    with gateways(product, tmp_path) as world:
        world.receive(odd, conversation="c\nX-Injected: 1", action="Submit & more")
        transport = world.transport()
        page = transport.pull("gateway", "", datetime(2026, 3, 2, tzinfo=UTC))
        page = transport.pull("gateway", page.cursor, datetime(2026, 3, 2, tzinfo=UTC)) if page.more else page
        request = transport.joined(page.items[0], {})

        assert request.owed == odd
        assert request.headers["gateway-action"] == "Submit & more"
        assert all(value.isprintable() for value in request.headers.values())


def test_a_multipart_answer_is_read_with_lines_that_go_on_and_binary_parts() -> None:
    body = (
        b"preamble\r\n--b\r\nContent-Type: application/xop+xml;\r\n charset=UTF-8\r\nContent-ID: <root>\r\n\r\n<a/>\r\n"
        b"--b\r\nContent-ID: <x>\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\r\n\r\n\xff\r\n--b\r\n"
        b"Content-ID: <y>\r\nContent-Transfer-Encoding: base64\r\n\r\nAQI=\r\n\r\n--b--\r\nepilogue"
    )
    found = read_related('Multipart/Related; boundary=b; start="<root>"', body)

    assert (found.root, found.parts["x"], found.parts["y"]) == (b"<a/>", b"\x00\r\n\r\n\xff", b"\x01\x02")


def test_the_account_is_plain_values(tmp_path: Path) -> None:
    with gateways("ebms_core", tmp_path) as world:
        world.transport().send(outgoing(), never)

        assert json.loads(json.dumps(world.account()))["given"] == {world.sent[0]["number"]: 1}
