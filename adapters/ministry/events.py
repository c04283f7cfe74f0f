"""What a ministry says about a dossier that was born elsewhere: received, refused, asked for more, decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.canonical.codes import Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, Licence, ProcedureRef, Step
from hub.canonical.national_fields import CODE, DATE, TEXT, Entry, Table, bad_type, choice, read_record
from hub.canonical.national_message import SYSTEMS, read_licence
from hub.canonical.party import Agency
from hub.errors import Fault, missing
from hub.rules.json_door import texts

#: The events that are a ministry's to say, and the status that fits each (ours). An applicant's events are not here.
EVENTS: Mapping[Event, Status] = {
    Event.RECEIVED: Status.RECEIVED,
    Event.REFUSED: Status.NOT_RECEIVED,
    Event.SUPPLEMENT_ASKED: Status.SUPPLEMENT_ASKED,
    Event.FEE_ASKED: Status.FEE_ASKED,
    Event.STATUS: Status.PROCESSING,
    Event.EDIT_ASKED: Status.SUPPLEMENT_ASKED,
    Event.EDIT_AGREED: Status.PROCESSING,
    Event.EDIT_REFUSED: Status.PROCESSING,
    Event.WITHDRAWAL_AGREED: Status.WITHDRAWN,
    Event.WITHDRAWAL_REFUSED: Status.PROCESSING,
    Event.LICENCE_ISSUED: Status.DONE,
    Event.LICENCE_AMENDED: Status.DONE,
    Event.RESULT: Status.DONE,
}
#: Events that are a document: without its number and date nothing was decided.
WITH_LICENCE = frozenset({Event.LICENCE_ISSUED, Event.LICENCE_AMENDED})

_EVENT = Table(
    build=dict,
    entries=(
        Entry("MaThongDiep", "message_id", CODE),
        Entry("SuKien", "event", choice(*EVENTS)),
        Entry("HeThong", "system", choice(*SYSTEMS)),
        Entry("MaHoSo", "code", CODE),
        Entry("MaThuTuc", "procedure", CODE),
        Entry("ThoiDiem", "at", DATE),
        Entry("TrangThai", "status", choice(*Status)),
        Entry("NguoiXuLy", "actor", TEXT),
        Entry("ChucDanh", "title", TEXT),
        Entry("DonVi", "unit", TEXT),
        Entry("NoiDung", "note", TEXT),
    ),
)
REQUIRED = ("SuKien", "HeThong", "MaHoSo", "MaThuTuc", "ThoiDiem", "NguoiXuLy")


def read_event(tree: dict[str, Any], faults: list[Fault]) -> DossierMessage | None:
    """Read one event; None where it has any fault, and all of them are appended."""
    before = len(faults)
    values = {"status": None, "title": "", "unit": "", "note": "", **read_record(_EVENT, tree, "", faults, required=REQUIRED)}
    event = values.get("event")
    licence = read_licence(tree.get("GiayPhep"), "/GiayPhep", faults, required=("So", "NgayCap") if event in WITH_LICENCE else ())
    if event in WITH_LICENCE and tree.get("GiayPhep") in (None, ""):
        faults.append(missing("/GiayPhep"))
    form = {} if tree.get("BieuMau") in (None, "") else tree["BieuMau"]
    if not isinstance(form, dict):
        faults.append(bad_type("/BieuMau", "đối tượng JSON", "a JSON object"))
    return None if len(faults) > before else _message(values, licence, texts(form))


def _message(values: dict[str, Any], licence: Licence | None, form: dict[str, Any]) -> DossierMessage:
    event = Event(values["event"])
    status = Status(values["status"] or EVENTS[event])
    step = Step(status=status, **{name: values[name] for name in ("actor", "title", "unit", "note", "at")})
    dossier = Dossier(
        code=values["code"],
        numbering=SYSTEMS[values["system"]],
        procedure=ProcedureRef(code=values["procedure"]),
        status=status,
        agency=Agency(name=values["unit"]),
        form=form,
    )
    return DossierMessage(
        event=event,
        dossier=dossier,
        steps=(step,),
        licence=licence,
        native={"MaThongDiep": values["message_id"]} if "message_id" in values else {},
        sent_at=values["at"],
    )
