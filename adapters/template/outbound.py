"""Say which calls a message needs at the sample system, and write their bytes (Message Translator)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.template.codes import STATUS_CODES
from adapters.template.options import TemplateOptions
from hub.canonical.base import local
from hub.canonical.dossier import Dossier, DossierMessage, Step
from hub.canonical.message import Message
from hub.contract import Call, Outgoing, Writing
from hub.errors import InvalidMessage, missing

#: The partner's operations (README, section 1).
SEND_DOSSIER = "GuiHoSo"
SEND_PROGRESS = "GuiTienTrinh"
SERVICES = frozenset({SEND_DOSSIER, SEND_PROGRESS})
#: README, section 1: a call carries at most so many steps.
STEPS_PER_CALL = 10


def plan(message: Message, options: TemplateOptions) -> tuple[Call, ...]:
    """Say which calls a message needs: the dossier, then its progress ten steps at a time; nothing for other kinds."""
    if not isinstance(message, DossierMessage):
        return ()
    starts = range(0, len(message.steps), STEPS_PER_CALL)
    progress = (Call(service=SEND_PROGRESS, part={"from": str(start)}) for start in starts)
    return (Call(service=SEND_DOSSIER), *progress)


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing:
    """Write the business bytes of one call; same input, same bytes."""
    assert isinstance(message, DossierMessage), "plan() gives no calls for other kinds"
    if call.service == SEND_PROGRESS:
        return _progress(message, int(call.part["from"]), writing)
    return _dossier(message.dossier, writing)


def _dossier(dossier: Dossier, writing: Writing) -> Outgoing:
    _require(dossier)
    known = writing.held.get("dossier") == dossier.code
    tree = {"hanhDong": "CAPNHAT" if known else "TAO", "hoSo": _dossier_tree(dossier, writing)}
    return _outgoing(SEND_DOSSIER, tree, writing, number=dossier.code, variant="update" if known else "create")


def _progress(message: DossierMessage, start: int, writing: Writing) -> Outgoing:
    steps = message.steps[start : start + STEPS_PER_CALL]
    tree = {"soHoSo": message.dossier.code, "tienTrinh": [_step_tree(step) for step in steps]}
    return _outgoing(SEND_PROGRESS, tree, writing, number=message.dossier.code)


def _require(dossier: Dossier) -> None:
    """The partner refuses a dossier without these; say so before it is sent."""
    required = {"/dossier/code": dossier.code, "/dossier/applicant/name": dossier.applicant.name}
    faults = [missing(path) for path, value in required.items() if not value]
    if faults:
        raise InvalidMessage(faults)


def _dossier_tree(dossier: Dossier, writing: Writing) -> dict[str, Any]:
    applicant = dossier.applicant
    procedure = writing.codes.translate(writing.options.procedure_list, dossier.procedure.code, local(writing.now).date())
    return {
        "soHoSo": dossier.code,
        "thuTuc": {"ma": procedure, "ten": dossier.procedure.name},
        "trangThai": STATUS_CODES[dossier.status],
        "nguoiNop": {
            "hoTen": applicant.name,
            "soGiayTo": applicant.identity_number,
            "diaChi": applicant.address,
            "dienThoai": applicant.phone,
            "thuDienTu": applicant.email,
        },
        "ngayNop": _moment(dossier.submitted_at),
        "tep": [{"ten": file.name, "duongDan": file.url} for file in dossier.attachments if not file.deleted],
    }


def _step_tree(step: Step) -> dict[str, Any]:
    return {"trangThai": STATUS_CODES[step.status], "nguoiXuLy": step.actor, "noiDung": step.note, "luc": _moment(step.at)}


def _moment(moment: datetime | None) -> str | None:
    return local(moment).isoformat(timespec="seconds") if moment else None


def _outgoing(service: str, tree: Mapping[str, Any], writing: Writing, *, number: str, variant: str = "") -> Outgoing:
    envelope = {"maThongDiep": writing.message_id, "donVi": writing.options.unit, "guiLuc": _moment(writing.now)}
    body = json.dumps({**envelope, **tree}, ensure_ascii=False).encode()
    # The head is what the transport and the receipt reader need beside the bytes; it is recorded with them.
    return Outgoing(service=service, body=body, variant=variant, head={"message_id": writing.message_id, "dossier": number})
