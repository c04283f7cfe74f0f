"""What the simulated portal checks of each call, field by field, as the facts describe it; it knows nothing of the hub."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Any], bool]

_BLANK = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}")
_DIGITS = re.compile(r"[0-9]{14}")
#: DanhSachLePhi and DanhSachGiayToKetQua stand only with these.
WITH_LISTS = frozenset({5, 6, 9})


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _none_or(pattern: re.Pattern[str]) -> Rule:
    return lambda value: value is None or (isinstance(value, str) and pattern.fullmatch(value) is not None)


def _one_of(*allowed: int) -> Rule:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value in allowed


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_STATUS = _one_of(*range(1, 11))
_DETAILS: Mapping[str, Rule] = {
    "TenNguoiNop": _filled,
    "SoDinhDanh": _text,
    "NgayCapDinhDanh": _none_or(_DIGITS),
    "NgaySinh": _none_or(_DIGITS),
    **dict.fromkeys(
        ("SoDienThoai", "Email", "Fax", "MaTinh", "MaHuyen", "MaXa", "DiaChiChiTiet", "TenChuHs", "SoDinhDanhChuHs"), _text
    ),
    **dict.fromkeys(("MaTinhChuHs", "MaXaChuHs", "DiaChiChiTietChuHs"), _text),
}
_APPLICANT: Mapping[str, Rule] = {
    "LoaiDoiTuong": _one_of(0, 1, 2),
    "IdDoiTuong": _text,
    "ThongTinChiTiet": lambda value: isinstance(value, dict),
}
_PAPER: Mapping[str, Rule] = {"IdGiayTo": _filled, "HashTepTin": _filled, "TenGiayTo": _text, "MaKetQua": _text}
_COMPONENT: Mapping[str, Rule] = {
    "MaThanhPhanHoSo": _text,
    "TenThanhPhanHoSo": _filled,
    "SoLuong": _count,
    "LoaiBan": _one_of(0, 1, 2),
    "GiayToDinhKem": lambda value: isinstance(value, list),
}
_FEE: Mapping[str, Rule] = dict.fromkeys(("TenPhiLePhi", "MaPhiLePhi", "HinhThucThu", "Gia", "LoaiPhiLePhi"), _text)
_RESULT: Mapping[str, Rule] = {"TenGiayTo": _filled, "MaKetQua": _text, "DuongDanTepTinKetQua": _text}
_RECORD: Mapping[str, Rule] = {
    "MaHoSo": _filled,
    "MaTTHC": _filled,
    "MaDichVuCong": _filled,
    "ChuHoSo": _filled,
    "LoaiDoiTuong": _one_of(0, 1, 2),
    "MaDonViTiepNhan": _filled,
    "NgayNop": _none_or(_BLANK),
    "NgayTiepNhan": _none_or(_BLANK),
    "EformThongTinChiTiet": lambda value: isinstance(value, dict),
    "ThanhPhanHoSo": lambda value: isinstance(value, list),
    "ThongTinNguoiNop": lambda value: isinstance(value, dict),
    "DanhSachLePhi": lambda value: isinstance(value, list),
    "TrangThaiThanhToan": _one_of(0, 1),
}
_ROW: Mapping[str, Rule] = {
    "IDHoSo": _text,
    "MaHoSo": _filled,
    "NguoiXuLy": _filled,
    "ThoiDiemXuLy": lambda value: isinstance(value, str) and _ISO.fullmatch(value) is not None,
    "PhongBanXuLy": _text,
    "NoiDungXuLy": _text,
    "TrangThai": _STATUS,
    "NgayBatDau": _none_or(_ISO),
    "NgayKetThucTheoQuyDinh": _none_or(_ISO),
}
_STATUS_ROW: Mapping[str, Rule] = {
    "IdHoSo": _text,
    "MaHoSo": _filled,
    "TrangThai": _STATUS,
    "NoiDungYKien": _text,
    "PhongBanXuLy": _text,
    "NoiDungXuLy": _text,
}
_STATUS_LISTS: Mapping[str, Rule] = dict.fromkeys(
    ("DanhSachLePhi", "DanhSachGiayToKetQua"), lambda value: isinstance(value, list)
)


def faults_of_record(record: Any) -> list[str]:
    """Find what is wrong in a dossier of NoiHoSo; names are written exactly so."""
    faults = _faults(record, _RECORD, "HoSo")
    if faults:
        return faults
    applicant = record["ThongTinNguoiNop"]
    faults += _faults(applicant, _APPLICANT, "ThongTinNguoiNop")
    if not faults:
        faults += _faults(applicant["ThongTinChiTiet"], _DETAILS, "ThongTinChiTiet")
    for place, component in enumerate(record["ThanhPhanHoSo"]):
        found = _faults(component, _COMPONENT, f"ThanhPhanHoSo/{place}")
        faults += found or _faults_of_each(component["GiayToDinhKem"], _PAPER, f"ThanhPhanHoSo/{place}/GiayToDinhKem")
    return faults + _faults_of_each(record["DanhSachLePhi"], _FEE, "DanhSachLePhi")


def faults_of_rows(rows: Any) -> list[str]:
    """Find what is wrong in the rows of CapNhatTienTrinh."""
    if not isinstance(rows, list) or not rows:
        return ["phải là danh sách"]
    return _faults_of_each(rows, _ROW, "TienTrinh")


def faults_of_statuses(rows: Any) -> list[str]:
    """Find what is wrong in the rows of CapNhatTrangThai; its two lists stand with statuses 5, 6 and 9, and only there."""
    if not isinstance(rows, list) or not rows:
        return ["phải là danh sách"]
    faults = []
    for place, row in enumerate(rows):
        lists = _STATUS_LISTS if isinstance(row, dict) and row.get("TrangThai") in WITH_LISTS else {}
        found = _faults(row, {**_STATUS_ROW, **lists}, f"TrangThai/{place}")
        if not found and lists:
            found = _faults_of_each(row["DanhSachLePhi"], _FEE, f"TrangThai/{place}/DanhSachLePhi")
            found += _faults_of_each(row["DanhSachGiayToKetQua"], _RESULT, f"TrangThai/{place}/DanhSachGiayToKetQua")
        faults += found
    return faults


def _faults_of_each(values: list[Any], rules: Mapping[str, Rule], where: str) -> list[str]:
    return [fault for place, value in enumerate(values) for fault in _faults(value, rules, f"{where}/{place}")]


def _faults(value: Any, rules: Mapping[str, Rule], where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} không phải đối tượng"]
    strange = [f"{where}/{name} không có trong đặc tả" for name in value if name not in rules]
    lacking = [f"Thiếu {where}/{name}" for name in rules if name not in value]
    wrong = [f"{where}/{name} sai kiểu hoặc định dạng" for name, rule in rules.items() if name in value and not rule(value[name])]
    return strange + lacking + wrong
