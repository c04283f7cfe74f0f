"""A canonical message is written by its own class, in the very bytes in which the union of all kinds would write it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from hub.canonical.codes import Event
from hub.canonical.document import Attachment
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.figures import Figures, StatisticsMessage
from hub.canonical.message import Message, from_json, to_json
from hub.canonical.party import Agency

UNION: TypeAdapter[Any] = TypeAdapter(Message)
FORM = {"Goods": [{"Name": "Gạo", "@unit": "kg"}, "", None, 1.5], "#order": ["Goods"]}
DOSSIER = Dossier(
    code="QG2026000001",
    numbering="vnsw",
    procedure=ProcedureRef(code="BNN&PTNT0300002"),
    attachments=(Attachment(name="hồ sơ.pdf", url="http://127.0.0.1/a?b=<c>"),),
    form=FORM,
)
MESSAGES = (
    DossierMessage(event=Event.SUBMITTED, dossier=DOSSIER, sent_at=datetime(2026, 3, 2, 9, 15, 4, 5, tzinfo=UTC)),
    StatisticsMessage(figures=Figures(month=3, year=2026, agency=Agency(code="000.00.01.G14", name="Bộ"))),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
def test_a_message_is_written_as_the_union_writes_it(message: Message) -> None:
    body = to_json(message)

    assert body == UNION.dump_json(message)
    assert from_json(body) == message
