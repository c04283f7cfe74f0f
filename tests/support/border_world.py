"""A hub that passes border documents on: two ministries, customs, the Single Window, and two ways abroad.

All of them speak canonical JSON here, so that a test says what it means; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.engine import Row

from adapters.template import ADAPTER as TEMPLATE
from hub import intake
from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.canonical.border.message import (
    AnswerResult,
    BorderAnswer,
    BorderDocument,
    BorderEvent,
    BorderMessage,
    ItemAnswer,
    TechnicalState,
    Tracking,
)
from hub.canonical.border.origin import (
    Carriage,
    Certified,
    Criterion,
    Declared,
    Invoice,
    OriginCertificate,
    OriginItem,
)
from hub.canonical.border.parts import BorderParty, Country, Measure, Package, Place, Text
from hub.canonical.border.phyto import Clause, Movement, Phyto, PhytoItem, PhytoLine, Signing
from hub.canonical.codes import Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.message import Message, from_json, to_json
from hub.contract import Answer, Call, Incoming, Opened, Outcome, Outgoing, Request, Writing
from hub.ledger import payloads
from hub.ledger.border_tables import border_documents, border_events, border_marks
from hub.ledger.tables import deliveries
from hub.registers import border
from hub.registers.border import BorderShown
from hub.trust import keys
from tests.support import hub as hubs
from tests.support.clock import Clock

MOIT, MARD, CUSTOMS, WINDOW, ASW, EPHYTO = "bo_ct", "bo_nnmt", "hai_quan", "nsw", "asw", "ephyto"
_PURPOSES = {
    MOIT: ["origin"],
    MARD: ["phyto"],
    CUSTOMS: ["origin", "declaration", "phyto"],
    ASW: ["origin", "declaration"],
    EPHYTO: ["phyto"],
    WINDOW: [],
}
ROUTES = """
[[route]]
name = "answers, and requests for copies"
kind = "border"
events = ["answered", "copy_asked"]
to = ["@origin"]
[[route]]
name = "form D out"
kind = "border"
from = ["bo_ct"]
documents = ["origin"]
to = ["asw"]
[[route]]
name = "form D in"
kind = "border"
from = ["asw"]
documents = ["origin"]
to = ["hai_quan"]
[[route]]
name = "plants out"
kind = "border"
from = ["bo_nnmt"]
documents = ["phyto"]
to = ["ephyto"]
[[route]]
name = "plants in"
kind = "border"
from = ["ephyto"]
documents = ["phyto"]
countries = ["ID"]
to = ["bo_nnmt"]
[[route]]
name = "to the ministry"
from = ["nsw"]
to = ["bo_nnmt"]
[[route]]
name = "back"
from = ["bo_nnmt"]
to = ["nsw"]
"""


class NoOptions(BaseModel):
    """Nothing to set."""


def _read(document: bytes, opened: Opened, options: Any) -> Incoming:
    bodies = document.split(b"\n")
    return Incoming(messages=tuple(map(from_json, bodies)), identity=opened.head["identity"])


def _open(request: Request, options: Any) -> Opened:
    return Opened(document=request.body, head={"identity": request.idempotency_key})


def _answer(outcome: Outcome, opened: Opened | None, request: Request, options: Any) -> Answer:
    error = outcome.error
    body = "taken" if error is None else f"{error.code} " + " ".join(f"{fault.path}={fault.en}" for fault in error.faults)
    return Answer(status=200 if error is None else 422, body=body.encode(), content_type="text/plain")


def _write(message: Message, call: Call, writing: Writing) -> Outgoing:
    return Outgoing(service=call.service, body=to_json(message))


#: Documents are canonical messages, one a line.
CANONICAL = replace(
    TEMPLATE,
    name="canonical",
    signature="none",
    options=NoOptions,
    open_request=_open,
    read_message=_read,
    answer=_answer,
    plan=lambda message, options: (Call(service="Tell"),),
    write_message=_write,
)
ABROAD = replace(CANONICAL, name="abroad", abroad=True)


@dataclass
class Border:
    """The hub, and what each side says to it."""

    hub: Hub
    clock: Clock
    said: int = 0

    def say(self, endpoint: str, *messages: Message, identity: str = "") -> Answer:
        """Let an endpoint say something; each time under an identity of its own, where none is given."""
        self.said += 1
        self.clock.advance(1.0)
        body = b"\n".join(map(to_json, messages))
        return intake.receive(
            self.hub, Request(endpoint=endpoint, body=body, idempotency_key=identity or f"{endpoint}-{self.said}")
        )

    def shown(self, message: BorderMessage | str) -> BorderShown:
        """Give what the register has of a document."""
        found = self.find(message)
        assert found is not None
        return found

    def find(self, message: BorderMessage | str) -> BorderShown | None:
        key = message if isinstance(message, str) else message.subject
        with self.hub.ledger.read() as conn:
            return border.shown(conn, key, self.hub.now())

    def row(self, key: str) -> Row[Any] | None:
        with self.hub.ledger.read() as conn:
            return conn.execute(select(border_documents).where(border_documents.c.key == key)).first()

    def sent(self, subject: str) -> list[tuple[str, str, str]]:
        """Give the deliveries about a document: to whom, what, in which state."""
        with self.hub.ledger.read() as conn:
            rows = conn.execute(
                select(deliveries).where(deliveries.c.subject == subject).order_by(deliveries.c.created_at, deliveries.c.place)
            ).all()
        return [(row.endpoint, row.event, row.state) for row in rows]

    def told(self, subject: str, endpoint: str) -> list[BorderMessage]:
        """Give what an endpoint is told about a document."""
        with self.hub.ledger.read() as conn:
            rows = conn.execute(
                select(deliveries.c.canonical_digest)
                .where((deliveries.c.subject == subject) & (deliveries.c.endpoint == endpoint))
                .order_by(deliveries.c.place)
            ).all()
            found = [from_json(payloads.get(conn, row.canonical_digest) or b"") for row in rows]
        return [each for each in found if isinstance(each, BorderMessage)]

    def events(self, key: str) -> list[tuple[str, str]]:
        """Give what was said of a document, and its effect, in order."""
        table = border_events.c
        with self.hub.ledger.read() as conn:
            rows = conn.execute(select(table.event, table.effect).where(table.key == key).order_by(table.id)).all()
        return [(row.event, row.effect) for row in rows]

    def marks(self, key: str) -> dict[str, str]:
        """Give the open marks of a document."""
        table = border_marks.c
        with self.hub.ledger.read() as conn:
            rows = conn.execute(select(table.mark, table.detail).where((table.key == key) & table.closed_at.is_(None))).all()
        return {row.mark: row.detail for row in rows}


@contextmanager
def opened(folder: Path, ledger: str, *, routes: str = ROUTES, more: str = "") -> Iterator[Border]:
    """Open the hub; ``more``: lines of hub.toml."""
    (folder / "endpoints").mkdir(parents=True)
    (folder / "keys").mkdir()
    (folder / "hub.toml").write_text(f'[ledger]\nurl = "{ledger}"\n{more}', encoding="utf-8")
    (folder / "keys" / "seal.pem").write_bytes(keys.make_seal_key())
    for name, purposes in _PURPOSES.items():
        text = (
            f'adapter = "template"\ntitle = "{name}"\npurposes = {purposes}\n'
            '[options]\nurl = "http://127.0.0.1:9"\ntoken = "secret"\n[inbound]\n[outbound]\n'
        )
        (folder / "endpoints" / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / "routes.toml").write_text(routes, encoding="utf-8")
    clock = Clock()
    real = hubs.open_hub(folder, clock)
    ways = {name: replace(real.endpoints[name], adapter=ABROAD.name) for name in (ASW, EPHYTO)}
    adapters = {**real.adapters, "template": CANONICAL, ABROAD.name: ABROAD}
    hub = replace(real, adapters=adapters, endpoints={**real.endpoints, **ways})
    try:
        yield Border(hub, clock)
    finally:
        hubs.close(real)


# --- what is said -------------------------------------------------------------------------------------------------

TODAY = date(2026, 3, 2)


def party(name: str, country: str) -> BorderParty:
    return BorderParty(name=name, lines=("1 Duong Thu Nghiem",), country=country)


def form_d(number: str, issuing: str = "VN", importing: str = "ID", *, issued_on: date = TODAY, **item: Any) -> OriginCertificate:
    """Write a Form D of one item, wholly obtained, 20010.5 kg."""
    fields: dict[str, Any] = {
        "number": 1,
        "packages": (Package(kind="CT", count=Decimal(2300), marks="N/M"),),
        "description": "FRESH DRAGON FRUIT",
        "hs_code": "08109092",
        "criterion": Criterion(code="WO"),
        "gross_weight": Measure(value=Decimal("20010.5"), unit="KGM"),
        "invoices": (1,),
    }
    return OriginCertificate(
        number=number,
        issuing_country=issuing,
        issued_on=issued_on,
        consignor=party("CONG TY MAU", issuing),
        consignee=party("PT CONTOH", importing),
        carriage=Carriage(
            mode="1", departs_on=issued_on + timedelta(days=1), conveyance="MV TEST STAR", discharge=Place(code="IDSUB")
        ),
        items=(OriginItem(**{**fields, **item}),),
        invoices=(Invoice(sequence=1, number="INV-031", issued_on=issued_on),),
        declared=Declared(
            country_of_production=issuing, importing_country=importing, place="CAN THO", on=issued_on, signatory="MAU"
        ),
        certified=Certified(authority="09", place="CAN THO", on=issued_on, officer="THU NGHIEM"),
    )


def plants(number: str, exporting: str = "ID", importing: str = "VN", **given: Any) -> Phyto:
    """Write a phytosanitary certificate of one line."""
    line = PhytoLine(
        sequence=1,
        descriptions=(Text(text="Fresh dragon fruit"),),
        scientific_names=(Text(text="Selenicereus undatus"),),
        net_weight=Measure(value=Decimal(18400), unit="KGM"),
        packages=(Package(kind="CT", count=Decimal(2300), level="1"),),
        origins=(Country(code=exporting),),
    )
    fields: dict[str, Any] = {
        "number": number,
        "type_code": "851",
        "status": "70",
        "issued_at": "2026-03-01T09:15:00+07:00",
        "issuer": "Synthetic Office",
        "signing": Signing(at="2026-03-01", place=Place(name="Surabaya"), officer="Nguyen Thu Nghiem", clauses=(Clause(id=1),)),
        "consignor": party("Cong ty Mau", exporting),
        "consignee": party("Cong ty Nhan", importing),
        "export_country": Country(code=exporting),
        "import_country": Country(code=importing),
        "unloading": Place(name="Hai Phong"),
        "movements": (Movement(mode="1", means="MV TEST STAR"),),
        "items": (PhytoItem(lines=(line,)),),
    }
    return Phyto(**{**fields, **given})


def issued(content: OriginCertificate | Phyto, **given: Any) -> BorderMessage:
    """Say that a document was issued."""
    is_phyto = isinstance(content, Phyto)
    issuing = content.export_country.code if isinstance(content, Phyto) else content.issuing_country
    importing = content.import_country.code if isinstance(content, Phyto) else content.declared.importing_country
    fields: dict[str, Any] = {
        "event": BorderEvent.ISSUED,
        "document": BorderDocument.PHYTO if is_phyto else BorderDocument.ORIGIN,
        "number": content.number,
        "issuing_country": issuing,
        "importing_country": importing,
        "phyto" if is_phyto else "origin": content,
    }
    return BorderMessage(**{**fields, **given})


def about(message: BorderMessage, event: BorderEvent, **given: Any) -> BorderMessage:
    """Say something of a document, without the document."""
    fields: dict[str, Any] = {
        "event": event,
        "document": message.document,
        "number": message.number,
        "issuing_country": message.issuing_country,
    }
    return BorderMessage(**{**fields, **given})


def answered(
    message: BorderMessage,
    result: AnswerResult,
    *,
    declaration: str = "",
    items: Sequence[ItemAnswer] = (),
    at: datetime | None = None,
    native: Mapping[str, str] | None = None,
) -> BorderMessage:
    """Say what the other side says of a document."""
    refuses = result in (AnswerResult.NOT_GIVEN, AnswerResult.PARTLY_GIVEN, AnswerResult.REJECTED)
    answer = BorderAnswer(
        result=result,
        declaration_number=declaration,
        declared_on=TODAY if declaration else None,
        items=tuple(items),
        reason_code="HS" if refuses else "",
        reason="tariff line differs" if refuses else "",
    )
    return about(message, BorderEvent.ANSWERED, answer=answer, sent_at=at, native=dict(native or {}))


def used(number: int, value: str, unit: str = "KGM") -> ItemAnswer:
    """Say that so much of an item was used."""
    return ItemAnswer(number=number, result="given", used=Measure(value=Decimal(value), unit=unit))


def tracked(message: BorderMessage, state: TechnicalState = TechnicalState.UNKNOWN, hop: str = "", **given: Any) -> BorderMessage:
    """Say where a document is on its way."""
    fields: dict[str, Any] = {"technical": state, "hop": hop, "number": "TEST-1", "code": state.value, **given}
    return about(message, BorderEvent.TRACKED, tracking=Tracking(**fields))


def dossier(number: str, procedure: str, event: Event, form: Mapping[str, Any]) -> DossierMessage:
    """Say something of a trade dossier."""
    return DossierMessage(
        event=event,
        dossier=Dossier(code=number, numbering="vnsw", procedure=ProcedureRef(code=procedure), form=dict(form)),
    )


def at(day: int, hour: int = 9) -> datetime:
    """Give a moment of the month before the world's clock."""
    return datetime(2026, 2, day, hour, tzinfo=VIETNAM)
