"""The services of the portal's first generation: their names, what is known of each, and where they go."""

from __future__ import annotations

import re
from collections.abc import Mapping

# --- what we tell the portal --------------------------------------------------------------------------------------

DOSSIER = "DongBoHoSoMC"
PROGRESS = "CapNhatTienDoHoSoMC"
STATUS_BACK = "DongBoTrangThaiHoSo"
QUESTIONS = "DongBoHoiDap"
ANSWERS = "DongBoKetQuaHoiDapGuiTuDVCQG"
STATISTICS = "DongBoThongKeHoSo"

#: Services that take something from us, and whose fields are known.
WRITES = (DOSSIER, PROGRESS, STATUS_BACK, QUESTIONS, ANSWERS, STATISTICS)

# --- what we ask the portal ---------------------------------------------------------------------------------------

FIND = "TraCuuHoSo"
PROCEDURES = "LayDanhSachTTHC"
PROCEDURES_OF = "LayDanhSachTTHCDonVi"
PROCEDURE = "LayThuTuc"
DECISION = "LayQDCB"
TECH_ID = "TraCuuTechID"
SHARED_DOSSIERS = "DanhSachHoSo"
SHARED_FILE = "LayTaiLieuHoSo"
KEPT_FILE = "getfile"
QUESTIONS_ASKED = "LayDanhSachHoiDapGuiTuDVCQG"
QUESTIONS_OF_AGENCY = "LayDanhSachHoiDapBoCoQuan"
ANSWER_TO = "LayNoiDungTraLoiTheoCauHoi"
#: The results store: no public source names its services (paths are options).
RESULTS, RESULT_FILE = "results", "result_file"

#: Lists of categories -> name of the code in a row, and of what it means; empty: no public source names the fields.
CATEGORIES: Mapping[str, tuple[str, str]] = {
    "LayDanhMucCoQuan": ("MADONVI", "TENDONVI"),
    "LayDanhMucLinhVuc": ("MALINHVUC", "TENLINHVUC"),
    "LayDanhMucLoaiThuTuc": ("", ""),
    "LayDanhMucNhomThuTuc": ("", ""),
    "LayDanhMucThuTucThuocLoai": ("", ""),
    "LayDanhMucCapThucHien": ("", ""),
    "LayDanhMucDoiTuong": ("", ""),
    "LayDanhMucCanCuPhapLy": ("", ""),
    "LayDanhMucLePhi": ("", ""),
    "LayDanhMucTinhThanh": ("", ""),
    "LayDanhMucQuanHuyen": ("", ""),
    "LayDanhMucPhuongXa": ("", ""),
    "LayDanhMucQuocGia": ("", ""),
    "LayDanhMucDanToc": ("", ""),
    "LayDanhMucTonGiao": ("", ""),
    "LayDanhMucGioiTinh": ("", ""),
    "LayDanhMucTinhTrangHonNhan": ("", ""),
}
#: These go to the path for lists (``share_path``), all others to that of the services.
SHARED = frozenset({PROCEDURES, PROCEDURES_OF, TECH_ID, *CATEGORIES})

# --- what nobody has described ------------------------------------------------------------------------------------

#: Ratings, which we tell, and two calls by which the portal gives something: passed on as they come.
SHAPE_UNKNOWN = ("DongBoDanhGia", "nhanhsdvcqg", "nhantbthuedvcqg")
#: Feedback of citizens (PAKN): not even a name is published.
NO_NAME = "phản ánh kiến nghị (PAKN)"
#: A name that a service can have.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")

# --- agencies -----------------------------------------------------------------------------------------------------

#: Codes of agencies, in the order of QCVN 102:2016 (lowest level first) and of QĐ 20/2020/QĐ-TTg (highest first).
OLD_AGENCY = re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}")
NEW_AGENCY = re.compile(r"[A-Z]\d{2}(\.\d{2,3}){0,5}")


def is_agency(code: str) -> bool:
    """Say whether a text is an agency's code in one of its two forms."""
    return bool(OLD_AGENCY.fullmatch(code) or NEW_AGENCY.fullmatch(code))
