"""What a dossier's own system is told of a border document: the importing country's answer, as a report on the dossier.

Nobody has published a message for that, so it is assumed, and only made where ``[border] tell_dossier`` says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hub.app import Hub
from hub.border_steps import Judged
from hub.canonical.border.message import RESULT_NAMES, BorderAnswer, BorderEvent, BorderMessage, ItemAnswer
from hub.canonical.codes import Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.ledger.values import Planned
from hub.registers import dossiers
from hub.registers.dossiers import Known
from hub.rules import trade_lifecycle
from hub.rules.border.axes import Axes

#: Element of the report's content (assumed): no names of persons, no goods, only what the answer is about.
REPORT = "CertificateAnswer"


def told(hub: Hub, message: BorderMessage, judged: Judged, before: Axes) -> Iterable[Planned]:
    """Plan the report on an answer that says something new, at the origin of the trade dossier to which the document belongs."""
    about = judged.row.dossier.startswith(f"{trade_lifecycle.NUMBERING}:") and judged.row.outgoing
    if not hub.border.tell_dossier or message.event is not BorderEvent.ANSWERED or judged.effect != "applied" or not about:
        return ()
    if _said(judged.row.axes) == _said(before):
        return ()
    with hub.ledger.glance() as conn:
        known = dossiers.find(conn, [judged.row.dossier])
    if known is None or known.test or message.answer is None:
        return ()
    return hub.plan(_report(hub, message, message.answer, known), (known.origin,), known.key)


def _said(axes: Axes) -> dict[tuple[str, int], tuple[object, ...]]:
    """Give what was answered, whenever that was."""
    return {key: (use.result, use.used) for key, use in axes.uses.items()}


def _report(hub: Hub, message: BorderMessage, answer: BorderAnswer, known: Known) -> DossierMessage:
    numbering, _, code = known.key.partition(":")
    vi, _ = RESULT_NAMES[answer.result]
    return DossierMessage(
        event=Event.REPORT,
        dossier=Dossier(
            code=code,
            numbering=numbering,
            other_codes={name: number for name, _, number in (each.partition(":") for each in known.codes) if name != numbering},
            procedure=ProcedureRef(code=known.procedure),
            status=known.status,
            form={REPORT: _content(message, answer)},
        ),
        steps=(Step(status=known.status, note=vi, at=message.sent_at or hub.clock()),),
        native=dict(known.native),
        sent_at=message.sent_at,
    )


def _content(message: BorderMessage, answer: BorderAnswer) -> dict[str, Any]:
    said = {
        "Document": message.document.value,
        "Number": message.number,
        "Country": message.importing_country,
        "Result": answer.result.value,
        "DeclarationNumber": answer.declaration_number,
        "DeclaredOn": answer.declared_on.isoformat() if answer.declared_on else "",
        "ReasonCode": answer.reason_code,
        "Item": [_item(each) for each in answer.items],
    }
    return {name: value for name, value in said.items() if value}


def _item(item: ItemAnswer) -> dict[str, str]:
    used = {"UsedQuantity": str(item.used.value), "Unit": item.used.unit} if item.used else {}
    return {"Number": str(item.number), "Result": item.result, **used}
