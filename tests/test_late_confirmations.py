"""Vehicle inspection: what was taken is closed by a later word of the same messageId, also where its receipt never came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.samples import generator
from adapters.single_window.send_gateway import SendGateway, told
from adapters.single_window.simulator import simulator
from hub import intake
from hub.app import Hub
from hub.contract import Request
from hub.ledger.tables import deliveries, dossiers, messages
from hub.simulation import SimulatorServer
from hub.trust import keys
from tests.support import hub as hubs
from tests.support.clock import Clock

BGTVT = {"BGTVT": party_of("BGTVT")}
OPERATIONS = {"outbound": {"operation": "mt_service"}, "inbound": {"operation": "send_and_get_message_inspection"}}
GATEWAY = Options(role="gateway", ministry_parties=BGTVT, **OPERATIONS)
MINISTRY = Options(role="ministry", ministry_parties=BGTVT)
NSW = """
adapter = "single_window"
title = "Một cửa quốc gia"
[options]
role = "gateway"
dialect = "vehicle_inspection"
[options.ministry_parties.BGTVT]
name = "BGTVT"
identity = "BGTVT"
ministry_code = "BGTVT"
organization_code = "BGTVT"
[options.inbound]
operation = "send_and_get_message_inspection"
[options.outbound]
url = "{url}/VNRegister/MTService.svc"
operation = "mt_service"
payload = "escaped"
typed = "alternating"
[inbound]
[outbound]
[outbound.services."99/21"]
advance_on = "acknowledged"
on_doubt = "ask"
"""
DK = """
adapter = "single_window"
title = "Đăng kiểm"
[options]
role = "ministry"
[options.ministry_parties.BGTVT]
name = "BGTVT"
identity = "BGTVT"
ministry_code = "BGTVT"
organization_code = "BGTVT"
[options.outbound]
url = "http://127.0.0.1:9/x"
[inbound]
[outbound]
"""
ROUTES = '[[route]]\nname = "to"\nfrom = ["dk"]\nto = ["nsw"]\n[[route]]\nname = "back"\nfrom = ["nsw"]\nto = ["dk"]\n'


@dataclass
class World:
    hub: Hub
    clock: Clock
    nsw: SimulatorServer

    def ministry(self, function: str, seed: int) -> Any:
        """Let the ministry say something of the dossier, and let it go out."""
        document = generator.message(
            "DANGKIEM", "99", function, seed=seed, reference="700001", options=MINISTRY, direction="to_gateway"
        )
        body = SendGateway(MINISTRY, "http://hub", "1.1", "cdata", addressing=False).wrap(document.decode(), "DANGKIEM", "BGTVT")
        answer = intake.receive(self.hub, Request(endpoint="dk", body=body, content_type="text/xml"))
        assert told(answer.body, MINISTRY.door.result)["function"] == "99"
        hubs.carry_all(self.hub)

    def states(self) -> list[str]:
        with self.hub.ledger.read() as conn:
            rows = conn.execute(select(deliveries.c.state).where(deliveries.c.endpoint == "nsw").order_by(deliveries.c.place))
            return [row.state for row in rows]

    def dossier(self) -> tuple[str, str]:
        with self.hub.ledger.read() as conn:
            row = conn.execute(select(dossiers.c.status, dossiers.c.key)).one()
        return row.status, row.key

    def stored(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.nsw.account()["dossiers"].get("700001", [])
        return found

    def word(self, message_id: str, **given: Any) -> dict[str, Any]:
        """Let the Single Window say what became of a message; give how the hub answered that."""
        from adapters.single_window.envelope import Head
        from adapters.single_window.simulator_answers import confirmation

        subject = {name: "700001" for name in ("reference", "preReference")} | {"type": "99", "documentYear": "2026"}
        head = Head(message_id=message_id, subject={"documentType": "DANGKIEM", **subject})
        document = confirmation(head, GATEWAY, refused=bool(given.get("refused"))).decode()
        body = SendGateway(GATEWAY, "http://hub", "1.1", "escaped", addressing=False).wrap(document, "DANGKIEM", "BGTVT")
        answer = intake.receive(self.hub, Request(endpoint="nsw", body=body, content_type="text/xml"))
        return told(answer.body, GATEWAY.door.result)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    nsw = simulator(dialect={"ministry_parties": {"BGTVT": party_of("BGTVT").model_dump()}, **OPERATIONS}).start()
    for name in ("endpoints", "keys"):
        (tmp_path / name).mkdir()
    (tmp_path / "hub.toml").write_text(f'[ledger]\nurl = "{hubs.SQLITE}"\n', encoding="utf-8")
    (tmp_path / "keys" / "seal.pem").write_bytes(keys.make_seal_key())
    (tmp_path / "endpoints" / "nsw.toml").write_text(NSW.format(url=nsw.url), encoding="utf-8")
    (tmp_path / "endpoints" / "dk.toml").write_text(DK, encoding="utf-8")
    (tmp_path / "routes.toml").write_text(ROUTES, encoding="utf-8")
    clock = Clock()
    hub = hubs.open_hub(tmp_path, clock)
    application = generator.message("DANGKIEM", "100", "01", reference="700001", options=GATEWAY).decode()
    body = SendGateway(GATEWAY, "http://hub", "1.1", "escaped", addressing=False).wrap(application, "DANGKIEM", "BGTVT")
    answer = intake.receive(hub, Request(endpoint="nsw", body=body, content_type="text/xml"))
    assert told(answer.body, GATEWAY.door.result)["function"] == "99"
    yield World(hub, clock, nsw)
    hubs.close(hub)
    nsw.stop()


def test_the_next_message_waits_for_the_word_on_the_one_before(world: World) -> None:
    """Function 99 is a receipt; only 11 lets the next one go, and is answered by an empty text."""
    world.ministry("21", 1)
    world.ministry("23", 2)
    (first,) = world.stored()
    assert (first["operation"], world.states()) == ("Receive", ["delivered", "held"])

    assert world.word(first["messageId"])["empty"]
    hubs.carry_all(world.hub)

    assert [one["function"] for one in world.stored()] == ["21", "23"]
    assert world.states() == ["acknowledged", "delivered"]


def test_a_late_refusal_is_one_and_the_next_goes(world: World) -> None:
    world.ministry("21", 1)
    world.ministry("23", 2)
    assert world.word(world.stored()[0]["messageId"], refused=True)["empty"]
    hubs.carry_all(world.hub)

    assert world.states() == ["refused_late", "delivered"]


def test_a_repeated_word_and_one_about_nothing_change_nothing(world: World) -> None:
    world.ministry("21", 1)
    message_id, before = world.stored()[0]["messageId"], world.dossier()
    for _ in range(2):
        assert world.word(message_id)["empty"]
    assert world.word("0b1c9b52-3f8e-4a8f-8a27-55f2f1c00d31", refused=True)["empty"]

    assert (world.states(), world.dossier()) == (["acknowledged"], before)


def test_a_doubt_is_asked_about_and_ends_with_the_word(world: World) -> None:
    """The receipt was empty; 224/26 names the message; that it is taken tells nothing, the later 11 does."""
    world.nsw.faults.add("empty")
    world.ministry("21", 1)
    assert (world.states(), world.stored()) == (["in_doubt"], [])
    world.clock.advance(10_000)
    hubs.carry(world.hub)

    (asked,) = world.stored()
    assert (asked["type"], asked["function"]) == ("224", "26")
    assert world.states() == ["in_doubt"]
    with world.hub.ledger.read() as conn:
        native = conn.execute(select(deliveries.c.native_id).where(deliveries.c.endpoint == "nsw")).scalar_one()
    assert asked["messageId"] != native
    assert world.word(native)["empty"]
    hubs.carry_all(world.hub)
    assert world.states() == ["acknowledged"]


def test_a_check_is_answered_and_leaves_no_trace(world: World) -> None:
    """Only the application of before stands in the ledger."""
    check = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<CheckAvailable xmlns="http://facade.dk.gt.dtt.vn"/></s:Body></s:Envelope>'
    )
    answer = intake.receive(world.hub, Request(endpoint="nsw", body=check.encode(), content_type="text/xml"))
    with world.hub.ledger.read() as conn:
        recorded = conn.execute(select(messages.c.id)).all()

    assert (answer.status, b">ok<" in answer.body, len(recorded)) == (200, True, 1)
