"""What people can ask the portal, by its own names, and what of its answers becomes rows of the hub's code lists (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.national_portal.options import Options
from adapters.national_portal.services import (
    ANSWER_TO,
    CATEGORIES,
    DECISION,
    FIND,
    KEPT_FILE,
    PROCEDURE,
    QUESTIONS_OF_AGENCY,
    RESULT_FILE,
    RESULTS,
    SHARED_FILE,
    TECH_ID,
)
from hub.contract import LookUp

#: A category that takes a parameter: the ministry whose fields are listed.
_FILTERED = {"LayDanhMucLinhVuc": ("MANGANH",)}
_CATEGORY_TITLES = {
    "LayDanhMucCoQuan": ("cơ quan", "agencies"),
    "LayDanhMucLinhVuc": ("lĩnh vực", "fields"),
    "LayDanhMucLoaiThuTuc": ("loại thủ tục", "types of procedures"),
    "LayDanhMucNhomThuTuc": ("nhóm thủ tục", "groups of procedures"),
    "LayDanhMucThuTucThuocLoai": ("thủ tục thuộc loại", "procedures of a type"),
    "LayDanhMucCapThucHien": ("cấp thực hiện", "levels of government"),
    "LayDanhMucDoiTuong": ("đối tượng thực hiện", "applicants"),
    "LayDanhMucCanCuPhapLy": ("căn cứ pháp lý", "legal bases"),
    "LayDanhMucLePhi": ("phí, lệ phí", "fees"),
    "LayDanhMucTinhThanh": ("tỉnh, thành phố", "provinces"),
    "LayDanhMucQuanHuyen": ("quận, huyện (đến 30/6/2025)", "districts (until 30 June 2025)"),
    "LayDanhMucPhuongXa": ("phường, xã", "communes"),
    "LayDanhMucQuocGia": ("quốc gia", "countries"),
    "LayDanhMucDanToc": ("dân tộc", "peoples"),
    "LayDanhMucTonGiao": ("tôn giáo", "religions"),
    "LayDanhMucGioiTinh": ("giới tính", "sexes"),
    "LayDanhMucTinhTrangHonNhan": ("tình trạng hôn nhân", "marital statuses"),
}
_ONE = {
    FIND: ("Tra cứu một hồ sơ", "Look a dossier up", "mahoso"),
    PROCEDURE: ("Xem một thủ tục", "Show a procedure", "maTTHC"),
    DECISION: ("Quyết định công bố thủ tục", "Decision that announces a procedure", "idQDCB"),
    TECH_ID: ("Mã tài khoản theo số giấy tờ hoặc mã số thuế", "Account by the number of a paper or of taxes", "mstorcmnd"),
    ANSWER_TO: ("Nội dung trả lời một câu hỏi", "Answers to a question", "cauhoiid"),
}
_FILES = {
    KEPT_FILE: ("Tệp Cổng đang giữ", "A file that the portal keeps", ("DuongDan",)),
    SHARED_FILE: ("Tệp của hồ sơ ngành dọc", "A file of a dossier of a shared procedure", ("duongdanteptin",)),
}
#: Section 3.7: what is asked, of which the last two stand in a list of one.
_RESULT = ("KenhThucHien", "SoDinhDanhChuSoHuu", "SoDinhDanhNguoiYeuCau", "HoTenNguoiYeuCau", "MaThuTuc")
_RESULT_LIST, _RESULT_ROW = "DanhSachDanhMucKetQua", ("MaKetQua", "SoKyHieu")
#: A code that came as a number is smaller.
_LARGEST = 10**18
#: What TraCuuTechID is asked beside the number.
TECH_PROVIDER = {"provider": "wso2is"}


def look_ups(options: Options) -> dict[str, LookUp]:
    """Say what can be asked of this endpoint's portal."""
    if options.variant == "relay_bare":
        return {}
    found = {name: LookUp(vi=vi, en=en, fields=(by,), required=(by,)) for name, (vi, en, by) in _ONE.items()}
    found[QUESTIONS_OF_AGENCY] = LookUp(vi="Câu hỏi và trả lời của cơ quan", en="The agency's questions and answers")
    for name in CATEGORIES:
        vi, en = _CATEGORY_TITLES[name]
        found[name] = LookUp(vi=f"Danh mục {vi}", en=f"Categories: {en}", fields=_FILTERED.get(name, ()))
    for name, (vi, en, by) in _FILES.items():
        found[name] = LookUp(vi=vi, en=en, fields=by, required=by, gives_file=True)
    return found | _of_the_store(options)


def _of_the_store(options: Options) -> dict[str, LookUp]:
    """Say what can be asked of the results store: nothing, as long as nobody has said where it is."""
    found = {}
    if options.results_path:
        wanted = (*_RESULT, *_RESULT_ROW)
        needed = ("KenhThucHien", "SoDinhDanhChuSoHuu")
        found[RESULTS] = LookUp(vi="Kết quả trong kho kết quả", en="Results in the store", fields=wanted, required=needed)
    if options.result_file_path:
        by = ("CoQuanChuQuan", "DuongDan")
        found[RESULT_FILE] = LookUp(vi="Tệp của kho kết quả", en="A file of the store", fields=by, required=by, gives_file=True)
    return found


def result_asked(asked: Mapping[str, str]) -> dict[str, Any]:
    """Write what the results store is asked: one result, or all where none is named."""
    row = {name: asked.get(name, "") for name in _RESULT_ROW}
    return {name: asked.get(name, "") for name in _RESULT} | {_RESULT_LIST: [row] if any(row.values()) else []}


# --- codes --------------------------------------------------------------------------------------------------------


def code_lists(options: Options) -> dict[str, str]:
    """Say which categories have fields that are known, and the hub's lists that they fill."""
    if options.variant == "relay_bare":
        return {}
    return {"LayDanhMucCoQuan": options.portal_agencies_table, "LayDanhMucLinhVuc": options.portal_fields_table}


def read_codes(service: str, rows: tuple[Any, ...]) -> tuple[tuple[str, str], ...]:
    """Give code and name of each row of a category as it has them; empty where it has none."""
    code, name = CATEGORIES[service]
    return tuple((_text(row, code), _text(row, name)) for row in rows)


def _text(row: Any, field: str) -> str:
    value = row.get(field) if isinstance(row, dict) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
        value = str(value)
    return " ".join(value.split()) if isinstance(value, str) else ""
