"""The national dossier record: the vocabulary of DongBoHoSoMC, CapNhatTienDoHoSoMC and LayThuTuc (Canonical Data Model).

One-stop software, ministries and the national portal share it. Names were read in two independent clients; lengths
and some code lists are inferred and are not enforced unless asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from hub.canonical.codes import Status
from hub.canonical.document import Attachment, Fee, Paper, ResultDocument
from hub.canonical.dossier import Dossier, Step, Supplement
from hub.canonical.national_fields import (
    AMOUNT,
    BOOLEAN,
    CODE,
    DATE,
    FLAG,
    TEXT,
    WHOLE,
    Entry,
    Table,
    choice,
    nested,
    pointer,
    read_record,
    scalar_text,
    write_date,
    write_record,
)
from hub.canonical.national_procedure import PROCEDURE_REQUIRED, read_procedure, write_procedure
from hub.canonical.party import Identity
from hub.errors import Fault

__all__ = [
    "NOT_YET_RECEIVED",
    "PROCEDURE_REQUIRED",
    "REQUIRED",
    "STEP_REQUIRED",
    "read_date",
    "read_dossier",
    "read_procedure",
    "read_step",
    "write_date",
    "write_dossier",
    "write_procedure",
    "write_step",
]

#: What both clients of the portal treat as mandatory. NgayTiepNhan only from reception on, see NOT_YET_RECEIVED.
REQUIRED = (
    "MaHoSo",
    "MaTTHC",
    "TenTTHC",
    "MaLinhVuc",
    "TenLinhVuc",
    "LoaiDoiTuong",
    "NgayTiepNhan",
    "TrangThaiHoSo",
    "HinhThuc",
    "DonViXuLy",
)
#: Without these there is no dossier to speak of.
_ALWAYS = ("MaHoSo", "MaTTHC", "TrangThaiHoSo")
#: A progress row; MaHoSo stands outside the step.
STEP_REQUIRED = ("NguoiXuLy", "ThoiDiemXuLy", "TrangThai")
#: Statuses that a dossier can have without ever having been received.
NOT_YET_RECEIVED = frozenset({Status.REGISTERED, Status.NOT_RECEIVED, Status.WITHDRAWN})

#: 1 to 10; ``0`` and ``11`` are one client's own and mean nothing to others.
_STATUS = choice(*Status)

_ATTACHMENT = Table(
    build=lambda values: Attachment(**values),
    blank={"name": ""},
    entries=(
        Entry("TepDinhKemId", "id", TEXT),
        Entry("TenTepDinhKem", "name", TEXT, 4000),
        Entry("IsDeleted", "deleted", BOOLEAN),
        Entry("MaThanhPhanHoSo", "component_code", TEXT),
        Entry("DuongDanTaiTepTin", "url", TEXT),
        Entry("DuocSoHoa", "digitised", FLAG),
        Entry("DuocTaiSuDung", "reused", choice("0", "1", "2")),
        Entry("DuocLayTuKhoDMQG", "from_national_store", FLAG),
        Entry("MaKetQuaThayThe", "replaced_by_result", TEXT),
    ),
)
_FEE = Table(
    build=lambda values: Fee(**values),
    blank={"name": ""},
    entries=(
        Entry("TenPhiLePhi", "name", TEXT),
        Entry("MaPhiLePhi", "code", TEXT),
        Entry("HinhThucThu", "collected", TEXT),  # 1, 2, 4 seen; perhaps flags that may be added up: not a closed list
        Entry("Gia", "amount", AMOUNT),
        Entry("LoaiPhiLePhi", "kind", TEXT),
    ),
)
_PAPER = Table(
    build=lambda values: Paper(**values),
    blank={"name": ""},
    entries=(Entry("TenGiayTo", "name", TEXT), Entry("SoLuong", "count", WHOLE), Entry("LoaiGiayTo", "kind", WHOLE)),
)
_RESULT = Table(
    build=lambda values: ResultDocument(**values),
    blank={"name": ""},
    entries=(
        Entry("TenGiayTo", "name", TEXT, 2000),
        Entry("MaThanhPhanHoSo", "component_code", TEXT),
        Entry("GiayToId", "id", TEXT),
        Entry("DuongDanTepTinKetQua", "url", TEXT),
        Entry("MaGiayToKetQua", "code", TEXT),
    ),
)
_SUPPLEMENT = Table(
    build=lambda values: Supplement(**values),
    entries=(
        Entry("HoSoBoSungId", "id", TEXT),
        Entry("NguoiYeuCauBoSung", "asked_by", TEXT),
        Entry("NoiDungBoSung", "content", TEXT),
        Entry("NgayBoSung", "asked_at", DATE),
        Entry("NguoiTiepNhanBoSung", "received_by", TEXT),
        Entry("ThongTinTiepNhan", "received_note", TEXT),
        Entry("NgayTiepNhanBoSung", "received_at", DATE),
        Entry("TrangThaiBoSung", "done", BOOLEAN),
        Entry("NgayHenTraTruoc", "due_before", DATE),
        Entry("NgayHenTraMoi", "due_after", DATE),
    ),
    lists=(("DanhSachGiayToBoSung", "attachments", _ATTACHMENT), ("DanhSachLePhiBoSung", "fees", _FEE)),
)
_IDENTITY = Table(
    build=lambda values: Identity(**values),
    blank={"kind": "", "number": ""},
    entries=(Entry("LoaiDinhDanh", "kind", TEXT), Entry("SoDinhDanh", "number", TEXT, 40)),
)
_DATABASE = Table(build=lambda values: values[""], blank={"": ""}, entries=(Entry("MaCSDL", "", TEXT),))

DOSSIER = Table(
    build=lambda values: Dossier(**nested(values)),
    entries=(
        Entry("MaHoSo", "code", CODE, 50),
        Entry("MaTTHC", "procedure.code", CODE, 50),
        Entry("TenTTHC", "procedure.name", TEXT),
        Entry("MaLinhVuc", "procedure.field_code", CODE, 50),
        Entry("TenLinhVuc", "procedure.field_name", TEXT, 500),
        Entry("SoBienNhan", "receipt_number", TEXT),
        Entry("KenhThucHien", "channel", choice("1", "2", "3"), 2),
        Entry("ChuHoSo", "applicant.name", TEXT, 500),
        Entry("SoGiayToChuHoSo", "applicant.identity_number", TEXT, 100),
        Entry("LoaiDoiTuong", "applicant.kind", choice("1", "2", "3", "4")),
        Entry("MaDoiTuong", "applicant.tech_id", TEXT, 50),
        Entry("ThongTinKhac", "other_information", TEXT),
        Entry("Email", "applicant.email", TEXT, 100),
        Entry("Fax", "applicant.fax", TEXT),
        Entry("SoDienThoai", "applicant.phone", TEXT, 50),
        Entry("TrichYeuHoSo", "summary", TEXT, 1000),
        Entry("NgayTiepNhan", "received_at", DATE),
        Entry("NgayNopHoSo", "submitted_at", DATE),
        Entry("NgayHenTra", "due_at", DATE),
        Entry("TrangThaiHoSo", "status", _STATUS),
        Entry("NgayTra", "returned_at", DATE),
        Entry("ThongTinTra", "return_note", TEXT),
        Entry("HinhThuc", "return_method", choice("0", "1")),
        Entry("NgayKetThucXuLy", "finished_at", DATE),
        Entry("NgayTuChoi", "refused_at", DATE),
        Entry("DonViXuLy", "agency.name", TEXT),
        Entry("GhiChu", "note", TEXT, 500),
        Entry("NoiNopHoSo", "submitted_on", TEXT, 2),  # 1 and 2 are inferred: not a closed list
        Entry("HoSoCoThanhPhanSoHoa", "has_digitised_parts", FLAG),
        Entry("TaiKhoanDuocXacThucVoiVNeID", "verified_by_vneid", FLAG),
        Entry("DuocThanhToanTrucTuyen", "paid_online", choice("0", "1", "2", "3")),  # 3: one client, "fee, not paid online"
    ),
    lists=(
        ("DinhDanhCHS", "applicant.identities", _IDENTITY),
        ("DSKetNoiCSDL", "national_databases", _DATABASE),
        ("TaiLieuNop", "attachments", _ATTACHMENT),
        ("DanhSachLePhi", "fees", _FEE),
        ("DanhSachTepDinhKemKhac", "papers", _PAPER),
        ("DanhSachHoSoBoSung", "supplements", _SUPPLEMENT),
        ("DanhSachGiayToKetQua", "results", _RESULT),
    ),
)
STEP = Table(
    build=lambda values: Step(**values),
    entries=(
        Entry("NguoiXuLy", "actor", TEXT, 50),
        Entry("ChucDanh", "title", TEXT),
        Entry("ThoiDiemXuLy", "at", DATE),
        Entry("PhongBanXuLy", "unit", TEXT),
        Entry("NoiDungXuLy", "note", TEXT),
        Entry("TrangThai", "status", _STATUS),
        Entry("NgayBatDau", "started_at", DATE),
        Entry("NgayKetThucTheoQuyDinh", "due_at", DATE),
    ),
)


def read_date(value: object, path: str, faults: list[Fault]) -> datetime | None:
    """Read yyyyMMddHHmmss, local time; empty is None, anything else a fault."""
    before = len(faults)
    text = scalar_text(value, path, faults)
    if len(faults) > before or not text.strip():
        return None
    found = DATE.read(text, path)
    if isinstance(found, Fault):
        faults.append(found)
        return None
    moment: datetime = found
    return moment


def read_dossier(
    record: object,
    path: str,
    faults: list[Fault],
    *,
    numbering: str = "national",
    required: Collection[str] = REQUIRED,
    lengths: bool = False,
) -> Dossier | None:
    """Read a DongBoHoSoMC record; None where it has any fault, and all of them are appended."""
    before = len(faults)
    needed = {*required, *_ALWAYS} - {"NgayTiepNhan"}
    values = read_record(DOSSIER, record, path, faults, required=needed, lengths=lengths)
    if "NgayTiepNhan" in required and isinstance(record, dict):
        _check_reception(record, values.get("status"), pointer(path, "NgayTiepNhan"), faults)
    if len(faults) > before:
        return None
    dossier: Dossier = DOSSIER.build({**values, "numbering": numbering})
    return dossier


def _check_reception(record: dict[str, Any], status: str | None, path: str, faults: list[Fault]) -> None:
    """The portal neither takes nor counts a dossier without its date of reception."""
    if status is None or status in NOT_YET_RECEIVED or scalar_text(record.get("NgayTiepNhan", ""), path, []).strip():
        return
    faults.append(
        Fault(
            path,
            "missing",
            f"thiếu NgayTiepNhan: hồ sơ ở trạng thái {status} phải có ngày tiếp nhận",
            f"NgayTiepNhan is missing: a dossier with status {status} has been received",
        )
    )


def write_dossier(dossier: Dossier) -> dict[str, Any]:
    """Write a DongBoHoSoMC record: every scalar a string, every list present."""
    return write_record(DOSSIER, dossier)


def read_step(record: object, path: str, faults: list[Fault], *, required: Collection[str] = STEP_REQUIRED) -> Step | None:
    """Read a progress row (CapNhatTienDoHoSoMC); its MaHoSo is the caller's to compare."""
    before = len(faults)
    values = read_record(STEP, record, path, faults, required={*required, "ThoiDiemXuLy", "TrangThai"})
    if len(faults) > before:
        return None
    step: Step = STEP.build(values)
    return step


def write_step(code: str, step: Step) -> dict[str, str]:
    """Write a progress row of the dossier with this number."""
    return {"MaHoSo": code, **write_record(STEP, step)}
