"""The dossier as NoiHoSo takes it, in the portal's codes; everything it lacks is told at once, before a number is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from adapters.national_portal_v2.calls import files
from adapters.national_portal_v2.formats import day_digits, with_blank
from adapters.national_portal_v2.options import Options
from hub.canonical.base import local
from hub.canonical.document import Attachment, Fee, Paper
from hub.canonical.dossier import Dossier
from hub.canonical.national_fields import pointer, text_fault
from hub.canonical.party import Party
from hub.contract import Writing
from hub.errors import Fault, InvalidMessage, OutOfStep, bad_value, missing
from hub.rules.attachments import not_stored

#: Codes of this shape are national ones and pass without a row in the code list.
NATIONAL_PROCEDURE = re.compile(r"[0-9]\.[0-9]{6}")
#: LoaiBan of a file.
ELECTRONIC = 2
#: DuocThanhToanTrucTuyen of what was paid: on the national platform, or by the agency's own gateway.
PAID = ("1", "2")
#: Fields of ThongTinChiTiet that are days, in a third format.
_DAYS = frozenset({"NgayCapDinhDanh", "NgaySinh"})
#: An identifier that the digest of a file stands for: what the portal called it, and its own digest of it.
Uploaded = Mapping[str, tuple[str, str]]


def procedure_code(dossier: Dossier, writing: Writing) -> str:
    """Give the national code: a row of the list wins (a local code may look national), then the national shape passes."""
    options: Options = writing.options
    code = dossier.procedure.code
    if not options.map_procedures:
        return code
    day = _day(dossier, writing)
    row = writing.codes.find(options.procedure_table, code, day)
    if row is None and NATIONAL_PROCEDURE.fullmatch(code):
        return code
    return writing.codes.translate(options.procedure_table, code, day)


def check_record(dossier: Dossier, writing: Writing) -> None:
    """Raise what speaks against creating this dossier, as far as it is known before a number: InvalidMessage, NoMapping."""
    uploaded = {each.digest: ("-", "-") for each in files(dossier) if each.digest}
    write_record(dossier, writing, number="-", uploaded=uploaded)


def write_record(dossier: Dossier, writing: Writing, *, number: str, uploaded: Uploaded) -> dict[str, Any]:
    """Write the record of NoiHoSo; raises InvalidMessage with every fault, NoMapping, OutOfStep where a file is not uploaded."""
    faults = [*_file_faults(dossier, writing.options), *_missing(dossier, writing.options)]
    applicant = _applicant(dossier, writing, faults)
    record = _head(dossier, writing, number) | {
        "EformThongTinChiTiet": dossier.form,
        "ThanhPhanHoSo": _components(dossier, writing, uploaded),
        "ThongTinNguoiNop": applicant,
        "DanhSachLePhi": write_fees(dossier.fees),
        "TrangThaiThanhToan": 1 if dossier.paid_online in PAID else 0,
    }
    raise_text_faults(record, faults)
    return record


def _head(dossier: Dossier, writing: Writing, number: str) -> dict[str, Any]:
    options: Options = writing.options
    procedure = procedure_code(dossier, writing)
    return {
        "MaHoSo": number,
        "MaTTHC": procedure,
        "MaDichVuCong": procedure + options.service_suffix,
        "ChuHoSo": dossier.applicant.name,
        "LoaiDoiTuong": _kind(dossier, writing),
        "MaDonViTiepNhan": dossier.agency.code or options.receiving_agency,
        "NgayNop": with_blank(dossier.submitted_at or dossier.received_at),
        "NgayTiepNhan": with_blank(dossier.received_at),
    }


def _missing(dossier: Dossier, options: Options) -> Iterable[Fault]:
    """Find what no dossier can be without; the portal answers 400 for missing fields, and nobody tells which these are."""
    wanted = {
        "/dossier/procedure/code": dossier.procedure.code,
        "/dossier/applicant/name": dossier.applicant.name,
        "/dossier/agency/code": dossier.agency.code or options.receiving_agency,
    }
    return (missing(path) for path, value in wanted.items() if not value.strip())


def _file_faults(dossier: Dossier, options: Options) -> Iterable[Fault]:
    if options.files_missing == "leave_out":
        return ()
    places = enumerate(dossier.attachments)
    return (not_stored(f"/dossier/attachments/{place}") for place, each in places if not each.deleted and not each.digest)


def _day(dossier: Dossier, writing: Writing) -> date:
    return local(dossier.received_at or dossier.refused_at or dossier.submitted_at or writing.now).date()


def _kind(dossier: Dossier, writing: Writing) -> int | str:
    """Translate the kind of the applicant: a row of the list, else the option; raises NoMapping where neither has it."""
    options: Options = writing.options
    kind, table, day = dossier.applicant.kind, options.applicant_kind_table, _day(dossier, writing)
    if writing.codes.find(table, kind.value, day) is None and kind in options.applicant_kinds:
        return options.applicant_kinds[kind]
    value = writing.codes.translate(table, kind.value, day)
    if value not in ("0", "1", "2"):
        raise InvalidMessage([bad_value(f"codes/{table}/{kind.value}", "phải là 0, 1 hoặc 2", "must be 0, 1 or 2")])
    return int(value)


# --- applicant -----------------------------------------------------------------------------------------------------


def _applicant(dossier: Dossier, writing: Writing, faults: list[Fault]) -> dict[str, Any]:
    party = dossier.applicant
    details = _details(party) | _from_form(dossier.form, writing.options, faults)
    return {"LoaiDoiTuong": _kind(dossier, writing), "IdDoiTuong": party.tech_id, "ThongTinChiTiet": details}


def _details(party: Party) -> dict[str, Any]:
    number = party.identity_number or party.tax_code or next((each.number for each in party.identities), "")
    return {
        "TenNguoiNop": party.name,
        "SoDinhDanh": number,
        "NgayCapDinhDanh": None,
        "NgaySinh": None,
        "SoDienThoai": party.phone,
        "Email": party.email,
        "Fax": party.fax,
        "MaTinh": "",
        "MaHuyen": "",
        "MaXa": "",
        "DiaChiChiTiet": party.address,
        "TenChuHs": party.name,
        "SoDinhDanhChuHs": number,
        "MaTinhChuHs": "",
        "MaXaChuHs": "",
        "DiaChiChiTietChuHs": party.address,
    }


def _from_form(form: Mapping[str, Any], options: Options, faults: list[Fault]) -> dict[str, Any]:
    """Read the fields that ``form_fields`` names; a place that a form does not have is left as the applicant says."""
    found: dict[str, Any] = {}
    for name, place in sorted(options.form_fields.items()):
        value = _at(form, place)
        if not isinstance(value, str) or not value.strip():
            continue
        text = day_digits(value) if name in _DAYS else value
        if text is None:
            path = "/dossier/form" + "".join(pointer("", part) for part in place.split("."))
            faults.append(bad_value(path, "không phải ngày", "is no date"))
        found[name] = text
    return found


def _at(form: Any, place: str) -> Any:
    for part in place.split("."):
        form = form.get(part) if isinstance(form, Mapping) else None
    return form


# --- components ----------------------------------------------------------------------------------------------------


def _components(dossier: Dossier, writing: Writing, uploaded: Uploaded) -> list[dict[str, Any]]:
    day = _day(dossier, writing)
    grouped: dict[str, list[Attachment]] = {}
    for place, each in enumerate(files(dossier)):
        grouped.setdefault(each.component_code or f"\n{place}", []).append(each)  # without a code each is its own component
    return [
        *(_component(each, writing, day, uploaded) for each in grouped.values()),
        *(_paper(each, writing.options) for each in dossier.papers),
    ]


def _component(group: list[Attachment], writing: Writing, day: date, uploaded: Uploaded) -> dict[str, Any]:
    code = group[0].component_code
    row = writing.codes.find(writing.options.component_table, code, day) if code else None
    held = [each for each in group if _is_uploaded(each, writing.options, uploaded)]
    return {
        "MaThanhPhanHoSo": code,
        "TenThanhPhanHoSo": (row.name if row else "") or group[0].name,
        "SoLuong": len(group),
        "LoaiBan": ELECTRONIC,
        "GiayToDinhKem": [
            {
                "IdGiayTo": uploaded[each.digest][0],
                "HashTepTin": uploaded[each.digest][1],
                "TenGiayTo": each.name,
                "MaKetQua": each.replaced_by_result,
            }
            for each in held
        ],
    }


def _is_uploaded(file: Attachment, options: Options, uploaded: Uploaded) -> bool:
    if file.digest in uploaded:
        return True
    if file.digest and options.files_missing == "refuse":
        raise OutOfStep(
            f"the file {file.digest} has no identifier at the portal: its upload was given up, or settled without one; "
            'set files_missing = "leave_out" to create the dossier without it, then rebuild',
            f"tệp {file.digest} chưa có mã tại Cổng: việc tải tệp đã bị từ bỏ hoặc xác nhận mà không có mã; "
            'đặt files_missing = "leave_out" để tạo hồ sơ không kèm tệp này rồi dựng lại (rebuild)',
            where="TaiTepTin",
        )
    return False


def _paper(paper: Paper, options: Options) -> dict[str, Any]:
    return {
        "MaThanhPhanHoSo": "",
        "TenThanhPhanHoSo": paper.name,
        "SoLuong": paper.count,
        "LoaiBan": options.paper_kind,
        "GiayToDinhKem": [],
    }


def write_fees(fees: Iterable[Fee]) -> list[dict[str, str]]:
    """Write DanhSachLePhi, amounts as text as in the first generation (their type here is inferred)."""
    return [
        {
            "TenPhiLePhi": each.name,
            "MaPhiLePhi": each.code,
            "HinhThucThu": each.collected,
            "Gia": each.amount,
            "LoaiPhiLePhi": each.kind,
        }
        for each in fees
    ]


# --- texts ---------------------------------------------------------------------------------------------------------


def raise_text_faults(tree: Any, faults: list[Fault]) -> None:
    """Raise InvalidMessage with these faults and each text that no system can carry."""
    faults += _text_faults(tree, "")
    if faults:
        raise InvalidMessage(faults)


def _text_faults(tree: Any, path: str) -> Iterable[Fault]:
    if isinstance(tree, str):
        fault = text_fault(path, tree)
        if fault is not None:
            yield fault
    elif isinstance(tree, Mapping):
        for name, part in tree.items():
            yield from _text_faults(str(name), path)
            yield from _text_faults(part, pointer(path, name))
    elif isinstance(tree, list):
        for place, part in enumerate(tree):
            yield from _text_faults(part, pointer(path, place))
