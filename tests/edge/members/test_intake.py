"""What members send: recorded in order, answered under seal, a repeat known by its identifier."""

from __future__ import annotations

import json

from hub.rules.lifecycle import State
from tests.edge.members.conftest import PARTNER, SENDER, answers, document
from tests.support import hub as support
from tests.support.bus_world import BusWorld
from tests.support.looking import all_deliveries, all_messages


def test_a_dossier_goes_from_one_member_to_another_and_its_sender_is_answered_under_seal(world: BusWorld) -> None:
    hub, mot_cua, bo = world.hub(), world.member(SENDER), world.member(PARTNER)
    world.poll(hub)
    mot_cua.say("message", "m-1", document(), service="GuiHoSo", cty="application/json")
    ((status, answer),) = answers(mot_cua, "m-1", world)
    support.carry_all(hub)
    bo.take_all()
    world.until_taken(PARTNER)

    assert (status, json.loads(answer)["ma"]) == ("200", "00")
    assert [row.state for row in all_deliveries(hub.ledger)] == [State.ACKNOWLEDGED]
    assert [row.endpoint for row in all_messages(hub.ledger)] == [SENDER, PARTNER]


def test_a_faulty_message_is_answered_with_its_faults(world: BusWorld) -> None:
    hub, mot_cua = world.hub(), world.member(SENDER)
    world.poll(hub)
    mot_cua.say("message", "m-1", b'{"maThongDiep": "M-1"}')

    ((status, answer),) = answers(mot_cua, "m-1", world)

    assert status == "422"
    assert "/hoSo" in [fault["cho"] for fault in json.loads(answer)["loi"]]


def test_a_repeated_message_gets_the_recorded_answer_under_the_same_identifier(world: BusWorld) -> None:
    hub, mot_cua = world.hub(), world.member(SENDER)
    world.poll(hub)
    for _ in range(2):
        mot_cua.say("message", "m-1", document())
    world.until_taken(SENDER)
    mot_cua.take_all()

    (first, second) = mot_cua.answers["m-1"]
    assert first == second
    assert len(set(mot_cua.came)) == 1
    assert len(all_deliveries(hub.ledger)) == 1


def test_a_replayed_acknowledgement_gets_its_answer_again_and_changes_nothing(world: BusWorld) -> None:
    hub, bo = world.hub(), world.member(PARTNER)
    support.send(hub, 1)
    support.carry_all(hub)
    bo.take_all()
    world.poll(hub)
    world.until_taken(PARTNER)
    (identity,) = bo.deliveries
    recorded = all_messages(hub.ledger)

    bo.say("acknowledged", f"re-{identity}", about=identity)
    world.until_taken(PARTNER)
    bo.take_all()

    first, second = bo.answers[f"re-{identity}"]
    assert first == second
    assert [row.id for row in all_messages(hub.ledger)] == [row.id for row in recorded]
    assert [row.state for row in all_deliveries(hub.ledger)] == [State.ACKNOWLEDGED]


def test_a_member_cannot_acknowledge_what_another_was_given(world: BusWorld) -> None:
    hub, mot_cua = world.hub(), world.member(SENDER)
    world.poll(hub)
    support.send(hub, 1)
    support.carry_all(hub)
    (row,) = all_deliveries(hub.ledger)

    mot_cua.say("acknowledged", "a-1", about=row.native_id)
    ((status, _),) = answers(mot_cua, "a-1", world)

    assert status == "422"
    assert [row.state for row in all_deliveries(hub.ledger)] == [State.DELIVERED]


def test_an_answer_whose_queue_is_gone_is_given_when_it_is_made_anew(world: BusWorld) -> None:
    hub, mot_cua = world.hub(), world.member(SENDER)
    world.poll(hub)
    world.delete(f"member.{SENDER}")
    mot_cua.say("message", "m-1", document())
    world.until_taken(SENDER)
    mot_cua.take_all()

    assert [status for status, _ in mot_cua.answers["m-1"]] == ["200"]


def test_of_two_processes_one_takes_and_the_other_takes_over(world: BusWorld) -> None:
    hub, mot_cua = world.hub(), world.member(SENDER)
    first = world.poll(hub)
    mot_cua.say("message", "m-1", document(1))
    world.until_taken(SENDER)
    world.poll(hub)
    for number in range(2, 6):
        mot_cua.say("message", f"m-{number}", document(number))
    world.until_taken(SENDER)
    first.stop()
    mot_cua.say("message", "m-6", document(6))
    world.until_taken(SENDER)

    assert [row.identity for row in all_messages(hub.ledger)] == [f"M-{number:06}" for number in range(1, 7)]
    assert [row.repeats for row in all_messages(hub.ledger)] == [0] * 6
