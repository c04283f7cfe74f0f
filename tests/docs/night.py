"""The operator's night of the documentation: the folder that ``init`` makes, both simulators, and things that went wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from hub import alerting, bootstrap, intake, sealing
from hub.alerting import Alerting
from hub.app import Hub
from hub.contract import Answer, Request
from hub.edge.partner_keeper import PartnerKeeper
from hub.edge.replayer import Replayer
from hub.edge.workers import Workers
from hub.ledger import process_verbs
from hub.simulation import SimulatorServer
from tests.docs.pages import ROOT
from tests.support import hub as hubs

SAMPLES = ROOT / "adapters/one_stop/samples"
SENDER, PORTAL, MINISTRY = "thai_nguyen", "dvcqg", "bo_nnmt"
#: What is added to the folder: a ministry that sends its catalogue to the province.
ENDPOINT = """adapter = "ministry"
title = "Bộ Nông nghiệp và Môi trường"
agency_code = "G10"
[inbound]
addresses = ["127.0.0.1"]
"""
ROUTE = f"""
[[route]]
name = "Danh mục thủ tục của Bộ về phần mềm một cửa"
kind = "catalogue"
from = ["{MINISTRY}"]
to = ["{SENDER}"]
"""
#: A procedure by the province's own code, which its code list lacks.
LOCAL_PROCEDURE = "TN-0009"
#: The number of a dossier of the night ends in these digits.
DELIVERED, UNMAPPED, UNMAPPED_TOO, LOST_ROW, REFUSED, LOST_CREATE = "0001", "0002", "0003", "0004", "0005", "0006"


def code(number: str) -> str:
    """Give a dossier's number."""
    return f"H55.23-260302-{number}"


def document(number: str, *, status: str = "2", procedure: str = "1.900009") -> dict[str, Any]:
    """Write what the province's software says of a dossier, after its own sample."""
    found: dict[str, Any] = copy.deepcopy(json.loads((SAMPLES / "in/supplement_asked.json").read_text(encoding="utf-8")))
    found["HoSo"] |= {"MaHoSo": code(number), "MaTTHC": procedure, "TrangThaiHoSo": status}
    found["TienDo"][0] |= {"TrangThai": status, "NoiDungXuLy": "Tiếp nhận hồ sơ" if status == "2" else "Xử lý hồ sơ"}
    return found


def catalogue() -> dict[str, Any]:
    """Write a ministry's catalogue of one procedure."""
    record = {"MATTHC": "1.900001", "TENTTHC": "Cấp giấy phép môi trường", "TRANGTHAI": "1", "MucDo": "4"}
    return {"MaCoQuan": "G10", "ToanBo": True, "ThoiDiem": "20260302080000", "DanhSachTTHC": [record]}


@dataclass
class Night:
    """A hub on the folder that ``init`` made, and its partners."""

    folder: Path
    hub: Hub
    portal: SimulatorServer
    software: SimulatorServer

    def give(self, number: str, **given: str) -> Answer:
        """Give the hub a message of the province, and carry out what is due."""
        tree = document(number, **given)
        key = f"{number}-{tree['HoSo']['TrangThaiHoSo']}"
        return self.give_bytes(json.dumps(tree, ensure_ascii=False).encode(), key)

    def give_bytes(self, body: bytes, key: str, sender: str = SENDER) -> Answer:
        """Give the hub these bytes at a door, and carry out what is due."""
        request = Request(endpoint=sender, body=body, content_type="application/json", idempotency_key=key)
        answer = intake.receive(self.hub, request)
        self.carry()
        return answer

    def seen(self) -> None:
        """Write what a process with the doors and the workers writes every minute."""
        now = self.hub.now()
        given: dict[str, Any] = {"host": "may-1", "roles": ("doors", "work"), "version": "", "free_bytes": None}
        with self.hub.ledger.apart() as conn:
            process_verbs.seen(conn, "may-1:1", started_at=now, now=now, **given)

    def carry(self) -> None:
        """Do what the workers of ``lienthong serve`` do until nothing is due."""
        hubs.carry_all(self.hub)

    def watch(self) -> None:
        """Do what the watcher of ``lienthong serve`` does: there is nobody to be told."""
        alerting.watch(Alerting(hub=self.hub, tell=lambda recipient, letter: None))

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Let the threads of ``lienthong serve`` dispatch, deliver, carry plans out and see to partners meanwhile."""
        workers, replayer, keeper = Workers(self.hub), Replayer(self.hub), PartnerKeeper(self.hub)
        keeper.start()
        workers.start()
        replayer.round()
        replayer.start()
        try:
            yield
        finally:
            keeper.stop()
            replayer.stop()
            workers.stop()

    def goes_wrong(self) -> None:
        """Let everything happen that the operator of the documentation meets."""
        self.give(DELIVERED)
        for number in (UNMAPPED, UNMAPPED_TOO):
            self.give(number, procedure=LOCAL_PROCEDURE)
        self.give(UNMAPPED, status="4", procedure=LOCAL_PROCEDURE)
        self.portal.faults.add("hang_after", value=0, match=f'CapNhatTienDoHoSoMC","data":[{{"MaHoSo":"{code(LOST_ROW)}')
        self.give(LOST_ROW)
        self.give(LOST_ROW, status="4")
        self.portal.faults.add("refuse", value="Thủ tục đã hết hiệu lực", match=code(REFUSED))
        self.give(REFUSED)
        self.portal.faults.add("hang_before", value=0, match=code(LOST_CREATE))
        self.give(LOST_CREATE)
        self.give_bytes((SAMPLES / "bad/eleven_faults.json").read_bytes(), "bad-1")
        self.give_bytes(json.dumps(catalogue()).encode(), "catalogue-1", MINISTRY)
        sealing.seal(bootstrap.open_sealing(bootstrap.load_settings(self.folder), self.hub))


def partner(system: str, **settings: Any) -> SimulatorServer:
    """Make a partner's double, as ``lienthong simulate`` does."""
    (point,) = entry_points(group="lienthong.simulators", name=system)
    made: SimulatorServer = point.load()(**settings)
    return made


def _add_ministry(folder: Path) -> None:
    (folder / "endpoints" / f"{MINISTRY}.toml").write_text(ENDPOINT, encoding="utf-8")
    with (folder / "routes.toml").open("a", encoding="utf-8") as routes:
        routes.write(ROUTE)


@contextmanager
def opened(folder: Path, *, ministry: bool = True) -> Iterator[Night]:
    """Open a hub on a folder that ``init`` made, with a ministry added; the partners listen on ports of their own."""
    password = (folder / "keys/dvcqg.password").read_text()
    portal = partner("national_portal", username="lienthong", password=password, hub_url="http://127.0.0.1:9")
    software = partner("one_stop", endpoint=SENDER, hub_url="http://127.0.0.1:9")
    with portal, software:
        for name, server in ((PORTAL, portal), (SENDER, software)):
            path = folder / "endpoints" / f"{name}.toml"
            lines = path.read_text(encoding="utf-8").splitlines()
            here = [f'base_url = "{server.url}"' if line.startswith("base_url") else line for line in lines]
            path.write_text("\n".join(here) + "\n", encoding="utf-8")
        if ministry:
            _add_ministry(folder)
        hub = hubs.open_hub(folder)
        try:
            yield Night(folder, hub, portal, software)
        finally:
            hubs.close(hub)
