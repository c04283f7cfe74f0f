"""Failures by cause: one mending cures a group, and the groups say how much waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection, select

from hub import intake, operations
from hub.contract import Reply
from hub.errors import InDoubt, NotAllowed
from hub.ledger.tables import deliveries
from hub.registers import failures, group_members
from hub.registers.failures import Failures, Group
from hub.registers.group_members import GroupShown
from hub.registers.plan_choice import Choice
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER, document, request
from tests.support.night_shift import Shift, shift


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Shift]:
    with shift(tmp_path) as opened:
        yield opened


def grouped(night: Shift, **given: object) -> Failures:
    with night.hub.ledger.read() as conn:
        return failures.failures(conn, **given)  # type: ignore[arg-type]


def summary(groups: tuple[Group, ...]) -> list[tuple[str, int, int]]:
    return [(group.cause.error_code, group.count, group.followers) for group in groups]


def test_what_fails_for_one_cause_is_one_group_with_its_followers(night: Shift) -> None:
    for number in range(1, 4):
        night.unmapped(number, f"H01-{number}")
        night.clock.advance(60)
    night.send(4, "H01-1")
    night.send(5, "H01-1")
    night.faults["H02-1"] = "refuse"
    night.send(6, "H02-1")

    found = grouped(night)

    assert summary(found.parked) == [("no_mapping", 3, 2), ("refused", 1, 0)]
    largest = found.parked[0]
    assert largest.cause.error_where == "codes/template_procedures/9.999999"
    assert largest.cause.what == "dossier/status"
    assert largest.last_at - largest.first_at == 120
    assert largest.samples == tuple(night.ids(f"H01-{number}")[0] for number in range(1, 4))
    assert "template_procedures" in largest.error_vi
    assert found.parked[1].cause.partner_code == "13"


def test_what_is_in_doubt_stands_apart(night: Shift) -> None:
    night.faults["H01-1"] = "garble"
    night.send(1)
    night.send(2)

    found = grouped(night)

    assert found.parked == ()
    assert summary(found.in_doubt) == [("in_doubt", 1, 1)]


def test_the_place_of_a_doubt_is_the_service_and_not_the_partners_address(night: Shift) -> None:
    def no_reply(*given: object) -> Reply:
        raise InDoubt("no reply", "không có trả lời", where="http://10.1.2.3:8080/mapi/g")

    night.hub = replace(night.hub, transports=lambda endpoint: SimpleNamespace(send=no_reply))
    night.send(1)
    (group,) = grouped(night).in_doubt

    assert group.cause.error_where == "GuiHoSo"
    with night.hub.ledger.read() as conn:
        assert failures.cause_of(conn, group.cause.group) == (group.cause, "event")
        (found,) = conn.execute(select(deliveries.c.id).where(failures.of_cause(group.cause, "event"))).scalars()
    assert found == night.ids()[0]


def test_what_waits_for_an_acknowledgement_stands_apart_with_since_when(tmp_path: Path) -> None:
    with shift(tmp_path, services='[outbound.services.GuiHoSo]\nadvance_on = "acknowledged"\n') as night:
        night.send(1, "H01-1")
        since = night.hub.now()
        night.clock.advance(60)
        night.send(2, "H01-1")
        night.send(3, "H01-2")

        found = grouped(night)
        (group,) = found.unacknowledged
        plan = operations.plan(night.hub, Choice(group=group.cause.group), "release", actor="lan", why="thử")
        every = operations.plan(night.hub, Choice(dossier="H01-1"), "release", actor="lan", why="thử")

        assert (found.parked, found.in_doubt) == ((), ())
        assert (group.count, group.followers, group.first_at) == (2, 1, since)
        assert (group.cause.state, group.cause.error_where) == ("delivered", "GuiHoSo")
        assert [item.skip for item in plan.items] == ["unacknowledged"] * 2
        assert [item.skip.partition(":")[0] for item in every.items] == ["waits_for_acknowledgement"]
        operations.settle_answer(night.hub, night.ids("H01-2")[0], acknowledged=True, actor="lan", why="gọi")
        (group,) = grouped(night).unacknowledged
        assert group.count == 1


def test_what_is_delivered_and_awaited_by_nobody_is_no_failure(night: Shift) -> None:
    night.send(1)

    assert grouped(night).unacknowledged == ()


def test_a_groups_name_stays_the_same_while_more_fail(night: Shift) -> None:
    night.unmapped(1, "H01-1")
    before = grouped(night).parked[0].cause.group
    night.clock.advance(3600)
    night.unmapped(2, "H01-2")

    assert grouped(night).parked[0].cause.group == before


def test_groups_by_procedure_have_names_of_their_own_and_lead_back_to_their_deliveries(night: Shift) -> None:
    night.unmapped(1)
    by_event, by_procedure = (grouped(night, by=by).parked[0].cause for by in ("event", "procedure"))

    assert (by_event.what, by_procedure.what) == ("dossier/status", "9.999999")
    with night.hub.ledger.read() as conn:
        assert failures.cause_of(conn, by_event.group) == (by_event, "event")
        assert failures.cause_of(conn, by_procedure.group) == (by_procedure, "procedure")


def test_a_group_of_which_nothing_is_left_is_said_so(night: Shift) -> None:
    night.unmapped(1)
    group = grouped(night).parked[0].cause.group
    night.hub.ledger.rebuild(night.ids()[0], actor="lan", why="xong", now=night.hub.now())

    with night.hub.ledger.read() as conn, pytest.raises(NotAllowed):
        failures.cause_of(conn, group)


def test_messages_refused_at_the_doors_are_groups_of_their_own(night: Shift) -> None:
    for number in range(2):
        intake.receive(night.hub, request(b'{"maThongDiep": "M-%d"}' % number))
    night.clock.advance(8 * 86400)
    intake.receive(night.hub, request(document(1, status="LA")))

    everything, lately = grouped(night), grouped(night, refused_since=night.hub.now() - 60)

    assert [(each.cause.endpoint, each.cause.error_where, each.count) for each in everything.refused] == [
        (SENDER, "/suKien", 2),
        (SENDER, "/hoSo/trangThai", 1),
    ]
    assert [each.cause.error_where for each in lately.refused] == ["/hoSo/trangThai"]
    assert everything.refused[0].error_vi


@pytest.mark.parametrize("engine", ENGINES)
def test_refusals_in_one_place_are_a_group_for_each_kind_of_fault(tmp_path: Path, engine: str) -> None:
    with ledger_on(engine) as url, shift(tmp_path, ledger=url.replace("sqlite:///", f"sqlite:///{tmp_path}/")) as night:
        for number, event in enumerate(({}, {}, {"suKien": "KHAC"})):
            intake.receive(night.hub, request(json.dumps({"maThongDiep": f"M-{number}", **event}).encode()))

        found = grouped(night).refused
        with night.hub.ledger.read() as conn:
            listed = [shown(conn, each.name, night.hub.now()) for each in found]

    assert [(each.cause.error_where, each.cause.fault, each.count) for each in found] == [
        ("/suKien", "missing", 2),
        ("/suKien", "bad_value", 1),
    ]
    assert len({each.name for each in found}) == 2
    assert [(each.group, len(each.members)) for each in listed] == [(found[0], 2), (found[1], 1)]


def shown(conn: Connection, name: str, now: float) -> GroupShown:
    return group_members.show(conn, name, after="", limit=9, scope=None, on_doubt=lambda *_: "park", now=now)


def test_groups_of_another_endpoint_are_left_out(night: Shift) -> None:
    night.unmapped(1)
    intake.receive(night.hub, request(b"{}"))

    here, there = grouped(night, endpoint=PARTNER), grouped(night, endpoint=SENDER)

    assert (len(here.parked), len(here.refused)) == (1, 0)
    assert (len(there.parked), len(there.refused)) == (0, 1)


def test_groups_show_no_personal_data(night: Shift) -> None:
    night.unmapped(1)
    intake.receive(night.hub, request(document(2, status="LA")))

    assert "Nguyễn" not in repr(grouped(night))
