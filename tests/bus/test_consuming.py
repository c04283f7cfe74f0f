"""Consuming from a real broker: acked after the result only, given back when stopped, put aside when false."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.bus import quarantine
from hub.bus.consuming import Tags
from hub.bus.rabbit import RabbitBus
from hub.bus.sealing import sealed
from hub.rules import seal
from hub.telemetry import QUARANTINED
from tests.bus.conftest import KEYS, Consuming, MakeBus, due
from tests.support.rabbit import PATIENCE_SECONDS, Corner, wait_until

Consume = Callable[[RabbitBus], Consuming]


def test_a_message_is_acked_when_its_result_is_recorded_and_not_before(
    bus: RabbitBus, consume: Consume, corner: Corner
) -> None:
    bus.publish([due(1), due(2)])
    consuming = consume(bus)
    assert consuming.wait_for(2) == ["d-1", "d-2"]
    assert corner.count("deliver.bo") == 0

    consuming.got[0][1]()
    wait_until(lambda: corner.total("deliver.bo") == 1)
    corner.node.cut()

    # The other one comes again, to whoever consumes then.
    assert consuming.wait_for(3)[2:] == ["d-2"]
    consuming.got[2][1]()
    wait_until(lambda: corner.total("deliver.bo") == 0)
    assert corner.count("deliver.bo") == 0


def test_an_answer_to_a_message_of_a_lost_connection_is_nobodys(bus: RabbitBus, consume: Consume, corner: Corner) -> None:
    bus.publish([due(1)])
    consuming = consume(bus)
    consuming.wait_for(1)
    corner.node.cut()
    consuming.wait_for(2)

    consuming.got[0][1]()
    consuming.got[0][1]()
    bus.publish([due(2)])
    consuming.wait_for(3)

    assert corner.total("deliver.bo") == 2


def test_two_consumers_share_a_queue(make_bus: MakeBus, consume: Consume) -> None:
    buses = [make_bus(prefetch=2), make_bus(prefetch=2)]
    both = [consume(each) for each in buses]

    buses[0].publish([due(number) for number in range(4)])
    got = [*both[0].wait_for(2), *both[1].wait_for(2)]

    assert sorted(got) == ["d-0", "d-1", "d-2", "d-3"]


def test_no_more_comes_than_may_be_at_a_consumer_and_one_endpoint_does_not_hold_up_another(
    make_bus: MakeBus, consume: Consume, corner: Corner
) -> None:
    bus = make_bus(prefetch=2)
    bus.publish([due(number) for number in range(5)])
    consuming = consume(bus)
    assert consuming.wait_for(2) == ["d-0", "d-1"]

    bus.publish([due(9, "cong")])

    assert consuming.wait_for(3)[2:] == ["d-9"]
    assert corner.count("deliver.bo") == 3
    consuming.got[1][1]()
    assert consuming.wait_for(4)[3:] == ["d-2"]


def test_many_messages_are_answered_by_many_threads_in_any_order(
    bus: RabbitBus, consume: Consume, corner: Corner
) -> None:
    consuming = consume(bus)
    answered = 0
    for start in range(0, 400, 100):
        bus.publish([due(number, ("bo", "cong")[number % 2]) for number in range(start, start + 100)])
        while answered < start + 100:
            consuming.wait_for(min(answered + 8, start + 100))
            come = consuming.got[answered:]
            answered += len(come)
            threads = [threading.Thread(target=acknowledge) for _, acknowledge in reversed(come)]
            for thread in threads:
                thread.start()

    wait_until(lambda: corner.total("deliver.bo") == corner.total("deliver.cong") == 0)
    assert corner.count("deliver.bo") == corner.count("deliver.cong") == 0
    assert len(consuming.got) == 400


def test_stopping_waits_for_what_runs_and_gives_back_what_was_not_begun(bus: RabbitBus, consume: Consume, corner: Corner) -> None:
    bus.publish([due(1), due(2)])
    consuming = consume(bus)
    consuming.wait_for(2)

    consuming.stop.set()
    bus.wake()
    bus.publish([due(3)])
    consuming.got[1][1](done=False)
    wait_until(lambda: corner.count("deliver.bo") == 2)
    assert consuming.thread.is_alive()
    consuming.got[0][1]()
    consuming.thread.join()

    assert sorted(each.properties["message_id"] for each in corner.empty("deliver.bo")) == ["d-2/1", "d-3/1"]


def test_what_is_given_back_comes_to_another(make_bus: MakeBus, consume: Consume) -> None:
    first, second = make_bus(), make_bus()
    first.publish([due(1)])
    one = consume(first)
    one.wait_for(1)

    other = consume(second)
    one.stop.set()
    one.got[0][1](done=False)

    assert other.wait_for(1) == ["d-1"]


def said(aside: Any) -> tuple[str, str]:
    return aside.headers["queue"], aside.headers["reason"]


# --- what is false ------------------------------------------------------------------------------------------------


def test_a_message_in_another_endpoints_queue_is_put_aside(bus: RabbitBus, consume: Consume, corner: Corner) -> None:
    told = QUARANTINED.labels("cong", "misdirected")._value.get()
    one, body = due(1), due(1).canonical
    corner.put(body, {"seal": sealed(one, KEYS)}, "cong")
    bus.publish([due(2, "cong")])
    consuming = consume(bus)

    assert consuming.wait_for(1) == ["d-2"]

    (aside,) = corner.empty("quarantine")
    assert (bytes(aside.body), said(aside)) == (body, ("cong", "misdirected"))
    assert QUARANTINED.labels("cong", "misdirected")._value.get() == told + 1
    wait_until(lambda: corner.total("deliver.cong") == 1)


@pytest.mark.parametrize("forged", ["", "rubbish", 7, None, True, {"a": ["b"]}, ["a"], "ế", "." * 70_000])
def test_whatever_stands_where_the_seal_should_is_put_aside(
    bus: RabbitBus, consume: Consume, corner: Corner, forged: Any
) -> None:
    corner.put(b"{}", {"seal": forged}, "bo")
    bus.publish([due(2)])

    assert consume(bus).wait_for(1) == ["d-2"]

    assert [each.headers["reason"] for each in corner.empty("quarantine")] == ["untrusted"]


def test_properties_that_cannot_be_read_do_not_end_the_consumer(bus: RabbitBus, consume: Consume, corner: Corner) -> None:
    """Time stamps beyond the calendar, which a stranger may write and the broker passes on."""
    with corner.channel() as channel:
        message = channel.prepare_message(b"{}", headers={})
        # py-amqp writes it as it is told: property flags with only a time stamp, 2^63 seconds.
        message._serialize_properties = lambda: b"\x00\x40" + (2**63).to_bytes(8, "big")
        channel.confirm_select()
        channel.basic_publish_confirm(message, exchange=corner.prefix, routing_key="deliver.bo")
    bus.publish([due(2)])

    assert consume(bus).wait_for(1) == ["d-2"]

    assert [each.headers["reason"] for each in corner.empty("quarantine")] == ["untrusted"]


def test_a_flood_of_forged_messages_is_put_aside_one_by_one(bus: RabbitBus, consume: Consume, corner: Corner) -> None:
    with corner.channel() as channel:
        channel.confirm_select()
        for _ in range(99):
            channel.basic_publish(channel.prepare_message(b"{}"), exchange=corner.prefix, routing_key="deliver.bo")
        channel.basic_publish_confirm(channel.prepare_message(b"{}"), exchange=corner.prefix, routing_key="deliver.bo")
    bus.publish([due(1)])

    assert consume(bus).wait_for(1) == ["d-1"]

    assert len(corner.empty("quarantine")) == 100


def test_a_message_that_cannot_be_put_aside_is_not_lost(make_bus: MakeBus, consume: Consume, corner: Corner) -> None:
    bus = make_bus(delivery_limit=2)
    bus.publish([due(1)])
    consume(bus).wait_for(1)
    corner.delete("quarantine")

    corner.put(b"false", {}, "bo")
    wait_until(lambda: corner.count("dead") == 1)
    make_bus(delivery_limit=2).drain_dead()

    assert [bytes(each.body) for each in corner.empty("quarantine")] == [b"false"]
    assert corner.count("dead") == 0


def test_a_flood_of_forged_messages_waits_once_for_a_quarantine_that_does_not_answer(
    make_bus: MakeBus, consume: Consume, corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ten would be waited for longer than this test has patience.
    monkeypatch.setattr(quarantine, "ASIDE_SECONDS", PATIENCE_SECONDS / 5)
    bus = make_bus(delivery_limit=2)
    bus.publish([])
    with corner.silent("quarantine"):
        for _ in range(10):
            corner.put(b"false", {}, "bo")
        bus.publish([due(1)])

        assert consume(bus).wait_for(1) == ["d-1"]
        wait_until(lambda: corner.count("dead") == 10)


# --- the broker gives up ------------------------------------------------------------------------------------------


def test_what_is_given_back_too_often_is_dead_and_only_noted(make_bus: MakeBus, consume: Consume, corner: Corner) -> None:
    bus = make_bus(delivery_limit=2)
    bus.publish([due(1)])
    consuming = consume(bus)
    for count in range(1, 4):
        consuming.wait_for(count)
        consuming.got[count - 1][1](done=False)
    wait_until(lambda: corner.count("dead") == 1)

    bus.drain_dead()

    wait_until(lambda: corner.count("dead") == 0)
    assert corner.empty("quarantine") == []
    assert len(consuming.got) == 3


def test_a_false_message_among_the_dead_is_put_aside(bus: RabbitBus, corner: Corner) -> None:
    with corner.channel() as channel:
        channel.confirm_select()
        message = channel.prepare_message(b"false", headers={"x-first-death-queue": "anything"})
        channel.basic_publish_confirm(message, exchange=corner.prefix, routing_key="dead")

    bus.drain_dead()

    (aside,) = corner.empty("quarantine")
    assert said(aside) == ("unknown", "untrusted")
    assert corner.count("dead") == 0


def test_a_seal_of_another_hub_is_not_ours(bus: RabbitBus, consume: Consume, corner: Corner) -> None:
    token = seal.seal(
        b"{}", issuer="x", key=KEYS.private, key_id="another", endpoint="bo", delivery="d", epoch=1, purpose="deliver"
    )
    corner.put(b"{}", {"seal": token}, "bo")
    bus.publish([due(1)])

    assert consume(bus).wait_for(1) == ["d-1"]
    assert len(corner.empty("quarantine")) == 1


# --- acking many with one word ------------------------------------------------------------------------------------


@given(st.data())
def test_every_tag_is_acked_once_and_none_before_it_is_done(data: st.DataObject) -> None:
    """Against the broker's own rule: a tag that is not outstanding may not be named."""
    tags, outstanding, unanswered = Tags(), [], []
    for tag in range(1, data.draw(st.integers(1, 20)) + 1):
        tags.came(tag)
        outstanding.append(tag)
        unanswered.append(tag)
        answered = data.draw(st.lists(st.sampled_from(unanswered), unique=True)) if unanswered else []
        back = set(data.draw(st.lists(st.sampled_from(answered), unique=True))) if answered else set()
        assert tags.over(back) == list(back)
        upto, single = tags.to_ack(tags.over([*answered, *back, *answered]))
        unanswered = [each for each in unanswered if each not in answered]
        outstanding = [each for each in outstanding if each not in back]
        if upto:
            assert upto in outstanding
            outstanding = [each for each in outstanding if each > upto]
        for each in single:
            outstanding.remove(each)
        assert outstanding == unanswered
        assert len(tags) == len(unanswered)
