"""Handing over to a member: the confirm delivers, its sealed word closes; what is not confirmed is a doubt."""

from __future__ import annotations

import json

import pika
from joserfc import jws

from hub.ledger import payloads
from hub.rules.lifecycle import State
from tests.edge.members.conftest import PARTNER, SENDER, answers, document, hand_over, put_aside
from tests.support import hub as support
from tests.support.amqp_partner import Cuttable
from tests.support.bus_member import REGISTRY
from tests.support.bus_world import PREFIX, BusWorld
from tests.support.clock import Clock
from tests.support.looking import all_deliveries, all_messages, broken_rows

ACKNOWLEDGED = '[outbound.services.GuiHoSo]\nadvance_on = "acknowledged"\n'
#: Returns after which the broker gives a message up: the default of bus.delivery_limit.
LIMIT = 10
RESENDS = '[outbound.services.GuiHoSo]\non_doubt = "resend"\n'


def test_a_member_gets_what_was_written_under_the_hubs_seal_and_its_acknowledgement_closes_the_delivery(world: BusWorld) -> None:
    hub, bo = world.hub(), world.member(PARTNER)
    support.send(hub, 1)
    support.carry_all(hub)
    (row,) = all_deliveries(hub.ledger)
    assert row.state == State.DELIVERED

    bo.take_all()
    world.poll(hub)
    world.until_taken(PARTNER)

    (row,) = all_deliveries(hub.ledger)
    (identity,) = bo.deliveries
    assert identity == row.native_id
    assert json.loads(bo.deliveries[identity])["maThongDiep"] == identity
    assert row.state == State.ACKNOWLEDGED
    assert [status for status, _ in answers(bo, f"re-{identity}", world)] == ["200"]
    assert all_messages(hub.ledger)[-1].kind == "acknowledgement"
    with hub.ledger.read() as conn:
        kept = payloads.get(conn, all_messages(hub.ledger)[-1].signature_digest) or b""
    assert jws.extract_compact(kept, b"", REGISTRY).headers()["about"] == identity
    assert broken_rows(hub.ledger) == []


def test_a_member_may_refuse_late(world: BusWorld) -> None:
    hub, bo = world.hub(), world.member(PARTNER)
    bo.refuses = True
    support.send(hub, 1)
    support.carry_all(hub)

    bo.take_all()
    world.poll(hub)
    world.until_taken(PARTNER)

    assert [row.state for row in all_deliveries(hub.ledger)] == [State.REFUSED_LATE]


def test_the_next_of_a_dossier_waits_for_the_acknowledgement_where_the_service_says_so(world: BusWorld) -> None:
    hub, bo = world.hub(services=ACKNOWLEDGED), world.member(PARTNER)
    world.poll(hub)
    support.send(hub, 1)
    support.send(hub, 2)
    support.carry_all(hub)
    assert [row.state for row in all_deliveries(hub.ledger)] == [State.DELIVERED, State.HELD]

    bo.take_all()
    world.until_taken(PARTNER)
    support.carry_all(hub)

    assert [row.state for row in all_deliveries(hub.ledger)] == [State.ACKNOWLEDGED, State.DELIVERED]


def test_a_queue_that_is_gone_is_not_sent_and_made_anew(world: BusWorld) -> None:
    clock = Clock()
    hub, bo = world.hub(clock), world.member(PARTNER)
    world.delete(f"member.{PARTNER}")
    support.send(hub, 1)
    hand_over(hub)
    (row,) = all_deliveries(hub.ledger)
    assert (row.state, row.error_code) == (State.WAITING, "not_sent")

    clock.advance(60)
    hand_over(hub)
    bo.take_all(acknowledge=False)

    assert [row.state for row in all_deliveries(hub.ledger)] == [State.DELIVERED]
    assert list(bo.deliveries) == [row.native_id]


def test_what_is_rejected_by_a_member_is_kept_and_told(world: BusWorld) -> None:
    hub, bo, before = world.hub(), world.member(PARTNER), put_aside(PARTNER, "given_up")
    support.send(hub, 1)
    support.carry_all(hub)
    with pika.BlockingConnection(bo._parameters) as connection:
        channel = connection.channel()
        method, _, body = channel.basic_get(f"{PREFIX}.member.{PARTNER}")
        channel.basic_reject(method.delivery_tag, requeue=False)

    world.until(lambda: world.count("dead") == 1)
    hub.bus.drain_dead()

    (aside,) = world.take("quarantine")
    assert bytes(aside.body) == body
    assert (aside.headers["reason"], aside.headers["queue"]) == ("given_up", PARTNER)
    assert put_aside(PARTNER, "given_up") == before + 1


def test_what_was_sent_and_cannot_be_taken_does_not_go_round_for_ever(world: BusWorld) -> None:
    """As when every process that takes it dies of it: the broker gives it up, and it is kept with its seal."""
    hub, mot_cua = world.hub(), world.member(SENDER)
    mot_cua.say("message", "m-1", document())
    with pika.BlockingConnection(world.as_hub()) as connection:
        channel = connection.channel()
        given = channel.consume(f"{PREFIX}.intake.{SENDER}")
        for _ in range(LIMIT + 1):
            channel.basic_reject(next(given)[0].delivery_tag, requeue=True)
    world.until(lambda: world.count("dead") == 1)
    hub.bus.drain_dead()

    (aside,) = world.take("quarantine")
    assert (aside.headers["reason"], aside.headers["queue"]) == ("given_up", SENDER)
    assert bytes(aside.body) == document()
    assert jws.extract_compact(aside.headers["seal"].encode(), b"", REGISTRY).headers()["id"] == "m-1"


def test_a_cut_between_publish_and_confirm_is_a_doubt_and_never_sent_again(world: BusWorld, wire: Cuttable) -> None:
    clock = Clock()
    hub, bo = world.hub(clock, port=wire.port), world.member(PARTNER)
    support.send(hub, 1)
    wire.at(b"maThongDiep", wire.cut)
    hand_over(hub)
    clock.advance(100_000)
    hand_over(hub)

    (row,) = all_deliveries(hub.ledger)
    bo.take_all(acknowledge=False)
    assert row.state == State.IN_DOUBT
    assert bo.came == [row.native_id]


def test_the_acknowledgement_of_what_is_in_doubt_ends_the_doubt(world: BusWorld, wire: Cuttable) -> None:
    hub, bo = world.hub(port=wire.port), world.member(PARTNER)
    support.send(hub, 1)
    wire.at(b"maThongDiep", wire.cut)
    hand_over(hub)
    assert [row.state for row in all_deliveries(hub.ledger)] == [State.IN_DOUBT]

    bo.take_all()
    world.poll(hub)
    world.until_taken(PARTNER)

    assert [row.state for row in all_deliveries(hub.ledger)] == [State.ACKNOWLEDGED]


def test_a_doubt_is_sent_again_under_the_same_identifier_where_that_is_declared_safe(world: BusWorld, wire: Cuttable) -> None:
    clock = Clock()
    hub, bo = world.hub(clock, services=RESENDS, port=wire.port), world.member(PARTNER)
    support.send(hub, 1)
    wire.at(b"maThongDiep", wire.cut)
    hand_over(hub)
    clock.advance(1000)
    hand_over(hub)

    bo.take_all(acknowledge=False)
    (row,) = all_deliveries(hub.ledger)
    assert row.state == State.DELIVERED
    assert bo.came == [row.native_id, row.native_id]
    assert list(bo.deliveries) == [row.native_id]
