"""A ministry's system's double: takes what the hub sends, each message once, and sends decisions and its catalogue to the hub.

It knows the protocol of the README and nothing of the hub; what it stored is shown at ``GET /_account``.
"""

from __future__ import annotations

import copy
import json
import threading
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

from adapters.ministry.samples import border
from adapters.ministry.samples.generator import catalogue, event_document, trade_way
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire

#: How long the system waits for the hub's answer.
SEND_SECONDS = 30.0
LOCAL_TIME = timezone(timedelta(hours=7))
DOSSIER_SERVICES = ("nhanHoSo", "nhanSuKien")


class MinistrySystem:
    """What the system stores: dossiers from elsewhere, notices, and the messages it took."""

    def __init__(self, *, accepts: str) -> None:
        self.lock = threading.RLock()
        self.accepts = accepts
        #: Reference to what was stored for it, in order.
        self.dossiers: dict[str, list[dict[str, Any]]] = {}
        #: Number of a border document to what was said of it, in order.
        self.documents: dict[str, list[dict[str, Any]]] = {}
        self.document_types: dict[str, str] = {}
        self.said: dict[str, list[str]] = {}
        self.notices: list[dict[str, Any]] = []
        self.taken: list[str] = []
        #: Whole records of its catalogue, as they can be asked for.
        self.procedures: dict[str, dict[str, Any]] = {}
        self.duplicates: Counter[str] = Counter()

    def take(self, service: str, body: dict[str, Any]) -> Said:
        """Store one message, or say that it is stored already."""
        message_id = body.get("MaThongDiep")
        if not isinstance(message_id, str) or not message_id:
            return answered("-1", "Thiếu MaThongDiep")
        if message_id in self.taken:
            self.duplicates[message_id] += 1
            return answered("1", "Đã nhận trước đó")
        if service in DOSSIER_SERVICES:
            reference = body["MaHoSo"]
            row = {"service": service, "MaThongDiep": message_id, "SuKien": body["SuKien"], "TrangThai": body["TrangThai"]}
            row |= {"NguoiNop": bool(body["NguoiNop"]["Ten"]), "BieuMau": sorted(body["BieuMau"])}
            self.document_types[reference] = body["MaThuTuc"]
            self.dossiers.setdefault(reference, []).append(row)
        elif service == "nhanChungTu":
            said = body["ChungTu"]
            self.documents.setdefault(said["So"], []).append(said)
        else:
            self.notices.append({name: body[name] for name in ("ThongDiepGoc", "HoSo", "NoiNhan", "KetQua", "Ma")})
        self.taken.append(message_id)
        return answered("0", "Đã nhận")

    def account(self) -> dict[str, Any]:
        """Say what is stored."""
        with self.lock:
            return copy.deepcopy(
                {
                    "dossiers": self.dossiers,
                    "documents": self.documents,
                    "said": self.said,
                    "notices": self.notices,
                    "taken": self.taken,
                    "duplicates": dict(self.duplicates),
                }
            )


class MinistrySide:
    """The system on the network: its services, and what it says to the hub."""

    def __init__(self, system: MinistrySystem, *, hub_url: str, endpoint: str, token: str, ministry: str, owner: str) -> None:
        self.system = system
        self.server: SimulatorServer
        self._door = f"{hub_url.rstrip('/')}/doors/{endpoint}"
        self._token = token
        self._ministry = ministry
        self._owner = owner
        self._catalogues = 0
        self._papers = 0

    def handle(self, call: Call) -> Said:
        """Answer one call of the hub."""
        if self.system.accepts and call.headers.get("authorization") != f"Bearer {self.system.accepts}":
            return answered("-1", "Không xác thực được", http=401)
        if call.method == "GET":
            return answered("0", "Hệ thống của bộ, mô phỏng")
        service = {"/nhanThongBao": "notice"}.get(call.path, call.path.strip("/"))
        if service not in (*DOSSIER_SERVICES, "nhanChungTu", "notice", "traCuuThongDiep", "layDanhMucTTHC", "layTTHC"):
            return Said(b"not found", status=404, content_type="text/plain")
        try:
            body = json.loads(call.body)
            with self.system.lock:
                return self._serve(service, body, f"{call.path} {call.body.decode()}")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return answered("-1", "Thông điệp không đúng mô tả dịch vụ")

    def _serve(self, service: str, body: dict[str, Any], text: str) -> Said:
        if service == "traCuuThongDiep":
            return answered("0", "", DaNhan=body["MaThongDiep"] in self.system.taken)
        if service == "layDanhMucTTHC":
            return answered("0", "", DanhSachTTHC=[{"MATTHC": code} for code in sorted(self.system.procedures)])
        if service == "layTTHC":
            found = self.system.procedures.get(body["MATTHC"])
            return answered("0", "", DanhSachTTHC=[found] if found else [])
        if refusal := self.server.faults.take("refuse", text):
            return answered("-1", str(refusal["value"] or "Không tiếp nhận"))
        answer = self.system.take(service, body)
        if self.server.faults.take("duplicate", text):
            return answered("1", "Đã nhận trước đó")
        return answer

    def send(self, given: dict[str, Any]) -> dict[str, Any]:
        """Post ``document`` to the hub's door with ``key`` (and ``path``); tell its answer."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", "Idempotency-Key": given["key"]}
        wire = Wire()
        try:
            body = json.dumps(given["document"], ensure_ascii=False).encode()
            url = self._door + given.get("path", "")
            reply = wire.call("POST", url, body=body, headers=headers, deadline_seconds=SEND_SECONDS)
        finally:
            wire.close()
        return {"status": reply.status, "body": reply.body.decode("utf-8", "replace")}

    def answer(self, given: dict[str, Any]) -> dict[str, Any]:
        """Say the next ``event`` of a dossier it holds (``reference``); without one, the next of an invented way."""
        reference = given["reference"]
        moment = _moment(given)
        with self.system.lock:
            document_type = self.system.document_types[reference]
            said = self.system.said.setdefault(reference, [])
            way = trade_way(given.get("seed", 1), reference)
            event = given.get("event") or way[min(len(said), len(way) - 1)]
            said.append(event)
            key = given.get("key") or f"{reference}.{len(said)}"
        form, note = given.get("form"), given.get("note", "")
        document = event_document(event, reference, document_type, moment, message_id=key, form=form, note=note)
        return {"key": key, "document": document, **self.send({"document": document, "key": key})}

    def issue(self, given: dict[str, Any]) -> dict[str, Any]:
        """Issue a ``document`` (origin or phyto) to the country ``to``; ``content`` replaces parts of what is invented.

        ``number`` and ``at`` may be given, ``dossier`` ({HeThong, MaHoSo}), and ``supersedes``.
        """
        moment = _moment(given)
        content = border.invented(given["document"], given["to"], moment, given.get("number", ""), self._next())
        content |= given.get("content", {})
        said = border.said("issued", given["document"], content["number"], "VN", given["to"], moment, NoiDung=content)
        said["ThayChoSo"] = given.get("supersedes", "")
        return self._say(said | given.get("dossier", {}), given)

    def cancel(self, given: dict[str, Any]) -> dict[str, Any]:
        """Cancel a ``document`` with a ``number``; ``superseded_by`` and ``reason`` may be given."""
        more = {"DuocThayBangSo": given.get("superseded_by", ""), "LyDo": given.get("reason", "")}
        said = border.said("cancelled", given["document"], given["number"], "VN", given.get("to", ""), _moment(given), **more)
        return self._say(said, given)

    def answer_border(self, given: dict[str, Any]) -> dict[str, Any]:
        """Answer about a border document that it holds (``number``): ``answer`` in the canonical form."""
        with self.system.lock:
            held = self.system.documents[given["number"]][0]
        names = (held["Loai"], held["So"], held["NuocCap"], held["NuocNhap"])
        return self._say(border.said("answered", *names, _moment(given), TraLoi=given["answer"]), given)

    def _next(self) -> int:
        with self.system.lock:
            self._papers += 1
            return self._papers

    def _say(self, said: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        key = given.get("key") or f"{said['Loai']}.{said['SuKien']}.{self._next()}.{self._owner}"
        document = {"ChungTu": {"MaThongDiep": key, **said}}
        return {"key": key, "document": document, **self.send({"document": document, "key": key})}

    def catalogue(self, given: dict[str, Any]) -> dict[str, Any]:
        """Send the catalogue of ``seed`` with ``count`` procedures, ``changed`` of them amended; not ``whole``: only those."""
        document = catalogue(
            given["seed"],
            ministry=self._ministry,
            owner=self._owner,
            count=given.get("count", 82),
            changed=given.get("changed", 0),
            whole=given.get("whole", True),
        )
        with self.system.lock:
            kept = {} if document["ToanBo"] else self.system.procedures
            self.system.procedures = {**kept, **{row["MATTHC"]: row for row in document["DanhSachTTHC"]}}
        self._catalogues += 1
        key = given.get("key") or f"danh-muc.{self._owner}.{self._catalogues}"
        return {"key": key, "count": len(document["DanhSachTTHC"]), **self.send({"document": document, "key": key})}


def _moment(given: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(given["at"]) if "at" in given else datetime.now(LOCAL_TIME)


def answered(code: str, text: str, *, http: int = 200, **more: Any) -> Said:
    """Answer in the protocol's words."""
    return Said(json.dumps({"error_code": code, "message": text, **more}, ensure_ascii=False).encode(), status=http)


def simulator(
    *,
    port: int = 0,
    hub_url: str = "http://127.0.0.1:8000",
    endpoint: str = "bo-tnmt",
    token: str = "",
    accepts: str = "",
    ministry: str = "BTNMT",
    owner: str = "G10",
) -> SimulatorServer:
    """Make a ministry's system, not yet started; README.md tells its settings, faults and verbs."""
    system = MinistrySystem(accepts=accepts)
    side = MinistrySide(system, hub_url=hub_url, endpoint=endpoint, token=token, ministry=ministry, owner=owner)
    server = SimulatorServer("ministry", side.handle, port=port)
    side.server = server
    server.account = system.account
    server.verbs = {"send": side.send, "answer": side.answer, "catalogue": side.catalogue}
    server.verbs |= {"issue": side.issue, "cancel": side.cancel, "answer_border": side.answer_border}
    return server


SIMULATOR = simulator
