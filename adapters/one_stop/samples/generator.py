"""Invents the dossiers of Thái Nguyên's one-stop software: who, which procedure, and their way through the statuses.

Pure: the same seed gives the same documents. Persons, numbers and procedure codes are invented; agency H55, the count of
procedures that can be submitted online (570, 30 % of the province's) and the order of statuses are real.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

Document = dict[str, Any]

PROVINCE = "H55"
#: Procedures at level 4 after 443 services were raised in 2020: from 127 (6.7 %) to 570 (30 %).
LEVEL_4 = 570

#: Unit below H55 (invented), its name, and the field of its procedures. Department and commune: since July 2025 no district.
UNITS: tuple[tuple[str, str, str], ...] = (
    ("H55.02", "Sở Nông nghiệp và Môi trường tỉnh Thái Nguyên", "Môi trường"),
    ("H55.03", "Sở Xây dựng tỉnh Thái Nguyên", "Hoạt động xây dựng"),
    ("H55.04", "Sở Tư pháp tỉnh Thái Nguyên", "Lý lịch tư pháp"),
    ("H55.05", "Sở Y tế tỉnh Thái Nguyên", "An toàn thực phẩm"),
    ("H55.06", "Sở Tài chính tỉnh Thái Nguyên", "Thành lập và hoạt động doanh nghiệp"),
    ("H55.07", "Sở Nội vụ tỉnh Thái Nguyên", "Việc làm"),
    ("H55.08", "Sở Công Thương tỉnh Thái Nguyên", "Lưu thông hàng hóa trong nước"),
    ("H55.21", "UBND phường Phan Đình Phùng", "Hộ tịch"),
    ("H55.22", "UBND phường Sông Công", "Chứng thực"),
    ("H55.23", "UBND xã Đồng Hỷ", "Đất đai"),
)
_DEEDS = ("Cấp", "Cấp lại", "Gia hạn", "Điều chỉnh", "Xác nhận")
_PAPERS = ("giấy phép", "giấy chứng nhận", "giấy xác nhận", "văn bản chấp thuận", "thẻ hành nghề")
_OFFICERS = ("Trần Kiểm Thử", "Lê Thử Việc", "Phạm Mô Phỏng", "Hoàng Giả Định")

#: How often, and which statuses follow 1 (Mới đăng ký).
WAYS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (52, (2, 4, 9, 10)),
    (18, (2, 4, 5, 4, 9, 10)),
    (10, (6, 2, 4, 9, 10)),
    (8, (3,)),
    (5, (2, 4, 7)),
    (4, (2, 4, 6, 4, 9, 10)),
    (3, (2, 4, 8)),
)
#: Status: what the officer did, as it stands in a progress row.
DEEDS: dict[int, str] = {
    2: "Tiếp nhận hồ sơ",
    3: "Từ chối tiếp nhận: hồ sơ không thuộc thẩm quyền",
    4: "Thẩm định hồ sơ",
    5: "Yêu cầu bổ sung giấy tờ",
    6: "Yêu cầu nộp phí, lệ phí",
    7: "Công dân rút hồ sơ",
    8: "Dừng xử lý",
    9: "Ban hành kết quả",
    10: "Trả kết quả",
}


@dataclass(frozen=True, slots=True)
class InventedProcedure:
    """One of the province's procedures: code, name, unit, days to process, fee in VND."""

    code: str
    name: str
    unit: str
    unit_name: str
    field_code: str
    field_name: str
    days: int
    fee: int


def procedures(count: int = LEVEL_4) -> tuple[InventedProcedure, ...]:
    """List the province's online procedures; always the same ones."""
    return tuple(_procedure(number) for number in range(count))


def _procedure(number: int) -> InventedProcedure:
    unit, unit_name, field_name = UNITS[number % len(UNITS)]
    case, kind = divmod(number // len(UNITS), len(_DEEDS) * len(_PAPERS))
    name = f"{_DEEDS[kind % len(_DEEDS)]} {_PAPERS[kind // len(_DEEDS)]} lĩnh vực {field_name.lower()}"
    return InventedProcedure(
        code=f"1.9{number:05d}",
        name=f"{name} (trường hợp {case + 1})" if case else name,
        unit=unit,
        unit_name=unit_name,
        field_code=f"G99-TN{number % len(UNITS) + 1:02d}",
        field_name=field_name,
        days=3 + number % 13,
        fee=(0, 50_000, 120_000)[number % 3],
    )


@dataclass
class Desk:
    """What the one-stop desk counts: dossiers of each unit and day."""

    rng: random.Random
    counts: dict[str, int] = field(default_factory=dict)

    def number(self, unit: str, day: date) -> str:
        """Give the next number: unit, day of reception, four digits that begin anew every day."""
        head = f"{unit}-{day:%y%m%d}"
        self.counts[head] = self.counts.get(head, 0) + 1
        return f"{head}-{self.counts[head]:04d}"


def generate(seed: int, count: int, *, day: date = date(2026, 3, 2), per_day: int = 40) -> list[tuple[str, Document]]:
    """Invent ``count`` dossiers; give all their messages in the order of time, each with its Idempotency-Key."""
    rng = random.Random(seed)  # noqa: S311 - invented data, not a secret
    desk = Desk(rng)
    offered = procedures()
    said: list[tuple[datetime, str, Document]] = []
    for place in range(count):
        submitted = _in_hours(datetime.combine(day + timedelta(days=place // per_day), time(7, 30)), rng.randint(0, 500))
        said.extend(dossier_life(desk, rng.choice(offered), submitted))
    said.sort(key=lambda item: item[0])  # stable: two messages of one dossier never change places
    return [(key, document) for _, key, document in said]


def dossier_life(desk: Desk, procedure: InventedProcedure, submitted: datetime) -> list[tuple[datetime, str, Document]]:
    """Invent one dossier's messages: one for each status, each with only the steps that are new."""
    rng = desk.rng
    way = rng.choices([way for _, way in WAYS], [weight for weight, _ in WAYS])[0]
    record = _submitted_record(rng, desk.number(procedure.unit, submitted.date()), procedure, submitted)
    first: Document = {"HoSo": copy.deepcopy(record)}
    said = [(submitted, f"{record['MaHoSo']}.1", first)]
    moment = submitted
    for place, status in enumerate(way, start=2):
        moment = _in_hours(moment, rng.randint(20, 600))
        row = _move(record, status, moment, procedure, rng)
        said.append((moment, f"{record['MaHoSo']}.{place}", {"HoSo": copy.deepcopy(record), "TienDo": [row]}))
    return said


def stamp(moment: datetime) -> str:
    """Write a moment as the vocabulary does."""
    return moment.strftime("%Y%m%d%H%M%S")


def _in_hours(moment: datetime, minutes: int) -> datetime:
    """Go on by working minutes: 07:30 to 17:00, Monday to Friday."""
    while True:
        if moment.weekday() < 5 and moment.time() < time(17):
            closing = datetime.combine(moment.date(), time(17))
            left = int((closing - moment).total_seconds() // 60)
            if minutes <= left:
                return moment + timedelta(minutes=minutes)
            minutes -= left
        moment = datetime.combine(moment.date() + timedelta(days=1), time(7, 30))


def _submitted_record(rng: random.Random, number: str, procedure: InventedProcedure, submitted: datetime) -> Document:
    online = rng.random() < 0.7
    person = {"ChuHoSo": "Nguyễn Thử Nghiệm", "SoGiayToChuHoSo": "000000000000", "LoaiDoiTuong": "1", "MaDoiTuong": ""}
    firm = {"ChuHoSo": "Công ty TNHH Ví Dụ", "SoGiayToChuHoSo": "0000000000", "LoaiDoiTuong": "2", "MaDoiTuong": ""}
    component = f"000.00.00.G99-KQ{rng.randint(1, 999):06d}"
    return {
        "MaHoSo": number,
        "MaTTHC": procedure.code,
        "TenTTHC": procedure.name,
        "MaLinhVuc": procedure.field_code,
        "TenLinhVuc": procedure.field_name,
        "KenhThucHien": "2" if online else "1",
        **(person if rng.random() < 0.8 else firm),
        "Email": "nguoinop@example.org",
        "SoDienThoai": "0000000000",
        "TrichYeuHoSo": procedure.name,
        "NgayNopHoSo": stamp(submitted),
        "NgayTiepNhan": "",
        "NgayHenTra": "",
        "TrangThaiHoSo": "1",
        "NgayTra": "",
        "HinhThuc": rng.choice("01"),
        "NgayKetThucXuLy": "",
        "NgayTuChoi": "",
        "DonViXuLy": procedure.unit_name,
        "NoiNopHoSo": "2",
        "HoSoCoThanhPhanSoHoa": "1",
        "TaiKhoanDuocXacThucVoiVNeID": "1" if online else "0",
        "DuocThanhToanTrucTuyen": "0",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "000000000000"}],
        "DSKetNoiCSDL": [{"MaCSDL": "1"}],
        "TaiLieuNop": [_file(number, 1, "to-khai.pdf", component)],
        "DanhSachLePhi": [],
        "DanhSachTepDinhKemKhac": [] if online else [{"TenGiayTo": "Bản chính giấy tờ", "SoLuong": "1", "LoaiGiayTo": "1"}],
        "DanhSachHoSoBoSung": [],
        "DanhSachGiayToKetQua": [],
    }


def _file(number: str, place: int, name: str, component: str) -> Document:
    return {
        "TepDinhKemId": str(place),
        "TenTepDinhKem": name,
        "IsDeleted": "False",
        "MaThanhPhanHoSo": component,
        "DuongDanTaiTepTin": f"https://files.example.org/{number}/{place}",
        "DuocSoHoa": "1",
        "DuocTaiSuDung": "0",
        "DuocLayTuKhoDMQG": "0",
        "MaKetQuaThayThe": "",
    }


def _move(record: Document, status: int, moment: datetime, procedure: InventedProcedure, rng: random.Random) -> Document:
    """Bring the record to the status, and give the progress row."""
    record["TrangThaiHoSo"] = str(status)
    if status not in (3, 6) and not record["NgayTiepNhan"]:
        record["NgayTiepNhan"] = stamp(moment)
        record["NgayHenTra"] = stamp(_in_hours(moment, procedure.days * 570))
    if status == 6:
        _ask_fee(record, procedure, moment)
    elif status == 5:
        _ask_supplement(record, moment)
    elif record["DanhSachHoSoBoSung"] and record["DanhSachHoSoBoSung"][-1]["TrangThaiBoSung"] == "False":
        _close_supplement(record, moment)
    if status in (3, 7, 8, 9):
        record["NgayKetThucXuLy"] = stamp(moment)
    if status == 3:
        record["NgayTuChoi"] = stamp(moment)
    if status == 9:
        record["DanhSachGiayToKetQua"] = [_result(record["MaHoSo"], procedure)]
    if status == 10:
        record["NgayTra"] = stamp(moment)
    return {
        "MaHoSo": record["MaHoSo"],
        "NguoiXuLy": rng.choice(_OFFICERS),
        "ChucDanh": "Chuyên viên",
        "ThoiDiemXuLy": stamp(moment),
        "PhongBanXuLy": "Bộ phận Một cửa" if status in (2, 3, 5, 6, 10) else "Phòng Nghiệp vụ",
        "NoiDungXuLy": DEEDS[status],
        "TrangThai": str(status),
        "NgayBatDau": "",
        "NgayKetThucTheoQuyDinh": record["NgayHenTra"],
    }


def _ask_fee(record: Document, procedure: InventedProcedure, moment: datetime) -> None:
    if not record["NgayTiepNhan"]:  # fee first: the desk counts the day on which it asks as reception
        record["NgayTiepNhan"] = stamp(moment)
        record["NgayHenTra"] = stamp(_in_hours(moment, procedure.days * 570))
    amount = str(procedure.fee or 30_000)
    record["DuocThanhToanTrucTuyen"] = "1"
    record["DanhSachLePhi"] = [
        {"TenPhiLePhi": "Lệ phí", "MaPhiLePhi": "LP01", "HinhThucThu": "1", "Gia": amount, "LoaiPhiLePhi": "1"}
    ]


def _ask_supplement(record: Document, moment: datetime) -> None:
    rounds = record["DanhSachHoSoBoSung"]
    rounds.append(
        {
            "HoSoBoSungId": str(len(rounds) + 1),
            "NguoiYeuCauBoSung": _OFFICERS[0],
            "NoiDungBoSung": "Bổ sung bản vẽ vị trí",
            "NgayBoSung": stamp(moment),
            "NguoiTiepNhanBoSung": "",
            "ThongTinTiepNhan": "",
            "NgayTiepNhanBoSung": "",
            "TrangThaiBoSung": "False",
            "DanhSachGiayToBoSung": [],
            "DanhSachLePhiBoSung": [],
            "NgayHenTraTruoc": record["NgayHenTra"],
            "NgayHenTraMoi": "",
        }
    )


def _close_supplement(record: Document, moment: datetime) -> None:
    due = stamp(_in_hours(moment, 3 * 570))
    record["DanhSachHoSoBoSung"][-1].update(
        NguoiTiepNhanBoSung=_OFFICERS[1],
        NgayTiepNhanBoSung=stamp(moment),
        TrangThaiBoSung="True",
        DanhSachGiayToBoSung=[_file(record["MaHoSo"], 2, "ban-ve.pdf", "")],
        NgayHenTraMoi=due,
    )
    record["NgayHenTra"] = due


def _result(number: str, procedure: InventedProcedure) -> Document:
    return {
        "TenGiayTo": f"Kết quả: {procedure.name}",
        "MaThanhPhanHoSo": "",
        "GiayToId": "900",
        "DuongDanTepTinKetQua": f"https://files.example.org/{number}/ket-qua",
        "MaGiayToKetQua": f"KQ.G99.{procedure.code[-6:]}",
    }
