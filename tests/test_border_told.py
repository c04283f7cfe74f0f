"""An importing country's answer on the dossier's own system: only where the hub is told to, written as the registry has it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from lxml import etree
from sqlalchemy import select

from adapters.single_window import ADAPTER as SINGLE_WINDOW
from adapters.single_window.options import Options
from hub.canonical.border.message import AnswerResult
from hub.canonical.codes import CodeTables, Event
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import from_json
from hub.contract import Writing
from hub.ledger import payloads
from hub.ledger.tables import deliveries
from tests.support import hub as hubs
from tests.support.border_world import EPHYTO, MARD, WINDOW, Border, answered, dossier, opened
from tests.test_border_intake import certificate

EXPORT = "BNN&PTNT0300002"
KEY = "vnsw:BNNPTNT1126000001"
NUMBER = "VN-2026-000017"


def reports(world: Border) -> list[DossierMessage]:
    with world.hub.ledger.read() as conn:
        here = (deliveries.c.endpoint == WINDOW) & (deliveries.c.event == Event.REPORT.value)
        rows = conn.execute(select(deliveries.c.canonical_digest, deliveries.c.subject).where(here)).all()
        assert {row.subject for row in rows} <= {KEY}
        found = [from_json(payloads.get(conn, row.canonical_digest) or b"") for row in rows]
    return [each for each in found if isinstance(each, DossierMessage)]


def say(world: Border) -> None:
    """A dossier of plant quarantine, the certificate that comes of it, and what the importing country says of that, twice."""
    ref = KEY.partition(":")[2]
    for endpoint, event, form in (
        (WINDOW, Event.SUBMITTED, {"Phytosanitary": {"NSWFileCode": ref}}),
        (MARD, Event.RECEIVED, {"Phytosanitary": {"NSWFileCode": ref}}),
        (MARD, Event.LICENCE_ISSUED, certificate(NUMBER)),
    ):
        assert world.say(endpoint, dossier(ref, EXPORT, event, form)).body == b"taken"
    (given,) = world.told(f"border:phyto:VN:{NUMBER}", EPHYTO)
    answer = answered(given, AnswerResult.REJECTED)
    assert world.say(EPHYTO, answer).body == b"taken"
    world.say(EPHYTO, answer)


def test_nothing_is_told_where_nobody_asked_for_it(tmp_path: Path) -> None:
    with opened(tmp_path / "config", hubs.SQLITE) as world:
        say(world)

        assert reports(world) == []


def test_an_answer_from_abroad_is_a_report_on_the_dossier_once_and_is_written(tmp_path: Path) -> None:
    with opened(tmp_path / "config", hubs.SQLITE, more="[border]\ntell_dossier = true\n") as world:
        say(world)
        (report,) = reports(world)

    assert (report.dossier.procedure.code, report.dossier.key) == (EXPORT, KEY)
    report = report.model_copy(update={"native": {**report.native, "documentType": EXPORT, "documentYear": "2026"}})
    options = Options(role="gateway")
    (call,) = SINGLE_WINDOW.plan(report, options)
    now = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
    writing = Writing(options=options, codes=CodeTables(), held={}, now=now, message_id="7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10")
    written = SINGLE_WINDOW.write_message(report, call, writing)
    assert written is not None
    content = etree.fromstring(written.body).find("Body/Content/CertificateAnswer")
    assert content is not None
    assert {each.tag: each.text for each in content} == {
        "Document": "phyto",
        "Number": NUMBER,
        "Country": "ID",
        "Result": "rejected",
        "ReasonCode": "HS",
    }
    # An operator sees that nobody has published such a message.
    assert any("31/31" in line and "assumed" in line for line in SINGLE_WINDOW.check(options))

