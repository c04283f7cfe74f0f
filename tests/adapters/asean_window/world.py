"""A hub between the ministry that issues Form D, customs, and another country behind a gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

import adapters.asean_window
from adapters.asean_window.simulator import simulator as country_simulator
from adapters.ministry.simulator import simulator as ministry_simulator
from hub import intake
from hub.app import Hub
from hub.canonical.border.message import BorderMessage
from hub.contract import Answer, Request
from hub.edge.acknowledger import Acknowledger
from hub.edge.follower import Follower
from hub.edge.puller import Puller
from hub.gateway.simulators.ebms_core import simulator as gateway_simulator
from hub.gateway_policy import GATEWAY
from hub.ledger.tables import deliveries
from hub.registers import border
from hub.simulation import SimulatorServer
from tests.support import hub as support
from tests.support.clock import Clock

ASW, TRADE, CUSTOMS = "asw", "bo_ct", "hai_quan"
LONG_SECONDS = 5000.0
ROUTES = f"""
[[route]]
name = "answers"
kind = "border"
events = ["answered"]
to = ["@origin"]
[[route]]
name = "out"
kind = "border"
from = ["{TRADE}"]
documents = ["origin", "declaration"]
to = ["{ASW}"]
[[route]]
name = "in"
kind = "border"
from = ["{ASW}"]
documents = ["origin", "declaration"]
events = ["issued", "copied", "cancelled"]
to = ["{CUSTOMS}"]
"""
_SERVICES = "".join(
    f'[outbound.services."{document}.{event}"]\non_doubt = "ask"\n'
    for document in ("origin", "declaration")
    for event in ("issued", "copied", "cancelled", "answered", "copy_asked")
)
_SAMPLES = Path(adapters.asean_window.__file__).parent / "samples"
_AGAIN = "settle_after_seconds = 30.0\n[outbound.redelivery]\nfirst_seconds = 5.0\njitter = 0.0\n"


def sample(name: str) -> BorderMessage:
    """Give a message of the samples."""
    return BorderMessage.model_validate_json((_SAMPLES / "out" / f"{name}.message.json").read_bytes())


def received(name: str) -> bytes:
    """Give a document of another country."""
    return (_SAMPLES / "in" / f"{name}.xml").read_bytes()


@dataclass
class AswWorld:
    """The hub, the gateway's double, the other country's, those of the two systems at home, and the clock."""

    hub: Hub
    clock: Clock
    gateway: SimulatorServer
    country: SimulatorServer
    trade: SimulatorServer
    customs: SimulatorServer

    def say(self, name: str, key: str) -> Answer:
        """Let the ministry's system say at its door what a message of the samples says."""
        return self.give(TRADE, sample(name), key)

    def give(self, endpoint: str, message: BorderMessage, key: str) -> Answer:
        """Let a system at home say something of a border document."""
        given: dict[str, Any] = {
            **{"MaThongDiep": key, "SuKien": message.event, "Loai": message.document, "So": message.number},
            **{"NuocCap": message.issuing_country, "NuocNhap": message.importing_country, "ThoiDiem": "20260302091504"},
            **{"LyDo": message.reason, "ThayChoSo": message.supersedes, "DuocThayBangSo": message.superseded_by},
        }
        if message.content is not None:
            given["NoiDung"] = message.content.model_dump(mode="json")
        if message.answer is not None:
            given["TraLoi"] = message.answer.model_dump(mode="json", exclude_defaults=True)
        body = json.dumps({"ChungTu": given}, ensure_ascii=False).encode()
        request = Request(endpoint=endpoint, body=body, content_type="application/json", idempotency_key=key)
        return intake.receive(self.hub, request)

    def come(self, body: bytes) -> Answer:
        """Let a document come to the endpoint's door."""
        return intake.receive(self.hub, Request(endpoint=ASW, body=body, content_type="application/xml"))

    def carry(self) -> None:
        """Deliver what is due, take what came, say what is owed, and ask what became of ours."""
        for _ in range(3):
            support.carry_all(self.hub)
            self.clock.advance(LONG_SECONDS)
            at = self.hub.endpoint(ASW)
            Puller(self.hub, at, GATEWAY, 30.0, "one").round()
            Acknowledger(self.hub, at, "one").round()
            Follower(self.hub, at, "one").round()

    def told(self) -> list[dict[str, str]]:
        """List what the other country was told."""
        return list(self.country.account()["told"])

    def states(self, endpoint: str = ASW) -> list[str]:
        """List the states of the deliveries to an endpoint."""
        with self.hub.ledger.read() as conn:
            rows = conn.execute(select(deliveries.c.state).where(deliveries.c.endpoint == endpoint).order_by(deliveries.c.place))
            return [str(row.state) for row in rows]

    def shown(self, key: str) -> border.BorderShown:
        """Show a border document."""
        with self.hub.ledger.read() as conn:
            found = border.shown(conn, key, self.hub.now())
        assert found is not None
        return found


def _configure(folder: Path, gateway: str, trade: str, customs: str, ledger: str, options: str) -> Path:
    support.configure(folder, {}, ledger=ledger, routes=ROUTES)
    for each in (folder / "endpoints").iterdir():
        each.unlink()
    purposes = 'purposes = ["origin", "declaration"]\n'
    (folder / "endpoints" / f"{ASW}.toml").write_text(
        f'adapter = "asean_window"\ntitle = "ASW"\n{purposes}[inbound]\n[outbound]\ndeadline_seconds = 20.0\n{_AGAIN}{_SERVICES}'
        f'[gateway]\ndriver = "ebms_core"\nurl = "{gateway}/service/rest/v19/ebms"\nparty_id = "VN"\n'
        f'[gateway.partners.ID]\nparty_id = "ID"\nagreement = "urn:example:cpa:vn-id"\n[options]\n{options}',
        encoding="utf-8",
    )
    for name, url in ((TRADE, trade), (CUSTOMS, customs)):
        (folder / "endpoints" / f"{name}.toml").write_text(
            f'adapter = "ministry"\ntitle = "{name}"\n{purposes}[inbound]\n[outbound]\n{_AGAIN}'
            f'[outbound.services.nhanChungTu]\non_doubt = "resend"\n[options]\nbase_url = "{url}"\ntoken = "secret"\n',
            encoding="utf-8",
        )
    return folder


@contextmanager
def asw_world(folder: Path, ledger: str = support.SQLITE, *, answers: str = "RES-REC", options: str = "") -> Iterator[AswWorld]:
    """Start everything."""
    clock = Clock()
    with (
        country_simulator(country="ID", answers=answers) as country,
        gateway_simulator(peer=country.url) as gateway,
        ministry_simulator(ministry="BCT", owner="G08") as trade,
        ministry_simulator(ministry="BTC", owner="G12") as customs,
    ):
        country.verbs["connect"]({"gateway": gateway.url})
        hub = support.open_hub(_configure(folder, gateway.url, trade.url, customs.url, ledger, options), clock)
        try:
            yield AswWorld(hub, clock, gateway, country, trade, customs)
        finally:
            support.close(hub)
