"""Gateway products at work: each one's double behind its own backend port, and the hub's driver before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from hub.contract import GATEWAY_ACTION, GATEWAY_CONVERSATION, GATEWAY_PARTNER, GATEWAY_SERVICE, Outgoing
from hub.endpoint import Endpoint, InboundPolicy, OutboundPolicy
from hub.gateway.opening import open_gateway
from hub.gateway.simulators import domibus, ebms_core, hermes, holodeck
from hub.gateway.transport import GatewayTransport
from hub.gateway_policy import GatewayPartner, GatewayPolicy
from hub.simulation import SimulatorServer
from hub.wire import Wire

#: Every product, and of Domibus both versions.
PRODUCTS = ("domibus", "domibus4", "ebms_core", "hermes", "holodeck")
#: Those that are spoken with by http.
CALLED = PRODUCTS[:4]
PARTY_TYPE = "urn:example:asw:country"
USER, PASSWORD = "hub", "let me in"
DOCUMENT = b"<Form><Number>VN-ID 99/09/00017</Number></Form>"
OURS = "7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10"
#: The message of each product that means that it is underway, and that it failed.
UNDERWAY = {"domibus": "WAITING_FOR_RECEIPT", "domibus4": "WAITING_FOR_RECEIPT", "ebms_core": "CREATED", "hermes": "PR"}
FAILED = {"domibus": "SEND_FAILURE", "domibus4": "SEND_FAILURE", "ebms_core": "EXPIRED", "hermes": "DF"}


def never() -> None:
    """Let every call go."""


def policy_of(product: str, url: str, **more: Any) -> GatewayPolicy:
    """Make ``[gateway]`` of a product."""
    driver: Any = product.removesuffix("4")
    partners = {
        name: GatewayPartner(
            party_id=name,
            party_type=PARTY_TYPE if driver != "hermes" else "",
            agreement=f"urn:example:cpa:vn-{name.lower()}",
            partnerships={"*": "vn-id"} if driver == "hermes" else {},
        )
        for name in ("ID", "TH")
    }
    own = {"version": "4"} if product == "domibus4" else {}
    account = {"user": USER, "password": SecretStr(PASSWORD)} if driver != "holodeck" else {}
    return GatewayPolicy(
        driver=driver,
        url=url,
        party_id="VN",
        party_type=PARTY_TYPE,
        partners=partners,
        services={"form": "urn:example:service:eFormD"},
        actions={"submit": "Submit"},
        id_domain="gw.vn.example",
        **{**own, **account, **more},
    )


@dataclass
class Gateways:
    """One product's double, and the hub's transport through it."""

    product: str
    server: SimulatorServer
    policy: GatewayPolicy
    wire: Wire = field(default_factory=Wire)
    folder: Path | None = None
    deadline_seconds: float = 5.0

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(
            name="asw",
            adapter="template",
            title="ASW",
            inbound=InboundPolicy(),
            outbound=OutboundPolicy(deadline_seconds=self.deadline_seconds),
            gateway=self.policy,
        )

    def transport(self) -> GatewayTransport:
        """Open the transport anew, as another process would."""
        return open_gateway(self.endpoint, self.wire)

    def receive(self, number: str = "m-1@gw.id.example", body: bytes = DOCUMENT, **more: Any) -> str:
        """Let a message come from abroad."""
        party = "" if self.product == "hermes" else PARTY_TYPE
        given = {
            "verb": "receive",
            "number": number,
            "body": body.decode(),
            "from_party": "ID",
            "from_type": party,
            "to_party": "VN",
            "service": "urn:example:service:eFormD",
            "action": "Submit",
            "conversation": "c-1",
            **more,
        }
        return str(self.server.verbs["receive"](given)["number"])

    def work(self) -> None:
        """Let a product that works by itself do what it does."""
        if "work" in self.server.verbs:
            self.server.verbs["work"]({})

    def say(self, number: str, state: str, errors: str = "") -> None:
        """Let the product say what became of a message of ours."""
        if self.product == "holodeck":
            code = {"code": "EBMS:0301", "text": errors} if state == "failed" else {}
            self.server.verbs["signal"]({"number": number, **code})
            return
        self.server.verbs["state"]({"number": number, "state": state, "errors": errors})

    def account(self) -> dict[str, Any]:
        found = self.server.account()
        assert isinstance(found, dict)
        return json.loads(json.dumps(found))  # type: ignore[no-any-return]

    @property
    def sent(self) -> list[dict[str, Any]]:
        """What the product carries for the hub."""
        self.work()
        return list(self.account()["sent"])

    def numbers(self) -> list[str]:
        """What a new process of the hub would list."""
        return [each.number for each in self.transport()._gateway.list_inbound()]


def outgoing(message_id: str = OURS, body: bytes = DOCUMENT, **head: str) -> Outgoing:
    """Write a call to the partner ID."""
    given = {GATEWAY_PARTNER: "ID", GATEWAY_SERVICE: "form", GATEWAY_ACTION: "submit", GATEWAY_CONVERSATION: "c-7", **head}
    return Outgoing(service="form", body=body, head=given, message_id=message_id)


@contextmanager
def gateways(product: str, folder: Path, **settings: Any) -> Iterator[Gateways]:
    """Start one product's double; ``settings``: of it."""
    data = folder / "holodeck"
    makes: dict[str, Any] = {
        "domibus": lambda: domibus.simulator(user=USER, password=PASSWORD, **settings),
        "domibus4": lambda: domibus.simulator(version="4", user=USER, password=PASSWORD, mtom=False, **settings),
        "ebms_core": lambda: ebms_core.simulator(user=USER, password=PASSWORD, **settings),
        "hermes": lambda: hermes.simulator(user=USER, password=PASSWORD, **settings),
        "holodeck": lambda: holodeck.simulator(folder=str(data), every_seconds=0, **settings),
    }
    base = {"ebms_core": "/service/rest/v19/ebms", "hermes": "/corvus/api", "holodeck": ""}
    with makes[product]() as server:
        url = f"file://{data}" if product == "holodeck" else server.url + base.get(product, "/domibus/services/wsplugin")
        world = Gateways(product, server, policy_of(product, url), folder=data)
        yield world
        world.wire.close()
