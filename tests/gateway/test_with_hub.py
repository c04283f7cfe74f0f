"""A hub before each gateway product: ours is given once and followed, what came is taken once, and no death loses it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub import intake, visits
from hub.app import Hub
from hub.canonical.digests import digest_of
from hub.edge.acknowledger import Acknowledger
from hub.edge.follower import Follower
from hub.edge.puller import Puller
from hub.errors import NoMapping
from hub.gateway.transport import GatewayTransport
from hub.gateway_policy import GATEWAY
from hub.ledger import payloads
from hub.ledger.word_tables import followed, owed
from hub.operations.pulls import pulled_by
from hub.rules.lifecycle import State
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.engines import ledger_on
from tests.support.gateway_world import CALLED, PASSWORD, PRODUCTS, USER, Gateways, gateways
from tests.support.looking import all_deliveries, all_messages, broken_rows

PARTNER, SENDER = support.PARTNER, support.SENDER
#: Longer than any lease and any pause.
LONG_SECONDS = 5000.0
GIVING = {"domibus": "submitRequest", "domibus4": "submitRequest", "ebms_core": "dataSources", "hermes": "payload"}
ROUTES = (
    f'[[route]]\nname = "out"\nfrom = ["{SENDER}"]\nto = ["{PARTNER}"]\n'
    f'[[route]]\nname = "in"\nfrom = ["{PARTNER}"]\nto = ["{SENDER}"]\n'
)


class Died(BaseException):
    """The process is gone."""


@dataclass
class World:
    """A gateway, a hub before it, and the clock."""

    gateway: Gateways
    folder: Path
    clock: Clock
    hub: Hub

    def pull(self) -> None:
        """Look as often as there may be more, each time when it is time to."""
        for _ in range(3):
            self.clock.advance(LONG_SECONDS)
            Puller(self.hub, self.hub.endpoint(PARTNER), GATEWAY, 30.0, "one").round()

    def say(self) -> None:
        self.clock.advance(LONG_SECONDS)
        Acknowledger(self.hub, self.hub.endpoint(PARTNER), "one").round()

    def ask(self) -> None:
        self.clock.advance(LONG_SECONDS)
        Follower(self.hub, self.hub.endpoint(PARTNER), "one").round()

    def again(self) -> None:
        """Begin anew after a death: another process, on the same ledger."""
        self.hub = support.open_hub(self.folder, self.clock)
        self.clock.advance(LONG_SECONDS)

    def came(self) -> list[Any]:
        return [each for each in all_messages(self.hub.ledger) if each.endpoint == PARTNER and each.accepted]

    def marked(self) -> list[str]:
        """Which messages the gateway does not hold for the hub any more."""
        if self.gateway.product == "holodeck":
            assert self.gateway.folder is not None
            taken = self.gateway.folder / "msg_taken"
            return ["m-1@gw.id.example"] * len(list(taken.glob("mi-*")))
        return [each["number"] for each in self.gateway.account()["inbox"] if each["state"] in ("DOWNLOADED", "PROCESSED", "DL")]


def table(gateway: Gateways) -> str:
    """Write ``[gateway]`` as it stands in an endpoint's file."""
    policy = gateway.policy
    account = f'user = "{USER}"\npassword = "env:TESTS_GATEWAY"\n' if policy.user else ""
    version = 'version = "4"\n' if policy.version == "4" else ""
    partner = policy.partners["ID"]
    ships = 'partnerships = { "*" = "vn-id" }\n' if partner.partnerships else ""
    return (
        f'[inbound]\n[gateway]\ndriver = "{policy.driver}"\nurl = "{policy.url}"\n{account}{version}party_id = "VN"\n'
        f'id_domain = "gw.vn.example"\n[gateway.partners.ID]\nparty_id = "ID"\nagreement = "{partner.agreement}"\n{ships}'
    )


@contextmanager
def world_of(product: str, folder: Path, ledger: str) -> Iterator[World]:
    with gateways(product, folder) as gateway:
        at = support.At(services=support.ASKS + table(gateway), deadline_seconds=0.7, settle_after_seconds=1.0)
        sender = support.At(services="")
        configured = support.configure(folder, {PARTNER: at}, routes=ROUTES, sender_outbound=sender, ledger=ledger)
        clock = Clock()
        hub = support.open_hub(configured, clock)
        made = World(gateway, folder, clock, hub)
        yield made
        support.close(made.hub)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_GATEWAY", PASSWORD)


@pytest.fixture(params=PRODUCTS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world_of(request.param, tmp_path, support.SQLITE) as made:
        yield made


@pytest.fixture(params=["domibus4", "hermes", "holodeck"])
def own_way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Products that mark in a way of their own; Domibus 5 marks as ebms-core does."""
    with world_of(request.param, tmp_path, support.SQLITE) as made:
        yield made


def rows(hub: Hub, table: Any) -> list[Any]:
    with hub.ledger.read() as conn:
        return list(conn.execute(select(table)))


def receive(world: World, number: int = 1) -> str:
    body = support.document(number, "H02-1", identity="M-abroad")
    return world.gateway.receive(body=body)


def test_a_dossier_goes_through_the_gateway_once_and_is_followed_to_the_end(world: World) -> None:
    support.send(world.hub, 1)
    support.carry_all(world.hub)
    world.gateway.work()
    (delivered,) = [each for each in all_deliveries(world.hub.ledger) if each.endpoint == PARTNER]
    (row,) = rows(world.hub, followed)
    world.ask()
    (ended,) = rows(world.hub, followed)

    assert delivered.state == State.DELIVERED and len(world.gateway.sent) == 1
    assert row.number == world.gateway.sent[0]["number"] and ended.ended_at is not None


def test_the_list_of_a_gateway_is_pulled_by_its_own_time(world: World) -> None:
    assert pulled_by(world.hub, world.hub.endpoint(PARTNER)) == {GATEWAY: 30.0}


def test_what_came_is_taken_once_and_then_marked(world: World) -> None:
    receive(world)
    world.pull()
    world.pull()
    before = world.marked()
    world.say()
    world.pull()

    (message,) = world.came()
    assert message.raw_digest == digest_of(support.document(1, "H02-1", identity="M-abroad"))
    # Nothing was marked before it was stored; Domibus 4 marks by giving it.
    assert (before, world.marked()) == ([] if world.gateway.product != "domibus4" else before, ["m-1@gw.id.example"])
    assert all(each.done_at is not None for each in rows(world.hub, owed))
    assert broken_rows(world.hub.ledger) == []


def test_what_nobody_can_read_is_refused_once_and_marked(world: World) -> None:
    world.gateway.receive(body=b"no JSON")
    world.pull()
    world.say()
    world.pull()

    refused = [each for each in all_messages(world.hub.ledger) if each.endpoint == PARTNER]
    assert [each.accepted for each in refused] == [False]
    assert [each.kind for each in rows(world.hub, owed)] == ["failed"]


def test_what_our_own_failure_kept_us_from_taking_is_taken_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is owed for it; also a gateway that marks by giving gives it again."""
    receive(world)

    def broken(*_: Any, **__: Any) -> Any:
        raise NoMapping("a list of ours lacks a code", "danh mục của trục thiếu mã")

    with monkeypatch.context() as patched:
        patched.setattr(visits, "think", broken)
        world.pull()
        world.say()
    assert world.came() == [] and rows(world.hub, owed) == []
    world.again()
    for _ in range(4):
        world.pull()
    world.say()

    assert len(world.came()) == 1 and world.marked() == ["m-1@gw.id.example"]


@pytest.mark.parametrize("product", CALLED)
def test_a_lost_answer_is_asked_about_and_found_and_followed(product: str, tmp_path: Path) -> None:
    with world_of(product, tmp_path, support.SQLITE) as world:
        world.gateway.server.faults.add("hang_after", value=1.5, match=GIVING[product])
        support.send(world.hub, 1)
        support.carry_all(world.hub)
        (doubted,) = [each for each in all_deliveries(world.hub.ledger) if each.endpoint == PARTNER]
        world.clock.advance(LONG_SECONDS)
        support.carry_all(world.hub)
        (found,) = [each for each in all_deliveries(world.hub.ledger) if each.endpoint == PARTNER]

        assert (doubted.state, found.state) == (State.IN_DOUBT, State.DELIVERED)
        assert len(world.gateway.sent) == 1 and [row.number for row in rows(world.hub, followed)]


# --- deaths -----------------------------------------------------------------------------------------------------------


def dies(before: bool, done: Callable[..., Any]) -> Callable[..., Any]:
    """Make a step at which the process dies: before it is done, or right after."""

    def step(*given: Any, **named: Any) -> Any:
        if not before:
            done(*given, **named)
        raise Died

    return step


DEATHS: tuple[tuple[str, Any, str, bool], ...] = (
    ("before it was fetched", GatewayTransport, "joined", True),
    ("after it was fetched", GatewayTransport, "joined", False),
    ("before it was stored", intake, "judge", True),
    ("after it was stored", intake, "judge", False),
    ("before it was marked", GatewayTransport, "acknowledge", True),
    ("after it was marked", GatewayTransport, "acknowledge", False),
)


@pytest.mark.parametrize(("where", "room", "name", "before"), DEATHS, ids=[each[0] for each in DEATHS])
def test_no_death_loses_a_message_or_takes_it_twice(
    own_way: World, monkeypatch: pytest.MonkeyPatch, where: str, room: Any, name: str, before: bool
) -> None:
    world = own_way
    receive(world)
    with monkeypatch.context() as patched:
        patched.setattr(room, name, dies(before, getattr(room, name)))
        with pytest.raises(Died):
            world.pull()
            world.say()
    world.again()
    world.pull()
    world.say()
    world.pull()

    assert len(world.came()) == 1
    assert world.marked() == ["m-1@gw.id.example"]
    assert broken_rows(world.hub.ledger) == []


@pytest.mark.parametrize("before", [True, False], ids=["before it was given", "after it was given"])
def test_no_death_gives_a_message_twice(world: World, monkeypatch: pytest.MonkeyPatch, before: bool) -> None:
    """The process dies around the call; the lease lapses, the gateway is asked, and only what it lacks is given again."""
    support.send(world.hub, 1)
    with monkeypatch.context() as patched:
        patched.setattr(GatewayTransport, "send", dies(before, GatewayTransport.send))
        with pytest.raises(Died):
            support.carry_all(world.hub)
    world.gateway.work()
    world.again()
    for _ in range(4):
        support.carry_all(world.hub)
        world.clock.advance(LONG_SECONDS)
    (delivery,) = [each for each in all_deliveries(world.hub.ledger) if each.endpoint == PARTNER]

    # Of a file that never was there nobody can tell whether it was cleared away: an operator looks.
    unsure = before and world.gateway.product == "holodeck"
    assert delivery.state == (State.IN_DOUBT if unsure else State.DELIVERED)
    assert len(world.gateway.sent) == (0 if unsure else 1)
    assert len(rows(world.hub, followed)) == (0 if unsure else 1)


def test_the_same_number_with_other_content_is_a_conflict(tmp_path: Path) -> None:
    with world_of("holodeck", tmp_path, support.SQLITE) as world:
        receive(world, 1)
        world.pull()
        world.say()
        receive(world, 2)
        world.pull()
        world.say()

        told = [(each.accepted, each.error_code) for each in all_messages(world.hub.ledger) if each.endpoint == PARTNER]
        assert sorted(told) == [(False, "conflict"), (True, "")]
        assert len(world.marked()) == 1


@pytest.mark.parametrize("product", ["domibus4", "ebms_core"])
def test_no_death_loses_a_message_on_postgresql(product: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger_on("postgresql") as ledger, world_of(product, tmp_path, ledger) as world:
        receive(world)
        with monkeypatch.context() as patched:
            patched.setattr(intake, "judge", dies(True, intake.judge))
            with pytest.raises(Died):
                world.pull()
        world.again()
        world.pull()
        world.say()

        assert len(world.came()) == 1 and world.marked() == ["m-1@gw.id.example"]


def test_a_message_that_cannot_be_fetched_keeps_no_other_away(tmp_path: Path) -> None:
    with world_of("ebms_core", tmp_path, support.SQLITE) as world:
        world.gateway.receive("a@id", body=support.document(1, "H02-1", identity="M-a"))
        world.gateway.receive("b@id", body=support.document(2, "H02-2", identity="M-b"))
        world.gateway.server.faults.add("truncated", times=1000, match="a@id")
        world.pull()
        first = [each.subject for each in world.came()]
        world.gateway.server.faults.clear()
        world.clock.advance(LONG_SECONDS * 10)
        world.pull()

        assert len(first) == 1 and len(world.came()) == 2


def test_the_gateways_own_bytes_are_kept_as_they_came(tmp_path: Path) -> None:
    """The evidence is what the gateway gave, with its header, and not only the document in it."""
    with world_of("domibus", tmp_path, support.SQLITE) as world:
        receive(world)
        world.pull()
        (message,) = world.came()
        digest = json.loads(message.verdict)["page_digest"]

        with world.hub.ledger.read() as conn:
            kept = payloads.get(conn, digest)
        assert kept is not None and b"PartyInfo" in kept and b"M-abroad" in kept
