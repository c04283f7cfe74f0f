"""A hub between a ministry's simulated system and the simulated ePhyto Hub: certificates that go out, and that come in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

import adapters.ephyto
from adapters.ephyto import soap
from adapters.ephyto.operations import HEADERS
from adapters.ephyto.simulator import PATH
from adapters.ephyto.simulator import simulator as ephyto_simulator
from adapters.ministry.simulator import simulator as ministry_simulator
from hub import intake
from hub.app import Hub
from hub.canonical.border.message import BorderMessage
from hub.contract import Answer, Request
from hub.edge.acknowledger import Acknowledger
from hub.edge.follower import Follower
from hub.edge.puller import Puller
from hub.ledger.tables import deliveries
from hub.simulation import SimulatorServer
from tests.support import hub as support
from tests.support.clock import Clock

EPHYTO, MINISTRY = "ephyto", "bo_nnmt"
EVERY_SECONDS = 120.0
ROUTES = f"""
[[route]]
name = "answers"
kind = "border"
events = ["answered"]
to = ["@origin"]
[[route]]
name = "plants out"
kind = "border"
from = ["{MINISTRY}"]
documents = ["phyto"]
to = ["{EPHYTO}"]
[[route]]
name = "plants in"
kind = "border"
from = ["{EPHYTO}"]
documents = ["phyto"]
to = ["{MINISTRY}"]
"""
_SERVICES = "".join(
    f'[outbound.services.{name}]\non_doubt = "ask"\n'
    for name in ("ValidateAndDeliverEnvelope", "DeliverCountryResponseEnvelope")
)
_SAMPLES = Path(adapters.ephyto.__file__).parent / "samples"


def sample(name: str) -> BorderMessage:
    """Give a message of the samples."""
    return BorderMessage.model_validate_json((_SAMPLES / "out" / f"{name}.message.json").read_bytes())


def foreign_certificate() -> str:
    """Give the certificate of another country that waits in the samples."""
    envelope = soap.result_in(soap.called((_SAMPLES / "in" / "pulled.xml").read_bytes()))
    assert envelope is not None
    return soap.content_in(envelope).decode()


def configure(
    folder: Path, ephyto: str, ministry: str, *, ledger: str = support.SQLITE, tls: str = "", **options: Any
) -> Path:
    """Write a configuration folder; ``options`` are those of the ephyto endpoint."""
    support.configure(folder, {}, ledger=ledger, routes=ROUTES)
    for each in (folder / "endpoints").iterdir():
        each.unlink()
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
    again = "[outbound.redelivery]\nfirst_seconds = 5.0\njitter = 0.0\n"
    (folder / "endpoints" / f"{EPHYTO}.toml").write_text(
        f'adapter = "ephyto"\ntitle = "ePhyto"\npurposes = ["phyto"]\n[inbound]\n[outbound]\ndeadline_seconds = 20.0\n'
        f'settle_after_seconds = 30.0\n{again}{tls}{_SERVICES}[options]\nurl = "{ephyto}{PATH}"\n{lines}',
        encoding="utf-8",
    )
    (folder / "endpoints" / f"{MINISTRY}.toml").write_text(
        f'adapter = "ministry"\ntitle = "Bộ"\npurposes = ["phyto"]\n[inbound]\n[outbound]\nsettle_after_seconds = 30.0\n{again}'
        f'[outbound.services.nhanChungTu]\non_doubt = "resend"\n[options]\nbase_url = "{ministry}"\ntoken = "secret"\n',
        encoding="utf-8",
    )
    return folder


@dataclass
class EphytoWorld:
    """The hub, both simulators, and the clock."""

    hub: Hub
    clock: Clock
    post: SimulatorServer
    ministry: SimulatorServer
    folder: Path

    def say(self, name: str, key: str, *, content: bool = True, references: Sequence[Any] = ()) -> Answer:
        """Let the ministry's system say at its door what a message of the samples says, with or without the certificate."""
        message = sample(name)
        given: dict[str, Any] = {
            **{"MaThongDiep": key, "SuKien": message.event, "Loai": message.document, "So": message.number},
            **{"NuocCap": message.issuing_country, "NuocNhap": message.importing_country, "ThoiDiem": "20260302091504"},
            **{"LyDo": message.reason, "ThayChoSo": message.supersedes},
        }
        if message.phyto is not None and content:
            given["NoiDung"] = message.phyto.model_dump(mode="json") | {"references": list(references)}
        if message.answer is not None:
            given["TraLoi"] = message.answer.model_dump(mode="json", exclude_defaults=True)
        body = json.dumps({"ChungTu": given}, ensure_ascii=False).encode()
        return intake.receive(
            self.hub, Request(endpoint=MINISTRY, body=body, content_type="application/json", idempotency_key=key)
        )

    def arrive(self, **given: Any) -> str:
        """Let a certificate of another country wait for us; give its number at the ePhyto Hub."""
        told = {"from": "ID", "number": "ID-TEST-2026-000017", "content": foreign_certificate()} | given
        return str(self.post.verbs["incoming"](told)["number"])

    def pull(self, holder: str = "one") -> None:
        """Take what waits."""
        while Puller(self.hub, self.hub.endpoint(EPHYTO), HEADERS, EVERY_SECONDS, holder).round():
            pass

    def acknowledge(self, holder: str = "one") -> None:
        """Say what is owed."""
        while Acknowledger(self.hub, self.hub.endpoint(EPHYTO), holder).round():
            pass

    def follow(self, holder: str = "one", seconds: float = 7200.0) -> None:
        """Ask what became of ours, when it is time."""
        self.clock.advance(seconds)
        while Follower(self.hub, self.hub.endpoint(EPHYTO), holder).round():
            pass

    def later(self, seconds: float = EVERY_SECONDS) -> None:
        """Let it be time again."""
        self.clock.advance(seconds)

    def carry_all(self, rounds: int = 20) -> None:
        """Deliver what is due now and within the next minutes."""
        for _ in range(rounds):
            if not support.carry_all(self.hub):
                self.clock.advance(60.0)

    def state(self, number: str) -> str:
        """Give how an envelope stands at the ePhyto Hub."""
        row = next(each for each in self.post.account()["envelopes"] if each["number"] == number)
        return str(row["state"])

    def states(self, endpoint: str = EPHYTO) -> list[str]:
        """List the states of the deliveries to an endpoint."""
        with self.hub.ledger.read() as conn:
            rows = conn.execute(select(deliveries.c.state).where(deliveries.c.endpoint == endpoint).order_by(deliveries.c.place))
            return [str(row.state) for row in rows]


@contextmanager
def ephyto_world(folder: Path, ledger: str = support.SQLITE, **options: Any) -> Iterator[EphytoWorld]:
    """Start everything."""
    clock = Clock()
    with ephyto_simulator() as post, ministry_simulator(ministry="BNNMT", owner="G15") as ministry:
        configured = configure(folder, post.url, ministry.url, ledger=ledger, **options)
        hub = support.open_hub(configured, clock)
        try:
            yield EphytoWorld(hub, clock, post, ministry, configured)
        finally:
            support.close(hub)
