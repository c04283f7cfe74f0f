"""In order per (recipient, dossier): whatever doors, batches, late rules and refusals do, nothing overtakes."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from hub import intake
from hub.app import UNROUTED, Hub
from hub.contract import Request
from hub.ledger import payloads
from hub.ledger.tables import journal
from hub.registers import dossiers
from hub.rounds import OwnRounds
from hub.rules.lifecycle import State
from hub.simulation import SimulatorServer
from tests.promises.conftest import MakeHub
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.gate import Gate
from tests.support.looking import all_deliveries, all_messages, broken_rows, check_chains
from tests.support.partner import Partner

PATIENCE_SECONDS = 60.0


def test_two_doors_that_commit_in_the_other_order_than_they_looked(hub: Hub, partner: Partner) -> None:
    gate = Gate(hub.codes)
    slow = dataclasses.replace(hub, codes=gate, rounds=OwnRounds())
    with ThreadPoolExecutor(1) as door:
        looking = door.submit(support.send, slow, 1, status="MOI")
        assert gate.reached.wait(PATIENCE_SECONDS)
        support.send(hub, 2, status="TIEPNHAN")
        gate.open.set()
        assert looking.result(PATIENCE_SECONDS).status == 200

    support.carry_all(hub)

    assert partner.marks("H01-1") == ["#2", "#1"]
    places = [row.message_id for row in all_deliveries(hub.ledger)]
    assert received(hub, "H01-1") == places
    check_chains(hub.ledger)


def test_a_second_door_sees_what_the_first_one_recorded(hub: Hub) -> None:
    """Its view of the dossier is made anew: what it saw before must not be written over what was recorded meanwhile."""
    support.send(hub, 9, status="TIEPNHAN")
    gate = Gate(hub.codes)
    slow = dataclasses.replace(hub, codes=gate, rounds=OwnRounds())
    with ThreadPoolExecutor(1) as door:
        looking = door.submit(support.send, slow, 1, status="XULY")
        assert gate.reached.wait(PATIENCE_SECONDS)
        support.send(hub, 2, status="RUT")
        gate.open.set()
        looking.result(PATIENCE_SECONDS)

    with hub.ledger.read() as conn:
        known = dossiers.find(conn, ["national:H01-1"])
    assert known is not None
    # 7 (withdrawn) is terminal: the slow door must not have moved the dossier on from what it saw before.
    assert (known.version, known.status) == (3, "7")


def test_a_parked_delivery_holds_its_dossier_and_no_other(hub: Hub, partner: Partner) -> None:
    body = support.document(1)
    unknown = json.loads(body)
    unknown["hoSo"]["thuTuc"]["ma"] = "9.999999"
    intake.receive(hub, support.request(json.dumps(unknown).encode()))
    support.send(hub, 2)
    support.send(hub, 3, "H01-2")

    support.carry_all(hub)

    states = {row.subject: [] for row in all_deliveries(hub.ledger)}
    for row in all_deliveries(hub.ledger):
        states[row.subject].append(row.state)
    assert states == {"national:H01-1": [State.PARKED, State.HELD], "national:H01-2": [State.DELIVERED]}
    assert partner.marks("H01-2") == ["#3"]


# --- lists


def records(*statuses: tuple[str, str]) -> Request:
    """A one-stop software's list of dossiers: (number, status)."""
    rows = [
        {"MaHoSo": number, "MaTTHC": "1.000001", "TrangThaiHoSo": status, "ChuHoSo": "Nguyễn Thử Nghiệm"}
        | {"LoaiDoiTuong": "1", "HinhThuc": "1", "DonViXuLy": "Đơn vị thử nghiệm", "TenTTHC": "Thủ tục mẫu"}
        | {"MaLinhVuc": "G01", "TenLinhVuc": "Lĩnh vực mẫu", "NgayTiepNhan": "20260302081500", "KenhThucHien": "1"}
        for number, status in statuses
    ]
    return Request(
        endpoint=support.SENDER, body=json.dumps(rows).encode(), content_type="application/json", idempotency_key="list-1"
    )


@pytest.fixture
def one_stop(make_hub: MakeHub, server: SimulatorServer) -> Hub:
    """A hub whose sender gives lists."""
    return make_hub({support.PARTNER: support.At(url=server.url)}, sender_adapter="one_stop")


def test_a_list_that_names_a_dossier_twice_is_taken_in_its_order(one_stop: Hub, partner: Partner) -> None:
    answer = intake.receive(one_stop, records(("H01-1", "4"), ("H01-2", "4"), ("H01-1", "9")))

    assert answer.status < 300, answer.body.decode()
    support.carry_all(one_stop)
    stored = [json.loads(each.body)["hoSo"] for each in partner.arrivals]
    assert [each["trangThai"] for each in stored if each["soHoSo"] == "H01-1"] == ["XULY", "XONG"]
    with one_stop.ledger.read() as conn:
        known = dossiers.find(conn, ["national:H01-1"])
    assert known is not None
    assert (known.version, known.status) == (2, "9")
    check_chains(one_stop.ledger)
    assert broken_rows(one_stop.ledger) == []


def test_a_list_that_names_a_known_dossier_twice_is_taken_too(one_stop: Hub, partner: Partner) -> None:
    intake.receive(one_stop, records(("H01-1", "2")))
    again = dataclasses.replace(records(("H01-1", "4"), ("H01-1", "5"), ("H01-1", "4")), idempotency_key="list-2")

    assert intake.receive(one_stop, again).status < 300
    support.carry_all(one_stop)
    assert [json.loads(each.body)["hoSo"]["trangThai"] for each in partner.arrivals] == [
        "TIEPNHAN", "XULY", "CHOBOSUNG", "XULY",
    ]  # fmt: skip


# --- a rule that comes late

NO_RULE = '[[route]]\nname = "others"\nfrom = ["bo"]\nto = ["@origin"]\n'
ONLY_NEW = f'[[route]]\nname = "new"\nfrom = ["{support.SENDER}"]\nevents = ["submitted"]\nto = ["bo"]\n'


def given_event(hub: Hub, number: int, event: str, sender: str = support.SENDER) -> Any:
    body = support.document(number, suKien=event)
    return intake.receive(hub, support.request(body, sender))


def release_parked(hub: Hub) -> None:
    for row in all_deliveries(hub.ledger):
        if row.state == State.PARKED:
            hub.ledger.rebuild(row.id, actor="an", why="a rule was added", now=hub.now())


def test_what_no_rule_matched_is_not_overtaken_when_the_rule_comes(
    make_hub: MakeHub, server: SimulatorServer, partner: Partner
) -> None:
    at = {support.PARTNER: support.At(url=server.url)}
    hub = make_hub(at, routes=NO_RULE)
    assert support.send(hub, 1).status == 200
    hub = make_hub(at)
    support.send(hub, 2)
    support.carry_all(hub)
    assert partner.marks("H01-1") == []

    release_parked(hub)
    support.carry_all(hub)
    support.send(hub, 3)
    support.carry_all(hub)

    assert partner.marks("H01-1") == ["#1", "#2", "#3"]
    check_chains(hub.ledger)
    assert broken_rows(hub.ledger) == []


def test_giving_up_what_no_rule_matched_lets_the_next_one_go(
    make_hub: MakeHub, server: SimulatorServer, partner: Partner
) -> None:
    at = {support.PARTNER: support.At(url=server.url)}
    hub = make_hub(at, routes=ONLY_NEW)
    given_event(hub, 1, "NOP")
    given_event(hub, 2, "TRANGTHAI")
    given_event(hub, 3, "NOP")
    support.carry_all(hub)
    assert partner.marks("H01-1") == ["#1"]

    (parked,) = [row for row in all_deliveries(hub.ledger) if row.state == State.PARKED]
    hub.ledger.abandon(parked.id, notice=hub.notice(parked, "abandoned"), actor="an", why="nobody wants it", now=hub.now())
    support.carry_all(hub)

    assert parked.endpoint == UNROUTED
    assert partner.marks("H01-1") == ["#1", "#3"]


def test_a_late_rule_knows_where_the_dossier_came_from(make_hub: MakeHub, server: SimulatorServer, partner: Partner) -> None:
    """The recipient speaks of a dossier: it goes back to the endpoint that made it known, not to who spoke last."""
    forth = f'[[route]]\nname = "forth"\nfrom = ["{support.SENDER}"]\nto = ["bo"]\n'
    hub = _with_two_doors(make_hub, server, forth)
    support.send(hub, 1)
    support.carry_all(hub)
    given_event(hub, 2, "TRANGTHAI", sender="bo")
    support.carry_all(hub)
    assert partner.marks("H01-1") == ["#1"]

    hub = _with_two_doors(make_hub, server, forth + '[[route]]\nname = "back"\nfrom = ["bo"]\nto = ["@origin"]\n')
    release_parked(hub)
    support.carry_all(hub)

    assert partner.marks("H01-1") == ["#1", "#2"]
    assert [row.endpoint for row in all_deliveries(hub.ledger)] == ["bo", support.SENDER, UNROUTED]


def _with_two_doors(make_hub: MakeHub, server: SimulatorServer, routes: str) -> Hub:
    at = support.At(url=server.url)
    with_door = dataclasses.replace(at, services=support.SERVICES + "[inbound]\n")
    return make_hub({support.PARTNER: with_door}, routes=routes, sender_outbound=at)


def test_many_doors_at_once_keep_each_chain_in_the_order_of_the_journal(hub: Hub, partner: Partner, clock: Clock) -> None:
    with ThreadPoolExecutor(8) as doors:
        answers = list(doors.map(lambda number: support.send(hub, number, f"H01-{number % 3}"), range(60)))
    assert {answer.status for answer in answers} == {200}

    support.carry_all(hub)

    with hub.ledger.read() as conn:
        bodies = {row.id: payloads.get(conn, row.raw_digest) or b"" for row in all_messages(hub.ledger)}
    number_of = {message: json.loads(body)["hoSo"]["thuTuc"]["ten"] for message, body in bodies.items()}
    for dossier in ("H01-0", "H01-1", "H01-2"):
        in_order = received(hub, dossier)
        assert len(in_order) == 20
        assert partner.marks(dossier) == [number_of[message] for message in in_order]
    check_chains(hub.ledger)
    assert broken_rows(hub.ledger) == []


def received(hub: Hub, dossier: str) -> list[str]:
    """List the messages about a dossier in the order in which the journal says that they were received."""
    here = (journal.c.subject == f"national:{dossier}") & (journal.c.event == "message.received")
    with hub.ledger.read() as conn:
        entries = conn.execute(select(journal.c.entry).where(here).order_by(journal.c.number)).scalars()
        return [json.loads(entry)["message"] for entry in entries]
