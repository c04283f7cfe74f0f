"""What the portal is told of a message, call by call, and the business bytes of each call (without the session)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from adapters.national_portal.options import Options
from adapters.national_portal.questions import (
    ANSWERED_REQUIRED,
    PUBLISHED_REQUIRED,
    write_answered,
    write_figures,
    write_published,
)
from adapters.national_portal.services import ANSWERS, DOSSIER, PROGRESS, QUESTIONS, STATISTICS, STATUS_BACK
from hub.canonical.base import local
from hub.canonical.codes import STATUS_NAMES, Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.canonical.figures import StatisticsMessage
from hub.canonical.links import relinked
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
from hub.canonical.question import QuestionMessage
from hub.canonical.raw import RawMessage
from hub.contract import Call, Outgoing, Writing
from hub.errors import Fault, InvalidMessage, bad_value, missing
from hub.rules.json_door import read_json, write_json

#: Names of an outgoing's head that become the query of a relay's address.
QUERY = "query."
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
    if isinstance(message, QuestionMessage):
        return _plan_question(message)
    if isinstance(message, StatisticsMessage):
        return (Call(service=STATISTICS),)
    if isinstance(message, RawMessage) and message.service in options.raw_services:
        return (Call(service=message.service),)
    return ()  # a catalogue is compared and written procedure by procedure; notices are not for the portal


def _plan_question(message: QuestionMessage) -> tuple[Call, ...]:
    """A question that was asked on the portal came from there; what an agency publishes may have its answer with it."""
    if message.event == "asked":
        return ()
    answered = (Call(service=ANSWERS),) if message.event == "answered" or message.question.answer else ()
    return answered if message.event == "answered" else (Call(service=QUESTIONS), *answered)


def _plan_dossier(message: DossierMessage, options: Options) -> tuple[Call, ...]:
    dossier = message.dossier
    if portal_number(dossier, options.numbering):
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


def portal_number(dossier: Dossier, portal: str) -> str:
    """Give the number of a dossier that was born on the portal, by the name of the portal's numbering; empty where it was not."""
    return dossier.code if dossier.numbering == portal else dossier.other_codes.get(portal, "")


def local_number(dossier: Dossier, portal: str) -> str:
    """Give the number of the system that runs the dossier; empty where only the portal has numbered it."""
    if dossier.numbering in ("national", portal):
        return dossier.code if dossier.numbering == "national" else dossier.other_codes.get("national", "")
    return dossier.other_codes.get("national", dossier.code)


def progress_rows(message: DossierMessage) -> tuple[Step, ...]:
    """Give the rows the portal takes, oldest first: it counts from reception, so "registered" is not a step."""
    return tuple(sorted((step for step in message.steps if step.status != Status.REGISTERED), key=lambda step: local(step.at)))


# --- what each call says -----------------------------------------------------------------------------------------


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing | None:
    """Write the business bytes of one call; the transport adds the session. Raises InvalidMessage, NoMapping.

    None for a record that is older than the one the portal holds.
    """
    if isinstance(message, ProcedureMessage):
        return _write_procedure(message, call, writing)
    if isinstance(message, QuestionMessage):
        return _write_question(message, call, writing)
    if isinstance(message, StatisticsMessage):
        return _write_statistics(message, writing)
    if isinstance(message, RawMessage):
        return _write_raw(message, writing)
    assert isinstance(message, DossierMessage)  # plan gives no other message a call
    if call.service == DOSSIER:
        return _write_record(message, writing)
    return _write_rows(message, call, writing) if call.service == PROGRESS else _write_status(message, writing)


def _write_record(message: DossierMessage, writing: Writing) -> Outgoing | None:
    as_of = _as_of(message)
    if as_of and as_of < writing.held.get("as_of", ""):
        return None  # its rows are still new to the portal; its record would set the portal back
    dossier = _as_the_portal_reads_it(message, writing)
    updating = writing.held.get("record") == "yes"
    record = write_dossier(dossier)
    _check_record(record, dossier)
    flag = "True" if updating else "False"
    variant = "update" if updating else "create"
    head = {"MaHoSo": dossier.code} | ({"as_of": as_of} if as_of else {})
    return _outgoing(writing, DOSSIER, [record], {"isUpdating": flag}, head, variant)


def _as_of(message: DossierMessage) -> str:
    """Say how new a record is: the moment of the last row that came with it; without rows nobody can tell."""
    rows = progress_rows(message)
    return write_date(rows[-1].at) if rows else ""


def _write_rows(message: DossierMessage, call: Call, writing: Writing) -> Outgoing:
    code = local_number(message.dossier, writing.options.numbering)
    part = progress_rows(message)[int(call.part["from"]) : int(call.part["to"])]
    rows = [write_step(code, step) for step in part]
    faults: list[Fault] = []
    for index, row in enumerate(rows):
        read_step(row, f"/data/{index}", faults)
    if faults:
        raise InvalidMessage(faults)
    return _outgoing(writing, PROGRESS, rows, {}, {"MaHoSo": code})


def _write_status(message: DossierMessage, writing: Writing) -> Outgoing:
    options: Options = writing.options
    dossier = message.dossier
    number = portal_number(dossier, options.numbering)
    row = {
        "TrangThai": STATUS_BACK_CODES.get(dossier.status, dossier.status.value),
        "MaHoSo": number,
        "MaHoSoDonVi": local_number(dossier, options.numbering),
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
            for result in relinked(dossier, writing.links).results
        ],
    }
    data: Any = [row] if options.status_data == "list" or options.is_relay else row
    return _outgoing(writing, STATUS_BACK, data, {"type": options.status_type}, {"MaHoSo": number})


def _write_procedure(message: ProcedureMessage, call: Call, writing: Writing) -> Outgoing:
    options: Options = writing.options
    day = local(writing.now).date()
    code, name = _national_procedure(message.procedure.code, message.procedure.name, writing, day)
    record = write_procedure(message.procedure.model_copy(update={"code": code, "name": name}))
    head = {"MATTHC": code, "field": options.write_procedure_field}
    return _outgoing(writing, call.service, [record], {}, head, field=options.write_procedure_field)


def _write_question(message: QuestionMessage, call: Call, writing: Writing) -> Outgoing:
    question = message.question
    row = write_published(question) if call.service == QUESTIONS else write_answered(question)
    required = PUBLISHED_REQUIRED if call.service == QUESTIONS else ANSWERED_REQUIRED
    if faults := [missing(f"/data/0/{name}") for name in required if not row[name].strip()]:
        raise InvalidMessage(faults)
    head = {"HOIDAPID": question.id}
    return _outgoing(writing, call.service, [row], {}, head, field=writing.options.questions_field)


def _write_statistics(message: StatisticsMessage, writing: Writing) -> Outgoing:
    row, faults = write_figures(message.figures)
    if faults:
        raise InvalidMessage(faults)
    return _outgoing(writing, STATISTICS, [row], {}, {}, field=writing.options.statistics_field)


def _write_raw(message: RawMessage, writing: Writing) -> Outgoing:
    """Write a call of unknown shape: its own fields as they came, in the portal's wrapping."""
    options: Options = writing.options
    octets = message.body.encode("utf-8", "surrogatepass")
    given = read_json(octets, max_bytes=len(octets))
    if options.is_relay:
        return Outgoing(service=message.service, body=octets)
    if not isinstance(given, dict) or {"session", "madonvi", "service"} & set(given):
        vi = "phải là đối tượng JSON, không có session, madonvi, service"
        raise InvalidMessage([bad_value("/body", vi, "must be a JSON object without session, madonvi, service")])
    head = write_json({"madonvi": options.madonvi, "service": message.service})
    inner = octets.strip()[1:-1].strip()
    return Outgoing(service=message.service, body=head[:-1] + b"," + inner + b"}" if inner else head)


def _outgoing(
    writing: Writing,
    service: str,
    data: Any,
    asked: dict[str, str],
    head: dict[str, str],
    variant: str = "",
    *,
    field: str = "data",
) -> Outgoing:
    """Wrap what a service takes: in the portal's own body, or for a relay, which adds that itself, bare."""
    options: Options = writing.options
    if options.is_relay:
        query = {f"{QUERY}{name}": value for name, value in asked.items()}
        return Outgoing(service=service, variant=variant, head=head | query, body=write_json(data))
    body = write_json({"madonvi": options.madonvi, "service": service, **asked, field: data})
    return Outgoing(service=service, variant=variant, head=head, body=body)


# --- the dossier in the portal's codes -----------------------------------------------------------------------------


def _as_the_portal_reads_it(message: DossierMessage, writing: Writing) -> Dossier:
    dossier = relinked(message.dossier, writing.links)
    day = local(dossier.received_at or dossier.refused_at or dossier.submitted_at or writing.now).date()
    changes: dict[str, Any] = {
        "code": local_number(dossier, writing.options.numbering),
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
