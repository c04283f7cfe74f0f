"""What the portal is told of a message, call by call, and the business bytes of each call (without the session)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from adapters.national_portal.options import Options
from hub.canonical.base import local
from hub.canonical.codes import STATUS_NAMES, Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.canonical.message import Message
from hub.canonical.national_record import (
    read_dossier,
    read_step,
    write_date,
    write_dossier,
    write_procedure,
    write_step,
)
from hub.canonical.procedure import ProcedureMessage
from hub.contract import Call, Outgoing, Writing
from hub.errors import Fault, InvalidMessage, missing
from hub.rules.json_door import write_json

DOSSIER = "DongBoHoSoMC"
PROGRESS = "CapNhatTienDoHoSoMC"
STATUS_BACK = "DongBoTrangThaiHoSo"

#: Numbering of dossiers that were born on the portal.
PORTAL = "national_portal"
#: Codes of this shape are national ones and pass without a row in the code list.
NATIONAL_PROCEDURE = re.compile(r"[0-9]\.[0-9]{6}")
NATIONAL_FIELD = re.compile(r"G[0-9]{2}-[A-Z]{2}[0-9]{2,}")
#: A refusal has a number of its own where the portal gave the dossier to us.
STATUS_BACK_CODES = {Status.NOT_RECEIVED: "11"}


# --- which calls -------------------------------------------------------------------------------------------------


def plan(message: Message, options: Options) -> tuple[Call, ...]:
    """Say which calls a message needs: a record and its progress rows, a status back, a procedure, or nothing."""
    if isinstance(message, DossierMessage):
        return _plan_dossier(message, options)
    if isinstance(message, ProcedureMessage) and options.write_procedure_service:
        return (Call(service=options.write_procedure_service),)
    return ()  # a catalogue is compared and written procedure by procedure; notices are not for the portal


def _plan_dossier(message: DossierMessage, options: Options) -> tuple[Call, ...]:
    dossier = message.dossier
    if portal_number(dossier):
        return () if message.event == Event.SUBMITTED else (Call(service=STATUS_BACK),)
    if dossier.received_at is not None:
        return (Call(service=DOSSIER), *_plan_rows(message, options))
    never_received = {
        Status.NOT_RECEIVED: options.refusal_before_reception,
        Status.WITHDRAWN: options.withdrawal_before_reception,
    }
    return (Call(service=DOSSIER),) if never_received.get(dossier.status) == "send" else ()


def _plan_rows(message: DossierMessage, options: Options) -> tuple[Call, ...]:
    count, size = len(progress_rows(message)), options.rows_per_call
    return tuple(
        Call(service=PROGRESS, part={"from": str(start), "to": str(min(start + size, count))}) for start in range(0, count, size)
    )


def portal_number(dossier: Dossier) -> str:
    """Give the portal's own number of a dossier that was born there; empty where it was not."""
    return dossier.code if dossier.numbering == PORTAL else dossier.other_codes.get(PORTAL, "")


def local_number(dossier: Dossier) -> str:
    """Give the number of the system that runs the dossier; empty where only the portal has numbered it."""
    if dossier.numbering in ("national", PORTAL):
        return dossier.code if dossier.numbering == "national" else dossier.other_codes.get("national", "")
    return dossier.other_codes.get("national", dossier.code)


def progress_rows(message: DossierMessage) -> tuple[Step, ...]:
    """Give the rows the portal takes, oldest first: it counts from reception, so "registered" is not a step."""
    return tuple(sorted((step for step in message.steps if step.status != Status.REGISTERED), key=lambda step: local(step.at)))


# --- what each call says -----------------------------------------------------------------------------------------


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing:
    """Write the business bytes of one call; the transport adds the session. Raises InvalidMessage, NoMapping."""
    if isinstance(message, ProcedureMessage):
        return _write_procedure(message, call, writing)
    assert isinstance(message, DossierMessage)  # plan gives no other message a call
    writers = {DOSSIER: _write_record, PROGRESS: _write_rows, STATUS_BACK: _write_status}
    return writers[call.service](message, call, writing)


def _write_record(message: DossierMessage, call: Call, writing: Writing) -> Outgoing:
    dossier = _as_the_portal_reads_it(message, writing)
    updating = writing.held.get("record") == "yes"
    record = write_dossier(dossier)
    _check_record(record, dossier)
    return Outgoing(
        service=DOSSIER,
        variant="update" if updating else "create",
        head={"MaHoSo": dossier.code},
        body=_body(writing, DOSSIER, isUpdating="True" if updating else "False", data=[record]),
    )


def _write_rows(message: DossierMessage, call: Call, writing: Writing) -> Outgoing:
    code = local_number(message.dossier)
    part = progress_rows(message)[int(call.part["from"]) : int(call.part["to"])]
    rows = [write_step(code, step) for step in part]
    faults: list[Fault] = []
    for index, row in enumerate(rows):
        read_step(row, f"/data/{index}", faults)
    if faults:
        raise InvalidMessage(faults)
    return Outgoing(service=PROGRESS, head={"MaHoSo": code}, body=_body(writing, PROGRESS, data=rows))


def _write_status(message: DossierMessage, call: Call, writing: Writing) -> Outgoing:
    options: Options = writing.options
    dossier = message.dossier
    number = portal_number(dossier)
    row = {
        "TrangThai": STATUS_BACK_CODES.get(dossier.status, dossier.status.value),
        "MaHoSo": number,
        "MaHoSoDonVi": local_number(dossier),
        "MaDoiTuong": dossier.applicant.tech_id,
        "NoiDung": _what_was_done(message),
        "NgayXuLy": write_date(_when_done(message) or writing.now),
        "TaiLieuXuLy": [
            {
                "TepDinhKemId": result.id,
                "TenTepDinhKem": result.name,
                "IsDeleted": "False",
                "MaThanhPhanHoSo": result.component_code,
                "DuongDanTaiTepTin": result.url,
            }
            for result in dossier.results
        ],
    }
    data: Any = [row] if options.status_data == "list" else row
    body = _body(writing, STATUS_BACK, type=options.status_type, data=data)
    return Outgoing(service=STATUS_BACK, head={"MaHoSo": number}, body=body)


def _write_procedure(message: ProcedureMessage, call: Call, writing: Writing) -> Outgoing:
    options: Options = writing.options
    day = local(writing.now).date()
    code, name = _national_procedure(message.procedure.code, message.procedure.name, writing, day)
    record = write_procedure(message.procedure.model_copy(update={"code": code, "name": name}))
    body = _body(writing, call.service, **{options.write_procedure_field: [record]})
    return Outgoing(service=call.service, head={"MATTHC": code, "field": options.write_procedure_field}, body=body)


def _body(writing: Writing, service: str, **fields: Any) -> bytes:
    return write_json({"madonvi": writing.options.madonvi, "service": service, **fields})


# --- the dossier in the portal's codes -----------------------------------------------------------------------------


def _as_the_portal_reads_it(message: DossierMessage, writing: Writing) -> Dossier:
    dossier = message.dossier
    day = local(dossier.received_at or dossier.refused_at or dossier.submitted_at or writing.now).date()
    changes: dict[str, Any] = {
        "code": local_number(dossier),
        "procedure": _in_national_codes(dossier.procedure, writing, day),
    }
    if dossier.received_at is None and dossier.status == Status.NOT_RECEIVED:
        changes["refused_at"] = dossier.refused_at or _when_done(message)
    return dossier.model_copy(update=changes)


def _in_national_codes(procedure: ProcedureRef, writing: Writing, day: date) -> ProcedureRef:
    code, name = _national_procedure(procedure.code, procedure.name, writing, day)
    field_code, field_name = procedure.field_code, procedure.field_name
    if writing.options.map_fields:
        table = _List(writing, writing.options.field_table, NATIONAL_FIELD, day)
        field_code, field_name = table.national(field_code, field_name)
    return ProcedureRef(code=code, name=name, field_code=field_code, field_name=field_name)


def _national_procedure(code: str, name: str, writing: Writing, day: date) -> tuple[str, str]:
    if not writing.options.map_procedures:
        return code, name
    return _List(writing, writing.options.procedure_table, NATIONAL_PROCEDURE, day).national(code, name)


@dataclass(frozen=True, slots=True)
class _List:
    """A code list local to national, and the shape of national codes."""

    writing: Writing
    table: str
    shape: re.Pattern[str]
    day: date

    def national(self, code: str, name: str) -> tuple[str, str]:
        """Translate a code: a row of the list wins (a local code may look national), then the national shape passes."""
        codes = self.writing.codes
        row = codes.find(self.table, code, self.day)
        if row is not None:
            return row.value, row.name or name
        if not code or self.shape.fullmatch(code):
            return code, name
        return codes.translate(self.table, code, self.day), name


def _check_record(record: dict[str, Any], dossier: Dossier) -> None:
    """Find what the portal would refuse, all at once, before anything is sent."""
    faults: list[Fault] = []
    read_dossier(record, "/data/0", faults)
    if dossier.received_at is None and dossier.status == Status.NOT_RECEIVED and dossier.refused_at is None:
        faults.append(missing("/data/0/NgayTuChoi"))
    if faults:
        raise InvalidMessage(faults)


def _what_was_done(message: DossierMessage) -> str:
    rows = progress_rows(message)
    dossier = message.dossier
    return (rows[-1].note if rows else "") or dossier.return_note or dossier.note or STATUS_NAMES[dossier.status]


def _when_done(message: DossierMessage) -> datetime | None:
    rows = progress_rows(message)
    dossier = message.dossier
    by_status = {
        Status.RECEIVED: dossier.received_at,
        Status.NOT_RECEIVED: dossier.refused_at,
        Status.DONE: dossier.finished_at,
        Status.RETURNED: dossier.returned_at,
    }
    return (rows[-1].at if rows else None) or by_status.get(dossier.status) or message.sent_at
