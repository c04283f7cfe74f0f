"""What a ministry's system is told: dossiers born elsewhere, what happens to them, border documents, and notices.

The shapes are ours (assumed). Each body carries MaThongDiep, by which the system drops a repeated call.
"""

from __future__ import annotations

from typing import Any

from adapters.ministry.border import FIELD as BORDER_FIELD
from adapters.ministry.border import write_border
from adapters.ministry.options import MinistryOptions
from hub.canonical.border.message import BorderMessage
from hub.canonical.codes import STATUS_NAMES, Event
from hub.canonical.dossier import Dossier, DossierMessage
from hub.canonical.message import Message
from hub.canonical.national_message import NUMBERINGS, own_number, write_licence, write_steps
from hub.canonical.national_record import write_date, write_dossier
from hub.canonical.notice import NoticeMessage
from hub.canonical.party import Party
from hub.contract import Call, Outgoing, Writing
from hub.rules.json_door import write_json

NEW_DOSSIER = "nhanHoSo"
EVENT = "nhanSuKien"
NOTICE = "notice"
BORDER = "nhanChungTu"
SERVICES = frozenset({NEW_DOSSIER, EVENT, NOTICE, BORDER})


def plan(message: Message, options: MinistryOptions) -> tuple[Call, ...]:
    """Say which calls a message needs: a dossier, an event on it, a border document, a notice; its catalogue is its own."""
    if isinstance(message, DossierMessage):
        return (Call(service=NEW_DOSSIER if message.event is Event.SUBMITTED else EVENT),)
    if isinstance(message, BorderMessage):
        return (Call(service=BORDER),)
    return (Call(service=NOTICE),) if isinstance(message, NoticeMessage) else ()


def write_message(message: Message, call: Call, writing: Writing) -> Outgoing:
    """Write the body of one call; the same message, call and moment give the same bytes."""
    head = {"MaThongDiep": writing.message_id}
    body = write_json({**head, "ThoiDiem": write_date(writing.now), **_content(message, writing)})
    return Outgoing(service=call.service, body=body, head=head)


def _content(message: Message, writing: Writing) -> dict[str, Any]:
    assert isinstance(message, (DossierMessage, BorderMessage, NoticeMessage))  # plan gives no other message a call
    if isinstance(message, DossierMessage):
        return _dossier(message, writing)
    return _notice(message) if isinstance(message, NoticeMessage) else {BORDER_FIELD: write_border(message)}


def _dossier(message: DossierMessage, writing: Writing) -> dict[str, Any]:
    dossier = message.dossier
    number = own_number(dossier, writing.held)
    record = write_dossier(dossier)
    return {
        "SuKien": message.event.value,
        "HeThong": NUMBERINGS.get(dossier.numbering, dossier.numbering),
        "MaHoSo": dossier.code,
        "MaHoSoBo": number if number != dossier.code else "",
        "MaThuTuc": dossier.procedure.code,
        "TenThuTuc": dossier.procedure.name,
        "TrangThai": dossier.status.value,
        "TenTrangThai": STATUS_NAMES[dossier.status],
        "NguoiNop": _party(dossier.applicant),
        "TaiLieuNop": [
            {**row, "MaBam": attachment.digest}
            for row, attachment in zip(record["TaiLieuNop"], dossier.attachments, strict=True)
        ],
        "DanhSachLePhi": record["DanhSachLePhi"],
        # A trade document's content is all in its form; a dossier of the portal also has the national record.
        "HoSo": {} if _is_trade(dossier) else record,
        "TienDo": write_steps(dossier.code, message.steps),
        "GiayPhep": write_licence(message.licence) if message.licence else {},
        "BieuMau": dossier.form,
        "ToaDo": message.native,
    }


def _is_trade(dossier: Dossier) -> bool:
    return dossier.numbering == "vnsw"


def _party(party: Party) -> dict[str, str]:
    return {
        "LoaiDoiTuong": party.kind.value,
        "Ten": party.name,
        "SoGiayTo": party.identity_number,
        "MaSoThue": party.tax_code,
        "DiaChi": party.address,
        "DienThoai": party.phone,
        "Fax": party.fax,
        "Email": party.email,
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
