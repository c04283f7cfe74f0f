"""A dossier and its new progress rows as one message: the documents that one-stop software and ministries exchange with us.

``{"HoSo": record, "TienDo": [rows], "GiayPhep": decision document}``; the record may carry the number that another
system gave the same dossier (MaHoSoKhac, with HeThongKhac to say whose). The vocabulary is the national one, the wrapping ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hub.canonical.codes import Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, Licence, Step
from hub.canonical.national_fields import (
    CODE,
    DATE,
    TEXT,
    Entry,
    Table,
    bad_type,
    pointer,
    read_record,
    scalar_text,
    write_record,
)
from hub.canonical.national_record import REQUIRED, read_dossier, read_step, write_step
from hub.errors import Fault, bad_value, missing

#: HeThongKhac and HeThong: the word on our doors for each numbering of ``Dossier``.
SYSTEMS: Mapping[str, str] = {"DVCQG": "national_portal", "VNSW": "vnsw", "MOTCUA": "national"}
NUMBERINGS: Mapping[str, str] = {numbering: word for word, numbering in SYSTEMS.items()}
#: Whose numbers may stand in MaHoSoKhac, the likelier first.
_OTHERS = ("DVCQG", "VNSW")

#: What a status says happened; the others (4, 8, 10) are only STATUS.
EVENTS: Mapping[Status, Event] = {
    Status.REGISTERED: Event.SUBMITTED,
    Status.RECEIVED: Event.RECEIVED,
    Status.NOT_RECEIVED: Event.REFUSED,
    Status.SUPPLEMENT_ASKED: Event.SUPPLEMENT_ASKED,
    Status.FEE_ASKED: Event.FEE_ASKED,
    Status.WITHDRAWN: Event.WITHDRAWN,
    Status.DONE: Event.RESULT,
}

LICENCE = Table(
    build=lambda values: Licence(**values),
    entries=(
        Entry("So", "number", TEXT),
        Entry("NgayCap", "issued_at", DATE),
        Entry("NguoiKy", "signer", TEXT),
        Entry("ChucVu", "signer_position", TEXT),
        Entry("DuongDan", "link", TEXT),
    ),
)


def event_of(status: Status) -> Event:
    """Say what happened to a dossier that now has this status."""
    return EVENTS.get(status, Event.STATUS)


def read_message(
    document: Mapping[str, Any], path: str, faults: list[Fault], *, required: Collection[str] = REQUIRED, lengths: bool = False
) -> DossierMessage | None:
    """Read ``{"HoSo", "TienDo", "GiayPhep"}``; None where it has any fault. Without TienDo no step is invented."""
    before = len(faults)
    record, place = document.get("HoSo"), pointer(path, "HoSo")
    if record is None:
        faults.append(missing(place))
        return None
    message = read_bare(record, place, faults, required=required, lengths=lengths)
    steps = _read_steps(document.get("TienDo"), pointer(path, "TienDo"), _number(record), faults)
    licence = read_licence(document.get("GiayPhep"), pointer(path, "GiayPhep"), faults)
    if message is None or len(faults) > before:
        return None
    return message.model_copy(update={"steps": steps, "licence": licence})


def read_bare(
    record: object, path: str, faults: list[Fault], *, required: Collection[str] = REQUIRED, lengths: bool = False
) -> DossierMessage | None:
    """Read one bare record, as a relay of DongBoHoSoMC sends it; None where it has any fault."""
    dossier = read_dossier(record, path, faults, required=required, lengths=lengths)
    others = _read_other_number(record, path, faults) if isinstance(record, dict) else {}
    if dossier is None or others is None:
        return None
    return DossierMessage(event=event_of(dossier.status), dossier=dossier.model_copy(update={"other_codes": others}))


def _number(record: object) -> str:
    return scalar_text(record.get("MaHoSo"), "", []).strip() if isinstance(record, dict) else ""


def _read_other_number(record: Mapping[str, Any], path: str, faults: list[Fault]) -> dict[str, str] | None:
    before = len(faults)
    number = CODE.read(scalar_text(record.get("MaHoSoKhac"), pointer(path, "MaHoSoKhac"), faults), pointer(path, "MaHoSoKhac"))
    system = scalar_text(record.get("HeThongKhac"), pointer(path, "HeThongKhac"), faults).strip() or _OTHERS[0]
    if isinstance(number, Fault):
        faults.append(number)
    if system not in _OTHERS:
        vi, en = f"phải là một trong: {', '.join(_OTHERS)}", f"must be one of: {', '.join(_OTHERS)}"
        faults.append(bad_value(pointer(path, "HeThongKhac"), vi, en))
    if len(faults) > before:
        return None
    return {SYSTEMS[system]: number} if number else {}


def _read_steps(value: object, path: str, number: str, faults: list[Fault]) -> tuple[Step | None, ...]:
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        faults.append(bad_type(path, "danh sách", "a list"))
        return (None,)
    return tuple(_read_own_step(row, pointer(path, index), number, faults) for index, row in enumerate(value))


def _read_own_step(row: object, path: str, number: str, faults: list[Fault]) -> Step | None:
    """A row may leave out MaHoSo; where it has one it must be the dossier's."""
    before = len(faults)
    step = read_step(row, path, faults)
    if number and _number(row) not in ("", number):
        vi, en = "MaHoSo của bước khác với MaHoSo của hồ sơ", "the row's MaHoSo is not the dossier's"
        faults.append(bad_value(pointer(path, "MaHoSo"), vi, en))
    return step if len(faults) == before else None


def read_licence(value: object, path: str, faults: list[Fault], *, required: Collection[str] = ()) -> Licence | None:
    """Read a decision document (So, NgayCap, NguoiKy, ChucVu, DuongDan); absent is None."""
    if value is None or value == "":
        return None
    before = len(faults)
    values = read_record(LICENCE, value, path, faults, required=required)
    return Licence(**values) if len(faults) == before else None


def write_licence(licence: Licence) -> dict[str, str]:
    """Write a decision document."""
    return write_record(LICENCE, licence)


def write_steps(code: str, steps: tuple[Step, ...]) -> list[dict[str, str]]:
    """Write the progress rows of a message, in their order."""
    return [write_step(code, step) for step in steps]


def own_number(dossier: Dossier, held: Mapping[str, str]) -> str:
    """Find the number that one-stop software or a ministry gave the dossier; empty where it gave none yet."""
    if dossier.numbering == "national":
        return dossier.code
    return dossier.other_codes.get("national") or held.get("MaHoSo", "")


def other_number(dossier: Dossier) -> dict[str, str]:
    """Write the number that the portal or the Single Window gave the dossier (MaHoSoKhac, HeThongKhac)."""
    numbers = {**dossier.other_codes, dossier.numbering: dossier.code}
    for system in _OTHERS:
        if numbers.get(SYSTEMS[system]):
            return {"MaHoSoKhac": numbers[SYSTEMS[system]], "HeThongKhac": system}
    return {"MaHoSoKhac": "", "HeThongKhac": ""}
