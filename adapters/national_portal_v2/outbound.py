"""The business bytes of each call, without the token; None where the portal holds already what a call would tell it."""

from __future__ import annotations

from typing import Any

from adapters.national_portal_v2.calls import (
    CREATE,
    NUMBER,
    PROGRESS,
    STATUS,
    UPLOAD,
    Holding,
    file_digests,
    files,
    holding,
    mark,
    plan,
    rows,
    when_done,
)
from adapters.national_portal_v2.formats import with_milliseconds
from adapters.national_portal_v2.record import check_record, procedure_code, raise_text_faults, write_fees, write_record
from hub.canonical.base import local
from hub.canonical.codes import STATUS_NAMES, Status
from hub.canonical.compact_json import compact_sorted
from hub.canonical.digests import DIGEST
from hub.canonical.document import ResultDocument
from hub.canonical.dossier import Dossier, DossierMessage, Step
from hub.canonical.links import relinked
from hub.canonical.message import Message
from hub.contract import Call, Outgoing, Writing
from hub.errors import InvalidMessage, OutOfStep, Untold, bad_value, missing
from hub.rules.json_door import write_json

__all__ = ["plan", "write_message"]

#: Fees and results are told only with these.
WITH_LISTS = frozenset({Status.SUPPLEMENT_ASKED, Status.FEE_ASKED, Status.DONE})


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing | None:
    """Write one call; raises InvalidMessage, NoMapping, Untold, and OutOfStep where the call before it taught nothing."""
    assert isinstance(message, DossierMessage)  # plan gives no other message a call
    writers = {NUMBER: _write_number, UPLOAD: _write_upload, CREATE: _write_create, PROGRESS: _write_rows, STATUS: _write_status}
    return writers[call.service](message, call, writing)


# --- once for each dossier -----------------------------------------------------------------------------------------


def _write_number(message: DossierMessage, call: Call, writing: Writing) -> Outgoing | None:
    """Ask for a number, once for each dossier; not before the dossier is seen to be fit, so that no number is wasted on it."""
    dossier, options = message.dossier, writing.options
    if holding(dossier, writing).number:
        return None
    check_record(dossier, writing)
    code = options.agency_code if options.number_of == "agency" else procedure_code(dossier, writing)
    if not code:
        raise InvalidMessage([missing("options/agency_code")])
    return Outgoing(service=NUMBER, head={"code": code, "numbering": options.numbering}, body=write_json({"code": code}))


def _write_upload(message: DossierMessage, call: Call, writing: Writing) -> Outgoing | None:
    """Name the file; the transport streams it from the payload store."""
    if "supplement" in call.part:
        return _leave(call.part["supplement"], writing, "/dossier/supplements")
    digest, known = call.part["file"], holding(message.dossier, writing)
    if f"file:{digest}" in writing.held or known.elsewhere:
        return None
    if known.created:
        return _leave(digest, writing, "/dossier/attachments")
    if not DIGEST.fullmatch(digest):
        raise InvalidMessage([bad_value("/dossier/attachments/digest", "không phải mã băm sha256", "is no sha256 digest")])
    file = next(each for each in files(message.dossier) if each.digest == digest)
    told = {"digest": digest, "name": file.name or digest, "size": file.size}
    raise_text_faults(told, [])
    return Outgoing(service=UPLOAD, head={"file": digest}, body=write_json(told))


def _leave(name: str, writing: Writing, where: str) -> Outgoing | None:
    """Say once of a file that the portal cannot be told of it: nothing adds one to a dossier that is created."""
    if f"untold:{name}" in writing.held:
        return None
    raise Untold(
        "the portal has no service that adds a file to a dossier which is created: it does not have this file",
        "Cổng chưa có dịch vụ bổ sung tệp cho hồ sơ đã tạo: Cổng không có tệp này",
        where=where,
        held={f"untold:{name}": "yes"},
    )


def _write_create(message: DossierMessage, call: Call, writing: Writing) -> Outgoing | None:
    dossier = relinked(message.dossier, writing.links)
    known = holding(dossier, writing)
    if known.created or known.elsewhere:
        return None
    if not known.number:
        raise OutOfStep(
            "the portal has not numbered this dossier: abandon this delivery; the dossier's next message draws a number",
            "hồ sơ chưa được Cổng cấp mã: hãy từ bỏ lượt chuyển này; thông điệp sau của hồ sơ sẽ xin cấp mã",
            where=NUMBER,
        )
    held = writing.held
    uploaded = {
        digest: (held[f"file:{digest}"], held.get(f"hash:{digest}", ""))
        for digest in file_digests(dossier)
        if f"file:{digest}" in held
    }
    record = write_record(dossier, writing, number=known.number, uploaded=uploaded)
    return Outgoing(service=CREATE, head={"MaHoSo": known.number}, body=write_json(record))


# --- what happened -------------------------------------------------------------------------------------------------


def _write_rows(message: DossierMessage, call: Call, writing: Writing) -> Outgoing | None:
    """Write the rows of this part that the portal does not hold: they have no identifier, one sent twice stands there twice."""
    steps = rows(message)[int(call.part["from"]) : int(call.part["to"])]
    told = {mark(compact_sorted(row)): row for row in map(_row, steps)}
    fresh = {name: row for name, row in told.items() if f"row:{name}" not in writing.held}
    if not fresh:
        return None
    raise_text_faults(list(fresh.values()), [])
    known = _known(message.dossier, writing)
    body = [{"IDHoSo": known.id, "MaHoSo": known.number, **row} for row in fresh.values()]
    return Outgoing(service=PROGRESS, head={"MaHoSo": known.number, "rows": ",".join(fresh)}, body=write_json(body))


def _row(step: Step) -> dict[str, Any]:
    return {
        "NguoiXuLy": step.actor,
        "ThoiDiemXuLy": with_milliseconds(step.at),
        "PhongBanXuLy": step.unit,
        "NoiDungXuLy": step.note,
        "TrangThai": int(step.status),
        "NgayBatDau": with_milliseconds(step.started_at),
        "NgayKetThucTheoQuyDinh": with_milliseconds(step.due_at),
    }


def _write_status(message: DossierMessage, call: Call, writing: Writing) -> Outgoing | None:
    """Write the status; one that is older than what the portal holds is not told, so that it never moves back."""
    dossier = relinked(message.dossier, writing.links)
    row = _status_row(message, dossier)
    moment, name = _moment(message), mark(compact_sorted(row))
    if _is_told(writing, moment, int(dossier.status), name):
        return None
    raise_text_faults(row, [])
    known = _known(dossier, writing)
    head = {
        "MaHoSo": known.number,
        "status": dossier.status.value,
        "status_at": moment or writing.held.get("status_at", ""),
        "status_row": name,
    }
    return Outgoing(service=STATUS, head=head, body=write_json([{"IdHoSo": known.id, "MaHoSo": known.number, **row}]))


def _moment(message: DossierMessage) -> str:
    """Give the moment of a status so that texts compare as moments do; empty where nothing says it."""
    moment = when_done(message)
    return "" if moment is None else local(moment).replace(tzinfo=None).isoformat(timespec="microseconds")


def _is_told(writing: Writing, moment: str, status: int, name: str) -> bool:
    """Say whether the portal holds this status, or a later one; of two at one moment, the higher number is the later."""
    held = writing.held
    if held.get("status_row") == name and moment == held.get("status_at"):
        return True
    if not moment or not held.get("status_at"):
        return False  # nothing tells which of the two is older: in the order in which they came
    return (moment, status) < (held["status_at"], int(held.get("status", "0")))


def _status_row(message: DossierMessage, dossier: Dossier) -> dict[str, Any]:
    steps = rows(message)
    last = steps[-1] if steps else None
    note = (last.note if last else "") or dossier.return_note or dossier.note
    row: dict[str, Any] = {
        "TrangThai": int(dossier.status),
        "NoiDungYKien": note or STATUS_NAMES[dossier.status],
        "PhongBanXuLy": (last.unit if last else "") or dossier.agency.name,
        "NoiDungXuLy": note,
    }
    if dossier.status in WITH_LISTS:
        row["DanhSachLePhi"] = write_fees(dossier.fees)
        row["DanhSachGiayToKetQua"] = [_result(each) for each in dossier.results]
    return row


def _result(result: ResultDocument) -> dict[str, str]:
    """Write a result; the names inside of this list are inferred from the first generation."""
    return {"TenGiayTo": result.name, "MaKetQua": result.code, "DuongDanTepTinKetQua": result.url}


def _known(dossier: Dossier, writing: Writing) -> Holding:
    """Give by what the portal knows a dossier; raises OutOfStep where it cannot be told anything of it."""
    known = holding(dossier, writing)
    lacks_id = not known.id and (writing.options.without_id == "park" or not (known.created or known.elsewhere))
    if lacks_id:
        raise OutOfStep(
            "nobody knows idHoSo of this dossier: it was not created, or that was settled without the portal's reply; "
            'settle the creation with the reply as evidence, or set without_id = "send" and rebuild',
            "chưa biết idHoSo của hồ sơ: hồ sơ chưa được tạo, hoặc việc tạo được xác nhận mà không kèm trả lời của Cổng; "
            'hãy xác nhận kèm trả lời của Cổng, hoặc đặt without_id = "send" rồi dựng lại (rebuild)',
            where=CREATE,
        )
    return known
