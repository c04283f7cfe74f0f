"""One call in, the recorded answer out."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from sqlalchemy import create_engine, select, text
from zeep import Client, Transport

from hub.app import Hub
from hub.contract import Answer, Opened, Outcome, Request
from hub.ledger.tables import messages
from hub.rules.signing import sign_jws
from tests.support import signers

from .conftest import HubFolder, Said, Serve, Served, dossier

THREADS = 8


def paths(said: Said) -> list[str]:
    return [row["DuongDan"] for row in said.json["DanhSachLoi"]]


# --- once and only once ------------------------------------------------------------------------------------------


def test_a_json_door_asks_for_a_key(served: Served) -> None:
    headers = served.folder.authorized("province_a")
    said = served.call("POST", "/doors/province_a", json.dumps(dossier()).encode(), headers)

    assert (said.status, paths(said)) == (400, ["Idempotency-Key"])


def test_the_same_message_again_gets_the_same_bytes(served: Served) -> None:
    first, second = (served.send("province_a", dossier(), "k1") for _ in range(2))

    assert (first.status, first.body) == (202, second.body)
    assert {**first.headers, "date": ""} == {**second.headers, "date": ""}
    assert served.recorded() == 1


def test_another_message_under_the_same_key_is_a_conflict(served: Served) -> None:
    served.send("province_a", dossier(), "k1")
    said = served.send("province_a", dossier(ChuHoSo="Trần Thử Nghiệm"), "k1")

    assert (said.status, paths(said)) == (409, ["Idempotency-Key"])
    assert served.send("province_b", dossier("B-1"), "k1").status == 202, "another sender's keys are its own"


def test_a_signature_comes_through_the_door_in_its_header(hub_folder: HubFolder, serve: Serve) -> None:
    (hub_folder.path / "trust").mkdir()
    (hub_folder.path / "trust" / "a.crt").write_bytes(signers.SIGNER.certificate.public_bytes(Encoding.PEM))
    hub_folder.endpoint("province_a", inbound={"signature": "required", "pinned": ["a.crt"]})
    served = serve(lambda hub: replace(hub, clock=lambda: signers.NOW))
    body = json.dumps(dossier()).encode()
    jws = sign_jws(body, signers.SIGNER.signer)

    def send(key: str, **headers: str) -> Said:
        call = hub_folder.authorized("province_a", **{"Idempotency-Key": key}, **headers)
        return served.call("POST", "/doors/province_a", body, call)

    assert send("k1", **{"X-JWS-Signature": jws}).status == 202
    assert send("k2", **{"X-JWS-Signature": f"{jws}, {jws}"}).status == 403, "two are none"
    refused = send("k3")
    assert (refused.status, refused.json["DanhSachLoi"]) == (403, [])
    assert served.recorded() == 3


def test_the_same_message_from_eight_threads_is_one_message(served: Served) -> None:
    together = Barrier(THREADS)

    def send(_: int) -> Said:
        together.wait()
        return served.send("province_a", dossier(), "k1")

    with ThreadPoolExecutor(THREADS) as pool:
        said = list(pool.map(send, range(THREADS)))

    assert {each.status for each in said} == {202}
    assert len({each.body for each in said}) == 1
    assert served.recorded() == 1


def test_a_header_that_two_readers_could_read_in_two_ways_is_refused(served: Served) -> None:
    token = served.folder.tokens["province_a"]
    lines = ["POST /doors/province_a HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", "Content-Length: 2"]
    request = "\r\n".join([*lines, "Idempotency-Key: a", "Idempotency-Key: b", "", "{}"])
    with served.connect() as connection:
        connection.sendall(request.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert served.recorded() == 0


def test_the_recorded_answer_goes_out_as_it_is(serve: Serve) -> None:
    def said(outcome: Outcome, opened: Opened | None, request: Request, options: object) -> Answer:
        return Answer(status=207, body=b"\x00\xff ok", content_type="text/x-own", headers={"X-Own": "a"})

    served = serve(lambda hub: _with_answer(hub, said))
    answer = served.send("province_a", dossier(), "k1")

    assert (answer.status, answer.body) == (207, b"\x00\xff ok")
    assert (answer.headers["content-type"], answer.headers["x-own"]) == ("text/x-own", "a")


def _with_answer(hub: Hub, said: object) -> Hub:
    adapters = {**hub.adapters, "one_stop": replace(hub.adapters["one_stop"], answer=said)}
    return replace(hub, adapters=adapters)


# --- what goes wrong on our side ---------------------------------------------------------------------------------


def _rename(folder: HubFolder, old: str, new: str) -> None:
    engine = create_engine(f"sqlite:///{folder.path / 'var' / 'ledger.db'}")
    with engine.begin() as conn:
        conn.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
    engine.dispose()


@pytest.mark.parametrize("content_type", ["application/json", "text/xml"])
def test_a_ledger_that_does_not_record_accepts_nothing(served: Served, content_type: str) -> None:
    headers = served.folder.authorized("province_a", **{"Idempotency-Key": "k1"}) | {"Content-Type": content_type}
    body = json.dumps(dossier()).encode()
    _rename(served.folder, "journal", "journal_away")

    said = served.call("POST", "/doors/province_a", body, headers)
    assert (said.status, said.headers["retry-after"]) == (503, "5")
    assert said.headers["content-type"].startswith(content_type)
    assert served.recorded() == 0
    if content_type == "text/xml":
        assert "Fault" in etree.fromstring(said.body)[0][0].tag

    _rename(served.folder, "journal_away", "journal")
    headers["Content-Type"] = "application/json"
    assert served.call("POST", "/doors/province_a", body, headers).status == 202


def test_a_bug_is_answered_without_detail_and_logged_without_content(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(outcome: Outcome, opened: Opened | None, request: Request, options: object) -> Answer:
        raise ValueError(f"cannot write {request.body!r}")

    said = serve(lambda hub: _with_answer(hub, broken)).send("province_a", dossier(), "k1")

    assert (said.status, said.json["DanhSachLoi"][0]["Ma"]) == (500, "internal")
    assert "lỗi nội bộ" in said.json["message"] and "ValueError" not in said.body.decode()
    logged = "".join(capfd.readouterr())
    assert "http.bug" in logged and "in broken" in logged


# --- hostile addresses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/doors/%00",
        "/doors/..",
        "/doors/%2e%2e/metrics",
        "/doors/%2e%2e%2fmetrics",
        "/doors/" + "a" * 20_000,
        "/doors/province_a%00",
        "/doors/province_a%ff%fe",
        "/doors//province_a",
        "/doors/province_a/x%0d%0aSet-Cookie:a",
        "/doors/PROVINCE_A",
    ],
)
def test_an_address_that_is_no_door_is_turned_away(served: Served, path: str) -> None:
    said = served.call("POST", path, b"{}", served.folder.authorized("province_a"))

    assert said.status in (400, 401, 404)
    assert served.recorded() == 0


@pytest.mark.parametrize("path", ["/doors/province_a/%00", "/doors/province_a/%1b[2J", "/doors/province_a?a=%0d%0a"])
def test_control_characters_do_not_reach_an_adapter(served: Served, path: str) -> None:
    said = served.call("POST", path, b"{}", served.folder.authorized("province_a"))

    assert (said.status, paths(said), served.recorded()) == (400, ["path"], 0)


@pytest.mark.parametrize("path", ["/doors/province_a/../../metrics", "/doors/province_a/%2e%2e/x?rest=y&endpoint=province_b"])
def test_what_follows_a_doors_name_is_text_and_nothing_else(served: Served, path: str) -> None:
    headers = served.folder.authorized("province_a", **{"Idempotency-Key": "k1"})

    assert served.call("POST", path, json.dumps(dossier()).encode(), headers).status == 202
    with served.hub.ledger.read() as conn:
        assert conn.execute(select(messages.c.endpoint)).scalars().all() == ["province_a"]


# --- contracts ---------------------------------------------------------------------------------------------------


@pytest.fixture
def window(hub_folder: HubFolder, serve: Serve) -> Served:
    """A hub with a SOAP door."""
    hub_folder.endpoint("vnsw", "single_window")
    return serve()


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl="])
def test_a_soap_door_serves_its_contract(window: Served, query: str) -> None:
    said = window.call("GET", f"/doors/vnsw?{query}", headers=window.folder.authorized("vnsw"))

    assert (said.status, said.headers["content-type"].partition(";")[0]) == (200, "text/xml")
    assert f'location="{window.url}/doors/vnsw"'.encode() in said.body


@pytest.mark.parametrize(
    "path", ["/doors/vnsw", "/doors/vnsw?xsd=../../etc/passwd", "/doors/vnsw?wsdl&x=1"]
)
def test_there_is_no_other_document(window: Served, path: str) -> None:
    name = path.split("/")[2].partition("?")[0]

    assert window.call("GET", path, headers=window.folder.authorized(name)).status == 404


@pytest.mark.parametrize("path", ["/doors/province_a", "/doors/province_a?wsdl", "/doors/province_a/hoSo"])
def test_a_door_without_documents_takes_no_other_method_than_its_own(served: Served, path: str) -> None:
    own = served.folder.authorized("province_a")
    said = [served.call(method, path, headers=own) for method in ("GET", "PUT")]

    assert [(each.status, each.headers["allow"]) for each in said] == [(405, "POST"), (405, "POST")]
    assert served.call("GET", path).status == 401


def test_a_contract_is_for_its_partner_only(window: Served) -> None:
    assert window.call("GET", "/doors/vnsw?wsdl").status == 401
    assert window.call("GET", "/doors/vnsw?wsdl", headers=window.folder.authorized("province_a")).status == 401


def test_zeep_reads_the_contract_and_calls_the_door_by_it(window: Served) -> None:
    session = requests.Session()
    session.headers["Authorization"] = window.folder.authorized("vnsw")["Authorization"]
    client = Client(f"{window.url}/doors/vnsw?wsdl", transport=Transport(session=session, timeout=20, operation_timeout=20))

    answered = client.service.Request(payload="<khong-phai-thong-diep/>")

    assert answered, "a document that cannot be read is answered in the operation's own words"
    assert window.recorded() == 1
