"""A ministry's system on the network: what it stores of the hub's calls, and what it says to the hub's door."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from adapters.ministry import ADAPTER
from adapters.ministry.simulator import simulator
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeTables, Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.message import Message
from hub.canonical.notice import NoticeMessage
from hub.canonical.party import Party, PartyKind
from hub.contract import Outgoing, Request, Transport, Writing
from hub.endpoint import Endpoint, OutboundPolicy
from hub.errors import BadSettings, Busy, HubError, InDoubt, NotSent, Refused
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire

Connect = Callable[..., Transport]
OPTIONS = ADAPTER.options()
NOW = datetime(2026, 3, 2, 9, 15, 4, tzinfo=VIETNAM)
REFERENCE = "BTNMT06260000123"


def trade_message(event: Event = Event.SUBMITTED) -> DossierMessage:
    dossier = Dossier(
        code=REFERENCE,
        numbering="vnsw",
        procedure=ProcedureRef(code="BTNMT0600001"),
        applicant=Party(kind=PartyKind.BUSINESS, name="Công ty TNHH Ví Dụ"),
        form={"RegistrationProfile": {"NSWFileCode": REFERENCE}},
    )
    return DossierMessage(event=event, dossier=dossier, native={"documentType": "BTNMT0600001", "documentYear": "2026"})


def written(message: Message, message_id: str = "m-1") -> Outgoing:
    (call,) = ADAPTER.plan(message, OPTIONS)
    writing = Writing(options=OPTIONS, codes=CodeTables(), held={}, now=NOW, message_id=message_id)
    return ADAPTER.write_message(message, call, writing)


def go() -> None:
    """Let the call go."""


def send(transport: Transport, outgoing: Outgoing) -> Any:
    return ADAPTER.read_receipt(transport.send(outgoing, go), outgoing)


def do(server: SimulatorServer, verb: str, **given: Any) -> Any:
    wire = Wire()
    reply = wire.call("POST", f"{server.url}/_do", body=json.dumps({"verb": verb, **given}).encode(), deadline_seconds=10)
    wire.close()
    return json.loads(reply.body)


class Door:
    """A listener where the hub's door would be."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.server = SimulatorServer("door", self._take)

    def _take(self, call: Call) -> Said:
        self.calls.append(call)
        return Said(b'{"error_code":"0"}', status=202)

    def messages(self) -> list[Any]:
        found: list[Any] = []
        for call in self.calls:
            key, kind = call.headers["idempotency-key"], call.headers["content-type"]
            request = Request(endpoint="x", body=call.body, content_type=kind, idempotency_key=key)
            opened = ADAPTER.open_request(request, OPTIONS)
            found.extend(ADAPTER.read_message(opened.document, opened, OPTIONS).messages)
        return found


@pytest.fixture
def door() -> Iterator[Door]:
    listener = Door()
    with listener.server:
        yield listener


@pytest.fixture
def system(door: Door) -> Iterator[SimulatorServer]:
    with simulator(hub_url=door.server.url, endpoint="bo-tnmt", token="door-token", accepts="invented-token") as server:
        yield server


@pytest.fixture
def connect(system: SimulatorServer) -> Iterator[Connect]:
    wire = Wire()

    def open_with(**changes: Any) -> Transport:
        options = ADAPTER.options(**{"base_url": system.url, "token": "invented-token", **changes})
        outbound = OutboundPolicy(deadline_seconds=10)
        endpoint = Endpoint(name="bo", adapter="ministry", title="Bộ", outbound=outbound, options=options)
        return ADAPTER.open_transport(endpoint, wire)

    yield open_with
    wire.close()


# --- calls of the hub ---------------------------------------------------------------------------------------------


def test_a_trade_dossier_is_stored_once_and_its_events_in_order(system: SimulatorServer, connect: Connect) -> None:
    transport = connect()
    receipts = [send(transport, written(trade_message())) for _ in range(2)]
    send(transport, written(trade_message(Event.WITHDRAWAL_ASKED), "m-2"))

    account = system.account()
    rows = account["dossiers"][REFERENCE]
    assert [receipt.already for receipt in receipts] == [False, True]
    assert [(row["service"], row["SuKien"]) for row in rows] == [("nhanHoSo", "submitted"), ("nhanSuKien", "withdrawal_asked")]
    assert rows[0]["BieuMau"] == ["RegistrationProfile"]
    assert account["duplicates"] == {"m-1": 1}


def test_a_notice_is_stored(system: SimulatorServer, connect: Connect) -> None:
    send(connect(), written(NoticeMessage(message_id="in-1", recipient="vnsw", outcome="acknowledged", at=NOW)))

    assert system.account()["notices"][0]["KetQua"] == "acknowledged"


@pytest.mark.parametrize(
    ("kind", "value", "error", "stored"),
    [
        ("status", 503, Busy, False),
        ("status", 502, InDoubt, False),
        ("status", 401, NotSent, False),
        ("refuse", None, Refused, False),
        ("malformed", None, InDoubt, True),
        ("hang_after", 0, InDoubt, True),
    ],
)
def test_a_fault_of_the_system_is_told_by_who_acts_next(
    system: SimulatorServer, connect: Connect, kind: str, value: object, error: type[HubError], stored: bool
) -> None:
    system.faults.add(kind, value=value)
    with pytest.raises(error) as caught:
        send(connect(), written(trade_message()))

    assert type(caught.value) is error
    assert (REFERENCE in system.account()["dossiers"]) is stored


def test_a_duplicate_on_demand_means_already_there(system: SimulatorServer, connect: Connect) -> None:
    system.faults.add("duplicate")

    assert send(connect(), written(trade_message())).already


def test_an_inquiry_tells_what_became_of_a_call(connect: Connect) -> None:
    message, transport = trade_message(), connect()
    outgoing = written(message)
    before = ADAPTER.read_finding(transport.ask(outgoing, message), outgoing)
    send(transport, outgoing)
    after = ADAPTER.read_finding(transport.ask(outgoing, message), outgoing)

    assert (before.outcome, after.outcome) == ("absent", "found")


def test_the_token_goes_out_and_is_masked_in_the_record(connect: Connect) -> None:
    outgoing = written(trade_message())
    signed = Outgoing(service=outgoing.service, body=outgoing.body, head={**outgoing.head, "jws": "a..b"})
    reply = connect().send(signed, go)

    assert reply.status == 200
    assert b"invented-token" not in reply.sent
    assert b"X-JWS-Signature: a..b" in reply.sent


def test_a_probe_tells_a_wrong_token_from_a_right_one(connect: Connect) -> None:
    assert "200" in connect().probe()
    with pytest.raises(NotSent):
        connect(token="another").probe()


def test_an_endpoint_without_address_cannot_be_opened() -> None:
    with pytest.raises(BadSettings):
        ADAPTER.open_transport(Endpoint(name="x", adapter="ministry", title="x", options=OPTIONS), Wire())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"MaThongDiep":"m"}', b'{"MaThongDiep":"m","MaHoSo":"1","SuKien":"x"}', b"[" * 9999]
)
def test_rubbish_is_refused_and_not_stored(body: bytes) -> None:
    with simulator() as server:
        said = server.serve(Call("POST", "/nhanHoSo", {}, {}, body))
        account = server.account()

    assert json.loads(said.body)["error_code"] == "-1"
    assert (account["taken"], account["dossiers"]) == ([], {})


# --- calls to the hub ---------------------------------------------------------------------------------------------


def test_it_decides_on_a_dossier_that_it_holds(door: Door, system: SimulatorServer, connect: Connect) -> None:
    send(connect(), written(trade_message()))
    for event in ("received", "licence_issued"):
        form = {"Result": {"No": "1"}}
        answer = do(system, "answer", reference=REFERENCE, event=event, at="2026-03-03T14:00:00+07:00", form=form)
        assert answer["status"] == 202

    received, issued = door.messages()
    assert (received.event, issued.event) == (Event.RECEIVED, Event.LICENCE_ISSUED)
    assert issued.dossier.procedure.code == "BTNMT0600001"
    assert issued.licence.number == "TN-2026-0123"
    assert issued.dossier.form == {"Result": {"No": "1"}}
    assert [call.headers["idempotency-key"] for call in door.calls] == [f"{REFERENCE}.1", f"{REFERENCE}.2"]
    assert {call.headers["authorization"] for call in door.calls} == {"Bearer door-token"}
    assert system.account()["said"] == {REFERENCE: ["received", "licence_issued"]}


def test_without_a_word_it_says_the_next_of_an_invented_way(
    door: Door, system: SimulatorServer, connect: Connect
) -> None:
    send(connect(), written(trade_message()))
    said = [do(system, "answer", reference=REFERENCE, seed=1)["document"]["SuKien"] for _ in range(2)]

    assert said == system.account()["said"][REFERENCE]
    assert [message.event for message in door.messages()] == said


def test_it_sends_its_catalogue_and_then_what_changed(door: Door, system: SimulatorServer) -> None:
    whole = do(system, "catalogue", seed=1)
    changes = do(system, "catalogue", seed=1, count=82, changed=3, whole=False)

    first, second = door.messages()
    assert (whole["count"], changes["count"]) == (82, 3)
    assert (len(first.procedures), first.complete) == (82, True)
    assert (len(second.procedures), second.complete) == (3, False)
    assert whole["key"] != changes["key"]


def test_it_issues_cancels_and_answers_about_border_documents(door: Door, system: SimulatorServer, connect: Connect) -> None:
    do(system, "issue", document="origin", to="ID", number="VN-ID 26/09/00017", dossier={"HeThong": "VNSW", "MaHoSo": REFERENCE})
    do(system, "issue", document="phyto", to="TH", supersedes="VN-OLD", at="2026-03-05T08:00:00+07:00")
    do(system, "cancel", document="origin", number="VN-ID 26/09/00017", superseded_by="VN-ID 26/09/00021")
    issued, certificate, cancelled = door.messages()
    send(connect(), written(issued.model_copy(update={"number": "ID-VN 26/01/1", "issuing_country": "ID"})))
    do(system, "answer_border", number="ID-VN 26/01/1", answer={"result": "given", "declaration_number": "17"})
    answered = door.messages()[-1]

    assert (issued.subject, issued.dossier) == ("border:origin:VN:VN-ID 26/09/00017", f"vnsw:{REFERENCE}")
    assert (certificate.number, certificate.supersedes) == ("VN-TN-2026-000003", "VN-OLD")
    assert (cancelled.event, cancelled.superseded_by) == ("cancelled", "VN-ID 26/09/00021")
    assert (answered.subject, answered.answer.result) == ("border:origin:ID:ID-VN 26/01/1", "given")
    (held,) = system.account()["documents"]["ID-VN 26/01/1"]
    assert held["NoiDung"]["items"][1]["criterion"] == {"code": "RVC", "percent": "45.5"}


def test_a_document_may_be_sent_to_a_path_below_the_door(door: Door, system: SimulatorServer) -> None:
    do(system, "send", key="k", document={}, path="/x")

    assert (door.calls[0].path, door.calls[0].body) == ("/doors/bo-tnmt/x", b"{}")
