"""Invented messages of the portal, by seed: dossiers born there, and records of its procedure catalogue."""

from __future__ import annotations

import base64
import random
from datetime import datetime, timedelta
from typing import Any

FIELDS = (
    ("G99-TN01", "Lĩnh vực thử nghiệm một"),
    ("G99-TN02", "Lĩnh vực thử nghiệm hai"),
    ("G98-TN01", "Lĩnh vực thử nghiệm ba"),
)
AGENCIES = (("H99.07", "Sở Thử nghiệm tỉnh X"), ("H99.08", "Sở Kiểm thử tỉnh X"), ("H98.07", "Sở Thử nghiệm tỉnh Y"))
FIRST_DAY = datetime(2026, 3, 2, 7, 30)


def _draw(seed: int, kind: str, number: int) -> random.Random:
    return random.Random(f"{seed}/{kind}/{number}")  # noqa: S311 - invented samples, not secrets


def portal_born_dossier(seed: int, number: int) -> dict[str, Any]:
    """Make one dossier as the portal gives it to an agency (createdossierfromdvcqg)."""
    draw = _draw(seed, "dossier", number)
    moment = FIRST_DAY + timedelta(minutes=draw.randrange(60 * 24 * 30))
    return {
        "MaHoSo": f"G99.01-{moment:%y%m%d}-{number:04d}",
        "MaTTHC": procedure_code(draw.randrange(1, 21)),
        "MaSoThue": f"00000{draw.randrange(100_000):05d}",
        "TenThuongNhan": f"Công ty Thử nghiệm {number}",
        "SoVanBan": f"{draw.randrange(1, 500)}/KM-TN",
        "NgayNopHoSo": f"{moment:%Y%m%d%H%M%S}",
        "DiaChiDoanhNghiep": {
            "MaTinh": "99",
            "MaHuyen": "",
            "MaXa": f"{draw.randrange(100_000):05d}",
            "DiaChiChiTiet": f"Số {draw.randrange(1, 300)} phố Thử nghiệm",
        },
        "DienThoai": "0000000000",
        "Email": f"doanhnghiep{number}@example.org",
        "NguoiLienHe": "Nguyễn Thử Nghiệm",
        "SoDienThoaiNguoiLienHe": "0000000000",
        "TenChuongTrinhKhuyenMai": f"Chương trình thử nghiệm {number}",
        "TenTepDonDangKy": "don-dang-ky.pdf",
        "TepDonDangKy": _invented_file(draw),
        "TaiLieuNop": [
            {"TenTepDinhKem": f"tai-lieu-{index + 1}.pdf", "Base64": _invented_file(draw)} for index in range(draw.randrange(3))
        ],
    }


def procedure_code(number: int) -> str:
    """Give the code of the catalogue's procedure of this number."""
    return f"1.{990_000 + number:06d}"


def procedure_record(seed: int, number: int) -> dict[str, Any]:
    """Make one record of the catalogue (LayThuTuc)."""
    draw = _draw(seed, "procedure", number)
    field = draw.choice(FIELDS)
    agency = draw.choice(AGENCIES)
    return {
        "ID": str(90_000 + number),
        "MATTHC": procedure_code(number),
        "TENTTHC": f"Thủ tục thử nghiệm {number}",
        "MACOQUANCONGBO": field[0][:3],
        "TRANGTHAI": "1" if draw.random() < 0.9 else "0",
        "YEUCAU": draw.choice(("", "Có tờ khai hợp lệ")),
        "LINHVUCTHUCHIEN": [{"MALINHVUC": field[0], "TENLINHVUC": field[1]}],
        "CAPTHUCHIEN": [{"CAPTHUCHIEN": "2", "TENCAP": "Cấp Tỉnh"}],
        "CACHTHUCTHUCHIEN": [_way(draw, kind) for kind in ("1", "2", "3")[: draw.randrange(1, 4)]],
        "TRINHTUTHUCHIEN": [
            {"TRUONGHOP": "", "TRINHTU": [{"TENTRINHTU": "Bước 1: nộp"}, {"TENTRINHTU": "Bước 2: nhận kết quả"}]}
        ],
        "THANHPHANHOSO": [{"TRUONGHOP": "", "GIAYTO": [_paper(draw, number, index) for index in range(draw.randrange(1, 4))]}],
        "KETQUATHUCHIEN": [{"MAKETQUA": f"KQ.{field[0][:3]}.{number:06d}", "TENKETQUA": "Giấy thử", "TENTEP": "", "URL": ""}],
        "CANCUPHAPLY": [],
        "DOITUONGTHUCHIEN": [{"MADOITUONG": "1", "TENDOITUONG": "Công dân Việt Nam"}],
        "COQUANTHUCHIEN": [{"MADONVI": agency[0], "TENDONVI": agency[1]}],
        "TTHCLIENQUAN": [],
        "TTHCLIENTHONG": [],
    }


def shared_dossier(seed: int, number: int) -> tuple[str, dict[str, Any], dict[str, bytes]]:
    """Make a row of DanhSachHoSo: when it came on the list, the row, and its files by path."""
    draw = _draw(seed, "shared", number)
    moment = FIRST_DAY + timedelta(minutes=number)
    code = f"G99.02-{moment:%y%m%d}-{number:04d}"
    paths = [f"/tai-lieu/{code}/{index + 1}.pdf" for index in range(draw.randrange(1, 3))]
    row = {
        "MaTTHC": procedure_code(draw.randrange(1, 21)),
        "MaDVC": "1.990001.01",
        "TenDVC": "Dịch vụ công thử nghiệm",
        "MaHoSo": code,
        "HoTenNguoiNop": "Nguyễn Thử Nghiệm",
        "MaTrangThai": "1",
        "TrangThaiHoSo": "Mới đăng ký",
        "DonViXuLy": "Sở Thử nghiệm tỉnh X",
        "MaDonViXuLy": "H99",
        "NgayNop": f"{moment:%Y%m%d%H%M%S}",
        "NgayTiepNhan": "",
        "NgayHenTra": "",
        "HinhThucNhanKQ": "0",
        "TaiLieuNop": [
            {"TenTepDinhKem": f"giay-to-{index + 1}.pdf", "DuongDanTepTin": path, "MaThanhPhanHoSo": ""}
            for index, path in enumerate(paths)
        ],
    }
    return f"{moment:%Y%m%d%H%M%S}", row, {path: _octets(draw) for path in paths}


def asked_question(seed: int, number: int) -> dict[str, str]:
    """Make a question as the portal gives it."""
    draw = _draw(seed, "question", number)
    field = draw.choice(FIELDS)
    return {
        "HOIDAPID": f"HD{number:06d}",
        "MALINHVUC": field[0],
        "MATTHCDP": procedure_code(draw.randrange(1, 21)),
        "NOIDUNG": f"Câu hỏi thử nghiệm số {number}?",
        "MADONVI": "H99",
        "TENDONVI": "Sở Thử nghiệm tỉnh X",
        "HOVATEN": "Nguyễn Thử Nghiệm",
        "DIACHI": "Số 1 phố Thử nghiệm",
        "THUDIENTU": "hoi@example.org",
        "SODIENTHOAI": "0000000000",
        "TRALOIID": "",
        "NOIDUNGTRALOI": "",
        "TRANGTHAI": "1",
    }


def categories(records: list[dict[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """Make the lists of categories whose fields are known, and empty ones of the others."""
    agencies = [{"MADONVI": code, "TENDONVI": name, "CAPDONVI": "2"} for code, name in AGENCIES]
    fields = [{"MALINHVUC": code, "TENLINHVUC": name, "MANGANH": code[:3]} for code, name in FIELDS]
    names = (
        "LoaiThuTuc NhomThuTuc ThuTucThuocLoai CapThucHien DoiTuong CanCuPhapLy LePhi TinhThanh QuanHuyen PhuongXa QuocGia "
        "DanToc TonGiao GioiTinh TinhTrangHonNhan"
    )
    others: dict[str, list[dict[str, str]]] = {f"LayDanhMuc{name}": [] for name in names.split()}
    return {"LayDanhMucCoQuan": agencies, "LayDanhMucLinhVuc": fields, **others}


def invented_file(seed: int, number: int) -> bytes:
    """Make the bytes of an invented file."""
    return _octets(_draw(seed, "file", number))


def _way(draw: random.Random, kind: str) -> dict[str, Any]:
    fee = {
        "MAPHILEPHI": "LP01",
        "SOTIEN": str(draw.randrange(1, 20) * 10_000),
        "DONVI": "Đồng",
        "MOTA": "",
        "TENTEP": "",
        "URL": "",
    }
    days = str(draw.randrange(1, 31))
    return {
        "KENH": kind,
        "THOIGIAN": [{"THOIGIANGIAIQUYET": days, "DONVITINH": "Ngày làm việc", "MOTA": "", "PHILEPHI": [fee]}],
    }


def _paper(draw: random.Random, number: int, index: int) -> dict[str, str]:
    return {
        "MAGIAYTO": f"000.00.00.G99-KQ{number * 10 + index:06d}",
        "TENGIAYTO": f"Giấy tờ {index + 1}",
        "TENMAUDON": draw.choice(("", "mau1.docx")),
        "URL": "",
        "SOBANCHINH": "1",
        "SOBANSAO": str(draw.randrange(2)),
        "MA_KQ_THAYTHE": "",
    }


def _invented_file(draw: random.Random) -> str:
    return base64.b64encode(_octets(draw)).decode()


def _octets(draw: random.Random) -> bytes:
    return b"%PDF-1.4\n% invented\n" + draw.randbytes(draw.randrange(16, 64))
