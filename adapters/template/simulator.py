"""The sample system's double: takes and stores dossiers on loopback, sends messages to a hub, fails on demand.

Run in tests and at a vendor's desk; it knows the protocol of the README and nothing of the adapter's code.
"""

import json
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire

SEND_DEADLINE_SECONDS = 30.0
#: Dossiers on one page of the list.
LISTED = 100


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
        #: When each dossier was first stored, as the message that brought it says.
        self.since: dict[str, str] = {}

    def answer(self, call: Call) -> Said:
        """Answer one call of the hub."""
        if self._accepts and call.headers.get("authorization") != f"Bearer {self._accepts}":
            return _said("91", "Không xác thực được", status=401)
        with self._lock:
            if call.method == "GET":
                return self._look(call.path, call.query)
            if call.path not in ("/GuiHoSo", "/GuiTienTrinh"):
                return _said("10", "Không có dịch vụ này", status=404)
            try:
                return self._take(call.path, json.loads(call.body))
            except (ValueError, KeyError, TypeError):
                return _said("10", "Thông điệp có lỗi")

    def _look(self, path: str, asked: Mapping[str, str]) -> Said:
        looks = {"/KiemTra": self._ready, "/TraCuu": self._find_message, "/TraCuuHoSo": self._find, "/DanhSachHoSo": self._list}
        look = looks.get(path)
        return look(asked) if look else _said("10", "Không có dịch vụ này", status=404)

    def _ready(self, _: Mapping[str, str]) -> Said:
        return _said("00", "Sẵn sàng")

    def _find_message(self, asked: Mapping[str, str]) -> Said:
        return _said("00", "Đã có") if asked.get("maThongDiep") in self.messages else _said("20", "Không có")

    def _find(self, asked: Mapping[str, str]) -> Said:
        found = self.dossiers.get(asked.get("soHoSo", ""))
        return _said("00", "", hoSo=_shown(found)) if found else _said("20", "Không có")

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
        self.since.setdefault(number, sent["guiLuc"])
        return "00"

    def _list(self, asked: Mapping[str, str]) -> Said:
        begins, ends = datetime.fromisoformat(asked["tu"]), datetime.fromisoformat(asked["den"])
        inside = sorted(number for number, at in self.since.items() if begins <= datetime.fromisoformat(at) < ends)
        left = [number for number in inside if number in self.dossiers and number > asked.get("sau", "")]
        page = left[:LISTED]
        rows = [_shown(self.dossiers[number]) for number in page]
        return _said("00", "", danhSach=rows, tiep=page[-1] if len(left) > LISTED else "")

    def _store_progress(self, sent: dict[str, Any]) -> str:
        if sent["soHoSo"] not in self.dossiers:
            return "14"
        self.progress.setdefault(sent["soHoSo"], []).extend(sent["tienTrinh"])
        return "00"

    def account(self) -> dict[str, Any]:
        """Say what is stored, for the tests."""
        with self._lock:
            return {"dossiers": dict(self.dossiers), "progress": dict(self.progress), "messages": list(self.messages)}

    def lose(self, given: dict[str, Any]) -> bool:
        """Forget a dossier and its progress (verb ``lose``); say whether it was there."""
        with self._lock:
            self.progress.pop(given["number"], None)
            return self.dossiers.pop(given["number"], None) is not None

    def put(self, given: dict[str, Any]) -> None:
        """Have a dossier as somebody else wrote it, or change one (verb ``put``): ``number``, ``dossier``, ``at``."""
        with self._lock:
            self.dossiers[given["number"]] = {**self.dossiers.get(given["number"], {}), **given["dossier"]}
            self.since.setdefault(given["number"], given["at"])

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


def _shown(dossier: Mapping[str, Any]) -> dict[str, Any]:
    """Show of a dossier what a look-up shows: nobody's name."""
    shown = {name: dossier.get(name) for name in ("soHoSo", "trangThai")}
    return {**shown, "thuTuc": {"ma": dossier.get("thuTuc", {}).get("ma")}}


def _said(code: str, text: str, *, status: int = 200, **more: Any) -> Said:
    return Said(json.dumps({"ma": code, "thongBao": text, **more}, ensure_ascii=False).encode(), status=status)


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
    server.verbs |= {"send": system.send, "lose": system.lose, "put": system.put}
    return server


SIMULATOR = simulator
