"""A hub between the Single Window and a ministry's system: both speak the envelope, for one procedure with all of its pairs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree
from sqlalchemy import select
from sqlalchemy.engine import Row

from adapters.single_window.options import Options
from adapters.single_window.samples import generator
from adapters.single_window.send_gateway import SendGateway
from hub import intake
from hub.app import Hub
from hub.canonical.codes import Event, Stage
from hub.contract import Answer, Request
from hub.ledger.tables import deliveries, dossiers
from hub.registers import dossiers as register
from hub.rules.trade_lifecycle import Course
from hub.trust import keys
from tests.support import hub as hubs
from tests.support.clock import Clock

#: Its registry has edit and withdrawal before and after receipt, supplement, licence and amendment (MARD06).
PROCEDURE = "BNNPTNT0600009"
_GATEWAY, _MINISTRY = Options(role="gateway"), Options(role="ministry")
_PARTY = "".join(f'{name} = "{value}"\n' for name, value in _GATEWAY.ministry_parties["BNN"].model_dump().items() if value)
ROUTES = """
[[route]]
name = "to"
from = ["nsw", "khac"]
to = ["bo"]
[[route]]
name = "back"
from = ["bo"]
to = [{back}]
"""


@dataclass
class Window:
    """The hub, and what both sides say to it."""

    hub: Hub
    clock: Clock
    said: int = 0

    def say(
        self,
        event: Event,
        reference: str,
        *,
        seed: int = 0,
        earlier: str = "",
        procedure: str = PROCEDURE,
        by: str = "",
    ) -> Answer:
        """Let the side whose word it is say something of a dossier.

        ``seed`` makes its content and its identifier, ``earlier``: what it replaces, ``by``: another endpoint than that side's.
        """
        self.said += 1
        row, options, endpoint = _row(procedure, event)
        document = generator.message(procedure, row.type, row.function, seed=seed or self.said, reference=reference)
        if earlier:
            root = etree.fromstring(document)
            root.find("Header/Subject/preReference").text = earlier  # type: ignore[union-attr]
            document = etree.tostring(root)
        gateway = SendGateway(options, "http://hub", "1.1", "cdata", addressing=False)
        body = gateway.wrap(document.decode(), procedure, "BNN")
        request = Request(endpoint=by or endpoint, body=body, content_type="text/xml")
        return intake.receive(self.hub, request)

    def tell(self, reference: str, *events: Event) -> None:
        """Let several things be said, one after the other."""
        for event in events:
            assert taken(self.say(event, reference)), event

    def row(self, reference: str) -> Row[Any] | None:
        """Give the register's row of a dossier."""
        with self.hub.ledger.read() as conn:
            return conn.execute(select(dossiers).where(dossiers.c.key == f"vnsw:{reference}")).first()

    def course(self, reference: str) -> Course:
        """Give where a dossier stands."""
        with self.hub.ledger.read() as conn:
            known = register.find(conn, [f"vnsw:{reference}"])
        assert known is not None and known.course is not None
        return known.course

    def parked(self, reference: str = "") -> list[Row[Any]]:
        """Give the deliveries that stand for their stage."""
        here = (deliveries.c.error_code == "out_of_stage") & (deliveries.c.state == "parked")
        if reference:
            here &= deliveries.c.subject == f"vnsw:{reference}"
        with self.hub.ledger.read() as conn:
            return list(conn.execute(select(deliveries).where(here).order_by(deliveries.c.created_at, deliveries.c.id)))


def _row(procedure: str, event: Event) -> tuple[Any, Options, str]:
    found = _GATEWAY.book.procedures[procedure]
    if rows := found.telling(event, "to_ministry"):
        return rows[0], _GATEWAY, "nsw"
    return found.telling(event, "to_gateway")[0], _MINISTRY, "bo"


def from_stages(event: Event, procedure: str = PROCEDURE) -> tuple[Stage, ...]:
    """Say in which stages the procedure's own registry allows what is said, where that is not the table's."""
    return tuple(_row(procedure, event)[0].from_states)


def taken(answer: Answer) -> bool:
    """Say whether an answer is the receipt (99)."""
    return b"<function>99</function>" in answer.body.replace(b"&lt;", b"<").replace(b"&gt;", b">")


@contextmanager
def opened(folder: Path, ledger: str, *, inbound: str = "", back: str = '"@origin"') -> Iterator[Window]:
    """Open the hub; ``inbound``: lines of both ``[inbound]`` tables, ``back``: to whom the ministry's words go."""
    (folder / "endpoints").mkdir(parents=True)
    (folder / "keys").mkdir()
    (folder / "hub.toml").write_text(f'[ledger]\nurl = "{ledger}"\n', encoding="utf-8")
    (folder / "keys" / "seal.pem").write_bytes(keys.make_seal_key())
    texts = {"nsw": ("Một cửa quốc gia", "gateway"), "bo": ("Bộ thử nghiệm", "ministry"), "khac": ("Nơi khác", "gateway")}
    for name, (title, role) in texts.items():
        text = (
            f'adapter = "single_window"\ntitle = "{title}"\n[options]\nrole = "{role}"\n[options.outbound]\n'
            f'url = "http://127.0.0.1:9/x"\n[options.ministry_parties.BNN]\n{_PARTY}[inbound]\n{inbound}[outbound]\n'
        )
        (folder / "endpoints" / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / "routes.toml").write_text(ROUTES.format(back=back), encoding="utf-8")
    clock = Clock()
    hub = hubs.open_hub(folder, clock)
    try:
        yield Window(hub, clock)
    finally:
        hubs.close(hub)
