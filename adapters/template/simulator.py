"""The sample system's double: takes and stores dossiers on loopback, sends messages to a hub, fails on demand.

Run in tests and at a vendor's desk; it knows the protocol of the README and nothing of the adapter's code.
"""

import json
import threading
from typing import Any

from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire

SEND_DEADLINE_SECONDS = 30.0


class SampleSystem:
    """What the partner stores: dossiers by number, progress by dossier, and the identifiers of messages it took."""

    def __init__(self, accepts: str, door: str, token: str) -> None:
        self._lock = threading.Lock()
        self._accepts = accepts
        self._door = door
        self._token = token
        self.dossiers: dict[str, Any] = {}
        self.progress: dict[str, list[Any]] = {}
        self.messages: list[str] = []

    def answer(self, call: Call) -> Said:
        """Answer one call of the hub."""
        if self._accepts and call.headers.get("authorization") != f"Bearer {self._accepts}":
            return _said("91", "Không xác thực được", status=401)
        with self._lock:
            if call.method == "GET" and call.path == "/KiemTra":
                return _said("00", "Sẵn sàng")
            if call.method == "GET" and call.path == "/TraCuu":
                return _said("00", "Đã có") if call.query.get("maThongDiep") in self.messages else _said("20", "Không có")
            if call.path not in ("/GuiHoSo", "/GuiTienTrinh"):
                return _said("10", "Không có dịch vụ này", status=404)
            try:
                return self._take(call.path, json.loads(call.body))
            except (ValueError, KeyError, TypeError):
                return _said("10", "Thông điệp có lỗi")

    def _take(self, path: str, sent: dict[str, Any]) -> Said:
        if sent["maThongDiep"] in self.messages:
            return _said("01", "Đã nhận từ trước")
        code = self._store_dossier(sent) if path == "/GuiHoSo" else self._store_progress(sent)
        if code == "00":
            self.messages.append(sent["maThongDiep"])
        return _said(code, "Đã nhận" if code == "00" else "Không thực hiện")

    def _store_dossier(self, sent: dict[str, Any]) -> str:
        number = sent["hoSo"]["soHoSo"]
        if (number in self.dossiers) != (sent["hanhDong"] == "CAPNHAT"):
            return "01" if number in self.dossiers else "14"
        self.dossiers[number] = sent["hoSo"]
        return "00"

    def _store_progress(self, sent: dict[str, Any]) -> str:
        if sent["soHoSo"] not in self.dossiers:
            return "14"
        self.progress.setdefault(sent["soHoSo"], []).extend(sent["tienTrinh"])
        return "00"

    def account(self) -> dict[str, Any]:
        """Say what is stored, for the tests."""
        with self._lock:
            return {"dossiers": dict(self.dossiers), "progress": dict(self.progress), "messages": list(self.messages)}

    def send(self, given: dict[str, Any]) -> dict[str, Any]:
        """Send ``given["message"]`` to the hub's door (verb ``send`` of ``POST /_do``), and tell its answer."""
        message = given["message"]
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Idempotency-Key": str(message.get("maThongDiep", "")),
        }
        wire = Wire()
        try:
            body = json.dumps(message, ensure_ascii=False).encode()
            reply = wire.call("POST", self._door, body=body, headers=headers, deadline_seconds=SEND_DEADLINE_SECONDS)
        finally:
            wire.close()
        return {"status": reply.status, "body": reply.body.decode("utf-8", "replace")}


def _said(code: str, text: str, *, status: int = 200) -> Said:
    return Said(json.dumps({"ma": code, "thongBao": text}, ensure_ascii=False).encode(), status=status)


def simulator(
    *, port: int = 0, hub_url: str = "http://127.0.0.1:8000", endpoint: str = "template", token: str = "", accepts: str = ""
) -> SimulatorServer:
    """Make the double, not yet started.

    ``hub_url``, ``endpoint``, ``token``: the hub, this partner's name and its key there, for the verb ``send``.
    ``accepts``: the only bearer token that the double takes from the hub; empty = any. A fault of its own beside the
    common ones: ``code`` (value = the code to answer instead of taking the call).
    """
    system = SampleSystem(accepts, f"{hub_url.rstrip('/')}/doors/{endpoint}", token)

    def handle(call: Call) -> Said:
        if wrong := server.faults.take("code", call.path):
            return _said(str(wrong["value"]), "Trả lời theo yêu cầu")
        return system.answer(call)

    server = SimulatorServer("template", handle, port=port)
    server.account = system.account
    server.verbs["send"] = system.send
    return server


SIMULATOR = simulator
