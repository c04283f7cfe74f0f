"""Invents a ministry's catalogue of procedures and its decisions on trade dossiers.

Pure: the same seed gives the same documents. Names of officers, procedure codes and prices are invented; the counts are real:
82 procedures online at the environment ministry (67 at level 3, 15 at level 4), 11 of them for trade.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ministry:
    """One ministry: the old code inside its catalogue keys, its fields of activity, and its procedures."""

    #: Code before March 2025; it lives on inside catalogue keys (QĐ 20/2020, QĐ 09/2025).
    old_code: str
    name: str
    #: First digits of its invented procedure codes.
    series: str
    #: Code of the field, its name, the unit that decides.
    fields: tuple[tuple[str, str, str], ...]
    papers: tuple[str, ...]


MINISTRIES: Mapping[str, Ministry] = {
    "BTNMT": Ministry(
        old_code="G13",
        name="Bộ Tài nguyên và Môi trường",
        series="1.80",
        fields=(
            ("MT", "Môi trường", "Tổng cục Môi trường"),
            ("NC", "Tài nguyên nước", "Cục Quản lý tài nguyên nước"),
            ("KS", "Địa chất và khoáng sản", "Tổng cục Địa chất và Khoáng sản Việt Nam"),
            ("BD", "Đo đạc, bản đồ và thông tin địa lý", "Cục Đo đạc, Bản đồ và Thông tin địa lý"),
            ("KT", "Khí tượng thủy văn", "Tổng cục Khí tượng Thủy văn"),
            ("BH", "Biển và hải đảo", "Tổng cục Biển và Hải đảo Việt Nam"),
        ),
        papers=(
            "báo cáo đánh giá tác động môi trường",
            "giấy phép xử lý chất thải nguy hại",
            "giấy phép khai thác",
            "giấy xác nhận đủ điều kiện nhập khẩu phế liệu",
            "giấy phép hoạt động đo đạc",
        ),
    ),
    "MARD": Ministry(
        old_code="G10",
        name="Bộ Nông nghiệp và Phát triển nông thôn",
        series="1.70",
        fields=(
            ("LN", "Lâm nghiệp", "Tổng cục Lâm nghiệp"),
            ("BV", "Bảo vệ thực vật", "Cục Bảo vệ thực vật"),
            ("CL", "Quản lý chất lượng nông lâm sản và thủy sản", "Cục Quản lý chất lượng Nông lâm sản và Thủy sản"),
            ("TT", "Trồng trọt", "Cục Trồng trọt"),
            ("TY", "Thú y", "Cục Thú y"),
        ),
        papers=(
            "giấy chứng nhận kiểm dịch",
            "giấy phép nhập khẩu giống",
            "giấy chứng nhận đủ điều kiện sản xuất",
            "chứng chỉ hành nghề",
        ),
    ),
}
#: Levels of the environment ministry's 82 procedures (2018).
ONLINE, LEVEL_4 = 82, 15
_STEPS = ("Nộp hồ sơ", "Thẩm định", "Trả kết quả")
_DEEDS = ("Cấp", "Cấp lại", "Gia hạn", "Điều chỉnh", "Thu hồi", "Thẩm định, phê duyệt")

#: Trade procedures of the environment ministry: 11 connected. The first five codes are known, the others invented.
TRADE = tuple(f"BTNMT06{number:05d}" for number in range(1, 12))
#: What follows a trade dossier's arrival, and how often.
TRADE_WAYS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (6, ("received", "licence_issued")),
    (2, ("received", "supplement_asked", "licence_issued")),
    (1, ("refused",)),
    (1, ("received", "fee_asked", "licence_issued")),
)
NOTES: Mapping[str, str] = {
    "received": "Tiếp nhận hồ sơ",
    "refused": "Từ chối: hàng hóa không thuộc danh mục",
    "supplement_asked": "Yêu cầu bổ sung bản sao hợp đồng",
    "fee_asked": "Thông báo phí thẩm định",
    "licence_issued": "Cấp giấy phép",
    "licence_amended": "Cấp lại giấy phép đã sửa đổi",
}


def catalogue(
    seed: int, *, ministry: str = "BTNMT", owner: str = "G10", count: int = ONLINE, changed: int = 0, whole: bool = True
) -> Document:
    """Invent a catalogue; ``changed`` procedures then differ from the same seed's. Not ``whole``: only those are said."""
    holder = MINISTRIES[ministry]
    records = [procedure(seed, number, holder, owner, count) for number in range(count)]
    rng = random.Random(seed + 1)  # noqa: S311 - invented data, not a secret
    different = sorted(rng.sample(range(count), min(changed, count)))
    for number in different:
        _change(records[number])
    return {
        "MaCoQuan": owner,
        "ToanBo": whole,
        "DanhSachTTHC": records if whole else [records[number] for number in different],
    }


def procedure(seed: int, number: int, holder: Ministry, owner: str, count: int) -> Document:
    """Invent one procedure's record, with every list of LayThuTuc, and its level beside it."""
    rng = random.Random(seed * 100_003 + number)  # noqa: S311 - invented data, not a secret
    field, field_name, unit = holder.fields[number % len(holder.fields)]
    deed = _DEEDS[number // len(holder.fields) % len(_DEEDS)]
    paper = holder.papers[(number // (len(holder.fields) * len(_DEEDS)) + number) % len(holder.papers)]
    result = f"KQ.{holder.old_code}.{number + 1:06d}"
    level_4 = number >= count - round(count * LEVEL_4 / ONLINE)
    return {
        "ID": str(80_000 + number),
        "MATTHC": f"{holder.series}{number:04d}",
        "TENTTHC": f"{deed} {paper} ({field_name.lower()})",
        "MACOQUANCONGBO": owner,
        "LOAITTHC": "0",
        "TRANGTHAI": "1",
        "YEUCAU": "",
        "MOTACOQUANTHUCHIEN": unit,
        "QUYETDINH": f"{rng.randint(100, 3999)}/QĐ-{holder.old_code}",
        "LINHVUCTHUCHIEN": [{"MALINHVUC": f"{holder.old_code}-{field}01", "TENLINHVUC": field_name}],
        "CAPTHUCHIEN": [{"CAPTHUCHIEN": "1", "TENCAP": "Cấp Bộ"}],
        "CACHTHUCTHUCHIEN": _ways(rng, level_4),
        "TRINHTUTHUCHIEN": [{"TRUONGHOP": "", "TRINHTU": [{"TENTRINHTU": step} for step in _STEPS]}],
        "THANHPHANHOSO": [{"TRUONGHOP": "", "GIAYTO": _papers(rng, holder, number)}],
        "KETQUATHUCHIEN": [{"MAKETQUA": result, "TENKETQUA": paper.capitalize(), "TENTEP": "", "URL": ""}],
        "CANCUPHAPLY": [_law(rng)],
        "DOITUONGTHUCHIEN": [{"MADOITUONG": "2", "TENDOITUONG": "Doanh nghiệp"}],
        "COQUANTHUCHIEN": [{"MADONVI": f"{owner}.{number % len(holder.fields) + 1:02d}", "TENDONVI": unit}],
        "COQUANCOTHAMQUYEN": [{"MADONVI": owner, "TENDONVI": holder.name}],
        "COQUANDUOCUYQUYEN": [],
        "COQUANPHOIHOP": [],
        "TTHCLIENQUAN": [],
        "TTHCLIENTHONG": [],
        "MucDo": "4" if level_4 else "3",
    }


def _ways(rng: random.Random, level_4: bool) -> list[Document]:
    days = str(rng.choice((10, 15, 20, 30, 45)))
    price = str(rng.choice((0, 500_000, 1_200_000, 7_000_000)))
    fee = {"MAPHILEPHI": "PHI01", "SOTIEN": price, "DONVI": "Đồng", "MOTA": "Phí thẩm định", "TENTEP": "", "URL": ""}
    time = {"THOIGIANGIAIQUYET": days, "DONVITINH": "Ngày làm việc", "MOTA": "", "PHILEPHI": [fee]}
    return [{"KENH": way, "THOIGIAN": [dict(time)]} for way in (("2", "3") if level_4 else ("1", "2", "3"))]


def _papers(rng: random.Random, holder: Ministry, number: int) -> list[Document]:
    names = ("Đơn đề nghị", "Báo cáo thuyết minh", "Bản sao giấy đăng ký doanh nghiệp", "Hợp đồng mua bán")
    return [
        {
            "MAGIAYTO": f"000.00.00.{holder.old_code}-KQ{number * 10 + place:06d}",
            "TENGIAYTO": name,
            "TENMAUDON": "mau-01.docx" if place == 1 else "",
            "URL": "",
            "SOBANCHINH": "1",
            "SOBANSAO": str(rng.randint(0, 2)),
            "MA_KQ_THAYTHE": "",
        }
        for place, name in enumerate(names[: rng.randint(1, 4)], start=1)
    ]


def _law(rng: random.Random) -> Document:
    number = f"{rng.randint(1, 150)}/2022/NĐ-CP"
    return {
        "SOVANBAN": number,
        "TENVANBAN": f"Nghị định {number}",
        "COQUANBANHANH": "Chính phủ",
        "NGAYBANHANH": "20220110000000",
        "NGAYHIEULUC": "20220301000000",
        "DIACHITRUYCAP": "",
    }


def _change(record: Document) -> None:
    """Amend a procedure as decisions do: faster, and under a name that says so."""
    record["TENTTHC"] += " (sửa đổi)"
    for way in record["CACHTHUCTHUCHIEN"]:
        time = way["THOIGIAN"][0]
        time["THOIGIANGIAIQUYET"] = str(int(time["THOIGIANGIAIQUYET"]) - 2)


def trade_way(seed: int, reference: str) -> tuple[str, ...]:
    """Choose what the ministry will say about a trade dossier, in order."""
    rng = random.Random(f"{seed}:{reference}")  # noqa: S311 - invented data, not a secret
    return rng.choices([way for _, way in TRADE_WAYS], [weight for weight, _ in TRADE_WAYS])[0]


def event_document(
    event: str,
    reference: str,
    document_type: str,
    moment: datetime,
    *,
    message_id: str,
    form: Document | None = None,
    note: str = "",
) -> Document:
    """Write what the ministry says about a trade dossier; a licence has a number, a date and who signed."""
    at = moment.strftime("%Y%m%d%H%M%S")
    document: Document = {
        "MaThongDiep": message_id,
        "SuKien": event,
        "HeThong": "VNSW",
        "MaHoSo": reference,
        "MaThuTuc": document_type,
        "ThoiDiem": at,
        "NguoiXuLy": "Trần Kiểm Thử",
        "ChucDanh": "Chuyên viên",
        "DonVi": "Cục Thử nghiệm",
        "NoiDung": note or NOTES.get(event, event),
    }
    if event.startswith("licence"):
        document["GiayPhep"] = {
            "So": f"TN-{moment:%Y}-{reference[-4:]}",
            "NgayCap": at,
            "NguoiKy": "Lê Thử Việc",
            "ChucVu": "Cục trưởng",
            "DuongDan": f"https://files.example.org/{reference}/giay-phep",
        }
    if form:
        document["BieuMau"] = form
    return document
