"""What a member did not seal, or may not do: nothing false changes anything."""

from __future__ import annotations

from typing import Any

import pika
import pytest
from joserfc.jwk import ECKey

from hub.rules.lifecycle import State
from tests.edge.members.conftest import PARTNER, SENDER, document, put_aside
from tests.support import hub as support
from tests.support.bus_member import BusMember, seal
from tests.support.bus_world import HUB_NAME, KEYS, PREFIX, BusWorld
from tests.support.looking import all_deliveries, all_messages, broken_rows


def _unsealed(member: BusMember) -> None:
    member.publish(document(), {})


def _tampered(member: BusMember) -> None:
    member.publish(document(2), {"seal": member.sealed("message", "m-1", document(1))})


def _by_another_key(member: BusMember) -> None:
    said = {"iss": member.name, "aud": HUB_NAME, "kid": member.kid, "purpose": "message", "id": "m-1"}
    member.publish(document(), {"seal": seal(document(), ECKey.generate_key("P-256"), **said)})


def _under_another_name(member: BusMember) -> None:
    said = {"iss": PARTNER, "aud": HUB_NAME, "kid": member.kid, "purpose": "message", "id": "m-1"}
    member.publish(document(), {"seal": seal(document(), KEYS[SENDER], **said)})


def _to_another_hub(member: BusMember) -> None:
    said = {"iss": member.name, "aud": "another", "kid": member.kid, "purpose": "message", "id": "m-1"}
    member.publish(document(), {"seal": seal(document(), KEYS[SENDER], **said)})


def _in_the_hubs_words(member: BusMember) -> None:
    member.say("delivery", "m-1", document())


def _about_nothing(member: BusMember) -> None:
    member.say("acknowledged", "m-1")


def _without_identifier(member: BusMember) -> None:
    member.say("message", "", document())


@pytest.mark.parametrize(
    "lie",
    [
        _unsealed,
        _tampered,
        _by_another_key,
        _under_another_name,
        _to_another_hub,
        _in_the_hubs_words,
        _about_nothing,
        _without_identifier,
    ],
)
def test_what_the_member_did_not_seal_so_is_put_aside_and_changes_nothing(lie: Any, world: BusWorld) -> None:
    hub, mot_cua, before = world.hub(), world.member(SENDER), put_aside(SENDER)
    world.poll(hub)

    lie(mot_cua)
    world.until_taken(SENDER)
    mot_cua.take_all()

    (aside,) = world.take("quarantine")
    assert (aside.headers["queue"], aside.headers["reason"]) == (SENDER, "untrusted")
    assert put_aside(SENDER) == before + 1
    assert all_messages(hub.ledger) == all_deliveries(hub.ledger) == []
    assert mot_cua.came == []


def test_a_message_by_the_hub_cannot_be_turned_back_to_it(world: BusWorld) -> None:
    hub, bo = world.hub(), world.member(PARTNER)
    world.poll(hub)
    support.send(hub, 1)
    support.carry_all(hub)
    (message,) = world.take(f"member.{PARTNER}")

    bo.publish(bytes(message.body), {"seal": message.headers["seal"]})
    world.until_taken(PARTNER)

    assert world.count("quarantine") == 1
    assert [row.state for row in all_deliveries(hub.ledger)] == [State.DELIVERED]


@pytest.mark.parametrize("key", [f"intake.{PARTNER}", f"member.{PARTNER}", f"deliver.{PARTNER}", "dead", "wake"])
def test_the_broker_keeps_a_member_to_its_own_key(key: str, world: BusWorld) -> None:
    world.hub()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as told:
        world.member(SENDER).publish(b"", {}, key)

    assert told.value.reply_code == 403


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        ("basic_get", {"queue": f"{PREFIX}.member.{PARTNER}"}),
        ("basic_get", {"queue": f"{PREFIX}.intake.{SENDER}"}),
        ("queue_purge", {"queue": f"{PREFIX}.deliver.{PARTNER}"}),
        ("queue_declare", {"queue": "another"}),
        ("queue_delete", {"queue": f"{PREFIX}.member.{SENDER}"}),
        ("queue_bind", {"queue": f"{PREFIX}.member.{SENDER}", "exchange": PREFIX, "routing_key": "deliver.#"}),
    ],
)
def test_the_broker_lets_a_member_read_its_own_queue_only(verb: str, given: dict[str, str], world: BusWorld) -> None:
    world.hub()
    with (
        pika.BlockingConnection(world.member(SENDER)._parameters) as connection,
        pytest.raises(pika.exceptions.ChannelClosedByBroker) as told,
    ):
        getattr(connection.channel(), verb)(**given)

    assert told.value.reply_code == 403


def test_a_copy_to_another_key_changes_nothing_there(world: BusWorld) -> None:
    """RabbitMQ 3.10 looks at the routing key only, and not at those in the header CC: the seals hold where it does not."""
    hub, mot_cua = world.hub(), world.member(SENDER)
    world.poll(hub)
    body = document()
    copies = {"seal": mot_cua.sealed("message", "m-1", body), "CC": [f"intake.{PARTNER}", f"deliver.{PARTNER}"]}
    try:
        mot_cua.publish(body, copies)
    except pika.exceptions.ChannelClosedByBroker as error:
        assert error.reply_code == 403
        mot_cua.say("message", "m-1", body)
        expected = []
    else:
        expected = [PARTNER, PARTNER]
    world.until_taken(SENDER)
    world.until_taken(PARTNER)

    assert [row.endpoint for row in all_messages(hub.ledger)] == [SENDER]
    assert support.carry(hub) == 1
    assert [message.headers["queue"] for message in world.take("quarantine")] == expected
    assert broken_rows(hub.ledger) == []
