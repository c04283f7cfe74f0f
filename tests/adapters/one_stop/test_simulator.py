"""What one-stop software says to the hub: posted over HTTP to a door that keeps what it was given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from adapters.one_stop import ADAPTER
from adapters.one_stop.simulator import simulator
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeTables, Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.contract import Request, Writing
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire

OPTIONS = ADAPTER.options()
NOW = datetime(2026, 3, 2, 9, 15, 4, tzinfo=VIETNAM)


class Door:
    """A listener where the hub's door would be."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.server = SimulatorServer("door", self._take)

    def _take(self, call: Call) -> Said:
        self.calls.append(call)
        return Said(b'{"error_code":"0"}', status=202)

    def messages(self) -> list[DossierMessage]:
        found = []
        for call in self.calls:
            request = Request(
                endpoint="x",
                body=call.body,
                content_type=call.headers["content-type"],
                idempotency_key=call.headers["idempotency-key"],
            )
            opened = ADAPTER.open_request(request, OPTIONS)
            found.extend(ADAPTER.read_message(opened.document, opened, OPTIONS).messages)
        return found


@pytest.fixture
def door() -> Iterator[Door]:
    listener = Door()
    with listener.server:
        yield listener


@pytest.fixture
def software(door: Door) -> Iterator[SimulatorServer]:
    with simulator(hub_url=door.server.url, endpoint="thai-nguyen", token="door-token") as server:
        yield server


def do(server: SimulatorServer, verb: str, **given: Any) -> Any:
    wire = Wire()
    body = json.dumps({"verb": verb, **given}).encode()
    reply = wire.call("POST", f"{server.url}/_do", body=body, deadline_seconds=10)
    wire.close()
    return json.loads(reply.body)


def call_of(server: SimulatorServer, service: str, body: Any) -> dict[str, Any]:
    wire = Wire()
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = wire.call("POST", f"{server.url}/{service}", body=sent, deadline_seconds=10)
    wire.close()
    return {"status": reply.status, **json.loads(reply.body)}


def hand_over(server: SimulatorServer, number: str) -> None:
    """Give the software a dossier that was born on the portal, as the hub would."""
    procedure = ProcedureRef(code="1.900009", name="")
    dossier = Dossier(code=number, numbering="national_portal", procedure=procedure, submitted_at=NOW)
    message = DossierMessage(event=Event.SUBMITTED, dossier=dossier)
    (call,) = ADAPTER.plan(message, OPTIONS)
    writing = Writing(options=OPTIONS, codes=CodeTables(), held={}, now=NOW, message_id=f"to-{number}")
    assert call_of(server, "nhanHoSo", ADAPTER.write_message(message, call, writing).body)["error_code"] == "0"


def test_generated_dossiers_are_sent_with_key_and_token(door: Door, software: SimulatorServer) -> None:
    said = do(software, "generate", seed=2, count=3)
    for item in said:
        assert do(software, "send", **item)["status"] == 202

    assert [call.headers["idempotency-key"] for call in door.calls] == [item["key"] for item in said]
    assert {call.headers["authorization"] for call in door.calls} == {"Bearer door-token"}
    assert {call.path for call in door.calls} == {"/doors/thai-nguyen"}
    assert len(door.messages()) == len(said)


def test_a_document_may_be_sent_to_a_path_below_the_door(door: Door, software: SimulatorServer) -> None:
    do(software, "send", key="k", document=[], path="/DongBoHoSoMC")

    assert door.calls[0].path == "/doors/thai-nguyen/DongBoHoSoMC"


def test_a_portal_born_dossier_gets_a_number_and_goes_its_way(door: Door, software: SimulatorServer) -> None:
    hand_over(software, "P-1")
    for hour, status in enumerate((2, 4, 9, 10), start=10):
        answer = do(software, "answer", reference="P-1", status=status, at=f"2026-03-02T{hour}:00:00+07:00")
        assert answer["status"] == 202

    messages = door.messages()
    assert [message.dossier.status for message in messages] == [Status.RECEIVED, Status.PROCESSING, Status.DONE, Status.RETURNED]
    assert {message.dossier.code for message in messages} == {"H55.21-260302-0001"}
    assert all(message.dossier.other_codes == {"national_portal": "P-1"} for message in messages)
    assert [len(message.steps) for message in messages] == [1, 1, 1, 1]
    assert messages[-1].dossier.received_at == datetime(2026, 3, 2, 10, tzinfo=VIETNAM)
    assert messages[-1].dossier.procedure.name
    assert len({call.headers["idempotency-key"] for call in door.calls}) == 4


def test_two_dossiers_get_two_numbers(door: Door, software: SimulatorServer) -> None:
    for number in ("P-1", "P-2"):
        hand_over(software, number)
        do(software, "answer", reference=number, status=3, note="Không thuộc thẩm quyền", at="2026-03-02T10:00:00+07:00")

    assert software.account()["numbers"] == {"P-1": "H55.21-260302-0001", "P-2": "H55.21-260302-0002"}
    assert {message.event for message in door.messages()} == {Event.REFUSED}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"HoSo":{}}', b'{"MaThongDiep":"m"}', b'{"MaThongDiep":5,"HoSo":null}', b"[" * 9999]
)
def test_rubbish_is_refused_and_not_stored(software: SimulatorServer, body: bytes) -> None:
    assert call_of(software, "nhanHoSo", body)["error_code"] == "-1"
    assert software.account()["taken"] == []


def test_an_unknown_service_is_not_there(software: SimulatorServer) -> None:
    assert software.serve(Call("POST", "/xoaHoSo", {}, {}, b"{}")).status == 404
