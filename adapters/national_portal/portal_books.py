"""The simulated portal's own rules and books, as public clients describe them; it knows nothing of the hub."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.national_portal.portal_shelf import AGENCY, Shelf

#: What both public clients treat as mandatory, in the record's own order.
RECORD_REQUIRED = (
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
ROW_REQUIRED = ("MaHoSo", "NguoiXuLy", "ThoiDiemXuLy", "TrangThai")
STATUS_BACK_REQUIRED = ("MaHoSo", "TrangThai", "NgayXuLy")
LISTS = (
    "DinhDanhCHS",
    "DSKetNoiCSDL",
    "TaiLieuNop",
    "DanhSachLePhi",
    "DanhSachTepDinhKemKhac",
    "DanhSachHoSoBoSung",
    "DanhSachGiayToKetQua",
)
CODES = {
    "LoaiDoiTuong": ("1", "2", "3", "4"),
    "HinhThuc": ("0", "1"),
    "TrangThaiHoSo": tuple(str(number) for number in range(1, 11)),
    "TrangThai": tuple(str(number) for number in range(1, 12)),
}
#: Codes inside of the lists of a record.
ROW_CODES = {
    "IsDeleted": ("True", "False"),
    "DuocSoHoa": ("0", "1"),
    "DuocTaiSuDung": ("0", "1", "2"),
    "DuocLayTuKhoDMQG": ("0", "1"),
    "TrangThaiBoSung": ("True", "False"),
}
#: Lengths as one client's columns and truncations have them (inferred).
LENGTHS = {
    "MaHoSo": 50, "MaTTHC": 50, "MaLinhVuc": 50, "TenLinhVuc": 500, "KenhThucHien": 2, "ChuHoSo": 500, "SoGiayToChuHoSo": 100,
    "MaDoiTuong": 50, "Email": 100, "SoDienThoai": 50, "TrichYeuHoSo": 1000, "GhiChu": 500, "NoiNopHoSo": 2, "NguoiXuLy": 50,
    "TenTepDinhKem": 4000, "TenGiayTo": 2000, "SoDinhDanh": 40,
}  # fmt: skip
DATE = re.compile(r"[0-9]{14}")
DATES = re.compile(r"Ngay[A-Z]\w*|ThoiDiemXuLy")

OK = {"error_code": "0", "message": "Đồng bộ thành công", "result": []}
SESSION_EXPIRED = {"error_code": "401", "message": "Phiên làm việc không tồn tại hoặc đã hết hạn"}


def refused(text: str) -> dict[str, Any]:
    """Give the portal's general refusal."""
    return {"error_code": "-1", "message": text}


@dataclass
class Kept:
    """What the portal holds of one dossier."""

    record: dict[str, Any] = field(default_factory=dict)
    versions: list[dict[str, str]] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    duplicate_rows: int = 0


@dataclass(kw_only=True)
class PortalBooks:
    """Accounts, sessions, dossiers and procedures of the portal."""

    username: str
    password: str
    #: A session is no longer known after so many calls; 0 = for ever.
    session_uses: int = 0
    #: Dossiers of these procedures are refused for good.
    refuse_procedures: frozenset[str] = frozenset()
    write_procedure_service: str = ""
    write_procedure_field: str = "data"
    procedures: dict[str, dict[str, Any]] = field(default_factory=dict)
    dossiers: dict[str, Kept] = field(default_factory=dict)
    #: Numbers of dossiers that the portal gave to agencies, and what came back.
    born: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    #: What there is to look at, and what is taken beside dossiers.
    shelf: Shelf = field(default_factory=Shelf)
    logins: int = 0
    _sessions: dict[str, int] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # --- sessions ------------------------------------------------------------------------------------------------

    def log_in(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Give a session for the right name and password."""
        with self._lock:
            self.calls["mapi/login"] += 1
            if (body.get("username"), body.get("password")) != (self.username, self.password):
                return refused("Sai tên đăng nhập hoặc mật khẩu")
            self.logins += 1
            session = f"S-TEST-{self.logins:04d}"
            self._sessions[session] = 0
            return {"error_code": 0, "message": "", "session": session}

    def expire_sessions(self) -> int:
        """Forget all sessions; say how many there were."""
        with self._lock:
            count = len(self._sessions)
            self._sessions.clear()
            return count

    def _knows(self, session: Any) -> bool:
        if not isinstance(session, str) or session not in self._sessions:
            return False
        self._sessions[session] += 1
        if self.session_uses and self._sessions[session] > self.session_uses:
            del self._sessions[session]
            return False
        return True

    # --- services ------------------------------------------------------------------------------------------------

    def serve(self, body: Mapping[str, Any], *, service: str, relayed: bool = False) -> Any:
        """Serve one call of the generic endpoint: session (which a relay has of its own), agency, service."""
        with self._lock:
            if not relayed and not self._knows(body.get("session")):
                return SESSION_EXPIRED
            agency = body.get("madonvi")
            if not agency:
                return refused("Thiếu madonvi")
            if not (isinstance(agency, str) and AGENCY.fullmatch(agency)):
                return refused("madonvi không hợp lệ")
            self.calls[service] += 1
            return self._service(service)(body)

    def store(self, body: Mapping[str, Any], *, file: bool) -> Any:
        """Serve one call of the results store."""
        with self._lock:
            if not self._knows(body.get("session")):
                return SESSION_EXPIRED
            self.calls["result_file" if file else "results"] += 1
            return self.shelf.result_file(body) if file else self.shelf.find_results(body)

    def _service(self, name: str) -> Callable[[Mapping[str, Any]], Any]:
        services: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            **self.shelf.services(),
            "DongBoHoSoMC": self._take_records,
            "CapNhatTienDoHoSoMC": self._take_rows,
            "DongBoTrangThaiHoSo": self._take_status,
            "TraCuuHoSo": self._look_up,
            "LayDanhSachTTHC": self._list_procedures,
            "LayDanhSachTTHCDonVi": self._list_procedures_of,
            "LayThuTuc": self._give_procedure,
        }
        if self.write_procedure_service:
            services[self.write_procedure_service] = self._take_procedures
        return services.get(name, lambda body: refused("Không có dịch vụ này"))

    def _take_records(self, body: Mapping[str, Any]) -> dict[str, Any]:
        updating, records = body.get("isUpdating"), body.get("data")
        if updating not in ("True", "False"):
            return refused("isUpdating phải là True hoặc False")
        if not isinstance(records, list) or not records:
            return refused("Thiếu data")
        for record in records:
            if answer := self._judge_record(record, updating):
                return answer
        for record in records:
            kept = self.dossiers.setdefault(record["MaHoSo"], Kept())
            kept.record = record
            kept.versions.append({"TrangThaiHoSo": record["TrangThaiHoSo"], "isUpdating": updating})
        return OK

    def _judge_record(self, record: Any, updating: str) -> dict[str, Any] | None:
        if text := fault_of(record, _required_of(record), lists=LISTS):
            return refused(text)
        number = record["MaHoSo"]
        if record["MaTTHC"] in self.refuse_procedures:
            return refused(f"Thủ tục {record['MaTTHC']} không được tiếp nhận từ đơn vị này")
        if updating == "False" and number in self.dossiers:
            return {"error_code": "-3", "message": f"Hồ sơ {number} đã tồn tại"}
        if updating == "True" and number not in self.dossiers:
            return refused(f"Không tìm thấy hồ sơ {number}")
        return None

    def _take_rows(self, body: Mapping[str, Any]) -> dict[str, Any]:
        rows = body.get("data")
        if not isinstance(rows, list) or not rows:
            return refused("Thiếu data")
        for row in rows:
            if text := fault_of(row, ROW_REQUIRED):
                return refused(text)
            if row["TrangThai"] == "11" or row["MaHoSo"] not in self.dossiers:
                return refused("TrangThai không hợp lệ" if row["TrangThai"] == "11" else f"Không tìm thấy hồ sơ {row['MaHoSo']}")
        for row in rows:
            kept = self.dossiers[row["MaHoSo"]]
            kept.duplicate_rows += row in kept.rows
            kept.rows.append(row)
        return OK

    def _take_status(self, body: Mapping[str, Any]) -> dict[str, Any]:
        given = body.get("data")
        rows = [given] if isinstance(given, dict) else given
        if body.get("type") != "2" or not isinstance(rows, list) or not rows:
            return refused("Thiếu type hoặc data")
        for row in rows:
            if text := fault_of(row, STATUS_BACK_REQUIRED, lists=("TaiLieuXuLy",)):
                return refused(text)
            if row["MaHoSo"] not in self.born:
                return refused(f"Không tìm thấy hồ sơ {row['MaHoSo']}")
        for row in rows:
            self.born[row["MaHoSo"]].append(row)
        return OK

    def _look_up(self, body: Mapping[str, Any]) -> dict[str, Any]:
        number = body.get("mahoso")
        if not isinstance(number, str) or not number:
            return refused("Thiếu mahoso")
        kept = self.dossiers.get(number)
        if kept is None:
            return {"error_code": 0, "message": "", "result": []}
        names = ("MaHoSo", "MaTTHC", "NgayTiepNhan", "NgayHenTra", "DonViXuLy")
        row = {name: kept.record.get(name, "") for name in names} | {"MaTrangThai": kept.record.get("TrangThaiHoSo", "")}
        return {"error_code": 0, "message": "", "result": [row]}

    def _list_procedures(self, body: Mapping[str, Any]) -> dict[str, Any]:
        rows = [{"MATTHC": code, "TENTTHC": record["TENTTHC"]} for code, record in sorted(self.procedures.items())]
        return {"error_code": 0, "message": "", "result": rows}

    def _list_procedures_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        agency = body.get("maDonVi")
        if not (isinstance(agency, str) and AGENCY.fullmatch(agency)):
            return refused("maDonVi không hợp lệ")
        rows = [
            {"MATTHC": code, "TENTTHC": record["TENTTHC"]}
            for code, record in sorted(self.procedures.items())
            if any(f"{each.get('MADONVI', '')}.".startswith(f"{agency}.") for each in record.get("COQUANTHUCHIEN", []))
        ]
        return {"error_code": 0, "message": "", "result": rows}

    def _give_procedure(self, body: Mapping[str, Any]) -> dict[str, Any]:
        record = self.procedures.get(str(body.get("maTTHC")))
        return {"error_code": 0, "message": "", "result": [record] if record else []}

    def _take_procedures(self, body: Mapping[str, Any]) -> dict[str, Any]:
        records = body.get(self.write_procedure_field)
        if not isinstance(records, list) or not records:
            return refused(f"Thiếu {self.write_procedure_field}")
        for record in records:
            for name in ("MATTHC", "TENTTHC", "TRANGTHAI"):
                if not isinstance(record, dict) or not record.get(name):
                    return refused(f"Thiếu {name}")
        self.procedures.update({record["MATTHC"]: record for record in records})
        return OK

    # --- for tests and people ------------------------------------------------------------------------------------

    def insert(self, number: str) -> None:
        """Let a dossier be there already, as another system would have written it."""
        with self._lock:
            self.dossiers.setdefault(number, Kept(record={"MaHoSo": number}))

    def give(self, number: str) -> None:
        """Note that a dossier born here goes to an agency."""
        with self._lock:
            self.born.setdefault(number, [])

    def account(self) -> dict[str, Any]:
        """Tell everything that was stored, in order, and how often each service was called."""
        with self._lock:
            return {
                "calls": dict(self.calls),
                "logins": self.logins,
                "dossiers": {
                    number: {
                        "versions": list(kept.versions),
                        "record": kept.record,
                        "rows": list(kept.rows),
                        "duplicate_rows": kept.duplicate_rows,
                    }
                    for number, kept in self.dossiers.items()
                },
                "born": {number: list(rows) for number, rows in self.born.items()},
                "procedures": dict(self.procedures),
                **self.shelf.account(),
            }


def _required_of(record: Any) -> tuple[str, ...]:
    """Let a dossier that was refused or withdrawn before reception come without its date of reception (inferred)."""
    status = record.get("TrangThaiHoSo") if isinstance(record, dict) else ""
    if status == "3":
        return tuple(name for name in RECORD_REQUIRED if name != "NgayTiepNhan" or not record.get("NgayTuChoi"))
    return tuple(name for name in RECORD_REQUIRED if name != "NgayTiepNhan" or status != "7")


def fault_of(record: Any, required: tuple[str, ...], *, lists: tuple[str, ...] = ()) -> str:
    """Find the first thing the portal would complain about; empty where there is none."""
    if not isinstance(record, dict):
        return "Dữ liệu không hợp lệ"
    for name in required:
        if not record.get(name):
            return f"Thiếu {name}"
    found = (_fault_of_value(name, value, lists) for name, value in record.items())
    return next((text for text in found if text), "")


def _fault_of_value(name: str, value: Any, lists: tuple[str, ...]) -> str:
    if name in lists:
        return _fault_of_list(name, value) if isinstance(value, list) else f"{name} phải là danh sách"
    if not isinstance(value, str):
        return f"{name} phải là chuỗi"
    if value and DATES.fullmatch(name) and not DATE.fullmatch(value):
        return f"{name} không đúng định dạng yyyyMMddHHmmss"
    if len(value) > LENGTHS.get(name, len(value)):
        return f"{name} dài quá {LENGTHS[name]} ký tự"
    return f"{name} không hợp lệ" if value and value not in CODES.get(name, (value,)) else ""


def _fault_of_list(name: str, rows: list[Any]) -> str:
    """Find the first fault inside of a list of a record: there, too, every scalar is a string."""
    for row in rows:
        if not isinstance(row, dict):
            return f"{name}: dữ liệu không hợp lệ"
        for key, value in row.items():
            if isinstance(value, list):
                text = _fault_of_list(key, value)
            else:
                text = _fault_of_value(key, value, ())
                if not text and value and value not in ROW_CODES.get(key, (value,)):
                    text = f"{key} không hợp lệ"
            if text:
                return f"{name}: {text}"
    return ""
