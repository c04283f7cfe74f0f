"""Invented dossiers of an agency, by seed: whole ways from reception to the end, as messages that the hub holds."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from hub.canonical.base import VIETNAM
from hub.canonical.codes import STATUS_NAMES, Event, Status
from hub.canonical.document import Fee, ResultDocument
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.canonical.party import Agency, Party, PartyKind

FIRST_DAY = datetime(2026, 3, 2, 7, 30, tzinfo=VIETNAM)
#: Which statuses follow reception (2).
WAYS: tuple[tuple[Status, ...], ...] = (
    (Status.PROCESSING, Status.DONE, Status.RETURNED),
    (Status.PROCESSING, Status.SUPPLEMENT_ASKED, Status.PROCESSING, Status.DONE, Status.RETURNED),
    (Status.PROCESSING, Status.FEE_ASKED, Status.PROCESSING, Status.DONE),
    (Status.PROCESSING, Status.WITHDRAWN),
    (Status.STOPPED,),
)


def way(seed: int, number: int) -> tuple[DossierMessage, ...]:
    """Make the messages of one dossier in their order, one for each status; no two of them at one moment."""
    draw = random.Random(f"{seed}/{number}")  # noqa: S311 - invented samples, not secrets
    moment = FIRST_DAY + timedelta(minutes=draw.randrange(60 * 24 * 20))
    dossier = Dossier(
        code=f"H99.{draw.randrange(2, 30):02d}-{moment:%y%m%d}-{number:04d}",
        procedure=ProcedureRef(code=f"1.{990_000 + draw.randrange(1, 21):06d}", name="Thủ tục thử nghiệm"),
        applicant=Party(
            kind=draw.choice((PartyKind.CITIZEN, PartyKind.BUSINESS)), name="Nguyễn Thử Nghiệm", identity_number="000000000000"
        ),
        agency=Agency(code="H99.02", name="Sở Thử nghiệm tỉnh X"),
        submitted_at=moment - timedelta(minutes=30),
        received_at=moment,
        fees=(Fee(name="Lệ phí thử", code="LP01", amount="50000", collected="1", kind="1"),),
    )
    messages = []
    for place, status in enumerate((Status.RECEIVED, *draw.choice(WAYS))):
        at = moment + timedelta(minutes=draw.randrange(1, 50) + 60 * place)
        step = Step(status=status, actor="Trần Kiểm Thử", unit="Phòng Một", note=STATUS_NAMES[status], at=at)
        result = ResultDocument(name="Giấy thử", code="KQ.G99.000001", url=f"https://files.example.org/{number}")
        results = (result,) if status in (Status.DONE, Status.RETURNED) else ()
        told = dossier.model_copy(update={"status": status, "results": results})
        messages.append(DossierMessage(event=Event.STATUS, dossier=told, steps=(step,)))
    return tuple(messages)
