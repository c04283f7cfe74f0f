"""Calls to one-stop software over a real socket: what is stored, what is doubted, what never leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from adapters.one_stop import ADAPTER
from adapters.one_stop.simulator import simulator
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeTables, Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.message import Message
from hub.canonical.notice import NoticeMessage
from hub.canonical.procedure import CatalogueMessage, Procedure
from hub.contract import Outgoing, Transport, Writing
from hub.endpoint import Endpoint
from hub.errors import BadSettings, Busy, HubError, InDoubt, NotSent, Refused
from hub.simulation import SimulatorServer
from hub.wire import Wire
from tests.support.raw_partner import HALF, RawPartner, closing

Connect = Callable[..., Transport]
NOW = datetime(2026, 3, 2, 9, 15, 4, tzinfo=VIETNAM)


def dossier_message(event: Event = Event.SUBMITTED, number: str = "P-1") -> DossierMessage:
    procedure = ProcedureRef(code="1.900009", name="Cấp giấy phép")
    return DossierMessage(event=event, dossier=Dossier(code=number, numbering="national_portal", procedure=procedure))


def written(message: Message, message_id: str = "m-1", held: dict[str, str] | None = None) -> list[Outgoing]:
    options = ADAPTER.options()
    return [
        ADAPTER.write_message(
            message,
            call,
            Writing(options=options, codes=CodeTables(), held=held or {}, now=NOW, message_id=f"{message_id}.{place}"),
        )
        for place, call in enumerate(ADAPTER.plan(message, options))
    ]


def go() -> None:
    """Let the call go."""


def send(transport: Transport, outgoing: Outgoing) -> Any:
    return ADAPTER.read_receipt(transport.send(outgoing, go), outgoing)


def test_a_dossier_is_stored_once_however_often_it_is_sent(software: SimulatorServer, connect: Connect) -> None:
    (outgoing,) = written(dossier_message())

    first, second = (send(connect(), outgoing) for _ in range(2))

    assert (first.already, second.already) == (False, True)
    account = software.account()
    assert [row["SuKien"] for row in account["dossiers"]["P-1"]] == ["submitted"]
    assert account["duplicates"] == {"m-1.0": 1}


def test_events_of_a_dossier_are_stored_in_their_order(software: SimulatorServer, connect: Connect) -> None:
    transport = connect()
    for place, event in enumerate((Event.SUBMITTED, Event.SUPPLEMENTED, Event.WITHDRAWAL_ASKED)):
        send(transport, written(dossier_message(event), f"m-{place}")[0])

    rows = software.account()["dossiers"]["P-1"]
    assert [(row["service"], row["SuKien"]) for row in rows] == [
        ("nhanHoSo", "submitted"),
        ("nhanSuKien", "supplemented"),
        ("nhanSuKien", "withdrawal_asked"),
    ]


def test_a_catalogue_goes_in_batches(software: SimulatorServer, connect: Connect) -> None:
    procedures = tuple(Procedure(code=f"1.{number:06d}", name="Thủ tục", level=4) for number in range(45))
    parts = written(CatalogueMessage(owner="G10", procedures=procedures))
    transport = connect()
    for outgoing in parts:
        send(transport, outgoing)

    account = software.account()
    assert len(parts) == 3
    assert sorted(account["catalogue"]) == [procedure.code for procedure in procedures]
    assert account["catalogue"]["1.000000"] == {"name": "Thủ tục", "level": "4"}
    assert len({part.partition(":")[0] for part in account["catalogue_parts"]}) == 1


def test_a_notice_is_stored(software: SimulatorServer, connect: Connect) -> None:
    notice = NoticeMessage(message_id="in-1", recipient="dvcqg", outcome="refused", code="-1", at=NOW)

    send(connect(paths={"notice": "/nhanThongBao"}), written(notice)[0])

    assert software.account()["notices"][0]["KetQua"] == "refused"


def test_a_number_given_at_once_is_held_and_written_into_later_events(software: SimulatorServer, connect: Connect) -> None:
    with simulator(number_at_once=True) as server:
        receipt = send(connect(base_url=server.url), written(dossier_message())[0])

    number = receipt.held["MaHoSo"]
    later = json.loads(written(dossier_message(Event.EDITED), held=receipt.held)[0].body)
    assert number.startswith("H55.21-")
    assert (later["HoSo"]["MaHoSo"], later["HoSo"]["MaHoSoKhac"]) == (number, "P-1")


@pytest.mark.parametrize(
    ("kind", "value", "error", "stored"),
    [
        ("status", 503, Busy, False),
        ("status", 500, InDoubt, False),
        ("status", 403, NotSent, False),
        ("status", 422, Refused, False),
        ("refuse", "Thủ tục không thuộc thẩm quyền", Refused, False),
        ("malformed", None, InDoubt, True),
        ("hang_after", 0, InDoubt, True),
        ("hang_before", 0, InDoubt, False),
    ],
)
def test_a_fault_of_the_software_is_told_by_who_acts_next(
    software: SimulatorServer, connect: Connect, kind: str, value: object, error: type[HubError], stored: bool
) -> None:
    software.faults.add(kind, value=value, match="nhanHoSo")
    (outgoing,) = written(dossier_message())

    with pytest.raises(error) as caught:
        send(connect(), outgoing)

    assert type(caught.value) is error
    assert ("P-1" in software.account()["dossiers"]) is stored


def test_a_duplicate_on_demand_means_already_there(software: SimulatorServer, connect: Connect) -> None:
    software.faults.add("duplicate", match="nhanHoSo")

    assert send(connect(), written(dossier_message())[0]).already


def test_a_late_reply_leaves_the_call_in_doubt(software: SimulatorServer, connect: Connect) -> None:
    software.faults.add("hang_after", value=5)

    with pytest.raises(InDoubt):
        send(connect(deadline=0.3), written(dossier_message())[0])


def test_an_inquiry_tells_what_became_of_a_call(software: SimulatorServer, connect: Connect) -> None:
    message = dossier_message()
    (outgoing,) = written(message)
    transport = connect()
    before = ADAPTER.read_finding(transport.ask(outgoing, message), outgoing)
    software.faults.add("hang_after", value=0, match="nhanHoSo")
    with pytest.raises(InDoubt):
        transport.send(outgoing, go)
    after = ADAPTER.read_finding(transport.ask(outgoing, message), outgoing)

    assert (before.outcome, after.outcome) == ("absent", "found")


def test_a_lost_claim_stops_the_call_before_its_first_byte(software: SimulatorServer, connect: Connect) -> None:
    def lost() -> None:
        raise NotSent("the claim was lost", "đã mất quyền gửi")

    with pytest.raises(NotSent):
        connect().send(written(dossier_message())[0], lost)

    assert software.account()["taken"] == []


def test_the_token_goes_out_and_is_masked_in_the_record(connect: Connect) -> None:
    (outgoing,) = written(dossier_message())
    signed = Outgoing(service=outgoing.service, body=outgoing.body, head={**outgoing.head, "jws": "a..b"})

    reply = connect().send(signed, go)

    assert reply.status == 200
    assert b"invented-token" not in reply.sent
    assert b"X-JWS-Signature: a..b" in reply.sent
    assert reply.sent.endswith(outgoing.body)


def test_a_doubt_keeps_what_went_and_what_came(connect: Connect) -> None:
    """The token is masked there too."""
    (outgoing,) = written(dossier_message())
    with RawPartner(closing(HALF)) as software, pytest.raises(InDoubt) as caught:
        connect(base_url=software.url).send(outgoing, go)

    head = f"POST {software.url}/nhanHoSo\r\n".encode()
    assert caught.value.sent.startswith(head)
    assert caught.value.sent.endswith(b"\r\n\r\n" + outgoing.body)
    assert b"invented-token" not in caught.value.sent
    assert (caught.value.reply, caught.value.reply_status) == (HALF, 0)


def test_an_inquiry_in_doubt_keeps_its_bytes_too(connect: Connect) -> None:
    message = dossier_message()
    (outgoing,) = written(message)
    with RawPartner(closing(b"")) as software, pytest.raises(InDoubt) as caught:
        connect(base_url=software.url).ask(outgoing, message)

    assert caught.value.sent.endswith(b'{"MaThongDiep":"m-1.0"}')


def test_busy_keeps_what_went_and_what_came(software: SimulatorServer, connect: Connect) -> None:
    software.faults.add("status", value=503, match="nhanHoSo")
    (outgoing,) = written(dossier_message())
    with pytest.raises(Busy) as caught:
        connect().send(outgoing, go)

    assert caught.value.sent.endswith(outgoing.body)
    assert (caught.value.reply, caught.value.reply_status) == (b'{"message":"try later"}', 503)


def test_without_token_no_authorization_goes(connect: Connect) -> None:
    with simulator() as open_to_all:
        reply = connect(base_url=open_to_all.url, token="").send(written(dossier_message())[0], go)

    assert reply.status == 200
    assert b"Authorization" not in reply.sent


def test_a_wrong_token_waits_for_the_operator(connect: Connect) -> None:
    with pytest.raises(NotSent):
        send(connect(token="another"), written(dossier_message())[0])
    with pytest.raises(NotSent):
        connect(token="another").probe()


def test_a_probe_says_that_the_software_answers(connect: Connect) -> None:
    assert "200" in connect().probe()


def test_an_endpoint_without_address_cannot_be_opened() -> None:
    with pytest.raises(BadSettings) as caught:
        ADAPTER.open_transport(Endpoint(name="x", adapter="one_stop", title="x", options=ADAPTER.options()), Wire())

    assert caught.value.where == "endpoints/x/options/base_url"
