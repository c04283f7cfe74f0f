"""What the simulated portal has for agencies to look at, and what it takes beside dossiers; it knows nothing of the hub."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Answering = Callable[[Mapping[str, Any]], Any]

_DATE = re.compile(r"[0-9]{14}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_MONTH, _YEAR = re.compile(r"0?[1-9]|1[0-2]"), re.compile("20[0-9]{2}")
_PERCENT = re.compile(r"(?:100\.00|[0-9]{1,2}\.[0-9]{2})")
#: An agency's code, old (lowest level first) and new (highest first).
AGENCY = re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(\.\d{2,3}){0,5}")

PUBLISHED = ("HOIDAPID", "MaLinhVuc", "NOIDUNG", "MADONVI", "TENDONVI")
ANSWER = ("HOIDAPID", "MADONVI", "NGUOITRALOI", "CHUCVUNGUOITRALOI", "NGAYTRALOI", "NOIDUNGTRALOI")
_MAY_BE_EMPTY = frozenset({"TENDONVI", "CHUCVUNGUOITRALOI"})
COUNTS = (
    "SoNhanTrongKy", "SoTonKyTruoc", "TongSoXuLy", "TongDaXuLy", "TongXuLyDungHan", "TongXuLyTreHan", "TongChuaXuLy",
    "TongChuaXuLyTrongHan", "TongChuaXuLyTreHan",
)  # fmt: skip
SHARES = ("PhanTramXuLyDungHan", "PhanTramXuLyTreHan", "PhanTramChuaXuLyTrongHan", "PhanTramChuaXuLyTreHan")
FIGURES = ("Thang", "Nam", "Madonvi", "TenDonVi", "LoaiThongKe", *COUNTS, *SHARES, "GhiChu")
#: Part, part, sum.
SUMS = (
    ("TongXuLyDungHan", "TongXuLyTreHan", "TongDaXuLy"),
    ("TongChuaXuLyTrongHan", "TongChuaXuLyTreHan", "TongChuaXuLy"),
    ("TongDaXuLy", "TongChuaXuLy", "TongSoXuLy"),
)
RESULT_ASKED = ("KenhThucHien", "SoDinhDanhChuSoHuu", "SoDinhDanhNguoiYeuCau", "HoTenNguoiYeuCau", "MaThuTuc")


def answered(rows: list[Any], text: str = "") -> dict[str, Any]:
    """Give the portal's envelope around records."""
    return {"error_code": 0, "message": text, "result": rows}


def refused(text: str) -> dict[str, Any]:
    """Give the portal's general refusal."""
    return {"error_code": "-1", "message": text}


@dataclass
class Shelf:
    """Lists, files and persons of the portal; questions, figures and raw calls that agencies gave it."""

    #: Services whose shape nobody has described: taken as they come.
    raw_services: tuple[str, ...] = ("DongBoDanhGia",)
    #: How a file is answered: ``bare`` JSON string, or in an ``envelope``.
    file_shape: str = "bare"
    categories: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    decisions: dict[str, str] = field(default_factory=dict)
    persons: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    #: Dossiers of shared procedures, with the moment each came on the list.
    shared: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    questions: dict[str, dict[str, str]] = field(default_factory=dict)
    published: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    figures: list[dict[str, str]] = field(default_factory=list)
    results: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    raw: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def services(self) -> dict[str, Answering]:
        """Give the services by name."""
        found: dict[str, Answering] = {
            "LayQDCB": self._decision,
            "TraCuuTechID": self._tech_id,
            "DanhSachHoSo": self._shared,
            "LayTaiLieuHoSo": lambda body: self._file(body.get("duongdanteptin")),
            "getfile": lambda body: self._file(body.get("DuongDan")),
            "LayDanhSachHoiDapGuiTuDVCQG": lambda body: answered(list(self.questions.values())),
            "LayDanhSachHoiDapBoCoQuan": self._questions_of,
            "LayNoiDungTraLoiTheoCauHoi": self._answers_to,
            "DongBoHoiDap": self._publish,
            "DongBoKetQuaHoiDapGuiTuDVCQG": self._answer,
            "DongBoThongKeHoSo": self._take_figures,
        }
        lists: dict[str, Answering] = {name: self._category(name) for name in self.categories}
        raws: dict[str, Answering] = {name: self._take_raw(name) for name in self.raw_services}
        return found | lists | raws

    # --- look-ups ------------------------------------------------------------------------------------------------

    def _category(self, name: str) -> Answering:
        def give(body: Mapping[str, Any]) -> Any:
            asked = {key: value for key, value in body.items() if key.isupper()}
            rows = self.categories[name]
            return answered([row for row in rows if all(row.get(key) == value for key, value in asked.items())])

        return give

    def _decision(self, body: Mapping[str, Any]) -> Any:
        url = self.decisions.get(str(body.get("idQDCB")))
        return answered([{"Url": url}] if url else [])

    def _tech_id(self, body: Mapping[str, Any]) -> Any:
        if body.get("provider") != "wso2is" or not isinstance(body.get("mstorcmnd"), str):
            return refused("Thiếu provider hoặc mstorcmnd")
        found = self.persons.get(str(body["mstorcmnd"]))
        return answered([{"TECHNICALID": found}] if found else [])

    def _shared(self, body: Mapping[str, Any]) -> Any:
        agency, first, last = (body.get(name) for name in ("donViXuLy", "ngayNhan1", "ngayNhan2"))
        if not (isinstance(agency, str) and AGENCY.fullmatch(agency)):
            return refused("donViXuLy không hợp lệ")
        if not all(isinstance(day, str) and _DATE.fullmatch(day) for day in (first, last)):
            return refused("ngayNhan1, ngayNhan2 không đúng định dạng yyyyMMddHHmmss")
        rows = [row for at, row in self.shared if str(first) <= at <= str(last) and row["MaDonViXuLy"] == agency]
        return {"error_code": "0", "message": "", "data": rows}

    def _file(self, path: Any) -> Any:
        body = self.files.get(path) if isinstance(path, str) else None
        if body is None:
            return refused("Không tìm thấy tệp")
        text = base64.b64encode(body).decode()
        return text if self.file_shape == "bare" else answered([text])

    # --- questions -----------------------------------------------------------------------------------------------

    def _questions_of(self, body: Mapping[str, Any]) -> Any:
        rows = [*self.questions.values(), *self.published.values()]
        return answered([row for row in rows if row.get("MADONVI") == body.get("madonvi")])

    def _answers_to(self, body: Mapping[str, Any]) -> Any:
        if not isinstance(body.get("cauhoiid"), str):
            return refused("Thiếu cauhoiid")
        return answered(list(self.answers.get(str(body["cauhoiid"]), [])))

    def _publish(self, body: Mapping[str, Any]) -> Any:
        rows = body.get("data")
        if text := _fault_of_rows(rows, PUBLISHED):
            return refused(text)
        self.published.update({row["HOIDAPID"]: row for row in rows or ()})
        return answered([], "Đồng bộ thành công")

    def _answer(self, body: Mapping[str, Any]) -> Any:
        rows = body.get("data")
        if text := _fault_of_rows(rows, ANSWER):
            return refused(text)
        for row in rows or ():
            if row["HOIDAPID"] not in self.questions and row["HOIDAPID"] not in self.published:
                return refused(f"Không tìm thấy câu hỏi {row['HOIDAPID']}")
            if not _DATE.fullmatch(row["NGAYTRALOI"]):
                return refused("NGAYTRALOI không đúng định dạng yyyyMMddHHmmss")
        for row in rows or ():
            self.answers.setdefault(row["HOIDAPID"], []).append(row)
        return answered([], "Đồng bộ thành công")

    # --- figures, results, raw -----------------------------------------------------------------------------------

    def _take_figures(self, body: Mapping[str, Any]) -> Any:
        rows = body.get("data")
        if not isinstance(rows, list) or not rows:
            return refused("Thiếu data")
        if text := next(filter(None, map(_fault_of_figures, rows)), ""):
            return refused(text)
        self.figures.extend(rows)
        return answered([], "Đồng bộ thành công")

    def _take_raw(self, name: str) -> Answering:
        def take(body: Mapping[str, Any]) -> Any:
            own = {key: value for key, value in body.items() if key not in ("session", "madonvi", "service")}
            self.raw.append({"service": name, "fields": own})
            return answered([], "Thành công")

        return take

    def find_results(self, body: Mapping[str, Any]) -> Any:
        """Answer the results store's look-up, in the store's own envelope."""
        for name in RESULT_ASKED:
            if not isinstance(body.get(name), str):
                return {"errorCode": "-1", "message": f"Thiếu {name}", "signature": ""}
        if body["KenhThucHien"] not in ("1", "2"):
            return {"errorCode": "-1", "message": "KenhThucHien không hợp lệ", "signature": ""}
        wanted = body.get("DanhSachDanhMucKetQua")
        if not isinstance(wanted, list):
            return {"errorCode": "-1", "message": "Thiếu DanhSachDanhMucKetQua", "signature": ""}
        codes = {row.get("MaKetQua") for row in wanted if isinstance(row, dict)}
        rows = [row for owner, row in self.results if owner == body["SoDinhDanhChuSoHuu"] and row["MaKetQua"] in codes]
        return {"errorCode": "0", "message": "", "signature": "", "result": {"DanhSachGiayToKetQua": rows}}

    def result_file(self, body: Mapping[str, Any]) -> Any:
        """Answer the results store's file: a bare JSON string, base64."""
        if not body.get("CoQuanChuQuan"):
            return refused("Thiếu CoQuanChuQuan")
        body_of_file = self.files.get(str(body.get("DuongDan")))
        return refused("Không tìm thấy tệp") if body_of_file is None else base64.b64encode(body_of_file).decode()

    def account(self) -> dict[str, Any]:
        """Tell what agencies gave."""
        return {
            "published": dict(self.published),
            "answers": {number: list(rows) for number, rows in self.answers.items()},
            "figures": list(self.figures),
            "raw": list(self.raw),
        }


def _fault_of_rows(rows: Any, names: tuple[str, ...]) -> str:
    if not isinstance(rows, list) or not rows:
        return "Thiếu data"
    for row in rows:
        if not isinstance(row, dict) or set(row) - set(names):
            return "Dữ liệu không hợp lệ"
        for name in names:
            if not isinstance(row.get(name), str):
                return f"{name} phải là chuỗi"
            if not row[name] and name not in _MAY_BE_EMPTY:
                return f"Thiếu {name}"
        if not AGENCY.fullmatch(row["MADONVI"]):
            return "MADONVI không hợp lệ"
    return ""


def _fault_of_figures(row: Any) -> str:
    if not isinstance(row, dict) or set(row) != set(FIGURES) or not all(isinstance(value, str) for value in row.values()):
        return "Thiếu trường thống kê, hoặc số liệu không phải chuỗi"
    rules: dict[str, re.Pattern[str]] = {
        "Thang": _MONTH,
        "Nam": _YEAR,
        "Madonvi": AGENCY,
        **dict.fromkeys(COUNTS, _WHOLE),
        **dict.fromkeys(SHARES, _PERCENT),
    }
    wrong = [name for name, rule in rules.items() if not rule.fullmatch(row[name])]
    if wrong:
        return f"{wrong[0]} không hợp lệ"
    sums = [whole for one, other, whole in SUMS if int(row[one]) + int(row[other]) != int(row[whole])]
    return f"{sums[0]} không bằng tổng các thành phần" if sums else ""
