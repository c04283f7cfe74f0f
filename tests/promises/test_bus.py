"""What lies on the bus can be false, misdirected, repeated or gone: it never changes the delivery that it names."""

from __future__ import annotations

import dataclasses
import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hub import dispatch
from hub.app import Hub
from hub.bus.port import Acknowledge
from hub.bus.rabbit import RabbitBus
from hub.edge.workers import Workers
from hub.rules import seal
from hub.rules.lifecycle import State
from hub.rules.queued import Due
from hub.simulation import SimulatorServer
from hub.telemetry import QUARANTINED, REPEATED
from tests.promises.conftest import MakeHub
from tests.support import hub as support
from tests.support import rabbit
from tests.support.clock import Clock
from tests.support.commits import Commits
from tests.support.looking import all_deliveries, broken_rows
from tests.support.partner import Partner
from tests.support.rabbit import Corner, wait_until

OTHER = "cong"


@pytest.fixture
def corner() -> Iterator[Corner]:
    with rabbit.corner(rabbit.shared()) as own:
        yield own


@pytest.fixture
def hub(corner: Corner, make_hub: MakeHub, server: SimulatorServer) -> Hub:
    """A hub with two partners on a real broker; the second one is on the bus so that a message can be in its queue."""
    at = support.At(url=server.url)
    routes = f'[[route]]\nname = "one"\nfrom = ["{support.SENDER}"]\nto = ["{support.PARTNER}"]\n'
    return make_hub({support.PARTNER: at, OTHER: at}, routes=routes, bus=corner.settings)


def queued(hub: Hub, number: int = 1, dossier: str = "H01-1") -> Due:
    """Bring one delivery to QUEUED; the bus message is made by the test."""
    support.send(hub, number, dossier)
    (due,) = hub.ledger.queue(hub.now(), hub.budgets())
    return due


def sealed(hub: Hub, due: Due, **changes: Any) -> str:
    """Seal a bus message as the hub does."""
    assert isinstance(hub.bus, RabbitBus)
    keys = hub.bus._keys
    fields = {"issuer": keys.issuer, "key": keys.private, "key_id": keys.key_id, "endpoint": due.endpoint}
    fields |= {"delivery": due.id, "epoch": due.epoch, "purpose": due.purpose}
    return seal.seal(due.canonical, **{**fields, **changes})


def consume(hub: Hub, corner: Corner, endpoint: str = support.PARTNER) -> list[Due]:
    """Consume all that is in a queue; give what was handed to workers. The last message is one of ours."""
    last = Due(id="last", endpoint=endpoint, epoch=1, purpose="deliver", canonical=b"{}")
    corner.put(last.canonical, {"seal": sealed(hub, last)}, endpoint)
    got: list[Due] = []
    stop = threading.Event()

    def on_due(due: Due, acknowledge: Acknowledge) -> None:
        acknowledge()
        if due.id == "last":
            stop.set()
        else:
            got.append(due)

    hub.bus.consume(on_due, stop)
    return got


def count(metric: Any, *labels: str) -> float:
    return float(metric.labels(*labels)._value.get())


def changed_head(token: str, **changes: Any) -> str:
    """Change what a seal's protected header says, without its key."""
    head, middle, signature = token.split(".")
    tree = json.loads(urlsafe_b64decode(head + "==")) | changes
    return ".".join([urlsafe_b64encode(json.dumps(tree).encode()).decode().rstrip("="), middle, signature])


def other_key(hub: Hub, due: Due) -> str:
    return sealed(hub, due, key=ec.generate_private_key(ec.SECP256R1()))


FORGED: dict[str, Callable[[Hub, Due], tuple[Any, dict[str, Any]]]] = {
    "another body": lambda hub, due: (due.canonical.replace(b"#1", b"#9"), {"seal": sealed(hub, due)}),
    "an empty body": lambda hub, due: (b"", {"seal": sealed(hub, due)}),
    "another delivery": lambda hub, due: (due.canonical, {"seal": changed_head(sealed(hub, due), delivery="x")}),
    "another epoch": lambda hub, due: (due.canonical, {"seal": changed_head(sealed(hub, due), epoch=due.epoch + 1)}),
    "another purpose": lambda hub, due: (due.canonical, {"seal": changed_head(sealed(hub, due), purpose="inquire")}),
    "another algorithm": lambda hub, due: (due.canonical, {"seal": changed_head(sealed(hub, due), alg="none")}),
    "another key": lambda hub, due: (due.canonical, {"seal": other_key(hub, due)}),
    "an unknown key": lambda hub, due: (due.canonical, {"seal": sealed(hub, due, key_id="0000000000000000")}),
    "no seal": lambda hub, due: (due.canonical, {}),
    "an empty seal": lambda hub, due: (due.canonical, {"seal": ""}),
    "rubbish for a seal": lambda hub, due: (due.canonical, {"seal": "a.b.c" * 1000}),
    "a number for a seal": lambda hub, due: (due.canonical, {"seal": 7}),
    "a tree for a seal": lambda hub, due: (due.canonical, {"seal": {"a": ["b"]}}),
    "letters beyond ASCII": lambda hub, due: (due.canonical, {"seal": sealed(hub, due) + "ế"}),
    "text for a body": lambda hub, due: ("đ\x00".encode(), {"seal": sealed(hub, due)}),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_message_goes_to_quarantine_and_changes_nothing(
    hub: Hub, corner: Corner, partner: Partner, forgery: str
) -> None:
    due = queued(hub)
    before = all_deliveries(hub.ledger)
    told = count(QUARANTINED, support.PARTNER, "untrusted")

    body, headers = FORGED[forgery](hub, due)
    corner.put(body, headers, support.PARTNER)

    assert consume(hub, corner) == []
    assert [message.headers["reason"] for message in corner.empty("quarantine")] == ["untrusted"]
    assert count(QUARANTINED, support.PARTNER, "untrusted") == told + 1
    assert all_deliveries(hub.ledger) == before
    assert partner.arrivals == []


def test_a_message_in_another_endpoints_queue_goes_to_quarantine(
    hub: Hub, corner: Corner, clock: Clock, partner: Partner
) -> None:
    due = queued(hub)

    corner.put(due.canonical, {"seal": sealed(hub, due)}, OTHER)

    assert consume(hub, corner, OTHER) == []
    assert [message.headers["reason"] for message in corner.empty("quarantine")] == ["misdirected"]
    clock.advance(1000)
    support.carry_all(hub)
    assert partner.marks("H01-1") == ["#1"]


def test_what_is_rightly_sealed_but_not_as_in_the_ledger_changes_nothing(hub: Hub, corner: Corner, partner: Partner) -> None:
    """Also our own key does not make it true: the ledger decides."""
    due = queued(hub)
    false = dataclasses.replace(due, canonical=due.canonical.replace(b"#1", b"#9"))
    told = count(QUARANTINED, support.PARTNER, "not_as_in_ledger")
    corner.put(false.canonical, {"seal": sealed(hub, false)}, support.PARTNER)
    (got,) = consume(hub, corner)
    before = all_deliveries(hub.ledger)
    acknowledged = threading.Event()

    Workers(hub)._work(got, acknowledged.set)

    assert acknowledged.is_set()
    assert count(QUARANTINED, support.PARTNER, "not_as_in_ledger") == told + 1
    assert all_deliveries(hub.ledger) == before
    assert partner.arrivals == []


@pytest.mark.parametrize("change", [{"delivery": "no such"}, {"epoch": 7}, {"purpose": "inquire"}, {"purpose": "dance"}])
def test_what_is_rightly_sealed_but_names_nothing_to_do_does_nothing(
    hub: Hub, corner: Corner, partner: Partner, change: dict[str, Any]
) -> None:
    due = queued(hub)
    hub.ledger.lapse(hub.now() + 1000, hub.doubt_policy)
    corner.put(due.canonical, {"seal": sealed(hub, due, **change)}, support.PARTNER)
    before = all_deliveries(hub.ledger)
    told = count(REPEATED, support.PARTNER)

    for got in consume(hub, corner):
        Workers(hub)._work(got, lambda: None)

    assert count(REPEATED, support.PARTNER) == told + 1
    assert all_deliveries(hub.ledger) == before
    assert partner.arrivals == []


def test_a_repeated_message_is_delivered_once(hub: Hub, corner: Corner, partner: Partner) -> None:
    due = queued(hub)
    for _ in range(3):
        corner.put(due.canonical, {"seal": sealed(hub, due)}, support.PARTNER)
    told = count(REPEATED, support.PARTNER)

    for got in consume(hub, corner):
        Workers(hub)._work(got, lambda: None)

    assert partner.marks("H01-1") == ["#1"]
    assert count(REPEATED, support.PARTNER) == told + 2


def test_a_lost_message_is_published_again_when_its_lease_has_lapsed(hub: Hub, clock: Clock, partner: Partner) -> None:
    queued(hub)
    assert support.carry(hub) == 0

    clock.advance(hub.lease_seconds(support.PARTNER) + 1)
    support.carry_all(hub)

    assert partner.marks("H01-1") == ["#1"]


def test_what_the_bus_does_not_take_is_pending_again(hub: Hub, corner: Corner, partner: Partner) -> None:
    """The queue was deleted behind our back: published ``mandatory``, it comes back, and the queue is made again."""
    hub.bus.wait(0)
    support.send(hub, 1)
    corner.delete(f"deliver.{support.PARTNER}")

    assert dispatch.queue(hub) == 0
    assert [row.state for row in all_deliveries(hub.ledger)] == [State.PENDING]

    support.carry_all(hub)
    assert partner.marks("H01-1") == ["#1"]


def test_what_a_full_queue_refuses_is_pending_again(hub: Hub, corner: Corner, partner: Partner) -> None:
    """The broker says no (nack) where an operator's policy lets a queue hold no more."""
    support.send(hub, 1)
    with corner.full(f"deliver.{support.PARTNER}"):
        assert dispatch.queue(hub) == 0
        assert [row.state for row in all_deliveries(hub.ledger)] == [State.PENDING]

    # The broker forgets a little later that the queue was full.
    wait_until(lambda: support.carry_all(hub) == 1)
    assert partner.marks("H01-1") == ["#1"]


def test_workers_go_on_after_every_forgery(hub: Hub, corner: Corner, clock: Clock, partner: Partner) -> None:
    due = queued(hub)
    for forge in FORGED.values():
        body, headers = forge(hub, due)
        corner.put(body, headers, support.PARTNER)
    # What was to be delivered first was never published; its lease brings it back.
    clock.advance(hub.lease_seconds(support.PARTNER) + 1)
    commits = Commits(hub.ledger)
    workers = Workers(hub)
    workers.start()
    try:
        for number in range(2, 6):
            support.send(hub, number, f"H01-{number}")
        commits.wait_until(lambda: all(row.state == State.DELIVERED for row in all_deliveries(hub.ledger)))
    finally:
        workers.stop()

    assert sorted(each.mark for each in partner.arrivals) == [f"#{number}" for number in range(1, 6)]
    assert broken_rows(hub.ledger) == []

