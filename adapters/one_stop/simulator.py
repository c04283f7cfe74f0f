"""One-stop software's double: takes what the hub sends, each message once, and sends dossiers and statuses to the hub.

It knows the protocol of the README and nothing of the hub; what it stored is shown at ``GET /_account``.
"""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from adapters.one_stop.samples.generator import DEEDS, UNITS, generate, procedures, stamp
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import HttpReply, Wire

#: How long the software waits for the hub's answer.
SEND_SECONDS = 30.0
LOCAL_TIME = timezone(timedelta(hours=7))
DOSSIER_SERVICES = ("nhanHoSo", "nhanSuKien")


class OneStopSoftware:
    """What the software stores: dossiers from elsewhere, the catalogue, notices, and the messages it took."""

    def __init__(self, *, accepts: str, unit: str, number_at_once: bool) -> None:
        self.lock = threading.RLock()
        self.accepts = accepts
        self._unit = unit
        self._number_at_once = number_at_once
        #: Dossier (number elsewhere, else own) to what was stored for it, in order.
        self.dossiers: dict[str, list[dict[str, Any]]] = {}
        self.records: dict[str, dict[str, Any]] = {}
        self.catalogue: dict[str, dict[str, Any]] = {}
        self.catalogue_parts: list[str] = []
        #: Whole records, as they can be asked for.
        self.procedures: dict[str, dict[str, Any]] = {}
        self.notices: list[dict[str, Any]] = []
        self.taken: list[str] = []
        self.duplicates: Counter[str] = Counter()

    def take(self, service: str, body: dict[str, Any]) -> Said:
        """Store one message, or say that it is stored already."""
        message_id = body.get("MaThongDiep")
        if not isinstance(message_id, str) or not message_id:
            return said("-1", "Thiếu MaThongDiep")
        if message_id in self.taken:
            self.duplicates[message_id] += 1
            return said("1", "Đã nhận trước đó")
        number = ""
        if service in DOSSIER_SERVICES:
            number = self._store_dossier(service, body)
        elif service == "nhanDanhMucTTHC":
            rows = {row["MATTHC"]: {"name": row["TENTTHC"], "level": row["MucDo"]} for row in body["DanhSachTTHC"]}
            self.catalogue_parts.append(f"{body['MaDanhMuc']}:{body['Tu']}-{body['Den']}")
            self.catalogue.update(rows)
            self.procedures.update({row["MATTHC"]: row for row in body["DanhSachTTHC"]})
        else:
            self.notices.append({name: body[name] for name in ("ThongDiepGoc", "HoSo", "NoiNhan", "KetQua", "Ma")})
        self.taken.append(message_id)
        return said("0", "Đã nhận", MaHoSo=number)

    def _store_dossier(self, service: str, body: dict[str, Any]) -> str:
        record = body["HoSo"]
        key = record["MaHoSoKhac"] or record["MaHoSo"]
        row = {"service": service, "MaThongDiep": body["MaThongDiep"], "SuKien": body["SuKien"]}
        row["TrangThaiHoSo"] = record["TrangThaiHoSo"]
        self.dossiers.setdefault(key, []).append(row)
        known = self.records.get(key, {})
        self.records[key] = known | {name: value for name, value in record.items() if value or name not in known}
        if self._number_at_once:
            self._number(self.records[key], datetime.now(LOCAL_TIME))
        return str(self.records[key]["MaHoSo"])

    def _number(self, record: dict[str, Any], moment: datetime) -> None:
        """Give a dossier from elsewhere a number of our own, once."""
        if not record["MaHoSo"]:
            count = sum(1 for other in self.records.values() if other["MaHoSo"]) + 1
            record["MaHoSo"] = f"{self._unit}-{moment:%y%m%d}-{count:04d}"

    def account(self) -> dict[str, Any]:
        """Say what is stored."""
        with self.lock:
            return copy.deepcopy(
                {
                    "dossiers": self.dossiers,
                    "numbers": {key: record["MaHoSo"] for key, record in self.records.items()},
                    "catalogue": self.catalogue,
                    "catalogue_parts": self.catalogue_parts,
                    "notices": self.notices,
                    "taken": self.taken,
                    "duplicates": dict(self.duplicates),
                }
            )

    def next_document(self, key: str, status: int, moment: datetime, note: str) -> dict[str, Any]:
        """Bring a dossier it holds to a status, giving it a number of its own first; say it as a document."""
        with self.lock:
            record = self.records[key]
            self._number(record, moment)
            self._complete(record)
            _date(record, status, stamp(moment))
            row = {
                "MaHoSo": record["MaHoSo"],
                "NguoiXuLy": "Trần Kiểm Thử",
                "ChucDanh": "Chuyên viên",
                "ThoiDiemXuLy": stamp(moment),
                "PhongBanXuLy": "Bộ phận Một cửa",
                "NoiDungXuLy": note or DEEDS.get(status, ""),
                "TrangThai": str(status),
            }
            document: dict[str, Any] = {"HoSo": copy.deepcopy(record), "TienDo": [row]}
            return document | ({"GiayPhep": _decision(record, moment)} if status == 9 else {})

    def _complete(self, record: dict[str, Any]) -> None:
        """Fill in what only the software that receives the dossier knows: its catalogue, its unit, how it returns."""
        offered = {procedure.code: procedure for procedure in procedures()}
        known = offered.get(record["MaTTHC"])
        listed = self.catalogue.get(record["MaTTHC"], {})
        names = {code: name for code, name, _ in UNITS}
        usual = {
            "TenTTHC": known.name if known else listed.get("name", record["MaTTHC"]),
            "MaLinhVuc": known.field_code if known else "G99-TN01",
            "TenLinhVuc": known.field_name if known else "Lĩnh vực thử nghiệm",
            "HinhThuc": "0",
            "DonViXuLy": names.get(self._unit, self._unit),
        }
        record.update({name: value for name, value in usual.items() if not record.get(name)})


def _decision(record: dict[str, Any], moment: datetime) -> dict[str, str]:
    """Invent the decision document of a finished dossier."""
    return {
        "So": f"{moment:%y%m%d}/{record['MaHoSo'][-4:]}",
        "NgayCap": stamp(moment),
        "NguoiKy": "Lê Thử Việc",
        "ChucVu": "Giám đốc",
        "DuongDan": f"https://files.example.org/{record['MaHoSo']}/giay-phep",
    }


def _date(record: dict[str, Any], status: int, at: str) -> None:
    """Write the dates that come with a status."""
    record["TrangThaiHoSo"] = str(status)
    if status not in (1, 3) and not record["NgayTiepNhan"]:
        record["NgayTiepNhan"] = at
    for name, statuses in {"NgayTuChoi": (3,), "NgayKetThucXuLy": (3, 7, 8, 9), "NgayTra": (10,)}.items():
        if status in statuses:
            record[name] = at


class OneStopSide:
    """The software on the network: its services, and what it says to the hub."""

    def __init__(self, software: OneStopSoftware, *, hub_url: str, endpoint: str, token: str) -> None:
        self.software = software
        self.server: SimulatorServer
        self._hub = hub_url.rstrip("/")
        self._door = f"{self._hub}/doors/{endpoint}"
        self._token = token
        self._answers: Counter[str] = Counter()

    def handle(self, call: Call) -> Said:
        """Answer one call of the hub."""
        if self.software.accepts and call.headers.get("authorization") != f"Bearer {self.software.accepts}":
            return said("-1", "Không xác thực được", http=401)
        service = {"/nhanThongBao": "notice"}.get(call.path, call.path.strip("/"))
        if call.method == "GET":
            return said("0", "Phần mềm một cửa mô phỏng")
        if service not in (*DOSSIER_SERVICES, "nhanDanhMucTTHC", "notice", "traCuuThongDiep", "layDanhMucTTHC", "layTTHC"):
            return Said(b"not found", status=404, content_type="text/plain")
        try:
            body = json.loads(call.body)
            with self.software.lock:
                return self._serve(service, body, f"{call.path} {call.body.decode()}")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return said("-1", "Thông điệp không đúng mô tả dịch vụ")

    def _serve(self, service: str, body: dict[str, Any], text: str) -> Said:
        if service == "traCuuThongDiep":
            return said("0", "", DaNhan=body["MaThongDiep"] in self.software.taken)
        if service == "layDanhMucTTHC":
            return said("0", "", DanhSachTTHC=[{"MATTHC": code} for code in sorted(self.software.procedures)])
        if service == "layTTHC":
            found = self.software.procedures.get(body["MATTHC"])
            return said("0", "", DanhSachTTHC=[found] if found else [])
        if refusal := self.server.faults.take("refuse", text):
            return said("-1", str(refusal["value"] or "Không tiếp nhận"))
        answer = self.software.take(service, body)
        if self.server.faults.take("duplicate", text):
            return said("1", "Đã nhận trước đó")
        return answer

    def send(self, given: dict[str, Any]) -> dict[str, Any]:
        """Post ``document`` to the hub's door with ``key`` (and ``path``); tell its answer."""
        body = json.dumps(given["document"], ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": given["key"]}
        reply = self._call("POST", self._door + given.get("path", ""), body, headers)
        return {"status": reply.status, "body": reply.body.decode("utf-8", "replace")}

    def give(self, given: dict[str, Any]) -> dict[str, Any]:
        """Give the hub a file (``content``, a text); tell its answer, with the address to write into a dossier."""
        body = given["content"].encode()
        reply = self._call("POST", f"{self._hub}/attachments", body, {"Content-Type": "application/octet-stream"})
        return {"status": reply.status, **json.loads(reply.body)}

    def collect(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        """Fetch the files of a dossier it was given (``reference``) from the hub; tell what came of each."""
        with self.software.lock:
            links = [file["DuongDanTaiTepTin"] for file in self.software.records[given["reference"]]["TaiLieuNop"]]
        replies = [(link, self._call("GET", link)) for link in links]
        return [
            {"url": link, "status": reply.status, "size": len(reply.body), "sha256": hashlib.sha256(reply.body).hexdigest()}
            for link, reply in replies
        ]

    def hold(self, given: dict[str, Any]) -> dict[str, Any]:
        """Hold exactly these procedures (``procedures``: records), as an officer there would have written them."""
        with self.software.lock:
            self.software.procedures = {row["MATTHC"]: row for row in given["procedures"]}
            return {"held": len(self.software.procedures)}

    def _call(self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> HttpReply:
        wire = Wire()
        try:
            proved = {"Authorization": f"Bearer {self._token}", **(headers or {})}
            return wire.call(method, url, body=body, headers=proved, deadline_seconds=SEND_SECONDS)
        finally:
            wire.close()

    def generate(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        """Invent ``count`` dossiers of ``seed``: every message with its key, in the order of time."""
        day = date.fromisoformat(given.get("day", "2026-03-02"))
        return [{"key": key, "document": document} for key, document in generate(given["seed"], given["count"], day=day)]

    def answer(self, given: dict[str, Any]) -> dict[str, Any]:
        """Say the next ``status`` of a dossier it was given (``reference``: its number elsewhere), and send it."""
        moment = datetime.fromisoformat(given["at"]) if "at" in given else datetime.now(LOCAL_TIME)
        reference = given["reference"]
        document = self.software.next_document(reference, int(given["status"]), moment, given.get("note", ""))
        self._answers[reference] += 1
        key = given.get("key") or f"{document['HoSo']['MaHoSo']}.{self._answers[reference]}"
        return {"key": key, "document": document, **self.send({"document": document, "key": key})}


def said(code: str, text: str, *, http: int = 200, **more: Any) -> Said:
    """Answer in the protocol's words."""
    return Said(json.dumps({"error_code": code, "message": text, **more}, ensure_ascii=False).encode(), status=http)


def simulator(
    *,
    port: int = 0,
    hub_url: str = "http://127.0.0.1:8000",
    endpoint: str = "thai-nguyen",
    token: str = "",
    accepts: str = "",
    unit: str = "H55.21",
    number_at_once: bool = False,
) -> SimulatorServer:
    """Make one-stop software, not yet started; README.md tells its settings, faults and verbs."""
    software = OneStopSoftware(accepts=accepts, unit=unit, number_at_once=number_at_once)
    side = OneStopSide(software, hub_url=hub_url, endpoint=endpoint, token=token)
    server = SimulatorServer("one_stop", side.handle, port=port)
    side.server = server
    server.account = side.software.account
    server.verbs = {
        "send": side.send,
        "generate": side.generate,
        "answer": side.answer,
        "give": side.give,
        "collect": side.collect,
        "hold": side.hold,
    }
    return server


SIMULATOR = simulator
