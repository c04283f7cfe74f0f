"""What one-stop software is told: dossiers born elsewhere and what happens to them, the catalogue, and notices.

The shapes are ours (assumed): the national record, with the number the dossier has elsewhere. Each body carries
MaThongDiep, by which the software drops a repeated call.
"""

from __future__ import annotations

import hashlib
from typing import Any

from adapters.one_stop.options import OneStopOptions
from hub.canonical.codes import Event
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message, to_json
from hub.canonical.national_message import other_number, own_number, write_licence, write_steps
from hub.canonical.national_record import write_date, write_dossier, write_procedure
from hub.canonical.notice import NoticeMessage
from hub.canonical.procedure import CatalogueMessage, Procedure, ProcedureMessage
from hub.contract import Call, Outgoing, Writing
from hub.rules.json_door import write_json

NEW_DOSSIER = "nhanHoSo"
EVENT = "nhanSuKien"
CATALOGUE = "nhanDanhMucTTHC"
NOTICE = "notice"
SERVICES = frozenset({NEW_DOSSIER, EVENT, CATALOGUE, NOTICE})


def plan(message: Message, options: OneStopOptions) -> tuple[Call, ...]:
    """Say which calls a message needs: a dossier, an event on it, batches of procedures, or a notice."""
    if isinstance(message, DossierMessage):
        return (Call(service=NEW_DOSSIER if message.event is Event.SUBMITTED else EVENT),)
    if isinstance(message, NoticeMessage):
        return (Call(service=NOTICE),)
    if not isinstance(message, CatalogueMessage | ProcedureMessage):
        return ()  # questions, figures and raw calls are not for this software
    count, size = len(_procedures(message)), options.procedures_per_call
    return tuple(
        Call(service=CATALOGUE, part={"from": str(start), "to": str(min(start + size, count))}) for start in range(0, count, size)
    )


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing:
    """Write the body of one call; the same message, call and moment give the same bytes."""
    head = {"MaThongDiep": writing.message_id}
    if isinstance(message, DossierMessage):
        content = _dossier(message, writing)
    elif isinstance(message, NoticeMessage):
        content = _notice(message)
    else:
        assert isinstance(message, CatalogueMessage | ProcedureMessage)  # plan gives no other message a call
        content = _catalogue(message, int(call.part["from"]), int(call.part["to"]))
    body = write_json({**head, "ThoiDiem": write_date(writing.now), **content})
    return Outgoing(service=call.service, body=body, head=head)


def _dossier(message: DossierMessage, writing: Writing) -> dict[str, Any]:
    number = own_number(message.dossier, writing.held)
    return {
        "SuKien": message.event.value,
        "HoSo": {**write_dossier(message.dossier), "MaHoSo": number, **other_number(message.dossier)},
        "TienDo": write_steps(number, message.steps),
        "GiayPhep": write_licence(message.licence) if message.licence else {},
        "BieuMau": message.dossier.form,
        "ToaDo": message.native,
    }


def _procedures(message: CatalogueMessage | ProcedureMessage) -> tuple[Procedure, ...]:
    return message.procedures if isinstance(message, CatalogueMessage) else (message.procedure,)


def _catalogue(message: CatalogueMessage | ProcedureMessage, start: int, end: int) -> dict[str, Any]:
    procedures = _procedures(message)
    return {
        "MaCoQuan": message.owner,
        # The same in every part, so that the software knows when it has the whole list.
        "MaDanhMuc": hashlib.sha256(to_json(message)).hexdigest()[:32],
        "ToanBo": isinstance(message, CatalogueMessage) and message.complete,
        "Tu": start,
        "Den": end,
        "TongSo": len(procedures),
        "DanhSachTTHC": [{**write_procedure(each), "MucDo": str(each.level or "")} for each in procedures[start:end]],
    }


def _notice(message: NoticeMessage) -> dict[str, Any]:
    return {
        "ThongDiepGoc": message.message_id,
        "HoSo": message.dossier,
        "NoiNhan": message.recipient,
        "KetQua": message.outcome,
        "Ma": message.code,
        "MoTa": message.vi,
        "MoTaEn": message.en,
        "ThoiDiemKetQua": write_date(message.at),
        "ToaDo": message.native,
    }
